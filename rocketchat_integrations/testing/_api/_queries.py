"""Sort lists and cut pages out of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

from rocketchat_integrations.testing._world._documents import Collection, Document, value_at
from rocketchat_integrations.testing._world._javascript import is_object
from rocketchat_integrations.testing._world._refusals import Refusal, broken_rule, failure
from rocketchat_integrations.testing._world._settings import Settings


@attrs.frozen
class PageRequest:
    """The part of a list that a request asks for, and its order."""

    offset: int
    count: int | None
    """None for all."""
    sort: Mapping[str, int]
    """1 for ascending or -1 for descending, by the names of fields."""

    @classmethod
    def from_params(cls, params: Mapping[str, Any], settings: Settings) -> PageRequest:
        """Read the parameters of a request."""
        count = min(_natural_number(params, "count", settings.default_count), settings.page_cap)
        # The server puts the default in place of 0 without looking at the cap.
        instead_of_zero = None if settings.infinite_count else settings.default_count
        return cls(
            offset=_natural_number(params, "offset", 0),
            count=count or instead_of_zero,
            sort=_read_sort(params.get("sort")),
        )

    def cut(self, matching: Iterable[Document]) -> tuple[list[Document], int]:
        """Return the documents of the page, and the number of all."""
        documents = list(matching)
        end = None if self.count is None else self.offset + self.count
        return documents[self.offset : end], len(documents)

    def ordered(self, collection: Collection) -> Iterator[Document]:
        """Return the documents in the order of ``sort``; without one, in the order of insertion."""
        names = list(self.sort)
        if not names:
            return iter(collection)
        if names == ["_id"]:
            return collection.by_id(descending=self.sort["_id"] == -1)
        documents = list(collection)
        for name in reversed(names):
            documents.sort(key=lambda document: _rank(value_at(document, name)), reverse=self.sort[name] == -1)
        return iter(documents)


def _natural_number(params: Mapping[str, Any], name: str, default: int) -> int:
    value = params.get(name)
    if value is None:
        return default
    if value == "":
        return 0
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
    if not is_object(sort) or any(isinstance(way, bool) or way not in (1, -1) for way in sort.values()):
        raise _invalid_sort(text)
    return sort


def _invalid_sort(text: str) -> Refusal:
    return broken_rule(
        "error-invalid-sort",
        f'Invalid sort parameter provided: "{text}"',
        {"helperMethod": "parseJsonQuery"},
        "sort must be a JSON object whose values are 1 or -1",
    )


def _rank(value: Any) -> tuple[int, Any]:
    """Return a sort key in the database's order of types: null, numbers, texts, everything else, booleans."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (4, value)
    if isinstance(value, (int, float)):
        return (1, value)
    if isinstance(value, str):
        return (2, value)
    return (3, json.dumps(value, sort_keys=True))
