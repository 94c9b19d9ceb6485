"""Everything that the client sends is accepted by the server's own validators, as it is."""

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
from rocketchat_integrations._protocol import endpoints as _operations
from rocketchat_integrations.testing import LocalRocketChat, ReceivedRequest, strategies
from tests.contract.oracle import unlike
from tests.contract.patience import PATIENT
from tests.contract.validators import Validators
from tests.contract.world import INTEGRATIONS, WORLD

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
BODIES = ("create", "update", "clearHistory", "replayOutgoing", "remove")
ENOUGH = 5_000


def stored(server: LocalRocketChat, record: IntegrationRecord) -> dict[str, Any]:
    """What the server holds under the id of a record."""
    return next(document for document in server.documents if document["_id"] == record.id)


def refused(validators: Validators, requests: Iterable[ReceivedRequest]) -> Sequence[object]:
    """The bodies that the validators do not take as they are, with what they say."""
    bodies = [(request.endpoint, request.json) for request in requests if request.method != "GET"]
    return [
        (endpoint, body, validators(endpoint, body))
        for endpoint, body in bodies
        if not validators.take_unchanged(endpoint, body)
    ]


def test_every_body_is_accepted_unchanged_and_stored_as_it_was_meant(
    server: LocalRocketChat, client: Client, validators: Validators
) -> None:
    """Whatever is defined and however it is updated, the server takes the bodies without coercion and keeps its word.

    The lives of at least a thousand integrations, with five bodies each.
    """
    sent: Counter[str] = Counter()

    @settings(PATIENT, max_examples=ENOUGH // len(BODIES))
    @given(INTEGRATIONS, st.data())
    def live(wanted: IntegrationDefinition, data: st.DataObject) -> None:
        server.reset()
        record = client.create(wanted)
        assert unlike(stored(server, record), wanted) == set()
        change: IntegrationDefinition = data.draw(strategies.updates(record, **WORLD[record.type]))
        record = client.update(record.id, change)
        assert unlike(stored(server, record), change) == set()
        client.clear_history(record.id)
        client.replay_outgoing(record.id, server.insert_history(record.id, {"event": "sendMessage"}))
        client.remove(record)
        assert server.documents == ()
        assert refused(validators, server.requests) == []
        sent.update(request.endpoint for request in server.requests if request.method != "GET")

    live()
    assert set(sent) == {f"integrations.{name}" for name in BODIES}
    assert sum(sent.values()) >= ENOUGH


@pytest.mark.parametrize("run", [None, "class Script {}"])
def test_whatever_the_server_holds_an_update_of_it_is_accepted_unchanged(
    validators: Validators, run: str | None
) -> None:
    """Old and odd data is no obstacle: neither to an update, nor to putting another script to work before it."""
    kinds = strategies.records() if run is None else strategies.incoming_records()

    @settings(PATIENT, max_examples=400)
    @given(kinds, st.data())
    def update(record: IntegrationRecord, data: st.DataObject) -> None:
        wanted: IntegrationDefinition = data.draw(strategies.updates(record))
        request = _operations.update(record, wanted, "token", run=run).request
        body = json.loads(request.body or b"")
        assert validators.take_unchanged(request.endpoint, body), (body, validators(request.endpoint, body))

    update()


@settings(PATIENT, max_examples=150)
@given(text=TEXTS, other=TEXTS, type=st.none() | st.sampled_from(IntegrationType), everywhere=st.booleans())
def test_every_query_is_accepted_as_text(
    server: LocalRocketChat,
    client: Client,
    validators: Validators,
    text: str,
    other: str,
    type: IntegrationType | None,
    everywhere: bool,
) -> None:
    """Whatever is asked for, the validators take the parameters as the texts that a query has."""
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
        with suppress(ApiError):  # there may be none of this name
            ask()
    asked = [(request.endpoint, dict(request.query)) for request in server.requests]
    assert len(asked) == 11
    assert [(endpoint, query) for endpoint, query in asked if not validators(endpoint, query).accepted] == []
