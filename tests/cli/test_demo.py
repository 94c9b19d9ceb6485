"""`demo`: a tour for people who have just installed the package."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations.cli.commands import demo

if TYPE_CHECKING:
    from tests.cli.conftest import Run


def test_each_step_shows_its_code_and_its_output(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """In 80 columns, without credentials, behind a proxy that is not used and stays in the environment."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "intranet.example")
    monkeypatch.delenv("no_proxy", raising=False)
    threads = set(threading.enumerate())
    result = run("demo")
    assert (result.status, result.err) == (0, "")
    assert (os.environ["NO_PROXY"], os.environ.get("no_proxy")) == ("intranet.example", None)
    assert set(threading.enumerate()) <= threads
    for code, output in {
        "LocalRocketChat().start()": "on server 9.0",
        "IncomingIntegration(": "in #general posting as rocket.cat",
        "LocalBot(app).start()": "serving the bot at http://127.0.0.1:",
        "OutgoingIntegration(": "calling http://127.0.0.1:",
        "in client.list(": "webhook-incoming ci",
        "client.update(bot.id, attrs.evolve(bot": "now known as Deploy Bot",
        "webhook.post(": "posted to #general",
        'server.say("alice", "general", "!deploy web")': "-> called for !deploy web",
        "in server.messages": "general rocket.cat 'deploying web for alice'",
        "in list(client.history(bot.id))": "answered with a message",
        "in client.history(bot.id)": "refused by the bot\n  -> refused by the bot\n  -> waiting for a retry",
        '"!deploy later")': "called for !deploy later\n  -> called for !deploy later",
        '"!deploy never")': "enabled: False",
        "client.remove(bot)": "-> left: []",
    }.items():
        assert result.out.index(code) < result.out.index(output)
    numbers = [line.partition(".")[0] for line in result.out.splitlines() if line[:1].isdigit()]
    assert numbers == [str(number) for number in range(1, 14)]
    assert max(map(len, result.out.splitlines())) <= 80


def test_the_code_works_when_it_is_pasted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The code of all steps is one program, which prints what the demo printed."""
    steps = run("demo", "--json").json
    assert steps[4]["title"] == "List the integrations"
    assert steps[11]["output"] == "left: []\n"
    exec("\n".join(step["code"] for step in steps), {})
    assert capsys.readouterr().out.splitlines()[-1] == "left: []"


def test_a_failing_step_closes_everything(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an error or Ctrl-C, no thread goes on."""

    def press_ctrl_c(*_: object) -> None:
        """Press Ctrl-C."""
        raise KeyboardInterrupt

    threads = set(threading.enumerate())
    monkeypatch.setattr(demo, "remove", press_ctrl_c)
    result = run("demo")
    assert (result.status, result.err) == (130, "interrupted by SIGINT\n")
    assert set(threading.enumerate()) <= threads


def test_the_demo_is_a_command_like_the_others(run: Run) -> None:
    """It has help, and exits with 1 on invalid options."""
    help = run("demo", "--help")
    assert (help.status, help.err) == (0, "")
    assert help.out.startswith("Usage: rocketchat-integrations demo")
    assert run("demo", "--live").error.endswith("(see rocketchat-integrations demo --help)")
