"""What Rocket.Chat sends to a bot: :func:`parse` verifies and reads it."""

from ._parsing import parse
from ._payloads import (
    Bot,
    FileUploaded,
    MessageSent,
    Payload,
    PayloadFile,
    PayloadMessage,
    PayloadRoom,
    PayloadUser,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
)

__all__ = [
    "Bot",
    "FileUploaded",
    "MessageSent",
    "Payload",
    "PayloadFile",
    "PayloadMessage",
    "PayloadRoom",
    "PayloadUser",
    "RoomArchived",
    "RoomCreated",
    "RoomJoined",
    "RoomLeft",
    "UserCreated",
    "parse",
]
