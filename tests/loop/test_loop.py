"""The whole loop: somebody says something, Rocket.Chat calls the bot, and the bot's reply is in the room."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import Client, IncomingIntegration, UnexpectedResponse
from rocketchat_integrations.outgoing import MessageSent, Reply
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.loop.conftest import Deploy


def reply_of(message: MessageSent) -> Reply:
    service = (message.text or "").removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


def texts(server: LocalRocketChat) -> list[str]:
    return [message.text for message in server.messages]


def test_a_bot_replies_in_the_room(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """As its integration's user, and the history has the call."""
    bot = deploy(reply_of, alias="Deploy Bot")
    server.say("alice", "general", "!deploy web")
    said = server.messages[-1]
    assert (said.room, said.user, said.alias, said.text) == (
        "general",
        "rocket.cat",
        "Deploy Bot",
        "deploying web for alice",
    )
    (heard,) = bot.heard
    assert (heard.trigger_word, heard.channel_name, heard.site_url) == ("!deploy", "general", f"{server.url}/")
    (entry,) = client.history(bot.record.id)
    assert (entry.step, entry.finished, entry.error) == ("url-response-sent-message", True, False)


def test_other_words_leave_the_bot_alone(server: LocalRocketChat, deploy: Deploy) -> None:
    bot = deploy(reply_of)
    server.say("alice", "general", "shall we !deploy web?")
    server.say("alice", "random", "!deploy web")
    assert bot.heard == []


def test_a_replayed_call_has_no_content(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """On current servers, which say that it was replayed; older ones have no such call."""
    bot = deploy(reply_of)
    server.say("alice", "general", "!deploy web")
    (entry,) = client.history(bot.record.id)
    if client.server_version().startswith("6"):
        with pytest.raises(UnexpectedResponse, match=r"8\.7"):
            client.replay_outgoing(bot.record.id, entry.id)
        return
    for _ in range(2):
        client.replay_outgoing(bot.record.id, entry.id)
        server.wait_until_quiet()
    # Equal calls without content are no repeats of each other.
    assert [heard.text for heard in bot.heard] == ["!deploy web", None, None]
    assert len(list(client.history(bot.record.id))) == 3


def test_a_bot_that_is_busy_is_called_again(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """As often as the integration says, until it answers."""
    answers = iter([Reply.retry_later(), Reply.retry_later(), Reply("done")])
    bot = deploy(lambda _: next(answers), retry_failed_calls=True, retry_count=3)
    server.say("alice", "general", "!deploy web")
    assert texts(server) == ["!deploy web", "done"]
    assert len({heard.message_id for heard in bot.heard}) == 1
    assert [entry.error for entry in client.history(bot.record.id)] == [False, True, True]


def test_without_retries_a_busy_bot_misses_the_call(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    bot = deploy(lambda _: Reply.retry_later())
    server.say("alice", "general", "!deploy web")
    (entry,) = client.history(bot.record.id)
    assert (entry.step, entry.error, len(bot.heard)) == ("failed-and-not-configured-to-retry", True, 1)
    assert client.get(bot.record.id).enabled


def test_a_bot_can_have_its_integration_disabled(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    bot = deploy(lambda _: Reply.disable())
    for _ in range(2):
        server.say("alice", "general", "!deploy web")
    assert len(bot.heard) == 1
    assert not client.get(bot.record.id).enabled


def test_a_handler_that_raises_is_a_failed_call(
    server: LocalRocketChat, client: Client, deploy: Deploy, caplog: pytest.LogCaptureFixture
) -> None:
    """Which is logged, and not made again: it would fail again."""

    def fail(message: MessageSent) -> None:
        raise LookupError(f"no service {message.text!r}")

    bot = deploy(fail, retry_failed_calls=True)
    with caplog.at_level(logging.ERROR, "rocketchat_integrations.outgoing"):
        server.say("alice", "general", "!deploy web")
    assert "no service '!deploy web'" in caplog.text
    assert str(bot.record.token) not in caplog.text
    (entry,) = client.history(bot.record.id)
    assert (entry.step, entry.error) == ("after-process-http-status-500", True)
    assert texts(server) == ["!deploy web"]


def test_who_does_not_know_the_token_is_not_heard(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """An integration with another token reaches no handler."""
    bot = deploy(reply_of, token="somebody else's")
    server.say("alice", "general", "!deploy web")
    assert bot.heard == []
    (entry,) = client.history(bot.record.id)
    assert entry.error
    assert texts(server) == ["!deploy web"]


def test_a_bot_does_not_talk_to_itself(server: LocalRocketChat, deploy: Deploy) -> None:
    """Though its reply begins with the trigger word, and Rocket.Chat calls it again for that."""
    bot = deploy(lambda message: Reply(f"!deploy again? {message.text}"))
    server.say("alice", "general", "!deploy web")
    assert len(bot.heard) == 1
    assert texts(server) == ["!deploy web", "!deploy again? !deploy web"]


def test_a_bot_that_wants_to_hears_other_bots(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """Such as a program that posts through an incoming webhook."""
    bot = deploy(reply_of, bots=True)
    hook = client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
    client.webhook(hook).post("!deploy web")
    server.wait_until_quiet()
    assert [heard.text for heard in bot.heard] == ["!deploy web"]
    assert texts(server)[-1] == "deploying web for rocket.cat"
