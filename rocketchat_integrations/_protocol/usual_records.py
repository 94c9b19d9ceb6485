"""Read a record fast, if it has the fields that servers since 6.4 always store, and all fields have their usual types.

Written out field by field: a loop over a table of readers takes twice as long.
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


def read_script_error(value: Any) -> ScriptError:
    data = read_object(value)
    texts = [data.get(key) for key in ("name", "message", "stack")]
    if all(text is None or type(text) is str for text in texts):
        return ScriptError(*texts)
    raise Mismatch("an object of texts")


# Records are frozen. A record is made as an object of one of these classes, and gets its own class at the end.


class _IncomingDraft(IncomingIntegrationRecord):
    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__  # otherwise `__setattr__` is slow


class _OutgoingDraft(OutgoingIntegrationRecord):
    __slots__ = ()
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


def _set_common_fields(record: Any, data: dict[str, Any]) -> bool:
    """Set the fields that both types have. Returns False if one has an unusual type.

    Raises:
        KeyError: if a required field is missing.
        TypeError, ValueError, Mismatch: if a time, a user or a list is wrong.
    """
    get = data.get
    if not (
        type(id := data["_id"]) is str
        and type(name := data["name"]) is str
        and type(username := data["username"]) is str
        and type(enabled := data["enabled"]) is bool
        and ((alias := get("alias")) is None or type(alias) is str)
        and ((avatar := get("avatar")) is None or type(avatar) is str)
        and ((emoji := get("emoji")) is None or type(emoji) is str)
        and type(script_enabled := data["scriptEnabled"]) is bool
        and ((script := get("script")) is None or type(script) is str)
        and type(script_engine := data["scriptEngine"]) is str
        and ((skip_transpile := get("skipTranspile")) is None or type(skip_transpile) is bool)
        and type(user_id := data["userId"]) is str
        and (created_at := _read_iso_format(data["_createdAt"])).tzinfo is UTC
        and (updated_at := _read_iso_format(data["_updatedAt"])).tzinfo is UTC
        and ((script_compiled := get("scriptCompiled")) is None or type(script_compiled) is str)
    ):
        return False
    record.channel = read_texts(data["channel"])
    creator, updater = data["_createdBy"], get("_updatedBy")
    record.created_by = created_by = read_user(creator)
    record.updated_by = None if updater is None else created_by if updater == creator else read_user(updater)
    record.script_error = None if (error := get("scriptError")) is None else read_script_error(error)
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
    record.script_compiled = script_compiled
    return True


def _copy_of(function: FunctionType) -> Callable[[Any, dict[str, Any]], bool]:
    """Copy a function with its code. CPython optimizes code for one class, so that alternating classes are slow."""
    return cast(Callable[[Any, dict[str, Any]], bool], FunctionType(function.__code__.replace(), function.__globals__))


_set_fields_of_incoming = _copy_of(cast(FunctionType, _set_common_fields))
_set_fields_of_outgoing = _copy_of(cast(FunctionType, _set_common_fields))


def usual_incoming(data: dict[str, Any], extra: dict[str, Any]) -> IncomingIntegrationRecord | None:
    """Read an incoming integration. Returns None if a required field is missing or a field has an unusual type."""
    record: Any = object.__new__(_IncomingDraft)
    try:
        if not (
            _set_fields_of_incoming(record, data)
            and type(override := data["overrideDestinationChannelEnabled"]) is bool
            and type(token := data["token"]) is str
        ):
            return None
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record.override_destination_channel_enabled = override
    record.token = token
    record.extra = extra
    record.__class__ = IncomingIntegrationRecord
    return cast(IncomingIntegrationRecord, record)


def usual_outgoing(data: dict[str, Any], extra: dict[str, Any]) -> OutgoingIntegrationRecord | None:
    """Read an outgoing integration. Returns None if a required field is missing or a field has an unusual type."""
    record: Any = object.__new__(_OutgoingDraft)
    get = data.get
    try:
        if not (
            _set_fields_of_outgoing(record, data)
            and type(event := data["event"]) is str
            and ((target_room := get("targetRoom")) is None or type(target_room) is str)
            and type(trigger_word_anywhere := get("triggerWordAnywhere", False)) is bool
            and type(run_on_edits := get("runOnEdits", False)) is bool
            and type(impersonate_user := get("impersonateUser", False)) is bool
            and type(retry_failed_calls := get("retryFailedCalls", False)) is bool
            and ((retry_count := get("retryCount")) is None or type(retry_count) is int)
            and ((retry_delay := get("retryDelay")) is None or type(retry_delay) is str)
            and ((token := get("token")) is None or type(token) is str)
        ):
            return None
        record.urls = read_texts(data["urls"])
        record.trigger_words = read_texts(get("triggerWords", []))
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record.event = event_or_text(event)
    record.trigger_word_anywhere = trigger_word_anywhere
    record.target_room = target_room
    record.run_on_edits = run_on_edits
    record.impersonate_user = impersonate_user
    record.retry_failed_calls = retry_failed_calls
    record.retry_count = retry_count
    record.retry_delay = retry_delay_or_text(retry_delay)
    record.token = token
    record.extra = extra
    record.__class__ = OutgoingIntegrationRecord
    return cast(OutgoingIntegrationRecord, record)
