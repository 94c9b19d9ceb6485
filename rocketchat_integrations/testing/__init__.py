"""Tools for testing code that talks to Rocket.Chat. They need the extra ``testing``.

``LocalRocketChat`` is a Rocket.Chat server inside the test process; under pytest the fixture ``rocketchat`` gives
one that is running. ``LocalBot`` serves a bot that it can call.
"""

from ._bot import LocalBot
from ._records import ReceivedRequest, StoredMessage
from .server import LocalRocketChat

__all__ = ["LocalBot", "LocalRocketChat", "ReceivedRequest", "StoredMessage"]
