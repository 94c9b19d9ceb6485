"""Actions of users on the embedded server, and the outgoing integrations that they trigger."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing import LocalRocketChat, StoredMessage
from tests.testing.conftest import says

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Bot


def test_saying_something(api: Api) -> None:
    """A message is in the room, which is given by name or id."""
    for room in ("general", "#general", "GENERAL"):
        message = api.server.say("alice", room, " hello\n", tmid="thread")
        assert api.server.messages[-1] == message
        assert (message.room, message.user, message.text) == ("general", "alice", "hello")
        assert (message.id, message.tmid) == (message.document["_id"], "thread")
        assert "bot" not in message.document


def test_direct_messages(api: Api, bot: Bot) -> None:
    """Both directions are one room, without a name in the body of a call."""
    api.create_for(bot, channel="all_direct_messages")
    there = api.server.say("alice", "@bob", "hi")
    back = api.server.say("bob", "@alice", "ho")
    to_herself = api.server.say("alice", "@alice", "hm")
    assert [there.room, back.room, to_herself.room] == ["@bob", "@alice", "@alice"]
    first, second, third = bot.calls
    assert first["channel_id"] == second["channel_id"] == there.document["rid"] != third["channel_id"]
    assert "channel_name" not in first


def with_buttons(api: Api, *actions: dict[str, Any], **fields: Any) -> StoredMessage:
    """Post a message with buttons through a webhook."""
    hook = api.create(overrideDestinationChannelEnabled=True)
    buttons = [{"type": "button", "msg_in_chat_window": True, **action} for action in actions]
    assert api.post(hook, {"attachments": [{"text": "a"}, {"actions": buttons}], **fields}).status == 200
    return api.server.messages[-1]


def test_pressing_a_button(api: Api, bot: Bot) -> None:
    """The user says its text, in the room and the thread of the message."""
    api.create_for(bot, channel="all_direct_messages,#general")
    message = with_buttons(api, {"text": "Yes", "msg": " !yes "}, {"text": "No", "msg": "!no"}, tmid="thread")
    said = api.server.press(message, "Yes", user="alice")
    assert api.server.messages[-1] == said
    assert (said.room, said.user, said.text, said.document["tmid"]) == ("general", "alice", "!yes", "thread")
    there = api.server.press(with_buttons(api, {"text": "Yes", "msg": "y"}, channel="@bob"), "Yes", user="bob")
    assert (there.room, there.user, there.text) == ("@rocket.cat", "bob", "y")
    assert "tmid" not in there.document
    assert "!yes" in bot.texts
    assert "y" in bot.texts


@pytest.mark.parametrize(
    ("action", "kind", "problem"),
    [
        ({"text": "Other", "msg": "x"}, LookupError, "there is no button 'Yes'; shown are 'Other'"),
        ({"text": "Yes", "msg": "x", "msg_in_chat_window": False}, LookupError, "shown are none"),
        ({"text": "Yes", "msg": "x", "type": "select"}, LookupError, "shown are none"),
        ({"msg": "x", "image_url": "https://a.example/b.png"}, LookupError, "shown are none"),
        ({"text": "Yes", "url": "https://a.example"}, ValueError, "opens a URL"),
        ({"text": "Yes"}, ValueError, "sends nothing"),
        ({"text": "Yes", "msg": "x", "msg_processing_type": "respondWithMessage"}, ValueError, "sends nothing"),
    ],
)
def test_what_is_not_sent_by_a_button(api: Api, action: dict[str, Any], kind: type[Exception], problem: str) -> None:
    """As in the web client."""
    message = with_buttons(api, action)
    with pytest.raises(kind, match=problem):
        api.server.press(message, "Yes", user="alice")
    assert len(api.server.messages) == 1


def test_who_cannot_press_a_button(api: Api) -> None:
    """Only those who can post in the room, while there is one."""
    api.server.add_room("inner", "private group", ["rocket.cat"])
    message = with_buttons(api, {"text": "Yes", "msg": "x"}, channel="#inner")
    with pytest.raises(ValueError, match="alice is not in the private group inner"):
        api.server.press(message, "Yes", user="alice")
    with pytest.raises(LookupError, match="nobody"):
        api.server.press(message, "Yes", user="nobody")
    api.server.remove_room("inner")
    with pytest.raises(LookupError, match="the room of the message was removed"):
        api.server.press(message, "Yes", user="rocket.cat")


def test_editing(api: Api, bot: Bot) -> None:
    """An edited message keeps id and room; only integrations with `runOnEdits` are called."""
    api.create_for(bot, channel="@bob,#general", runOnEdits=True, token="edits")
    api.create_for(bot, channel="all_direct_messages")
    message = api.server.say("alice", "@bob", "a")
    edited = api.server.edit(message, " b ")
    assert (edited.text, edited.room, edited.user) == ("b", "@bob", "alice")
    assert api.server.messages == (edited,)
    # The first two are made at the same time.
    assert sorted((call["token"], call["text"]) for call in bot.calls[:2]) == [("edits", "a"), ("t", "a")]
    (edit,) = bot.calls[2:]
    assert (edit["token"], edit["text"], edit["isEdited"]) == ("edits", "b", True)
    assert not any("isEdited" in call for call in bot.calls[:2])
    assert {call["message_id"] for call in bot.calls} == {message.document["_id"]}
    api.server.edit(api.server.say("alice", "random", "c"), "d")
    api.server.edit(api.server.say("alice", "general", "e"), "f")
    assert bot.texts[3:] == ["e", "f"]
    with pytest.raises(LookupError, match="no such message"):
        api.server.edit(StoredMessage(room="general", user="alice", text="x"), "y")


def test_an_upload_is_also_a_message(api: Api, old: Api, bot: Bot, other_bot: Bot) -> None:
    """A file triggers `sendMessage` with an empty text, and `fileUploaded`. A direct room has no name."""
    api.create_for(bot)
    api.create_for(other_bot, event="fileUploaded")
    message = api.server.upload("alice", "general", "plan.pdf")
    assert api.server.messages == (message,)
    assert bot.texts == [""]
    assert other_bot.calls[0]["message"] == message.document
    assert message.document["file"]["name"] == "plan.pdf"
    old.create_for(bot, event="fileUploaded", channel="@bob")
    old.server.upload("alice", "@bob", "x")
    assert bot.calls[1]["room"] == {"_id": bot.calls[1]["channel_id"], "t": "d"}


def test_members_come_and_go(api: Api) -> None:
    """The creator of a room is a member, until the user leaves; registered users can log in."""
    server = api.server
    server.create_room("alice", "team", "private group")
    assert server.say("alice", "team", "x").room == "team"
    server.leave_room("alice", "team")
    server.register_user("carol")
    assert server.password("carol") == "carol-password"
    server.join_room("carol", "ops")
    server.leave_room("carol", "OPS00000000000001")
    server.archive_room("carol", "ops")
    assert server.say("bob", "general", "x").room == "general"  # a channel is open to everybody


_IMPOSSIBLE: list[tuple[type[Exception], str, Callable[[LocalRocketChat], object]]] = [
    (LookupError, "no user 'carol', only admin, alice", lambda server: server.say("carol", "general", "x")),
    (LookupError, "no user 'carol'", lambda server: server.say("alice", "@carol", "x")),
    (LookupError, "no room '#nowhere', only general, ops", lambda server: server.say("alice", "#nowhere", "x")),
    (ValueError, "bob is not in the private group secret", lambda server: server.say("bob", "secret", "x")),
    (ValueError, "bob is not in the private group secret", lambda server: server.upload("bob", "secret", "x")),
    (LookupError, "no user 'carol'", lambda server: server.create_room("carol", "team")),
    (ValueError, "'general' already", lambda server: server.create_room("alice", "general")),
    (ValueError, "type 'public'", lambda server: server.create_room("alice", "team", "public")),
    (ValueError, "alice is not in the private group", lambda server: server.archive_room("alice", "secret")),
    (LookupError, "no room '@bob'", lambda server: server.join_room("alice", "@bob")),
    (ValueError, "alice is in general already", lambda server: server.join_room("alice", "general")),
    (ValueError, "secret is a private group", lambda server: server.join_room("alice", "secret")),
    (ValueError, "bob is not in general", lambda server: server.leave_room("bob", "general")),
    (ValueError, "'alice' already", lambda server: server.register_user("alice")),
]


def test_impossible_actions(api: Api, bot: Bot) -> None:
    """They are refused with the reason and call nobody, as do `add_user` and `add_room`."""
    for event in ("sendMessage", "roomArchived", "roomCreated", "roomJoined", "roomLeft", "userCreated"):
        api.create_for(bot, event=event, channel="", targetRoom="#general")
    for kind, text, action in _IMPOSSIBLE:
        with pytest.raises(kind, match=text):
            action(api.server)
    api.server.add_user("carol")
    api.server.add_room("team")
    assert bot.calls == []
    assert api.server.messages == ()


@pytest.mark.parametrize(
    ("channel", "rooms"),
    [
        ("#GENERAL", ["general"]),
        ("#general,#random", ["general", "random"]),
        ("all_public_channels", ["general", "random"]),
        ("", ["general", "random"]),
        ("all_private_groups", ["team"]),
        ("all_direct_messages", ["@bob", "@alice"]),
        ("@bobid000000000001", ["@bob"]),
        ("@alice,#team", ["team", "@alice"]),
        ("#ops", []),
    ],
)
def test_channels(api: Api, bot: Bot, channel: str, rooms: list[str]) -> None:
    """An integration is called for messages in its channels: rooms, other users, or all rooms of a type."""
    api.server.add_room("team", "private group", ["admin", "alice"])
    api.create_for(bot, channel=channel)
    for room in ("general", "random", "team", "@bob", "@alice"):
        api.server.say("bob" if room == "@alice" else "alice", room, room)
    assert bot.texts == rooms


def test_channels_of_other_events(old: Api, bot: Bot) -> None:
    """Joining, leaving and uploads count in the channels; new rooms and users, and archiving, count everywhere."""
    for event in ("roomJoined", "roomLeft", "fileUploaded", "roomCreated", "roomArchived", "userCreated"):
        old.create_for(bot, event=event, token=event, targetRoom="#general", channel="#ops")
    old.server.insert({**old.server.documents[3], "_id": "odd", "channel": ["#random"]})  # roomCreated
    for room in ("general", "ops"):
        old.server.join_room("bob", room)
        old.server.upload("bob", room, "x")
        old.server.leave_room("bob", room)
        old.server.archive_room("bob", room)
    old.server.create_room("bob", "team", "private group")
    old.server.register_user("carol")
    assert [(call["token"], call.get("channel_name")) for call in bot.calls] == [
        ("roomArchived", "general"),
        ("roomJoined", "ops"),
        ("fileUploaded", "ops"),
        ("roomLeft", "ops"),
        ("roomArchived", "ops"),
        ("roomCreated", "team"),
        ("roomCreated", "team"),
        ("userCreated", None),
    ]
    assert bot.calls[5]["room"]["t"] == "p"


@pytest.mark.parametrize(
    ("words", "anywhere", "text", "fired"),
    [
        ([], False, "anything", [None]),
        (["!a", "!b"], False, "!bc", ["!b"]),
        (["!b"], False, "say !b", []),
        (["!b"], False, "!B", []),
        (["!b"], True, "say !b", ["!b"]),
        (["!b"], True, "say b", []),
        (["!abc", "!a"], False, "!abc", ["!abc"]),
    ],
)
def test_trigger_words(api: Api, bot: Bot, words: list[str], anywhere: bool, text: str, fired: list[str]) -> None:
    """A word triggers at the start of a text, in the same case, or anywhere if so configured; no words always do."""
    api.create_for(bot, triggerWords=words, triggerWordAnywhere=anywhere)
    api.server.say("alice", "general", text)
    assert [call.get("trigger_word") for call in bot.calls] == fired


def test_integrations_that_are_not_called(api: Api, bot: Bot) -> None:
    """Disabled and removed ones, incoming ones, and those for other events are not called."""
    api.create_for(bot, enabled=False)
    api.create_for(bot, event="roomJoined")
    api.create_for(bot, event="roomCreated")
    api.server.insert({"type": "webhook-incoming", "event": "sendMessage", "enabled": True, "urls": [bot.url]})
    api.remove(api.create_for(bot))
    api.server.say("alice", "general", "x")
    assert bot.calls == []


def test_old_integrations(api: Api, bot: Bot) -> None:
    """Without token, channel or name an integration works, without a token in the call; null stays null."""
    old = {"type": "webhook-outgoing", "event": "sendMessage", "enabled": True, "username": "rocket.cat"}
    api.server.insert({**old, "urls": bot.url, "channel": "#general"})
    api.server.insert({**old, "urls": [5, bot.url], "token": None})
    api.server.insert({**old, "urls": None, "triggerWords": None})
    api.server.insert({**old, "urls": [bot.url], "triggerWords": [""]})
    api.server.say("alice", "general", "x")
    tokens = [call.get("token", "missing") for call in bot.calls]
    assert sorted(tokens, key=str) == [None, "missing"]


def test_urls_are_called_one_after_the_other_on_6(old: Api, bot: Bot, other_bot: Bot) -> None:
    """All URLs get the same body, each after the reply of the one before."""
    seen: list[int] = []

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        seen.append(len(other_bot.calls))
        return says("{}")

    bot.reply = reply
    old.create_for(bot, urls=[bot.url, f"{other_bot.url}?a=b&c", bot.url])
    old.server.say("alice", "general", "x")
    assert seen == [0, 1]
    assert other_bot.targets == ["/hook?a=b&c"]
    assert bot.calls[0] == bot.calls[1] == other_bot.calls[0]


def test_texts_arrive_unchanged(api: Api, bot: Bot) -> None:
    """Texts arrive as they were said, even if they are not valid Unicode."""
    api.create_for(bot)
    texts = ["Grüße 🚀", "\ud800", 'a "b" \\ \x01']
    for text in texts:
        api.server.say("alice", "general", text)
    assert bot.texts == texts
