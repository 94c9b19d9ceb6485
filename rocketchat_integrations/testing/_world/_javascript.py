"""JavaScript's semantics where they differ from Python's: the real server is written in JavaScript."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, TypeGuard

_BLANKS = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"

OBJECT_MEMBERS = frozenset(
    (
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString"),
        *("valueOf", "__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
    )
)
"""Names that every JavaScript object has: looking one up in a table finds a value."""


def trim(text: str) -> str:
    """Strip JavaScript's white space: it includes U+FEFF, but not U+001C and U+0085 as Python's does."""
    return text.strip(_BLANKS)


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Return whether a JSON value is an object."""
    return isinstance(value, dict)


def is_array(value: Any) -> TypeGuard[list[Any]]:
    """Return whether a JSON value is an array."""
    return isinstance(value, list)


def as_array(value: Any) -> list[Any]:
    """Return an array as it is, and any other value as an array of that one value."""
    return value if is_array(value) else [value]


def is_truthy(value: Any) -> bool:
    """Return whether JavaScript counts a value as true: empty arrays and objects are true."""
    return bool(value) or isinstance(value, (list, dict))


def as_double(number: float) -> float:
    """Return a number with JavaScript's precision and range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def number_text(value: float) -> str:
    """Return a number or a boolean as JavaScript's ``String()`` does."""
    if isinstance(value, bool):
        return "true" if value else "false"
    number = as_double(value)
    if number == 0:
        return "0"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if 1e-6 <= abs(number) < 1e21:
        # JavaScript prints the shortest digits that identify the number, then zeros.
        return format(Decimal(repr(number)), "f").removesuffix(".0")
    return re.sub(r"e([+-])0", r"e\1", repr(number))


def text_of(value: Any) -> str:
    """Return any JSON value but null as JavaScript's ``String()`` does."""
    if is_array(value):
        return ",".join("" if each is None else text_of(each) for each in value)
    if is_object(value):
        return "[object Object]"
    return value if isinstance(value, str) else number_text(value)


def either(first: Any, second: Any) -> Any:
    """Return what ``first || second`` gives."""
    return first if is_truthy(first) else second


def parse_json(text: str | bytes) -> Any:
    """Return what ``JSON.parse`` gives.

    Raises:
        ValueError: the text is not JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)


def _integer(digits: str) -> int | float:
    """Read a number without a fraction; return infinity if JavaScript cannot hold it."""
    return int(digits) if len(digits) < 300 else float(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
