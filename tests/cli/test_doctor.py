"""`doctor`."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import Client, IncomingIntegration, OutgoingIntegrationRecord
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run, RunOnTerminal, Workspace


@pytest.fixture
def twins(client: Client) -> list[str]:
    """Two integrations of one name; returns their ids."""
    twin = IncomingIntegration("ci", channel="#general", username="rocket.cat")
    return sorted(client.create(twin).id for _ in range(2))


def test_findings_are_a_table_and_exit_with_2(workspace: Workspace, twins: list[str], run: Run) -> None:
    """What could not be checked and the numbers are on stderr."""
    result = run("doctor")
    heading, *lines = result.out.splitlines()
    assert heading.split() == ["ID", "TYPE", "NAME", "SEVERITY", "KIND", "PROBLEM", "INSTEAD"]
    assert [line.split()[:5] for line in lines] == [[id, "incoming", "ci", "warning", "duplicate"] for id in twins]
    assert f"the same type and name as {twins[1]}" in lines[0]
    assert "Rename or remove one" in lines[0]
    note, summary = result.err.splitlines()
    assert note.startswith("Not checked: ")
    assert summary == "integrations: 2; error: 0, warning: 2, info: 0"
    assert result.status == 2


def test_json_has_findings_and_notes(workspace: Workspace, twins: list[str], run: Run) -> None:
    """An unreadable record has neither type nor name."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": 7})
    result = run("doctor", "--json")
    assert (result.status, result.json["integrations"], len(result.json["notes"])) == (2, 3, 1)
    first, _, last = result.json["findings"]
    fields = {name: first[name] for name in ("severity", "kind", "type", "name", "id")}
    expected = {"severity": "warning", "kind": "duplicate", "type": "webhook-incoming", "name": "ci", "id": twins[0]}
    assert fields == expected
    assert first["message"].startswith("the same type and name")
    assert first["instead"].startswith("Rename or remove one")
    assert (last["kind"], last["type"], last["name"], last["id"]) == ("unreadable", None, None, "odd")
    assert "odd" in run("doctor").out


def test_findings_can_be_ignored(twins: list[str], run: Run) -> None:
    """Then the exit status is 0, and there is no table."""
    result = run("doctor", "--ignore", "duplicate", "--ignore", "disabled")
    assert (result.status, result.out) == (0, "")
    assert result.err.endswith("error: 0, warning: 0, info: 0\n")
    assert run("doctor", "--ignore", "duplicate", "--json").json["findings"] == []
    assert "duplicates" in run("doctor", "--ignore", "duplicates").error


def test_requests_and_lookups_can_be_left_out(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("rocketchat_integrations.cli.commands.doctor.host_exists", asked.append)
    assert run("doctor", "--no-users", "--no-history", "--no-dns").status == 0
    assert (asked, workspace.requested("hooks.info"), workspace.requested("integrations.history")) == ([], 0, 0)
    assert run("doctor").status == 0
    assert asked == ["bot.example.com"]
    assert (workspace.requested("hooks.info"), workspace.requested("integrations.history")) == (1, 1)


def test_a_terminal_shows_the_progress(twins: list[str], run_on_terminal: RunOnTerminal) -> None:
    result = run_on_terminal("doctor", "--no-dns")
    assert result.status == 2
    assert "of 2 requests made" in result.err


def test_a_failure_exits_with_1(workspace: Workspace, run: Run) -> None:
    """Not with 2: nothing is known about the workspace."""
    workspace.server.set_permissions("admin", [])
    assert "permission" in run("doctor").error


def test_the_exit_status_of_a_process(workspace: Workspace, twins: list[str]) -> None:
    """2 if something was found, for a CI job."""
    process = subprocess.run([*PROGRAM, "doctor", "--no-dns"], capture_output=True, text=True, timeout=TIMEOUT)
    assert (process.returncode, process.stdout.count("duplicate")) == (2, 2), process.stderr
