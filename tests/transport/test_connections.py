"""Time limits of a call, and when its connection is used again: over real connections."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import Request, Timeout, TransportError, TransportTimeout
from rocketchat_integrations._transports import aiohttp, connections
from tests.facade import TransportFace
from tests.transport.calls import failure, get

if TYPE_CHECKING:
    import ssl

    from tests.transport.conftest import Answer, Connect, Http, Library, Serve


def _dripping(head: bytes, part: bytes) -> Answer:
    """Send the head, and then a part every 10 ms."""

    def act(connection: socket.socket) -> None:
        connection.sendall(head)
        connection.settimeout(0.01)
        while True:
            connection.sendall(part)
            try:
                if not connection.recv(1):
                    return
            except TimeoutError:
                continue

    return act


_OK = b"HTTP/1.1 200 OK\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_DRIPS: dict[str, tuple[bytes, bytes]] = {
    "status line": (b"HTTP/1.1 200 ", b"x"),
    "informational": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "headers": (_OK + b"A: ", b"x"),
    "body": (_OK + b"Content-Length: 9999\r\n\r\n", b" "),
    "compressed body": (
        _OK + b"Content-Encoding: gzip\r\nContent-Length: 99999\r\n\r\n" + gzip.compress(b"", mtime=0)[:10],
        b"\x00\x00\x00\xff\xff",  # an empty block
    ),
    "chunk extension": (_CHUNKED + b"2;", b"x"),
    "trailers": (_CHUNKED + b"0\r\n", b"A: b\r\n"),
}


@pytest.mark.parametrize("where", _DRIPS)
def test_a_dripping_response_ends_at_the_total_timeout(serve: Serve, connect: Connect, where: str) -> None:
    """A server that sends a little now and then does not delay a call beyond `Timeout.total`."""
    error = failure(connect, serve(_dripping(*_DRIPS[where])).url, timeout=Timeout(5, 5, 0.1))
    assert (type(error), error.kind, error.may_have_acted) == (TransportTimeout, "timeout", True)
    assert "longer than 0.1 s" in str(error)


def test_a_request_that_is_not_read_ends_at_the_total_timeout(connect: Connect) -> None:
    """The limit includes sending the request."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        request = Request("POST", url, "x", body=bytes(2**25))
        began = time.monotonic()
        error = failure(connect, url, request, timeout=Timeout(60, 60, 0.1))
    assert time.monotonic() - began < 50
    assert (error.kind, error.may_have_acted) == ("timeout", True)


def test_a_total_timeout_can_be_over_before_the_first_byte(serve: Serve, connect: Connect) -> None:
    """A limit that has passed is not taken for no limit."""
    silent = serve(_dripping(b"", b""))
    assert failure(connect, silent.url, timeout=Timeout(5, 5, 1e-9)).kind == "timeout"


def test_a_dripping_proxy_is_given_up(serve: Serve, connect: Connect) -> None:
    """Opening a tunnel is part of connecting: nothing was sent."""
    proxy = serve(_dripping(b"HTTP/1.1 200 ", b"x"))
    error = failure(connect, "https://chat.example/", proxies={"https": proxy.url}, timeout=Timeout(0.1, 0.1))
    assert (error.kind, error.may_have_acted) == ("timeout", False)
    assert "the connection took too long" in str(error)


def test_a_dripping_handshake_is_given_up(serve: Serve, connect: Connect) -> None:
    """A TLS handshake is part of connecting, too."""
    url = serve(_dripping(b"\x16\x03\x03\x40\x00", b"\x02")).url.replace("http:", "https:")
    error = failure(connect, url, timeout=Timeout(0.1, 5, 5))
    assert (error.kind, error.may_have_acted) == ("timeout", False)
    assert "the connection took too long" in str(error)


_LEFT_OVER: dict[str, bytes] = {
    "a response": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale",
    "a part of a response": b"HTTP/1.1 2",
    "an informational answer": b"HTTP/1.1 102 Processing\r\n\r\n",
    "garbage": b"}}",
}


@pytest.mark.parametrize("what", _LEFT_OVER)
@pytest.mark.parametrize("when", ["at once", "later"])
def test_a_connection_with_unread_bytes_is_not_used_again(
    serve: Serve, connect: Connect, http: Http, library: Library, what: str, when: str
) -> None:
    """The next call gets its own response, over another connection."""
    is_answered, is_sent = threading.Event(), threading.Event()

    def act(connection: socket.socket) -> None:
        answer, more = http.answer(b"0"), _LEFT_OVER[what]
        if when == "later":
            connection.sendall(answer)
            is_answered.wait(60)
            answer = b""
        connection.sendall(answer + more)
        is_sent.set()

    peer = serve(act)
    transport = connect(peer.url)
    # aiohttp refuses a response that came together with garbage.
    is_refused = (library, what, when) == (TransportFace, "garbage", "at once")
    with pytest.raises(TransportError) if is_refused else nullcontext():
        assert transport.send(get(peer.url)).body == b"0"
    is_answered.set()
    assert is_sent.wait(60)
    peer.answer = http.answer(b"1")
    assert transport.send(get(peer.url)).body == b"1"
    assert peer.attempts == 2


def test_unread_bytes_of_tls_are_noticed(
    serve: Serve, connect: Connect, http: Http, server_side: ssl.SSLContext, bundle: str
) -> None:
    """They may be decrypted already, and then neither the socket nor the reader's 8 KiB buffer holds them."""
    body = b"x" * (8192 - len(http.answer(b"x" * 8000)) + 8000)
    answer = http.answer(body)
    assert len(answer) == 8192
    peer = serve(answer + answer, server_side)
    transport = connect(peer.url, verify=bundle)
    assert [len(transport.send(get(peer.url)).body) for _ in range(2)] == [len(body)] * 2
    assert peer.attempts == 2


def test_a_change_of_protocol_is_refused(serve: Serve, connect: Connect) -> None:
    """Nobody asked for it, and the connection is not used again."""
    peer = serve(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
    error = failure(connect, peer.url)
    assert (error.kind, error.may_have_acted) == ("other", True)
    assert peer.closed.acquire(timeout=60)


def test_an_idle_connection_is_not_used(
    serve: Serve, connect: Connect, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server like Node.js, which closes connections after 5 s, would lose the request."""
    assert 0 < connections.LONGEST_IDLE < 5
    for module in (connections, aiohttp):
        monkeypatch.setattr(module, "LONGEST_IDLE", -1.0)
    peer = serve(http.answer())
    transport = connect(peer.url)
    for _ in range(2):
        transport.send(get(peer.url))
    assert peer.attempts == 2


def test_pool_size_limits_the_connections_that_are_kept(
    serve: Serve, connect: Connect, http: Http, library: Library
) -> None:
    """Each thread in a call has a connection. An asynchronous client keeps them all."""
    all_asked = threading.Barrier(3)

    def act(connection: socket.socket) -> None:
        all_asked.wait(60)
        connection.sendall(http.answer())

    peer = serve(act)
    transport = connect(peer.url, pool_size=1)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(transport.send, [get(peer.url)] * 3))
    assert peer.attempts == 3
    closed = [peer.closed.acquire(blocking=library is not TransportFace, timeout=None) for _ in range(2)]
    assert closed == [library is not TransportFace] * 2
