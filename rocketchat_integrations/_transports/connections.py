"""Limit the time of an HTTP exchange, and decide whether its connection can be used again.

Extends the connections of http.client, from which those of urllib3 are made.
"""

from __future__ import annotations

import io
import socket
import time
from contextvars import ContextVar
from http.client import BadStatusLine, HTTPException, HTTPResponse, IncompleteRead, RemoteDisconnected, parse_headers
from typing import Any

from rocketchat_integrations._protocol.http import Timeout

# Node.js closes a connection that was idle for 5 s: a request sent at that moment would be lost.
LONGEST_IDLE = 4.0
_MOST_INFORMATIONAL = 100  # answers before the final one
_PIECE = 16384  # bytes of a TLS record


class TimedCall:
    """A request under way: its deadline, and the connection that it uses."""

    def __init__(self, timeout: Timeout, secrets: tuple[str, ...]) -> None:
        self.secrets = secrets
        self.is_connecting = False
        self.connection: LimitedConnection | None = None
        self._timeout = timeout
        self._deadline = float("inf")

    def begin_connecting(self) -> None:
        """Limit the time to establish the connection, including a proxy's response."""
        self.is_connecting = True
        self._deadline = time.monotonic() + self._timeout.connect + self._timeout.read

    def begin_exchange(self) -> None:
        """Limit the time from the first byte of the request to the last of the response."""
        self.is_connecting = False
        self._deadline = time.monotonic() + self._timeout.total

    def limit(self, sock: socket.socket, seconds: float) -> None:
        """Set the time that the next operation of a socket may take: these seconds, or what is left.

        Raises:
            TimeoutError: if nothing is left.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        limit = min(seconds, left)
        if limit != sock.gettimeout():
            sock.settimeout(limit)

    def expired_limit(self) -> float | None:
        """Return `Timeout.total` if the exchange has taken that long."""
        return self._timeout.total if not self.is_connecting and time.monotonic() >= self._deadline else None


current_call: ContextVar[TimedCall] = ContextVar("current_call")


class LimitedResponse(HTTPResponse):
    """A response that ends at the deadline, skips informational answers, and notices what is incomplete or left over.

    http.client skips only status 100, takes the end of the connection for the end of the headers, and drops what it
    has read beyond the response.
    """

    fp: io.BufferedReader
    _informational = 0
    _is_at_end = False
    _is_over = False

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._call = current_call.get()
        self._sock = sock
        self._timeout: Any = sock.gettimeout()
        # The buffer calls this method of its raw stream.
        raw: Any = self.fp.raw
        self._readinto: Any = raw.readinto
        raw.readinto = self._readinto_within_limit

    def _readinto_within_limit(self, buffer: memoryview) -> int | None:
        if self._is_over:
            return None
        self._call.limit(self._sock, self._timeout)
        size: int = self._readinto(buffer)
        self._is_at_end = size == 0
        return size

    def begin(self) -> None:
        try:
            super().begin()
        except RemoteDisconnected:
            raise
        except BadStatusLine:
            if not self._is_at_end:
                raise
        if self._is_at_end:  # reading stops before the end, at the empty line after the headers
            raise IncompleteRead(b"")

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            python: Any = super()
            line: tuple[str, int, str] = python._read_status()
            status = line[1]
            if status == 101:
                raise HTTPException  # no request asks for another protocol
            if not 100 <= status < 200:
                return line
            self._informational += 1
            if self._informational > _MOST_INFORMATIONAL:
                raise HTTPException
            parse_headers(self.fp)

    def _close_conn(self) -> None:
        self._is_over = True  # from now on, `peek` shows only what was read
        connection = self._call.connection
        if connection is not None and not self.fp.peek() and not _pending(self._sock):
            connection.keep()
        self._readinto = None  # ends a cycle of references
        python: Any = super()
        python._close_conn()


def _pending(sock: Any) -> int:
    """Return the number of bytes that TLS has decrypted and that were not read."""
    return int(sock.pending()) if hasattr(sock, "pending") else 0


class LimitedConnection:
    """A base class for the connections of urllib3: limits the time of each call, and when they are used again."""

    response_class = LimitedResponse
    sock: socket.socket | None
    timeout: float
    is_verified: bool
    _usable_until = 0.0
    _collected: list[bytes] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used again: neither closed, nor with unread bytes, nor idle for long."""
        urllib3: Any = super()
        return time.monotonic() < self._usable_until and urllib3.is_connected

    def keep(self) -> None:
        """Allow to use the connection again soon, after a response that was read to its end."""
        self._usable_until = time.monotonic() + LONGEST_IDLE

    def connect(self) -> None:
        current_call.get().begin_connecting()
        self._collected = None
        urllib3: Any = super()
        urllib3.connect()
        # Otherwise urllib3 warns for each request without verification. The transport has warned once.
        self.is_verified = True

    def request(self, *args: Any, **options: Any) -> None:
        """Send a request at once: headers and body in two packets would take longer."""
        call = current_call.get()
        if self.sock is None:
            self.connect()
        call.connection, self._usable_until = self, 0.0
        call.begin_exchange()
        self._collected = []
        urllib3: Any = super()
        urllib3.request(*args, **options)
        data, self._collected = b"".join(self._collected), None
        # In pieces: over TLS, a socket takes its timeout for each record, and has none for all of them.
        for start in range(0, len(data), _PIECE):
            assert self.sock is not None
            call.limit(self.sock, self.timeout)
            self.send(data[start : start + _PIECE])

    def send(self, data: bytes) -> None:
        if self._collected is None:
            python: Any = super()
            python.send(data)
        else:
            self._collected.append(data)
