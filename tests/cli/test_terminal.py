"""On a terminal: colours, width, questions, progress; and none of it where there is none."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from unittest.mock import Mock

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord, cli
from rocketchat_integrations.cli import _manifests
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Progress, Report, apply

if TYPE_CHECKING:
    from tests.cli.conftest import RunOnTerminal, Say, Workspace

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


def test_a_bar_shows_the_time_left(
    workspace: Workspace, manifest: Path, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the library estimates it."""

    def slowly(*arguments: Any, on_progress: Callable[[Progress], object], **options: Any) -> Report:
        def tell(progress: Progress) -> None:
            on_progress(attrs.evolve(progress, seconds_left=150.0))

        return apply(*arguments, on_progress=tell, **options)

    monkeypatch.setattr(_manifests, "apply", slowly)
    status, _, errors = draw("apply", "--yes", str(manifest))
    assert status == 0
    assert re.search(r"12/12.* 2 min 30 s left", errors)


def test_long_lists_show_how_far_they_are_read(workspace: Workspace, tmp_path: Path, draw: Draw, say: Say) -> None:
    """From the second page on, on a terminal, and on standard error: nobody wonders why nothing happens."""
    (tmp_path / "m.json").write_text('{"incoming": []}')
    commands = (["list"], ["plan", str(tmp_path / "m.json")], ["export", str(tmp_path / "e.json")])
    record = {"type": "webhook-incoming", "username": "rocket.cat", "channel": ["#general"]}
    for number in range(250):
        if number == 100:
            for command in commands:
                assert "read" not in draw(*command)[2]
            (tmp_path / "e.json").unlink()
        workspace.server.insert({**record, "_id": f"i{number}", "name": f"n{number}"})
    for command in commands:
        status, output, errors = draw(*command)
        assert status == 0
        assert "00 integrations read" in errors
        assert "integrations read" not in output
    assert say("list").err == ""


def test_a_narrow_terminal_shows_records_line_by_line(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: object, run_on_terminal: RunOnTerminal
) -> None:
    """Instead of a few letters a column; what is not set takes no line."""
    screen = run_on_terminal("list", columns=40)
    assert screen.status == 0
    assert max(map(len, screen.lines)) <= 40
    fields = [line.split(maxsplit=1) for line in screen.lines if line]
    assert [field[0] for field in fields].count("FIELD") == 2
    assert ["ID", hook.id] in [[word.strip() for word in field] for field in fields]
    assert [field[0] for field in fields].count("EVENT") == 1
    assert "NAME" in run_on_terminal("list", columns=72).lines[0]


def test_a_record_is_drawn_line_by_line(
    workspace: Workspace, hook: IncomingIntegrationRecord, draw: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the environment says that there are few columns, too."""
    monkeypatch.setenv("COLUMNS", "71")
    status, output, errors = draw("list")
    assert (status, errors) == (0, "")
    assert re.search(rf"^ID +{hook.id} *$", output, re.MULTILINE)


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
