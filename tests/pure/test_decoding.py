"""Every refusal that servers of any version are known to give becomes the exception that says what to do next."""

import json
import pickle
from typing import Any, cast
from urllib.parse import quote

import pytest

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    BadRequestError,
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
    TwoFactorRequired,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.errors import ErrorContext, Quota, payload, quota
from rocketchat_integrations._protocol.http import Request, Response

CANARY = "canary-in-the-coal-mine"

INCOMING = IncomingIntegration("ci", channel="#general", username="rocket.cat")
OUTGOING = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="https://bot.example.com")
RECORD = OutgoingIntegrationRecord("bot", event="sendMessage", username="rocket.cat", urls="u", id="o1", token="s3cret")

CREATE_IN = operations.create(INCOMING)
CREATE_OUT = operations.create(OUTGOING)
GET = operations.get("i1")
LIST = operations.list_page(0, 100, name=None, type=None)
HISTORY = operations.history_page("o1", 0, 100)
UPDATE_OUT = operations.update(RECORD, OUTGOING, None)
REMOVE_IN = operations.remove("i1", IntegrationType.INCOMING)
REMOVE_OUT = operations.remove("o1", IntegrationType.OUTGOING)
CLEAR = operations.clear_history("o1")
REPLAY = operations.replay_outgoing("o1", "h1")
ROOM_BY_ID = operations.channel_list({"roomId": "r1"}, everywhere=True).first_page()
ROOM_BY_NAME = operations.group_list({"roomName": "ops"}, everywhere=True).first_page()
LOGIN = operations.login("alice", "password", None)
POST = operations.post("https://chat.example.com/hooks/i1/t0ken", "hi")

FOR_INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
FOR_OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")
FOR_ANY = (*FOR_INCOMING, *FOR_OUTGOING)


def answer(status: int, body: object, headers: dict[str, str] | None = None) -> Response:
    """An HTTP answer; text stands for itself, anything else goes as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Response(status, {"content-type": "application/json"} if headers is None else headers, text.encode())


def refusal(operation: Operation[Any], response: Response) -> Any:
    """What the operation raises for the answer."""
    with pytest.raises(RocketChatError) as caught:
        operation.decode(response)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def says_no(error: str | None = None, **more: Any) -> dict[str, Any]:
    return {"success": False, **({} if error is None else {"error": error}), **more}


NOT_LOGGED_IN = "You must be logged in to do this."
UNAUTHORIZED = "User does not have the permissions required for this action [error-unauthorized]"
SLOW_DOWN = (
    "Error, too many requests. Please slow down. You must wait 42 seconds before trying this endpoint again. "
    "[error-too-many-requests]"
)
TOTP = {"method": "totp", "availableMethods": ["totp", "email"]}

# The operation, the answer, and the exception's class and attributes.
REFUSALS: dict[str, tuple[Operation[Any], int, object, type[RocketChatError], dict[str, Any]]] = {
    # 401
    "not logged in, 6.x": (
        GET,
        401,
        {"status": "error", "message": NOT_LOGGED_IN},
        AuthenticationError,
        {"error": NOT_LOGGED_IN, "endpoint": "integrations.get"},
    ),
    "not logged in, 8.x": (
        GET,
        401,
        says_no(NOT_LOGGED_IN, status="error", message=NOT_LOGGED_IN),
        AuthenticationError,
        {"error": NOT_LOGGED_IN},
    ),
    "not logged in, by a proxy": (GET, 401, "<html>", AuthenticationError, {"error": None, "details": None}),
    "a second factor": (
        LOGIN,
        401,
        {"status": "error", "error": "totp-required", "details": TOTP, "message": "TOTP Required [totp-required]"},
        TwoFactorRequired,
        {"method": "totp", "available_methods": ("totp", "email"), "details": TOTP},
    ),
    "a second factor, of which nothing is said": (
        LOGIN,
        401,
        {"status": "error", "error": "totp-required", "details": {"method": 5, "availableMethods": "totp"}},
        TwoFactorRequired,
        {"method": None, "available_methods": ()},
    ),
    "a second factor, without details": (
        LOGIN,
        401,
        {"status": "error", "error": "totp-required"},
        TwoFactorRequired,
        {"method": None, "available_methods": (), "details": None},
    ),
    "a wrong second factor": (
        LOGIN,
        401,
        {"status": "error", "error": "totp-invalid", "message": "TOTP Invalid [totp-invalid]"},
        AuthenticationError,
        {"error": "totp-invalid", "endpoint": "login"},
    ),
    "a wrong password": (
        LOGIN,
        401,
        {"status": "error", "error": "Unauthorized", "message": "Unauthorized"},
        AuthenticationError,
        {"error": "Unauthorized"},
    ),
    "a webhook whose user is gone, 8.x": (
        POST,
        401,
        says_no("Unauthorized"),
        AuthenticationError,
        {"endpoint": "hooks"},
    ),
    # 400: a rule
    "a rule": (
        CREATE_IN,
        400,
        says_no("Invalid room [error-invalid-room]", errorType="error-invalid-room", details={"method": "add"}),
        BadRequestError,
        {
            "error": "Invalid room [error-invalid-room]",
            "error_type": "error-invalid-room",
            "details": {"method": "add"},
            "endpoint": "integrations.create",
        },
    ),
    "a rule, with an array": (CREATE_IN, 400, says_no("x", details=["a", 1]), BadRequestError, {"details": ["a", 1]}),
    "a rule, with text": (CREATE_IN, 400, says_no("x", details="a"), BadRequestError, {"details": "a"}),
    "a made-up type": (
        CREATE_IN,
        400,
        says_no("Invalid integration type."),
        BadRequestError,
        {"error": "Invalid integration type.", "error_type": None},
    ),
    "a rule, without a word": (CREATE_IN, 400, says_no(), BadRequestError, {"error": None, "error_type": None}),
    "a rule, with an empty word": (CREATE_IN, 400, says_no(""), BadRequestError, {"error": None}),
    "a script that says no": (
        POST,
        400,
        says_no(message={"reason": ["not", 1]}),
        BadRequestError,
        {"error": '{"reason": ["not", 1]}'},
    ),
    "a refusal with status 200": (CREATE_IN, 200, says_no("odd"), BadRequestError, {"status": 200, "error": "odd"}),
    # no permission
    "no permission, 400, create": (
        CREATE_IN,
        400,
        says_no("Unauthorized [not_authorized]", errorType="not_authorized"),
        PermissionDeniedError,
        {"permissions": FOR_INCOMING, "error_type": "not_authorized"},
    ),
    "no permission, 400, bare": (
        CREATE_OUT,
        400,
        says_no("[not_authorized]", errorType="not_authorized"),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING},
    ),
    "no permission, 400, get": (GET, 400, says_no("not-authorized"), PermissionDeniedError, {"permissions": FOR_ANY}),
    "no permission, 400, update": (
        UPDATE_OUT,
        400,
        says_no("Unauthorized [not_authorized]", errorType="not_authorized"),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING},
    ),
    "no permission, 400, remove": (
        REMOVE_OUT,
        400,
        says_no("Not enough permission"),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING},
    ),
    "not in the room": (POST, 400, says_no("error-not-allowed"), PermissionDeniedError, {"permissions": ()}),
    "may not impersonate": (
        CREATE_IN,
        400,
        says_no("x", errorType="error-user-lacks-message-impersonate-permission"),
        PermissionDeniedError,
        {"permissions": ("message-impersonate",)},
    ),
    "an event for managers": (
        CREATE_OUT,
        400,
        says_no("Invalid permissions [error-invalid-permissions]", errorType="error-invalid-permissions"),
        PermissionDeniedError,
        {"permissions": ("manage-outgoing-integrations",)},
    ),
    "no permission, 403, 6.x": (LIST, 403, says_no("unauthorized"), PermissionDeniedError, {"permissions": FOR_ANY}),
    "no permission, 403, 8.x": (
        HISTORY,
        403,
        says_no(UNAUTHORIZED),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING, "error": UNAUTHORIZED},
    ),
    "no permission, 403, remove": (
        REMOVE_IN,
        403,
        says_no("unauthorized"),
        PermissionDeniedError,
        {"permissions": FOR_INCOMING},
    ),
    "no permission, 403, clear": (
        CLEAR,
        403,
        says_no(UNAUTHORIZED),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING},
    ),
    "no permission, 403, replay": (
        REPLAY,
        403,
        says_no(UNAUTHORIZED),
        PermissionDeniedError,
        {"permissions": FOR_OUTGOING},
    ),
    "no permission, 403, room": (
        ROOM_BY_ID,
        403,
        says_no("unauthorized"),
        PermissionDeniedError,
        {"permissions": FOR_ANY},
    ),
    "no permission, by a proxy": (POST, 403, "", PermissionDeniedError, {"permissions": (), "error": None}),
    # not found
    "not found, update and remove": (REMOVE_IN, 400, says_no("No integration found."), NotFoundError, {"status": 400}),
    "not found, get": (GET, 400, says_no("The integration does not exists."), NotFoundError, {}),
    "not found, error-invalid-integration": (
        CLEAR,
        400,
        says_no("x", errorType="error-invalid-integration"),
        NotFoundError,
        {"error_type": "error-invalid-integration"},
    ),
    "not found, invalid_integration": (
        UPDATE_OUT,
        400,
        says_no("Invalid integration [invalid_integration]", errorType="invalid_integration"),
        NotFoundError,
        {},
    ),
    "not found, history": (
        REPLAY,
        400,
        says_no("x", errorType="error-invalid-integration-history"),
        NotFoundError,
        {},
    ),
    "not found, named in brackets only": (
        REPLAY,
        400,
        says_no("No history [error-invalid-integration-history]"),
        NotFoundError,
        {"error_type": None},
    ),
    "not found, room": (ROOM_BY_NAME, 400, says_no("x", errorType="error-room-not-found"), NotFoundError, {}),
    "a wrong webhook, 6.x": (
        POST,
        404,
        says_no("Invalid integration id or token provided."),
        NotFoundError,
        {"status": 404, "endpoint": "hooks"},
    ),
    # rate limit
    "too many requests": (
        LIST,
        429,
        says_no(SLOW_DOWN),
        RateLimitError,
        {"retry_after": 42.0, "limit": None, "status": 429},
    ),
    "too many requests, very old": (
        LIST,
        400,
        says_no(SLOW_DOWN, errorType="error-too-many-requests"),
        RateLimitError,
        {"retry_after": 42.0, "status": 400},
    ),
    "too many requests, by a proxy": (LIST, 429, "slow down", RateLimitError, {"retry_after": None, "error": None}),
    # 5xx
    "a disabled webhook, 6.x": (POST, 503, '"Service Unavailable"', WebhookDisabledError, {"status": 503}),
    "a disabled webhook, bare": (POST, 503, "Service Unavailable", WebhookDisabledError, {}),
    "a disabled webhook, 8.x": (
        POST,
        503,
        says_no("Service Unavailable"),
        WebhookDisabledError,
        {"error": "Service Unavailable"},
    ),
    "a wrong webhook, 8.x": (POST, 500, says_no("Internal server error"), ServerError, {"status": 500}),
    # a message to several channels
    "all channels, for one reason": (
        POST,
        400,
        says_no(responses=[{"channel": "#a", "error": "error-not-allowed"}] * 2),
        PermissionDeniedError,
        {"error": "error-not-allowed", "details": [{"channel": "#a", "error": "error-not-allowed"}] * 2},
    ),
    "all channels, for several reasons": (
        POST,
        400,
        says_no(responses=[{"channel": "#a", "error": "x"}, "odd"]),
        BadRequestError,
        {"error": '[{"channel": "#a", "error": "x"}, "odd"]', "details": [{"channel": "#a", "error": "x"}, "odd"]},
    ),
    "all channels, of which nothing is said": (POST, 400, says_no(responses=[]), BadRequestError, {"error": None}),
    "responses that are none": (POST, 400, says_no(responses="x"), BadRequestError, {"error": None, "details": "x"}),
    # a script that says no
    "a script, in an object": (
        POST,
        400,
        says_no(message={"reason": ["no"]}),
        BadRequestError,
        {"error": '{"reason": ["no"]}'},
    ),
    "a script, by a number": (POST, 400, {"success": False, "error": 5}, BadRequestError, {"error": "5"}),
    "a script that fails": (POST, 400, says_no("error-running-script"), BadRequestError, {"error_type": None}),
    "a restart": (GET, 503, "<html>Service Unavailable</html>", ServerError, {"error": None}),
    "a proxy": (GET, 502, "", ServerError, {"status": 502}),
    "a proxy before a webhook": (POST, 504, "", ServerError, {"status": 504}),
    "a failure in the envelope of success": (GET, 500, {"success": True}, ServerError, {}),
    "an odd status": (GET, 599, says_no("odd"), ServerError, {"status": 599}),
    # no answer of the API
    "the web app": (GET, 200, "<!DOCTYPE html>", UnexpectedResponse, {"status": 200}),
    "no such endpoint, 405": (
        CLEAR,
        405,
        {"status": "error", "message": "API endpoint does not exist"},
        UnexpectedResponse,
        {"status": 405, "content_type": "application/json", "location": None},
    ),
    "no such endpoint, 404": (
        CLEAR,
        404,
        {"status": "error", "message": "API endpoint does not exist"},
        UnexpectedResponse,
        {"status": 404},
    ),
    "404 of another server": (GET, 404, "not found", UnexpectedResponse, {}),
    "404 that says yes": (GET, 404, {"success": True}, UnexpectedResponse, {}),
    "400 of another server": (GET, 400, "<html>", UnexpectedResponse, {"status": 400}),
    "400 without the envelope": (GET, 400, {"error": "No integration found."}, UnexpectedResponse, {}),
    "400 with an odd envelope": (GET, 400, {"success": "false"}, UnexpectedResponse, {}),
    "an empty answer": (REMOVE_IN, 200, "", UnexpectedResponse, {}),
    "an array": (REMOVE_IN, 200, [], UnexpectedResponse, {}),
    "200 without the envelope": (REMOVE_IN, 200, {"integration": {}}, UnexpectedResponse, {}),
    "200 with an odd envelope": (REMOVE_IN, 200, {"success": 1}, UnexpectedResponse, {}),
    "half an answer": (REMOVE_IN, 200, '{"success": tr', UnexpectedResponse, {}),
    "an answer without an end": (REMOVE_IN, 200, "[" * 100_000, UnexpectedResponse, {}),
    "204": (REMOVE_IN, 204, "", UnexpectedResponse, {}),
    "another 4xx": (GET, 418, says_no("teapot"), UnexpectedResponse, {"status": 418}),
    "another 4xx that says yes": (REMOVE_IN, 409, {"success": True}, UnexpectedResponse, {}),
    "several choices": (REMOVE_IN, 300, {"success": True}, UnexpectedResponse, {"status": 300}),
    "a redirect": (REMOVE_IN, 302, {"success": True}, UnexpectedResponse, {"status": 302}),
}


@pytest.mark.parametrize(("operation", "status", "body", "kind", "attributes"), REFUSALS.values(), ids=REFUSALS.keys())
def test_every_known_refusal_has_its_exception(
    operation: Operation[Any], status: int, body: object, kind: type[RocketChatError], attributes: dict[str, Any]
) -> None:
    """The status decides first, then the envelope, then the server's name of the error."""
    error = refusal(operation, answer(status, body))
    assert type(error) is kind
    assert {name: getattr(error, name) for name in attributes} == attributes
    assert error.may_have_acted is (status >= 500 or (status < 300 and kind is UnexpectedResponse))
    if isinstance(error, ApiError):
        assert error.status == status
    assert operation.request.endpoint in str(error)
    assert str(status) in str(error)


def test_what_is_no_unicode_is_no_answer() -> None:
    """Bytes that are no text do not end in another exception."""
    assert type(refusal(GET, Response(200, {}, b"\xff\xfe\xff"))) is UnexpectedResponse


# What the messages say.


@pytest.mark.parametrize(
    ("operation", "response", "parts"),
    [
        (CREATE_IN, answer(403, says_no("unauthorized")), ["unauthorized", *FOR_INCOMING]),
        (
            CREATE_OUT,
            answer(400, says_no("x", errorType="not_authorized")),
            ["one of these permissions", *FOR_OUTGOING],
        ),
        (POST, answer(400, says_no("error-not-allowed")), ["may not write there"]),
        (LOGIN, answer(403, says_no("no")), ["login: 403 no"]),
        (LIST, answer(429, says_no(SLOW_DOWN)), ["(wait 42 s)"]),
        (POST, answer(500, ""), ["id or token is wrong"]),
        (POST, answer(503, ""), ["is disabled"]),
        (POST, answer(401, ""), ["user that the webhook posts as is gone"]),
        (POST, answer(404, says_no("Invalid")), ["the webhook's address is wrong"]),
        (LOGIN, answer(401, {"error": "Unauthorized"}), ["password"]),
        (LOGIN, answer(401, {"error": "totp-required"}), ["totp", "personal access token"]),
        (GET, answer(401, ""), ["revoked"]),
        (GET, answer(500, ""), ["500: the server, or a proxy before it, failed"]),
        (POST, answer(502, ""), ["502: the server, or a proxy before it, failed"]),
        (
            CLEAR,
            answer(200, "<html>", {"content-type": "text/html"}),
            ["base URL", "clearHistory", "server 8.7", "text/html"],
        ),
        (LIST, answer(200, "", {}), ["base URL is wrong, or this server does not have integrations.list", "without a"]),
        (GET, answer(301, "", {"location": "https://new.example/api"}), ["https://new.example/api", "not followed"]),
        (GET, answer(304, "", {}), ["nowhere"]),
    ],
    ids=lambda value: str(cast("list[str]", value)[0]) if isinstance(value, list) else "",
)
def test_messages_say_what_to_do_next(operation: Operation[Any], response: Response, parts: list[str]) -> None:
    """A message names the permissions that would do, the time to wait, the version that is needed, and so on."""
    message = str(refusal(operation, response))
    assert [part for part in parts if part not in message] == []


def test_a_missing_endpoint_is_told_with_the_version_that_has_it() -> None:
    """A server that is too old says so, by way of the message."""
    page = answer(200, "<html>", {"content-type": "text/html"})
    for operation, version in ((GET, "2.4"), (HISTORY, "0.53"), (UPDATE_OUT, "3.4"), (CLEAR, "8.7"), (REPLAY, "8.7")):
        assert f"(server {version} and later have it)" in str(refusal(operation, page))
    assert str(refusal(LIST, page)).endswith("this server does not have integrations.list")


# What is recorded.

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


def operation_for(endpoint: str, sent: dict[str, Any]) -> Operation[Any]:
    """The operation that sends such a request, as far as the kind of integration goes."""
    outgoing = sent.get("type") == "webhook-outgoing"
    return {
        "integrations.create": CREATE_OUT if outgoing else CREATE_IN,
        "integrations.update": UPDATE_OUT if outgoing else CREATE_IN,
        "integrations.remove": REMOVE_OUT if outgoing else REMOVE_IN,
        "integrations.list": LIST,
        "integrations.history": HISTORY,
        "hooks": POST,
    }.get(endpoint, GET)


def test_every_recorded_refusal_has_its_exception(recorded_refusal: dict[str, Any]) -> None:
    """What a real server has refused becomes the exception that it means."""
    talk = recorded_refusal
    error = refusal(operation_for(talk["endpoint"], talk["sent"]), answer(talk["status"], talk["answer"]))
    invalid = "invalid-params" in str(talk["answer"])
    assert type(error) is MEANINGS.get(talk["scenario"], InvalidParamsError if invalid else BadRequestError)
    if isinstance(error, ApiError) and talk["status"] != 503:
        said: dict[str, Any] = talk["answer"]
        assert error.error == said.get("error", said.get("message"))
        assert error.error_type == said.get("errorType")
        assert error.details == said.get("details")


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


@pytest.mark.parametrize("dialect", ["as recorded", "newest"])
def test_one_mistake_is_one_violation(recorded_violation: dict[str, Any], dialect: str) -> None:
    """Of what the schema says, the line about the kind that was sent is left, in the shapes of all versions."""
    talk = recorded_violation
    said = dict(talk["answer"])
    if dialect == "newest":
        said["error"] = said["error"].removesuffix(" [invalid-params]").replace("\n ", "\n")
        if talk["endpoint"] in ("integrations.get", "integrations.history"):
            said["errorType"] = "error-invalid-params"
    error = refusal(operation_for(talk["endpoint"], talk["sent"]), answer(400, said))
    assert type(error) is InvalidParamsError
    assert error.violations == (VIOLATIONS[talk["scenario"]],)
    assert str(error) == f"{error.endpoint}: 400 {error.violations[0]}"


ONE_OF = "must match exactly one schema in oneOf"


@pytest.mark.parametrize(
    ("operation", "lines", "violations"),
    [
        (ROOM_BY_ID, ["must NOT have additional properties", "must have required property 'roomName'", ONE_OF], [0]),
        (ROOM_BY_NAME, ["must have required property 'roomId'", "must NOT have additional properties", ONE_OF], [1]),
        (REMOVE_IN, ["must be string", "must have 'target_url'", "must match pattern", ONE_OF], [0]),
        (REMOVE_OUT, ["must match pattern", "must have 'target_url'", "must be string", ONE_OF], [2]),
        (CREATE_IN, ["a", "b", "c", ONE_OF], [0, 1, 2]),
        (CREATE_OUT, ["a", "a", "a", ONE_OF], [0]),
        (LIST, ["must be object", "must be number", "must be object"], [0, 1]),
        (LIST, ["a", "b", ONE_OF], [0, 1]),
    ],
    ids=[
        "room by id",
        "room by name",
        "incoming",
        "outgoing",
        "more than alternatives",
        "repeats",
        "no alternatives",
        "?",
    ],
)
@pytest.mark.parametrize("between", ["\n ", "\n"], ids=["old", "new"])
@pytest.mark.parametrize("suffix", ["", " [invalid-params]", " [error-invalid-params]"], ids=repr)
def test_violations_are_those_of_the_alternative_that_was_sent(
    operation: Operation[Any], lines: list[str], violations: list[int], between: str, suffix: str
) -> None:
    """Lines of the other kind and repetitions are left out; where they cannot be told apart, all stay."""
    error = refusal(operation, answer(400, says_no(between.join(lines) + suffix, errorType="invalid-params")))
    assert error.violations == tuple(lines[number] for number in violations)


def test_a_violation_without_words_is_still_one() -> None:
    """An empty text is not taken for a violation, and the message is not empty."""
    error = refusal(GET, answer(400, says_no(errorType="error-invalid-params")))
    assert error.violations == ()
    assert str(error) == "integrations.get: 400 error-invalid-params"


# Rate limits.

DATE = "Mon, 01 Jan 2024 00:00:00 GMT"
NOON = 1704067200000  # the same, in milliseconds
RESET = {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3", "x-ratelimit-reset": str(NOON + 1500)}


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({**RESET, "date": DATE}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 01:00:00 +0100"}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 00:00:00 -0000"}, Quota(10, 3, 1.5)),
        ({**RESET, "date": "Mon, 01 Jan 2024 00:01:00 GMT"}, Quota(10, 3, 0.0)),
        ({**RESET, "date": "yesterday"}, Quota(10, 3, None)),
        ({**RESET, "date": ""}, Quota(10, 3, None)),
        ({**RESET, "date": f"Mon, 01 Jan 2024 00:00:00 +{10**30}"}, Quota(10, 3, None)),
        (RESET, Quota(10, 3, None)),
        ({"date": DATE}, Quota(None, None, None)),
        (dict.fromkeys(RESET, "-1") | {"date": DATE}, Quota(None, None, None)),
        (dict.fromkeys(RESET, "many") | {"date": DATE}, Quota(None, None, None)),
        (dict.fromkeys(RESET, "9" * 100) | {"date": DATE}, Quota(None, None, None)),
        ({}, Quota(None, None, None)),
    ],
    ids=[
        "all",
        "a zone",
        "no zone",
        "over",
        "odd date",
        "empty date",
        "huge zone",
        "no date",
        "date",
        "negative",
        "words",
        "huge",
        "none",
    ],
)
def test_a_quota_is_counted_by_the_servers_clock(headers: dict[str, str], said: Quota) -> None:
    """The window's end is counted from the answer's own date: this machine's clock may be wrong."""
    assert quota(Response(200, headers)) == said


@pytest.mark.parametrize(
    ("headers", "error", "retry_after"),
    [
        ({**RESET, "date": DATE}, SLOW_DOWN, 1.5),
        (RESET, SLOW_DOWN, 42.0),
        ({"retry-after": "7"}, SLOW_DOWN, 42.0),
        ({"retry-after": "7"}, "slow down", 7.0),
        ({"retry-after": DATE}, "slow down", None),
        ({"retry-after": "-7"}, "", None),
        ({}, "You must wait soon seconds", None),
    ],
    ids=["reset", "no date", "text first", "retry-after", "odd retry-after", "negative", "odd text"],
)
def test_a_rate_limit_says_how_long_to_wait(headers: dict[str, str], error: str, retry_after: float | None) -> None:
    """By the headers and the date, else by the text, else by `Retry-After`; garbage says nothing."""
    limited = refusal(LIST, answer(429, says_no(error), headers))
    assert limited.retry_after == retry_after
    assert limited.limit == (10 if "x-ratelimit-limit" in headers else None)
    assert ("(wait" in str(limited)) is (retry_after is not None)


# Success.


@pytest.mark.parametrize(
    "body",
    [{"success": True}, {"status": "success"}, {"success": True, "status": "error"}, {"success": True, "a": [1]}],
    ids=repr,
)
def test_an_envelope_of_success_is_one(body: dict[str, object]) -> None:
    """`success` is true; where login and logout have none, `status` says it."""
    request = Request("GET", "u", "x")
    assert payload(answer(200, body), request, ErrorContext()) == body
    assert payload(answer(201, body), request, ErrorContext()) == body


def test_success_false_is_no_success() -> None:
    """Whatever else an answer says, `success` decides."""
    assert type(refusal(REMOVE_IN, answer(200, {"success": False, "status": "success"}))) is BadRequestError


TO_TWO = operations.post("https://chat.example.com/hooks/i1/t0ken", Message("hi", channel=("#a", "#b")))
TO_ONE = operations.post("https://chat.example.com/hooks/i1/t0ken", Message("hi", channel=("#a",)))
SOME = "; some of the channels may have got the message"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, says_no("invalid-channel")),
        (400, says_no("error-not-allowed")),
        (400, says_no(message={"anything": 1})),
        (200, says_no("odd")),
        (500, says_no("Internal server error")),
        (502, "<html>"),
    ],
)
@pytest.mark.parametrize("more", [{"channel": ["#a", "#b"]}, {"roomId": ("a", "b")}, None], ids=str)
def test_of_several_channels_some_may_have_got_the_message(status: int, body: object, more: Any) -> None:
    """Servers of 6.x stop at the first channel that fails, after the ones before it: posting again would repeat it."""
    operation = TO_TWO if more is None else operations.post("https://chat.example.com/hooks/i1/t0ken", more)
    error, alone = (refusal(each, answer(status, body)) for each in (operation, TO_ONE))
    assert str(error) == f"{alone}{SOME}"
    assert error.may_have_acted
    assert type(error) is type(alone)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert alone.may_have_acted is (status >= 500)


@pytest.mark.parametrize(
    ("status", "body", "may_have_acted"),
    [
        (400, says_no(responses=[{"channel": "#a", "error": "x"}, {"channel": "#b", "error": "y"}]), False),
        (400, says_no(SLOW_DOWN, errorType="error-too-many-requests"), False),
        (429, says_no(SLOW_DOWN), False),
        (401, "", False),
        (403, "", False),
        (404, says_no("Invalid integration id or token provided."), False),
        (503, says_no("Service Unavailable"), True),
        (302, "", False),
    ],
)
def test_of_several_channels_none_has_got_the_message(status: int, body: object, may_have_acted: bool) -> None:
    """Where the address is refused, or each channel for itself, nothing is said of some channels."""
    error = refusal(TO_TWO, answer(status, body))
    assert SOME not in str(error)
    assert error.may_have_acted is may_have_acted


# Secrets.


def all_of(error: RocketChatError) -> str:
    return f"{error!s} {error!r} {vars(error)!r}"


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, 503])
@pytest.mark.parametrize(
    "operation",
    [
        operations.create(OutgoingIntegration("b", event="roomLeft", username="u", urls="u", token=CANARY)),
        operations.update(
            RECORD, OutgoingIntegration("b", event="roomLeft", username="u", urls="u", token=CANARY), None
        ),
        operations.update(
            OutgoingIntegrationRecord("b", event="roomLeft", username="u", urls="u", id="o", token=CANARY),
            OUTGOING,
            None,
        ),
        operations.update(
            OutgoingIntegrationRecord("b", event="roomLeft", username="u", urls="u", id="o"), OUTGOING, CANARY
        ),
        operations.login("alice", CANARY, None),
        operations.login("alice", "password", CANARY),
        operations.post(f"https://chat.example.com/hooks/i1/{CANARY}", "hi"),
        operations.post(f"https://chat.example.com/chat/hooks/i1/{CANARY}/", "hi"),
        operations.post(f"https://chat.example.com/hooks/i1?token={CANARY}", "hi"),
    ],
    ids=["create", "update", "update, its own", "update, made", "password", "code", "webhook", "webhook/", "query"],
)
def test_a_server_that_repeats_a_secret_is_not_repeated(operation: Operation[Any], status: int) -> None:
    """Whatever of the request comes back in a refusal is hidden, in the text and in every attribute."""
    body = {
        "success": False,
        "error": f"totp-required {CANARY}",
        "errorType": f"error-{CANARY}",
        "details": {"method": CANARY, "availableMethods": [CANARY], CANARY: [{"deep": f"<{CANARY}>"}]},
    }
    headers = {"location": f"https://other.example/hooks/i1/{CANARY}?token={CANARY}", "content-type": f"text/{CANARY}"}
    for said in (body, {**body, "error": {"words": [CANARY]}}, {**body, "error": "totp-required"}, CANARY):
        assert CANARY not in all_of(refusal(operation, answer(status, said, headers)))


@pytest.mark.parametrize("token", ["a/b=c%d", 'say "so"', "tschüß"], ids=["slashes", "quotes", "umlauts"])
def test_a_secret_is_hidden_in_every_spelling(token: str) -> None:
    """A token is recognized quoted and not, in text and in JSON."""
    record = OutgoingIntegrationRecord("b", event="roomLeft", username="u", urls="u", id="o1", token=token)
    url = operations.webhook_url("https://chat.example.com/", record)
    quoted = url.rpartition("/")[2]
    post = operations.post(url, "hi")
    for spelling in (url, quoted, token):
        for said in (spelling, {"words": spelling}):
            error = refusal(post, answer(400, says_no(error=said), {"location": url}))  # type: ignore[arg-type]
            assert error.error.count("<hidden>") == 1
            assert not [secret for secret in (quoted, token, json.dumps(token)[1:-1]) if secret in all_of(error)]
    moved = refusal(post, answer(302, "", {"location": f"https://new.example/x/{quoted}"}))
    assert moved.location == "https://new.example/x/<hidden>"


@pytest.mark.parametrize("where", ["request", "response"])
def test_a_token_is_hidden_as_urls_and_json_spell_it(where: str) -> None:
    """What was sent along, by the operation or by the client, is recognized however a server writes it."""
    token = 'a/b "ü"'
    spellings = [token, *(quote(token, safe=safe) for safe in ("", "/"))]
    spellings += [json.dumps(token, ensure_ascii=ascii)[1:-1] for ascii in (True, False)]
    request = Request("GET", "u", "x", secrets=(token,) if where == "request" else ())
    for spelling in spellings:
        said = answer(400, says_no(f"<{spelling}>"))
        response = Response(said.status, said.headers, said.body, secrets=(token,) if where == "response" else ())
        with pytest.raises(BadRequestError) as caught:
            payload(response, request, ErrorContext())
        assert caught.value.error == "<<hidden>>"


def test_an_address_is_hidden_whole() -> None:
    """Even a token of one letter is not told, by way of the address that it ends."""
    error = refusal(
        operations.post("https://chat.example.com/hooks/i1/t", "hi"), answer(400, says_no("no /hooks/i1/t"))
    )
    assert error.error == "no <hidden>"


def test_an_everyday_word_may_be_a_secret() -> None:
    """A password like "required" does not change what a refusal means."""
    error = refusal(operations.login("alice", "required", None), answer(401, {"error": "totp-required"}))
    assert type(error) is TwoFactorRequired
    assert error.error == "totp-<hidden>"


def test_endless_details_are_cut_off() -> None:
    """A refusal as deep as a parser lets pass is still a refusal."""
    deep = "[" * 600 + "]" * 600
    error = refusal(GET, answer(400, f'{{"success": false, "details": {deep}, "error": {deep}}}'))
    assert type(error) is BadRequestError
    assert "…" in str(error.details)


@pytest.mark.parametrize("status", [200, 400, 404])
def test_a_missing_endpoint_is_no_missing_integration(status: int) -> None:
    """Programs create what is not found, so an old server or a wrong address must not look like that."""
    body = b'{"success": false, "error": "API endpoint does not exist"}'
    with pytest.raises(UnexpectedResponse, match="either the base URL is wrong"):
        payload(Response(status, {}, body), Request("GET", "api/v1/x", "integrations.get"), ErrorContext())


def test_an_everyday_word_is_no_secret() -> None:
    """A token such as "token" does not make the names of errors unreadable."""
    body = b'{"success": false, "error": "Invalid token [error-invalid-token]", "errorType": "error-invalid-token"}'
    request = Request("PUT", "api/v1/x", "integrations.update", secrets=("token",))
    with pytest.raises(BadRequestError) as caught:
        payload(Response(400, {}, body), request, ErrorContext())
    assert caught.value.error_type == "error-invalid-token"
