"""Convert steps to JSON data and back. The data has the sources of secrets, not the secrets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.models import Change, IncomingIntegration, IntegrationType, OutgoingIntegration

from ._steps import SECRET_FIELDS, Create, Step, Unchanged
from ._target import Target

_DEFINITIONS = {kind.type: kind for kind in (IncomingIntegration, OutgoingIntegration)}
_SOURCE_FIELDS = {field.name for field in attrs.fields(Secret)}


def data_of(step: Step | Unchanged) -> dict[str, Any]:
    """Convert a step to JSON data."""
    data = attrs.asdict(
        step,
        filter=lambda attribute, value: attribute.name not in _SOURCE_FIELDS or value != attribute.default,
        value_serializer=lambda _, __, value: str(value) if isinstance(value, str) else value,  # enums are text
    )
    if isinstance(step, Create):
        data["type"] = str(step.type)
        data["definition"] = {name: data["definition"][name] for name in FIELDS[step.type]}
    return data


def step_from(kind: type[Step | Unchanged], data: Mapping[str, Any]) -> Any:
    """Read a step. Raise AttributeError, KeyError, TypeError or ValueError if the data is not that of a step."""
    values = {name: _READERS[name](value) for name, value in data.items()}
    of_type = frozenset(FIELDS[values["type"]])
    if not SECRET_FIELDS & of_type >= values.get("secrets", {}).keys():
        raise ValueError("unknown secrets")
    if not of_type - SECRET_FIELDS >= values.get("fields", {}).keys():
        raise ValueError("unknown fields")
    if kind is Create:
        values["definition"] = _DEFINITIONS[values.pop("type")](**values["definition"])
        if any(getattr(values["definition"], field, None) is not None for field in SECRET_FIELDS):
            raise ValueError("a secret as text")
    return kind(**values)


def target_from(data: Mapping[str, Any] | None) -> Target | None:
    """Read the workspace of a plan. Raise AttributeError or TypeError if the data is not that of one."""
    return None if data is None else Target(**{name: _text(value) for name, value in data.items()})


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: tuple(cast("list[object]", value)) if isinstance(value, list) else value for name, value in data.items()
    }


_READERS: dict[str, Callable[[Any], Any]] = {
    "type": IntegrationType,
    "id": _text,
    "name": _text,
    "seen": _text,
    "renamed_from": lambda value: None if value is None else _text(value),
    "definition": _fields,
    "fields": _fields,
    "changes": lambda changes: tuple(Change(**_fields(change)) for change in changes),
    "secrets": lambda sources: {field: Secret(**source) for field, source in sources.items()},
}
