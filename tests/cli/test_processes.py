"""What only real processes show: the modules loaded, pipes, closed streams, a full disk, a locale, a terminal."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.conftest import PROGRAM, TIMEOUT, without_escapes

if TYPE_CHECKING:
    from tests.cli.conftest import RunOnPty, Workspace


def run_python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, timeout=TIMEOUT
    )


def run_in_shell(redirections: str, *arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'exec "$0" "$@" {redirections}', *PROGRAM, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT,
    )


def test_help_loads_only_what_it_needs() -> None:
    """Help loads no rich, no requests and no module of a command."""
    result = run_python(
        "import sys; from rocketchat_integrations.cli import main; main(['--help']);"
        "print([name for name in sys.modules"
        " if name.partition('.')[0] in ('rich', 'requests', 'yaml', 'werkzeug', 'asyncio')"
        " or name.startswith(('rocketchat_integrations.cli.commands', 'rocketchat_integrations.manifest'))])"
    )
    assert (result.stdout.splitlines()[-1], result.stderr) == ("[]", "")


def test_without_the_extra_the_error_says_how_to_install_it() -> None:
    """The demo needs it as all commands do."""
    result = run_python(
        "import sys; sys.modules.update(dict.fromkeys(['click', 'rich', 'yaml'], None));"
        "from rocketchat_integrations.cli import main; print(main(['demo']), main(['list']), main([]))"
    )
    assert result.stdout.splitlines()[-1] == "1 1 1"
    assert result.stderr == 3 * (
        'error: this command needs an extra: python -m pip install "rocketchat-integrations[cli]"\n'
    )


def test_a_reader_that_goes_away_is_not_a_failure_to_report(hook: object) -> None:
    """`list | head -0` prints no error, not even when the interpreter ends."""
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([*PROGRAM, "list"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    _, errors = process.communicate(timeout=TIMEOUT)
    assert (process.returncode, errors) == (141, b"")


def test_closed_streams_are_not_a_failure(workspace: Workspace, hook: object) -> None:
    """A warning does not end up in the data, and a question is not waited for."""
    result = run_in_shell("<&- 2>&-", "--token", workspace.environment["ROCKETCHAT_AUTH_TOKEN"], "list", "--json")
    assert (result.returncode, len(json.loads(result.stdout))) == (0, 1)
    result = run_in_shell(">&-", "list")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(hook: object) -> None:
    """The interpreter does not report it a second time."""
    result = run_in_shell("> /dev/full", "list")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert line == f"error: [Errno 28] {os.strerror(28)}"


def test_files_and_texts_are_utf_8_in_a_locale_without_umlauts(
    workspace: Workspace, hook: object, tmp_path: Path
) -> None:
    """A container without a locale creates the file that the user named."""
    path = tmp_path / "B\xfcro.json"
    locale = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    result = run_in_shell("", "export", str(path).encode(), **locale)
    assert result.returncode == 0, result.stderr
    assert json.loads(path.read_bytes())["incoming"][0]["name"] == "ci"


def test_apply_on_a_terminal_asks_and_shows_progress(
    workspace: Workspace, run_on_pty: RunOnPty, tmp_path: Path
) -> None:
    """The coloured plan, the question, the bar, and the number of steps."""
    entries = [{"name": f"t-{number}", "channel": "#general", "username": "rocket.cat"} for number in range(12)]
    (tmp_path / "m.json").write_text(json.dumps({"incoming": entries}))
    screen = run_on_pty("apply", str(tmp_path / "m.json"), typed="y\n")
    assert screen.status == 0
    assert "\x1b[32m+ create incoming 't-0'" in screen.out
    assert "Apply this plan to " in screen.out
    assert "12/12" in screen.out
    assert without_escapes(screen.out).splitlines()[-1].endswith("done: 12 of 12")
    assert len(workspace.server.documents) == 12


def test_ctrl_c_at_a_question_changes_nothing(workspace: Workspace, hook: object, run_on_pty: RunOnPty) -> None:
    """It ends the command with one line."""
    screen = run_on_pty("remove", "ci", typed="\x03")
    assert screen.status == 130
    assert screen.out.splitlines()[-1] == "interrupted by SIGINT"
    assert workspace.names() == ["ci"]
