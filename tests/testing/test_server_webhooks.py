"""Messages through the webhooks of the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Answer, Api, Opener

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
    api.post(webhook, {"msg": "x", "alias": "a", "username": "b", "avatar": "/c", "icon_url": "/d"})
    api.post(webhook, {"msg": "x", "emoji": ":e:", "icon_emoji": ":f:", "parseUrls": False})
    first, second = api.server.messages
    assert (first.text, first.alias, first.avatar) == ("x", "b", "/d")
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
    """A wrong id or token is a 404 on 6.14 and a 500 in plain text on 8.8 (vendor's e2e tests); the note says why."""
    for each, status in ((api, 500), (old, 404)):
        webhook = each.create()
        for integration_id, token in (("nope", webhook["token"]), (webhook["_id"], "nope"), (webhook["_id"], "%25")):
            assert each("POST", f"/hooks/{integration_id}/{token}", {"text": "x"}, user=None).status == status
            assert each.server.requests[-1].note
            answer = each("GET", f"/hooks/info/{integration_id}/x/{token}", user=None)
            assert answer.status == status
            if each is api:
                assert answer.body == b"Internal Server Error"
                assert answer.headers["Content-Type"].startswith("text/plain")
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
    """Removing a user disables the integrations that post as the user: 8.8 then answers 401, also to the
    question whether the address is right, 6.14 503 and 200."""
    for each, status in ((api, 401), (old, 503)):
        each.server.remove_user("bob")
        each.server.add_user("bob", ["message-impersonate"])
        webhook = each.create(username="bob", channel="#general,@bob")
        other = each.create()
        each.server.remove_user("bob")
        assert each.stored(webhook)["enabled"] is False
        assert each.stored(other)["enabled"] is True
        assert each.post(webhook, {"text": "x"}).status == status
        info = each("GET", f"/hooks/info/{webhook['_id']}/x/{webhook['token']}", user=None)
        assert info.status == (401 if each is api else 200)
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


def test_truth_is_that_of_javascript(old: Api) -> None:
    """On 6.14 an empty array is a text (and refused as one), an alias and a channel, but no avatar and no emoji."""
    webhook = old.create(emoji=":ship:", overrideDestinationChannelEnabled=True)
    bodies: list[dict[str, Any]] = [{"text": []}, {"msg": []}, {"text": 5}]
    for body in bodies:
        assert old.post(webhook, body).error_type == "text.trim is not a function"
    old.post(webhook, {"text": "x", "username": [], "alias": "a", "avatar": [], "icon_emoji": {}, "attachments": []})
    old.post(webhook, {"text": "x", "username": "", "alias": "a", "icon_url": [], "avatar": "b", "attachments": None})
    assert old.post(webhook, {"text": "x", "channel": [], "roomId": "#general"}).status == 200
    first, second = (message.document for message in old.server.messages)
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
    assert api.post(api.create(channel="#team"), {"text": "x"}).forbidden == "error-not-allowed"
    api.server.add_room("cats", "private group", ["rocket.cat"])
    assert api.post(api.create(channel="#cats"), {"text": "x"}).status == 200


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
    answer = api.post(webhook, body)
    assert (answer.status, answer.json["success"]) == (200, True)
    good, bad = answer.json["responses"]
    assert good["message"]["msg"] == "x"
    assert bad == {"channel": "#nope", "error": "invalid-channel"}
    answer = api.post(webhook, {**body, "channel": ["#nope"]})
    assert (answer.status, answer.json["success"]) == (400, False)
    answer = api.post(webhook, {**body, "channel": ["#secret"]})
    assert answer.status == 400
    assert answer.json["responses"] == [{"channel": "#secret", "error": "error-not-allowed"}]
    webhook = old.create(overrideDestinationChannelEnabled=True)
    assert old.post(webhook, body).error_type == "invalid-channel"


def test_getting_the_address(both: Api) -> None:
    """GET of a webhook's address posts an empty message if scripts are enabled, else nothing (recorded, 8.x)."""
    for script_enabled, posted in ((False, 0), (True, 1)):
        webhook = both.create(scriptEnabled=script_enabled)
        path = f"/hooks/{webhook['_id']}/{webhook['token']}"
        assert both("GET", path, user=None, text="x").status == 200
        assert [message.text for message in both.server.messages] == [""] * posted
        assert both("PUT", path, user=None).status == 405


def test_posting_joins(both: Api) -> None:
    """A user who posts into a channel becomes its member (vendor's e2e tests), with an event."""
    group = both.create(overrideDestinationChannelEnabled=True)
    both.create(OUTGOING, event="roomJoined", channel="#ops", urls=["nowhere"], token="t")
    for channel in ("#ops", "ops", "@alice"):
        assert both.post(group, {"text": "x", "channel": channel}).status == 200
    both.server.wait_until_quiet()
    assert [record["event"] for record in both.server.history_documents] == ["roomJoined"]
    both.server.leave_room("rocket.cat", "ops")


def test_a_channel_named_twice(api: Api) -> None:
    """It is posted to once (read, 8.x)."""
    webhook = api.create(overrideDestinationChannelEnabled=True)
    channels = {"channel": ["#random", "#general", "#random"]}
    api.post(webhook, {"text": "x", **channels})
    answer = api.post(webhook, {"text": "x", **channels, "separateResponse": True})
    assert [each["channel"] for each in answer.json["responses"]] == ["#random", "#general"]
    assert len(api.server.messages) == 4


def test_long_texts(api: Api, old: Api) -> None:
    """Texts may have 5,000 characters in JavaScript's count on 8.x (vendor's e2e tests), or as many as are set."""
    webhook = api.create()
    assert api.post(webhook, {"text": " " + "x" * 5000}).status == 200
    assert api.post(webhook, {"text": "x" * 4998 + "\U0001f600"}).status == 200
    for text in ("x" * 5001, "x" * 4999 + "\U0001f600"):
        assert api.post(webhook, {"text": text}).error_type == "error-message-size-exceeded"
    api.server.max_message_size = 2
    assert api.server.max_message_size == 2
    assert api.post(webhook, {"text": "xyz"}).error_type == "error-message-size-exceeded"
    assert old.post(old.create(), {"text": "x" * 5001}).status == 200


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ("text=a+b%21&alias=CI", "a b!"),
        ("text=a", "a"),
        ("text=a&text=b", "b"),
        ("payload=%7B%22text%22%3A%22a%22%7D", "a"),
        ("payload=%7B%22text%22%3A%22a%22%7D&token=b", ""),
        ("payload=%7B", ""),
        ('{"text": "a"}', "a"),
    ],
)
def test_forms(api: Api, fields: str, text: str) -> None:
    """A form's `payload` is the message, or its fields are; JSON may be labelled as a form (vendor's tests, 8.x)."""
    answer = _post_form(api, fields)
    assert answer.json == {"success": True}
    assert [message.text for message in api.server.messages] == [text]


@pytest.mark.parametrize("payload", ["[]", "[1]", "5"])
def test_forms_without_an_object(api: Api, payload: str) -> None:
    """An array as `payload` is refused (vendor's tests, 8.x)."""
    assert "must be a JSON object" in _post_form(api, f"payload={payload}").error_type


def test_forms_on_6(old: Api) -> None:
    """A form posts nothing."""
    assert _post_form(old, "text=a").status == 200
    assert old.server.messages == ()


def _post_form(api: Api, fields: str) -> Answer:
    webhook = api.create()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    path = f"/hooks/{webhook['_id']}/{webhook['token']}"
    return api("POST", path, fields.encode(), user=None, headers=headers)


_BAD_ADDRESS = "Invalid href value provided"
_NO_VALUE = "Invalid attachment field, title and value is required"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"attachments": [{"title_link": ""}]}, _BAD_ADDRESS),
        ({"attachments": [{"image_url": "/picture.png"}]}, _BAD_ADDRESS),
        ({"attachments": [{}, {"actions": [{"url": "a"}]}]}, _BAD_ADDRESS),
        ({"avatar": "nope"}, _BAD_ADDRESS),
        ({"avatar": "javascript:a/b"}, _BAD_ADDRESS),
        ({"attachments": [{"fields": [{"title": "a"}]}]}, _NO_VALUE),
        ({"attachments": [{"fields": [{"title": "a", "value": 0}]}]}, _NO_VALUE),
        ({"attachments": [{"fields": ["a"]}]}, _NO_VALUE),
        ({"attachments": [None]}, "Cannot read properties of null (reading 'msg')"),
        ({"attachments": [{"title": 5}]}, "Match error: Match error: Expected string, got number in field title"),
        ({"avatar": ["a"]}, "Match error: Match error: Expected string, got object in field avatar"),
        ({"alias": ["a"]}, "Match error: Match error: Expected string, got object in field alias"),
        ({"attachments": [{"fields": "a"}]}, "Match error: Match error: Expected array, got string in field fields"),
        (
            {"attachments": [{"image_dimensions": 5}]},
            "Match error: Match error: Expected object in field image_dimensions",
        ),
        (
            {"attachments": [{"collapsed": 1}]},
            "Match error: Match error: Expected boolean, got number in field collapsed",
        ),
        (
            {"attachments": [{"ts": True}]},
            "Match error: Match error: Failed Match.OneOf, Match.Maybe or Match.Optional",
        ),
    ],
)
def test_refused_contents(api: Api, body: dict[str, Any], error: str) -> None:
    """Addresses are absolute, values have their types, and fields a value (recorded, and read, 8.x)."""
    assert api.post(api.create(), {"text": "x", **body}).error_type.startswith(error)
    assert api.server.messages == ()


def test_refused_contents_on_6(old: Api) -> None:
    """Addresses and types of attachments are checked there, too (read); a field may have no value."""
    webhook = old.create()
    for attachment in ({"title_link": ""}, {"actions": [{"url": "a"}]}, {"title": 5}):
        assert old.post(webhook, {"text": "x", "attachments": [attachment]}).status == 400
    assert old.server.messages == ()
    assert old.post(webhook, {"attachments": [{"fields": [{"title": "a"}]}]}).status == 200


_ADDRESSES = (
    *("thumb_url", "message_link", "author_link", "author_icon", "title_link"),
    *("image_url", "audio_url", "video_url"),
)


def test_addresses_in_attachments_are_absolute(api: Api) -> None:
    """Each of them (read, and the vendor's e2e tests, 8.x)."""
    webhook = api.create()
    for name in _ADDRESSES:
        assert api.post(webhook, {"attachments": [{name: "a.example/b"}]}).error_type == _BAD_ADDRESS
        assert api.post(webhook, {"attachments": [{name: "https://a.example/b"}]}).status == 200


def test_accepted_contents(api: Api) -> None:
    """Paths as avatar, uploads and data as addresses, and odd attachments are accepted (8.x, read)."""
    field = {"title": "a", "value": 5, "short": True}
    action = {"type": "button", "url": "https://a.example"}
    attachment: dict[str, Any] = {
        "image_url": "data:image/png;base64,x",
        "thumb_url": "/file-upload/a/b.png",
        "image_dimensions": {},
    }
    attachment |= {"fields": [field], "actions": [action, 5], "title": None}
    bodies: list[dict[str, Any]] = [
        {"attachments": [attachment, "a"]},
        {"avatar": "avatar/a"},
        {"icon_url": "/avatar/a"},
    ]
    for body in bodies:
        assert api.post(api.create(), {"text": "x", **body}).status == 200


def test_text_of_attachments(api: Api) -> None:
    """`msg` of an attachment becomes its `text` (vendor's e2e tests, 8.x)."""
    api.post(api.create(), {"attachments": [{"msg": " a ", "text": "b"}, {"msg": "", "text": "c"}]})
    assert api.server.messages[0].attachments == ({"text": "a"}, {"msg": "", "text": "c"})


def test_texts_of_other_types(api: Api) -> None:
    """Any text is converted as JavaScript does, and null is left out (recorded, 8.x)."""
    webhook = api.create()
    for text in (5, 1.5, True, ["a", None, [1]], {"a": 1}):
        api.post(webhook, {"text": text, "tmid": None})
    texts = [message.text for message in api.server.messages]
    assert texts == ["5", "1.5", "true", "a,,1", "[object Object]"]
    assert "tmid" not in api.server.messages[0].document


def test_posting_without_the_permission(serve: Opener) -> None:
    """A user who lost `message-impersonate` cannot post from 8.6 on (read); the info address says nothing of it."""
    for version, error in (
        ("8.6", "error-user-lacks-message-impersonate-permission"),
        ("8.5", "Not enough permission"),
    ):
        api = serve(version=version)
        document = {**INCOMING, "channel": ["#general"], "userId": "bobid000000000001", "token": "t"}
        webhook = {"_id": api.server.insert(document), "token": "t"}
        assert api.post(webhook, {"text": "x", "alias": "CI"}).error_type == error
        assert api.post(webhook, {"text": "x"}).status == (400 if version == "8.6" else 200)
        assert api("GET", f"/hooks/info/{webhook['_id']}/x/t", user=None).status == 200


def test_custom_fields(serve: Opener) -> None:
    """Without the setting `Message_CustomFields_Enabled`, 8.x refuses them (recorded); 6.x does not look at it."""
    off, old = serve(custom_fields=False), serve(version="6.14", custom_fields=False)
    bodies: list[dict[str, Any]] = [{}, {"customFields": {}}, {"customFields": {"a": 1}}]
    for body in bodies:
        answer = off.post(off.create(), {"text": "x", **body})
        assert (answer.json.get("error") == "Custom fields not enabled") is ("customFields" in body)
        assert old.post(old.create(), {"text": "x", **body}).status == 200
    assert [message.text for message in off.server.messages] == ["x"]
    off.server.custom_fields = True
    assert off.server.custom_fields
    assert off.post(off.create(), {"text": "x", "customFields": {"a": 1}}).status == 200


@pytest.mark.parametrize("scripts", [True, False])
def test_scripts_without_a_class(serve: Opener, scripts: bool) -> None:
    """Such a script compiles on 8.x, and then every post fails (recorded); a class may be assigned, too."""
    api = serve(scripts=scripts)
    for script, status in (
        ("var a = 1;", 400),
        ("class Scripts {} // class Script\n", 400),
        ("var Script = class {};", 200),
    ):
        webhook = api.create(scriptEnabled=True, script=script)
        assert "scriptCompiled" in webhook
        answer = api.post(webhook, {"text": "x"})
        assert answer.status == status
        assert status == 200 or answer.error_type == "error-evaluating-script"
        api.updated(webhook, scriptEnabled=False)
        assert api.post(webhook, {"text": "x"}).status == 200
    old = serve(version="6.14", scripts=scripts)
    assert ("scriptError" in old.create(scriptEnabled=True, script="var a = 1;")) is not scripts


def test_no_channels(api: Api, old: Api) -> None:
    """A post through an outgoing integration without channels fails on 8.x (recorded), and says nothing on 6.14."""
    for each, status in ((api, 400), (old, 200)):
        assert each.post(each.create(OUTGOING, channel="", token="t"), {"text": "x"}).status == status
    webhook = api.create(overrideDestinationChannelEnabled=True)
    assert api.post(webhook, {"text": "x", "channel": [5]}).error_type == "channel.slice is not a function"
