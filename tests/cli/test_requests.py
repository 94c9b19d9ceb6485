"""The number of requests of each method and command, which the page *Requests* of the documentation states."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

HOOK = IncomingIntegration("ci", channel="#general", username="rocket.cat")
BOT = OutgoingIntegration(
    "bot",
    event=EventType.SEND_MESSAGE,
    channel="#general",
    username="rocket.cat",
    urls="http://127.0.0.1:1/",
    token="t",
)
MANIFEST = '{"incoming": [{"name": "a", "channel": "#general", "username": "rocket.cat"}]}'
METHODS: dict[str, tuple[int, Callable[[Client, IncomingIntegrationRecord, OutgoingIntegrationRecord], object]]] = {
    "create": (1, lambda client, hook, bot: client.create(HOOK)),
    "get": (1, lambda client, hook, bot: client.get(hook.id)),
    "update": (2, lambda client, hook, bot: client.update(hook.id, attrs.evolve(hook, alias="CI"))),
    "remove": (1, lambda client, hook, bot: client.remove(hook)),
    "clear_history": (1, lambda client, hook, bot: client.clear_history(bot.id)),
    "history": (1, lambda client, hook, bot: list(client.history(bot.id))),
    "list": (1, lambda client, hook, bot: list(client.list())),
    "list_for_channel": (1, lambda client, hook, bot: list(client.list_for_channel(room_name="general"))),
    "total": (1, lambda client, hook, bot: client.list().total()),
    "server_version": (1, lambda client, hook, bot: client.server_version()),
    "webhook": (0, lambda client, hook, bot: client.webhook(hook)),
    "user_id": (0, lambda client, hook, bot: client.user_id()),
    "post": (1, lambda client, hook, bot: client.webhook(hook).post("hi")),
    "check": (1, lambda client, hook, bot: client.webhook(hook).check()),
}
COMMANDS = {
    "list": 1,
    "plan m.json": 1,
    "show {id}": 1,
    "show ci": 1,
    "show unknown": 2,
    "show grafanadashboards": 2,
    "update {id} --alias CI": 3,
    "update ci --alias CI": 3,
    "disable ci": 3,
    "remove {id} --yes": 2,
    "history bot": 2,
    "export m.toml": 1,
    "doctor --no-dns": 4,
    "doctor --no-dns --no-users --no-history": 1,
}


@pytest.mark.parametrize("name", METHODS)
def test_requests_of_a_method(server: LocalRocketChat, client: Client, name: str) -> None:
    """With a token. A password takes two more, for the login and the logout."""
    number, call = METHODS[name]
    hook, bot = client.create(HOOK), client.create(BOT)
    before = len(server.requests)
    call(client, hook, bot)
    assert len(server.requests) - before == number


def test_a_password_takes_a_login_and_a_logout(server: LocalRocketChat) -> None:
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        assert list(client.list()) == []
    assert [request.endpoint for request in server.requests] == ["login", "integrations.list", "logout"]


@pytest.mark.parametrize("command", COMMANDS)
def test_requests_of_a_command(
    workspace: Workspace, client: Client, run: Run, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name takes as many as an id; what is neither takes one more."""
    monkeypatch.chdir(tmp_path)
    Path("m.json").write_text(MANIFEST, encoding="utf-8")
    hook = client.create(HOOK)
    client.create(BOT)
    before = len(workspace.server.requests)
    run(*command.format(id=hook.id).split())
    assert len(workspace.server.requests) - before == COMMANDS[command]


def test_requests_of_apply(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    """The list for the plan, the list before the first step, and the steps; only the first list if nothing changes."""
    manifest = tmp_path / "m.json"
    manifest.write_text(MANIFEST, encoding="utf-8")
    made: list[int] = []
    for _ in range(2):
        before = len(workspace.server.requests)
        assert run("apply", "--yes", str(manifest)).status == 0
        made.append(len(workspace.server.requests) - before)
    assert made == [3, 1]
