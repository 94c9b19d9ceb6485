"""Keep secrets out of tracebacks.

A traceback keeps the local variables of every frame, and tools that report errors print them. A function that takes a
token or a password as text must therefore not be in the traceback of a failure that a user can cause.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from .exceptions import RocketChatError

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C", bound=type)


def sealed(function: Callable[P, R]) -> Callable[P, R]:
    """Drop the function's frames from the traceback of a RocketChatError, and keep those of a bug.

    The traceback of a bug stays complete, so its frames may show a secret. A call with wrong arguments shows none of
    them.
    """

    @functools.wraps(function)
    def guard(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except RocketChatError as error:
            failure: Exception = error.with_traceback(None)
        except Exception as error:
            failure = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
        del args, kwargs  # this frame stays in the traceback
        try:
            raise failure
        finally:
            del failure

    return guard


def sealed_init(cls: C) -> C:
    """Seal the constructor of a class."""
    target: Any = cls  # type checkers refuse to replace a constructor
    target.__init__ = sealed(target.__init__)
    return cls
