"""The outcome of each call, as the embedded server of each dialect stores it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from rocketchat_integrations import CallOutcome, Client, HistoryEntry, OutgoingIntegration
from rocketchat_integrations.testing import LocalBot, LocalRocketChat

DIALECTS = ("6.14", "8.8", "9.0")


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=request.param) as server:
        yield server


def answers(status: str, body: str, content_type: str = "application/json") -> Callable[..., Iterable[bytes]]:
    """Return a bot that always answers the same."""

    def bot(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        start_response(status, [("Content-Type", content_type)])
        return [body.encode()]

    return bot


PONG = answers("200 OK", '{"text": "pong"}')


def calls_of(client: Client, server: LocalRocketChat, url: str, script: str = "", **fields: Any) -> list[HistoryEntry]:
    """Let a message call a bot, and return the calls, oldest first."""
    if script:
        fields |= {"script": f"class Script {{ {script} }}", "script_enabled": True}
    where: dict[str, Any] = {"channel": "#general", "username": "rocket.cat", "trigger_words": "hello"}
    bot = client.create(OutgoingIntegration("bot", event="sendMessage", urls=[url], token="t", **where, **fields))
    server.say("alice", "general", "hello")
    return list(client.history(bot.id))[::-1]


STATUS = "the status was not 200, 201 or 202"


@pytest.mark.parametrize("server", DIALECTS, indirect=True)
@pytest.mark.parametrize(
    ("bot", "outcome", "reason"),
    [
        (PONG, CallOutcome.ANSWERED_WITH_MESSAGE, None),
        (answers("200 OK", "{}"), CallOutcome.NOTHING_SAID, None),
        (answers("200 OK", "done\nand out", "text/plain"), CallOutcome.ANSWERED, "the reply is not a message: done"),
        (
            answers("200 OK", '{"text": "pong"}', "text/plain"),
            CallOutcome.ANSWERED,
            "the reply has a message, but not the content type application/json",
        ),
        (answers("200 OK", ""), CallOutcome.REFUSED, "the reply was empty"),
        (answers("401 Unauthorized", "who?"), CallOutcome.REFUSED, f"{STATUS}: who?"),
        (answers("410 Gone", "bye"), CallOutcome.REFUSED, "status 410: bye; the integration was disabled"),
        (answers("500 Error", "oops\nat x"), CallOutcome.REFUSED, "status 500: oops"),
    ],
)
def test_the_reply_of_a_bot_decides(
    server: LocalRocketChat, bot: Callable[..., Iterable[bytes]], outcome: CallOutcome, reason: str | None
) -> None:
    """With the body of the reply as the reason of a failure: of most statuses, the server stores nothing."""
    with Client(server.url, server.auth("admin")) as client, LocalBot(bot) as local:
        (call,) = calls_of(client, server, local.url)
    assert (call.outcome, call.reason) == (outcome, reason)


@pytest.mark.parametrize("server", DIALECTS, indirect=True)
def test_a_bot_that_cannot_be_reached_gives_no_reply(server: LocalRocketChat) -> None:
    """The server notes no error for such a call."""
    with socket.socket() as listener, Client(server.url, server.auth("admin")) as client:
        listener.bind(("127.0.0.1", 0))
        (call,) = calls_of(client, server, f"http://127.0.0.1:{listener.getsockname()[1]}/")
        assert (call.error, call.outcome) == (False, CallOutcome.NO_REPLY)
        assert "refused" in (call.reason or "")


@pytest.mark.parametrize("version", DIALECTS)
def test_a_bot_that_is_slow_gives_no_reply(version: str) -> None:
    done = threading.Event()

    def slow(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        done.wait(60)
        return PONG(environ, start_response)

    with (
        LocalRocketChat(version=version, reply_timeout=0.2) as server,
        Client(server.url, server.auth("admin")) as client,
        LocalBot(slow) as local,
        contextlib.ExitStack() as stack,
    ):
        stack.callback(done.set)
        (call,) = calls_of(client, server, local.url)
    assert call.outcome is CallOutcome.NO_REPLY
    assert "timeout" in (call.reason or "")


@pytest.mark.parametrize("server", DIALECTS, indirect=True)
def test_a_failure_that_is_retried_waits_for_a_retry(server: LocalRocketChat) -> None:
    """The last one says that no retry was left."""
    with Client(server.url, server.auth("admin")) as client, LocalBot(answers("503 Down", "down")) as local:
        first, last = calls_of(client, server, local.url, retry_failed_calls=True, retry_count=1)
    assert (first.outcome, first.reason) == (CallOutcome.WAITING_FOR_RETRY, f"{STATUS}: down")
    assert (last.outcome, last.reason) == (CallOutcome.REFUSED, f"{STATUS}: down; no retry was left")


@pytest.mark.parametrize("server", ["8.8", "9.0"], indirect=True)
def test_a_message_that_the_server_cannot_post_is_not_a_missing_reply(server: LocalRocketChat) -> None:
    """The bot has answered, but named a room that does not exist."""
    bot = answers("200 OK", '{"text": "pong", "channel": "#nowhere"}')
    with Client(server.url, server.auth("admin")) as client, LocalBot(bot) as local:
        (call,) = calls_of(client, server, local.url)
    assert (call.outcome, call.reason) == (CallOutcome.NOT_POSTED, "[invalid-channel]")


@pytest.mark.parametrize("server", DIALECTS, indirect=True)
@pytest.mark.parametrize(
    ("script", "outcome", "reason"),
    [
        ("prepare_outgoing_request() { throw new Error('bad') }", CallOutcome.SCRIPT_FAILED, "Error: bad"),
        ("process_outgoing_response() { throw new Error('bad') }", CallOutcome.SCRIPT_FAILED, "Error: bad"),
        ("prepare_outgoing_request() {}", CallOutcome.NOTHING_SAID, "the script let nothing be called"),
        ("process_outgoing_response() { return false }", CallOutcome.NOTHING_SAID, "the script let nothing be posted"),
        ("process_outgoing_response() { return {content: {text: 'x'}} }", CallOutcome.ANSWERED_WITH_MESSAGE, None),
        (
            "prepare_outgoing_request() { return {message: {text: 'x'}} }",
            CallOutcome.ANSWERED_WITH_MESSAGE,
            "posted by the script, which let nothing be called",
        ),
    ],
)
def test_a_script_decides(server: LocalRocketChat, script: str, outcome: CallOutcome, reason: str | None) -> None:
    """Before the call and after it."""
    with Client(server.url, server.auth("admin")) as client, LocalBot(PONG) as local:
        (call,) = calls_of(client, server, local.url, script)
    assert (call.outcome, call.reason) == (outcome, reason)
