"""Parse the JSON object of a response. Tell a broken one from a body that is something else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from enum import Enum

from .readers import is_object

# Smaller bodies are not measured: decoded, they take at most 35 times their size.
_MEASURED_SIZE = 2**20
# A record takes 3 to 4 times its size in memory; minified JavaScript counts as 13 times: its brackets are counted, too.
_MOST_GROWTH = 16
# Bytes of memory that an empty list, a small object and an element take in CPython.
_LIST, _OBJECT, _ELEMENT = 72, 192, 64
_BLOCK = 2**16  # bytes


class Flaw(Enum):
    """Why a body that is meant as a JSON object has no value."""

    CUT = "the response is incomplete: its JSON ends early"
    LARGE = f"the response is too large: decoded, it would take more than {_MOST_GROWTH} times its size in memory"
    DEEP = "the response is nested too deeply"


def parse_object(body: bytes, parse: Callable[[bytes], object] = json.loads) -> dict[str, object] | Flaw | None:
    """Return the JSON object; what is wrong with it; or None if the body is not meant as one."""
    if len(body) > _MEASURED_SIZE and _would_grow_too_much(body):
        return Flaw.LARGE
    try:
        value = parse(body)
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


def _would_grow_too_much(body: bytes) -> bool:
    """Return whether the parsed body could take too much memory."""
    limit = _MOST_GROWTH * len(body)
    # Counting all three characters in one pass takes half of the time, and is enough for most bodies.
    items = sum(len(block) - len(block.translate(None, b"[{,")) for block in _blocks(body))
    if items * max(_LIST, _OBJECT, _ELEMENT) <= limit:
        return False
    return body.count(b"[") * _LIST + body.count(b"{") * _OBJECT + body.count(b",") * _ELEMENT > limit


def _blocks(body: bytes) -> Iterator[bytes]:
    return (body[start : start + _BLOCK] for start in range(0, len(body), _BLOCK))


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
