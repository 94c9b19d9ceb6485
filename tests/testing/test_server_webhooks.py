"""Posting through webhooks of the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

if TYPE_CHECKING:
    from tests.testing.conftest import Api


def test_a_message_with_everything(both: Api, incoming: dict[str, Any]) -> None:
    """What is posted can be looked at: where, as whom, with which looks and attachments."""
    webhook = both.create(incoming)
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
    assert both.post(webhook, body).json == {"success": True}
    message = both.server.messages[0]
    assert len(both.server.messages) == 1
    assert (message.room, message.user, message.text) == ("general", "rocket.cat", "hello")
    assert (message.alias, message.avatar, message.emoji) == ("CI", "https://a.example/x.png", None)
    assert message.attachments == (attachment,)
    assert message.document["tmid"] == "thread"
    assert message.document["parseUrls"] is False
    assert message.document["bot"] == {"i": webhook["_id"]}
    assert webhook["token"] not in repr(message)


def test_other_names_win(both: Api, incoming: dict[str, Any]) -> None:
    """`username`, `icon_url` and `icon_emoji` win over `alias`, `avatar` and `emoji`; `msg` stands in for text."""
    webhook = both.create(incoming)
    both.post(webhook, {"msg": "x", "alias": "a", "username": "b", "avatar": "c", "icon_url": "d"})
    both.post(webhook, {"msg": "x", "emoji": ":e:", "icon_emoji": ":f:", "parseUrls": False})
    first, second = both.server.messages
    assert (first.text, first.alias, first.avatar) == ("x", "b", "d")
    assert (second.emoji, second.document["parseUrls"]) == (":f:", False)


def test_looks_of_the_integration(both: Api, incoming: dict[str, Any]) -> None:
    """Without looks in the body a message has those of the integration."""
    both.post(both.create(incoming, alias="CI", emoji=":ship:"), {"text": "x"})
    both.post(both.create(incoming, avatar="https://a.example", emoji=":ship:"), {"text": "x"})
    first, second = both.server.messages
    assert (first.alias, first.avatar, first.emoji) == ("CI", None, ":ship:")
    assert (second.alias, second.avatar, second.emoji) == (None, "https://a.example", None)


@pytest.mark.parametrize("body", [{"foo": 1}, {"text": ""}, {"attachments": []}, {"attachments": "x"}])
def test_empty_messages(both: Api, incoming: dict[str, Any], body: dict[str, Any]) -> None:
    """A body with nothing to say posts an empty message, and success is answered."""
    assert both.post(both.create(incoming), body).status == 200
    assert [message.text for message in both.server.messages] == [""]


def test_success_without_a_message(both: Api, incoming: dict[str, Any]) -> None:
    """An empty object, and JSON without its content type, post nothing."""
    webhook = both.create(incoming)
    assert both.post(webhook, {}).json == {"success": True}
    assert both.post(webhook, b'{"text": "x"}').json == {"success": True}
    assert both.post(webhook, ["x"]).json == {"success": True}
    assert both.server.messages == ()


def test_with_scripts_on_an_empty_object_is_a_message(both: Api, incoming: dict[str, Any]) -> None:
    """With scripts on, an empty object posts an empty message."""
    both.post(both.create(incoming, scriptEnabled=True), {})
    assert [message.text for message in both.server.messages] == [""]


def test_text_has_to_be_text(both: Api, incoming: dict[str, Any]) -> None:
    """A text that is none is refused."""
    assert both.post(both.create(incoming), {"text": 5}).status == 400


def test_wrong_addresses(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """A wrong id or token is a 404 on 6.14 and a 500 on 8.8; what is wrong is noted."""
    for each, status in ((api, 500), (old, 404)):
        webhook = each.create(incoming)
        for integration_id, token in (("nope", webhook["token"]), (webhook["_id"], "nope"), (webhook["_id"], "%25")):
            assert each("POST", f"/hooks/{integration_id}/{token}", {"text": "x"}, user=None).status == status
            assert each.server.requests[-1].note
            assert each("GET", f"/hooks/info/{integration_id}/x/{token}", user=None).status == status
        assert each.server.messages == ()


def test_addresses_can_be_checked(both: Api, incoming: dict[str, Any]) -> None:
    """The info address says whether a webhook's address is right, also of a disabled one, and posts nothing."""
    webhook = both.create(incoming, enabled=False)
    path = f"/hooks/info/{webhook['_id']}/x/"
    assert both("GET", path + webhook["token"], user=None).json == {"success": True}
    assert both.server.messages == ()


def test_user_in_the_address(both: Api, incoming: dict[str, Any]) -> None:
    """An address may name the user between id and token."""
    webhook = both.create(incoming)
    path = f"/hooks/{webhook['_id']}/{webhook['userId']}/{webhook['token']}"
    assert both("POST", path, {"text": "x"}, user=None).status == 200
    assert len(both.server.messages) == 1


def test_odd_tokens_are_decoded_twice(both: Api, incoming: dict[str, Any]) -> None:
    """A token with a percent sign or a slash has to be quoted twice; what cannot be decoded twice is refused."""
    token = "a/b=c%2Fd%"
    document = {**incoming, "channel": ["#general"], "userId": "rocket.cat", "token": token}
    path = f"/hooks/{both.server.insert(document)}/"
    once = quote(token, safe="")
    for wrong in (once, quote(quote(b"\xff"))):
        assert both("POST", path + wrong, {"text": "x"}, user=None).status in (404, 500)
        assert "decoded twice" in both.server.requests[-1].note
    assert both("POST", path + quote(once, safe=""), {"text": "x"}, user=None).status == 200
    assert len(both.server.messages) == 1


def test_outgoing_integrations_are_posting_addresses_too(both: Api, outgoing: dict[str, Any]) -> None:
    """Everybody who has an outgoing integration's token can post with it; without a token nobody can."""
    assert both.post(both.create(outgoing, token="known"), {"text": "x"}).status == 200
    assert [message.room for message in both.server.messages] == ["general"]
    bot = both.create(outgoing)
    assert both.post({**bot, "token": "None"}, {"text": "x"}).status in (404, 500)
    assert both("POST", f"/hooks/{bot['_id']}/%20", {"text": "x"}, user=None).status in (404, 500)


def test_disabled_webhooks(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """A disabled webhook answers 503, each version in its way."""
    assert api.post(api.create(incoming, enabled=False), {"text": "x"}).json == {
        "success": False,
        "error": "Service Unavailable",
    }
    answer = old.post(old.create(incoming, enabled=False), {"text": "x"})
    assert (answer.status, answer.json) == (503, "Service Unavailable")


def test_the_posting_user_is_gone(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """Deleting a user disables what posts as the user: 8.8 then answers 401, 6.14 503."""
    for each, status in ((api, 401), (old, 503)):
        webhook = each.create(incoming, username="bob", channel="#general,@bob")
        other = each.create(incoming)
        each.server.remove_user("bob")
        assert each.stored(webhook)["enabled"] is False
        assert each.stored(other)["enabled"] is True
        assert each.post(webhook, {"text": "x"}).status == status
    stray = old.server.insert({**incoming, "token": "t", "userId": None})
    assert old.post({"_id": stray, "token": "t"}, {"text": "x"}).status == 401


def test_other_channels(both: Api, incoming: dict[str, Any]) -> None:
    """With leave, a message goes to rooms and users by name or id, with a sign or without."""
    webhook = both.create(incoming, overrideDestinationChannelEnabled=True)
    places = ["#random", "random", "RANDOM00000000001", "#GENERAL", "@alice", "alice", "bobid000000000001"]
    assert both.post(webhook, {"text": "x", "channel": places}).status == 200
    assert both.post(webhook, {"text": "x", "roomId": "OPS00000000000001"}).status == 200
    rooms = [message.room for message in both.server.messages]
    assert rooms == ["random", "random", "random", "general", "@alice", "@alice", "@bob", "ops"]


@pytest.mark.parametrize("channel", ["#nope", "@nope", "nope", "#a,#b", "@general", "#alice"])
def test_unknown_channels(both: Api, incoming: dict[str, Any], channel: str) -> None:
    """A channel that is none is refused; commas do not separate."""
    webhook = both.create(incoming, overrideDestinationChannelEnabled=True)
    assert both.post(webhook, {"text": "x", "channel": channel}).error_type == "invalid-channel"


def test_channels_without_leave(both: Api, incoming: dict[str, Any]) -> None:
    """Without leave, even the configured channel is refused in the body."""
    answer = both.post(both.create(incoming), {"text": "x", "channel": "#general"})
    assert answer.error_type == "overriding destination channel is disabled for this integration"


@pytest.mark.parametrize("channel", [[], {}])
def test_empty_channels_need_leave(both: Api, incoming: dict[str, Any], channel: Any) -> None:
    """An empty array or object is a channel to JavaScript, so it is refused without leave; an empty text is none."""
    webhook = both.create(incoming)
    for name in ("channel", "roomId"):
        answer = both.post(webhook, {"text": "x", name: channel})
        assert answer.error_type == "overriding destination channel is disabled for this integration"
    for nothing in ("", None, 0, False):
        assert both.post(webhook, {"text": "x", "channel": nothing}).status == 200
    webhook = both.create(incoming, overrideDestinationChannelEnabled=True)
    assert both.post(webhook, {"text": "x", "channel": channel, "roomId": "#general"}).status == (
        400 if channel == {} else 200
    )
    assert len(both.server.messages) == 4


def test_truth_is_that_of_javascript(both: Api, incoming: dict[str, Any]) -> None:
    """An empty array is a text (and refused as one) and an alias, but no avatar and no emoji."""
    webhook = both.create(incoming, emoji=":ship:")
    for name in ("text", "msg"):
        assert both.post(webhook, {name: []}).error_type == "text.trim is not a function"
    both.post(webhook, {"text": "x", "username": [], "alias": "a", "avatar": [], "icon_emoji": {}, "attachments": []})
    both.post(webhook, {"text": "x", "username": "", "alias": "a", "icon_url": [], "avatar": "b", "attachments": None})
    first, second = (message.document for message in both.server.messages)
    assert (first["alias"], first["emoji"], first["parseUrls"]) == ([], ":ship:", False)
    assert "avatar" not in first
    assert (second["alias"], second["avatar"], second["parseUrls"]) == ("a", [], True)


def test_blanks_are_those_of_javascript(both: Api, incoming: dict[str, Any]) -> None:
    """U+FEFF is trimmed off a text, and what only Python takes for a blank is not."""
    blanks = "\t\n\v\f\r \u00a0\u1680\u2000\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
    both.post(both.create(incoming), {"text": f"{blanks}\x1c\x85x\u200b{blanks}"})
    assert both.server.messages[0].text == "\x1c\x85x\u200b"


def test_private_groups(both: Api, incoming: dict[str, Any]) -> None:
    """A private group takes messages only from users who are in it."""
    both.server.add_room("team", "private group", ["bob"])
    assert both.post(both.create(incoming, channel="#team"), {"text": "x"}).error_type == "error-not-allowed"
    assert both.post(both.create(incoming, channel="#team", username="bob"), {"text": "x"}).status == 200


def test_several_channels(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """Where one of several channels fails, 6.14 has posted to those before it, 8.8 to none."""
    for each, posted in ((api, 0), (old, 1)):
        webhook = each.create(incoming, overrideDestinationChannelEnabled=True)
        answer = each.post(webhook, {"text": "x", "channel": ["#general", "#nope", "#random"]})
        assert answer.error_type == "invalid-channel"
        assert len(each.server.messages) == posted


def test_separate_responses(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """On 8.8 each channel can be answered for itself; all failing is a refusal. 6.14 does not know this."""
    body = {"text": "x", "channel": ["#general", "#nope"], "separateResponse": True}
    webhook = api.create(incoming, overrideDestinationChannelEnabled=True)
    good, bad = api.post(webhook, body).json["responses"]
    assert good["message"]["msg"] == "x"
    assert bad == {"channel": "#nope", "error": "invalid-channel"}
    answer = api.post(webhook, {**body, "channel": ["#nope"]})
    assert answer.status == 400
    assert answer.json["success"] is False
    webhook = old.create(incoming, overrideDestinationChannelEnabled=True)
    assert old.post(webhook, body).error_type == "invalid-channel"


def test_getting_the_address(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """GET of a webhook's address posts an empty message on 8.8, and nothing without a script on 6.14."""
    for each, posted in ((api, 1), (old, 0)):
        webhook = each.create(incoming)
        assert each("GET", f"/hooks/{webhook['_id']}/{webhook['token']}", user=None).status == 200
        assert len(each.server.messages) == posted
        assert each("PUT", f"/hooks/{webhook['_id']}/{webhook['token']}", user=None).status == 405
