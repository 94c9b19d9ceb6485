"""TOML, YAML and JSON text -> plain values, and the lines on which they stand.

What a format lets pass and a reader of the values could no longer see is found here:
keys that stand twice in JSON and YAML, and what YAML makes of words that begin with
``#`` or ``!``. No message shows a value, for any of them may be a secret.
"""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeAlias, cast

Path: TypeAlias = tuple[str | int, ...]
"""The keys and indexes that lead to a value."""

# More than any manifest needs, and little enough to be read in no time.
_DEEPEST = 32
_MOST_COPIES = 1_000_000

_TOO_DEEP = "is nested too deeply"
_TOO_LONG = "holds a number that is too long, or a date that does not exist"


UNREAD = object()
"""Stands for a value with a mistake that was told."""


class Mistake(NamedTuple):
    """What is wrong, and on which line; None where that is not known."""

    line: int | None
    problem: str


class Unreadable(Exception):
    """Text that is not in its format at all."""

    def __init__(self, line: int | None, problem: str) -> None:
        super().__init__(problem)
        self.mistake = Mistake(line, problem)


class Table(dict[str, Any]):
    """A table that knows the lines of its keys, and which keys were written twice."""

    __slots__ = ("lines", "repeated")

    def __init__(
        self, content: Mapping[str, Any], lines: Mapping[str, int] | None = None, repeated: Iterable[str] = ()
    ) -> None:
        super().__init__(content)
        self.lines = dict(lines or {})
        self.repeated = tuple(repeated)


class Array(list[Any]):
    """An array that knows the lines of its elements."""

    __slots__ = ("lines",)

    def __init__(self, content: Iterable[Any], lines: Iterable[int]) -> None:
        super().__init__(content)
        self.lines = dict(enumerate(lines))


class Document(NamedTuple):
    """What a text says, and where it says it."""

    content: object
    line: Callable[[Path], int | None]
    """The line of a value, or of the table around it; None where the format does not tell."""
    mistakes: tuple[Mistake, ...] = ()
    """What is wrong with single values; :data:`UNREAD` stands in the content instead of them."""


def _no_line(path: Path) -> None:
    """The line of a value in a format that does not tell."""


NOTHING = Document(None, _no_line)
"""What a text without content says."""


def repeated(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys that were written more than once in a table."""
    return table.repeated if isinstance(table, Table) else ()


def parse(text: str, suffix: str) -> Document:
    """Read text in the format of a suffix, one of :data:`SUFFIXES`.

    Raises:
        Unreadable: if it is not in this format, or the library to read it is not installed.
    """
    return _PARSERS[suffix](text)


def _library(module: str, format: str, package: str) -> Any:
    # Imported when it is needed: who keeps definitions in JSON needs none of them.
    try:
        return importlib.import_module(module)
    except ImportError:
        hint = "pip install 'rocketchat-integrations[cli]'"
        raise Unreadable(None, f"reading {format} needs {package}, which is not installed: {hint}") from None


def _json(text: str) -> Document:
    try:
        content = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        raise Unreadable(error.lineno, f"is not JSON: {error.msg}, column {error.colno}") from None
    except ValueError:
        raise Unreadable(None, _TOO_LONG) from None
    except RecursionError:
        raise Unreadable(None, _TOO_DEEP) from None
    return Document(content, _no_line)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) == len(pairs):
        return content
    times = Counter(key for key, _ in pairs)
    return Table(content, repeated=(key for key in content if times[key] > 1))


def _toml(text: str) -> Document:
    tomllib = _library("tomllib" if sys.version_info >= (3, 11) else "tomli", "TOML", "tomli")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).partition(" (at ")
        line = re.match(r"line (\d+)", place)
        raise Unreadable(int(line[1]) if line else None, f"is not TOML: {problem}") from None
    except ValueError:
        raise Unreadable(None, _TOO_LONG) from None
    except RecursionError:
        raise Unreadable(None, _TOO_DEEP) from None
    lines = _TomlLines(text, lambda quoted: tomllib.loads(f"it = {quoted}")["it"]).lines
    return Document(content, partial(_nearest, lines))


_TOML_PART = r"""(?: [\w-]+ | "(?: \\. | [^"\\\n] )*" | '[^'\n]*' )"""
_TOML_KEY = rf"{_TOML_PART} (?: [ \t]* \. [ \t]* {_TOML_PART} )*"
_TOML_PARTS = re.compile(_TOML_PART, re.VERBOSE)
# What may stand where a line begins, or within braces: the header of a table, or a key.
_TOML_BEGIN = re.compile(
    rf"""
    (?: \s | \#[^\n]* )*
    (?: (?P<header> \[\[? ) [ \t]* (?P<table> {_TOML_KEY} ) [ \t]* \]\]? | (?P<key> {_TOML_KEY} ) [ \t]* = )?
    """,
    re.VERBOSE,
)
# What there is to see within a value. Strings and comments may look like anything.
_TOML_TOKEN = re.compile(r"\"\"\"|'''|[\"'\[\]{},\n]|#[^\n]*")
# Where strings end. Those of many lines may end with two quotes of their own.
_TOML_STRING_ENDS = {
    '"""': re.compile(r'\\.|"{3,5}', re.DOTALL),
    "'''": re.compile(r"'{3,5}"),
    '"': re.compile(r'\\.|"'),
    "'": re.compile(r"'"),
}


class _TomlLines:
    """Finds the lines of the tables, keys and elements of valid TOML."""

    def __init__(self, text: str, unquoted: Callable[[str], str]) -> None:
        self.lines: dict[Path, int] = {}
        self._text = text
        self._unquoted = unquoted
        self._line, self._counted = 1, 0
        self._elements: dict[Path, int] = {}
        """How many elements an array of tables has, less one."""
        self._table: Path = ()
        """The table of the last header."""
        self._value: Path = ()
        """What the last key leads to."""
        self._around: list[tuple[Path, int | None]] = []
        """The brackets and braces that are open: where, and in brackets at which element."""
        position, begins = 0, True
        while position < len(text):
            position, begins = self._begin(position) if begins else self._go_on(position)

    def _begin(self, position: int) -> tuple[int, bool]:
        begin = cast("re.Match[str]", _TOML_BEGIN.match(self._text, position))
        if begin["table"]:
            self._begin_table(begin["table"], begin.start("table"), is_element=begin["header"] == "[[")
        elif begin["key"]:
            self._value = self._around[-1][0] if self._around else self._table
            for part in self._parts(begin["key"]):
                self._value = (*self._value, part)
                self._note_first(self._value, begin.start("key"))
        return begin.end(), False

    def _begin_table(self, key: str, position: int, *, is_element: bool) -> None:
        here: Path = ()
        *parents, last = self._parts(key)
        for part in parents:
            here = self._last_element((*here, part))
            self._note_first(here, position)
        here = (*here, last)
        if is_element:
            self._note_first(here, position)
            self._elements[here] = self._elements.get(here, -1) + 1
        self._table = self._last_element(here)
        self._note(self._table, position)

    def _last_element(self, path: Path) -> Path:
        return (*path, self._elements[path]) if path in self._elements else path

    def _go_on(self, position: int) -> tuple[int, bool]:
        token = _TOML_TOKEN.search(self._text, position)
        if token is None:
            return len(self._text), False
        position = token.end()
        match token[0]:
            case "\n":
                return position, not self._around
            case "[":
                self._around.append((self._here(), 0))
            case "{":
                here = self._here()
                self._note(here, token.start())
                self._around.append((here, None))
                return position, True
            case "]" | "}":
                self._around.pop()
            case ",":
                path, element = self._around[-1]
                if element is None:
                    return position, True
                self._around[-1] = path, element + 1
            case quotes if quotes in _TOML_STRING_ENDS:
                if self._around:
                    self._note(self._here(), token.start())
                position = _after_string(self._text, position, quotes)
            case _:
                pass  # a comment
        return position, False

    def _here(self) -> Path:
        """What the value that begins here is."""
        path, element = self._around[-1] if self._around else ((), None)
        return self._value if element is None else (*path, element)

    def _parts(self, key: str) -> Iterator[str]:
        for part in _TOML_PARTS.findall(key):
            yield self._unquoted(part) if part[0] in "\"'" else part

    def _note(self, path: Path, position: int) -> None:
        self.lines[path] = self._line_of(position)

    def _note_first(self, path: Path, position: int) -> None:
        # What a longer name implies may have been written before, or may get a header of its own.
        self.lines.setdefault(path, self._line_of(position))

    def _line_of(self, position: int) -> int:
        self._line += self._text.count("\n", self._counted, position)
        self._counted = position
        return self._line


def _after_string(text: str, start: int, quotes: str) -> int:
    tokens = _TOML_STRING_ENDS[quotes].finditer(text, start)
    return next((token.end() for token in tokens if not token[0].startswith("\\")), len(text))


def _nearest(lines: Mapping[Path, int], path: Path) -> int | None:
    # An element on no line of its own is not on the line where its array begins.
    while path not in lines and path and isinstance(path[-1], str):
        path = path[:-1]
    return lines.get(path)


def _yaml(text: str) -> Document:
    yaml = _library("yaml", "YAML", "PyYAML")
    composer = _YamlComposer(yaml, text)
    try:
        for event in yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            composer.take(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem: str = getattr(error, "problem", None) or error.reason
        # Some problems quote what they found; a character may be shown, a word may be a secret.
        shown = re.sub(r" '[^']{2,}'", "", problem)
        raise Unreadable(mark and mark.line + 1, f"is not YAML: {shown}") from None
    return Document(composer.root, partial(_line_within, composer.root), tuple(composer.mistakes))


def _line_within(content: Any, path: Path) -> int | None:
    line = None
    for step in path:
        lines: dict[str | int, int] = getattr(content, "lines", {})
        if step not in lines:
            break
        line, content = lines[step], content[step]
    return line


# Where YAML reads no value; whoever writes a comment leaves a blank after the sign.
_COMMENT_AT_ONCE = re.compile(r"[ \t]+#\S")


class _Node(NamedTuple):
    value: Any
    line: int
    size: int = 1  # how many values it is made of, copies included
    merges: bool = False  # as a key: what it leads to is merged into the table


class _YamlComposer:
    """Makes values of YAML's events.

    PyYAML's own way from events to values forgets the lines, keeps the last of two equal
    keys, follows nesting with the stack and copies as often as it is told.
    """

    def __init__(self, yaml: Any, text: str) -> None:
        self.root: Any = None
        self.mistakes: list[Mistake] = []
        self._yaml = yaml
        self._text = text
        self._resolve = yaml.resolver.Resolver().resolve
        self._constructor = yaml.constructor.SafeConstructor()
        self._documents = 0
        self._open: list[tuple[Any, list[_Node]]] = []
        self._anchors: dict[str, _Node] = {}
        self._copies = 0

    def take(self, event: Any) -> None:
        yaml, line = self._yaml, event.start_mark.line + 1
        if isinstance(event, yaml.ScalarEvent):
            self._add(event.anchor, self._scalar(event, line))
        elif isinstance(event, yaml.AliasEvent):
            self._add(None, self._copy(event, line))
        elif isinstance(event, yaml.CollectionStartEvent):
            if len(self._open) == _DEEPEST:
                raise Unreadable(line, _TOO_DEEP)
            self._open.append((event, []))
        elif isinstance(event, yaml.CollectionEndEvent):
            start, children = self._open.pop()
            self._add(start.anchor, self._collection(start, children))
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise Unreadable(line, "holds a second document (---): a manifest is one")

    def _add(self, anchor: str | None, node: _Node) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1][1].append(node)
        else:
            self.root = node.value

    def _mistaken(self, line: int, problem: str) -> _Node:
        self.mistakes.append(Mistake(line, problem))
        return _Node(UNREAD, line)

    def _scalar(self, event: Any, line: int) -> _Node:
        tag = event.tag
        if tag in (None, "!"):
            tag = self._resolve(self._yaml.ScalarNode, event.value, event.implicit)
        elif tag != "tag:yaml.org,2002:str":
            return self._mistaken(line, "has a tag: write text that begins with ! in quotes")
        if event.value == "" and _COMMENT_AT_ONCE.match(self._text, event.start_mark.index):
            return self._mistaken(line, "has no value, for # begins a comment: write text that begins with # in quotes")
        kind = tag.rpartition(":")[2]
        if kind in ("str", "merge", "value"):  # `<<` and `=` are nothing special as values
            return _Node(event.value, line, merges=kind == "merge")
        construct = self._constructor.yaml_constructors[tag]
        try:
            return _Node(construct(self._constructor, self._yaml.ScalarNode(tag, event.value)), line)
        except (ValueError, OverflowError):
            return self._mistaken(line, _TOO_LONG)

    def _copy(self, event: Any, line: int) -> _Node:
        node = self._anchors.get(event.anchor)
        if node is None:
            return self._mistaken(line, "has an alias (*) of nothing: write text that begins with * in quotes")
        self._copies += node.size
        if self._copies > _MOST_COPIES:
            raise Unreadable(line, "copies too much by its aliases (*)")
        return _Node(node.value, line, node.size)

    def _collection(self, start: Any, children: Sequence[_Node]) -> _Node:
        line = start.start_mark.line + 1
        value: Any
        if start.tag not in (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            return self._mistaken(line, "has a tag; lists and tables have none here")
        if isinstance(start, self._yaml.MappingStartEvent):
            value = self._table(children)
        elif any(child.value is UNREAD for child in children):
            value = UNREAD
        else:
            value = Array((child.value for child in children), (child.line for child in children))
        return _Node(value, line, 1 + sum(child.size for child in children))

    def _table(self, children: Sequence[_Node]) -> Table:
        content: dict[str, Any] = {}
        lines: dict[str, int] = {}
        repeated: list[str] = []
        merged: list[_Node] = []
        for key, value in zip(children[::2], children[1::2], strict=True):
            if key.merges:
                merged.append(value)
            elif isinstance(key.value, str):
                if key.value in content:
                    repeated.append(key.value)
                content[key.value], lines[key.value] = value.value, key.line
            elif key.value is not UNREAD:
                self._mistaken(key.line, "has a key that YAML does not read as text: write it in quotes")
        table = Table(content, lines, repeated)
        for node in merged:
            for source in node.value if isinstance(node.value, Array) else [node.value]:
                self._merge(table, source, node.line)
        return table

    def _merge(self, table: Table, source: object, line: int) -> None:
        if isinstance(source, Table):
            missing = [key for key in source if key not in table]
            table.update((key, source[key]) for key in missing)
            table.lines.update((key, source.lines[key]) for key in missing)
        elif source is not UNREAD:
            self._mistaken(line, "merges (<<) something that is not a table")


_PARSERS: dict[str, Callable[[str], Document]] = {".toml": _toml, ".yaml": _yaml, ".yml": _yaml, ".json": _json}

SUFFIXES = tuple(_PARSERS)
"""The suffixes of the formats that can be read."""
