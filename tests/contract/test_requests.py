"""Everything that the client sends is accepted by the server's own validators, without coercion."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from tests.contract.validators import Validators, same_json
from tests.contract.versions import ADDED_ENDPOINTS, NEWEST, VERSIONS, acceptable, is_at_least
from tests.contract.world import INTEGRATIONS, PATIENT, WORLD

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30).filter(str.strip)
BODIES = ("create", "update", "clearHistory", "replayOutgoing", "remove")
BODY_COUNT = 5_000

ENDPOINTS_OF_ALL_VERSIONS = (
    *("integrations.create", "integrations.get", "integrations.history", "integrations.update", "integrations.remove"),
    *("channels.getIntegrations", "groups.getIntegrations"),
)
REQUIRED = {"username": "rocket.cat", "channel": "#general", "name": "ci", "enabled": True, "scriptEnabled": False}


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


@pytest.mark.skipif(not is_at_least(NEWEST, 8, 7), reason="the version has not all endpoints")
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


@pytest.mark.parametrize("version", VERSIONS)
def test_bodies_are_accepted_by_each_version(published: Mapping[str, Validators], version: str) -> None:
    """Every version accepts the bodies that the client sends, except for the known gaps of old versions."""
    validators = published[version]

    @settings(PATIENT, max_examples=200)
    @given(INTEGRATIONS, st.data())
    def send(wanted: IntegrationDefinition, data: st.DataObject) -> None:
        record = data.draw(records_of(version))
        change: IntegrationDefinition = data.draw(strategies.updates(record))
        operations: list[endpoints.Operation[Any]] = [
            endpoints.create(wanted),
            endpoints.update(record, change, "token"),
            endpoints.remove(record.id, record.type),
            endpoints.clear_history(record.id),
            endpoints.replay_outgoing(record.id, "x"),
        ]
        if record.type is IntegrationType.INCOMING:
            operations.append(endpoints.update(record, change, "token", run="class Script {}"))
        for request in (operation.request for operation in operations):
            if request.endpoint in validators.endpoints:
                body = acceptable(version, request.endpoint, json.loads(request.body or b""))
                answer = validators(request.endpoint, body)
                assert answer.accepted, (request.endpoint, body, answer)
                assert same_json(answer.params, body)

    send()


def records_of(version: str) -> st.SearchStrategy[IntegrationRecord]:
    """Return a strategy for records that a version may hold, old and odd ones among them."""
    unknown = [
        field
        for field, since in (("skip_transpile", (8, 4)), ("script_engine", (6, 4)))
        if not is_at_least(version, *since)
    ]
    return strategies.records(**dict.fromkeys(unknown, st.none()))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_versions_differ_as_documented(published: Mapping[str, Validators], version: str) -> None:
    """Each gap that the tests allow for is one of that version's validators."""
    validators = published[version]
    missing = {name for name, since in ADDED_ENDPOINTS.items() if not is_at_least(version, *since)}
    assert missing.isdisjoint(validators.endpoints)
    assert validators.endpoints | missing == {*ADDED_ENDPOINTS, *ENDPOINTS_OF_ALL_VERSIONS}

    create = {**REQUIRED, "type": "webhook-incoming"}
    update = {**REQUIRED, "type": "webhook-outgoing", "integrationId": "x", "event": "sendMessage", "token": "x"}
    assert validators.take_unchanged("integrations.create", create)
    has_engine = is_at_least(version, 6, 4)
    assert validators("integrations.create", {**create, "scriptEngine": "isolated-vm"}).accepted is has_engine
    assert validators("integrations.update", update).accepted is has_engine
    if not is_at_least(version, 9, 0):  # 9.0's schema may have it or not
        has_transpile = is_at_least(version, 8, 4)
        assert validators("integrations.create", {**create, "skipTranspile": True}).accepted is has_transpile


@settings(PATIENT, max_examples=60)
@given(text=TEXTS, other=TEXTS, type=st.none() | st.sampled_from(IntegrationType), everywhere=st.booleans())
def test_queries_are_accepted(
    server: LocalRocketChat,
    client: Client,
    published: Mapping[str, Validators],
    text: str,
    other: str,
    type: IntegrationType | None,
    everywhere: bool,
) -> None:
    """With any arguments, the validators of all versions accept the parameters as texts."""
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
    assert [
        (validators.version, endpoint, query)
        for validators in published.values()
        for endpoint, query in asked
        if endpoint in validators.endpoints and not validators(endpoint, query).accepted
    ] == []
