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


class Call:
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

    def limited(self, seconds: float) -> float:
        """Return the seconds that the next operation may take: these, or what is left.

        Raises:
            TimeoutError: if nothing is left.
        """
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return min(seconds, left)

    def expired_limit(self) -> float | None:
        """Return `Timeout.total` if the exchange has taken that long."""
        return self._timeout.total if not self.is_connecting and time.monotonic() >= self._deadline else None


current_call: ContextVar[Call] = ContextVar("current_call")


class _LimitedReader(io.RawIOBase):
    """Reads from a socket until the deadline of the call."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, call: Call) -> None:
        self.is_at_end = False
        self._raw = raw
        self._socket = sock
        self._timeout: Any = sock.gettimeout()
        self._call = call
        self._is_stopped = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._is_stopped:
            return None
        self._socket.settimeout(self._call.limited(self._timeout))
        size = self._raw.readinto(buffer)
        self.is_at_end = size == 0
        return size

    def stop(self) -> bool:
        """Read nothing more; return whether TLS holds bytes that were not read."""
        self._is_stopped = True
        pending = getattr(self._socket, "pending", None)
        return pending is not None and pending() > 0

    def close(self) -> None:
        self._raw.close()
        super().close()


class LimitedResponse(HTTPResponse):
    """A response that ends at the deadline, skips informational answers, and notices what is incomplete or left over.

    http.client skips only status 100, takes the end of the connection for the end of the headers, and drops what it
    has read beyond the response.
    """

    fp: io.BufferedReader

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._call = current_call.get()
        self._reader = _LimitedReader(self.fp.detach(), sock, self._call)
        self.fp = io.BufferedReader(self._reader)
        self._informational = 0

    def begin(self) -> None:
        try:
            super().begin()
        except RemoteDisconnected:
            raise
        except BadStatusLine:
            if not self._reader.is_at_end:
                raise
        if self._reader.is_at_end:  # reading stops before the end, at the empty line after the headers
            raise IncompleteRead(b"")

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            python: Any = super()
            line: tuple[str, int, str] = python._read_status()
            status = line[1]
            if status == 101:
                raise HTTPException  # nobody asked for another protocol
            if not 100 <= status < 200:
                return line
            self._informational += 1
            if self._informational > _MOST_INFORMATIONAL:
                raise HTTPException
            parse_headers(self.fp)

    def _close_conn(self) -> None:
        is_left_over = self._reader.stop() or self.fp.peek() != b""
        connection = self._call.connection
        if connection is not None and not is_left_over:
            connection.keep()
        python: Any = super()
        python._close_conn()


class LimitedConnection:
    """A base class for the connections of urllib3: limits the time of each call, and when they are used again."""

    response_class = LimitedResponse
    sock: socket.socket | None
    timeout: float
    is_verified: bool
    _usable_until = 0.0

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
        urllib3: Any = super()
        urllib3.connect()
        # Otherwise urllib3 warns for each request without verification. The transport has warned once.
        self.is_verified = True

    def request(self, *args: Any, **options: Any) -> None:
        call = current_call.get()
        if self.sock is None:
            self.connect()
        call.connection, self._usable_until = self, 0.0
        call.begin_exchange()
        urllib3: Any = super()
        urllib3.request(*args, **options)

    def send(self, data: bytes) -> None:
        """Send in pieces: each has the timeout for itself, and all together end at the deadline."""
        call = current_call.get()
        python: Any = super()
        for start in range(0, len(data), _PIECE):
            assert self.sock is not None
            self.sock.settimeout(call.limited(self.timeout))
            python.send(data[start : start + _PIECE])
