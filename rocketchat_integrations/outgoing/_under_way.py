"""Let a call wait for an equal one that is being handled in this process."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TypeAlias

from ._replies import Answer

End: TypeAlias = "Future[Answer | None]"


class CallsUnderWay:
    """The calls that are being handled, by their keys. May be shared by threads and event loops."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ends: dict[str, End] = {}

    def enter(self, key: str) -> End | None:
        """Return None for the first call with a key, which must :meth:`leave`. Else return the end of the first."""
        with self._lock:
            end = self._ends.get(key)
            if end is None:
                self._ends[key] = Future()
            return end

    def leave(self, key: str, answer: Answer | None) -> None:
        """End the first call. The others get the answer; None if it failed."""
        with self._lock:
            end = self._ends.pop(key)
        end.set_result(answer)
