"""What the tests of the client share: a server of each dialect, clients for it, and something on it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

import pytest
from typing_extensions import Unpack

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

if TYPE_CHECKING:
    from tests.conftest import Clock


class Connect(Protocol):
    """Makes a client that repeats without waiting, and is closed at the end of the test."""

    def __call__(
        self, server: LocalRocketChat, username: str = "admin", **options: Unpack[ConnectionKeywords]
    ) -> Client: ...


@pytest.fixture(params=["8.8", "6.14"])
def dialect(request: pytest.FixtureRequest) -> str:
    """The version of a server, of each dialect in turn."""
    version: str = request.param
    return version


@pytest.fixture
def server(dialect: str) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=dialect) as server:
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
    """The document that the server stores under an id."""

    def __call__(self, id: str) -> dict[str, Any]: ...


@pytest.fixture
def stored(server: LocalRocketChat) -> Stored:
    def stored(id: str) -> dict[str, Any]:
        return next(document for document in server.documents if document["_id"] == id)

    return stored
