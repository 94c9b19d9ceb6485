"""Users and rooms that a server starts with: the default, and the validation of a given description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeGuard, cast

from ._documents import random_text
from ._permissions import (
    MANAGE_INCOMING,
    MANAGE_OUTGOING,
    MANAGE_OWN_INCOMING,
    MANAGE_OWN_OUTGOING,
    MESSAGE_IMPERSONATE,
)

DEFAULT_WORLD: Mapping[str, Any] = {
    "users": [
        {"_id": "rocket.cat", "username": "rocket.cat", "permissions": [MESSAGE_IMPERSONATE]},
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


def with_tokens(description: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the description with a token for each user, so that these stay valid after a reset.

    Raises:
        ValueError: the description is not valid.
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
    """Return the names of the users or rooms: the first of the fields, all of which are required."""
    items = cast("Mapping[str, object]", description).get(key) if isinstance(description, Mapping) else None
    if isinstance(items, (list, tuple)):
        listed = cast("Sequence[object]", items)
        names = [item[fields[0]] for item in listed if _has_texts(item, fields)]
        if len(names) == len(listed):
            return names
    raise ValueError(f"world needs {key}, a list of objects whose {', '.join(fields)} are text")


def _has_texts(item: object, fields: tuple[str, ...]) -> TypeGuard[Mapping[str, str]]:
    if not isinstance(item, Mapping):
        return False
    values = cast("Mapping[str, object]", item)
    return all(isinstance(values.get(field), str) for field in fields)


def _check_known(key: str, what: str, names: Iterable[str], known: list[str]) -> None:
    for name in names:
        if name not in known:
            raise ValueError(f"world: {key}: there is no {what} {name!r}, only {', '.join(known)}")
