"""What Rocket.Chat sends to a bot, and what the bot answers.

:class:`WebhookApp` is a bot: a web application with handlers for events. :func:`parse` is for programs that have a web
application already, and want nothing but the payload.
"""

from ._app import WebhookApp
from ._asgi import AsgiApp
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
from ._replies import Answer, Reply

__all__ = [
    "Answer",
    "AsgiApp",
    "Bot",
    "FileUploaded",
    "MessageSent",
    "Payload",
    "PayloadFile",
    "PayloadMessage",
    "PayloadRoom",
    "PayloadUser",
    "Reply",
    "RoomArchived",
    "RoomCreated",
    "RoomJoined",
    "RoomLeft",
    "UserCreated",
    "WebhookApp",
    "parse",
]
