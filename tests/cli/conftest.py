"""What the tests of the command line share: a workspace, the program in this process, and real processes."""

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
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeAlias

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
from rocketchat_integrations.cli import _demo
from rocketchat_integrations.testing import LocalRocketChat

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]

PATIENCE = 60.0


@attrs.frozen
class Workspace:
    """A server that the environment names, with the credentials of its admin."""

    server: LocalRocketChat
    environment: Mapping[str, str]

    @property
    def secrets(self) -> set[str]:
        """All that no output may show: our token, and the tokens of all webhooks that were ever posted to."""
        addresses = [request.path for request in self.server.requests if request.endpoint == "hooks"]
        return {self.environment["ROCKETCHAT_AUTH_TOKEN"], *(path.rpartition("/")[2] for path in addresses)}

    def requested(self, endpoint: str) -> int:
        """How often an endpoint was asked for."""
        return sum(request.endpoint == endpoint for request in self.server.requests)


@attrs.frozen
class Said:
    """What a run of the program in this process came to."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> str:
        """The one line that tells why it failed."""
        assert (self.status, self.out) == (1, "")
        (line,) = self.err.splitlines()
        return line.removeprefix("error: ")


class Say(Protocol):
    """Runs the program in this process."""

    def __call__(self, *arguments: str, stdin: bytes = b"", answers: str | None = None) -> Said: ...


class Terminal(io.StringIO):
    """What stands in for a terminal within this process."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Say:
    def run_main(*arguments: str, stdin: bytes = b"", answers: str | None = None) -> Said:
        capsys.readouterr()
        source = io.TextIOWrapper(io.BytesIO(stdin)) if answers is None else Terminal(answers)
        monkeypatch.setattr(sys, "stdin", source)
        status = cli.main(arguments)
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run_main


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the developer's environment names, no test goes there."""
    for name in [name for name in os.environ if name.startswith("ROCKETCHAT_")]:
        monkeypatch.delenv(name)


@pytest.fixture(params=["8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of each dialect in turn."""
    with LocalRocketChat(version=request.param) as server:
        yield server


@pytest.fixture
def workspace(server: LocalRocketChat, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace for `demo --live`."""
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
    """A client of the library, to prepare things and to look at what became of them."""
    with Client(workspace.server.url, workspace.server.auth("admin")) as client:
        yield client


@pytest.fixture
def hook(client: Client) -> IncomingIntegrationRecord:
    """An incoming integration of the workspace."""
    return client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))


@pytest.fixture
def bot(client: Client) -> OutgoingIntegrationRecord:
    """An outgoing integration of the workspace."""
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


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Don't wait for requests that may be under way still."""
    monkeypatch.setattr(_demo, "_STILL_UNDER_WAY", 0.0)


@pytest.fixture
def ctrl_c_counts() -> Iterator[None]:
    """Where tests run in the background, Ctrl-C may be ignored, and children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(ctrl_c_counts: None) -> Iterator[Start]:
    """Starts the program in a process of its own; warnings are errors there, too."""
    processes: list[subprocess.Popen[str]] = []

    def run(
        *arguments: str, environment: Mapping[str, str] | None = None, stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *arguments],
            env={**os.environ, **(environment or {})},
            encoding="utf-8",
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        process.kill()
        process.communicate()


@attrs.frozen
class Screen:
    """What a process left on its terminal."""

    status: int
    text: str

    @property
    def lines(self) -> list[str]:
        """Without colours and movements of the cursor."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.text).replace("\r\n", "\n").split("\n")


# Makes standard input the terminal whose Ctrl-C counts, and becomes the program.
ON_ITS_OWN_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-W", "error", *sys.argv[1:]])
"""


class RunOnTerminal(Protocol):
    """Runs the program on a terminal of its own, and types when it asks."""

    def __call__(
        self, *arguments: str, typed: str = "", columns: int = 80, environment: Mapping[str, str] | None = None
    ) -> Screen: ...


@pytest.fixture
def run_on_terminal(ctrl_c_counts: None) -> RunOnTerminal:
    def run_program(
        *arguments: str, typed: str = "", columns: int = 80, environment: Mapping[str, str] | None = None
    ) -> Screen:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        plain = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
        process = subprocess.Popen(
            [sys.executable, "-c", ON_ITS_OWN_TERMINAL, "-m", "rocketchat_integrations", *arguments],
            env={**plain, "TERM": "xterm-256color", **(environment or {})},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        content, answer = b"", typed
        # To read from a terminal that nobody has open any more is an error.
        with contextlib.suppress(OSError):
            while chunk := os.read(ours, 65536):
                content += chunk
                if answer and b"[y/N]" in content:
                    os.write(ours, answer.encode())
                    answer = ""
        os.close(ours)
        return Screen(process.wait(PATIENCE), content.decode("utf-8"))

    return run_program


@pytest.fixture
def run(start: Start) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program with these arguments to its end."""

    def run_program(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        process = start("-m", "rocketchat_integrations", *arguments, environment=environment)
        output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    return run_program
