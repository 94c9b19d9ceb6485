"""Fixtures for the tests of the transport: servers that answer as they are told, and transports to them."""

from __future__ import annotations

import contextlib
import logging
import re
import socket
import socketserver
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeAlias, Unpack, cast

import pytest
import trustme

from rocketchat_integrations import ConnectionOptions, Timeout, Transport
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations._transports.requests import RequestsTransport
from tests.facade import TransportFace

Library: TypeAlias = Callable[[str, ConnectionOptions], Transport]
"""The class of a transport."""

Answer: TypeAlias = bytes | Callable[[socket.socket], object]
"""The bytes to send; or a function that sends them over the connection."""


class _Handler(socketserver.BaseRequestHandler):
    """Answers the requests of one connection, one after the other."""

    def handle(self) -> None:
        peer = cast(_Server, self.server).peer
        peer.attempts += 1
        connection: socket.socket = self.request
        if peer.tls is not None:
            try:
                connection = peer.tls.wrap_socket(connection, server_side=True)
            except (OSError, ssl.SSLError):
                return
        peer.opened(connection)
        try:
            while request := _read(connection):
                peer.requests.append(request)
                if isinstance(peer.answer, bytes):
                    connection.sendall(peer.answer)
                else:
                    peer.answer(connection)
        except OSError:
            pass
        finally:
            peer.closed.release()
            if connection is not self.request:
                connection.close()


def _read(connection: socket.socket) -> bytes:
    """Read one request; empty at the end."""
    request = b""
    while b"\r\n\r\n" not in request and not request.startswith(b"\x16"):  # the latter begins TLS
        part = connection.recv(65536)
        if not part:
            return b""
        request += part
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    peer: Peer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: the test reports its own failure."""


class Peer:
    """A server on a free loopback port that sends what it is told to."""

    def __init__(self, answer: Answer, tls: ssl.SSLContext | None) -> None:
        self.answer = answer
        self.tls = tls
        self.requests: list[bytes] = []
        self.connections: list[socket.socket] = []
        self.attempts = 0
        self.closed = threading.Semaphore(0)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.peer = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port: int = self._server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}/"

    def opened(self, connection: socket.socket) -> None:
        self.connections.append(connection)

    def head(self, number: int = -1) -> str:
        """Return request line and headers of one of the requests, in lower case."""
        return self.requests[number].partition(b"\r\n\r\n")[0].decode().lower()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._server.server_close()


class Serve(Protocol):
    """Starts a server that is stopped at the end of the test."""

    def __call__(self, answer: Answer, tls: ssl.SSLContext | None = None) -> Peer: ...


class Connect(Protocol):
    """Makes a transport that is closed at the end of the test."""

    def __call__(self, url: str, **options: Unpack[ConnectionKeywords]) -> Transport: ...


class Http:
    """Answers to send."""

    @staticmethod
    def answer(body: bytes = b"{}", *headers: str, status: str = "200 OK") -> bytes:
        """A valid answer that leaves the connection open."""
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
        return "\r\n".join([*head, "", ""]).encode() + body

    @staticmethod
    def closing(data: bytes) -> Callable[[socket.socket], None]:
        """Send the data, and close the connection."""

        def act(connection: socket.socket) -> None:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_RDWR)

        return act

    @staticmethod
    def reset(connection: socket.socket) -> None:
        """Reset the connection."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


@pytest.fixture
def http() -> type[Http]:
    """Answers to send."""
    return Http


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts servers that are stopped at the end of the test."""
    peers: list[Peer] = []

    def start(answer: Answer, tls: ssl.SSLContext | None = None) -> Peer:
        peers.append(Peer(answer, tls))
        return peers[-1]

    yield start
    for peer in peers:
        peer.stop()


_SHARED = {"test_answers", "test_connections", "test_environment", "test_tls"}
# aiohttp refuses malformed headers, and ends calls under way when it is closed.
_OF_REQUESTS = {
    "test_malformed_headers_do_not_spoil_an_answer",
    "test_a_call_under_way_while_connections_are_closed_keeps_none",
}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of these files with both transports."""
    is_shared = metafunc.definition.path.stem in _SHARED and metafunc.definition.name not in _OF_REQUESTS
    if "library" in metafunc.fixturenames and is_shared:
        metafunc.parametrize("library", [RequestsTransport, TransportFace], ids=["requests", "aiohttp"])


@pytest.fixture
def library() -> Library:
    """The library to send with."""
    return RequestsTransport


@pytest.fixture
def connect(serve: Serve, clean_environment: None, library: Library) -> Iterator[Connect]:
    """Makes transports that are closed at the end of the test, before the servers are."""
    transports: list[Transport] = []

    def make(url: str, **options: Unpack[ConnectionKeywords]) -> Transport:
        all_options: ConnectionKeywords = {"timeout": Timeout(60, 60, 60), "max_response_size": 2**20, **options}
        transports.append(library(url, ConnectionOptions(**all_options)))
        return transports[-1]

    yield make
    for transport in transports:
        transport.close()


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the proxy and CA settings of the machine."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NETRC"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """The authority that signs the certificates."""
    return trustme.CA()


@pytest.fixture(scope="session")
def server_side(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on this machine needs for TLS: a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


@pytest.fixture
def bundle(authority: trustme.CA, tmp_path: Path) -> str:
    """A CA bundle with the authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that refuses connections: bound, so that no other program takes it, but not listening."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """The log with all levels of all loggers."""
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    return caplog
