"""Convert models to JSON and JSON to models: wire names and types of all fields.

Definitions and messages are unstructured by cattrs. Records are structured by tables of readers: null means "not
set", unknown fields are kept, and a value of another type is refused, where a stock converter would coerce it.
"""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import ConfigurationError, DecodingError
from rocketchat_integrations.messages import Action, Attachment, Message
from rocketchat_integrations.models import (
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    event_or_text,
    retry_delay_or_text,
)

from .readers import (
    Mismatch,
    is_mapping,
    is_object,
    is_sequence,
    json_type,
    read_flag,
    read_number,
    read_object,
    read_text,
    read_texts,
    read_time,
)
from .usual_records import read_script_error, read_user, unknown_fields, usual_incoming, usual_outgoing

if TYPE_CHECKING:
    from cattrs import Converter

T = TypeVar("T")

# Readers of fields that only records have. They take a JSON value that is not null.

_Reader = Callable[[Any], Any]
_Table = dict[str, tuple[str, _Reader]]


def _anything(value: Any) -> Any:
    return value


def _truth(value: Any) -> bool:
    # Truth in JavaScript: an empty object, which is what a stored Error looks like, is true.
    return isinstance(value, (dict, list)) or bool(value)


def _event(value: Any) -> EventType | str:
    return event_or_text(read_text(value))


def _retry_delay(value: Any) -> RetryDelay | str | None:
    return retry_delay_or_text(read_text(value))


# Tables: the wire name of a field, its name here, and its reader.

_COMMON: _Table = {
    "name": ("name", read_text),
    "enabled": ("enabled", read_flag),
    "username": ("username", read_text),
    "channel": ("channel", read_texts),
    "alias": ("alias", read_text),
    "avatar": ("avatar", read_text),
    "emoji": ("emoji", read_text),
    "scriptEnabled": ("script_enabled", read_flag),
    "script": ("script", read_text),
    "scriptEngine": ("script_engine", read_text),
    "skipTranspile": ("skip_transpile", read_flag),
    "token": ("token", read_text),
}
_STORED: _Table = {
    "userId": ("user_id", read_text),
    "_createdAt": ("created_at", read_time),
    "_createdBy": ("created_by", read_user),
    "_updatedAt": ("updated_at", read_time),
    "_updatedBy": ("updated_by", read_user),
    "scriptCompiled": ("script_compiled", read_text),
    "scriptError": ("script_error", read_script_error),
}
_INCOMING: _Table = {
    **_COMMON,
    "overrideDestinationChannelEnabled": ("override_destination_channel_enabled", read_flag),
    **_STORED,
}
_OUTGOING: _Table = {
    **_COMMON,
    "event": ("event", _event),
    "urls": ("urls", read_texts),
    "targetRoom": ("target_room", read_text),
    "triggerWords": ("trigger_words", read_texts),
    "triggerWordAnywhere": ("trigger_word_anywhere", read_flag),
    "runOnEdits": ("run_on_edits", read_flag),
    "impersonateUser": ("impersonate_user", read_flag),
    "retryFailedCalls": ("retry_failed_calls", read_flag),
    "retryCount": ("retry_count", read_number),
    "retryDelay": ("retry_delay", _retry_delay),
    **_STORED,
}
_HISTORY: _Table = {
    "type": ("type", read_text),
    "step": ("step", read_text),
    "event": ("event", _event),
    "_createdAt": ("created_at", read_time),
    "_updatedAt": ("updated_at", read_time),
    "url": ("url", read_text),
    "triggerWord": ("trigger_word", read_text),
    "finished": ("finished", read_flag),
    "error": ("error", _truth),
    "errorStack": ("error_stack", _anything),
    "httpResult": ("http_result", read_text),
    "httpError": ("http_error", _anything),
    "data": ("data", read_object),
    "integration": ("integration", read_object),
    "httpCallData": ("http_call_data", read_object),
    "ranPrepareScript": ("ran_prepare_script", read_flag),
    "prepareSentMessage": ("prepare_sent_message", _anything),
    "processSentMessage": ("process_sent_message", _anything),
    "resultMessage": ("result_message", _anything),
}


class _RecordReader(Generic[T]):
    """Reads records of one type.

    Sets slots directly: records are not validated, and the constructor would double the time.
    """

    def __init__(self, kind: type[T], table: _Table, when_missing: Mapping[str, Any]) -> None:
        defaults = {**{field.name: field_default(field) for field in attrs.fields(cast(Any, kind))}, **when_missing}
        self._kind = kind
        # The slots' descriptors can write to a frozen class.
        self._fields: list[tuple[str, Callable[[T, Any], None], _Reader, Any]] = [
            (key, getattr(kind, field).__set__, read, defaults[field]) for key, (field, read) in table.items()
        ]
        self._put_id, self._put_extra = (getattr(kind, field).__set__ for field in ("id", "extra"))
        self.keys = frozenset(["_id", "type", *table])

    def read(self, data: dict[str, Any], path: str) -> T | DecodingError:
        record = object.__new__(self._kind)
        errors: list[str] = []
        for key, put, read, default in self._fields:
            value = data.get(key)
            try:
                put(record, default if value is None else read(value))
            except Mismatch as mismatch:
                errors.append(f"{path}.{key}: must be {mismatch}, not {json_type(value)}")
        id = data.get("_id")
        if not isinstance(id, str):
            errors.append(f"{path}._id: must be text, not {json_type(id)}")
        if errors:
            return unreadable(path, *errors, id=identity(data))
        self._put_id(record, id)
        self._put_extra(record, unknown_fields(data, self.keys))
        return record


def field_default(field: attrs.Attribute[Any]) -> Any:
    """Return the default value of a field."""
    default: Any = field.default
    return default.factory() if isinstance(default, attrs.Factory) else default  # type: ignore[arg-type] # typed as a function


# The values of required fields that the server does not have: how it treats them then.
_VALUES_WHEN_MISSING: dict[str, Any] = {"name": "", "username": "", "enabled": False, "channel": ()}

# For each type: a fast reader of usual records, and one of all records.
_RECORD_READERS: dict[str, tuple[Callable[[dict[str, Any], frozenset[str]], Any], _RecordReader[Any]]] = {
    IntegrationType.INCOMING: (
        usual_incoming,
        _RecordReader(IncomingIntegrationRecord, _INCOMING, _VALUES_WHEN_MISSING),
    ),
    IntegrationType.OUTGOING: (
        usual_outgoing,
        _RecordReader(OutgoingIntegrationRecord, _OUTGOING, {**_VALUES_WHEN_MISSING, "event": "", "urls": ()}),
    ),
}
_HISTORY_READER = _RecordReader(HistoryEntry, _HISTORY, {})


def integration(data: Any, path: str = "integration") -> IntegrationRecord | DecodingError:
    """Read a record. Returns an error instead of raising it: this frame holds the record's token."""
    try:
        read_usual, reader = _RECORD_READERS[data["type"]]
    except (TypeError, KeyError):
        return _not_an_integration(data, path)
    return read_usual(data, reader.keys) or reader.read(data, path)


def _not_an_integration(data: object, path: str) -> DecodingError:
    if not is_object(data):
        return unreadable(path, f"{path}: must be an object, not {json_type(data)}")
    kind = data.get("type")
    actual = "another text" if isinstance(kind, str) else json_type(kind)
    return unreadable(path, f"{path}.type: must be {' or '.join(IntegrationType)}, not {actual}", id=identity(data))


def history_entry(data: object, path: str = "history") -> HistoryEntry | DecodingError:
    """Read a history entry, or return the error."""
    if is_object(data):
        return _HISTORY_READER.read(data, path)
    return unreadable(path, f"{path}: must be an object, not {json_type(data)}")


def identity(data: object) -> str | None:
    """Return the id of a JSON record; None if it has none."""
    value = data.get("_id") if is_object(data) else None
    return value if isinstance(value, str) else None


def unreadable(what: str, *errors: str, id: str | None = None) -> DecodingError:
    """Make the error for JSON that cannot be read."""
    record = f"{what} (id {id})" if id else what
    return DecodingError(f"{record} cannot be read: {'; '.join(errors)}", errors=errors, id=id)


def has_errors(records: list[Any]) -> bool:
    """Return whether one of the records is an error. Readers return DecodingError itself, no subclass."""
    return DecodingError in set(map(type, records))


_LONGEST_ID = 100  # characters; the server's have 17 or 24


def without_secrets(error: DecodingError, secrets: tuple[str, ...]) -> DecodingError:
    """Hide secrets in the id of the record that cannot be read, and shorten it: nothing else quotes the response."""
    if error.id is not None:
        id = redacted(error.id, spellings(secrets))
        id = id if len(id) <= _LONGEST_ID else f"{id[:_LONGEST_ID]}…"
        error.args = (str(error.args[0]).replace(f"(id {error.id})", f"(id {id})"),)
        error.id = id
    return error


# Bodies.

_WIRE_NAMES = {field: key for table in (_INCOMING, _OUTGOING) for key, (field, _) in table.items()}
_MESSAGE_NAMES = {"parse_urls": "parseUrls", "custom_fields": "customFields", "separate_response": "separateResponse"}
_REQUIRED = ("name", "enabled", "username", "channel", "script_enabled")

# Encoders are made when they are needed: importing cattrs and making them takes as long as all other imports.


@functools.cache
def _definition_encoder(type: IntegrationType) -> Callable[[IntegrationDefinition], dict[str, Any]]:
    from cattrs import Converter
    from cattrs.gen import make_dict_unstructure_fn, override

    kind: Any = IncomingIntegration if type is IntegrationType.INCOMING else OutgoingIntegration
    names: dict[str, Any] = {
        field.name: override(rename=_WIRE_NAMES[field.name], omit_if_default=field.name not in _REQUIRED)
        for field in attrs.fields(kind)
    }
    return make_dict_unstructure_fn(kind, Converter(omit_if_default=True), _cattrs_omit_if_default=True, **names)


@functools.cache
def _message_encoder() -> Callable[[Message], dict[str, Any]]:
    from cattrs import Converter
    from cattrs.gen import override

    converter = Converter(omit_if_default=True)
    converter.register_unstructure_hook(Action, _button)
    time = override(unstruct_hook=_attachment_time)
    converter.register_unstructure_hook(Attachment, _encoder_with_extra(Attachment, converter, ts=time))
    names = {field: override(rename=name) for field, name in _MESSAGE_NAMES.items()}
    return _encoder_with_extra(Message, converter, **names)


def _encoder_with_extra(kind: type[T], converter: Converter, **fields: Any) -> Callable[[T], dict[str, Any]]:
    """Return an encoder that also writes the keys in ``extra``."""
    from cattrs.gen import make_dict_unstructure_fn

    encode: Callable[[T], dict[str, Any]] = make_dict_unstructure_fn(
        kind, converter, _cattrs_omit_if_default=True, **fields
    )

    def encode_all(value: T) -> dict[str, Any]:
        body = encode(value)
        return {**body.pop("extra", {}), **body}

    return encode_all


def _attachment_time(ts: datetime | str | None) -> str | None:
    if isinstance(ts, datetime):
        return (ts if ts.tzinfo else ts.astimezone()).isoformat()
    return ts


def _button(action: Action) -> dict[str, Any]:
    body = {"type": "button", "text": action.text}
    if action.msg is None:
        return {**body, "url": action.url}
    kind = {"msg_processing_type": action.msg_processing_type} if action.msg_processing_type else {}
    return {**body, "msg": action.msg, "msg_in_chat_window": action.msg_in_chat_window, **kind}


def message_body(message: Message) -> dict[str, Any]:
    """Return the body of a post."""
    return _message_encoder()(message)


def definition_body(definition: IntegrationDefinition) -> dict[str, Any]:
    """Return the body of ``integrations.create``: required fields, and those that differ from their defaults."""
    body = _without_false_skip_transpile(_definition_encoder(definition.type)(definition))
    return {**body, "type": definition.type, "channel": ",".join(definition.channel)}


def update_body(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of ``integrations.update``: all of them, cleared ones as null."""
    body = {_WIRE_NAMES[field]: value for field, value in fields.items()}
    body["channel"] = ",".join(fields["channel"])
    for name in ("urls", "triggerWords"):
        if name in body:
            body[name] = [text for text in body[name] if text]  # the schema refuses ""
    if body["scriptEngine"] is None:  # 6.x refuses null
        del body["scriptEngine"]
    return _without_false_skip_transpile(body)


def _without_false_skip_transpile(body: dict[str, Any]) -> dict[str, Any]:
    # Left out means false on every server, and a server without the property refuses it.
    return body if body.get("skipTranspile", True) else {key: body[key] for key in body if key != "skipTranspile"}


def json_object(data: Mapping[object, object], name: str) -> dict[str, Any]:
    """Return a mapping unchanged, as dicts and lists that JSON can hold. Errors have the path, and no value."""
    with contextlib.suppress(RecursionError):
        return cast("dict[str, Any]", _json(data, name))
    raise ConfigurationError(f"{name}: is nested too deeply, or contains itself")


def _json(value: object, path: str) -> object:
    if is_mapping(value):
        for key in value:
            if not isinstance(key, str):
                raise ConfigurationError(f"{path}: a key must be text, not {type(key).__name__}")
        return {key: _json(item, f"{path}[{key!r}]") for key, item in value.items()}
    if is_sequence(value):
        return [_json(item, f"{path}[{number}]") for number, item in enumerate(value)]
    if value is None or isinstance(value, str):
        return value
    kind = type(value).__name__
    if isinstance(value, (int, float)):
        if abs(value) <= sys.float_info.max:  # beyond the range of JavaScript, it would arrive as infinity
            return value
        kind = "this number"
    raise ConfigurationError(f"{path}: JSON cannot hold {kind}")
