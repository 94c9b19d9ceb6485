"""Each endpoint's request, and what is made of its response."""

from __future__ import annotations

import contextlib
import json
import re
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs
import pytest
from hypothesis import given, settings, strategies as st

import rocketchat_integrations
from rocketchat_integrations import (
    Action,
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
from rocketchat_integrations._protocol import calls, endpoints
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.http import Response
from tests.leaks import leaks

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
    "enabled": True,
    "username": "rocket.cat",
    "channel": ["#builds"],
    "token": "made",
}
ANSWER_OUT = {**ANSWER, "_id": "o1", "type": "webhook-outgoing", "event": "sendMessage", "urls": ["u"]}
CREATE_BODY = {
    "type": "webhook-incoming",
    "name": "ci",
    "channel": "#builds",
    "username": "rocket.cat",
    "enabled": True,
    "scriptEnabled": False,
}


def success(**payload: Any) -> Response:
    return Response(200, {}, json.dumps({"success": True, **payload}).encode())


# Requests

GET, LIST = endpoints.get("a/b&c"), endpoints.list_page(7, 100, name=None, type=None)
FILTERED = endpoints.list_page(0, 1, name="dé ploy&type=+%", type=IntegrationType.OUTGOING)
HISTORY = endpoints.history_page("o1", 3, 100)
CHANNEL = endpoints.channel_list({"roomId": "r1"}, everywhere=True).first_page()
CHANNEL_ONLY = endpoints.channel_list({"roomName": "ops"}, everywhere=True).first_page(everywhere=False)
GROUP = endpoints.group_list({"roomName": "ops"}, everywhere=False).first_page()
LOGIN, POST = endpoints.login("alice", "pässword", None), endpoints.post(URL, "hi")
REMOVE, REMOVE_OUT = endpoints.remove("i1", IntegrationType.INCOMING), endpoints.remove("o1", IntegrationType.OUTGOING)
BY_ID, FIRST = '{"_id":1}', {"offset": "0", "count": "1"}
NEWEST_FIRST = {"id": "o1", "offset": "3", "count": "100", "sort": '{"_createdAt":-1,"_id":1}'}

Params = dict[str, str]
Reading = tuple[Operation[Any], str, Params]
Writing = tuple[Operation[Any], str, dict[str, Any] | None]

# All of these are idempotent.
READING: list[Reading] = [
    (GET, "integrations.get", {"integrationId": "a/b&c"}),
    (endpoints.get("i", created_by="u"), "integrations.get", {"integrationId": "i", "createdBy": "u"}),
    (LIST, "integrations.list", {"offset": "7", "count": "100", "sort": BY_ID}),
    (FILTERED, "integrations.list", {**FIRST, "sort": BY_ID, "name": "dé ploy&type=+%", "type": "webhook-outgoing"}),
    (endpoints.list_page(0, 1, name="", type=None), "integrations.list", {**FIRST, "sort": BY_ID}),
    (HISTORY, "integrations.history", NEWEST_FIRST),
    (CHANNEL, "channels.getIntegrations", {"roomId": "r1", "includeAllPublicChannels": "true"}),
    (CHANNEL_ONLY, "channels.getIntegrations", {"roomName": "ops", "includeAllPublicChannels": "false"}),
    (GROUP, "groups.getIntegrations", {"roomName": "ops", "includeAllPrivateGroups": "false"}),
]
WRITING: list[Writing] = [
    (REMOVE, "integrations.remove", {"type": "webhook-incoming", "integrationId": "i1"}),
    (REMOVE_OUT, "integrations.remove", {"type": "webhook-outgoing", "integrationId": "o1"}),
    (endpoints.clear_history("o1"), "integrations.clearHistory", {"integrationId": "o1"}),
    (LOGIN, "login", {"user": "alice", "password": "pässword"}),
    (endpoints.login("alice", "p", "123456"), "login", {"user": "alice", "password": "p", "code": "123456"}),
    (endpoints.logout(), "logout", None),
]
NOT_IDEMPOTENT: list[Writing] = [
    (endpoints.create(INCOMING), "integrations.create", CREATE_BODY),
    (endpoints.replay_outgoing("o1", "h1"), "integrations.replayOutgoing", {"integrationId": "o1", "historyId": "h1"}),
]


@pytest.mark.parametrize(("operation", "endpoint", "query"), READING)
def test_reading_calls(operation: Operation[Any], endpoint: str, query: Params) -> None:
    """A request that reads sends exactly its parameters, and quotes them."""
    request = operation.request
    target, _, asked = request.url.partition("?")
    assert (request.method, target, dict(parse_qsl(asked))) == ("GET", f"api/v1/{endpoint}", query)
    assert re.fullmatch(r"[\w.%+=&-]*", asked, re.ASCII)
    assert (request.body, request.headers, request.endpoint) == (None, {}, endpoint)
    assert (request.authenticated, operation.idempotent) == (True, True)


@pytest.mark.parametrize(("operation", "endpoint", "body"), [*WRITING, *NOT_IDEMPOTENT])
def test_writing_calls(operation: Operation[Any], endpoint: str, body: dict[str, Any] | None) -> None:
    """A request that writes sends exactly its body. Only harmless ones may be repeated."""
    request = operation.request
    assert (request.method, request.url, request.endpoint) == ("POST", f"api/v1/{endpoint}", endpoint)
    assert (None if request.body is None else json.loads(request.body)) == body
    assert request.headers == ({} if body is None else {"Content-Type": "application/json"})
    assert request.authenticated is (endpoint != "login")
    assert operation.idempotent is (operation not in [each for each, _, _ in NOT_IDEMPOTENT])
    assert operation.not_found_means_done is (endpoint == "integrations.remove")


@pytest.mark.parametrize(
    ("operation", "method", "url", "body", "idempotent"),
    [
        (endpoints.server_version(), "GET", "api/info", None, True),
        (POST, "POST", URL, b'{"text": "hi"}', False),
        (endpoints.check_webhook(URL), "GET", INFO_URL, None, True),
    ],
)
def test_calls_without_a_login(
    operation: Operation[Any], method: str, url: str, body: bytes | None, idempotent: bool
) -> None:
    """The version and webhooks need no login; a post is never repeated."""
    request = operation.request
    assert (request.method, request.url, request.body) == (method, url, body)
    assert (request.authenticated, operation.idempotent) == (False, idempotent)
    assert not operation.not_found_means_done


@pytest.mark.parametrize(("current", "sent"), [("there", "there"), (None, "new"), ("", "new")])
def test_an_update_has_the_id_and_always_a_token(current: str | None, sent: str) -> None:
    """The server requires a token in every update of an outgoing integration, even if it has none yet."""
    record = OutgoingIntegrationRecord("bot", event="roomLeft", username="u", urls="u", id="o1", token=current)
    wanted = OutgoingIntegration("bot", event="roomLeft", username="u", urls="u")
    operation = endpoints.update(record, wanted, "new")
    body = json.loads(operation.request.body or b"")
    assert (body["type"], body["integrationId"], body["token"]) == ("webhook-outgoing", "o1", sent)
    assert (operation.request.method, operation.request.url) == ("PUT", "api/v1/integrations.update")
    assert operation.idempotent


def test_an_update_of_an_incoming_integration_sends_no_token() -> None:
    """The server ignores it, and a secret need not travel."""
    record = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i1", token=CANARY)
    body = endpoints.update(record, INCOMING, CANARY).request.body or b""
    assert "token" not in json.loads(body)
    assert CANARY.encode() not in body


# Responses


@pytest.mark.parametrize("operation", [endpoints.create(INCOMING), endpoints.get("i1")])
def test_an_integration_is_returned_as_a_record(operation: Operation[Any]) -> None:
    """The record has an id and a token."""
    record = operation.decode(success(integration=ANSWER))
    assert type(record) is IncomingIntegrationRecord
    assert (record.id, record.token, record.channel) == ("i1", "made", ("#builds",))


def test_an_update_may_return_nothing() -> None:
    """Some servers answer null: the record has to be read then."""
    operation = endpoints.update(OUTGOING_RECORD, OUTGOING, None)
    assert operation.decode(success(integration=None)) is operation.decode(success()) is None
    record = operation.decode(success(integration=ANSWER_OUT))
    assert record is not None
    assert record.id == "o1"


OTHER_TYPE = "integration.type: must be webhook-outgoing, and is webhook-incoming"
BY_CREATOR = endpoints.get("i1", created_by="somebody")
OTHER = attrs.evolve(INCOMING, name="other")
OTHER_RECORD = IncomingIntegrationRecord("ci", channel="#builds", username="rocket.cat", id="i2")
NO_HEADER = "data: userId and authToken must be printable ASCII"
NO_SESSION = "data: must contain the texts userId and authToken"


@pytest.mark.parametrize(
    ("operation", "payload", "line", "id"),
    [
        (GET, {}, "integration: must be an object, not missing or null", None),
        (endpoints.create(OUTGOING), {"integration": ANSWER}, OTHER_TYPE, "i1"),
        (endpoints.update(OUTGOING_RECORD, OUTGOING, None), {"integration": ANSWER}, OTHER_TYPE, "i1"),
        (GET, {"integration": ANSWER}, "integration._id: must be 'a/b&c'", "i1"),
        (BY_CREATOR, {"integration": ANSWER}, "integration._createdBy._id: must be 'somebody'", "i1"),
        (
            endpoints.update(OTHER_RECORD, INCOMING, None),
            {"integration": ANSWER},
            "integration._id: must be 'i2'",
            "i1",
        ),
        (
            endpoints.remove("i2", IntegrationType.INCOMING),
            {"integration": ANSWER},
            "integration._id: must be 'i2'",
            "i1",
        ),
        (endpoints.create(OTHER), {"integration": ANSWER}, "integration.name: must be 'other'", "i1"),
        (GET, {"integration": {**ANSWER, "name": 5}}, "integration.name: must be text, not a number", "i1"),
        (LIST, {"total": 1}, "integrations: must be an array", None),
        (LIST, {"integrations": [], "total": "1"}, "total: must be a number of records", None),
        (HISTORY, {"history": [], "total": True}, "total: must be a number of records", None),
        (endpoints.server_version(), {}, "version: must be text", None),
        (LOGIN, {"data": {"userId": "u1"}}, NO_SESSION, None),
        (LOGIN, {"data": {"authToken": "t"}}, NO_SESSION, None),
        (LOGIN, {"data": "t"}, NO_SESSION, None),
        (LOGIN, {"data": {"userId": "", "authToken": "t"}}, NO_HEADER, None),
        (LOGIN, {"data": {"userId": "u1", "authToken": "t\r\nX: y"}}, NO_HEADER, None),
    ],
)
def test_success_with_something_else_is_a_decoding_error(
    operation: Operation[Any], payload: dict[str, Any], line: str, id: str | None
) -> None:
    """A response that says success and is not what was promised raises, and may have done what was asked."""
    with pytest.raises(DecodingError) as caught:
        operation.decode(success(**payload))
    assert (caught.value.errors, caught.value.id) == ((line,), id)
    assert line in str(caught.value)
    assert caught.value.may_have_acted
    assert caught.value.__context__ is None


def test_a_page_without_list_and_total_names_both() -> None:
    """All that is missing is named at once."""
    with pytest.raises(DecodingError) as caught:
        HISTORY.decode(success())
    assert caught.value.errors == ("history: must be an array", "total: must be a number of records")


def test_a_page_decodes_each_of_its_records() -> None:
    """A broken record spoils neither the page nor the records after it; its error has its place and its id."""
    page = LIST.decode(success(integrations=[{"_id": "odd"}, ANSWER, None], total=9))
    odd, record, nothing = page.records()
    assert page.total == 9
    assert isinstance(odd, DecodingError)
    assert odd.id == "odd"
    assert odd.errors[0].startswith("integrations[0].type: ")
    assert isinstance(record, IncomingIntegrationRecord)
    assert isinstance(nothing, DecodingError)
    assert nothing.errors == ("integrations[2]: must be an object, not missing or null",)
    assert "made" not in repr(page)


@pytest.mark.parametrize("is_usual", [True, False], ids=["usual", "another order"])
def test_an_error_names_the_place_of_its_record_in_a_long_list(is_usual: bool) -> None:
    """Even if the list is read in pieces."""
    payload = {"integrations": [*[ANSWER] * 250, {"_id": "odd"}], "total": 251, "success": True}
    if not is_usual:
        payload = dict(reversed(payload.items()))
    body = json.dumps(payload, separators=(",", ":")).encode()
    *records, odd = LIST.decode(Response(200, {}, body)).records()
    assert not [record for record in records if isinstance(record, DecodingError)]
    assert isinstance(odd, DecodingError)
    assert odd.errors[0].startswith("integrations[250].type: ")


def test_few_records_of_a_page_exist_at_a_time() -> None:
    """Even if the whole answer was parsed at once."""
    decoded: list[object] = []
    page = endpoints.Page[Any](1000, list(range(1000)), lambda data, path: decoded.append(data), "integrations")
    next(page.records())
    assert len(decoded) == 100


@pytest.mark.parametrize(
    ("intact", "broken"),
    [(b'"total"', b'"integrations":[{"token":"canary"}],"total"'), (b'"_id":"59"', b'"_id":59"')],
    ids=["another array", "broken JSON"],
)
def test_a_list_that_breaks_shows_no_token(intact: bytes, broken: bytes) -> None:
    """Tools that print local variables in tracebacks see no token of the records that were read so far."""
    records = [{**ANSWER, "_id": str(number), "token": CANARY, "script": "x" * 1000} for number in range(60)]
    body = json.dumps({"integrations": records, "total": 60, "success": True}, separators=(",", ":")).encode()
    with pytest.raises(DecodingError) as caught:
        list(LIST.decode(Response(200, {}, body.replace(intact, broken))).records())
    assert leaks(caught.value) == []


def test_a_page_of_history_has_entries() -> None:
    """The history is read like the lists."""
    page = HISTORY.decode(success(history=[{"_id": "h1", "_createdAt": {"$date": 0}}], total=1))
    assert list(page.records()) == [HistoryEntry(id="h1", created_at=datetime(1970, 1, 1, tzinfo=UTC))]


ELSEWHERE = {**ANSWER, "_id": "i2", "channel": ["#other"]}


@pytest.mark.parametrize(
    ("operation", "payload", "line"),
    [
        (
            CHANNEL_ONLY,
            {"integrations": [{**ANSWER, "channel": ["#ops"]}, ELSEWHERE]},
            "integrations[1].channel: must contain #ops",
        ),
        (
            CHANNEL_ONLY,
            {"integrations": [{**ELSEWHERE, "channel": ["all_public_channels"]}]},
            "integrations[0].channel: ",
        ),
        (
            HISTORY,
            {"history": [{"_id": "i2", "integration": {"_id": "o2"}}]},
            "history[0].integration._id: must be 'o1'",
        ),
    ],
)
def test_a_page_of_another_list_is_refused(operation: Operation[Any], payload: dict[str, Any], line: str) -> None:
    """A cache that drops the query answers for another room or another integration."""
    with pytest.raises(DecodingError, match="a page of another list") as caught:
        operation.decode(success(**payload, total=2))
    assert caught.value.errors[0].startswith(line)
    assert caught.value.id == "i2"


def test_a_page_that_may_be_the_right_one_is_read() -> None:
    """By its id, or as a private discussion, a room has a name that is unknown. Old data can lack what tells."""
    everywhere = endpoints.channel_list({"roomName": "ops"}, everywhere=True).first_page()
    by_id = endpoints.channel_list({"roomId": "r1"}, everywhere=True).first_page()
    unknown: list[Any] = [{**ANSWER, "channel": [{}, "all_public_channels"]}, {**ANSWER, "channel": None}, 1]
    entries = [{"_id": "h1", "integration": {"_id": "o1"}}, {"_id": "h2"}, 1]
    assert len(list(everywhere.decode(success(integrations=unknown, total=3)).records())) == 3
    for room in (by_id, GROUP):
        assert len(list(room.decode(success(integrations=[ELSEWHERE], total=1)).records())) == 1
    assert len(list(HISTORY.decode(success(history=entries, total=3)).records())) == 3


@pytest.mark.parametrize("id", ["tOkEn-of-the-user", "x" * 5000], ids=["secret", "long"])
def test_the_id_of_an_unreadable_record_is_redacted_and_shortened(id: str) -> None:
    """In a list as alone, in the message as in the attribute."""
    answer = attrs.evolve(
        success(integrations=[{"_id": id}], integration={"_id": id}, total=1), secrets=("tOkEn-of-the-user",)
    )
    (listed,) = LIST.decode(answer).records()
    with pytest.raises(DecodingError) as caught:
        GET.decode(answer)
    for error in (listed, caught.value):
        assert isinstance(error, DecodingError)
        assert error.id in ("<hidden>", f"{'x' * 100}…")
        assert f"(id {error.id})" in str(error)
        assert "tOkEn" not in str(error)
        assert len(str(error)) < 300


def test_a_login_returns_a_token() -> None:
    """The token of a login is like one that the user gives."""
    answer: dict[str, Any] = {"status": "success", "data": {"userId": "u1", "authToken": "t", "me": {}}}
    assert LOGIN.decode(Response(200, {}, json.dumps(answer).encode())) == TokenAuth(user_id="u1", token="t")


@pytest.mark.parametrize("version", ["8.7", "8.7.1"])
def test_the_version_is_what_the_server_says(version: str) -> None:
    """Newer servers leave out the last part without a login: it is not made up."""
    assert endpoints.server_version().decode(success(version=version)) == version


@pytest.mark.parametrize("operation", [REMOVE, endpoints.clear_history("o1"), NOT_IDEMPOTENT[1][0], endpoints.logout()])
def test_calls_without_a_result_need_only_success(operation: Operation[Any]) -> None:
    """The rest of the response does not matter, but it has to be the API's."""
    assert operation.decode(success(integration=5)) is None
    with pytest.raises(UnexpectedResponse):
        operation.decode(Response(200, {}, b"<html>"))


# Webhooks: URLs


@pytest.mark.parametrize(
    ("id", "token", "path"),
    [
        ("659e", "XuHp", "659e/XuHp"),
        ("a/b?c", "t", "a%2Fb%3Fc/t"),
        ("i", "a/b=", "i/a%2Fb%3D"),
        ("i", "a/b=c%2F", "i/a%252Fb%253Dc%25252F"),
        ("i", "ü", "i/%C3%BC"),
    ],
)
def test_a_webhooks_url_is_quoted_for_the_server(id: str, token: str, path: str) -> None:
    """The server decodes the token once more than its router: a token with % is quoted twice."""
    record = IncomingIntegrationRecord("ci", channel="#a", username="u", id=id, token=token)
    url = endpoints.webhook_url("https://chat.example.com/sub/", record)
    assert url == f"https://chat.example.com/sub/hooks/{path}"
    assert unquote(unquote(urlsplit(url).path.rpartition("/")[2])) == token


def test_a_record_without_a_token_has_no_url() -> None:
    """An outgoing integration may have none."""
    with pytest.raises(ConfigurationError, match="o1 has no token"):
        endpoints.webhook_url("https://chat.example.com/", OUTGOING_RECORD)


def test_a_given_url_is_used_unchanged() -> None:
    """It is neither quoted again nor shortened."""
    url = "https://chat.example.com/hooks/i/%41%2525/?a=b"
    assert endpoints.post(url, "hi").request.url == url


@pytest.mark.parametrize(
    ("path", "info"),
    [
        ("/hooks/i1/user/t%252F", "/hooks/info/i1/x/t%252F"),
        ("/chat/hooks/i1/t?source=ci", "/chat/hooks/info/i1/x/t"),
    ],
)
def test_a_webhook_is_checked_at_its_info_url(path: str, info: str) -> None:
    """Every form of a webhook's URL, below whatever path, has one URL that tells whether it is right."""
    operation = endpoints.check_webhook(f"https://chat.example.com:8443{path}")
    assert operation.request.url == f"https://chat.example.com:8443{info}"


@pytest.mark.parametrize(
    ("status", "body", "known"),
    [(200, b'{"success": true}', True), (404, b'{"success": false}', False), (500, b"", False)],
)
def test_a_check_tells_whether_the_url_is_right(status: int, body: bytes, known: bool) -> None:
    """For a wrong URL servers up to 6.x answer 404, later ones 500."""
    assert endpoints.check_webhook(URL).decode(Response(status, {}, body)) is known


# Webhooks: messages


@pytest.mark.parametrize(
    ("message", "body"),
    [
        ("hi", {"text": "hi"}),
        (Message("hi", channel="#a"), {"text": "hi", "channel": "#a"}),
        (Message(" ", attachments=[Attachment(title="t")]), {"text": " ", "attachments": [{"title": "t"}]}),
        (Message("\x1c"), {"text": "\x1c"}),
        *[(Message("hi", avatar=avatar), {"text": "hi", "avatar": avatar}) for avatar in ("", "/avatar/a", "a/b")],
        (
            Message(attachments=[Attachment(thumb_url="data:,a", title_link="/file-upload/a")]),
            {"attachments": [{"thumb_url": "data:,a", "title_link": "/file-upload/a"}]},
        ),
        ({}, {}),
        ({"a": [1, 2.5, None, True, "ü"], "": {"b": ()}}, {"a": [1, 2.5, None, True, "ü"], "": {"b": []}}),
        (MappingProxyType({"a": MappingProxyType({"b": 2**60})}), {"a": {"b": 2**60}}),
        ({"event": EventType.ROOM_LEFT}, {"event": "roomLeft"}),
    ],
)
def test_messages_and_mappings_are_posted(message: Any, body: dict[str, object]) -> None:
    """A message needs a text or an attachment; a mapping, which a script may read, is sent unchanged."""
    assert json.loads(endpoints.post(URL, message).request.body or b"") == body


URL_ENDINGS = ("_url", "link", "icon")
BAD = ": must be an absolute URL (http://, https:// or data:); "
LOOP: dict[str, Any] = {}
LOOP["again"] = [LOOP]


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        *[(message, "a message needs a text") for message in ("", "\ufeff", Message(" "), Message(alias="CI"))],
        (
            Message("hi", attachments=[Attachment(), Attachment(author_icon="HTTP://a")]),
            f"attachments[1].author_icon{BAD}",
        ),
        (Message("hi", attachments=[Attachment(title_link="", image_url="/a")]), f"attachments[0].title_link{BAD}"),
        (
            Message(attachments=[Attachment(fields={"a": "b", "c": ""})]),
            "attachments[0].fields[1].value: must not be empty",
        ),
        (Message(attachments=[Attachment(fields={"": 0})]), "attachments[0].fields[0].title: must not be empty"),
        (Message(attachments=[Attachment(actions=[Action("a", url="b")])]), "attachments[0].actions[0].url: must be"),
        *[(Message("hi", avatar=avatar), "avatar: must be") for avatar in ("nope", "JavaScript:a/b", "//a.example/b")],
        *[(message, "a message must be text") for message in (None, 5, b"hi", ["hi"])],
        ({"a": {"b c": [0, {1}]}}, "message['a']['b c'][1]: JSON cannot hold set"),
        ({"at": datetime(2024, 1, 10)}, "message['at']: JSON cannot hold datetime"),
        ({"a": [{None: "x"}]}, "message['a'][0]: a key must be text, not NoneType"),
        ({"a": [float("nan")]}, "message['a'][0]: JSON cannot hold this number"),
        ({"a": 10**400}, "message['a']: JSON cannot hold this number"),
        (LOOP, "message: is nested too deeply, or contains itself"),
    ],
)
def test_what_cannot_be_posted_is_refused_with_its_place(message: Any, complaint: str) -> None:
    """An empty message, which the server would post, and what JSON cannot hold are not sent; no frame has the URL."""
    with pytest.raises(ConfigurationError) as caught:
        calls.post(URL, message, overflow="error", max_message_size=5000)
    assert str(caught.value).startswith(complaint)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    assert CANARY not in frames_of_ours(caught.value)


def test_all_that_is_wrong_with_a_message_is_told() -> None:
    """With the path and the value of each."""
    attachments = [Attachment(image_url="/a.png"), Attachment(fields={"a": "", "": 0})]
    with pytest.raises(ConfigurationError) as caught:
        endpoints.post(URL, Message(attachments=attachments))
    assert str(caught.value).split("; ") == [
        "attachments[0].image_url: must be an absolute URL (http://, https:// or data:)",
        "'/a.png' is not",
        "attachments[1].fields[0].value: must not be empty",
        "attachments[1].fields[1].title: must not be empty",
    ]


@pytest.mark.parametrize("name", [field.name for field in attrs.fields(Attachment) if field.name.endswith(URL_ENDINGS)])
def test_every_url_of_an_attachment_is_checked(name: str) -> None:
    """An address without a scheme is not absolute."""
    attachment: Any = {name: "chat.example.com"}
    with pytest.raises(ConfigurationError, match=rf"^attachments\[0\]\.{name}: "):
        endpoints.post(URL, Message(attachments=[Attachment(**attachment)]))


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@settings(deadline=None, database=None)
@given(st.dictionaries(st.text() | st.none(), ANYTHING, max_size=3))
def test_any_mapping_is_sent_unchanged_or_not_at_all(mapping: Mapping[str, object]) -> None:
    """What arrives is what was given; anything else is refused by our error."""
    with contextlib.suppress(ConfigurationError):
        operation = endpoints.post(URL, mapping)
        assert json.loads(operation.request.body or b"") == json.loads(json.dumps(mapping, allow_nan=False))


DOCUMENT = {"_id": "m1", "msg": "hi"}


@pytest.mark.parametrize(
    ("responses", "read"),
    [
        (None, ()),
        ({"channel": "#a"}, ()),
        ([None, 5, "#a", ["#a"]], ()),
        ([{"channel": 5, "message": 5, "error": None}], (PostResponse(),)),
        ([{"channel": "#a", "message": DOCUMENT}], (PostResponse(channel="#a", message=DOCUMENT),)),
        ([{"channel": "#a", "message": "sent"}], (PostResponse(channel="#a", message="sent"),)),
        ([{"channel": "#a", "error": "no"}, {}], (PostResponse(channel="#a", error="no"), PostResponse())),
        ([{"channel": "#a", "error": {"reason": "no"}}], (PostResponse(channel="#a", error='{"reason": "no"}'),)),
    ],
)
def test_each_channel_has_its_response(responses: object, read: tuple[PostResponse, ...]) -> None:
    """The message was posted, and a script can return anything: what cannot be read is in the raw response."""
    result = POST.decode(success(responses=responses))
    assert result == PostResult(read, {"success": True, "responses": responses})


def test_a_post_needs_success() -> None:
    """A response that is not the API's is an error, even to a post."""
    with pytest.raises(UnexpectedResponse):
        POST.decode(Response(200, {}, b"<html>"))


# Secrets


def frames_of_ours(error: BaseException) -> str:
    package = str(Path(rocketchat_integrations.__file__).parent)
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame for frame in report.stack if frame.filename.startswith(package)]
    assert ours
    return str([frame.locals for frame in ours])


def test_a_channels_response_shows_no_secret() -> None:
    """A server that quotes the URL does not bring it into a log."""
    result = POST.decode(success(responses=[{"channel": "#a", "error": f"no such hook: {CANARY}"}], echo=CANARY))
    assert result.responses[0].error == "no such hook: <hidden>"
    assert CANARY not in repr(result)
    assert result.raw["echo"] == CANARY


@pytest.mark.parametrize("path", ["", "/", "/hooks/i1/", "/api/v1/hooks.list", "/hooks/a/b/c/d"])
def test_another_url_is_not_checked(path: str) -> None:
    """A base URL given in place of a webhook's is refused, and not shown."""
    with pytest.raises(ConfigurationError, match="/hooks/ID/TOKEN") as caught:
        calls.check_webhook(f"https://chat.example.com{path}?{CANARY}")
    assert CANARY not in str(caught.value)
    assert CANARY not in frames_of_ours(caught.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: endpoints.post(URL, CANARY),
        lambda: endpoints.check_webhook(URL),
        lambda: endpoints.login("alice", CANARY, CANARY),
        lambda: endpoints.create(OutgoingIntegration("b", event="roomLeft", username="u", urls="u", token=CANARY)),
    ],
    ids=["post", "check", "login", "create"],
)
def test_the_repr_of_an_operation_shows_no_secret(make: Callable[[], Operation[Any]]) -> None:
    """Operations can be logged."""
    assert CANARY not in repr(make())
