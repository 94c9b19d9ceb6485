"""Calls that lead to calls, calls in the background, replays, and how all of them end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing import LocalRocketChat, StoredMessage
from rocketchat_integrations.testing._delivery import _chains
from rocketchat_integrations.testing._delivery._bot_calls import BotRequest, CallFailed, OpenCalls, call_bot
from tests.testing.conftest import is_down, says

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Bot, Opener


class Slow:
    """A reply that is held back until it is released."""

    def __init__(self, bot: Bot) -> None:
        self.is_asked = threading.Event()
        self.is_released = threading.Event()
        bot.reply = self._reply

    def _reply(self, _: dict[str, Any]) -> tuple[int, str, str]:
        self.is_asked.set()
        assert self.is_released.wait(30)
        return says('{"text": "late"}')


@pytest.fixture
def slow(bot: Bot) -> Iterator[Slow]:
    """The reply of the bot, which is held back."""
    slow = Slow(bot)
    yield slow
    slow.is_released.set()


def test_replies_trigger_further_calls(api: Api, bot: Bot, other_bot: Bot) -> None:
    """A reply is a message of a bot that triggers other integrations; `say` returns after their calls."""
    bot.reply = lambda _: says('{"text": "!second"}')
    other_bot.reply = lambda _: says('{"text": "done", "channel": "#random"}')
    api.create_for(bot, triggerWords=["!first"])
    api.create_for(other_bot, triggerWords=["!second"])
    api.server.say("alice", "general", "!first")
    assert [(message.room, message.text) for message in api.server.messages] == [
        ("general", "!first"),
        ("general", "!second"),
        ("random", "done"),
    ]
    assert other_bot.calls[0]["bot"] is True


def test_the_mark_of_a_bot(old: Api, bot: Bot) -> None:
    """On 6.14 it names the integration; on 8.x it is a boolean (recorded)."""
    first = old.create_for(bot, triggerWords=["!first"], channel="#random")
    second = old.create_for(bot)
    bot.reply = lambda call: says("{}") if call["bot"] else says('{"text": "x", "channel": "#general"}')
    old.server.say("alice", "random", "!first")
    assert [call["bot"] for call in bot.calls] == [False, {"i": first["_id"]}]
    assert len(old.history(second)) == 1


def test_bots_that_answer_each_other(api: Api, bot: Bot, other_bot: Bot) -> None:
    """Endless calls raise an error that names both integrations, and the server goes on."""
    bot.reply, other_bot.reply = lambda _: says('{"text": "pong"}'), lambda _: says('{"text": "ping"}')
    api.create_for(bot, name="ponger", triggerWords=["ping"])
    api.create_for(other_bot, triggerWords=["pong"], name="pinger", username="bob")
    with pytest.raises(RuntimeError, match="answer each other endlessly") as caught:
        api.server.say("alice", "general", "ping")
    assert "integration 'pinger' calls its bot for what rocket.cat did" in str(caught.value)
    assert "integration 'ponger' calls its bot for what bob did" in str(caught.value)
    assert len(bot.calls) + len(other_bot.calls) == 101
    bot.reply = lambda _: says("{}")
    api.server.say("alice", "general", "ping")
    assert len(api.server.messages) == 103


def test_one_event_may_trigger_many_integrations(api: Api, bot: Bot) -> None:
    """Only the calls that follow from those of an event are limited."""
    integration = api.create_for(bot)
    for number in range(110):
        api.server.insert({**integration, "_id": f"i{number}"})
    api.server.say("alice", "general", "x")
    assert len(bot.calls) == 111


def test_retries_are_limited(api: Api, bot: Bot) -> None:
    """A call is not retried endlessly, whatever its count is."""
    bot.reply = is_down
    api.create_for(bot, retryFailedCalls=True, retryCount=10**9, name="eager")
    with pytest.raises(RuntimeError, match=r"integration 'eager' calls its bot again \(try 102\)"):
        api.server.say("alice", "general", "x")


def test_a_bot_may_use_the_server(api: Api, bot: Bot) -> None:
    """Nothing is locked during a call: the bot may look, post, and call the API."""
    webhook = api.create(channel="#random")

    def reply(call: dict[str, Any]) -> tuple[int, str, str]:
        if call["text"] == "outer":
            assert api.server.messages[-1].text == "outer"
            api.server.say("bob", "general", "inner")
            assert api.post(webhook, {"text": "posted"}).status == 200
            assert [record["step"] for record in api.server.history_documents] == ["pre-http-call", "after-http-call"]
        return says("{}")

    bot.reply = reply
    api.create_for(bot)
    api.server.say("alice", "general", "outer")
    assert bot.texts == ["outer", "inner"]
    assert [message.text for message in api.server.messages] == ["outer", "inner", "posted"]


def test_a_bot_that_calls_itself(api: Api, bot: Bot) -> None:
    """A bot that posts what calls it again, during its call, gets an error when this is nested too deeply."""
    errors: list[str] = []

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        try:
            api.server.say("bob", "general", "again")
        except RuntimeError as error:
            errors.append(str(error))
        return says("{}")

    bot.reply = reply
    api.create_for(bot, name="narcissus")
    api.server.say("alice", "general", "begin")
    assert len(bot.calls) == 100
    assert len(errors) == 1
    assert "'narcissus'" in errors[0]
    bot.reply = lambda _: says("{}")
    api.server.say("alice", "general", "again")
    assert bot.texts[100:] == ["again"]


def test_many_threads(api: Api, bot: Bot) -> None:
    """In every thread, `say` returns after the reply to its own message."""
    bot.reply = lambda call: says(f'{{"text": "re: {call["text"]}"}}')
    api.create_for(bot, triggerWords=["n"])

    def ask(number: int) -> bool:
        api.server.say("alice", "general", f"n{number}")
        return f"re: n{number}" in [message.text for message in api.server.messages]

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(24)))
    assert len(api.server.messages) == len(api.server.history_documents) * 2 == 48


# Calls in the background


def test_posting_does_not_wait_for_bots(api: Api, bot: Bot, slow: Slow) -> None:
    """A message through a webhook is answered at once; a test can wait for the calls."""
    webhook = api.create(alias="CI")
    api.create_for(bot, name="slowpoke")
    assert api.post(webhook, {"text": "x", "tmid": "thread"}).json == {"success": True}
    assert slow.is_asked.wait(30)
    with pytest.raises(TimeoutError, match=r"after 0\.01 seconds there are still calls of 'slowpoke'"):
        api.server.wait_until_quiet(0.01)
    # First: the answer to the first call starts the second one, which needs the new reply.
    bot.reply = lambda _: says("{}")
    slow.is_released.set()
    api.server.wait_until_quiet()
    assert [message.text for message in api.server.messages] == ["x", "late"]
    call = bot.calls[0]
    assert (call["alias"], call["tmid"], call["bot"]) == ("CI", "thread", True)


def test_messages_before_a_refusal_trigger_calls(old: Api, bot: Bot) -> None:
    """If 6.14 refuses the second of two channels, integrations are called for the first."""
    old.create_for(bot)
    webhook = old.create(overrideDestinationChannelEnabled=True)
    assert old.post(webhook, {"text": "x", "channel": ["#general", "#nope"]}).status == 400
    old.server.wait_until_quiet()
    assert bot.texts == ["x"]


def test_endless_calls_in_the_background(api: Api, bot: Bot) -> None:
    """`wait_until_quiet` raises their error, once."""
    bot.reply = lambda _: says('{"text": "x"}')
    api.create_for(bot, name="echo")
    api.post(api.create(), {"text": "x"})
    with pytest.raises(RuntimeError, match=r"integration 'echo' calls its bot for what rocket.cat did"):
        api.server.wait_until_quiet()
    api.server.wait_until_quiet()


# Replays


def test_replays(api: Api, bot: Bot) -> None:
    """A replay is a call without a message, with a history of its own; its reply has no room to go to."""
    integration = api.create_for(bot)
    api.server.say("alice", "general", "!go")
    bot.reply = lambda _: says('{"text": "again"}')
    (record,) = api.history(integration)
    body = {"integrationId": integration["_id"], "historyId": record["_id"]}
    assert api("POST", "integrations.replayOutgoing", body).json == {"success": True}
    api.server.wait_until_quiet()
    assert bot.calls[1] == {"token": "t", "bot": False}
    again, _ = api.history(integration)
    assert (again["event"], again["url"], again["httpCallData"]) == ("sendMessage", bot.url, bot.calls[1])
    assert again["integration"].items() <= integration.items()
    assert (again["step"], again["finished"]) == ("url-response-sent-message", True)
    assert "resultMessage" not in again
    assert len(api.server.messages) == 1


def _replay(api: Api, integration: dict[str, Any], **record: Any) -> None:
    api.server.insert_history(integration["_id"], {"_id": "h", **record})
    body = {"integrationId": integration["_id"], "historyId": "h"}
    assert api("POST", "integrations.replayOutgoing", body).json == {"success": True}
    api.server.wait_until_quiet()


def test_replies_to_replays(api: Api, bot: Bot) -> None:
    """A reply to a replay goes to the target room."""
    bot.reply = lambda _: says('{"text": "again"}')
    _replay(api, api.create_for(bot, targetRoom="#random"), event="sendMessage", url=bot.url)
    assert [message.room for message in api.server.messages] == ["random"]


def test_replays_without_a_call(api: Api, bot: Bot) -> None:
    """Nobody is called if the integration is disabled or has trigger words (recorded, 8.x), or without event or URL."""
    _replay(api, api.create_for(bot, triggerWords=["x"]), event="sendMessage", url=bot.url)
    _replay(api, api.create_for(bot, enabled=False), event="sendMessage", url=bot.url)
    _replay(api, api.create_for(bot), event="sendMessage", url=None)
    _replay(api, api.create_for(bot), url=bot.url)
    assert bot.calls == []
    assert len(api.server.history_documents) == 4
    odd = api.create_for(bot, triggerWords=["x"])
    _replay(api, odd, event="roomLeft", url=bot.url)
    _replay(api, api.create_for(bot, triggerWords=["x"]), event="odd", url=bot.url)
    assert len(bot.calls) == 2


# Stop and reset


@pytest.mark.parametrize("in_background", [True, False])
@pytest.mark.parametrize("end", [LocalRocketChat.reset, LocalRocketChat.stop])
def test_stop_and_reset_abort_calls(
    api: Api, bot: Bot, slow: Slow, end: Callable[[LocalRocketChat], None], in_background: bool
) -> None:
    """Calls end without waiting for the bot, and nothing that follows from them is stored."""
    server = api.server
    api.create_for(bot)
    webhook = api.create()
    said: list[Future[StoredMessage]] = []
    with ThreadPoolExecutor(1) as pool:
        if in_background:
            api.post(webhook, {"text": "x"})
        else:
            pool.submit(server.say, "alice", "general", "x").add_done_callback(said.append)
        assert slow.is_asked.wait(30)
        end(server)
        before = server.messages, server.history_documents
    slow.is_released.set()
    server.wait_until_quiet()
    assert [future.result().text for future in said] == ([] if in_background else ["x"])
    assert (server.messages, server.history_documents) == before
    assert "late" not in [message.text for message in server.messages]
    assert {record["step"] for record in server.history_documents} <= {"pre-http-call"}


def test_calls_after_a_restart_and_a_reset(api: Api, bot: Bot) -> None:
    """Integrations are called as before, with the URL that the server has now."""
    server = api.server
    server.stop()
    server.start()
    for number in (1, 2):
        api.create_for(bot, triggerWords=["x"])
        server.say("alice", "general", "x")
        assert len(bot.calls) == number
        assert bot.calls[-1]["siteUrl"] == f"{server.url}/"
        server.reset()


def test_stop_ends_the_wait_for_a_retry(serve: Opener, bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that would wait for hours can be stopped, and does not retry."""
    waits = threading.Event()

    def pause(aborted: threading.Event, seconds: float) -> None:
        waits.set()
        real_pause(aborted, seconds)

    real_pause = _chains.pause
    monkeypatch.setattr(_chains, "pause", pause)
    api = serve(retry_pace=1e300)
    bot.reply = is_down
    api.create_for(bot, retryFailedCalls=True)
    api.post(api.create(), {"text": "x"})
    assert waits.wait(30)
    api.server.stop()
    api.server.wait_until_quiet()
    assert len(bot.calls) == 1


def test_a_connection_made_after_the_abort_is_closed(bot: Bot) -> None:
    calls = OpenCalls()
    calls.abort()
    with pytest.raises(CallFailed):
        call_bot(BotRequest.to(bot.url, {}), 30, calls)
