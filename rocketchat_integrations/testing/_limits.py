"""The rate limit."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import attrs

from ._refusals import Refusal, too_many_requests
from ._settings import Settings


@attrs.frozen
class Allowance:
    """What is left of a window, as the headers tell it."""

    limit: int
    remaining: int
    seconds: float
    """How long the window lasts still."""

    def headers(self, settings: Settings) -> dict[str, str]:
        """The headers of limited endpoints."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil((settings.now() + self.seconds) * 1000)),
        }

    def refusal(self) -> Refusal:
        """The answer once nothing is left."""
        seconds = math.ceil(self.seconds)
        return too_many_requests(seconds, f"the limit of {self.limit} calls is used up for {seconds} seconds")


@attrs.define
class _Window:
    ends: float
    calls: int


class RateLimiter:
    """Counts the calls of each client to each endpoint, in windows that begin with a first call.

    The windows go by the server's clock: who sets that ahead ends them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._windows: dict[Any, _Window] = {}

    def count(self, key: Hashable, limit: int, seconds: float) -> tuple[bool, Allowance]:
        """Count one call: whether it is within the limit, and what is left."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _Window(now + seconds, 0)
        window.calls += 1
        allowance = Allowance(limit, max(limit - window.calls, 0), window.ends - now)
        return window.calls <= limit, allowance
