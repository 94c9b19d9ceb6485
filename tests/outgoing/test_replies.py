"""What a bot can answer, and what goes over the wire."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import datetime, timezone
from typing import Any

import attrs
import pytest

from rocketchat_integrations import Attachment, AttachmentField
from rocketchat_integrations.outgoing import Answer, Reply, WebhookApp

PICTURE = Attachment(title="Graph", image_url="https://example.com/graph.png")


def answer_with(reply: Reply | None) -> Answer:
    app = WebhookApp(token=None)

    @app.on("sendMessage")
    def handler(message: object) -> Reply | None:
        return reply

    assert callable(handler)
    return app.handle(b"{}", "application/json")


def test_a_text_is_posted() -> None:
    assert answer_with(Reply("pong")) == Answer(200, "application/json", b'{"text": "pong"}')


def test_attachments_and_a_channel_are_spelled_as_in_a_post() -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    cell = AttachmentField("CPU", "97 %", short=True)
    reply = Reply(attachments=[Attachment(ts=at, fields=[cell]), PICTURE], channel="#alerts")
    assert json.loads(answer_with(reply).body) == {
        "channel": "#alerts",
        "attachments": [
            {"ts": "2026-01-02T03:04:05+00:00", "fields": [{"title": "CPU", "value": "97 %", "short": True}]},
            {"title": "Graph", "image_url": "https://example.com/graph.png"},
        ],
    }


def test_any_text_can_be_sent() -> None:
    """Also one that no encoding takes."""
    for text in ("grüße 😀", "half \ud800", '"\\', "a\0b"):
        answer = answer_with(Reply(text))
        assert answer.status == 200
        assert json.loads(answer.body) == {"text": text}


def test_saying_nothing_is_a_success_with_a_body() -> None:
    """An empty body would count as a failure."""
    assert answer_with(Reply.nothing()) == Answer(200, "application/json", b"{}")
    assert answer_with(None) == Answer(200, "application/json", b"{}")


@pytest.mark.parametrize(("reply", "status"), [(Reply.retry_later(), 503), (Reply.disable(), 410)])
def test_a_failure_and_the_end_are_told_by_the_status_with_a_body(reply: Reply, status: int) -> None:
    answer = answer_with(reply)
    assert (answer.status, reply.status) == (status, status)
    assert set(json.loads(answer.body)) == {"error"}


@pytest.mark.parametrize("blank", [None, "", " \n\t", "\u00a0\ufeff\u2028"])
def test_a_reply_has_a_text_or_an_attachment(blank: str | None) -> None:
    with pytest.raises(ValueError, match=r"^text: must not be blank where there is no attachment; Reply\.nothing\(\)"):
        Reply(blank)
    assert Reply(blank, attachments=[PICTURE]).attachments == (PICTURE,)
    assert Reply("\u200b").text == "\u200b"  # to the server no blank


def test_a_blank_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="^channel: must not be blank"):
        Reply("text", channel=" ")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"text": 5}, "text: must be text or None, not int"),
    ({"text": b"pong"}, "text: must be text or None, not bytes"),
    ({"text": "a", "attachments": 5}, "attachments: must be a list, not int"),
    ({"text": "a", "attachments": [{"title": "a"}]}, "attachments: must hold objects of Attachment, not of dict"),
    ({"text": "a", "attachments": "text"}, "attachments: must hold objects of Attachment, not of str"),
    ({"text": "a", "channel": 5}, "channel: must be text or None, not int"),
    ({"text": "a", "channel": ["#a", "#b"]}, "channel: must be text or None, not list"),
]


@pytest.mark.parametrize(("arguments", "problem"), WRONG, ids=[problem for _, problem in WRONG])
def test_a_wrong_type_is_named(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError, match=f"^{problem}$"):
        Reply(**arguments)


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (Reply("pong"), "Reply('pong')"),
        (Reply("pong", channel="#a"), "Reply('pong', channel='#a')"),
        (Reply(attachments=[PICTURE]), f"Reply(attachments=({PICTURE!r},))"),
        (Reply("", attachments=[PICTURE]), f"Reply('', attachments=({PICTURE!r},))"),
        (Reply.nothing(), "Reply.nothing()"),
        (Reply.retry_later(), "Reply.retry_later()"),
        (Reply.disable(), "Reply.disable()"),
    ],
)
def test_replies_are_values_that_show_how_they_are_made(reply: Reply, shown: str) -> None:
    assert repr(reply) == shown
    assert copy.deepcopy(reply) == reply
    assert pickle.loads(pickle.dumps(reply)) == reply
    assert hash(copy.copy(reply)) == hash(reply)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        reply.text = "other"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]


def test_replies_that_differ_are_not_equal() -> None:
    shorthands = {Reply.nothing(), Reply.retry_later(), Reply.disable()}
    assert len({*shorthands, Reply("a"), Reply("b"), Reply("a", channel="#a"), Reply("a", attachments=[PICTURE])}) == 7
    assert attrs.evolve(Reply("a"), text="b") == Reply("b")


def test_an_answer_is_a_value() -> None:
    answer = Answer(status=200, content_type="application/json", body=b"{}")
    assert hash(answer) == hash(Answer(200, "application/json", b"{}"))
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        answer.status = 500  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue]
