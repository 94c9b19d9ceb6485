"""Messages of integrations: their content, the room that they go to, and the posting."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._events import Event
from rocketchat_integrations.testing._world._javascript import either, is_array, is_truthy, trim
from rocketchat_integrations.testing._world._refusals import failure
from rocketchat_integrations.testing._world._rooms import Room
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User


def message_of(integration: Document, poster: User, body: Document) -> Document:
    """Return the message that a body describes, with the integration's values as defaults."""
    text = either(either(body.get("text"), body.get("msg")), "")
    if not isinstance(text, str):
        raise failure("text.trim is not a function", "text must be text")
    message: Document = {
        "msg": trim(text),
        "u": poster.profile,
        "bot": {"i": integration["_id"]},
        "attachments": [],
        "groupable": False,
        "urls": [],
        "mentions": [],
        "channels": [],
    }
    alias = either(either(body.get("username"), body.get("alias")), integration.get("alias"))
    if is_truthy(alias):
        message["alias"] = alias
    message |= _picture(body, ("icon_url", "avatar"), ("icon_emoji", "emoji")) or (
        _picture(integration, ("avatar", "avatar"), ("emoji", "emoji"))
    )
    attachments = body.get("attachments")
    if is_array(attachments):
        message["attachments"] = attachments
    message["parseUrls"] = body.get("parseUrls", not is_array(attachments))
    for name in ("groupable", "tmid", "customFields"):
        if name in body:
            message[name] = body[name]
    return message


def _picture(fields: Document, avatar: tuple[str, str], emoji: tuple[str, str]) -> Mapping[str, Any]:
    for name, (winner, other) in (("avatar", avatar), ("emoji", emoji)):
        first, second = fields.get(winner), fields.get(other)
        if not (_has_no_length(first) and _has_no_length(second)):
            return {name: either(first, second)}
    return {}


def _has_no_length(value: object) -> bool:
    """Return whether the server takes a value for no picture."""
    return not (isinstance(value, (str, list, dict)) and value)


def find_room(world: World, channel: str, poster: User) -> Room | None:
    """Return the room behind ``#room``, ``@user``, or a name or id without a sign; None if there is none."""
    sign, name = (channel[0], channel[1:]) if channel[:1] in ("#", "@") else ("", channel)
    room = None if sign == "@" else world.rooms.find(name)
    user = None if sign == "#" or room is not None else world.users.find_by_name_or_id(name)
    return room if user is None else world.rooms.direct(poster, user)


def room_to_post_in(world: World, channel: str, poster: User) -> Room:
    """Return the room behind a channel, or refuse."""
    room = find_room(world, channel, poster)
    if room is None:
        raise failure("invalid-channel", f"there is no room or user {channel!r}")
    _check_access(room, poster)
    return room


def _check_access(room: Room, poster: User) -> None:
    if not room.is_open_to(poster):
        raise failure("error-not-allowed", f"{poster.username} is not in the private group {room.name}")


def store_message(world: World, room: Room, poster: User, message: Document) -> Document:
    """Store a message of an integration and return the document."""
    document: Document = copy.deepcopy(message) | {"_updatedAt": world.timestamp()}
    return dict(world.store(room, poster, document).document)


def post_reply(world: World, integration: Document, event: Event, body: Document) -> Document | None:
    """Post a bot's reply; return None where there is no user to post as, or no room."""
    author = (event.user or {}).get("username") if is_truthy(integration.get("impersonateUser")) else None
    poster = world.users.find(author) or world.users.find(integration.get("username"))
    wanted = either(body.get("channel"), integration.get("targetRoom"))
    if is_truthy(wanted) and not isinstance(wanted, str):
        raise failure("nameOrId.startsWith is not a function", "channel must be text")
    if poster is None:
        return None
    room = (find_room(world, wanted, poster) if wanted else None) or event.room
    if room is None:
        return None
    _check_access(room, poster)
    sign = "@" if room.type == "direct message" else "#"
    message = message_of(integration, poster, body)
    return {"channel": f"{sign}{room.id}", "message": store_message(world, room, poster, message)}
