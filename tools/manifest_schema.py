"""Print the JSON Schema of manifests, made from the fields of the definitions.

The package contains it as ``manifest.schema.json``. After a change, write the file again with ``nox -s schema``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Collection, Iterable
from typing import Any, TypeAlias

import attrs

from rocketchat_integrations._validation import BLANKS, EVERYWHERE, FieldType, field_types
from rocketchat_integrations.manifest._reading import ENTRY_ONLY, KINDS, entry_keys, required_fields
from rocketchat_integrations.models import EventType

_Schema: TypeAlias = dict[str, Any]


def _has(**properties: _Schema) -> _Schema:
    return {"properties": properties, "required": list(properties)}


_OF_NEW_USERS = _has(event={"const": "userCreated"})
_NOT_BLANK = {"$ref": "#/definitions/not_blank"}
_TEXT_NOT_BLANK = {"type": "string", "allOf": [_NOT_BLANK]}
_LIST_NOT_BLANK = {"contains": _NOT_BLANK}
_TEXTS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
_TYPES: dict[type, _Schema] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    tuple: _TEXTS,
}

# Patterns are for JavaScript, too: they use no \s, which means other characters there.
_BLANK = "[" + re.sub("[^ ]", lambda found: f"\\u{ord(found[0]):04x}", BLANKS) + "]"
_NO_BLANK = _BLANK.replace("[", "[^", 1)
_ROOM = "[#@][^,]*"
_HEARD = f"{_BLANK}*(?:{_ROOM}|(?:{'|'.join(EVERYWHERE)}){_BLANK}*)?"


def as_text() -> str:
    """Return the schema as the text of ``manifest.schema.json``."""
    return json.dumps(make_schema(), indent=2) + "\n"


def make_schema() -> _Schema:
    """Return the JSON Schema of a manifest."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Manifest of Rocket.Chat integrations",
        "description": "Integrations that a workspace should have, for rocketchat-integrations.",
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {
            "$schema": {"description": "Path or URL of this schema, for editors.", **_TEXT_NOT_BLANK},
            "scope": {
                "description": "Prefix of the names of all integrations in this manifest: the part of the workspace "
                "that it manages.",
                **_TEXT_NOT_BLANK,
            },
            "defaults": {
                "description": "Defaults of the integrations in this file. A field only applies to the types that "
                "have it.",
                **_table(
                    dict.fromkeys(key for kind in KINDS for key in _default_keys(kind)),
                    {kind: {"$ref": f"#/definitions/{kind}_defaults"} for kind in KINDS},
                    {"channel": "any_channel"},
                ),
            },
            **{kind: _entries(kind) for kind in KINDS},
        },
        "allOf": [
            *(_required_without_default(kind, field, {}) for kind in KINDS for field in _required(kind)),
            _required_without_default("outgoing", "target_room", {"if": _OF_NEW_USERS}),
        ],
        "definitions": {**_definitions(), **_tables()},
    }


# Tables.


def _table(keys: Iterable[str], more: _Schema, names: dict[str, str]) -> _Schema:
    """Return the schema of a table with fields, each of which refers to a definition."""
    properties = {key: {"$ref": f"#/definitions/{names.get(key, key)}"} for key in keys}
    return {
        "type": "object",
        "properties": {**more, **properties},
        "additionalProperties": False,
        "not": {"required": ["script", "script_file"]},
    }


def _tables() -> _Schema:
    tables: _Schema = {}
    for kind, definition in KINDS.items():
        names = {"channel": f"{kind}_channel"}
        rules = {"allOf": [{"$ref": "#/definitions/outgoing_rules"}]} if kind == "outgoing" else {}
        tables[kind] = {**_table(entry_keys(definition), {}, names), "required": ["name"], **rules}
        tables[f"named_{kind}"] = {**_table(entry_keys(definition, without=["name"]), {}, names), **rules}
        tables[f"{kind}_defaults"] = {
            "description": f"Defaults of the {kind} integrations in this file.",
            **_table(_default_keys(kind), {}, {"channel": "any_channel"}),
        }
    return tables


def _default_keys(kind: str) -> Collection[str]:
    return entry_keys(KINDS[kind], without=ENTRY_ONLY)


def _entries(kind: str) -> _Schema:
    return {
        "description": f"The {kind} webhooks, as a list or as a table by name.",
        "anyOf": [
            {"type": "array", "items": {"$ref": f"#/definitions/{kind}"}},
            {"type": "object", "additionalProperties": {"$ref": f"#/definitions/named_{kind}"}},
        ],
    }


def _required(kind: str) -> list[str]:
    return [field for field in required_fields(KINDS[kind]) if field != "name"]


def _required_without_default(kind: str, field: str, condition: _Schema) -> _Schema:
    """Return the rule that entries must have a field for which there is no default, under a condition."""
    absent, required = {"not": {"required": [field]}}, {"required": [field]}
    entry = {**condition, "then": required} if condition else required
    return {
        "if": {"properties": {"defaults": {**absent, "properties": {kind: absent}}}},
        "then": {"properties": {kind: {"items": entry, "additionalProperties": entry}}},
    }


# Fields.


def _definitions() -> _Schema:
    definitions: _Schema = {"not_blank": {"type": "string", "pattern": _NO_BLANK}}
    for kind, definition in KINDS.items():
        helps = {field.name: field.metadata["help"] for field in attrs.fields(definition)}
        for field, type_ in field_types(definition).items():
            name = f"{kind}_channel" if field == "channel" else field
            definitions[name] = {"description": helps[field], **(_SPECIAL.get(name) or _value(type_))}
    return {**definitions, **_OTHER_KEYS, "outgoing_rules": _outgoing_rules()}


def _value(type_: FieldType) -> _Schema:
    if type_.choices:
        return {"enum": [*map(str, type_.choices), *([None] if type_.is_optional else [])]}
    schema = _TYPES[type_.base]
    return {"type": [schema["type"], "null"]} if type_.is_optional else schema


def _source(key: str, description: str) -> _Schema:
    return {
        "type": "object",
        "properties": {key: {"description": description, **_TEXT_NOT_BLANK}},
        "required": [key],
        "additionalProperties": False,
    }


# What rules say about the values of single fields.
_SPECIAL: dict[str, _Schema] = {
    "username": _TEXT_NOT_BLANK,
    "incoming_channel": {
        "anyOf": [
            {"type": "string", "pattern": f"^{_BLANK}*{_ROOM}(?:,{_BLANK}*{_ROOM})*$"},
            {"type": "array", "minItems": 1, "items": {"type": "string", "pattern": f"^{_BLANK}*{_ROOM}$"}},
        ],
    },
    "outgoing_channel": {
        "anyOf": [
            {"type": "string"},
            {"type": "array", "items": {"const": ""}},
            {"type": "array", "items": {"type": "string", "pattern": "^[^,]*$"}, **_LIST_NOT_BLANK},
        ],
    },
    "urls": {
        "anyOf": [_NOT_BLANK, {"type": "array", "items": {"type": "string", "minLength": 1}, **_LIST_NOT_BLANK}],
    },
    "trigger_words": {
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string", "minLength": 1}}],
    },
    "token": {
        "anyOf": [
            _NOT_BLANK,
            {"type": "null"},
            _source("env", "Name of an environment variable."),
            _source("file", "Path of a file, relative to the manifest."),
        ],
    },
}

_OTHER_KEYS: dict[str, _Schema] = {
    "id": {"description": "The server's id, where several integrations have one name.", **_TEXT_NOT_BLANK},
    "partial": {
        "description": "Whether fields that are not given stay as they are on the server. By default they are reset to "
        "their defaults.",
        "type": "boolean",
    },
    "renamed_from": {"description": "Previous name of the integration.", "type": "string"},
    "script_file": {"description": "Path of a file with the script, relative to the manifest.", **_TEXT_NOT_BLANK},
    "any_channel": {"description": "Rooms or users to post to, or channels to listen in.", **_TEXTS},
    "heard_channel": {
        "anyOf": [
            {
                "type": "string",
                "allOf": [{"pattern": _NO_BLANK.replace("]", ",]")}, {"pattern": f"^{_HEARD}(?:,{_HEARD})*$"}],
            },
            {"type": "array", "maxItems": 0},
            {"type": "array", "items": {"type": "string", "pattern": f"^{_HEARD}$"}, **_LIST_NOT_BLANK},
        ]
    },
}


def _outgoing_rules() -> _Schema:
    """Return what rules say about several fields."""
    heard = [event.value for event in EventType if event.uses_channel]
    return {
        "allOf": [
            {
                "if": _has(event={"enum": heard}),
                "then": {"properties": {"channel": {"$ref": "#/definitions/heard_channel"}}},
            },
            {
                "if": _has(retry_failed_calls={"const": True}, retry_count={"type": "integer"}),
                "then": {"properties": {"retry_count": {"minimum": 1}}},
            },
            {
                "if": _OF_NEW_USERS,
                "then": {"properties": {"target_room": _NOT_BLANK}},
            },
        ]
    }


if __name__ == "__main__":
    sys.stdout.write(as_text())
