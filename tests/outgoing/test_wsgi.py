"""The bot as a WSGI application, alone and behind real servers."""

from __future__ import annotations

import io
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import waitress.server

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp

BODY = b'{"token": "T0K3N", "text": "ping"}'
PATIENCE = 60


def echo(message: MessageSent) -> Reply:
    return Reply(f"pong {message.text}")


@pytest.fixture
def app() -> WebhookApp:
    app = WebhookApp(token="T0K3N", max_size=1000)
    app.on("sendMessage")(echo)
    return app


Result = tuple[str, dict[str, str], bytes]


def call(app: WebhookApp, method: str = "POST", body: Any = BODY, *, valid: bool = True, **environ: Any) -> Result:
    """What the application answers, seen through the validator of the standard library if the call is a valid one."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)) if isinstance(body, bytes) else "100",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
        **environ,
    }
    setup_testing_defaults(given)
    given = {name: value for name, value in given.items() if value is not None}
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        started.extend([status, dict(headers)])
        return lambda data: None

    answered: Any = validator(app)(given, start_response) if valid else app(given, start_response)
    content = b"".join(answered)
    if valid:
        answered.close()
    return started[0], started[1], content


class Unread(io.RawIOBase):
    """An input that nobody may touch."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("it was read")


class Broken(io.RawIOBase):
    """An input whose connection breaks in the middle."""

    def __init__(self) -> None:
        self.pieces = [b'{"token": "T0K3N"']

    def read(self, size: int = -1) -> bytes:
        if self.pieces:
            return self.pieces.pop()
        raise ConnectionResetError


class Dripping(io.BytesIO):
    """An input that gives less than it is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7))


def test_a_call_is_answered_with_what_the_handler_says(app: WebhookApp) -> None:
    status, headers, content = call(app)
    assert status == "200 OK"
    assert headers == {"Content-Type": "application/json", "Content-Length": str(len(content))}
    assert json.loads(content) == {"text": "pong ping"}


@pytest.mark.parametrize("path", ["", "/", "/hook", "/deep/down/"])
def test_any_path_will_do(app: WebhookApp, path: str) -> None:
    assert call(app, SCRIPT_NAME="/mounted", PATH_INFO=path)[0] == "200 OK"
    assert call(app, "GET", SCRIPT_NAME="/mounted", PATH_INFO=path)[0] == "200 OK"


def test_get_tells_that_the_bot_is_there(app: WebhookApp) -> None:
    status, headers, content = call(app, "GET", Unread())
    assert (status, json.loads(content)) == ("200 OK", {"status": "ok"})
    assert call(app, "HEAD", Unread()) == (status, headers, b"")
    assert headers["Content-Length"] == str(len(content))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_other_methods_are_refused(app: WebhookApp, method: str) -> None:
    status, headers, content = call(app, method, Unread())
    assert status == "405 Method Not Allowed"
    assert headers["Allow"] == "GET, HEAD, POST"
    assert set(json.loads(content)) == {"error"}


@pytest.mark.parametrize("length", ["1001", "9" * 18, "9" * 5000])
def test_a_body_that_is_too_long_is_refused_unread(app: WebhookApp, length: str) -> None:
    status, _, content = call(app, body=Unread(), CONTENT_LENGTH=length, valid=len(length) < 4300)
    assert status.startswith("413 ")
    assert json.loads(content) == {"error": "body: must not have more than 1000 bytes"}


def test_a_body_may_be_as_long_as_allowed(app: WebhookApp) -> None:
    assert call(app, body=BODY.ljust(1000))[0] == "200 OK"


@pytest.mark.parametrize("length", ["", None, "abc", "1.5", "1e2", "٣", " 5", "+5", "0x10", "-1"])
def test_a_length_has_to_be_given_and_a_number(app: WebhookApp, length: str | None) -> None:
    status, _, content = call(app, body=Unread(), CONTENT_LENGTH=length, valid=not length)
    assert status == "400 Bad Request"
    assert json.loads(content) == {"error": "Content-Length: must be given, and a number"}


@pytest.mark.parametrize("body", [Broken(), io.BytesIO(BODY), io.BytesIO()], ids=["reset", "short", "empty"])
def test_a_body_that_ends_too_early_is_refused(app: WebhookApp, body: Any) -> None:
    status, _, content = call(app, body=body, CONTENT_LENGTH="100")
    assert status == "400 Bad Request"
    assert json.loads(content) == {"error": "body: is not complete"}


def test_a_body_that_comes_in_pieces_is_read_to_its_end(app: WebhookApp) -> None:
    assert call(app, body=Dripping(BODY), CONTENT_LENGTH=str(len(BODY)))[0] == "200 OK"


def test_no_more_is_read_than_was_announced(app: WebhookApp) -> None:
    """The rest may be the next call's."""
    stream = io.BytesIO(BODY + b"the next")
    assert call(app, body=stream, CONTENT_LENGTH=str(len(BODY)))[0] == "200 OK"
    assert stream.read() == b"the next"


@pytest.mark.parametrize("length", ["", None])
def test_without_a_length_a_body_is_read_where_the_server_marks_its_end(app: WebhookApp, length: str | None) -> None:
    terminated: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input_terminated": True}
    assert call(app, body=Dripping(BODY), **terminated)[0] == "200 OK"
    assert call(app, body=io.BytesIO(BODY.ljust(1000)), **terminated)[0] == "200 OK"
    endless = io.BytesIO(BODY.ljust(5000))
    assert call(app, body=endless, **terminated)[0].startswith("413 ")
    assert endless.tell() == 1001
    assert call(app, body=Broken(), **terminated)[0] == "400 Bad Request"


@pytest.mark.parametrize("content_type", ["", None, "text/plain"])
def test_another_content_type_or_none_is_refused(app: WebhookApp, content_type: str | None) -> None:
    assert call(app, CONTENT_TYPE=content_type)[0].startswith("415 ")


def test_refusals_of_the_app_go_out_with_their_status(app: WebhookApp) -> None:
    assert call(app, body=b'{"token": "wrong"}')[0] == "401 Unauthorized"
    assert call(app, body=b"{")[0] == "400 Bad Request"
    assert call(app, body=b'{"token": "T0K3N"}')[0] == "200 OK"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_app_with_an_async_handler_is_none(app: WebhookApp, method: str) -> None:
    @app.on("userCreated", token="other")
    async def handler(payload: object) -> None: ...

    assert handler is not None
    with pytest.raises(ConfigurationError, match="one is async, so serve the app by `handle_async` or `asgi`"):
        call(app, method)


# Real servers.


class _Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture(params=["wsgiref", "waitress"])
def port(request: pytest.FixtureRequest, app: WebhookApp) -> Iterator[int]:
    """The port of a real server, with threads, that serves the app."""
    if request.param == "wsgiref":
        with make_server("127.0.0.1", 0, validator(app), _Threaded, _Quiet) as server:
            thread = threading.Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            yield server.server_port
            server.shutdown()
    else:
        waiting: Any = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=8, asyncore_use_poll=True)
        thread = threading.Thread(target=waiting.run)
        thread.start()
        yield int(waiting.effective_port)
        # Where something else wakes the server in between, it has closed before it is woken.
        with suppress(OSError):
            waiting.trigger.pull_trigger(waiting.close)
        waiting.task_dispatcher.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def ask(port: int, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any] | None]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def test_a_real_server_serves_it(port: int) -> None:
    posted = {"Content_Type": "application/json"}
    assert ask(port, "POST", "/hook", BODY, **posted) == (200, {"text": "pong ping"})
    assert ask(port, "POST", "/hook", b"{}", **posted)[0] == 401
    assert ask(port, "POST", "/hook", BODY)[0] == 415
    assert ask(port, "GET", "/") == (200, {"status": "ok"})
    assert ask(port, "HEAD", "/") == (200, None)
    assert ask(port, "DELETE", "/")[0] == 405


def test_a_real_server_serves_many_at_a_time(port: int) -> None:
    def work(number: int) -> object:
        body = json.dumps({"token": "T0K3N", "text": f"ping {number}"})
        return ask(port, "POST", "/", body, Content_Type="application/json")

    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(work, range(128)))
    assert answers == [(200, {"text": f"pong ping {number}"}) for number in range(128)]


@pytest.mark.parametrize("port", ["waitress"], indirect=True)
def test_a_chunked_body_is_read_where_the_server_puts_it_together(port: int) -> None:
    posted = {"Content_Type": "application/json"}
    assert ask(port, "POST", "/", iter([BODY[:9], BODY[9:]]), **posted) == (200, {"text": "pong ping"})
    assert ask(port, "POST", "/", iter([BODY, b" " * 1000]), **posted)[0] == 413
