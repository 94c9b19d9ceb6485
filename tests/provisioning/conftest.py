"""What the tests of planning and applying share: servers of both dialects, and a workspace without one."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import attrs
import pytest
from typing_extensions import Unpack

from rocketchat_integrations import (
    Client,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryPolicy,
    UserReference,
)
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.testing import LocalRocketChat


class Connect(Protocol):
    """Makes a client that repeats without waiting, and is closed at the end of the test."""

    def __call__(
        self, server: LocalRocketChat, username: str = "admin", **options: Unpack[ConnectionKeywords]
    ) -> Client: ...


@pytest.fixture(params=["8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of each dialect in turn."""
    with LocalRocketChat(version=request.param) as server:
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


class Memory:
    """A workspace that is no more than a dictionary. It can be made to fail, and remembers what it was asked."""

    def __init__(self) -> None:
        self.records: dict[str, IntegrationRecord] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], object] = lambda call: None
        """Called ahead of each write with something like ``"create ci"``; what it raises, is raised."""
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def add(self, definition: IntegrationDefinition, *, creator: str = "me", **more: Any) -> IntegrationRecord:
        """Put a record there."""
        fields = {field.name: getattr(definition, field.name) for field in attrs.fields(type(definition))}
        is_incoming = definition.type is IntegrationType.INCOMING
        kind = IncomingIntegrationRecord if is_incoming else OutgoingIntegrationRecord
        own: dict[str, Any] = {"token": "made by the server"} if is_incoming else {}
        more = {"id": f"id{next(self._numbers)}", "created_by": UserReference(creator), **own, **more}
        record = kind(**{**fields, **more})
        self.records[record.id] = record
        return record

    def list(self) -> Iterable[IntegrationRecord]:
        self.calls.append("list")
        return list(self.records.values())

    def create(self, definition: Any) -> Any:
        with self._asked(f"create {definition.name}"):
            return self.add(definition)

    def update(self, id: str, wanted: Any) -> Any:
        with self._asked(f"update {self.records[id].name}"):
            self.records[id] = wanted
            return wanted

    def remove(self, record: IntegrationRecord) -> None:
        with self._asked(f"remove {record.name}"):
            del self.records[record.id]

    def user_id(self) -> str:
        self.calls.append("user_id")
        return "me"

    def _asked(self, call: str) -> threading.Lock:
        with self._lock:
            self.calls.append(call)
        self.before(call)
        return self._lock


@pytest.fixture
def memory() -> Memory:
    return Memory()


class Incoming(Protocol):
    """An incoming integration, in a few words."""

    def __call__(self, name: str = "ci", **fields: Any) -> IncomingIntegration: ...


@pytest.fixture
def incoming() -> Incoming:
    def incoming(name: str = "ci", **fields: Any) -> IncomingIntegration:
        given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat"}
        return IncomingIntegration(name, **{**given, **fields})

    return incoming


class Outgoing(Protocol):
    """An outgoing integration, in a few words."""

    def __call__(self, name: str = "bot", **fields: Any) -> OutgoingIntegration: ...


@pytest.fixture
def outgoing() -> Outgoing:
    def outgoing(name: str = "bot", **fields: Any) -> OutgoingIntegration:
        given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat"}
        given |= {"event": EventType.SEND_MESSAGE, "urls": "https://bot.example"}
        return OutgoingIntegration(name, **{**given, **fields})

    return outgoing


class AsManifest(Protocol):
    """A manifest of entries."""

    def __call__(self, *entries: Entry, scope: str | None = None) -> Manifest: ...


@pytest.fixture
def manifest() -> AsManifest:
    def manifest(*entries: Entry, scope: str | None = None) -> Manifest:
        return Manifest(entries=entries, scope=scope)

    return manifest


class AsEntry(Protocol):
    """An entry that gives the fields that are named, and those that a definition cannot be without."""

    def __call__(self, definition: IntegrationDefinition, *given: str, **more: Any) -> Entry: ...


@pytest.fixture
def entry() -> AsEntry:
    def entry(definition: IntegrationDefinition, *given: str, **more: Any) -> Entry:
        required = {field.name for field in attrs.fields(type(definition)) if field.default is attrs.NOTHING}
        return Entry(definition=definition, given=frozenset({*required, *given}), **more)

    return entry
