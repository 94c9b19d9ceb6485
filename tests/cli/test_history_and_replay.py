"""`history` and `replay`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import Client, HistoryEntry, OutgoingIntegrationRecord
from rocketchat_integrations.cli.commands.history import changed_entries

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

OUTCOMES: dict[str, dict[str, object]] = {
    "no message": {"step": "after-http-call", "finished": False, "error": False},
    "message posted": {"step": "url-response-sent-message", "finished": True, "error": False},
    "failed": {"step": "after-process-http-status-500", "finished": False, "error": True},
}


def add_call(
    workspace: Workspace, bot: OutgoingIntegrationRecord, number: int, outcome: str = "failed", **more: Any
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
    assert heading.split() == ["TIME", "OUTCOME", "STEP", "EVENT", "URL", "ID"]
    assert ids("\n".join(lines)) == ["h000", "h001", "h002"]
    assert all(outcome in line for outcome, line in zip(OUTCOMES, lines, strict=True))
    assert "after-process-http-status-500" in lines[2]
    assert ids(run("history", bot.id, "-n", "2").out)[1:] == ["h001", "h002"]
    assert [entry["id"] for entry in run("history", "bot", "-n", "1", "--json").json] == ["h002"]


@pytest.mark.parametrize(
    ("failure", "shown"),
    [
        ({"httpError": {"message": "getaddrinfo ENOTFOUND\nat a\nat b"}}, "failed: getaddrinfo ENOTFOUND  "),
        ({"errorStack": "TypeError: x\n  at y"}, "failed: TypeError: x  "),
        ({"httpError": "e" * 61}, f"failed: {'e' * 60}...  "),
        ({"httpError": {"code": 1}}, "failed  "),
    ],
)
def test_the_table_shows_the_first_line_of_an_error(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, failure: dict[str, Any], shown: str
) -> None:
    """Long ones are truncated; one without a message is just a failure."""
    add_call(workspace, bot, 1, **failure)
    assert shown in run("history", "bot").out


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
    for command in ("history", "replay"):
        assert "incoming 'ci' has no history" in run(command, "ci").error


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
