"""On a terminal: colours, width, questions, progress; and none of it where there is none."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from unittest.mock import Mock

import pytest

from rocketchat_integrations import Client, IncomingIntegration, cli
from rocketchat_integrations.manifest import Manifest

if TYPE_CHECKING:
    from tests.cli.conftest import RunOnTerminal, Workspace

COLOUR = r"\x1b\[[0-9;]*m"

pytestmark = pytest.mark.parametrize("server", ["8.8"], indirect=True)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    entries = [{"name": f"t-{number}", "channel": "#general", "username": "rocket.cat"} for number in range(12)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"incoming": entries}))
    return path


@pytest.mark.parametrize("columns", [80, 120])
def test_a_table_has_colours_and_fits_the_terminal(
    workspace: Workspace, client: Client, run_on_terminal: RunOnTerminal, columns: int
) -> None:
    """What does not fit into its column goes on below, and is not cut off; ids can be copied."""
    hook = client.create(IncomingIntegration("long-" * 12, channel="#general,#random", username="rocket.cat"))
    screen = run_on_terminal("list", columns=columns)
    assert screen.status == 0
    assert "\x1b[1m" in screen.text
    assert max(map(len, screen.lines)) <= columns
    assert hook.id in screen.text
    heading = next(line for line in screen.lines if "NAME" in line)
    begin, end = heading.index("NAME"), heading.index("CHAN")
    assert "".join(line[begin:end].strip() for line in screen.lines) == f"NAME{hook.name}"


def test_brackets_in_names_are_no_markup(workspace: Workspace, client: Client, run_on_terminal: RunOnTerminal) -> None:
    """Nor is a word between colons a picture, nor does an escape reach the terminal."""
    hook = client.create(IncomingIntegration("[red]a[/red] :smile: \x1b[2J", channel="#general", username="rocket.cat"))
    for command in ("list", "show"):
        arguments = [command] if command == "list" else [command, hook.id]
        screen = run_on_terminal(*arguments, columns=200)
        assert "[red]a[/red] :smile: \\x1b[2J" in re.sub(r"\s+", " ", screen.text)
        assert "\x1b[2J" not in screen.text


@pytest.mark.parametrize("command", [["list"], ["plan"], ["apply", "--yes"]])
def test_no_color_means_no_color(
    workspace: Workspace, manifest: Path, run_on_terminal: RunOnTerminal, command: list[str]
) -> None:
    """Not a single code for a colour, on a terminal that has them."""
    files = [] if command == ["list"] else [str(manifest)]
    coloured = run_on_terminal(*command, *files)
    workspace.server.reset()
    plain = run_on_terminal(*command, *files, environment={"NO_COLOR": "1"})
    assert re.search(COLOUR, coloured.text)
    assert not re.search(COLOUR, plain.text)
    assert coloured.status == plain.status


def test_one_is_asked_and_sees_how_far_it_is(
    workspace: Workspace, manifest: Path, run_on_terminal: RunOnTerminal
) -> None:
    """The plan, the question, a bar, and what was done."""
    screen = run_on_terminal("apply", str(manifest), typed="y\n")
    assert screen.status == 0
    assert "+ create incoming 't-0'" in screen.text
    assert "Apply this plan? [y/N]" in screen.text
    assert "12/12" in screen.text
    assert screen.lines[-2].endswith("done: 12 of 12")
    assert len(workspace.server.documents) == 12


def test_a_no_is_a_no(workspace: Workspace, hook: object, run_on_terminal: RunOnTerminal) -> None:
    """Then nothing has changed, and a script that asks for the status knows."""
    screen = run_on_terminal("remove", "ci", typed="\n")
    assert screen.status == 1
    assert "error: not confirmed: nothing was changed" in screen.lines
    assert len(workspace.server.documents) == 1


def test_ctrl_c_at_a_question_changes_nothing(
    workspace: Workspace, hook: object, run_on_terminal: RunOnTerminal
) -> None:
    """It is told in one line."""
    screen = run_on_terminal("remove", "ci", typed="\x03")
    assert screen.status == 130
    assert screen.lines[-2] == "interrupted by SIGINT"
    assert len(workspace.server.documents) == 1


# The same within this process


class Draw(Protocol):
    """Runs the program in this process, as if standard output and standard error were a terminal."""

    def __call__(self, *arguments: str) -> tuple[int, str, str]: ...


@pytest.fixture
def draw(monkeypatch: pytest.MonkeyPatch) -> Draw:
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        output, errors = Terminal(), Terminal()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", output)
            patch.setattr(sys, "stderr", errors)
            return cli.main(arguments), output.getvalue(), errors.getvalue()

    return run


def test_tables_plans_and_bars_are_drawn(workspace: Workspace, manifest: Path, draw: Draw) -> None:
    """Data on standard output, the rest on standard error; failures stand above the bar."""
    workspace.server.fail_next("integrations.create", "redirect")
    status, output, errors = draw("apply", "--yes", str(manifest))
    assert status == 1
    assert "\x1b[32m+ create incoming 't-0'" in output
    assert "applying" in errors
    assert "failed: create incoming 't-" in errors
    assert "t-11" in draw("list")[1]


def test_without_colours_they_are_drawn_plainly(
    workspace: Workspace, manifest: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `NO_COLOR`, whatever it is set to."""
    monkeypatch.setenv("NO_COLOR", "yes")
    status, output, _ = draw("plan", str(manifest))
    assert status == 2
    assert not re.search(COLOUR, output)
    assert "+ create incoming 't-0'" in output


def test_an_interruption_has_a_line_of_its_own(
    workspace: Workspace, manifest: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal shows ^C, and stays on that line."""
    monkeypatch.setattr(Manifest, "load", Mock(side_effect=KeyboardInterrupt))
    assert draw("plan", str(manifest)) == (130, "", "\ninterrupted by SIGINT\n")


def test_a_bar_where_there_is_nothing_to_do_would_be_odd(workspace: Workspace, tmp_path: Path, draw: Draw) -> None:
    """There is none."""
    (tmp_path / "m.json").write_text('{"incoming": []}')
    status, _, errors = draw("apply", str(tmp_path / "m.json"))
    assert (status, errors) == (0, "")
