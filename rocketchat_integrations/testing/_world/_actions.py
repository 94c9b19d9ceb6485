"""Actions of users, with the events that outgoing integrations are called for. The caller makes the calls."""

from __future__ import annotations

from ._documents import Document, random_text
from ._events import Event
from ._javascript import is_object, trim
from ._rooms import Room
from ._state import World
from ._stored_message import StoredMessage
from ._users import User


def say(world: World, username: str, place: str, text: str, tmid: str | None) -> StoredMessage:
    """Post a message as a user."""
    user = world.users.named(username)
    thread = {} if tmid is None else {"tmid": tmid}
    return world.store(_room_to_post_in(world, user, place), user, {"msg": trim(text), **thread})


def press(world: World, message: StoredMessage, button: str, username: str) -> StoredMessage:
    """Send what a button sends, as the user who presses it."""
    user, room = world.users.named(username), world.rooms.find_any(message.document["rid"])
    if room is None:
        raise LookupError("the room of the message was removed")
    _check_access(user, room)
    document = message.document
    thread = {"tmid": document["tmid"]} if "tmid" in document else {}
    return world.store(room, user, {"msg": trim(_text_of_button(message, button)), **thread})


def _text_of_button(message: StoredMessage, button: str) -> str:
    attachments = filter(is_object, message.attachments)
    actions = [action for attachment in attachments for action in attachment.get("actions") or ()]
    shown = [action for action in actions if is_object(action) and _is_shown(action)]
    found = next((action for action in shown if action["text"] == button), None)
    if found is None:
        known = ", ".join(repr(action["text"]) for action in shown) or "none"
        raise LookupError(f"there is no button {button!r}; shown are {known}")
    if found.get("url"):
        raise ValueError(f"the button {button!r} opens a URL, and sends nothing")
    if found.get("msg_processing_type", "sendMessage") != "sendMessage" or not found.get("msg"):
        raise ValueError(f"the button {button!r} sends nothing by itself")
    return str(found["msg"])


def _is_shown(action: Document) -> bool:
    """Return whether the web client shows a button. The label may be missing if there is a picture: not here."""
    is_button = action.get("type") == "button" and bool(action.get("text"))
    return is_button and bool(action.get("url") or action.get("msg_in_chat_window"))


def edit(world: World, message: StoredMessage, text: str) -> StoredMessage:
    """Replace the text of a message."""
    return world.edit(message, trim(text))


def upload(world: World, username: str, place: str, filename: str) -> StoredMessage:
    """Upload a file: a message without text."""
    user = world.users.named(username)
    room = _room_to_post_in(world, user, place)
    message = world.store(room, user, {"msg": "", "file": {"_id": random_text(17), "name": filename}})
    world.outbox.append(Event("fileUploaded", user=user.profile, room=room, message=message.document))
    return message


def create_room(world: World, username: str, name: str, room_type: str) -> None:
    """Create a room with its creator as the only member."""
    user = world.users.named(username)
    room = world.add_room(name, room_type, [username])
    world.outbox.append(Event("roomCreated", user=user.profile, room=room))


def archive_room(world: World, username: str, name_or_id: str) -> None:
    """Archive a room."""
    user, room = world.users.named(username), world.rooms.named(name_or_id)
    _check_access(user, room)
    world.outbox.append(Event("roomArchived", user=user.profile, room=room))


def join_room(world: World, username: str, name_or_id: str) -> None:
    """Join a channel."""
    user, room = world.users.named(username), world.rooms.named(name_or_id)
    if room.type != "channel":
        raise ValueError(f"{room.name} is a {room.type}: only channels can be joined")
    if username in room.members:
        raise ValueError(f"{username} is in {room.name} already")
    world.join(room, user)


def leave_room(world: World, username: str, name_or_id: str) -> None:
    """Leave a room."""
    user, room = world.users.named(username), world.rooms.named(name_or_id)
    if username not in room.members:
        raise ValueError(f"{username} is not in {room.name}")
    room.members.remove(username)
    world.outbox.append(Event("roomLeft", user=user.profile, room=room))


def register_user(world: World, username: str) -> None:
    """Register a user."""
    user = world.users.add(username)
    world.outbox.append(Event("userCreated", user=user.profile))


def _room_to_post_in(world: World, user: User, place: str) -> Room:
    if place.startswith("@"):
        return world.rooms.direct(user, world.users.named(place[1:]))
    room = world.rooms.named(place)
    _check_access(user, room)
    return room


def _check_access(user: User, room: Room) -> None:
    if not room.is_open_to(user):
        raise ValueError(f"{user.username} is not in the private group {room.name}")
