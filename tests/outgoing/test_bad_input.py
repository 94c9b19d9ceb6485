"""Any input gives a payload, a refusal or an answer: no other exception, no text that crashes, no token."""

from __future__ import annotations

import json
import pickle
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from rocketchat_integrations import EventType, WebhookPayloadError
from rocketchat_integrations.outgoing import Payload, Reply, WebhookApp, parse

from .conftest import app_with
from .test_app import handle_async

JSON = "application/json"
KEYS = [
    *("token", "bot", "channel_id", "timestamp", "user_name", "text", "siteUrl", "isEdited", "user", "owner", "room"),
    *("message", "_id", "username", "name", "t", "msg", "ts", "u", "file", "type", "i", "$date"),
]

# With lone surrogates, which JSON can hold.
texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(["2026-11-22T19:51:43.127Z", "T0K3N", "hi"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | texts, inner, max_size=4),
    max_leaves=12,
)
events = st.sampled_from(EventType)
documents = st.dictionaries(st.sampled_from(KEYS) | texts, values, max_size=8)
content_types = st.none() | st.just(JSON) | st.text()


def use(payload: Payload) -> Reply:
    """Do what programs do with values."""
    repr(payload).encode()
    hash(payload)
    assert payload == pickle.loads(pickle.dumps(payload)) or "nan" in repr(payload.raw)
    json.dumps(payload.raw, ensure_ascii=False).encode()
    return Reply(repr(payload))


def app_for(event: EventType) -> WebhookApp:
    app = WebhookApp(token="T0K3N", deduplicate=False)
    app.on(event, bots=True)(use)
    return app


def status_of(body: bytes | str, event: EventType, token: str | None, content_type: str | None = JSON) -> int:
    """Return the status to answer: 200 for a payload that can be used."""
    try:
        payload = parse(body, token=token, event=event, content_type=content_type)
    except WebhookPayloadError as error:
        return error.answer_status
    use(payload)
    return 200 if payload.event is event and "token" not in payload.raw else 0


@settings(deadline=None)
@given(st.binary() | st.text(), events, content_types)
def test_any_bytes_or_text_are_refused(body: bytes | str, event: EventType, content_type: str | None) -> None:
    assert status_of(body, event, "T0K3N", content_type) in (400, 401, 415)
    app = app_for(event)
    for answer in (app.handle(body, content_type), handle_async(app, body, content_type)):
        assert answer.status in (400, 401, 415)
        assert set(json.loads(answer.body)) == {"error"}


@settings(deadline=None)
@given(values, events, st.booleans())
def test_any_json_is_a_payload_or_a_refusal(document: object, event: EventType, ascii_only: bool) -> None:
    body = json.dumps(document, ensure_ascii=ascii_only)
    assert status_of(body, event, None) in (200, 400)
    assert status_of(body, event, secrets.token_hex()) in (400, 401)


@settings(deadline=None)
@given(documents, events)
def test_any_value_of_any_field_is_read_or_refused(document: dict[str, Any], event: EventType) -> None:
    body = json.dumps({**document, "token": "T0K3N"})
    status = status_of(body, event, "T0K3N")
    assert status in (200, 400)
    answer = app_for(event).handle(body, JSON)
    assert answer.status == status
    assert set(json.loads(answer.body)) & {"text", "error"}


@st.composite
def odd_tokens(draw: st.DrawFn) -> str:
    """Draw tokens with a word to look for, and with characters that are spelled in several ways."""
    odd = st.text("'\"\\/%+&<> \n\t\0ä😀\u2028", min_size=1, max_size=5)
    return f"{draw(odd)}CANARY{draw(odd)}" * draw(st.sampled_from([1, 2, 100]))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd_tokens(), documents, st.sampled_from(["token", "wrong", "broken"]), content_types, st.booleans())
def test_no_token_comes_out(
    caplog: pytest.LogCaptureFixture,
    token: str,
    document: dict[str, Any],
    fault: str,
    content_type: str | None,
    fails: bool,
) -> None:
    """Not in an answer, a log, a repr or an exception, whatever is wrong with the call or the handler."""
    caplog.clear()
    caplog.set_level("DEBUG", "rocketchat_integrations")

    def handler(payload: Payload) -> Reply:
        if fails:
            raise RuntimeError(f"could not post to /hooks/id/{token} with {token!r} and {json.dumps([token])}")
        return Reply(repr(payload))

    app = app_with(handler, token=token)
    sent = json.dumps({**document, "token": f"{token}!" if fault == "wrong" else token})
    body = sent[:-1] if fault == "broken" else sent
    out: list[object] = [app, app.asgi, app.handle(body, content_type), app.handle(body, JSON)]
    try:
        payload = parse(body, token=token, event=EventType.SEND_MESSAGE)
        out += [payload, payload.raw]
    except WebhookPayloadError as error:
        out += [error, vars(error), error.__context__]
    assert "CANARY" not in f"{out!r} {out} {[vars(record) for record in caplog.records]} {caplog.text}"
