"""Posting through incoming webhooks."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

from rocketchat_integrations import (
    Attachment,
    AttachmentField,
    Client,
    ConfigurationError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryPolicy,
    RocketChatError,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect

only_8 = pytest.mark.parametrize("dialect", ["8.8"])


@pytest.fixture
def webhook(client: Client, incoming: IncomingIntegration) -> IncomingWebhook:
    """One that may post anywhere."""
    return client.webhook(client.create(attrs.evolve(incoming, override_destination_channel_enabled=True)))


def test_a_text_is_posted(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """A text is a message of just that, and goes to the integration's channel."""
    webhook.post("build *passed*")
    (message,) = server.messages
    assert (message.room, message.user, message.text) == ("general", "rocket.cat", "build *passed*")
    assert server.requests[-1].json == {"text": "build *passed*"}


def test_every_field_of_a_message_arrives(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Under the server's names, each with its value."""
    webhook.post(
        Message(
            "hello",
            channel="#random",
            alias="CI",
            emoji=":robot:",
            attachments=[Attachment(title="log", color="red")],
            parse_urls=False,
            groupable=False,
            tmid="thread",
            custom_fields={"build": 7},
        )
    )
    (message,) = server.messages
    assert (message.room, message.text, message.alias, message.emoji) == ("random", "hello", "CI", ":robot:")
    assert message.attachments == ({"title": "log", "color": "red"},)
    document = message.document
    assert (document["parseUrls"], document["groupable"], document["tmid"]) == (False, False, "thread")
    assert document["customFields"] == {"build": 7}


def test_an_avatar_arrives(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """It beats the integration's own picture."""
    webhook.post(Message("hello", avatar="https://example.com/a.png"))
    assert server.messages[0].avatar == "https://example.com/a.png"


def test_every_field_of_an_attachment_arrives(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """An attachment alone is a message, too."""
    texts: dict[str, Any] = {
        field.name: f"https://example.com/{field.name}"
        for field in attrs.fields(Attachment)
        if field.name not in ("ts", "collapsed", "title_link_download", "fields")
    }
    webhook.post(
        Message(
            attachments=[
                Attachment(
                    **texts,
                    ts=datetime(2024, 1, 10, 14, 12, tzinfo=timezone.utc),
                    collapsed=True,
                    title_link_download=False,
                    fields=[AttachmentField("host", "a1", short=True), AttachmentField("load", "3")],
                )
            ]
        )
    )
    (message,) = server.messages
    assert message.attachments == (
        {
            **texts,
            "ts": "2024-01-10T14:12:00+00:00",
            "collapsed": True,
            "title_link_download": False,
            "fields": [{"title": "host", "value": "a1", "short": True}, {"title": "load", "value": "3"}],
        },
    )


@pytest.mark.parametrize("channel", ["#random", "random", "RANDOM00000000001", ("#random",), ["random"]])
def test_another_channel(server: LocalRocketChat, webhook: IncomingWebhook, channel: Any) -> None:
    """By name or by id, with leave."""
    webhook.post(Message("hello", channel=channel))
    assert [message.room for message in server.messages] == ["random"]


def test_several_channels(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Rooms and users, each gets the message."""
    webhook.post(Message("hello", channel=("#general", "@alice")))
    assert [message.room for message in server.messages] == ["general", "@alice"]


@only_8
def test_separate_responses(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """A channel that fails does not keep the message from the others."""
    webhook.post(Message("hello", channel=("#general", "#nope", "#random"), separate_response=True))
    assert [message.room for message in server.messages] == ["general", "random"]


def test_no_login_is_sent_along(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """The address is the secret; the token of the client that made the webhook is not."""
    webhook.post("hello")
    assert not {"X-Auth-Token", "X-User-Id"} & set(server.requests[-1].headers)


def test_an_address_is_used_as_it_is(server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord) -> None:
    """Also the longer form that names a user, and with a query behind it."""
    address = f"{server.url}/hooks/{hook.id}/anybody/{hook.token}?source=ci"
    with IncomingWebhook(address) as webhook:
        assert webhook.url == address
        webhook.post("hello")
    assert len(server.messages) == 1
    assert server.requests[-1].query == {"source": "ci"}


def test_a_server_below_a_path(dialect: str) -> None:
    """A base URL with a path is the beginning of the webhook's address."""
    with (
        LocalRocketChat(base_path="/chat", version=dialect) as server,
        Client(f"{server.url}/", server.auth("admin")) as client,
    ):
        hook = client.create(IncomingIntegration("x", channel="#general", username="rocket.cat"))
        webhook = client.webhook(hook)
        webhook.post("hello")
        assert webhook.url == f"{server.url}/hooks/{hook.id}/{hook.token}"
        assert len(server.messages) == 1


def test_a_webhook_uses_its_clients_connections(server: LocalRocketChat, client: Client, webhook: Any) -> None:
    """Creating and posting take one connection."""
    for _ in range(3):
        webhook.post("hello")
    assert server.connections == 1


def test_a_webhook_keeps_its_connection(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """One without a client opens one of its own, and closes it."""
    before = server.connections
    with IncomingWebhook(f"{server.url}/hooks/{hook.id}/{hook.token}", timeout=10, user_agent="ci/1") as webhook:
        for _ in range(3):
            webhook.post("hello")
    assert server.connections == before + 1
    assert server.requests[-1].headers["User-Agent"].startswith("ci/1 rocketchat-integrations/")
    with pytest.raises(ConfigurationError, match="closed"):
        webhook.post("hello")


def test_a_right_address_is_told_from_wrong_ones(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """Whoever sets up a program can try what was pasted, in either form, without posting anything."""
    right = f"{server.url}/hooks/{hook.id}/{hook.token}"
    for url, is_right in {
        right: True,
        f"{right}?source=ci": True,
        f"{server.url}/hooks/{hook.id}/anybody/{hook.token}": True,
        f"{right}x": False,
        f"{server.url}/hooks/nobody/{hook.token}": False,
    }.items():
        with IncomingWebhook(url) as webhook:
            assert webhook.check() is is_right
    assert server.messages == ()


def test_a_disabled_webhook_has_a_right_address(client: Client, incoming: IncomingIntegration) -> None:
    """Its address is right, whether it works or not."""
    assert client.webhook(client.create(attrs.evolve(incoming, enabled=False))).check()


def test_an_odd_token_makes_a_right_address(server: LocalRocketChat, client: Client) -> None:
    """Old tokens can hold what has to be quoted twice."""
    stored = {"_id": "old", "type": "webhook-incoming", "name": "old", "token": "a/b%2F="}
    server.insert(stored)
    assert client.webhook(client.get("old")).check()


@pytest.mark.parametrize("fault", ["html", "redirect", "reset-before"])
def test_where_there_is_no_telling_checking_fails(
    server: LocalRocketChat, connect: Connect, hook: Any, fault: str
) -> None:
    """An address is only called wrong when Rocket.Chat says so."""
    webhook = connect(server, retry=RetryPolicy.never()).webhook(hook)
    server.fail_next("hooks.info", fault)
    with pytest.raises(RocketChatError):
        webhook.check()


def test_a_repr_tells_the_server_only(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Enough to know whose it is."""
    assert repr(webhook) == f"IncomingWebhook({urlsplit(server.url).netloc!r}, <hidden>)"


def test_the_same_webhook_after_a_token_was_made(
    client: Client, connect: Connect, bot: OutgoingIntegrationRecord, outgoing: OutgoingIntegration
) -> None:
    """An outgoing integration's first update gives it an address."""
    updated = client.update(bot.id, outgoing)
    client.webhook(updated).post("hello")


@pytest.mark.parametrize("token", ["\x1c", "\x85", "a b"])
def test_an_odd_token_is_an_address(
    server: LocalRocketChat, client: Client, outgoing: OutgoingIntegration, token: str
) -> None:
    """What a definition takes as a token, and Python alone thinks blank, can be posted to."""
    client.webhook(client.create(attrs.evolve(outgoing, token=token))).post("hello")
    assert len(server.messages) == 1
