"""The example repository, as somebody new would use it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from rocketchat_integrations.manifest import Manifest

if TYPE_CHECKING:
    from tests.cli.conftest import Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "gitops"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy, in which the program is on the path whether it is installed or not."""
    shutil.copytree(EXAMPLE, tmp_path / "repository")
    program = tmp_path / "bin" / "rocketchat-integrations"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m rocketchat_integrations "$@"\n')
    program.chmod(0o755)
    return tmp_path / "repository"


def shell(repository: Path, commands: str, **environment: str) -> subprocess.CompletedProcess[str]:
    path = f"{repository.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-eu", "-c", commands],
        cwd=repository,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


def commands_of_the_readme() -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@only_8
def test_the_commands_of_its_readme_do_what_it_says(workspace: Workspace, repository: Path) -> None:
    """From the first plan to the message in the room, and the export: one after the other, as they stand there."""
    values = workspace.environment.items()
    (repository / "server.env").write_text("".join(f"export {name}={value}\n" for name, value in values))
    result = shell(repository, "\n".join(commands_of_the_readme()))
    assert result.returncode == 0, result.stderr
    assert "3 to create, 0 to update, 0 to remove, 0 as wanted." in result.stdout
    assert "alias: \"Somebody's builds\" -> 'Builds'" in result.stdout
    assert result.stdout.count("Nothing to do: 3 as wanted.") == 2
    assert "the address is right" in result.stderr
    assert [message.text for message in workspace.server.messages] == ["Hello from git"]
    assert "a-long-random-text" not in result.stdout + result.stderr
    assert {document["name"] for document in workspace.server.documents} == {
        "ops-builds",
        "ops-deployer",
        "ops-notices",
    }


def test_the_server_of_its_readme_can_be_used_at_once(repository: Path) -> None:
    """As soon as there is something in the file, everything is: the next command finds the server."""
    (serve,) = re.findall(r"^```console\n(rocketchat-integrations serve .*\n)```$", README, re.MULTILINE)
    first, *_ = commands_of_the_readme()
    commands = f"exec 3>&2 2> errors\n{serve}trap 'kill $!' EXIT\n{first}exec 2>&3\nrocketchat-integrations list --json"
    result = shell(repository, commands)
    assert (result.returncode, result.stdout, result.stderr) == (0, "[]\n", "")
    assert (repository / "errors").read_text() == "serving until you press Ctrl-C\n"
    assert (repository / "server.env").read_text().count("export ROCKETCHAT_") == 3


@only_8
def test_its_job_changes_the_workspace_on_the_main_branch_only(
    workspace: Workspace, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request shows, a push changes, and at night a change by hand is a failure."""
    job: dict[str, Any] = yaml.safe_load((repository / "ci.yml").read_text(encoding="utf-8"))
    # What waits in a group of its own cannot push out what waits in another.
    assert job["concurrency"] == {"group": "integrations-${{ github.event_name }}-${{ github.ref }}"}
    steps = {step["if"].split("'")[1]: step["run"] for step in job["jobs"]["integrations"]["steps"] if "if" in step}
    assert set(steps) == {"pull_request", "push", "schedule"}
    monkeypatch.setenv("DEPLOYER_TOKEN", "token")
    assert shell(repository, steps["pull_request"]).returncode == 0
    assert workspace.server.documents == ()
    assert shell(repository, steps["schedule"]).returncode == 2
    assert shell(repository, steps["push"]).returncode == 0
    assert len(workspace.server.documents) == 3
    assert shell(repository, steps["schedule"]).returncode == 0


def test_every_script_of_it_is_used(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies there is what runs."""
    monkeypatch.setenv("DEPLOYER_TOKEN", "token")
    manifest = Manifest.load(repository / "integrations.toml")
    scripts = [entry.definition.script for entry in manifest.entries if entry.definition.script]
    assert sorted(scripts) == sorted(file.read_text(encoding="utf-8") for file in (repository / "scripts").iterdir())
