"""JavaScript's semantics where they differ from Python's: the real server is written in JavaScript."""

from __future__ import annotations

import json
from typing import Any, TypeGuard

_BLANKS = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"


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
