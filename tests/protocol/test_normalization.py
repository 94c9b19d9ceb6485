"""Definitions and records are compared, and updates sent, in the form that the server would store."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    Change,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    differences,
)
from rocketchat_integrations._protocol.codec import definition_body, integration, update_body
from rocketchat_integrations._protocol.normalization import changed_fields, merged_with

INCOMING = IncomingIntegration("ci", channel="#builds", username="rocket.cat")
OUTGOING = OutgoingIntegration(
    "bot", event="sendMessage", channel="#ops", username="rocket.cat", urls="https://b.example"
)
INCOMING_RECORD = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="in1", token="made")
OUTGOING_RECORD = OutgoingIntegrationRecord(
    "bot", event="sendMessage", channel="#ops", username="rocket.cat", urls="https://b.example", id="out1"
)
SCRIPT = "class Script {}"


def incoming(**fields: Any) -> IncomingIntegration:
    return attrs.evolve(INCOMING, **fields)


def outgoing(**fields: Any) -> OutgoingIntegration:
    return attrs.evolve(OUTGOING, **fields)


def has(**fields: Any) -> Any:
    """Return the outgoing integration's record with these fields."""
    return attrs.evolve(OUTGOING_RECORD, **fields)


def incoming_has(**fields: Any) -> Any:
    """Return the incoming integration's record with these fields."""
    return attrs.evolve(INCOMING_RECORD, **fields)


SAME = {
    # texts
    "'' is no text": (
        has(alias="", avatar="", emoji="", script="", target_room=""),
        outgoing(),
    ),
    "no text is ''": (has(), outgoing(alias="", avatar="", emoji="", script="", target_room="")),
    # None for what there is
    "any token": (has(token="there is one"), outgoing()),
    "any engine": (has(script_engine="vm2"), outgoing()),
    "any transpiling": (has(skip_transpile=True), outgoing()),
    "no transpiling on a server without it": (has(skip_transpile=None), outgoing(skip_transpile=False)),
    "a server without the field for transpiling": (has(skip_transpile=None), outgoing(skip_transpile=True)),
    # what the server trims and drops
    "blanks around channels": (has(channel=("#a", "#b")), outgoing(channel=[" #a", "\ufeff#b "])),
    "blanks around old channels": (has(channel=(" #a",)), outgoing(channel="#a")),
    "empty channels": (has(channel=("#a",)), outgoing(channel="#a,")),
    "blank urls": (has(urls=("u",)), outgoing(urls=["u", " "])),
    "blank trigger words": (has(trigger_words=("!a",)), outgoing(trigger_words=["!a", "\u00a0"])),
    # retries
    "retry defaults": (
        has(retry_failed_calls=True, retry_count=4, retry_delay="powers-of-ten"),
        outgoing(retry_failed_calls=True),
    ),
    "stopped retries of a record": (
        has(retry_failed_calls=True, retry_count=None),
        has(retry_failed_calls=True, retry_count=None),
    ),
    # what only counts sometimes
    "trigger words that survived a change of event": (
        has(event="roomJoined", trigger_words=("!a",)),
        outgoing(event="roomJoined"),
    ),
    "trigger words that are not stored": (has(event="roomJoined"), outgoing(event="roomJoined", trigger_words="!a")),
    "channels that are not used": (has(event="roomCreated", channel=()), outgoing(event="roomCreated", channel="#a")),
    "a script that is not enabled": (has(script=None), outgoing(script=SCRIPT)),
    "a script that is no longer enabled": (has(script=SCRIPT), outgoing()),
    "an incoming one without a script, asked to run it": (incoming_has(), incoming(script_enabled=True)),
    "an incoming one without a script that runs it": (incoming_has(script_enabled=True), incoming()),
    "an incoming one with a blank script": (incoming_has(), incoming(script_enabled=True, script="\ufeff")),
    # what no definition says
    "what only records have": (
        incoming_has(id="other", user_id="u", script_compiled="c", extra={"a": 1}),
        incoming(),
    ),
    "an odd record": (
        has(event="odd", channel=("x", ""), urls=(), script_engine="", retry_count=2.5),
        has(event="odd", channel=("x", ""), urls=(), script_engine="", retry_count=2.5),
    ),
}


@pytest.mark.parametrize(("record", "wanted"), SAME.values(), ids=SAME.keys())
def test_equal_in_normalized_form(record: Any, wanted: Any) -> None:
    """There is no difference if an update would leave the record unchanged."""
    assert differences(record, wanted) == ()


DIFFERENT = {
    "a name": (has(), outgoing(name="other"), ("name", "bot", "other")),
    "an empty name": (has(), outgoing(name=""), ("name", "bot", "")),
    "names are not trimmed": (has(), outgoing(name="bot "), ("name", "bot", "bot ")),
    "a text": (has(), outgoing(alias="CI"), ("alias", None, "CI")),
    "a cleared text": (has(alias="CI"), outgoing(alias=""), ("alias", "CI", None)),
    "aliases are not trimmed": (has(alias="CI"), outgoing(alias=" CI"), ("alias", "CI", " CI")),
    "a flag": (has(), outgoing(enabled=False), ("enabled", True, False)),
    "the user": (incoming_has(), incoming(username="bob"), ("username", "rocket.cat", "bob")),
    "an override": (
        incoming_has(),
        incoming(override_destination_channel_enabled=True),
        ("override_destination_channel_enabled", False, True),
    ),
    "a channel": (has(), outgoing(channel="#a,#b"), ("channel", ("#ops",), ("#a", "#b"))),
    "the order of channels": (
        has(channel=("#a", "#b")),
        outgoing(channel="#b,#a"),
        ("channel", ("#a", "#b"), ("#b", "#a")),
    ),
    "every public channel": (has(), outgoing(channel=()), ("channel", ("#ops",), ())),
    "urls are not trimmed": (has(urls="u"), outgoing(urls=" u"), ("urls", ("u",), (" u",))),
    "another token": (has(token="old"), outgoing(token="new"), ("token", "old", "new")),
    "another engine": (
        has(script_engine="vm2"),
        outgoing(script_engine="isolated-vm"),
        ("script_engine", "vm2", "isolated-vm"),
    ),
    "transpiling": (has(skip_transpile=True), outgoing(skip_transpile=False), ("skip_transpile", True, False)),
    "no transpiling": (has(skip_transpile=False), outgoing(skip_transpile=True), ("skip_transpile", False, True)),
    "trigger words": (has(trigger_words="!a"), outgoing(), ("trigger_words", ("!a",), ())),
    "a script": (
        has(script_enabled=True, script="old"),
        outgoing(script_enabled=True, script="new"),
        ("script", "old", "new"),
    ),
    "an outgoing one without a script, asked to run it": (
        has(),
        outgoing(script_enabled=True),
        ("script_enabled", False, True),
    ),
    "a script that is to run no longer": (
        incoming_has(script_enabled=True, script=SCRIPT),
        incoming(script=SCRIPT),
        ("script_enabled", True, False),
    ),
    "a retry count": (
        has(retry_failed_calls=True, retry_count=2, retry_delay="powers-of-ten"),
        outgoing(retry_failed_calls=True),
        ("retry_count", 2, 4),
    ),
    "a retry delay": (
        has(retry_failed_calls=True, retry_count=4, retry_delay="powers-of-two"),
        outgoing(retry_failed_calls=True),
        ("retry_delay", "powers-of-two", "powers-of-ten"),
    ),
    "a count without retries": (has(retry_count=4), outgoing(), ("retry_count", 4, None)),
    "the event": (
        has(event="roomLeft"),
        outgoing(event="roomJoined"),
        ("event", EventType.ROOM_LEFT, EventType.ROOM_JOINED),
    ),
    "a target room": (has(target_room="#a"), outgoing(), ("target_room", "#a", None)),
    "stopped retries of a definition": (
        has(retry_failed_calls=True, retry_count=None, retry_delay="powers-of-ten"),
        outgoing(retry_failed_calls=True),
        ("retry_count", None, 4),
    ),
}


@pytest.mark.parametrize(("record", "wanted", "change"), DIFFERENT.values(), ids=DIFFERENT.keys())
def test_different_in_normalized_form(record: Any, wanted: Any, change: tuple[Any, ...]) -> None:
    """A difference has the field, the record's value, and the wanted value in normalized form."""
    assert differences(record, wanted) == (Change(*change),)


def test_differences_come_in_the_order_of_the_fields() -> None:
    """The order is that of the definition's fields."""
    wanted = outgoing(urls="u", alias="CI", name="other", retry_failed_calls=True)
    fields = [change.field for change in differences(OUTGOING_RECORD, wanted)]
    assert fields == ["name", "alias", "urls", "retry_failed_calls", "retry_count", "retry_delay"]


def test_a_change_of_event_is_the_only_difference() -> None:
    """Trigger words and channels that the new event does not use are no differences."""
    changes = differences(has(trigger_words="!a"), outgoing(event="roomCreated", channel="#other"))
    assert [change.field for change in changes] == ["event"]


@pytest.mark.parametrize(("record", "wanted"), [(INCOMING_RECORD, OUTGOING), (OUTGOING_RECORD, INCOMING)], ids=repr)
def test_the_two_kinds_cannot_be_compared(record: Any, wanted: Any) -> None:
    """An incoming integration cannot become an outgoing one."""
    with pytest.raises(ValueError, match=r"webhook-incoming.*webhook-outgoing|webhook-outgoing.*webhook-incoming"):
        differences(record, wanted)


@pytest.mark.parametrize(
    ("fields", "changed"),
    [
        ({}, ()),
        ({"name": "other", "alias": "CI"}, ("name", "alias")),
        ({"alias": ""}, ("alias",)),
        ({"channel": [" #ops"]}, ("channel",)),
        ({"event": "sendMessage"}, ()),
        ({"enabled": 1}, ("enabled",)),
        ({"retry_count": 4.0}, ("retry_count",)),
    ],
    ids=repr,
)
def test_changed_fields_are_compared_exactly(fields: dict[str, Any], changed: tuple[str, ...]) -> None:
    """A value of another type is a change, even if it is equal: 1 is not True."""
    record = has(retry_count=4)
    assert changed_fields(record, attrs.evolve(record, **fields)) == changed


# What is sent.


@pytest.mark.parametrize(
    ("record", "wanted", "sent"),
    [
        (has(token="there"), outgoing(), {"token": "there"}),
        (has(token="there"), outgoing(token="new"), {"token": "new"}),
        (has(script_engine="isolated-vm"), outgoing(), {"script_engine": "isolated-vm"}),
        (has(), outgoing(), {"script_engine": None, "skip_transpile": None}),
        (has(skip_transpile=True), outgoing(), {"skip_transpile": True}),
        (has(skip_transpile=False), outgoing(), {"skip_transpile": False}),
        (has(skip_transpile=True), outgoing(skip_transpile=False), {"skip_transpile": False}),
        (has(), outgoing(skip_transpile=True), {"skip_transpile": True}),
        (incoming_has(), incoming(script_enabled=True), {"script_enabled": False}),
        (incoming_has(), incoming(script_enabled=True, script=" \ufeff"), {"script_enabled": False}),
        (incoming_has(), incoming(script_enabled=True, script=SCRIPT), {"script_enabled": True, "script": SCRIPT}),
        (has(), outgoing(script_enabled=True), {"script_enabled": True}),
        (has(), outgoing(retry_failed_calls=True), {"retry_count": 4, "retry_delay": "powers-of-ten"}),
        (has(), outgoing(retry_failed_calls=True, retry_count=2), {"retry_count": 2}),
        (has(), outgoing(), {"retry_count": None, "retry_delay": None}),
        (
            has(retry_count=2.5, retry_delay="Odd"),
            has(retry_count=2.5, retry_delay="Odd", retry_failed_calls=True),
            {"retry_count": 2, "retry_delay": "odd"},
        ),
        (
            has(retry_failed_calls=True, retry_count=None),
            has(retry_failed_calls=True, retry_count=None, name="renamed"),
            {"retry_count": None},
        ),
        (
            has(retry_failed_calls=True, retry_count=None),
            has(retry_failed_calls=True, retry_count=None, retry_delay=RetryDelay.POWERS_OF_TWO),
            {"retry_count": 4, "retry_delay": "powers-of-two"},
        ),
        (
            has(retry_failed_calls=True),
            outgoing(retry_failed_calls=True),
            {"retry_count": 4, "retry_delay": "powers-of-ten"},
        ),
        (has(), has(retry_failed_calls=True), {"retry_count": 4, "retry_delay": "powers-of-ten"}),
        (
            has(retry_failed_calls=True),
            has(retry_failed_calls=True, retry_count=3),
            {"retry_count": 3, "retry_delay": "powers-of-ten"},
        ),
    ],
)
def test_an_update_fills_in_fields_from_the_record(record: Any, wanted: Any, sent: dict[str, Any]) -> None:
    """An update loses nothing that the definition leaves unset."""
    fields = merged_with(wanted, record)
    assert {field: fields[field] for field in sent} == sent


# Whatever is wanted, and whatever there is.

BLANK = st.sampled_from(["", " ", "\ufeff", "\x1c"])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5) | BLANK
ONE_WORD = TEXT.map(lambda text: f"x{text}")
CHANNEL = st.sampled_from(["#a", " #b ", "@c", "#d\ufeff"])
COMMON: dict[str, st.SearchStrategy[Any]] = {
    "name": TEXT,
    "username": st.sampled_from(["rocket.cat", "bob"]),
    "enabled": st.booleans(),
    "alias": st.none() | TEXT,
    "avatar": st.none() | TEXT,
    "emoji": st.none() | TEXT,
    "script_enabled": st.booleans(),
    "script": st.none() | TEXT,
    "script_engine": st.sampled_from([None, "isolated-vm"]),
    "skip_transpile": st.sampled_from([None, True, False]),
}
INCOMING_WANTED = st.builds(
    IncomingIntegration,
    **COMMON,
    channel=st.lists(CHANNEL, min_size=1, max_size=3),
    override_destination_channel_enabled=st.booleans(),
)
OUTGOING_WANTED = st.builds(
    OutgoingIntegration,
    **COMMON,
    event=st.sampled_from(EventType),
    channel=st.just(())
    | st.lists(CHANNEL | st.sampled_from(["all_public_channels"]), min_size=1).map(lambda c: [*c, ""]),
    urls=st.lists(ONE_WORD | st.just(" "), max_size=2).map(lambda urls: [*urls, "u"]),
    trigger_words=st.lists(ONE_WORD | st.just("\ufeff"), max_size=3),
    trigger_word_anywhere=st.booleans(),
    target_room=st.just("#room"),
    token=st.none() | ONE_WORD,
    run_on_edits=st.booleans(),
    impersonate_user=st.booleans(),
    retry_failed_calls=st.booleans(),
    retry_count=st.none() | st.integers(1, 9),
    retry_delay=st.none() | st.sampled_from(RetryDelay),
)
RETRIES = {
    "retryFailedCalls": st.booleans(),
    "retryCount": st.none() | st.floats(-2, 9),
    "retryDelay": st.none() | TEXT,
}
HELD = st.fixed_dictionaries(
    {"_id": st.text(), "type": st.sampled_from(["webhook-incoming", "webhook-outgoing"])},
    optional={
        "name": TEXT,
        "username": TEXT,
        "enabled": st.booleans(),
        "channel": st.lists(TEXT),
        "alias": st.none() | TEXT,
        "scriptEnabled": st.booleans(),
        "script": st.none() | TEXT,
        "scriptEngine": st.none() | TEXT,
        "skipTranspile": st.none() | st.booleans(),
        "token": st.none() | TEXT,
    },
)
MORE_HELD = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from([*map(str, EventType), "odd"]),
        "urls": st.lists(TEXT),
        "triggerWords": st.none() | st.lists(TEXT),
        "targetRoom": st.none() | TEXT,
        **RETRIES,
    },
)
calm = settings(deadline=None, database=None)


@calm
@given(HELD, MORE_HELD)
def test_no_record_differs_from_itself(held: dict[str, Any], more: dict[str, Any]) -> None:
    """A record never differs from itself, nor from its definition, whatever its values are."""
    record: Any = integration({**held, **more} if held["type"] == "webhook-outgoing" else held)
    assert differences(record, record) == ()
    assert differences(record, attrs.evolve(record)) == ()
    assert changed_fields(record, record.definition) == ()
    assert {change.field for change in differences(record, record.definition)} <= {"retry_count", "retry_delay"}


def trimmed(text: str) -> str:
    return text.strip(
        "\t\n\v\f\r \u00a0\ufeff\u2028\u2029" + "".join(map(chr, range(0x2000, 0x200B))) + "\u1680\u202f\u205f\u3000"
    )


def kept(texts: list[str]) -> list[str]:
    return [text for text in texts if trimmed(text)]


def stored(held: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """Return what a server stores after a request: its rules, as far as they are known."""
    now: dict[str, Any] = {"_id": "id1", "scriptEngine": "isolated-vm", **held, "skipTranspile": False, **body}
    now["channel"] = [trimmed(part) for part in body["channel"].split(",")]
    if now["type"] == "webhook-incoming":
        return {**now, "token": "made by the server"}
    now["channel"] = kept(now["channel"]) if EventType(now["event"]).uses_channel else []
    now["urls"] = kept(now["urls"])
    words = kept(body.get("triggerWords", []))
    now["triggerWords"] = words if now["event"] == "sendMessage" else held.get("triggerWords", [])
    if now.get("retryFailedCalls"):
        now = {**now, "retryCount": now.get("retryCount", 4), "retryDelay": now.get("retryDelay", "powers-of-ten")}
    return now


@calm
@given(INCOMING_WANTED | OUTGOING_WANTED)
def test_after_create_there_is_no_difference(wanted: Any) -> None:
    """What the server stores of a definition is equal to it."""
    assert differences(integration(stored({}, definition_body(wanted))), wanted) == ()  # type: ignore[arg-type]


@calm
@given(INCOMING_WANTED, INCOMING_WANTED, OUTGOING_WANTED, OUTGOING_WANTED)
def test_after_an_update_there_is_no_difference(a: Any, b: Any, c: Any, d: Any) -> None:
    """What the server stores of an update is equal to it, whatever there was before."""
    for before, wanted in ((a, b), (c, d)):
        held = stored({}, definition_body(before))
        record: Any = integration(held)
        body = {"type": wanted.type, **update_body(merged_with(wanted, record))}
        assert differences(integration(stored(held, body)), wanted) == ()  # type: ignore[arg-type]
