"""Applying a plan: the order of steps, the checks before the first write, failures."""

from __future__ import annotations

import json
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
    RocketChatError,
    StalePlan,
    StaleRecordError,
    TransportError,
    UnsafePlan,
    UpdateIncomplete,
)
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.provisioning import Failure, Plan, Progress, Report, Step, apply, plan
from rocketchat_integrations.testing import LocalRocketChat
from tests.provisioning.samples import Memory, entry, incoming, manifest, outgoing

if TYPE_CHECKING:
    from tests.provisioning.conftest import Connect

only_6 = pytest.mark.parametrize("server", ["6.14"], indirect=True)

WRITES = ("integrations.create", "integrations.update", "integrations.remove")


def names(steps: tuple[Step, ...]) -> list[str]:
    return [step.name for step in steps]


def failed_names(error: ApplyError) -> list[str]:
    return [failure.step.name for failure in error.failed]


def writes(server: LocalRocketChat) -> list[str]:
    return [request.endpoint for request in server.requests if request.endpoint in WRITES]


# Order


def test_the_order_is_renames_creates_updates_removals(memory: Memory) -> None:
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
    assert apply(changes, memory) == Report(done=changes.steps)
    kinds = [call.rstrip("0123456789") for call in memory.calls]
    assert kinds == ["list", *["update old"] * 3, *["create comes"] * 3, *["update changes"] * 3, *["remove gone"] * 3]
    assert not plan(wanted, memory, prune="all")


def test_names_can_be_exchanged_and_ids_and_tokens_stay(client: Client) -> None:
    a, b = client.create(incoming("a")), client.create(incoming("b"))
    wanted = manifest(entry(incoming("b"), id=a.id), entry(incoming("a"), id=b.id))
    apply(plan(wanted, client), client)
    assert {record.name: (record.id, record.token) for record in client.list()} == {
        "b": (a.id, a.token),
        "a": (b.id, b.token),
    }
    assert not plan(wanted, client)


def test_a_name_freed_by_a_rename_can_be_created(client: Client) -> None:
    a = client.create(incoming("a"))
    apply(plan(manifest(entry(incoming("b"), id=a.id), entry(incoming("a"))), client), client)
    assert {record.name: record.id == a.id for record in client.list()} == {"a": False, "b": True}


def test_a_rename_keeps_id_token_and_other_fields(client: Client) -> None:
    bot = client.create(outgoing("old", token="t", emoji=":a:"))
    apply(plan(manifest(entry(outgoing("new", alias="A"), "alias", renamed_from="old")), client), client)
    (record,) = client.list()
    assert (record.id, record.token, record.name, record.alias, record.emoji) == (bot.id, "t", "new", "A", ":a:")


def test_a_manifest_is_planned_saved_and_applied(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a manifest to a plan file to the workspace."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "the bot's")
    (tmp_path / "ci.js").write_text("class Script {}")
    bot = {
        "name": "own-bot",
        "event": "sendMessage",
        "urls": ["https://bot.example"],
        "token": {"env": "ROCKETCHAT_SECRET_BOT"},
    }
    ci = {"name": "own-ci", "channel": "#general", "script_file": "ci.js", "script_enabled": True, "renamed_from": "ci"}
    integrations = tmp_path / "integrations.json"
    defaults = {"username": "rocket.cat", "partial": True}
    content = {"scope": "own-", "defaults": defaults, "incoming": [ci], "outgoing": [bot]}
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


def test_an_empty_plan_makes_no_calls(memory: Memory) -> None:
    assert apply(Plan(), memory) == Report()
    assert memory.calls == []


# The workspace


@pytest.mark.parametrize("other", [{"url": "https://copy.example"}, {"user": "somebody else"}], ids=str)
def test_a_plan_is_applied_only_to_its_workspace(memory: Memory, other: dict[str, str]) -> None:
    """Not to a copy with the same ids, nor as another user, unless this is asked for."""
    memory.add(incoming("gone"))
    changes = Plan.from_dict(json.loads(json.dumps(plan([], memory, prune="all").to_dict())))
    copy = Memory()
    copy.records = dict(memory.records)
    vars(copy).update(other)
    with pytest.raises(UnsafePlan, match=r"made for https://chat\.example \(user me\), and this is https://"):
        apply(changes, copy)
    assert copy.calls == []
    apply(changes, copy, any_workspace=True)
    assert copy.records == {}


def test_spellings_of_a_workspace_are_the_same(memory: Memory) -> None:
    """Case of the host, the default port and a slash make no difference; a path does."""
    changes = plan([incoming()], memory)
    memory.url = "https://CHAT.example:443/"
    apply(changes, memory)
    memory.url = "https://chat.example/other"
    with pytest.raises(UnsafePlan):
        apply(changes, memory)


def test_a_plan_without_a_workspace_is_refused(memory: Memory) -> None:
    changes = attrs.evolve(plan([incoming()], memory), target=None)
    with pytest.raises(UnsafePlan, match="does not name its workspace"):
        apply(changes, memory)


# Limits and arguments


def plan_with_removals(memory: Memory, number: int) -> Plan:
    for each in range(number):
        memory.add(incoming(f"gone{each}"))
    changes = plan([incoming("new")], memory, prune="all")
    memory.calls.clear()
    return changes


@pytest.mark.parametrize(("number", "max_removals"), [(11, None), (3, 2)])
def test_too_many_removals_are_refused(memory: Memory, number: int, max_removals: int | None) -> None:
    """By default more than ten. Nothing is written."""
    changes = plan_with_removals(memory, number)
    with pytest.raises(UnsafePlan, match=f"removes {number} .* allows {10 if max_removals is None else max_removals}"):
        apply(changes, memory, max_removals=max_removals)
    assert memory.calls == []


@pytest.mark.parametrize(("number", "max_removals"), [(10, None), (11, 11)])
def test_removals_up_to_the_limit_are_carried_out(memory: Memory, number: int, max_removals: int | None) -> None:
    apply(plan_with_removals(memory, number), memory, max_removals=max_removals)
    assert [record.name for record in memory.records.values()] == ["new"]


def test_a_plan_made_without_prune_removes_nothing_unless_allowed(memory: Memory) -> None:
    changes = attrs.evolve(plan_with_removals(memory, 1), prune=False)
    with pytest.raises(UnsafePlan):
        apply(changes, memory)
    apply(changes, memory, max_removals=1)


INVALID: list[dict[str, Any]] = [
    {"plan": [incoming()]},
    {"workers": 0},
    {"workers": True},
    {"max_removals": -1},
    {"max_removals": "all"},
    {"on_progress": 5},
]


@pytest.mark.parametrize("invalid", INVALID, ids=lambda each: next(iter(each)))
def test_invalid_arguments_are_refused(memory: Memory, invalid: dict[str, Any]) -> None:
    changes = plan([incoming()], memory)
    memory.calls.clear()
    arguments: dict[str, Any] = {"plan": changes, "client": memory, **invalid}
    with pytest.raises(ConfigurationError, match=f"^{next(iter(invalid))}: "):
        apply(**arguments)
    assert memory.calls == []


# Stale plans


@pytest.fixture
def changes(client: Client) -> Plan:
    """A plan with a step of each kind."""
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


ChangeByOthers: TypeAlias = Callable[[Client], object]
CHANGES_BY_OTHERS: dict[str, tuple[str, ChangeByOthers]] = {
    "update changed": ("outgoing 'changes' .* was changed", lambda c: change(c, "changes", emoji="x")),
    "token changed": ("outgoing 'changes' .* was changed", lambda c: change(c, "changes", token="x")),
    "rename changed": ("incoming 'renamed' .* was changed", lambda c: change(c, "old", emoji="x")),
    "removal changed": ("incoming 'goes' .* was changed", lambda c: change(c, "goes", emoji="x")),
    "update gone": ("outgoing 'changes' .* was removed", lambda c: c.remove(named(c, "changes"))),
    "removal gone": ("incoming 'goes' .* was removed", lambda c: c.remove(named(c, "goes"))),
    "create exists": ("'comes' exists now", lambda c: c.create(incoming("comes", alias="Theirs"))),
    "create exists twice": ("'comes' exists now", lambda c: [c.create(incoming("comes")) for _ in "ab"]),
    "old name exists": ("'came from', the old name", lambda c: c.create(incoming("came from"))),
    "new name exists": ("'renamed' exists now: .* cannot be renamed", lambda c: c.create(incoming("renamed"))),
}


@pytest.mark.parametrize("what", CHANGES_BY_OTHERS)
def test_a_stale_plan_is_not_applied(server: LocalRocketChat, client: Client, changes: Plan, what: str) -> None:
    """Nothing is written if the plan would touch what others have changed since."""
    reason, change_it = CHANGES_BY_OTHERS[what]
    change_it(client)
    before = (server.documents, writes(server))
    with pytest.raises(StalePlan, match=reason) as caught:
        apply(changes, client)
    assert (server.documents, writes(server)) == before
    assert len(str(caught.value).splitlines()) == 2


def test_changes_are_detected_without_timestamps(memory: Memory) -> None:
    """Old records have none. All changes are reported at once."""
    records = [memory.add(incoming(name)) for name in "ab"]
    changes = plan([incoming(name, alias="A") for name in "ab"], memory)
    for record in records:
        memory.records[record.id] = attrs.evolve(record, emoji=":theirs:")
    with pytest.raises(StalePlan, match="'a' .* was changed\n.*'b' .* was changed"):
        apply(changes, memory)


def test_changes_to_other_integrations_do_not_matter(client: Client, changes: Plan) -> None:
    client.update(named(client, "other").id, attrs.evolve(named(client, "other"), alias="Theirs"))
    client.create(outgoing("comes"))
    client.create(incoming("unheard of"))
    assert apply(changes, client).done == changes.steps
    assert named(client, "other").alias == "Theirs"


def test_an_integration_created_by_an_earlier_try_is_not_created_again(
    server: LocalRocketChat, client: Client, changes: Plan
) -> None:
    made = client.create(incoming("comes"))
    before = len(writes(server))
    assert apply(changes, client).done == changes.steps
    assert "integrations.create" not in writes(server)[before:]
    assert named(client, "comes").id == made.id


# Failures


def test_the_other_steps_go_on_after_a_failure(client: Client) -> None:
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
    advice = "correct what the server refuses, then plan and apply again:"
    assert lines[0] == f"2 of 4 steps failed, 0 were not tried; {advice}"
    assert lines[1].startswith("create incoming 'bad': BadRequestError: channel '#nowhere': there is no such room ")
    assert lines[2].startswith("create outgoing 'worse': BadRequestError: username 'nobody': there is no such user: ")


def test_a_refused_room_of_an_update_is_named(client: Client) -> None:
    """Of several, the server does not say which; a partial entry may not give the room at all."""
    for name in ("several", "partial"):
        client.create(incoming(name))
    several = Entry(definition=incoming("several", channel="#general,@nobody"))
    partial = Entry(definition=incoming("partial", alias="A"), given=frozenset({"alias"}), partial=True)
    changes = plan(manifest(several, partial), client)
    with pytest.raises(ApplyError) as caught:
        apply(changes, client)
    (failure,) = caught.value.failed
    assert failure.reason.startswith("channel: one of '#general', '@nobody': there is no such room or user")
    steps: list[Step] = [*(step for step in changes.updates if step.name == "partial")]
    for step in (*steps, *plan([], client, prune="all").removals):
        assert Failure(step=step, error=failure.error).reason.startswith("channel: there is no such room or user")


def failing(*errors: Exception | None) -> Callable[[str], None]:
    """Raise the errors, one a call; the last one again and again."""
    ahead = list(errors)

    def before(_: str) -> None:
        error = ahead.pop(0) if len(ahead) > 1 else ahead[0]
        if error is not None:
            raise error

    return before


def test_the_message_lists_the_first_five_failures(memory: Memory) -> None:
    memory.before = failing(RocketChatError("broken", may_have_acted=True))
    with pytest.raises(ApplyError, match="and 2 more$") as caught:
        apply(plan([incoming(f"n{number}") for number in range(7)], memory), memory)
    assert len(str(caught.value).splitlines()) == 7
    assert len(caught.value.failed) == 7


BROKEN = TransportError("reset", kind="reset", host="h", port=1, may_have_acted=True)


@pytest.mark.parametrize("error", [KeyError("odd"), BROKEN], ids=["not ours", "one broken connection"])
def test_any_exception_is_a_failure_of_its_step(memory: Memory, error: Exception) -> None:
    memory.before = failing(error, None)
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming("a"), incoming("b")], memory), memory, workers=1)
    assert (failed_names(caught.value), names(caught.value.done)) == (["a"], ["b"])
    assert caught.value.failed[0].error is error


def test_a_create_whose_answer_was_lost_is_not_repeated(server: LocalRocketChat, client: Client) -> None:
    """It counts as failed; the next plan finds the integration."""
    server.fail_next("integrations.create", "reset-after")
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming()], client), client)
    assert isinstance(caught.value.failed[0].error, TransportError)
    assert caught.value.failed[0].error.may_have_acted
    assert not plan([incoming()], client)
    assert len(server.documents) == 1


@pytest.mark.parametrize("fault", ["reset-after", "html"])
def test_a_list_that_cannot_be_read_says_that_nothing_was_written(
    server: LocalRocketChat, client: Client, fault: str
) -> None:
    """The answer to a reading was lost or made no sense."""
    changes = plan([incoming()], client)
    server.fail_next("integrations.list", fault, times=4)
    with pytest.raises(RocketChatError) as caught:
        apply(changes, client)
    assert not caught.value.may_have_acted
    assert server.documents == ()


def test_an_apply_whose_steps_were_all_refused_has_not_acted(memory: Memory) -> None:
    memory.before = failing(RocketChatError("refused", may_have_acted=False))
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming()], memory), memory)
    assert not caught.value.may_have_acted


@pytest.mark.parametrize("error", [KeyError("odd"), BROKEN, None], ids=["not ours", "lost answer", "a step done"])
def test_an_apply_that_did_a_step_or_lost_an_answer_may_have_acted(memory: Memory, error: Exception | None) -> None:
    memory.before = failing(error, RocketChatError("refused", may_have_acted=False))
    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming("a"), incoming("b")], memory), memory, workers=1)
    assert caught.value.may_have_acted


def test_a_change_made_while_applying_is_not_overwritten(
    client: Client, connect: Connect, server: LocalRocketChat
) -> None:
    client.create(incoming("a"))
    second = client.create(incoming("b"))

    def change_second(progress: Progress) -> None:
        if progress.done == 1:
            connect(server).update(second.id, attrs.evolve(second, emoji=":theirs:"), overwrite=True)

    with pytest.raises(ApplyError) as caught:
        apply(plan([incoming(name, alias="A") for name in "ab"], client), client, workers=1, on_progress=change_second)
    assert failed_names(caught.value) == ["b"]
    assert isinstance(caught.value.failed[0].error, StaleRecordError)
    assert (client.get(second.id).alias, client.get(second.id).emoji) == (None, ":theirs:")


@only_6
def test_an_incomplete_update_is_a_failure(client: Client) -> None:
    """6.x keeps the username: each apply fails again."""
    client.create(incoming())
    for _ in range(2):
        with pytest.raises(ApplyError) as caught:
            apply(plan([incoming(username="alice")], client), client)
        assert isinstance(caught.value.failed[0].error, UpdateIncomplete)


def test_steps_stay_pending_once_the_credentials_are_refused(server: LocalRocketChat, client: Client) -> None:
    changes = plan([incoming(name) for name in "abcde"], client)

    def log_out(progress: Progress) -> None:
        if progress.done == 2:
            server.revoke_tokens("admin")

    with pytest.raises(ApplyError) as caught:
        apply(changes, client, workers=1, on_progress=log_out)
    error = caught.value
    assert (names(error.done), failed_names(error), names(error.pending)) == (["a", "b"], ["c"], ["d", "e"])
    assert isinstance(error.failed[0].error, AuthenticationError)


def test_steps_stay_pending_once_the_server_is_unreachable(memory: Memory) -> None:
    """A second apply carries them out."""
    refused = TransportError("refused", kind="refused", host="h", port=1, may_have_acted=False)
    wanted = [incoming(name) for name in "abc"]
    memory.before = failing(None, refused)
    with pytest.raises(ApplyError) as caught:
        apply(plan(wanted, memory), memory, workers=1)
    error = caught.value
    assert (names(error.done), failed_names(error), names(error.pending)) == (["a"], ["b"], ["c"])
    memory.before = failing(None)
    assert names(apply(plan(wanted, memory), memory).done) == ["b", "c"]
