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
    PostIncomplete,
    PostResponse,
    PostResult,
    RetryPolicy,
    RocketChatError,
    ServerError,
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


# Texts that are too long


def test_a_long_text_is_refused_with_both_numbers(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Before anything is sent. The limit can be set; the white space around a text does not count."""
    for text, limit in (("x" * 5001, 5000), ("\U0001f600" * 60, 119)):
        with pytest.raises(ConfigurationError) as caught:
            webhook.post(text, max_message_size=limit)
        assert f"has {limit + 1} characters" in str(caught.value)
        assert f"(Message_MaxAllowedSize) is {limit}:" in str(caught.value)
    assert server.messages == ()
    webhook.post(" " * 100 + "x" * 5000)
    server.max_message_size = 6000
    webhook.post("x" * 6000, max_message_size=6000)


@oldest_and_newest
def test_a_long_text_is_split_into_messages(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """In order and in one thread; the attachments are in the last one, and previews are as in one message."""
    attachment = Attachment(title="log")
    message = Message("\n".join(["word"] * 60), tmid="m1", alias="CI", attachments=[attachment], custom_fields={"a": 1})
    webhook.post(message, overflow="split", max_message_size=100)
    posted = server.messages
    assert "\n".join(each.text for each in posted) == message.text
    assert [len(each.attachments) for each in posted] == [0] * (len(posted) - 1) + [1]
    assert {(each.alias, each.document["tmid"], each.document["customFields"]["a"]) for each in posted} == {
        ("CI", "m1", 1)
    }
    assert {each.document["parseUrls"] for each in posted} == {False}
    count = len(posted)
    webhook.post("word " * 60, overflow="split", max_message_size=100)
    assert {each.document["parseUrls"] for each in server.messages[count:]} == {True}


def test_a_split_message_returns_the_responses_of_all_parts(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    message = Message("word " * 30, channel=("#general", "#nope"), separate_response=True)
    result = webhook.post(message, overflow="split", max_message_size=100)
    assert [each.channel for each in result.responses] == ["#general", "#nope"] * 2
    assert result.raw["success"] is True


def test_a_long_text_is_truncated(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """The rest of the message stays."""
    webhook.post(Message("word " * 30, alias="CI"), overflow="truncate", max_message_size=100)
    (message,) = server.messages
    assert (message.text, message.alias) == (("word " * 19).strip() + "…", "CI")


def test_a_split_message_that_fails_can_be_continued(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """The exception has what was not posted, so that nothing is posted twice."""
    lines = ["a" * 60, "b" * 90, "c" * 60]
    server.max_message_size = 70
    with pytest.raises(PostIncomplete, match="^posted 1 of 3 parts of the message, then: hooks: 400 ") as caught:
        webhook.post(Message("\n".join(lines), alias="CI"), overflow="split", max_message_size=100)
    assert isinstance(caught.value.error, BadRequestError)
    assert caught.value.__cause__ is caught.value.error
    assert (caught.value.posted, [part.text for part in caught.value.remaining]) == (1, lines[1:])
    server.max_message_size = 100
    for message in caught.value.remaining:
        webhook.post(message)
    assert [(message.text, message.alias) for message in server.messages] == [(line, "CI") for line in lines]


def test_a_split_message_whose_first_part_fails_was_not_posted(
    server: LocalRocketChat, webhook: IncomingWebhook
) -> None:
    """The failure is that of any post."""
    server.fail_next("hooks", "502")
    with pytest.raises(ServerError):
        webhook.post("word " * 60, overflow="split", max_message_size=100)
    assert server.messages == ()


def test_no_part_is_posted_if_one_cannot_be(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """The last part has the attachments."""
    message = Message("word " * 60, attachments=[Attachment(title_link="/log")])
    with pytest.raises(ConfigurationError, match="title_link"):
        webhook.post(message, overflow="split", max_message_size=100)
    assert server.messages == ()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"overflow": "wrap"}, "overflow: must be error, split or truncate"),
        ({"overflow": ["split"]}, "overflow: must be"),
        ({"max_message_size": 99}, "max_message_size: must be a whole number of at least 100"),
        ({"max_message_size": True}, "max_message_size: must be"),
    ],
)
def test_a_wrong_option_of_a_post_is_refused(webhook: IncomingWebhook, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        webhook.post("hi", **options)


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
