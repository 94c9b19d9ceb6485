"""Whatever body comes with whatever status, an operation gives its result or raises one of three kinds of errors."""

import inspect
import json
from collections.abc import Callable
from typing import Any, cast

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    DecodingError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    InvalidParamsError,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PermissionDeniedError,
    RateLimitError,
    RocketChatError,
    ServerError,
    TwoFactorRequired,
    UnexpectedResponse,
)
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.errors import quota
from rocketchat_integrations._protocol.http import Response

calm = settings(deadline=None, database=None)
brief = settings(calm, max_examples=20)  # once for each operation

INCOMING = IncomingIntegration("ci", channel="#builds", username="rocket.cat")
OUTGOING = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="u", token="chosen")
INCOMING_RECORD = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i1")
OUTGOING_RECORD = OutgoingIntegrationRecord("bot", event="sendMessage", username="rocket.cat", urls="u", id="o1")

ANSWER: dict[str, Any] = {
    "type": "webhook-incoming",
    "username": "test.cat",
    "channel": ["#général"],
    "scriptEnabled": True,
    "name": "test.cat",
    "enabled": True,
    "token": "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
    "_createdAt": "2024-01-10T14:12:07.739Z",
    "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
    "_id": "659ea5b72dd9f928ada3e43e",
}
ANSWER_OUT = {**ANSWER, "type": "webhook-outgoing", "event": "sendMessage", "urls": ["https://bot.example"]}
PAGE = {"integrations": [ANSWER, ANSWER_OUT], "count": 2, "offset": 0, "total": 2}
ENTRY = {"_id": "h1", "type": "outgoing-webhook", "step": "start-process-outgoing", "finished": False, "error": True}
HISTORY = {"history": [ENTRY], "count": 1, "offset": 0, "total": 1}
SESSION: dict[str, Any] = {"data": {"userId": "u1", "authToken": "t", "me": {}}}


def anything(payload: dict[str, Any]) -> bool:
    return True


def an_integration(*answers: Any) -> Callable[[dict[str, Any]], bool]:
    return lambda payload: payload.get("integration") in answers


def a_page(payload: dict[str, Any]) -> bool:
    return type(payload.get("integrations")) is list and type(payload.get("total")) is int


def a_history(payload: dict[str, Any]) -> bool:
    return type(payload.get("history")) is list and type(payload.get("total")) is int


def a_session(payload: dict[str, Any]) -> bool:
    data: dict[str, Any] = payload["data"] if isinstance(payload.get("data"), dict) else {}
    return isinstance(data.get("userId"), str) and isinstance(data.get("authToken"), str)


def a_version(payload: dict[str, Any]) -> bool:
    return isinstance(payload.get("version"), str)


@attrs.frozen
class Call:
    operation: Operation[Any]
    answer: dict[str, Any]
    """A good one, without its envelope."""

    promised: Callable[[dict[str, Any]], bool] = anything
    """Whether what came with success is what was promised."""


CALLS = {
    "create": Call(operations.create(INCOMING), {"integration": ANSWER}, an_integration(ANSWER)),
    "create, outgoing": Call(operations.create(OUTGOING), {"integration": ANSWER_OUT}, an_integration(ANSWER_OUT)),
    "get": Call(operations.get("i1"), {"integration": ANSWER}, an_integration(ANSWER, ANSWER_OUT)),
    "list_page": Call(operations.list_page(0, 100, name=None, type=None), PAGE, a_page),
    "history_page": Call(operations.history_page("o1", 0, 100), HISTORY, a_history),
    "update": Call(
        operations.update(INCOMING_RECORD, INCOMING, None), {"integration": ANSWER}, an_integration(None, ANSWER)
    ),
    "update, outgoing": Call(
        operations.update(OUTGOING_RECORD, OUTGOING, None),
        {"integration": ANSWER_OUT},
        an_integration(None, ANSWER_OUT),
    ),
    "remove": Call(operations.remove("o1", IntegrationType.OUTGOING), {"integration": ANSWER_OUT}),
    "clear_history": Call(operations.clear_history("o1"), {}),
    "replay_outgoing": Call(operations.replay_outgoing("o1", "h1"), {}),
    "channel_list": Call(operations.channel_list({"roomId": "r1"}, everywhere=True).first_page(), PAGE, a_page),
    "group_list": Call(operations.group_list({"roomName": "ops"}, everywhere=True).first_page(), PAGE, a_page),
    "login": Call(operations.login("alice", "password", None), SESSION, a_session),
    "logout": Call(operations.logout(), {"data": {"message": "You've been logged out!"}}),
    "server_version": Call(operations.server_version(), {"version": "8.7"}, a_version),
    "post": Call(operations.post("https://chat.example.com/hooks/i1/t0ken", "hi"), {}),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())


def whole(call: Call) -> bytes:
    """The body of a good answer, in the envelope of the endpoint and in UTF-8."""
    envelope = {"status": "success"} if call.operation.request.endpoint in ("login", "logout") else {"success": True}
    return json.dumps({**call.answer, **envelope}, ensure_ascii=False).encode()


# JSON and bodies.

TEXT = st.text(max_size=8) | st.just("half a pair: \ud83d")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
NO_FLAG = JSON.filter(lambda value: not isinstance(value, bool))
TOO_DEEP = 100_000
# Objects, but none that says in the way of the API whether the call went well.
NO_ENVELOPE = (
    st.dictionaries(TEXT, JSON, max_size=3)
    | st.fixed_dictionaries({"success": NO_FLAG, "integration": st.just(ANSWER)})
    | st.fixed_dictionaries({"status": st.sampled_from(["error", "Success", True, None]), "error": TEXT})
)
NO_OBJECT = JSON.filter(lambda value: not isinstance(value, dict))
NO_JSON = st.sampled_from(
    [
        "",
        " \r\n",
        "<!DOCTYPE html><html><head><title>Rocket.Chat</title></head></html>",
        '<pre>{"success": true}</pre>',
        "Service Unavailable",
        "undefined",
        '{"success": true,}',
        '{"success": true}{"success": true}',
        "{'success': true}",
        '{"success": t\0rue}',
        f'{{"success": true, "total": {"9" * 10_000}}}',
        "[" * TOO_DEEP,
        '{"success":' * TOO_DEEP,
        f'{{"success": true, "deep": {"[" * TOO_DEEP}{"]" * TOO_DEEP}}}',
    ]
)


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A good body with a byte in it that is no UTF-8."""
    body = whole(draw(st.sampled_from(list(CALLS.values()))))
    place = draw(st.integers(0, len(body)))
    return body[:place] + draw(st.sampled_from([b"\xff", b"\xc0", b"\xe9"])) + body[place:]


BROKEN = (
    (NO_ENVELOPE | NO_OBJECT).map(lambda value: json.dumps(value).encode())
    | NO_JSON.map(str.encode)
    | mangled()
    | st.binary(max_size=20)
)
FAILURES = [301, 302, 304, 400, 401, 403, 404, 405, 409, 413, 429, 500, 502, 503, 504]
STATUS = st.sampled_from([200, 201, 204, *FAILURES])
PARTS_OF_DATES = st.sampled_from(["Mon,", "01", "Jan", "2024", "00:00:00", "99:99", "GMT", "+9999", "-0000", ",", "-"])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(["application/json", "text/html; charset=utf-8", ""]) | TEXT,
        "location": st.just("https://new.example/") | TEXT,
        "date": st.just("Mon, 01 Jan 2024 00:00:00 GMT") | st.lists(PARTS_OF_DATES, max_size=6).map(" ".join),
        "retry-after": st.sampled_from(["7", "-1", "1e9", "\u0667"]) | TEXT,
        "x-ratelimit-limit": st.just("10") | TEXT,
        "x-ratelimit-remaining": st.just("0") | TEXT,
        "x-ratelimit-reset": st.sampled_from(["1", "1704067200000", "9" * 18, "9" * 30]) | TEXT,
    },
)


def is_text(value: object) -> bool:
    return isinstance(value, str)


def are_texts(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(is_text, cast("tuple[object, ...]", value)))


def is_count(value: float) -> bool:
    return value >= 0


# What the attributes of errors are documented to be, where they are not None.
ATTRIBUTES: list[tuple[type[RocketChatError], str, Callable[[Any], bool]]] = [
    (ApiError, "error", is_text),
    (ApiError, "error_type", is_text),
    (InvalidParamsError, "violations", are_texts),
    (PermissionDeniedError, "permissions", are_texts),
    (TwoFactorRequired, "method", is_text),
    (TwoFactorRequired, "available_methods", are_texts),
    (RateLimitError, "retry_after", is_count),
    (RateLimitError, "limit", is_count),
    (UnexpectedResponse, "content_type", is_text),
    (UnexpectedResponse, "location", is_text),
]


def outcome(call: Call, response: Response) -> Any:
    """What the answer carries, a page read to its end, or the error that is raised.

    That is one of three kinds, chained to nothing, and everything in it is what it is documented to be.
    """
    result: Any
    try:
        result = call.operation.decode(response)
        if call.promised in (a_page, a_history):
            result = list(result.records())
    except (ApiError, UnexpectedResponse, DecodingError) as error:
        result = error
    if isinstance(result, RocketChatError):
        assert (result.__cause__, result.__context__) == (None, None)
    if isinstance(result, (ApiError, UnexpectedResponse)):  # a DecodingError names the place in the answer instead
        assert result.status == response.status
        assert f"{call.operation.request.endpoint}: {response.status}" in str(result)
    for kind, name, holds in ATTRIBUTES:
        if isinstance(result, kind):
            value = getattr(result, name)
            assert value is None or holds(value), name
    return result


# What a status means by itself, whatever the body is.
BY_STATUS: dict[int, type[RocketChatError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    429: RateLimitError,
    **dict.fromkeys([500, 502, 503, 504], ServerError),
}


def test_every_operation_is_tried_here() -> None:
    """An endpoint that is added has to stand the same."""
    endpoints = {
        name
        for name, function in inspect.getmembers(operations, inspect.isfunction)
        if function.__module__ == operations.__name__ and not name.startswith("_")
    }
    # That an address is wrong is an answer of check_webhook, where other operations fail.
    assert endpoints - {"webhook_url", "check_webhook"} == {name.partition(",")[0] for name in CALLS}


@every_call
def test_half_an_answer_is_none(call: Call) -> None:
    """A body is read whole or not at all, wherever it is cut off; and it is not said that nothing was done."""
    body = whole(call)
    assert not isinstance(outcome(call, Response(200, {}, body)), RocketChatError)
    for length in range(len(body)):
        error = outcome(call, Response(200, {}, body[:length]))
        assert type(error) is UnexpectedResponse
        assert error.may_have_acted


@every_call
def test_success_is_none_with_the_status_of_a_failure(call: Call) -> None:
    """The status decides first: a good answer that comes with another one is not believed."""
    for status in FAILURES:
        error = outcome(call, Response(status, {}, json.dumps({**call.answer, "success": True}).encode()))
        assert isinstance(error, {400: ApiError, **BY_STATUS}.get(status, UnexpectedResponse))
        assert error.may_have_acted is (status >= 500)


@every_call
@brief
@given(status=STATUS, headers=HEADERS, body=BROKEN)
def test_what_is_no_answer_has_the_error_of_its_status(
    call: Call, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Pages of proxies, nothing, garbage and JSON of something else: the status decides, or it was not Rocket.Chat."""
    error = outcome(call, Response(status, headers, body))
    assert isinstance(error, BY_STATUS.get(status, UnexpectedResponse))
    assert error.may_have_acted is (status < 300 or status >= 500)


WORDS = st.sampled_from(
    [
        "You must wait 42 seconds before trying this endpoint again. [error-too-many-requests]",
        "must be string\n must match exactly one schema in oneOf [invalid-params]",
        *("totp-required", "error-not-allowed", "not_authorized", "No integration found.", "error-invalid-params", ""),
    ]
)
REFUSAL = st.fixed_dictionaries(
    {"success": st.just(False)},
    optional={
        "error": WORDS | JSON,
        "errorType": WORDS | JSON,
        "message": WORDS | JSON,
        "status": st.just("success") | JSON,
        "details": JSON,
    },
)


# What `success: false` means with these; 404 is only then "not found".
REFUSED: dict[int, type[RocketChatError]] = {**dict.fromkeys([200, 201, 204, 400], ApiError), 404: NotFoundError}


@every_call
@brief
@given(status=STATUS, headers=HEADERS, refusal=REFUSAL)
def test_a_refusal_may_say_anything(call: Call, status: int, headers: dict[str, str], refusal: dict[str, Any]) -> None:
    """Whatever words and objects it comes with, in whatever place, it is one."""
    error = outcome(call, Response(status, headers, json.dumps({**call.answer, **refusal}).encode()))
    assert isinstance(error, {**REFUSED, **BY_STATUS}.get(status, UnexpectedResponse))
    assert error.may_have_acted is (status >= 500)


DETAILS = st.fixed_dictionaries({}, optional={"method": JSON, "availableMethods": JSON}) | JSON


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "invalid-params", InvalidParamsError),
        (400, "error-not-allowed", PermissionDeniedError),
        (400, "error-invalid-integration", NotFoundError),
        (400, "error-too-many-requests", RateLimitError),
        (401, "totp-required", TwoFactorRequired),
    ],
)
@calm
@given(
    call=st.sampled_from(list(CALLS.values())),
    headers=HEADERS,
    said=st.fixed_dictionaries({"details": DETAILS}, optional={"error": JSON, "message": JSON}),
)
def test_a_refusal_is_known_by_its_name(
    status: int, name: str, kind: type[RocketChatError], call: Call, headers: dict[str, str], said: dict[str, Any]
) -> None:
    """Where the server names the error, nothing else that it says hides what is meant."""
    body = {**said, "success": False, "errorType": name}
    assert type(outcome(call, Response(status, headers, json.dumps(body).encode()))) is kind


PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "integration": st.sampled_from([ANSWER, ANSWER_OUT]) | JSON,
        "integrations": st.lists(st.sampled_from([ANSWER, ANSWER_OUT]) | JSON, max_size=3) | JSON,
        "history": st.lists(st.just(ENTRY) | JSON, max_size=3) | JSON,
        "total": st.integers() | JSON,
        "data": st.fixed_dictionaries({}, optional={"userId": TEXT | JSON, "authToken": TEXT | JSON}) | JSON,
        "version": TEXT | JSON,
        "status": st.just("error") | JSON,
    },
)


@every_call
@brief
@given(status=st.sampled_from([200, 201, 202]), payload=PAYLOAD)
def test_success_has_to_bring_what_was_promised(call: Call, status: int, payload: dict[str, Any]) -> None:
    """Whatever else is in the envelope of success is not looked at; what was promised is there or is said to be not."""
    response = Response(status, {}, json.dumps({**payload, "success": True}).encode())
    result = outcome(call, response)
    assert isinstance(result, DecodingError) is not call.promised(payload)
    if isinstance(result, DecodingError):
        assert result.errors
        assert result.may_have_acted


@calm
@given(
    st.sampled_from(list(CALLS.values())),
    STATUS,
    st.booleans(),
    st.sampled_from(["integration", "integrations", "history", "data", "error", "details"]),
    st.integers(0, 3_000),
)
def test_nesting_is_read_or_refused_at_any_depth(call: Call, status: int, success: bool, key: str, depth: int) -> None:
    """No answer is deep enough to end in an error that is none of ours."""
    body = f'{{"success": {json.dumps(success)}, "total": 1, "{key}": {"[" * depth}{"]" * depth or "0"}}}'
    response = Response(status, {}, body.encode())
    outcome(call, response)


@calm
@given(HEADERS)
def test_a_quota_is_told_from_any_headers(headers: dict[str, str]) -> None:
    """A proxy's idea of a header never fails a call that went well."""
    told = quota(Response(200, headers))
    assert all(value is None or value >= 0 for value in (told.limit, told.remaining, told.resets_in))
