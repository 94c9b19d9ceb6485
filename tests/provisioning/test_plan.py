"""Planning finds what is wanted among what is there, says what has to change, and asks no more than it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import pytest

from rocketchat_integrations import (
    AmbiguousIntegration,
    Change,
    Client,
    ConfigurationError,
    DecodingError,
    IntegrationDefinition,
    IntegrationType,
    ProvisioningError,
)
from rocketchat_integrations.manifest import Entry, Secret
from rocketchat_integrations.provisioning import Create, Plan, Remove, Unchanged, Update, apply, plan
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.provisioning.conftest import AsEntry, AsManifest, Connect, Incoming, Memory, Outgoing

SCRIPT = "class Script { process_incoming_request() { return {} } }"


def fields_of(step: Update) -> list[str]:
    return [change.field for change in step.changes]


# What has to be done


def test_what_is_not_there_is_created(memory: Memory, incoming: Incoming, outgoing: Outgoing) -> None:
    changes = plan([outgoing(), incoming()], memory)
    assert [(step.type, step.name) for step in changes.creates] == [
        ("webhook-incoming", "ci"),
        ("webhook-outgoing", "bot"),
    ]
    assert (changes.updates, changes.removals, changes.unchanged) == ((), (), ())
    assert changes


def test_what_is_as_wanted_stays(memory: Memory, incoming: Incoming) -> None:
    """A plan with nothing to do is false."""
    record = memory.add(incoming())
    changes = plan([incoming()], memory)
    assert changes.unchanged == (Unchanged(id=record.id, type=IntegrationType.INCOMING, name="ci", seen=ANY),)
    assert not changes


def test_what_differs_is_updated_field_by_field(memory: Memory, incoming: Incoming) -> None:
    record = memory.add(incoming(alias="Old", emoji=":a:"))
    (step,) = plan([incoming(alias="New", emoji=":a:")], memory).updates
    assert (step.id, step.name, step.renamed_from) == (record.id, "ci", None)
    assert step.changes == (Change("alias", "Old", "New"),)


def test_what_the_server_would_make_of_it_is_compared(memory: Memory, outgoing: Outgoing) -> None:
    """Blanks, empty texts and the server's defaults are no drift."""
    memory.add(outgoing(channel="#general", retry_failed_calls=True, retry_count=4, retry_delay="powers-of-ten"))
    wanted = outgoing(channel=[" #general "], alias="", retry_failed_calls=True, trigger_words=[" "])
    assert not plan([wanted], memory)


def test_the_same_name_may_be_there_once_of_each_type(memory: Memory, incoming: Incoming, outgoing: Outgoing) -> None:
    memory.add(incoming("x"))
    changes = plan([incoming("x"), outgoing("x")], memory)
    assert [step.type for step in changes.creates] == [IntegrationType.OUTGOING]
    assert len(changes.unchanged) == 1


def test_what_is_not_given_stays(memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry) -> None:
    """Somebody set an alias by hand: an entry that says nothing of an alias leaves it."""
    memory.add(incoming(alias="By hand"))
    assert not plan(manifest(entry(incoming())), memory)
    (step,) = plan(manifest(entry(incoming(), "alias")), memory).updates
    assert step.changes == (Change("alias", "By hand", None),)


def test_what_is_created_is_the_whole_definition(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    """What is given only matters where there is something already."""
    definition = outgoing(alias="A", token="t")
    apply(plan(manifest(entry(definition)), memory), memory)
    (record,) = memory.records.values()
    assert record.definition == definition


def test_of_a_definition_every_field_is_given(memory: Memory, incoming: Incoming) -> None:
    """Without a manifest, a default is as good as any other value."""
    memory.add(incoming(alias="By hand", enabled=False))
    (step,) = plan([incoming()], memory).updates
    assert fields_of(step) == ["enabled", "alias"]


def test_a_token_that_is_not_given_stays(memory: Memory, outgoing: Outgoing) -> None:
    memory.add(outgoing(token="theirs"))
    assert not plan([outgoing()], memory)


def test_a_token_that_is_given_is_compared(memory: Memory, outgoing: Outgoing) -> None:
    """That it changes is told, its values are not."""
    memory.add(outgoing(token="old"))
    memory.add(outgoing("other"))
    (first, second) = plan([outgoing(token="new"), outgoing("other", token="first")], memory).updates
    assert [(change.field, change.old, change.new) for change in first.changes] == [("token", "<hidden>", "<hidden>")]
    assert [(change.field, change.old, change.new) for change in second.changes] == [("token", None, "<hidden>")]
    assert not plan([outgoing(token="old")], memory)


def test_a_script_counts_only_where_it_runs(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """A script without ``script_enabled`` is what there is to say where the server's is enabled."""
    memory.add(incoming(script=SCRIPT, script_enabled=True))
    memory.add(incoming("off", script=SCRIPT))
    wanted = manifest(
        entry(incoming(script=SCRIPT + "//"), "script"), entry(incoming("off", script=SCRIPT + "//"), "script")
    )
    changes = plan(wanted, memory)
    assert [(step.name, fields_of(step)) for step in changes.updates] == [("ci", ["script"])]
    assert [step.name for step in changes.unchanged] == ["off"]


def test_records_can_be_wanted(memory: Memory, outgoing: Outgoing) -> None:
    """The integrations of one workspace, with their tokens, are what another one should have."""
    theirs = memory.add(outgoing(token="t"))
    memory.records.clear()
    (step,) = plan([theirs], memory).creates
    assert type(step.definition) is type(outgoing())
    apply(plan([theirs], memory), memory)
    (ours,) = memory.records.values()
    assert ours.definition == theirs.definition


def test_definitions_can_come_from_a_generator(memory: Memory, incoming: Incoming) -> None:
    assert len(plan((incoming(name) for name in "abc"), memory).creates) == 3


def test_a_plan_is_sorted_by_type_and_name(memory: Memory, incoming: Incoming, outgoing: Outgoing) -> None:
    """Two plans of the same are equal, in whatever order things come."""
    definitions = [make(name) for make in (outgoing, incoming) for name in "cab"]
    for definition in definitions:
        memory.add(definition, id=f"{definition.type}{definition.name}")
    there = plan(definitions, memory)
    memory.records = dict(reversed(memory.records.items()))
    assert plan(reversed(definitions), memory) == there
    assert [step.name for step in there.unchanged] == ["a", "b", "c"] * 2
    removals = plan([], memory, prune="all").removals
    assert [(step.type, step.name) for step in removals] == [(step.type, step.name) for step in there.unchanged]


# Renaming


def test_a_rename_keeps_the_integration(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    record = memory.add(incoming("old"))
    changes = plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    (step,) = changes.updates
    assert (step.id, step.name, step.renamed_from) == (record.id, "new", "old")
    assert step.changes == (Change("name", "old", "new"),)
    assert changes.creates == ()


def test_a_rename_that_was_done_stays_done(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    memory.add(incoming("new"))
    assert not plan(manifest(entry(incoming("new"), renamed_from="old")), memory)


def test_what_has_neither_name_is_created(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    changes = plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    assert [step.name for step in changes.creates] == ["new"]


def test_a_rename_to_the_same_name_is_none(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    memory.add(incoming("same"))
    assert not plan(manifest(entry(incoming("same"), renamed_from="same")), memory)


def test_both_names_there_are_ambiguous(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """Which of them to keep is nobody's guess."""
    old, new = memory.add(incoming("old")), memory.add(incoming("new"))
    with pytest.raises(AmbiguousIntegration, match="renamed_from") as caught:
        plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    assert old.id in str(caught.value)
    assert new.id in str(caught.value)


def test_an_old_name_that_two_have_is_ambiguous(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    ids = [memory.add(incoming("old")).id for _ in range(2)]
    with pytest.raises(AmbiguousIntegration, match="old name") as caught:
        plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    assert all(id in str(caught.value) for id in ids)


# Two with one name


def test_two_with_one_name_are_ambiguous_all_at_once(memory: Memory, incoming: Incoming, outgoing: Outgoing) -> None:
    """One message tells the ids of all of them."""
    ids = [memory.add(make(name)).id for make in (incoming, outgoing) for name in ("x", "x")]
    with pytest.raises(AmbiguousIntegration) as caught:
        plan([incoming("x"), outgoing("x"), incoming("fine")], memory)
    assert all(id in str(caught.value) for id in ids)
    assert len(str(caught.value).splitlines()) == 2


def test_an_id_settles_which_one_is_meant(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    memory.add(incoming("x"))
    meant = memory.add(incoming("x", alias="A"))
    changes = plan(manifest(entry(incoming("x"), "alias", id=meant.id)), memory)
    assert [step.id for step in changes.updates] == [meant.id]


def test_an_id_beats_the_names(memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry) -> None:
    """It is renamed, from whatever name it has, and ``renamed_from`` is not looked at."""
    memory.add(incoming("old"))
    meant = memory.add(incoming("something"))
    wanted = manifest(entry(incoming("new"), id=meant.id, renamed_from="old"), entry(incoming("old")))
    (step,) = plan(wanted, memory).updates
    assert (step.id, step.renamed_from) == (meant.id, "something")


def test_what_an_id_claims_is_not_found_by_name(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """The one with the id gives its name away, and another is made with it."""
    meant = memory.add(incoming("a"))
    changes = plan(manifest(entry(incoming("b"), id=meant.id), entry(incoming("a"))), memory)
    assert [(step.id, step.name) for step in changes.updates] == [(meant.id, "b")]
    assert [step.name for step in changes.creates] == ["a"]


def test_ids_can_exchange_names(memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry) -> None:
    a, b = memory.add(incoming("a")), memory.add(incoming("b"))
    changes = plan(manifest(entry(incoming("b"), id=a.id), entry(incoming("a"), id=b.id)), memory)
    assert [(step.id, step.renamed_from, step.name) for step in changes.updates] == [(b.id, "b", "a"), (a.id, "a", "b")]


def test_nothing_gets_a_name_that_another_has(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    a, b = memory.add(incoming("a")), memory.add(incoming("b"))
    with pytest.raises(AmbiguousIntegration) as caught:
        plan(manifest(entry(incoming("b"), id=a.id)), memory)
    assert a.id in str(caught.value)
    assert b.id in str(caught.value)


def test_an_id_that_is_not_there_is_an_error(
    memory: Memory, incoming: Incoming, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    """As is that of another type. The message names the place in the manifest."""
    other = memory.add(outgoing())
    wanted = manifest(entry(incoming("a"), id="gone", place="m.toml:3: incoming[0]"), entry(incoming("b"), id=other.id))
    with pytest.raises(ProvisioningError) as caught:
        plan(wanted, memory)
    assert type(caught.value) is ProvisioningError
    first, second = str(caught.value).splitlines()
    assert first == "m.toml:3: incoming[0]: incoming 'a': there is no integration with the id 'gone'"
    assert second == f"incoming 'b': the id '{other.id}' is that of outgoing 'bot'"


def test_of_several_problems_the_ambiguity_counts(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """Who catches an ``AmbiguousIntegration`` hears of all of them."""
    for _ in range(2):
        memory.add(incoming("twin"))
    with pytest.raises(AmbiguousIntegration, match="'gone'(.|\n)*'twin'"):
        plan(manifest(entry(incoming("a"), id="gone"), entry(incoming("twin"))), memory)


def test_what_is_not_wanted_may_be_ambiguous(memory: Memory, incoming: Incoming) -> None:
    for _ in range(2):
        memory.add(incoming("twin"))
    assert len(plan([incoming()], memory).creates) == 1
    assert len(plan([], memory, prune="all").removals) == 2


# What cannot be wanted


def test_two_wanted_with_one_name_are_refused(memory: Memory, incoming: Incoming) -> None:
    with pytest.raises(ConfigurationError, match="incoming 'x', incoming 'x'.*once"):
        plan([incoming("x"), incoming("y"), incoming("x", alias="A")], memory)
    assert memory.calls == []


def test_ids_let_two_have_one_name(memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry) -> None:
    """What is there twice can be kept so; but each of the two has to say which one it is."""
    both = [memory.create(incoming("ci")) for _ in "ab"]
    wanted = [entry(incoming("ci"), id=record.id) for record in both]
    assert not plan(manifest(*wanted), memory)
    with pytest.raises(ConfigurationError, match="only once, but by ids"):
        plan(manifest(wanted[0], entry(incoming("ci"))), memory)


@pytest.mark.parametrize("key", ["id", "renamed_from"])
def test_two_cannot_be_the_same_one(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry, key: str
) -> None:
    with pytest.raises(ConfigurationError, match=f"'a'.*'b'.*{key}"):
        plan(manifest(*(entry(incoming(name), **{key: "z"}) for name in "ab")), memory)


def test_a_name_cannot_be_given_away_and_wanted(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """Else the second apply could not tell them apart any more. All mistakes are told at once."""
    wanted = manifest(
        entry(incoming("a"), renamed_from="b"), entry(incoming("b"), renamed_from="a"), entry(incoming("b"))
    )
    with pytest.raises(ConfigurationError) as caught:
        plan(wanted, memory)
    assert len(str(caught.value).splitlines()) == 3


def test_what_could_not_be_written_is_refused_at_once(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    """Together with what the server has, it would be wrong: all such entries are named before anything is written."""
    for name in "ab":
        memory.add(outgoing(name, retry_count=-1))
    odd = memory.add(outgoing("odd"), event="neverHeardOf")
    wanted = manifest(*(entry(outgoing(name, retry_failed_calls=True), "retry_failed_calls") for name in "ab"))
    with pytest.raises(ConfigurationError) as caught:
        plan(wanted, memory)
    assert [line.split(":")[:2] for line in str(caught.value).splitlines()] == [
        ["outgoing 'a'", " retry_count"],
        ["outgoing 'b'", " retry_count"],
    ]
    memory.records.clear()
    with pytest.raises(ConfigurationError, match="outgoing 'odd': event"):
        plan([odd], memory)


def test_an_old_oddity_that_stays_is_no_mistake(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    memory.add(outgoing(), script_engine="vm2")
    (step,) = plan(manifest(entry(outgoing(alias="A"), "alias")), memory).updates
    assert fields_of(step) == ["alias"]


@pytest.mark.parametrize("wanted", [None, "definitions", 1, ["x"], [None], {"a": 1}])
def test_anything_else_cannot_be_wanted(memory: Memory, wanted: Any) -> None:
    with pytest.raises(ConfigurationError, match="^wanted: "):
        plan(wanted, memory)
    assert memory.calls == []


def test_a_manifest_made_by_hand_is_looked_at(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """Records stand for their definitions, and fields that there are not are named."""
    record: Any = memory.add(incoming("new"))
    memory.records.clear()
    (create,) = plan(manifest(Entry(definition=record, given=frozenset())), memory).creates
    assert create == Create(definition=incoming("new"), secrets={})
    for field in ("token", "nope"):
        with pytest.raises(ConfigurationError, match=f"incoming 'new': given: {field} is no field of it"):
            plan(manifest(entry(incoming("new"), field)), memory)


def test_a_plan_does_one_thing_to_one_integration(memory: Memory, incoming: Incoming) -> None:
    """Also one that no planning has made."""
    (create,) = plan([incoming()], memory).creates
    memory.add(incoming())
    (unchanged,) = plan([incoming()], memory).unchanged
    twice: list[dict[str, Any]] = [{"creates": (create, create)}, {"unchanged": (unchanged, unchanged)}]
    for steps in twice:
        with pytest.raises(ConfigurationError, match="one thing to one integration"):
            Plan(**steps)


# Pruning


def test_without_prune_nothing_is_removed(memory: Memory, incoming: Incoming) -> None:
    memory.add(incoming("other"))
    changes = plan([], memory)
    assert not changes
    assert "user_id" not in memory.calls


def test_prune_removes_what_the_manifest_owns(
    memory: Memory, incoming: Incoming, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    """In its scope, made by the user who asks, and not wanted: all three."""
    memory.add(incoming("own-wanted"))
    gone = memory.add(outgoing("own-gone"))
    memory.add(incoming("own-theirs"), creator="somebody else")
    memory.add(incoming("not-own"))
    changes = plan(manifest(entry(incoming("own-wanted")), scope="own-"), memory, prune=True)
    assert [(step.id, step.type, step.name) for step in changes.removals] == [(gone.id, gone.type, gone.name)]
    assert changes.prune


def test_prune_all_removes_whatever_is_not_wanted(memory: Memory, incoming: Incoming) -> None:
    memory.add(incoming("wanted"))
    memory.add(incoming("mine"))
    memory.add(incoming("theirs"), creator="somebody else")
    changes = plan([incoming("wanted")], memory, prune="all")
    assert [step.name for step in changes.removals] == ["mine", "theirs"]
    assert changes
    assert "user_id" not in memory.calls


def test_prune_leaves_what_is_found_by_id_or_old_name(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    meant = memory.add(incoming("a"))
    memory.add(incoming("old"))
    wanted = manifest(entry(incoming("b"), id=meant.id), entry(incoming("new"), renamed_from="old"))
    assert plan(wanted, memory, prune="all").removals == ()


@pytest.mark.parametrize("scope", [None, ""])
def test_prune_needs_a_scope(memory: Memory, manifest: AsManifest, scope: str | None) -> None:
    cases: list[Any] = [manifest(scope=scope), []]
    for wanted in cases:
        with pytest.raises(ConfigurationError, match="scope"):
            plan(wanted, memory, prune=True)
    assert memory.calls == []


@pytest.mark.parametrize("prune", ["ALL", "", 1, 0, None])
def test_prune_is_one_of_three(memory: Memory, prune: Any) -> None:
    with pytest.raises(ConfigurationError, match="^prune: "):
        plan([], memory, prune=prune)


# What it costs, and against a server


@pytest.mark.parametrize("server", ["8.8"], indirect=True)
def test_a_thousand_integrations_are_ten_requests(server: LocalRocketChat, client: Client, incoming: Incoming) -> None:
    definitions = [incoming(f"n{number:03}") for number in range(1000)]
    for definition in definitions:
        server.insert(
            {
                "type": definition.type,
                "name": definition.name,
                "channel": ["#general"],
                "username": "rocket.cat",
                "enabled": True,
                "scriptEnabled": False,
            }
        )
    assert len(plan(definitions, client, prune="all").unchanged) == 1000
    assert [request.endpoint for request in server.requests] == ["integrations.list"] * 10


def test_a_workspace_is_planned_and_brought_in_line(client: Client, incoming: Incoming, outgoing: Outgoing) -> None:
    """All kinds of steps, against both dialects; and then there is nothing left to do."""
    definitions: list[IntegrationDefinition] = [incoming("stays"), incoming("changes", alias="Old"), outgoing("goes")]
    for definition in definitions:
        client.create(definition)
    wanted: list[IntegrationDefinition] = [
        incoming("stays"),
        incoming("changes", alias="New"),
        outgoing("comes", token="t"),
    ]
    changes = plan(wanted, client, prune="all")
    kinds = [(type(step), step.name) for step in changes.steps]
    assert kinds == [(Create, "comes"), (Update, "changes"), (Remove, "goes")]
    assert apply(changes, client).done == changes.steps
    assert not plan(wanted, client, prune="all")


@pytest.mark.parametrize("server", ["8.8"], indirect=True)
def test_a_record_that_cannot_be_read_is_not_taken_for_missing(
    server: LocalRocketChat, client: Client, incoming: Incoming
) -> None:
    """It could be one that is wanted, which would then be made twice."""
    server.insert({"_id": "odd", "type": "webhook-incoming", "name": 5})
    with pytest.raises(DecodingError, match="odd"):
        plan([incoming()], client)


@pytest.mark.parametrize("server", ["8.8"], indirect=True)
def test_prune_asks_who_asks(
    server: LocalRocketChat, connect: Connect, incoming: Incoming, manifest: AsManifest
) -> None:
    """Alice's client removes what Alice made."""
    connect(server).create(incoming("own-admin"))
    alice = connect(server, "alice")
    alice.create(incoming("own-alice"))
    assert [step.name for step in plan(manifest(scope="own-"), alice, prune=True).removals] == ["own-alice"]
    admin = connect(server)
    assert [step.name for step in plan(manifest(scope="own-"), admin, prune=True).removals] == ["own-admin"]


def test_a_secret_is_known_by_its_place(
    memory: Memory, outgoing: Outgoing, manifest: AsManifest, entry: AsEntry
) -> None:
    """The plan holds where it comes from, and only for what it creates or changes."""
    memory.add(outgoing("same", token="t"))
    memory.add(outgoing("other", token="old"))
    source = Secret(env="BOT_TOKEN")
    names = ("same", "other", "new")
    changes = plan(
        manifest(*(entry(outgoing(name, token="t"), "token", secrets={"token": source}) for name in names)), memory
    )
    assert [step.name for step in changes.unchanged] == ["same"]
    assert [step.secrets for step in changes.creates] == [{"token": source}]
    assert [step.secrets for step in changes.updates] == [{"token": source}]


def test_an_empty_plan_is_a_plan() -> None:
    assert not Plan()
    assert Plan().steps == ()
