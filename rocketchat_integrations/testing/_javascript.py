"""Where JavaScript, which the server is written in, sees things otherwise than Python."""

from __future__ import annotations

import json
from typing import Any

_BLANKS = "\t\n\v\f\r \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000\ufeff"


def trim(text: str) -> str:
    """The text without JavaScript's blanks around it, not Python's: U+FEFF is one, U+001C and U+0085 are not."""
    return text.strip(_BLANKS)


def is_truthy(value: Any) -> bool:
    """Whether a value counts as true: empty arrays and objects do as well."""
    return bool(value) or isinstance(value, (list, dict))


def either(first: Any, second: Any) -> Any:
    """What ``first || second`` gives."""
    return first if is_truthy(first) else second


def parse_json(text: str | bytes) -> Any:
    """What ``JSON.parse`` gives.

    Raises:
        ValueError: the text is no JSON.
        RecursionError: it is nested too deeply.
    """
    return json.loads(text, parse_int=_integer, parse_constant=_refuse_constant)


def _integer(digits: str) -> int | float:
    """A number without a fraction; infinite if JavaScript cannot hold it."""
    return int(digits) if len(digits) < 300 else float(digits)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
