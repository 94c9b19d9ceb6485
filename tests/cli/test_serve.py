"""`serve`: a small server on this machine."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from rocketchat_integrations import Client, TokenAuth
from rocketchat_integrations.cli.commands import say, serve
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.testing import LocalRocketChat
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run


def test_the_server_runs_until_ctrl_c(default_sigint: None) -> None:
    """It prints the variables that a client needs; Ctrl-C ends it with one line."""
    process = subprocess.Popen([*PROGRAM, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    words = [process.stdout.readline().removeprefix("export ").rstrip("\n") for _ in range(3)]
    environment = dict(word.split("=", 1) for word in words)
    auth = TokenAuth(environment["ROCKETCHAT_USER_ID"], environment["ROCKETCHAT_AUTH_TOKEN"])
    with Client(environment["ROCKETCHAT_URL"], auth) as client:
        assert list(client.list()) == []
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, output) == (130, "")
    assert errors.splitlines()[-1] == "interrupted by SIGINT"


@pytest.fixture
def ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """End the server at once."""
    monkeypatch.setattr(serve, "Event", Mock(side_effect=KeyboardInterrupt))


def test_the_variables_are_written_at_once(ctrl_c: None, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that waits for a file finds all three of them."""
    printed: list[str] = []

    def remember(text: str, **_: object) -> None:
        printed.append(text)

    monkeypatch.setattr("builtins.print", remember)
    run("serve")
    assert [text.count("export ROCKETCHAT_") for text in printed if "export" in text] == [3]


def test_port_version_and_json(ctrl_c: None, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """--port and --version are passed on; --json prints an object."""

    def make(*, port: int, version: str) -> LocalRocketChat:
        made.append((port, version))
        return LocalRocketChat(version=version)

    made: list[tuple[int, str]] = []
    monkeypatch.setattr("rocketchat_integrations.testing.LocalRocketChat", make)
    result = run("serve", "--port", "8080", "--version", "6.14", "--json")
    assert (result.status, made) == (130, [(8080, "6.14")])
    assert set(result.json) == {"url", "user_id", "auth_token"}
    assert result.json["url"].startswith("http://127.0.0.1:")


def test_a_message_is_printed_and_not_the_request_that_brought_it(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What happens goes to stderr, a line each."""
    servers: list[LocalRocketChat] = []

    class Visitor:
        def wait(self) -> None:
            (server,) = servers
            auth = server.auth("alice")
            credentials = Credentials(url=server.url, user_id=auth.user_id, token=auth.token, user=None, password=None)
            say.post(credentials, {"user": "alice", "room": "general", "text": "hello"})
            raise KeyboardInterrupt

    def make(**options: Any) -> LocalRocketChat:
        servers.append(LocalRocketChat(**options))
        return servers[0]

    monkeypatch.setattr(serve, "Event", Visitor)
    monkeypatch.setattr("rocketchat_integrations.testing.LocalRocketChat", make)
    lines = run("serve").err.splitlines()
    assert [line[len("12:00:00  ") :] for line in lines[1:-1]] == ["#general  alice: hello"]


def test_wrong_versions_and_used_ports_are_refused(ctrl_c: None, run: Run) -> None:
    """The error is one line."""
    assert "(see rocketchat-integrations serve --help)" in run("serve", "--version", "5.0").error
    with LocalRocketChat() as server:
        assert os.strerror(errno.EADDRINUSE) in run("serve", "--port", server.url.rpartition(":")[2]).error


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_without_the_extra_the_error_says_how_to_install_it(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """The commands `serve` and `demo` need the extra `testing`."""
    for name in [name for name in sys.modules if name.startswith("rocketchat_integrations.testing")]:
        monkeypatch.delitem(sys.modules, name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "werkzeug"] + ["werkzeug"]:
        monkeypatch.setitem(sys.modules, name, None)
    error = run(command).error
    assert error == 'the embedded server needs an extra: python -m pip install "rocketchat-integrations[testing]"'
