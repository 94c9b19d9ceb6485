"""Lists: which documents match, in which order, which page of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from ._refusals import Refusal, broken_rule, failure
from ._world import Collection, Document, dig

_DEFAULT_COUNT = 50


@attrs.frozen
class Page:
    """Which part of a list is wanted, and in which order."""

    offset: int
    count: int | None
    """None for all."""

    sort: Mapping[str, int]
    """Directions, 1 or -1, by the names of fields."""

    @classmethod
    def asked_for(cls, params: Mapping[str, Any], *, page_cap: int) -> Page:
        """The page that the parameters ask for, as far as the server allows."""
        count = _natural_number(params, "count", min(_DEFAULT_COUNT, page_cap))
        return cls(
            offset=_natural_number(params, "offset", 0),
            count=min(count, page_cap) or None,
            sort=_read_sort(params.get("sort")),
        )

    def of(self, matching: Iterable[Document]) -> tuple[list[Document], int]:
        """The documents of this page, and the number of all that match."""
        documents = list(matching)
        end = None if self.count is None else self.offset + self.count
        return documents[self.offset : end], len(documents)

    def ordered(self, collection: Collection) -> Iterator[Document]:
        """The documents in the wanted order; without one, in the order in which they came."""
        names = list(self.sort)
        if not names:
            return iter(collection)
        if names == ["_id"]:
            return collection.by_id(descending=self.sort["_id"] == -1)
        documents = list(collection)
        for name in reversed(names):
            documents.sort(key=lambda document: _rank(dig(document, name)), reverse=self.sort[name] == -1)
        return iter(documents)


def _natural_number(params: Mapping[str, Any], name: str, default: int) -> int:
    value = params.get(name)
    if value is None:
        return default
    if re.fullmatch(r"[0-9]+", str(value)) is None:
        raise failure(f"{name} must be a non-negative integer", f"{name} is {value!r}")
    return int(value)


def _read_sort(text: str | None) -> Mapping[str, int]:
    if text is None:
        return {}
    try:
        sort = json.loads(text)
    except (ValueError, RecursionError):
        raise _invalid_sort(text) from None
    if not isinstance(sort, dict):
        raise _invalid_sort(text)
    directions: dict[str, Any] = sort  # pyright: ignore[reportUnknownVariableType]
    if any(isinstance(way, bool) or way not in (1, -1) for way in directions.values()):
        raise _invalid_sort(text)
    return directions


def _invalid_sort(text: str) -> Refusal:
    return broken_rule(
        "error-invalid-sort",
        f'Invalid sort parameter provided: "{text}"',
        {"helperMethod": "parseJsonQuery"},
        "sort has to be a JSON object whose values are 1 or -1",
    )


def _rank(value: Any) -> tuple[int, Any]:
    """The database's order among values of several types: nothing, numbers, texts, the rest, truth values."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (4, value)
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    return (3, json.dumps(value, sort_keys=True))
