"""What a JSON value is read as.

Tolerant of old spellings, strict about types: a value of another type is refused, where a stock converter would
coerce it. What is refused is named, and never shown.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any, cast

_UTC = UTC
_EPOCH = datetime(1970, 1, 1, tzinfo=_UTC)


class Mismatch(Exception):
    """The value is of another type than the reader reads, which this names."""


def read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise Mismatch("text")


def read_flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise Mismatch("true or false")


def read_number(value: Any) -> int:
    if type(value) is int:
        return value
    if type(value) is float and math.isfinite(value):
        # JavaScript has one kind of number. A fraction, which old data can have, is kept.
        return int(value) if value.is_integer() else cast(int, value)
    raise Mismatch("a number")


def read_texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise Mismatch("an array of texts")
    texts = cast("list[str]", value)
    for text in texts:
        if not isinstance(text, str):
            raise Mismatch("an array of texts")
    return tuple(texts)


def read_object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value)
    raise Mismatch("an object")


def read_time(value: Any) -> datetime:
    if isinstance(value, dict):  # as old data has it: {"$date": milliseconds}
        value = cast("dict[str, Any]", value).get("$date")
    try:
        if isinstance(value, str):
            time = datetime.fromisoformat(value[:-1] + "+00:00" if value[-1:] == "Z" else value)
            if time.tzinfo is _UTC:
                return time
            return time.astimezone(_UTC) if time.tzinfo else time.replace(tzinfo=_UTC)
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
