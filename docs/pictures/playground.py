"""Run ``serve`` as on a terminal, while its server is used."""

from __future__ import annotations

import contextlib
import os
import time
from unittest import mock

from rocketchat_integrations import Client, IncomingIntegration, TokenAuth
from rocketchat_integrations.cli import main
from rocketchat_integrations.cli.commands import say, serve
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.outgoing import Command, WebhookApp
from rocketchat_integrations.testing import LocalBot

from .terminal import Terminal, terminal_variables
from .workspaces import deployer

_SECONDS = 10.0


def serve_output(*, width: int) -> str:
    """Return what a terminal gets until Ctrl-C: a webhook is posted to, and a message calls a bot."""
    terminal = Terminal()

    class User:
        """Stands for the event that ``serve`` waits for: uses the server, and presses Ctrl-C."""

        def wait(self) -> None:
            exports = [line for line in terminal.getvalue().splitlines() if line.startswith("export ")]
            _use_server(dict(line.removeprefix("export ").split("=", 1) for line in exports), terminal)
            raise KeyboardInterrupt

    with (
        mock.patch.dict(os.environ, terminal_variables(width)),
        mock.patch.object(serve, "Event", User),
        contextlib.redirect_stdout(terminal),
        contextlib.redirect_stderr(terminal),
    ):
        main(["serve"])
    return terminal.getvalue().partition("\ninterrupted")[0].rstrip()


def _use_server(environment: dict[str, str], terminal: Terminal) -> None:
    app = WebhookApp(token="token")

    @app.command("!deploy")
    def deploy(_: Command) -> str:
        """Deploy a service."""
        return "deploying web"

    url, user_id, token = (environment[f"ROCKETCHAT_{name}"] for name in ("URL", "USER_ID", "AUTH_TOKEN"))
    with LocalBot(app) as bot, Client(url, TokenAuth(user_id, token)) as client:
        hook = client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
        client.webhook(hook).post("build passed")
        client.create(deployer(bot.url))
        credentials = Credentials(url=url, user_id=user_id, token=token, user=None, password=None)
        say.post(credentials, {"user": "alice", "room": "#general", "text": "!deploy web"})
        deadline = time.monotonic() + _SECONDS
        while "rocket.cat: deploying" not in terminal.getvalue():
            if time.monotonic() > deadline:
                raise RuntimeError("the bot has not answered")
            time.sleep(0.01)
