"""``LocalBot`` serves a bot on this machine."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest

from rocketchat_integrations.testing import LocalBot


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode()]


def answer(url: str) -> bytes:
    address = urlsplit(url)
    with closing(http.client.HTTPConnection(address.netloc, timeout=30)) as connection:
        connection.request("PUT", address.path)
        return connection.getresponse().read()


def test_start_and_stop(capsys: pytest.CaptureFixture[str]) -> None:
    """A bot answers between start and stop, can be started again, and prints nothing."""
    bot = LocalBot(app)
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        _ = bot.url
    with bot as served:
        assert served is bot
        assert answer(bot.url) == b"PUT"
        with pytest.raises(RuntimeError, match="started already"):
            bot.start()
    bot.start()
    url = bot.url
    assert answer(url) == b"PUT"
    bot.stop()
    bot.stop()
    with pytest.raises(ConnectionRefusedError):
        answer(url)
    assert capsys.readouterr() == ("", "")


def test_a_port_can_be_chosen() -> None:
    """A port that is taken raises."""
    with LocalBot(app) as bot:
        port = urlsplit(bot.url).port or 0
        with pytest.raises(OSError):  # noqa: PT011, its message is the system's
            LocalBot(app, port=port).start()
    with LocalBot(app, port=port) as bot:
        assert urlsplit(bot.url).port == port


def test_calls_are_answered_at_the_same_time() -> None:
    """Two calls that wait for each other are both answered."""
    both = threading.Barrier(2)

    def slow(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        both.wait(30)
        return app(environ, start_response)

    with LocalBot(slow) as bot:
        other = threading.Thread(target=answer, args=(bot.url,))
        other.start()
        assert answer(bot.url) == b"PUT"
        other.join()
