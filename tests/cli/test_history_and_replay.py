"""`history` and `replay`."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import Client, HistoryEntry, OutgoingIntegrationRecord
from rocketchat_integrations.cli.commands.history import changed_entries
from tests.cli.conftest import without_escapes

if TYPE_CHECKING:
    from tests.cli.conftest import Run, RunOnTerminal, Workspace

OUTCOMES: dict[str, dict[str, object]] = {
    "nothing said": {"step": "after-http-call"},
    "answered with a message": {"step": "url-response-sent-message", "finished": True},
    "refused by the bot": {"step": "after-process-http-status-500", "error": True, "httpResult": '"oops"'},
    "no reply": {"step": "after-http-call", "httpError": {"message": "connect ECONNREFUSED"}},
    "in progress": {"step": "pre-http-call"},
    "waiting for a retry": {"step": "going-to-retry-1", "error": True, "httpResult": '"down"'},
}


def add_call(
    workspace: Workspace, bot: OutgoingIntegrationRecord, number: int, outcome: str = "refused by the bot", **more: Any
) -> None:
    """Store a call of the bot, each one a minute after the one before."""
    workspace.server.insert_history(
        bot.id,
        {
            "_id": f"h{number:03}",
            "type": "outgoing-webhook",
            "event": "sendMessage",
            "url": "https://bot.example.com/hook",
            "_createdAt": f"2026-11-22T00:{number:02}:00.000Z",
            **OUTCOMES[outcome],
            **more,
        },
    )


def ids(output: str) -> list[str]:
    return [line.split()[-1] for line in output.splitlines()]


# history


def test_the_last_calls_are_shown_with_their_outcome(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """The newest comes last; -n limits their number."""
    for number, outcome in enumerate(OUTCOMES):
        add_call(workspace, bot, number, outcome)
    heading, *lines = run("history", "bot").out.splitlines()
    assert heading.split() == ["TIME", "OUTCOME", "REASON", "EVENT", "URL", "ID"]
    assert ids("\n".join(lines)) == [f"h{number:03}" for number in range(len(OUTCOMES))]
    assert all(outcome in line for outcome, line in zip(OUTCOMES, lines, strict=True))
    assert "status 500: oops" in lines[2]
    assert "connect ECONNREFUSED" in lines[3]
    assert ids(run("history", bot.id, "-n", "2").out)[1:] == ["h004", "h005"]
    (entry,) = run("history", "list", "bot", "-n", "1", "--json").json
    assert (entry["id"], entry["outcome"]) == ("h005", "waiting-for-retry")
    assert entry["reason"] == "the status was not 200, 201 or 202: down"


def test_outcomes_are_coloured(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run_on_terminal: RunOnTerminal
) -> None:
    """Red is what has to be corrected."""
    for number, outcome in enumerate(OUTCOMES):
        add_call(workspace, bot, number, outcome)
    output = run_on_terminal("history", "bot", columns=160).out
    colours = {"31": "refused by the bot|no reply", "32": "nothing said|answered with a message", "33": "waiting for"}
    for colour, outcomes in colours.items():
        assert len(re.findall(f"\x1b\\[{colour}m({outcomes})", output)) == len(outcomes.split("|"))


def test_a_call_is_one_line_in_80_columns(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run_on_terminal: RunOnTerminal
) -> None:
    """A long reason is cut off, and a message says so; a URL in it is left to the column URL."""
    failure = {"message": "request to https://bot.example.com/hook failed, reason: connect ECONNREFUSED 10.0.0.5:8080"}
    add_call(workspace, bot, 1, "no reply", _id="a" * 17, httpError=failure)
    result = run_on_terminal("history", "bot", columns=80)
    (_, alone), error = without_escapes(result.out).splitlines(), result.err
    assert "no reply  connect ECONNREFUSED 10.0.0.5:8080  aaaa" in alone
    assert error == "not shown, because the terminal is narrow: EVENT, URL\n"
    add_call(workspace, bot, 2, "answered with a message", _id="b" * 17)
    result = run_on_terminal("history", "bot", columns=80)
    _, *lines = without_escapes(result.out).splitlines()
    assert [line[-17:] for line in lines] == ["a" * 17, "b" * 17]
    assert "connect ECONNREFUS…" in lines[0]
    assert result.err == f"{error}cut off, because the terminal is narrow: REASON\n"


def test_no_calls_are_said_to_be_none(workspace: Workspace, bot: object, run: Run) -> None:
    """Not an empty table."""
    result = run("history", "bot")
    assert (result.out, result.err) == ("", "outgoing 'bot' has made no calls in the last 30 days\n")
    assert run("history").error == "Missing argument 'ID|NAME'. (see rocketchat-integrations history list --help)"


def test_an_incomplete_entry_is_shown(workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """Old servers leave fields out."""
    workspace.server.insert_history(bot.id, {"_id": "odd", "integration": None})
    assert ids(run("history", "bot").out)[1:] == ["odd"]
    assert run("history", "bot", "--json").json[0]["created_at"] is None


def test_fields_with_secrets_are_masked(workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """The server stores the whole integration and the request with each call."""
    quoted = {"message": f"cannot send {bot.token}", "body": [{"token": bot.token}]}
    add_call(workspace, bot, 1, httpCallData={"token": bot.token}, httpError=quoted, data={"text": "x"})
    (entry,) = run("history", "bot", "--json").json
    assert (entry["http_call_data"], entry["integration"], entry["data"]) == ("<hidden>",) * 3
    assert entry["http_error"] == {"message": "cannot send <hidden>", "body": [{"token": "<hidden>"}]}
    (entry,) = run("history", "bot", "--json", "--show-secrets").json
    assert (entry["http_error"], entry["http_call_data"]) == (quoted, {"token": bot.token})


@pytest.mark.parametrize("options", [[], ["--json"], ["--follow"]])
def test_old_and_new_tokens_are_masked_where_they_are_quoted(
    workspace: Workspace,
    client: Client,
    bot: OutgoingIntegrationRecord,
    run: Run,
    wait: Callable[..., None],
    options: list[str],
) -> None:
    """In URLs, errors and the keys of errors; a call has the token of its time."""
    wait()
    add_call(workspace, bot, 1, integration={"token": "tok-en-1"}, url="https://b.example/h?t=tok-en-1")
    failure = {"message": "no such host: tok%2Den%2D2 of tok-en-2", "tok-en-2": 1}
    add_call(workspace, bot, 2, url="https://b.example/h?t=tok-en-2", httpError=failure)
    client.update(bot.id, attrs.evolve(bot, token="tok-en-2"))
    output = run("history", "bot", *options).out
    assert "https://b.example/h?t=<hidden>" in output
    assert not re.search("tok-en-[12]", output)
    assert "tok-en-1" in run("history", "bot", "--show-secrets", *options).out


def test_a_token_that_is_a_common_word_masks_nothing_else(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """Fields that programs compare stay whole, and short tokens are not searched for."""
    add_call(workspace, bot, 1, integration={"token": "sendMessage"}, httpError="sendMessage failed")
    add_call(workspace, bot, 2, integration={"token": "o"}, httpError="no host")
    first, second = run("history", "bot", "--json").json
    assert (first["event"], first["http_error"]) == ("sendMessage", "<hidden> failed")
    assert (second["type"], second["http_error"]) == ("outgoing-webhook", "no host")


def test_an_incoming_integration_has_no_history(hook: object, run: Run) -> None:
    """An error is clearer than an empty table."""
    for command in ("history", "replay", "clear-history"):
        assert "incoming 'ci' has no history" in run(command, "ci").error


# history show


def test_one_call_is_shown_whole_without_secrets(
    workspace: Workspace, bot: OutgoingIntegrationRecord, client: Client, run: Run
) -> None:
    """Request, reply, posted messages and errors; neither tokens, old or new, nor whole documents."""
    request = {"token": "tok-en-1", "text": "!a of tok-en-1", "user": {"services": "canary"}, "apiSecret": "canary"}
    add_call(workspace, bot, 2)
    add_call(
        workspace,
        bot,
        1,
        httpCallData=request,
        httpResult=json.dumps('{"text": "hi",\n "alias": "x"}'),
        errorStack="  Error: bad\n    at x",
        resultMessage=[{"msg": f"said {bot.token}"}],
        integration={"token": "tok-en-1"},
        _updatedAt="2026-11-22T00:01:02.500Z",
    )
    for arguments in (["h001"], ["h001", "--in", "bot"]):
        output = run("history", "show", *arguments).out
        assert re.search(r"^outcome +script failed *$", output, re.MULTILINE)
        assert re.search(r"^duration +2.5 s *$", output, re.MULTILINE)
        assert '"text": "!a of <hidden>"' in output
        assert '\n  {"text": "hi",\n   "alias": "x"}\n' in output
        assert '"msg": "said <hidden>"' in output
        assert output.endswith("Error\n    Error: bad\n      at x\n")
        assert not re.search(f"tok-en-1|canary|{bot.token}", output)
    call = run("history", "show", "h001", "--json").json
    assert (call["integration_name"], call["duration"], call["reason"]) == ("bot", 2.5, "Error: bad")
    assert (call["http_call_data"]["user"], call["integration"]) == ("<hidden>", "<hidden>")
    assert run("history", "show", "h001", "--json", "--show-secrets").json["http_call_data"] == request


def test_a_call_with_little_data_is_shown(workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """Neither a reply nor a time; the request of a script may be text."""
    workspace.server.insert_history(bot.id, {"_id": "odd", "httpResult": "no JSON", "httpCallData": {}})
    output = run("history", "show", "odd").out
    assert "Reply\n  no JSON\n" in output
    assert "duration" not in output


def test_an_unknown_call_is_one_line(workspace: Workspace, bot: object, run: Run) -> None:
    """In all integrations, or in the one that is named."""
    assert "no call h9 in the history of any integration" in run("history", "show", "h9").error
    assert "no call h9 in the history of 'bot'" in run("history", "show", "h9", "--in", "bot").error


# clear-history


def test_the_history_is_cleared_after_a_question(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """Without a terminal, nothing is deleted."""
    add_call(workspace, bot, 1)
    assert "add --yes. Nothing was changed" in run("clear-history", "bot").error
    assert len(workspace.server.history_documents) == 1
    result = run("clear-history", "bot", "--yes", "--json")
    assert (result.json, result.err) == ({"id": bot.id}, f"cleared the history of outgoing 'bot' ({bot.id})\n")
    assert len(workspace.server.history_documents) == 0
    assert run("clear-history", "bot", "-y").out == ""


# history --follow


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Replace the waits by actions; after the last one, Ctrl-C is pressed. Checks that each takes 10 seconds."""

    def replace(*actions: Callable[[], object]) -> None:
        remaining: Iterator[Callable[[], object]] = iter(actions)

        def fake_sleep(seconds: float) -> None:
            assert seconds == 10
            action = next(remaining, None)
            if action is None:
                raise KeyboardInterrupt
            action()

        monkeypatch.setattr("rocketchat_integrations.cli.commands.history.sleep", fake_sleep)

    return replace


def test_new_calls_are_shown_as_they_come(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, wait: Callable[..., None]
) -> None:
    """Each one once, oldest first, with one request per look; Ctrl-C ends it."""

    def add_calls(*numbers: int) -> None:
        for number in numbers:
            add_call(workspace, bot, number)

    add_calls(0, 1, 2)
    wait(lambda: add_calls(3), lambda: None, lambda: add_calls(4, 5))
    result = run("history", "bot", "--follow", "-n", "1")
    assert ids(result.out) == ["h002", "h003", "h004", "h005"]
    assert (result.status, result.err) == (130, "interrupted by SIGINT\n")
    assert workspace.requested("integrations.history") == 4


def test_follow_prints_json_lines(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, wait: Callable[..., None]
) -> None:
    """One object a line."""
    for number in range(2):
        add_call(workspace, bot, number)
    wait()
    lines = run("history", "bot", "--follow", "--json").out.splitlines()
    assert [re.findall(r'"id": "(h\d+)"', line) for line in lines] == [["h000"], ["h001"]]


def test_follow_prints_csv_and_yaml(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, wait: Callable[..., None]
) -> None:
    """Each call as soon as it is there, with one heading."""
    add_call(workspace, bot, 0)
    for format, expected in (("csv", "id,outcome\nh000,refused\n"), ("yaml", "- id: h000\n  outcome: refused\n")):
        wait()
        assert run("history", "bot", "--follow", "-o", format, "--columns", "id,outcome").out == expected


def test_entries_are_new_or_have_a_new_state() -> None:
    """A slow call that fails after others is found; reading stops after a page without news."""
    states: dict[str, object] = {}
    entries = [HistoryEntry(id=str(number)) for number in range(300)]
    assert changed_entries(entries, states) == entries
    entries[50] = HistoryEntry(id="50", error=True)
    entries[250] = HistoryEntry(id="250", error=True)
    reading = iter(entries)
    assert changed_entries(reading, states) == [entries[50]]
    assert next(reading).id == "101"
    flood = [HistoryEntry(id=f"new {number}") for number in range(230)]
    assert changed_entries([*flood, *entries], states) == flood


# replay


def test_a_call_is_repeated(workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """The last one, or the one with the given id."""
    for number in (1, 2):
        add_call(workspace, bot, number)
    assert run("replay", "bot").err == "replayed h002 of outgoing 'bot'\n"
    assert run("replay", "bot", "h001", "--json").json == {"id": bot.id, "history_id": "h001"}
    replayed = [
        it.json["historyId"] for it in workspace.server.requests if it.endpoint == "integrations.replayOutgoing"
    ]
    assert replayed == ["h002", "h001"]


def test_a_call_that_does_not_exist_is_one_line(bot: OutgoingIntegrationRecord, run: Run) -> None:
    """No call at all, or none with this id."""
    assert "has made no calls" in run("replay", "bot").error
    assert run("replay", "bot", "h9").error == "there is no call h9 in the history of outgoing 'bot'"


@pytest.mark.parametrize("server", ["6.14"], indirect=True)
def test_a_server_that_cannot_replay_is_one_line(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """It names the first version that can."""
    add_call(workspace, bot, 1)
    assert "8.7" in run("replay", "bot").error
