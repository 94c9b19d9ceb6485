"""Bodies of the calls of outgoing integrations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._events import Event

from ._triggers import BotCall


def body_of(call: BotCall, *, dialect: Dialect, site_url: str, now: str) -> Document:
    """Return the body of a call.

    Args:
        call: the integration and the event.
        dialect: the version of the server. From 8.x on, only messages are described.
        site_url: the server's URL, with a slash at the end.
        now: the time, for events that have none of their own.
    """
    integration, event = call.integration, call.event
    body: Document = {"token": integration["token"]} if "token" in integration else {}
    body["bot"] = False
    if call.trigger_word is not None:
        body["trigger_word"] = call.trigger_word
    if event.message is not None:
        body |= _of_message(event, event.message, site_url)
        if dialect.major >= 8:
            body["bot"] = "bot" in event.message
            body = {name: value for name, value in body.items() if name != "alias" or value}
    elif event.user is not None and dialect.major < 8:
        body |= _of_event(event, event.user, now)
    return body


def _of_message(event: Event, message: Mapping[str, Any], site_url: str) -> Document:
    body: Document = {
        **_room(event),
        "message_id": message["_id"],
        "timestamp": message["ts"],
        "user_id": message["u"]["_id"],
        "user_name": message["u"]["username"],
        "text": message["msg"],
    }
    body |= {name: message[name] for name in ("alias", "bot") if name in message}
    if event.room is not None and event.name == "fileUploaded":
        return {**body, "user": event.user, "room": event.room.reference, "message": message}
    if "editedAt" in message:
        body["isEdited"] = True
    if "tmid" in message:
        body["tmid"] = message["tmid"]
    return {**body, "siteUrl": site_url}


def _of_event(event: Event, user: Document, now: str) -> Document:
    body = _room(event)
    if event.name in ("roomArchived", "roomJoined", "roomLeft"):
        body["timestamp"] = now
    body |= {"user_id": user["_id"], "user_name": user["username"]}
    body["owner" if event.name == "roomCreated" else "user"] = user
    if event.room is not None:
        body["room"] = event.room.reference
    return body


def _room(event: Event) -> Document:
    if event.room is None:
        return {}
    reference = event.room.reference
    named = {"channel_name": reference["name"]} if "name" in reference else {}
    return {"channel_id": reference["_id"], **named}
