"""Posting through incoming webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import attrs
import pytest

from rocketchat_integrations import (
    Attachment,
    BadRequestError,
    Client,
    ConfigurationError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    Message,
    PostResponse,
    PostResult,
    RetryPolicy,
    RocketChatError,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import OneAnswer, oldest_and_newest

if TYPE_CHECKING:
    from tests.client.conftest import Connect


@pytest.fixture
def webhook(client: Client, incoming: IncomingIntegration) -> IncomingWebhook:
    """A webhook that may post to any channel."""
    return client.webhook(client.create(attrs.evolve(incoming, override_destination_channel_enabled=True)))


def test_a_text_is_posted_to_the_integrations_channel(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Without the client's token: the address is the secret."""
    assert webhook.post("build *passed*") == PostResult((), {"success": True})
    (message,) = server.messages
    assert (message.room, message.user, message.text) == ("general", "rocket.cat", "build *passed*")
    assert server.requests[-1].json == {"text": "build *passed*"}
    assert not {"X-Auth-Token", "X-User-Id"} & set(server.requests[-1].headers)


@oldest_and_newest
def test_every_field_of_a_message_is_posted(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
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
    webhook.post(Message("hello", avatar="https://example.com/a.png"))
    message, with_avatar = server.messages
    assert (message.room, message.text, message.alias, message.emoji) == ("random", "hello", "CI", ":robot:")
    assert message.attachments == ({"title": "log", "color": "red"},)
    document = message.document
    assert (document["parseUrls"], document["groupable"], document["tmid"]) == (False, False, "thread")
    assert document["customFields"] == {"build": 7}
    assert with_avatar.avatar == "https://example.com/a.png"


@pytest.mark.parametrize(
    ("channel", "rooms"),
    [("random", ["random"]), ("RANDOM00000000001", ["random"]), (("#general", "@alice"), ["general", "@alice"])],
)
def test_a_message_can_name_channels(
    server: LocalRocketChat, webhook: IncomingWebhook, channel: Any, rooms: list[str]
) -> None:
    """By name or id, one or several."""
    webhook.post(Message("hello", channel=channel))
    assert [message.room for message in server.messages] == rooms


def test_separate_responses_report_each_channel(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """A channel that fails does not keep the message from the others."""
    result = webhook.post(Message("hello", channel=("#general", "#nope", "#random"), separate_response=True))
    assert [message.room for message in server.messages] == ["general", "random"]
    assert server.requests[-1].json["separateResponse"] is True
    documents = [message.document for message in server.messages]
    assert result.responses == (
        PostResponse(channel="#general", message=documents[0]),
        PostResponse(channel="#nope", error="invalid-channel"),
        PostResponse(channel="#random", message=documents[1]),
    )
    assert [response["channel"] for response in cast(Any, result.raw["responses"])] == ["#general", "#nope", "#random"]


@pytest.mark.parametrize("dialect", ["6.14"])
def test_6_gives_no_separate_responses(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    result = webhook.post(Message("hello", channel=("#general", "#random"), separate_response=True))
    assert result == PostResult((), {"success": True})
    assert [message.room for message in server.messages] == ["general", "random"]


def test_a_mapping_is_sent_unchanged(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """For a script, or as a message in the server's own fields."""
    alert = {"status": "firing", "alerts": [{"value": 0.5, "labels": {"host": "a1"}, "endsAt": None}], "n": True}
    for mapping in (alert, {}):
        assert webhook.post(mapping).raw == {"success": True}
        assert server.requests[-1].json == mapping
        assert server.requests[-1].headers["Content-Type"] == "application/json"
    webhook.post({"msg": "hello", "username": "CI", "icon_emoji": ":robot:", "roomId": "#random"})
    message = server.messages[-1]
    assert (message.room, message.text, message.alias, message.emoji) == ("random", "hello", "CI", ":robot:")


# Scripts, which the embedded server does not run

ADDRESS = "https://chat.example.com/hooks/ID/t0ken-t0ken"


def test_the_answer_of_a_script_is_returned() -> None:
    """Unchanged; a field `responses` of another shape is ignored."""
    answer = {"success": True, "ticket": {"id": 7, "tags": ["a", None]}, "responses": {"yes": 2}}
    script = OneAnswer(200, answer)
    assert IncomingWebhook(ADDRESS, transport=script).post({"title": "disk full"}) == PostResult((), answer)
    assert script.sent == [{"title": "disk full"}]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error": "error-running-script"}, "error-running-script"),
        ({"message": {"reason": ["Sunday"]}}, '{"reason": ["Sunday"]}'),
        ({"error": 5, "message": "x"}, "5"),
        ({"error": "the token is t0ken-t0ken"}, "the token is <hidden>"),
        ({}, None),
    ],
)
def test_a_refusal_by_a_script_is_a_bad_request(answer: dict[str, object], error: str | None) -> None:
    """With what it says as text. It is not retried."""
    script = OneAnswer(400, {"success": False, **answer})
    with pytest.raises(BadRequestError) as caught:
        IncomingWebhook(ADDRESS, transport=script).post({"title": "disk full"})
    assert type(caught.value) is BadRequestError
    assert caught.value.error == error
    assert str(caught.value) == f"hooks: 400 {error or ''}".rstrip()
    assert not caught.value.may_have_acted
    assert len(script.sent) == 1


# Addresses


def test_an_address_is_used_unchanged(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """The longer form of an address, with a user and a query, is used unchanged, too."""
    address = f"{server.url}/hooks/{hook.id}/anybody/{hook.token}?source=ci"
    with IncomingWebhook(address) as webhook:
        assert webhook.url == address
        webhook.post("hello")
    assert len(server.messages) == 1
    assert server.requests[-1].query == {"source": "ci"}


def test_the_base_url_may_have_a_path(dialect: str) -> None:
    with (
        LocalRocketChat(base_path="/chat", version=dialect) as server,
        Client(f"{server.url}/", server.auth("admin")) as client,
    ):
        hook = client.create(IncomingIntegration("x", channel="#general", username="rocket.cat"))
        webhook = client.webhook(hook)
        webhook.post("hello")
        assert webhook.url == f"{server.url}/hooks/{hook.id}/{hook.token}"
        assert len(server.messages) == 1


def test_a_clients_webhook_uses_its_connection(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    for _ in range(3):
        webhook.post("hello")
    assert server.connections == 1


def test_many_posts_use_one_connection(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """Refused posts keep the connection open. After close, posts are refused."""
    before = server.connections
    with IncomingWebhook(f"{server.url}/hooks/{hook.id}/{hook.token}", timeout=10, user_agent="ci/1") as webhook:
        for _ in range(20):
            webhook.post("hello")
            with pytest.raises(BadRequestError):
                webhook.post({"text": "to a channel without permission", "channel": "#random"})
    assert server.connections == before + 1
    assert len(server.messages) == 20
    assert server.requests[-1].headers["User-Agent"].startswith("ci/1 rocketchat-integrations/")
    with pytest.raises(ConfigurationError, match="closed"):
        webhook.post("hello")


def test_check_tells_a_valid_address_from_wrong_ones(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """Without posting anything."""
    valid = f"{server.url}/hooks/{hook.id}/{hook.token}"
    for url, is_valid in {
        valid: True,
        f"{valid}?source=ci": True,
        f"{server.url}/hooks/{hook.id}/anybody/{hook.token}": True,
        f"{valid}x": False,
        f"{server.url}/hooks/nobody/{hook.token}": False,
    }.items():
        with IncomingWebhook(url) as webhook:
            assert webhook.check() is is_valid
    assert server.messages == ()


def test_the_address_of_a_disabled_webhook_is_valid(client: Client, incoming: IncomingIntegration) -> None:
    assert client.webhook(client.create(attrs.evolve(incoming, enabled=False))).check()


@pytest.mark.parametrize("fault", ["html", "reset-before"])
def test_check_raises_if_rocket_chat_does_not_answer(
    server: LocalRocketChat, connect: Connect, hook: IncomingIntegrationRecord, fault: str
) -> None:
    webhook = connect(server, retry=RetryPolicy.never()).webhook(hook)
    server.fail_next("hooks.info", fault)
    with pytest.raises(RocketChatError):
        webhook.check()


def test_a_repr_names_only_the_server(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    assert repr(webhook) == f"IncomingWebhook({urlsplit(server.url).netloc!r}, <hidden>)"


def test_a_webhook_is_made_from_the_environment(server: LocalRocketChat, monkeypatch: pytest.MonkeyPatch) -> None:
    """`from_env` names the variable that is missing or wrong, without its value."""
    monkeypatch.delenv("ROCKETCHAT_WEBHOOK_URL", raising=False)
    with pytest.raises(ConfigurationError, match="ROCKETCHAT_WEBHOOK_URL"):
        IncomingWebhook.from_env()
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", "ftp://canary")
    with pytest.raises(ConfigurationError, match="^url: ") as caught:
        IncomingWebhook.from_env()
    assert "canary" not in str(caught.value)
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", f"{server.url}/hooks/id/token")
    with IncomingWebhook.from_env(timeout=5) as webhook:
        assert webhook.url == f"{server.url}/hooks/id/token"
