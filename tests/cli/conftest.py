"""Fixtures for the command line: a server, the program in this process, and real processes."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from typing import Any, Protocol

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    cli,
)
from rocketchat_integrations.testing import LocalRocketChat

PROGRAM = (sys.executable, "-W", "error", "-m", "rocketchat_integrations")
TIMEOUT = 60


@attrs.frozen
class Result:
    """The exit status and the output of a command."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The only line of output, which says why the command failed."""
        assert (self.status, self.out) == (1, "")
        (line,) = self.err.splitlines()
        assert line.startswith("error: ")
        return line.removeprefix("error: ")


class Run(Protocol):
    """Runs a command in this process: with standard input, or with answers typed on a terminal."""

    def __call__(self, *arguments: str, stdin: bytes = b"", answers: str | None = None) -> Result: ...


class RunOnTerminal(Protocol):
    """Runs a command in this process, with stdout and stderr on a terminal of this width."""

    def __call__(self, *arguments: str, columns: int = 100) -> Result: ...


class FakeTerminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    def run_main(*arguments: str, stdin: bytes = b"", answers: str | None = None) -> Result:
        capsys.readouterr()
        source = io.TextIOWrapper(io.BytesIO(stdin)) if answers is None else FakeTerminal(answers)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", source)
            status = cli.main(arguments)
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return run_main


@pytest.fixture
def run_on_terminal(monkeypatch: pytest.MonkeyPatch) -> RunOnTerminal:
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run_main(*arguments: str, columns: int = 100) -> Result:
        output, errors = FakeTerminal(), FakeTerminal()
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setattr(sys, "stdout", output)
            patch.setattr(sys, "stderr", errors)
            status = cli.main(arguments)
        return Result(status, output.getvalue(), errors.getvalue())

    return run_main


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests away from a workspace that the developer's environment names."""
    for name in [name for name in os.environ if name.startswith("ROCKETCHAT_")]:
        monkeypatch.delenv(name)


@attrs.frozen
class Workspace:
    """A server, and the environment variables that name it."""

    server: LocalRocketChat
    environment: dict[str, str]

    def requested(self, endpoint: str) -> int:
        """Return how many requests an endpoint got."""
        return sum(request.endpoint == endpoint for request in self.server.requests)

    def names(self) -> list[str]:
        """Return the names of all integrations."""
        return sorted(document["name"] for document in self.server.documents)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of version 9.0, or of the version that the test is parametrized with."""
    with LocalRocketChat(version=getattr(request, "param", "9.0")) as server:
        yield server


@pytest.fixture
def workspace(server: LocalRocketChat, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    auth = server.auth("admin")
    environment = {
        "ROCKETCHAT_URL": server.url,
        "ROCKETCHAT_USER_ID": auth.user_id,
        "ROCKETCHAT_AUTH_TOKEN": auth.token,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Workspace(server, environment)


@pytest.fixture
def client(workspace: Workspace) -> Iterator[Client]:
    """A client of the library, to prepare the workspace and to look at it."""
    with Client(workspace.server.url, workspace.server.auth("admin")) as client:
        yield client


@pytest.fixture
def hook(client: Client) -> IncomingIntegrationRecord:
    return client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))


@pytest.fixture
def bot(client: Client) -> OutgoingIntegrationRecord:
    return client.create(
        OutgoingIntegration(
            "bot",
            event="sendMessage",
            channel="#general,#random",
            username="rocket.cat",
            urls="https://bot.example.com/hook",
            trigger_words="!a,!b",
            alias="Bot",
            token="token-of-the-bot",
        )
    )


# Real processes


@pytest.fixture
def default_sigint() -> Iterator[None]:
    """Let child processes handle SIGINT, also where it is ignored, as in a background job."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


# Makes standard input the controlling terminal, whose Ctrl-C is a SIGINT, and becomes the program.
ON_ITS_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class RunOnPty(Protocol):
    """Runs the program on a pseudo-terminal, and types an answer when it asks."""

    def __call__(self, *arguments: str, typed: str) -> Result: ...


@pytest.fixture
def run_on_pty(default_sigint: None) -> RunOnPty:
    def run_program(*arguments: str, typed: str) -> Result:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        process = subprocess.Popen(
            [sys.executable, "-c", ON_ITS_OWN_TERMINAL, *PROGRAM, *arguments],
            env={**inherited, "TERM": "xterm-256color"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        content, answer = b"", typed
        # Reading raises when the program has closed the terminal.
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 65536):
                content += chunk
                if answer and b"[y/N]" in content:
                    os.write(ours, answer.encode())
                    answer = ""
        os.close(ours)
        return Result(process.wait(TIMEOUT), content.decode("utf-8").replace("\r\n", "\n"), "")

    return run_program


def without_escapes(text: str) -> str:
    """Remove colours and cursor movements."""
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text)
