"""End to end: a user posts, Rocket.Chat calls the bot, and the reply appears in the room."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import (
    Action,
    Attachment,
    Client,
    EventType,
    IncomingIntegration,
    Message,
    OutgoingIntegration,
    UnexpectedResponse,
)
from rocketchat_integrations.outgoing import Command, MessageSent, Reply, WebhookApp
from rocketchat_integrations.testing import LocalBot, LocalRocketChat

if TYPE_CHECKING:
    from tests.end_to_end.conftest import Deploy


def reply_of(message: MessageSent) -> Reply:
    service = (message.text or "").removeprefix("!deploy").strip()
    return Reply(f"deploying {service or 'nothing'} for {message.user_name}")


def texts(server: LocalRocketChat) -> list[str]:
    return [message.text for message in server.messages]


def test_a_bot_replies_in_the_room(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """As the integration's user; the history has the call."""
    bot = deploy(reply_of, alias="Deploy Bot")
    server.say("alice", "general", "!deploy web")
    said = server.messages[-1]
    assert (said.room, said.user, said.alias, said.text) == (
        "general",
        "rocket.cat",
        "Deploy Bot",
        "deploying web for alice",
    )
    (received,) = bot.received
    assert (received.trigger_word, received.channel_name, received.site_url) == ("!deploy", "general", f"{server.url}/")
    (entry,) = client.history(bot.record.id)
    assert (entry.step, entry.finished, entry.error) == ("url-response-sent-message", True, False)


@pytest.mark.parametrize("server", ["6.14", "8.8", "9.0"], indirect=True)
def test_a_button_calls_the_bot(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """A message has a button; who presses it says its text, which the bot answers."""
    deploy(reply_of)
    hook = client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
    buttons = Attachment(actions=[Action("Deploy", msg="!deploy web"), Action("Log", url="https://ci.example/7")])
    with client.webhook(hook) as webhook:
        webhook.post(Message("Build 7 passed", attachments=[buttons]))
    server.wait_until_quiet()
    pressed = server.press(server.messages[-1], "Deploy", user="alice")
    assert (pressed.user, pressed.text) == ("alice", "!deploy web")
    assert texts(server) == ["Build 7 passed", "!deploy web", "deploying web for alice"]


def test_other_messages_do_not_call_the_bot(server: LocalRocketChat, deploy: Deploy) -> None:
    bot = deploy(reply_of)
    server.say("alice", "general", "shall we !deploy web?")
    server.say("alice", "random", "!deploy web")
    assert bot.received == []


def test_a_replayed_call_has_no_text(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """Equal calls without an id are not dropped as duplicates."""
    bot = deploy(reply_of, trigger_words=())
    server.say("alice", "general", "!deploy web")
    # The reply was sent to the bot as well, which ignores bots.
    _, entry = client.history(bot.record.id)
    for _ in range(2):
        client.replay_outgoing(bot.record.id, entry.id)
        server.wait_until_quiet()
    assert [received.text for received in bot.received] == ["!deploy web", None, None]
    assert len(list(client.history(bot.record.id))) == 4


@pytest.mark.parametrize("server", ["6.14"], indirect=True)
def test_6_cannot_replay_calls(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """The message names the first version that can."""
    bot = deploy(reply_of)
    server.say("alice", "general", "!deploy web")
    (entry,) = client.history(bot.record.id)
    with pytest.raises(UnexpectedResponse, match=r"8\.7"):
        client.replay_outgoing(bot.record.id, entry.id)


def test_a_replay_with_trigger_words_calls_nothing(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """The server answers success all the same (recorded of 8.x)."""
    bot = deploy(reply_of)
    server.say("alice", "general", "!deploy web")
    (entry,) = client.history(bot.record.id)
    client.replay_outgoing(bot.record.id, entry.id)
    server.wait_until_quiet()
    assert [received.text for received in bot.received] == ["!deploy web"]


def test_a_bot_that_asks_to_retry_is_called_again(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """Until it answers, at most as often as the integration allows."""
    answers = iter([Reply.retry_later(), Reply.retry_later(), Reply("done")])
    bot = deploy(lambda _: next(answers), retry_failed_calls=True, retry_count=3)
    server.say("alice", "general", "!deploy web")
    assert texts(server) == ["!deploy web", "done"]
    assert len({received.message_id for received in bot.received}) == 1
    assert [entry.error for entry in client.history(bot.record.id)] == [False, True, True]


def test_without_retries_the_call_is_lost(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    bot = deploy(lambda _: Reply.retry_later())
    server.say("alice", "general", "!deploy web")
    (entry,) = client.history(bot.record.id)
    assert (entry.step, entry.error, len(bot.received)) == ("failed-and-not-configured-to-retry", True, 1)
    assert client.get(bot.record.id).enabled


def test_a_bot_can_disable_its_integration(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    bot = deploy(lambda _: Reply.disable())
    for _ in range(2):
        server.say("alice", "general", "!deploy web")
    assert len(bot.received) == 1
    assert not client.get(bot.record.id).enabled


def test_an_exception_in_a_handler_is_a_failed_call(
    server: LocalRocketChat, client: Client, deploy: Deploy, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged and not retried."""

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


def test_a_call_with_another_token_is_refused(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    bot = deploy(reply_of, token="another token")
    server.say("alice", "general", "!deploy web")
    assert bot.received == []
    (entry,) = client.history(bot.record.id)
    assert entry.error
    assert texts(server) == ["!deploy web"]


@pytest.mark.parametrize("server", ["9.0", "6.14"], indirect=True)  # `bot` is another type of value
def test_a_bot_does_not_answer_its_own_reply(server: LocalRocketChat, deploy: Deploy) -> None:
    """Rocket.Chat calls it again if the reply starts with the trigger word."""
    bot = deploy(lambda message: Reply(f"!deploy again? {message.text}"))
    server.say("alice", "general", "!deploy web")
    assert len(bot.received) == 1
    assert texts(server) == ["!deploy web", "!deploy again? !deploy web"]


@pytest.mark.parametrize("server", ["9.0", "6.14"], indirect=True)  # `bot` is another type of value
def test_a_bot_can_accept_messages_of_other_bots(server: LocalRocketChat, client: Client, deploy: Deploy) -> None:
    """Such as posts of an incoming webhook."""
    bot = deploy(reply_of, bots=True)
    hook = client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
    client.webhook(hook).post("!deploy web")
    server.wait_until_quiet()
    assert [received.text for received in bot.received] == ["!deploy web"]
    assert texts(server)[-1] == "deploying web for rocket.cat"


@pytest.mark.parametrize("server", ["9.0", "8.8", "6.14"], indirect=True)
def test_a_reply_takes_what_a_message_takes(server: LocalRocketChat, deploy: Deploy) -> None:
    """And replaces the looks of the integration."""
    deploy(
        lambda message: Message(
            "see https://example.com",
            alias="Ship",
            emoji=":ship:",
            attachments=[Attachment(title="log")],
            parse_urls=True,
            groupable=True,
            custom_fields={"a": 1},
        ),
        alias="Deploy Bot",
        avatar="https://example.com/bot.png",
    )
    server.say("alice", "general", "!deploy web")
    reply = server.messages[-1]
    assert (reply.alias, reply.emoji, reply.avatar) == ("Ship", ":ship:", None)
    assert reply.attachments == ({"title": "log"},)
    assert [reply.document[name] for name in ("parseUrls", "groupable", "customFields")] == [True, True, {"a": 1}]


@pytest.mark.parametrize("server", ["9.0", "8.8", "6.14"], indirect=True)
def test_a_bot_answers_in_threads(server: LocalRocketChat, deploy: Deploy) -> None:
    """`reply` stays where the message is; `reply_in_thread` starts a thread if there is none."""
    deploy(lambda message: message.reply("here"), trigger_words=["!here"])
    deploy(lambda message: message.reply_in_thread("in a thread"), trigger_words=["!thread"])
    for word, threads in {"!here": (False, True), "!thread": (True, True)}.items():
        outside = server.say("alice", "general", word)
        inside = server.say("alice", "general", word, tmid=outside.id)
        replies = [message for message in server.messages if message.text in ("here", "in a thread")][-2:]
        assert [reply.tmid for reply in replies] == [outside.id if in_thread else None for in_thread in threads]
        assert inside.tmid == outside.id


@pytest.mark.parametrize("server", ["9.0", "8.8", "6.14"], indirect=True)
@pytest.mark.parametrize("overrides", [False, True])
def test_the_result_of_later_work_is_posted_in_the_thread(
    server: LocalRocketChat, client: Client, deploy: Deploy, overrides: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """In another room than the webhook's only if its integration may override the channel."""
    results = IncomingIntegration(
        "results", channel="#random", username="rocket.cat", override_destination_channel_enabled=overrides
    )
    webhook = client.webhook(client.create(results))
    bot = deploy(
        lambda message: Reply.later(
            lambda: message.reply_in_thread("deployed", channel=message.channel_id),
            webhook,
            now=message.reply_in_thread("deploying"),
        )
    )
    said = server.say("alice", "general", "!deploy web")
    assert bot.app.finish(60)
    posted = {(message.room, message.text, message.tmid) for message in server.messages[1:]}
    assert posted == {("general", text, said.id) for text in ("deploying", *(["deployed"] if overrides else []))}
    assert ("overriding destination channel is disabled" in caplog.text) is not overrides


@pytest.mark.parametrize("server", ["9.0", "8.8", "6.14"], indirect=True)
def test_commands_are_called_by_their_trigger_words(server: LocalRocketChat, client: Client) -> None:
    """At the start of a text, or anywhere in it with `trigger_word_anywhere`; help and hints come back in the room."""
    app = WebhookApp(token="T0K3N")

    @app.command("!deploy")
    def ship(command: Command) -> str:
        """Deploy a service."""
        return f"deploying {command.text} for {command.message.user_name}"

    with LocalBot(app) as bot:
        definition = OutgoingIntegration(
            "deployer",
            event=EventType.SEND_MESSAGE,
            channel="#general",
            username="rocket.cat",
            trigger_words=app.trigger_words,
            urls=bot.url,
            token="T0K3N",
        )
        record = client.create(definition)
        for text in ("!deploy web", "please !deploy web", "!deploy help", "!deployed"):
            server.say("alice", "general", text)
        client.update(record.id, attrs.evolve(record, trigger_word_anywhere=True))
        server.say("alice", "general", "please !deploy api")
    assert [text.partition("\n")[0] for text in texts(server) if "!deploy" not in text[:16]] == [
        "deploying web for alice",
        "This is not a command. Did you mean `!deploy`?",
        "deploying api for alice",
    ]
    assert "`!deploy`: Deploy a service." in texts(server)
