"""Messages through the webhooks of the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Api

_OVERRIDE_DISABLED = "overriding destination channel is disabled for this integration"


def test_a_message_with_everything(api: Api) -> None:
    """A stored message has the room, the user, the looks and the attachments."""
    webhook = api.create()
    attachment = {"title": "t", "fields": [{"title": "a", "value": "b", "short": True}]}
    body = {
        "text": " hello \n",
        "alias": "CI",
        "avatar": "https://a.example/x.png",
        "emoji": ":robot:",
        "attachments": [attachment],
        "tmid": "thread",
        "groupable": False,
        "customFields": {"a": 1},
    }
    assert api.post(webhook, body).json == {"success": True}
    (message,) = api.server.messages
    assert (message.room, message.user, message.text) == ("general", "rocket.cat", "hello")
    assert (message.alias, message.avatar, message.emoji) == ("CI", "https://a.example/x.png", None)
    assert message.attachments == (attachment,)
    bot = {"i": webhook["_id"]}
    assert (
        message.document.items() >= {"tmid": "thread", "parseUrls": False, "bot": bot, "customFields": {"a": 1}}.items()
    )


def test_other_names_have_priority(api: Api) -> None:
    """`username`, `icon_url` and `icon_emoji` replace `alias`, `avatar` and `emoji`; `msg` works like `text`."""
    webhook = api.create()
    api.post(webhook, {"msg": "x", "alias": "a", "username": "b", "avatar": "c", "icon_url": "d"})
    api.post(webhook, {"msg": "x", "emoji": ":e:", "icon_emoji": ":f:", "parseUrls": False})
    first, second = api.server.messages
    assert (first.text, first.alias, first.avatar) == ("x", "b", "d")
    assert (second.emoji, second.document["parseUrls"]) == (":f:", False)


def test_looks_of_the_integration(api: Api) -> None:
    """A message without looks has those of the integration."""
    api.post(api.create(alias="CI", emoji=":ship:"), {"text": "x"})
    api.post(api.create(avatar="https://a.example", emoji=":ship:"), {"text": "x"})
    first, second = api.server.messages
    assert (first.alias, first.avatar, first.emoji) == ("CI", None, ":ship:")
    assert (second.alias, second.avatar, second.emoji) == (None, "https://a.example", None)


def test_empty_messages(api: Api) -> None:
    """A body without text and attachments posts an empty message; with scripts on, even an empty object does."""
    webhook = api.create()
    bodies: list[dict[str, Any]] = [{"foo": 1}, {"text": ""}, {"attachments": []}, {"attachments": "x"}]
    for body in bodies:
        assert api.post(webhook, body).status == 200
    api.post(api.create(scriptEnabled=True), {})
    assert [message.text for message in api.server.messages] == [""] * 5


@pytest.mark.parametrize("body", [{}, b'{"text": "x"}', ["x"]])
def test_success_without_a_message(api: Api, body: Any) -> None:
    """An empty object, JSON without its content type, and an array post nothing."""
    assert api.post(api.create(), body).json == {"success": True}
    assert api.server.messages == ()


def test_wrong_addresses(api: Api, old: Api) -> None:
    """A wrong id or token is a 404 on 6.14 and a 500 on 8.8; the note says what is wrong."""
    for each, status in ((api, 500), (old, 404)):
        webhook = each.create()
        for integration_id, token in (("nope", webhook["token"]), (webhook["_id"], "nope"), (webhook["_id"], "%25")):
            assert each("POST", f"/hooks/{integration_id}/{token}", {"text": "x"}, user=None).status == status
            assert each.server.requests[-1].note
            assert each("GET", f"/hooks/info/{integration_id}/x/{token}", user=None).status == status
        assert each.server.messages == ()


def test_addresses(api: Api) -> None:
    """The info address accepts a disabled webhook and posts nothing; an address may have a user in the middle."""
    disabled, webhook = api.create(enabled=False), api.create()
    info = f"/hooks/info/{disabled['_id']}/x/{disabled['token']}"
    assert api("GET", info, user=None).json == {"success": True}
    assert api.server.messages == ()
    path = f"/hooks/{webhook['_id']}/{webhook['userId']}/{webhook['token']}"
    assert api("POST", path, {"text": "x"}, user=None).status == 200
    assert len(api.server.messages) == 1


def test_tokens_are_decoded_twice(api: Api) -> None:
    """A token with a percent sign or a slash must be quoted twice."""
    token = "a/b=c%2Fd%"
    document = {**INCOMING, "channel": ["#general"], "userId": "rocket.cat", "token": token}
    path = f"/hooks/{api.server.insert(document)}/"
    once = quote(token, safe="")
    for wrong in (once, quote(quote(b"\xff"))):
        assert api("POST", path + wrong, {"text": "x"}, user=None).status == 500
        assert "decoded twice" in api.server.requests[-1].note
    assert api("POST", path + quote(once, safe=""), {"text": "x"}, user=None).status == 200
    assert len(api.server.messages) == 1


def test_outgoing_integrations_have_an_address_too(api: Api) -> None:
    """With an outgoing integration's token anybody can post; without a token nobody can."""
    assert api.post(api.create(OUTGOING, token="known"), {"text": "x"}).status == 200
    assert [message.room for message in api.server.messages] == ["general"]
    bot = api.create(OUTGOING)
    for token in ("None", "%20"):
        assert api("POST", f"/hooks/{bot['_id']}/{token}", {"text": "x"}, user=None).status == 500


def test_disabled_webhooks(api: Api, old: Api) -> None:
    """A disabled webhook answers 503, with the body of its version."""
    for each, body in ((api, {"success": False, "error": "Service Unavailable"}), (old, "Service Unavailable")):
        answer = each.post(each.create(enabled=False), {"text": "x"})
        assert (answer.status, answer.json) == (503, body)


def test_removed_users(api: Api, old: Api) -> None:
    """Removing a user disables the integrations that post as the user: 8.8 then answers 401, 6.14 503."""
    for each, status in ((api, 401), (old, 503)):
        webhook = each.create(username="bob", channel="#general,@bob")
        other = each.create()
        each.server.remove_user("bob")
        assert each.stored(webhook)["enabled"] is False
        assert each.stored(other)["enabled"] is True
        assert each.post(webhook, {"text": "x"}).status == status
    stray = old.server.insert({**INCOMING, "token": "t", "userId": None})
    assert old.post({"_id": stray, "token": "t"}, {"text": "x"}).status == 401


def test_other_channels(api: Api) -> None:
    """With the override enabled, a message goes to rooms and users by name or id, with or without a sign."""
    webhook = api.create(overrideDestinationChannelEnabled=True)
    channels = ["#random", "random", "RANDOM00000000001", "#GENERAL", "@alice", "alice", "bobid000000000001"]
    assert api.post(webhook, {"text": "x", "channel": channels}).status == 200
    assert api.post(webhook, {"text": "x", "roomId": "OPS00000000000001"}).status == 200
    rooms = [message.room for message in api.server.messages]
    assert rooms == ["random", "random", "random", "general", "@alice", "@alice", "@bob", "ops"]
    for unknown in ("#nope", "nope", "#a,#b", "@general", "#alice"):
        assert api.post(webhook, {"text": "x", "channel": unknown}).error_type == "invalid-channel"


@pytest.mark.parametrize("channel", ["#general", [], {}])
def test_channels_without_the_override(api: Api, channel: Any) -> None:
    """Any channel that JavaScript counts as true is refused, even the configured one."""
    webhook = api.create()
    for name in ("channel", "roomId"):
        assert api.post(webhook, {"text": "x", name: channel}).error_type == _OVERRIDE_DISABLED
    for nothing in ("", None, 0):
        assert api.post(webhook, {"text": "x", "channel": nothing}).status == 200
    assert len(api.server.messages) == 3


def test_truth_is_that_of_javascript(api: Api) -> None:
    """An empty array is a text (and refused as one), an alias and a channel, but no avatar and no emoji."""
    webhook = api.create(emoji=":ship:", overrideDestinationChannelEnabled=True)
    bodies: list[dict[str, Any]] = [{"text": []}, {"msg": []}, {"text": 5}]
    for body in bodies:
        assert api.post(webhook, body).error_type == "text.trim is not a function"
    api.post(webhook, {"text": "x", "username": [], "alias": "a", "avatar": [], "icon_emoji": {}, "attachments": []})
    api.post(webhook, {"text": "x", "username": "", "alias": "a", "icon_url": [], "avatar": "b", "attachments": None})
    assert api.post(webhook, {"text": "x", "channel": [], "roomId": "#general"}).status == 200
    first, second = (message.document for message in api.server.messages)
    assert (first["alias"], first["emoji"], first["parseUrls"]) == ([], ":ship:", False)
    assert "avatar" not in first
    assert (second["alias"], second["avatar"], second["parseUrls"]) == ("a", [], True)


def test_white_space_is_that_of_javascript(api: Api) -> None:
    """U+FEFF is trimmed off a text, and what only Python takes for white space is not."""
    blanks = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    api.post(api.create(), {"text": f"{blanks}\x1c\x85x\u200b{blanks}"})
    assert api.server.messages[0].text == "\x1c\x85x\u200b"


def test_private_groups(api: Api) -> None:
    """A private group takes messages only from its members."""
    api.server.add_room("team", "private group", ["bob"])
    assert api.post(api.create(channel="#team"), {"text": "x"}).error_type == "error-not-allowed"
    assert api.post(api.create(channel="#team", username="bob"), {"text": "x"}).status == 200


def test_several_channels(api: Api, old: Api) -> None:
    """If one of several channels is refused, 6.14 has posted to those before it, 8.8 to none."""
    for each, posted in ((api, 0), (old, 1)):
        webhook = each.create(overrideDestinationChannelEnabled=True)
        answer = each.post(webhook, {"text": "x", "channel": ["#general", "#nope", "#random"]})
        assert answer.error_type == "invalid-channel"
        assert len(each.server.messages) == posted


def test_separate_responses(api: Api, old: Api) -> None:
    """On 8.8 the answer may list each channel; it is a refusal if all fail. 6.14 ignores the wish."""
    body = {"text": "x", "channel": ["#general", "#nope"], "separateResponse": True}
    webhook = api.create(overrideDestinationChannelEnabled=True)
    good, bad = api.post(webhook, body).json["responses"]
    assert good["message"]["msg"] == "x"
    assert bad == {"channel": "#nope", "error": "invalid-channel"}
    answer = api.post(webhook, {**body, "channel": ["#nope"]})
    assert (answer.status, answer.json["success"]) == (400, False)
    webhook = old.create(overrideDestinationChannelEnabled=True)
    assert old.post(webhook, body).error_type == "invalid-channel"


def test_getting_the_address(api: Api, old: Api) -> None:
    """GET of a webhook's address posts an empty message on 8.8, and nothing on 6.14."""
    for each, posted in ((api, 1), (old, 0)):
        webhook = each.create()
        path = f"/hooks/{webhook['_id']}/{webhook['token']}"
        assert each("GET", path, user=None).status == 200
        assert len(each.server.messages) == posted
        assert each("PUT", path, user=None).status == 405
