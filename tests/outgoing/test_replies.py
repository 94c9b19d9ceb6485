"""Replies: what a bot can answer, and how it is sent."""

from __future__ import annotations

import copy
import inspect
import json
import pickle
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from rocketchat_integrations import Attachment, AttachmentField, Message
from rocketchat_integrations._protocol.codec import message_body
from rocketchat_integrations.outgoing import Answer, FileUploaded, MessageSent, Reply
from rocketchat_integrations.outgoing._replies import ReplyFields

from .conftest import app_with

PICTURE = Attachment(title="Graph", image_url="https://example.com/graph.png")


def answer_with(reply: Message | str | None) -> Answer:
    return app_with(lambda _: reply, token=None).handle(b"{}", "application/json")


def test_attachments_and_a_channel_are_spelled_as_in_a_post() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    cell = AttachmentField("CPU", "97 %", short=True)
    reply = Reply(attachments=[Attachment(ts=at, fields=[cell]), PICTURE], channel="#alerts")
    assert json.loads(answer_with(reply).body) == {
        "channel": "#alerts",
        "attachments": [
            {"ts": "2026-01-02T03:04:05+00:00", "fields": [{"title": "CPU", "value": "97 %", "short": True}]},
            {"title": "Graph", "image_url": "https://example.com/graph.png"},
        ],
    }


def test_a_reply_takes_what_a_message_takes() -> None:
    """Except for `separate_response`, which Rocket.Chat ignores in a reply."""
    fields: Any = {"alias": "Ping", "avatar": "https://example.com/p.png", "emoji": ":ship:", "tmid": "m"}
    fields |= {"parse_urls": False, "groupable": True, "custom_fields": {"a": 1}, "channel": "#a", "extra": {"b": 2}}
    posted = message_body(Message("pong", attachments=[PICTURE], **fields))
    for reply in (Reply("pong", attachments=[PICTURE], **fields), Message("pong", attachments=[PICTURE], **fields)):
        assert json.loads(answer_with(reply).body) == posted
    given = {"text", "attachments", *fields}
    assert {field.name for field in attrs.fields(Message)} - given == {"separate_response"}
    with pytest.raises(TypeError, match="separate_response"):
        Reply("pong", separate_response=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


def test_a_handler_may_return_a_text() -> None:
    assert answer_with("pong") == answer_with(Reply("pong"))


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        ("", "ValueError: text: must not be blank"),
        (Message("a", channel=["#a"]), "TypeError: channel: must be text or None, not tuple"),
        (Message("a", separate_response=True), "ValueError: separate_response: has no effect in a reply"),
        (Reply(attachments=[Attachment(title_link="/a")]), "ValueError: attachments[0].title_link: must"),
    ],
)
def test_a_message_that_cannot_be_a_reply_is_a_failure(
    result: Message | str, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert answer_with(result).status == 500
    assert problem in caplog.text


@pytest.mark.parametrize("kind", [MessageSent, FileUploaded])
def test_a_message_makes_replies_where_it_is_or_in_its_thread(kind: type[MessageSent | FileUploaded]) -> None:
    outside, inside = kind(message_id="m"), kind(message_id="m", tmid="thread")
    assert outside.reply("pong", alias="Ping") == Reply("pong", alias="Ping")
    assert inside.reply("pong") == inside.reply_in_thread("pong") == Reply("pong", tmid="thread")
    assert outside.reply_in_thread(attachments=[PICTURE]) == Reply(attachments=[PICTURE], tmid="m")
    assert kind().reply_in_thread("pong") == Reply("pong")  # a replayed call has no message


def test_these_replies_take_all_arguments_of_a_reply() -> None:
    assert {*ReplyFields.__annotations__, "text", "tmid"} == set(inspect.signature(Reply).parameters)


def test_any_text_can_be_sent() -> None:
    """Even one that UTF-8 cannot encode."""
    assert answer_with(Reply("pong")) == Answer(200, "application/json", b'{"text": "pong"}')
    for text in ("grüße 😀", "half \ud800", '"\\', "a\0b"):
        answer = answer_with(Reply(text))
        assert (answer.status, json.loads(answer.body)) == (200, {"text": text})


def test_no_message_is_a_success_with_a_body() -> None:
    """To Rocket.Chat, an empty body is a failure."""
    assert answer_with(Reply.nothing()) == answer_with(None) == Answer(200, "application/json", b"{}")


@pytest.mark.parametrize(("reply", "status"), [(Reply.retry_later(), 503), (Reply.disable(), 410)])
def test_a_failure_is_a_status_with_a_body(reply: Reply, status: int) -> None:
    answer = answer_with(reply)
    assert (answer.status, reply.status, set(json.loads(answer.body))) == (status, status, {"error"})


@pytest.mark.parametrize("blank", [None, "", "\u00a0\ufeff\u2028\n"])
def test_a_reply_has_a_text_or_an_attachment(blank: str | None) -> None:
    with pytest.raises(ValueError, match=r"^text: must not be blank without an attachment; use Reply\.nothing\(\)"):
        Reply(blank)
    assert Reply(blank, attachments=[PICTURE]).attachments == (PICTURE,)
    assert Reply("\u200b").text == "\u200b"  # not blank to the server


WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"text": 5}, TypeError, "text: must be text or None"),
    ({"text": "a", "attachments": 5}, TypeError, "attachments: must be a list"),
    ({"text": "a", "attachments": [{"title": "a"}]}, TypeError, "attachments: must hold objects of Attachment"),
    ({"text": "a", "channel": ["#a", "#b"]}, TypeError, "channel: must be text or None"),
    ({"text": "a", "channel": " "}, ValueError, "channel: must not be blank"),
    ({"text": "a", "tmid": 5}, TypeError, "tmid: must be text or None"),
]


@pytest.mark.parametrize(("arguments", "error", "problem"), WRONG, ids=[problem for *_, problem in WRONG])
def test_a_wrong_argument_is_named(arguments: dict[str, Any], error: type[Exception], problem: str) -> None:
    with pytest.raises(error, match=f"^{problem}"):
        Reply(**arguments)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Reply("pong", channel="#a"), "Reply('pong', channel='#a')"),
        (Reply("pong", tmid="m", alias="Ping"), "Reply('pong', alias='Ping', tmid='m')"),
        (Reply("", attachments=[PICTURE]), f"Reply('', attachments=({PICTURE!r},))"),
        (Reply(attachments=[PICTURE]), f"Reply(attachments=({PICTURE!r},))"),
        (Reply.nothing(), "Reply.nothing()"),
        (Reply.retry_later(), "Reply.retry_later()"),
        (Reply.disable(), "Reply.disable()"),
    ],
)
def test_replies_are_immutable_values_that_show_how_to_make_them(reply: Reply, shown: str) -> None:
    assert repr(reply) == shown
    assert copy.deepcopy(reply) == pickle.loads(pickle.dumps(reply)) == reply
    assert hash(copy.copy(reply)) == hash(reply)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        reply.text = "other"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def test_different_replies_are_not_equal() -> None:
    shorthands = {Reply.nothing(), Reply.retry_later(), Reply.disable()}
    assert len({*shorthands, Reply("a"), Reply("b"), Reply("a", channel="#a"), Reply("a", attachments=[PICTURE])}) == 7
    assert attrs.evolve(Reply("a"), text="b") == Reply("b")


def test_an_answer_is_an_immutable_value() -> None:
    answer = Answer(status=200, content_type="application/json", body=b"{}")
    assert hash(answer) == hash(Answer(200, "application/json", b"{}"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        answer.status = 500  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
