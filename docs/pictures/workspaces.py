"""Workspaces for the commands that the documentation shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager

from rocketchat_integrations.testing import LocalRocketChat

_UNDECLARED = """\
class Script {
  process_incoming_request({ request }) {
    lines = request.content.alerts.map((alert) => alert.status);
    return { content: { text: lines.join(', ') } };
  }
}
"""

_COMMON = {
    "enabled": True,
    "userId": "rocket.cat",
    "username": "rocket.cat",
    "channel": ["#general"],
    "token": "a token of the example",
    "_createdBy": None,
}


@contextlib.contextmanager
def _none() -> Generator[Mapping[str, str], None, None]:
    yield {}


@contextlib.contextmanager
def _before_upgrade() -> Generator[Mapping[str, str], None, None]:
    """Run a server with a script that breaks on 9.0, and an outgoing integration with a plain ``http://`` URL."""
    with LocalRocketChat(version="8.8") as server:
        auth = server.auth("admin")
        # Inserted, so that the ids are the same in each build.
        server.insert(
            {
                "_id": "aKq7RtYw2mPx9LcZd",
                "type": "webhook-incoming",
                "name": "alerts",
                "script": _UNDECLARED,
                "scriptEnabled": True,
                "scriptCompiled": _UNDECLARED,
                "scriptError": None,
                **_COMMON,
            }
        )
        server.insert(
            {
                "_id": "bT4nWvE8sJh3QfUyG",
                "type": "webhook-outgoing",
                "name": "deploy",
                "event": "sendMessage",
                "urls": ["http://192.0.2.7/deploy"],
                "scriptEnabled": False,
                **_COMMON,
            }
        )
        yield {
            "ROCKETCHAT_URL": server.url,
            "ROCKETCHAT_USER_ID": auth.user_id,
            "ROCKETCHAT_AUTH_TOKEN": auth.token,
        }


WORKSPACES: dict[str, Callable[[], AbstractContextManager[Mapping[str, str]]]] = {
    "none": _none,
    "before-upgrade": _before_upgrade,
}
"""For each name, a function that starts the workspace and returns the environment of commands."""
