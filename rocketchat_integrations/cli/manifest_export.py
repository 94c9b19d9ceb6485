"""Turn records into the content of a manifest, and write it as TOML, YAML or JSON."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeAlias, cast

import attrs

from rocketchat_integrations import differences
from rocketchat_integrations.manifest._secrets import SECRET_PREFIX
from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
)

from .lookup import label
from .masking import json_value
from .shared_options import TYPES, type_name
from .terminal import error_text, print_error
from .yaml_output import yaml_text

_Tables: TypeAlias = dict[str, list[dict[str, Any]]]

_DEFINITIONS = {IntegrationType.INCOMING: IncomingIntegration, IntegrationType.OUTGOING: OutgoingIntegration}


# File systems allow about 255 bytes.
_SLUG_LENGTH = 60


@attrs.frozen(repr=False)
class Export:
    """The contents of the files; without a repr, because there are tokens among them."""

    tables: _Tables
    """The manifest: entries by ``incoming`` and ``outgoing``."""

    scripts: dict[str, bytes]
    """Scripts by their paths, relative to the manifest."""

    variables: dict[str, str]
    """Tokens by the names of their environment variables."""


def export(records: Collection[IntegrationRecord]) -> Export:
    """Return the manifest of these records, sorted by name.

    Leaves a record out, with a warning, if it breaks the rules for definitions. Makes an entry partial, with a warning,
    if no definition has such a value, such as retries without a delay. Adds ids where two of a type have the same name.
    """
    content = Export({name: [] for name in TYPES}, {}, {})
    times = Counter((record.type, record.name) for record in records)
    for record in sorted(records, key=lambda record: (record.name, record.id)):
        fields = _set_fields(record)
        try:
            definition = _DEFINITIONS[record.type](**fields)
        except (TypeError, ValueError) as error:
            print_error(f"warning: left out: {label(record)} ({record.id}): {error_text(error)}")
            continue
        changed = [change.field for change in differences(record, _applied(definition, record))]
        if changed:
            print_error(f"warning: partial: {label(record)} ({record.id}): no entry can give its {', '.join(changed)}")
            fields = _partial_fields(definition, changed, fields)
        if times[record.type, record.name] > 1:
            fields = {"id": record.id, **fields}
        content.tables[type_name(record.type)].append(_with_references(fields, content))
    return content


def _set_fields(record: IntegrationRecord) -> dict[str, Any]:
    """Return the fields that differ from their defaults, without empty texts and the engine (the server's choice).

    What is left out has its default in the entry, which is exact: ``retry_count = 0`` is not the same as none.
    """
    fields = {
        field.name: json_value(getattr(record, field.name))
        for field in attrs.fields(_DEFINITIONS[record.type])
        if field.name != "script_engine" and _is_set(getattr(record, field.name), field.default)
    }
    if not str(fields.get("token", "")).strip():
        fields.pop("token", None)
    return fields


def _is_set(value: object, default: object) -> bool:
    return default is attrs.NOTHING or (value != default and value not in ("", ()))


def _applied(definition: IntegrationDefinition, record: IntegrationRecord) -> IntegrationRecord:
    """Return the record with the fields of the definition, as a plan compares them."""
    fields: dict[str, Any] = {field.name: getattr(definition, field.name) for field in attrs.fields(type(definition))}
    return attrs.evolve(record, **fields)


def _partial_fields(
    definition: IntegrationDefinition, changed: Collection[str], given: dict[str, Any]
) -> dict[str, Any]:
    """Return the fields of a partial entry, which manages all but the changed ones, defaults included."""
    all_fields = {field.name: getattr(definition, field.name) for field in attrs.fields(type(definition))}
    defaults = {name: json_value(value) for name, value in all_fields.items() if value is not None}
    return {"partial": True, **{name: value for name, value in {**defaults, **given}.items() if name not in changed}}


def _with_references(fields: dict[str, Any], content: Export) -> dict[str, Any]:
    """Move the script to a file and the token to a variable, and put references in their places."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", fields["name"]).strip("-")[:_SLUG_LENGTH].strip("-")
    if "script" in fields:
        file = _unused(f"scripts/{slug or 'script'}", "-", ".js", content.scripts)
        content.scripts[file] = _encoded(fields.pop("script"))
        fields["script_file"] = file
    if "token" in fields:
        variable = _unused(f"{SECRET_PREFIX}{slug.replace('-', '_').upper() or 'BOT'}", "_", "", content.variables)
        content.variables[variable] = fields["token"]
        fields["token"] = {"env": variable}
    return fields


def _encoded(script: str) -> bytes:
    # A byte order mark in the file is dropped when it is read: write one for a script that begins with U+FEFF.
    return script.encode("utf-8-sig" if script.startswith("\ufeff") else "utf-8")


def _unused(name: str, separator: str, suffix: str, used: Iterable[str]) -> str:
    """Return the name, with a number if it is used already; upper and lower case count as the same."""
    lower = {other.lower() for other in used}
    candidate, number = f"{name}{suffix}", 1
    while candidate.lower() in lower:
        number += 1
        candidate = f"{name}{separator}{number}{suffix}"
    return candidate


# Formats


def _toml(tables: _Tables) -> str:
    # TOML allows no [[outgoing]] after `outgoing = []`, so an empty list is written only if both are empty: an empty
    # file is not a manifest.
    lines = [] if any(tables.values()) else [f"{name} = []" for name in tables]
    for name, entries in tables.items():
        for entry in entries:
            lines += ["", f"[[{name}]]", *(f"{key} = {_toml_value(value)}" for key, value in entry.items())]
    return "\n".join([*lines, ""]).lstrip()


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return "{ " + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in table.items()) + " }"
    # Other values look as in JSON, but TOML does not allow DEL in a string.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _json(tables: _Tables) -> str:
    return json.dumps(tables, indent=2, ensure_ascii=False) + "\n"


WRITERS: dict[str, Callable[[_Tables], str]] = {".toml": _toml, ".yaml": yaml_text, ".yml": yaml_text, ".json": _json}
"""A function for each suffix of a manifest."""
