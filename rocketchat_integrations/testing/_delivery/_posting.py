"""Messages of integrations: their content, the room that they go to, and the posting."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._events import Event
from rocketchat_integrations.testing._world._javascript import (
    as_array,
    either,
    is_array,
    is_object,
    is_truthy,
    text_of,
    trim,
)
from rocketchat_integrations.testing._world._refusals import failure, forbidden
from rocketchat_integrations.testing._world._rooms import Room
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User

from ._message_checks import check_attachments, check_content, check_size


@attrs.frozen
class Posting:
    """Posts messages of integrations on one server."""

    world: World
    dialect: Dialect

    def post(self, message: Document, poster: User, channels: Iterable[Any]) -> list[Document]:
        """Post a message to each channel and return the messages with their channels.

        If one of the channels is refused, servers from 8.x on post to none, and earlier ones to those before it.
        """
        if self.dialect.major < 8:
            return [
                self._stored(channel, self._checked(channel, poster, message), poster, message) for channel in channels
            ]
        rooms = [(channel, self._checked(channel, poster, message)) for channel in distinct(channels)]
        return [self._stored(channel, room, poster, message) for channel, room in rooms]

    def _checked(self, channel: Any, poster: User, message: Document) -> Room:
        """Return the room of a channel, if the message may be posted there."""
        if not isinstance(channel, str):
            raise failure("channel.slice is not a function", f"a channel must be text, not {channel!r}")
        room = _find_room(self.world, channel, poster)
        if room is None:
            raise failure("invalid-channel", f"there is no room or user {channel!r}")
        self.check(room, poster, message)
        return room

    def check(self, room: Room, poster: User, message: Document) -> None:
        """Make the poster a member of a channel, and refuse a message that may not be posted there."""
        self.world.join(room, poster)
        if self.dialect.major >= 8:
            check_size(message, self.world.settings.max_message_size)
        if not room.is_open_to(poster):
            note = f"{poster.username} is not in the private group {room.name}"
            raise forbidden(self.dialect, failure("error-not-allowed", note))
        if self.dialect.major >= 8:
            check_content(message, poster, custom_fields=self.world.settings.custom_fields)
        else:
            check_attachments(message)

    def _stored(self, channel: str, room: Room, poster: User, message: Document) -> Document:
        return {"channel": channel, "message": self.store(room, poster, message)}

    def store(self, room: Room, poster: User, message: Document) -> Document:
        """Store a message of an integration and return the document."""
        document: Document = copy.deepcopy(message)
        if self.dialect.major < 8:
            document["_updatedAt"] = self.world.timestamp()
        return dict(self.world.store(room, poster, document).document)


def message_of(dialect: Dialect, integration: Document, poster: User, body: Document) -> Document:
    """Return the message that a body describes, with the integration's values as defaults."""
    text = either(either(body.get("text"), body.get("msg")), "")
    if dialect.major < 8 and not isinstance(text, str):
        raise failure("text.trim is not a function", "text must be text")
    attachments = body.get("attachments")
    message: Document = {
        "msg": trim(text_of(text)),
        "u": poster.profile,
        "bot": {"i": integration["_id"]},
        "attachments": attachments if is_array(attachments) else [],
        "groupable": False,
    }
    alias = either(either(body.get("username"), body.get("alias")), integration.get("alias"))
    if is_truthy(alias):
        message["alias"] = alias
    message |= _picture(body, ("icon_url", "avatar"), ("icon_emoji", "emoji")) or (
        _picture(integration, ("avatar", "avatar"), ("emoji", "emoji"))
    )
    message["parseUrls"] = body.get("parseUrls", not is_array(attachments))
    for name in ("groupable", "tmid", "customFields"):
        if name in body:
            message[name] = body[name]
    if dialect.major < 8:
        return {**message, "urls": [], "mentions": [], "channels": []}
    message = {"alias": "", **message, "attachments": [_with_text(each) for each in message["attachments"]]}
    return {name: value for name, value in message.items() if value is not None}


def _with_text(attachment: Any) -> Any:
    """Return an attachment with its ``msg`` as its ``text``."""
    if attachment is None:
        raise failure("Cannot read properties of null (reading 'msg')", "an attachment is null")
    if not is_object(attachment) or not is_truthy(attachment.get("msg")):
        return attachment
    rest = {name: value for name, value in attachment.items() if name != "msg"}
    return {**rest, "text": trim(text_of(attachment["msg"]))}


def distinct(channels: Iterable[Any]) -> list[Any]:
    """Return the channels without repeats."""
    found: list[Any] = []
    for channel in channels:
        if channel not in found:
            found.append(channel)
    return found


def _picture(fields: Document, avatar: tuple[str, str], emoji: tuple[str, str]) -> Mapping[str, Any]:
    for name, (winner, other) in (("avatar", avatar), ("emoji", emoji)):
        first, second = fields.get(winner), fields.get(other)
        if not (_has_no_length(first) and _has_no_length(second)):
            return {name: either(first, second)}
    return {}


def _has_no_length(value: object) -> bool:
    """Return whether the server takes a value for no picture."""
    return not (isinstance(value, (str, list, dict)) and value)


def _find_room(world: World, channel: str, poster: User) -> Room | None:
    """Return the room behind ``#room``, ``@user``, or a name or id without a sign; None if there is none."""
    sign, name = (channel[0], channel[1:]) if channel[:1] in ("#", "@") else ("", channel)
    room = None if sign == "@" else world.rooms.find(name)
    user = None if sign == "#" or room is not None else world.users.find_by_name_or_id(name)
    return room if user is None else world.rooms.direct(poster, user)


def post_reply(
    world: World, dialect: Dialect, integration: Document, event: Event, body: Document, data: Document
) -> list[Document] | None:
    """Post a bot's reply, or a message of a script; return None where there is no user to post as, or no room.

    From 8.x on, ``data`` can name the user to impersonate.
    """
    poster = _poster_of_reply(world, dialect, integration, event, data)
    wanted = either(body.get("channel"), integration.get("targetRoom"))
    if is_truthy(wanted) and not isinstance(wanted, str):
        raise failure("nameOrId.startsWith is not a function", "channel must be text")
    if poster is None:
        return None
    room = _find_room(world, wanted, poster) if wanted else None
    if room is None and event.room is not None:
        room = world.rooms.find_any(event.room.id)
    if room is None:
        return None
    posting = Posting(world, dialect)
    message = message_of(dialect, integration, poster, body)
    named = either(body.get("channel"), body.get("roomId")) if dialect.major >= 8 else None
    if is_truthy(named):
        return posting.post(message, poster, as_array(named))
    posting.check(room, poster, message)
    sign = "@" if room.type == "direct message" else "#"
    return [{"channel": f"{sign}{room.id}", "message": posting.store(room, poster, message)}]


def _poster_of_reply(
    world: World, dialect: Dialect, integration: Document, event: Event, data: Document
) -> User | None:
    """Return the user to post a reply as.

    To impersonate, 6.14 takes the user of the event, and servers from 8.x on the one that the reply names,
    or for a message before the call, the payload.
    """
    name = None
    if is_truthy(integration.get("impersonateUser")):
        name = data.get("user_name") if dialect.major >= 8 else (event.user or {}).get("username")
    find = world.users.find_in_any_case if dialect.major >= 8 else world.users.find
    return find(name) or find(integration.get("username"))
