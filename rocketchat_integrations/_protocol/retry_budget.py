"""Limit the retries that all calls of one client make together, so that they do not make an outage worse."""

from __future__ import annotations

from contextlib import AbstractContextManager

# How much of a retry a call gives back that succeeds at its first try.
_REFILL = 0.2


class RetryBudget:
    """A token bucket of retries. Without a size, there is no limit. Never holds the lock around I/O."""

    def __init__(self, size: int | None, lock: AbstractContextManager[object]) -> None:
        self._size = float("inf") if size is None else float(size)
        self._left = self._size
        self._lock = lock

    def take(self) -> bool:
        """Take a retry; return False if none is left."""
        with self._lock:
            if self._left < 1:
                return False
            self._left -= 1
            return True

    def give_back(self, *, was_retried: bool) -> None:
        """Count a call that has succeeded: its last retry, or a part of one if it needed none."""
        if self._left < self._size:
            with self._lock:
                self._left = min(self._size, self._left + (1 if was_retried else _REFILL))
