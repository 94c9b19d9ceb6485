"""Incoming webhooks: find the integration of an address, and post to its channels."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import attrs

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import as_array, either, is_truthy
from rocketchat_integrations.testing._world._refusals import (
    Refusal,
    failure,
    not_logged_in,
    webhook_disabled,
    wrong_webhook,
)
from rocketchat_integrations.testing._world._state import World
from rocketchat_integrations.testing._world._users import User

from ._posting import message_of, room_to_post_in, store_message


@attrs.frozen
class Webhooks:
    """The webhook addresses of one server. Outgoing integrations have one, too."""

    world: World
    dialect: Dialect

    def find(self, integration_id: str, token: str) -> Document:
        """Return the integration of an address. The server decodes the token twice; the router has done it once."""
        document = self.world.integrations.get(integration_id)
        if document is None:
            raise wrong_webhook(self.dialect, f"there is no integration {integration_id!r}")
        decoded = _decode_component(token)
        if decoded is None:
            raise wrong_webhook(self.dialect, "the token cannot be decoded twice: quote a % in it twice (%2525)")
        if decoded != document.get("token"):
            raise wrong_webhook(self.dialect, f"integration {integration_id!r} has another token")
        return document

    def post(self, document: Document, body: Document) -> Document:
        """Post a message as an integration and return the answer."""
        poster = self.world.users.find_by_id(document.get("userId"))
        if poster is None and self.dialect.major >= 8:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")
        if document.get("enabled") is not True:
            raise webhook_disabled(self.dialect, "the integration is disabled")
        if poster is None:
            raise not_logged_in(self.dialect, "the user that the integration posts as is gone")
        if not body and not document.get("scriptEnabled"):
            return {"success": True}
        message = message_of(document, poster, body)
        channels = _channels(document, body)
        if self.dialect.major < 8:
            for channel in channels:
                self._post(channel, poster, message)
        elif is_truthy(body.get("separateResponse")):
            return self._post_separately(channels, poster, message)
        else:
            rooms = [room_to_post_in(self.world, channel, poster) for channel in channels]
            for room in rooms:
                store_message(self.world, room, poster, message)
        return {"success": True}

    def _post(self, channel: str, poster: User, message: Document) -> Document:
        return store_message(self.world, room_to_post_in(self.world, channel, poster), poster, message)

    def _post_separately(self, channels: list[str], poster: User, message: Document) -> Document:
        responses: list[Document] = []
        for channel in channels:
            try:
                responses.append({"channel": channel, "message": self._post(channel, poster, message)})
            except Refusal as refusal:
                responses.append({"channel": channel, "error": refusal.body["error"]})
        if all("error" in response for response in responses):
            raise Refusal(400, {"success": False, "responses": responses}, "nothing was posted to any of the channels")
        return {"success": True, "responses": responses}


def _channels(document: Document, body: Document) -> list[str]:
    wanted = either(body.get("channel"), body.get("roomId"))
    if not is_truthy(wanted):
        return _texts(document.get("channel") or [])
    if not document.get("overrideDestinationChannelEnabled"):
        raise failure(
            "overriding destination channel is disabled for this integration",
            "a channel in the body, even the configured one, needs overrideDestinationChannelEnabled",
        )
    return _texts(wanted)


def _texts(value: Any) -> list[str]:
    return [str(each) for each in as_array(value)]


def _decode_component(text: str) -> str | None:
    """Return what JavaScript's ``decodeURIComponent`` gives; None where it throws."""
    if re.search(r"%(?![0-9A-Fa-f]{2})", text):
        return None
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
