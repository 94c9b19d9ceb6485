"""The example repository examples/gitops, as its README uses it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from rocketchat_integrations import Client, TokenAuth
from rocketchat_integrations.manifest import Manifest
from tests.cli.conftest import PROGRAM

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "gitops"
README = (EXAMPLE / "README.md").read_text(encoding="utf-8")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return shutil.copytree(EXAMPLE, tmp_path / "repository")


def test_the_commands_of_the_readme_work(repository: Path) -> None:
    """In a shell, one after the other, from starting a server to the export."""
    program = repository.parent / "bin" / "rocketchat-integrations"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    (serve,) = re.findall(r"^```console\n(rocketchat-integrations serve .*\n)```$", README, re.MULTILINE)
    commands = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
    with (repository / "output").open("w") as file:
        # A file and not a pipe: the server goes on for the checks below, and would keep a pipe open.
        result = subprocess.run(
            ["sh", "-eu", "-c", f"{serve}echo $! > pid\n" + "\n".join(commands) + "\nenv > environment"],
            cwd=repository,
            env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            timeout=120,
        )
    output = (repository / "output").read_text(encoding="utf-8")
    try:
        assert result.returncode == 0, output
        lines = (repository / "environment").read_text().splitlines()
        environment = dict(line.split("=", 1) for line in lines if line.startswith("ROCKETCHAT_"))
        auth = TokenAuth(environment["ROCKETCHAT_USER_ID"], environment["ROCKETCHAT_AUTH_TOKEN"])
        with Client(environment["ROCKETCHAT_URL"], auth) as client:
            records = {record.name: record for record in client.list()}
        assert set(records) == {"ops-builds", "ops-deployer", "ops-notices"}
        assert (records["ops-builds"].alias, records["ops-notices"].enabled) == ("Builds", True)
        for change in ("alias: \"Somebody's builds\" -> 'Builds'", "enabled: false -> true"):
            assert output.count(f"    {change}\n") == 2  # in the output of plan and of apply
        assert output.splitlines().count("the URL is right") == output.splitlines().count("posted") == 1
        assert "a-long-random-text" not in output
    finally:
        os.kill(int((repository / "pid").read_text()), 15)


def test_the_job_changes_the_workspace_on_the_main_branch_only(
    workspace: Workspace, repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull request shows the plan, a push applies it, and at night a difference is a failure.

    A field that the manifest does not give is a difference, too; the next push undoes it.
    """
    job: dict[str, Any] = cast(Any, yaml).safe_load((repository / "ci.yml").read_text(encoding="utf-8"))
    # A run that waits in one group cannot cancel one that waits in another.
    assert job["concurrency"] == {"group": "integrations-${{ github.event_name }}-${{ github.ref }}"}
    steps = {step["if"].split("'")[1]: step["run"] for step in job["jobs"]["integrations"]["steps"] if "if" in step}
    assert set(steps) == {"pull_request", "push", "schedule"}
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "token")
    monkeypatch.chdir(repository)

    def status_of(event: str) -> int:
        """Return the status of a step; a shell allows 2 after `||`."""
        command, _, alternative = steps[event].strip().partition(" || ")
        _, *arguments = shlex.split(command.partition(" >> ")[0])
        status = run(*arguments).status
        return 0 if alternative == "[ $? -eq 2 ]" and status == 2 else status

    assert (status_of("pull_request"), workspace.names()) == (0, [])
    assert status_of("schedule") == 2
    assert (status_of("push"), len(workspace.names())) == (0, 3)
    assert status_of("schedule") == 0
    assert run("update", "ops-notices", "--no-enabled").status == 0
    assert status_of("schedule") == 2
    assert (status_of("push"), status_of("schedule")) == (0, 0)


def test_the_job_tests_the_scripts(repository: Path) -> None:
    """With commands of the readme, before any other step of the package. Each script has samples."""
    job: dict[str, Any] = cast(Any, yaml).safe_load((repository / "ci.yml").read_text(encoding="utf-8"))
    commands = [step["run"] for step in job["jobs"]["integrations"]["steps"] if "run" in step]
    assert "script test" in commands[1]
    assert commands[1] in README
    assert {path.stem for path in (repository / "scripts").glob("*.payloads")} == {"builds", "deployer"}


def test_every_script_is_used(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder has no file that the manifest does not name."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "token")
    manifest = Manifest.load(repository / "integrations.toml")
    scripts = [entry.definition.script for entry in manifest.entries if entry.definition.script]
    assert sorted(scripts) == sorted(file.read_text(encoding="utf-8") for file in (repository / "scripts").glob("*.js"))
