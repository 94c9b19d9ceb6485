"""`script new` and `script types`: files to start with."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations.scripts import Script, ready_made
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run

GRAFANA = next(script for script in ready_made() if script.name == "grafana")


def test_script_alone_prints_its_help(run: Run) -> None:
    assert run("script").out == run("script", "--help").out


def test_the_ready_made_scripts_are_listed(run: Run) -> None:
    result = run("script", "new")
    assert result.status == 0
    assert [line.split()[0] for line in result.out.splitlines()[1:]] == [script.name for script in ready_made()]
    assert {"name": "grafana", "summary": GRAFANA.summary} in run("script", "new", "--json").json


def test_a_ready_made_script_is_printed(run: Run) -> None:
    result = run("script", "new", "grafana")
    assert (result.status, result.out, result.err) == (0, GRAFANA.source, "")
    assert run("script", "new", "grafana", "--json").json["source"] == GRAFANA.source


@pytest.mark.parametrize(("command", "text"), [(["new", "grafana"], GRAFANA.source), (["types"], "interface Incoming")])
def test_a_file_is_written_and_none_is_replaced(run: Run, tmp_path: Path, command: list[str], text: str) -> None:
    path = tmp_path / "file"
    result = run("script", *command, "--out", str(path))
    assert (result.status, result.out, result.err) == (0, "", f"written: {path}\n")
    assert text in path.read_text(encoding="utf-8")
    assert run("script", *command, "--out", str(path)).error == f"{path} is already there; use another name"


def test_an_unknown_name_is_refused_with_the_names_that_exist(run: Run) -> None:
    assert "there is no ready-made script 'jenkins'; there are alertmanager, " in run("script", "new", "jenkins").error
    assert "--out needs NAME" in run("script", "new", "--out", "x.js").error


def test_the_types_declare_what_scripts_have(run: Run) -> None:
    """Every method that the server calls, and every function of `s`."""
    types = run("script", "types").out
    assert run("script", "types", "--json").json == {"types": types}
    with Script(
        "class Script { process_incoming_request() { return { content: { text: Object.keys(s).join() } } } }"
    ) as it:
        names = str((it.process_incoming_request({}).content or {})["text"]).split(",")
    declared = types.partition("declare const s: {")[2]
    assert set(re.findall(r"^  (\w+)\(", declared, re.MULTILINE)) == set(names)
    for name in ("process_incoming_request", "prepare_outgoing_request", "process_outgoing_response"):
        assert f"  {name}(" in types


def test_a_process_prints_a_script() -> None:
    process = subprocess.run(
        [*PROGRAM, "script", "new", "zabbix"], capture_output=True, encoding="utf-8", timeout=TIMEOUT
    )
    assert (process.returncode, process.stderr) == (0, "")
    assert "class Script" in process.stdout
