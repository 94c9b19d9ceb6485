"""Word the messages about manifests: types as files have them, paths, and suggestions for misspelled keys."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from datetime import date, time
from types import NoneType
from typing import TypeAlias

from rocketchat_integrations._validation import NOT_UNICODE, Problem, is_unicode, trimmed

KeyPath: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

_TYPE_NAMES: dict[type, str] = {
    NoneType: "null",
    bool: "true or false",
    int: "a number",
    float: "a number",
    str: "text",
    date: "a date",  # or a datetime
    time: "a time",
    list: "a list",
    dict: "a table",
}
_NOT_QUOTED = (bool, int, float, date, time)


class Invalid(Exception):
    """The value or text cannot be used. The message gives the reason; `line` the place, if the parser knows it."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def describe(problem: Problem) -> str:
    """Return the message of a problem, with the name that files have for its type."""
    wrong_type = problem.wrong_type
    if wrong_type is None:
        return problem.message
    name = next(_TYPE_NAMES[base] for base in wrong_type.__mro__ if base in _TYPE_NAMES)
    hint = "; write it in quotes" if problem.expects_text and issubclass(wrong_type, _NOT_QUOTED) else ""
    return f"{problem.message}, not {name}{hint}"


def check_text(value: object) -> str:
    """Return the value if it is text, otherwise raise Invalid."""
    if not isinstance(value, str):
        raise Invalid(describe(Problem("", "must be text", type(value), expects_text=True)))
    if not is_unicode(value):
        raise Invalid(NOT_UNICODE)
    return value


def check_text_not_blank(value: object) -> str:
    """Return the value if it is text that is not blank, otherwise raise Invalid."""
    text = check_text(value)
    if not trimmed(text):
        raise Invalid("must not be blank")
    return text


def check_flag(value: object) -> bool:
    """Return the value if it is true or false, otherwise raise Invalid."""
    if not isinstance(value, bool):
        raise Invalid(describe(Problem("", "must be true or false", type(value))))
    return value


def unknown_key(key: str, allowed: Collection[str]) -> str:
    """Return the message for an unknown key: with the closest key that is allowed, or else all of them."""
    close = difflib.get_close_matches(key.lower(), allowed, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"
    return f"unknown key; {hint}"


def dotted(path: KeyPath) -> str:
    """Return a path as text, such as ``incoming[0].channel``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if re.fullmatch(r"[\w-]+", step) else f".{step!r}"
    return text.removeprefix(".")
