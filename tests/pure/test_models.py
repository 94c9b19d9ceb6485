"""Definitions are judged, records are not; both are plain values that keep their secrets to themselves."""

import copy
import inspect
import json
import pickle
import traceback
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    Change,
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    ScriptError,
    UserReference,
)
from rocketchat_integrations.models import trimmed, validate

CANARY = "canary-in-the-coal-mine"
EVERYWHERE = ("all_public_channels", "all_private_groups", "all_direct_messages")
NO_BREAK_SPACE, BYTE_ORDER_MARK, FILE_SEPARATOR = "\u00a0", "\ufeff", "\x1c"
HALF_A_PAIR = "\ud83d"


INCOMING: dict[str, Any] = {"name": "ci", "channel": "#builds", "username": "rocket.cat"}
OUTGOING: dict[str, Any] = {**INCOMING, "event": "sendMessage", "urls": "https://bot.example.com/hook"}
INCOMING_HELD: dict[str, Any] = {**INCOMING, "id": "in1"}
OUTGOING_HELD: dict[str, Any] = {**OUTGOING, "id": "out1"}


def incoming(**fields: Any) -> IncomingIntegration:
    return IncomingIntegration(**INCOMING | fields)


def outgoing(**fields: Any) -> OutgoingIntegration:
    return OutgoingIntegration(**OUTGOING | fields)


def incoming_record(**fields: Any) -> IncomingIntegrationRecord:
    return IncomingIntegrationRecord(**INCOMING_HELD | fields)


def outgoing_record(**fields: Any) -> OutgoingIntegrationRecord:
    return OutgoingIntegrationRecord(**OUTGOING_HELD | fields)


evolved: Callable[..., Any] = attrs.evolve


def through_a_pickle(value: object) -> object:
    return pickle.loads(pickle.dumps(value))


def shown(value: Any) -> str:
    """How a value is called in the name of a test."""
    name = getattr(value, "__name__", None) or repr(value)
    return type(value).__name__ if " object at " in name else name


def everything(make: Callable[..., Any], **more: Any) -> Any:
    """A definition or record with every field that both kinds have set to something."""
    return make(
        enabled=False,
        alias="CI",
        avatar="https://example.com/a.png",
        emoji=":robot:",
        script_enabled=True,
        script="class Script {}",
        script_engine="isolated-vm",
        skip_transpile=True,
        **more,
    )


FULL_INCOMING = {"override_destination_channel_enabled": True}
FULL_OUTGOING = {
    "trigger_words": ("!deploy",),
    "trigger_word_anywhere": True,
    "target_room": "#ops",
    "token": "s3cret",
    "run_on_edits": True,
    "impersonate_user": True,
    "retry_failed_calls": True,
    "retry_count": 2,
    "retry_delay": "powers-of-two",
}
STORED = {
    "user_id": "rocket.cat",
    "created_at": datetime(2024, 1, 10, tzinfo=timezone.utc),
    "created_by": UserReference("u1", "alice"),
    "updated_at": datetime(2024, 1, 11, tzinfo=timezone.utc),
    "updated_by": UserReference("u2", "bob"),
    "script_compiled": "compiled",
    "script_error": ScriptError("SyntaxError", "unexpected token", "at line 1"),
    "extra": {"avatarUrl": "https://example.com/b.png"},
}

EVERY_VALUE = [
    pytest.param(incoming(), id="incoming"),
    pytest.param(everything(incoming, **FULL_INCOMING), id="full incoming"),
    pytest.param(outgoing(), id="outgoing"),
    pytest.param(everything(outgoing, **FULL_OUTGOING), id="full outgoing"),
    pytest.param(incoming_record(), id="incoming record"),
    pytest.param(everything(incoming_record, token="t0ken", **FULL_INCOMING, **STORED), id="full incoming record"),
    pytest.param(outgoing_record(), id="outgoing record"),
    pytest.param(everything(outgoing_record, **FULL_OUTGOING, **STORED), id="full outgoing record"),
    pytest.param(outgoing_record(event="odd", channel=("nowhere",), script_engine="vm2"), id="odd record"),
    pytest.param(
        HistoryEntry(
            id="h1",
            event="sendMessage",
            error_stack=["at"],
            http_error={"a": 1},
            data={"a": 1},
            integration={"a": 1},
            http_call_data={"a": 1},
            prepare_sent_message=[1],
            process_sent_message=[1],
            result_message=[1],
            extra={"b": [2]},
        ),
        id="history",
    ),
    pytest.param(Change("alias", None, "CI"), id="change"),
]
every_value = pytest.mark.parametrize("value", EVERY_VALUE)


# What is taken.


@pytest.mark.parametrize(
    ("make", "field", "given", "kept"),
    [
        (incoming, "channel", "#a", ("#a",)),
        (incoming, "channel", "#a, @b ,#c", ("#a", "@b", "#c")),
        (incoming, "channel", f"#a{BYTE_ORDER_MARK},{NO_BREAK_SPACE}#b", ("#a", "#b")),
        (incoming, "channel", ["#a", "@b"], ("#a", "@b")),
        (incoming, "channel", (part for part in ("#a", "@b")), ("#a", "@b")),
        (incoming, "channel", [" #a"], (" #a",)),
        (incoming, "channel", "#ü", ("#ü",)),
        (incoming, "name", "", ""),
        (incoming, "username", FILE_SEPARATOR, FILE_SEPARATOR),
        (incoming, "alias", "", ""),
        (incoming, "script", "", ""),
        (incoming, "script_engine", "isolated-vm", "isolated-vm"),
        (incoming, "skip_transpile", False, False),
        (outgoing, "channel", (), ()),
        (outgoing, "channel", "#a,", ("#a",)),
        (outgoing, "channel", ["#a", " "], ("#a", " ")),
        (outgoing, "channel", ",".join(EVERYWHERE), EVERYWHERE),
        (outgoing, "channel", ["all_public_channels", "#a"], ("all_public_channels", "#a")),
        (outgoing, "urls", "https://a.example,b", ("https://a.example,b",)),
        (outgoing, "urls", ["https://a.example", " "], ("https://a.example", " ")),
        (outgoing, "urls", ["any text is a URL to the server"], ("any text is a URL to the server",)),
        (outgoing, "trigger_words", "!a, !b ,", ("!a", "!b")),
        (outgoing, "trigger_words", ["!a b", " !c,d"], ("!a b", " !c,d")),
        (outgoing, "trigger_words", "", ()),
        (outgoing, "event", "roomJoined", EventType.ROOM_JOINED),
        (outgoing, "event", EventType.FILE_UPLOADED, EventType.FILE_UPLOADED),
        (outgoing, "target_room", "", ""),
        (outgoing, "retry_delay", "increments-of-two", RetryDelay.INCREMENTS_OF_TWO),
        (outgoing, "retry_delay", RetryDelay.POWERS_OF_TWO, RetryDelay.POWERS_OF_TWO),
        (outgoing, "retry_count", -3, -3),
        (outgoing, "retry_count", 2**53 - 1, 2**53 - 1),
    ],
    ids=shown,
)
def test_what_the_server_takes_is_taken(make: Callable[..., Any], field: str, given: Any, kept: Any) -> None:
    """Text may stand for a list where the vendor's form takes text, and nothing else is changed."""
    value = getattr(make(**{field: given}), field)
    assert value == kept
    assert type(value) is type(kept)


def test_the_defaults_are_those_of_the_server() -> None:
    """Only what is required has to be given; the rest is what the server would make of nothing."""
    definition = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls=["u"])
    fields = {**attrs.asdict(definition), "name": "bot"}
    on = {field for field, value in fields.items() if value is True}
    off = {field for field, value in fields.items() if value is False}
    assert on == {"enabled"}
    assert off == {
        "script_enabled",
        "trigger_word_anywhere",
        "run_on_edits",
        "impersonate_user",
        "retry_failed_calls",
    }
    assert (definition.channel, definition.trigger_words) == ((), ())
    assert not incoming().override_destination_channel_enabled


@pytest.mark.parametrize("count", [None, 1, 100])
def test_retries_may_be_counted_or_left_to_the_server(count: int | None) -> None:
    """One retry is the least, and None is the server's own number."""
    assert outgoing(retry_failed_calls=True, retry_count=count).retry_count == count


@pytest.mark.parametrize("event", ["roomArchived", "roomCreated", "userCreated"])
@pytest.mark.parametrize("channel", ["", " , ", "general", "#ops"])
def test_events_without_a_channel_take_any(event: str, channel: str) -> None:
    """Where the server stores no channel, none is held against a definition."""
    assert outgoing(event=event, channel=channel, target_room="#ops").event == event


# What is refused.

WRONG_TYPES = [
    *[
        (make, field, value)
        for make in (incoming, outgoing)
        for field, value in (
            ("name", None),
            ("username", 5),
            ("username", None),
            ("enabled", "true"),
            ("enabled", 1),
            ("enabled", None),
            ("script_enabled", 0),
            ("script", b"class"),
            ("alias", 5),
            ("avatar", ["a"]),
            ("emoji", True),
            ("script_engine", 1),
            ("skip_transpile", "false"),
            ("channel", None),
            ("channel", 5),
            ("channel", ["#a", None]),
            ("channel", b"#a"),
        )
    ],
    (incoming, "override_destination_channel_enabled", None),
    (outgoing, "event", None),
    (outgoing, "event", 5),
    (outgoing, "event", ["sendMessage"]),
    (outgoing, "urls", None),
    (outgoing, "urls", [5]),
    (outgoing, "trigger_words", None),
    (outgoing, "trigger_words", [5]),
    (outgoing, "trigger_word_anywhere", None),
    (outgoing, "target_room", 5),
    (outgoing, "token", 5),
    (outgoing, "run_on_edits", "yes"),
    (outgoing, "impersonate_user", 1),
    (outgoing, "retry_failed_calls", 1),
    (outgoing, "retry_count", "4"),
    (outgoing, "retry_count", 4.0),
    (outgoing, "retry_count", True),
    (outgoing, "retry_delay", 2),
]


@pytest.mark.parametrize(("make", "field", "value"), WRONG_TYPES, ids=shown)
def test_a_value_of_the_wrong_type_is_refused(make: Callable[..., Any], field: str, value: Any) -> None:
    """Nothing is coerced: another type raises TypeError, which begins with the field's name."""
    with pytest.raises(TypeError, match=f"^{field}: must "):
        make(**{field: value})


@pytest.mark.parametrize(
    ("make", "fields", "named", "allowed"),
    [
        (incoming, {"channel": "general"}, "channel", "'#' or '@'"),
        (incoming, {"channel": "#a,"}, "channel", "'#' or '@'"),
        (incoming, {"channel": ""}, "channel", "'#' or '@'"),
        (incoming, {"channel": ()}, "channel", "at least one '#room' or '@user'"),
        (incoming, {"channel": ["#a,#b"]}, "channel", "a comma"),
        (incoming, {"channel": "all_public_channels"}, "channel", "'#' or '@'"),
        (incoming, {"channel": [f"{FILE_SEPARATOR}#a"]}, "channel", "'#' or '@'"),
        (incoming, {"channel": [f"#{HALF_A_PAIR}"]}, "channel", "half a surrogate pair"),
        (incoming, {"username": ""}, "username", "is blank"),
        (incoming, {"username": f" {BYTE_ORDER_MARK}"}, "username", "is blank"),
        (incoming, {"name": HALF_A_PAIR}, "name", "half a surrogate pair"),
        (incoming, {"script": f"// ü {HALF_A_PAIR}"}, "script", "half a surrogate pair"),
        (incoming, {"script_engine": "vm2"}, "script_engine", "isolated-vm"),
        (outgoing, {"channel": "general"}, "channel", "all_direct_messages"),
        (outgoing, {"channel": "ALL_PUBLIC_CHANNELS"}, "channel", "all_public_channels"),
        (outgoing, {"channel": "#a,b"}, "channel", "'b' is not"),
        (outgoing, {"channel": ["#a,#b"]}, "channel", "a comma"),
        (outgoing, {"channel": ""}, "channel", "leave it out"),
        (outgoing, {"channel": " , "}, "channel", "leave it out"),
        (outgoing, {"channel": ["", BYTE_ORDER_MARK]}, "channel", "leave it out"),
        (outgoing, {"event": "messageSent"}, "event", "sendMessage, fileUploaded, roomArchived"),
        (outgoing, {"event": ""}, "event", "userCreated"),
        (outgoing, {"event": "SENDMESSAGE"}, "event", "sendMessage"),
        (outgoing, {"urls": ()}, "urls", "at least one URL"),
        (outgoing, {"urls": ""}, "urls", "at least one URL"),
        (outgoing, {"urls": [BYTE_ORDER_MARK]}, "urls", "at least one URL"),
        (outgoing, {"urls": ["https://a.example", ""]}, "urls", "empty text"),
        (outgoing, {"urls": f"https://{HALF_A_PAIR}"}, "urls", "half a surrogate pair"),
        (outgoing, {"trigger_words": ["!a", ""]}, "trigger_words", "empty text"),
        (outgoing, {"trigger_words": [HALF_A_PAIR]}, "trigger_words", "half a surrogate pair"),
        (outgoing, {"event": "userCreated"}, "target_room", "userCreated"),
        (outgoing, {"event": "userCreated", "target_room": NO_BREAK_SPACE}, "target_room", "userCreated"),
        (outgoing, {"token": ""}, "token", "leave it out"),
        (outgoing, {"token": BYTE_ORDER_MARK}, "token", "leave it out"),
        (outgoing, {"retry_count": 0, "retry_failed_calls": True}, "retry_count", "at least 1"),
        (outgoing, {"retry_count": -3, "retry_failed_calls": True}, "retry_count", "at least 1"),
        (outgoing, {"retry_count": 2**53}, "retry_count", "beyond 9007199254740991"),
        (outgoing, {"retry_count": -(2**53)}, "retry_count", "beyond 9007199254740991"),
        (outgoing, {"retry_delay": "Powers-of-Two"}, "retry_delay", "powers-of-two"),
        (outgoing, {"retry_delay": ""}, "retry_delay", "powers-of-ten"),
    ],
    ids=shown,
)
def test_what_the_server_refuses_is_refused(
    make: Callable[..., Any], fields: dict[str, Any], named: str, allowed: str
) -> None:
    """A value that is not allowed raises ValueError, which begins with the field's name and tells what is."""
    with pytest.raises(ValueError, match=f"^{named}: ") as caught:
        make(**fields)
    assert allowed in str(caught.value)


ANY_KIND: Any = IncomingIntegration  # for type checkers would not let us


@pytest.mark.parametrize(
    "make",
    [
        lambda: incoming(event="sendMessage"),
        lambda: incoming(token="chosen"),
        lambda: outgoing(override_destination_channel_enabled=True),
        lambda: ANY_KIND("ci", "#builds", username="rocket.cat"),
        lambda: ANY_KIND("ci", username="rocket.cat"),
    ],
    ids=[
        "event of an incoming one",
        "token of an incoming one",
        "override of an outgoing one",
        "by position",
        "missing",
    ],
)
def test_fields_go_by_their_names(make: Callable[[], object]) -> None:
    """A field that there is not, a missing one and one by position is a TypeError, as in any call."""
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        make()


@pytest.mark.parametrize(
    "kind",
    [IncomingIntegration, OutgoingIntegration, IncomingIntegrationRecord, OutgoingIntegrationRecord, HistoryEntry],
)
def test_only_the_name_may_go_by_its_position(kind: type) -> None:
    """Fields can be added later without a call that means another one."""
    parameters = inspect.signature(kind).parameters.values()
    assert [it.name for it in parameters if it.kind is not it.KEYWORD_ONLY] in (["name"], [])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": None}, "name: must be text, not NoneType"),
        ({"alias": 5}, "alias: must be text or None, not int"),
        ({"enabled": None}, "enabled: must be True or False, not NoneType"),
        ({"skip_transpile": 0}, "skip_transpile: must be True, False or None, not int"),
        ({"channel": 5}, "channel: must be text or texts, not int"),
        ({"channel": ["#a", 5]}, "channel: must hold texts, not int"),
    ],
    ids=shown,
)
def test_a_refusal_names_what_is_allowed(fields: dict[str, Any], problem: str) -> None:
    """A message says which types would do, and which one was given."""
    with pytest.raises(TypeError) as caught:
        incoming(**fields)
    assert str(caught.value) == problem


def test_evolving_a_definition_judges_it_again() -> None:
    """A slip in attrs.evolve is found where it is made."""
    with pytest.raises(ValueError, match=r"^channel: "):
        attrs.evolve(incoming(), channel="builds")


@pytest.mark.parametrize(
    ("text", "rest"),
    [(f"{NO_BREAK_SPACE}\t{BYTE_ORDER_MARK} a b\u2029\n", "a b"), (f"{FILE_SEPARATOR}a\x85", f"{FILE_SEPARATOR}a\x85")],
    ids=["blanks of JavaScript", "blanks of Python only"],
)
def test_blanks_are_those_of_the_server(text: str, rest: str) -> None:
    """What counts as blank is what JavaScript trims, not what Python strips."""
    assert trimmed(text) == rest


def test_judging_some_fields_leaves_the_others_alone() -> None:
    """An update is judged in what it changes; an oddity that was there before stays."""
    odd = outgoing_record(event="odd", urls=(), enabled="maybe")
    validate(odd, ["alias", "username"])
    with pytest.raises(TypeError, match=r"^enabled: "):
        validate(odd, ["enabled"])
    with pytest.raises(ValueError, match=r"^event: "):
        validate(odd, ["event"])


# Records.


ODD = [
    ("event", "messageSent"),
    ("channel", ("general", "")),
    ("channel", ()),
    ("script_engine", "vm2"),
    ("urls", ()),
    ("username", ""),
    ("retry_delay", "weird"),
    ("retry_count", 0),
    ("trigger_words", ("",)),
    ("token", ""),
    ("alias", HALF_A_PAIR),
]


@pytest.mark.parametrize(("field", "value"), ODD, ids=shown)
def test_records_are_never_judged(field: str, value: object) -> None:
    """What the server holds is taken as it is: made, evolved, and as a definition."""
    made = outgoing_record(**{field: value}, retry_failed_calls=True)
    for record in (made, attrs.evolve(made, name="renamed"), evolved(outgoing_record(), **{field: value})):
        assert getattr(record, field) == value
        assert type(record.definition) is OutgoingIntegration
        assert getattr(record.definition, field) == value


def test_an_odd_incoming_record_is_taken_too() -> None:
    """The same goes for incoming integrations."""
    record = attrs.evolve(incoming_record(channel=()), username="")
    assert record.definition.channel == ()
    assert type(record.definition) is IncomingIntegration


@pytest.mark.parametrize("fields", [{}, FULL_OUTGOING], ids=["least", "all"])
def test_the_definition_in_a_record_is_a_plain_one(fields: dict[str, Any]) -> None:
    """`record.definition` equals what was created, and creates the same again."""
    assert outgoing_record(**fields, extra={"new": 1}).definition == outgoing(**fields)
    assert incoming_record(token="t").definition == incoming()


def test_there_is_always_a_creator_to_ask() -> None:
    """`created_by` is never None, so its username can be asked for without a look before."""
    assert incoming_record().created_by == UserReference(id=None, username=None)
    assert outgoing_record().created_by.username is None


def test_the_type_is_a_constant() -> None:
    """`type` tells the kinds apart, of classes as of values, and is no field."""
    assert [kind.type for kind in (IncomingIntegration, IncomingIntegrationRecord)] == [IntegrationType.INCOMING] * 2
    assert [kind.type for kind in (OutgoingIntegration, OutgoingIntegrationRecord)] == [IntegrationType.OUTGOING] * 2
    assert incoming_record().type is IntegrationType.INCOMING
    with pytest.raises(AttributeError):
        setattr(outgoing(), "type", IntegrationType.INCOMING)  # noqa: B010 - plain, type checkers refuse it


# Values.


@every_value
def test_values_cannot_be_changed(value: Any) -> None:
    """Definitions, records and the like are frozen and have slots: a slip in a name does not pass unseen."""
    for field in (attrs.fields(value.__class__)[0].name, "no_such_field"):
        with pytest.raises(AttributeError):
            setattr(value, field, "x")
    assert not hasattr(value, "__dict__")


@every_value
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, through_a_pickle, evolved],
    ids=["copy", "deepcopy", "pickle", "evolve"],
)
def test_values_can_be_copied(value: Any, copied: Callable[[Any], Any]) -> None:
    """A copy equals its original, has its type and its hash."""
    other = copied(value)
    assert other == value
    assert type(other) is type(value)
    assert hash(other) == hash(value)


def test_values_differ_if_a_field_does() -> None:
    """Equality looks at every field, and a record never equals a definition."""
    assert incoming() != incoming(alias="CI")
    assert outgoing(token="a") != outgoing(token="b")
    assert incoming_record() != incoming()
    assert incoming_record(extra={"a": 1}) != incoming_record(extra={"a": 2})
    assert len({incoming(), incoming(), incoming(name="other")}) == 2


def test_unknown_fields_are_outside_the_hash() -> None:
    """Records can be put into sets, whatever a newer server adds to them."""
    assert hash(incoming_record(extra={"a": [1]})) == hash(incoming_record(extra={"b": {}}))
    assert hash(outgoing_record(extra={"a": [1]})) == hash(outgoing_record())


# Enums.


@pytest.mark.parametrize("member", [*EventType, *RetryDelay, *IntegrationType], ids=str)
def test_enums_are_the_text_that_goes_over_the_wire(member: Any) -> None:
    """However a member is printed, what comes out is what the server knows."""
    wire = member.value
    assert (str(member), f"{member}", f"{member:>30}") == (wire, wire, wire.rjust(30))
    assert json.dumps({member: [member]}) == json.dumps({wire: [wire]})
    assert member == wire
    assert hash(member) == hash(wire)
    assert pickle.loads(pickle.dumps(member)) is member


@pytest.mark.parametrize(
    ("kind", "wire"),
    [
        (IntegrationType, {"INCOMING": "webhook-incoming", "OUTGOING": "webhook-outgoing"}),
        (
            EventType,
            {
                "SEND_MESSAGE": "sendMessage",
                "FILE_UPLOADED": "fileUploaded",
                "ROOM_ARCHIVED": "roomArchived",
                "ROOM_CREATED": "roomCreated",
                "ROOM_JOINED": "roomJoined",
                "ROOM_LEFT": "roomLeft",
                "USER_CREATED": "userCreated",
            },
        ),
        (
            RetryDelay,
            {
                "POWERS_OF_TEN": "powers-of-ten",
                "POWERS_OF_TWO": "powers-of-two",
                "INCREMENTS_OF_TWO": "increments-of-two",
            },
        ),
    ],
    ids=["types", "events", "delays"],
)
def test_enums_know_what_the_server_knows(kind: Any, wire: dict[str, str]) -> None:
    """Each of the vendor's values has its name in upper case."""
    assert {member.name: member.value for member in kind} == wire


def test_an_event_of_the_history_is_a_member_if_it_is_known() -> None:
    """An entry's event can be compared with `is`; one that this version does not know is kept as its text."""
    assert HistoryEntry(id="h", event="roomLeft").event is EventType.ROOM_LEFT
    assert HistoryEntry(id="h", event="new").event == "new"
    assert HistoryEntry(id="h").event is None


# Secrets.


@pytest.mark.parametrize(
    "value",
    [
        outgoing(token=CANARY, script=CANARY),
        incoming(script=CANARY),
        incoming_record(token=CANARY, script=CANARY, script_compiled=CANARY, extra={"known": CANARY}),
        outgoing_record(token=CANARY, script=CANARY, script_compiled=CANARY, extra={"known": CANARY}),
        incoming_record(script_error=ScriptError("SyntaxError", "unexpected", CANARY)),
        HistoryEntry(
            id="h",
            integration={"token": CANARY},
            http_call_data={"token": CANARY},
            http_result=CANARY,
            http_error=CANARY,
            error_stack=CANARY,
            data={"text": CANARY},
            prepare_sent_message=CANARY,
            process_sent_message=CANARY,
            result_message=CANARY,
            extra={"known": CANARY},
        ),
        Change("token", CANARY, CANARY),
        Change("script", CANARY, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_repr_shows_a_secret(value: object) -> None:
    """Tokens, scripts and what a program does not know stay out of logs and tracebacks."""
    assert CANARY not in f"{value!r} {value!s}"


def test_reprs_tell_the_rest() -> None:
    """A repr says whether there is a token, how long a script is, and what the unknown fields are called."""
    shown = repr(outgoing_record(token="t", script="12345", extra={"avatarUrl": "x", "rank": 1}))
    for part in ("OutgoingIntegrationRecord(", "token=<hidden>", "script=<5 characters>", "extra=<avatarUrl, rank>"):
        assert part in shown
    assert "token=None, " in repr(outgoing())
    assert repr(Change("alias", None, "CI")) == "Change(alias: None -> 'CI')"
    assert repr(Change("token", None, "t")) == "Change(token: None -> <hidden>)"


@pytest.mark.parametrize(
    "make",
    [
        lambda: outgoing(token=CANARY, channel="bad"),
        lambda: outgoing(token=CANARY, no_such_field=1),
        lambda: outgoing(token=f"{CANARY}{HALF_A_PAIR}"),
        lambda: outgoing(token=CANARY, urls=None),
        lambda: outgoing_record(token=CANARY, channel=5),
        lambda: incoming_record(token=CANARY, no_such_field=1),
        lambda: attrs.evolve(outgoing(token=CANARY), channel="bad"),
    ],
    ids=["value", "keyword", "surrogate", "type", "record", "incoming record", "evolve"],
)
def test_a_failing_constructor_leaves_no_secret_in_its_frames(make: Callable[[], object]) -> None:
    """Error reporters print the locals of every frame: ours hold no token that was given."""
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert CANARY not in str(caught.value)
    package = str(Path(rocketchat_integrations.__file__).parent)
    told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in told.stack if frame.filename.startswith((package, "<attrs"))]
    assert frames
    assert CANARY not in str([frame.locals for frame in frames])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


@pytest.mark.parametrize("event", ["roomArchived", "roomCreated", "userCreated"])
def test_blanks_are_no_channel_where_none_is_used(event: str) -> None:
    """The server refuses blanks for every event, and takes an empty channel for those that use none."""
    fields: dict[str, Any] = {"username": "rocket.cat", "urls": "https://a.example", "target_room": "#a"}
    with pytest.raises(ValueError, match="channel: is blank"):
        OutgoingIntegration("x", event=event, channel=["  "], **fields)
    assert OutgoingIntegration("x", event=event, channel="", **fields).channel == ("",)
