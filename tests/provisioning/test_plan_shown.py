"""What people, programs and files get to see of a plan: all that changes, and no secret."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    ApplyError,
    EventType,
    IntegrationDefinition,
    ProvisioningError,
    RocketChatError,
)
from rocketchat_integrations.manifest import Manifest, Secret
from rocketchat_integrations.provisioning import Create, LiteralSecret, Plan, apply, plan
from rocketchat_integrations.provisioning._steps import digest

if TYPE_CHECKING:
    from tests.provisioning.conftest import AsEntry, AsManifest, Incoming, Memory, Outgoing

PACKAGE = Path(rocketchat_integrations.__file__).parent
CANARY = "canary"
SCRIPT = "class Script {\n  a() {}\n}\n"


@pytest.fixture
def wanted(memory: Memory, incoming: Incoming, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry) -> Manifest:
    """Something to do of each kind."""
    memory.add(outgoing("changes", alias="Old", script=SCRIPT, script_enabled=True, token=f"{CANARY} 1"), id="c1")
    memory.add(incoming("old name"), id="o1")
    memory.add(incoming("same"), id="s1")
    memory.add(incoming("gone"), id="g1")
    memory.add(incoming("gone"), id="g2")
    changed = outgoing(
        "changes",
        alias="New",
        channel=["#general", "#ops"],
        script="class Script {\n  b() {}\n  c() {}\n}\n",
        script_enabled=True,
        run_on_edits=True,
        token=f"{CANARY} 2",
    )
    fields = ("alias", "channel", "script", "script_enabled", "run_on_edits", "token")
    created = outgoing("new", event=EventType.ROOM_CREATED, enabled=False, script=SCRIPT, token=f"{CANARY} 3")
    source = {"token": Secret(env="BOT_TOKEN")}
    return manifest(
        entry(changed, *fields, secrets=source),
        entry(created, "enabled", "script", "token", secrets=source),
        entry(incoming("new name"), renamed_from="old name"),
        entry(incoming("same")),
    )


@pytest.fixture
def full(wanted: Manifest, memory: Memory) -> Plan:
    """A plan with all there is."""
    return plan(wanted, memory, prune="all")


def test_people_see_what_will_be_done_in_its_order(full: Plan) -> None:
    """Scripts by their size, tokens not at all."""
    assert str(full).splitlines() == [
        "~ rename incoming 'old name' to 'new name' (o1)",
        "+ create outgoing 'new'",
        "    username: 'rocket.cat'",
        "    enabled: false",
        "    script: 26 characters",
        "    event: 'roomCreated'",
        "    urls: 'https://bot.example'",
        "    channel: '#general'",
        "    token: set",
        "~ update outgoing 'changes' (c1)",
        "    alias: 'Old' -> 'New'",
        "    script: 26 characters -> 35 characters (+2 -1 lines)",
        "    channel: '#general' -> '#general', '#ops'",
        "    token: changed",
        "    run_on_edits: false -> true",
        "- remove incoming 'gone' (g1)",
        "- remove incoming 'gone' (g2)",
        "1 to create, 2 to update, 2 to remove, 1 as wanted.",
    ]


def test_a_plan_with_nothing_to_do_says_so(memory: Memory, incoming: Incoming) -> None:
    memory.add(incoming())
    assert str(plan([incoming()], memory)) == "Nothing to do: 1 as wanted."


def test_what_is_not_there_is_called_none(memory: Memory, outgoing: Outgoing) -> None:
    memory.add(outgoing(alias="A", channel=()))
    lines = str(plan([outgoing(script=SCRIPT, script_enabled=True)], memory)).splitlines()
    assert lines[1:-1] == [
        "    alias: 'A' -> none",
        "    script_enabled: false -> true",
        "    script: none -> 26 characters (+3 -0 lines)",
        "    channel: none -> '#general'",
    ]


def test_nobody_writes_on_the_terminal(memory: Memory, incoming: Incoming) -> None:
    """Names and other texts come from the server: an escape sequence among them is shown, not sent."""
    memory.add(incoming("\x1b[2J", alias="\x1b[1m"))
    text = str(plan([incoming("\x1b[2J\n- remove")], memory, prune="all"))
    assert "\x1b" not in text
    assert sum(line.startswith("- remove") for line in text.splitlines()) == 1


# Files


def through_a_file(changes: Plan) -> Plan:
    return Plan.from_dict(json.loads(json.dumps(changes.to_dict(), sort_keys=True)))


def test_a_plan_comes_back_from_a_file(full: Plan) -> None:
    """The same plan, for programs and for people."""
    again = through_a_file(full)
    assert again == full
    assert str(again) == str(full)
    assert through_a_file(again) == full
    assert through_a_file(Plan()) == Plan()


def test_the_digest_tells_whether_two_plans_saw_the_same(full: Plan, wanted: Manifest, memory: Memory) -> None:
    """Also in fields that nobody has given, and in what stays as it is."""
    digests = {full.to_dict()["digest"], plan(wanted, memory, prune="all").to_dict()["digest"]}
    assert len(digests) == 1
    for id, record in list(memory.records.items()):
        memory.records[id] = attrs.evolve(record, emoji=":x:")
        digests.add(plan(wanted, memory, prune="all").to_dict()["digest"])
        memory.records[id] = record
    assert len(digests) == 1 + len(memory.records)


def test_a_plan_from_a_file_is_applied(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets are looked up when it is applied, where the plan was told to."""
    memory.add(outgoing("a", token="old"))
    source = {"token": Secret(env="BOT_TOKEN")}
    wanted = manifest(*(entry(outgoing(name, token="then"), "token", secrets=source) for name in "ab"))
    changes = through_a_file(plan(wanted, memory))
    monkeypatch.setenv("BOT_TOKEN", "now")
    apply(changes, memory)
    assert [record.token for record in memory.records.values()] == ["now", "now"]


def test_a_secrets_file_is_the_one_that_was_meant(
    memory: Memory, outgoing: Outgoing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever folder a plan is applied in, and whatever lies there."""
    for folder, token in (("planned", "right"), ("applied", "wrong")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "token").write_text(token)
    entry = {"name": "a", "channel": "#a", "username": "x", "event": "sendMessage", "urls": "u"}
    content = {"outgoing": [{**entry, "token": {"file": "token"}}]}
    (tmp_path / "planned/m.json").write_text(json.dumps(content))
    monkeypatch.chdir(tmp_path / "planned")
    changes = through_a_file(plan(Manifest.load("m.json"), memory))
    monkeypatch.chdir(tmp_path / "applied")
    apply(changes, memory)
    assert [record.token for record in memory.records.values()] == ["right"]


def test_a_secret_that_is_missing_stops_everything(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is read or written; all that is missing is told at once."""
    memory.add(outgoing("a", token="old"))
    wanted = manifest(
        *(entry(outgoing(name, token="t"), "token", secrets={"token": Secret(env=f"TOKEN_{name}")}) for name in "abc")
    )
    changes = plan(wanted, memory)
    memory.calls.clear()
    monkeypatch.setenv("TOKEN_c", "here")
    monkeypatch.delenv("TOKEN_a", raising=False)
    monkeypatch.delenv("TOKEN_b", raising=False)
    with pytest.raises(ProvisioningError) as caught:
        apply(changes, memory)
    assert memory.calls == []
    lines = str(caught.value).splitlines()
    assert ["outgoing 'b'" in lines[0], "TOKEN_b" in lines[0]] == [True, True]
    assert ["outgoing 'a'" in lines[1], "TOKEN_a" in lines[1]] == [True, True]
    assert len(lines) == 2


def test_a_literal_secret_goes_into_no_file(memory: Memory, outgoing: Outgoing) -> None:
    """The error names the integrations, and what to do."""
    memory.add(outgoing("changes", token="old"))
    memory.add(outgoing("same", token=CANARY))
    changes = plan([outgoing(name, token=CANARY) for name in ("changes", "new", "same")], memory)
    with pytest.raises(ProvisioningError, match="outgoing 'new', outgoing 'changes': .*env = ") as caught:
        changes.to_dict()
    assert CANARY not in str(caught.value)
    apply(changes, memory)
    assert {record.token for record in memory.records.values()} == {CANARY}


def test_a_literal_secret_that_nothing_is_done_with_is_no_hindrance(memory: Memory, outgoing: Outgoing) -> None:
    memory.add(outgoing(token=CANARY, alias="Old"))
    changes = plan([outgoing(token=CANARY, alias="New")], memory)
    assert CANARY not in json.dumps(changes.to_dict())
    apply(through_a_file(changes), memory)
    (record,) = memory.records.values()
    assert (record.alias, record.token) == ("New", CANARY)


JUNK: list[Any] = [
    None,
    5,
    "text",
    [],
    {},
    {"version": 1},
    {"version": 1, "digest": "x", "creates": []},
    {"version": {1}, "digest": ""},
    {1: 2, "version": 1, "digest": ""},
]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_junk_is_no_plan(junk: Any) -> None:
    with pytest.raises(ProvisioningError, match="no plan"):
        Plan.from_dict(junk)


def test_a_version_that_is_not_known_is_refused(full: Plan) -> None:
    newer = {name: value for name, value in full.to_dict().items() if name != "digest"} | {"version": 2}
    with pytest.raises(ProvisioningError, match="version 2"):
        Plan.from_dict({**newer, "digest": digest(newer)})


def test_a_file_that_was_changed_is_refused(full: Plan) -> None:
    """Whatever was changed in it."""
    data = full.to_dict()
    data["updates"][0]["fields"]["alias"] = "Mallory"
    with pytest.raises(ProvisioningError, match="changed or damaged"):
        Plan.from_dict(data)
    for key in ("prune", "creates", "updates", "removals", "unchanged"):
        data = full.to_dict()
        data[key] = data[key][1:] if isinstance(data[key], list) else not data[key]
        with pytest.raises(ProvisioningError, match="changed or damaged"):
            Plan.from_dict(data)


def forged(plan: Plan, kind: str, more: dict[str, Any]) -> dict[str, Any]:
    """The data of a plan with something else in its last step of a kind, and the digest that fits."""
    data = plan.to_dict()
    data[kind][-1].update(more)
    del data["digest"]
    return {**data, "digest": digest(data)}


FORGERIES: list[tuple[str, dict[str, Any]]] = [
    ("creates", {"definition": {"name": "x"}}),
    ("creates", {"definition": None}),
    ("creates", {"type": "webhook-other"}),
    ("creates", {"secrets": {"token": {"env": "A", "file": "b"}}}),
    ("creates", {"secrets": {"alias": {"env": "A"}}}),
    ("updates", {"fields": {"id": "other"}}),
    ("updates", {"fields": {"token": "text"}}),
    ("updates", {"changes": [{}]}),
    ("updates", {"odd": 1}),
    ("removals", {"type": None}),
    ("unchanged", {"seen": 1}),
    ("unchanged", {"id": "c1"}),
    ("removals", {"id": []}),
    ("creates", {"renamed_from": 1}),
]


@pytest.mark.parametrize(("kind", "more"), FORGERIES)
def test_what_no_plan_gives_is_refused_with_any_digest(full: Plan, kind: str, more: dict[str, Any]) -> None:
    with pytest.raises(ProvisioningError, match="not what to_dict gives"):
        Plan.from_dict(forged(full, kind, more))


# Secrets


def texts_of(value: object) -> list[str]:
    return [str(value), repr(value), f"{value}", pickle.dumps(value, protocol=0).decode("latin-1")]


def test_no_secret_is_shown_or_pickled(full: Plan, memory: Memory, outgoing: Outgoing) -> None:
    """Neither those of a manifest nor those that were given as text."""
    literal = plan([outgoing("changes", token=f"{CANARY} 4"), outgoing("new", token=f"{CANARY} 5")], memory)
    for value in (full, literal, *full.steps, *literal.steps):
        assert not [text for text in texts_of(value) if CANARY in text]
    assert CANARY not in json.dumps(full.to_dict())
    assert "class Script" not in repr(full.updates)


def test_a_copy_has_no_literal_secret_and_says_so(memory: Memory, outgoing: Outgoing) -> None:
    changes = plan([outgoing(token=CANARY)], memory)
    for copied in (copy.deepcopy(changes), pickle.loads(pickle.dumps(changes))):
        with pytest.raises(ProvisioningError, match="plan again"):
            apply(copied, memory)
    assert memory.records == {}


def frames_of(error: BaseException) -> Iterator[str]:
    """What an error report would show of our own code: the variables of each frame."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
            yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())


def test_no_failure_shows_a_secret(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither in its message nor in a variable of a frame that it came through."""
    monkeypatch.setenv("GOOD", CANARY)
    monkeypatch.delenv("BAD", raising=False)
    for name in ("twin", "twin", "there"):
        memory.add(outgoing(name, token=f"{CANARY} old", retry_count=-1))
    new, there = outgoing("new", token=CANARY), outgoing("there", token=CANARY, retry_failed_calls=True)
    sources = {name: {"token": Secret(env=name)} for name in ("GOOD", "BAD")}
    from_good = entry(new, "token", secrets=sources["GOOD"])
    from_bad = entry(attrs.evolve(new, name="other"), "token", secrets=sources["BAD"])
    stale = plan([attrs.evolve(new, name="stale"), new], memory)
    memory.add(outgoing("stale", token=f"{CANARY} theirs"))
    half = {"token": LiteralSecret(f"{CANARY} \ud800")}
    broken = Plan(creates=(Create(definition=attrs.evolve(new, token=None), secrets=half),))

    def fail(_: str) -> None:
        raise RuntimeError("broken")

    memory.before = fail
    failures: list[Callable[[], object]] = [
        lambda: plan([outgoing("twin", token=CANARY), new], memory),
        lambda: plan([new, new], memory),
        lambda: plan(manifest(entry(new, "token"), entry(there, "token", "retry_failed_calls")), memory),
        lambda: plan([new], memory).to_dict(),
        lambda: apply(plan(manifest(from_good, from_bad), memory), memory),
        lambda: apply(plan(manifest(from_good), memory), memory),
        lambda: apply(plan([new], memory), memory),
        lambda: apply(stale, memory),
        lambda: apply(broken, memory),
        lambda: apply(plan([], memory, prune="all"), memory, max_removals=0),
    ]
    for failure in failures:
        with pytest.raises(RocketChatError) as caught:
            failure()
        shown = [str(caught.value), repr(vars(caught.value)), *frames_of(caught.value)]
        if isinstance(caught.value, ApplyError):
            shown += [text for failed in caught.value.failed for text in frames_of(failed.error)]
        assert [text for text in shown if CANARY in text] == []


def test_plans_can_be_hashed(full: Plan) -> None:
    """Steps can be kept in sets and dictionaries."""
    assert len({full, through_a_file(full)}) == 1
    assert len({*full.steps}) == 5


def test_a_record_with_odd_data_can_be_planned_for(memory: Memory, outgoing: Outgoing) -> None:
    """What old servers left behind goes into a file and comes back."""
    definition: IntegrationDefinition = outgoing()
    memory.add(definition, event="neverHeardOf", channel=("\ud800",), retry_count=2.5, script_engine="vm2")
    changes = plan([outgoing(), outgoing("y", script_engine="isolated-vm")], memory)
    assert through_a_file(changes) == changes
    assert "neverHeardOf" in str(changes)
