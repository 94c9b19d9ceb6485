"""Parse YAML with PyYAML: with line numbers, and with limits on nesting and copying.

Words that YAML does not read as text, such as ``#room`` and ``!deploy``, are reported instead of being lost.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from yaml.resolver import Resolver

from ._formats import TOO_DEEP, TOO_LONG, UNREADABLE, Array, Document, Table
from ._wording import Invalid

_MAX_DEPTH = 32
_MAX_COPIES = 1_000_000

_PREFIX = "tag:yaml.org,2002:"
_MERGE = f"{_PREFIX}merge"
_UNREADABLE = "!unreadable"

_NUMBERS = (f"{_PREFIX}int", f"{_PREFIX}float")

# The tags that may be written: those of plain values.
_ALLOWED_TAGS = {ScalarNode: f"{_PREFIX}str", SequenceNode: f"{_PREFIX}seq", MappingNode: f"{_PREFIX}map"}

# A comment usually has a blank after its sign. Without one, it is probably meant as text.
_COMMENT_WITHOUT_BLANK = re.compile(r"[ \t]+#\S")


def parse_yaml(text: str) -> Document:
    """Parse YAML. Raise Invalid if the text is not valid, or exceeds a limit."""
    try:
        loader = _Loader(text)
        content = loader.get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        details = [getattr(error, name, None) for name in ("context", "problem", "reason")]
        # Remove quoted words: one of them may be a secret.
        shown = re.sub(r" '[^']{2,}'", "", ", ".join(filter(None, details)))
        raise Invalid(f"is not YAML: {shown}", mark and mark.line + 1) from None
    return content, sorted(loader.mistakes)


def _text(_: object, node: ScalarNode) -> object:
    return node.value


class _Events:
    """The events of a text, from PyYAML's parser in C where it is installed."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        self._next: Any = None

    def peek_event(self) -> Any:
        if self._next is None:
            self._next = next(self._events, None)
        return self._next

    def get_event(self) -> Any:
        event, self._next = self.peek_event(), None
        return event

    def check_event(self, *kinds: type) -> bool:
        return isinstance(self.peek_event(), kinds)


class _Loader(_Events, Composer, SafeConstructor, Resolver):
    """A loader that makes :class:`Table` and :class:`Array`, and collects mistakes."""

    def __init__(self, text: str) -> None:
        _Events.__init__(self, text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        Resolver.__init__(self)
        self.mistakes: list[tuple[int, str]] = []
        self._pyyaml: Any = self  # the types of PyYAML's methods are incomplete
        self._text = text
        self._depth = 0
        self._copies = 0
        self._sizes: dict[Node, int] = {}
        """How many values each complete node has, with those that aliases copy."""

    def report(self, node: Node, message: str) -> object:
        """Collect a mistake, and return what replaces the value."""
        self.mistakes.append((_line(node), message))
        return UNREADABLE

    def compose_node(self, parent: Node | None, index: Any) -> Any:
        event = self._pyyaml.peek_event()
        if isinstance(event, yaml.AliasEvent):
            return self._compose_alias(event, parent, index)
        if self._depth == _MAX_DEPTH:
            raise Invalid(TOO_DEEP, _line(event))
        self._depth += 1
        node: Any = super().compose_node(parent, index)
        self._depth -= 1
        self._sizes[node] = 1 + sum(self._sizes[child] for child in _children(node))
        if event.tag not in (None, "!", _ALLOWED_TAGS[type(node)]):
            self._replace(node, "has a tag (!); write text that begins with ! in quotes")
        elif node.value == "" and _COMMENT_WITHOUT_BLANK.match(self._text, event.start_mark.index):
            self._replace(node, "has no value, since # begins a comment; write text that begins with # in quotes")
        return node

    def _compose_alias(self, event: Any, parent: Node | None, index: Any) -> Any:
        target = self.anchors.get(event.anchor)
        if target not in self._sizes:  # unknown, or a value around the alias
            self._pyyaml.get_event()
            node = ScalarNode(_UNREADABLE, "", event.start_mark, event.end_mark)
            self._sizes[node] = 1
            self._replace(node, "has an alias (*) without a target; write text that begins with * in quotes")
            return node
        self._copies += self._sizes[target]
        if self._copies > _MAX_COPIES:
            raise Invalid("copies too many values by aliases (*)", _line(event))
        return super().compose_node(parent, index)

    def resolve(self, kind: Any, value: Any, implicit: Any) -> str:
        resolver: Any = super()  # the types of PyYAML's methods are incomplete
        tag: str = resolver.resolve(kind, value, implicit)
        # Not a number to the base 60, whose conversion takes time with the square of its length.
        return f"{_PREFIX}str" if tag in _NUMBERS and ":" in value else tag

    def _replace(self, node: Node, message: str) -> None:
        self.report(node, message)
        node.tag = _UNREADABLE

    def construct_limited(self, node: ScalarNode) -> object:
        try:
            return SafeConstructor.yaml_constructors[node.tag](self, node)
        except (ValueError, OverflowError):
            return self.report(node, TOO_LONG)

    def construct_array(self, node: SequenceNode) -> object:
        values = [self._pyyaml.construct_object(child) for child in node.value]
        return UNREADABLE if UNREADABLE in values else Array(values, map(_line, node.value))

    def construct_table(self, node: MappingNode) -> Table:
        table = Table()
        merged: list[tuple[Node, object]] = []
        for key_node, value_node in node.value:
            key, value = map(self._pyyaml.construct_object, (key_node, value_node))
            if key_node.tag == _MERGE:
                merged += [(key_node, source) for source in (value if isinstance(value, Array) else [value])]
            elif isinstance(key, str):
                if key in table:
                    table.repeated.append(key)
                table[key], table.lines[key] = value, _line(key_node)
            elif key is not UNREADABLE:
                self.report(key_node, "has a key that YAML does not read as text; write it in quotes")
        for key_node, source in merged:
            if isinstance(source, Table):
                for key in [key for key in source if key not in table]:
                    table[key], table.lines[key] = source[key], source.lines[key]
            elif source is not UNREADABLE:
                self.report(key_node, "merges (<<) a value that is not a table")
        return table


_CONSTRUCTORS: dict[str, Callable[[Any, Any], object]] = {
    **{f"{_PREFIX}{name}": _Loader.construct_limited for name in ("int", "float", "timestamp")},
    # As values, `<<` and `=` are text.
    _MERGE: _text,
    f"{_PREFIX}value": _text,
    f"{_PREFIX}seq": _Loader.construct_array,
    f"{_PREFIX}map": _Loader.construct_table,
    _UNREADABLE: lambda loader, node: UNREADABLE,
}
for _tag, _constructor in _CONSTRUCTORS.items():
    _Loader.add_constructor(_tag, _constructor)


def _line(place: Any) -> int:
    return int(place.start_mark.line) + 1


def _children(node: Any) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return node.value if isinstance(node, SequenceNode) else []
