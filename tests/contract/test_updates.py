"""After any update the server has what was wanted, or the exception names the other fields, or nothing changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias, cast

import attrs
import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from rocketchat_integrations import (
    BadRequestError,
    Change,
    Client,
    ConfigurationError,
    EventType,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    NotFoundError,
    RetryPolicy,
    StaleRecordError,
    UpdateIncomplete,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat, strategies
from tests.contract.oracle import NAMES, running_script, unequal_fields, wanted_fields
from tests.contract.world import PATIENT, SERVER, WORLD

# Whether each script compiles.
SCRIPTS = {
    "class Script { process_incoming_request() {} }": True,
    "class Script { process_outgoing_request() {} }": True,
    "class Script { prepare_outgoing_request() {} }": True,
    "class Script {": False,
    "class Script { }}": False,
    " ": False,
    None: False,
}
COMPILING = [script for script, compiles in SCRIPTS.items() if compiles]
OTHERS = [script for script, compiles in SCRIPTS.items() if not compiles]
SCRIPT_FIELDS = {"script", "scriptEnabled", "scriptEngine", "skipTranspile"}
LISTENING = ("sendMessage", "fileUploaded", "roomJoined", "roomLeft")

NOTHING = cast(Any, multiple())  # no new record

# The client replaces a script that runs too early by this one.
IDLE = "class Script {}"

Fields: TypeAlias = Mapping[IntegrationType, Mapping[str, st.SearchStrategy[Any]]]


def script_that_runs(definition: IntegrationDefinition) -> str | None:
    """Return the script of a definition, if it compiles and is enabled."""
    return definition.script if definition.script_enabled and SCRIPTS[definition.script] else None


@attrs.frozen
class Read:
    """A record, and how often its integration had been updated when it was read."""

    record: IntegrationRecord
    writes: int


@attrs.frozen
class Connected:
    """A server and its administrator's client."""

    server: LocalRocketChat
    client: Client

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        """The stored integrations, by id."""
        return {document["_id"]: document for document in self.server.documents}


# What frozen scripts and servers without the field may keep: `UpdateIncomplete` does not name it.
STAYS_TRUE = Change("skip_transpile", old=True, new=False)


class Updates(RuleBasedStateMachine):
    """Updates by several people, with records that get stale, on a server that freezes scripts at times."""

    reads = Bundle("reads")

    def __init__(self, workspace: Connected, fields: Fields) -> None:
        super().__init__()
        workspace.server.reset()
        workspace.server.frozen_scripts = False
        self.workspace, self.fields = workspace, fields
        self.writes: dict[str, int] = {}
        self.running: dict[str, str | None] = {}
        self.had_an_update_refused: set[str] = set()

    # Actions

    @precondition(lambda self: len(self.writes) < 3)
    @rule(target=reads, data=st.data(), type=st.sampled_from(IntegrationType))
    def create(self, data: st.DataObject, type: IntegrationType) -> Any:
        wanted: IntegrationDefinition = data.draw(self.definitions(type))
        before = self.workspace.documents
        try:
            record = self.workspace.client.create(wanted)
        except BadRequestError:
            assert self.workspace.server.frozen_scripts
            assert wanted.script
            assert self.workspace.documents == before
            return NOTHING
        self.running[record.id] = script_that_runs(wanted)
        return self.read(record)

    @rule(target=reads, read=reads, data=st.data(), overwrite=st.booleans())
    def update_what_was_read_then(self, read: Read, data: st.DataObject, overwrite: bool) -> Any:
        wanted: IntegrationDefinition = data.draw(strategies.updates(read.record, **self.fields[read.record.type]))
        return self.updated(read, wanted, overwrite=overwrite)

    @rule(target=reads, read=reads, data=st.data())
    def update_what_is_there(self, read: Read, data: st.DataObject) -> Any:
        return self.update_what_was_read_then(self.read_again(read), data, overwrite=False)

    @rule(target=reads, read=reads, data=st.data())
    def replace_the_script(self, read: Read, data: st.DataObject) -> Any:
        fresh = self.read_again(read)
        others = [script for script in COMPILING if script != fresh.record.script]
        script = data.draw(st.sampled_from(others))
        return self.updated(fresh, attrs.evolve(fresh.record, script=script, script_enabled=True))

    @rule(read=reads, data=st.data())
    def somebody_else_updates(self, read: Read, data: st.DataObject) -> None:
        self.updated(read, data.draw(self.definitions(read.record.type)))

    @rule(read=reads, other=reads, data=st.data())
    def mistake_one_for_another(self, read: Read, other: Read, data: st.DataObject) -> None:
        id, kind = read.record.id, read.record.type
        if other.record.type is not kind:
            expected = ConfigurationError if id in self.writes else NotFoundError
            self.refused(expected, id, data.draw(self.definitions(other.record.type)))
        elif other.record.id != id:
            self.refused(ConfigurationError, id, other.record, overwrite=True)

    @rule(read=reads, script=st.sampled_from(list(SCRIPTS)))
    def name_an_unknown_room(self, read: Read, script: str | None) -> None:
        record = self.read_again(read).record
        if record.id in self.writes and getattr(record, "event", "sendMessage") in LISTENING:
            wanted = attrs.evolve(record, channel=("#nowhere",), script=script, script_enabled=True)
            self.refused(BadRequestError, record.id, wanted)
            self.had_an_update_refused.add(record.id)

    @rule(frozen=st.sampled_from([False, False, True]))
    def freeze(self, frozen: bool) -> None:
        self.workspace.server.frozen_scripts = frozen

    @precondition(lambda self: len(self.writes) > 1)
    @rule(read=reads)
    def remove(self, read: Read) -> None:
        id = read.record.id
        if id not in self.writes:
            with pytest.raises(NotFoundError):
                self.workspace.client.remove(read.record)
            return
        self.workspace.client.remove(read.record)
        del self.writes[id], self.running[id]

    # Invariants

    @invariant()
    def the_list_is_complete(self) -> None:
        listed = {record.id: record for record in self.workspace.client.list()}
        assert listed.keys() == self.workspace.documents.keys() == self.writes.keys()

    @invariant()
    def the_wanted_scripts_run(self) -> None:
        runs_now = {id: running_script(document) for id, document in self.workspace.documents.items()}
        idle = {id for id in self.had_an_update_refused if runs_now.get(id) == IDLE}
        assert {id: None if id in idle else script for id, script in runs_now.items()} == self.running

    def updated(self, read: Read, wanted: IntegrationDefinition, *, overwrite: bool = False) -> Any:
        """Update, and check what the server has and what the client says."""
        id, client, before = read.record.id, self.workspace.client, self.workspace.documents
        if id not in self.writes:
            self.refused(NotFoundError, id, wanted)
            return NOTHING
        is_old = type(wanted) is type(read.record) and not overwrite and read.writes != self.writes[id]
        incomplete: UpdateIncomplete | None = None
        try:
            record = client.update(id, wanted, overwrite=overwrite)
        except StaleRecordError:
            assert is_old
            assert self.workspace.documents == before
            return NOTHING
        except BadRequestError:
            # 8.x refuses another script where scripts are frozen.
            assert self.workspace.server.frozen_scripts
            assert wanted.script
            assert self.workspace.documents == before
            return NOTHING
        except UpdateIncomplete as error:
            record, incomplete = error.record, error
        changes = incomplete.changes if incomplete else ()
        missed = {NAMES[wanted.type][change.field] for change in changes}
        assert bool(changes) == (incomplete is not None)
        assert changes == tuple(each for each in differences(client.get(id), wanted) if each != STAYS_TRUE)
        assert missed == self.missed_fields(id, wanted)
        assert missed <= self.excuses(wanted.type)
        if missed.isdisjoint(SCRIPT_FIELDS):
            self.running[id] = script_that_runs(wanted)
        assert not is_old
        assert record == client.get(id)
        self.only_this_was_touched(before, id, wanted)
        self.writes[id] += 1
        return self.read(record)

    def refused(
        self, kind: type[Exception], id: str, wanted: IntegrationDefinition, *, overwrite: bool = False
    ) -> None:
        """Update, and check that it is refused and nothing has changed."""
        before = self.workspace.documents
        with pytest.raises(kind):
            self.workspace.client.update(id, wanted, overwrite=overwrite)
        after = self.workspace.documents
        if kind is BadRequestError:
            # The server and the client have compiled scripts by then: an invariant checks which one runs.
            for document in (before[id], after[id]):
                document.pop("scriptCompiled", None)
                document.pop("scriptError", None)
        assert after == before

    def only_this_was_touched(
        self, before: Mapping[str, Mapping[str, Any]], id: str, wanted: IntegrationDefinition
    ) -> None:
        after = self.workspace.documents
        assert {key: each for key, each in after.items() if key != id} == {
            key: each for key, each in before.items() if key != id
        }
        token = before[id].get("token")
        if wanted.type is IntegrationType.OUTGOING and (wanted.token or not token):
            assert after[id]["token"] == wanted.token or (wanted.token is None and after[id]["token"])
        else:
            assert after[id]["token"] == token
        for name in {"scriptEngine", "skipTranspile"} - wanted_fields(wanted).keys():
            # The server may replace a missing value by an equivalent one.
            assert (after[id].get(name) or None) == (before[id].get(name) or None)

    def missed_fields(self, id: str, wanted: IntegrationDefinition) -> set[str]:
        """Return the fields that an update has missed.

        A script that is not enabled does not count. `skipTranspile` only counts if the record has it false.
        """
        document = self.workspace.documents[id]
        return (
            unequal_fields(document, wanted)
            - (set() if wanted_fields(wanted)["scriptEnabled"] else {"script"})
            - (set() if document.get("skipTranspile") is False else {"skipTranspile"})
        )

    def excuses(self, type: IntegrationType) -> set[str]:
        """Return the fields that the server is known not to take."""
        frozen = SCRIPT_FIELDS if self.workspace.server.frozen_scripts else set[str]()
        is_old = self.workspace.client.server_version().startswith("6.")
        return frozen | ({"username"} if is_old and type is IntegrationType.INCOMING else set())

    def definitions(self, type: IntegrationType) -> st.SearchStrategy[IntegrationDefinition]:
        make = (
            strategies.incoming_integrations if type is IntegrationType.INCOMING else strategies.outgoing_integrations
        )
        return make(**self.fields[type])

    def read(self, record: IntegrationRecord) -> Read:
        return Read(record, self.writes.setdefault(record.id, 0))

    def read_again(self, read: Read) -> Read:
        return self.read(self.workspace.client.get(read.record.id)) if read.record.id in self.writes else read


@pytest.fixture(params=["9.0", "8.8.1", "6.14"])
def workspace(request: pytest.FixtureRequest) -> Iterator[Connected]:
    with (
        LocalRocketChat(version=request.param, world=SERVER) as server,
        Client(server.url, server.auth("admin"), retry=RetryPolicy.never()) as client,
    ):
        yield Connected(server, client)


def test_updates(workspace: Connected) -> None:
    """Sequences of creates, updates and removals keep the promise of `update`."""
    # What updates can fail at should be frequent.
    common: dict[str, st.SearchStrategy[Any]] = {
        "script": st.sampled_from([COMPILING, COMPILING, OTHERS]).flatmap(st.sampled_from),
        "script_enabled": st.sampled_from([True, True, False]),
    }
    events = st.sampled_from([*[EventType.SEND_MESSAGE] * 6, *EventType])
    words = st.sampled_from([(), ("!a",), ("!a", " ", "b")])
    fields: Fields = {
        IntegrationType.INCOMING: {**WORLD[IntegrationType.INCOMING], **common},
        IntegrationType.OUTGOING: {
            **WORLD[IntegrationType.OUTGOING],
            **common,
            "event": events,
            "trigger_words": words,
            "token": st.none() | st.sampled_from(["token", "%2F?&#", "schlüssel"]),
        },
    }
    machine = cast(Any, partial(Updates, workspace, fields))
    run_state_machine_as_test(machine, settings=settings(PATIENT, max_examples=60, stateful_step_count=30))
