"""What the tests of the command line share: a workspace for the live demo, and real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TypeAlias

import attrs
import pytest

from rocketchat_integrations import cli
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
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Don't wait for requests that may be under way still."""
    monkeypatch.setattr(cli, "_STILL_UNDER_WAY", 0.0)


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the program in a process of its own; warnings are errors there, too."""
    processes: list[subprocess.Popen[str]] = []
    # Where tests run in the background, Ctrl-C may be ignored, and children inherit that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

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
    signal.signal(signal.SIGINT, before)
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start: Start) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program with these arguments to its end."""

    def run_program(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        process = start("-m", "rocketchat_integrations", *arguments, environment=environment)
        output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(arguments, process.returncode, output, errors)

    return run_program
