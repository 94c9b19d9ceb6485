"""Rate limits: count the calls of each client to each endpoint."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import attrs

from rocketchat_integrations.testing._world._refusals import Refusal, too_many_requests
from rocketchat_integrations.testing._world._settings import Settings


@attrs.frozen
class Allowance:
    """The calls that are left in a window."""

    limit: int
    remaining: int
    seconds: float
    """Until the window ends."""

    def headers(self, settings: Settings) -> dict[str, str]:
        """Return the rate-limit headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil((settings.now() + self.seconds) * 1000)),
        }

    def refusal(self) -> Refusal:
        """Return the answer once no call is left."""
        seconds = math.ceil(self.seconds)
        return too_many_requests(seconds, f"the limit of {self.limit} calls is used up for {seconds} seconds")


@attrs.define
class _CountedWindow:
    ends: float
    calls: int


class Throttle:
    """Counts calls in windows that begin with a first call, by the server's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._windows: dict[Any, _CountedWindow] = {}

    def count(self, key: Hashable, limit: int, seconds: float) -> tuple[bool, Allowance]:
        """Count one call; return whether it is within the limit, and what is left."""
        now = self._clock()
        window = self._windows.get(key)
        if window is None or window.ends <= now:
            window = self._windows[key] = _CountedWindow(now + seconds, 0)
        window.calls += 1
        allowance = Allowance(limit, max(limit - window.calls, 0), window.ends - now)
        return window.calls <= limit, allowance
