"""Limit the time of an exchange with aiohttp, and decide whether its connection can be used again."""

from __future__ import annotations

import asyncio
import select
from contextvars import ContextVar
from typing import Any

import aiohttp


class LimitedCall:
    """A request in progress. At its deadline, its connection is closed, which ends the request."""

    def __init__(self, limit: float) -> None:
        self.is_connecting = False
        self.has_expired = False
        self._limit = limit
        self._timer: asyncio.TimerHandle | None = None

    def begin_exchange(self, transport: asyncio.Transport) -> None:
        self.is_connecting = False
        self._timer = asyncio.get_running_loop().call_later(self._limit, self._expire, transport)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self, transport: asyncio.Transport) -> None:
        self.has_expired = True
        transport.abort()


current_call: ContextVar[LimitedCall] = ContextVar("current_call")


class LimitedConnector(aiohttp.TCPConnector):
    """A connector that does not reuse connections that are closed or have unread bytes."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> aiohttp.connector.Connection:
        call = current_call.get()
        call.is_connecting = True
        while True:
            connection = await super().connect(req, traces, timeout)
            transport = connection.transport
            assert transport is not None
            if _is_usable(connection.protocol, transport):
                call.begin_exchange(transport)
                return connection
            connection.close()

    def abandon(self) -> None:
        """Leave the connections open. Closing them would disturb the event loop of the parent process."""
        self._closed = True


def _is_usable(protocol: Any, transport: asyncio.Transport) -> bool:
    """Return whether a connection is new, or is open and has no unread bytes."""
    if protocol._parser is None:
        return True
    # `feed_eof` returns a response that has begun. The socket may have bytes that the event loop has not read yet.
    return not protocol.should_close and protocol._parser.feed_eof() is None and not _is_readable(transport)


def _is_readable(transport: asyncio.Transport) -> bool:
    sock = transport.get_extra_info("socket")
    if not hasattr(select, "poll"):  # pragma: no cover - Windows only
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()  # select.select refuses high numbers of files
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))
