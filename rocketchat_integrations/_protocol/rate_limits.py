"""Keep each endpoint's rate limit window, and say how long to wait before the next call."""

from __future__ import annotations

from contextlib import AbstractContextManager

import attrs

from .errors import quota
from .http import Request, Response

# The Date header has whole seconds, so the computed end of one window varies by up to a second.
_SAME_WINDOW = 1.5
# Seconds between two checks while no response has shown when the new window ends.
_POLL_SECONDS = 0.05
_UNKNOWN = float("inf")


class RateLimiter:
    """How many calls each endpoint still accepts, as its responses say. Never holds the lock around I/O."""

    def __init__(self, lock: AbstractContextManager[object]) -> None:
        self._lock = lock
        self._windows: dict[str, _Window] = {}

    def reserve(self, request: Request, now: float) -> float:
        """Reserve a slot for the request and return 0.0; or return the seconds to wait before asking again."""
        with self._lock:
            window = self._windows.get(_window_key(request))
            if window is None:
                return 0.0
            left = window.ends - now
            if left <= 0:
                window.remaining, window.ends = window.limit, _UNKNOWN
            if window.remaining > 0:
                window.remaining -= 1
                return 0.0
            return _POLL_SECONDS if window.ends == _UNKNOWN else left

    def observe(self, request: Request, response: Response | None, now: float) -> None:
        """Update the endpoint's window from a response; None if there was none."""
        key = _window_key(request)
        limit, remaining, resets_in = (None, None, None) if response is None else quota(response)
        with self._lock:
            window = self._windows.get(key)
            if limit is None or remaining is None or resets_in is None:
                # No quota headers: return the reserved slot.
                if window is not None and window.ends == _UNKNOWN:
                    window.remaining = min(window.remaining + 1, window.limit)
                return
            ends = now + resets_in
            if window is None or (window.ends != _UNKNOWN and ends > window.ends + _SAME_WINDOW):
                self._windows[key] = _Window(max(limit, 1), remaining, ends)
            else:
                # Calls under way are counted here, and perhaps not yet by the server.
                window.remaining = min(window.remaining, remaining)
                window.ends = min(window.ends, ends)


@attrs.define
class _Window:
    limit: int
    remaining: int
    ends: float


def _window_key(request: Request) -> str:
    # Each webhook has a window of its own.
    return request.endpoint if request.authenticated else request.url
