"""An exception that a signal handler raises in the middle of a call is no failure of the call."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import signal
import socket
import threading
import types
from collections.abc import Callable, Coroutine, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import ConnectionOptions
from rocketchat_integrations._transports.aiohttp import AiohttpTransport
from tests.transport.calls import get

if TYPE_CHECKING:
    from tests.transport.conftest import Answer, Connect, Http, Serve

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="the system has no such signals")


class SoftTimeLimit(Exception):
    """An exception like that of Celery."""


class Alarm:
    """Raises an exception once, while the program waits for bytes of a socket.

    At another moment it could interrupt a callback whose exceptions Python ignores, such as that of a weak reference.
    """

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.has_rung = False

    def ring(self, interrupted: object) -> None:
        is_waiting = getattr(interrupted, "f_code", None) is socket.SocketIO.readinto.__code__
        if is_waiting and not self.has_rung:
            self.has_rung = True
            raise self.error


class Handler:
    """A signal handler in each of its forms, which raises an exception."""

    def __init__(self, error: Exception) -> None:
        self.alarm = Alarm(error)

    def __call__(self, *arguments: object) -> None:
        self.alarm.ring(arguments[-1])


def _function(error: Exception) -> Callable[..., None]:
    alarm = Alarm(error)

    def handle(*arguments: object) -> None:
        alarm.ring(arguments[-1])

    return handle


def _partial(error: Exception) -> Callable[..., None]:
    return functools.partial(_function(error), 1)


@pytest.fixture
def interrupt() -> Iterator[Callable[[Callable[..., None]], Answer]]:
    """Make an answer that sends signals to the main thread until it closes the connection."""
    before = signal.getsignal(signal.SIGUSR1)

    def make(handler: Callable[..., None]) -> Answer:
        signal.signal(signal.SIGUSR1, handler)

        def act(connection: socket.socket) -> None:
            connection.settimeout(0.01)
            is_open = True
            while is_open:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
                with contextlib.suppress(TimeoutError):
                    is_open = connection.recv(1) != b""

        return act

    yield make
    signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (SoftTimeLimit, _function),
        (TimeoutError, _function),
        (ConnectionResetError, _partial),
        (ValueError, Handler),
    ],
)
def test_the_exception_of_a_signal_handler_is_raised(
    serve: Serve,
    connect: Connect,
    http: Http,
    interrupt: Callable[[Callable[..., None]], Answer],
    form: Callable[[Exception], Callable[..., None]],
    kind: type[Exception],
) -> None:
    """Also one that urllib3 takes for an error of the socket. The connection is not used again."""
    error = kind("too slow")
    peer = serve(interrupt(form(error)))
    transport = connect(peer.url)
    with pytest.raises(kind) as caught:
        transport.send(get(peer.url))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert peer.closed.acquire(timeout=60)  # no signal comes any more
    peer.answer = http.answer(b"next")
    assert transport.send(get(peer.url)).body == b"next"
    assert peer.attempts == 2


@types.coroutine
def _throw(error: Exception, coroutine: Coroutine[Any, Any, object], when: threading.Event) -> Generator[None]:
    """Throw an exception into a coroutine where it waits."""
    awaited = coroutine.send(None)
    while not when.is_set():
        if awaited is None or awaited.done():
            awaited = coroutine.send(None)
        yield
    coroutine.throw(error)


def test_an_exception_thrown_into_a_coroutine_is_raised(serve: Serve, http: Http, clean_environment: None) -> None:
    """Frameworks throw their own exceptions to end a task. The connection is closed."""
    asked = threading.Event()

    def hang(connection: socket.socket) -> None:
        asked.set()
        connection.recv(1)

    peer = serve(hang)
    error = SoftTimeLimit("too slow")

    async def main() -> None:
        transport = AiohttpTransport(peer.url, ConnectionOptions())
        with pytest.raises(SoftTimeLimit) as caught:
            await _throw(error, transport.send(get(peer.url)), asked)
        assert caught.value is error
        assert await asyncio.to_thread(peer.closed.acquire, timeout=60)
        await transport.close()

    asyncio.run(main())
