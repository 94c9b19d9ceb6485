"""`script check`: what breaks on server 9.0, and the check of `plan` and `apply` before anything is written."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import Client, IncomingIntegration
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

GOOD = "class Script {\n  process_incoming_request() {}\n}\n"
LEAKING = "class Script {\n  process_incoming_request() { count = 1; }\n}\n"
BROKEN = "class Script {\n  process_incoming_request( {}\n}\n"
INCOMING = {"channel": "#general", "username": "rocket.cat", "script_enabled": True}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name, source in {"good.js": GOOD, "leaking.js": LEAKING, "broken.js": BROKEN}.items():
        Path(name).write_text(source)


def create(client: Client, name: str, script: str, *, enabled: bool = True) -> str:
    definition = IncomingIntegration(
        name=name, channel="#general", username="rocket.cat", script=script, script_enabled=enabled
    )
    return client.create(definition).id


@pytest.mark.usefixtures("files")
def test_each_problem_is_a_line_that_editors_understand(run: Run) -> None:
    """With its file, line and column, and what to write instead; the status says that something was found."""
    result = run("script", "check", "good.js", "leaking.js", "broken.js")
    assert result.status == 2
    leak, broken = result.out.splitlines()
    assert leak == (
        "leaking.js:2:32: `count` is assigned but never declared, which throws a ReferenceError. "
        "Declare it: `let count`."
    )
    assert broken.startswith("broken.js:3:")
    assert result.err == "2 problems in 2 of 3 scripts\n"


@pytest.mark.usefixtures("files")
def test_nothing_found_exits_with_0(run: Run) -> None:
    result = run("script", "check", "good.js")
    assert (result.status, result.out, result.err) == (0, "", "0 problems in 0 of 1 script\n")


@pytest.mark.usefixtures("files")
def test_problems_are_printed_as_json(run: Run) -> None:
    result = run("script", "check", "--json", "leaking.js")
    assert result.status == 2
    (problem,) = result.json
    assert (problem["file"], problem["kind"], problem["line"]) == ("leaking.js", "undeclared-assignment", 2)
    assert problem["instead"] == "Declare it: `let count`."


def test_the_scripts_of_a_workspace_are_checked(client: Client, run: Run) -> None:
    """Those that run. A place names the integration."""
    create(client, "good", GOOD)
    create(client, "switched-off", LEAKING, enabled=False)
    id = create(client, "alerts", LEAKING)
    result = run("script", "check", "--live")
    assert result.status == 2
    assert result.out.startswith(f"incoming alerts ({id}):2:32: `count`")
    assert result.err == "1 problem in 1 of 2 scripts\n"
    (problem,) = run("script", "check", "--live", "--json").json
    assert (problem["type"], problem["id"], problem["name"]) == ("webhook-incoming", id, "alerts")


def test_an_integration_that_cannot_be_read_is_named(workspace: Workspace, client: Client, run: Run) -> None:
    """Its script was not checked, so that the check has failed."""
    create(client, "good", GOOD)
    workspace.server.insert({"_id": "0dd", "type": "webhook-incoming", "name": ["odd"]})
    result = run("script", "check", "--live")
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("warning: not checked: ")


@pytest.mark.parametrize("arguments", [[], ["good.js", "--live"]])
def test_either_files_or_the_workspace_are_checked(run: Run, arguments: list[str]) -> None:
    assert "give either files or --live" in run("script", "check", *arguments).error


def test_a_file_that_is_not_text_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"\xff")
    assert run("script", "check", str(tmp_path / "a.js")).error == f"{tmp_path / 'a.js'} is not UTF-8 text"


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    """The commands that need no engine work without it."""
    (tmp_path / "a.js").write_text(GOOD)
    program = (
        "import sys; sys.modules['py_mini_racer'] = None; from rocketchat_integrations.cli import main;"
        "print(main(['script', 'check', 'a.js']), main(['script', 'types', '--out', 'a.d.ts']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT
    )
    assert result.stdout == "1 0\n"
    assert result.stderr.splitlines() == [
        "error: running scripts needs the package mini-racer: pip install 'rocketchat-integrations[scripts]'",
        "written: a.d.ts",
    ]


@pytest.mark.usefixtures("files")
def test_a_process_checks_a_file() -> None:
    """It ends, with all threads of the engine."""
    process = subprocess.run(
        [*PROGRAM, "script", "check", "leaking.js"], capture_output=True, text=True, timeout=TIMEOUT
    )
    assert (process.returncode, process.stderr) == (2, "1 problem in 1 of 1 script\n")


# plan and apply


@pytest.fixture
def manifest(files: None) -> str:
    """A manifest in the current folder, with a broken script."""
    entries = [
        {**INCOMING, "name": "good", "script_file": "good.js"},
        {**INCOMING, "name": "broken", "script_file": "broken.js"},
        {**INCOMING, "name": "inline", "script": "class {"},
        {**INCOMING, "name": "off", "script_file": "broken.js", "script_enabled": False},
    ]
    Path("integrations.json").write_text(json.dumps({"incoming": entries}))
    return "integrations.json"


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_a_manifest_with_a_broken_script_is_refused(
    workspace: Workspace, run: Run, manifest: str, command: list[str]
) -> None:
    """The server would answer success. Names the file of the script. Scripts that are not enabled are not checked."""
    result = run(*command, manifest)
    assert (result.status, result.out) == (1, "")
    assert "a script does not compile" in result.err
    assert "--allow-broken-scripts" in result.err
    assert "integrations.json: incoming[1]: broken.js: line 3, column" in result.err
    assert "integrations.json: incoming[2]: script: line 1, column" in result.err
    assert "incoming[3]" not in result.err
    assert workspace.server.requests == ()


def test_a_broken_script_can_be_allowed(workspace: Workspace, run: Run, manifest: str) -> None:
    assert run("plan", manifest, "--allow-broken-scripts").status == 2
    assert run("apply", manifest, "--yes", "--allow-broken-scripts").status == 0
    assert workspace.names() == ["broken", "good", "inline", "off"]


def test_without_the_extra_scripts_are_not_checked(
    workspace: Workspace, run: Run, manifest: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "py_mini_racer", None)
    assert run("plan", manifest).status == 2


def test_a_plan_file_with_a_broken_script_is_refused(
    workspace: Workspace, client: Client, run: Run, manifest: str
) -> None:
    """It may be from a machine without the extra. Creates and updates are checked."""
    assert run("plan", manifest, "--allow-broken-scripts", "--out", "plan.json").status == 2
    error = run("apply", "--yes", "--plan-file", "plan.json")
    assert (error.status, workspace.names()) == (1, [])
    assert "incoming 'broken': line 3" in error.err
    create(client, "broken", GOOD)
    create(client, "off", GOOD)
    run("plan", manifest, "--allow-broken-scripts", "--out", "plan.json")
    updates = json.loads(Path("plan.json").read_text())["updates"]
    assert {update["fields"]["name"] for update in updates} == {"broken", "off"}
    error = run("apply", "--yes", "--plan-file", "plan.json")
    assert "incoming 'broken': line 3" in error.err
    assert "'off'" not in error.err
    assert run("apply", "--yes", "--plan-file", "plan.json", "--allow-broken-scripts").status == 0
