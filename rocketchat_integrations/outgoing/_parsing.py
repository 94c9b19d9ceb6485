"""Verify and read the body of an outgoing webhook.

Messages name what is wrong and never quote it. They are raised outside of the ``except`` blocks, because the errors of
decoders hold the whole body.
"""

from __future__ import annotations

import hmac
import json
import math
import re
from typing import Any, Literal, TypeAlias, cast, overload

from rocketchat_integrations._protocol.readers import is_object, json_type
from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations._validation import is_unicode
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError
from rocketchat_integrations.models import EventType, event_or_text

from ._payloads import (
    FileUploaded,
    MessageSent,
    Payload,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
    read_payload,
)

MAX_SIZE = 262_144
WRONG_TOKEN = "token: wrong or missing"  # noqa: S105 - a message

Body: TypeAlias = bytes | bytearray | memoryview | str
SendMessageEvent: TypeAlias = Literal[EventType.SEND_MESSAGE, "sendMessage"]
FileUploadedEvent: TypeAlias = Literal[EventType.FILE_UPLOADED, "fileUploaded"]
RoomArchivedEvent: TypeAlias = Literal[EventType.ROOM_ARCHIVED, "roomArchived"]
RoomCreatedEvent: TypeAlias = Literal[EventType.ROOM_CREATED, "roomCreated"]
RoomJoinedEvent: TypeAlias = Literal[EventType.ROOM_JOINED, "roomJoined"]
RoomLeftEvent: TypeAlias = Literal[EventType.ROOM_LEFT, "roomLeft"]
UserCreatedEvent: TypeAlias = Literal[EventType.USER_CREATED, "userCreated"]


@overload
def parse(
    body: Body, *, token: str | None, event: SendMessageEvent, content_type: str | None = ..., max_size: int = ...
) -> MessageSent: ...
@overload
def parse(
    body: Body, *, token: str | None, event: FileUploadedEvent, content_type: str | None = ..., max_size: int = ...
) -> FileUploaded: ...
@overload
def parse(
    body: Body, *, token: str | None, event: RoomArchivedEvent, content_type: str | None = ..., max_size: int = ...
) -> RoomArchived: ...
@overload
def parse(
    body: Body, *, token: str | None, event: RoomCreatedEvent, content_type: str | None = ..., max_size: int = ...
) -> RoomCreated: ...
@overload
def parse(
    body: Body, *, token: str | None, event: RoomJoinedEvent, content_type: str | None = ..., max_size: int = ...
) -> RoomJoined: ...
@overload
def parse(
    body: Body, *, token: str | None, event: RoomLeftEvent, content_type: str | None = ..., max_size: int = ...
) -> RoomLeft: ...
@overload
def parse(
    body: Body, *, token: str | None, event: UserCreatedEvent, content_type: str | None = ..., max_size: int = ...
) -> UserCreated: ...
@overload
def parse(
    body: Body, *, token: str | None, event: EventType | str, content_type: str | None = ..., max_size: int = ...
) -> Payload: ...
@sealed
def parse(
    body: Body, *, token: str | None, event: EventType | str, content_type: str | None = None, max_size: int = MAX_SIZE
) -> Payload:
    """Verify and read the body that Rocket.Chat posts to the URL of an outgoing integration.

    A payload does not name its event: pass the event of the integration. Payloads are not signed; only the token can
    be verified. It is compared in constant time, before other fields are read. It proves that the caller knows the
    token, and no more: not that the rest of the payload is true, nor that it is new. See :class:`WebhookApp`
    for how to keep the token, and for how long Rocket.Chat waits for an answer.

    Args:
        body: the body as it was received: JSON in UTF-8.
        token: the integration's token. None verifies nothing; there is no default.
        event: the event of the integration: an :class:`~rocketchat_integrations.EventType` or its text.
        content_type: the ``Content-Type`` of the request, which must be ``application/json``. None is not checked.
        max_size: how many bytes the body may have; 256 KiB by default. See :class:`WebhookApp`.

    Returns:
        The payload, an object of the event's class.

    Raises:
        WebhookVerificationError: if the token in the payload is wrong, missing, null or not text. Answer 401.
        WebhookPayloadError: if the body is too large, has another content type, is not a JSON object or has a field
            of the wrong type. Answer its ``answer_status``: 413, 415 or 400.
        ConfigurationError: if an argument is wrong.
    """
    kind = event_type(event)
    check_token(token)
    check_size(max_size)
    document = json_object(as_bytes(body), content_type, max_size)
    if token is not None and not is_token(document.get("token"), token):
        raise WebhookVerificationError(WRONG_TOKEN)
    return read_payload(kind, document)


def event_type(event: object) -> EventType:
    known = event_or_text(event) if isinstance(event, str) else event
    if isinstance(known, EventType):
        return known
    raise ConfigurationError(f"event: must be one of {', '.join(EventType)}")


def check_token(token: object) -> None:
    if token is not None and not (isinstance(token, str) and token and is_unicode(token)):
        raise ConfigurationError("token: must be text that is not empty, or None to verify nothing")


def check_size(max_size: object) -> None:
    if type(max_size) is not int or max_size < 1:
        raise ConfigurationError("max_size: must be a positive whole number")


def check_age(max_age: object) -> None:
    if max_age is not None and not (type(max_age) in (int, float) and cast(float, max_age) > 0):
        raise ConfigurationError("max_age: must be a positive number of seconds, or None")


def is_token(given: object, token: str) -> bool:
    """Compare in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())


def as_bytes(body: object) -> bytes:
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        # A lone surrogate is refused by `json_object`, with everything else that is not UTF-8.
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytearray, memoryview)):
        try:
            return bytes(cast("bytearray | memoryview[int]", body))
        except ValueError:  # a memoryview that has been released
            pass
    raise ConfigurationError("body: must be bytes or text")


def json_object(body: bytes, content_type: str | None, max_size: int) -> dict[str, Any]:
    """Return the JSON object in the body."""
    if len(body) > max_size:
        raise WebhookPayloadError(f"body: must not have more than {max_size} bytes", answer_status=413)
    if content_type is not None:
        if not isinstance(content_type, str):
            raise ConfigurationError("content_type: must be text or None")
        if content_type.partition(";")[0].strip().lower() != "application/json":
            raise WebhookPayloadError("Content-Type: must be application/json", answer_status=415)
    problem = "must be JSON in UTF-8, without NaN and Infinity, and not nested too deeply"
    try:
        text = body.decode()
        document: object = _DECODER.decode(text)
        if _SURROGATE_ESCAPE.search(text):
            # JavaScript sends half pairs, and programs that encode such text crash.
            document = _without_half_pairs(document)
        if is_object(document):
            return document
        problem = f"must be a JSON object, not {json_type(document)}"
    except (ValueError, RecursionError):
        pass
    raise WebhookPayloadError(f"body: {problem}")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("JSON has no such number")
    return number


_DECODER = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)

# The escape of a surrogate, in a pair or not, in JSON; and one that is in no pair, in text.
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
_HALF_PAIR = re.compile("[\ud800-\udfff]")


def _without_half_pairs(value: object) -> Any:
    if isinstance(value, str):
        return _HALF_PAIR.sub("\ufffd", value)
    if isinstance(value, list):
        return list(map(_without_half_pairs, cast("list[object]", value)))
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return {_without_half_pairs(key): _without_half_pairs(item) for key, item in pairs}
    return value
