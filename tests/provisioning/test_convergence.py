"""Property test: repeated plan and apply make any workspace as wanted, also after failures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    Client,
    EventType,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationType,
    OutgoingIntegration,
    RetryPolicy,
    RocketChatError,
)
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.provisioning import apply, plan
from rocketchat_integrations.testing import LocalRocketChat

Document: TypeAlias = dict[str, Any]

SCOPE = "own-"
NAMES = ("own-a", "own-b", "own-c")
OTHERS = ("own-twin", "own-twin", "else", "else")
"""Names that are never wanted; some exist twice."""

ADMIN, ALICE = "adminid0000000001", "aliceid0000000001"
SCRIPT = "class Script { process_incoming_request() { return {} } }"

COMMON: dict[str, st.SearchStrategy[Any]] = {
    "enabled": st.booleans(),
    "alias": st.sampled_from([None, "", "Alias", " padded "]),
    "emoji": st.sampled_from([None, "", ":robot:"]),
    "script_enabled": st.booleans(),
    "script": st.sampled_from([None, "", " ", SCRIPT, "class Script { // does not compile"]),
}
INCOMING: dict[str, st.SearchStrategy[Any]] = {
    **COMMON,
    "channel": st.sampled_from([("#general",), (" #general ", "#random"), ("@alice",)]),
    "override_destination_channel_enabled": st.booleans(),
}
OUTGOING: dict[str, st.SearchStrategy[Any]] = {
    **COMMON,
    "channel": st.sampled_from([(), ("#general",), (" #random", "all_private_groups")]),
    "event": st.sampled_from(EventType),
    "urls": st.sampled_from([("https://a.example",), (" ", "https://b.example")]),
    "trigger_words": st.sampled_from([(), ("!a",), (" ", "!b ")]),
    "trigger_word_anywhere": st.booleans(),
    "target_room": st.just("#general"),
    "token": st.sampled_from([None, "one", "two"]),
    "run_on_edits": st.booleans(),
    "retry_failed_calls": st.booleans(),
    "retry_count": st.sampled_from([None, 1, 7]),
    "retry_delay": st.sampled_from([None, "powers-of-two"]),
}
REQUIRED = frozenset({"name", "username", "channel", "event", "urls"})


@st.composite
def definitions(draw: st.DrawFn, kind: IntegrationType, name: str) -> IntegrationDefinition:
    if kind is IntegrationType.INCOMING:
        return IncomingIntegration(name, username="rocket.cat", **draw(st.fixed_dictionaries(INCOMING)))
    return OutgoingIntegration(name, username="rocket.cat", **draw(st.fixed_dictionaries(OUTGOING)))


def stored(definition: IntegrationDefinition, creator: str) -> Document:
    """A document on the server, not normalized as today's servers would store it."""
    document: Document = {"_createdBy": {"_id": creator, "username": "somebody"}, "type": str(definition.type)}
    for field in fields_of(definition):
        value = getattr(definition, field)
        if value is not None:
            document[wire(field)] = [*value] if field in ("channel", "urls", "trigger_words") else value
    if definition.type is IntegrationType.INCOMING:
        document["token"] = f"token of {definition.name}"
    return document


def wire(field: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), field)


@attrs.frozen
class Case:
    """A workspace, what is wanted, and the faults on the way."""

    there: tuple[Document, ...]
    wanted: Manifest
    prune: Any
    rounds: tuple[tuple[str | None, ...], ...]
    """For each round of plan and apply: the faults, one a call."""
    workers: int


FAULTS = st.sampled_from([None, None, "reset-before", "reset-after", "truncate", "502", "503", "html", "429"])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    creators = st.sampled_from([ADMIN, ALICE])
    there: list[Document] = []
    entries: list[Entry] = []
    for kind in IntegrationType:
        for name in NAMES:
            # It exists with the wanted name, with an old name, or not at all.
            has = draw(st.sampled_from([None, name, f"{name}-old"]))
            if has is not None:
                there.append(stored(draw(definitions(kind, has)), draw(creators)))
            if draw(st.booleans()):
                definition = draw(definitions(kind, name))
                chosen = draw(st.sets(st.sampled_from(fields_of(definition))))
                old = draw(st.sampled_from([None, f"{name}-old"]))
                given = REQUIRED.union(chosen).intersection(fields_of(definition))
                partial = draw(st.booleans())
                entries.append(Entry(definition=definition, given=given, partial=partial, renamed_from=old))
        there += [stored(draw(definitions(kind, name)), draw(creators)) for name in OTHERS if draw(st.booleans())]
    return Case(
        there=tuple(draw(st.permutations(there))),
        wanted=Manifest(entries=tuple(draw(st.permutations(entries))), scope=SCOPE),
        prune=draw(st.sampled_from([False, True, "all"])),
        rounds=tuple(map(tuple, draw(st.lists(st.lists(FAULTS, max_size=12), max_size=2)))),
        workers=draw(st.sampled_from([1, 3])),
    )


def fields_of(definition: IntegrationDefinition) -> list[str]:
    return [field.name for field in attrs.fields(type(definition))]


class FaultyClient:
    """A client whose first calls meet the given faults."""

    def __init__(self, client: Client, server: LocalRocketChat, faults: tuple[str | None, ...]) -> None:
        self._client: Any = client
        self._server = server
        self._faults = iter(faults)

    def list(self) -> Iterator[Any]:
        self._inject("integrations.list")
        return iter(self._client.list())

    def create(self, definition: Any) -> Any:
        self._inject("integrations.create")
        return self._client.create(definition)

    def update(self, id: str, wanted: Any) -> Any:
        # An update makes two calls: the fault is for one of them.
        if not self._inject("integrations.get"):
            self._inject("integrations.update")
        return self._client.update(id, wanted)

    def remove(self, record: Any) -> None:
        self._inject("integrations.remove")
        self._client.remove(record)

    @property
    def url(self) -> str:
        return str(self._client.url)

    def user_id(self) -> str:
        return str(self._client.user_id())

    def _inject(self, endpoint: str) -> bool:
        fault = next(self._faults, None)
        if fault is not None:
            self._server.fail_next(endpoint, fault)
        return fault is not None


@pytest.fixture(scope="module", params=["9.0", "8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=request.param, page_cap=4) as server:
        yield server


@settings(deadline=None, database=None, max_examples=50)
@given(case=cases())
def test_plan_and_apply_converge(server: LocalRocketChat, case: Case) -> None:
    """After at most three rounds without faults nothing is left to do.

    Unwanted integrations have not changed, nothing was created twice, and ids and tokens are the same as before.
    """
    server.reset()
    for document in case.there:
        server.insert(document)
    before = {document["_id"]: document for document in server.documents}
    with Client(server.url, server.auth("admin"), retry=RetryPolicy.never()) as client:
        for faults in case.rounds:
            faulty = FaultyClient(client, server, faults)
            with suppress(RocketChatError):
                apply(plan(case.wanted, faulty, prune=case.prune), faulty, workers=case.workers, max_removals=99)
        clean = 0
        while changes := plan(case.wanted, client, prune=case.prune):
            clean += 1
            assert clean <= 3, str(changes)
            apply(changes, client, max_removals=99)
    after = {document["_id"]: document for document in server.documents}
    check(case, before, after)


def check(case: Case, before: Mapping[str, Document], after: Mapping[str, Document]) -> None:
    count = Counter((document["type"], document["name"]) for document in after.values())
    kept: set[str] = set()
    for entry in case.wanted.entries:
        definition = entry.definition
        assert count[definition.type, definition.name] == 1
        (document,) = (it for it in after.values() if (it["type"], it["name"]) == (definition.type, definition.name))
        check_fields(entry, document, before.get(document["_id"]))
        was = [
            it["_id"]
            for it in before.values()
            if it["type"] == definition.type and it["name"] in (definition.name, entry.renamed_from)
        ]
        assert was in ([], [document["_id"]])
        kept.add(document["_id"])
    for id, document in before.items():
        if id in kept:
            continue
        is_owned = document["name"].startswith(SCOPE) and document["_createdBy"]["_id"] == ADMIN
        if case.prune == "all" or (case.prune and is_owned):
            assert id not in after
        else:
            assert after[id] == document
    assert set(after) == kept.union(set(before) & set(after))


def check_fields(entry: Entry, document: Document, before: Document | None) -> None:
    """Fields that are managed have the stored form of their value; others have the old value or the default."""
    definition, given = entry.definition, entry.managed
    for field in ("enabled", "alias", "emoji", "run_on_edits", "trigger_word_anywhere"):
        if field in given or before is None:
            assert (document.get(wire(field)) or None) == (getattr(definition, field, None) or None), field
        else:
            assert (document.get(wire(field)) or None) == (before.get(wire(field)) or None), field
    script = definition.script if definition.script and definition.script.strip() else None
    if {"script", "script_enabled"} <= given or before is None:
        if definition.script_enabled and script:
            assert (document["scriptEnabled"], document["script"]) == (True, script)
            assert ("scriptError" in document) == ("not compile" in script) or before is not None
        elif definition.type is IntegrationType.INCOMING:
            assert not (document["scriptEnabled"] and (document.get("script") or "").strip())
    if isinstance(definition, IncomingIntegration):
        assert [part.strip() for part in document["channel"]] == [part.strip() for part in definition.channel]
        assert before is None or document["token"] == before["token"]
        return
    assert document["event"] == definition.event
    assert [url for url in document["urls"] if url.strip()] == [url for url in definition.urls if url.strip()]
    if EventType(definition.event).uses_channel:
        assert [part.strip() for part in document["channel"]] == [part.strip() for part in definition.channel]
    if definition.token is not None and ("token" in given or before is None):
        assert document["token"] == definition.token
    elif before is not None and before.get("token"):
        assert document["token"] == before["token"]
