"""What outgoing integrations send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ._triggers import Call
from ._world import Document, Event


def payload_of(call: Call, *, is_8: bool, site_url: str, now: str) -> Document:
    """The body of a call.

    Args:
        call: what it is about.
        is_8: whether the server has the ways of 8.x: only messages have any content there.
        site_url: the server's address, with a slash at its end.
        now: the time, for events that have none of their own.
    """
    integration, event = call.integration, call.event
    payload: Document = {"token": integration["token"]} if "token" in integration else {}
    payload["bot"] = False
    if call.trigger_word is not None:
        payload["trigger_word"] = call.trigger_word
    if event.message is not None:
        payload |= _of_message(event, event.message, site_url)
    elif event.user is not None and not is_8:
        payload |= _of_event(event, event.user, now)
    return payload


def _of_message(event: Event, message: Mapping[str, Any], site_url: str) -> Document:
    payload: Document = {
        **_room(event),
        "message_id": message["_id"],
        "timestamp": message["ts"],
        "user_id": message["u"]["_id"],
        "user_name": message["u"]["username"],
        "text": message["msg"],
    }
    payload |= {name: message[name] for name in ("alias", "bot") if name in message}
    if event.room is not None and event.name == "fileUploaded":
        return {**payload, "user": event.user, "room": event.room.reference, "message": message}
    if "editedAt" in message:
        payload["isEdited"] = True
    if "tmid" in message:
        payload["tmid"] = message["tmid"]
    return {**payload, "siteUrl": site_url}


def _of_event(event: Event, user: Document, now: str) -> Document:
    payload = _room(event)
    if event.name in ("roomArchived", "roomJoined", "roomLeft"):
        payload["timestamp"] = now
    payload |= {"user_id": user["_id"], "user_name": user["username"]}
    payload["owner" if event.name == "roomCreated" else "user"] = user
    if event.room is not None:
        payload["room"] = event.room.reference
    return payload


def _room(event: Event) -> Document:
    if event.room is None:
        return {}
    reference = event.room.reference
    named = {"channel_name": reference["name"]} if "name" in reference else {}
    return {"channel_id": reference["_id"], **named}
