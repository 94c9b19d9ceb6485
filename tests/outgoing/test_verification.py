"""Which calls are believed, and what is answered to the others."""

from __future__ import annotations

import hmac
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    ConfigurationError,
    EventType,
    RocketChatError,
    WebhookPayloadError,
    WebhookVerificationError,
)
from rocketchat_integrations.outgoing import parse

PACKAGE = Path(rocketchat_integrations.__file__).parent
SEND_MESSAGE: Final = EventType.SEND_MESSAGE
MISSING = object()
RELEASED = memoryview(b"{}")
RELEASED.release()


@pytest.mark.parametrize(
    "given",
    ["wrong", "", "3yZ8KpWqTnV5sRbXcM7dFgH", "ä", None, MISSING, 5, True, ["3yZ8KpWqTnV5sRbXcM7dFgHj"], {}],
)
def test_a_call_with_another_token_or_none_is_not_verified(given: object) -> None:
    document = {} if given is MISSING else {"token": given}
    with pytest.raises(WebhookVerificationError) as caught:
        parse(json.dumps(document), token="3yZ8KpWqTnV5sRbXcM7dFgHj", event=SEND_MESSAGE)
    assert caught.value.answer_status == 401


@pytest.mark.parametrize("token", ["x", "ä 😀", "\"quotes'", "back\\slash", "a\nb\0", "%25", "long" * 50_000])
def test_the_token_may_be_any_text(token: str) -> None:
    assert parse(json.dumps({"token": token}), token=token, event=SEND_MESSAGE).raw == {}
    with pytest.raises(WebhookVerificationError):
        parse(json.dumps({"token": f"{token}!"}), token=token, event=SEND_MESSAGE)


@pytest.mark.parametrize("given", ["right", "wrong"])
def test_tokens_are_compared_in_constant_time(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return a == b

    monkeypatch.setattr(hmac, "compare_digest", compare)
    try:
        parse(json.dumps({"token": given}), token="right", event=SEND_MESSAGE)
    except WebhookVerificationError:
        assert given == "wrong"
    assert compared == [(given.encode(), b"right")]


def test_none_written_out_verifies_nothing() -> None:
    for document in ({}, {"token": "whatever"}, {"token": 5}):
        assert parse(json.dumps(document), token=None, event=SEND_MESSAGE).raw == {}


def test_the_token_has_to_be_given() -> None:
    with pytest.raises(TypeError, match="token"):
        parse(b"{}", event=SEND_MESSAGE)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{}{}",
        b"{'a': 1}",
        b'\xff{"token": "t"}',
        b'{"text": "\xe4"}',
        b'\xef\xbb\xbf{"token": "t"}',
        '{"token": "t"}'.encode("utf-16"),
        b'{"n": NaN}',
        b'{"n": Infinity}',
        b'{"n": -Infinity}',
        b'{"n": 1e999}',
        b'{"text": "a\nb"}',
        b'{"text": "\\ud8"}"}',
        b'{"a":' * 100_000,
        b"[" * 100_000,
        b'{"n": ' + b"9" * 10_000 + b"}",
        '{"text": "\ud800"}',
        b"[]",
        b"null",
        b'"text"',
        b"5",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_object_in_utf_8_is_refused(body: bytes | str) -> None:
    with pytest.raises(WebhookPayloadError, match="body: must be") as caught:
        parse(body, token=None, event=SEND_MESSAGE)
    assert caught.value.answer_status == 400
    assert type(caught.value) is WebhookPayloadError


@pytest.mark.parametrize(
    "content_type",
    [None, "application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;x"],
)
def test_json_by_any_spelling_of_its_content_type_is_taken(content_type: str | None) -> None:
    assert parse(b"{}", token=None, event=SEND_MESSAGE, content_type=content_type).raw == {}


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(WebhookPayloadError, match="Content-Type: must be application/json") as caught:
        parse(b"{}", token=None, event=SEND_MESSAGE, content_type=content_type)
    assert caught.value.answer_status == 415


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_may_be_as_large_as_allowed_and_no_larger(kind: Callable[[bytes], Any]) -> None:
    body = '{"text": "ä"}'.encode()
    assert parse(kind(body), token=None, event=SEND_MESSAGE, max_size=len(body)).text == "ä"
    with pytest.raises(WebhookPayloadError, match=f"body: must not have more than {len(body) - 1} bytes") as caught:
        parse(kind(body), token=None, event=SEND_MESSAGE, max_size=len(body) - 1)
    assert caught.value.answer_status == 413


def test_a_body_may_have_one_mebibyte() -> None:
    largest = b"{}" + b" " * (2**20 - 2)
    assert parse(largest, token=None, event=SEND_MESSAGE).raw == {}
    with pytest.raises(WebhookPayloadError) as caught:
        parse(largest + b" ", token=None, event=SEND_MESSAGE)
    assert caught.value.answer_status == 413


def test_size_comes_before_content_type_before_json_before_the_token_before_the_fields() -> None:
    """Nothing of a payload is believed, or told to the caller, before its token is verified."""
    faults: list[tuple[int, dict[str, Any]]] = [
        (413, {"body": b"no json, and long", "max_size": 9, "content_type": "text/plain"}),
        (415, {"body": b"no json", "max_size": 9, "content_type": "text/plain"}),
        (400, {"body": b"no json", "content_type": "application/json"}),
        (401, {"body": b'{"token": "wrong", "text": 5}', "content_type": "application/json"}),
        (400, {"body": b'{"token": "right", "text": 5}', "content_type": "application/json"}),
    ]
    for status, arguments in faults:
        with pytest.raises(WebhookPayloadError) as caught:
            parse(arguments.pop("body"), token="right", event=SEND_MESSAGE, **arguments)
        assert caught.value.answer_status == status


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"event": "messageSent"}, "event: must be one of sendMessage, .*userCreated"),
        ({"event": None}, "event: must be one of"),
        ({"event": ["sendMessage"]}, "event: must be one of"),
        ({"token": ""}, "token: must be text that is not empty, or None"),
        ({"token": b"bytes"}, "token: must be text"),
        ({"token": "half \ud800"}, "token: must be text"),
        ({"max_size": 0}, "max_size: must be a positive whole number"),
        ({"max_size": True}, "max_size: must be a positive whole number"),
        ({"content_type": b"application/json"}, "content_type: must be text or None"),
        ({"body": {"token": "t"}}, "body: must be bytes or text"),
        ({"body": None}, "body: must be bytes or text"),
        ({"body": RELEASED}, "body: must be bytes or text"),
    ],
)
def test_a_wrong_argument_is_named(change: dict[str, Any], problem: str) -> None:
    arguments: dict[str, Any] = {"body": b"{}", "token": "token", "event": SEND_MESSAGE, **change}
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        parse(arguments.pop("body"), **arguments)


@pytest.mark.parametrize(
    "body",
    [
        b'{"token": "canary-sent", "text": "canary"}',
        b'{"token": "canary-known", "user_name": ["canary"]}',
        b'{"token": "canary-known", "user": {"username": {"canary": "canary"}}, "timestamp": "canary"}',
        b'{"token": "canary-known", "text": "canary"',
        b'"canary-known"',
        b'{"token": "canary-known\xff"}',
        b'{"token": "canary-known", "n": ' + b"[" * 100_000,
        {"token": "canary-known"},
    ],
    ids=lambda body: repr(body)[:30],
)
def test_no_refusal_shows_the_body_or_the_token(body: Any) -> None:
    """Neither its text, nor what it was caused by, nor a frame of the package in its traceback."""
    with pytest.raises(RocketChatError) as caught:
        parse(body, token="canary-known", event="userCreated")
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    frames = [frame for frame in shown.stack if Path(frame.filename).is_relative_to(PACKAGE)]
    assert frames
    assert "canary" not in f"{caught.value!r} {vars(caught.value)} {[frame.locals for frame in frames]}"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
