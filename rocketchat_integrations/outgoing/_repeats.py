"""Calls that were answered already, for a while."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from ._replies import Answer

_SECONDS = 300.0
_CALLS = 1000


class Repeats:
    """The answers to the last calls, by a digest of the body: it has the token, and so tells the route as well.

    The oldest are forgotten first, when there are too many and when they are too old.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[bytes, tuple[float, Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: bytes) -> Answer | None:
        """The answer that this call had."""
        with self._lock:
            self._forget()
            answered = self._answers.get(key)
        return answered[1] if answered else None

    def add(self, key: bytes, answer: Answer) -> None:
        """Remember the answer of a call."""
        with self._lock:
            self._answers.setdefault(key, (self._clock(), answer))
            if len(self._answers) > _CALLS:
                self._answers.popitem(last=False)

    def _forget(self) -> None:
        oldest = self._clock() - _SECONDS
        while self._answers and next(iter(self._answers.values()))[0] <= oldest:
            self._answers.popitem(last=False)


def key_of(body: bytes) -> bytes:
    """What tells a call from others. Not the body itself, which would keep tokens and messages in memory."""
    return hashlib.sha256(body).digest()
