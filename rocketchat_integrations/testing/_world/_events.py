"""Events that outgoing integrations are called for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from ._documents import Document
from ._rooms import Room


@attrs.frozen
class EventKind:
    """The fields of an integration that an event makes use of."""

    channel: bool = True
    trigger_words: bool = False
    target_room: bool = False


EVENT_KINDS: Mapping[str, EventKind] = {
    "sendMessage": EventKind(trigger_words=True),
    "fileUploaded": EventKind(),
    "roomArchived": EventKind(channel=False),
    "roomCreated": EventKind(channel=False),
    "roomJoined": EventKind(),
    "roomLeft": EventKind(),
    "userCreated": EventKind(channel=False, target_room=True),
}


@attrs.frozen
class Event:
    """Something that happened, for which outgoing integrations may be called."""

    name: str
    """The integration's ``event``: ``sendMessage`` and so on."""
    user: Document | None = attrs.field(default=None, kw_only=True)
    """Who did it, or who was created."""
    room: Room | None = attrs.field(default=None, kw_only=True)
    message: Mapping[str, Any] | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Replay:
    """A request to repeat a call of an integration."""

    integration: Document = attrs.field(repr=False)
    event: str
    url: str
