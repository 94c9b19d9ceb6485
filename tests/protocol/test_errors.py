"""Refusals of all server versions become the exceptions that say what to do next."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import attrs
import pytest

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    DecodingError,
    IncomingIntegration,
    IntegrationType,
    InvalidParamsError,
    Message,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PermissionDeniedError,
    RateLimitError,
    RocketChatError,
    ServerError,
    TransportError,
    TwoFactorRequired,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations._protocol import endpoints
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.errors import ErrorContext, Quota, payload, quota
from rocketchat_integrations._protocol.http import Request, Response

if TYPE_CHECKING:
    from tests.protocol.conftest import Talk

CANARY = "canary-in-the-coal-mine"

OUTGOING = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="https://bot.example.com")
RECORD = OutgoingIntegrationRecord("bot", event="sendMessage", username="rocket.cat", urls="u", id="o1", token="s3cret")

CREATE = endpoints.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
CREATE_OUT = endpoints.create(OUTGOING)
GET = endpoints.get("i1")
LIST = endpoints.list_page(0, 100, name=None, type=None)
HISTORY = endpoints.history_page("o1", 0, 100)
UPDATE_OUT = endpoints.update(RECORD, OUTGOING, None)
REMOVE = endpoints.remove("i1", IntegrationType.INCOMING)
REMOVE_OUT = endpoints.remove("o1", IntegrationType.OUTGOING)
CLEAR = endpoints.clear_history("o1")
REPLAY = endpoints.replay_outgoing("o1", "h1")
ROOM_BY_ID = endpoints.channel_list({"roomId": "r1"}, everywhere=True).first_page()
ROOM_BY_NAME = endpoints.group_list({"roomName": "ops"}, everywhere=True).first_page()
LOGIN = endpoints.login("alice", "password", None)
POST = endpoints.post("https://chat.example.com/hooks/i1/t0ken", "hi")

FOR_INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
FOR_OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")
FOR_ANY = (*FOR_INCOMING, *FOR_OUTGOING)


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """Return a response; text is sent as it is, anything else as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(status, {"content-type": "application/json"} if headers is None else headers, text.encode())


def refusal(operation: Operation[Any], response: Response) -> Any:
    """Return what the operation raises for the response."""
    with pytest.raises(RocketChatError) as caught:
        operation.decode(response)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    return caught.value


def no(error: object = None, **more: Any) -> dict[str, Any]:
    return {"success": False, **({} if error is None else {"error": error}), **more}


def named(error_type: str) -> dict[str, Any]:
    return no("x", errorType=error_type)


def forbidden(message: str) -> dict[str, Any]:
    """The refusal of a server of 9.0: its `errorType` does not tell the reason (release notes)."""
    return no(message, errorType="error-forbidden")


LOGGED_OUT = "You must be logged in to do this."
NO_PERMISSION = "User does not have the permissions required for this action [error-unauthorized]"
SLOW_DOWN = "Please slow down. You must wait 42 seconds before trying this endpoint again. [error-too-many-requests]"
TOTP = {"method": "totp", "availableMethods": ["totp", "email"]}
ROOM = no("Invalid room [error-invalid-room]", errorType="error-invalid-room", details={"method": "add"})
NO_ENDPOINT = {"status": "error", "message": "API endpoint does not exist"}
IMPERSONATE, MANAGERS = "error-user-lacks-message-impersonate-permission", "error-invalid-permissions"
EACH_CHANNEL = [{"channel": "#a", "error": "error-not-allowed"}] * 2
SOME_CHANNELS = [{"channel": "#a", "error": "x"}, "odd"]

# Operation, status, body; the exception's class and some attributes.
REFUSALS: list[tuple[Operation[Any], int, object, type[RocketChatError], dict[str, Any]]] = [
    # logged out: 6.x, 8.x, a proxy
    (GET, 401, {"status": "error", "message": LOGGED_OUT}, AuthenticationError, {"error": LOGGED_OUT}),
    (GET, 401, no(LOGGED_OUT, status="error", message="other"), AuthenticationError, {"error": LOGGED_OUT}),
    (GET, 401, "<html>", AuthenticationError, {"error": None, "details": None}),
    # logging in
    (LOGIN, 401, {"error": "Unauthorized"}, AuthenticationError, {"error": "Unauthorized"}),
    (LOGIN, 401, {"error": "totp-invalid"}, AuthenticationError, {"endpoint": "login"}),
    (LOGIN, 401, {"error": "totp-required", "details": TOTP}, TwoFactorRequired, {"method": "totp", "details": TOTP}),
    (LOGIN, 401, {"error": "totp-required"}, TwoFactorRequired, {"method": None, "available_methods": ()}),
    # a rule of the server
    (CREATE, 400, ROOM, BadRequestError, {"error_type": "error-invalid-room", "details": {"method": "add"}}),
    (CREATE, 400, no("x", details=["a", 1]), BadRequestError, {"details": ["a", 1], "error_type": None}),
    (CREATE, 400, no(), BadRequestError, {"error": None, "error_type": None}),
    (CREATE, 400, no(""), BadRequestError, {"error": None}),
    (CREATE, 200, no("odd"), BadRequestError, {"status": 200, "error": "odd"}),
    (POST, 400, no(message={"reason": ["not", 1]}), BadRequestError, {"error": '{"reason": ["not", 1]}'}),
    (POST, 400, no(5), BadRequestError, {"error": "5"}),
    # permissions
    (CREATE, 400, no("Unauthorized [not_authorized]"), PermissionDeniedError, {"permissions": FOR_INCOMING}),
    (CREATE_OUT, 400, named("not_authorized"), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (GET, 400, no("not-authorized"), PermissionDeniedError, {"permissions": FOR_ANY}),
    (UPDATE_OUT, 400, named("not_authorized"), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (REMOVE_OUT, 400, no("Not enough permission"), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (POST, 400, no("error-not-allowed"), PermissionDeniedError, {"permissions": ()}),
    # a message with an alias or an avatar, before 8.6
    (POST, 400, no("Not enough permission"), PermissionDeniedError, {"permissions": ("message-impersonate",)}),
    (CREATE, 400, named(IMPERSONATE), PermissionDeniedError, {"permissions": ("message-impersonate",)}),
    (CREATE_OUT, 400, named(MANAGERS), PermissionDeniedError, {"permissions": ("manage-outgoing-integrations",)}),
    (GET, 400, {"error": "not-authorized"}, PermissionDeniedError, {}),
    (LIST, 403, no("unauthorized"), PermissionDeniedError, {"permissions": FOR_ANY}),
    (HISTORY, 403, no(NO_PERMISSION), PermissionDeniedError, {"permissions": FOR_OUTGOING, "error": NO_PERMISSION}),
    (REMOVE, 403, no("unauthorized"), PermissionDeniedError, {"permissions": FOR_INCOMING}),
    (CLEAR, 403, no(NO_PERMISSION), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (REPLAY, 403, no(NO_PERMISSION), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (POST, 403, "", PermissionDeniedError, {"permissions": (), "error": None}),
    # permissions, 9.0
    (CREATE, 403, forbidden("Unauthorized"), PermissionDeniedError, {"permissions": FOR_INCOMING}),
    (UPDATE_OUT, 403, forbidden("Unauthorized"), PermissionDeniedError, {"permissions": FOR_OUTGOING}),
    (GET, 403, forbidden("not-authorized"), PermissionDeniedError, {"error_type": "error-forbidden"}),
    (CREATE_OUT, 403, forbidden(f"x [{MANAGERS}]"), PermissionDeniedError, {"permissions": FOR_OUTGOING[:1]}),
    (POST, 403, forbidden("error-not-allowed"), PermissionDeniedError, {"permissions": ()}),
    (POST, 403, forbidden("Not enough permission"), PermissionDeniedError, {"permissions": ("message-impersonate",)}),
    (POST, 403, forbidden(IMPERSONATE), PermissionDeniedError, {"permissions": ("message-impersonate",)}),
    # a room that one may not enter is no lack of a permission
    (ROOM_BY_ID, 403, no("unauthorized"), PermissionDeniedError, {"permissions": ()}),
    (ROOM_BY_NAME, 403, no("forbidden"), PermissionDeniedError, {"permissions": ()}),
    (ROOM_BY_NAME, 403, forbidden("Not allowed"), PermissionDeniedError, {"permissions": ()}),
    (ROOM_BY_ID, 400, no("error-not-allowed"), PermissionDeniedError, {"permissions": ()}),
    (ROOM_BY_ID, 403, no(NO_PERMISSION), PermissionDeniedError, {"permissions": FOR_ANY}),
    (ROOM_BY_ID, 403, "", PermissionDeniedError, {"permissions": FOR_ANY}),
    # not found
    (REMOVE, 400, no("No integration found."), NotFoundError, {"status": 400}),
    (GET, 400, no("The integration does not exists."), NotFoundError, {}),
    (CLEAR, 400, named("error-invalid-integration"), NotFoundError, {"error_type": "error-invalid-integration"}),
    (UPDATE_OUT, 400, named("invalid_integration"), NotFoundError, {}),
    (REPLAY, 400, no("No history [error-invalid-integration-history]"), NotFoundError, {"error_type": None}),
    (ROOM_BY_NAME, 400, named("error-room-not-found"), NotFoundError, {}),
    (POST, 404, no("Invalid integration id or token provided."), NotFoundError, {"endpoint": "hooks"}),
    # rate limit: today, very old, by a proxy
    (LIST, 429, no(SLOW_DOWN), RateLimitError, {"retry_after": 42.0, "limit": None}),
    (LIST, 400, no("You must wait 7 seconds", errorType="error-too-many-requests"), RateLimitError, {"retry_after": 7}),
    (LIST, 429, "slow down", RateLimitError, {"retry_after": None, "error": None}),
    # 5xx: a disabled webhook, a wrong one on 8.x, restarts and proxies
    (POST, 503, '"Service Unavailable"', WebhookDisabledError, {"status": 503}),
    (POST, 503, no("Service Unavailable"), WebhookDisabledError, {"error": "Service Unavailable"}),
    (POST, 500, no("Internal server error"), ServerError, {}),
    (POST, 504, "", ServerError, {"status": 504}),
    (GET, 503, "<html>Service Unavailable</html>", ServerError, {"error": None}),
    (GET, 500, {"success": True}, ServerError, {}),
    (GET, 599, no("odd"), ServerError, {"status": 599}),
    # a message to several channels
    (POST, 400, no(responses=EACH_CHANNEL), PermissionDeniedError, {"error": "error-not-allowed"}),
    (POST, 400, no(responses=SOME_CHANNELS), BadRequestError, {"details": SOME_CHANNELS}),
    (POST, 400, no(responses=SOME_CHANNELS), BadRequestError, {"error": json.dumps(SOME_CHANNELS)}),
    (POST, 400, no(responses=[]), BadRequestError, {"error": None}),
    (POST, 400, no(responses="x"), BadRequestError, {"error": None, "details": "x"}),
    # not Rocket.Chat's API
    (GET, 200, "<!DOCTYPE html>", UnexpectedResponse, {"status": 200}),
    (CLEAR, 405, NO_ENDPOINT, UnexpectedResponse, {"content_type": "application/json", "location": None}),
    (CLEAR, 404, NO_ENDPOINT, UnexpectedResponse, {}),
    (GET, 404, no("API endpoint does not exist"), UnexpectedResponse, {}),
    (GET, 400, no("API endpoint does not exist"), UnexpectedResponse, {}),
    (GET, 404, {"success": True}, UnexpectedResponse, {}),
    (GET, 400, {"error": "No integration found."}, UnexpectedResponse, {}),
    (GET, 400, {"success": "false"}, UnexpectedResponse, {}),
    (REMOVE, 200, [], UnexpectedResponse, {}),
    (REMOVE, 200, {"success": 1}, UnexpectedResponse, {}),
    (REMOVE, 204, "", UnexpectedResponse, {}),
    (REMOVE, 409, {"success": True}, UnexpectedResponse, {}),
    (REMOVE, 302, {"success": True}, UnexpectedResponse, {"status": 302}),
]


@pytest.mark.parametrize(
    ("operation", "status", "body", "kind", "attributes"),
    REFUSALS,
    ids=[f"{status} {kind.__name__}" for _, status, _, kind, _ in REFUSALS],
)
def test_every_known_refusal_has_its_exception(
    operation: Operation[Any], status: int, body: object, kind: type[RocketChatError], attributes: dict[str, Any]
) -> None:
    """The status decides first, then the envelope, then the server's name of the error."""
    error = refusal(operation, answer(status, body))
    assert type(error) is kind
    assert {name: getattr(error, name) for name in attributes} == attributes
    assert error.may_have_acted is (status >= 500 or (status < 300 and kind is UnexpectedResponse))
    assert getattr(error, "status", None) == status
    assert f"{operation.request.endpoint}: {status}" in str(error)


@pytest.mark.parametrize(
    ("operation", "response", "parts"),
    [
        (CREATE, answer(403, no("unauthorized")), ["unauthorized", "one of these permissions", *FOR_INCOMING]),
        (POST, answer(400, no("error-not-allowed")), ["may not write there"]),
        (ROOM_BY_ID, answer(403, no("forbidden")), ["403 forbidden; the user may not enter the room"]),
        (LIST, answer(429, no(SLOW_DOWN)), ["(wait 42 s)"]),
        (POST, answer(500, ""), ["id or token is wrong"]),
        (POST, answer(503, ""), ["is disabled"]),
        (POST, answer(401, ""), ["user that the webhook posts as"]),
        (POST, answer(404, no("Invalid")), ["the webhook's URL is wrong"]),
        (LOGIN, answer(401, {"error": "Unauthorized"}), ["password"]),
        (LOGIN, answer(401, {"error": "totp-required"}), ["totp", "personal access token"]),
        (GET, answer(401, ""), ["revoked"]),
        (POST, answer(502, ""), ["502: the server, or a proxy in front of it, failed"]),
        (CLEAR, answer(200, "<html>", {"content-type": "text/html"}), ["base URL", "server 8.7 and", "text/html"]),
        (LIST, answer(200, "", {}), ["without a content type", "this server does not have integrations.list"]),
        (GET, answer(301, "", {"location": "https://new.example/api"}), ["https://new.example/api", "not followed"]),
        (GET, answer(304, "", {}), ["nowhere"]),
        (GET, answer(407, "<html>", {}), ["407", "proxy requires credentials"]),
        (GET, answer(408, "", {}), ["408", "has waited too long for the request"]),
        (
            CREATE,
            answer(413, "<html>", {}),
            ["413", f"the request of {len(CREATE.request.body or b'')} bytes is larger"],
        ),
    ],
)
def test_messages_say_what_to_do_next(operation: Operation[Any], response: Response, parts: list[str]) -> None:
    """A message names the permissions that are needed, the time to wait, the version that has an endpoint."""
    message = str(refusal(operation, response))
    assert [part for part in parts if part not in message] == []


@pytest.mark.parametrize("status", [407, 408, 413])
def test_what_a_proxy_refuses_is_not_blamed_on_the_base_url(status: int) -> None:
    """After 408 the server may have acted: it can still get a request that a proxy has given up on."""
    error = refusal(GET, answer(status, "<html>"))
    assert type(error) is UnexpectedResponse
    assert "base URL" not in str(error)
    assert error.may_have_acted is (status == 408)


@pytest.mark.parametrize(("status", "may_have_acted"), [(200, True), (400, False), (404, False)])
def test_an_answer_that_is_cut_off_is_incomplete(status: int, may_have_acted: bool) -> None:
    """Also one without any JSON. The error names the host, as other failures of the connection do."""
    for body in ('{"success": fal', "") if status == 200 else ('{"success": fal',):
        error = refusal(GET, attrs.evolve(answer(status, body), url="https://chat.example.com:8443/api/v1/x?y"))
        assert (type(error), error.kind, error.may_have_acted) == (TransportError, "incomplete", may_have_acted)
        assert (error.host, error.port) == ("chat.example.com", 8443)
        assert str(error).startswith("chat.example.com:8443: the response is incomplete")


def test_a_refusal_that_is_cut_off_may_concern_a_part_of_the_channels() -> None:
    """Servers of 6.x stop at the first channel that fails."""
    several = endpoints.post("https://chat.example.com/hooks/i1/t0ken", Message("hi", channel=["#a", "#b"]))
    assert refusal(several, answer(400, '{"success": fal')).may_have_acted


def test_an_answer_that_would_fill_the_memory_is_too_large() -> None:
    """Before it is decoded."""
    error = refusal(GET, answer(200, '{"success": [' + "[]," * 2**20))
    assert (type(error), error.kind, error.may_have_acted) == (TransportError, "too-large", True)


def test_nesting_without_end_is_a_decoding_error() -> None:
    """The status decides first: a refusal stays what it is."""
    deep = '{"success": ' + "[" * 100_000
    assert (type(refusal(GET, answer(200, deep))), type(refusal(GET, answer(403, deep)))) == (
        DecodingError,
        PermissionDeniedError,
    )


# Recordings of a real server

MEANINGS: dict[str, type[RocketChatError]] = {
    "create without being logged in": AuthenticationError,
    "create without any permission": PermissionDeniedError,
    "get one that does not exist": NotFoundError,
    "get one of somebody else with the own-permissions": PermissionDeniedError,
    "get with the creator named": NotFoundError,
    "list without any permission": PermissionDeniedError,
    "history without any permission": PermissionDeniedError,
    "update outgoing: one that does not exist": NotFoundError,
    "update without any permission": PermissionDeniedError,
    "remove incoming": NotFoundError,
    "remove without any permission": PermissionDeniedError,
    "post with a wrong token": NotFoundError,
    "post to a disabled webhook": WebhookDisabledError,
    "an endpoint that does not exist": UnexpectedResponse,
}
VIOLATIONS = {
    "create with type missing": "must have required property 'type'",
    "create with username missing": "must have required property 'username'",
    "create with channel missing": "must have required property 'channel'",
    "create with an unknown property": "must NOT have additional properties",
    "create an incoming integration with an event": "must NOT have additional properties",
    "create with triggerWords as one string": "must be array",
    "create with channel as an array": "must be string",
    "get without an id": "must have required property 'integrationId'",
    "history without an id": "must have required property 'id'",
    "update outgoing: scriptEngine must not be null": "must be string",
    "update incoming: id missing": "must have required property 'integrationId'",
    "remove with both an id and a url is refused": 'must match pattern "webhook-incoming"',
    "remove with a made-up type": 'must match pattern "webhook-incoming"',
}


def recorded(talk: Talk) -> Any:
    """Return what the operation that sent the recorded request raises for its answer."""
    outgoing = talk.sent.get("type") == "webhook-outgoing"
    operations: dict[str, Operation[Any]] = {
        "integrations.create": CREATE_OUT if outgoing else CREATE,
        "integrations.update": UPDATE_OUT if outgoing else CREATE,
        "integrations.remove": REMOVE_OUT if outgoing else REMOVE,
        "integrations.list": LIST,
        "integrations.history": HISTORY,
        "hooks": POST,
    }
    return refusal(operations.get(talk.endpoint, GET), answer(talk.status, talk.answer))


def test_every_recorded_refusal_has_its_exception(recorded_refusals: list[Talk]) -> None:
    """What a real server has refused becomes the exception that it means, with the server's words."""
    for talk in recorded_refusals:
        error = recorded(talk)
        kind = InvalidParamsError if talk.scenario in VIOLATIONS else BadRequestError
        assert type(error) is MEANINGS.get(talk.scenario, kind), talk.scenario
        if isinstance(error, InvalidParamsError):
            assert error.violations == (VIOLATIONS[talk.scenario],)
            assert str(error) == f"{error.endpoint}: 400 {error.violations[0]}"
        if isinstance(error, ApiError) and talk.status != 503:
            assert error.error == talk.answer.get("error", talk.answer.get("message"))
            assert error.error_type == talk.answer.get("errorType")
            assert error.details == talk.answer.get("details")
    assert MEANINGS.keys() | VIOLATIONS.keys() <= {talk.scenario for talk in recorded_refusals}


ONE_OF = "must match exactly one schema in oneOf"


@pytest.mark.parametrize(
    ("operation", "lines", "violations"),
    [
        (ROOM_BY_ID, ["must NOT have additional properties", "must have required property 'roomName'", ONE_OF], [0]),
        (ROOM_BY_NAME, ["must have required property 'roomId'", "must NOT have additional properties", ONE_OF], [1]),
        (REMOVE, ["must be string", "must have 'target_url'", "must match pattern", ONE_OF], [0]),
        (REMOVE_OUT, ["must match pattern", "must have 'target_url'", "must be string", ONE_OF], [2]),
        (CREATE, ["a", "b", "c", ONE_OF], [0, 1, 2]),
        (CREATE_OUT, ["a", "b", ONE_OF], [1]),
        (CREATE_OUT, ["a", "a", "a", ONE_OF], [0]),
        (LIST, ["must be object", "must be number", "must be object"], [0, 1]),
        (LIST, ["a", "b", ONE_OF], [0, 1]),
    ],
)
@pytest.mark.parametrize(("between", "suffix"), [("\n ", " [invalid-params]"), ("\n", " [error-invalid-params]")])
def test_violations_concern_the_kind_that_was_sent(
    operation: Operation[Any], lines: list[str], violations: list[int], between: str, suffix: str
) -> None:
    """Lines of the other kind and repetitions are left out; if they cannot be told apart, all stay."""
    error = refusal(operation, answer(400, no(between.join(lines) + suffix, errorType="invalid-params")))
    assert error.violations == tuple(lines[number] for number in violations)


def test_a_violation_without_words_is_still_one() -> None:
    """An empty text is not taken for a violation, and the message is not empty."""
    error = refusal(GET, answer(400, no(errorType="error-invalid-params")))
    assert error.violations == ()
    assert str(error) == "integrations.get: 400 error-invalid-params"


# Rate limits

DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
NOON = 1704067200000  # the same, in milliseconds
RESET = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3", "x-ratelimit-reset": str(NOON + 1500)}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({**RESET, "date": DATE}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 01:00:00 +0100"}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 00:00:00 -0000"}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 00:01:00 GMT"}, Quota(10, 3, 0.0)),
        ({**RESET, "date": "yesterday"}, Quota(10, 3, None)),
        ({**RESET, "date": f"Mon, 01 Jan 2024 00:00:00 +{10**30}"}, Quota(10, 3, None)),
        (RESET, Quota(10, 3, None)),
        ({"date": DATE}, Quota(None, None, None)),
        (dict.fromkeys(RESET, "-1") | {"date": DATE}, Quota(None, None, None)),
        (dict.fromkeys(RESET, "9" * 100) | {"date": DATE}, Quota(None, None, None)),
    ],
)
def test_a_quota_is_counted_by_the_servers_clock(headers: dict[str, str], expected: Quota) -> None:
    """The window's end is counted from the response's own date: the local clock may be wrong."""
    assert quota(Response(200, headers)) == expected


@pytest.mark.parametrize(
    ("headers", "error", "retry_after"),
    [
        ({**RESET, "date": DATE}, SLOW_DOWN, 1.5),
        (RESET, SLOW_DOWN, 42.0),
        ({"retry-after": "7"}, SLOW_DOWN, 42.0),
        ({"retry-after": "7"}, "slow down", 7.0),
        ({"retry-after": DATE}, "You must wait soon seconds", None),
    ],
)
def test_a_rate_limit_says_how_long_to_wait(headers: dict[str, str], error: str, retry_after: float | None) -> None:
    """By the headers and the date, else by the text, else by `Retry-After`; anything else is ignored."""
    limited = refusal(LIST, answer(429, no(error), headers))
    assert limited.retry_after == retry_after
    assert limited.limit == (10 if "x-ratelimit-limit" in headers else None)
    assert ("(wait" in str(limited)) is (retry_after is not None)


# Success


@pytest.mark.parametrize("status", [200, 201])
@pytest.mark.parametrize("body", [{"success": True, "status": "error"}, {"status": "success"}])
def test_an_envelope_of_success(status: int, body: dict[str, object]) -> None:
    """`success` is true; where login and logout have none, `status` is "success"."""
    assert payload(answer(status, body), Request("GET", "u", "x"), ErrorContext()) == body


def test_success_false_is_no_success() -> None:
    """The field `success` decides, even if `status` contradicts it."""
    assert type(refusal(REMOVE, answer(200, {"success": False, "status": "success"}))) is BadRequestError


# Messages to several channels

URL = "https://chat.example.com/hooks/i1/t0ken"
TO_TWO = endpoints.post(URL, Message("hi", channel=("#a", "#b")))
TO_ONE = endpoints.post(URL, Message("hi", channel=("#a",)))
SOME = "; some of the channels may have got the message"


@pytest.mark.parametrize(
    ("status", "body"), [(400, no("invalid-channel")), (400, no("error-not-allowed")), (200, no("x")), (502, "<html>")]
)
@pytest.mark.parametrize("to_two", [TO_TWO, endpoints.post(URL, {"roomId": ("a", "b")})], ids=["message", "mapping"])
def test_some_of_several_channels_may_have_received_the_message(
    status: int, body: object, to_two: Operation[Any]
) -> None:
    """Servers of 6.x post to the channels before the first one that fails: posting again would repeat it."""
    error, alone = (refusal(each, answer(status, body)) for each in (to_two, TO_ONE))
    assert str(error) == f"{alone}{SOME}"
    assert error.may_have_acted
    assert type(error) is type(alone)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert alone.may_have_acted is (status >= 500)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, no(responses=SOME_CHANNELS)),
        (429, no(SLOW_DOWN)),
        (401, ""),
        (403, ""),
        (404, no("Invalid integration id or token provided.")),
        (503, no("Service Unavailable")),
        (302, ""),
    ],
)
def test_none_of_several_channels_has_received_the_message(status: int, body: object) -> None:
    """If the URL is refused, or each channel for itself, nothing is said of some channels."""
    error = refusal(TO_TWO, answer(status, body))
    assert SOME not in str(error)
    assert error.may_have_acted is (status >= 500)


# Secrets


@pytest.mark.parametrize(
    "operation",
    [
        endpoints.create(attrs.evolve(OUTGOING, token=CANARY)),
        endpoints.update(
            RECORD, OutgoingIntegration("b", event="roomLeft", username="u", urls="u", token=CANARY), None
        ),
        endpoints.update(attrs.evolve(RECORD, token=CANARY), OUTGOING, None),
        endpoints.update(RECORD, OUTGOING, CANARY),
        endpoints.login("alice", CANARY, None),
        endpoints.login("alice", "password", CANARY),
        endpoints.post(f"https://chat.example.com/hooks/i1/{CANARY}", "hi"),
        endpoints.post(f"https://chat.example.com/chat/hooks/i1/{CANARY}/", "hi"),
        endpoints.post(f"https://chat.example.com/hooks/i1?token={CANARY}", "hi"),
    ],
    ids=["create", "update", "current token", "new token", "password", "code", "webhook", "webhook/", "query"],
)
def test_a_secret_that_the_server_repeats_is_hidden(operation: Operation[Any]) -> None:
    """No secret of the request is in a refusal, neither in its text nor in an attribute."""
    details = {"method": CANARY, "availableMethods": [CANARY], CANARY: [{"deep": f"<{CANARY}>"}]}
    body = {"success": False, "error": f"x {CANARY}", "errorType": f"error-{CANARY}", "details": details}
    headers = {"location": f"https://other.example/hooks/i1/{CANARY}?token={CANARY}", "content-type": f"text/{CANARY}"}
    for status in (200, 302, 400, 401, 403, 404, 429, 500):
        for said in (body, {**body, "error": {"words": [CANARY]}}, {**body, "error": "totp-required"}, CANARY):
            error = refusal(operation, answer(status, said, headers))
            assert CANARY not in f"{error!s} {error!r} {vars(error)!r}"


@pytest.mark.parametrize("where", ["request", "response"])
def test_a_secret_is_hidden_in_the_spellings_of_urls_and_json(where: str) -> None:
    """The operation's secrets and the client's are recognized however a server writes them."""
    token = 'a/b "ü"'
    spellings = [token, *(quote(token, safe=safe) for safe in ("", "/"))]
    spellings += [json.dumps(token, ensure_ascii=ascii)[1:-1] for ascii in (True, False)]
    request = Request("GET", "u", "x", secrets=(token,) if where == "request" else ())
    for spelling in spellings:
        body = json.dumps(no(f"<{spelling}>")).encode()
        with pytest.raises(BadRequestError) as caught:
            payload(Response(400, {}, body, (token,) if where == "response" else ()), request, ErrorContext())
        assert caught.value.error == "<<hidden>>"


@pytest.mark.parametrize("token", ["a/b=c%d", "t"])
def test_a_webhooks_url_is_hidden(token: str) -> None:
    """The path of a webhook is hidden whole, so that even a token of one letter is; so is the quoted token alone."""
    record = OutgoingIntegrationRecord("b", event="roomLeft", username="u", urls="u", id="o1", token=token)
    url = endpoints.webhook_url("https://chat.example.com/", record)
    error = refusal(endpoints.post(url, "hi"), answer(302, "", {"location": url}))
    assert error.location == "https://chat.example.com<hidden>"
    moved = {"location": f"https://new.example/x/{url.rpartition('/')[2]}"}
    if len(token) > 1:
        assert refusal(endpoints.post(url, "hi"), answer(302, "", moved)).location == "https://new.example/x/<hidden>"


def test_everyday_words_stay_readable() -> None:
    """A password like "required" does not change what a refusal means, and a token like "token" is not hidden."""
    error = refusal(endpoints.login("alice", "required", None), answer(401, {"error": "totp-required"}))
    assert (type(error), error.error) == (TwoFactorRequired, "totp-<hidden>")
    request = Request("PUT", "api/v1/x", "integrations.update", secrets=("token",))
    with pytest.raises(BadRequestError) as caught:
        payload(answer(400, named("error-invalid-token")), request, ErrorContext())
    assert caught.value.error_type == "error-invalid-token"


def test_deep_details_are_cut_off() -> None:
    """A refusal nested as deeply as the parser accepts is still a refusal."""
    deep = "[" * 600 + "]" * 600
    error = refusal(GET, answer(400, f'{{"success": false, "details": {deep}, "error": {deep}}}'))
    assert type(error) is BadRequestError
    assert "…" in str(error.details)
