"""`validate`: what `plan` would refuse in manifests, without a login."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from rocketchat_integrations.cli import broken_scripts

if TYPE_CHECKING:
    from tests.cli.conftest import Run

HOOK = 'incoming.{name} = {{ channel = "#general", username = "rocket.cat"{more} }}\n'
BROKEN = ', script_enabled = true, script = "class Script {"'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_valid_manifest_exits_with_0(folder: Path, run: Run) -> None:
    """Without credentials; several files are one manifest."""
    (folder / "a.toml").write_text(HOOK.format(name="a", more=""))
    (folder / "b.json").write_text('{"incoming": []}')
    result = run("validate", "a.toml", "b.json")
    assert (result.status, result.out, result.err) == (0, "", "0 problems in 2 files\n")
    assert run("validate", "--json", "a.toml").json == {"integrations": 1, "problems": []}


def test_all_problems_are_printed_at_once(folder: Path, run: Run) -> None:
    """A line for each with its place, scripts included, also those of entries with other mistakes; exit status 2."""
    (folder / "a.toml").write_text(HOOK.format(name="a", more=BROKEN + ", partial = 1") + "typo = 1")
    (folder / "b.toml").write_text(HOOK.format(name="a", more=""))
    result = run("validate", "a.toml", "b.toml", "nowhere.toml")
    assert result.status == 2
    assert [line.partition(": ")[0] for line in result.out.splitlines()] == [
        *("a.toml", "a.toml", "a.toml", "b.toml", "nowhere.toml")
    ]
    assert "incoming.a: script: " in result.out.splitlines()[2]
    assert result.err == "5 problems in 3 files\n"
    assert run("validate", "--json", "a.toml", "b.toml", "nowhere.toml").json["problems"] == result.out.splitlines()
    # `plan` refuses the same.
    assert [line.strip() for line in run("plan", "a.toml", "b.toml", "nowhere.toml").err.splitlines()] == [
        "error: the manifest has 5 mistakes:",
        *result.out.splitlines(),
    ]


def test_problems_are_sorted_by_file_and_line(folder: Path, run: Run) -> None:
    """In the order of the files, also for repeated names and scripts, which are found last. TOML has no lines."""
    entry = "  - {name: a, channel: '#a', username: u, script_enabled: true, script: 'class {'}\n"
    lines = ["incoming:\n", entry, "  - {typo: b}\n", *[entry] * 9]
    (folder / "b.yaml").write_text("".join(lines), encoding="utf-8")
    (folder / "a.toml").write_text("typo = 1", encoding="utf-8")
    places = [line.split(": ")[0] for line in run("validate", "b.yaml", "a.toml").out.splitlines()]
    numbers = [int(place.partition(":")[2]) for place in places[:-1]]
    assert set(numbers) == {*range(2, 13)}
    assert numbers == sorted(numbers)
    assert places[-1] == "a.toml"


def test_scripts_that_do_not_compile_can_be_allowed(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra they are not checked, and neither are scripts that are not enabled."""
    (folder / "a.toml").write_text(HOOK.format(name="a", more=BROKEN))
    (folder / "off.toml").write_text(HOOK.format(name="a", more=BROKEN.replace("true", "false")))
    assert run("validate", "a.toml").status == 2
    assert run("validate", "off.toml").status == 0
    assert run("validate", "--allow-broken-scripts", "a.toml").status == 0
    monkeypatch.setattr(broken_scripts, "find_spec", Mock(return_value=None))
    assert run("validate", "a.toml").status == 0


def test_no_problem_shows_a_secret(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The token of an entry with mistakes stays out of the output."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "canary")
    (folder / "a.toml").write_text('outgoing.a = { token = { env = "ROCKETCHAT_SECRET_BOT" }, urls = 1 }')
    result = run("validate", "a.toml")
    assert result.status == 2
    assert "canary" not in result.out + result.err
