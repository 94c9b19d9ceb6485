"""parse: which bodies are accepted, and how the others are refused."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from rocketchat_integrations import (
    ConfigurationError,
    EventType,
    RocketChatError,
    WebhookPayloadError,
    WebhookVerificationError,
)
from rocketchat_integrations.outgoing import parse

from .conftest import frames_of

SEND_MESSAGE: Final = EventType.SEND_MESSAGE
RELEASED = memoryview(b"{}")
RELEASED.release()


@pytest.mark.parametrize("given", ["wrong", "", "T0K3", "ä", None, 5, True, ["T0K3N"], {}])
def test_a_wrong_token_is_refused(given: object) -> None:
    for document in ({"token": given}, {}):
        with pytest.raises(WebhookVerificationError) as caught:
            parse(json.dumps(document), token="T0K3N", event=SEND_MESSAGE)
        assert caught.value.answer_status == 401


@pytest.mark.parametrize("token", ["x", "ä 😀", "\"quotes'", "back\\slash", "a\nb\0", "long" * 50_000])
def test_a_token_may_be_any_text(token: str) -> None:
    assert parse(json.dumps({"token": token}), token=token, event=SEND_MESSAGE).raw == {}
    with pytest.raises(WebhookVerificationError):
        parse(json.dumps({"token": f"{token}!"}), token=token, event=SEND_MESSAGE)


def test_tokens_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append((given, known))
        return False

    monkeypatch.setattr(hmac, "compare_digest", compare)
    with pytest.raises(WebhookVerificationError):
        parse(b'{"token": "right"}', token="right", event=SEND_MESSAGE)
    assert compared == [(b"right", b"right")]


def test_token_none_verifies_nothing_and_is_no_default() -> None:
    for document in ({}, {"token": "other"}, {"token": 5}):
        assert parse(json.dumps(document), token=None, event=SEND_MESSAGE).raw == {}
    with pytest.raises(TypeError, match="token"):
        parse(b"{}", event=SEND_MESSAGE)  # type: ignore[call-overload] # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{}{}",
        b'{"text": "\xe4"}',
        b'\xef\xbb\xbf{"token": "t"}',
        '{"token": "t"}'.encode("utf-16"),
        b'{"n": NaN}',
        b'{"n": 1e999}',
        b'{"text": "\\ud8"}"}',
        b"[" * 100_000,
        b'{"n": ' + b"9" * 10_000 + b"}",
        '{"text": "\ud800"}',
        b"[]",
        b"null",
        b'"text"',
    ],
    ids=lambda body: repr(body[:20]),
)
def test_only_json_objects_in_utf_8_are_accepted(body: bytes | str) -> None:
    with pytest.raises(WebhookPayloadError, match="body: must be") as caught:
        parse(body, token=None, event=SEND_MESSAGE)
    assert (type(caught.value), caught.value.answer_status) == (WebhookPayloadError, 400)


@pytest.mark.parametrize("content_type", [None, "Application/JSON", " application/json ;charset=utf-8"])
def test_the_content_type_of_json_is_accepted(content_type: str | None) -> None:
    assert parse(b"{}", token=None, event=SEND_MESSAGE, content_type=content_type).raw == {}


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/jsonx"])
def test_another_content_type_is_refused(content_type: str) -> None:
    with pytest.raises(WebhookPayloadError, match="Content-Type: must be application/json") as caught:
        parse(b"{}", token=None, event=SEND_MESSAGE, content_type=content_type)
    assert caught.value.answer_status == 415


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_must_not_be_too_large(kind: Callable[[bytes], Any]) -> None:
    """Its size is counted in bytes; by default it may have 256 KiB."""
    body = '{"text": "ä"}'.encode()
    assert parse(kind(body), token=None, event=SEND_MESSAGE, max_size=len(body)).text == "ä"
    with pytest.raises(WebhookPayloadError, match=f"body: must not have more than {len(body) - 1} bytes") as caught:
        parse(kind(body), token=None, event=SEND_MESSAGE, max_size=len(body) - 1)
    assert caught.value.answer_status == 413
    largest = b"{}" + b" " * (2**18 - 2)
    assert parse(kind(largest), token=None, event=SEND_MESSAGE).raw == {}
    with pytest.raises(WebhookPayloadError, match=f"body: must not have more than {2**18} bytes"):
        parse(kind(largest + b" "), token=None, event=SEND_MESSAGE)


def test_the_token_is_verified_before_the_fields_are_read() -> None:
    """In this order: size, content type, JSON, token, fields."""
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
        ({"event": ["sendMessage"]}, "event: must be one of"),
        ({"token": ""}, "token: must be text that is not empty, or None"),
        ({"token": b"bytes"}, "token: must be text"),
        ({"token": "half \ud800"}, "token: must be text"),
        ({"max_size": 0}, "max_size: must be a positive whole number"),
        ({"max_size": True}, "max_size: must be a positive whole number"),
        ({"content_type": b"application/json"}, "content_type: must be text or None"),
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
        b'{"token": "canary-known", "user": {"username": {"canary": "canary"}}, "timestamp": "canary"}',
        b'{"token": "canary-known", "text": "canary"',
        b'{"token": "canary-known\xff"}',
        b'{"token": "canary-known", "n": ' + b"[" * 100_000,
        {"token": "canary-known"},
    ],
    ids=lambda body: repr(body)[:30],
)
def test_no_refusal_shows_the_body_or_the_token(body: Any) -> None:
    """The refusal's text, the exceptions before it and its frames are all free of them."""
    with pytest.raises(RocketChatError) as caught:
        parse(body, token="canary-known", event="userCreated")
    assert "canary" not in f"{caught.value!r} {vars(caught.value)} {frames_of(caught.value)}"
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
