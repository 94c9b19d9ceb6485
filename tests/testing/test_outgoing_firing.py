"""What people do in the embedded server, and which outgoing integrations that fires."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing import LocalRocketChat, StoredMessage
from tests.testing.conftest import Bot, Employ, says

if TYPE_CHECKING:
    from tests.testing.conftest import Api


@pytest.mark.parametrize("room", ["general", "#general", "GENERAL"])
def test_saying_something(both: Api, room: str) -> None:
    """What somebody says is a message in the room, whether the room is given by name or by id."""
    message = both.server.say("alice", room, " hello\n", tmid="thread")
    assert both.server.messages == (message,)
    assert (message.room, message.user, message.text, message.document["tmid"]) == (
        "general",
        "alice",
        "hello",
        "thread",
    )
    assert "bot" not in message.document


def test_saying_something_to_somebody(both: Api, bot: Bot) -> None:
    """A direct message names no room in its payload; both directions are one room."""
    Employ(both)(bot, channel="all_direct_messages")
    there = both.server.say("alice", "@bob", "hi")
    back = both.server.say("bob", "@alice", "ho")
    to_herself = both.server.say("alice", "@alice", "hm")
    assert [there.room, back.room, to_herself.room] == ["@bob", "@alice", "@alice"]
    first, second, third = bot.calls
    assert first["channel_id"] == second["channel_id"] == there.document["rid"]
    assert third["channel_id"] != first["channel_id"]
    assert "channel_name" not in first


def test_saying_something_where_one_cannot(both: Api) -> None:
    """Unknown users and rooms, and private groups of others, are refused, and say what there is; channels are open."""
    say = both.server.say
    with pytest.raises(LookupError, match="no user 'carol', only admin, alice"):
        say("carol", "general", "x")
    with pytest.raises(LookupError, match="no user 'carol'"):
        say("alice", "@carol", "x")
    with pytest.raises(LookupError, match="no room '#nowhere', only general, ops"):
        say("alice", "#nowhere", "x")
    for deed in (say, both.server.upload):
        with pytest.raises(ValueError, match="bob is not in the private group secret"):
            deed("bob", "secret", "x")
    assert both.server.messages == ()
    assert say("bob", "general", "x").room == "general"


def test_editing(both: Api, bot: Bot) -> None:
    """An edited message keeps its id; only integrations with runOnEdits are called, and told that it is an edit."""
    employ = Employ(both)
    employ(bot, channel="all_direct_messages", runOnEdits=True, token="edits")
    employ(bot, channel="all_direct_messages")
    message = both.server.say("alice", "@bob", "a")
    edited = both.server.edit(message, " b ")
    assert (edited.text, edited.room, edited.user) == ("b", "@bob", "alice")
    assert both.server.messages == (edited,)
    assert [(call["token"], call["text"], call.get("isEdited")) for call in bot.calls] == [
        ("edits", "a", None),
        ("t", "a", None),
        ("edits", "b", True),
    ]
    assert {call["message_id"] for call in bot.calls} == {message.document["_id"]}
    with pytest.raises(LookupError, match="no such message"):
        both.server.edit(StoredMessage(room="general", user="alice", text="x"), "y")


def test_an_edit_happens_in_the_room_of_its_message(both: Api, bot: Bot) -> None:
    """An edit in a channel fires the integrations of that channel."""
    Employ(both)(bot, runOnEdits=True)
    both.server.edit(both.server.say("alice", "general", "a"), "b")
    both.server.edit(both.server.say("alice", "random", "c"), "d")
    assert bot.texts == ["a", "b"]


def test_an_upload_is_a_message(both: Api, bot: Bot, other_bot: Bot) -> None:
    """A file fires integrations for messages, with an empty text, and those for files."""
    Employ(both)(bot)
    Employ(both)(other_bot, event="fileUploaded")
    message = both.server.upload("alice", "general", "plan.pdf")
    assert both.server.messages == (message,)
    assert bot.texts == [""]
    assert other_bot.calls[0]["message"] == message.document
    assert message.document["file"]["name"] == "plan.pdf"


def test_rooms_and_users_can_come_and_go(both: Api) -> None:
    """Who makes or enters a room is in it, who leaves it is not; who is registered can log in."""
    server = both.server
    server.create_room("alice", "team", "private group")
    assert server.say("alice", "team", "x").room == "team"
    server.leave_room("alice", "team")
    server.register_user("carol")
    assert server.password("carol") == "carol-password"
    server.join_room("carol", "ops")
    server.leave_room("carol", "OPS00000000000001")
    server.archive_room("carol", "ops")


_IMPOSSIBLE: list[tuple[type[Exception], str, Callable[[LocalRocketChat], None]]] = [
    (LookupError, "no user 'carol'", lambda server: server.create_room("carol", "team")),
    (ValueError, "'general' already", lambda server: server.create_room("alice", "general")),
    (ValueError, "type 'public'", lambda server: server.create_room("alice", "team", "public")),
    (LookupError, "no room 'team'", lambda server: server.archive_room("alice", "team")),
    (ValueError, "alice is not in the private group", lambda server: server.archive_room("alice", "secret")),
    (LookupError, "no room '@bob'", lambda server: server.join_room("alice", "@bob")),
    (ValueError, "alice is in general already", lambda server: server.join_room("alice", "general")),
    (ValueError, "secret is a private group", lambda server: server.join_room("alice", "secret")),
    (ValueError, "bob is not in general", lambda server: server.leave_room("bob", "general")),
    (LookupError, "no room 'team'", lambda server: server.leave_room("bob", "team")),
    (ValueError, "'alice' already", lambda server: server.register_user("alice")),
]


@pytest.mark.parametrize(("kind", "text", "deed"), _IMPOSSIBLE, ids=[text for _, text, _ in _IMPOSSIBLE])
def test_what_cannot_be_done(
    api: Api, bot: Bot, kind: type[Exception], text: str, deed: Callable[[LocalRocketChat], None]
) -> None:
    """What makes no sense is refused, says why, and calls nobody."""
    for event in ("roomArchived", "roomCreated", "roomJoined", "roomLeft", "userCreated"):
        Employ(api)(bot, event=event, channel="", targetRoom="#general")
    with pytest.raises(kind, match=text):
        deed(api.server)
    assert bot.calls == []


def test_building_the_world_calls_nobody(both: Api, bot: Bot) -> None:
    """`add_user` and `add_room` set nothing off."""
    for event in ("roomCreated", "userCreated"):
        Employ(both)(bot, event=event, targetRoom="#general")
    both.server.add_user("carol")
    both.server.add_room("team")
    assert bot.calls == []


# Where `channel` leads, by what was said in which room.
_ROOMS = ["general", "random", "team", "@bob", "@alice"]
_CHANNELS = {
    "#general": ["general"],
    "#GENERAL": ["general"],
    "#general,#random": ["general", "random"],
    "all_public_channels": ["general", "random"],
    "": ["general", "random"],
    "#team": ["team"],
    "all_private_groups": ["team"],
    "all_direct_messages": ["@bob", "@alice"],
    "@bob": ["@bob"],
    "@bobid000000000001": ["@bob"],
    "@alice,#team": ["team", "@alice"],
    "#ops": [],
}


@pytest.mark.parametrize(("channel", "rooms"), _CHANNELS.items())
def test_channels(both: Api, bot: Bot, channel: str, rooms: list[str]) -> None:
    """An integration is called for what is said in its channels: rooms, other users, or all of a kind."""
    both.server.add_room("team", "private group", ["admin", "alice"])
    Employ(both)(bot, channel=channel)
    for room in _ROOMS:
        both.server.say("bob" if room == "@alice" else "alice", room, room)
    assert bot.texts == rooms


def test_channels_of_other_events(old: Api, bot: Bot) -> None:
    """Who enters and leaves counts where it happens; rooms and users that are made count everywhere."""
    employ = Employ(old)
    for event in ("roomJoined", "roomLeft", "fileUploaded", "roomCreated", "roomArchived", "userCreated"):
        employ(bot, event=event, token=event, targetRoom="#general", channel="#ops")
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


def test_a_file_in_a_direct_room(old: Api, bot: Bot) -> None:
    """A file for somebody comes with the room, which has no name."""
    Employ(old)(bot, event="fileUploaded", channel="@bob")
    old.server.upload("alice", "@bob", "x")
    assert bot.calls[0]["room"] == {"_id": bot.calls[0]["channel_id"], "t": "d"}


@pytest.mark.parametrize(
    ("words", "anywhere", "text", "fired"),
    [
        ([], False, "anything", None),
        (["!a", "!b"], False, "!bc", "!b"),
        (["!b"], False, "say !b", ""),
        (["!b"], False, "!B", ""),
        (["!b"], True, "say !b", "!b"),
        (["!b"], True, "say b", ""),
        (["!abc", "!a"], False, "!abc", "!abc"),
        (["!a"], False, "", ""),
    ],
)
def test_trigger_words(both: Api, bot: Bot, words: list[str], anywhere: bool, text: str, fired: str | None) -> None:
    """A word fires at the beginning of a text, in the same case, or anywhere if that is wanted; none fires always."""
    Employ(both)(bot, triggerWords=words, triggerWordAnywhere=anywhere)
    both.server.say("alice", "general", text)
    assert [call.get("trigger_word") for call in bot.calls] == ([] if fired == "" else [fired])


def test_who_is_not_called(both: Api, bot: Bot) -> None:
    """Disabled integrations, those of other events, incoming ones and removed ones are not called."""
    employ = Employ(both)
    employ(bot, enabled=False)
    employ(bot, event="roomJoined")
    employ(bot, event="roomCreated")
    both.server.insert({"type": "webhook-incoming", "event": "sendMessage", "enabled": True, "urls": [bot.url]})
    removed = employ(bot)
    both("POST", "integrations.remove", {"type": "webhook-outgoing", "integrationId": removed["_id"]})
    both.server.say("alice", "general", "x")
    assert bot.calls == []


def test_odd_integrations(both: Api, bot: Bot) -> None:
    """Old data without token, channel or name fires like an empty channel, and sends no token; null stays null."""
    odd = {"type": "webhook-outgoing", "event": "sendMessage", "enabled": True, "username": "rocket.cat"}
    both.server.insert({**odd, "urls": bot.url, "channel": "#general"})
    both.server.insert({**odd, "urls": [5, bot.url], "token": None})
    both.server.insert({**odd, "urls": None, "triggerWords": None})
    both.server.insert({**odd, "urls": [bot.url], "triggerWords": [""]})
    both.server.say("alice", "general", "x")
    assert [call.get("token", "missing") for call in bot.calls] == ["missing", None]


def test_the_looks_of_a_message_are_sent(both: Api, bot: Bot) -> None:
    """A message that came through a webhook is sent with its alias, its thread, and the integration that said it."""
    webhook = both.create(alias="CI")
    Employ(both)(bot)
    both.post(webhook, {"text": "built", "tmid": "thread"})
    both.server.wait_until_quiet()
    (call,) = bot.calls
    assert (call["alias"], call["tmid"], call["bot"]) == ("CI", "thread", {"i": webhook["_id"]})


def test_urls_are_called_one_after_the_other(both: Api, bot: Bot, other_bot: Bot) -> None:
    """All URLs are called with the same payload, each once the one before has replied."""
    seen: list[int] = []

    def reply(_: dict[str, Any]) -> tuple[int, str, str]:
        seen.append(len(other_bot.calls))
        return says("{}")

    bot.reply = reply
    Employ(both)(bot, urls=[bot.url, f"{other_bot.url}?a=b&c", bot.url])
    both.server.say("alice", "general", "x")
    assert seen == [0, 1]
    assert other_bot.targets == ["/hook?a=b&c"]
    assert bot.calls[0] == bot.calls[1] == other_bot.calls[0]


def test_texts_arrive_as_they_are(both: Api, bot: Bot) -> None:
    """What people say is sent as it was said, even what cannot be UTF-8."""
    Employ(both)(bot)
    for text in ("Grüße 🚀", "\ud800", 'a "b" \\ \x01'):
        both.server.say("alice", "general", text)
    assert bot.texts == ["Grüße 🚀", "\ud800", 'a "b" \\ \x01']
