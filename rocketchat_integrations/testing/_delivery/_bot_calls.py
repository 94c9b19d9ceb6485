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
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit, urlunsplit

import attrs

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import is_truthy, text_of, trim

from ._bot_replies import BotReply

_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/41.0.2227.0 Safari/537.36"
_MAX_REPLY_BYTES = 10 * 2**20
_CHUNK_BYTES = 2**16


@attrs.frozen
class BotRequest:
    """A request to a bot, as scripts get and return it."""

    fields: Document = attrs.field(repr=False)
    """``url``, ``method``, ``headers``, ``data``, and what a script has added."""

    @classmethod
    def to(cls, url: str, data: Document) -> BotRequest:
        """Return the request that is sent without a script."""
        headers = {"User-Agent": _USER_AGENT}
        return cls({"params": {}, "method": "POST", "url": url, "data": data, "headers": headers})

    def with_content_type(self) -> BotRequest:
        """Return the request with the content type of its data, which the server adds."""
        headers = {**self.fields["headers"], "Content-Type": "application/json"}
        return BotRequest({**self.fields, "headers": headers})

    @property
    def url(self) -> str:
        """The URL as text, also if a script returned another type."""
        return text_of(self.fields["url"])

    @property
    def method(self) -> str:
        """The HTTP method in capitals."""
        return text_of(self.fields["method"]).upper()

    @property
    def headers(self) -> dict[str, str]:
        """The headers, with texts as values."""
        headers: Document = self.fields.get("headers") or {}
        return {name: "null" if value is None else text_of(value) for name, value in headers.items()}

    @property
    def body(self) -> bytes | None:
        """The body; None if there are no data."""
        data: Any = self.fields.get("data")
        if not is_truthy(data):
            return None
        text = data if isinstance(data, str) else json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        # Lone surrogates, which UTF-8 lacks, become JSON escapes.
        return text.encode(errors="backslashreplace")


class CallFailed(Exception):
    """No reply arrived. The text says why; ``name`` is the exception that a real server stores."""

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


def call_bot(request: BotRequest, timeout: float, open_calls: OpenCalls) -> BotReply:
    """Send a request and return the reply. Redirects are not followed, proxies not used.

    Raises:
        CallFailed: no complete reply arrived within that many seconds.
    """
    url, data = request.url, request.body
    parts = _parsed(url)
    if data is not None and request.method in ("GET", "HEAD"):
        raise CallFailed("Request with GET/HEAD method cannot have body", "TypeError")
    deadline = time.monotonic() + timeout
    try:
        connection, target = _connection_for(parts, timeout)
        with closing(connection):
            connection.connect()
            channel: socket.socket = connection.sock
            # Open until the reply is read: without it, http.client closes the socket with the last byte of the reply.
            with open_calls.tracking(channel), channel.makefile("rb"):
                _limit_time(deadline, channel)
                connection.request(request.method, target, data, {**request.headers, "Connection": "close"})
                with connection.getresponse() as response:
                    text = _read(response, deadline, channel).decode(errors="replace")
                    headers = {name.lower(): value for name, value in response.headers.items()}
                    return BotReply(response.status, headers, text)
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
