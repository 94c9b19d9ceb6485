"""Calls of outgoing integrations in the life of the embedded server: chains, threads, stopping."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing import LocalRocketChat, StoredMessage
from rocketchat_integrations.testing._delivery import _chains as _deliveries
from rocketchat_integrations.testing._delivery._bot_calls import CallFailed, OpenCalls, call_bot as call
from tests.testing.conftest import Bot, Employ, says

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener


class Slow:
    """A reply that is only given when it is let out."""

    def __init__(self, bot: Bot) -> None:
        self.is_asked = threading.Event()
        self.is_let_out = threading.Event()
        bot.reply = self._reply

    def _reply(self, _: dict[str, Any]) -> tuple[int, str, str]:
        self.is_asked.set()
        assert self.is_let_out.wait(30)
        return says('{"text": "late"}')


@pytest.fixture
def slow(bot: Bot) -> Iterator[Slow]:
    """The bot, which replies when it is let to."""
    slow = Slow(bot)
    yield slow
    slow.is_let_out.set()


# Chains


def test_replies_set_off_further_calls(both: Api, bot: Bot, other_bot: Bot) -> None:
    """What a bot replies is a message that fires others, marked as a bot's, and all of it is over when say returns."""
    bot.reply = lambda _: says('{"text": "!second"}')
    other_bot.reply = lambda _: says('{"text": "done", "channel": "#random"}')
    first = Employ(both)(bot, triggerWords=["!first"])
    Employ(both)(other_bot, triggerWords=["!second"])
    both.server.say("alice", "general", "!first")
    assert [(message.room, message.text) for message in both.server.messages] == [
        ("general", "!first"),
        ("general", "!second"),
        ("random", "done"),
    ]
    assert other_bot.calls[0]["bot"] == {"i": first["_id"]}


def test_bots_that_talk_for_ever(both: Api, bot: Bot, other_bot: Bot) -> None:
    """Two bots that answer each other end with an error that names both, and the server goes on."""
    bot.reply, other_bot.reply = lambda _: says('{"text": "pong"}'), lambda _: says('{"text": "ping"}')
    Employ(both)(bot, name="ponger", triggerWords=["ping"])
    Employ(both)(other_bot, triggerWords=["pong"], name="pinger", username="bob")
    with pytest.raises(RuntimeError, match="answer each other endlessly") as caught:
        both.server.say("alice", "general", "ping")
    assert "integration 'pinger' calls its bot for what rocket.cat did" in str(caught.value)
    assert "integration 'ponger' calls its bot for what bob did" in str(caught.value)
    assert len(bot.calls) + len(other_bot.calls) == 101
    bot.reply = lambda _: says("{}")
    both.server.say("alice", "general", "ping")
    assert len(both.server.messages) == 103


def test_many_integrations_may_fire(both: Api, bot: Bot) -> None:
    """It is chains that are bounded, not how many integrations one event fires."""
    integration = Employ(both)(bot)
    for number in range(150):
        both.server.insert({**integration, "_id": f"i{number}"})
    both.server.say("alice", "general", "x")
    assert len(bot.calls) == 151


def test_tries_are_bounded_too(both: Api, bot: Bot) -> None:
    """A call is not tried for ever either, whatever its count is."""
    bot.reply = lambda _: (503, "text/plain", "down")
    Employ(both)(bot, retryFailedCalls=True, retryCount=10**9, name="eager")
    with pytest.raises(RuntimeError, match=r"integration 'eager' calls its bot again \(try 102\)"):
        both.server.say("alice", "general", "x")


def test_a_bot_may_use_the_server_while_it_is_called(both: Api, bot: Bot) -> None:
    """Nothing is locked during a call: the bot may look, say something that fires others, and call the API."""
    webhook = both.create(channel="#random")

    def reply(payload: dict[str, Any]) -> tuple[int, str, str]:
        if payload["text"] == "outer":
            assert both.server.messages[-1].text == "outer"
            both.server.say("bob", "general", "inner")
            assert both.post(webhook, {"text": "posted"}).status == 200
            assert [record["step"] for record in both.server.history_documents] == ["pre-http-call", "after-http-call"]
        return says("{}")

    bot.reply = reply
    Employ(both)(bot)
    both.server.say("alice", "general", "outer")
    assert bot.texts == ["outer", "inner"]
    assert [message.text for message in both.server.messages] == ["outer", "inner", "posted"]


def test_a_bot_that_calls_itself_for_ever(api: Api, bot: Bot) -> None:
    """A bot that says what calls it again, inside its call, gets an error when that goes too deep."""
    errors: list[str] = []

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        try:
            api.server.say("bob", "general", "again")
        except RuntimeError as error:
            errors.append(str(error))
        return says("{}")

    bot.reply = reply
    Employ(api)(bot, name="narcissus")
    api.server.say("alice", "general", "begin")
    assert len(bot.calls) == 100
    assert len(errors) == 1
    assert "'narcissus'" in errors[0]


def test_many_threads_may_say_something(api: Api, bot: Bot) -> None:
    """Every thread's say returns with what its own message led to."""
    bot.reply = lambda call: says(f'{{"text": "re: {call["text"]}"}}')
    Employ(api)(bot, triggerWords=["n"])

    def ask(number: int) -> bool:
        api.server.say("alice", "general", f"n{number}")
        return f"re: n{number}" in [message.text for message in api.server.messages]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(40)))
    assert len(api.server.messages) == len(api.server.history_documents) * 2 == 80


# In the background


def test_messages_through_webhooks_are_answered_at_once(both: Api, bot: Bot, slow: Slow) -> None:
    """Posting does not wait for the bots that hear of it; a test can."""
    webhook = both.create()
    Employ(both)(bot, name="slowpoke")
    assert both.post(webhook, {"text": "x"}).json == {"success": True}
    with pytest.raises(TimeoutError, match=r"after 0\.01 seconds there are still calls of 'slowpoke'"):
        both.server.wait_until_quiet(0.01)
    slow.is_let_out.set()
    bot.reply = lambda _: says("{}")
    both.server.wait_until_quiet()
    assert [message.text for message in both.server.messages] == ["x", "late"]
    assert bot.calls[0]["bot"] == {"i": webhook["_id"]}


def test_the_posting_address_of_an_outgoing_integration_fires(both: Api, bot: Bot) -> None:
    """What is posted with an outgoing integration's token is a message of that integration, and can call its bot."""
    integration = Employ(both)(bot)
    both.post(integration, {"text": "x"})
    both.server.wait_until_quiet()
    assert [call["bot"] for call in bot.calls] == [{"i": integration["_id"]}]


def test_what_was_posted_before_a_refusal_fires(old: Api, bot: Bot) -> None:
    """Where 6.14 stops at the second of two channels, the bots hear of the first."""
    Employ(old)(bot)
    webhook = old.create(overrideDestinationChannelEnabled=True)
    assert old.post(webhook, {"text": "x", "channel": ["#general", "#nope"]}).status == 400
    old.server.wait_until_quiet()
    assert bot.texts == ["x"]


def test_background_bots_that_talk_for_ever(both: Api, bot: Bot) -> None:
    """Calls in the background that do not end are given up as well; who waits for them is told, once."""
    bot.reply = lambda _: says('{"text": "x"}')
    Employ(both)(bot, name="echo")
    both.post(both.create(), {"text": "x"})
    with pytest.raises(RuntimeError, match="integration 'echo' calls its bot for what rocket.cat did"):
        both.server.wait_until_quiet()
    both.server.wait_until_quiet()


# Replay


def test_replays_on_current_servers(api: Api, bot: Bot) -> None:
    """A replay is answered with success, and is a call without content that has a history of its own."""
    employ = Employ(api)
    integration = employ(bot, triggerWords=["!go"])
    api.server.say("alice", "general", "!go")
    bot.reply = lambda _: says('{"text": "again"}')
    (record,) = employ.history(integration)
    answer = api(
        "POST", "integrations.replayOutgoing", {"integrationId": integration["_id"], "historyId": record["_id"]}
    )
    assert answer.json == {"success": True}
    api.server.wait_until_quiet()
    assert bot.calls[1] == {"token": "t", "bot": False}
    again, _ = employ.history(integration)
    assert (again["event"], again["url"], again["httpCallData"]) == ("sendMessage", bot.url, bot.calls[1])
    assert (again["step"], again["finished"]) == ("url-response-sent-message", True)
    assert "resultMessage" not in again
    assert len(api.server.messages) == 1


def test_replies_to_replays(api: Api, bot: Bot) -> None:
    """A reply to a call without a room is posted where it or the integration says."""
    employ = Employ(api)
    integration = employ(bot, targetRoom="#random")
    api.server.insert_history(integration["_id"], {"_id": "h", "event": "sendMessage", "url": bot.url})
    bot.reply = lambda _: says('{"text": "again"}')
    api("POST", "integrations.replayOutgoing", {"integrationId": integration["_id"], "historyId": "h"})
    api.server.wait_until_quiet()
    assert [message.room for message in api.server.messages] == ["random"]


def test_replays_that_call_nobody(api: Api, bot: Bot) -> None:
    """A replay succeeds without a call where the integration is disabled, and where the record says too little."""
    known = {"_id": "h", "event": "sendMessage", "url": bot.url}
    for enabled, record in ((False, known), (True, {**known, "url": None}), (True, {"_id": "h", "url": bot.url})):
        integration = Employ(api)(bot, enabled=enabled)
        api.server.insert_history(integration["_id"], record)
        body = {"integrationId": integration["_id"], "historyId": "h"}
        assert api("POST", "integrations.replayOutgoing", body).json == {"success": True}
        api.server.wait_until_quiet()
    assert bot.calls == []
    assert len(api.server.history_documents) == 3


def test_older_servers_have_no_replay(old: Api, bot: Bot) -> None:
    """6.14 does not know the endpoint, and calls nobody."""
    employ = Employ(old)
    integration = employ(bot)
    old.server.insert_history(integration["_id"], {"_id": "h", "url": bot.url})
    answer = old("POST", "integrations.replayOutgoing", {"integrationId": integration["_id"], "historyId": "h"})
    assert b"<html>" in answer.body
    old.server.wait_until_quiet()
    assert bot.calls == []


# Stopping and resetting


def test_nobody_does_anything_on_a_server_that_does_not_run() -> None:
    """Without a running server nothing can be said."""
    server = LocalRocketChat()
    with pytest.raises(RuntimeError, match="not running"):
        server.say("alice", "general", "x")
    assert server.messages == ()


@pytest.mark.parametrize("in_background", [True, False])
@pytest.mark.parametrize("end", [LocalRocketChat.reset, LocalRocketChat.stop])
def test_calls_end_with_their_world(
    both: Api, bot: Bot, slow: Slow, end: Callable[[LocalRocketChat], None], in_background: bool
) -> None:
    """A reset or a stop ends calls without waiting for the bot; what it replies after that is lost."""
    server = both.server
    Employ(both)(bot)
    webhook = both.create()
    said: list[Future[StoredMessage]] = []
    with ThreadPoolExecutor(1) as pool:
        if in_background:
            both.post(webhook, {"text": "x"})
        else:
            pool.submit(server.say, "alice", "general", "x").add_done_callback(said.append)
        assert slow.is_asked.wait(30)
        end(server)
        before = server.messages, server.history_documents
    slow.is_let_out.set()
    server.wait_until_quiet()
    assert [future.result().text for future in said] == ([] if in_background else ["x"])
    assert (server.messages, server.history_documents) == before
    assert "late" not in [message.text for message in server.messages]
    assert {record["step"] for record in server.history_documents} <= {"pre-http-call"}


def test_a_server_that_was_started_again_calls_again(both: Api, bot: Bot) -> None:
    """After a stop and a start, and after a reset, integrations are called as before, with the address of now."""
    server = both.server
    for is_stopped in (True, False):
        if is_stopped:
            server.stop()
            server.start()
        Employ(both)(bot, triggerWords=["x"])
        server.say("alice", "general", "x")
        assert bot.calls[-1]["siteUrl"] == f"{server.url}/"
        server.reset()
    assert len(bot.calls) == 2


def test_waits_end_with_the_server(serve: Opener, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits hours for the next try can be stopped, and does not try again."""
    waits = threading.Event()

    def pause(ended: threading.Event, seconds: float) -> None:
        waits.set()
        really_pause(ended, seconds)

    really_pause = _deliveries.pause
    monkeypatch.setattr(_deliveries, "pause", pause)
    api = serve(retry_pace=1e300)
    bot.reply = lambda _: (503, "text/plain", "down")
    Employ(api)(bot, retryFailedCalls=True)
    api.post(api.create(), {"text": "x"})
    assert waits.wait(30)
    api.server.stop()
    api.server.wait_until_quiet()
    assert len(bot.calls) == 1


def test_a_call_that_connects_while_calls_end_is_cut(bot: Bot) -> None:
    """Also a connection that is only just made belongs to the calls that are ended."""
    calls = OpenCalls()
    calls.abort()
    with pytest.raises(CallFailed):
        call(bot.url, {}, 30, calls)
