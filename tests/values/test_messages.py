"""Messages are plain values that check their fields."""

import copy
import inspect
import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest

from rocketchat_integrations import Action, Attachment, AttachmentField, Message, PostResponse, PostResult

FULL = Message(
    "hi",
    channel=("#a",),
    attachments=(
        Attachment(
            title="t",
            ts=datetime(2024, 1, 1, tzinfo=UTC),
            fields=(AttachmentField("a", "b", short=True),),
            actions=(Action("Deploy", msg="!deploy"),),
            extra={"pretext": "p"},
        ),
    ),
    extra={"priority": 1},
    parse_urls=False,
    custom_fields={"a": [1]},
)


RESULT = PostResult(
    (PostResponse(channel="#a", message={"_id": "m1"}), PostResponse(channel="#b", error="invalid-channel")),
    {"success": True, "said": {"by": ["a script"]}},
)


@pytest.mark.parametrize("message", [Message("hi"), Message(), FULL, RESULT], ids=["text", "nothing", "full", "result"])
def test_messages_are_values(message: Message | PostResult) -> None:
    """Messages and results can be compared, hashed, copied and pickled."""
    copies = [copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))]
    assert copies == [message] * 3
    assert len({message, *copies}) == 1


@pytest.mark.parametrize(
    "value",
    [FULL, *FULL.attachments, *FULL.attachments[0].fields, *FULL.attachments[0].actions, RESULT, RESULT.responses[0]],
    ids=lambda it: type(it).__name__,
)
def test_messages_cannot_be_changed(value: Any) -> None:
    """They are frozen and have slots: a misspelled name fails."""
    for field in ("title", "text", "no_such_field"):
        with pytest.raises(AttributeError):
            setattr(value, field, "x")


def test_a_repr_of_a_result_shows_only_channels_and_errors() -> None:
    """The contents of messages stay out of logs."""
    posted, failed = "PostResponse(channel='#a', error=None)", "PostResponse(channel='#b', error='invalid-channel')"
    assert repr(RESULT) == f"PostResult(responses=({posted}, {failed}))"


def test_lists_become_tuples() -> None:
    """Any iterable is accepted, and a later change of a list does not change the message."""
    attachments = [Attachment(fields=[AttachmentField("a", "b")])]
    message = Message(channel=["#a", "@b"], attachments=attachments)
    attachments.clear()
    assert message.channel == ("#a", "@b")
    assert message.attachments == (Attachment(fields=(AttachmentField("a", "b"),)),)


@pytest.mark.parametrize(
    "fields",
    [
        {"Host": "db1", "Load": 0.93, "Errors": 0, "Cost": Decimal("1.50")},
        [("Host", "db1"), ["Load", 0.93], AttachmentField("Errors", 0), ("Cost", Decimal("1.50"))],
    ],
    ids=["a mapping", "pairs"],
)
def test_fields_may_be_a_mapping_or_pairs(fields: Any) -> None:
    """Their values may be numbers, which become text."""
    cells = [("Host", "db1"), ("Load", "0.93"), ("Errors", "0"), ("Cost", "1.50")]
    assert [(cell.title, cell.value) for cell in Attachment(fields=fields).fields] == cells


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"msg": "!deploy", "url": "https://a.example"}, "a button needs either url or msg"),
        ({}, "a button needs either url or msg"),
        ({"msg": " "}, "msg: must not be blank"),
        ({"text": " ", "msg": "x"}, "text: must not be blank"),
        ({"msg": "x", "msg_processing_type": "shout"}, "msg_processing_type: must be sendMessage, respondWithMessage"),
    ],
)
def test_a_button_that_would_do_nothing_is_refused(arguments: dict[str, Any], problem: str) -> None:
    """The server would take it."""
    options: dict[str, Any] = {"text": "Deploy", **arguments}
    with pytest.raises(ValueError, match=f"^{problem}"):
        Action(**options)


@pytest.mark.parametrize(
    ("kind", "extra", "problem"),
    [
        (Message, {"msg": "hi"}, "extra: 'msg' has a field: use text"),
        (Message, {"parse_urls": True}, "extra: 'parse_urls' has a field: use parse_urls"),
        (Message, {"parseUrls": True}, "extra: 'parseUrls' has a field: use parse_urls"),
        (Attachment, {"title_link": "x"}, "extra: 'title_link' has a field: use title_link"),
        (Attachment, {"msg": "x"}, "extra: 'msg' has a field: use text"),
        (Attachment, {"pretext": None}, "extra: 'pretext' must not be None; leave it out"),
        (Attachment, {"a": {1}}, "extra: must be valid as JSON: Object of type set is not JSON serializable"),
    ],
)
def test_more_keys_must_be_new_ones_with_a_value(kind: Callable[..., Any], extra: Any, problem: str) -> None:
    """Otherwise two places would say different things."""
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        kind(extra=extra)


def test_a_channel_with_a_comma_is_one_channel() -> None:
    """Unlike the channel of an integration, it is not split."""
    assert Message("hi", channel="#a,#b").channel == "#a,#b"


@pytest.mark.parametrize(
    ("kind", "names"),
    [(Message, ["text"]), (Attachment, []), (AttachmentField, ["title", "value"]), (Action, ["text"])],
    ids=str,
)
def test_only_the_main_fields_are_positional(kind: type, names: list[str]) -> None:
    """More fields can be added later without changing the meaning of a call."""
    parameters = inspect.signature(kind).parameters.values()
    assert [it.name for it in parameters if it.kind is not it.KEYWORD_ONLY] == names


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (Message, {"text": b"hi"}, "text: must be text or None, not bytes"),
        (Message, {"parse_urls": "yes"}, "parse_urls: must be True, False or None, not str"),
        (Message, {"channel": False}, "channel: must be text, texts or None"),
        (Message, {"channel": ["#a", None]}, "channel: must be text, texts or None"),
        (Message, {"attachments": None}, "attachments: must be a list, not NoneType"),
        (Message, {"attachments": [{"title": "t"}]}, "attachments: must hold objects of Attachment, not of dict"),
        (Message, {"custom_fields": []}, "custom_fields: must be a mapping or None, not list"),
        (Attachment, {"ts": 5}, "ts: must be a datetime, text or None, not int"),
        (Attachment, {"fields": ["ab"]}, "fields: must hold objects of AttachmentField, not of str"),
        (Attachment, {"fields": [("a", "b", "c")]}, "fields: must hold objects of AttachmentField, not of tuple"),
        (Attachment, {"fields": {"a": "b", "c": None}}, "fields[1].value: must be text or a number, not NoneType"),
        (Attachment, {"extra": None}, "extra: must be a mapping, not NoneType"),
        (Message, {"extra": {5: "x"}}, "extra: a key must be text, not int"),
        (AttachmentField, {"title": None, "value": "b"}, "title: must be text, not NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_of_a_wrong_type_is_refused(kind: Callable[..., Any], fields: dict[str, Any], problem: str) -> None:
    """Nothing is coerced: TypeError names the field, the allowed type, and the given one."""
    with pytest.raises(TypeError) as caught:
        kind(**fields)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    "value", [FULL, FULL.attachments[0], FULL.attachments[0].fields[0], FULL.attachments[0].actions[0]]
)
def test_the_type_of_every_field_is_checked(value: Any) -> None:
    """No field accepts bytes in a list, not even where numbers are allowed, and no flag 1."""
    evolve: Any = attrs.evolve
    for field in attrs.fields(value.__class__):
        with pytest.raises(TypeError, match=f"^{field.name}: must (be|hold) "):
            evolve(value, **{field.name: [b"1"] if field.name == "value" else 1})


def test_a_local_time_that_does_not_exist_is_refused() -> None:
    """With a time zone, any time is allowed."""
    with pytest.raises(ValueError, match="^ts: must be a local time that exists .*; 0001-01-01 00:00:00 does not"):
        Attachment(ts=datetime.min)
    assert Attachment(ts=datetime.min.replace(tzinfo=UTC)).ts


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"channel": []}, "channel: must not be empty"),
        ({"custom_fields": {"a": {1, 2}}}, "custom_fields: must be valid as JSON"),
        ({"custom_fields": {"a": float("nan")}}, "custom_fields: must be valid as JSON"),
        ({"custom_fields": {"a": nested(200_000)}}, "custom_fields: must be valid as JSON"),
        ({"custom_fields": {("a",): 1}}, "custom_fields: must be valid as JSON"),
    ],
    ids=["no channel", "a set", "not a number", "too deep", "an odd key"],
)
def test_a_message_that_would_be_lost_is_refused(fields: dict[str, Any], problem: str) -> None:
    """One for no channel, or with fields that JSON does not have."""
    with pytest.raises(ValueError, match=problem) as caught:
        Message("hi", **fields)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
