"""Steps as data for a file, and back. No secret is in them: only where one comes from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import attrs

from rocketchat_integrations._settle import FIELDS
from rocketchat_integrations.manifest import Secret
from rocketchat_integrations.models import Change, IncomingIntegration, IntegrationType, OutgoingIntegration

from ._steps import SECRET_FIELDS, Create, LiteralSecret, Remove, Secrets, Step, Unchanged, Update

_DEFINITIONS = {kind.type: kind for kind in (IncomingIntegration, OutgoingIntegration)}


def data_of(step: Step | Unchanged) -> dict[str, Any]:
    """A step as JSON has it."""
    if isinstance(step, Create):
        fields = {name: getattr(step.definition, name) for name in FIELDS[step.type]}
        return {"type": str(step.type), "definition": _plain(fields), "secrets": _sources(step.secrets)}
    data = {field.name: getattr(step, field.name) for field in attrs.fields(type(step))}
    if isinstance(step, Update):
        data["changes"] = [{"field": it.field, "old": it.old, "new": it.new} for it in step.changes]
        data["secrets"] = _sources(step.secrets)
    return cast("dict[str, Any]", _plain(data))


def has_literals(step: Step) -> bool:
    """Whether a step has secrets that no file may hold."""
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
    return str(value) if isinstance(value, str) else value  # an enum's member is text, too


# Back. Whatever the data is: KeyError, TypeError, ValueError or AttributeError where it is not what a step gave.


def create_from(data: Mapping[str, Any]) -> Create:
    """The step that gave this data."""
    definition = _DEFINITIONS[IntegrationType(data["type"])](**_fields(data["definition"]))
    return Create(definition=definition, secrets=_secrets(data["secrets"], definition.type))


def update_from(data: Mapping[str, Any]) -> Update:
    """The step that gave this data."""
    kind, fields = IntegrationType(data["type"]), _fields(data["fields"])
    _check_names(fields, frozenset(FIELDS[kind]) - SECRET_FIELDS)
    changes = tuple(Change(it["field"], _value(it["old"]), _value(it["new"])) for it in data["changes"])
    secrets = _secrets(data["secrets"], kind)
    read: dict[str, Any] = {"type": kind, "changes": changes, "fields": fields, "secrets": secrets}
    return Update(**{**data, **read})


def remove_from(data: Mapping[str, Any]) -> Remove:
    """The step that gave this data."""
    return Remove(**{**data, "type": IntegrationType(data["type"])})


def unchanged_from(data: Mapping[str, Any]) -> Unchanged:
    """The step that gave this data."""
    return Unchanged(**{**data, "type": IntegrationType(data["type"])})


def _fields(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in data.items()}


def _secrets(data: Mapping[str, Any], kind: IntegrationType) -> Secrets:
    _check_names(data, SECRET_FIELDS.intersection(FIELDS[kind]))
    return {field: Secret(**source) for field, source in data.items()}


def _check_names(fields: Mapping[str, Any], allowed: frozenset[str]) -> None:
    if not allowed.issuperset(fields):
        raise ValueError("fields: there are some that do not belong there")


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
