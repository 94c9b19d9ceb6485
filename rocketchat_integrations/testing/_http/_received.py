"""Requests that a server has received, as tests see them."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class ReceivedRequest:
    """A request that reached the server, refused ones included. The repr shows nothing secret."""

    method: str
    """The HTTP method, in upper case."""

    endpoint: str
    """The endpoint, by the name that ``fail_next`` takes; empty for an unknown path."""

    path: str = attrs.field(repr=False)
    """The path as it was sent, still quoted, without the query. A webhook's path holds its token."""

    query: Mapping[str, str] = attrs.field(hash=False)
    """The parameters of the query, decoded."""

    headers: Mapping[str, str] = attrs.field(repr=False, hash=False)
    """The headers, with names written like ``X-Auth-Token``."""

    body: bytes = attrs.field(repr=False)
    """The body as it was sent."""

    note: str = ""
    """Why the server refused it, in more detail than the answer had; empty if it did not."""

    @property
    def json(self) -> Any:
        """The body parsed as JSON; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None


@attrs.define
class LoggedRequest:
    """An entry of the log. Its request gets a note once it is answered."""

    request: ReceivedRequest


class RequestLog:
    """The requests received so far, oldest first."""

    def __init__(self, lock: threading.RLock) -> None:
        self._arrived = threading.Condition(lock)
        self._entries: list[LoggedRequest] = []

    @property
    def requests(self) -> tuple[ReceivedRequest, ...]:
        with self._arrived:
            return tuple(entry.request for entry in self._entries)

    def clear(self) -> None:
        """Forget all requests."""
        with self._arrived:
            self._entries = []

    def add(self, request: ReceivedRequest) -> LoggedRequest:
        """Add a request before it is answered."""
        entry = LoggedRequest(request)
        with self._arrived:
            self._entries.append(entry)
            self._arrived.notify_all()
        return entry

    def wait_for(self, endpoint: str, timeout: float) -> ReceivedRequest | None:
        """Return the first request for an endpoint as soon as there is one; None if none arrives in time."""

        def first() -> ReceivedRequest | None:
            return next((request for request in self.requests if request.endpoint == endpoint), None)

        with self._arrived:
            return self._arrived.wait_for(first, timeout)
