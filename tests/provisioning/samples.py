"""Definitions, manifests and an in-memory workspace for the tests of provisioning."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any

import attrs

from rocketchat_integrations import (
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    UserReference,
)
from rocketchat_integrations.manifest import Entry, Manifest


def incoming(name: str = "ci", **fields: Any) -> IncomingIntegration:
    given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat", **fields}
    return IncomingIntegration(name, **given)


def outgoing(name: str = "bot", **fields: Any) -> OutgoingIntegration:
    given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat"}
    given |= {"event": EventType.SEND_MESSAGE, "urls": "https://bot.example", **fields}
    return OutgoingIntegration(name, **given)


def entry(definition: IntegrationDefinition, *given: str, **more: Any) -> Entry:
    """A partial entry that gives the named fields and the required ones."""
    required = {field.name for field in attrs.fields(type(definition)) if field.default is attrs.NOTHING}
    return Entry(definition=definition, given=frozenset({*required, *given}), partial=True, **more)


def manifest(*entries: Entry, scope: str | None = None) -> Manifest:
    return Manifest(entries=entries, scope=scope)


class Memory:
    """A client whose workspace is a dictionary. It records its calls and can be made to fail."""

    def __init__(self) -> None:
        self.url, self.user = "https://chat.example", "me"
        self.records: dict[str, IntegrationRecord] = {}
        self.calls: list[str] = []
        self.before: Callable[[str], object] = lambda call: None
        """Called before each write with text such as ``"create ci"``; may raise."""
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def add(self, definition: IntegrationDefinition, *, creator: str = "me", **more: Any) -> IntegrationRecord:
        """Store a record without recording a call."""
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
        with self._recorded(f"create {definition.name}"):
            return self.add(definition)

    def update(self, id: str, wanted: Any) -> Any:
        with self._recorded(f"update {self.records[id].name}"):
            self.records[id] = wanted
            return wanted

    def remove(self, record: IntegrationRecord) -> None:
        with self._recorded(f"remove {record.name}"):
            del self.records[record.id]

    def user_id(self) -> str:
        return self.user

    def _recorded(self, call: str) -> threading.Lock:
        with self._lock:
            self.calls.append(call)
        self.before(call)
        return self._lock
