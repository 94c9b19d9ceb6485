"""Everything that the client sends is accepted by the server's own validators, without coercion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    ApiError,
    Client,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
)
from rocketchat_integrations._protocol import endpoints
from rocketchat_integrations.testing import LocalRocketChat, ReceivedRequest, strategies
from tests.contract.oracle import unequal_fields
from tests.contract.validators import Validators
from tests.contract.world import INTEGRATIONS, PATIENT, WORLD

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
BODIES = ("create", "update", "clearHistory", "replayOutgoing", "remove")
BODY_COUNT = 5_000


def stored(server: LocalRocketChat, record: IntegrationRecord) -> dict[str, Any]:
    """Return what the server stores under the id of a record."""
    return next(document for document in server.documents if document["_id"] == record.id)


def refused(validators: Validators, requests: Iterable[ReceivedRequest]) -> Sequence[object]:
    """Return the bodies that the validators refuse or coerce, with their answers."""
    bodies = [(request.endpoint, request.json) for request in requests if request.method != "GET"]
    return [
        (endpoint, body, validators(endpoint, body))
        for endpoint, body in bodies
        if not validators.take_unchanged(endpoint, body)
    ]


def test_bodies_are_accepted_and_stored_as_defined(
    server: LocalRocketChat, client: Client, validators: Validators
) -> None:
    """At least a thousand integrations are created, updated and removed, with five bodies each."""
    sent: Counter[str] = Counter()

    @settings(PATIENT, max_examples=BODY_COUNT // len(BODIES))
    @given(INTEGRATIONS, st.data())
    def live(wanted: IntegrationDefinition, data: st.DataObject) -> None:
        server.reset()
        record = client.create(wanted)
        assert unequal_fields(stored(server, record), wanted) == set()
        change: IntegrationDefinition = data.draw(strategies.updates(record, **WORLD[record.type]))
        record = client.update(record.id, change)
        assert unequal_fields(stored(server, record), change) == set()
        client.clear_history(record.id)
        client.replay_outgoing(record.id, server.insert_history(record.id, {"event": "sendMessage"}))
        client.remove(record)
        assert server.documents == ()
        assert refused(validators, server.requests) == []
        sent.update(request.endpoint for request in server.requests if request.method != "GET")

    live()
    assert set(sent) == {f"integrations.{name}" for name in BODIES}
    assert sum(sent.values()) >= BODY_COUNT


@pytest.mark.parametrize("run", [None, "class Script {}"])
def test_updates_of_any_record_are_accepted(validators: Validators, run: str | None) -> None:
    """Old and odd records can be updated, also with another script in place of the record's."""
    kinds = strategies.records() if run is None else strategies.incoming_records()

    @settings(PATIENT, max_examples=200)
    @given(kinds, st.data())
    def update(record: IntegrationRecord, data: st.DataObject) -> None:
        wanted: IntegrationDefinition = data.draw(strategies.updates(record))
        request = endpoints.update(record, wanted, "token", run=run).request
        body = json.loads(request.body or b"")
        assert validators.take_unchanged(request.endpoint, body), (body, validators(request.endpoint, body))

    update()


@settings(PATIENT, max_examples=60)
@given(text=TEXTS, other=TEXTS, type=st.none() | st.sampled_from(IntegrationType), everywhere=st.booleans())
def test_queries_are_accepted(
    server: LocalRocketChat,
    client: Client,
    validators: Validators,
    text: str,
    other: str,
    type: IntegrationType | None,
    everywhere: bool,
) -> None:
    """With any arguments, the validators accept the parameters as texts."""
    server.reset()
    for ask in (
        lambda: client.get(text, created_by=other),
        lambda: client.get(text),
        lambda: list(client.list(type=type, name=text)),
        lambda: list(client.list(type=type, name_contains=other)),
        client.list(type=type).total,
        lambda: list(client.history(text)),
        client.history(text).total,
        lambda: list(client.list_for_channel(room_id=text, include_all_public_channels=everywhere)),
        lambda: list(client.list_for_channel(room_name=text, include_all_public_channels=everywhere)),
        lambda: list(client.list_for_group(room_id=text, include_all_private_groups=everywhere)),
        lambda: list(client.list_for_group(room_name=text, include_all_private_groups=everywhere)),
    ):
        with suppress(ApiError):  # nothing may have this name
            ask()
    asked = [(request.endpoint, dict(request.query)) for request in server.requests]
    assert len(asked) == 11
    assert [(endpoint, query) for endpoint, query in asked if not validators(endpoint, query).accepted] == []
