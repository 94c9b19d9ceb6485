"""From the body of a call to a payload: bytes, JSON, token, fields, in this order.

What is refused is named, and never shown. What fails is told in words and raised when nothing that holds the body is
being handled any more, for errors of decoders hold all of it.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeAlias, cast, overload

from rocketchat_integrations._protocol.readers import Mismatch, json_type, read_flag, read_object, read_text, read_time
from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError
from rocketchat_integrations.models import EventType

from ._payloads import (
    Bot,
    FileUploaded,
    MessageSent,
    Payload,
    PayloadFile,
    PayloadMessage,
    PayloadRoom,
    PayloadUser,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
)

MAX_SIZE = 1_048_576

_Table: TypeAlias = dict[str, tuple[str, Callable[[Any], Any]]]


@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.SEND_MESSAGE, "sendMessage"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> MessageSent: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.FILE_UPLOADED, "fileUploaded"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> FileUploaded: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.ROOM_ARCHIVED, "roomArchived"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> RoomArchived: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.ROOM_CREATED, "roomCreated"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> RoomCreated: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.ROOM_JOINED, "roomJoined"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> RoomJoined: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.ROOM_LEFT, "roomLeft"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> RoomLeft: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: Literal[EventType.USER_CREATED, "userCreated"],
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> UserCreated: ...
@overload
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: EventType | str,
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> Payload: ...
@sealed
def parse(
    body: bytes | bytearray | memoryview | str,
    *,
    token: str | None,
    event: EventType | str,
    content_type: str | None = None,
    max_size: int = MAX_SIZE,
) -> Payload:
    """Verify and read what Rocket.Chat posts to the URL of an outgoing integration.

    A payload does not name its event, so you do, as the integration has it. Nor is it signed: the integration's
    token in it is all that there is to verify, in constant time and before anything else of it is believed. It proves
    that the call comes from somebody who knows the token, and no more. It is sent in the clear in every payload, so
    take it over HTTPS only; it is the same for all URLs of the integration; it says neither that the rest of the
    payload is true nor that it is new. And together with the integration's id it is an address that posts into the
    workspace, so whoever gets the payloads can post: keep it as you would keep a password.

    Rocket.Chat waits 20 seconds for an answer, and does not call again when it got none, even if the integration
    retries failed calls.

    Args:
        body: the body of the call as it came: JSON in UTF-8.
        token: the integration's token; None, which has to be written out, to verify nothing.
        event: the event of the integration: one of :class:`~rocketchat_integrations.EventType`, or its text.
        content_type: the call's ``Content-Type``, which has to be ``application/json``; None: not checked.
        max_size: how many bytes the body may have.

    Returns:
        The payload, as the class of the event.

    Raises:
        WebhookVerificationError: if the payload's token is another one, missing, null or no text. Answer 401.
        WebhookPayloadError: if the body is too large, of another content type, no JSON object, or has a field of the
            wrong type. Its ``answer_status`` is what to answer: 413, 415 or 400.
        ConfigurationError: if an argument is wrong.
    """
    kind = event_type(event)
    if token is not None:
        check_token(token)
    check_size(max_size)
    document = read_document(as_bytes(body), content_type, max_size)
    if token is not None and not is_token(document.get("token"), token):
        raise unverified()
    return read_payload(kind, document)


# Arguments.


def event_type(event: object) -> EventType:
    if isinstance(event, EventType):
        return event
    try:
        return EventType(cast(str, event))
    except ValueError:
        pass
    raise ConfigurationError(f"event: must be one of {', '.join(EventType)}")


def check_token(token: object) -> None:
    if not isinstance(token, str) or not token or (not token.isascii() and re.search("[\ud800-\udfff]", token)):
        raise ConfigurationError("token: must be text that is not empty, or None to verify nothing")


def check_size(max_size: object) -> None:
    if type(max_size) is not int or max_size < 1:
        raise ConfigurationError("max_size: must be a positive whole number")


def as_bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        # What is no Unicode text is no JSON either: that is found out later, with all the other reasons.
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytearray, memoryview)):
        try:
            return bytes(cast("bytearray | memoryview[int]", body))
        except ValueError:  # a view that has been released
            pass
    raise ConfigurationError("body: must be bytes or text")


# The document.


def read_document(body: bytes, content_type: str | None, max_size: int) -> dict[str, Any]:
    """The JSON object that the body is, or WebhookPayloadError."""
    if len(body) > max_size:
        raise WebhookPayloadError(f"body: must not have more than {max_size} bytes", answer_status=413)
    if content_type is not None and not _is_json(content_type):
        raise WebhookPayloadError("Content-Type: must be application/json", answer_status=415)
    try:
        text = body.decode()
        document: object = _DECODER.decode(_without_half_pairs(text) if "\\u" in text else text)
    except (ValueError, RecursionError):
        document = _NO_JSON
    if document is _NO_JSON:
        raise WebhookPayloadError("body: must be JSON in UTF-8, without NaN and Infinity, and not nested too deeply")
    if not isinstance(document, dict):
        raise WebhookPayloadError(f"body: must be a JSON object, and is {json_type(document)}")
    return cast("dict[str, Any]", document)


_NO_JSON = object()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _is_json(content_type: object) -> bool:
    if not isinstance(content_type, str):
        raise ConfigurationError("content_type: must be text or None")
    return content_type.partition(";")[0].strip().lower() == "application/json"


# An escaped surrogate pair; half a pair; or any other escape, so that "\\ud800", which has none, is stepped over.
_HEX = "[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:u[dD][89abAB]{_HEX}\\u[dD][c-fC-F]{_HEX}|(u[dD][89a-fA-F]{_HEX})|.)", re.DOTALL)


def _without_half_pairs(text: str) -> str:
    # JavaScript sends them, and no encoder takes them: they would crash whatever prints, stores or sends the text.
    return _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)


# The token.


def is_token(given: object, token: str) -> bool:
    """Whether it is the token, in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())


def unverified() -> WebhookVerificationError:
    return WebhookVerificationError("token: is missing, or not the integration's")


# The fields.


def read_payload(event: EventType, document: dict[str, Any]) -> Payload:
    """The payload that a verified document is; takes the token out of the document."""
    document.pop("token", None)
    kind, table = _KINDS[event]
    try:
        return kind(**_values(document, table))
    except Mismatch as mismatch:
        problem = str(mismatch)
    raise WebhookPayloadError(problem)


def _values(document: dict[str, Any], table: _Table) -> dict[str, Any]:
    values: dict[str, Any] = {"raw": document}
    for key, (field, read) in table.items():
        value = document.get(key)
        if read is read_text and type(value) is str:  # most of them are: a call spared
            values[field] = value
        elif value is not None:
            try:
                values[field] = read(value)
            except _Misplaced as mismatch:
                raise _Misplaced(f"{key}.{mismatch}") from None
            except Mismatch as mismatch:
                raise _Misplaced(f"{key}: must be {mismatch}, and is {json_type(value)}") from None
    return values


class _Misplaced(Mismatch):
    """Says as well where the value is."""


def _object_of(kind: Callable[..., Any], table: _Table) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        return kind(**_values(read_object(value), table))

    return read


_bot_object = _object_of(Bot, {"i": ("integration_id", read_text)})


def _bot(value: Any) -> bool | Bot:
    if value is True or value is False:
        return value
    if isinstance(value, dict):
        return cast(Bot, _bot_object(value))
    raise Mismatch("true, false or an object")


_user = _object_of(
    PayloadUser,
    {"_id": ("id", read_text), "username": ("username", read_text), "name": ("name", read_text)},
)
_room = _object_of(
    PayloadRoom,
    {"_id": ("id", read_text), "name": ("name", read_text), "t": ("type", read_text)},
)
_file = _object_of(
    PayloadFile,
    {"_id": ("id", read_text), "name": ("name", read_text), "type": ("type", read_text)},
)
_message = _object_of(
    PayloadMessage,
    {
        "_id": ("id", read_text),
        "rid": ("room_id", read_text),
        "msg": ("text", read_text),
        "ts": ("timestamp", read_time),
        "u": ("user", _user),
        "file": ("file", _file),
    },
)

_COMMON: _Table = {
    "bot": ("bot", _bot),
    "channel_id": ("channel_id", read_text),
    "channel_name": ("channel_name", read_text),
    "timestamp": ("timestamp", read_time),
    "user_id": ("user_id", read_text),
    "user_name": ("user_name", read_text),
}
_MESSAGE: _Table = {
    **_COMMON,
    "message_id": ("message_id", read_text),
    "text": ("text", read_text),
    "siteUrl": ("site_url", read_text),
    "alias": ("alias", read_text),
    "tmid": ("tmid", read_text),
    "isEdited": ("is_edited", read_flag),
}
_ROOM: _Table = {**_COMMON, "user": ("user", _user), "room": ("room", _room)}

_KINDS: dict[EventType, tuple[Callable[..., Payload], _Table]] = {
    EventType.SEND_MESSAGE: (MessageSent, {**_MESSAGE, "trigger_word": ("trigger_word", read_text)}),
    EventType.FILE_UPLOADED: (
        FileUploaded,
        {**_MESSAGE, "user": ("user", _user), "room": ("room", _room), "message": ("message", _message)},
    ),
    EventType.ROOM_ARCHIVED: (RoomArchived, _ROOM),
    EventType.ROOM_CREATED: (RoomCreated, {**_COMMON, "owner": ("owner", _user), "room": ("room", _room)}),
    EventType.ROOM_JOINED: (RoomJoined, _ROOM),
    EventType.ROOM_LEFT: (RoomLeft, _ROOM),
    EventType.USER_CREATED: (UserCreated, {**_COMMON, "user": ("user", _user)}),
}
