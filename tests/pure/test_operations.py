"""What is sent to each endpoint, and what its answer is."""

import contextlib
import json
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given, settings, strategies as st

import rocketchat_integrations
from rocketchat_integrations import (
    Attachment,
    ConfigurationError,
    DecodingError,
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PostResponse,
    PostResult,
    TokenAuth,
    UnexpectedResponse,
)
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.endpoints import Operation, Page
from rocketchat_integrations._protocol.http import Response
from rocketchat_integrations._tracebacks import sealed

CANARY = "canary-in-the-coal-mine"
URL = f"https://chat.example.com/hooks/i1/{CANARY}"
INFO_URL = f"https://chat.example.com/hooks/info/i1/x/{CANARY}"

INCOMING = IncomingIntegration("ci", channel="#builds", username="rocket.cat")
OUTGOING = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="u", token="chosen")
OUTGOING_RECORD = OutgoingIntegrationRecord("bot", event="sendMessage", username="rocket.cat", urls="u", id="o1")

ANSWER: dict[str, Any] = {
    "_id": "i1",
    "type": "webhook-incoming",
    "name": "ci",
    "channel": ["#builds"],
    "username": "rocket.cat",
    "enabled": True,
    "token": "made",
}
ANSWER_OUT = {**ANSWER, "_id": "o1", "type": "webhook-outgoing", "event": "sendMessage", "urls": ["u"]}


def success(**payload: Any) -> Response:
    return Response(200, {}, json.dumps({"success": True, **payload}).encode())


BASE = "api/v1/"
SORTED_BY_ID = '{"_id":1}'

# The operation, its method, path, query and body; whether it needs a login, and whether it can be sent again.
REQUESTS: dict[str, tuple[Operation[Any], str, str, dict[str, str], dict[str, object] | None, bool, bool]] = {
    "create": (
        operations.create(INCOMING),
        "POST",
        BASE + "integrations.create",
        {},
        {
            "type": "webhook-incoming",
            "name": "ci",
            "channel": "#builds",
            "username": "rocket.cat",
            "enabled": True,
            "scriptEnabled": False,
        },
        True,
        False,
    ),
    "get": (operations.get("a/b&c"), "GET", BASE + "integrations.get", {"integrationId": "a/b&c"}, None, True, True),
    "get, of somebody": (
        operations.get("i1", created_by="u1"),
        "GET",
        BASE + "integrations.get",
        {"integrationId": "i1", "createdBy": "u1"},
        None,
        True,
        True,
    ),
    "list": (
        operations.list_page(7, 100, name=None, type=None),
        "GET",
        BASE + "integrations.list",
        {"offset": "7", "count": "100", "sort": SORTED_BY_ID},
        None,
        True,
        True,
    ),
    "list, filtered": (
        operations.list_page(0, 1, name="dé ploy", type=IntegrationType.OUTGOING),
        "GET",
        BASE + "integrations.list",
        {"offset": "0", "count": "1", "sort": SORTED_BY_ID, "name": "dé ploy", "type": "webhook-outgoing"},
        None,
        True,
        True,
    ),
    "list, with an empty name": (
        operations.list_page(0, 1, name="", type=None),
        "GET",
        BASE + "integrations.list",
        {"offset": "0", "count": "1", "sort": SORTED_BY_ID},
        None,
        True,
        True,
    ),
    "history": (
        operations.history_page("o1", 3, 100),
        "GET",
        BASE + "integrations.history",
        {"id": "o1", "offset": "3", "count": "100", "sort": '{"_createdAt":-1,"_id":1}'},
        None,
        True,
        True,
    ),
    "remove, incoming": (
        operations.remove("i1", IntegrationType.INCOMING),
        "POST",
        BASE + "integrations.remove",
        {},
        {"type": "webhook-incoming", "integrationId": "i1"},
        True,
        True,
    ),
    "remove, outgoing": (
        operations.remove("o1", IntegrationType.OUTGOING),
        "POST",
        BASE + "integrations.remove",
        {},
        {"type": "webhook-outgoing", "integrationId": "o1"},
        True,
        True,
    ),
    "clear the history": (
        operations.clear_history("o1"),
        "POST",
        BASE + "integrations.clearHistory",
        {},
        {"integrationId": "o1"},
        True,
        True,
    ),
    "replay": (
        operations.replay_outgoing("o1", "h1"),
        "POST",
        BASE + "integrations.replayOutgoing",
        {},
        {"integrationId": "o1", "historyId": "h1"},
        True,
        False,
    ),
    "channel": (
        operations.channel_list({"roomId": "r1"}, everywhere=True).first_page(),
        "GET",
        BASE + "channels.getIntegrations",
        {"roomId": "r1", "includeAllPublicChannels": "true"},
        None,
        True,
        True,
    ),
    "channel, without everywhere": (
        operations.channel_list({"roomName": "ops"}, everywhere=True).first_page(everywhere=False),
        "GET",
        BASE + "channels.getIntegrations",
        {"roomName": "ops", "includeAllPublicChannels": "false"},
        None,
        True,
        True,
    ),
    "group": (
        operations.group_list({"roomName": "ops"}, everywhere=False).first_page(),
        "GET",
        BASE + "groups.getIntegrations",
        {"roomName": "ops", "includeAllPrivateGroups": "false"},
        None,
        True,
        True,
    ),
    "login": (
        operations.login("alice", "pässword", None),
        "POST",
        BASE + "login",
        {},
        {"user": "alice", "password": "pässword"},
        False,
        True,
    ),
    "login, with a code": (
        operations.login("alice", "p", "123456"),
        "POST",
        BASE + "login",
        {},
        {"user": "alice", "password": "p", "code": "123456"},
        False,
        True,
    ),
    "logout": (operations.logout(), "POST", BASE + "logout", {}, None, True, True),
    "the version": (operations.server_version(), "GET", "api/info", {}, None, False, True),
    "post": (operations.post(URL, "hi"), "POST", URL, {}, {"text": "hi"}, False, False),
    "check": (operations.check_webhook(URL), "GET", INFO_URL, {}, None, False, True),
}


@pytest.mark.parametrize(
    ("operation", "method", "path", "query", "body", "authenticated", "idempotent"),
    REQUESTS.values(),
    ids=REQUESTS.keys(),
)
def test_each_call_is_the_request_that_the_server_knows(
    operation: Operation[Any],
    method: str,
    path: str,
    query: dict[str, str],
    body: dict[str, object] | None,
    authenticated: bool,
    idempotent: bool,
) -> None:
    """Each endpoint gets its method, its parameters and nothing else; what would be done twice is not sent twice."""
    request = operation.request
    target, _, asked = request.url.partition("?")
    assert (request.method, target, dict(parse_qsl(asked))) == (method, path, query)
    assert (None if request.body is None else json.loads(request.body)) == body
    assert request.headers == ({} if body is None else {"Content-Type": "application/json"})
    assert (request.authenticated, operation.idempotent) == (authenticated, idempotent)


def test_only_a_removal_is_done_when_nothing_is_found() -> None:
    """A repeated remove that is answered "not found" has succeeded; nothing else has."""
    done = {name for name, (operation, *_) in REQUESTS.items() if operation.not_found_means_done}
    assert done == {"remove, incoming", "remove, outgoing"}


@pytest.mark.parametrize(
    ("current", "made", "sent"), [("there", "made", "there"), (None, "made", "made"), ("", "made", "made")]
)
def test_an_update_has_the_id_and_always_a_token(current: str | None, made: str, sent: str) -> None:
    """The server wants a token with every update of an outgoing integration, also of one that has none yet."""
    record = OutgoingIntegrationRecord(
        "bot", event="sendMessage", username="rocket.cat", urls="u", id="o1", token=current, script_engine="isolated-vm"
    )
    wanted = OutgoingIntegration("bot", event="sendMessage", username="rocket.cat", urls="u")
    operation = operations.update(record, wanted, made)
    body = json.loads(operation.request.body or b"")
    assert (body["type"], body["integrationId"], body["token"]) == ("webhook-outgoing", "o1", sent)
    assert (operation.request.method, operation.request.url) == ("PUT", BASE + "integrations.update")
    assert operation.idempotent


def test_an_update_of_an_incoming_integration_sends_no_token() -> None:
    """The server ignores it, and a secret need not travel."""
    record = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i1", token=CANARY)
    body = operations.update(record, INCOMING, CANARY).request.body or b""
    assert "token" not in json.loads(body)
    assert CANARY.encode() not in body


# Answers.


@pytest.mark.parametrize(
    "operation",
    [operations.create(INCOMING), operations.get("i1"), REQUESTS["get, of somebody"][0]],
    ids=["create", "get", "get, of somebody"],
)
def test_an_integration_is_answered_as_a_record(operation: Operation[Any]) -> None:
    """What the server holds comes back as a value with an id and a token."""
    record = operation.decode(success(integration=ANSWER))
    assert type(record) is IncomingIntegrationRecord
    assert (record.id, record.token, record.channel) == ("i1", "made", ("#builds",))


def test_an_update_may_be_answered_with_nothing() -> None:
    """Some servers answer null: the record is to be read then."""
    operation = operations.update(OUTGOING_RECORD, OUTGOING, None)
    assert operation.decode(success(integration=None)) is None
    assert operation.decode(success()) is None
    record = operation.decode(success(integration=ANSWER_OUT))
    assert record is not None
    assert record.id == "o1"


@pytest.mark.parametrize(
    ("operation", "payload", "line", "id"),
    [
        (operations.get("i1"), {}, "integration: must be an object, and is missing or null", None),
        (
            operations.create(OUTGOING),
            {"integration": ANSWER},
            "integration.type: must be webhook-outgoing, and is webhook-incoming",
            "i1",
        ),
        (
            operations.update(OUTGOING_RECORD, OUTGOING, None),
            {"integration": ANSWER},
            "integration.type: must be webhook-outgoing, and is webhook-incoming",
            "i1",
        ),
        (
            operations.get("i1"),
            {"integration": {**ANSWER, "name": 5}},
            "integration.name: must be text, and is a number",
            "i1",
        ),
        (REQUESTS["list"][0], {"total": 1}, "integrations: must be an array", None),
        (REQUESTS["list"][0], {"integrations": [], "total": "1"}, "total: must be a number", None),
        (REQUESTS["history"][0], {"history": [], "total": True}, "total: must be a number", None),
        (operations.server_version(), {}, "version: must be text", None),
        (REQUESTS["login"][0], {"data": {"userId": "u1"}}, "data: must hold the texts userId and authToken", None),
        (REQUESTS["login"][0], {"data": {"authToken": "t"}}, "data: must hold the texts userId and authToken", None),
        (REQUESTS["login"][0], {"data": "t"}, "data: must hold the texts userId and authToken", None),
    ],
    ids=[
        "nothing",
        "another type created",
        "another type updated",
        "an odd field",
        "no list",
        "no total",
        "no number",
        "no version",
        "no token",
        "no user",
        "no session",
    ],
)
def test_success_around_something_else_is_told(
    operation: Operation[Any], payload: dict[str, Any], line: str, id: str | None
) -> None:
    """An answer that says success and is not what was promised raises, and may have done what was asked."""
    with pytest.raises(DecodingError) as caught:
        operation.decode(success(**payload))
    assert caught.value.errors == (line,)
    assert caught.value.id == id
    assert line in str(caught.value)
    assert caught.value.may_have_acted
    assert caught.value.__context__ is None


def test_a_page_that_lacks_everything_is_told_at_once() -> None:
    """Both are named: the list and its total."""
    with pytest.raises(DecodingError) as caught:
        REQUESTS["history"][0].decode(success())
    assert caught.value.errors == ("history: must be an array", "total: must be a number")


def test_a_page_reads_its_records_when_they_are_reached() -> None:
    """One odd record spoils neither the page nor the records after it, and is told with its place and its id."""
    page: Page[Any] = REQUESTS["list"][0].decode(success(integrations=[{"_id": "odd"}, ANSWER, None], total=9))
    assert (len(page), page.total) == (3, 9)
    (first, odd), (second, record), (third, nothing) = page.records()
    assert (first, second, third) == ("odd", "i1", None)
    assert isinstance(odd, DecodingError)
    assert odd.id == "odd"
    assert odd.errors[0].startswith("integrations[0].type: ")
    assert isinstance(record, IncomingIntegrationRecord)
    assert isinstance(nothing, DecodingError)
    assert nothing.errors == ("integrations[2]: must be an object, and is missing or null",)
    assert "made" not in repr(page)


def test_a_page_of_history_has_entries() -> None:
    """The history is read like the lists."""
    page = REQUESTS["history"][0].decode(success(history=[{"_id": "h1", "_createdAt": {"$date": 0}}], total=1))
    assert list(page.records()) == [("h1", HistoryEntry(id="h1", created_at=datetime(1970, 1, 1, tzinfo=UTC)))]


def test_every_recorded_answer_to_a_list_is_a_page(recorded_integration: dict[str, Any]) -> None:
    """What a real server has answered can be listed."""
    page = REQUESTS["channel"][0].decode(success(integrations=[recorded_integration], count=1, offset=0, total=1))
    ((id, record),) = page.records()
    assert id == recorded_integration["_id"]
    assert not isinstance(record, DecodingError)


def test_a_login_gives_a_token() -> None:
    """The token of a login is as good as one that was given."""
    answer: dict[str, Any] = {"status": "success", "data": {"userId": "u1", "authToken": "t", "me": {}}}
    auth = REQUESTS["login"][0].decode(Response(200, {}, json.dumps(answer).encode()))
    assert auth == TokenAuth(user_id="u1", token="t")


@pytest.mark.parametrize("version", ["8.7", "8.7.1"])
def test_the_version_is_the_servers_word(version: str) -> None:
    """Newer servers leave out the last part for those who are not logged in: it is not made up."""
    assert operations.server_version().decode(success(version=version)) == version


@pytest.mark.parametrize("name", ["remove, incoming", "clear the history", "replay", "logout"])
def test_calls_that_give_nothing_need_only_success(name: str) -> None:
    """What else the answer holds does not matter, but it has to be the API's."""
    operation = REQUESTS[name][0]
    assert operation.decode(success(integration=5)) is None
    with pytest.raises(UnexpectedResponse):
        operation.decode(Response(200, {}, b"<html>"))


# Webhooks.


@pytest.mark.parametrize(
    ("id", "token", "path"),
    [
        ("659e", "XuHp", "659e/XuHp"),
        ("a/b?c", "t", "a%2Fb%3Fc/t"),
        ("i", "a/b=", "i/a%2Fb%3D"),
        ("i", "a%b", "i/a%2525b"),
        ("i", "a/b=c%2F", "i/a%252Fb%253Dc%25252F"),
        ("i", "ü", "i/%C3%BC"),
    ],
)
def test_a_webhook_address_is_quoted_as_the_server_reads_it(id: str, token: str, path: str) -> None:
    """The server decodes the token once more than the router does: one with % is quoted twice."""
    record = IncomingIntegrationRecord("ci", channel="#a", username="u", id=id, token=token)
    url = operations.webhook_url("https://chat.example.com/sub/", record)
    assert url == f"https://chat.example.com/sub/hooks/{path}"
    routed = unquote(urlsplit(url).path.rpartition("/")[2])
    assert unquote(routed) == token


def test_an_outgoing_integration_has_an_address_too() -> None:
    """Its id and token are a working address to post to, if it has a token."""
    with pytest.raises(ConfigurationError, match="o1 has no token"):
        operations.webhook_url("https://chat.example.com/", OUTGOING_RECORD)
    record = OutgoingIntegrationRecord("bot", event="sendMessage", username="u", urls="u", id="o1", token="t")
    assert operations.webhook_url("https://chat.example.com/", record) == "https://chat.example.com/hooks/o1/t"


def test_a_given_address_is_used_as_it_is() -> None:
    """Whoever pasted it knows best."""
    url = "https://chat.example.com/hooks/i/%41%2525/?a=b"
    assert operations.post(url, "hi").request.url == url


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("hi", {"text": "hi"}),
        (Message("hi", channel="#a"), {"text": "hi", "channel": "#a"}),
        (Message(attachments=[Attachment(text="")]), {"attachments": [{"text": ""}]}),
        (Message(" ", attachments=[Attachment(title="t")]), {"text": " ", "attachments": [{"title": "t"}]}),
        (Message("\x1c"), {"text": "\x1c"}),
    ],
    ids=["text", "message", "attachment", "blank text with an attachment", "a separator"],
)
def test_what_says_something_is_posted(message: str | Message, body: dict[str, object]) -> None:
    """A text or an attachment will do."""
    assert json.loads(operations.post(URL, message).request.body or b"") == body


@pytest.mark.parametrize(
    "message",
    [
        "",
        " \n",
        "\ufeff",
        Message(),
        Message(" "),
        Message(alias="CI", custom_fields={"a": 1}),
        None,
        5,
        b"hi",
        ["hi"],
    ],
    ids=repr,
)
def test_a_message_that_says_nothing_is_refused(message: Any) -> None:
    """The server would answer success and post an empty message, or none: it is not sent."""
    with pytest.raises(ConfigurationError, match=r"^a message (needs|must)"):
        operations.post(URL, message)


MAPPINGS: list[tuple[Any, Any]] = [
    ({}, {}),
    ({"text": " "}, {"text": " "}),
    ({"a": [1, 2.5, None, True, "ü"], "": {"b": ()}}, {"a": [1, 2.5, None, True, "ü"], "": {"b": []}}),
    (MappingProxyType({"a": MappingProxyType({"b": 2**60})}), {"a": {"b": 2**60}}),
    ({"event": EventType.ROOM_LEFT}, {"event": "roomLeft"}),
]


@pytest.mark.parametrize(
    ("mapping", "body"), MAPPINGS, ids=["nothing", "blank", "all types", "other mappings", "an enum"]
)
def test_a_mapping_goes_out_as_it_is(mapping: Mapping[str, object], body: dict[str, object]) -> None:
    """A script makes of it what it likes, so nothing that JSON can hold is judged."""
    assert json.loads(operations.post(URL, mapping).request.body or b"") == body


LOOP: dict[str, Any] = {}
LOOP["again"] = [LOOP]


@pytest.mark.parametrize(
    ("mapping", "complaint"),
    [
        ({"a": {"b c": [0, {1}]}}, "message['a']['b c'][1]: JSON has nothing like set"),
        ({"a": b"x"}, "message['a']: JSON has nothing like bytes"),
        ({"at": datetime(2024, 1, 10)}, "message['at']: JSON has nothing like datetime"),
        ({"a": Attachment()}, "message['a']: JSON has nothing like Attachment"),
        ({1: "x"}, "message: JSON has only text for keys, and not int"),
        ({"a": [{None: "x"}]}, "message['a'][0]: JSON has only text for keys, and not NoneType"),
        ({"a": float("nan")}, "message['a']: JSON has no such number"),
        ({"a": [float("-inf")]}, "message['a'][0]: JSON has no such number"),
        ({"a": 10**400}, "message['a']: JSON has no such number"),
        ({"a": 10**5000}, "message['a']: JSON has no such number"),
        (LOOP, "message: is nested too deeply, or holds itself"),
    ],
    ids=["set", "bytes", "datetime", "attachment", "key", "deep key", "nan", "infinity", "huge", "huger", "loop"],
)
def test_what_json_lacks_is_refused_with_its_place(mapping: Any, complaint: str) -> None:
    """Nothing is turned into something else on the way."""
    with pytest.raises(ConfigurationError) as caught:
        operations.post(URL, mapping)
    assert str(caught.value) == complaint
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.frozensets(st.text()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
)


@settings(deadline=None, database=None)
@given(st.dictionaries(st.text() | st.none(), ANYTHING))
def test_any_mapping_goes_out_whole_or_not_at_all(mapping: Any) -> None:
    """What arrives is what was given; what would not be is told as our error."""
    with contextlib.suppress(ConfigurationError):
        operation = operations.post(URL, mapping)
        assert json.loads(operation.request.body or b"") == json.loads(json.dumps(mapping, allow_nan=False))


POST = operations.post(URL, "hi")


def test_what_a_post_is_answered() -> None:
    """The whole answer; of channels there is nothing, unless the server tells of them."""
    result = POST.decode(success())
    assert result == PostResult((), {"success": True})
    with pytest.raises(UnexpectedResponse):
        POST.decode(Response(200, {}, b"<html>"))


def test_each_channel_has_its_response() -> None:
    """What was posted there, or why nothing was."""
    document = {"_id": "m1", "msg": "hi"}
    answer = [{"channel": "#a", "message": document}, {"channel": "#b", "error": "invalid-channel"}]
    result = POST.decode(success(responses=answer))
    assert result.responses == (
        PostResponse(channel="#a", message=document),
        PostResponse(channel="#b", error="invalid-channel"),
    )
    assert result.raw == {"success": True, "responses": answer}


ODD_RESPONSES: list[tuple[Any, tuple[PostResponse, ...]]] = [
    (None, ()),
    ("posted", ()),
    ({"channel": "#a"}, ()),
    ([], ()),
    ([None, 5, "#a", ["#a"]], ()),
    ([{}], (PostResponse(),)),
    ([{"channel": 5, "message": 5, "error": None}], (PostResponse(),)),
    ([{"channel": "#a", "message": "sent"}], (PostResponse(channel="#a", message="sent"),)),
    ([{"channel": "#a", "error": {"reason": "no"}}], (PostResponse(channel="#a", error='{"reason": "no"}'),)),
    ([{"channel": "#a", "error": ["no"] * 2}], (PostResponse(channel="#a", error='["no", "no"]'),)),
]


@pytest.mark.parametrize(("responses", "read"), ODD_RESPONSES, ids=repr)
def test_an_odd_answer_to_a_post_is_no_failure(responses: object, read: tuple[PostResponse, ...]) -> None:
    """The message was posted, and a script can answer anything: what cannot be read is in the raw answer."""
    result = POST.decode(success(responses=responses))
    assert result.responses == read
    assert result.raw == {"success": True, "responses": responses}


def test_a_response_of_a_channel_shows_no_secret() -> None:
    """Also a server that quotes the address does not bring it into a log."""
    result = POST.decode(success(responses=[{"channel": "#a", "error": f"no such hook: {CANARY}"}], echo=CANARY))
    assert result.responses[0].error == "no such hook: <hidden>"
    assert CANARY not in repr(result)
    assert result.raw["echo"] == CANARY


# Secrets.


def frames_of_ours(error: BaseException) -> str:
    package = str(Path(rocketchat_integrations.__file__).parent)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in told.stack if frame.filename.startswith(package)]
    assert ours
    return str([frame.locals for frame in ours])


@pytest.mark.parametrize(
    ("path", "info"),
    [
        ("/hooks/i1/t", "/hooks/info/i1/x/t"),
        ("/hooks/i1/user/t%252F", "/hooks/info/i1/x/t%252F"),
        ("/chat/hooks/i1/t?source=ci", "/chat/hooks/info/i1/x/t"),
    ],
)
def test_the_place_to_ask_about_an_address(path: str, info: str) -> None:
    """Whichever form an address has, below whatever path, it is asked about where the server knows about it."""
    operation = operations.check_webhook(f"https://chat.example.com:8443{path}")
    assert operation.request.url == f"https://chat.example.com:8443{info}"


@pytest.mark.parametrize("path", ["", "/", "/hooks", "/hooks/i1", "/hooks/i1/", "/api/v1/hooks.list", "/hooks/a/b/c/d"])
def test_what_is_no_address_of_a_webhook_is_not_asked_about(path: str) -> None:
    """A base URL that was pasted instead is told as that, and without showing it."""
    with pytest.raises(ConfigurationError, match="/hooks/ID/TOKEN") as caught:
        operations.check_webhook(f"https://chat.example.com{path}?{CANARY}")
    assert CANARY not in frames_of_ours(caught.value)


@pytest.mark.parametrize("message", ["", 5, {"a": [5, float("nan")]}], ids=repr)
def test_a_refused_message_leaves_no_address_in_the_frames(message: Any) -> None:
    """The address of a webhook is its secret, and a failing post shows none of it."""
    with pytest.raises(ConfigurationError) as caught:
        operations.post(URL, message)
    assert CANARY not in str(caught.value)
    assert CANARY not in frames_of_ours(caught.value)


def test_no_repr_of_an_operation_shows_a_secret() -> None:
    """Operations are values that can be logged."""
    for operation in (
        operations.post(URL, CANARY),
        operations.check_webhook(URL),
        operations.login("alice", CANARY, CANARY),
        operations.create(OutgoingIntegration("b", event="roomLeft", username="u", urls="u", token=CANARY)),
    ):
        assert CANARY not in repr(operation)


def test_a_sealed_function_is_the_function() -> None:
    """Sealing changes what a failure shows, and nothing else: neither results nor names nor types."""

    @sealed
    def half(number: int, *, secret: str = "") -> int:
        """Halve."""
        return number // (2 if secret else 0)

    assert half(4, secret="s") == 2
    assert (half.__name__, half.__doc__) == ("half", "Halve.")
    with pytest.raises(ZeroDivisionError) as caught:
        half(4)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_sealed_function_can_be_interrupted(stop: type[BaseException]) -> None:
    """Ctrl-C goes through."""

    def interrupted() -> None:
        raise stop

    with pytest.raises(stop):
        sealed(interrupted)()
