"""Read attrs objects from JSON objects. Each field says its key in JSON and how its value is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

import attrs

from rocketchat_integrations._protocol.readers import Mismatch, json_type, read_object, read_text

T = TypeVar("T", bound=attrs.AttrsInstance)
_Reader: TypeAlias = Callable[[Any], Any]


class FieldMismatch(Mismatch):
    """A value has another type than its field; the message has the path of the field."""


def wire(key: str, read: _Reader) -> Any:
    """Define a field: its key in JSON and the reader of its value. It is None where the key is missing or null."""
    return attrs.field(default=None, metadata={"key": key, "read": read})


def raw() -> Any:
    """Define the field for the whole JSON object."""
    return attrs.field(factory=dict[str, Any], repr=False, hash=False)


def reader_of(cls: type[T]) -> Callable[[Any], T]:
    """Return a function that reads an object of this class, which has a field ``raw``, from JSON.

    The function raises :class:`FieldMismatch` if a value has the wrong type.
    """
    make = cast("Callable[..., T]", cls)
    table = [(each.name, each.metadata["key"], each.metadata["read"]) for each in attrs.fields(cls) if each.metadata]

    def read(value: Any) -> T:
        document = read_object(value)
        return make(raw=document, **_values(document, table))

    return read


def _values(document: Mapping[str, Any], table: list[tuple[str, str, _Reader]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, key, read in table:
        value = document.get(key)
        if read is read_text and type(value) is str:  # the most frequent case, without a call
            values[name] = value
        elif value is not None:
            try:
                values[name] = read(value)
            except FieldMismatch as mismatch:
                raise FieldMismatch(f"{key}.{mismatch}") from None
            except Mismatch as mismatch:
                raise FieldMismatch(f"{key}: must be {mismatch}, not {json_type(value)}") from None
    return values
