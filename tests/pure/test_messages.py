"""Messages are plain values, and a slip in one is found where it is made."""

import copy
import inspect
import pickle
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import pytest

from rocketchat_integrations import Attachment, AttachmentField, Message, PostResponse, PostResult

FULL = Message(
    "hi",
    channel=("#a",),
    attachments=(
        Attachment(
            title="t", ts=datetime(2024, 1, 1, tzinfo=timezone.utc), fields=(AttachmentField("a", "b", short=True),)
        ),
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
    """A message, and the answer to it, can be compared, put into sets, copied and sent to another process."""
    copies = [copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))]
    assert copies == [message] * 3
    assert len({message, *copies}) == 1


@pytest.mark.parametrize(
    "value",
    [FULL, *FULL.attachments, *FULL.attachments[0].fields, RESULT, RESULT.responses[0]],
    ids=lambda it: type(it).__name__,
)
def test_messages_cannot_be_changed(value: Any) -> None:
    """They are frozen and have slots: a slip in a name does not pass unseen."""
    for field in ("title", "text", "no_such_field"):
        with pytest.raises(AttributeError):
            setattr(value, field, "x")


def test_a_result_shows_what_became_of_the_channels_and_no_more() -> None:
    """What a script or a document holds is nothing for a log."""
    posted, failed = "PostResponse(channel='#a', error=None)", "PostResponse(channel='#b', error='invalid-channel')"
    assert repr(RESULT) == f"PostResult(responses=({posted}, {failed}))"


def test_lists_become_tuples() -> None:
    """Anything that can be gone through will do, and a later change of a list changes no message."""
    attachments = [Attachment(fields=[AttachmentField("a", "b")])]
    message = Message(channel=["#a", "@b"], attachments=attachments)
    attachments.clear()
    assert message.channel == ("#a", "@b")
    assert message.attachments == (Attachment(fields=(AttachmentField("a", "b"),)),)


def test_a_channel_with_a_comma_is_one_channel() -> None:
    """The channel of a message is not split, unlike that of an integration."""
    assert Message("hi", channel="#a,#b").channel == "#a,#b"


@pytest.mark.parametrize(
    ("kind", "names"), [(Message, ["text"]), (Attachment, []), (AttachmentField, ["title", "value"])], ids=str
)
def test_fields_go_by_their_names(kind: type, names: list[str]) -> None:
    """Only what comes first to mind may go by its position."""
    parameters = inspect.signature(kind).parameters.values()
    assert [it.name for it in parameters if it.kind is not it.KEYWORD_ONLY] == names


LOOP: list[Any] = []
LOOP.append(LOOP)


def nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (Message, {"text": 5}, "text: must be text or None, not int"),
        (Message, {"text": b"hi"}, "text: must be text or None, not bytes"),
        (Message, {"alias": 5}, "alias: must be text or None, not int"),
        (Message, {"avatar": 5}, "avatar: must be text or None, not int"),
        (Message, {"emoji": 5}, "emoji: must be text or None, not int"),
        (Message, {"tmid": 5}, "tmid: must be text or None, not int"),
        (Message, {"parse_urls": "yes"}, "parse_urls: must be True, False or None, not str"),
        (Message, {"groupable": 1}, "groupable: must be True, False or None, not int"),
        (Message, {"separate_response": 0}, "separate_response: must be True, False or None, not int"),
        (Message, {"channel": 5}, "channel: must be text, texts or None"),
        (Message, {"channel": False}, "channel: must be text, texts or None"),
        (Message, {"channel": ["#a", None]}, "channel: must be text, texts or None"),
        (Message, {"attachments": Attachment()}, "attachments: must be a list, not Attachment"),
        (Message, {"attachments": None}, "attachments: must be a list, not NoneType"),
        (Message, {"attachments": [{"title": "t"}]}, "attachments: must hold objects of Attachment, not of dict"),
        (Message, {"custom_fields": []}, "custom_fields: must be a mapping or None, not list"),
        *[
            (Attachment, {field: 5}, f"{field}: must be text or None, not int")
            for field in (
                *("title", "title_link", "text", "color", "message_link"),
                *("thumb_url", "image_url", "audio_url", "video_url"),
                *("author_name", "author_link", "author_icon"),
            )
        ],
        (Attachment, {"collapsed": "no"}, "collapsed: must be True, False or None, not str"),
        (Attachment, {"title_link_download": 1}, "title_link_download: must be True, False or None, not int"),
        (Attachment, {"ts": 5}, "ts: must be a datetime, text or None, not int"),
        (Attachment, {"fields": AttachmentField("a", "b")}, "fields: must be a list, not AttachmentField"),
        (Attachment, {"fields": [("a", "b")]}, "fields: must hold objects of AttachmentField, not of tuple"),
        (AttachmentField, {"title": None, "value": "b"}, "title: must be text, not NoneType"),
        (AttachmentField, {"title": "a", "value": 5}, "value: must be text, not int"),
        (AttachmentField, {"title": "a", "value": "b", "short": 1}, "short: must be True, False or None, not int"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_value_of_the_wrong_type_is_refused(kind: Callable[..., Any], fields: dict[str, Any], problem: str) -> None:
    """Nothing is coerced: another type raises TypeError, which begins with the field's name."""
    with pytest.raises(TypeError) as caught:
        kind(**fields)
    assert str(caught.value) == problem


def test_a_local_time_that_does_not_exist_is_refused() -> None:
    """With a zone, any time is one."""
    with pytest.raises(ValueError, match="^ts: must be a local time that exists, and 0001-01-01 00:00:00 does not"):
        Attachment(ts=datetime.min)
    assert Attachment(ts=datetime.min.replace(tzinfo=timezone.utc)).ts


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"channel": []}, "channel: must not be empty"),
        ({"custom_fields": {"a": {1, 2}}}, "custom_fields: must hold what JSON can hold"),
        ({"custom_fields": {"a": float("nan")}}, "custom_fields: must hold what JSON can hold"),
        ({"custom_fields": {"a": LOOP}}, "custom_fields: must hold what JSON can hold"),
        ({"custom_fields": {"a": nested(200_000)}}, "custom_fields: must hold what JSON can hold"),
        ({"custom_fields": {("a",): 1}}, "custom_fields: must hold what JSON can hold"),
    ],
    ids=["no channel", "a set", "not a number", "a loop", "too deep", "an odd key"],
)
def test_what_would_be_lost_is_refused(fields: dict[str, Any], problem: str) -> None:
    """What would be posted to nobody, or cannot be written as JSON, is told before anything is sent."""
    with pytest.raises(ValueError, match=problem) as caught:
        Message("hi", **fields)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
