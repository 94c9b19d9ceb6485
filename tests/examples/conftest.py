"""Share a workspace whose integration calls a bot, and the start of bots by the commands of their guide."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from rocketchat_integrations import Client, EventType, OutgoingIntegration, OutgoingIntegrationRecord
from rocketchat_integrations.testing import LocalRocketChat

BOTS = Path(__file__).parents[2] / "examples" / "bots"
TOKEN = "the-token-of-the-deploy-bot"

_PROGRAMS = {"python": (), "waitress-serve": ("-m", "waitress"), "uvicorn": ("-m", "uvicorn")}
_PORT = "8000"


@contextmanager
def running(command: str, folder: Path = BOTS, token: str = TOKEN) -> Generator[str, None, None]:
    """Run a command of the guide on a free port, with warnings as errors; yield the base URL.

    Its output must have neither the token nor a traceback.
    """
    program, *arguments = command.replace(_PORT, "0").split()
    with subprocess.Popen(
        [sys.executable, "-W", "error", *_PROGRAMS[program], *arguments],
        cwd=folder,
        env={**os.environ, "DEPLOY_BOT_TOKEN": token, "PORT": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    ) as process:
        assert process.stdout is not None
        printed: list[str] = []
        try:
            yield _url(process.stdout, printed)
        finally:
            process.terminate()
            printed += process.stdout
    assert token not in "".join(printed)
    assert "Traceback" not in "".join(printed)


def _url(output: Iterator[str], printed: list[str]) -> str:
    for line in output:
        printed.append(line)
        if found := re.search(r"(?:Serving|running) on (http://127\.0\.0\.1:\d+)", line):
            return found[1]
    pytest.fail("".join(["the server has not started:\n", *printed]))


@pytest.fixture
def server() -> Iterator[LocalRocketChat]:
    with LocalRocketChat() as server:
        yield server


@attrs.frozen
class Workspace:
    """A workspace with an integration that calls a bot."""

    server: LocalRocketChat
    client: Client
    record: OutgoingIntegrationRecord

    def say(self, text: str) -> list[str]:
        """Post a text; return what is posted after it."""
        before = len(self.server.messages)
        self.server.say("alice", "general", text)
        return [message.text for message in self.server.messages[before + 1 :]]

    @property
    def history(self) -> list[tuple[str | None, bool]]:
        """The step that each call reached, and whether it failed; the latest first."""
        return [(entry.step, entry.error) for entry in self.client.history(self.record.id)]


Integrate = Callable[..., Workspace]


@pytest.fixture
def integrate(server: LocalRocketChat) -> Iterator[Integrate]:
    """Creates an integration that calls a URL."""
    with Client(server.url, server.auth("admin")) as client:

        def integrate(url: str, *, token: str = TOKEN) -> Workspace:
            definition = OutgoingIntegration(
                "deploy-bot",
                event=EventType.SEND_MESSAGE,
                channel="#general",
                trigger_words="!deploy",
                username="rocket.cat",
                urls=url,
                token=token,
            )
            return Workspace(server, client, client.create(definition))

        yield integrate
