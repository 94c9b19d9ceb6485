"""Messages are plain values that check their fields."""

import copy
import inspect
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from rocketchat_integrations import Attachment, AttachmentField, Message, PostResponse, PostResult

FULL = Message(
    "hi",
    channel=("#a",),
    attachments=(
        Attachment(title="t", ts=datetime(2024, 1, 1, tzinfo=UTC), fields=(AttachmentField("a", "b", short=True),)),
    ),
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
    [FULL, *FULL.attachments, *FULL.attachments[0].fields, RESULT, RESULT.responses[0]],
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


def test_a_channel_with_a_comma_is_one_channel() -> None:
    """Unlike the channel of an integration, it is not split."""
    assert Message("hi", channel="#a,#b").channel == "#a,#b"


@pytest.mark.parametrize(
    ("kind", "names"), [(Message, ["text"]), (Attachment, []), (AttachmentField, ["title", "value"])], ids=str
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
        (Attachment, {"fields": [("a", "b")]}, "fields: must hold objects of AttachmentField, not of tuple"),
        (AttachmentField, {"title": None, "value": "b"}, "title: must be text, not NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_of_a_wrong_type_is_refused(kind: Callable[..., Any], fields: dict[str, Any], problem: str) -> None:
    """Nothing is coerced: TypeError names the field, the allowed type, and the given one."""
    with pytest.raises(TypeError) as caught:
        kind(**fields)
    assert str(caught.value) == problem


@pytest.mark.parametrize("value", [FULL, FULL.attachments[0], FULL.attachments[0].fields[0]])
def test_the_type_of_every_field_is_checked(value: Any) -> None:
    """No field accepts a number, and no flag 1."""
    evolve: Any = attrs.evolve
    for field in attrs.fields(value.__class__):
        with pytest.raises(TypeError, match=f"^{field.name}: must be "):
            evolve(value, **{field.name: 1})


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
