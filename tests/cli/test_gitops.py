"""The example repository examples/gitops, as its README uses it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
import yaml

from rocketchat_integrations import Client, TokenAuth
from rocketchat_integrations.manifest import Manifest
from tests.cli.conftest import PROGRAM

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

EXAMPLE = Path(__file__).parents[2] / "examples" / "gitops"
SETTINGS = ("URL", "USER_ID", "AUTH_TOKEN", "SECRET_DEPLOYER")
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


def read(name: str) -> Any:
    return cast(Any, yaml).safe_load((EXAMPLE / name).read_text(encoding="utf-8"))


def commands_on_github() -> dict[str, str]:
    """The command for each event."""
    steps = read("ci.yml")["jobs"]["integrations"]["steps"]
    return {step["if"].split("'")[1]: step["run"] for step in steps if "if" in step}


def commands_on_gitlab() -> dict[str, str]:
    jobs = read("gitlab-ci.yml")
    events = {"plan": "pull_request", "apply": "push", "drift": "schedule"}
    return {event: command for job, event in events.items() for command in jobs[job]["script"]}


@pytest.mark.parametrize("commands_on", [commands_on_github, commands_on_gitlab])
def test_the_job_changes_the_workspace_on_the_main_branch_only(
    commands_on: Callable[[], dict[str, str]],
    workspace: Workspace,
    repository: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A pull request shows the plan, a push applies it, and at night a difference is a failure.

    A field that the manifest does not give is a difference, too; the next push undoes it.
    """
    commands = commands_on()
    assert set(commands) == {"pull_request", "push", "schedule"}
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "token")
    monkeypatch.chdir(repository)

    def status_of(event: str) -> int:
        """Return the status of a command; a shell allows 2 after `||`."""
        command, _, alternative = commands[event].strip().partition(" || ")
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


def test_runs_on_github_wait_for_each_other_by_event() -> None:
    """A run that waits in one group cannot cancel one that waits in another."""
    assert read("ci.yml")["concurrency"] == {"group": "integrations-${{ github.event_name }}-${{ github.ref }}"}


def test_a_pipeline_of_gitlab_has_one_job() -> None:
    """Each job has a condition of its own, and a pipeline starts for these conditions only."""
    pipeline = read("gitlab-ci.yml")
    conditions = [pipeline[job]["rules"][0]["if"] for job in ("plan", "drift", "apply")]
    merge_request, schedule, branch = (rule["if"] for rule in pipeline["workflow"]["rules"])
    assert conditions == [merge_request, schedule, f'$CI_PIPELINE_SOURCE != "schedule" && {branch}']


def test_the_playbook_changes_the_workspace_unless_it_only_checks(
    workspace: Workspace, repository: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It fails where `plan` does, and applies where there is something to change."""
    (play,) = read("playbook.yml")
    plan, _, apply = play["tasks"]
    assert plan["check_mode"] is False
    assert "check_mode" not in apply
    monkeypatch.chdir(repository)

    def run_task(task: Any) -> int:
        _, *arguments = shlex.split(task["ansible.builtin.command"]["cmd"])
        return run(*arguments).status

    def state() -> dict[str, object]:
        """Run the plan, and evaluate the conditions of the playbook, which are Python as well."""
        names = {"plan": SimpleNamespace(rc=run_task(plan))}
        conditions = {"changed": plan["changed_when"], "failed": plan["failed_when"], "applies": apply["when"]}
        return {name: eval(condition, names) for name, condition in conditions.items()}

    assert state() == {"changed": False, "failed": True, "applies": False}  # a secret is missing
    assert set(play["environment"]) == {f"ROCKETCHAT_{name}" for name in SETTINGS}
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "token")
    assert state() == {"changed": True, "failed": False, "applies": True}
    assert (run_task(apply), len(workspace.names())) == (0, 3)
    assert state() == {"changed": False, "failed": False, "applies": False}


@pytest.mark.parametrize("before_jobs", [False, True], ids=["github", "gitlab"])
def test_the_job_tests_the_scripts(repository: Path, before_jobs: bool) -> None:
    """With commands of the readme, before any other step of the package. Each script has samples."""
    if before_jobs:
        _, *commands = read("gitlab-ci.yml")["default"]["before_script"]
    else:
        steps = [step["run"] for step in read("ci.yml")["jobs"]["integrations"]["steps"] if "run" in step]
        commands = "".join(steps[1:3]).splitlines()
    first, second, _ = commands
    assert "script test" in second
    assert f"{first}\n{second}\n" in README
    assert {path.stem for path in (repository / "scripts").glob("*.payloads")} == {"builds", "deployer"}


def test_every_script_is_used(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder has no file that the manifest does not name."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "token")
    manifest = Manifest.load(repository / "integrations.toml")
    scripts = [entry.definition.script for entry in manifest.entries if entry.definition.script]
    assert sorted(scripts) == sorted(file.read_text(encoding="utf-8") for file in (repository / "scripts").glob("*.js"))
