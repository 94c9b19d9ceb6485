"""Keep secrets out of tracebacks.

A traceback keeps the local variables of every frame, and tools that report errors print them. A function that takes a
token or a password as text must therefore not be in the traceback of a failure that a user can cause.
"""

from __future__ import annotations

import functools
import opcode
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)

_RAISE = opcode.opmap["RAISE_VARARGS"]


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Drop the function's frames from the traceback of a deliberate failure, and keep those of a bug.

    A failure is deliberate if a ``raise`` statement of this package raised it, whatever its class. Any other is a bug:
    its traceback leads to the line that is wrong, and the frames on the way may hold a secret.
    """

    @functools.wraps(function)
    def guard(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            failure = error
        # This frame stays in the traceback, also where the arguments do not fit the function.
        del args, kwargs
        try:
            raise failure.with_traceback(_without_secrets(failure.__traceback__))
        finally:
            del failure

    return guard


def sealed_init(cls: C) -> C:
    """Seal the constructor of a class."""
    setattr(cls, "__init__", sealed(getattr(cls, "__init__")))  # noqa: B009, B010 - plain, type checkers refuse it
    return cls


def _without_secrets(traceback: TracebackType | None) -> TracebackType | None:
    """Return the traceback below the guard's frame, or None if the failure is deliberate."""
    assert traceback is not None  # of an exception that was caught
    innermost = traceback
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    frame = innermost.tb_frame
    is_ours = frame.f_globals.get("__name__", "").partition(".")[0] == __package__
    return None if is_ours and frame.f_code.co_code[innermost.tb_lasti] == _RAISE else traceback.tb_next
