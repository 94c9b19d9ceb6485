"""Responses that never end, break off, or are not HTTP: over real connections."""

from __future__ import annotations

import contextlib
import gzip
import itertools
import socket
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import requests
from requests.adapters import HTTPAdapter

from rocketchat_integrations import TransportError, TransportTimeout
from rocketchat_integrations._protocol.http import Timeout
from tests.facade import TransportFace
from tests.transport.calls import failure, get

if TYPE_CHECKING:
    from tests.transport.conftest import Connect, Http, Library, Serve

_JSON = b'{"success": true}'
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + _JSON,
        b"HTTP/1.1 200 OK\r\n\r\n" + _JSON,
        _CHUNKED + b"\r\n5\r\n" + _JSON[:5] + b"\r\nc\r\n" + _JSON[5:] + b"\r\n0\r\n\r\n",
        *[
            f"HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\n\r\n".encode() + data
            for name, data in (
                ("gzip", gzip.compress(_JSON, mtime=0)),
                ("gzip", gzip.compress(_JSON[:5], mtime=0) + gzip.compress(_JSON[5:], mtime=0)),
                ("GZip", gzip.compress(_JSON, mtime=0)),
                ("x-gzip", gzip.compress(_JSON, mtime=0)),
                ("deflate", zlib.compress(_JSON)),
                ("identity", _JSON),
            )
        ],
        _CHUNKED + b"Content-Encoding: gzip\r\n\r\n25\r\n" + gzip.compress(_JSON, mtime=0) + b"\r\n0\r\n\r\n",
    ],
)
def test_a_body_is_read_whole_however_it_comes(serve: Serve, connect: Connect, http: Http, answer: bytes) -> None:
    """With a length or without, in chunks or compressed, the body is returned unchanged."""
    peer = serve(http.closing(answer))
    assert connect(peer.url).send(get(peer.url)).body == _JSON


@pytest.mark.parametrize("status", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_informational_answers_are_skipped(serve: Serve, connect: Connect, http: Http, status: str) -> None:
    """The answer that follows belongs to this call, and not to the next one over the same connection."""
    numbers = itertools.count()

    def act(connection: socket.socket) -> None:
        informational = f"HTTP/1.1 {status}\r\nLink: </a>\r\n\r\n".encode()
        connection.sendall(informational * 2 + http.answer(b"%d" % next(numbers)))

    peer = serve(act)
    transport = connect(peer.url)
    answers = [transport.send(get(peer.url)) for _ in range(3)]
    assert [(answer.status, answer.body) for answer in answers] == [(200, b"0"), (200, b"1"), (200, b"2")]
    assert peer.attempts == 1


def test_endless_informational_answers_are_refused(
    serve: Serve, connect: Connect, http: Http, library: Library
) -> None:
    """A server cannot keep a call by sending them without end."""
    endless = b"HTTP/1.1 100 Continue\r\n\r\n" * 200
    error = failure(connect, serve(http.closing(endless)).url)
    assert error.kind == ("reset" if library is TransportFace else "other")


def test_a_body_of_very_many_gzip_members_is_refused(serve: Serve, connect: Connect, http: Http) -> None:
    """A small body of many members would take minutes to decompress."""
    peer = serve(http.answer(gzip.compress(b"1", mtime=0) * 17, "Content-Encoding: gzip"))
    assert failure(connect, peer.url).kind == "too-large"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity"])
def test_an_empty_body_is_complete(serve: Serve, connect: Connect, http: Http, encoding: str) -> None:
    """A header about compression does not make an empty body incomplete."""
    peer = serve(http.answer(b"", f"Content-Encoding: {encoding}"))
    assert connect(peer.url).send(get(peer.url)).body == b""


_BROKEN: dict[str, bytes] = {
    "status line": b"HTTP/1.1 20",
    "header": b"HTTP/1.1 200 OK\r\nContent-Le",
    "headers": b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + _JSON,
    "chunk": _CHUNKED + b"\r\n99\r\n" + _JSON,
    "chunk size": _CHUNKED + b"\r\nnonsense\r\n" + _JSON,
    "last chunk": _CHUNKED + b"\r\n11\r\n" + _JSON + b"\r\n",
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + _JSON,
    "gzip cut short": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(_JSON, mtime=0)[:-9],
    "gzip checksum": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    + gzip.compress(_JSON, mtime=0)[:-8]
    + b"12345678",
}


@pytest.mark.parametrize("how", _BROKEN)
def test_an_answer_that_breaks_off_is_incomplete(
    serve: Serve, connect: Connect, http: Http, library: Library, how: str
) -> None:
    """A part of a response is never taken for the whole; the server may have acted."""
    error = failure(connect, serve(http.closing(_BROKEN[how])).url)
    # aiohttp does not say that it was the body that is not valid HTTP.
    kind = "other" if how == "chunk size" and library is TransportFace else "incomplete"
    assert (error.kind, error.may_have_acted) == (kind, True)


_NO_HTTP: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "reset"),
    "garbage": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "other"),
    "too many headers": (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n", "other"),
    "too long a header": (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n", "other"),
    "two lengths": (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n{}", "other"),
}


@pytest.mark.parametrize("how", _NO_HTTP)
def test_what_is_not_http_is_a_transport_error(serve: Serve, connect: Connect, http: Http, how: str) -> None:
    """A connection closed without a response, and a server of another protocol, have different kinds."""
    data, kind = _NO_HTTP[how]
    error = failure(connect, serve(http.closing(data)).url)
    assert (error.kind, error.may_have_acted) == (kind, True)


def test_a_reset_connection_is_a_lost_answer(serve: Serve, connect: Connect, http: Http) -> None:
    """The server may have acted before it reset the connection."""
    error = failure(connect, serve(http.reset).url)
    assert (error.kind, error.may_have_acted) == ("reset", True)


def test_malformed_headers_do_not_spoil_an_answer(serve: Serve, connect: Connect, http: Http) -> None:
    """A line that is no header is ignored."""
    peer = serve(http.answer(_JSON, "this is no header", "X-After: 1"))
    assert connect(peer.url).send(get(peer.url)).body == _JSON


def test_a_closed_port_refuses(connect: Connect, closed_port: int) -> None:
    """Nothing was done, and the message has host and port."""
    error = failure(connect, f"http://127.0.0.1:{closed_port}/")
    assert (error.kind, error.may_have_acted) == ("refused", False)
    assert (error.host, error.port) == ("127.0.0.1", closed_port)


def test_a_silent_server_ends_at_the_read_timeout(serve: Serve, connect: Connect) -> None:
    """A server that never responds is a timeout, and may have acted."""
    error = failure(connect, serve(lambda connection: connection.recv(1)).url, timeout=Timeout(5, 0.2, 5))
    assert (type(error), error.may_have_acted) == (TransportTimeout, True)


def test_a_silence_in_the_body_does_too(serve: Serve, connect: Connect, http: Http) -> None:
    """The read timeout also applies between two parts of a response."""
    peer = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + _JSON)
    error = failure(connect, peer.url, timeout=Timeout(5, 0.2, 5))
    assert (type(error), error.may_have_acted) == (TransportTimeout, True)


@pytest.mark.parametrize("size", [0, 1])
def test_an_answer_may_be_as_large_as_the_limit_and_no_larger(
    serve: Serve, connect: Connect, http: Http, size: int
) -> None:
    """The limit counts the bytes of the body, and one more is refused."""
    peer = serve(http.answer(b"x" * (1000 + size)))
    if size == 0:
        assert len(connect(peer.url, max_response_size=1000).send(get(peer.url)).body) == 1000
    else:
        error = failure(connect, peer.url, max_response_size=1000)
        assert (error.kind, error.may_have_acted) == ("too-large", True)


def test_an_endless_answer_is_not_read_to_its_end(serve: Serve, connect: Connect) -> None:
    """Reading stops as soon as the limit is exceeded."""

    def act(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65536)

    assert failure(connect, serve(act).url).kind == "too-large"


def test_a_compression_bomb_is_refused(serve: Serve, connect: Connect, http: Http) -> None:
    """A small body that would decompress to a huge one is refused without decompressing it."""
    bomb = gzip.compress(bytes(50 * 2**20), compresslevel=9)
    url = serve(http.answer(bomb, "Content-Encoding: gzip")).url
    assert len(bomb) < 2**20
    tracemalloc.start()
    tracemalloc.reset_peak()
    try:
        assert failure(connect, url).kind == "too-large"
        assert tracemalloc.get_traced_memory()[1] < 10 * 2**20
    finally:
        tracemalloc.stop()


def test_a_call_under_way_while_connections_are_closed_keeps_none(
    serve: Serve, connect: Connect, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call completes, and the next one opens another connection."""
    peer = serve(http.answer(_JSON))
    transport = connect(peer.url)
    look_up = HTTPAdapter.get_connection_with_tls_context

    def close_meanwhile(*args: Any, **kwargs: Any) -> Any:
        found = look_up(*args, **kwargs)
        transport.close()
        return found

    monkeypatch.setattr(HTTPAdapter, "get_connection_with_tls_context", close_meanwhile)
    for _ in range(2):
        assert transport.send(get(peer.url)).body == _JSON
    assert len(peer.connections) == 2


def test_connections_are_kept(serve: Serve, connect: Connect, http: Http) -> None:
    """All calls use one connection, whatever the responses are."""
    peer = serve(http.answer())
    transport = connect(peer.url)
    answers = [
        http.answer(_JSON),
        http.answer(b""),
        http.answer(b"", status="204 No Content"),
        http.answer(b"<html>", status="502 Bad Gateway"),
        http.answer(gzip.compress(_JSON, mtime=0), "Content-Encoding: gzip"),
        http.answer(_JSON, "Content-Encoding: gzip"),
        _CHUNKED + b"\r\n2\r\n{}\r\n0\r\n\r\n",
        http.answer(b"", "Location: /elsewhere", status="302 Found"),
    ]
    for answer in answers:
        peer.answer = answer
        with contextlib.suppress(TransportError):  # one is said to be compressed, and is not
            transport.send(get(peer.url))
    assert len(peer.requests) == len(answers)
    assert len(peer.connections) == 1


def test_a_failure_leaves_nothing_behind(
    serve: Serve, connect: Connect, http: Http, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a response was abandoned, the next call gets its own response, not the rest of that one."""
    answers: list[requests.Response] = []  # kept, so that garbage collection does not close them
    send = HTTPAdapter.send

    def keeping(*args: Any, **options: Any) -> requests.Response:
        answers.append(send(*args, **options))
        return answers[-1]

    monkeypatch.setattr(HTTPAdapter, "send", keeping)
    peer = serve(http.answer(b"x" * 500_000))
    transport = connect(peer.url, max_response_size=1000, pool_size=1)
    with pytest.raises(TransportError):
        transport.send(get(peer.url))
    assert peer.closed.acquire(timeout=60)
    peer.answer = http.answer(_JSON)
    assert transport.send(get(peer.url)).body == _JSON


def test_a_connection_that_the_server_closed_meanwhile_is_replaced(serve: Serve, connect: Connect, http: Http) -> None:
    """A closed idle connection is noticed before a request is sent over it."""
    peer = serve(http.closing(http.answer(_JSON)))
    transport = connect(peer.url)
    for _ in range(3):
        assert transport.send(get(peer.url)).body == _JSON
        assert peer.closed.acquire(timeout=60)
    assert len(peer.connections) == 3
