"""Payloads: the fields of each event, read from recorded and from odd bodies."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
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

from .conftest import RECORDED, TOKEN, recorded_body

ALICE = PayloadUser(
    id="aliceid0000000001",
    username="alice",
    name="alice",
    raw={"_id": "aliceid0000000001", "username": "alice", "name": "alice"},
)
GENERAL = PayloadRoom(id="GENERAL", name="general", type="c", raw={"_id": "GENERAL", "name": "general", "t": "c"})
BY_ALICE: dict[str, Any] = {"bot": False, "user_id": "aliceid0000000001", "user_name": "alice"}
IN_GENERAL: dict[str, Any] = {**BY_ALICE, "channel_id": "GENERAL", "channel_name": "general"}


def at(second: int, millisecond: int) -> datetime:
    return datetime(2026, 11, 22, 19, 51, second, millisecond * 1000, tzinfo=UTC)


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


def read(event: str = "sendMessage", **fields: object) -> Any:
    return parse(json.dumps({"token": TOKEN, **fields}), token=TOKEN, event=event)


def fields_of(payload: Payload) -> dict[str, Any]:
    """Return the fields that are not None, without `raw`."""
    return attrs.asdict(payload, recurse=False, filter=lambda field, value: value is not None and field.name != "raw")


def test_a_recorded_payload_is_read_in_full(event: str) -> None:
    """Its event may be given as text or as a member."""
    payload = parse(recorded_body(event), token=TOKEN, event=event)
    raw = {key: value for key, value in RECORDED[event].items() if key != "token"}
    assert payload == EXPECTED[event](raw)
    assert type(payload.event) is EventType
    assert payload.event == event
    assert parse(recorded_body(event), token=TOKEN, event=EventType(event)) == payload


def test_every_field_may_be_missing_or_null(event: str) -> None:
    """7.7 and later send only `bot` for room and user events, as for a replayed call."""
    assert fields_of(read(event)) == {}
    assert fields_of(read(event, **dict.fromkeys(RECORDED[event], None) | {"token": TOKEN})) == {}
    assert (fields_of(read(event, bot=False)), read(event, bot=False).raw) == ({"bot": False}, {"bot": False})


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (True, True),
        ({"i": "abc"}, Bot(integration_id="abc", raw={"i": "abc"})),
        ({}, Bot()),
        ({"more": 1}, Bot(raw={"more": 1})),
    ],
)
def test_a_bot_is_true_as_a_condition(sent: object, expected: object) -> None:
    assert read(bot=sent).bot == expected
    assert read(bot=sent).bot


def test_the_optional_fields_of_a_message_are_read() -> None:
    fields = {"message_id": "m1", "tmid": "m0", "alias": "Deploy Bot", "text": "no"}
    assert fields_of(read(**fields, isEdited=True)) == {**fields, "is_edited": True}


@pytest.mark.parametrize(
    "written",
    ["2026-11-22T19:51:43.127Z", "2026-11-22T21:51:43.127+02:00", {"$date": 1795377103127}, 1795377103127],
)
def test_a_timestamp_is_aware_in_utc(written: object) -> None:
    timestamp = read(timestamp=written).timestamp
    assert (timestamp, timestamp.tzinfo) == (at(43, 127), UTC)


def test_unknown_fields_are_kept_in_raw() -> None:
    room = {"_id": "r", "t": "d", "usersCount": 3}
    payload = read("roomLeft", room=room, new=[1])
    assert payload.raw == {"room": room, "new": [1]}
    assert payload.room == PayloadRoom(id="r", type="d", raw=room)


WRONG: list[tuple[str, str, object, str]] = [
    ("sendMessage", "text", 5, "text: must be text, not a number"),
    ("sendMessage", "user_name", ["alice"], "user_name: must be text, not an array"),
    ("sendMessage", "isEdited", "yes", "isEdited: must be true or false, not text"),
    ("sendMessage", "timestamp", "yesterday", "timestamp: must be a time, not text"),
    ("sendMessage", "timestamp", {"$date": 1e300}, "timestamp: must be a time, not an object"),
    ("sendMessage", "bot", "rocket.cat", "bot: must be true, false or an object, not text"),
    ("sendMessage", "bot", {"i": 1}, "bot.i: must be text, not a number"),
    ("userCreated", "user", "alice", "user: must be an object, not text"),
    ("roomCreated", "owner", {"_id": False}, "owner._id: must be text, not a boolean"),
    ("fileUploaded", "message", {"u": {"name": 1}}, "message.u.name: must be text, not a number"),
]


@pytest.mark.parametrize(("name", "field", "value", "problem"), WRONG, ids=[problem for *_, problem in WRONG])
def test_a_field_of_a_wrong_type_is_refused_with_its_path(name: str, field: str, value: object, problem: str) -> None:
    with pytest.raises(WebhookPayloadError) as caught:
        parse(recorded_body(name, **{field: value}), token=TOKEN, event=name)
    assert (str(caught.value), caught.value.answer_status) == (problem, 400)


def test_payloads_are_immutable_values(event: str) -> None:
    """They can be compared, hashed, copied and pickled."""
    payload = parse(recorded_body(event), token=TOKEN, event=event)
    assert len({payload, parse(recorded_body(event), token=TOKEN, event=event)}) == 1
    assert copy.deepcopy(payload) == pickle.loads(pickle.dumps(payload)) == payload
    assert attrs.evolve(payload, user_name="bob") != payload
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        payload.user_name = "bob"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def test_no_repr_shows_unknown_fields(event: str) -> None:
    """On 6.x, documents of users have password hashes in them."""
    secret = {"_id": "x", "services": {"password": {"bcrypt": "canary"}}}
    documents = {"user": secret, "owner": secret, "room": secret, "bot": secret, "message": {**secret, "u": secret}}
    payload = read(event, **documents, more="canary")
    assert "canary" not in repr(payload)
    assert "canary" in str(payload.raw)


@pytest.mark.parametrize(
    ("written", "text"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"a\uDFFFb", "a\ufffdb"),
        (r"\uD83D\uDE00", "😀"),
        (r"\\ud800", r"\ud800"),
        (r"\\\ud800\n", "\\\ufffd\n"),
        (r"\ud83d\ud83d\ude00", "\ufffd😀"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\u00e4", "ä"),
    ],
)
def test_half_a_surrogate_pair_becomes_a_replacement_character(written: str, text: str) -> None:
    """JavaScript sends half pairs, which crash programs that print or store them. Other escapes stay as they are."""
    body = f'{{"token": "{TOKEN}", "text": "{written}"}}'
    assert parse(body, token=TOKEN, event=EventType.SEND_MESSAGE).text == text


def test_half_pairs_are_replaced_everywhere() -> None:
    """In keys, and in lists and objects of fields that this version does not know; other values stay."""
    written = f'{{"token": "{TOKEN}", "new": [{{"\\ud800": "\\udfff"}}, 1, null]}}'
    assert parse(written, token=TOKEN, event=EventType.SEND_MESSAGE).raw == {"new": [{"\ufffd": "\ufffd"}, 1, None]}
