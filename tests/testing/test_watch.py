"""`LocalRocketChat.watch`: what happens on a server, as it happens."""

from __future__ import annotations

import pytest

from rocketchat_integrations import (
    Client,
    EventType,
    IncomingIntegration,
    OutgoingIntegration,
    PermissionDeniedError,
)
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp
from rocketchat_integrations.testing import (
    AnsweredCall,
    AnsweredRequest,
    LocalBot,
    LocalRocketChat,
    StoredMessage,
)

TOKEN = "canary-token"


def bot() -> WebhookApp:
    app = WebhookApp(token=TOKEN)

    @app.on(EventType.SEND_MESSAGE)
    def deploy(message: MessageSent) -> Reply:
        return Reply(f"deploying for {message.user_name}")

    return app


def watched(server: LocalRocketChat) -> list[AnsweredRequest | AnsweredCall | StoredMessage]:
    activities: list[AnsweredRequest | AnsweredCall | StoredMessage] = []
    server.watch(activities.append)
    return activities


def outgoing(url: str) -> OutgoingIntegration:
    return OutgoingIntegration(
        name="deployer",
        event=EventType.SEND_MESSAGE,
        channel="#general",
        username="rocket.cat",
        urls=[url],
        trigger_words=["!deploy"],
        token=TOKEN,
    )


def test_requests_messages_and_calls_are_reported_in_their_order() -> None:
    """A watcher gets requests, messages, and calls with the bot's answer; secrets are in no repr."""
    with LocalRocketChat() as server, LocalBot(bot()) as served:
        activities, url = watched(server), served.url
        with Client(server.url, server.auth("admin")) as client:
            client.create(outgoing(url))
        message = server.say("alice", "general", "!deploy web")
        edited = server.edit(message, "!deploy api")
        reply = next(each for each in server.messages if each.user == "rocket.cat")
    answer = '{"text": "deploying for alice"}'
    call = AnsweredCall(integration="deployer", event="sendMessage", url=url, status=200, answer=answer)
    request = AnsweredRequest(method="POST", endpoint="integrations.create", status=200)
    assert activities == [request, message, call, reply, edited]
    assert TOKEN not in repr(activities)


def test_refusals_and_failed_calls_say_why() -> None:
    """A refused request has the status and a note, a call without an answer the failure."""
    with LocalRocketChat() as server:
        activities = watched(server)
        with Client(server.url, server.auth("admin")) as client:
            hook = client.create(IncomingIntegration(name="ci", channel="#general", username="rocket.cat"))
            client.create(outgoing("http://127.0.0.1:1/"))
            server.set_permissions("rocket.cat", [])
            with pytest.raises(PermissionDeniedError):
                client.webhook(hook).post("build passed")
        server.say("alice", "general", "!deploy web")
    refused = next(each for each in activities if isinstance(each, AnsweredRequest) and each.endpoint == "hooks")
    assert (refused.status, refused.integration_id, bool(refused.note)) == (400, hook.id, True)
    failed = next(each for each in activities if isinstance(each, AnsweredCall))
    assert (failed.status, bool(failed.failure)) == (None, True)


def test_watching_goes_on_after_a_reset() -> None:
    """A reset forgets messages, and keeps the watchers."""
    with LocalRocketChat() as server:
        activities = watched(server)
        server.reset()
        message = server.say("alice", "general", "hello")
    assert activities == [message]
    assert isinstance(message, StoredMessage)
