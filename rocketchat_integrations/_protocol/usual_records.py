"""Read a record fast, if it has the fields that servers since 6.4 always store, and all fields have their usual types.

Written out field by field: a loop over a table of readers takes twice as long. Each type has a function of its own,
with the common fields in both: the interpreter sets an attribute faster where the class is always the same.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime
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


def usual_incoming(data: dict[str, Any], extra: dict[str, Any]) -> IncomingIntegrationRecord | None:
    """Read an incoming integration. Returns None if a field is missing or has another type."""
    get = data.get
    try:
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
            and type(override := data["overrideDestinationChannelEnabled"]) is bool
            and type(token := data["token"]) is str
            and type(user_id := data["userId"]) is str
            and (created_at := _read_iso_format(data["_createdAt"])).tzinfo is UTC
            and (updated_at := _read_iso_format(data["_updatedAt"])).tzinfo is UTC
            and ((script_compiled := get("scriptCompiled")) is None or type(script_compiled) is str)
        ):
            return None
        channel = read_texts(data["channel"])
        creator, updater = data["_createdBy"], get("_updatedBy")
        created_by = read_user(creator)
        updated_by = None if updater is None else created_by if updater == creator else read_user(updater)
        script_error = None if (error := get("scriptError")) is None else read_script_error(error)
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record: Any = object.__new__(_IncomingDraft)
    record.id = id
    record.name = name
    record.username = username
    record.enabled = enabled
    record.channel = channel
    record.alias = alias
    record.avatar = avatar
    record.emoji = emoji
    record.script_enabled = script_enabled
    record.script = script
    record.script_engine = script_engine
    record.skip_transpile = skip_transpile
    record.override_destination_channel_enabled = override
    record.token = token
    record.user_id = user_id
    record.created_at = created_at
    record.created_by = created_by
    record.updated_at = updated_at
    record.updated_by = updated_by
    record.script_compiled = script_compiled
    record.script_error = script_error
    record.extra = extra
    record.__class__ = IncomingIntegrationRecord
    return cast(IncomingIntegrationRecord, record)


def usual_outgoing(data: dict[str, Any], extra: dict[str, Any]) -> OutgoingIntegrationRecord | None:
    """Read an outgoing integration. Returns None if a field is missing or has another type."""
    get = data.get
    try:
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
            and type(event := data["event"]) is str
            and ((target_room := get("targetRoom")) is None or type(target_room) is str)
            and type(trigger_word_anywhere := get("triggerWordAnywhere", False)) is bool
            and type(run_on_edits := get("runOnEdits", False)) is bool
            and type(impersonate_user := get("impersonateUser", False)) is bool
            and type(retry_failed_calls := get("retryFailedCalls", False)) is bool
            and ((retry_count := get("retryCount")) is None or type(retry_count) is int)
            and ((retry_delay := get("retryDelay")) is None or type(retry_delay) is str)
            and ((token := get("token")) is None or type(token) is str)
            and type(user_id := data["userId"]) is str
            and (created_at := _read_iso_format(data["_createdAt"])).tzinfo is UTC
            and (updated_at := _read_iso_format(data["_updatedAt"])).tzinfo is UTC
            and ((script_compiled := get("scriptCompiled")) is None or type(script_compiled) is str)
        ):
            return None
        channel = read_texts(data["channel"])
        urls = read_texts(data["urls"])
        trigger_words = read_texts(get("triggerWords", []))
        creator, updater = data["_createdBy"], get("_updatedBy")
        created_by = read_user(creator)
        updated_by = None if updater is None else created_by if updater == creator else read_user(updater)
        script_error = None if (error := get("scriptError")) is None else read_script_error(error)
    except (KeyError, TypeError, ValueError, Mismatch):
        return None
    record: Any = object.__new__(_OutgoingDraft)
    record.id = id
    record.name = name
    record.username = username
    record.enabled = enabled
    record.channel = channel
    record.alias = alias
    record.avatar = avatar
    record.emoji = emoji
    record.script_enabled = script_enabled
    record.script = script
    record.script_engine = script_engine
    record.skip_transpile = skip_transpile
    record.event = event_or_text(event)
    record.urls = urls
    record.trigger_words = trigger_words
    record.trigger_word_anywhere = trigger_word_anywhere
    record.target_room = target_room
    record.run_on_edits = run_on_edits
    record.impersonate_user = impersonate_user
    record.retry_failed_calls = retry_failed_calls
    record.retry_count = retry_count
    record.retry_delay = retry_delay_or_text(retry_delay)
    record.token = token
    record.user_id = user_id
    record.created_at = created_at
    record.created_by = created_by
    record.updated_at = updated_at
    record.updated_by = updated_by
    record.script_compiled = script_compiled
    record.script_error = script_error
    record.extra = extra
    record.__class__ = OutgoingIntegrationRecord
    return cast(OutgoingIntegrationRecord, record)
