"""Output on a terminal: colours, width, progress."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord
from rocketchat_integrations.cli import terminal
from rocketchat_integrations.cli.commands import apply as apply_command
from rocketchat_integrations.provisioning import Progress, Report, apply
from tests.cli.conftest import without_escapes

if TYPE_CHECKING:
    from tests.cli.conftest import Run, RunOnTerminal, Workspace

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    entries = [{"name": f"t-{number}", "channel": "#general", "username": "rocket.cat"} for number in range(12)]
    path = tmp_path / "m.json"
    path.write_text(json.dumps({"incoming": entries}))
    return path


def test_a_table_has_colours_and_fits_the_terminal(
    workspace: Workspace, client: Client, run_on_terminal: RunOnTerminal
) -> None:
    """A long cell is wrapped and not truncated; an id stays in one line."""
    hook = client.create(IncomingIntegration("long-" * 12, channel="#general,#random", username="rocket.cat"))
    result = run_on_terminal("list", columns=80)
    assert (result.status, result.err) == (0, "not shown, because the terminal is narrow: USER, EVENT\n")
    assert "\x1b[1m" in result.out
    lines = without_escapes(result.out).splitlines()
    assert max(map(len, lines)) <= 80
    assert hook.id in result.out
    begin, end = lines[0].index("NAME"), lines[0].index("CHAN")
    assert "".join(line[begin:end].strip() for line in lines) == f"NAME{hook.name}"


def test_a_narrow_terminal_shows_one_field_a_line(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: object, run_on_terminal: RunOnTerminal
) -> None:
    """Empty fields take no line, and integrations are a line apart. A table would break words."""
    for columns in (40, 50):
        first, second = without_escapes(run_on_terminal("list", columns=columns).out).rstrip().split("\n\n")
        fields = {line.split()[0] for line in first.splitlines()} ^ {line.split()[0] for line in second.splitlines()}
        assert fields == {"EVENT"}
        assert re.search(rf"^ID +{hook.id} *$", f"{first}\n{second}", re.MULTILINE)
    assert "NAME" in run_on_terminal("list", columns=72).out.splitlines()[0]


def test_a_table_leaves_out_what_does_not_fit_and_says_so(
    workspace: Workspace, bot: object, run_on_terminal: RunOnTerminal
) -> None:
    """Words stay whole; columns that were asked for are not left out."""
    for columns, missing in ((77, "EVENT"), (64, "USER, EVENT")):
        result = run_on_terminal("list", columns=columns)
        assert result.err == f"not shown, because the terminal is narrow: {missing}\n"
        assert max(map(len, without_escapes(result.out).splitlines())) <= columns
    asked = run_on_terminal("list", "--columns", "name,username,event,channel,retry_count,id,urls,alias", columns=64)
    assert "USER" in asked.out
    assert "EVENT" in asked.out


def test_force_color_colours_what_is_no_terminal(
    client: Client, hook: object, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At any width, also where the terminal is a dumb one; NO_COLOR is stronger."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name in ("COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    assert run("disable", "ci").status == 0
    client.create(IncomingIntegration("long-" * 12, channel="#general,#random", username="rocket.cat"))
    result = run("list")
    assert (len(result.out.splitlines()), result.err) == (3, "")
    assert "\x1b[31mno" in result.out
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(run("list").out)


def test_names_are_printed_literally(workspace: Workspace, client: Client, run_on_terminal: RunOnTerminal) -> None:
    """Brackets are no markup, colons no emoji, and escape sequences do not reach the terminal."""
    client.create(IncomingIntegration("[red]a[/red] :smile: \x1b[2J", channel="#general", username="rocket.cat"))
    result = run_on_terminal("list", columns=200)
    assert "[red]a[/red] :smile: \\x1b[2J" in re.sub(r"\s+", " ", result.out)
    assert "\x1b[2J" not in result.out


def test_plan_and_bar_are_drawn_and_failures_printed(
    workspace: Workspace, manifest: Path, run_on_terminal: RunOnTerminal
) -> None:
    """The plan goes to stdout, the bar and the failures to stderr."""
    workspace.server.fail_next("integrations.create", "redirect")
    result = run_on_terminal("apply", "--yes", str(manifest))
    assert result.status == 1
    assert "\x1b[32m+ create incoming 't-0'" in result.out
    assert "applying" in result.err
    assert "failed: create incoming 't-" in result.err


def test_no_color_turns_colours_off(
    workspace: Workspace, manifest: Path, run_on_terminal: RunOnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, plans and bars contain no colour codes, whatever NO_COLOR is set to."""
    monkeypatch.setenv("NO_COLOR", "yes")
    for command in (["plan", str(manifest)], ["apply", "--yes", str(manifest)], ["list"]):
        result = run_on_terminal(*command)
        assert "t-0" in result.out
        assert not COLOUR.search(result.out + result.err)


def test_the_bar_shows_the_time_left(
    workspace: Workspace, manifest: Path, run_on_terminal: RunOnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the library estimates it."""

    def slow_apply(*arguments: Any, on_progress: Callable[[Progress], object], **options: Any) -> Report:
        def show_progress(progress: Progress) -> None:
            on_progress(attrs.evolve(progress, seconds_left=150.0))

        return apply(*arguments, on_progress=show_progress, **options)

    monkeypatch.setattr(apply_command, "apply", slow_apply)
    result = run_on_terminal("apply", "--yes", str(manifest))
    assert result.status == 0
    assert re.search(r"12/12.* 2 min 30 s left", result.err)


@pytest.mark.parametrize(("seconds", "text"), [(None, ""), (0.4, "0 s left"), (59.4, "59 s left")])
def test_the_time_left_is_rounded(seconds: float | None, text: str) -> None:
    """Nothing is shown as long as there is no estimate."""
    assert terminal._time_left(seconds) == text


def test_an_empty_plan_has_no_bar(workspace: Workspace, tmp_path: Path, run_on_terminal: RunOnTerminal) -> None:
    """There is nothing to show progress of."""
    (tmp_path / "m.json").write_text('{"incoming": []}')
    result = run_on_terminal("apply", str(tmp_path / "m.json"))
    assert (result.status, result.err) == (0, "")


def test_long_lists_show_how_many_items_were_read(
    workspace: Workspace, tmp_path: Path, run_on_terminal: RunOnTerminal, run: Run
) -> None:
    """From the second page on, on stderr, and on a terminal only."""
    (tmp_path / "m.json").write_text('{"incoming": []}')
    record = {"type": "webhook-incoming", "username": "rocket.cat", "channel": ["#general"]}
    for number in range(100):
        workspace.server.insert({**record, "_id": f"i{number}", "name": f"n{number}"})
    assert "read" not in run_on_terminal("list").err
    workspace.server.insert({**record, "_id": "last", "name": "last"})
    for command in (["list"], ["plan", str(tmp_path / "m.json")], ["export", str(tmp_path / "e.json")]):
        result = run_on_terminal(*command)
        assert result.status == 0
        assert "100 integrations read" in result.err
        assert "integrations read" not in result.out
    assert run("list").err == ""


def test_an_interruption_starts_a_new_line(
    workspace: Workspace, run_on_terminal: RunOnTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The terminal shows ^C without a line break."""

    def press_ctrl_c(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Client, "list", press_ctrl_c)
    result = run_on_terminal("list")
    assert (result.status, result.out, result.err) == (130, "", "\ninterrupted by SIGINT\n")


def test_a_message_is_written_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal, or a line of another thread, does not come between a message and its line break."""

    class Stream(io.StringIO):
        def write(self, text: str) -> int:
            written.append(text)
            return len(text)

    written: list[str] = []
    monkeypatch.setattr("sys.stderr", Stream())
    terminal.print_error("one")
    terminal.print_lines([terminal.MarkedLine("two"), terminal.MarkedLine("three")], stderr=True)
    assert written == ["one\n", "two\n", "three\n"]
