"""Outgoing integrations that an event triggers: event, channel, trigger words."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import attrs

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._events import EVENT_KINDS, Event, Replay
from rocketchat_integrations.testing._world._javascript import as_array, is_truthy
from rocketchat_integrations.testing._world._permissions import OUTGOING
from rocketchat_integrations.testing._world._rooms import PUBLIC_CHANNELS, SCOPES, Room
from rocketchat_integrations.testing._world._state import World


@attrs.frozen
class BotCall:
    """One call of a bot, still to be made. The repr does not show the token."""

    integration: Document = attrs.field(repr=False)
    """As it was when the event happened."""
    url: str
    event: Event
    trigger_word: str | None
    retries: int = 0
    """How many calls failed before this one."""

    @property
    def name(self) -> str:
        """The integration's name, for messages."""
        return str(self.integration.get("name") or self.integration["_id"])


def calls_for(world: World, event: Event | Replay) -> Iterator[BotCall]:
    """Return the calls that an event or a replay leads to, in the order in which they are made."""
    if isinstance(event, Replay):
        # The history does not hold the message, room and user, so the call goes without them, and no word is found.
        kind = EVENT_KINDS.get(event.event)
        if kind is not None and kind.trigger_words and _texts(event.integration.get("triggerWords")):
            return
        yield BotCall(copy.deepcopy(event.integration), event.url, Event(event.event), None)
        return
    for document in world.integrations:
        if _listens_to(world, document, event):
            fires, word = _trigger_word(document, event)
            if fires:
                integration = copy.deepcopy(document)
                for url in _texts(document.get("urls")):
                    yield BotCall(integration, url, event, word)


def _listens_to(world: World, document: Document, event: Event) -> bool:
    if document.get("type") != OUTGOING or document.get("event") != event.name:
        return False
    if document.get("enabled") is not True:
        return False
    if event.message is not None and "editedAt" in event.message and not is_truthy(document.get("runOnEdits")):
        return False
    if event.room is None or not EVENT_KINDS[event.name].channel:
        return True
    channels = _texts(document.get("channel")) or [PUBLIC_CHANNELS]
    return not _names_of(world, event.room, event).isdisjoint(channels)


def _names_of(world: World, room: Room, event: Event) -> set[str]:
    """Return everything that a list of channels may call the room."""
    scope = SCOPES[room.type]
    if room.type != "direct message":
        return {scope, f"#{room.name}", f"#{room.id}"}
    others = [world.users.find(username) for username in room.others((event.user or {}).get("username"))]
    return {scope}.union(*({f"@{other.username}", f"@{other.id}"} for other in others if other is not None))


def _trigger_word(document: Document, event: Event) -> tuple[bool, str | None]:
    """Return whether the text triggers an integration, and the word that does it."""
    words = _texts(document.get("triggerWords"))
    if event.name != "sendMessage" or event.message is None or not words:
        return True, None
    text: str = event.message["msg"]
    anywhere = is_truthy(document.get("triggerWordAnywhere"))
    word = next((word for word in words if (word in text if anywhere else text.startswith(word))), None)
    # An empty word matches every text first, and the server treats it as no match.
    return bool(word), word


def _texts(value: object) -> list[str]:
    return [each for each in as_array(value) if isinstance(each, str)]
