"""Workspaces for the commands that the documentation shows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager

from rocketchat_integrations import Client, OutgoingIntegration
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp
from rocketchat_integrations.testing import LocalBot, LocalRocketChat

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
        yield environment_of(server)


@contextlib.contextmanager
def _changed_by_hand() -> Generator[Mapping[str, str], None, None]:
    """Run a server with two integrations, which differ from the manifest on the page *Integrations as code*."""
    script = "class Script {\n  process_incoming_request({ request }) {\n    return {};\n  }\n}\n"
    with LocalRocketChat() as server:
        # Inserted, so that the ids are the same in each build.
        server.insert(
            {
                "_id": "hN3yUzQd7rKp4BvXs",
                "type": "webhook-incoming",
                "name": "builds",
                "script": script,
                "scriptEnabled": True,
                "scriptCompiled": script,
                "scriptError": None,
                **_COMMON,
                "enabled": False,
            }
        )
        server.insert(
            {
                "_id": "gM8fLwCj5tRe2WqZa",
                "type": "webhook-incoming",
                "name": "old alerts",
                "scriptEnabled": False,
                **_COMMON,
                "channel": ["#ops"],
            }
        )
        yield environment_of(server)


@contextlib.contextmanager
def _with_bot() -> Generator[Mapping[str, str], None, None]:
    """Run a server whose bot has answered, failed, and is gone."""
    answers = iter((Reply("deploying web for alice"), Reply.nothing(), Reply.retry_later()))
    app = WebhookApp(token="token")

    @app.on("sendMessage")
    def answer(_: MessageSent) -> Reply:
        return next(answers)

    with LocalRocketChat() as server, Client(server.url, server.auth("admin")) as client:
        with LocalBot(app) as bot:
            client.create(deployer(bot.url))
            for text in ("!deploy web", "!deploy", "!deploy api"):
                server.say("alice", "general", text)
        server.say("alice", "general", "!deploy db")
        yield environment_of(server)


def deployer(url: str) -> OutgoingIntegration:
    """Return the integration of a bot that listens to ``!deploy``. Its token is ``token``."""
    return OutgoingIntegration(
        "deployer",
        event="sendMessage",
        channel="#general",
        username="rocket.cat",
        urls=url,
        trigger_words="!deploy",
        token="token",
    )


def environment_of(server: LocalRocketChat) -> Mapping[str, str]:
    """Return the environment of a command for the administrator of a server."""
    auth = server.auth("admin")
    return {
        "ROCKETCHAT_URL": server.url,
        "ROCKETCHAT_USER_ID": auth.user_id,
        "ROCKETCHAT_AUTH_TOKEN": auth.token,
    }


WORKSPACES: dict[str, Callable[[], AbstractContextManager[Mapping[str, str]]]] = {
    "none": _none,
    "before-upgrade": _before_upgrade,
    "changed-by-hand": _changed_by_hand,
    "with-bot": _with_bot,
}
"""For each name, a function that starts the workspace and returns the environment of commands."""
