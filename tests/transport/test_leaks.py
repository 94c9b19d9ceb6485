"""Logs at level DEBUG show no secret of a call."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
import urllib3

from rocketchat_integrations import Client, IncomingWebhook, RetryPolicy, RocketChatError, TokenAuth
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.transport.conftest import Answer, Http, Serve

_SECRET = "S3CR/T %\u2713"
_PATHS = [
    f"hooks/1D/{quote(_SECRET, safe='')}",
    f"hooks/1D/{quote(quote(_SECRET, safe=''), safe='')}",
    "hooks/1D/S3CR%2ft%20%25",
    "hooks/1D/S3CRET?key=S3CRET",
    "hooks/1D/S3CRET/",
]


def _everything(record: logging.LogRecord) -> str:
    """Return all that a handler could write of a record."""
    formatted = logging.Formatter().format(record)
    return f"{formatted} {record.msg!r} {record.args!r} {record.exc_info!r} {record.exc_text!r} {record.stack_info!r}"


def _shown(log: pytest.LogCaptureFixture) -> str:
    return "\n".join(map(_everything, log.records))


def test_every_logger_of_urllib3_is_filtered() -> None:
    """Each logger of urllib3 has the filter: a new one in another version fails here."""
    ours = "rocketchat_integrations"
    for name, logger in logging.root.manager.loggerDict.items():
        if name.startswith("urllib3.") and isinstance(logger, logging.Logger) and "contrib" not in name:
            assert any(type(f).__module__.startswith(ours) for f in logger.filters), name


_ANSWERS: dict[str, Callable[[type[Http], str], Answer]] = {
    "works": lambda http, _: http.answer(b'{"success": true}'),
    "404": lambda http, _: http.answer(b'{"success": false, "error": "no"}', status="404 Not Found"),
    "500": lambda http, path: http.answer(path.encode(), status="500 Internal Server Error"),
    "reset": lambda http, _: http.reset,
    "nothing": lambda http, _: http.closing(b""),
    "malformed headers": lambda http, _: http.answer(b'{"success": true}', "this is no header", "After: 1"),
    "redirect": lambda http, path: http.answer(b"", f"Location: https://b.example/{path}", status="302 Found"),
    "too many headers": lambda http, _: http.closing(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n"),
}


@pytest.mark.parametrize("how", _ANSWERS)
@pytest.mark.parametrize("path", _PATHS)
def test_posting_logs_no_url(
    serve: Serve,
    http: type[Http],
    clean_environment: None,
    everything_logged: pytest.LogCaptureFixture,
    path: str,
    how: str,
) -> None:
    """After a post with any outcome and any spelling of its URL, the log does not contain the URL."""
    peer = serve(_ANSWERS[how](http, path))
    webhook = IncomingWebhook(f"{peer.url}{path}", retry=RetryPolicy.never())
    with webhook, contextlib.suppress(RocketChatError):
        webhook.post("hello")
    assert f"POST /{path} ".encode().lower() in peer.requests[0].lower()
    assert everything_logged.records
    shown = _shown(everything_logged)
    assert "S3CR" not in shown
    assert "1D" not in shown
    # The frames of a traceback contain the URL in local variables.
    assert all(record.exc_info is None for record in everything_logged.records)


def test_posting_to_a_closed_port_logs_no_url(
    closed_port: int, clean_environment: None, everything_logged: pytest.LogCaptureFixture
) -> None:
    """A refused connection is logged without the URL."""
    url = f"http://127.0.0.1:{closed_port}/hooks/1D/S3CRET"
    with IncomingWebhook(url, retry=RetryPolicy.never()) as webhook, pytest.raises(RocketChatError) as caught:
        webhook.post("hello")
    assert everything_logged.records
    assert "S3CRET" not in _shown(everything_logged) + str(caught.value)


def test_calls_log_no_token(clean_environment: None, clock: Clock, everything_logged: pytest.LogCaptureFixture) -> None:
    """Calls, retries and a failing login are logged without token and password."""
    with LocalRocketChat() as server:
        for auth in (server.auth("admin"), TokenAuth("u", "S3CRET-token")):
            with Client(server.url, auth) as client:
                server.fail_next("integrations.get", "reset-before")
                server.fail_next("integrations.get", "502")
                for call in (lambda client=client: client.get("1"), lambda client=client: list(client.list())):
                    try:
                        call()
                    except RocketChatError:
                        continue
        shown = _shown(everything_logged)
        assert "/api/v1/integrations.get" in shown
        assert server.auth("admin").token not in shown
        assert "S3CRET" not in shown


def test_other_log_records_are_unchanged(
    serve: Serve, http: Http, clean_environment: None, everything_logged: pytest.LogCaptureFixture
) -> None:
    """The program's own use of requests and urllib3 is logged unchanged, even after a call of ours."""
    peer = serve(http.answer(b'{"success": true}'))
    with IncomingWebhook(f"{peer.url}hooks/1D/S3CRET") as webhook:
        webhook.post("hello")
    everything_logged.clear()
    requests.get(f"{peer.url}hooks/1D/S3CRET", timeout=60).close()
    with urllib3.PoolManager() as manager:
        manager.request("GET", f"{peer.url}hooks/1D/S3CRET")
    lines = [record for record in everything_logged.records if "/hooks/1D/S3CRET" in record.getMessage()]
    assert len(lines) == 2
    assert all(isinstance(record.args, tuple) and record.args for record in lines)


def test_a_log_handler_may_log_by_itself(
    serve: Serve, http: Http, clean_environment: None, everything_logged: pytest.LogCaptureFixture
) -> None:
    """Records of other loggers are unchanged, even during a call of ours."""
    peer = serve(http.answer(b'{"success": true}'))
    seen: list[Any] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.name.startswith("urllib3") and not seen:
                seen.append(record)
                logging.getLogger("another").warning("%s", "S3CRET of another")

    handler = Handler()
    logging.getLogger().addHandler(handler)
    try:
        with IncomingWebhook(f"{peer.url}hooks/1D/S3CRET") as webhook:
            webhook.post("hello")
    finally:
        logging.getLogger().removeHandler(handler)
    assert "S3CRET of another" in everything_logged.text
