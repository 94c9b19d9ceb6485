"""Applying does what the plan says, in its order, or says what it did not do; and touches nothing that has changed."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest

from rocketchat_integrations import (
    ApplyError,
    AuthenticationError,
    BadRequestError,
    Client,
    ConfigurationError,
    IntegrationDefinition,
    RetryPolicy,
    RocketChatError,
    StalePlan,
    StaleRecordError,
    TransportError,
    UnsafePlan,
    UpdateIncomplete,
)
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Plan, Progress, Report, Step, apply, plan
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.provisioning.conftest import AsEntry, AsManifest, Connect, Incoming, Memory, Outgoing

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)
only_6 = pytest.mark.parametrize("server", ["6.14"], indirect=True)

WRITES = ("integrations.create", "integrations.update", "integrations.remove")


def names(steps: tuple[Step, ...]) -> list[str]:
    return [step.name for step in steps]


def failed_names(error: ApplyError) -> list[str]:
    return [failure.step.name for failure in error.failed]


def writes(server: LocalRocketChat) -> list[str]:
    return [request.endpoint for request in server.requests if request.endpoint in WRITES]


# The order


@pytest.mark.parametrize("workers", [1, 4])
def test_renames_come_first_then_creates_then_updates_then_removals(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry, workers: int
) -> None:
    """With several workers, too: the next kind begins when the one before is over."""
    for number in range(3):
        memory.add(incoming(f"old{number}"))
        memory.add(incoming(f"changes{number}"))
        memory.add(incoming(f"gone{number}"))
    wanted = manifest(
        *(entry(incoming(f"new{number}"), renamed_from=f"old{number}") for number in range(3)),
        *(entry(incoming(f"changes{number}", alias="A"), "alias") for number in range(3)),
        *(entry(incoming(f"comes{number}")) for number in range(3)),
    )
    changes = plan(wanted, memory, prune="all")
    memory.calls.clear()
    report = apply(changes, memory, workers=workers)
    kinds = [call.rstrip("0123456789") for call in memory.calls]
    assert kinds == ["list", *["update old"] * 3, *["create comes"] * 3, *["update changes"] * 3, *["remove gone"] * 3]
    assert report == Report(done=changes.steps)
    assert not plan(wanted, memory, prune="all")


def test_names_are_exchanged_and_ids_and_tokens_stay(
    client: Client, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    a, b = client.create(incoming("a")), client.create(incoming("b"))
    wanted = manifest(entry(incoming("b"), id=a.id), entry(incoming("a"), id=b.id))
    apply(plan(wanted, client), client)
    assert {record.name: (record.id, record.token) for record in client.list()} == {
        "b": (a.id, a.token),
        "a": (b.id, b.token),
    }
    assert not plan(wanted, client)


def test_a_name_that_was_given_away_is_made_anew(
    client: Client, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    a = client.create(incoming("a"))
    wanted = manifest(entry(incoming("b"), id=a.id), entry(incoming("a")))
    apply(plan(wanted, client), client)
    assert {record.name: record.id == a.id for record in client.list()} == {"a": False, "b": True}


def test_a_rename_keeps_id_token_and_what_is_not_given(
    client: Client, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    bot = client.create(outgoing("old", token="t", emoji=":a:"))
    apply(plan(manifest(entry(outgoing("new", alias="A"), "alias", renamed_from="old")), client), client)
    (record,) = client.list()
    assert (record.id, record.token, record.name, record.alias, record.emoji) == (bot.id, "t", "new", "A", ":a:")


def test_an_outgoing_integration_gets_the_token_that_is_wanted(client: Client, outgoing: Outgoing) -> None:
    client.create(outgoing("a", token="old"))
    apply(plan([outgoing("a", token="new"), outgoing("b", token="first")], client), client)
    assert {record.name: record.token for record in client.list()} == {"a": "new", "b": "first"}


def test_a_manifest_is_planned_saved_and_applied(
    client: Client, incoming: Incoming, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file with the integrations, by the file with the plan, to the workspace."""
    monkeypatch.setenv("BOT_TOKEN", "the bot's")
    (tmp_path / "ci.js").write_text("class Script {}")
    bot = {"name": "own-bot", "event": "sendMessage", "urls": ["https://bot.example"], "token": {"env": "BOT_TOKEN"}}
    ci = {"name": "own-ci", "channel": "#general", "script_file": "ci.js", "script_enabled": True, "renamed_from": "ci"}
    integrations = tmp_path / "integrations.json"
    content = {"scope": "own-", "defaults": {"username": "rocket.cat"}, "incoming": [ci], "outgoing": [bot]}
    integrations.write_text(json.dumps(content))
    hook = client.create(incoming("ci", alias="By hand"))
    client.create(incoming("own-gone"))
    changes = plan(Manifest.load(integrations), client, prune=True)
    saved = json.dumps(changes.to_dict())
    assert "the bot's" not in saved
    apply(Plan.from_dict(json.loads(saved)), client)
    assert not plan(Manifest.load(integrations), client, prune=True)
    records = {record.name: record for record in client.list()}
    assert set(records) == {"own-bot", "own-ci"}
    assert records["own-bot"].token == "the bot's"
    ci_now = records["own-ci"]
    assert (ci_now.id, ci_now.token, ci_now.alias, ci_now.script) == (hook.id, hook.token, "By hand", "class Script {}")


@only_8
def test_it_reads_the_list_once(server: LocalRocketChat, client: Client, incoming: Incoming) -> None:
    server.page_cap = 2
    for name in "abc":
        client.create(incoming(name))
    changes = plan([incoming(name, alias="A") for name in "abcd"], client)
    before = len(server.requests)
    apply(changes, client)
    lists = [request for request in server.requests[before:] if request.endpoint == "integrations.list"]
    assert len(lists) == 2


def test_nothing_to_do_asks_for_nothing(memory: Memory) -> None:
    assert apply(Plan(), memory) == Report()
    assert memory.calls == []


# What it refuses


def plan_to_remove(memory: Memory, incoming: Incoming, number: int) -> Plan:
    for each in range(number):
        memory.add(incoming(f"gone{each}"))
    changes = plan([incoming("new")], memory, prune="all")
    memory.calls.clear()
    return changes


@pytest.mark.parametrize(("number", "max_removals"), [(11, None), (3, 2), (1, 0)])
def test_more_removals_than_allowed_are_refused(
    memory: Memory, incoming: Incoming, number: int, max_removals: int | None
) -> None:
    """Ten when pruning, unless it is said otherwise. Nothing else is done either."""
    changes = plan_to_remove(memory, incoming, number)
    with pytest.raises(UnsafePlan, match=f"removes {number} .* allows {10 if max_removals is None else max_removals}"):
        apply(changes, memory, max_removals=max_removals)
    assert memory.calls == []


@pytest.mark.parametrize(("number", "max_removals"), [(10, None), (11, 11), (3, 3)])
def test_as_many_removals_as_allowed_are_done(
    memory: Memory, incoming: Incoming, number: int, max_removals: int | None
) -> None:
    apply(plan_to_remove(memory, incoming, number), memory, max_removals=max_removals)
    assert [record.name for record in memory.records.values()] == ["new"]


def test_a_plan_that_was_not_to_prune_removes_nothing(memory: Memory, incoming: Incoming) -> None:
    changes = attrs.evolve(plan_to_remove(memory, incoming, 1), prune=False)
    with pytest.raises(UnsafePlan):
        apply(changes, memory)
    apply(changes, memory, max_removals=1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"workers": 0},
        {"workers": 1.5},
        {"workers": True},
        {"max_removals": -1},
        {"max_removals": "all"},
        {"on_progress": 5},
    ],
    ids=str,
)
def test_wrong_arguments_are_refused(memory: Memory, incoming: Incoming, wrong: dict[str, Any]) -> None:
    changes = plan([incoming()], memory)
    memory.calls.clear()
    with pytest.raises(ConfigurationError, match=f"^{next(iter(wrong))}: "):
        apply(changes, memory, **wrong)
    not_a_plan: Any = [incoming()]
    with pytest.raises(ConfigurationError, match="^plan: "):
        apply(not_a_plan, memory)
    assert memory.calls == []


# What has changed since the plan was made


@pytest.fixture
def changes(client: Client, incoming: Incoming, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry) -> Plan:
    """A plan with a step of each kind, for a workspace that has them all."""
    for definition in (incoming("old"), outgoing("changes", token="t"), incoming("goes"), incoming("other")):
        client.create(definition)
    wanted = manifest(
        entry(incoming("renamed"), renamed_from="old"),
        entry(outgoing("changes", alias="A"), "alias"),
        entry(incoming("comes"), renamed_from="came from"),
        entry(incoming("other")),
    )
    return plan(wanted, client, prune="all")


def named(client: Client, name: str) -> Any:
    return next(iter(client.list(name=name)))


def change(client: Client, name: str, **fields: str) -> None:
    record = named(client, name)
    client.update(record.id, attrs.evolve(record, **fields))


Meddling: TypeAlias = "Callable[[Client, Incoming], object]"
MEDDLING: dict[str, tuple[str, Meddling]] = {
    "changed": ("outgoing 'changes' .* was changed", lambda client, _: change(client, "changes", emoji="x")),
    "another token": ("outgoing 'changes' .* was changed", lambda client, _: change(client, "changes", token="x")),
    "to be renamed": ("incoming 'renamed' .* was changed", lambda client, _: change(client, "old", emoji="x")),
    "to be removed": ("incoming 'goes' .* was changed", lambda client, _: change(client, "goes", emoji="x")),
    "gone": ("outgoing 'changes' .* is gone", lambda client, _: client.remove(named(client, "changes"))),
    "to be removed, gone": ("incoming 'goes' .* is gone", lambda client, _: client.remove(named(client, "goes"))),
    "appeared": ("'comes' is there", lambda client, incoming: client.create(incoming("comes", alias="Theirs"))),
    "appeared twice": ("'comes' is there", lambda client, incoming: [client.create(incoming("comes")) for _ in "ab"]),
    "to be renamed by now": ("'came from' is there", lambda client, incoming: client.create(incoming("came from"))),
    "has the new name": ("'renamed' is there", lambda client, incoming: client.create(incoming("renamed"))),
}


@pytest.mark.parametrize("meddling", MEDDLING)
def test_a_workspace_that_has_changed_is_not_written_to(
    server: LocalRocketChat, client: Client, changes: Plan, incoming: Incoming, meddling: str
) -> None:
    reason, meddle = MEDDLING[meddling]
    meddle(client, incoming)
    before = (server.documents, writes(server))
    with pytest.raises(StalePlan, match=reason) as caught:
        apply(changes, client)
    assert (server.documents, writes(server)) == before
    assert len(str(caught.value).splitlines()) == 2


def test_a_change_is_noticed_where_the_server_keeps_no_times(memory: Memory, incoming: Incoming) -> None:
    """Old data has none."""
    record = memory.add(incoming())
    changes = plan([incoming(alias="A")], memory)
    memory.records[record.id] = attrs.evolve(record, emoji=":theirs:")
    with pytest.raises(StalePlan):
        apply(changes, memory)


def test_all_that_has_changed_is_told_at_once(client: Client, changes: Plan, incoming: Incoming) -> None:
    for name in ("changes", "goes"):
        client.remove(named(client, name))
    client.create(incoming("comes", alias="Theirs"))
    with pytest.raises(StalePlan) as caught:
        apply(changes, client)
    assert len(str(caught.value).splitlines()) == 4


def test_changes_elsewhere_do_not_matter(client: Client, changes: Plan, incoming: Incoming, outgoing: Outgoing) -> None:
    """Those of integrations that stay, and of ones that the plan has never heard of."""
    client.update(named(client, "other").id, attrs.evolve(named(client, "other"), alias="Theirs"))
    client.create(outgoing("comes"))
    client.create(incoming("unheard of"))
    assert apply(changes, client).done == changes.steps
    assert named(client, "other").alias == "Theirs"


def test_what_is_there_exactly_as_wanted_is_done(
    server: LocalRocketChat, client: Client, changes: Plan, incoming: Incoming
) -> None:
    """An earlier try with the same plan made it, and its answer was lost: it is not made again."""
    made = client.create(incoming("comes"))
    server_writes = len(writes(server))
    assert apply(changes, client).done == changes.steps
    assert "integrations.create" not in writes(server)[server_writes:]
    assert named(client, "comes").id == made.id


# What fails


def test_a_failure_is_noted_and_the_rest_goes_on(client: Client, incoming: Incoming, outgoing: Outgoing) -> None:
    changed = client.create(incoming("changes"))
    wanted: list[IntegrationDefinition] = [
        incoming("bad", channel="#nowhere"),
        incoming("changes", alias="A"),
        incoming("good"),
        outgoing("worse", username="nobody"),
    ]
    with pytest.raises(ApplyError) as caught:
        apply(plan(wanted, client), client)
    error = caught.value
    assert (names(error.done), failed_names(error), error.pending) == (["good", "changes"], ["bad", "worse"], ())
    assert [type(failure.error) for failure in error.failed] == [BadRequestError, BadRequestError]
    assert {record.name for record in client.list()} == {"good", "changes"}
    assert client.get(changed.id).alias == "A"
    lines = str(error).splitlines()
    assert lines[0] == "2 of 4 steps failed, 0 were not tried; plan and apply again:"
    assert lines[1].startswith("create incoming 'bad': BadRequestError: ")


def test_of_many_failures_some_are_told(memory: Memory, incoming: Incoming) -> None:
    memory.before = failing(ServerFailure())
    with pytest.raises(ApplyError, match="and 2 more$") as caught:
        apply(plan([incoming(f"n{number}") for number in range(7)], memory), memory)
    assert len(str(caught.value).splitlines()) == 7
    assert len(caught.value.failed) == 7


class ServerFailure(RocketChatError):
    def __init__(self) -> None:
        super().__init__("broken", may_have_acted=True)


def failing(*errors: Exception | None) -> Callable[[str], None]:
    """Raise the errors, one a call; the last one again and again."""
    ahead = list(errors)

    def before(_: str) -> None:
        error = ahead.pop(0) if len(ahead) > 1 else ahead[0]
        if error is not None:
            raise error

    return before


def test_any_exception_is_noted(memory: Memory, incoming: Incoming) -> None:
    """Also one that no client should raise."""
    memory.before = failing(KeyError("odd"), None)
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming("a"), incoming("b")], memory), memory, workers=1)
    assert failed_names(caught.value) == ["a"]
    assert isinstance(caught.value.failed[0].error, KeyError)
    assert names(caught.value.done) == ["b"]


@pytest.mark.parametrize("fault", ["reset-after", "truncate"])
def test_a_create_whose_answer_was_lost_is_not_made_twice(
    server: LocalRocketChat, client: Client, incoming: Incoming, fault: str
) -> None:
    """It counts as failed, and the next plan finds it."""
    server.fail_next("integrations.create", fault)
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming()], client), client)
    assert caught.value.failed[0].error.may_have_acted
    assert not plan([incoming()], client)
    assert len(server.documents) == 1


def test_nobodys_change_is_overwritten_unseen(
    client: Client, connect: Connect, server: LocalRocketChat, incoming: Incoming
) -> None:
    """Not even one made while the plan is being applied."""
    client.create(incoming("a"))
    second = client.create(incoming("b"))

    def meddle(progress: Progress) -> None:
        if progress.done == 1:
            connect(server).update(second.id, attrs.evolve(second, emoji=":theirs:"), overwrite=True)

    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming(name, alias="A") for name in "ab"], client), client, workers=1, on_progress=meddle)
    assert failed_names(caught.value) == ["b"]
    assert isinstance(caught.value.failed[0].error, StaleRecordError)
    assert (client.get(second.id).alias, client.get(second.id).emoji) == (None, ":theirs:")


@only_6
def test_what_an_old_server_does_not_take_is_a_failure(client: Client, incoming: Incoming) -> None:
    """6.x keeps the username, apply after apply: that is no success."""
    client.create(incoming())
    for _ in range(2):
        with pytest.raises(ApplyError) as caught:
            apply(plan([incoming(username="alice")], client), client)
        assert isinstance(caught.value.failed[0].error, UpdateIncomplete)


@only_8
def test_who_is_logged_out_stops(server: LocalRocketChat, client: Client, incoming: Incoming) -> None:
    """All that follows would fail as well: it stays pending."""
    changes = plan([incoming(name) for name in "abcde"], client)

    def log_out(progress: Progress) -> None:
        if progress.done == 2:
            server.revoke_tokens("admin")

    with pytest.raises(ApplyError) as caught:
        apply(changes, client, workers=1, on_progress=log_out)
    error = caught.value
    assert (names(error.done), failed_names(error), names(error.pending)) == (["a", "b"], ["c"], ["d", "e"])
    assert isinstance(error.failed[0].error, AuthenticationError)


@only_8
def test_a_server_out_of_reach_stops(server: LocalRocketChat, connect: Connect, incoming: Incoming) -> None:
    """The rest is done when it is back."""
    client = connect(server, retry=RetryPolicy.never())
    wanted = [incoming(name) for name in "abc"]

    def refuse(progress: Progress) -> None:
        if progress.done == 1:
            server.stop()

    with pytest.raises(ApplyError) as caught:
        apply(plan(wanted, client), client, workers=1, on_progress=refuse)
    error = caught.value
    assert (names(error.done), failed_names(error), names(error.pending)) == (["a"], ["b"], ["c"])
    server.start()
    patient = connect(server, retry=RetryPolicy.never())
    assert names(apply(plan(wanted, patient), patient).done) == ["b", "c"]


def test_one_broken_connection_does_not_stop(memory: Memory, incoming: Incoming) -> None:
    broken = TransportError("reset", kind="reset", host="h", port=1, may_have_acted=True)
    memory.before = failing(broken, None)
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming(name) for name in "abc"], memory), memory, workers=1)
    assert (failed_names(caught.value), names(caught.value.done)) == (["a"], ["b", "c"])


def test_a_report_can_be_sent_elsewhere(memory: Memory, outgoing: Outgoing) -> None:
    """A failure travels to other processes, without the secrets that its steps were given."""
    memory.before = failing(ServerFailure(), None)
    with pytest.raises(ApplyError) as caught:
        apply(plan([outgoing(name, token="canary") for name in "ab"], memory), memory, workers=1)
    pickled = pickle.dumps(caught.value, protocol=0).decode("latin-1")
    assert "canary" not in pickled + str(caught.value) + repr(caught.value.done) + repr(caught.value.failed)
    again = pickle.loads(pickled.encode("latin-1"))
    assert (failed_names(again), names(again.done)) == (["a"], ["b"])
