"""Incoming webhooks: who is addressed, and what is posted where."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from ._dialect import Dialect
from ._javascript import either, is_truthy, trim
from ._refusals import Refusal, failure, not_logged_in, webhook_disabled, wrong_webhook
from ._world import Document, Event, Room, User, World


@attrs.frozen
class Webhooks:
    """The posting addresses of one server."""

    world: World
    dialect: Dialect

    def find(self, integration_id: str, token: str) -> Document:
        """The integration behind an address. The server decodes the token once more than its router did."""
        document = self.world.integrations.get(integration_id)
        if document is None:
            raise wrong_webhook(self.dialect, f"there is no integration {integration_id!r}")
        decoded = _decode_component(token)
        if decoded is None:
            raise wrong_webhook(
                self.dialect, "the token cannot be decoded twice: a % in it has to be quoted twice (%2525)"
            )
        if not decoded or decoded != document.get("token"):
            raise wrong_webhook(self.dialect, f"integration {integration_id!r} has another token")
        return document

    def post(self, document: Document, body: Document) -> Document:
        """Post a message as an integration and return the answer."""
        poster = self.world.user_by_id(document.get("userId"))
        if poster is None and self.dialect.is_8:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")
        if document.get("enabled") is not True:
            raise webhook_disabled(self.dialect, "the integration is disabled")
        if poster is None:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")
        if not body and not document.get("scriptEnabled"):
            return {"success": True}
        message = _message(document, poster, body)
        channels = self._channels(document, body)
        if is_truthy(body.get("separateResponse")) and self.dialect.is_8:
            return self._post_separately(poster, channels, message)
        if self.dialect.is_8:
            places = [self._place(channel, poster) for channel in channels]
            for place in places:
                self._deliver(place, poster, message)
        else:
            for channel in channels:
                self._deliver(self._place(channel, poster), poster, message)
        return {"success": True}

    def reply(self, document: Document, event: Event, body: Document) -> Document | None:
        """Post what a bot replied to an integration; None where there is nobody to post as, or no room for it."""
        author = (event.user or {}).get("username") if is_truthy(document.get("impersonateUser")) else None
        poster = self.world.find_user(author) or self.world.find_user(document.get("username"))
        wanted = either(body.get("channel"), document.get("targetRoom"))
        if is_truthy(wanted) and not isinstance(wanted, str):
            raise failure("nameOrId.startsWith is not a function", "channel has to be text")
        if poster is None:
            return None
        room = (self._find(wanted, poster) if wanted else None) or event.room
        if room is None:
            return None
        _check_access(room, poster)
        sign = "@" if room.type == "direct message" else "#"
        return {"channel": f"{sign}{room.id}", "message": self._deliver(room, poster, _message(document, poster, body))}

    def _channels(self, document: Document, body: Document) -> list[str]:
        wanted = either(body.get("channel"), body.get("roomId"))
        if not is_truthy(wanted):
            return _texts(document.get("channel") or [])
        if not document.get("overrideDestinationChannelEnabled"):
            raise failure(
                "overriding destination channel is disabled for this integration",
                "a channel in the body, even the configured one, needs overrideDestinationChannelEnabled",
            )
        return _texts(wanted)

    def _post_separately(self, poster: User, channels: list[str], message: Document) -> Document:
        responses: list[Document] = []
        for channel in channels:
            try:
                stored = self._deliver(self._place(channel, poster), poster, message)
            except Refusal as refusal:
                responses.append({"channel": channel, "error": refusal.body["error"]})
            else:
                responses.append({"channel": channel, "message": stored})
        if all("error" in response for response in responses):
            raise Refusal(400, {"success": False, "responses": responses}, "nothing was posted to any of the channels")
        return {"success": True, "responses": responses}

    def _place(self, channel: str, poster: User) -> Room:
        room = self._find(channel, poster)
        if room is None:
            raise failure("invalid-channel", f"there is no room or user behind {channel!r}")
        _check_access(room, poster)
        return room

    def _find(self, channel: str, poster: User) -> Room | None:
        """Where a name leads: ``#room``, ``@user``, or either by name or id."""
        sign, name = (channel[0], channel[1:]) if channel[:1] in ("#", "@") else ("", channel)
        room = None if sign == "@" else self.world.find_room(name)
        user = None if sign == "#" or room is not None else self.world.find_member(name)
        return room if user is None else self.world.direct_room(poster, user)

    def _deliver(self, room: Room, poster: User, message: Document) -> Document:
        document: Document = copy.deepcopy(message) | {"_updatedAt": self.world.timestamp()}
        return dict(self.world.store(room, poster, document).document)


def _check_access(room: Room, poster: User) -> None:
    if not room.is_open_to(poster):
        raise failure("error-not-allowed", f"{poster.username} is not in the private group {room.name}")


def _message(integration: Document, poster: User, body: Document) -> Document:
    """The message that a body asks for; what it leaves open is as the integration has it."""
    text = either(either(body.get("text"), body.get("msg")), "")
    if not isinstance(text, str):
        raise failure("text.trim is not a function", "text has to be text")
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
    if isinstance(attachments, list):
        message["attachments"] = attachments
    message["parseUrls"] = body.get("parseUrls", not isinstance(attachments, list))
    for name in ("groupable", "tmid", "customFields"):
        if name in body:
            message[name] = body[name]
    return message


def _picture(fields: Document, avatar: tuple[str, str], emoji: tuple[str, str]) -> Mapping[str, Any]:
    for name, (winner, other) in (("avatar", avatar), ("emoji", emoji)):
        first, second = fields.get(winner), fields.get(other)
        if not (_is_empty(first) and _is_empty(second)):
            return {name: either(first, second)}
    return {}


def _is_empty(value: Any) -> bool:
    """What the server takes for no picture: everything without a length, too."""
    return not (isinstance(value, (str, list, dict)) and value)


def _texts(value: Any) -> list[str]:
    values: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [str(each) for each in values]


def _decode_component(text: str) -> str | None:
    """A text with its quoting taken off, None where JavaScript would find the quoting broken."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return None
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
