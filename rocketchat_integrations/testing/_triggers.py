"""Which outgoing integrations an event fires."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import attrs

from ._javascript import is_truthy
from ._world import Document, Event, Replay, Room, RoomType, World

_WITHOUT_CHANNEL = ("roomArchived", "roomCreated", "userCreated")
_PUBLIC_CHANNELS = "all_public_channels"
_SCOPES: dict[RoomType, str] = {
    "channel": _PUBLIC_CHANNELS,
    "private group": "all_private_groups",
    "direct message": "all_direct_messages",
}


@attrs.frozen
class Call:
    """One call to be made. The repr does not show the token."""

    integration: Document = attrs.field(repr=False)
    """As it was when the event happened."""
    url: str
    event: Event
    trigger_word: str | None
    tries: int = 0
    """How many calls came before this one because they failed."""

    @property
    def name(self) -> str:
        """What the integration is called, for people."""
        return str(self.integration.get("name") or self.integration["_id"])


def calls_for(world: World, happened: Event | Replay) -> Iterator[Call]:
    """The calls that something leads to, in the order in which they are made."""
    if isinstance(happened, Replay):
        # What was said, where and by whom is not in the history, so that nothing is left of it.
        yield Call(copy.deepcopy(happened.integration), happened.url, Event(happened.event), None)
        return
    for document in world.integrations:
        if _is_meant(world, document, happened):
            fires, word = _trigger_word(document, happened)
            if fires:
                integration = copy.deepcopy(document)
                for url in _texts(document.get("urls")):
                    yield Call(integration, url, happened, word)


def _is_meant(world: World, document: Document, event: Event) -> bool:
    if document.get("type") != "webhook-outgoing" or document.get("event") != event.name:
        return False
    if document.get("enabled") is not True:
        return False
    if event.message is not None and "editedAt" in event.message and not is_truthy(document.get("runOnEdits")):
        return False
    if event.room is None or event.name in _WITHOUT_CHANNEL:
        return True
    channels = _texts(document.get("channel")) or [_PUBLIC_CHANNELS]
    return not _names(world, event.room, event).isdisjoint(channels)


def _names(world: World, room: Room, event: Event) -> set[str]:
    """What a list of channels may call the room by."""
    scope = _SCOPES[room.type]
    if room.type != "direct message":
        return {scope, f"#{room.name}", f"#{room.id}"}
    others = [world.find_user(username) for username in room.seen_by((event.user or {}).get("username"))]
    return {scope}.union(*({f"@{other.username}", f"@{other.id}"} for other in others if other is not None))


def _trigger_word(document: Document, event: Event) -> tuple[bool, str | None]:
    """Whether the text fires an integration, and the word that does it."""
    words = _texts(document.get("triggerWords"))
    if event.name != "sendMessage" or event.message is None or not words:
        return True, None
    text: str = event.message["msg"]
    anywhere = is_truthy(document.get("triggerWordAnywhere"))
    word = next((word for word in words if (word in text if anywhere else text.startswith(word))), None)
    # An empty one comes first in every text, and counts as none.
    return bool(word), word


def _texts(value: Any) -> list[str]:
    values: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return [each for each in values if isinstance(each, str)]
