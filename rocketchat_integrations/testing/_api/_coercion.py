"""Type coercion of ajv, the JSON Schema validator of the real server: ``"true"`` becomes true, null becomes ``""``."""

from __future__ import annotations

import math
import re
from typing import Any

from rocketchat_integrations.testing._world._javascript import as_double, number_text, trim


def is_of_type(kind: str, value: Any) -> bool:
    """Return whether a value has a type of JSON Schema."""
    match kind:
        case "string":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "number":
            return _is_number(value) and math.isfinite(as_double(value))
        case "array":
            return isinstance(value, list)
        case _:
            return value is None


def coerced(kinds: tuple[str, ...], value: Any) -> tuple[bool, Any]:
    """Return whether a value can be coerced to one of the types, tried in their order, and the result."""
    for kind in kinds:
        match kind:
            case "string" if value is None:
                return True, ""
            case "string" if isinstance(value, (int, float)):
                return True, number_text(value)
            case "number" if value is None or isinstance(value, bool):
                return True, int(value or 0)
            case "number" if isinstance(value, str) and value:
                number = _number(value)
                if number is not None:
                    return True, number
            case "boolean" if value in ("false", None) or _equals(value, 0):
                return True, False
            case "boolean" if value == "true" or _equals(value, 1):
                return True, True
            case "null" if value == "" or value is False or _equals(value, 0):
                return True, None
            case _:
                pass
    return False, None


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equals(value: Any, number: int) -> bool:
    return _is_number(value) and bool(value == number)


def _number(text: str) -> int | float | None:
    """Return a text as JavaScript's ``Number()`` does; None for NaN, and for infinity, which JSON cannot hold."""
    text = trim(text)
    if re.fullmatch(r"0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+", text):
        return _finite(int(text, 0))
    if re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII):
        return _finite(float(text))
    return None if text else 0


def _finite(number: float) -> int | float | None:
    double = as_double(number)
    if math.isinf(double):
        return None
    return int(double) if double.is_integer() else double
