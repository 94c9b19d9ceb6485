"""What only the transport over aiohttp can do wrong: its exceptions, its repeating, its logs, cancelled requests."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import aiohttp.client_exceptions
import aiohttp.http_exceptions
import pytest
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from rocketchat_integrations import (
    ConnectionOptions,
    Request,
    Response,
    RetryPolicy,
    RocketChatError,
    Timeout,
    TokenAuth,
    TransportError,
    TransportTimeout,
)
from rocketchat_integrations._protocol.headers import Signer
from rocketchat_integrations._transports.aiohttp import AiohttpTransport
from rocketchat_integrations.aio import AsyncIncomingWebhook

if TYPE_CHECKING:
    from tests.transport.conftest import Answer, Http, Serve

_KEY = ConnectionKey("chat.example", 443, True, True, None, None, None)
_INFO = RequestInfo(URL("https://chat.example/S3CRET"), "GET", CIMultiDictProxy(CIMultiDict[str]()))


def _request(url: str = "https://chat.example/", method: str = "GET", body: bytes | None = None) -> Request:
    return Request(method, url, "x", body=body, headers={"X-Auth-Token": "S3CRET"}, secrets=("S3CRET",))


def send(request: Request, **options: Any) -> Response:
    """Send one request in an event loop of its own."""

    async def main() -> Response:
        transport = AiohttpTransport(request.url, ConnectionOptions(**options))
        try:
            return await transport.send(request)
        finally:
            await transport.close()

    return asyncio.run(main())


def failure(request: Request, **options: Any) -> TransportError:
    """Return the error of a request, which holds nothing of it."""
    with pytest.raises(TransportError) as caught:
        send(request, **options)
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert "S3CRET" not in f"{error} {error!r} {vars(error)}"
    return error


def _exceptions() -> Iterator[type[Exception]]:
    for module in (aiohttp, aiohttp.client_exceptions, aiohttp.http_exceptions):
        for member in vars(module).values():
            if inspect.isclass(member) and issubclass(member, Exception):
                yield member


def _instance(kind: type[Exception]) -> Exception:
    attempts: list[tuple[Any, ...]] = [
        (_KEY, OSError("S3CRET")),
        (_INFO, (), "S3CRET"),
        (_INFO, ()),
        ("S3CRET",),
        ("S3CRET", _KEY, OSError("S3CRET")),
        (b"S3CRET", b"S3CRET", "chat.example", 443),
        ("S3CRET", "S3CRET"),
        (),
    ]
    for arguments in attempts:
        with contextlib.suppress(TypeError, AttributeError, ValueError):
            error = kind(*arguments)
            repr(error)
            return error
    raise AssertionError(f"{kind} cannot be made: add arguments for it to this test")


def raising(error: Exception) -> Any:
    """Return a coroutine function that raises the error, whatever its arguments."""

    async def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_every_exception_is_translated(monkeypatch: pytest.MonkeyPatch, clean_environment: None) -> None:
    """Each exception of aiohttp becomes a TransportError; a timeout a TransportTimeout."""
    kinds = {*_exceptions(), OSError, ConnectionResetError, TimeoutError, ValueError, RuntimeError}
    assert len(kinds) > 25
    for kind in kinds:
        monkeypatch.setattr(aiohttp.ClientSession, "_request", raising(_instance(kind)))
        error = failure(_request("http://chat.example/"))
        assert isinstance(error, TransportTimeout) is issubclass(kind, TimeoutError), kind
        assert error.may_have_acted is not issubclass(
            kind,
            (
                aiohttp.ClientConnectorError,
                aiohttp.ClientConnectorCertificateError,
                aiohttp.ConnectionTimeoutError,
                aiohttp.ClientHttpProxyError,
                aiohttp.InvalidURL,
                aiohttp.NonHttpUrlClientError,
            ),
        ), kind


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_request_is_sent_once(serve: Serve, http: Http, clean_environment: None, method: str) -> None:
    """Also one that a kept connection loses, which aiohttp would send again."""
    peer = serve(http.answer())

    async def main() -> None:
        transport = AiohttpTransport(peer.url, ConnectionOptions())
        await transport.send(_request(peer.url))
        peer.answer = http.closing(b"")
        with pytest.raises(TransportError) as caught:
            await transport.send(_request(peer.url, method))
        assert (caught.value.kind, caught.value.may_have_acted) == ("reset", True)
        await transport.close()

    asyncio.run(main())
    assert len(peer.requests) == 2


def test_a_connection_that_the_server_has_closed_is_not_used(serve: Serve, http: Http, clean_environment: None) -> None:
    """Even if the program has blocked the event loop meanwhile."""
    answered = threading.Event()

    def answer_and_wait(connection: socket.socket) -> None:
        connection.sendall(http.answer())
        answered.wait(60)

    peer = serve(answer_and_wait)

    async def main() -> None:
        transport = AiohttpTransport(peer.url, ConnectionOptions())
        await transport.send(_request(peer.url))
        peer.connections[0].shutdown(socket.SHUT_RDWR)
        answered.set()
        assert peer.closed.acquire(timeout=60)  # blocks the loop
        assert (await transport.send(_request(peer.url, "POST"))).status == 200
        await transport.close()

    asyncio.run(main())
    assert len(peer.connections) == 2


def test_the_request_is_sent_unchanged(serve: Serve, http: Http, clean_environment: None) -> None:
    """Requests have the client's headers, the host and the length of the body, and nothing that aiohttp would add."""
    peer = serve(http.answer())
    path = "api/v1/x?integrationId=a+b%2Fc%26d&sort=%7B%22_id%22%3A1%7D"
    request = Signer(peer.url, headers=None, user_agent=None).sign(Request("POST", path, "x"), TokenAuth("u", "S3CRET"))
    send(request)
    line, *headers = peer.requests[0].decode().split("\r\n")
    assert line == f"POST /{path} HTTP/1.1"
    own = {f"{name}: {value}" for name, value in request.headers.items()}
    assert {*filter(None, headers)} == {f"Host: 127.0.0.1:{peer.port}", "Content-Length: 0", *own}


def test_a_large_body_and_a_long_header_arrive(serve: Serve, http: Http, clean_environment: None) -> None:
    """As with requests; without a warning that the body is large."""
    peer = serve(http.answer(b"{}", f"X-Long: {'x' * 60000}"))
    body = b"x" * (2**20 + 1)
    assert len(send(_request(peer.url, "POST", body)).headers["x-long"]) == 60000
    assert peer.requests[0].endswith(b"\r\n\r\n" + body)


def test_a_cancelled_request_closes_its_connection(serve: Serve, clean_environment: None) -> None:
    """The server sees the end of the connection, and no task remains."""
    asked = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def hang(connection: socket.socket) -> None:
        loops[0].call_soon_threadsafe(asked.set)
        connection.recv(1)

    peer = serve(hang)

    async def main() -> None:
        loops.append(asyncio.get_running_loop())
        transport = AiohttpTransport(peer.url, ConnectionOptions())
        sending = asyncio.create_task(transport.send(_request(peer.url)))
        await asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await sending
        assert caught.value.__context__ is None
        assert await asyncio.to_thread(peer.closed.acquire, timeout=60)
        assert len(asyncio.all_tasks()) == 1
        await transport.close()

    asyncio.run(main())


def test_a_request_cancelled_while_the_name_is_looked_up_leaves_no_task(
    clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lookup itself cannot be stopped, but nothing waits for it."""
    asked, released = threading.Event(), threading.Event()

    def look_up(*_: object, **__: object) -> None:
        asked.set()
        released.wait(60)
        raise socket.gaierror(-2, "no")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def main() -> None:
        transport = AiohttpTransport("http://chat.example/", ConnectionOptions())
        sending = asyncio.create_task(transport.send(_request("http://chat.example/")))
        assert await asyncio.to_thread(asked.wait, 60)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert len(asyncio.all_tasks()) == 1
        released.set()
        await transport.close()

    asyncio.run(main())


def test_a_cancellation_refers_to_no_exception_of_aiohttp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such an exception would hold the request."""
    cancelled = asyncio.CancelledError()
    cancelled.__context__ = aiohttp.ClientError("S3CRET")

    async def fail(*_: object, **__: object) -> None:
        raise cancelled

    monkeypatch.setattr(aiohttp.ClientSession, "_request", fail)

    async def main() -> None:
        transport = AiohttpTransport("http://chat.example/", ConnectionOptions())
        with pytest.raises(asyncio.CancelledError) as caught:
            await transport.send(_request("http://chat.example/"))
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
        await transport.close()

    asyncio.run(main())


def test_closing_fails_the_requests_that_wait(serve: Serve, clean_environment: None) -> None:
    """Those under way are lost, those after it not sent."""
    asked = asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    def hang(connection: socket.socket) -> None:
        loops[0].call_soon_threadsafe(asked.set)
        connection.recv(1)

    peer = serve(hang)

    async def main() -> list[bool]:
        loops.append(asyncio.get_running_loop())
        transport = AiohttpTransport(peer.url, ConnectionOptions())
        sending = asyncio.create_task(transport.send(_request(peer.url)))
        await asked.wait()
        await transport.close()
        acted: list[bool] = []
        for each in (sending, transport.send(_request(peer.url))):
            with pytest.raises(TransportError) as caught:
                await each
            acted.append(caught.value.may_have_acted)
        return acted

    assert asyncio.run(main()) == [True, False]


def test_a_proxy_that_does_not_answer_is_given_up(serve: Serve, clean_environment: None) -> None:
    """A tunnel is part of connecting: nothing was sent."""
    proxy = serve(lambda connection: connection.recv(1))
    options = {"proxies": {"https": proxy.url}, "timeout": Timeout(0.1, 0.1)}
    error = failure(_request("https://chat.example/"), **options)
    assert (error.kind, error.may_have_acted) == ("timeout", False)


@pytest.mark.parametrize("how", ["works", "reset", "nothing", "garbage", "refused"])
def test_the_log_shows_no_secret(
    serve: Serve,
    http: type[Http],
    clean_environment: None,
    closed_port: int,
    caplog: pytest.LogCaptureFixture,
    how: str,
) -> None:
    """At level DEBUG, with the debug mode of asyncio."""
    caplog.set_level(logging.DEBUG)
    answers: dict[str, Answer] = {
        "works": http.answer(b'{"success": true}'),
        "reset": http.reset,
        "nothing": http.closing(b""),
        "garbage": http.closing(b"S3CRET\r\n\r\n"),
        "refused": b"",
    }
    peer = serve(answers[how])
    port = closed_port if how == "refused" else peer.port

    async def main() -> None:
        url = f"http://127.0.0.1:{port}/hooks/1D/S3CRET"
        webhook = AsyncIncomingWebhook(url, retry=RetryPolicy.never(), headers={"X-Team": "S3CRET-header"})
        with contextlib.suppress(RocketChatError):
            await webhook.post("hello")
        await webhook.close()

    asyncio.run(main(), debug=True)
    assert caplog.records
    shown = "\n".join(f"{logging.Formatter().format(it)} {it.args!r} {it.exc_info!r}" for it in caplog.records)
    assert "S3CRET" not in shown
    assert "1D" not in shown
