"""A proxy between client and server that breaks requests and answers as a test tells it to."""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias
from urllib.parse import urlsplit

import attrs

# A connection that waits longer than this for a client is a mistake of the test.
_PATIENCE = 30.0


@attrs.frozen
class Answer:
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def http_answer(
    body: bytes,
    *headers: str,
    status: str = "200 OK",
    version: str = "HTTP/1.1",
    length: int | str | None = None,
    content_type: str = "application/json",
) -> bytes:
    """Return an answer as it is sent, with the right length unless another one is given."""
    size = len(body) if length is None else length
    lines = [f"{version} {status}", f"Content-Type: {content_type}", f"Content-Length: {size}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


class Arrival:
    """A request that has arrived, and the connection to answer it on."""

    def __init__(
        self,
        connection: socket.socket,
        upstream: http.client.HTTPConnection,
        endpoint: str,
        request: bytes | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.is_open = True
        self.connection = connection
        self._upstream = upstream
        self._request = request

    def read(self) -> bytes:
        """Return the whole request, as it was sent."""
        if self._request is None:
            self._request = _read_request(self.connection)
        return self._request

    def forward(self) -> Answer:
        """Let the server act, and return its answer."""
        head, _, body = self.read().partition(b"\r\n\r\n")
        request_line, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = request_line.split(" ")
        self._upstream.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for line in lines:
            self._upstream.putheader(*line.split(": ", 1))
        self._upstream.endheaders(body or None)
        reply = self._upstream.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())

    def right_answer(self) -> bytes:
        """Let the server act, and return its answer as it is sent."""
        answer = self.forward()
        kept = [f"{name}: {answer.headers[name]}" for name in answer.headers if name.startswith(("x-", "date"))]
        content_type = answer.headers.get("content-type", "text/plain")
        return http_answer(answer.body, *kept, status=f"{answer.status} OK", content_type=content_type)

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.connection.sendall(data)

    def drip(self, data: bytes, *, pause: float = 0.03, seconds: float = 4.0) -> None:
        """Send the bytes one by one, with a pause after each, for so many seconds at most."""
        ends = time.monotonic() + seconds
        for byte in data:
            if time.monotonic() > ends:
                return
            self.send(bytes([byte]))
            time.sleep(pause)

    def wait(self, seconds: float = _PATIENCE) -> None:
        """Send nothing until the client closes the connection, but no longer than so many seconds."""
        self.connection.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            while self.connection.recv(65536):
                pass

    def close(self) -> None:
        """Close the connection."""
        self.is_open = False

    def reset(self) -> None:
        """Reset the connection."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.is_open = False


Act: TypeAlias = Callable[[Arrival], object]
"""What happens to a request."""


def answer_rightly(arrival: Arrival) -> None:
    """Pass the request on and the answer back."""
    arrival.send(arrival.right_answer())


class Proxy:
    """Listens on a free loopback port and passes requests on, except those that it is told to break."""

    def __init__(self, upstream_url: str, tls: ssl.SSLContext | None = None) -> None:
        self.arrived: Counter[str] = Counter()
        """How many requests have arrived, by endpoint."""

        self.otherwise: Act = answer_rightly
        """What happens to requests that are not planned to break."""

        self.upstream_url = upstream_url
        self._tls = tls
        self._lock = threading.Lock()
        self._scripts: dict[str, list[Act]] = {}
        self._always: dict[str, Act] = {}
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def plan(self, endpoint: str, acts: Sequence[Act], *, always: bool = False) -> None:
        """Break the next requests for an endpoint, one by each act; with ``always``, all further ones by the last."""
        with self._lock:
            self._scripts[endpoint] = list(acts)
            if always:
                self._always[endpoint] = acts[-1]

    def forget(self) -> None:
        """Break nothing any more, and forget what has arrived."""
        with self._lock:
            self._scripts, self._always = {}, {}
            self.arrived = Counter()

    def close_connections(self) -> None:
        """Close all connections of clients."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Stop listening and close all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self._open.add(connection)
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upstream = http.client.HTTPConnection(urlsplit(self.upstream_url).netloc, timeout=_PATIENCE)
        try:
            talking = connection if self._tls is None else self._tls.wrap_socket(connection, server_side=True)
            with contextlib.closing(talking):
                for arrival in self._arrivals(talking, upstream):
                    self._next_act(arrival.endpoint)(arrival)
                    if arrival.is_open:
                        arrival.read()
        except (OSError, http.client.HTTPException):
            pass  # the client has gone away, or the server has
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()
            upstream.close()

    def _arrivals(self, connection: socket.socket, upstream: http.client.HTTPConnection) -> Iterator[Arrival]:
        is_open = True
        while is_open:
            # A request that has not been read can be reset. TLS cannot look ahead.
            request = None if self._tls is None else _read_request(connection)
            first = connection.recv(4096, socket.MSG_PEEK) if request is None else request
            if not first:
                return
            arrival = Arrival(connection, upstream, _endpoint(first), request)
            with self._lock:
                self.arrived[arrival.endpoint] += 1
            yield arrival
            is_open = arrival.is_open

    def _next_act(self, endpoint: str) -> Act:
        with self._lock:
            script = self._scripts.get(endpoint)
            return script.pop(0) if script else self._always.get(endpoint, self.otherwise)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        data += _received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"\ncontent-length: *(\d+)", head.lower())
    while length and len(body) < int(length[1]):
        body += _received(connection)
    return head + b"\r\n\r\n" + body


def _received(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionError("the client has closed the connection")
    return part


def _endpoint(request: bytes) -> str:
    """Return the endpoint of a request, by the name that the embedded server gives it."""
    path = request.split(b" ", 2)[1].split(b"?")[0].decode("latin-1") if request.count(b" ") > 1 else ""
    match path.strip("/").split("/"):
        case ["api", "v1", name]:
            return name
        case ["api", "info"]:
            return "info"
        case ["hooks", "info", *_]:
            return "hooks.info"
        case ["hooks", *_]:
            return "hooks"
        case _:
            return ""
