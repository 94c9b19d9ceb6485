"""Failures of calls that are given secrets, without the frames that hold them.

A traceback keeps the local variables of every frame it passes, and tools that
report errors print them. A function that takes a token or a password as a plain
text argument therefore must not appear in the traceback of its own failure.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """The function, except that what it raises carries no frame with its arguments."""

    @functools.wraps(function)
    def guard(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            failure = error
        del args, kwargs
        try:
            raise failure.with_traceback(None)
        finally:
            del failure

    return guard


def sealed_init(cls: C) -> C:
    """The class, its constructor sealed."""
    setattr(cls, "__init__", sealed(getattr(cls, "__init__")))  # noqa: B009, B010 - plain, type checkers refuse it
    return cls
