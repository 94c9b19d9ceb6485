"""Records for the tests of audits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rocketchat_integrations import IncomingIntegrationRecord, OutgoingIntegrationRecord

CHANGED_AT = datetime(2026, 11, 20, tzinfo=UTC)


def incoming(id: str = "i1", name: str = "ci", **fields: Any) -> IncomingIntegrationRecord:
    given: dict[str, Any] = {"channel": "#general", "username": "rocket.cat", **fields}
    return IncomingIntegrationRecord(name, id=id, **given)


def outgoing(id: str = "o1", name: str = "bot", **fields: Any) -> OutgoingIntegrationRecord:
    given: dict[str, Any] = {"event": "sendMessage", "urls": "https://bot.example.com/hook", "username": "rocket.cat"}
    given |= {"updated_at": CHANGED_AT, **fields}
    return OutgoingIntegrationRecord(name, id=id, **given)
