"""Parse TOML, YAML and JSON into plain values.

Tables of YAML know the lines of their keys; the other parsers give a line only for syntax errors. Repeated keys are
found here, since the plain values no longer show them. No message shows a value: it may be a secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

TOO_DEEP = "is nested too deeply"
TOO_LONG = "has a number that is too long, or a date that does not exist"

UNREADABLE = object()
"""Replaces a value whose mistake is already reported."""


class Mistake(NamedTuple):
    """A message, and its line in the file where that is known."""

    line: int | None
    message: str


class Unreadable(Exception):
    """The text is not valid in its format."""

    def __init__(self, line: int | None, message: str) -> None:
        super().__init__(message)
        self.mistake = Mistake(line, message)


class Table(dict[str, Any]):
    """A table that knows the lines of its keys, and which of them are repeated."""

    __slots__ = ("lines", "repeated")

    def __init__(self, content: Mapping[str, Any] | None = None, repeated: Iterable[str] = ()) -> None:
        super().__init__(content or {})
        self.lines: dict[str, int] = {}
        self.repeated = list(repeated)


class Array(list[Any]):
    """A list that knows the lines of its elements."""

    __slots__ = ("lines",)

    def __init__(self, content: Iterable[Any], lines: Iterable[int]) -> None:
        super().__init__(content)
        self.lines = dict(enumerate(lines))


class Document(NamedTuple):
    """The content of a text, and the mistakes in it; :data:`UNREADABLE` replaces the values that have one."""

    content: Any
    mistakes: list[Mistake]


def parse(text: str, suffix: str) -> Document:
    """Parse text in the format of a suffix, one of :data:`SUFFIXES`.

    Raises:
        Unreadable: if the text is not valid in this format, or PyYAML is needed and not installed.
    """
    return _PARSERS[suffix](text)


def line_of(content: Any, path: Path) -> int | None:
    """Return the line of a value or of the innermost table around it; None where it is not known."""
    line = None
    for step in path:
        lines: dict[str | int, int] = getattr(content, "lines", {})
        if step not in lines:
            break
        line, content = lines[step], content[step]
    return line


def _parse_json(text: str) -> Document:
    try:
        return Document(json.loads(text, object_pairs_hook=_table), [])
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"is not JSON: {error.msg}, column {error.colno}") from None
    except ValueError:
        raise Unreadable(None, TOO_LONG) from None
    except RecursionError:
        raise Unreadable(None, TOO_DEEP) from None


def _table(pairs: list[tuple[str, Any]]) -> Table:
    counts = Counter(key for key, _ in pairs)
    return Table(dict(pairs), repeated=(key for key, count in counts.items() if count > 1))


def _parse_toml(text: str) -> Document:
    try:
        return Document(tomllib.loads(text), [])
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise Unreadable(int(line[1]) if line else None, f"is not TOML: {error}") from None
    except ValueError:
        raise Unreadable(None, TOO_LONG) from None
    except RecursionError:
        raise Unreadable(None, TOO_DEEP) from None


def _parse_yaml(text: str) -> Document:
    try:
        from ._yaml import parse_yaml
    except ImportError:
        hint = "python -m pip install 'rocketchat-integrations[cli]'"
        raise Unreadable(None, f"reading YAML requires PyYAML, which is not installed: {hint}") from None
    return parse_yaml(text)


_PARSERS: dict[str, Callable[[str], Document]] = {
    ".toml": _parse_toml,
    ".yaml": _parse_yaml,
    ".yml": _parse_yaml,
    ".json": _parse_json,
}

SUFFIXES = tuple(_PARSERS)
"""The suffixes of the formats that can be read."""
