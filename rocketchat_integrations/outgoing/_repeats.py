"""Remember the answers to recent calls, so that a repeated call does not run its handler again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from ._replies import Answer

_MAX_SECONDS = 300.0
_MAX_CALLS = 1000


class Repeats:
    """The answers to recent calls, by the digests of their bodies. May be shared by threads.

    A body contains the token, so equal digests mean the same handler. Answers that are too many or too old are dropped,
    the oldest first.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: bytes) -> Answer | None:
        """Return the answer to an earlier call with the same body."""
        oldest = self._clock() - _MAX_SECONDS
        with self._lock:
            while self._answers and next(iter(self._answers.values()))[0] <= oldest:
                self._answers.popitem(last=False)
            answered = self._answers.get(key)
        return answered[1] if answered else None

    def add(self, key: bytes, answer: Answer) -> None:
        """Remember an answer, unless there is one already."""
        with self._lock:
            self._answers.setdefault(key, (self._clock(), answer))
            if len(self._answers) > _MAX_CALLS:
                self._answers.popitem(last=False)
