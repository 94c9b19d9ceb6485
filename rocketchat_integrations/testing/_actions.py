"""What people do in a workspace, and outgoing integrations hear of. The caller takes what happened to the calls."""

from __future__ import annotations

from ._javascript import trim
from ._records import StoredMessage
from ._world import Event, Room, User, World, random_text


def say(world: World, username: str, place: str, text: str, tmid: str | None) -> StoredMessage:
    """Say something."""
    user = world.user(username)
    thread = {} if tmid is None else {"tmid": tmid}
    return world.store(_place(world, user, place), user, {"msg": trim(text), **thread})


def edit(world: World, message: StoredMessage, text: str) -> StoredMessage:
    """Give a message another text."""
    return world.edit(message, trim(text))


def upload(world: World, username: str, place: str, filename: str) -> StoredMessage:
    """Upload a file: a message without text."""
    user = world.user(username)
    room = _place(world, user, place)
    message = world.store(room, user, {"msg": "", "file": {"_id": random_text(17), "name": filename}})
    world.outbox.append(Event("fileUploaded", user=user.profile, room=room, message=message.document))
    return message


def create_room(world: World, username: str, name: str, room_type: str) -> None:
    """Make a room with its maker in it."""
    user = world.user(username)
    room = world.add_room(name, room_type, [username])
    world.outbox.append(Event("roomCreated", user=user.profile, room=room))


def archive_room(world: World, username: str, name_or_id: str) -> None:
    """Archive a room."""
    user, room = world.user(username), world.room(name_or_id)
    _check_access(user, room)
    world.outbox.append(Event("roomArchived", user=user.profile, room=room))


def join_room(world: World, username: str, name_or_id: str) -> None:
    """Enter a channel."""
    user, room = world.user(username), world.room(name_or_id)
    if room.type != "channel":
        raise ValueError(f"{room.name} is a {room.type}, which nobody can join")
    if username in room.members:
        raise ValueError(f"{username} is in {room.name} already")
    room.members.add(username)
    world.outbox.append(Event("roomJoined", user=user.profile, room=room))


def leave_room(world: World, username: str, name_or_id: str) -> None:
    """Go out of a room."""
    user, room = world.user(username), world.room(name_or_id)
    if username not in room.members:
        raise ValueError(f"{username} is not in {room.name}")
    room.members.remove(username)
    world.outbox.append(Event("roomLeft", user=user.profile, room=room))


def register_user(world: World, username: str) -> None:
    """Make a user."""
    user = world.add_user(username, (), password=None)
    world.outbox.append(Event("userCreated", user=user.profile))


def _place(world: World, user: User, place: str) -> Room:
    if place.startswith("@"):
        return world.direct_room(user, world.user(place[1:]))
    room = world.room(place)
    _check_access(user, room)
    return room


def _check_access(user: User, room: Room) -> None:
    if not room.is_open_to(user):
        raise ValueError(f"{user.username} is not in the private group {room.name}")
