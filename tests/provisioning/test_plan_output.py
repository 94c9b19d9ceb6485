"""A plan as text, as a file and as a pickle: complete, and without secrets."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import ApplyError, Change, EventType, ProvisioningError, RocketChatError, StalePlan
from rocketchat_integrations.manifest import Manifest, Secret
from rocketchat_integrations.provisioning import Create, LiteralSecret, Plan, apply, plan
from rocketchat_integrations.provisioning._steps import digest, fingerprint
from tests.provisioning.samples import Memory, entry, incoming, manifest, outgoing

PACKAGE = Path(rocketchat_integrations.__file__).parent
CANARY = "canary"
SCRIPT = "class Script {\n  a() {}\n}\n"


@pytest.fixture
def wanted(memory: Memory) -> Manifest:
    """A manifest that needs one step of each kind."""
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
    source = {"token": Secret(env="ROCKETCHAT_SECRET_BOT")}
    return manifest(
        entry(changed, *fields, secrets=source),
        entry(created, "enabled", "script", "token", secrets=source),
        entry(incoming("new name"), renamed_from="old name"),
        entry(incoming("same")),
    )


@pytest.fixture
def full(wanted: Manifest, memory: Memory) -> Plan:
    """A plan with steps of all kinds."""
    return plan(wanted, memory, prune="all")


# Text


def test_the_text_of_a_plan_has_all_changes(full: Plan) -> None:
    """In the order in which they are applied. Scripts appear as sizes, tokens not at all."""
    assert str(full).splitlines() == [
        "~ rename incoming 'old name' to 'new name' (o1)",
        "+ create outgoing 'new'",
        "    username: 'rocket.cat'",
        "    enabled: false",
        "    script: 26 characters",
        "    event: 'roomCreated'",
        "    urls: 'https://bot.example'",
        "    channel: '#general'",
        "    token: set, from the environment variable 'ROCKETCHAT_SECRET_BOT'",
        "~ update outgoing 'changes' (c1)",
        "    alias: 'Old' -> 'New'",
        "    script: 26 characters -> 35 characters (+2 -1 lines)",
        "    channel: '#general' -> '#general', '#ops'",
        "    token: changed, from the environment variable 'ROCKETCHAT_SECRET_BOT'",
        "    run_on_edits: false -> true",
        "- remove incoming 'gone' (g1)",
        "- remove incoming 'gone' (g2)",
        "1 to create, 2 to update, 2 to remove, 1 as wanted.",
    ]


def test_the_text_of_an_empty_plan(memory: Memory) -> None:
    memory.add(incoming())
    assert str(plan([incoming()], memory)) == "Nothing to do: 1 as wanted."


def test_missing_values_are_printed_as_none(memory: Memory) -> None:
    memory.add(outgoing(alias="A", channel=()))
    lines = str(plan([outgoing(script=SCRIPT, script_enabled=True)], memory)).splitlines()
    assert lines[1:-1] == [
        "    alias: 'A' -> none",
        "    script_enabled: false -> true",
        "    script: none -> 26 characters (+3 -0 lines)",
        "    channel: none -> '#general'",
    ]


def test_control_characters_are_escaped(memory: Memory) -> None:
    """A name from the server cannot control the terminal or fake a line."""
    memory.add(incoming("\x1b[2J", alias="\x1b[1m"), id="\x1b]0;\n- remove")
    text = str(plan([incoming("\x1b[2J\n- remove")], memory, prune="all"))
    assert "\x1b" not in text
    assert sum(line.startswith("- remove") for line in text.splitlines()) == 1


# Files


def through_a_file(changes: Plan) -> Plan:
    return Plan.from_dict(json.loads(json.dumps(changes.to_dict(), sort_keys=True)))


def test_a_plan_survives_a_file(full: Plan) -> None:
    again = through_a_file(full)
    assert again == full
    assert str(again) == str(full)
    assert through_a_file(Plan()) == Plan()
    assert (len({full, again}), len({*full.steps})) == (1, 5)


def test_odd_data_of_old_servers_survives_a_file(memory: Memory) -> None:
    memory.add(outgoing(), event="neverHeardOf", channel=("\ud800",), retry_count=2.5, script_engine="vm2")
    changes = plan([outgoing(), outgoing("y", script_engine="isolated-vm")], memory)
    assert through_a_file(changes) == changes
    assert "neverHeardOf" in str(changes)


def test_the_digest_covers_all_that_was_read(full: Plan, wanted: Manifest, memory: Memory) -> None:
    """A change in a field that is not given, or in an unchanged integration, changes the digest."""
    digests = {full.to_dict()["digest"], plan(wanted, memory, prune="all").to_dict()["digest"]}
    assert len(digests) == 1
    for id, record in list(memory.records.items()):
        memory.records[id] = attrs.evolve(record, emoji=":x:")
        digests.add(plan(wanted, memory, prune="all").to_dict()["digest"])
        memory.records[id] = record
    assert len(digests) == 1 + len(memory.records)


def test_secrets_are_read_when_a_plan_from_a_file_is_applied(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.add(outgoing("a", token="old"))
    source = {"token": Secret(env="ROCKETCHAT_SECRET_BOT")}
    wanted = manifest(*(entry(outgoing(name, token="then"), "token", secrets=source) for name in "ab"))
    changes = through_a_file(plan(wanted, memory))
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "now")
    apply(changes, memory)
    assert [record.token for record in memory.records.values()] == ["now", "now"]


def test_a_plan_names_secret_files_by_absolute_paths(memory: Memory, tmp_path: Path) -> None:
    """Applied in another folder, it reads the same file, if this is allowed again."""
    for folder, token in (("planned", "right"), ("applied", "wrong")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "token").write_text(token)
    bot = {"name": "a", "channel": "#a", "username": "x", "event": "sendMessage", "urls": "u"}
    (tmp_path / "planned/m.json").write_text(json.dumps({"outgoing": [{**bot, "token": {"file": "token"}}]}))
    with contextlib.chdir(tmp_path / "planned"):
        data = plan(Manifest.load("m.json"), memory).to_dict()
        assert Plan.from_dict(data)
    with contextlib.chdir(tmp_path / "applied"):
        with pytest.raises(ProvisioningError, match=r"outgoing 'a': token: .*planned/token' is outside .*--allow-outs"):
            Plan.from_dict(data)
        apply(Plan.from_dict(data, allow_outside=True), memory)
    assert [record.token for record in memory.records.values()] == ["right"]


def test_all_missing_secrets_are_reported_before_any_call(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.add(outgoing("a", token="old"))
    wanted = manifest(
        *(entry(outgoing(name, token="t"), "token", secrets={"token": Secret(env=f"TOKEN_{name}")}) for name in "abc")
    )
    changes = plan(wanted, memory)
    memory.calls.clear()
    monkeypatch.setenv("TOKEN_c", "here")
    for name in ("TOKEN_a", "TOKEN_b"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ProvisioningError, match="outgoing 'b': .*TOKEN_b.*\noutgoing 'a': .*TOKEN_a.*") as caught:
        apply(changes, memory)
    assert memory.calls == []
    assert len(str(caught.value).splitlines()) == 2


def test_a_plan_with_literal_secrets_cannot_be_saved(memory: Memory) -> None:
    """The error names the integrations and the remedy. The plan itself can be applied."""
    memory.add(outgoing("changes", token="old"))
    memory.add(outgoing("same", token=CANARY))
    changes = plan([outgoing(name, token=CANARY) for name in ("changes", "new", "same")], memory)
    with pytest.raises(ProvisioningError, match="outgoing 'new', outgoing 'changes': .*env = ") as caught:
        changes.to_dict()
    assert CANARY not in str(caught.value)
    apply(changes, memory)
    assert {record.token for record in memory.records.values()} == {CANARY}


def test_a_literal_secret_that_does_not_change_is_not_saved(memory: Memory) -> None:
    memory.add(outgoing(token=CANARY, alias="Old"))
    changes = plan([outgoing(token=CANARY, alias="New")], memory)
    assert CANARY not in json.dumps(changes.to_dict())
    apply(through_a_file(changes), memory)
    (record,) = memory.records.values()
    assert (record.alias, record.token) == ("New", CANARY)


JUNK: list[Any] = [
    None,
    [],
    {"version": 2},
    {"version": "2", "digest": "x", "creates": []},
    {"version": {1}, "digest": ""},
]


@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_other_data_is_not_a_plan(junk: Any) -> None:
    with pytest.raises(ProvisioningError, match="not a valid plan"):
        Plan.from_dict(junk)


@pytest.mark.parametrize(("version", "age"), [(1, "an older"), (3, "a newer")])
def test_a_plan_in_another_format_is_refused(full: Plan, version: int, age: str) -> None:
    """The error says which version of the package made it, and to plan again."""
    other = {name: value for name, value in full.to_dict().items() if name != "digest"} | {"version": version}
    with pytest.raises(ProvisioningError, match=rf"made by {age} version .* \(format {version}; .*\)\. Plan again"):
        Plan.from_dict({**other, "digest": digest(other)})


def test_changed_data_is_refused(full: Plan) -> None:
    data = full.to_dict()
    data["updates"][0]["fields"]["alias"] = "Mallory"
    with pytest.raises(ProvisioningError, match="changed or damaged"):
        Plan.from_dict(data)
    data = full.to_dict()
    data["target"]["url"] = "https://copy.example"
    with pytest.raises(ProvisioningError, match="changed or damaged"):
        Plan.from_dict(data)
    for key in ("prune", "creates", "updates", "removals", "unchanged"):
        data = full.to_dict()
        data[key] = data[key][1:] if isinstance(data[key], list) else not data[key]
        with pytest.raises(ProvisioningError, match="changed or damaged"):
            Plan.from_dict(data)


FORGERIES: list[tuple[str, dict[str, Any]]] = [
    ("creates", {"definition": {"name": "x"}}),
    ("creates", {"definition": None}),
    ("creates", {"type": "webhook-other"}),
    ("creates", {"secrets": {"alias": {"env": "A"}}}),
    ("creates", {"renamed_from": 1}),
    ("creates", {"definition": {**attrs.asdict(outgoing("new")), "token": "text"}}),
    ("updates", {"fields": {"token": "text"}}),
    ("updates", {"changes": [{}]}),
    ("updates", {"odd": 1}),
    ("unchanged", {"seen": 1}),
    ("unchanged", {"id": "c1"}),
]


@pytest.mark.parametrize(("kind", "more"), FORGERIES, ids=str)
def test_invalid_data_with_a_valid_digest_is_refused(full: Plan, kind: str, more: dict[str, Any]) -> None:
    data = full.to_dict()
    data[kind][-1].update(more)
    del data["digest"]
    with pytest.raises(ProvisioningError, match="not the data of a plan"):
        Plan.from_dict({**data, "digest": digest(data)})


LIES: list[tuple[str, dict[str, Any], str]] = [
    ("updates", {"fields": {"name": "changes", "alias": "Mallory"}}, "would change other fields than it shows"),
    ("updates", {"changes": []}, "would change other fields than it shows"),
    (
        "updates",
        {"fields": {"name": "x"}, "secrets": {}, "changes": [{"field": "name", "old": "changes", "new": "x"}]},
        "would change other fields than it shows",
    ),
    ("updates", {"fields": {"name": "changes", "channel": 5}}, "would change other fields than it shows"),
    ("updates", {"name": "same"}, "is outgoing 'changes' and not what the plan shows"),
    ("removals", {"name": "temporary"}, "is incoming 'gone' and not what the plan shows"),
    ("removals", {"type": "webhook-outgoing"}, "is incoming 'gone' and not what the plan shows"),
]


@pytest.mark.parametrize(("kind", "lie", "message"), LIES, ids=str)
def test_a_plan_that_shows_something_else_than_it_does_is_refused(
    full: Plan, memory: Memory, monkeypatch: pytest.MonkeyPatch, kind: str, lie: dict[str, Any], message: str
) -> None:
    """Its digest and its fingerprints are right, since anybody can compute them. Nothing is written."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", f"{CANARY} 2")
    data = full.to_dict()
    data[kind][-1].update(lie)
    del data["digest"]
    forged = Plan.from_dict({**data, "digest": digest(data)})
    memory.calls.clear()
    with pytest.raises(StalePlan, match=message):
        apply(forged, memory)
    assert memory.calls == ["list"]
    apply(through_a_file(full), memory)


# Secrets


def test_secrets_that_other_fields_quote_are_hidden(memory: Memory) -> None:
    """In the text of a plan, in its changes, and in the fields that a step shows; they are applied as they are."""
    old, new = "canary-of-the-server", "canary-of-the-manifest"
    memory.add(outgoing("a", token=old, script=f"// {old}", script_enabled=True))
    wanted = [
        outgoing(name, token=new, urls=f"https://bot.example/?{new}", script=f"// {new}", script_enabled=True)
        for name in "ab"
    ]
    changes = plan(wanted, memory)
    (create,) = changes.creates
    (update,) = changes.updates
    assert CANARY not in "".join([str(changes), repr(update.changes), repr(create.shown_fields)])
    assert Change("script", "// <hidden>", "// <hidden>") in update.changes
    assert Change("urls", ("https://bot.example",), ("https://bot.example/?<hidden>",)) in update.changes
    apply(changes, memory)
    assert all(record.script == f"// {new}" for record in memory.records.values())


def test_a_create_shows_what_becomes_of_its_token(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given, made by the server, or none; also where its source cannot be read."""
    monkeypatch.delenv("ROCKETCHAT_SECRET_BOT", raising=False)
    with_source = entry(outgoing("a", token="t"), "token", secrets={"token": Secret(env="ROCKETCHAT_SECRET_BOT")})
    creates = plan(manifest(with_source, entry(incoming("b")), entry(outgoing("c"))), memory).creates
    assert {step.name: step.shown_fields["token"] for step in creates} == {"a": "<set>", "b": "<generated>", "c": None}


def fail(*_: object) -> None:
    raise RuntimeError("broken")


def texts_of(value: object) -> list[str]:
    return [str(value), repr(value), f"{value}", pickle.dumps(value, protocol=0).decode("latin-1")]


def test_no_secret_is_printed_or_pickled(full: Plan, memory: Memory) -> None:
    """Secrets with a source and secrets given as text are both hidden."""
    literal = plan([outgoing("changes", token=f"{CANARY} 4"), outgoing("new", token=f"{CANARY} 5")], memory)
    for value in (full, literal, *full.steps, *literal.steps):
        assert not [text for text in texts_of(value) if CANARY in text]
    assert CANARY not in json.dumps(full.to_dict())
    assert "class Script" not in repr(full.updates)


def test_a_plan_gives_no_hint_of_the_token(memory: Memory) -> None:
    """The fingerprint of a record does not depend on it, so that nobody can check a guess."""
    record = memory.add(outgoing(token="a"))
    assert fingerprint(record) == fingerprint(attrs.evolve(record, token="b"))


def test_a_copy_without_its_literal_secrets_cannot_be_applied(memory: Memory) -> None:
    changes = plan([outgoing(token=CANARY)], memory)
    for copied in (copy.deepcopy(changes), pickle.loads(pickle.dumps(changes))):
        with pytest.raises(ProvisioningError, match="plan again"):
            apply(copied, memory)
    assert memory.records == {}


def frames_of(error: BaseException) -> Iterator[str]:
    """The local variables of the package's frames, as an error reporter shows them."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        if Path(frame.f_code.co_filename).is_relative_to(PACKAGE):
            yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())


def test_no_error_shows_a_secret(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error's message, attributes and the local variables of its traceback contain no secret."""
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


def test_a_report_of_failures_can_be_pickled(memory: Memory) -> None:
    """Without the literal secrets of its steps."""
    memory.before = lambda call: fail() if call == "create a" else None
    with pytest.raises(ApplyError) as caught:
        apply(plan([outgoing(name, token=CANARY) for name in "ab"], memory), memory, workers=1)
    assert CANARY not in "".join(texts_of(caught.value)) + repr(caught.value.done) + repr(caught.value.failed)
    again = pickle.loads(pickle.dumps(caught.value))
    assert ([failure.step.name for failure in again.failed], [step.name for step in again.done]) == (["a"], ["b"])
