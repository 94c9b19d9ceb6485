"""Tools for testing code that talks to Rocket.Chat. They need the extra ``testing``.

``LocalRocketChat`` is a Rocket.Chat server inside the test process; under pytest, the fixture ``rocketchat`` is one
that is running. ``LocalBot`` serves a bot that the server can call.
"""

from ._bot import LocalBot
from ._http._received import ReceivedRequest
from ._world._activity import AnsweredCall, AnsweredRequest
from ._world._settings import WorkspaceSettings
from ._world._stored_message import StoredMessage
from ._world._stored_room import StoredRoom
from .server import LocalRocketChat

__all__ = [
    "AnsweredCall",
    "AnsweredRequest",
    "LocalBot",
    "LocalRocketChat",
    "ReceivedRequest",
    "StoredMessage",
    "StoredRoom",
    "WorkspaceSettings",
]
