"""One call of a bot over HTTP, which can be cut short."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import string
import threading
import time
from collections.abc import Generator
from contextlib import closing, contextmanager, suppress
from urllib.parse import quote, urlsplit, urlunsplit

from ._javascript import trim
from ._replies import Reply
from ._world import Document

_HEADERS = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2227.0 Safari/537.36"
    ),
    "Content-Type": "application/json",
    "Connection": "close",
}
_LONGEST_REPLY = 16 * 2**20
_CHUNK = 2**16


class CallFailed(Exception):
    """No reply came. Its text says why."""


class OpenCalls:
    """The connections of the calls under way, to end them from outside."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    @contextmanager
    def holding(self, connection: socket.socket) -> Generator[None, None, None]:
        """While a call lasts, it can be ended."""
        with self._lock:
            self._sockets.add(connection)
            if self.ended.is_set():
                _cut(connection)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.remove(connection)

    def end(self) -> None:
        """Cut all connections, now and from now on."""
        with self._lock:
            self.ended.set()
            for connection in self._sockets:
                _cut(connection)


def _cut(connection: socket.socket) -> None:
    # Not the method of a TLS connection, which must not be changed while another thread reads.
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def call(url: str, payload: Document, timeout: float, open_calls: OpenCalls) -> Reply:
    """Send a payload to a URL, without following redirects and past all proxies, and return the reply.

    Raises:
        CallFailed: there was none, within that many seconds.
    """
    deadline = time.monotonic() + timeout
    # What cannot be UTF-8 is escaped as JSON has it.
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    try:
        connection, target = _address(url, timeout)
        with closing(connection):
            connection.connect()
            channel: socket.socket = connection.sock
            # A file of one's own keeps the connection from being closed with the last byte of the reply.
            with open_calls.holding(channel), channel.makefile("rb"):
                _allow_until(deadline, channel)
                connection.request("POST", target, body, _HEADERS)
                with connection.getresponse() as response:
                    text = _read(response, deadline, channel).decode(errors="replace")
                    return Reply(response.status, response.headers.get("Content-Type", ""), text)
    except TimeoutError:
        raise CallFailed(f"network timeout at: {url}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallFailed(f"request to {url} failed, reason: {error}") from None


def _address(url: str, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(trim(url))
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("only absolute HTTP(S) URLs are supported")
    target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=string.punctuation)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=timeout, context=context), target
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout), target


def _read(response: http.client.HTTPResponse, deadline: float, channel: socket.socket) -> bytes:
    body = bytearray()
    _allow_until(deadline, channel)
    while chunk := response.read1(_CHUNK):
        body += chunk
        if len(body) > _LONGEST_REPLY:
            raise http.client.HTTPException(f"the reply is longer than {_LONGEST_REPLY} bytes")
        _allow_until(deadline, channel)
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return bytes(body)


def _allow_until(deadline: float, channel: socket.socket) -> None:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    channel.settimeout(seconds)
