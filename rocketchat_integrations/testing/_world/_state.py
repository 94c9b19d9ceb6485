"""The state of a workspace, in memory. Not thread-safe: the application holds a lock around it."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ._activity import Watchers
from ._documents import Collection, Document, random_text
from ._events import Event, Replay
from ._rooms import Room, Rooms
from ._settings import Settings
from ._stored_message import StoredMessage
from ._users import User, Users


class World:
    """Everything that a workspace stores."""

    def __init__(self, description: Mapping[str, Any], settings: Settings, watchers: Watchers) -> None:
        self.settings = settings
        self.watchers = watchers
        self._last_write = 0
        self.users = Users()
        self.rooms = Rooms()
        self.integrations = Collection()
        self.history: dict[str, Collection] = {}
        self.messages: list[StoredMessage] = []
        self.outbox: list[Event | Replay] = []
        """Events that are not delivered yet. Code that adds some delivers them under the same lock."""
        for user in description["users"]:
            self.users.add(
                user["username"],
                user.get("permissions", ()),
                password=user.get("password"),
                email=user.get("email"),
                user_id=user["_id"],
                token=description["credentials"][user["username"]]["X-Auth-Token"],
            )
        for room in description["rooms"]:
            self.add_room(room["name"], room["type"], description["members"].get(room["name"], ()), room_id=room["_id"])

    def timestamp(self) -> str:
        """Return the time of a write. No two writes share one, so that ``_updatedAt`` tells them apart."""
        self._last_write = max(int(self.settings.now() * 1000), self._last_write + 1)
        moment = datetime.datetime.fromtimestamp(self._last_write // 1000, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._last_write % 1000:03}Z"

    # Users and rooms

    def remove_user(self, user: User) -> None:
        """Delete a user, and disable the integrations that post as the user."""
        self.users.remove(user)
        self.rooms.remove_member(user.username)
        for document in self.integrations:
            if document.get("userId") == user.id:
                document["enabled"] = False

    def add_room(self, name: str, room_type: str, members: Iterable[str], *, room_id: str | None = None) -> Room:
        """Add a channel or a private group.

        Raises:
            ValueError: the name is taken, or the type is not allowed.
            LookupError: a member is not a user.
        """
        usernames = {self.users.named(member).username for member in members}
        return self.rooms.add(name, room_type, usernames, room_id=room_id)

    def join(self, room: Room, user: User) -> None:
        """Make a user a member of a room, if it is a channel."""
        if room.type == "channel" and user.username not in room.members:
            room.members.add(user.username)
            self.outbox.append(Event("roomJoined", user=user.profile, room=room))

    # Messages

    def store(self, room: Room, user: User, message: Document) -> StoredMessage:
        """Post a message in a room as a user."""
        document: Document = {
            "_id": random_text(17),
            "rid": room.id,
            "ts": self.timestamp(),
            "u": user.reference,
            **message,
        }
        stored = StoredMessage(
            room=room.name or f"@{',@'.join(room.others(user.username))}",
            user=user.username,
            text=document["msg"],
            id=document["_id"],
            tmid=document.get("tmid"),
            alias=document.get("alias") or None,
            avatar=document.get("avatar"),
            emoji=document.get("emoji"),
            attachments=tuple(document.get("attachments", ())),
            document=document,
        )
        self.messages.append(stored)
        self.watchers.report(stored)
        self.outbox.append(Event("sendMessage", user=user.profile, room=room, message=document))
        return stored

    def edit(self, message: StoredMessage, text: str) -> StoredMessage:
        """Replace the text of a message, as its author.

        Raises:
            LookupError: there is no such message, or its room was removed.
        """
        identifier = message.document.get("_id")
        index = next((n for n, each in enumerate(self.messages) if each.document["_id"] == identifier), None)
        if index is None:
            raise LookupError("there is no such message: it must be one that this server returned since its last reset")
        stored = self.messages[index].document
        room = self.rooms.find_any(stored["rid"])
        if room is None:
            raise LookupError(f"the room of the message is gone: {message.room} was removed")
        author = stored["u"]
        document = {**stored, "msg": text, "editedAt": self.timestamp(), "editedBy": author}
        edited = self.messages[index] = attrs.evolve(self.messages[index], text=text, document=document)
        self.watchers.report(edited)
        self.outbox.append(Event("sendMessage", user=author, room=room, message=document))
        return edited

    def take_outbox(self) -> list[Event | Replay]:
        """Empty the outbox and return what was in it."""
        outbox, self.outbox = self.outbox, []
        return outbox

    # Integrations and their history

    def disable(self, integration_id: str) -> None:
        """Disable an integration, if it still exists."""
        document = self.integrations.get(integration_id)
        if document is not None:
            document.update(enabled=False, _updatedAt=self.timestamp())

    def history_of(self, integration_id: str) -> Collection:
        """Return the history records of an integration."""
        return self.history.setdefault(integration_id, Collection())

    def clear_history(self, integration_id: str) -> None:
        """Delete the history records of an integration."""
        self.history.pop(integration_id, None)

    def insert_history(self, integration_id: str, document: Mapping[str, Any]) -> str:
        """Store a history record, adding ``_id`` and ``integration`` where they are missing."""
        record: Document = copy.deepcopy(dict(document))
        if "integration" not in record:
            integration = self.integrations.get(integration_id)
            record["integration"] = {"_id": integration_id} if integration is None else copy.deepcopy(integration)
        return self.history_of(integration_id).add(record)
