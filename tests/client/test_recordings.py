"""The client takes part in the recorded conversations: what it says, and what it makes of the answers.

Each step of a recording is said with the client's methods, and answered as it was recorded. What leaves is
the recorded body, equal as JSON, except where the client deliberately says more (updates) or cannot say it
at all: the two tables here.
"""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    Client,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    InvalidParamsError,
    Message,
    NotFoundError,
    OutgoingIntegration,
    PermissionDeniedError,
    PostResult,
    TokenAuth,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations._protocol.http import Request, Response

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))
SCENARIOS: list[dict[str, Any]] = RECORDED["scenarios"]
BASE = "https://chat.example.com/sub"

# What the client cannot say, by scenario and step. Trying to say it either fails, or says something better.
TYPED = "an argument of another type, or none, is refused before anything is sent"
JUDGED = "the definition refuses it"
BETTER = "the client spells it as the server wants it"
PAGED = "the client chooses its pages itself; the recorded ones have a test of their own"
UNSAYABLE: dict[tuple[str, int], str] = {
    ("create with type missing", 0): "a definition has a type",
    ("create with username missing", 0): TYPED,
    ("create with channel missing", 0): TYPED,
    ("create with an unknown property", 0): TYPED,
    ("create an incoming integration with an event", 0): TYPED,
    ("create with triggerWords as one string", 0): BETTER,
    ("create with channel as an array", 0): BETTER,
    ("create with a made-up type that starts like a real one", 0): "there are two types",
    ("create incoming: channel without # or @", 0): JUDGED,
    ("create incoming: all_public_channels is not accepted", 0): JUDGED,
    ("create incoming: blank username", 0): JUDGED,
    ("create outgoing: made-up event", 0): JUDGED,
    ("create outgoing: urls missing", 0): TYPED,
    ("create outgoing: urls empty", 0): JUDGED,
    ("create outgoing: only a blank url", 0): JUDGED,
    ("create outgoing: userCreated needs a target room", 0): JUDGED,
    ("create outgoing: retry defaults", 1): JUDGED,
    ("get without an id", 0): TYPED,
    ("list with a sort that is no JSON", 0): "the client chooses the order itself",
    ("list in pages", 3): PAGED,
    ("list in pages", 4): PAGED,
    ("list in pages", 5): PAGED,
    ("history without an id", 0): TYPED,
    ("update outgoing: a token is required", 1): "an update always carries a token",
    ("update outgoing: null clears, but not triggerWords", 1): "an update says [] to clear them",
    ("update outgoing: scriptEngine must not be null", 1): "an update keeps the engine",
    ("update incoming: id missing", 0): TYPED,
    ("remove outgoing by url", 1): "the first match may be somebody else's: only ids remove",
    ("remove with both an id and a url is refused", 1): "only ids remove",
    ("remove with a made-up type", 0): "there are two types",
    ("an endpoint that does not exist", 0): "there is no method for it",
}

# What an update says otherwise than the recorded body, by scenario; what the body leaves out it says as the server
# has it.
SAID_OTHERWISE: dict[str, dict[str, Any]] = {
    "update outgoing: leaving the script out unsets the compiled script and keeps the rest": {},
    "update outgoing: an empty array clears triggerWords": {},
    "update outgoing: one that does not exist": {},
    "update incoming: leaving fields out keeps them": {},
    # No script goes out with scripts switched off, or the old one would go on running.
    "update incoming: null clears, but the compiled script stays": {"scriptEnabled": False},
    "update incoming: a token in the body is ignored": {},
    "update without any permission": {"scriptEnabled": False},
}

# The refusals that are not told by their status alone.
MEANINGS: dict[str, type[ApiError]] = {
    "invalid-params": InvalidParamsError,
    "not_authorized": PermissionDeniedError,
    "not-authorized": PermissionDeniedError,
    "No integration found.": NotFoundError,
    "The integration does not exists.": NotFoundError,
}
STATUSES: dict[int, type[ApiError]] = {
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    503: WebhookDisabledError,
}


class Script:
    """A transport that gives the answers that it was told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Any]] = []
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        status, answer = self.answers.pop(0)
        return Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())

    def close(self) -> None:
        pass


class CannotBeSaid(Exception):
    """No method of the client would say this."""


def made_real(answer: Any, number: int = 0) -> Any:
    """A recorded answer with something that looks real where the server made something up."""
    stand_ins = {
        "<date>": "2024-01-10T14:12:07.739Z",
        "<id>": f"659ea5b72dd9f928ada3e43{number}",
        "<generated token>": "XuHp73MccmCvJ9m3fKdQK6HKW9tjhBcbTKKHCSSLsv7qn4fk",
    }
    if isinstance(answer, dict):
        members: dict[str, Any] = answer  # pyright: ignore[reportUnknownVariableType]
        return {name: made_real(value, number) for name, value in members.items()}
    if isinstance(answer, list):
        items: list[Any] = answer  # pyright: ignore[reportUnknownVariableType]
        return [made_real(item, number + index) for index, item in enumerate(items)]
    return stand_ins.get(answer, answer) if isinstance(answer, str) else answer


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def fields_of(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of a definition that a body names, under our names."""
    fields = {snake(name): value for name, value in body.items() if name not in ("type", "integrationId")}
    if isinstance(fields.get("channel"), str):
        fields["channel"] = fields["channel"].split(",") if fields["channel"] else ()
    return fields


def definition_of(body: dict[str, Any]) -> IntegrationDefinition:
    if body.get("type") == IntegrationType.INCOMING:
        return IncomingIntegration(**fields_of(body))
    if body.get("type") == IntegrationType.OUTGOING:
        return OutgoingIntegration(**fields_of(body))
    raise CannotBeSaid


class Conversation:
    """One scenario, said with clients of its users."""

    def __init__(self) -> None:
        self.script = Script()
        self.saved: dict[str, Any] = {}

    def client(self, username: str | None) -> Client:
        credentials: dict[str, str] = RECORDED["world"]["credentials"].get(username, {})
        user_id, token = credentials.get("X-User-Id", "nobody"), credentials.get("X-Auth-Token", "unknown")
        return Client(BASE, TokenAuth(user_id, token), transport=self.script)

    def filled_in(self, value: Any) -> Any:
        if isinstance(value, dict):
            members: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return {name: self.filled_in(item) for name, item in members.items()}
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\.(\w+)\}", lambda found: str(self.saved[found[1]][found[2]]), value)
        return value

    def say(self, step: dict[str, Any]) -> Any:
        """Say one step, and answer it as it was recorded. Gives what the client makes of that."""
        client = self.client(step.get("as", "admin"))
        body: dict[str, Any] = self.filled_in(step.get("json") or {})
        query: dict[str, Any] = self.filled_in(step.get("query") or {})
        answer = made_real(step["expect"]["json"])
        self.script.answers.append((step["expect"]["status"], answer))
        match step["path"].split("/")[1:]:
            case ["hooks", *_]:
                record = self.record()
                if step["path"].endswith("/wrong"):
                    record = attrs.evolve(record, token="wrong")
                return client.webhook(record).post(Message(**body))
            case [*_, "integrations.create"]:
                return client.create(definition_of(body))
            case [*_, "integrations.get"]:
                return client.get(query.get("integrationId"), created_by=query.get("createdBy"))  # type: ignore[arg-type]
            case [*_, "integrations.list"] if not query:
                return next(iter(client.list()), None)
            case [*_, "integrations.history"]:
                return list(client.history(query.get("id")))  # type: ignore[arg-type]
            case [*_, "integrations.remove"] if set(body) == {"type", "integrationId"}:
                return client.remove(body["integrationId"], type=body["type"])
            case [*_, "integrations.update"] if "integrationId" in body:
                # The client reads first, and finds what is there, whoever may see it.
                held = self.saved.get("o" if body["type"] == IntegrationType.OUTGOING else "i") or stranger(body)
                self.script.answers.insert(0, (200, {"success": True, "integration": held}))
                changes = fields_of(body)
                if body["type"] == IntegrationType.INCOMING:
                    changes.pop("token", None)  # no field of what one asks for
                return client.update(held["_id"], attrs.evolve(self.record(held), **changes))
            case _:
                raise CannotBeSaid

    def record(self, held: dict[str, Any] | None = None) -> IntegrationRecord:
        """What the server has, read through the client."""
        script, self.script = self.script, Script()
        document: dict[str, Any] = held or next(iter(self.saved.values()))
        self.script.answers.append((200, {"success": True, "integration": document}))
        record = self.client("admin").get(document["_id"])
        self.script = script
        return record


def stranger(body: dict[str, Any]) -> dict[str, Any]:
    """An integration that is there when the client reads, and gone when it writes."""
    held = {name: value for name, value in body.items() if name != "integrationId"}
    return {**held, "_id": body["integrationId"], "channel": ["#general"], "name": "before"}


def json_of(request: Request) -> Any:
    return json.loads(request.body or b"null")


def without_token(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != "token"}


def assert_said(step: dict[str, Any], request: Request, conversation: Conversation, scenario: str) -> None:
    """What left is what was recorded, to the right address, in the right name."""
    path, _, query = request.url.removeprefix(BASE).partition("?")
    assert request.method == step["method"]
    assert path == conversation.filled_in(step["path"])
    if step.get("as"):
        credentials = RECORDED["world"]["credentials"][step["as"]]
        assert {name: request.headers[name] for name in credentials} == credentials
    elif path.startswith("/hooks/"):
        assert "X-Auth-Token" not in request.headers
    body: Any = conversation.filled_in(step.get("json"))
    if request.endpoint == "integrations.update":
        held = conversation.saved.get("o" if "event" in body else "i") or stranger(body)
        said = json_of(request)
        expected = {**body, **SAID_OTHERWISE[scenario]}
        if "event" not in body:
            assert "token" not in said
            del said["type"]
            expected = {name: value for name, value in expected.items() if name not in ("token", "type")}
        assert {name: said[name] for name in expected} == expected
        left_out = {name: value for name, value in said.items() if name not in expected}
        kept = {name: ",".join(held[name]) if name == "channel" else held.get(name) for name in left_out}
        assert {name: value or None for name, value in left_out.items()} == {
            name: value or None for name, value in kept.items()
        }
    else:
        assert json_of(request) == body
        if request.endpoint != "integrations.list":  # where the client has its own pages
            sent = dict(parse_qsl(query))
            assert {name: sent[name] for name in step.get("query", {})} == conversation.filled_in(step.get("query", {}))


def assert_understood(step: dict[str, Any], outcome: Any) -> None:
    """The answer became a record that says the same, or the right exception."""
    status, answer = step["expect"]["status"], made_real(step["expect"]["json"])
    if status != 200:
        said: dict[str, Any] = answer if isinstance(answer, dict) else {}  # pyright: ignore[reportUnknownVariableType]
        meaning = MEANINGS.get(said.get("errorType", said.get("error", "")), BadRequestError)
        assert type(outcome) is STATUSES.get(status, meaning)
        assert outcome.status == status
        assert outcome.error == (said.get("error") or said.get("message"))
        assert outcome.error_type == said.get("errorType")
        assert outcome.details == said.get("details")
    elif "history" in answer:
        assert outcome == []
    elif "integrations" in answer:
        assert outcome.id == answer["integrations"][0]["_id"]
    elif "integration" in answer and not step["path"].endswith("integrations.remove"):
        integration: dict[str, Any] = copy.copy(answer["integration"])
        assert (outcome.id, outcome.type) == (integration.pop("_id"), integration.pop("type"))
        for name in ("_createdAt", "_updatedAt"):
            if integration.pop(name, None):
                assert getattr(outcome, snake(name).lstrip("_")).isoformat() == "2024-01-10T14:12:07.739000+00:00"
        for name in ("_createdBy", "_updatedBy"):
            user = integration.pop(name, None)
            if user:
                user_seen = getattr(outcome, snake(name).lstrip("_"))
                assert {"_id": user_seen.id, "username": user_seen.username} == user
        failure = integration.pop("scriptError", None)
        assert (outcome.script_error is None) == (failure is None)
        if failure:
            assert attrs.asdict(outcome.script_error) == failure
        for name, value in integration.items():
            seen: Any = getattr(outcome, snake(name))
            if value is None:
                assert not seen
            else:
                assert seen == (tuple(value) if isinstance(seen, tuple) else value)
    elif step["path"].startswith("/hooks"):
        assert outcome == PostResult((), raw=answer)
    else:
        assert outcome is None


@pytest.mark.parametrize("scenario", SCENARIOS, ids=[scenario["name"] for scenario in SCENARIOS])
def test_the_client_takes_part(scenario: dict[str, Any]) -> None:
    """The same bodies leave as were recorded, and the recorded answers become records or the right exceptions."""
    conversation = Conversation()
    for number, step in enumerate(scenario["steps"]):
        unsayable = (scenario["name"], number) in UNSAYABLE
        conversation.script = script = Script()
        try:
            outcome = conversation.say(step)
        except ApiError as error:
            outcome = error
        except (CannotBeSaid, TypeError, ValueError):
            assert unsayable
            assert "PUT" not in {request.method for request in script.requests}
            continue
        if unsayable:
            assert json_of(script.requests[-1]) != conversation.filled_in(step.get("json"))
            continue
        assert_said(step, script.requests[-1], conversation, scenario["name"])
        assert_understood(step, outcome)
        if "save" in step:
            conversation.saved[step["save"]] = made_real(step["expect"]["json"]["integration"])


def test_the_tables_name_steps_that_there_are() -> None:
    """Nothing is excused that was never recorded."""
    steps = {(scenario["name"], number) for scenario in SCENARIOS for number in range(len(scenario["steps"]))}
    assert set(UNSAYABLE) <= steps
    assert set(SAID_OTHERWISE) <= {name for name, _ in steps}


def test_pages_as_recorded_become_one_list() -> None:
    """The recorded pages, one after the other, are what the list gives."""
    (scenario,) = (scenario for scenario in SCENARIOS if scenario["name"] == "list in pages")
    answers = [step["expect"] for step in scenario["steps"] if step["method"] == "GET"]
    script = Script()
    seen = 0
    for answer in answers:
        script.answers.append((answer["status"], made_real(answer["json"], seen)))
        seen += len(answer["json"]["integrations"])
    with Client(BASE, TokenAuth("id", "token"), transport=script) as client:
        assert [record.name for record in client.list()] == ["a", "b", "c"]
    offsets = [dict(parse_qsl(urlsplit(request.url).query))["offset"] for request in script.requests]
    assert offsets == ["0", "2"]


def test_the_stand_in_for_an_unknown_endpoint_is_no_not_found() -> None:
    """A 404 without the server's envelope means that the endpoint is missing, not the integration."""
    (scenario,) = (scenario for scenario in SCENARIOS if scenario["name"] == "an endpoint that does not exist")
    script = Script()
    script.answers.append((404, scenario["steps"][0]["expect"]["json"]))
    with Client(BASE, TokenAuth("id", "token"), transport=script) as client, pytest.raises(UnexpectedResponse):
        client.get("x")


def test_an_update_answered_with_null_is_read() -> None:
    """The server may answer an update with no integration: then the client gets it."""
    held = made_real(SCENARIOS[0]["steps"][0]["expect"]["json"]["integration"])
    script = Script()
    script.answers = [
        (200, {"success": True, "integration": held}),
        (200, {"success": True, "integration": None}),
        (200, {"success": True, "integration": {**held, "alias": "New", "scriptEnabled": False}}),
    ]
    with Client(BASE, TokenAuth("id", "token"), transport=script) as client:
        wanted = IncomingIntegration("test.cat", channel="#general", username="rocket.cat", alias="New")
        assert client.update(held["_id"], wanted).alias == "New"
    assert [request.endpoint for request in script.requests] == [
        "integrations.get",
        "integrations.update",
        "integrations.get",
    ]
