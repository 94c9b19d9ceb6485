"""Trying things: `serve`, and `demo` among the other commands."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias
from unittest.mock import Mock

import pytest

from rocketchat_integrations import Client, RetryPolicy, TokenAuth
from rocketchat_integrations._protocol.options import ConnectionKeywords

if TYPE_CHECKING:
    from tests.cli.conftest import Say

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]


def test_a_server_to_try_things_on(start: Start) -> None:
    """What it prints is what a shell can set; with that, every other command works; Ctrl-C ends it."""
    process = start("-m", "rocketchat_integrations", "serve")
    assert process.stdout is not None
    words = [process.stdout.readline().removeprefix("export ").rstrip("\n") for _ in range(3)]
    environment = dict(word.split("=", 1) for word in words)
    assert set(environment) == {"ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN"}
    auth = TokenAuth(environment["ROCKETCHAT_USER_ID"], environment["ROCKETCHAT_AUTH_TOKEN"])
    with Client(environment["ROCKETCHAT_URL"], auth) as client:
        assert list(client.list()) == []
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert errors == "serving until you press Ctrl-C\ninterrupted by SIGINT\n"


def test_what_to_set_is_written_at_once(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a file to have something in it finds all three variables."""
    monkeypatch.setattr("rocketchat_integrations.cli._trying.Event", Mock(side_effect=KeyboardInterrupt))
    printed: list[str] = []

    def note(text: str, **_: object) -> None:
        printed.append(text)

    monkeypatch.setattr("builtins.print", note)
    say("serve")
    assert [text.count("export ROCKETCHAT_") for text in printed if "export" in text] == [3]


def test_where_and_what_the_server_is_can_be_said(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port, a version, and JSON for programs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    versions: list[str] = []

    class CtrlC:
        def wait(self) -> None:
            options: ConnectionKeywords = {"timeout": 5, "retry": RetryPolicy.never()}
            with Client(f"http://127.0.0.1:{port}", TokenAuth("id", "token"), **options) as client:
                versions.append(client.server_version())
            raise KeyboardInterrupt

    monkeypatch.setattr("rocketchat_integrations.cli._trying.Event", CtrlC)
    with socket.create_server(("127.0.0.1", port)):
        assert "in use" in say("serve", "--port", str(port)).error
    assert f"export ROCKETCHAT_URL=http://127.0.0.1:{port}\n" in say("serve", "--port", str(port)).out
    said = say("serve", "--port", str(port), "--version", "6.14", "--json")
    assert (said.status, versions) == (130, ["8.8", "6.14"])
    assert said.json["url"] == f"http://127.0.0.1:{port}"
    assert set(json.loads(said.out)) == {"url", "user_id", "auth_token"}


def test_a_version_that_cannot_be_imitated_is_refused(say: Say) -> None:
    """With those that can."""
    assert "allowed are '8.8' and '6.x'" in say("serve", "--version", "5.0").error


def test_without_the_extra_there_is_no_server(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing extra is one line that one can act on."""
    for name in [name for name in sys.modules if name.startswith("rocketchat_integrations.testing")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "werkzeug", None)
    monkeypatch.setitem(sys.modules, "werkzeug.exceptions", None)
    error = say("serve").error
    assert error == 'the embedded server needs an extra: python -m pip install "rocketchat-integrations[testing]"'


@pytest.mark.parametrize("arguments", [("--debug", "demo"), ("demo",)])
def test_the_demo_is_a_command_like_the_others(say: Say, arguments: tuple[str, ...]) -> None:
    """Also with options before it, which it does not need; it understands its own."""
    said = say(*arguments, "--help")
    assert (said.status, said.err) == (0, "")
    assert "--live" in said.out
