"""Compare a definition with a stored document, without the library's codec and normalization."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from rocketchat_integrations import IntegrationDefinition, IntegrationType

INCOMING_NAMES = {
    "name": "name",
    "enabled": "enabled",
    "username": "username",
    "channel": "channel",
    "alias": "alias",
    "avatar": "avatar",
    "emoji": "emoji",
    "script_enabled": "scriptEnabled",
    "script": "script",
    "script_engine": "scriptEngine",
    "skip_transpile": "skipTranspile",
    "override_destination_channel_enabled": "overrideDestinationChannelEnabled",
}
OUTGOING_NAMES = {
    **{field: name for field, name in INCOMING_NAMES.items() if not field.startswith("override")},
    "event": "event",
    "urls": "urls",
    "trigger_words": "triggerWords",
    "trigger_word_anywhere": "triggerWordAnywhere",
    "target_room": "targetRoom",
    "token": "token",
    "run_on_edits": "runOnEdits",
    "impersonate_user": "impersonateUser",
    "retry_failed_calls": "retryFailedCalls",
    "retry_count": "retryCount",
    "retry_delay": "retryDelay",
}
NAMES = {IntegrationType.INCOMING: INCOMING_NAMES, IntegrationType.OUTGOING: OUTGOING_NAMES}

_WITHOUT_CHANNEL = {"roomArchived", "roomCreated", "userCreated"}
# What JavaScript's trim() removes: line terminators, tabs, the byte order mark, and every space separator.
_BLANKS = "\t\n\v\f\r\u2028\u2029\ufeff" + "".join(
    character for character in map(chr, range(0x10000)) if unicodedata.category(character) == "Zs"
)


def wanted_fields(definition: IntegrationDefinition) -> dict[str, Any]:
    """Return what the server should store for a definition, without the fields that the definition leaves open."""
    fields = {name: getattr(definition, field) for field, name in NAMES[definition.type].items()}
    left_open = {name for name in ("token", "scriptEngine", "skipTranspile") if fields.get(name, "") is None}
    return {name: value for name, value in _form(fields).items() if name not in left_open}


def stored_fields(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the server stores, in the same form."""
    names = NAMES[IntegrationType(document["type"])].values()
    return _form({name: document.get(name) for name in names})


def unequal_fields(document: Mapping[str, Any], definition: IntegrationDefinition) -> set[str]:
    """Return the names on the wire of the fields in which a document differs from a definition."""
    holds = stored_fields(document)
    return {name for name, value in wanted_fields(definition).items() if holds[name] != value}


def running_script(document: Mapping[str, Any]) -> str | None:
    """Return the compiled script that the server runs for an integration, if any."""
    return document.get("scriptCompiled") if document["scriptEnabled"] else None


def _form(fields: Mapping[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {name: None if value == "" else value for name, value in fields.items()}
    form["name"] = fields["name"]
    form["channel"] = [] if fields.get("event") in _WITHOUT_CHANNEL else _not_blank(map(_trim, fields["channel"]))
    form["skipTranspile"] = bool(fields["skipTranspile"])
    has_script = _trim(fields["script"] or "") != ""
    if "event" not in fields:
        form["overrideDestinationChannelEnabled"] = bool(fields["overrideDestinationChannelEnabled"])
        form["scriptEnabled"] = fields["scriptEnabled"] and has_script
        return form
    form["urls"] = _not_blank(fields["urls"])
    form["triggerWords"] = _not_blank(fields["triggerWords"] or ()) if fields["event"] == "sendMessage" else []
    for flag in ("triggerWordAnywhere", "runOnEdits", "impersonateUser", "retryFailedCalls"):
        form[flag] = bool(fields[flag])
    if form["retryFailedCalls"]:
        form["retryCount"] = fields["retryCount"] or 4
        form["retryDelay"] = fields["retryDelay"] or "powers-of-ten"
    return form


def _not_blank(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if _trim(text)]


def _trim(text: str) -> str:
    return text.strip(_BLANKS)
