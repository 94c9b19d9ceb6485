"""What outgoing webhooks did: `history` and `replay`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest

from rocketchat_integrations import Client, OutgoingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)


def called(
    workspace: Workspace, bot: OutgoingIntegrationRecord, number: int, outcome: str = "", **more: object
) -> dict[str, Any]:
    """Let the bot have made a call, at a minute of its own."""
    outcomes: dict[str, dict[str, object]] = {
        "": {"step": "after-http-call", "finished": False, "error": False},
        "posted": {"step": "url-response-sent-message", "finished": True, "error": False},
        "failed": {"step": "after-process-http-status-500", "finished": False, "error": True},
    }
    entry: dict[str, Any] = {
        "_id": f"h{number:03}",
        "type": "outgoing-webhook",
        "event": "sendMessage",
        "url": "https://bot.example.com/hook",
        "_createdAt": f"2026-11-22T{number // 60:02}:{number % 60:02}:00.000Z",
        **outcomes[outcome],
        **more,
    }
    workspace.server.insert_history(bot.id, entry)
    return entry


# history


def test_the_last_calls_are_shown_with_their_outcome(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """The newest comes last, where one looks first; as many as one asks for."""
    for number, outcome in enumerate(["", "posted", "failed"]):
        called(workspace, bot, number, outcome)
    said = say("history", "bot")
    heading, *lines = said.out.splitlines()
    assert heading.split() == ["TIME", "OUTCOME", "STEP", "EVENT", "URL", "ID"]
    assert [line.split()[-1] for line in lines] == ["h000", "h001", "h002"]
    outcomes = ["no message", "message posted", "failed"]
    assert all(outcome in line for outcome, line in zip(outcomes, lines, strict=True))
    assert "after-process-http-status-500" in lines[2]
    assert [line.split()[-1] for line in say("history", bot.id, "-n", "2").out.splitlines()[1:]] == ["h001", "h002"]
    assert [entry["id"] for entry in say("history", "bot", "-n", "1", "--json").json] == ["h002"]


@only_8
def test_the_history_shows_no_secrets(workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """The server keeps the whole integration and what was sent with each call; a failure may quote it."""
    quoted = {"message": f"cannot send {bot.token}", "body": [{"token": bot.token}]}
    called(workspace, bot, 1, "failed", httpCallData={"token": bot.token}, httpError=quoted, data={"text": "x"})
    hidden = say("history", "bot", "--json")
    assert str(bot.token) not in hidden.out
    (entry,) = hidden.json
    assert (entry["http_call_data"], entry["integration"], entry["data"]) == ("<hidden>",) * 3
    assert entry["http_error"] == {"message": "cannot send <hidden>", "body": [{"token": "<hidden>"}]}
    (entry,) = say("history", "bot", "--json", "--show-secrets").json
    assert (entry["http_error"], entry["http_call_data"]) == (quoted, {"token": bot.token})
    assert str(bot.token) not in say("history", "bot").out


@only_8
def test_neither_tables_nor_json_show_an_old_or_a_new_token(
    workspace: Workspace, client: Client, bot: OutgoingIntegrationRecord, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call has the token of its time, and quotes it in addresses, in failures and in the keys of what it was told."""
    called(workspace, bot, 1, "failed", integration={"token": "tok-en-1"}, url="https://b.example/h?t=tok-en-1")
    failure = {"message": "no such host: tok%2Den%2D2 of tok-en-2", "tok-en-2": 1}
    called(workspace, bot, 2, "failed", url="https://b.example/h?t=tok-en-2", httpError=failure)
    client.update(bot.id, attrs.evolve(bot, token="tok-en-2"))
    for options in ([], ["--json"]):
        said = say("history", "bot", *options)
        assert "https://b.example/h?t=<hidden>" in said.out
        assert not re.search("tok-en-[12]", said.out)
        assert "tok-en-1" in say("history", "bot", "--show-secrets", *options).out
    monkeypatch.setattr("time.sleep", Turns())
    assert not re.search("tok-en-[12]", say("history", "bot", "--follow").out)


@only_8
def test_a_token_that_is_an_everyday_word_hides_nothing_else(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """What programs look for stays whole, and so does what quotes a word that happens to be a short token."""
    called(workspace, bot, 1, "failed", integration={"token": "sendMessage"}, httpError="sendMessage failed")
    called(workspace, bot, 2, "failed", integration={"token": "o"}, httpError="no host")
    first, second = say("history", "bot", "--json").json
    assert (first["event"], first["http_error"]) == ("sendMessage", "<hidden> failed")
    assert (second["type"], second["http_error"]) == ("outgoing-webhook", "no host")


@only_8
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        ({"httpError": {"message": "getaddrinfo ENOTFOUND\nat a\nat b"}}, "failed: getaddrinfo ENOTFOUND  "),
        ({"httpError": "socket hang up"}, "failed: socket hang up  "),
        ({"errorStack": "TypeError: x\n  at y"}, "failed: TypeError: x  "),
        ({"httpError": "e" * 100}, f"failed: {'e' * 60}...  "),
        ({"httpError": {"code": 1}}, "failed  "),
        ({}, "failed  "),
    ],
)
def test_a_failed_call_says_why(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say, failure: dict[str, object], told: str
) -> None:
    """In short, in the table: nobody has to look at the JSON to see that a host is not known."""
    called(workspace, bot, 1, "failed", **failure)
    assert told in say("history", "bot").out


@only_8
def test_an_entry_of_which_nothing_is_known_is_shown(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """Old servers leave things out; a history with such an entry can be read all the same."""
    workspace.server.insert_history(bot.id, {"_id": "odd", "integration": None})
    assert "odd" in say("history", "bot").out
    assert say("history", "bot", "--json").json[0]["created_at"] is None


@only_8
def test_an_incoming_webhook_has_no_history(hook: object, say: Say) -> None:
    """It makes no calls: an empty list would not tell."""
    for command in ("history", "replay"):
        assert "incoming 'ci' has no history" in say(command, "ci").error


# history --follow


@pytest.mark.parametrize("number", ["99999999999999999999", "-1", "1e3"])
def test_a_number_that_cannot_be_meant_is_refused(say: Say, number: str) -> None:
    """In one line, before anything is asked."""
    assert number in say("history", "bot", "-n", number).error


@pytest.mark.parametrize("seconds", ["nan", "inf", "1e20", "99999999999999999999", "0"])
def test_a_wait_that_cannot_be_meant_is_refused(say: Say, seconds: str) -> None:
    """Neither for ever nor not at all."""
    assert seconds in say("history", "bot", "--follow", "--interval", seconds).error


class Turns:
    """Takes the place of the waits between two looks: does something each time, and presses Ctrl-C at the end."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self._turns = iter(turns)
        self.waited: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waited.append(seconds)
        turn = next(self._turns, None)
        if turn is None:
            raise KeyboardInterrupt
        turn()


def test_new_calls_are_shown_as_they_come(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each one once, and once more when it has come further; one request a look."""
    for number in range(3):
        called(workspace, bot, number, "posted")
    turns = Turns(
        lambda: called(workspace, bot, 3, "failed"),
        lambda: None,
        lambda: [called(workspace, bot, number, "posted") for number in (4, 5)],
    )
    monkeypatch.setattr("time.sleep", turns)
    said = say("history", "bot", "--follow", "-n", "1", "--interval", "7")
    assert [line.split()[-1] for line in said.out.splitlines()] == ["h002", "h003", "h004", "h005"]
    assert (said.status, said.err) == (130, "interrupted by SIGINT\n")
    assert turns.waited == [7] * 4
    assert workspace.requested("integrations.history") == 4


@only_8
def test_a_call_that_comes_further_is_shown_again(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow program's failure is seen, also when others were faster; each line is JSON for itself."""
    called(workspace, bot, 1)
    called(workspace, bot, 2, "posted")
    find = workspace.server._workspace.world.history[bot.id].get  # no call of an API changes an entry

    def fails() -> None:
        entry = find("h001")
        assert entry is not None
        entry.update(error=True, step="after-process-http-status-500")

    monkeypatch.setattr("time.sleep", Turns(fails))
    said = say("history", "bot", "--follow", "--json")
    entries = [json.loads(line) for line in said.out.splitlines()]
    assert [(entry["id"], entry["error"]) for entry in entries] == [("h001", False), ("h002", False), ("h001", True)]


@only_8
def test_a_flood_of_calls_is_shown_whole(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More calls between two looks than the server gives at once are all there, and none of before comes again."""
    workspace.server.page_cap = 50
    for number in range(120):
        called(workspace, bot, number)
    flood = range(200, 430)
    monkeypatch.setattr("time.sleep", Turns(lambda: [called(workspace, bot, number) for number in flood]))
    said = say("history", "bot", "--follow", "-n", "0")
    assert [line.split()[-1] for line in said.out.splitlines()] == [f"h{number}" for number in flood]


@only_8
def test_ctrl_c_ends_following_in_one_line(workspace: Workspace, bot: OutgoingIntegrationRecord, start: Start) -> None:
    """The usual way out is no accident: no traceback, and the status that shells expect."""
    called(workspace, bot, 1, "posted")
    process = start("-m", "rocketchat_integrations", "history", "bot", "--follow")
    assert process.stdout is not None
    line = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert "h001" in line
    assert (process.returncode, output, errors) == (130, "", "interrupted by SIGINT\n")


# replay


@only_8
def test_the_last_call_is_made_again(workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """Or the one that is named."""
    for number in (1, 2):
        called(workspace, bot, number, "failed")
    assert say("replay", "bot").err == "replayed h002 of outgoing 'bot'\n"
    assert say("replay", "bot", "h001", "--json").json == {"id": bot.id, "history_id": "h001"}
    replayed = [
        it.json["historyId"] for it in workspace.server.requests if it.endpoint == "integrations.replayOutgoing"
    ]
    assert replayed == ["h002", "h001"]


@only_8
def test_a_call_that_is_not_there_cannot_be_made_again(bot: OutgoingIntegrationRecord, say: Say) -> None:
    """There was none at all, or none with this id."""
    assert "has made no calls" in say("replay", "bot").error
    assert say("replay", "bot", "h9").error == "there is no such call in the history of outgoing 'bot'"


@pytest.mark.parametrize("server", ["6.14"], indirect=True)
def test_a_server_that_cannot_replay_is_told(workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """With the version that can."""
    called(workspace, bot, 1)
    assert "8.7" in say("replay", "bot").error
