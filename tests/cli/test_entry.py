"""What holds for every command: help, credentials, failures in one line, exit statuses, pipes and locales."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias
from unittest.mock import Mock

import click
import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord, __version__, cli
from rocketchat_integrations.cli import _app, _credentials, _demo, _messages
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Start, Workspace

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)
COMMANDS = [name for name in _app._MODULES if name != "demo"]


def command_named(name: str) -> click.Command:
    command = _app.app.get_command(click.Context(_app.app), name)
    assert command is not None
    return command


# Help


def test_without_a_command_there_is_help(run: Run, say: Say) -> None:
    """Whoever does not know what to write is told, and every command with what it does."""
    result = run("--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage: rocketchat-integrations")
    for name in [*COMMANDS, "demo"]:
        assert re.search(rf"^  {name} +[A-Z]", result.stdout, re.MULTILINE)
    said = say()
    assert (said.status, said.err) == (0, "")
    assert said.out == result.stdout


@pytest.mark.parametrize("name", [*COMMANDS, "demo"])
def test_a_commands_summary_is_how_its_help_begins(name: str) -> None:
    """The list of commands says of each what its own help says."""
    summaries = {name: text for commands in _app._COMMANDS.values() for name, (_, text) in commands.items()}
    assert (command_named(name).help or "").startswith(summaries[name])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(say: Say, name: str) -> None:
    """Each says how it is used, and every option of it what it does."""
    said = say(name, "--help")
    assert said.status == 0
    assert said.out.startswith(f"Usage: rocketchat-integrations {name}")
    assert all(param.help for param in command_named(name).params if isinstance(param, click.Option))


@pytest.mark.parametrize("name", [*sorted({*COMMANDS} - {"create"}), "create incoming", "create outgoing"])
def test_every_command_can_speak_to_programs_and_debug(name: str) -> None:
    """`--json` is everywhere, and so is `--debug`."""
    group, _, kind = name.partition(" ")
    command = command_named(group)
    if kind:
        assert isinstance(command, click.Group)
        command = command.commands[kind]
    assert {"--json", "--debug"} <= {option for param in command.params for option in param.opts}


def test_the_demo_can_speak_to_programs_too(say: Say) -> None:
    """It has no options of click's, and understands `--json` all the same: the steps, with what came of each."""
    said = say("demo", "--json")
    assert (said.status, said.err) == (0, "")
    steps = said.json
    assert len(steps) == 13
    assert steps[4]["title"] == "List them"
    assert "client.list(" in steps[4]["code"]
    assert steps[4]["output"].count("webhook-") == 2
    assert steps[11]["output"] == "left: []\n"


def test_help_is_quick(start: Start) -> None:
    """Help loads neither rich nor requests, nor any command."""
    program = (
        "import sys; from rocketchat_integrations.cli import main; main(['--help']);"
        "print([name for name in sys.modules if name.partition('.')[0] in ('rich', 'requests', 'yaml', 'werkzeug')"
        " or name.startswith(('rocketchat_integrations.cli._i', 'rocketchat_integrations.manifest'))])"
    )
    output, errors = start("-c", program).communicate(timeout=60)
    assert (output.splitlines()[-1], errors) == ("[]", "")


def test_the_version_can_be_asked_for(say: Say) -> None:
    """A report of a mistake can name the version."""
    assert say("--version").out == f"rocketchat-integrations {__version__}\n"


# Without the extra


@pytest.mark.parametrize("missing", ["click", "rich", "yaml", "tomli"])
def test_the_package_needs_nothing_of_the_extra(start: Start, missing: str) -> None:
    """Importing the package, and the demo, work without what the command line is made of."""
    program = f"import sys; sys.modules[{missing!r}] = None; import rocketchat_integrations.cli._demo"
    assert start("-c", program).wait(60) == 0


@pytest.mark.parametrize("arguments", [("list",), ("--help",), ()])
def test_without_the_extra_a_command_says_how_to_install_it(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """A missing extra is one line that one can act on."""
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('No module named click', name='click')\n")
    result = run(*arguments, environment={"PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        'error: this command needs an extra: python -m pip install "rocketchat-integrations[cli]"\n'
    )


def test_the_demo_does_without_the_extra(run: Run, tmp_path: Path) -> None:
    """The first thing that somebody sees needs the extra `testing` alone."""
    for module in ("click", "rich", "yaml"):
        (tmp_path / f"{module}.py").write_text(f"raise ModuleNotFoundError(name={module!r})\n")
    result = run("demo", environment={"PYTHONPATH": str(tmp_path)})
    assert (result.returncode, result.stderr) == (0, "")


def test_a_mistake_of_ours_is_not_taken_for_a_missing_extra(say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing and belongs to no extra is told as what it is."""
    monkeypatch.setitem(sys.modules, "rocketchat_integrations.cli._integrations", None)
    error = say("list").error
    assert error.startswith("ModuleNotFoundError: that is a mistake in this program")


@pytest.mark.parametrize("command", [("list",), ("demo",)])
def test_what_nobody_has_foreseen_is_one_line(
    say: Say, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """It says how to see more, and quotes nothing: the words of such an exception may hold a secret."""
    monkeypatch.setattr(_credentials.Credentials, "client", Mock(side_effect=KeyError("canary")))
    monkeypatch.setattr(_demo, "demo", Mock(side_effect=KeyError("canary")))
    assert say(*command).error == ("KeyError: that is a mistake in this program; --debug shows where, please report it")
    assert "Traceback" in say(*command, "--debug").err


# Wrong command lines


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("nonsense",), "nonsense"),
        (("list", "--nonsense"), "--nonsense"),
        (("list", "--type", "both"), "--type"),
        (("show",), "ID|NAME"),
        (("create", "nonsense"), "nonsense"),
        (("create",), "Say create incoming, or create outgoing"),
        (("list", "--workspace", "https://chat.example"), "--workspace goes before the command"),
        (("create", "incoming", "--user-id=x"), "--user-id goes before the command"),
        (("create", "incoming", "--name", "ci"), "--username"),
        (("history", "x", "-n", "many"), "many"),
        (("apply",), "either manifests or --plan-file"),
        (("plan",), "MANIFEST"),
        (("--workspace",), "--workspace"),
        (("list", "a\x1b[31mb"), "a\\x1b[31mb"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_1(say: Say, arguments: tuple[str, ...], complaint: str) -> None:
    """2 means that a plan has found something; a slip on the command line is a failure like any other."""
    error = say(*arguments).error
    assert complaint in error
    assert re.search(r"\(see rocketchat-integrations( \w+)* --help\)$", error)


# Who asks whom


def test_credentials_come_from_the_environment(workspace: Workspace, hook: object, say: Say) -> None:
    """The variables that `Client.from_env` reads."""
    assert [it["name"] for it in say("list", "--json").json] == ["ci"]


def test_credentials_come_from_options(
    workspace: Workspace, hook: object, say: Say, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The token from a file: then nobody sees it in the list of processes, and nobody is warned."""
    values = workspace.environment
    for name in values:
        monkeypatch.setenv(name, "another")
    (tmp_path / "token").write_bytes(values["ROCKETCHAT_AUTH_TOKEN"].encode() + b"\r\n")
    options = ("--workspace", values["ROCKETCHAT_URL"], "--user-id", values["ROCKETCHAT_USER_ID"])
    said = say(*options, "--token-file", str(tmp_path / "token"), "list", "--json")
    assert (said.status, said.err) == (0, "")
    assert [it["name"] for it in said.json] == ["ci"]


@only_8
def test_a_token_on_the_command_line_draws_a_warning(workspace: Workspace, say: Say) -> None:
    """Others on the machine can see it; in the environment they cannot, and nothing is said."""
    token = workspace.environment["ROCKETCHAT_AUTH_TOKEN"]
    said = say("--token", token, "list")
    assert said.status == 0
    assert "warning: --token: others on this machine can see it" in said.err
    assert token not in said.err
    assert say("list").err == ""


@only_8
def test_options_beat_the_environment(workspace: Workspace, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes an option means it, whatever is set."""
    monkeypatch.setenv("ROCKETCHAT_USER", "alice")
    monkeypatch.setenv("ROCKETCHAT_PASSWORD", "alice-password")
    assert "both kinds" in say("list").error
    assert say("--user-id", workspace.environment["ROCKETCHAT_USER_ID"], "list").status == 0


@only_8
def test_a_password_will_do(workspace: Workspace, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the environment only; the token that it gives is logged out again."""
    monkeypatch.delenv("ROCKETCHAT_USER_ID")
    monkeypatch.delenv("ROCKETCHAT_AUTH_TOKEN")
    monkeypatch.setenv("ROCKETCHAT_USER", "admin")
    monkeypatch.setenv("ROCKETCHAT_PASSWORD", workspace.server.password("admin"))
    assert say("list").status == 0
    assert (workspace.requested("login"), workspace.requested("logout")) == (1, 1)
    monkeypatch.delenv("ROCKETCHAT_PASSWORD")
    assert "ROCKETCHAT_PASSWORD" in say("list").error


def test_without_credentials_one_is_told_how_to_give_them(say: Say) -> None:
    """Every option and every variable that is missing, in one line."""
    error = say("list").error
    for name in ("--workspace", "ROCKETCHAT_URL", "--user-id", "ROCKETCHAT_USER_ID", "--token-file", "ROCKETCHAT_AUTH"):
        assert name in error


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"\xff", "not UTF-8"), (b" \n", "is blank"), (None, "No such file")]
)
def test_a_token_file_has_to_hold_a_token(say: Say, tmp_path: Path, content: bytes | None, complaint: str) -> None:
    """What is no token is not sent as one."""
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    assert complaint in say("--token-file", str(path), "list").error


def test_credentials_show_no_secrets() -> None:
    """Not even where a debugger or a log prints them."""
    credentials = _credentials.Credentials(
        url="https://chat.example.com", user_id="id", token="canary", user="me", password="canary"
    )
    assert "canary" not in repr(credentials)


# Failures


@only_8
@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ROCKETCHAT_AUTH_TOKEN", "wrong", "revoked, or of another workspace?"),
        ("ROCKETCHAT_URL", "chat.example.com", "https://"),
        ("ROCKETCHAT_URL", "http://127.0.0.1:1", "is the address right"),
    ],
)
def test_a_failure_is_one_line_of_advice(
    workspace: Workspace, say: Say, monkeypatch: pytest.MonkeyPatch, name: str, value: str, advice: str
) -> None:
    """No traceback, but what one can do about it."""
    monkeypatch.setenv(name, value)
    monkeypatch.setattr("time.sleep", Mock())
    said = say("list")
    assert said.status == 1
    assert advice in said.err.splitlines()[-1]
    assert "Traceback" not in said.err


@only_8
@pytest.mark.parametrize("arguments", [("--debug", "show", "nobody"), ("show", "nobody", "--debug")])
def test_a_traceback_is_shown_on_request(workspace: Workspace, say: Say, arguments: tuple[str, ...]) -> None:
    """`--debug` stands where one thinks of it, and shows no secret."""
    said = say(*arguments)
    assert said.status == 1
    assert "Traceback" in said.err
    assert said.err.splitlines()[-1].startswith("error: ")
    assert workspace.environment["ROCKETCHAT_AUTH_TOKEN"] not in said.err


@only_8
def test_waits_are_shown(workspace: Workspace, say: Say) -> None:
    """Nobody has to wonder why nothing happens; data stay free of it."""
    workspace.server.fail_next("integrations.list", "503")
    said = say("list", "--json")
    assert (said.status, said.json) == (0, [])
    assert "integrations.list: waiting" in said.err


def test_several_reasons_are_several_lines() -> None:
    """One reason stays in the line of what it is about; several are told below each other, escapes escaped."""
    assert _messages.told(ValueError("wrong:\n  a  \x1b b")) == "wrong: a \\x1b b"
    assert _messages.told(ValueError("wrong:\n  a\n  b\n")) == "wrong:\n  a\n  b"


# Pipes, terminals that are gone, locales


@only_8
def test_a_reader_that_goes_away_is_no_failure_worth_telling(
    workspace: Workspace, hook: IncomingIntegrationRecord, start: Start
) -> None:
    """`list | head -0` says nothing."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start("-m", "rocketchat_integrations", "list", stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")


class RunRedirected(Protocol):
    """Runs the program as a shell does with these redirections."""

    def __call__(
        self, redirections: str, *arguments: str | bytes, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]: ...


@pytest.fixture
def run_redirected() -> RunRedirected:
    def run_program(
        redirections: str, *arguments: str | bytes, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        program = f'exec "$0" -W error -m rocketchat_integrations "$@" {redirections}'
        return subprocess.run(
            ["sh", "-c", program, sys.executable, *arguments],
            env={**os.environ, **(environment or {})},
            stdin=subprocess.PIPE,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )

    return run_program


@only_8
@pytest.mark.parametrize("redirections", [">&-", "<&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("command", [["list"], ["list", "--json"], ["demo"]], ids=" ".join)
def test_a_stream_that_is_closed_takes_nothing(
    workspace: Workspace, bot: object, run_redirected: RunRedirected, command: list[str], redirections: str
) -> None:
    """What a daemon or a cron job closes is neither a failure nor a place to print a traceback to."""
    result = run_redirected(redirections, *command)
    assert (result.returncode, result.stderr) == (0, "")
    assert bool(result.stdout) == (">&-" not in redirections.split())


def test_a_program_without_streams_can_call_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with windows, say, for which the interpreter opens none."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["--version"]) == 0
    assert cli.main(["nonsense"]) == 1


@only_8
def test_what_is_said_does_not_go_into_the_data(workspace: Workspace, run_redirected: RunRedirected) -> None:
    """Where standard error is closed, standard output stays JSON."""
    result = run_redirected("2>&-", "--token", workspace.environment["ROCKETCHAT_AUTH_TOKEN"], "list", "--json")
    assert (result.returncode, json.loads(result.stdout)) == (0, [])


@only_8
@pytest.mark.parametrize(
    ("command", "complaint"),
    [(["remove", "ci"], "There is no terminal to ask on: say --yes"), (["post", "--to", "ci"], "that is not blank")],
)
def test_nobody_answers_where_standard_input_is_closed(
    workspace: Workspace, hook: object, run_redirected: RunRedirected, command: list[str], complaint: str
) -> None:
    """That is told in one line, as where it is empty."""
    result = run_redirected("<&-", *command)
    assert (result.returncode, result.stdout) == (1, "")
    (line,) = result.stderr.splitlines()
    assert complaint in line


@only_8
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(workspace: Workspace, hook: object, run_redirected: RunRedirected) -> None:
    """The interpreter does not complain a second time when it ends."""
    result = run_redirected("> /dev/full", "list")
    assert (result.returncode, result.stderr) == (1, "error: [Errno 28] No space left on device\n")


NARROW = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@only_8
def test_what_is_posted_is_whole_in_every_locale(
    workspace: Workspace, hook: object, run_redirected: RunRedirected
) -> None:
    """A container without a locale posts umlauts as umlauts."""
    text = "B\xfcro \u2615"
    result = run_redirected("", "post", "--to", "ci", text.encode(), environment=NARROW)
    assert (result.returncode, result.stderr) == (0, "posted\n")
    assert [message.text for message in workspace.server.messages] == [text]


@only_8
def test_files_are_found_in_every_locale(workspace: Workspace, run_redirected: RunRedirected, tmp_path: Path) -> None:
    """Whatever letters their names have."""
    path = tmp_path / "B\xfcro.json"
    exported = run_redirected("", "export", str(path).encode(), environment=NARROW)
    assert exported.returncode == 0, exported.stderr
    assert path.exists()
    planned = run_redirected("", "plan", str(path).encode(), environment=NARROW)
    assert (planned.returncode, planned.stderr) == (0, "")


@only_8
@pytest.mark.parametrize("environment", [NARROW, {"PYTHONUTF8": "1"}], ids=["the locale C", "UTF-8"])
@pytest.mark.parametrize("command", [["post", "--to", "ci"], ["demo", "--live", "--room"]], ids=" ".join)
def test_an_argument_that_is_no_text_is_refused(
    workspace: Workspace,
    hook: object,
    run_redirected: RunRedirected,
    command: list[str],
    environment: dict[str, str],
) -> None:
    """Nothing broken is posted."""
    result = run_redirected("", *command, b"B\xfcro", environment=environment)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: the arguments must be UTF-8 text, whatever the locale\n"


@pytest.mark.parametrize("locale", [NARROW, {"PYTHONIOENCODING": "ascii"}], ids=["the locale C", "ASCII"])
@only_8
def test_nothing_depends_on_the_locale(
    workspace: Workspace, client: Client, run: Run, locale: dict[str, str], tmp_path: Path
) -> None:
    """Where the terminal knows no umlauts they are shown as escapes; programs and files get them whole."""
    name = "B\xfcro \u2615"
    client.create(IncomingIntegration(name, channel="#general", username="rocket.cat"))
    table = run("list", environment=locale)
    assert (table.returncode, table.stderr) == (0, "")
    assert "B\\xfcro \\u2615" in table.stdout
    assert json.loads(run("list", "--json", environment=locale).stdout)[0]["name"] == name
    assert run("export", str(tmp_path / "m.json"), environment=locale).returncode == 0
    assert json.loads((tmp_path / "m.json").read_bytes())["incoming"][0]["name"] == name
    shown = run("show", name, environment={**locale, "PYTHONUTF8": "1"})
    assert (shown.returncode, shown.stderr) == (0, "")


def test_an_output_without_an_encoding_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that calls `main` may collect what it prints."""
    with LocalRocketChat() as server:
        auth = server.auth("admin")
        options = ["--workspace", server.url, "--user-id", auth.user_id, "--token", auth.token]
        output = io.StringIO()
        monkeypatch.setattr(sys, "stdout", output)
        assert cli.main([*options, "list", "--json"]) == 0
    assert output.getvalue() == "[]\n"


def test_main_takes_the_arguments_of_the_process(monkeypatch: pytest.MonkeyPatch, say: Say, capsys: Any) -> None:
    """As the console script calls it."""
    monkeypatch.setattr(sys, "argv", ["rocketchat-integrations", "--version"])
    assert cli.main() == 0
    assert capsys.readouterr().out == f"rocketchat-integrations {__version__}\n"
    for argument, complaint in (("\udcc3\udcbc", "No such command '\xfc'"), ("\udcfc", "must be UTF-8")):
        monkeypatch.setattr(sys, "argv", ["rocketchat-integrations", argument])
        assert cli.main() == 1
        assert complaint in capsys.readouterr().err
