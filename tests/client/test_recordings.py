"""Recorded answers of servers to `create`: the client sends the recorded body and understands the answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rocketchat_integrations import (
    ApiError,
    Client,
    IncomingIntegration,
    IntegrationDefinition,
    OutgoingIntegration,
    TokenAuth,
)
from tests.client.samples import OneAnswer

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))
STEPS: list[dict[str, Any]] = [
    step
    for scenario in RECORDED["scenarios"]
    for step in scenario["steps"]
    if step["path"].endswith("integrations.create") and "json" in step
]


def snake(name: str) -> str:
    return re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def definition_of(body: dict[str, Any]) -> IntegrationDefinition | None:
    """The definition for a recorded body; None if no definition is like it."""
    kinds = {kind.type: kind for kind in (IncomingIntegration, OutgoingIntegration)}
    fields: dict[str, Any] = {snake(name): value for name, value in body.items() if name != "type"}
    try:
        fields["channel"] = fields["channel"].split(",") if fields["channel"] else ()
        return kinds[body["type"]](**fields)
    except (KeyError, AttributeError, TypeError, ValueError):
        return None


SENDABLE = [(step, definition) for step in STEPS if (definition := definition_of(step["json"])) is not None]
CREATED = [(step, definition) for step, definition in SENDABLE if step["expect"]["status"] == 200]
REFUSED = [(step, definition) for step, definition in SENDABLE if step["expect"]["status"] != 200]


def client_for(step: dict[str, Any]) -> tuple[Client, OneAnswer]:
    answer = json.loads(json.dumps(step["expect"]["json"]).replace("<date>", "2024-01-10T14:12:07.739Z"))
    transport = OneAnswer(step["expect"]["status"], answer)
    return Client("https://chat.example.com", TokenAuth("id", "token"), transport=transport), transport


def test_recorded_integrations_become_records() -> None:
    """What goes out is the recorded body; every field of the answer is in the record."""
    for step, definition in CREATED:
        client, transport = client_for(step)
        record = client.create(definition)
        assert transport.sent == [step["json"]]
        integration = step["expect"]["json"]["integration"]
        shared = integration.keys() & step["json"].keys()
        values = {name: _plain(getattr(record, snake(name))) for name in shared}
        assert values == {name: integration[name] for name in shared}
        assert record.id == integration["_id"]
    assert len(CREATED) > 30


def test_recorded_refusals_become_exceptions() -> None:
    """With the server's words, its name of the error, and the details."""
    for step, definition in REFUSED:
        client, _ = client_for(step)
        with pytest.raises(ApiError) as caught:
            client.create(definition)
        error, answer = caught.value, step["expect"]["json"]
        assert (error.status, error.error) == (step["expect"]["status"], answer.get("error") or answer.get("message"))
        assert (error.error_type, error.details) == (answer.get("errorType"), answer.get("details"))
    assert len(REFUSED) > 5


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
