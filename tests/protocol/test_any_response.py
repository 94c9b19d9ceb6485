"""Whatever a response contains, an operation returns its result or raises one of three kinds of errors."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from typing import Any

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
    PermissionDeniedError,
    RateLimitError,
    RocketChatError,
    ServerError,
    TransportError,
    TwoFactorRequired,
    UnexpectedResponse,
)
from rocketchat_integrations._protocol import codec, endpoints
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.errors import quota
from rocketchat_integrations._protocol.http import Response

calm = settings(deadline=None, database=None)

INCOMING = IncomingIntegration("test.cat", channel="#builds", username="rocket.cat")
RECORD = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i1")
ANSWER: dict[str, Any] = {
    "type": "webhook-incoming",
    "username": "test.cat",
    "channel": ["#général"],
    "name": "test.cat",
    "token": "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
    "_createdAt": "2024-01-10T14:12:07.739Z",
    "_createdBy": {"_id": "CkCPNcvsvCDfmWLqC", "username": "test.cat"},
    "_id": "i1",
}
ENTRY = {"_id": "h1", "type": "outgoing-webhook", "finished": False, "error": True}
PAGE = {"integrations": [ANSWER], "total": 1}


def has_page(key: str) -> Callable[[dict[str, Any]], bool]:
    def is_page(payload: dict[str, Any]) -> bool:
        total = payload.get("total")
        return type(payload.get(key)) is list and type(total) is int and total >= 0

    return is_page


def has_session(payload: dict[str, Any]) -> bool:
    data: dict[str, Any] = payload["data"] if isinstance(payload.get("data"), dict) else {}
    return all(
        isinstance(text, str) and text != "" and all("!" <= character <= "~" for character in text)
        for text in (data.get("userId"), data.get("authToken"))
    )


@attrs.frozen
class Case:
    """An operation, a good payload for it, and whether any other payload has what it promises."""

    operation: Operation[Any]
    good: dict[str, Any]
    is_good: Callable[[dict[str, Any]], bool] = lambda _: True


CASES = {
    "create": Case(endpoints.create(INCOMING), {"integration": ANSWER}, lambda it: it.get("integration") == ANSWER),
    "get": Case(endpoints.get("i1"), {"integration": ANSWER}, lambda it: it.get("integration") == ANSWER),
    "list_page": Case(endpoints.list_page(0, 100, name=None, type=None), PAGE, has_page("integrations")),
    "history_page": Case(endpoints.history_page("o1", 0, 100), {"history": [ENTRY], "total": 1}, has_page("history")),
    "update": Case(
        endpoints.update(RECORD, INCOMING, None),
        {"integration": ANSWER},
        lambda it: it.get("integration") in (None, ANSWER),
    ),
    "remove": Case(endpoints.remove("i1", IntegrationType.INCOMING), {"integration": ANSWER}),
    "clear_history": Case(endpoints.clear_history("o1"), {}),
    "replay_outgoing": Case(endpoints.replay_outgoing("o1", "h1"), {}),
    "channel_list": Case(
        endpoints.channel_list({"roomId": "r1"}, everywhere=True).first_page(), PAGE, has_page("integrations")
    ),
    "group_list": Case(
        endpoints.group_list({"roomName": "ops"}, everywhere=True).first_page(), PAGE, has_page("integrations")
    ),
    "login": Case(
        endpoints.login("alice", "password", None), {"data": {"userId": "u1", "authToken": "t"}}, has_session
    ),
    "logout": Case(endpoints.logout(), {}),
    "server_version": Case(
        endpoints.server_version(), {"version": "8.7"}, lambda it: isinstance(it.get("version"), str)
    ),
    "post": Case(endpoints.post("https://chat.example.com/hooks/i1/t0ken", "hi"), {}),
}
any_case = st.sampled_from(list(CASES.values()))


def test_every_endpoint_has_a_case() -> None:
    """A new endpoint has to be added here. (For check_webhook a failure may be a result.)"""
    functions = {
        name
        for name, function in inspect.getmembers(endpoints, inspect.isfunction)
        if function.__module__ == endpoints.__name__ and not name.startswith("_")
    }
    assert functions - {"webhook_url", "check_webhook"} == CASES.keys()


# JSON, bodies and headers

TEXT = st.text(max_size=8) | st.just("half a pair: \ud83d")
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=4,
)
NO_FLAG = JSON.filter(lambda it: not isinstance(it, bool))
NO_ENVELOPE: st.SearchStrategy[Any] = (
    JSON.filter(lambda it: not isinstance(it, dict) or not {"success", "status"} & it.keys())
    | st.fixed_dictionaries({"success": NO_FLAG, "integration": st.just(ANSWER)})
    | st.fixed_dictionaries({"status": st.sampled_from(["error", "Success", True, None]), "error": TEXT})
)
NO_JSON = st.sampled_from(
    [
        b"",
        b"<!DOCTYPE html><html><head><title>Rocket.Chat</title></head></html>",
        b'{"success": true}{"success": true}',
        b'{"success": t\0rue}',
        b'{"success": true, "name": "\xff"}',
        f'{{"success": true, "total": {"9" * 10_000}}}'.encode(),
    ]
)
BROKEN = NO_ENVELOPE.map(lambda value: json.dumps(value).encode()) | NO_JSON | st.binary(max_size=20)
FAILURES = [301, 304, 400, 401, 403, 404, 405, 409, 429, 500, 502, 503, 504]
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

# What a status means by itself, whatever the body is.
BY_STATUS: dict[int, Any] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    429: RateLimitError,
    **dict.fromkeys([500, 502, 503, 504], ServerError),
}


def outcome(case: Case, response: Response) -> Any:
    """Return the result, a page read to its end, or the error: of the four kinds, and chained to nothing."""
    try:
        result: Any = case.operation.decode(response)
        return list(result.records()) if "total" in case.good else result
    except (ApiError, UnexpectedResponse, DecodingError, TransportError) as error:
        failure = error
    assert (failure.__cause__, failure.__context__) == (None, None)
    if isinstance(failure, (ApiError, UnexpectedResponse)):
        assert failure.status == response.status
        assert f"{case.operation.request.endpoint}: {response.status}" in str(failure)
    return failure


@pytest.mark.parametrize("name", ["create", "list_page", "login", "remove"])
def test_half_a_body_is_none(name: str) -> None:
    """A body is read whole or not at all, wherever it is cut off: the response is incomplete, and may have acted."""
    case = CASES[name]
    envelope = {"status": "success"} if name == "login" else {"success": True}
    body = json.dumps({**case.good, **envelope}, ensure_ascii=False).encode()
    assert not isinstance(outcome(case, Response(200, {}, body)), RocketChatError)
    for length in range(1, len(body)):
        error = outcome(case, Response(200, {}, body[:length]))
        assert (error.kind, error.may_have_acted) == ("incomplete", True)


def test_success_with_the_status_of_a_failure_is_none() -> None:
    """The status decides first: a good body with another status is not believed."""
    for case in CASES.values():
        for status in FAILURES:
            error = outcome(case, Response(status, {}, json.dumps({**case.good, "success": True}).encode()))
            assert isinstance(error, {400: ApiError, **BY_STATUS}.get(status, UnexpectedResponse))
            assert error.may_have_acted is (status >= 500)


@calm
@given(any_case, STATUS, HEADERS, BROKEN)
def test_another_body_has_the_error_of_its_status(
    case: Case, status: int, headers: dict[str, str], body: bytes
) -> None:
    """Pages of proxies, nothing, garbage and other JSON: the status decides, or it was not Rocket.Chat, or cut off."""
    error = outcome(case, Response(status, headers, body))
    assert isinstance(error, BY_STATUS.get(status, (UnexpectedResponse, TransportError)))
    assert error.may_have_acted is (status < 300 or status >= 500)


NAMES: dict[str, tuple[int, type[RocketChatError]]] = {
    "invalid-params": (400, InvalidParamsError),
    "error-not-allowed": (400, PermissionDeniedError),
    "error-invalid-integration": (400, NotFoundError),
    "error-too-many-requests": (400, RateLimitError),
    "totp-required": (401, TwoFactorRequired),
}
REFUSAL = st.fixed_dictionaries(
    {"success": st.just(False)},
    optional={
        "error": st.sampled_from([*NAMES, "must wait 42 seconds", ""]) | JSON,
        "message": JSON,
        "status": st.just("success") | JSON,
        "details": st.fixed_dictionaries({}, optional={"method": JSON, "availableMethods": JSON}) | JSON,
        "responses": JSON,
    },
)
# What `success: false` means with these.
REFUSED: dict[int, type[RocketChatError]] = {**dict.fromkeys([200, 201, 204, 400], ApiError), 404: NotFoundError}


@calm
@given(any_case, STATUS, HEADERS, REFUSAL, JSON)
def test_a_refusal_may_contain_anything(
    case: Case, status: int, headers: dict[str, str], refusal: dict[str, Any], error_type: Any
) -> None:
    """A refusal is recognized with any content in any place."""
    body = json.dumps({**case.good, **refusal, "errorType": error_type}).encode()
    error = outcome(case, Response(status, headers, body))
    assert isinstance(error, {**REFUSED, **BY_STATUS}.get(status, UnexpectedResponse))
    assert error.may_have_acted is (status >= 500)


@calm
@given(any_case, HEADERS, REFUSAL, st.sampled_from(list(NAMES)))
def test_a_refusal_is_known_by_its_name(
    case: Case, headers: dict[str, str], refusal: dict[str, Any], name: str
) -> None:
    """If the server names the error, nothing else that it says hides the meaning."""
    status, kind = NAMES[name]
    others = {key: value for key, value in refusal.items() if key != "error"}
    body = json.dumps({**others, "errorType": name}).encode()
    assert type(outcome(case, Response(status, headers, body))) is kind


PAYLOAD = st.fixed_dictionaries(
    {},
    optional={
        "integration": st.just(ANSWER) | JSON,
        "integrations": st.lists(st.just(ANSWER) | JSON, max_size=3) | JSON,
        "history": st.lists(st.just(ENTRY) | JSON, max_size=3) | JSON,
        "total": st.integers() | JSON,
        "data": st.fixed_dictionaries({}, optional={"userId": TEXT | JSON, "authToken": TEXT | JSON}) | JSON,
        "version": TEXT | JSON,
        "status": st.just("error") | JSON,
    },
)


@settings(calm, max_examples=300)
@given(any_case, st.sampled_from([200, 201]), PAYLOAD)
def test_success_has_to_bring_what_was_promised(case: Case, status: int, payload: dict[str, Any]) -> None:
    """A response of success has what was promised, or is a DecodingError; the rest of it does not matter."""
    result = outcome(case, Response(status, {}, json.dumps({**payload, "success": True}).encode()))
    assert isinstance(result, DecodingError) is not case.is_good(payload)
    if isinstance(result, DecodingError):
        assert result.errors
        assert result.may_have_acted


# Records

KEYS = ["_id", "type", "name", "enabled", "channel", "token", "event", "urls", "retryCount", "_createdAt", "_createdBy"]
DEEP = json.loads("[" * 300 + "]" * 300)
VALUE = JSON | st.just(DEEP) | st.sampled_from(["2024-01-10T14:12:07.739Z", {"$date": 0}, {"_id": "u1"}, True, ["#a"]])
DOCUMENT = VALUE | st.tuples(
    st.fixed_dictionaries({"type": st.sampled_from([str(type) for type in IntegrationType]), "_id": TEXT}),
    st.dictionaries(st.sampled_from(KEYS) | TEXT, VALUE),
).map(lambda parts: parts[0] | parts[1])


@settings(calm, max_examples=300)
@given(DOCUMENT)
def test_any_json_is_a_record_or_a_decoding_error(document: Any) -> None:
    """Any JSON in the place of an integration is read or refused, alone as in a list; a record can be used."""
    if codec.identity(document) is not None:
        document["_id"] = "i1"  # the one that is asked for
    alone = outcome(CASES["get"], Response(200, {}, json.dumps({"success": True, "integration": document}).encode()))
    page = {"success": True, "integrations": [document], "total": 1}
    (listed,) = outcome(CASES["list_page"], Response(200, {}, json.dumps(page).encode()))
    if isinstance(alone, DecodingError):
        assert isinstance(listed, DecodingError)
        assert listed.errors == tuple(f"integrations[0]{line.removeprefix('integration')}" for line in alone.errors)
        assert listed.id == alone.id
    else:
        assert listed == alone
        assert (alone.id, alone.type, alone.definition.name) == (document["_id"], document["type"], alone.name)
        assert alone in {alone}
        assert repr(alone)


@calm
@given(DOCUMENT)
def test_any_json_is_a_history_entry_or_a_decoding_error(document: Any) -> None:
    """A history is read to its end, whatever is in it; an entry can be used."""
    page = {"success": True, "history": [document], "total": 1}
    (entry,) = outcome(CASES["history_page"], Response(200, {}, json.dumps(page).encode()))
    if isinstance(entry, DecodingError):
        assert all(line.startswith("history[0]") for line in entry.errors)
    else:
        assert entry.id == document["_id"]
        assert entry in {entry}
        assert repr(entry)


@calm
@given(HEADERS)
def test_any_headers_have_a_quota(headers: dict[str, str]) -> None:
    """A header that cannot be read never fails a call that went well."""
    assert all(value is None or value >= 0 for value in quota(Response(200, headers)))
