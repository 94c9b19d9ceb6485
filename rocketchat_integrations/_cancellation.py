"""Cancel calls that wait in other threads.

A call may wait a minute for a rate limit. A program that makes calls in threads of its own, and is interrupted, can
cancel them: they send nothing more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar


class Cancelled(Exception):
    """The call was cancelled before it sent its next request."""


_cancelled: ContextVar[threading.Event | None] = ContextVar("_cancelled", default=None)


@contextmanager
def cancel_when(cancelled: threading.Event) -> Generator[None, None, None]:
    """Cancel the calls made in this context, in this thread, once the event is set."""
    before = _cancelled.set(cancelled)
    try:
        yield
    finally:
        _cancelled.reset(before)


def pause(seconds: float, sleep: Callable[[float], None]) -> None:
    """Wait before a request.

    Raises:
        Cancelled: if the call is cancelled before or during the wait.
    """
    cancelled = _cancelled.get()
    if cancelled is None:
        sleep(seconds)
    elif cancelled.wait(seconds):
        raise Cancelled


def check_cancelled() -> None:
    """Raise Cancelled if the call is cancelled."""
    cancelled = _cancelled.get()
    if cancelled is not None and cancelled.is_set():
        raise Cancelled
