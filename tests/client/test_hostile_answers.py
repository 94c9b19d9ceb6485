"""Answers that are cut off, belong to another question, or carry what could harm a program."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    BadRequestError,
    Client,
    DecodingError,
    IncomingIntegration,
    OutgoingIntegration,
    PasswordAuth,
    Request,
    Response,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TokenAuth,
    TransportError,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import BOT, HOOK, OneAnswer, call_count, insert_samples

if TYPE_CHECKING:
    from tests.client.conftest import Connect

TOKEN = "T0KEN-of-the-user"


class Answers:
    """A transport that answers with these bodies, one after the other."""

    def __init__(self, *bodies: str) -> None:
        self._bodies = list(bodies)

    def send(self, request: Request) -> Response:
        return Response(200, {"content-type": "application/json"}, self._bodies.pop(0).encode())

    def close(self) -> None:
        assert not self._bodies


def client_of(transport: Any) -> Client:
    return Client("https://chat.example", TokenAuth("id", TOKEN), transport=transport, retry=RetryPolicy(backoff=0))


@pytest.mark.parametrize("fault", ["reset-after", "truncate"])
@pytest.mark.parametrize("kind", ["incoming", "outgoing"])
def test_a_create_that_finds_what_exists_survives_a_lost_answer(
    server: LocalRocketChat, client: Client, request: pytest.FixtureRequest, kind: str, fault: str
) -> None:
    """It returns the record that the server has created, and creates one only."""
    definition: IncomingIntegration | OutgoingIntegration = request.getfixturevalue(kind)
    server.fail_next("integrations.create", fault)
    record = client.create(definition, find_existing=True)
    assert [document["_id"] for document in server.documents] == [record.id]
    server.fail_next("integrations.create", "reset-before")
    client.create(IncomingIntegration("b", channel="#general", username="rocket.cat"), find_existing=True)
    assert sorted(document["name"] for document in server.documents) == sorted([definition.name, "b"])


def test_an_answer_that_is_cut_off_is_repeated_where_that_is_harmless(incoming: IncomingIntegration) -> None:
    """The connection delivers all that was promised; the JSON ends early. A create is not repeated."""
    whole = json.dumps({"success": True, "integration": HOOK})
    with client_of(Answers(whole[:100], whole)) as client:
        assert client.get("hook").name == HOOK["name"]
    with client_of(Answers(whole[:100])) as client, pytest.raises(TransportError, match="ends early") as caught:
        client.create(incoming)
    assert (caught.value.kind, caught.value.host, caught.value.may_have_acted) == ("incomplete", "chat.example", True)


ELSEWHERE = {**HOOK, "channel": ["#elsewhere"]}
QUESTIONS: dict[str, Callable[[Client], object]] = {
    "channel": lambda client: list(client.list_for_channel(room_name="general")),
    "history": lambda client: list(client.history("bot")),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_list_of_another_room_or_integration_is_refused(question: str) -> None:
    """As a cache gives it that drops the query."""
    entry = {"_id": "h1", "integration": {"_id": "other"}}
    answer = {"success": True, "integrations": [ELSEWHERE], "history": [entry], "total": 1}
    with client_of(OneAnswer(200, answer)) as client, pytest.raises(DecodingError, match="another list"):
        QUESTIONS[question](client)


def test_an_id_that_repeats_the_token_is_not_shown() -> None:
    """In a list: in the exception that is raised, and in the one that `on_error` gets."""
    errors: list[DecodingError] = []
    answer = {"success": True, "integrations": [{**BOT, "_id": TOKEN, "enabled": 1}], "total": 1}
    with client_of(OneAnswer(200, answer)) as client:
        with pytest.raises(DecodingError) as caught:
            list(client.list())
        assert list(client.list(on_error=errors.append)) == []
    for error in (caught.value, *errors):
        assert TOKEN not in f"{error!r} {error} {vars(error)}"
        assert error.id == "<hidden>"


def test_the_text_of_an_error_can_be_printed() -> None:
    """A server may send half a surrogate pair, which no terminal can encode."""
    transport = OneAnswer(400, {"success": False, "error": "no \ud83d", "details": ["\ud83d"]})
    with client_of(transport) as client, pytest.raises(BadRequestError) as caught:
        client.get("x")
    assert str(caught.value).encode().endswith(rb"no \ud83d")
    assert (caught.value.error, caught.value.details) == (r"no \ud83d", [r"\ud83d"])


@pytest.mark.parametrize("user_id", ["", "u\r\nX: y"])
def test_an_odd_login_is_a_decoding_error(user_id: str) -> None:
    """Before it fails as a header of the next request."""
    transport = OneAnswer(200, {"status": "success", "data": {"userId": user_id, "authToken": "t"}})
    auth = PasswordAuth("alice", "secret")
    with Client("https://chat.example", auth, transport=transport) as client, pytest.raises(DecodingError):
        client.get("x")


def test_threads_share_a_budget_of_retries(server: LocalRocketChat, connect: Connect) -> None:
    """Eight threads with three retries each make five together. When the server is back, all is well."""
    insert_samples(server)
    client = connect(server, retry=RetryPolicy(backoff=0, budget=5))
    server.fail_next("integrations.get", "503", 8 + 5)
    together = threading.Barrier(8)

    def get(_: int) -> type[RocketChatError] | None:
        together.wait()
        try:
            client.get("hook")
        except RocketChatError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(get, range(8))) == {ServerError}
    assert call_count(server, "integrations.get") == 8 + 5
    assert client.get("hook").id == "hook"
