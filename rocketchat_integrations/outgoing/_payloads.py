"""Payloads: what Rocket.Chat sends when it calls, one class for each event.

No field is required, because servers leave fields out: from 7.7 on, payloads of room and user events have only ``bot``,
and so has a replayed call. A field that is missing or null is None.
"""

# ruff: noqa: RUF009 - `wire` defines a field of attrs

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, Unpack, cast, get_args

import attrs

from rocketchat_integrations._protocol.readers import Mismatch, json_type, read_flag, read_object, read_text, read_time
from rocketchat_integrations.exceptions import WebhookPayloadError
from rocketchat_integrations.models import EventType

from ._replies import Reply, ReplyFields

T = TypeVar("T", bound=attrs.AttrsInstance)


class _FieldMismatch(Mismatch):
    """A value has another type than its field; the message has the path of the field."""


def reader_of(cls: type[T]) -> Callable[[Any], T]:
    """Return a function that reads an object of this class from JSON, or raises :class:`_FieldMismatch`."""
    make = cast("Callable[..., T]", cls)
    table = [(each.name, each.metadata["key"], each.metadata["read"]) for each in attrs.fields(cls) if each.metadata]

    def read_fields(document: Any) -> T:
        values: dict[str, Any] = {"raw": read_object(document)}
        for name, key, read in table:
            value = document.get(key)
            if read is read_text and type(value) is str:  # the most frequent case, without a call
                values[name] = value
            elif value is not None:
                try:
                    values[name] = read(value)
                except _FieldMismatch as mismatch:
                    raise _FieldMismatch(f"{key}.{mismatch}") from None
                except Mismatch as mismatch:
                    raise _FieldMismatch(f"{key}: must be {mismatch}, not {json_type(value)}") from None
        return make(**values)

    return read_fields


def wire(key: str, kind: type[attrs.AttrsInstance] | Callable[[Any], Any]) -> Any:
    """Define a field by its JSON key and its class or reader. Its value is None if the key is missing or null."""
    read = reader_of(kind) if isinstance(kind, type) else kind
    return attrs.field(default=None, metadata={"key": key, "read": read})


@attrs.frozen(kw_only=True)
class _JsonObject:
    """The field of all objects in payloads, and of payloads."""

    raw: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The whole JSON object without the token, with the fields that this version does not know. Never log or show it:
    servers of 6.x send password hashes and e-mail tokens of users."""


@attrs.frozen(kw_only=True)
class Bot(_JsonObject):
    """The integration that sent a message. Always true as a condition."""

    integration_id: str | None = wire("i", read_text)
    """The integration's id."""


@attrs.frozen(kw_only=True)
class PayloadUser(_JsonObject):
    """A user. Fields that are not in the payload are None."""

    id: str | None = wire("_id", read_text)
    """The id."""

    username: str | None = wire("username", read_text)
    """The user name, without ``@``."""

    name: str | None = wire("name", read_text)
    """The display name."""


@attrs.frozen(kw_only=True)
class PayloadRoom(_JsonObject):
    """A room. Fields that are not in the payload are None."""

    id: str | None = wire("_id", read_text)
    """The id."""

    name: str | None = wire("name", read_text)
    """The name, without ``#``; direct rooms have none."""

    type: str | None = wire("t", read_text)
    """``"c"`` for a channel, ``"p"`` for a private group, ``"d"`` for a direct room. There may be others."""


@attrs.frozen(kw_only=True)
class PayloadFile(_JsonObject):
    """An uploaded file. Fields that are not in the payload are None."""

    id: str | None = wire("_id", read_text)
    """The id."""

    name: str | None = wire("name", read_text)
    """The file's name."""

    type: str | None = wire("type", read_text)
    """The media type, such as ``"image/png"``."""


@attrs.frozen(kw_only=True)
class PayloadMessage(_JsonObject):
    """A message. Fields that are not in the payload are None."""

    id: str | None = wire("_id", read_text)
    """The id."""

    room_id: str | None = wire("rid", read_text)
    """The id of its room."""

    text: str | None = wire("msg", read_text)
    """The text."""

    timestamp: datetime | None = wire("ts", read_time)
    """When it was sent; aware, in UTC."""

    user: PayloadUser | None = wire("u", PayloadUser)
    """The user who sent it."""

    file: PayloadFile | None = wire("file", PayloadFile)
    """The file, or the first of several."""


_read_bot_object = reader_of(Bot)


def _read_bot(value: Any) -> bool | Bot:
    if isinstance(value, bool):
        return value
    if isinstance(value, dict):
        return _read_bot_object(value)
    raise Mismatch("true, false or an object")


@attrs.frozen(kw_only=True)
class _Payload(_JsonObject):
    """The fields of all payloads."""

    bot: bool | Bot | None = wire("bot", _read_bot)
    """Whether a bot or an integration caused the event: true if so, and a :class:`Bot` where the payload names it."""

    channel_id: str | None = wire("channel_id", read_text)
    """The id of the room."""

    channel_name: str | None = wire("channel_name", read_text)
    """The name of the room, without ``#``; direct rooms have none."""

    timestamp: datetime | None = wire("timestamp", read_time)
    """When it happened; aware, in UTC."""

    user_id: str | None = wire("user_id", read_text)
    """The id of the user who caused the event."""

    user_name: str | None = wire("user_name", read_text)
    """The user name, without ``@``."""


@attrs.frozen(kw_only=True)
class _MessagePayload(_Payload):
    """The fields of the two events that are messages."""

    message_id: str | None = wire("message_id", read_text)
    """The id of the message."""

    text: str | None = wire("text", read_text)
    """The text; ``""`` for a file without a description."""

    site_url: str | None = wire("siteUrl", read_text)
    """The URL of the workspace."""

    alias: str | None = wire("alias", read_text)
    """The name that is shown instead of the user's."""

    tmid: str | None = wire("tmid", read_text)
    """The id of the message that started the thread; None outside threads."""

    is_edited: bool | None = wire("isEdited", read_flag)
    """True for an edited message. It is sent again with the same ``message_id`` if the integration has
    ``run_on_edits``."""

    def reply(self, text: str | None = None, **fields: Unpack[ReplyFields]) -> Reply:
        """Make a reply where the message is: in its thread, or in the room if it is in no thread.

        An integration with a ``target_room`` posts replies in another room, where the thread is not: return a
        :class:`Reply` without ``tmid`` instead.

        Args:
            text: the text, with Markdown.
            fields: other arguments of :class:`Reply`.

        Raises:
            ValueError: as :class:`Reply` does.
            TypeError: as :class:`Reply` does.
        """
        return Reply(text, tmid=self.tmid, **fields)

    def reply_in_thread(self, text: str | None = None, **fields: Unpack[ReplyFields]) -> Reply:
        """Make a reply in the thread of the message. If it is in no thread, the reply starts one.

        A replayed call has no message; then the reply is in no thread. See :meth:`reply` for a ``target_room``.

        Args:
            text: the text, with Markdown.
            fields: other arguments of :class:`Reply`.

        Raises:
            ValueError: as :class:`Reply` does.
            TypeError: as :class:`Reply` does.
        """
        return Reply(text, tmid=self.tmid or self.message_id, **fields)


@attrs.frozen(kw_only=True)
class MessageSent(_MessagePayload):
    """``sendMessage``: a message was sent."""

    event: ClassVar[Literal[EventType.SEND_MESSAGE]] = EventType.SEND_MESSAGE
    """The event."""

    trigger_word: str | None = wire("trigger_word", read_text)
    """The trigger word that was found in the text; None for an integration without trigger words."""


@attrs.frozen(kw_only=True)
class FileUploaded(_MessagePayload):
    """``fileUploaded``: a file was uploaded."""

    event: ClassVar[Literal[EventType.FILE_UPLOADED]] = EventType.FILE_UPLOADED
    """The event."""

    user: PayloadUser | None = wire("user", PayloadUser)
    """The user who uploaded it."""

    room: PayloadRoom | None = wire("room", PayloadRoom)
    """The room that it was uploaded to."""

    message: PayloadMessage | None = wire("message", PayloadMessage)
    """The message that shows the file."""


@attrs.frozen(kw_only=True)
class _RoomPayload(_Payload):
    """The fields of most room events."""

    user: PayloadUser | None = wire("user", PayloadUser)
    """The user who caused the event."""

    room: PayloadRoom | None = wire("room", PayloadRoom)
    """The room."""


@attrs.frozen(kw_only=True)
class RoomArchived(_RoomPayload):
    """``roomArchived``: a room was archived."""

    event: ClassVar[Literal[EventType.ROOM_ARCHIVED]] = EventType.ROOM_ARCHIVED
    """The event."""


@attrs.frozen(kw_only=True)
class RoomCreated(_Payload):
    """``roomCreated``: a room was created."""

    event: ClassVar[Literal[EventType.ROOM_CREATED]] = EventType.ROOM_CREATED
    """The event."""

    owner: PayloadUser | None = wire("owner", PayloadUser)
    """The user who created it."""

    room: PayloadRoom | None = wire("room", PayloadRoom)
    """The room."""


@attrs.frozen(kw_only=True)
class RoomJoined(_RoomPayload):
    """``roomJoined``: a user joined a room."""

    event: ClassVar[Literal[EventType.ROOM_JOINED]] = EventType.ROOM_JOINED
    """The event."""


@attrs.frozen(kw_only=True)
class RoomLeft(_RoomPayload):
    """``roomLeft``: a user left a room."""

    event: ClassVar[Literal[EventType.ROOM_LEFT]] = EventType.ROOM_LEFT
    """The event."""


@attrs.frozen(kw_only=True)
class UserCreated(_Payload):
    """``userCreated``: a user was created. It has no room."""

    event: ClassVar[Literal[EventType.USER_CREATED]] = EventType.USER_CREATED
    """The event."""

    user: PayloadUser | None = wire("user", PayloadUser)
    """The new user."""


Payload: TypeAlias = MessageSent | FileUploaded | RoomArchived | RoomCreated | RoomJoined | RoomLeft | UserCreated
"""The payload of one of the seven events; ``payload.event`` names it."""

_READERS: dict[EventType, Callable[[Any], Payload]] = {kind.event: reader_of(kind) for kind in get_args(Payload)}


def read_payload(event: EventType, document: dict[str, Any]) -> Payload:
    """Read a verified JSON object, and remove the token from it.

    Raises:
        WebhookPayloadError: if a field has the wrong type. The message names the field and shows no value.
    """
    document.pop("token", None)
    try:
        return _READERS[event](document)
    except Mismatch as mismatch:
        problem = str(mismatch)
    raise WebhookPayloadError(problem)
