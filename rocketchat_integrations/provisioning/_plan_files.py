"""Convert steps to JSON data and back. The data has the sources of secrets, not the secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.models import Change, IncomingIntegration, IntegrationType, OutgoingIntegration

from ._steps import SECRET_FIELDS, Create, LiteralSecret, Remove, Secrets, Step, Unchanged, Update

_DEFINITIONS = {kind.type: kind for kind in (IncomingIntegration, OutgoingIntegration)}


def data_of(step: Step | Unchanged) -> dict[str, Any]:
    """Convert a step to JSON data."""
    if isinstance(step, Create):
        fields = {name: getattr(step.definition, name) for name in FIELDS[step.type]}
        return {
            "type": str(step.type),
            "definition": _plain(fields),
            "secrets": _sources(step.secrets),
            "renamed_from": step.renamed_from,
        }
    data = {field.name: getattr(step, field.name) for field in attrs.fields(type(step))}
    if isinstance(step, Update):
        data["changes"] = [{"field": it.field, "old": it.old, "new": it.new} for it in step.changes]
        data["secrets"] = _sources(step.secrets)
    return cast("dict[str, Any]", _plain(data))


def has_literals(step: Step) -> bool:
    """Return whether a step has secrets that were given as text."""
    return not isinstance(step, Remove) and any(isinstance(source, LiteralSecret) for source in step.secrets.values())


def _sources(secrets: Secrets) -> dict[str, Any]:
    return {
        field: attrs.asdict(source, filter=lambda attribute, value: value != attribute.default)
        for field, source in secrets.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in cast("tuple[Any, ...]", value)]
    return str(value) if isinstance(value, str) else value  # members of enums are text


# Readers raise KeyError, TypeError, ValueError or AttributeError if the data is not that of a step.


def create_from(data: Mapping[str, Any]) -> Create:
    """Read a step that creates."""
    definition = _DEFINITIONS[IntegrationType(data["type"])](**_fields(data["definition"]))
    secrets = _secrets(data["secrets"], definition.type)
    return Create(definition=definition, secrets=secrets, renamed_from=_text_or_none(data["renamed_from"]))


def update_from(data: Mapping[str, Any]) -> Update:
    """Read a step that updates."""
    kind, fields = IntegrationType(data["type"]), _fields(data["fields"])
    _check_names(fields, frozenset(FIELDS[kind]) - SECRET_FIELDS)
    changes = tuple(Change(it["field"], _value(it["old"]), _value(it["new"])) for it in data["changes"])
    secrets = _secrets(data["secrets"], kind)
    renamed_from = _text_or_none(data["renamed_from"])
    read: dict[str, Any] = {"renamed_from": renamed_from, "changes": changes, "fields": fields, "secrets": secrets}
    return Update(**{**_of_record(data), **read})


def remove_from(data: Mapping[str, Any]) -> Remove:
    """Read a step that removes."""
    return Remove(**_of_record(data))


def unchanged_from(data: Mapping[str, Any]) -> Unchanged:
    """Read an integration that is as wanted."""
    return Unchanged(**_of_record(data))


def _of_record(data: Mapping[str, Any]) -> dict[str, Any]:
    """Read the fields that all steps about a record share."""
    texts = {name: _text(data[name]) for name in ("id", "name", "seen")}
    return {**data, **texts, "type": IntegrationType(data["type"])}


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("must be text")
    return value


def _text_or_none(value: object) -> str | None:
    return None if value is None else _text(value)


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in data.items()}


def _secrets(data: Mapping[str, Any], kind: IntegrationType) -> Secrets:
    _check_names(data, SECRET_FIELDS.intersection(FIELDS[kind]))
    return {field: Secret(**source) for field, source in data.items()}


def _check_names(fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if not allowed.issuperset(fields):
        raise ValueError("unknown fields")


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
