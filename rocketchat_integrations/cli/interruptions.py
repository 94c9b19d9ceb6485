"""End a command on SIGTERM and SIGHUP as on Ctrl-C: what was sent is answered, and a summary is printed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Generator
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class Interruption(KeyboardInterrupt):
    """A signal has asked the command to end."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__()
        self.number = number


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interruption(signal.Signals(number))


@contextlib.contextmanager
def interrupted_by_signals() -> Generator[None, None, None]:
    """Raise Interruption on SIGTERM and SIGHUP. Ignored signals, such as SIGHUP under nohup, stay ignored."""
    # Read all handlers before replacing the first one: a signal can arrive in between.
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    replaced = {number: handler for number, handler in before.items() if handler is not signal.SIG_IGN}
    try:
        for number in replaced:
            signal.signal(number, _interrupt)
        yield
    finally:
        for number, handler in replaced.items():
            signal.signal(number, handler)


def signal_of(interrupt: KeyboardInterrupt) -> signal.Signals:
    """Return the signal that has interrupted a command."""
    return interrupt.number if isinstance(interrupt, Interruption) else signal.SIGINT
