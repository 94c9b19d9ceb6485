"""What is said to people, on standard error: data go to standard output, and nothing else does."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Generator


def print_error(text: str) -> None:
    """Say it. That nobody can read it any more, for the terminal is gone, stops nothing."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """The text without what would move a cursor or ring a bell: names and messages are written by others."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def told(error: Exception) -> str:
    """What an exception says: in one line, unless it tells of several things."""
    # Of a file's failure, the name of the file comes first, and nobody needs a number.
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    lines = [printable(" ".join(line.split())) for line in text.splitlines() if line.strip()]
    return " ".join(lines) if len(lines) <= 2 else "\n  ".join(lines)


class _Waits(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_error(f"  ({printable(record.getMessage())})")


@contextlib.contextmanager
def waits_are_shown() -> Generator[None, None, None]:
    """Nobody should wonder why nothing happens: the client logs its waits."""
    logger = logging.getLogger("rocketchat_integrations")
    level, handler = logger.level, _Waits()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
