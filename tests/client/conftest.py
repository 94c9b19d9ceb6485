"""Fixtures: a server, clients for it, and integrations on it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol, Unpack

import pytest

from rocketchat_integrations import (
    Client,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryPolicy,
)
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations.testing import LocalRocketChat
from tests.facade import FACES, run, tasks

if TYPE_CHECKING:
    from tests.conftest import Clock


class Connect(Protocol):
    """Make a client that retries without waiting and is closed at the end of the test."""

    def __call__(
        self, server: LocalRocketChat, username: str = "admin", **options: Unpack[ConnectionKeywords]
    ) -> Client: ...


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test with the synchronous and with the asynchronous client."""
    if "twin" in metafunc.fixturenames and metafunc.definition.path.name != "test_public_face.py":
        metafunc.parametrize("twin", ["sync", "async"], indirect=True)


@pytest.fixture(autouse=True)
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give the test the client that it drives, under the name of the synchronous one. No task is left behind."""
    if getattr(request, "param", "sync") == "sync":
        yield
        return
    module: object = request.node.module
    for name, face in FACES.items():
        monkeypatch.setattr(module, name, face, raising=False)
        monkeypatch.setitem(globals(), name, face)
    yield
    assert run(tasks()) == set()


@pytest.fixture
def dialect() -> str:
    """The version of the server, 9.0. Tests of what depends on it name the versions: see `tests.client.samples`."""
    return "9.0"


def make_admin_a_member(server: LocalRocketChat) -> None:
    """Make `admin` a member of the private group: 8.x lists a group's integrations only to its members."""
    server.remove_room("secret")
    server.add_room("secret", "private group", ["admin"])


@pytest.fixture
def server(dialect: str) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=dialect) as server:
        make_admin_a_member(server)
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(server: LocalRocketChat, username: str = "admin", **options: Unpack[ConnectionKeywords]) -> Client:
            own: ConnectionKeywords = {"retry": RetryPolicy(backoff=0), **options}
            return stack.enter_context(Client(server.url, server.auth(username), **own))

        yield connect


@pytest.fixture
def client(server: LocalRocketChat, connect: Connect) -> Client:
    """The administrator's client."""
    return connect(server)


@pytest.fixture
def clock(clock: Clock, server: LocalRocketChat) -> Clock:
    """The clock of all clients and of the server."""
    clock.servers.append(server)
    return clock


@pytest.fixture
def incoming() -> IncomingIntegration:
    return IncomingIntegration("ci", channel="#general", username="rocket.cat")


@pytest.fixture
def outgoing() -> OutgoingIntegration:
    return OutgoingIntegration(
        "bot",
        event=EventType.SEND_MESSAGE,
        channel="#general",
        username="rocket.cat",
        urls=["https://bot.example.com/hook"],
    )


@pytest.fixture
def hook(client: Client, incoming: IncomingIntegration) -> IncomingIntegrationRecord:
    """An incoming integration on the server."""
    return client.create(incoming)


@pytest.fixture
def bot(client: Client, outgoing: OutgoingIntegration) -> OutgoingIntegrationRecord:
    """An outgoing integration on the server."""
    return client.create(outgoing)


class Stored(Protocol):
    """Return the document that the server stores under an id."""

    def __call__(self, id: str) -> dict[str, Any]: ...


@pytest.fixture
def stored(server: LocalRocketChat) -> Stored:
    def stored(id: str) -> dict[str, Any]:
        return next(document for document in server.documents if document["_id"] == id)

    return stored


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is reserved and refuses connections."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
