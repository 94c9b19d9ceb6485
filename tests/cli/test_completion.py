"""Completion: what the shells ask, and bash as documented."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest.mock import Mock

import click
import pytest

from rocketchat_integrations import Client, IncomingIntegration
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

COMPILED = {"plain,script_compiled", "plain,script_error"}
Ask: TypeAlias = Callable[[str], set[str]]

GUIDE = Path(__file__).parents[2] / "docs" / "reference" / "cli.rst"


@pytest.fixture
def ask(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Ask for the completions of a line, as the function for bash does. The server has time to answer."""
    monkeypatch.setattr("rocketchat_integrations.cli.integration_names._SECONDS", 60)

    def completions(line: str) -> set[str]:
        words = f"rocketchat-integrations {line}".split(" ")
        monkeypatch.setenv("_ROCKETCHAT_INTEGRATIONS_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        with pytest.raises(SystemExit) as end:
            run()
        assert end.value.code == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return set(captured.out.split())

    return completions


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("re", {"plain,remove", "plain,replay"}),
        ("history s", {"plain,show"}),
        ("history bot --fol", {"plain,--follow"}),
        ("list --columns scr", {"plain,script_enabled", "plain,script", "plain,script_engine", *COMPILED}),
        ("list --name", {"plain,--name", "plain,--name-contains"}),
        ("list --type o", {"plain,outgoing"}),
        ("create outgoing --event f", {"plain,fileUploaded"}),
        ("create incoming --alias ", set[str]()),
        ("nonsense en", {"plain,enable"}),
        ("script t", {"plain,test", "plain,types"}),
        ("script new gr", {"plain,grafana"}),
    ],
)
def test_commands_options_and_values_are_completed(ask: Ask, line: str, completed: set[str]) -> None:
    """With those that begin like the last word."""
    assert ask(line) == completed


@pytest.mark.parametrize(
    "line",
    [
        *("plan ", "plan a.toml --out ", "apply ", "apply --plan-file ", "export "),
        *("--token-file ", "create outgoing --token-file ", "update bot --script-file ", "post --json-file "),
        *("script check ", "script run ", "script run a.js --payload ", "script test ", "script types --out "),
    ],
)
def test_file_names_are_completed_by_the_shell(ask: Ask, line: str) -> None:
    """The program only says that a file is expected."""
    assert {answer.partition(",")[0] for answer in ask(f"{line}some")} == {"file"}


@pytest.mark.parametrize(
    "line", ["--token canary list --na", "--token-file /nowhere list --na", "create incoming --script-file - --na"]
)
def test_completion_reads_nothing_and_warns_of_nothing(ask: Ask, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the user types, no file and no standard input is read."""
    monkeypatch.setattr(Path, "read_bytes", read := Mock(return_value=b"token"))
    assert "plain,--name" in ask(line)
    read.assert_not_called()


@pytest.mark.parametrize(
    ("line", "names"),
    [
        *(("show ", {"bot", "ci"}), ("show b", {"bot"}), ("remove --type incoming ", {"ci"}), ("history b", {"bot"})),
        *(("history ", {"bot", "list", "show"}), ("history -n 2 ", {"bot"}), ("clear-history ", {"bot"})),
        *(("post --to ", {"bot", "ci"}), ("check c", {"ci"}), ("history show h1 --in ", {"bot"})),
    ],
)
def test_names_of_integrations_are_completed(hook: object, bot: object, ask: Ask, line: str, names: set[str]) -> None:
    """With the login of the environment; for commands of one type, only those."""
    assert {answer.partition(",")[2] for answer in ask(line)} == names


def test_a_name_that_the_shell_would_split_is_an_id(client: Client, ask: Ask) -> None:
    record = client.create(IncomingIntegration("my ci", channel="#general", username="rocket.cat"))
    assert ask("show my") == {f"plain,{record.id}"}


def test_a_name_that_several_have_is_completed_to_their_ids(client: Client, ask: Ask) -> None:
    """Commands refuse the name, since it could mean either."""
    definition = IncomingIntegration("twin", channel="#general", username="rocket.cat")
    records = [client.create(definition), client.create(definition)]
    assert ask("show tw") == {f"plain,{record.id}" for record in records}


def test_completion_of_names_fails_without_a_word(
    workspace: Workspace, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a wrong login, without one, and with a server that does not answer, which is waited for briefly."""
    monkeypatch.setattr("rocketchat_integrations.cli.integration_names._SECONDS", 0.05)
    workspace.server.fail_next("integrations.list", "hang")
    assert ask("show ") == set()
    monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", "wrong")
    assert ask("show ") == set()
    monkeypatch.delenv("ROCKETCHAT_URL")
    assert ask("show ") == set()


def test_completion_of_names_does_not_wait_for_a_long_list(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell is not blocked by it, however long each page takes."""
    released, ended = threading.Event(), threading.Event()

    def read(*_: object) -> None:
        released.wait(TIMEOUT)
        ended.set()

    monkeypatch.setattr("rocketchat_integrations.cli.integration_names._SECONDS", 0.05)
    monkeypatch.setattr("rocketchat_integrations.cli.integration_names._read", read)
    assert ask("show ") == set()
    assert not ended.is_set()
    released.set()


def test_profiles_are_completed(
    workspace: Workspace, hook: object, ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Their names, and the integrations of the profile; without a file, nothing."""
    monkeypatch.setattr(click, "get_app_dir", Mock(return_value=str(tmp_path)))
    assert ask("--profile ") == set()
    environment = workspace.environment
    (tmp_path / "profiles.toml").write_text(
        f'[prod]\nurl = "{environment["ROCKETCHAT_URL"]}"\nuser_id = "{environment["ROCKETCHAT_USER_ID"]}"\n'
        f'token = "{environment["ROCKETCHAT_AUTH_TOKEN"]}"\n[staging]\n'
    )
    (tmp_path / "profiles.toml").chmod(0o600)
    assert ask("--profile p") == {"plain,prod"}
    for name in environment:
        monkeypatch.delenv(name)
    assert ask("--profile prod show ") == {"plain,ci"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_variables_print_scripts(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    """One for each shell of the documentation."""
    (variable,) = set(re.findall(r"(\w+_COMPLETE)=\w+_source", GUIDE.read_text(encoding="utf-8")))
    assert f"{shell}_source" in GUIDE.read_text(encoding="utf-8")
    monkeypatch.setenv(variable, f"{shell}_source")
    monkeypatch.setattr("click.shell_completion.BashComplete._check_version", Mock())
    with pytest.raises(SystemExit):
        run()
    assert "rocketchat-integrations" in capsys.readouterr().out


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_as_documented(tmp_path: Path) -> None:
    """The line for ~/.bashrc makes the tab key complete commands, values and files."""
    (line,) = re.findall(r"code-block:: bash\n\n((?:   .*\n)+)", GUIDE.read_text(encoding="utf-8"))
    program = tmp_path / "bin" / "rocketchat-integrations"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {" ".join(PROGRAM)} "$@"\n')
    program.chmod(0o755)
    (tmp_path / "bashrc").write_text(f"PS1=ready:\nbind 'set enable-bracketed-paste off'\n{line}")
    (tmp_path / "integrations.toml").touch()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", str(tmp_path / "bashrc"), "-i"],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}", "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        read_until(ours, "ready:")
        for typed, shown in {"pl": "plan ", "integ": "integrations.toml ", "--o": "--out "}.items():
            os.write(ours, f"{typed}\t".encode() if typed != "pl" else b"rocketchat-integrations pl\t")
            read_until(ours, shown)
    finally:
        process.kill()
        process.wait(TIMEOUT)
        os.close(ours)


def read_until(terminal: int, text: str) -> None:
    """Wait until the terminal shows a text."""
    screen = ""
    while text not in screen:
        assert select.select([terminal], [], [], TIMEOUT)[0], f"{text!r} is not in {screen!r}"
        screen += os.read(terminal, 65536).decode()
