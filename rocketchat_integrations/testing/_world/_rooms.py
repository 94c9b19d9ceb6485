"""Channels, private groups, and direct messages."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from ._documents import Document, random_text
from ._stored_room import StoredRoom
from ._users import User

RoomType: TypeAlias = Literal["channel", "private group", "direct message"]

SCOPES: dict[RoomType, str] = {
    "channel": "all_public_channels",
    "private group": "all_private_groups",
    "direct message": "all_direct_messages",
}
"""How an outgoing integration names all rooms of a type."""

PUBLIC_CHANNELS = SCOPES["channel"]


@attrs.define(kw_only=True)
class Room:
    """A channel, a private group, or the direct messages of two users."""

    id: str
    name: str
    """Empty for direct messages."""
    type: RoomType
    members: set[str]
    """Usernames."""

    @property
    def reference(self) -> Document:
        """The room as documents refer to it."""
        if self.type == "direct message":
            return {"_id": self.id, "t": "d"}
        return {"_id": self.id, "name": self.name, "t": "c" if self.type == "channel" else "p"}

    @property
    def stored(self) -> StoredRoom:
        """The room as it is now, for tests."""
        return StoredRoom(id=self.id, name=self.name, type=self.type, members=frozenset(self.members))

    def is_open_to(self, user: User) -> bool:
        """Return whether the user may post here."""
        return self.type != "private group" or user.username in self.members

    def others(self, username: object) -> list[str]:
        """Return the other members; the user alone where there are no others."""
        return sorted(self.members - {username}) or sorted(self.members)


class Rooms:
    """All rooms."""

    def __init__(self) -> None:
        self._named: list[Room] = []
        self._direct: dict[str, Room] = {}

    def add(self, name: str, room_type: str, members: set[str], *, room_id: str | None = None) -> Room:
        """Add a channel or a private group.

        Raises:
            ValueError: the name is taken, or the type is not allowed.
        """
        if room_type not in ("channel", "private group"):
            raise ValueError(f"type {room_type!r} is not allowed: it must be 'channel' or 'private group'")
        if self.find(name) is not None:
            raise ValueError(f"there is a room {name!r} already")
        kind: RoomType = "channel" if room_type == "channel" else "private group"
        room = Room(id=room_id or random_text(17), name=name, type=kind, members=members)
        self._named.append(room)
        return room

    def named(self, name_or_id: str) -> Room:
        """Return the channel or private group of that id or name, with or without ``#``.

        Raises:
            LookupError: there is none.
        """
        room = self.find(name_or_id.removeprefix("#"))
        if room is None:
            known = ", ".join(sorted(room.name for room in self._named))
            raise LookupError(f"there is no room {name_or_id!r}, only {known}")
        return room

    def remove(self, room: Room) -> None:
        """Remove a channel or a private group."""
        self._named.remove(room)

    def find(self, name_or_id: str) -> Room | None:
        """Return the channel or private group of that name or id, if any."""
        return next((room for room in self._named if name_or_id in (room.id, room.name)), None)

    def find_any(self, room_id: str) -> Room | None:
        """Return the room with that id, direct messages included, if any."""
        return self._direct.get(room_id) or self.find(room_id)

    def direct(self, one: User, other: User) -> Room:
        """Return the room of the direct messages of two users."""
        identifier = "".join(sorted((one.id, other.id)))
        members = {one.username, other.username}
        room = Room(id=identifier, name="", type="direct message", members=members)
        return self._direct.setdefault(identifier, room)

    def remove_member(self, username: str) -> None:
        """Take a user out of all channels and private groups."""
        for room in self._named:
            room.members.discard(username)
