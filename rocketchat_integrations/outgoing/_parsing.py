"""Verify and read the body of an outgoing webhook."""

from __future__ import annotations

import hmac
from typing import Literal, overload

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations._validation import is_unicode
from rocketchat_integrations.exceptions import ConfigurationError, WebhookVerificationError
from rocketchat_integrations.models import EventType, event_or_text

from ._json_body import as_bytes, json_object
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

MAX_SIZE = 1_048_576


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
    """Verify and read the body that Rocket.Chat posts to the URL of an outgoing integration.

    A payload does not name its event: pass the event of the integration. Nor is it signed: the integration's token
    in it is the only thing to verify. That is done in constant time, before anything else in it is believed. The token
    proves that the caller knows the token, and no more: not that the rest of the payload is true, nor that it is
    new. It is sent in the clear in every payload, so receive payloads over HTTPS only; and it is the same for all URLs
    of the integration. Together with the integration's id it is a URL that posts into the workspace, so anyone who
    gets the payloads can post: keep it like a password.

    Rocket.Chat waits 20 seconds for an answer. A call without one is not repeated, even if the integration has
    ``retry_failed_calls``.

    Args:
        body: the body as it was received: JSON in UTF-8.
        token: the integration's token. None verifies nothing; there is no default.
        event: the event of the integration: an :class:`~rocketchat_integrations.EventType` or its text.
        content_type: the ``Content-Type`` of the request, which must be ``application/json``. None is not checked.
        max_size: how many bytes the body may have.

    Returns:
        The payload, an object of the event's class.

    Raises:
        WebhookVerificationError: if the token in the payload is wrong, missing, null or not text. Answer 401.
        WebhookPayloadError: if the body is too large, has another content type, is not a JSON object or has a field
            of the wrong type. Answer its ``answer_status``: 413, 415 or 400.
        ConfigurationError: if an argument is wrong.
    """
    kind = event_type(event)
    if token is not None:
        check_token(token)
    check_size(max_size)
    document = json_object(as_bytes(body), content_type, max_size)
    if token is not None and not is_token(document.get("token"), token):
        raise wrong_token()
    return read_payload(kind, document)


def event_type(event: object) -> EventType:
    """Return the event; raise ConfigurationError if it is unknown."""
    known = event_or_text(event) if isinstance(event, str) else event
    if isinstance(known, EventType):
        return known
    raise ConfigurationError(f"event: must be one of {', '.join(EventType)}")


def check_token(token: object) -> None:
    """Raise ConfigurationError if no token of an integration can be like this."""
    if not isinstance(token, str) or not token or not is_unicode(token):
        raise ConfigurationError("token: must be text that is not empty, or None to verify nothing")


def check_size(max_size: object) -> None:
    """Raise ConfigurationError if this is not a number of bytes."""
    if type(max_size) is not int or max_size < 1:
        raise ConfigurationError("max_size: must be a positive whole number")


def is_token(given: object, token: str) -> bool:
    """Compare in constant time."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), token.encode())


def wrong_token() -> WebhookVerificationError:
    return WebhookVerificationError("token: wrong or missing")
