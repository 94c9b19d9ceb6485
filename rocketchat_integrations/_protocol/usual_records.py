"""Read a record fast, if it has the fields that servers since 6.4 always store, and all fields have their usual types.

Written out field by field: a loop over a table of readers takes more than twice as long.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import UTC, datetime
from types import FunctionType
from typing import Any, cast

from rocketchat_integrations.models import (
    IncomingIntegrationRecord,
    OutgoingIntegrationRecord,
    ScriptError,
    UserReference,
    event_or_text,
    retry_delay_or_text,
)

from .readers import Mismatch, read_object, read_texts

# The records of a list have a few hundred creators at most.
_user_reference = functools.lru_cache(1024)(UserReference)
_read_iso_format = datetime.fromisoformat


def read_user(value: Any) -> UserReference:
    data = read_object(value)
    id, username = data.get("_id"), data.get("username")
    if (id is None or type(id) is str) and (username is None or type(username) is str):
        return _user_reference(id, username)
    raise Mismatch("an object of texts")


def unknown_fields(data: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    """Return the fields of a record that are not among the known ones."""
    return {} if known.issuperset(data) else {key: data[key] for key in data if key not in known}


def read_script_error(value: Any) -> ScriptError:
    data = read_object(value)
    texts = [data.get(key) for key in ("name", "message", "stack")]
    if all(text is None or type(text) is str for text in texts):
        return ScriptError(*texts)
    raise Mismatch("an object of texts")


def _draft_of(record: type) -> Any:
    """Make a subclass whose objects are created empty and can be changed."""
    # Both `__setattr__` and `__delattr__`: with one alone, setting an attribute is slow.
    methods = {name: getattr(object, name) for name in ("__init__", "__setattr__", "__delattr__")}
    return type(f"_{record.__name__}Draft", (record,), {"__slots__": (), **methods})


# Records are frozen. A record is made as a draft, and gets its own class at the end.
_IncomingDraft = _draft_of(IncomingIntegrationRecord)
_OutgoingDraft = _draft_of(OutgoingIntegrationRecord)


def _set_common_fields(record: Any, data: dict[str, Any]) -> int:
    """Set the fields that both types have. Returns how many of them are present and not null; 0 if a type is unusual.

    Raises:
        KeyError: if a required field is missing.
        TypeError, ValueError, Mismatch: if a time, a user or a list is wrong.
    """
    get = data.get
    count = 12  # the required fields, and `type`
    # `(count := count + 1)` is always true: it counts a field that is present.
    if not (
        type(id := data["_id"]) is str
        and type(name := data["name"]) is str
        and type(username := data["username"]) is str
        and type(enabled := data["enabled"]) is bool
        and ((alias := get("alias")) is None or (type(alias) is str and (count := count + 1)))
        and ((avatar := get("avatar")) is None or (type(avatar) is str and (count := count + 1)))
        and ((emoji := get("emoji")) is None or (type(emoji) is str and (count := count + 1)))
        and type(script_enabled := data["scriptEnabled"]) is bool
        and ((script := get("script")) is None or (type(script) is str and (count := count + 1)))
        and type(script_engine := data["scriptEngine"]) is str
        and (
            (skip_transpile := get("skipTranspile")) is None or (type(skip_transpile) is bool and (count := count + 1))
        )
        and type(user_id := data["userId"]) is str
        and (created_at := _read_iso_format(data["_createdAt"])).tzinfo is UTC
        and (updated_at := _read_iso_format(data["_updatedAt"])).tzinfo is UTC
        and ((compiled := get("scriptCompiled")) is None or (type(compiled) is str and (count := count + 1)))
        and ((updater := get("_updatedBy")) is None or (count := count + 1))
        and ((error := get("scriptError")) is None or (count := count + 1))
    ):
        return 0
    record.channel = read_texts(data["channel"])
    creator = data["_createdBy"]
    record.created_by = created_by = read_user(creator)
    record.updated_by = None if updater is None else created_by if updater == creator else read_user(updater)
    record.script_error = None if error is None else read_script_error(error)
    record.id = id
    record.name = name
    record.username = username
    record.enabled = enabled
    record.alias = alias
    record.avatar = avatar
    record.emoji = emoji
    record.script_enabled = script_enabled
    record.script = script
    record.script_engine = script_engine
    record.skip_transpile = skip_transpile
    record.user_id = user_id
    record.created_at = created_at
    record.updated_at = updated_at
    record.script_compiled = compiled
    return count


def _copy_of(function: FunctionType) -> Callable[[Any, dict[str, Any]], int]:
    """Copy a function and its code. CPython optimizes the code for one class; alternating between two is slow."""
    return cast(Callable[[Any, dict[str, Any]], int], FunctionType(function.__code__.replace(), function.__globals__))


_set_fields_of_incoming = _copy_of(cast(FunctionType, _set_common_fields))
_set_fields_of_outgoing = _copy_of(cast(FunctionType, _set_common_fields))


def usual_incoming(data: dict[str, Any], known: frozenset[str]) -> IncomingIntegrationRecord | None:
    """Read an incoming integration. Returns None if a required field is missing or a field has an unusual type.

    `known` has the names of all fields.
    """
    record = _IncomingDraft()
    try:
        if not (
            (count := _set_fields_of_incoming(record, data))
            and type(override := data["overrideDestinationChannelEnabled"]) is bool
            and type(token := data["token"]) is str
        ):
            return None
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record.override_destination_channel_enabled = override
    record.token = token
    # This type has two more required fields. The numbers differ if there are null or unknown fields.
    record.extra = {} if count + 2 == len(data) else unknown_fields(data, known)
    record.__class__ = IncomingIntegrationRecord
    return cast(IncomingIntegrationRecord, record)


def usual_outgoing(data: dict[str, Any], known: frozenset[str]) -> OutgoingIntegrationRecord | None:
    """Read an outgoing integration, like :func:`usual_incoming`."""
    record = _OutgoingDraft()
    get = data.get
    try:
        if not (
            (count := _set_fields_of_outgoing(record, data))
            and type(event := data["event"]) is str
            and ((target_room := get("targetRoom")) is None or (type(target_room) is str and (count := count + 1)))
            and ((words := get("triggerWords")) is None or (count := count + 1))
            and ((anywhere := get("triggerWordAnywhere")) is None or (type(anywhere) is bool and (count := count + 1)))
            and ((run_on_edits := get("runOnEdits")) is None or (type(run_on_edits) is bool and (count := count + 1)))
            and (
                (impersonate := get("impersonateUser")) is None or (type(impersonate) is bool and (count := count + 1))
            )
            and ((retry := get("retryFailedCalls")) is None or (type(retry) is bool and (count := count + 1)))
            and ((retry_count := get("retryCount")) is None or (type(retry_count) is int and (count := count + 1)))
            and ((retry_delay := get("retryDelay")) is None or (type(retry_delay) is str and (count := count + 1)))
            and ((token := get("token")) is None or (type(token) is str and (count := count + 1)))
        ):
            return None
        record.urls = read_texts(data["urls"])
        record.trigger_words = () if words is None else read_texts(words)
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record.event = event_or_text(event)
    record.trigger_word_anywhere = anywhere is True
    record.target_room = target_room
    record.run_on_edits = run_on_edits is True
    record.impersonate_user = impersonate is True
    record.retry_failed_calls = retry is True
    record.retry_count = retry_count
    record.retry_delay = retry_delay_or_text(retry_delay)
    record.token = token
    # This type has two more required fields, too.
    record.extra = {} if count + 2 == len(data) else unknown_fields(data, known)
    record.__class__ = OutgoingIntegrationRecord
    return cast(OutgoingIntegrationRecord, record)
