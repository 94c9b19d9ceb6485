"""Remember the answers to recent calls, so that a repeated call does not run its handler again."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol, runtime_checkable

from ._replies import Answer

SECONDS = 300.0
_MAX_CALLS = 1000


class Repeats(Protocol):
    """What :class:`WebhookApp` needs of an object that remembers answers. It may be used by several threads at once.

    A key is text of 64 characters: a digest of the whole call, which contains the token. So equal keys mean the same
    handler and the same payload. If a method raises, the app logs that and goes on without it.

    An object that several processes share can also have the methods ``claim`` and ``release`` of
    :class:`RedisRepeats`. Without them, a call runs in two processes if it is repeated before it is answered.
    """

    def find(self, key: str) -> Answer | None:
        """Return the answer to an earlier call with this key; None if there is none, or it is too old."""
        ...

    def add(self, key: str, answer: Answer) -> None:
        """Remember the answer to a call, unless there is one for its key already."""
        ...


@runtime_checkable
class Claims(Protocol):
    """What an object has if it knows which calls other processes are handling."""

    def claim(self, key: str) -> bool:
        """Claim a call for this process; return False if it is claimed already."""
        ...

    def release(self, key: str) -> None:
        """Give up the claim of a call without a stored answer: it failed, was cancelled, or storing failed."""
        ...


class MemoryRepeats:
    """Remembers the answers to the last 1,000 calls of this process for 5 minutes: the default of :class:`WebhookApp`.

    Answers that are too many or too old are dropped, the oldest first. May be shared by threads.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: OrderedDict[str, tuple[float, Answer]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def find(self, key: str) -> Answer | None:
        """Return the answer to an earlier call with the same body."""
        oldest = self._clock() - SECONDS
        with self._lock:
            while self._answers and next(iter(self._answers.values()))[0] <= oldest:
                self._answers.popitem(last=False)
            answered = self._answers.get(key)
        return answered[1] if answered else None

    def add(self, key: str, answer: Answer) -> None:
        """Remember an answer, unless there is one already."""
        with self._lock:
            self._answers.setdefault(key, (self._clock(), answer))
            if len(self._answers) > _MAX_CALLS:
                self._answers.popitem(last=False)
