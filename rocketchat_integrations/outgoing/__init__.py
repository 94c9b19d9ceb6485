"""Receive outgoing webhooks: what Rocket.Chat sends to a bot, and what the bot answers.

:class:`WebhookApp` is a whole bot: a web application with handlers for events. :func:`parse` only verifies and reads a
payload, for programs that are a web application already.
"""

from ._app import WebhookApp
from ._commands import Command, Commands
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
from ._redis_repeats import RedisRepeats
from ._repeats import Repeats
from ._replies import Answer, Reply
from ._wsgi_and_asgi import AsgiApp

__all__ = [
    "Answer",
    "AsgiApp",
    "Bot",
    "Command",
    "Commands",
    "FileUploaded",
    "MessageSent",
    "Payload",
    "PayloadFile",
    "PayloadMessage",
    "PayloadRoom",
    "PayloadUser",
    "RedisRepeats",
    "Repeats",
    "Reply",
    "RoomArchived",
    "RoomCreated",
    "RoomJoined",
    "RoomLeft",
    "UserCreated",
    "WebhookApp",
    "parse",
]
