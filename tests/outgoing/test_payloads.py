"""What a program gets to see of a call: an object with the payload's fields."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from rocketchat_integrations import EventType, WebhookPayloadError
from rocketchat_integrations.outgoing import (
    Bot,
    FileUploaded,
    MessageSent,
    Payload,
    PayloadFile,
    PayloadMessage,
    PayloadRoom,
    PayloadUser,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
    parse,
)

ALICE = PayloadUser(
    id="aliceid0000000001",
    username="alice",
    name="alice",
    raw={"_id": "aliceid0000000001", "username": "alice", "name": "alice"},
)
GENERAL = PayloadRoom(id="GENERAL", name="general", type="c", raw={"_id": "GENERAL", "name": "general", "t": "c"})
BY_ALICE: dict[str, Any] = {"bot": False, "user_id": "aliceid0000000001", "user_name": "alice"}
IN_GENERAL: dict[str, Any] = {**BY_ALICE, "channel_id": "GENERAL", "channel_name": "general"}


def at(second: int, millisecond: int, minute: int = 51) -> datetime:
    return datetime(2026, 11, 22, 19, minute, second, millisecond * 1000, tzinfo=timezone.utc)


EXPECTED: dict[str, Callable[[dict[str, Any]], Payload]] = {
    "sendMessage": lambda raw: MessageSent(
        **IN_GENERAL,
        trigger_word="!deploy",
        message_id="oWqPjEPWVJnzXdkYt",
        timestamp=at(43, 127),
        text="!deploy web",
        site_url="http://localhost:3000/",
        raw=raw,
    ),
    "fileUploaded": lambda raw: FileUploaded(
        **IN_GENERAL,
        message_id="m1",
        timestamp=at(45, 8),
        text="",
        user=ALICE,
        room=GENERAL,
        message=PayloadMessage(
            id="m1",
            room_id="GENERAL",
            text="",
            timestamp=at(45, 8),
            user=PayloadUser(id="aliceid0000000001", username="alice", raw=raw["message"]["u"]),
            file=PayloadFile(id="f", name="a.txt", raw={"_id": "f", "name": "a.txt"}),
            raw=raw["message"],
        ),
        raw=raw,
    ),
    "roomArchived": lambda raw: RoomArchived(**IN_GENERAL, timestamp=at(43, 447), user=ALICE, room=GENERAL, raw=raw),
    "roomCreated": lambda raw: RoomCreated(**IN_GENERAL, owner=ALICE, room=GENERAL, raw=raw),
    "roomJoined": lambda raw: RoomJoined(**IN_GENERAL, timestamp=at(44, 72), user=ALICE, room=GENERAL, raw=raw),
    "roomLeft": lambda raw: RoomLeft(**IN_GENERAL, timestamp=at(44, 387), user=ALICE, room=GENERAL, raw=raw),
    "userCreated": lambda raw: UserCreated(**BY_ALICE, user=ALICE, raw=raw),
}


def without_token(payload: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in payload.items() if key != "token"}


def fields(payload: Payload) -> dict[str, Any]:
    """What the payload says beside `raw`; None left out."""
    return {
        field.name: value
        for field in attrs.fields(type(payload))
        if (value := getattr(payload, field.name)) is not None and field.name != "raw"
    }


def said(token: str, **changes: object) -> MessageSent:
    return parse(json.dumps({"token": token, **changes}), token=token, event=EventType.SEND_MESSAGE)


def test_a_recorded_payload_is_read_in_full(
    event: str, payloads: dict[str, Any], body: Callable[..., bytes], token: str
) -> None:
    payload = parse(body(event), token=token, event=event)
    assert payload == EXPECTED[event](without_token(payloads[event]))
    assert payload.event == EventType(event)
    assert type(payload.event) is EventType


def test_the_event_may_be_given_as_a_member(event: str, body: Callable[..., bytes], token: str) -> None:
    assert parse(body(event), token=token, event=EventType(event)) == parse(body(event), token=token, event=event)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_may_come_as_bytes_of_any_kind_or_as_text(
    kind: Callable[[bytes], Any], body: Callable[..., bytes], token: str
) -> None:
    payload = parse(kind(body()), token=token, event=EventType.SEND_MESSAGE)
    assert payload.text == "!deploy web"


def test_a_payload_without_content_is_read(event: str, token: str) -> None:
    """As 7.7 and later send for room and user events, and as a call that is replayed."""
    payload = parse(json.dumps({"token": token, "bot": False}), token=token, event=event)
    assert fields(payload) == {"bot": False}
    assert payload.raw == {"bot": False}
    assert fields(parse(json.dumps({"token": token}), token=token, event=event)) == {}


def test_null_is_as_good_as_missing(event: str, payloads: dict[str, Any], token: str) -> None:
    nulls = dict.fromkeys(without_token(payloads[event]))
    assert fields(parse(json.dumps({**nulls, "token": token}), token=token, event=event)) == {}


@pytest.mark.parametrize(
    ("sent", "read", "is_true"),
    [
        (True, True, True),
        (False, False, False),
        (None, None, False),
        ({"i": "abc"}, Bot(integration_id="abc", raw={"i": "abc"}), True),
        ({}, Bot(), True),
        ({"more": 1}, Bot(raw={"more": 1}), True),
    ],
)
def test_a_bot_is_told_by_a_flag_or_an_integration(sent: object, read: object, is_true: bool, token: str) -> None:
    payload = said(token, bot=sent)
    assert payload.bot == read
    assert bool(payload.bot) is is_true


def test_an_edit_in_a_thread_under_an_alias_says_so(token: str) -> None:
    payload = said(token, message_id="m1", isEdited=True, tmid="m0", alias="Deploy Bot", text="no")
    assert fields(payload) == {
        "message_id": "m1",
        "is_edited": True,
        "tmid": "m0",
        "alias": "Deploy Bot",
        "text": "no",
    }


def test_a_direct_room_has_no_name(token: str) -> None:
    payload = parse(
        json.dumps({"token": token, "channel_id": "d1", "room": {"_id": "d1", "t": "d"}}),
        token=token,
        event=EventType.ROOM_JOINED,
    )
    assert payload.channel_name is None
    assert payload.room == PayloadRoom(id="d1", type="d", raw={"_id": "d1", "t": "d"})


@pytest.mark.parametrize(
    "written",
    ["2026-11-22T19:51:43.127Z", "2026-11-22T21:51:43.127+02:00", {"$date": 1795377103127}, 1795377103127],
)
def test_a_timestamp_is_aware_however_it_is_written(written: object, token: str) -> None:
    timestamp = said(token, timestamp=written).timestamp
    assert timestamp == at(43, 127)
    assert timestamp is not None
    assert timestamp.utcoffset() == timedelta(0)


def test_unknown_fields_are_kept_and_never_an_error(token: str) -> None:
    room = {"_id": "r", "usersCount": 3, "u": {"_id": "x"}}
    payload = parse(json.dumps({"token": token, "room": room, "new": [1]}), token=token, event=EventType.ROOM_LEFT)
    assert payload.raw == {"room": room, "new": [1]}
    assert payload.room is not None
    assert payload.room.raw == room


WRONG: list[tuple[str, str, object, str]] = [
    ("sendMessage", "text", 5, "text: must be text, and is a number"),
    ("sendMessage", "user_name", ["alice"], "user_name: must be text, and is an array"),
    ("sendMessage", "isEdited", "yes", "isEdited: must be true or false, and is text"),
    ("sendMessage", "timestamp", "yesterday", "timestamp: must be a time, and is text"),
    ("sendMessage", "timestamp", {"$date": "?"}, "timestamp: must be a time, and is an object"),
    ("sendMessage", "timestamp", True, "timestamp: must be a time, and is a boolean"),
    ("sendMessage", "timestamp", {"$date": 1e300}, "timestamp: must be a time, and is an object"),
    ("sendMessage", "bot", "rocket.cat", "bot: must be true, false or an object, and is text"),
    ("sendMessage", "bot", {"i": 1}, "bot.i: must be text, and is a number"),
    ("userCreated", "user", "alice", "user: must be an object, and is text"),
    ("userCreated", "user", {"username": {}}, "user.username: must be text, and is an object"),
    ("roomCreated", "owner", {"_id": False}, "owner._id: must be text, and is a boolean"),
    ("roomLeft", "room", {"t": 1.5}, "room.t: must be text, and is a number"),
    ("fileUploaded", "message", {"ts": []}, "message.ts: must be a time, and is an array"),
    ("fileUploaded", "message", {"u": {"name": 1}}, "message.u.name: must be text, and is a number"),
    ("fileUploaded", "message", {"file": {"type": 1}}, "message.file.type: must be text, and is a number"),
]


@pytest.mark.parametrize(("name", "field", "value", "problem"), WRONG, ids=[problem for *_, problem in WRONG])
def test_a_field_of_another_type_is_refused_with_its_place(
    name: str, field: str, value: object, problem: str, body: Callable[..., bytes], token: str
) -> None:
    with pytest.raises(WebhookPayloadError) as caught:
        parse(body(name, **{field: value}), token=token, event=name)
    assert str(caught.value) == problem
    assert caught.value.answer_status == 400


def test_payloads_are_values(event: str, body: Callable[..., bytes], token: str) -> None:
    """They can be compared, hashed, copied and pickled, and cannot be changed."""
    payload = parse(body(event), token=token, event=event)
    assert len({payload, parse(body(event), token=token, event=event)}) == 1
    assert copy.deepcopy(payload) == payload
    assert pickle.loads(pickle.dumps(payload)) == payload
    assert attrs.evolve(payload, user_name="bob") != payload
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        payload.user_name = "bob"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def test_no_repr_shows_what_is_not_known(event: str, token: str) -> None:
    """On 6.x, documents of users have password hashes in them."""
    secret = {"_id": "x", "services": {"password": {"bcrypt": "canary"}}}
    documents = {"user": secret, "owner": secret, "room": secret, "bot": secret, "message": {**secret, "u": secret}}
    payload = parse(json.dumps({"token": token, **documents, "more": "canary"}), token=token, event=event)
    assert "canary" not in repr(payload)
    assert type(payload).__name__ in repr(payload)
    assert "canary" in str(payload.raw)


@pytest.mark.parametrize("written", [r"a\ud800b", r"a\udc00b", r"a\uDFFFb"])
def test_half_a_surrogate_pair_becomes_a_replacement_character(written: str, token: str) -> None:
    """JavaScript sends it. As it is, it would crash the first program that prints or stores the text."""
    payload = parse(f'{{"token": "{token}", "text": "{written}"}}', token=token, event=EventType.SEND_MESSAGE)
    assert payload.text == "a\ufffdb"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\uD83D\uDE00", "😀"),
        (r"\\ud800", r"\ud800"),
        (r"\\\ud800\n", "\\\ufffd\n"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\u00e4", "ä"),
    ],
)
def test_other_escapes_stay_what_they_are(written: str, read: str, token: str) -> None:
    payload = parse(f'{{"token": "{token}", "text": "{written}"}}', token=token, event=EventType.SEND_MESSAGE)
    assert payload.text == read
