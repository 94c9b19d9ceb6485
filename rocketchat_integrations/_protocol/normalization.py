"""Normalize definitions as the server does, and compare records with them.

The server changes what it is sent: it trims channels, drops blank words, fills in retry defaults. Comparing this
*normalized form* avoids differences that no update could remove.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.models import (
    Change,
    EventType,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
)

FIELDS = {
    kind.type: tuple(field.name for field in attrs.fields(kind)) for kind in (IncomingIntegration, OutgoingIntegration)
}
"""The names of a definition's fields, by type."""

_RETRIES = ("retry_failed_calls", "retry_count", "retry_delay")


def differences(record: IntegrationRecord, wanted: IntegrationDefinition) -> tuple[Change, ...]:
    """Return the fields in which a record differs from a definition; empty if there is nothing to do.

    Both are compared as the server would store them: channels trimmed, blank URLs and trigger words dropped, ``""``
    as no text, the server's retry defaults filled in. None for ``token``, ``script_engine`` and ``skip_transpile``
    matches any value; trigger words only count for the event ``sendMessage``, channels only for events that use
    them, a script only if it is enabled. A record without ``skip_transpile`` matches any value, too: servers before
    8.4 do not have the field, and 9.0 does not need it.

    Args:
        record: the server's record.
        wanted: a definition; of a record, its definition.

    Returns:
        One :class:`Change` for each field, in the order of the fields.

    Raises:
        ValueError: if one is an incoming integration and the other an outgoing one.
    """
    if record.type is not wanted.type:
        raise ValueError(f"type: {record.type} cannot be compared with {wanted.type}")
    fields = merged_with(wanted, record)
    has, wants = _normalized(_values(record), fields), _normalized(fields, fields)
    if record.skip_transpile is None:
        del has["skip_transpile"]
    return tuple(Change(field, has[field], wants[field]) for field in has if has[field] != wants[field])


def changed_fields(record: IntegrationRecord, wanted: IntegrationDefinition) -> tuple[str, ...]:
    """Return the fields whose exact values differ from the record's."""
    # By type as well: 1 and 1.0 equal True, and are no flags.
    has, wants = _values(record), _values(wanted)
    return tuple(f for f in has if has[f] != wants[f] or type(has[f]) is not type(wants[f]))


def merged_with(wanted: IntegrationDefinition, record: IntegrationRecord) -> dict[str, Any]:
    """Return the fields to send so that the server, which has ``record``, stores what is wanted."""
    fields = _values(wanted)
    if "token" in fields:
        # Old data can have a blank token, which the server would refuse.
        fields["token"] = _unless_blank(fields["token"]) or _unless_blank(record.token)
    for field in ("script_engine", "skip_transpile"):
        if fields[field] is None:
            fields[field] = getattr(record, field)
    if wanted.type is IntegrationType.INCOMING:
        # Without a script the server would keep running the one that it compiled before.
        fields["script_enabled"] = fields["script_enabled"] and _unless_blank(fields["script"]) is not None
    elif wanted.retry_failed_calls and not _keeps_retries(wanted, record):
        # Null does not mean the default: it would stop the retries.
        fields["retry_count"] = _normalized_count(wanted.retry_count or 0)
        fields["retry_delay"] = (wanted.retry_delay or RetryDelay.POWERS_OF_TEN).lower()
    return fields


def _keeps_retries(wanted: IntegrationDefinition, record: IntegrationRecord) -> bool:
    is_record = isinstance(wanted, OutgoingIntegrationRecord)
    return is_record and all(getattr(wanted, field) == getattr(record, field) for field in _RETRIES)


def _values(definition: IntegrationDefinition) -> dict[str, Any]:
    return {field: getattr(definition, field) for field in FIELDS[definition.type]}


def _normalized(fields: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """Return the fields in normalized form. The wanted fields decide which of them matter."""
    form = {field: None if value == "" else value for field, value in fields.items()}
    form["name"] = fields["name"]
    form["channel"] = _without_blanks(map(trimmed, fields["channel"]))
    form["skip_transpile"] = bool(fields["skip_transpile"])
    if "event" in form:
        form["urls"] = _without_blanks(fields["urls"])
        form["trigger_words"] = _without_blanks(fields["trigger_words"])
        form["token"] = _unless_blank(fields["token"])
        if fields["retry_failed_calls"]:
            count, delay = fields["retry_count"], fields["retry_delay"]
            form["retry_count"] = None if count is None else _normalized_count(count)
            form["retry_delay"] = None if delay is None else delay.lower()
        if wanted["event"] is not EventType.SEND_MESSAGE:
            form["trigger_words"] = ()
        if isinstance(wanted["event"], EventType) and not wanted["event"].uses_channel:
            form["channel"] = ()
    else:
        form["script_enabled"] = fields["script_enabled"] and _unless_blank(fields["script"]) is not None
    if not wanted["script_enabled"]:
        form["script"] = None
    return form


def _without_blanks(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text for text in texts if trimmed(text))


def _unless_blank(text: str | None) -> str | None:
    return text if text is not None and trimmed(text) else None


def _normalized_count(count: int) -> int:
    return int(count) if int(count) > 0 else 4
