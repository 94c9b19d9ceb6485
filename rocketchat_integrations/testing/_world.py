"""The people, rooms, integrations and messages of a workspace, in memory. Not thread-safe: its owner locks."""

from __future__ import annotations

import bisect
import copy
import datetime
import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeAlias

import attrs

from ._records import StoredMessage
from ._settings import Settings

Document: TypeAlias = dict[str, Any]
"""A document as the server stores it, with the names of the wire."""

RoomType: TypeAlias = Literal["channel", "private group", "direct message"]

MANAGE_INCOMING = "manage-incoming-integrations"
MANAGE_OWN_INCOMING = "manage-own-incoming-integrations"
MANAGE_OUTGOING = "manage-outgoing-integrations"
MANAGE_OWN_OUTGOING = "manage-own-outgoing-integrations"

DEFAULT_WORLD: Mapping[str, Any] = {
    "users": [
        {"_id": "rocket.cat", "username": "rocket.cat"},
        {
            "_id": "adminid0000000001",
            "username": "admin",
            "permissions": [MANAGE_INCOMING, MANAGE_OWN_INCOMING, MANAGE_OUTGOING, MANAGE_OWN_OUTGOING],
        },
        {
            "_id": "aliceid0000000001",
            "username": "alice",
            "permissions": [MANAGE_OWN_INCOMING, MANAGE_OWN_OUTGOING],
        },
        {"_id": "bobid000000000001", "username": "bob"},
    ],
    "rooms": [
        {"_id": "GENERAL", "name": "general", "type": "channel"},
        {"_id": "RANDOM00000000001", "name": "random", "type": "channel"},
        {"_id": "PRIV0000000000001", "name": "secret", "type": "private group"},
        {"_id": "OPS00000000000001", "name": "ops", "type": "channel"},
    ],
    "members": {"general": ["admin", "alice"], "random": ["admin", "alice"]},
}

_UNMISTAKABLE = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"


def random_text(length: int) -> str:
    """Letters and digits that cannot be taken for one another, as the server's ids and tokens have."""
    return "".join(secrets.choice(_UNMISTAKABLE) for _ in range(length))


def dig(document: Any, path: str) -> Any:
    """What lies at a path such as ``_createdBy._id``; None where there is nothing."""
    value: Any = document
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value  # pyright: ignore[reportUnknownVariableType]


def complete(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description of a world, with a token for everybody, so that going back to it logs nobody out.

    Raises:
        ValueError: it describes no world.
    """
    usernames = _names(description, "users", "username", "_id")
    rooms = _names(description, "rooms", "name", "_id", "type")
    members, credentials = description.get("members", {}), description.get("credentials", {})
    _check_known("members", "room", members, rooms)
    _check_known("credentials", "user", credentials, usernames)
    for room in members:
        _check_known(f"members of {room!r}", "user", members[room], usernames)
    tokens = {name: {"X-Auth-Token": random_text(43), **credentials.get(name, {})} for name in usernames}
    return {**description, "members": members, "credentials": tokens}


def _names(description: object, key: str, *fields: str) -> list[str]:
    """The names of the users or rooms, the first of the fields that each has to have."""
    described: Any = description.get(key) if isinstance(description, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(described, (list, tuple)) or not all(
        isinstance(each, Mapping) and all(isinstance(each.get(field), str) for field in fields)  # pyright: ignore[reportUnknownMemberType]
        for each in described  # pyright: ignore[reportUnknownVariableType]
    ):
        raise ValueError(f"world needs {key}, a list of objects whose {', '.join(fields)} are text")
    return [each[fields[0]] for each in described]  # pyright: ignore[reportUnknownVariableType]


def _check_known(key: str, what: str, names: Iterable[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"world: {key}: there is no {what} {name!r}, only {', '.join(known)}")


@attrs.frozen
class SecondFactor:
    """What a login needs beside the password."""

    method: str
    code: str


@attrs.define(kw_only=True)
class User:
    """Somebody who can log in or be posted as."""

    id: str
    username: str
    password: str
    email: str
    permissions: frozenset[str]
    second_factor: SecondFactor | None = None

    @property
    def reference(self) -> Document:
        """How documents name the user."""
        return {"_id": self.id, "username": self.username}

    @property
    def profile(self) -> Document:
        """How the user is shown to others."""
        return {**self.reference, "name": self.username}

    def has_any(self, permissions: Iterable[str]) -> bool:
        """Whether the user has at least one of the permissions."""
        return not self.permissions.isdisjoint(permissions)


@attrs.define(kw_only=True)
class Room:
    """A channel, a private group, or where two users talk to each other."""

    id: str
    name: str
    """Empty where two talk to each other."""
    type: RoomType
    members: set[str]
    """Usernames."""

    @property
    def reference(self) -> Document:
        """How documents describe the room."""
        if self.type == "direct message":
            return {"_id": self.id, "t": "d"}
        return {"_id": self.id, "name": self.name, "t": "c" if self.type == "channel" else "p"}

    def is_open_to(self, user: User) -> bool:
        """Whether the user can say something here."""
        return self.type != "private group" or user.username in self.members

    def seen_by(self, username: object) -> list[str]:
        """Who else is in the room; oneself, where one is alone."""
        return sorted(self.members - {username}) or sorted(self.members)


@attrs.frozen
class Event:
    """Something that outgoing integrations can be called for."""

    name: str
    """As integrations have it: ``sendMessage`` and so on."""
    user: Document | None = attrs.field(default=None, kw_only=True)
    """Who did it, or to whom it happened."""
    room: Room | None = attrs.field(default=None, kw_only=True)
    message: Mapping[str, Any] | None = attrs.field(default=None, kw_only=True)


@attrs.frozen
class Replay:
    """The wish to make a call of an integration once more."""

    integration: Document = attrs.field(repr=False)
    event: str
    url: str


class Collection:
    """Stored documents: in the order in which they came, found by id, and listed by id without sorting."""

    def __init__(self) -> None:
        self._by_id: dict[str, Document] = {}
        self._ids: list[str] = []

    def __iter__(self) -> Iterator[Document]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, document: Document) -> str:
        """Store a document, giving it an ``_id`` if it has none.

        Raises:
            ValueError: there is one with that ``_id``, or it is no text.
        """
        identifier = document.setdefault("_id", random_text(17))
        if not isinstance(identifier, str):
            raise ValueError(f"_id must be text, not {identifier!r}")
        if identifier in self._by_id:
            raise ValueError(f"there is a document with _id {identifier!r} already")
        self._by_id[identifier] = document
        bisect.insort(self._ids, identifier)
        return identifier

    def get(self, identifier: str | None) -> Document | None:
        """The document with that id, None if there is none."""
        return None if identifier is None else self._by_id.get(identifier)

    def remove(self, identifier: str) -> None:
        """Forget a document."""
        del self._by_id[identifier]
        del self._ids[bisect.bisect_left(self._ids, identifier)]

    def by_id(self, *, descending: bool) -> Iterator[Document]:
        """All documents in the order of their ids."""
        return map(self._by_id.__getitem__, reversed(self._ids) if descending else self._ids)


class World:
    """Everything that a workspace remembers."""

    def __init__(self, description: Mapping[str, Any], settings: Settings) -> None:
        self._settings = settings
        self._last_write = 0
        self._users: dict[str, User] = {}
        self._tokens: dict[str, str] = {}
        self._standing_tokens: dict[str, str] = {}
        self._rooms: list[Room] = []
        self._direct_rooms: dict[str, Room] = {}
        self.integrations = Collection()
        self.history: dict[str, Collection] = {}
        self.messages: list[StoredMessage] = []
        self.outbox: list[Event | Replay] = []
        """What outgoing integrations have not been told yet. Whoever acts empties it before letting others in."""
        for user in description["users"]:
            self.add_user(
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
        """The time of a write: no two writes share one, so that ``_updatedAt`` tells them apart."""
        self._last_write = max(int(self._settings.now() * 1000), self._last_write + 1)
        moment = datetime.datetime.fromtimestamp(self._last_write // 1000, datetime.timezone.utc)
        return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self._last_write % 1000:03}Z"

    # Users and their tokens

    def add_user(
        self,
        username: str,
        permissions: Iterable[str],
        *,
        password: str | None,
        email: str | None = None,
        user_id: str | None = None,
        token: str | None = None,
    ) -> User:
        """Register a user.

        Raises:
            ValueError: the username is taken.
        """
        if self.find_user(username) is not None:
            raise ValueError(f"there is a user {username!r} already")
        user = User(
            id=user_id or random_text(17),
            username=username,
            password=password or f"{username}-password",
            email=email or f"{username}@chat.example",
            permissions=frozenset(permissions),
        )
        self._users[user.id] = user
        self._standing_tokens[user.id] = self.issue_token(user, token)
        return user

    def user(self, username: str) -> User:
        """The user of that name.

        Raises:
            LookupError: there is none.
        """
        user = self.find_user(username)
        if user is None:
            known = ", ".join(sorted(user.username for user in self._users.values()))
            raise LookupError(f"there is no user {username!r}, only {known}")
        return user

    def find_user(self, username: object) -> User | None:
        """The user of exactly that name, if any."""
        return next((user for user in self._users.values() if user.username == username), None)

    def find_login(self, name: str) -> User | None:
        """The user who logs in with that name or e-mail address, if any."""
        return next((user for user in self._users.values() if name in (user.username, user.email)), None)

    def user_by_id(self, user_id: object) -> User | None:
        """The user with that id, if any."""
        return self._users.get(user_id) if isinstance(user_id, str) else None

    def remove_user(self, user: User) -> None:
        """Delete a user; the integrations that post as the user are disabled."""
        self.revoke_tokens(user)
        del self._users[user.id]
        for room in self._rooms:
            room.members.discard(user.username)
        for document in self.integrations:
            if document.get("userId") == user.id:
                document["enabled"] = False

    def issue_token(self, user: User, token: str | None = None) -> str:
        """Log a user in."""
        token = token or random_text(43)
        self._tokens[token] = user.id
        return token

    def standing_token(self, user: User) -> str:
        """A token of the user that works, the same one as long as it does."""
        token = self._standing_tokens[user.id]
        if token not in self._tokens:
            token = self._standing_tokens[user.id] = self.issue_token(user)
        return token

    def token_owner(self, token: str) -> User | None:
        """Who has that token, if anybody."""
        return self.user_by_id(self._tokens.get(token))

    def revoke_token(self, token: str) -> None:
        """Log one token out."""
        del self._tokens[token]

    def revoke_tokens(self, user: User) -> None:
        """Log a user out everywhere."""
        self._tokens = {token: owner for token, owner in self._tokens.items() if owner != user.id}

    # Rooms

    def add_room(self, name: str, room_type: str, members: Iterable[str], *, room_id: str | None = None) -> Room:
        """Make a room.

        Raises:
            ValueError: the name is taken, or the type is none.
            LookupError: a member is no user.
        """
        if room_type not in ("channel", "private group"):
            raise ValueError(f"type {room_type!r} is not allowed: it must be 'channel' or 'private group'")
        if self.find_room(name) is not None:
            raise ValueError(f"there is a room {name!r} already")
        usernames = {self.user(member).username for member in members}
        kind: RoomType = "channel" if room_type == "channel" else "private group"
        room = Room(id=room_id or random_text(17), name=name, type=kind, members=usernames)
        self._rooms.append(room)
        return room

    def room(self, name_or_id: str) -> Room:
        """The channel or private group of that id or name, which may have its sign before it.

        Raises:
            LookupError: there is none.
        """
        room = self.find_room(name_or_id.removeprefix("#"))
        if room is None:
            known = ", ".join(sorted(room.name for room in self._rooms))
            raise LookupError(f"there is no room {name_or_id!r}, only {known}")
        return room

    def find_room(self, name_or_id: str) -> Room | None:
        """The channel or private group of that name or id, if any."""
        return next((room for room in self._rooms if name_or_id in (room.id, room.name)), None)

    def find_member(self, name_or_id: str) -> User | None:
        """The user of that name or id, if any."""
        return next((user for user in self._users.values() if name_or_id in (user.id, user.username)), None)

    def direct_room(self, one: User, other: User) -> Room:
        """Where two users talk to each other."""
        identifier = "".join(sorted((one.id, other.id)))
        members = {one.username, other.username}
        room = Room(id=identifier, name="", type="direct message", members=members)
        return self._direct_rooms.setdefault(identifier, room)

    # Messages

    def store(self, room: Room, user: User, message: Document) -> StoredMessage:
        """Let a user post a message in a room."""
        document: Document = {
            "_id": random_text(17),
            "rid": room.id,
            "ts": self.timestamp(),
            "u": user.reference,
            **message,
        }
        place = room.name or f"@{',@'.join(room.seen_by(user.username))}"
        stored = StoredMessage(
            room=place,
            user=user.username,
            text=document["msg"],
            alias=document.get("alias"),
            avatar=document.get("avatar"),
            emoji=document.get("emoji"),
            attachments=tuple(document.get("attachments", ())),
            document=document,
        )
        self.messages.append(stored)
        self.outbox.append(Event("sendMessage", user=user.profile, room=room, message=document))
        return stored

    def edit(self, message: StoredMessage, text: str) -> StoredMessage:
        """Give a message another text, as its author does.

        Raises:
            LookupError: there is no such message.
        """
        identifier = message.document.get("_id")
        number = next((n for n, each in enumerate(self.messages) if each.document["_id"] == identifier), None)
        if number is None:
            raise LookupError("there is no such message: it has to be one that this server gave, since its last reset")
        stored = self.messages[number].document
        author = stored["u"]
        document = {**stored, "msg": text, "editedAt": self.timestamp(), "editedBy": author}
        edited = self.messages[number] = attrs.evolve(self.messages[number], text=text, document=document)
        room = self._direct_rooms.get(stored["rid"]) or self.find_room(stored["rid"])
        self.outbox.append(Event("sendMessage", user=author, room=room, message=document))
        return edited

    def take_outbox(self) -> list[Event | Replay]:
        """What outgoing integrations have not been told yet; they count as told then."""
        outbox, self.outbox = self.outbox, []
        return outbox

    # Integrations and their history

    def disable(self, integration_id: str) -> None:
        """Switch an integration off, if there is one."""
        document = self.integrations.get(integration_id)
        if document is not None:
            document.update(enabled=False, _updatedAt=self.timestamp())

    def history_of(self, integration_id: str) -> Collection:
        """The history records of an integration, to add to or to read."""
        return self.history.setdefault(integration_id, Collection())

    def forget_history(self, integration_id: str) -> None:
        """Drop the history records of an integration."""
        self.history.pop(integration_id, None)

    def insert_history(self, integration_id: str, document: Mapping[str, Any]) -> str:
        """Store a history record; what is missing of ``_id`` and ``integration`` is filled in."""
        record: Document = copy.deepcopy(dict(document))
        if "integration" not in record:
            integration = self.integrations.get(integration_id)
            record["integration"] = {"_id": integration_id} if integration is None else copy.deepcopy(integration)
        return self.history_of(integration_id).add(record)
