"""Decode the JSON of responses, with limits of size and depth. Detect JSON that was cut off."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum

from .readers import is_object

# Smaller texts are not measured: decoded, they take at most 35 times their size.
_MEASURED_SIZE = 2**20
# A record takes 3 to 4 times the size of its JSON in memory. Brackets and commas in scripts are counted, too, so that
# minified JavaScript is estimated at 13 times its size.
_MOST_GROWTH = 16
# Bytes of memory that an empty list, a small object and an element take in CPython.
_LIST, _OBJECT, _ELEMENT = 72, 192, 64


class Flaw(Enum):
    """Why a body that is meant as a JSON object has no value."""

    CUT = "the response is incomplete: its JSON ends early"
    LARGE = f"the response is too large: decoded, it would take more than {_MOST_GROWTH} times its size in memory"
    DEEP = "the response is nested too deeply"


class _TooLarge(ValueError):
    """Decoded, the text would take too much memory."""


def decode_json(text: bytes) -> object:
    """Decode JSON like ``json.loads``.

    Raises:
        ValueError: if it is not JSON, or is longer than 1 MiB and could take more than 16 times its size in memory.
        RecursionError: if it is nested too deeply.
    """
    if len(text) > _MEASURED_SIZE and _would_grow_too_much(text):
        raise _TooLarge
    return json.loads(text)


def parse_object(body: bytes, parse: Callable[[bytes], object] = decode_json) -> dict[str, object] | Flaw | None:
    """Return the JSON object; what is wrong with it; or None if the body is not meant as one."""
    try:
        value = parse(body)
    except _TooLarge:
        return Flaw.LARGE
    except json.JSONDecodeError as error:
        return Flaw.CUT if _is_cut(error.doc, error.pos) else None
    except UnicodeDecodeError as error:
        is_last = error.start >= len(body) - 3  # a character takes up to four bytes
        return Flaw.CUT if is_last and body.lstrip().startswith(b"{") else None
    except RecursionError:
        return Flaw.DEEP
    except ValueError:  # a number with thousands of digits
        return None
    return value if is_object(value) else None


def _would_grow_too_much(text: bytes) -> bool:
    """Return whether the decoded text could take too much memory."""
    memory = text.count(b"[") * _LIST + text.count(b"{") * _OBJECT + text.count(b",") * _ELEMENT
    return memory > _MOST_GROWTH * len(text)


# What can stand after the position of the error in JSON that was cut off: nothing, or a part of a token.
_CUT_TOKEN = re.compile(
    r"""(?:
        "[^"\\]*(?:\\.[^"\\]*)*\\?  # a string that does not end
        | \\?u?[0-9a-fA-F]{0,4}      # an escape in a string
        | t(?:ru?)? | f(?:a(?:ls?)?)? | n(?:ul?)? | -
        | \.[0-9]* | [eE][+-]?       # the rest of a number
    )?""",
    re.VERBOSE | re.DOTALL,
)


def _is_cut(text: str, position: int) -> bool:
    return text.lstrip("\ufeff \t\r\n").startswith("{") and _CUT_TOKEN.fullmatch(text, position) is not None
