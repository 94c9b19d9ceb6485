"""Whatever comes in: no exception but ours, no crash afterwards, and no token in what comes out."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from hypothesis import given, settings, strategies as st

from rocketchat_integrations import EventType, WebhookPayloadError
from rocketchat_integrations.outgoing import Answer, Payload, Reply, WebhookApp, parse

JSON = "application/json"
KEYS = [
    *("token", "bot", "channel_id", "channel_name", "timestamp", "user_id", "user_name", "message_id", "text"),
    *("siteUrl", "trigger_word", "alias", "tmid", "isEdited", "user", "owner", "room", "message"),
    *("_id", "username", "name", "t", "rid", "msg", "ts", "u", "file", "type", "i", "$date"),
]

# Also half a surrogate pair, which JSON can hold.
texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(["2026-11-22T19:51:43.127Z", "T0K3N", "hi"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=4),
    max_leaves=12,
)
events = st.sampled_from(EventType)
documents = st.dictionaries(st.sampled_from(KEYS) | texts, values, max_size=8)
content_types = st.none() | st.just(JSON) | st.text()


def used(payload: Payload) -> Payload:
    """The payload, after all has been done to it that programs do to values."""
    repr(payload).encode()
    hash(payload)
    assert payload == pickle.loads(pickle.dumps(payload)) or "nan" in repr(payload.raw)
    json.dumps(payload.raw, ensure_ascii=False).encode()
    return payload


@contextmanager
def logged() -> Generator[list[str], None, None]:
    """What all loggers of the package say."""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(f"{record.getMessage()} {record.exc_info} {record.stack_info}")

    logger, handler = logging.getLogger("rocketchat_integrations"), Handler()
    logger.addHandler(handler)
    before, logger.level = logger.level, logging.DEBUG
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.level = before


def answers(app: WebhookApp, body: bytes | str, content_type: str | None) -> list[Answer]:
    """What the app answers, each way."""
    return [app.handle(body, content_type), asyncio.run(app.handle_async(body, content_type))]


def bot(token: str | None, event: EventType = EventType.SEND_MESSAGE) -> WebhookApp:
    app = WebhookApp(token=token, deduplicate=False)

    @app.on(event, bots=True)
    def handler(payload: Payload) -> Reply:
        return Reply(repr(used(payload)))

    assert callable(handler)
    return app


def read(body: bytes | str, event: EventType, token: str | None, content_type: str | None = None) -> int:
    """The status to answer, 200 for a payload with which all can be done."""
    try:
        payload = used(parse(body, token=token, event=event, content_type=content_type))
    except WebhookPayloadError as error:
        return error.answer_status
    return 200 if payload.event is event and "token" not in payload.raw else 0


@given(st.binary() | st.text(), events, st.none() | st.text(min_size=1), content_types)
def test_any_bytes_or_text_are_a_payload_or_a_refusal(
    body: bytes | str, event: EventType, token: str | None, content_type: str | None
) -> None:
    assert read(body, event, token, content_type) in (200, 400, 401, 415)


@settings(deadline=None)
@given(st.binary() | st.text(), content_types)
def test_any_bytes_or_text_are_answered(body: bytes | str, content_type: str | None) -> None:
    for answer in answers(bot("T0K3N"), body, content_type):
        assert answer.status in (400, 401, 415)
        assert set(json.loads(answer.body)) == {"error"}


@given(values, events, st.booleans())
def test_any_json_is_a_payload_or_a_refusal(document: object, event: EventType, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only)
    assert read(body, event, None) in (200, 400)
    assert read(body, event, "T0K3N") in (400, 401)


@given(documents, events)
def test_any_value_at_any_field_is_read_or_refused(document: dict[str, Any], event: EventType) -> None:
    assert read(json.dumps({**document, "token": "T0K3N"}), event, "T0K3N") in (200, 400)


@settings(deadline=None)
@given(documents, events)
def test_any_value_at_any_field_is_answered(document: dict[str, Any], event: EventType) -> None:
    body = json.dumps({**document, "token": "T0K3N"})
    for answer in answers(bot("T0K3N", event), body, JSON):
        assert answer.status in (200, 400)
        assert set(json.loads(answer.body)) & {"text", "error"}


@st.composite
def awkward_tokens(draw: st.DrawFn) -> str:
    """Tokens that can be found again, with all that has to be written otherwise somewhere."""
    odd = st.text("'\"\\/%+&<> \n\t\0ä😀\u2028", min_size=1, max_size=5)
    return f"{draw(odd)}CANARY{draw(odd)}" * draw(st.sampled_from([1, 2, 100]))


@settings(deadline=None)
@given(awkward_tokens(), documents, st.sampled_from(["token", "wrong", "broken"]), content_types, st.booleans())
def test_no_token_comes_out(
    token: str, document: dict[str, Any], fault: str, content_type: str | None, fails: bool
) -> None:
    """Not in an answer, a log, a repr or an exception, whatever is wrong with the call or the handler."""
    app = WebhookApp(token=token)

    @app.on("sendMessage")
    def handler(payload: Payload) -> Reply:
        if fails:
            raise RuntimeError(f"could not post to /hooks/id/{token} with {token!r} and {json.dumps([token])}")
        return Reply(repr(payload))

    assert callable(handler)
    sent = json.dumps({**document, "token": f"{token}!" if fault == "wrong" else token})
    body = sent[:-1] if fault == "broken" else sent
    out: list[object] = [app, app.asgi]
    with logged() as lines:
        out += answers(app, body, content_type)
        out += [app.handle(body, JSON), app.handle(body.encode(errors="replace"), JSON)]
    try:
        payload = parse(body, token=token, event=EventType.SEND_MESSAGE)
        out += [payload, payload.raw]
    except WebhookPayloadError as error:
        out += [error, vars(error), error.__context__]
    shown = f"{out!r} {out} {lines}"
    assert "CANARY" not in shown
