"""Where JavaScript, which the server is written in, sees things otherwise than Python."""

from __future__ import annotations

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
