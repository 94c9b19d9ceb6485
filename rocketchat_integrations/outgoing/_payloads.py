"""What Rocket.Chat says when it calls: one class for each event. Values, without logic.

Nothing in them is required, for servers leave things out: from 7.7 on, payloads of room and user events have nothing
but ``bot``, and so has a call that is replayed. What a payload does not have, or has as null, is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias

import attrs

from rocketchat_integrations.models import EventType


def _nothing() -> dict[str, Any]:
    return {}


@attrs.frozen(kw_only=True)
class Bot:
    """Which integration a message comes from. Always true as a condition."""

    integration_id: str | None = None
    """The integration's id."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole JSON object."""


@attrs.frozen(kw_only=True)
class PayloadUser:
    """A user, as far as the payload tells."""

    id: str | None = None
    """The id."""

    username: str | None = None
    """The user name, without ``@``."""

    name: str | None = None
    """The name that people see."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole JSON object. Never log or show it: servers of 6.x send password hashes and e-mail tokens in it."""


@attrs.frozen(kw_only=True)
class PayloadRoom:
    """A room, as far as the payload tells."""

    id: str | None = None
    """The id."""

    name: str | None = None
    """The name, without ``#``; direct rooms have none."""

    type: str | None = None
    """``"c"`` for a channel, ``"p"`` for a private group, ``"d"`` for a direct room; others may come."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole JSON object."""


@attrs.frozen(kw_only=True)
class PayloadFile:
    """An uploaded file, as far as the payload tells."""

    id: str | None = None
    """The id."""

    name: str | None = None
    """The file's name."""

    type: str | None = None
    """The media type, such as ``"image/png"``."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole JSON object."""


@attrs.frozen(kw_only=True)
class PayloadMessage:
    """A message, as far as the payload tells."""

    id: str | None = None
    """The id."""

    room_id: str | None = None
    """The id of the room that it is in."""

    text: str | None = None
    """The text."""

    timestamp: datetime | None = None
    """When it was sent; aware, in UTC."""

    user: PayloadUser | None = None
    """Who sent it."""

    file: PayloadFile | None = None
    """The file, or the first of several."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole JSON object."""


@attrs.frozen(kw_only=True)
class _Payload:
    """What the payloads of all events have."""

    bot: bool | Bot | None = None
    """Whether a bot or an integration caused the event: true if so, and a :class:`Bot` where it says which one."""

    channel_id: str | None = None
    """The id of the room that it happened in."""

    channel_name: str | None = None
    """The name of that room, without ``#``; direct rooms have none."""

    timestamp: datetime | None = None
    """When it happened; aware, in UTC."""

    user_id: str | None = None
    """The id of the user who caused it."""

    user_name: str | None = None
    """The user name, without ``@``."""

    raw: Mapping[str, Any] = attrs.field(factory=_nothing, repr=False, hash=False)
    """The whole payload without its token, also what this version does not know. Never log or show it: see
    :attr:`PayloadUser.raw`."""


@attrs.frozen(kw_only=True)
class _MessagePayload(_Payload):
    """What the payloads of both events that are messages have."""

    message_id: str | None = None
    """The id of the message."""

    text: str | None = None
    """The text; ``""`` for a file without a description."""

    site_url: str | None = None
    """The workspace's address."""

    alias: str | None = None
    """The name that is shown instead of the user's."""

    tmid: str | None = None
    """The id of the message in whose thread it is; None outside threads."""

    is_edited: bool | None = None
    """True for a message that was edited: it comes again with the same ``message_id``, if the integration has
    ``run_on_edits``."""


@attrs.frozen(kw_only=True)
class MessageSent(_MessagePayload):
    """``sendMessage``: somebody said something."""

    event: ClassVar[Literal[EventType.SEND_MESSAGE]] = EventType.SEND_MESSAGE
    """Which event this is."""

    trigger_word: str | None = None
    """The trigger word that was found in the text; None for an integration without trigger words."""


@attrs.frozen(kw_only=True)
class FileUploaded(_MessagePayload):
    """``fileUploaded``: somebody uploaded a file."""

    event: ClassVar[Literal[EventType.FILE_UPLOADED]] = EventType.FILE_UPLOADED
    """Which event this is."""

    user: PayloadUser | None = None
    """Who uploaded it."""

    room: PayloadRoom | None = None
    """Where to."""

    message: PayloadMessage | None = None
    """The message that shows the file."""


@attrs.frozen(kw_only=True)
class _RoomPayload(_Payload):
    """What the payloads of most room events have."""

    user: PayloadUser | None = None
    """Who did it."""

    room: PayloadRoom | None = None
    """The room."""


@attrs.frozen(kw_only=True)
class RoomArchived(_RoomPayload):
    """``roomArchived``: a room was archived."""

    event: ClassVar[Literal[EventType.ROOM_ARCHIVED]] = EventType.ROOM_ARCHIVED
    """Which event this is."""


@attrs.frozen(kw_only=True)
class RoomCreated(_Payload):
    """``roomCreated``: a room was created."""

    event: ClassVar[Literal[EventType.ROOM_CREATED]] = EventType.ROOM_CREATED
    """Which event this is."""

    owner: PayloadUser | None = None
    """Who created it."""

    room: PayloadRoom | None = None
    """The room."""


@attrs.frozen(kw_only=True)
class RoomJoined(_RoomPayload):
    """``roomJoined``: somebody joined a room."""

    event: ClassVar[Literal[EventType.ROOM_JOINED]] = EventType.ROOM_JOINED
    """Which event this is."""


@attrs.frozen(kw_only=True)
class RoomLeft(_RoomPayload):
    """``roomLeft``: somebody left a room."""

    event: ClassVar[Literal[EventType.ROOM_LEFT]] = EventType.ROOM_LEFT
    """Which event this is."""


@attrs.frozen(kw_only=True)
class UserCreated(_Payload):
    """``userCreated``: a user was created. It happens in no room."""

    event: ClassVar[Literal[EventType.USER_CREATED]] = EventType.USER_CREATED
    """Which event this is."""

    user: PayloadUser | None = None
    """The new user."""


Payload: TypeAlias = MessageSent | FileUploaded | RoomArchived | RoomCreated | RoomJoined | RoomLeft | UserCreated
"""What one of the seven events has to say; ``payload.event`` tells which one it is."""
