"""Rules of all commands: help, usage errors, credentials, failures, and the arguments of the process."""

from __future__ import annotations

import errno
import importlib
import io
import logging
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import click
import pytest

from rocketchat_integrations import TransportTimeout, __version__, cli
from rocketchat_integrations.cli import command_line, failures, terminal
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.shared_options import File

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace


# Help


def commands() -> Iterator[tuple[str, click.Command]]:
    """Yield each command that click parses, with its names."""
    for name in command_line.app.list_commands(click.Context(command_line.app)):
        command = command_line.app.get_command(click.Context(command_line.app), name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", command.commands[inner]) for inner in command.commands)
        else:
            yield name, command


def test_without_a_command_the_help_lists_all_commands(run: Run) -> None:
    """The program without arguments prints the same as --help."""
    result = run()
    assert (result.status, result.err) == (0, "")
    assert result.out == run("--help").out
    for summaries in command_line.COMMANDS.values():
        assert all(
            re.search(rf"^  {name} +{re.escape(summary)}$", result.out, re.M) for name, summary in summaries.items()
        )


def test_every_command_has_help(run: Run) -> None:
    """Help begins with the summary of the list, explains every option, and has --json and --debug."""
    summaries = {name: text for group in command_line.COMMANDS.values() for name, text in group.items()}
    for names, command in commands():
        result = run(*names.split(), "--help")
        assert result.status == 0
        assert result.out.startswith(f"Usage: rocketchat-integrations {names}")
        if names in summaries:
            assert (command.help or "").startswith(summaries[names])
        options = [param for param in command.params if isinstance(param, click.Option)]
        assert all(option.help for option in options)
        assert {"--json", "--debug"} <= {name for option in options for name in option.opts}


def test_the_reference_describes_every_command_with_its_options() -> None:
    """Only the options for fields of integrations are not repeated there."""
    page = (Path(__file__).parents[2] / "docs" / "reference" / "cli.rst").read_text(encoding="utf-8")
    missing = {names for names, _ in commands() if f"``{names}" not in page}
    for names, command in commands():
        if not names.startswith(("create ", "update")):
            options = (param for param in command.params if isinstance(param, click.Option))
            missing |= {f"{names} {option.opts}" for option in options if not any(name in page for name in option.opts)}
    assert missing == set()


def test_the_version_is_printed(run: Run) -> None:
    """--version prints the version of the package."""
    assert run("--version").out == f"rocketchat-integrations {__version__}\n"


# Usage errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "No such command 'nonsense'. (see"),
        (("lst",), "No such command 'lst'. Did you mean list? (see"),
        (("create", "incming"), "Did you mean incoming? (see"),
        (("script", "check2"), "Did you mean check? (see"),
        (("list", "--jsn"), "--json"),
        (("--timeout", "0", "list"), "--timeout"),
        (("list", "--json", "-o", "csv"), "--json and -o csv exclude each other"),
        (("list", "--columns", "name,nonsense"), "there is no column 'nonsense'; allowed are id, "),
        (("list", "--nonsense"), "--nonsense"),
        (("list", "--type", "both"), "--type"),
        (("create",), "use create incoming, or create outgoing"),
        (("list", "--workspace", "https://chat.example"), "--workspace goes before the command"),
        (("create", "incoming", "--name", "ci"), "--username"),
        (("history", "x", "-n", "many"), "many"),
        (("history", "x", "--follow", "--interval", "nan"), "nan"),
        (("--workspace",), "--workspace"),
        (("list", "a\x1b[31mb"), "a\\x1b[31mb"),
    ],
)
def test_a_usage_error_is_one_line_and_exits_with_1(run: Run, arguments: tuple[str, ...], message: str) -> None:
    """It names the help of the command; 2 would mean that a plan has found something."""
    error = run(*arguments).error
    assert message in error
    assert re.search(r"\(see rocketchat-integrations( \w+)* --help\)$", error)


# Credentials


def test_options_override_the_environment(
    workspace: Workspace, hook: object, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A token in a file draws no warning."""
    monkeypatch.setenv("ROCKETCHAT_URL", "https://wrong.example.com")
    monkeypatch.setenv("ROCKETCHAT_USER", "alice")
    monkeypatch.setenv("ROCKETCHAT_PASSWORD", "password")
    token = tmp_path / "token"
    token.write_text(workspace.environment["ROCKETCHAT_AUTH_TOKEN"] + "\r\n")
    user_id = workspace.environment["ROCKETCHAT_USER_ID"]
    options = ("--workspace", workspace.server.url, "--user-id", user_id, "--token-file", str(token))
    result = run(*options, "list", "--json")
    assert (result.status, result.err) == (0, "")
    assert [it["name"] for it in result.json] == ["ci"]


def test_two_kinds_of_credentials_are_refused(workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a token and a password in the environment, neither is used."""
    monkeypatch.setenv("ROCKETCHAT_USER", "alice")
    assert "two kinds of credentials" in run("list").error
    assert workspace.server.requests == ()


def test_a_token_on_the_command_line_draws_a_warning(workspace: Workspace, run: Run) -> None:
    """Other users can see the token in the list of processes; the output does not repeat it."""
    token = workspace.environment["ROCKETCHAT_AUTH_TOKEN"]
    result = run("--token", token, "list")
    assert result.status == 0
    assert result.err.startswith("warning: --token: other users of this machine can see it")
    assert token not in result.err


def test_a_password_logs_in_and_out(workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from the environment, and the token it gave is logged out."""
    monkeypatch.delenv("ROCKETCHAT_USER_ID")
    monkeypatch.delenv("ROCKETCHAT_AUTH_TOKEN")
    monkeypatch.setenv("ROCKETCHAT_USER", "admin")
    monkeypatch.setenv("ROCKETCHAT_PASSWORD", workspace.server.password("admin"))
    assert run("list").status == 0
    assert (workspace.requested("login"), workspace.requested("logout")) == (1, 1)
    monkeypatch.delenv("ROCKETCHAT_PASSWORD")
    assert run("list").error == "missing credentials: set ROCKETCHAT_PASSWORD"


def test_missing_credentials_are_named(run: Run) -> None:
    """Every missing option and variable, in one line."""
    error = run("list").error
    assert error.startswith("missing credentials: set ")
    for name in ("--workspace", "ROCKETCHAT_URL", "--user-id", "ROCKETCHAT_USER_ID", "--token-file", "ROCKETCHAT_AUTH"):
        assert name in error


@pytest.mark.parametrize(("content", "message"), [(b"\xff", "not UTF-8"), (b" \n", "is blank"), (None, os.strerror(2))])
def test_a_token_file_must_contain_text(run: Run, tmp_path: Path, content: bytes | None, message: str) -> None:
    """Nothing else is sent as a token."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    assert message in run("--token-file", str(path), "list").error


def test_credentials_show_no_secrets() -> None:
    """The repr masks token and password."""
    credentials = Credentials(
        url="https://chat.example.com", user_id="id", token="canary", user="me", password="canary"
    )
    assert "canary" not in repr(credentials)


# Failures


def test_debug_prints_no_control_characters(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message of an error can quote what the server says."""
    monkeypatch.setattr(Credentials, "client", Mock(side_effect=failures.CommandError("\x1b[2Jcleared")))
    errors = run("list", "--debug").err
    assert "\x1b" not in errors
    assert errors.count("\\x1b[2Jcleared") == 2


def test_debug_prints_the_traceback_without_secrets(workspace: Workspace, run: Run) -> None:
    """--debug works before and after the command."""
    for arguments in (("--debug", "show", "nobody"), ("show", "nobody", "--debug")):
        result = run(*arguments)
        assert result.status == 1
        assert "Traceback" in result.err
        assert result.err.splitlines()[-1].startswith("error: there is no integration")
        assert workspace.environment["ROCKETCHAT_AUTH_TOKEN"] not in result.err


@pytest.mark.parametrize("bug", [KeyError("canary"), ModuleNotFoundError("canary", name="somebody_elses")])
def test_an_unexpected_error_is_one_line_without_its_message(
    run: Run, monkeypatch: pytest.MonkeyPatch, bug: Exception
) -> None:
    """The message could contain a secret; --debug shows where the error was raised."""

    def guilty_function(_: Credentials) -> None:
        raise bug

    monkeypatch.setattr(Credentials, "client", guilty_function)
    assert run("list").error == (
        f"unexpected {type(bug).__name__}: this is a bug; --debug shows where, please report it"
    )
    assert "in guilty_function" in run("list", "--debug").err


def test_a_hint_follows_the_message_of_an_unreachable_server() -> None:
    """The message of the library cannot say what to check."""
    error = TransportTimeout("timed out", kind="timeout", host="chat.example.com", port=443, may_have_acted=False)
    assert failures.failure_text(error) == "timed out (is the address right, and the server up?)"


def test_waits_of_the_client_are_printed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On stderr, and only while a command runs."""
    logger = logging.getLogger("rocketchat_integrations")
    before = (logger.level, list(logger.handlers))

    def wait(_: Credentials) -> None:
        logger.info("waiting %s s", 5)
        raise failures.CommandError("gave up")

    monkeypatch.setattr(Credentials, "client", wait)
    assert run("list").err == "  (waiting 5 s)\nerror: gave up\n"
    assert (logger.level, logger.handlers) == before


def test_several_reasons_are_several_lines() -> None:
    """A single reason stays on the first line; control characters are escaped."""
    assert terminal.error_text(ValueError("wrong:\n  a  \x1b b")) == "wrong: a \\x1b b"
    assert terminal.error_text(ValueError("wrong:\n  a\n  b\n")) == "wrong:\n  a\n  b"


def test_ctrl_c_exits_with_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one line, and no traceback."""
    monkeypatch.setattr(Credentials, "client", Mock(side_effect=KeyboardInterrupt))
    result = run("list")
    assert (result.status, result.out, result.err) == (130, "", "interrupted by SIGINT\n")


# Arguments and streams


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m` runs the command line with the arguments of the process; importing the module runs nothing."""
    main = Path(str(importlib.import_module("rocketchat_integrations.__main__").__file__))
    monkeypatch.setattr(sys, "argv", ["rocketchat_integrations", "--version"])
    # As `runpy` does, which pytest's import hook does not support.
    code = compile(main.read_text(encoding="utf-8"), str(main), "exec")
    with pytest.raises(SystemExit) as exit:
        exec(code, {"__name__": "__main__", "__package__": "rocketchat_integrations"})
    assert exit.value.code == 0
    assert capsys.readouterr().out == f"rocketchat-integrations {__version__}\n"


@pytest.mark.parametrize(("argument", "message"), [("\udcc3\udcbc", "'\xfc'"), ("\udcfc", "must be UTF-8")])
def test_arguments_are_utf_8_in_every_locale(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argument: str, message: str
) -> None:
    """Python passes bytes that the locale cannot decode as surrogates."""
    monkeypatch.setattr(sys, "argv", ["rocketchat-integrations", argument])
    assert cli.main() == 1
    assert message in capsys.readouterr().err


def test_a_file_name_is_encoded_as_utf_8_where_the_locale_cannot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As its bytes were before they were decoded."""
    assert File().convert("m-\xfc.toml", None, None) == "m-\xfc.toml"

    def encode(text: str) -> bytes:
        return text.encode("ascii", "surrogateescape")

    def decode(content: bytes) -> str:
        return content.decode("ascii", "surrogateescape")

    monkeypatch.setattr(os, "fsencode", encode)
    monkeypatch.setattr(os, "fsdecode", decode)
    assert File().convert("m-\xfc.toml", None, None) == "m-\udcc3\udcbc.toml"


def test_characters_that_the_terminal_cannot_show_are_escaped(
    workspace: Workspace, hook: object, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An ASCII terminal shows a table with an umlaut; JSON is ASCII anyway."""
    assert run("update", "ci", "--alias", "B\xfcro").status == 0
    for options, expected in (([], b"B\\xfcro"), (["--json"], b"B\\u00fcro")):
        output = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output, encoding="ascii"))
        assert cli.main(["show", "ci", *options]) == 0
        assert expected in output.getvalue()


def test_a_program_without_streams_can_call_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """The streams are None in a program with windows, and where a shell has closed them."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["--version"]) == 0
    assert cli.main(["nonsense"]) == 1


def test_a_closed_pipe_ends_the_command_quietly(
    hook: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rest of the output goes to the null device."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert cli.main(["list"]) == 141  # as a program that SIGPIPE ends
        output.write("more")
        output.flush()
    assert capsys.readouterr().err == ""


def test_a_closed_terminal_does_not_stop_a_command(
    workspace: Workspace, hook: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages are lost, the work is done."""
    gone = Mock(write=Mock(side_effect=OSError(5, "Input/output error")), isatty=Mock(return_value=False))
    monkeypatch.setattr(sys, "stderr", gone)
    assert cli.main(["remove", "ci", "--yes"]) == 0
    assert workspace.server.documents == ()


# Files


READS_A_FILE = [
    ["--token-file", "{}", "list"],
    ["apply", "--yes", "--plan-file", "{}"],
    ["post", "--to", "ci", "--json-file", "{}"],
    ["create", "incoming", "--name", "a", "--script-file", "{}"],
    ["script", "check", "{}"],
]


@pytest.mark.parametrize("arguments", READS_A_FILE, ids=" ".join)
def test_only_regular_files_are_read(hook: object, run: Run, tmp_path: Path, arguments: list[str]) -> None:
    """No device, which has no end, and no pipe, which may have no writer. Regular ones have a limit."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    with (tmp_path / "large").open("wb") as large:
        large.truncate(2**40)
    messages = {
        "/dev/zero": " is not a regular file",
        "fifo": " is not a regular file",
        "folder": f": {os.strerror(errno.EISDIR)}",
        "large": " is larger than 16 MiB",
    }
    for name, message in messages.items():
        path = str(tmp_path / name)  # of an absolute path, itself
        assert f"{path}{message}" in run(*(argument.format(path) for argument in arguments)).error
