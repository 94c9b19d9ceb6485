"""Waits that can be called off.

A call may wait a minute for the rate limit. Who makes calls in threads of their own and is interrupted can end
those that wait, and with them all that they would still have sent.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar


class CalledOff(Exception):
    """The call ended before it sent what it was about to send."""


_called_off: ContextVar[threading.Event | None] = ContextVar("_called_off", default=None)


@contextmanager
def until(called_off: threading.Event) -> Generator[None, None, None]:
    """Let the calls made here, in this thread, send nothing more once the event is set."""
    before = _called_off.set(called_off)
    try:
        yield
    finally:
        _called_off.reset(before)


def pause(seconds: float) -> None:
    """Wait, before something is sent.

    Raises:
        CalledOff: if it is not to be sent any more.
    """
    called_off = _called_off.get()
    if called_off is None:
        if seconds:
            time.sleep(seconds)
    elif called_off.wait(seconds):
        raise CalledOff
