"""The demo: the first thing that somebody sees."""

from __future__ import annotations

import io
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from unittest.mock import Mock

import pytest

from rocketchat_integrations import NotFoundError, __version__, cli
from rocketchat_integrations.cli import _demo
from rocketchat_integrations.client import Client
from rocketchat_integrations.models import IntegrationRecord

Run: TypeAlias = Callable[..., "subprocess.CompletedProcess[str]"]

LIVE = ("demo", "--live", "--room", "general")


def code_shown_in(output: str) -> str:
    """All the code of a demo's output, as a newcomer would copy it."""
    return "\n".join(line[5:] for line in output.splitlines() if line.startswith(" " * 5) or not line) + "\n"


# On a machine that has just Python.


def test_the_demo_shows_each_step_with_its_code_and_what_came_of_it(run: Run) -> None:
    """One command, no server, no credentials: the demo goes through everything and says how."""
    result = run("demo")
    assert (result.returncode, result.stderr) == (0, "")
    for code, outcome in {
        "LocalRocketChat().start()": "on server 8.8",
        "client.create(\n         IncomingIntegration(": "in #general posting as rocket.cat",
        "LocalBot(app).start()": "serving the bot at http://127.0.0.1:",
        "client.create(\n         OutgoingIntegration(": "calling http://127.0.0.1:",
        "in client.list(": "webhook-incoming demo-",
        "client.update(bot.id, attrs.evolve(bot": "now known as Deploy Bot",
        "webhook.post(": "posted to #general",
        'server.say("alice", "general", "!deploy web")': "called for !deploy web",
        "in server.messages": "general rocket.cat 'deploying web for alice'",
        "in list(client.history(bot.id))": "url-response-sent-message without errors",
        "client.replay_outgoing(": "called for None",
        '"!deploy later")': "called for !deploy later\n  -> called for !deploy later",
        '"!deploy never")': "enabled: False",
        "client.remove(bot)": "left: []",
    }.items():
        assert result.stdout.index(code) < result.stdout.index(f"-> {outcome}" if outcome == "left: []" else outcome)
    numbers = [line.partition(".")[0] for line in result.stdout.splitlines() if line[:1].isdigit()]
    assert numbers == [str(number) for number in range(1, 14)]


def test_the_demo_runs_behind_a_proxy(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A proxy in the environment does not come between the demo and its own server, and stays as it was."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    assert cli.main(["demo"]) == 0, capsys.readouterr().err
    assert (os.environ["NO_PROXY"], os.environ.get("no_proxy")) == ("intranet.example", None)


def test_the_demos_output_fits_a_terminal(run: Run) -> None:
    """Nothing is wider than the 80 columns that a terminal has at least."""
    assert max(map(len, run("demo").stdout.splitlines())) <= 80


def test_the_code_that_the_demo_shows_works_when_it_is_pasted(
    run: Run, start: Callable[..., subprocess.Popen[str]]
) -> None:
    """What is shown is what was run: copied into an interpreter of one's own, it does the same."""
    shown = code_shown_in(run("demo").stdout)
    output, errors = start("-").communicate(shown, timeout=60)
    assert errors == ""
    assert "posted to #general" in output
    assert output.endswith("left: []\n")


def test_the_demo_runs_in_the_process_that_calls_it(capsys: pytest.CaptureFixture[str]) -> None:
    """`demo` is a plain function, and leaves neither threads nor handlers behind."""
    before = signal.getsignal(signal.SIGINT)
    _demo.demo()
    assert capsys.readouterr().out.rstrip().endswith("server.stop()")
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("module", ["rocketchat_integrations.testing", "werkzeug"])
def test_the_server_is_not_loaded_before_it_is_needed(start: Callable[..., subprocess.Popen[str]], module: str) -> None:
    """Whoever has not installed the extra can use the command line all the same."""
    program = f"import sys, rocketchat_integrations.cli; sys.exit({module!r} in sys.modules)"
    assert start("-c", program).wait(60) == 0


def test_without_the_extra_the_demo_says_how_to_install_it(start: Callable[..., subprocess.Popen[str]]) -> None:
    """A missing extra is one line that one can act on."""
    program = (
        "import runpy, sys; sys.modules['werkzeug'] = None; sys.argv[1:] = ['demo'];"
        "runpy.run_module('rocketchat_integrations', run_name='__main__')"
    )
    process = start("-c", program)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines() == [
        'error: the embedded server needs an extra: python -m pip install "rocketchat-integrations[testing]"'
    ]


def test_somebody_elses_missing_module_is_not_taken_for_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The advice is given for the extra's module only."""
    use_steps(monkeypatch, "import werkzeug.there_is_none")
    assert cli.main(["demo"]) == 1
    assert "[testing]" in capsys.readouterr().err
    use_steps(monkeypatch, "import there_is_none")
    assert cli.main(["demo"]) == 1
    assert "error: ModuleNotFoundError: that is a mistake in this program" in capsys.readouterr().err


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
def test_the_demo_prints_in_every_locale(run: Run, workspace: Any, encoding: str) -> None:
    """A room's name that the terminal cannot show is an escape, which in the code means the same."""
    workspace.server.add_room("b\xfcro-\u2615", members=["admin"])
    result = run(
        "demo", "--live", "--room", "b\xfcro-\u2615", environment={"PYTHONIOENCODING": encoding, "PYTHONUTF8": "1"}
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert eval(result.stdout.partition("channel=")[2].partition(",\n")[0]) == "#b\xfcro-\u2615"


# The command line.


def test_the_help_of_the_demo_names_the_variables_and_what_stays(capsys: pytest.CaptureFixture[str]) -> None:
    """One can know before what `--live` needs, and what it does."""
    assert cli.main(["demo", "--help"]) == 0
    output = capsys.readouterr().out
    for word in ("$ROCKETCHAT_URL", "$ROCKETCHAT_USER_ID", "$ROCKETCHAT_AUTH_TOKEN", "$ROCKETCHAT_USER", "stay"):
        assert word in output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--live"], "--live needs --room NAME"),
        (["--room", "general"], "--room goes with --live"),
        (["--live", "--room", " # "], "must be the name of one channel"),
        (["--live", "--room", "@alice"], "must be the name of one channel"),
        (["--live", "--room", "general,random"], "must be the name of one channel"),
        (["--live", "--room", "a\udce4b"], "must be the name of one channel"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_a_wrong_command_line_is_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be meant is refused in one line, before anything is done."""
    assert cli.main(["demo", *arguments]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert complaint in line
    assert line.endswith("(see rocketchat-integrations demo --help)")


def test_the_package_can_be_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`python -m` runs the command line; importing the module runs nothing."""
    monkeypatch.setattr(sys, "argv", ["rocketchat_integrations", "--version"])
    # pytest's own finder, of a package that has a plugin, cannot be used by runpy before Python 3.11.
    finders = [finder for finder in sys.meta_path if type(finder).__name__ != "AssertionRewritingHook"]
    monkeypatch.setattr(sys, "meta_path", finders)
    with pytest.raises(SystemExit) as exit:
        runpy.run_module("rocketchat_integrations", run_name="__main__")
    assert exit.value.code == 0
    runpy.run_module("rocketchat_integrations.__main__", run_name="imported")
    assert capsys.readouterr().out == f"rocketchat-integrations {__version__}\n"


# On a real workspace.


@pytest.mark.parametrize("room", ["general", "#general", " general "])
def test_a_live_demo_posts_and_removes_everything(workspace: Any, run: Run, room: str) -> None:
    """In one's own workspace the messages stay, the integrations do not; no secret is printed."""
    result = run("demo", "--live", "--room", room)
    assert (result.returncode, result.stderr) == (0, "")
    assert [(message.room, message.user) for message in workspace.server.messages] == [("general", "rocket.cat")] * 2
    assert workspace.requested("integrations.create") == 2
    assert workspace.server.documents == ()
    assert len(workspace.secrets) == 2
    assert not any(secret in result.stdout for secret in workspace.secrets)
    assert "webhook.url" in result.stdout


def test_a_live_demo_works_in_a_private_group_of_rocket_cats(workspace: Any) -> None:
    """A private group will do, when the user that the webhook posts as is in it."""
    workspace.server.add_room("cats", "private group", members=["admin", "rocket.cat"])
    assert cli.main(["demo", "--live", "--room", "cats"]) == 0
    assert {message.room for message in workspace.server.messages} == {"cats"}


def test_the_outgoing_webhook_of_a_live_demo_calls_nobody(workspace: Any) -> None:
    """It is disabled, posts as rocket.cat, and is addressed to nobody's server."""
    _demo.demo("#general")
    _, body = (request.json for request in workspace.server.requests if request.endpoint == "integrations.create")
    assert (body["enabled"], body["urls"]) == (False, ["https://bot.example.com/hook"])
    assert body["username"] == "rocket.cat"


def test_a_live_demo_with_a_password_logs_out_again(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The token that the login gave is no longer good, and the password was not shown."""
    for name in ("ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("ROCKETCHAT_USER", "admin")
    monkeypatch.setenv("ROCKETCHAT_PASSWORD", workspace.server.password("admin"))
    assert cli.main(LIVE) == 0
    assert (workspace.requested("login"), workspace.requested("logout")) == (1, 1)
    assert workspace.server.password("admin") not in "".join(capsys.readouterr())


def test_without_credentials_the_variables_are_named(run: Run) -> None:
    """What is missing in the environment is said in one line."""
    result = run(*LIVE)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    for name in ("URL", "USER_ID", "AUTH_TOKEN", "USER", "PASSWORD"):
        assert f"ROCKETCHAT_{name}" in line
    assert "Traceback" not in result.stdout


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("ROCKETCHAT_AUTH_TOKEN", "wrong", "revoked, or of another workspace?"),
        ("ROCKETCHAT_URL", "chat.example.com", "demo --help"),
    ],
)
def test_a_wrong_environment_is_one_line_of_advice(
    workspace: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    advice: str,
) -> None:
    """Wrong credentials and wrong addresses are told without a traceback."""
    monkeypatch.setenv(name, value)
    assert cli.main(LIVE) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert advice in line


def test_an_unknown_room_is_one_line_of_advice(workspace: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip in the room's name is told as what it probably is."""
    assert cli.main(["demo", "--live", "--room", "nowhere"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "is --room right" in line


def test_a_traceback_is_shown_on_request(workspace: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--debug` one sees where it happened, and still no secret."""
    assert cli.main(["demo", "--live", "--room", "nowhere", "--debug"]) == 1
    errors = capsys.readouterr().err
    assert "Traceback" in errors
    assert not any(secret in errors for secret in workspace.secrets)


def test_waits_are_shown(workspace: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody has to wonder why nothing happens."""
    workspace.server.fail_next("integrations.list", "503")
    assert cli.main(LIVE) == 0
    assert "integrations.list: waiting" in capsys.readouterr().err


# Leaving nothing behind.


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("endpoint", "fault"),
    [
        ("integrations.create", "reset-after"),
        ("integrations.create", "truncate"),
        ("integrations.update", "html"),
        ("hooks", "502"),
        ("integrations.remove", "html"),
    ],
)
def test_a_step_that_fails_leaves_nothing_behind(
    workspace: Any, capsys: pytest.CaptureFixture[str], endpoint: str, fault: str
) -> None:
    """Whichever step fails, also a create whose answer was lost, the demo tidies up and says what happened."""
    workspace.server.fail_next(endpoint, fault)
    assert cli.main(LIVE) == 1
    assert workspace.server.documents == ()
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("stopped: removing the integrations named demo-")
    assert errors[-1].startswith("error: ")
    assert sum(line.startswith("removed demo-") for line in errors) in (1, 2)


def test_a_user_who_may_create_only_one_kind_leaves_nothing_behind(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the second create is refused, the first integration is removed."""
    workspace.server.add_user("ivy", ["manage-incoming-integrations", "manage-own-incoming-integrations"])
    auth = workspace.server.auth("ivy")
    monkeypatch.setenv("ROCKETCHAT_USER_ID", auth.user_id)
    monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", auth.token)
    assert cli.main(LIVE) == 1
    assert workspace.server.documents == ()
    assert "manage-own-outgoing-integrations" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("server", "name"), [("8.8", "SIGINT"), ("6.14", "SIGTERM"), ("8.8", "SIGHUP")], indirect=["server"]
)
def test_an_interrupted_demo_leaves_nothing_behind(
    workspace: Any, start: Callable[..., subprocess.Popen[str]], name: str
) -> None:
    """Ctrl-C, a kill, a closed terminal: in the middle of a request, the demo removes what it created."""
    number = signal.Signals[name]
    workspace.server.fail_next("integrations.update", "hang")
    process = start("-m", "rocketchat_integrations", *LIVE)
    workspace.server.wait_for_request("integrations.update", 60)
    assert len(workspace.server.documents) == 2
    process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert workspace.server.documents == ()
    assert errors.splitlines()[-1] == f"interrupted by {name}"
    assert "Traceback" not in errors
    assert not any(secret in output + errors for secret in workspace.secrets)


@pytest.mark.usefixtures("ctrl_c_counts")
def test_an_interrupted_demo_without_a_workspace_ends_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The embedded server takes everything along, so that there is nothing to wait for."""
    interrupt_after(monkeypatch, "hook = client.create(", signal.SIGINT)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr().err == "interrupted by SIGINT\n"


@pytest.mark.usefixtures("at_once", "ctrl_c_counts")
def test_a_second_interruption_does_not_stop_the_tidying_up(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C pressed twice still leaves nothing behind."""
    interrupt_after(monkeypatch, "hook = client.create(", signal.SIGINT)
    remove_all = _demo._remove_all

    def interrupted_again(client: Client, tag: str, known: Sequence[IntegrationRecord]) -> list[str]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        return remove_all(client, tag, known)

    monkeypatch.setattr(_demo, "_remove_all", interrupted_again)
    assert cli.main(LIVE) == 130
    assert workspace.server.documents == ()


@pytest.mark.usefixtures("at_once")
def test_an_interruption_at_the_very_end_of_the_tour_leaves_nothing_behind(
    workspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no moment between the last step and the tidying up in which a signal does harm."""
    use_live_steps_without(monkeypatch, "client.remove(bot)")
    hold = _demo._Interruptions.hold

    def interrupted(interruptions: _demo._Interruptions) -> None:
        signal.raise_signal(signal.SIGTERM)
        hold(interruptions)

    monkeypatch.setattr(_demo._Interruptions, "hold", interrupted)
    assert cli.main(LIVE) == 143
    assert workspace.server.documents == ()


def test_a_signal_that_is_ignored_stays_ignored(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under `nohup` the demo runs to its end."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        interrupt_after(monkeypatch, "hook = client.create(", signal.SIGHUP)
        assert cli.main(LIVE) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_create_that_comes_late_is_removed_too(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the demo stops while an integration is being created, it looks once more, later."""
    workspace.server.fail_next("integrations.create", "reset-before")
    monkeypatch.setattr("secrets.token_hex", Mock(return_value="cafe"))

    def sleep(_: float) -> None:
        workspace.server.insert({"type": "webhook-incoming", "name": "demo-cafe-ci", "channel": [], "username": ""})

    monkeypatch.setattr("time.sleep", sleep)
    assert cli.main(LIVE) == 1
    assert workspace.requested("integrations.remove") == 1
    assert workspace.server.documents == ()


@pytest.mark.usefixtures("at_once")
def test_odd_records_of_others_do_not_keep_the_demo_from_tidying_up(workspace: Any) -> None:
    """What cannot be read is not the demo's, and stays."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": ["demo-"]})
    workspace.server.fail_next("integrations.update", "html")
    cli.main(LIVE)
    assert [document["_id"] for document in workspace.server.documents] == ["odd"]


def test_what_cannot_be_removed_is_named(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When removing one fails, the other is removed, and the one that is left is named with its id."""
    workspace.server.fail_next("integrations.remove", "redirect", 2)
    assert cli.main(LIVE) == 1
    (left,) = workspace.server.documents
    errors = capsys.readouterr().err
    assert f"left: {left['name']}, {left['type']} with id {left['_id']}: " in errors


@pytest.mark.usefixtures("at_once")
def test_when_the_list_fails_what_is_known_is_removed(workspace: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """A list that does not work is no excuse: what the demo knows of is removed, and the rest is said."""
    workspace.server.fail_next("integrations.list", "html", 3)
    assert cli.main(LIVE) == 1
    assert workspace.server.documents == ()
    assert "look for demo-" in capsys.readouterr().err


def test_what_somebody_else_has_removed_is_no_problem(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only what is left is reported."""

    def gone(*_: Any, **__: Any) -> None:
        raise NotFoundError("gone", status=400, endpoint="integrations.remove")

    monkeypatch.setattr(Client, "remove", gone)
    assert cli.main(LIVE) == 1
    assert "left: " not in capsys.readouterr().err


# Pipes.


def test_a_reader_that_goes_away_ends_the_demo_quietly(start: Callable[..., subprocess.Popen[str]]) -> None:
    """`demo | head -1` shows one line and no traceback."""
    reader, writer = os.pipe()
    os.close(reader)
    process = start("-m", "rocketchat_integrations", "demo", stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (1, "")


@pytest.mark.usefixtures("at_once")
def test_a_reader_that_goes_away_leaves_nothing_behind(
    workspace: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also when nobody reads any more, everything is removed."""
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        close_after(monkeypatch, "hook = client.create(", reader)
        assert cli.main(LIVE) == 1
    assert workspace.requested("integrations.create") == 1
    assert workspace.server.documents == ()


@pytest.mark.usefixtures("at_once")
def test_a_terminal_that_is_gone_leaves_nothing_behind(workspace: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """That nothing can be printed does not keep the demo from removing."""

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    workspace.server.fail_next("integrations.update", "html")
    monkeypatch.setattr(sys, "stderr", Gone())
    assert cli.main(LIVE) == 1
    assert workspace.server.documents == ()


# Other steps for the demo.


def use_steps(monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    steps = [_demo.Step("A step", code) for code in codes]
    monkeypatch.setattr(_demo, "_steps", Mock(return_value=[*steps, _demo.Step("The end", "")]))


def change_steps(monkeypatch: pytest.MonkeyPatch, change: Callable[[_demo.Step], Iterable[_demo.Step]]) -> None:
    steps = _demo._steps

    def changed(tag: str, room: str | None) -> Iterable[_demo.Step]:
        return [new for step in steps(tag, room) for new in change(step)]

    monkeypatch.setattr(_demo, "_steps", changed)


def use_live_steps_without(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    change_steps(monkeypatch, lambda step: [] if code in step.code else [step])


def interrupt_after(monkeypatch: pytest.MonkeyPatch, code: str, number: signal.Signals) -> None:
    interrupt = _demo.Step("Interrupt", f"import signal; signal.raise_signal({int(number)})")
    change_steps(monkeypatch, lambda step: [step, interrupt] if code in step.code else [step])


def close_after(monkeypatch: pytest.MonkeyPatch, code: str, descriptor: int) -> None:
    close = _demo.Step("Close", f"import os; os.close({descriptor}); print('Who reads this?')")
    change_steps(monkeypatch, lambda step: [step, close] if code in step.code else [step])
