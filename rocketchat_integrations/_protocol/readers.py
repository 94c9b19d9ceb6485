"""Read JSON values: tolerant of old spellings, strict about types.

A value of another type is refused, where a stock converter would coerce it. Errors name the type and show no value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeGuard, cast

from typing_extensions import TypeIs

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_from_iso_format = datetime.fromisoformat


class Mismatch(Exception):
    """The value has another type; the message names the expected one."""


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def is_integer(value: object) -> TypeGuard[int]:
    """Return whether a JSON value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    return isinstance(value, Mapping)


def is_sequence(value: object) -> TypeGuard[Sequence[object]]:
    """Return whether JSON can hold the value as an array."""
    return isinstance(value, (list, tuple))


def read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Mismatch("text")


def read_flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise Mismatch("true or false")


def read_number(value: Any) -> int:
    """Read a number; a fraction, which old data can have, is kept."""
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        # JavaScript has one kind of number.
        return int(value) if value.is_integer() else cast(int, value)
    raise Mismatch("a number")


def read_texts(value: Any) -> tuple[str, ...]:
    texts: list[str] = value
    if isinstance(value, list):
        try:
            "".join(texts)  # the fastest check that all are texts
        except TypeError:
            pass
        else:
            return tuple(texts)
    raise Mismatch("an array of texts")


def read_object(value: Any) -> dict[str, Any]:
    data: dict[str, Any] = value
    if isinstance(value, dict):
        return data
    raise Mismatch("an object")


def read_time(value: Any) -> datetime:
    """Read a time: ISO 8601 text, milliseconds since 1970, or old data's ``{"$date": milliseconds}``."""
    if not isinstance(value, str) and is_object(value):
        value = value.get("$date")
    try:
        if isinstance(value, str):
            time = _from_iso_format(value)
            if time.tzinfo is UTC:
                return time
            return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
        return _EPOCH + timedelta(milliseconds=read_number(value))
    except (Mismatch, ValueError, OverflowError):
        raise Mismatch("a time") from None


def json_type(value: object) -> str:
    return _JSON_TYPES.get(type(value), "missing or null")


_JSON_TYPES: dict[type, str] = {
    str: "text",
    dict: "an object",
    list: "an array",
    int: "a number",
    float: "a number",
    bool: "a boolean",
}
