"""Validate parameters as ajv does, in its words and order: it stops at the first error of each alternative."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import attrs

from rocketchat_integrations.testing._world._javascript import is_array, is_object

from ._coercion import coerced, is_of_type


@attrs.frozen
class Property:
    """The schema of one property."""

    types: tuple[str, ...]
    nullable: bool = False
    pattern: str | None = None
    min_length: int = 0
    items: Property | None = None

    @property
    def allowed(self) -> tuple[str, ...]:
        return (*self.types, "null") if self.nullable else self.types


@attrs.frozen
class Shape:
    """One alternative of a schema: an object. A closed one has no further properties."""

    properties: Mapping[str, Property]
    required: tuple[str, ...] = ()
    closed: bool = True


Schema: TypeAlias = tuple[Shape, ...]
"""The alternatives, of which exactly one must match."""


def without(schema: Schema, *names: str) -> Schema:
    """Return the schema without these properties."""
    return tuple(
        attrs.evolve(shape, properties={name: schema for name, schema in shape.properties.items() if name not in names})
        for shape in schema
    )


def closed(schema: Schema) -> Schema:
    """Return the schema without further properties."""
    return tuple(attrs.evolve(shape, closed=True) for shape in schema)


def violations(schema: Schema, value: Any, *, coerce: bool) -> list[str]:
    """Return the validator's error messages; none if the value is valid.

    With ``coerce``, values of the wrong type are converted in place, as ajv's ``coerceTypes`` does: also by an
    alternative that does not match in the end, and also in a value that is refused.
    """
    if len(schema) == 1:
        violation = _violation(schema[0], value, coerce)
        return [] if violation is None else [violation]
    results = [_violation(shape, value, coerce) for shape in schema]
    found = [violation for violation in results if violation is not None]
    return [] if len(results) - len(found) == 1 else [*found, "must match exactly one schema in oneOf"]


def _violation(shape: Shape, value: Any, coerce: bool) -> str | None:
    if not is_object(value):
        return "must be object"
    for name in shape.required:
        if name not in value:
            return f"must have required property '{name}'"
    if shape.closed and any(name not in shape.properties for name in value):
        return "must NOT have additional properties"
    checks = (_violation_at(value, name, shape.properties[name], coerce) for name in shape.properties if name in value)
    return next((violation for violation in checks if violation is not None), None)


def _violation_at(container: Any, key: str | int, schema: Property, coerce: bool) -> str | None:
    """Validate one value in an object or array, where it may be coerced."""
    value = container[key]
    if not any(is_of_type(kind, value) for kind in schema.allowed):
        succeeded, result = coerced(schema.allowed, value) if coerce else (False, None)
        if not succeeded:
            return f"must be {','.join(schema.types)}"
        value = container[key] = result
    if isinstance(value, str):
        if len(value) < schema.min_length:
            return f"must NOT have fewer than {schema.min_length} characters"
        if schema.pattern is not None and schema.pattern not in value:
            return f'must match pattern "{schema.pattern}"'
    if is_array(value) and schema.items is not None:
        checks = (_violation_at(value, index, schema.items, coerce) for index in range(len(value)))
        return next((violation for violation in checks if violation is not None), None)
    return None
