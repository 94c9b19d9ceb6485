"""Parse TOML and JSON into plain values.

Tables of YAML know the lines of their keys; the other parsers give a line only for syntax errors. Repeated keys are
found here, since the plain values no longer show them. No message shows a value: it may be a secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterable
from typing import Any, TypeAlias

from ._wording import Invalid, KeyPath

TOO_DEEP = "is nested too deeply"
TOO_LONG = "has a number that is too long, or a date that does not exist"

# A dotted key of many parts costs tomllib time and memory with the square of their number. Also found in texts, where
# no path is as long.
_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = re.compile(rf"(?<![\w-]){_PART}(?:[ \t]*+\.[ \t]*+{_PART}){{64}}")

UNREADABLE = object()
"""Replaces a value whose mistake is already reported."""

Document: TypeAlias = tuple[Any, list[tuple[int, str]]]
"""The content of a text, and the line and message of each mistake; :data:`UNREADABLE` replaces a wrong value."""


class Table(dict[str, Any]):
    """A table that knows the lines of its keys, and which of them are repeated."""

    def __init__(self, pairs: Iterable[tuple[str, Any]] = (), repeated: Iterable[str] = ()) -> None:
        super().__init__(pairs)
        self.lines: dict[str, int] = {}
        self.repeated = list(repeated)


class Array(list[Any]):
    """A list that knows the lines of its elements."""

    def __init__(self, content: Iterable[Any], lines: Iterable[int]) -> None:
        super().__init__(content)
        self.lines = dict(enumerate(lines))


def line_of(content: Any, path: KeyPath) -> int | None:
    """Return the line of a value or of the innermost table around it; None where it is not known."""
    line = None
    for step in path:
        lines: dict[str | int, int] = getattr(content, "lines", {})
        if step not in lines:
            break
        line, content = lines[step], content[step]
    return line


def parse(text: str, suffix: str) -> Document:
    """Parse TOML or JSON. Raise Invalid if the text is neither."""
    if suffix == ".toml" and (found := _LONG_KEY.search(text)):
        raise Invalid(TOO_DEEP, text.count("\n", 0, found.start()) + 1)
    try:
        return tomllib.loads(text) if suffix == ".toml" else json.loads(text, object_pairs_hook=_table), []
    except json.JSONDecodeError as error:
        raise Invalid(f"is not JSON: {error.msg}, column {error.colno}", error.lineno) from None
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise Invalid(f"is not TOML: {error}", int(line[1]) if line else None) from None
    except ValueError:
        raise Invalid(TOO_LONG) from None
    except RecursionError:
        raise Invalid(TOO_DEEP) from None


def _table(pairs: list[tuple[str, Any]]) -> Table:
    counts = Counter(key for key, _ in pairs)
    return Table(pairs, repeated=(key for key, count in counts.items() if count > 1))
