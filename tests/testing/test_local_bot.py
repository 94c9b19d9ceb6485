"""A bot that is served on this machine, for the tests of whoever writes one."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest

from rocketchat_integrations.testing import LocalBot


def app(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["REQUEST_METHOD"].encode()]


def answer(url: str) -> bytes:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.request("PUT", address.path)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_it_is_there_while_it_is_served(capsys: pytest.CaptureFixture[str]) -> None:
    """And says nothing of the calls, whatever the tests print."""
    bot = LocalBot(app)
    with bot as served:
        assert served is bot
        url = bot.url
        assert answer(url) == b"PUT"
    with pytest.raises(ConnectionRefusedError):
        answer(url)
    assert capsys.readouterr() == ("", "")


def test_it_can_be_started_again_and_stopped_twice() -> None:
    bot = LocalBot(app)
    for _ in range(2):
        bot.start()
        assert answer(bot.url) == b"PUT"
        bot.stop()
        bot.stop()


def test_it_says_what_was_forgotten() -> None:
    bot = LocalBot(app)
    with pytest.raises(RuntimeError, match="use it in a with statement"):
        _ = bot.url
    with bot, pytest.raises(RuntimeError, match="started already"):
        bot.start()


def test_its_port_can_be_chosen() -> None:
    """Unless somebody else has it."""
    with LocalBot(app) as bot:
        port = urlsplit(bot.url).port or 0
        with pytest.raises(OSError, match="in use"):
            LocalBot(app, port=port).start()
    with LocalBot(app, port=port) as bot:
        assert urlsplit(bot.url).port == port


def test_one_call_does_not_wait_for_another() -> None:
    """Two that are answered only when both are there."""
    both = threading.Barrier(2)

    def slow(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        both.wait(30)
        return app(environ, start_response)

    with LocalBot(slow) as bot:
        other = threading.Thread(target=answer, args=(bot.url,))
        other.start()
        assert answer(bot.url) == b"PUT"
        other.join()
