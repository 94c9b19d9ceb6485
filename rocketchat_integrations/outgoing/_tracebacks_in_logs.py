"""Format tracebacks for logs: the text of an exception can neither forge lines nor control a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from traceback import TracebackException

from rocketchat_integrations._printable import printable


def format_traceback(error: BaseException, redact: Callable[[str], str]) -> str:
    """Return the traceback as Python prints it, except that type, message and notes of an exception are one line.

    ``redact`` is applied to each part before it is escaped.
    """
    parts = _parts(TracebackException.from_exception(error))
    return "\n".join(" " * depth + printable(redact(part)) for depth, part in parts)


def _parts(error: TracebackException, depth: int = 0) -> Iterator[tuple[int, str]]:
    """Yield the lines with their indentation. The text of an exception is one part, line breaks included."""
    if error.__cause__ is not None:
        yield from _parts(error.__cause__, depth)
        yield depth, "The above exception was the direct cause of the following exception:"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _parts(error.__context__, depth)
        yield depth, "During handling of the above exception, another exception occurred:"
    if error.stack:
        yield depth, "Traceback (most recent call last):"
    for frame in error.stack.format():
        for line in frame.splitlines():
            yield depth, line
    yield depth, "".join(error.format_exception_only()).removesuffix("\n")
    for inner in error.exceptions or ():
        yield from _parts(inner, depth + 4)
