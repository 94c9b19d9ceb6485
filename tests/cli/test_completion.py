"""What shells complete, asked for as they ask."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from unittest.mock import Mock

import pytest

from rocketchat_integrations.cli._options import File

if TYPE_CHECKING:
    from tests.cli.conftest import Say

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]
Ask: TypeAlias = Callable[[str], set[str]]

GUIDE = Path(__file__).parents[2] / "docs" / "reference" / "cli.rst"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_can_be_taught_to_complete(run: Run, shell: str) -> None:
    """The variable that the documentation names gives what a shell evaluates."""
    result = run(environment={"_ROCKETCHAT_INTEGRATIONS_COMPLETE": f"{shell}_source"})
    assert (result.returncode, result.stderr) == (0, "")
    assert "rocketchat-integrations" in result.stdout


@pytest.fixture
def ask(say: Say, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Asks what completes a line, as the function for bash does."""

    def completions(line: str) -> set[str]:
        words = f"rocketchat-integrations {line}".split(" ")
        monkeypatch.setenv("_ROCKETCHAT_INTEGRATIONS_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", "\n".join(words))
        monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
        with pytest.raises(SystemExit) as end:
            say(stdin=b"not for us")
        assert end.value.code == 0
        captured = capsys.readouterr()
        assert captured.err == ""
        return set(captured.out.split())

    return completions


@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("re", {"plain,remove", "plain,replay"}),
        ("list --name", {"plain,--name", "plain,--name-contains"}),
        ("list --type o", {"plain,outgoing"}),
        ("create outgoing --event f", {"plain,fileUploaded"}),
        ("update bot --retry-delay powers-of-t", {"plain,powers-of-ten", "plain,powers-of-two"}),
        ("create incoming --script-engine ", {"plain,isolated-vm"}),
        ("create incoming --alias ", set[str]()),
    ],
)
def test_commands_options_and_values_are_completed(ask: Ask, line: str, completed: set[str]) -> None:
    """With what fits to what is there."""
    assert ask(line) == completed


@pytest.mark.parametrize(
    "line",
    [
        *("plan ", "plan a.toml ", "plan a.toml --out ", "apply ", "apply --plan-file ", "export "),
        *("--token-file ", "create outgoing --token-file ", "update bot --script-file ", "post --json-file "),
    ],
)
def test_a_file_is_completed_by_the_shell(ask: Ask, line: str) -> None:
    """Which knows best how; the program says that a file is meant."""
    assert {answer.partition(",")[0] for answer in ask(f"{line}some")} == {"file"}


@pytest.mark.parametrize(
    "line", ["--token canary list --na", "--token-file /nowhere list --na", "create incoming --script-file - --na"]
)
def test_nothing_is_read_or_said_while_somebody_types(ask: Ask, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither files nor standard input, and no warning comes between the words."""
    monkeypatch.setattr(Path, "read_bytes", read := Mock(return_value=b"token"))
    assert "plain,--name" in ask(line)
    read.assert_not_called()
    assert sys.stdin.buffer.read() == b"not for us"


def documented_for_bash() -> str:
    (code,) = re.findall(r"code-block:: bash\n\n((?:   .*\n)+)", GUIDE.read_text(encoding="utf-8"))
    return str(code)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("plan integ", "plan integrations.toml "),
        ("pl", "plan "),
        ("create outgoing --event us", "create outgoing --event userCreated "),
    ],
)
def test_bash_completes_as_documented(tmp_path: Path, typed: str, shown: str) -> None:
    """What the documentation says to put into ~/.bashrc makes the tab key complete commands, values and files."""
    program = tmp_path / "bin" / "rocketchat-integrations"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error -m rocketchat_integrations "$@"\n')
    program.chmod(0o755)
    (tmp_path / "bashrc").write_text(f"PS1=ready:\nbind 'set enable-bracketed-paste off'\n{documented_for_bash()}")
    (tmp_path / "integrations.toml").touch()
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--noprofile", "--rcfile", str(tmp_path / "bashrc"), "-i"],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "TERM": "dumb",
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        read_until(ours, "ready:")
        os.write(ours, f"rocketchat-integrations {typed}\t".encode())
        read_until(ours, f"rocketchat-integrations {shown}")
    finally:
        process.kill()
        process.wait(60)
        os.close(ours)


def read_until(terminal: int, text: str) -> None:
    """Wait for the terminal to show something."""
    screen = ""
    while text not in screen:
        assert select.select([terminal], [], [], 60)[0], f"{screen!r} is all there is to see"
        screen += os.read(terminal, 65536).decode()


def test_the_name_of_a_file_is_spelled_as_the_locale_spells_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments are UTF-8 in every locale, and so are most names of files."""
    assert File().convert("m-\xfc.toml", None, None) == "m-\xfc.toml"

    def encode(text: str) -> bytes:
        return text.encode("ascii", "surrogateescape")

    def decode(content: bytes) -> str:
        return content.decode("ascii", "surrogateescape")

    monkeypatch.setattr(os, "fsencode", encode)
    monkeypatch.setattr(os, "fsdecode", decode)
    assert File().convert("m-\xfc.toml", None, None) == "m-\udcc3\udcbc.toml"
