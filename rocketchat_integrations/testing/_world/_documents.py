"""Documents as the server's database holds them, and collections of them."""

from __future__ import annotations

import bisect
import secrets
from collections.abc import Iterator
from typing import Any, TypeAlias

from ._javascript import is_object

Document: TypeAlias = dict[str, Any]
"""A stored document, with the field names of the wire."""

_UNAMBIGUOUS = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"


def random_text(length: int) -> str:
    """Return random letters and digits, of those that the server uses for ids and tokens."""
    return "".join(secrets.choice(_UNAMBIGUOUS) for _ in range(length))


def value_at(document: Any, path: str) -> Any:
    """Return the value at a path such as ``_createdBy._id``; None if there is none."""
    value = document
    for name in path.split("."):
        value = value.get(name) if is_object(value) else None
    return value


class Collection:
    """Documents in the order of insertion, with an index by id."""

    def __init__(self) -> None:
        self._by_id: dict[str, Document] = {}
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Document]:
        return iter(self._by_id.values())

    def add(self, document: Document) -> str:
        """Store a document and return its ``_id``, which is generated if it is missing.

        Raises:
            ValueError: the ``_id`` is taken or not text.
        """
        identifier = document.setdefault("_id", random_text(17))
        if not isinstance(identifier, str):
            raise ValueError(f"_id must be text, not {identifier!r}")
        if identifier in self._by_id:
            raise ValueError(f"there is a document with _id {identifier!r} already")
        self._by_id[identifier] = document
        bisect.insort(self._ids, identifier)
        return identifier

    def get(self, identifier: str | None) -> Document | None:
        """Return the document with that id; None if there is none."""
        return None if identifier is None else self._by_id.get(identifier)

    def remove(self, identifier: str) -> None:
        """Remove a document."""
        del self._by_id[identifier]
        del self._ids[bisect.bisect_left(self._ids, identifier)]

    def by_id(self, *, descending: bool) -> Iterator[Document]:
        """Return all documents, sorted by id."""
        return map(self._by_id.__getitem__, reversed(self._ids) if descending else self._ids)
