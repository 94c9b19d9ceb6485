"""Posting through incoming webhooks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import attrs
import pytest

from rocketchat_integrations import (
    Attachment,
    AttachmentField,
    BadRequestError,
    Client,
    ConfigurationError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PostResponse,
    PostResult,
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
    assert webhook.post("build *passed*") == PostResult((), {"success": True})
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
def test_separate_responses_of_a_server_that_gives_none(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """An old server takes no notice: the result says nothing of the channels."""
    result = webhook.post(Message("hello", channel=("#general", "#random"), separate_response=True))
    assert result == PostResult((), {"success": True})
    assert [message.room for message in server.messages] == ["general", "random"]


def test_a_mapping_goes_out_as_it_is(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """What a script expects is nobody's business but the script's."""
    alert = {"status": "firing", "alerts": [{"value": 0.5, "labels": {"host": "a1"}, "endsAt": None}], "n": True}
    assert webhook.post(alert).raw == {"success": True}
    assert server.requests[-1].json == alert
    assert server.requests[-1].headers["Content-Type"] == "application/json"


def test_a_mapping_can_be_a_message(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """In the server's own words, also those that a `Message` does not use."""
    webhook.post({"msg": "hello", "username": "CI", "icon_emoji": ":robot:", "roomId": "#random"})
    (message,) = server.messages
    assert (message.room, message.text, message.alias, message.emoji) == ("random", "hello", "CI", ":robot:")


def test_an_empty_mapping_goes_out(server: LocalRocketChat, webhook: IncomingWebhook) -> None:
    """Without a script, the server takes it and says nothing; with one, it may be all that the script needs."""
    assert webhook.post({}).raw == {"success": True}
    assert server.requests[-1].json == {}
    assert server.messages == ()


# Scripts, which the embedded server does not run


class _Scripted(BaseHTTPRequestHandler):
    """Answers posts as a webhook's script lets the server answer."""

    protocol_version = "HTTP/1.1"
    answer: tuple[int, object]
    heard: list[object]

    def do_POST(self) -> None:
        self.heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        status, answer = self.answer
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: it would be the address."""


@pytest.fixture
def scripted() -> Iterator[Callable[[int, object], tuple[IncomingWebhook, list[object]]]]:
    """Makes a webhook with a script that answers this, and the list of what the script gets."""
    with ExitStack() as stack:

        def scripted(status: int, answer: object) -> tuple[IncomingWebhook, list[object]]:
            handler: type[_Scripted] = type("Scripted", (_Scripted,), {"answer": (status, answer), "heard": []})
            server = stack.enter_context(HTTPServer(("127.0.0.1", 0), handler))
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            webhook = stack.enter_context(
                IncomingWebhook(f"http://127.0.0.1:{server.server_port}/hooks/ID/t0ken-t0ken")
            )
            return webhook, handler.heard

        yield scripted


def test_what_a_script_answers_comes_back(scripted: Any) -> None:
    """Whatever it is, as it came; a script's own idea of responses does no harm."""
    answer = {"success": True, "ticket": {"id": 7, "tags": ["a", None]}, "responses": {"yes": 2}}
    webhook, heard = scripted(200, answer)
    result = webhook.post({"title": "disk full"})
    assert heard == [{"title": "disk full"}]
    assert result.raw == answer
    assert result.responses == ()


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"error": "error-running-script"}, "error-running-script"),
        ({"error": "error-evaluating-script"}, "error-evaluating-script"),
        ({"message": "not on Sundays"}, "not on Sundays"),
        ({"message": {"reason": ["Sunday"]}}, '{"reason": ["Sunday"]}'),
        ({"error": 5, "message": "x"}, "5"),
        ({"error": "the token is t0ken-t0ken"}, "the token is <hidden>"),
        ({}, None),
    ],
)
def test_a_script_that_says_no(scripted: Any, said: dict[str, object], error: str | None) -> None:
    """What it says is in the error, as text; the call is not made again."""
    webhook, heard = scripted(400, {"success": False, **said})
    with pytest.raises(BadRequestError) as caught:
        webhook.post({"title": "disk full"})
    assert type(caught.value) is BadRequestError
    assert caught.value.error == error
    assert str(caught.value) == f"hooks: 400 {error or ''}".rstrip()
    assert not caught.value.may_have_acted
    assert len(heard) == 1


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


def test_many_posts_keep_one_connection(server: LocalRocketChat, hook: IncomingIntegrationRecord) -> None:
    """Whatever they are answered, one webhook with one thread never needs a second one."""
    before = server.connections
    with IncomingWebhook(f"{server.url}/hooks/{hook.id}/{hook.token}") as webhook:
        for number in range(200):
            if number % 10:
                webhook.post(f"post {number}")
            else:
                with pytest.raises(BadRequestError):
                    webhook.post({"text": "to a channel without leave", "channel": "#random"})
    assert server.connections == before + 1
    assert len(server.messages) == 180


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
