"""Find secrets in what a program shows: exceptions, tracebacks, pickles, log records.

Every secret of the tests contains the word "canary", and so does every quoted form of it.
"""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path

import rocketchat_integrations
from rocketchat_integrations import RocketChatError

PACKAGE = Path(rocketchat_integrations.__file__).parent
CANARY = "canary"


def texts_of(value: object) -> Iterator[str]:
    """Yield a value as text, in all ways."""
    yield from (repr(value), str(value), format(value), ascii(value))


def places(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """Yield all that an exception shows, each text with its place."""
    while error is not None:
        name = type(error).__name__
        for text in texts_of(error):
            yield f"{name} as text", text
        for text in (repr(error.args), repr(vars(error)), *map(str, vars(error).values())):
            yield f"{name}'s attributes", text
        if isinstance(error, RocketChatError):
            yield f"the pickle of {name}", pickle.dumps(error, protocol=0).decode("latin-1")
            assert error.__cause__ is None or isinstance(error.__cause__, RocketChatError)
            assert error.__context__ is None or isinstance(error.__context__, RocketChatError)
        for frame, line in traceback.walk_tb(error.__traceback__):
            code = frame.f_code
            if Path(code.co_filename).is_relative_to(PACKAGE) or code.co_filename.startswith("<attrs generated"):
                for variable, value in frame.f_locals.items():
                    yield f"{variable} in {code.co_filename}:{line}", repr(value)
        error = error.__cause__ or error.__context__


def leaks(error: BaseException | None) -> list[str]:
    """Return the places in which an exception shows a secret."""
    return [place for place, text in places(error) if CANARY in text.lower()]


class RecordKeeper(logging.Handler):
    """Keep all log records."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def logged_leaks(records: list[logging.LogRecord]) -> list[str]:
    """Return the records that show a secret, by the names of their loggers."""
    return [record.name for record in records if any(CANARY in text.lower() for text in _logged(record))]


def _logged(record: logging.LogRecord) -> Iterator[str]:
    yield f"{record.getMessage()} {vars(record)!r}"
    if record.exc_info:
        yield "".join(traceback.format_exception(*record.exc_info))
        for frame, _ in traceback.walk_tb(record.exc_info[2]):
            yield repr(frame.f_locals)
