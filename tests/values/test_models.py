"""Definitions are checked, records are not; both are plain values that show no secret."""

import copy
import inspect
import json
import pickle
import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
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
from rocketchat_integrations._validation import Problem, problems, trimmed
from rocketchat_integrations.models import unchecked, validate

CANARY = "canary-in-the-coal-mine"
EVERYWHERE = ("all_public_channels", "all_private_groups", "all_direct_messages")
NO_BREAK_SPACE, BYTE_ORDER_MARK, FILE_SEPARATOR = "\u00a0", "\ufeff", "\x1c"
LONE_SURROGATE = "\ud83d"


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
    """Return what a value is called in the name of a test."""
    name = getattr(value, "__name__", None) or repr(value)
    return type(value).__name__ if " object at " in name else name


def everything(make: Callable[..., Any], **more: Any) -> Any:
    """Make a definition or record with a value for every field that both types have."""
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
    "created_at": datetime(2024, 1, 10, tzinfo=UTC),
    "created_by": UserReference("u1", "alice"),
    "updated_at": datetime(2024, 1, 11, tzinfo=UTC),
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


# What is allowed.


@pytest.mark.parametrize(
    ("make", "field", "given", "kept"),
    [
        (incoming, "channel", f"#a{BYTE_ORDER_MARK},{NO_BREAK_SPACE}@b", ("#a", "@b")),
        (incoming, "channel", (part for part in ("#ü", " @b")), ("#ü", " @b")),
        (incoming, "name", "", ""),
        (incoming, "username", FILE_SEPARATOR, FILE_SEPARATOR),
        (incoming, "script_engine", "isolated-vm", "isolated-vm"),
        (incoming, "skip_transpile", False, False),
        (outgoing, "channel", (), ()),
        (outgoing, "channel", "#a,", ("#a",)),
        (outgoing, "channel", ["#a", " "], ("#a", " ")),
        (outgoing, "channel", ",".join(EVERYWHERE), EVERYWHERE),
        (outgoing, "urls", "https://a.example,b", ("https://a.example,b",)),
        (outgoing, "urls", ["any text is a URL to the server", " "], ("any text is a URL to the server", " ")),
        (outgoing, "trigger_words", "!a, !b ,", ("!a", "!b")),
        (outgoing, "trigger_words", ["!a b", " !c,d"], ("!a b", " !c,d")),
        (outgoing, "event", "roomJoined", EventType.ROOM_JOINED),
        (outgoing, "target_room", "", ""),
        (outgoing, "retry_delay", "increments-of-two", RetryDelay.INCREMENTS_OF_TWO),
        (outgoing, "retry_count", -3, -3),
        (outgoing, "retry_count", 2**53 - 1, 2**53 - 1),
    ],
    ids=shown,
)
def test_values_that_the_server_keeps_are_allowed(make: Callable[..., Any], field: str, given: Any, kept: Any) -> None:
    """Text may replace a list where the vendor's form has text, and nothing else is changed."""
    value = getattr(make(**{field: given}), field)
    assert value == kept
    assert type(value) is type(kept)


def test_the_defaults_are_those_of_the_server() -> None:
    """Only required fields have to be given."""
    definition = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls=["u"])
    fields = attrs.asdict(definition)
    assert {field for field, value in fields.items() if value is True} == {"enabled"}
    flags = {"script_enabled", "trigger_word_anywhere", "run_on_edits", "impersonate_user", "retry_failed_calls"}
    assert {field for field, value in fields.items() if value is False} == flags
    assert (definition.channel, definition.trigger_words) == ((), ())
    assert not incoming().override_destination_channel_enabled


@pytest.mark.parametrize("event", ["roomArchived", "roomCreated", "userCreated"])
def test_events_without_a_channel_allow_any_but_blanks(event: str) -> None:
    """The server stores no channel for them, and refuses blanks."""
    for channel in ("", " , ", "general"):
        assert outgoing(event=event, channel=channel, target_room="#ops").event == event
    with pytest.raises(ValueError, match="^channel: must not be blank"):
        outgoing(event=event, channel=["  "], target_room="#ops")


# What is refused.


@pytest.mark.parametrize(
    ("make", "field", "value", "problem"),
    [
        (incoming, "name", None, "must be text, not None"),
        (incoming, "alias", 5, "must be text, not int"),
        (incoming, "script", b"class", "must be text, not bytes"),
        (incoming, "enabled", None, "must be true or false, not None"),
        (incoming, "enabled", 1, "must be true or false, not int"),
        (incoming, "skip_transpile", "false", "must be true or false, not str"),
        (incoming, "channel", None, "must be text or a list of texts, not None"),
        (incoming, "channel", ["#a", 5], "must hold only text, not int"),
        (outgoing, "channel", 5, "must be text or a list of texts, not int"),
        (outgoing, "urls", b"https://a.example", "must hold only text, not int"),
        (outgoing, "trigger_words", None, "must be text or a list of texts, not None"),
        (outgoing, "event", None, "must be text, not None"),
        (outgoing, "retry_count", 4.0, "must be a whole number, not float"),
        (outgoing, "retry_count", True, "must be a whole number, not bool"),
        (outgoing, "retry_delay", 2, "must be text, not int"),
    ],
    ids=shown,
)
def test_a_value_of_a_wrong_type_is_refused(make: Callable[..., Any], field: str, value: Any, problem: str) -> None:
    """Nothing is coerced: TypeError names the field, the allowed type, and the given one."""
    with pytest.raises(TypeError) as caught:
        make(**{field: value})
    assert str(caught.value) == f"{field}: {problem}"


@pytest.mark.parametrize("kind", [IncomingIntegration, OutgoingIntegration])
def test_the_type_of_every_field_is_checked(kind: Any) -> None:
    """A new field is checked by its annotation."""
    definition = incoming() if kind is IncomingIntegration else outgoing()
    for field in attrs.fields(kind):
        with pytest.raises(TypeError, match=f"^{field.name}: must "):
            evolved(definition, **{field.name: 1.5})


@pytest.mark.parametrize(
    ("make", "fields", "named", "allowed"),
    [
        (incoming, {"channel": "#a,"}, "channel", "'#' or '@'"),
        (incoming, {"channel": ()}, "channel", "at least one '#room' or '@user'"),
        (incoming, {"channel": ["#a,#b"]}, "channel", "a comma"),
        (incoming, {"channel": "all_public_channels"}, "channel", "'#' or '@'"),
        (incoming, {"channel": [f"{FILE_SEPARATOR}#a"]}, "channel", "'#' or '@'"),
        (incoming, {"channel": [f"#{LONE_SURROGATE}"]}, "channel", "lone surrogates"),
        (incoming, {"username": f" {BYTE_ORDER_MARK}"}, "username", "is blank"),
        (incoming, {"script": f"// ü {LONE_SURROGATE}"}, "script", "lone surrogates"),
        (incoming, {"script_engine": "vm2"}, "script_engine", "isolated-vm"),
        (outgoing, {"channel": "#a,b"}, "channel", "all_direct_messages; 'b' is not"),
        (outgoing, {"channel": ["all_public_channels,#b"]}, "channel", "a comma"),
        (outgoing, {"channel": " , "}, "channel", "leave it out"),
        (outgoing, {"channel": ["", BYTE_ORDER_MARK]}, "channel", "leave it out"),
        (outgoing, {"event": "SENDMESSAGE"}, "event", "sendMessage, fileUploaded, roomArchived"),
        (outgoing, {"urls": ()}, "urls", "at least one URL"),
        (outgoing, {"urls": [BYTE_ORDER_MARK]}, "urls", "at least one URL"),
        (outgoing, {"urls": ["https://a.example", ""]}, "urls", "empty text"),
        (outgoing, {"trigger_words": ["!a", ""]}, "trigger_words", "empty text"),
        (outgoing, {"event": "userCreated"}, "target_room", "userCreated"),
        (outgoing, {"event": "userCreated", "target_room": NO_BREAK_SPACE}, "target_room", "userCreated"),
        (outgoing, {"token": BYTE_ORDER_MARK}, "token", "leave it out"),
        (outgoing, {"retry_count": 0, "retry_failed_calls": True}, "retry_count", "at least 1"),
        (outgoing, {"retry_count": 2**53}, "retry_count", "9007199254740991"),
        (outgoing, {"retry_count": -(2**53)}, "retry_count", "-9007199254740991"),
        (outgoing, {"retry_delay": ""}, "retry_delay", "powers-of-ten"),
    ],
    ids=shown,
)
def test_what_the_server_refuses_or_changes_is_refused(
    make: Callable[..., Any], fields: dict[str, Any], named: str, allowed: str
) -> None:
    """ValueError names the field and what is allowed."""
    with pytest.raises(ValueError, match=f"^{named}: ") as caught:
        make(**fields)
    assert allowed in str(caught.value)


def test_one_retry_is_enough() -> None:
    """None is the server's own number."""
    for count in (None, 1):
        assert outgoing(retry_failed_calls=True, retry_count=count).retry_count == count


ANY_KIND: Any = IncomingIntegration  # type checkers refuse wrong arguments


@pytest.mark.parametrize(
    "make",
    [
        lambda: incoming(event="sendMessage"),
        lambda: incoming(token="chosen"),
        lambda: outgoing(override_destination_channel_enabled=True),
        lambda: ANY_KIND("ci", "#builds", username="rocket.cat"),
        lambda: ANY_KIND("ci", username="rocket.cat"),
    ],
    ids=["event of incoming", "token of incoming", "override of outgoing", "by position", "missing"],
)
def test_wrong_arguments_are_a_type_error(make: Callable[[], object]) -> None:
    """An unknown field, a missing one, and one by position fail as in any call."""
    with pytest.raises(TypeError, match=r"__init__\(\)"):
        make()


@pytest.mark.parametrize(
    "kind",
    [IncomingIntegration, OutgoingIntegration, IncomingIntegrationRecord, OutgoingIntegrationRecord, HistoryEntry],
)
def test_only_the_name_is_positional(kind: type) -> None:
    """Fields can be added later without changing the meaning of a call."""
    parameters = inspect.signature(kind).parameters.values()
    assert [it.name for it in parameters if it.kind is not it.KEYWORD_ONLY] in (["name"], [])


def test_evolving_a_definition_checks_it_again() -> None:
    """A mistake in attrs.evolve is found where it is made."""
    with pytest.raises(ValueError, match=r"^channel: "):
        attrs.evolve(incoming(), channel="builds")


@pytest.mark.parametrize(
    ("text", "rest"),
    [(f"{NO_BREAK_SPACE}\t{BYTE_ORDER_MARK} a b\u2029\n", "a b"), (f"{FILE_SEPARATOR}a\x85", f"{FILE_SEPARATOR}a\x85")],
    ids=["blanks of JavaScript", "blanks of Python only"],
)
def test_blanks_are_those_of_javascript(text: str, rest: str) -> None:
    """The server trims with JavaScript, which differs from Python's strip."""
    assert trimmed(text) == rest


# Problems.


def test_every_problem_is_yielded_once_for_each_field() -> None:
    """A field with a problem is not checked further, nor with other fields."""
    odd = outgoing_record(name=5, event="userCreated", channel=["#a", 5], urls=(), retry_count=0)
    assert list(problems(odd)) == [
        Problem("name", "must be text", int, expects_text=True),
        Problem("channel", "must hold only text", int, expects_text=True),
        Problem("urls", "must hold at least one URL that is not blank"),
        Problem("target_room", "must name a room for the event userCreated"),
    ]


def test_only_the_given_fields_are_checked() -> None:
    """An update is checked in what it changes; an odd value that the server already has stays."""
    odd = outgoing_record(event="odd", urls=(), enabled="maybe", retry_failed_calls=True, retry_count=0)
    validate(odd, ["alias", "username"])
    with pytest.raises(TypeError, match=r"^enabled: "):
        validate(odd, ["enabled"])
    with pytest.raises(ValueError, match=r"^retry_count: "):
        validate(odd, ["retry_failed_calls"])


def test_unreadable_fields_are_not_checked() -> None:
    """A rule for several fields needs all of them."""
    odd = unchecked(OutgoingIntegration, {"name": "bot", "event": "userCreated", "urls": "u"})
    assert [problem.field for problem in problems(odd, unreadable=["username"])] == ["target_room"]
    assert list(problems(odd, unreadable=["username", "event"])) == []


# Records.


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("event", "messageSent"),
        ("channel", ("general", "")),
        ("channel", 5),
        ("urls", ()),
        ("retry_delay", "weird"),
        ("retry_count", 0),
        ("alias", LONE_SURROGATE),
    ],
    ids=shown,
)
def test_records_are_not_checked(field: str, value: object) -> None:
    """A record keeps what the server holds: when it is made, when it is evolved, and as a definition."""
    made = outgoing_record(**{field: value}, retry_failed_calls=True)
    for record in (made, attrs.evolve(made, name="renamed"), evolved(outgoing_record(), **{field: value})):
        assert getattr(record, field) == value
        assert type(record.definition) is OutgoingIntegration
        assert getattr(record.definition, field) == value


@pytest.mark.parametrize("fields", [{}, FULL_OUTGOING], ids=["least", "all"])
def test_the_definition_of_a_record_is_a_plain_one(fields: dict[str, Any]) -> None:
    """It equals what was created, and creates the same again; that of an odd record stays odd."""
    assert outgoing_record(**fields, extra={"new": 1}).definition == outgoing(**fields)
    assert incoming_record(token="t").definition == incoming()
    odd = attrs.evolve(incoming_record(channel=()), username="").definition
    assert (type(odd), odd.channel, odd.username) == (IncomingIntegration, (), "")


def test_the_creator_of_a_record_is_never_none() -> None:
    """`record.created_by.username` needs no check for None."""
    assert incoming_record().created_by == UserReference(id=None, username=None)
    assert outgoing_record().created_by.username is None


def test_the_type_is_a_constant() -> None:
    """Classes and values have it, and it is not a field."""
    assert [kind.type for kind in (IncomingIntegration, IncomingIntegrationRecord)] == [IntegrationType.INCOMING] * 2
    assert [kind.type for kind in (OutgoingIntegration, OutgoingIntegrationRecord)] == [IntegrationType.OUTGOING] * 2
    assert incoming_record().type is IntegrationType.INCOMING
    with pytest.raises(AttributeError):
        setattr(outgoing(), "type", IntegrationType.INCOMING)  # noqa: B010 - plain, type checkers refuse it


# Values.


@every_value
def test_values_cannot_be_changed(value: Any) -> None:
    """They are frozen and have slots: a misspelled name fails."""
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
    """A copy has the type and the hash of its original, and is equal to it."""
    other = copied(value)
    assert other == value
    assert type(other) is type(value)
    assert hash(other) == hash(value)


def test_values_with_different_fields_are_different() -> None:
    """Every field counts, and a record never equals a definition."""
    assert incoming() != incoming(alias="CI")
    assert outgoing(token="a") != outgoing(token="b")
    assert incoming_record() != incoming()
    assert incoming_record(extra={"a": 1}) != incoming_record(extra={"a": 2})
    assert len({incoming(), incoming(), incoming(name="other")}) == 2


def test_unknown_fields_are_not_hashed() -> None:
    """Records can be members of sets, whatever a newer server adds to them."""
    assert hash(incoming_record(extra={"a": [1]})) == hash(incoming_record(extra={"b": {}}))
    assert hash(outgoing_record(extra={"a": [1]})) == hash(outgoing_record())


# Enums.


@pytest.mark.parametrize("member", [EventType.SEND_MESSAGE, RetryDelay.POWERS_OF_TEN, IntegrationType.INCOMING])
def test_enum_members_are_text(member: Any) -> None:
    """However a member is printed, the result is the server's value."""
    wire = member.value
    assert (str(member), f"{member}", f"{member:>30}") == (wire, wire, wire.rjust(30))
    assert json.dumps({member: [member]}) == json.dumps({wire: [wire]})
    assert member == wire
    assert hash(member) == hash(wire)
    assert pickle.loads(pickle.dumps(member)) is member


def test_enums_have_the_values_of_the_server() -> None:
    """Each value has its name in upper snake case."""
    assert {it.name: it.value for it in IntegrationType} == {
        "INCOMING": "webhook-incoming",
        "OUTGOING": "webhook-outgoing",
    }
    assert [IntegrationType(word) for word in ("incoming", "outgoing")] == list(IntegrationType)
    events = "sendMessage fileUploaded roomArchived roomCreated roomJoined roomLeft userCreated"
    assert " ".join(EventType) == events
    assert " ".join(RetryDelay) == "powers-of-ten powers-of-two increments-of-two"
    for member in EventType:
        assert member.name == re.sub("([A-Z])", r"_\1", member.value).upper()
    for delay in RetryDelay:
        assert delay.name == delay.value.replace("-", "_").upper()


def test_a_known_event_of_the_history_is_a_member() -> None:
    """It can be compared with `is`; an unknown one is kept as text."""
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
            url=f"https://{CANARY}@bot.example.com/services/{CANARY}?key={CANARY}#{CANARY}",
        ),
        Change("token", CANARY, CANARY),
        Change("script", CANARY, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_repr_shows_a_secret(value: object) -> None:
    """Tokens, scripts and unknown fields stay out of logs and tracebacks."""
    assert CANARY not in f"{value!r} {value!s}"


def test_a_repr_shows_what_is_not_secret() -> None:
    """Whether there is a token, the length of a script, and the names of unknown fields."""
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
        lambda: outgoing(token=f"{CANARY}{LONE_SURROGATE}"),
        lambda: outgoing(token=CANARY, urls=None),
        lambda: attrs.evolve(outgoing(token=CANARY), channel="bad"),
    ],
    ids=["value", "keyword", "surrogate", "type", "evolve"],
)
def test_a_failing_constructor_leaves_no_secret_in_its_frames(make: Callable[[], object]) -> None:
    """Error reporters print the local variables of every frame: those of the package hold no token."""
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert CANARY not in str(caught.value)
    package = str(Path(rocketchat_integrations.__file__).parent)
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in report.stack if frame.filename.startswith((package, "<attrs"))]
    assert frames
    assert CANARY not in str([frame.locals for frame in frames])
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
