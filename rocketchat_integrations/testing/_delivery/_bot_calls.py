"""Call a bot over HTTP, in a way that another thread can abort."""

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
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import trim

from ._bot_replies import BotReply

_HEADERS = {
    "User-Agent": (
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2227.0 Safari/537.36"
    ),
    "Content-Type": "application/json",
    "Connection": "close",
}
_MAX_REPLY_BYTES = 10 * 2**20
_CHUNK_BYTES = 2**16


class CallFailed(Exception):
    """No reply arrived. The text of the exception says why, and ``name`` which exception a real server has."""

    def __init__(self, message: str, name: str = "FetchError") -> None:
        super().__init__(message)
        self.name = name


class OpenCalls:
    """Connections of the calls in progress, which another thread can abort."""

    def __init__(self) -> None:
        self.aborted = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()

    @contextmanager
    def tracking(self, connection: socket.socket) -> Generator[None, None, None]:
        """Let ``abort`` close the connection for the duration of a ``with`` block."""
        with self._lock:
            self._sockets.add(connection)
            if self.aborted.is_set():
                _close(connection)
        try:
            yield
        finally:
            with self._lock:
                self._sockets.remove(connection)

    def abort(self) -> None:
        """Close all connections, also those that are made later."""
        with self._lock:
            self.aborted.set()
            for connection in self._sockets:
                _close(connection)


def _close(connection: socket.socket) -> None:
    # The method of the plain socket: a TLS connection must not be changed while another thread reads.
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


def call_bot(url: str, body: Document, timeout: float, open_calls: OpenCalls) -> BotReply:
    """Post a body to a URL and return the reply. Redirects are not followed, proxies not used.

    Raises:
        CallFailed: no complete reply arrived within that many seconds.
    """
    parts = _parsed(url)
    deadline = time.monotonic() + timeout
    # Lone surrogates, which UTF-8 lacks, become JSON escapes.
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(errors="backslashreplace")
    try:
        connection, target = _connection_for(parts, timeout)
        with closing(connection):
            connection.connect()
            channel: socket.socket = connection.sock
            # Open until the reply is read: without it, http.client closes the socket with the last byte of the reply.
            with open_calls.tracking(channel), channel.makefile("rb"):
                _limit_time(deadline, channel)
                connection.request("POST", target, data, _HEADERS)
                with connection.getresponse() as response:
                    text = _read(response, deadline, channel).decode(errors="replace")
                    return BotReply(response.status, response.headers.get("Content-Type", ""), text)
    except TimeoutError:
        raise CallFailed(f"network timeout at: {url}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise CallFailed(f"request to {url} failed, reason: {error}") from None


def _parsed(url: str) -> SplitResult:
    """Return the parts of a URL.

    Raises:
        CallFailed: it is no absolute URL.
    """
    with suppress(ValueError):
        parts = urlsplit(trim(url))
        _ = parts.port  # raises ValueError if it is no port
        if parts.scheme and parts.hostname:
            return parts
    raise CallFailed(f"Failed to parse URL from {url}", "TypeError")


def _connection_for(parts: SplitResult, timeout: float) -> tuple[http.client.HTTPConnection, str]:
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https"):
        raise ValueError("only HTTP(S) URLs are supported")
    target = quote(urlunsplit(("", "", parts.path or "/", parts.query, "")), safe=string.punctuation)
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=context), target
    return http.client.HTTPConnection(host, parts.port, timeout=timeout), target


def _read(response: http.client.HTTPResponse, deadline: float, channel: socket.socket) -> bytes:
    body = bytearray()
    _limit_time(deadline, channel)
    while chunk := response.read1(_CHUNK_BYTES):
        body += chunk
        if len(body) > _MAX_REPLY_BYTES:
            raise http.client.HTTPException(f"the reply is longer than {_MAX_REPLY_BYTES} bytes")
        _limit_time(deadline, channel)
    if response.length:
        raise http.client.IncompleteRead(bytes(body), response.length)
    return bytes(body)


def _limit_time(deadline: float, channel: socket.socket) -> None:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    channel.settimeout(seconds)
