"""Keep each endpoint's rate limit window."""

from __future__ import annotations

import threading
import time

import attrs

from .errors import Quota, quota
from .http import Request, Response


class RateLimiter:
    """How many calls each endpoint still takes, as its answers have said. Shared by threads."""

    # Dates in headers are whole seconds: the end of one and the same window moves by as much.
    _SAME = 1.5
    # All calls of a new window are under way, and none of them has said when it ends.
    _UNKNOWN = 0.05

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}

    def reserve(self, request: Request) -> float:
        """Seconds to wait before this may be sent; 0.0: go, and it has been counted."""
        with self._lock:
            window = self._windows.get(_window_of(request))
            if window is None:
                return 0.0
            left = window.ends - time.monotonic()
            if left <= 0:
                window.remaining, window.ends = window.limit, _NOT_KNOWN
            if window.remaining > 0:
                window.remaining -= 1
                return 0.0
            return self._UNKNOWN if window.ends == _NOT_KNOWN else left

    def observe(self, request: Request, response: Response | None) -> None:
        """Take in what an answer says; None if there was none."""
        said = _NOTHING_SAID if response is None else quota(response)
        with self._lock:
            window = self._windows.get(_window_of(request))
            if said.limit is None or said.remaining is None or said.resets_in is None:
                # Nobody is to wait for a call that has ended without a word.
                if window is not None and window.ends == _NOT_KNOWN:
                    window.remaining = min(window.remaining + 1, window.limit)
                return
            ends = time.monotonic() + said.resets_in
            if window is None or (window.ends != _NOT_KNOWN and ends > window.ends + self._SAME):
                self._windows[_window_of(request)] = _Window(max(said.limit, 1), said.remaining, ends)
            else:
                # Calls under way have been counted here, and perhaps not yet there.
                window.remaining = min(window.remaining, said.remaining)
                window.ends = min(window.ends, ends)


_NOT_KNOWN = float("inf")
_NOTHING_SAID = Quota(limit=None, remaining=None, resets_in=None)


@attrs.define
class _Window:
    limit: int
    remaining: int
    ends: float


def _window_of(request: Request) -> str:
    return request.endpoint if request.authenticated else request.url
