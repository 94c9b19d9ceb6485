"""Read a record fast, if all its fields have their usual types.

Written out field by field: a loop over a table of readers takes twice as long.
"""

from __future__ import annotations

import functools
from typing import Any, cast

from rocketchat_integrations.models import (
    IncomingIntegrationRecord,
    OutgoingIntegrationRecord,
    ScriptError,
    UserReference,
    event_or_text,
    retry_delay_or_text,
)

from .readers import Mismatch, read_object, read_texts, read_time

# The records of a list have a few hundred creators at most.
_user_reference = functools.lru_cache(1024)(UserReference)
_NOBODY = UserReference()


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
    """Read an incoming integration. Returns None if a field has another type, even one that can be read."""
    record: Any = object.__new__(_IncomingDraft)
    override = data.get("overrideDestinationChannelEnabled", False)
    if type(override) is not bool or not _set_common_fields(record, data):
        return None
    record.override_destination_channel_enabled = override
    record.extra = extra
    record.__class__ = IncomingIntegrationRecord
    return cast(IncomingIntegrationRecord, record)


def usual_outgoing(data: dict[str, Any], extra: dict[str, Any]) -> OutgoingIntegrationRecord | None:
    """Read an outgoing integration. Returns None if a field has another type, even one that can be read."""
    get = data.get
    if not (
        type(event := get("event", "")) is str
        and ((target_room := get("targetRoom")) is None or type(target_room) is str)
        and type(trigger_word_anywhere := get("triggerWordAnywhere", False)) is bool
        and type(run_on_edits := get("runOnEdits", False)) is bool
        and type(impersonate_user := get("impersonateUser", False)) is bool
        and type(retry_failed_calls := get("retryFailedCalls", False)) is bool
        and ((retry_count := get("retryCount")) is None or type(retry_count) is int)
        and ((retry_delay := get("retryDelay")) is None or type(retry_delay) is str)
    ):
        return None
    record: Any = object.__new__(_OutgoingDraft)
    if not _set_common_fields(record, data):
        return None
    try:
        record.urls = read_texts(get("urls", []))
        record.trigger_words = read_texts(get("triggerWords", []))
    except Mismatch:
        return None
    record.event = event_or_text(event)
    record.target_room = target_room
    record.trigger_word_anywhere = trigger_word_anywhere
    record.run_on_edits = run_on_edits
    record.impersonate_user = impersonate_user
    record.retry_failed_calls = retry_failed_calls
    record.retry_count = retry_count
    record.retry_delay = retry_delay_or_text(retry_delay)
    record.extra = extra
    record.__class__ = OutgoingIntegrationRecord
    return cast(OutgoingIntegrationRecord, record)


def _set_common_fields(record: Any, data: dict[str, Any]) -> bool:
    """Set the fields that both types have. Returns False if one has another type."""
    get = data.get
    if not (
        type(id := get("_id")) is str
        and type(name := get("name", "")) is str
        and type(username := get("username", "")) is str
        and type(enabled := get("enabled", False)) is bool
        and ((alias := get("alias")) is None or type(alias) is str)
        and ((avatar := get("avatar")) is None or type(avatar) is str)
        and ((emoji := get("emoji")) is None or type(emoji) is str)
        and type(script_enabled := get("scriptEnabled", False)) is bool
        and ((script := get("script")) is None or type(script) is str)
        and ((script_engine := get("scriptEngine")) is None or type(script_engine) is str)
        and ((skip_transpile := get("skipTranspile")) is None or type(skip_transpile) is bool)
        and ((token := get("token")) is None or type(token) is str)
        and ((user_id := get("userId")) is None or type(user_id) is str)
        and ((script_compiled := get("scriptCompiled")) is None or type(script_compiled) is str)
    ):
        return False
    created_by, updated_by = get("_createdBy"), get("_updatedBy")
    try:
        record.channel = read_texts(get("channel", []))
        record.created_at = None if (created_at := get("_createdAt")) is None else read_time(created_at)
        record.updated_at = None if (updated_at := get("_updatedAt")) is None else read_time(updated_at)
        record.created_by = creator = _NOBODY if created_by is None else read_user(created_by)
        record.updated_by = (
            None if updated_by is None else creator if updated_by == created_by else read_user(updated_by)
        )
        record.script_error = None if (script_error := get("scriptError")) is None else read_script_error(script_error)
    except Mismatch:
        return False
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
    record.token = token
    record.user_id = user_id
    record.script_compiled = script_compiled
    return True
