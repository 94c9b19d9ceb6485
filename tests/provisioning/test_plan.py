"""Planning: match what is wanted with what exists, compare, and report problems."""

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
from tests.provisioning.samples import Memory, entry, incoming, manifest, outgoing

if TYPE_CHECKING:
    from tests.provisioning.conftest import Connect

SCRIPT = "class Script { process_incoming_request() { return {} } }"


def fields_of(step: Update) -> list[str]:
    return [change.field for change in step.changes]


# Compare


def test_missing_integrations_are_created(memory: Memory) -> None:
    memory.add(incoming("x"))
    changes = plan([outgoing("x"), incoming("x"), incoming()], memory)
    assert [(step.type, step.name) for step in changes.creates] == [
        ("webhook-incoming", "ci"),
        ("webhook-outgoing", "x"),
    ]
    assert (changes.updates, changes.removals, len(changes.unchanged)) == ((), (), 1)
    assert changes


def test_a_plan_without_changes_is_false(memory: Memory) -> None:
    record = memory.add(incoming())
    changes = plan([incoming()], memory)
    assert changes.unchanged == (Unchanged(id=record.id, type=IntegrationType.INCOMING, name="ci", seen=ANY),)
    assert not changes
    assert (not Plan(), Plan().steps) == (True, ())


def test_an_update_lists_the_fields_that_differ(memory: Memory) -> None:
    record = memory.add(incoming(alias="Old", emoji=":a:"))
    (step,) = plan([incoming(alias="New", emoji=":a:")], memory).updates
    assert (step.id, step.name, step.renamed_from) == (record.id, "ci", None)
    assert step.changes == (Change("alias", "Old", "New"),)


def test_the_normalized_form_is_compared(memory: Memory) -> None:
    """Blanks, empty texts and the server's defaults are no differences."""
    memory.add(outgoing(channel="#general", retry_failed_calls=True, retry_count=4, retry_delay="powers-of-ten"))
    assert not plan([outgoing(channel=[" #general "], alias="", retry_failed_calls=True, trigger_words=[" "])], memory)


def test_an_entry_is_exact(memory: Memory) -> None:
    """A field that it does not give has its default; what the server chooses stays as it is."""
    memory.add(outgoing(alias="By hand", enabled=False, token="t", skip_transpile=True), script_engine="vm2")
    (step,) = plan(manifest(Entry(definition=outgoing())), memory).updates
    assert fields_of(step) == ["enabled", "alias"]
    apply(plan(manifest(Entry(definition=outgoing())), memory), memory)
    (record,) = memory.records.values()
    assert (record.alias, record.enabled) == (None, True)
    assert not plan(manifest(Entry(definition=outgoing(token="t"))), memory)


def test_of_a_partial_entry_only_given_fields_are_managed(memory: Memory) -> None:
    """An alias that was set by hand is kept unless the entry gives one."""
    memory.add(incoming(alias="By hand"))
    assert not plan(manifest(Entry(definition=incoming(), partial=True)), memory)
    (step,) = plan(manifest(entry(incoming(), "alias")), memory).updates
    assert step.changes == (Change("alias", "By hand", None),)
    (step,) = plan(manifest(Entry(definition=incoming("new"), partial=True, renamed_from="ci")), memory).updates
    assert step.changes == (Change("name", "ci", "new"),)


def test_a_definition_gives_all_its_fields(memory: Memory) -> None:
    """Without a manifest, defaults count as given."""
    memory.add(incoming(alias="By hand", enabled=False))
    (step,) = plan([incoming()], memory).updates
    assert fields_of(step) == ["enabled", "alias"]


def test_a_whole_definition_is_created_whatever_is_given(memory: Memory) -> None:
    definition = outgoing(alias="A", token="t")
    apply(plan(manifest(entry(definition)), memory), memory)
    (record,) = memory.records.values()
    assert record.definition == definition


def test_a_token_is_compared_only_if_given(memory: Memory) -> None:
    """The change is reported without the values."""
    memory.add(outgoing(token="old"))
    memory.add(outgoing("other"))
    assert not plan([outgoing(), outgoing("other")], memory)
    assert not plan([outgoing(token="old")], memory)
    first, second = plan([outgoing(token="new"), outgoing("other", token="first")], memory).updates
    assert [(change.field, change.old, change.new) for change in first.changes] == [("token", "<hidden>", "<hidden>")]
    assert [(change.field, change.old, change.new) for change in second.changes] == [("token", None, "<hidden>")]


def test_a_script_is_compared_only_where_scripts_are_enabled(memory: Memory) -> None:
    memory.add(incoming(script=SCRIPT, script_enabled=True))
    memory.add(incoming("off", script=SCRIPT))
    other = SCRIPT + "//"
    wanted = manifest(entry(incoming(script=other), "script"), entry(incoming("off", script=other), "script"))
    changes = plan(wanted, memory)
    assert [(step.name, fields_of(step)) for step in changes.updates] == [("ci", ["script"])]
    assert [step.name for step in changes.unchanged] == ["off"]


def test_records_can_be_wanted(memory: Memory) -> None:
    """The integrations of one workspace, tokens included, can be copied to another."""
    theirs = memory.add(outgoing(token="t"))
    memory.records.clear()
    changes = plan((record for record in [theirs]), memory)
    assert type(changes.creates[0].definition) is type(outgoing())
    apply(changes, memory)
    (ours,) = memory.records.values()
    assert ours.definition == theirs.definition


def test_a_plan_is_sorted_by_type_and_name(memory: Memory) -> None:
    """The order of definitions and records does not matter."""
    definitions = [make(name) for make in (outgoing, incoming) for name in "cab"]
    for definition in definitions:
        memory.add(definition, id=f"{definition.type}{definition.name}")
    first = plan(definitions, memory)
    memory.records = dict(reversed(memory.records.items()))
    assert plan(reversed(definitions), memory) == first
    assert [step.name for step in first.unchanged] == ["a", "b", "c"] * 2
    removals = plan([], memory, prune="all").removals
    assert [(step.type, step.name) for step in removals] == [(step.type, step.name) for step in first.unchanged]


# Rename


def test_a_rename_is_an_update(memory: Memory) -> None:
    record = memory.add(incoming("old"))
    changes = plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    (step,) = changes.updates
    assert (step.id, step.name, step.renamed_from) == (record.id, "new", "old")
    assert step.changes == (Change("name", "old", "new"),)
    assert changes.creates == ()


@pytest.mark.parametrize("renamed_from", ["old", "new"])
def test_a_rename_that_is_done_changes_nothing(memory: Memory, renamed_from: str) -> None:
    memory.add(incoming("new"))
    assert not plan(manifest(entry(incoming("new"), renamed_from=renamed_from)), memory)


def test_an_integration_with_neither_name_is_created(memory: Memory) -> None:
    (step,) = plan(manifest(entry(incoming("new"), renamed_from="old")), memory).creates
    assert (step.name, step.renamed_from) == ("new", "old")


def test_a_rename_is_ambiguous_if_both_names_exist(memory: Memory) -> None:
    ids = [memory.add(incoming(name)).id for name in ("old", "new")]
    with pytest.raises(AmbiguousIntegration, match="renamed_from") as caught:
        plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    assert all(id in str(caught.value) for id in ids)


def test_a_rename_is_ambiguous_if_two_have_the_old_name(memory: Memory) -> None:
    ids = [memory.add(incoming("old")).id for _ in range(2)]
    with pytest.raises(AmbiguousIntegration, match="old name") as caught:
        plan(manifest(entry(incoming("new"), renamed_from="old")), memory)
    assert all(id in str(caught.value) for id in ids)


# Ids


def test_all_ambiguous_names_are_reported_at_once(memory: Memory) -> None:
    ids = [memory.add(make(name)).id for make in (incoming, outgoing) for name in ("x", "x")]
    with pytest.raises(AmbiguousIntegration) as caught:
        plan([incoming("x"), outgoing("x"), incoming("fine")], memory)
    assert all(id in str(caught.value) for id in ids)
    assert len(str(caught.value).splitlines()) == 2


def test_an_id_decides_between_equal_names(memory: Memory) -> None:
    memory.add(incoming("x"))
    meant = memory.add(incoming("x", alias="A"))
    changes = plan(manifest(entry(incoming("x"), "alias", id=meant.id)), memory)
    assert [step.id for step in changes.updates] == [meant.id]


def test_an_id_overrides_names(memory: Memory) -> None:
    """The integration with the id is renamed, whatever its name; ``renamed_from`` is ignored."""
    memory.add(incoming("old"))
    meant = memory.add(incoming("something"))
    wanted = manifest(entry(incoming("new"), id=meant.id, renamed_from="old"), entry(incoming("old")))
    (step,) = plan(wanted, memory).updates
    assert (step.id, step.renamed_from) == (meant.id, "something")


def test_a_record_matched_by_id_is_not_matched_by_name(memory: Memory) -> None:
    """Its name becomes free for a new integration."""
    meant = memory.add(incoming("a"))
    changes = plan(manifest(entry(incoming("b"), id=meant.id), entry(incoming("a"))), memory)
    assert [(step.id, step.name) for step in changes.updates] == [(meant.id, "b")]
    assert [step.name for step in changes.creates] == ["a"]


def test_ids_allow_to_exchange_names(memory: Memory) -> None:
    a, b = memory.add(incoming("a")), memory.add(incoming("b"))
    changes = plan(manifest(entry(incoming("b"), id=a.id), entry(incoming("a"), id=b.id)), memory)
    assert [(step.id, step.renamed_from, step.name) for step in changes.updates] == [(b.id, "b", "a"), (a.id, "a", "b")]


def test_a_rename_to_a_name_in_use_is_refused(memory: Memory) -> None:
    a, b = memory.add(incoming("a")), memory.add(incoming("b"))
    with pytest.raises(AmbiguousIntegration) as caught:
        plan(manifest(entry(incoming("b"), id=a.id)), memory)
    assert a.id in str(caught.value)
    assert b.id in str(caught.value)


def test_an_unknown_id_is_an_error(memory: Memory) -> None:
    """So is the id of an integration of the other type. The message has the place in the manifest."""
    other = memory.add(outgoing())
    wanted = manifest(entry(incoming("a"), id="gone", place="m.toml: incoming[0]"), entry(incoming("b"), id=other.id))
    with pytest.raises(ProvisioningError) as caught:
        plan(wanted, memory)
    assert type(caught.value) is ProvisioningError
    assert str(caught.value).splitlines() == [
        "m.toml: incoming[0]: incoming 'a': there is no integration with the id 'gone'",
        f"incoming 'b': the id '{other.id}' belongs to outgoing 'bot'",
    ]


def test_an_ambiguity_among_several_problems_decides_the_type(memory: Memory) -> None:
    """The message has all of them."""
    for _ in range(2):
        memory.add(incoming("twin"))
    with pytest.raises(AmbiguousIntegration, match="'gone'(.|\n)*'twin'"):
        plan(manifest(entry(incoming("a"), id="gone"), entry(incoming("twin"))), memory)


def test_equal_names_that_are_not_wanted_are_no_problem(memory: Memory) -> None:
    for _ in range(2):
        memory.add(incoming("twin"))
    assert len(plan([incoming()], memory).creates) == 1
    assert len(plan([], memory, prune="all").removals) == 2


# Invalid input


def test_a_name_can_be_wanted_only_once(memory: Memory) -> None:
    with pytest.raises(ConfigurationError, match="incoming 'x', incoming 'x'.*same type and name"):
        plan([incoming("x"), incoming("y"), incoming("x", alias="A")], memory)
    assert memory.calls == []


def test_a_name_can_be_wanted_twice_if_all_have_ids(memory: Memory) -> None:
    both = [memory.create(incoming("ci")) for _ in "ab"]
    wanted = [entry(incoming("ci"), id=record.id) for record in both]
    assert not plan(manifest(*wanted), memory)
    with pytest.raises(ConfigurationError, match="give each of them an id"):
        plan(manifest(wanted[0], entry(incoming("ci"))), memory)


@pytest.mark.parametrize("key", ["id", "renamed_from"])
def test_two_entries_cannot_mean_the_same_record(memory: Memory, key: str) -> None:
    with pytest.raises(ConfigurationError, match=f"'a'.*'b'.*{key}"):
        plan(manifest(*(entry(incoming(name), **{key: "z"}) for name in "ab")), memory)


def test_all_contradictions_are_reported_at_once(memory: Memory) -> None:
    """An old name cannot be wanted: a second apply could not tell the two apart."""
    wanted = manifest(
        entry(incoming("a"), renamed_from="b"), entry(incoming("b"), renamed_from="a"), entry(incoming("b"))
    )
    with pytest.raises(ConfigurationError) as caught:
        plan(wanted, memory)
    assert len(str(caught.value).splitlines()) == 3


def test_changes_that_the_client_would_refuse_are_reported_when_planning(memory: Memory) -> None:
    """The entry is valid; together with what the server has, it is not."""
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


def test_an_invalid_value_on_the_server_may_stay(memory: Memory) -> None:
    memory.add(outgoing(), script_engine="vm2")
    (step,) = plan(manifest(entry(outgoing(alias="A"), "alias")), memory).updates
    assert fields_of(step) == ["alias"]


@pytest.mark.parametrize("wanted", [None, "definitions", [None]])
def test_anything_but_definitions_is_refused(memory: Memory, wanted: Any) -> None:
    with pytest.raises(ConfigurationError, match="^wanted: "):
        plan(wanted, memory)
    assert memory.calls == []


def test_a_manifest_made_in_code_is_checked(memory: Memory) -> None:
    """Records are reduced to definitions; unknown fields are refused."""
    record: Any = memory.add(incoming("new"))
    memory.records.clear()
    (create,) = plan(manifest(Entry(definition=record, given=frozenset())), memory).creates
    assert create == Create(definition=incoming("new"), secrets={})
    with pytest.raises(ConfigurationError, match="incoming 'new': unknown fields in given: nope, token"):
        plan(manifest(entry(incoming("new"), "token", "nope")), memory)


def test_a_plan_has_one_step_for_an_integration(memory: Memory) -> None:
    (create,) = plan([incoming()], memory).creates
    memory.add(incoming())
    (unchanged,) = plan([incoming()], memory).unchanged
    twice: list[dict[str, Any]] = [{"creates": (create, create)}, {"unchanged": (unchanged, unchanged)}]
    for steps in twice:
        with pytest.raises(ConfigurationError, match="two steps for one integration"):
            Plan(**steps)


# Prune


def test_without_prune_nothing_is_removed(memory: Memory) -> None:
    memory.add(incoming("other"))
    assert not plan([], memory)


def test_prune_removes_what_is_unwanted_and_in_scope_and_own(memory: Memory) -> None:
    memory.add(incoming("own-wanted"))
    gone = memory.add(outgoing("own-gone"))
    memory.add(incoming("own-theirs"), creator="somebody else")
    memory.add(incoming("not-own"))
    changes = plan(manifest(entry(incoming("own-wanted")), scope="own-"), memory, prune=True)
    assert [(step.id, step.type, step.name) for step in changes.removals] == [(gone.id, gone.type, gone.name)]
    assert changes.prune


def test_prune_all_removes_everything_that_is_unwanted(memory: Memory) -> None:
    memory.add(incoming("wanted"))
    memory.add(incoming("mine"))
    memory.add(incoming("theirs"), creator="somebody else")
    changes = plan([incoming("wanted")], memory, prune="all")
    assert [step.name for step in changes.removals] == ["mine", "theirs"]
    assert changes


def test_prune_keeps_records_matched_by_id_or_old_name(memory: Memory) -> None:
    meant = memory.add(incoming("a"))
    memory.add(incoming("old"))
    wanted = manifest(entry(incoming("b"), id=meant.id), entry(incoming("new"), renamed_from="old"))
    assert plan(wanted, memory, prune="all").removals == ()


@pytest.mark.parametrize("wanted", [manifest(), manifest(scope=""), []], ids=["none", "empty", "definitions"])
def test_prune_needs_a_scope(memory: Memory, wanted: Any) -> None:
    with pytest.raises(ConfigurationError, match="scope"):
        plan(wanted, memory, prune=True)
    assert memory.calls == []


@pytest.mark.parametrize("prune", ["ALL", 1])
def test_prune_is_true_false_or_all(memory: Memory, prune: Any) -> None:
    with pytest.raises(ConfigurationError, match="^prune: "):
        plan([], memory, prune=prune)


def test_a_plan_has_the_sources_of_secrets_that_it_writes(memory: Memory) -> None:
    memory.add(outgoing("same", token="t"))
    memory.add(outgoing("other", token="old"))
    secrets = {"token": Secret(env="ROCKETCHAT_SECRET_BOT")}
    entries = (entry(outgoing(name, token="t"), "token", secrets=secrets) for name in ("same", "other", "new"))
    changes = plan(manifest(*entries), memory)
    assert [step.name for step in changes.unchanged] == ["same"]
    assert [step.secrets for step in changes.creates] == [secrets]
    assert [step.secrets for step in changes.updates] == [secrets]


# With a server


def test_a_thousand_integrations_take_two_requests(server: LocalRocketChat, client: Client) -> None:
    """Applying the plan takes none if there is nothing to do."""
    definitions = [incoming(f"n{number:03}") for number in range(1000)]
    common = {"channel": ["#general"], "username": "rocket.cat", "enabled": True, "scriptEnabled": False}
    for definition in definitions:
        server.insert({"type": definition.type, "name": definition.name, **common})
    changes = plan(definitions, client, prune="all")
    assert len(changes.unchanged) == 1000
    apply(changes, client)
    assert [request.endpoint for request in server.requests] == ["integrations.list"] * 2


@pytest.mark.parametrize("server", ["9.0", "6.14"], indirect=True)
def test_applying_a_plan_leaves_nothing_to_do(client: Client) -> None:
    """One step of each kind."""
    definitions: list[IntegrationDefinition] = [incoming("stays"), incoming("changes", alias="Old"), outgoing("goes")]
    for definition in definitions:
        client.create(definition)
    wanted: list[IntegrationDefinition] = [incoming("stays"), incoming("changes", alias="New"), outgoing("comes")]
    changes = plan(wanted, client, prune="all")
    kinds = [(type(step), step.name) for step in changes.steps]
    assert kinds == [(Create, "comes"), (Update, "changes"), (Remove, "goes")]
    assert apply(changes, client).done == changes.steps
    assert not plan(wanted, client, prune="all")


def test_an_unreadable_record_stops_the_plan(server: LocalRocketChat, client: Client) -> None:
    """It could be one that is wanted, which would be created again."""
    server.insert({"_id": "odd", "type": "webhook-incoming", "name": 5})
    with pytest.raises(DecodingError, match="odd"):
        plan([incoming()], client)


def test_prune_removes_only_what_the_clients_user_created(server: LocalRocketChat, connect: Connect) -> None:
    for username in ("admin", "alice"):
        connect(server, username).create(incoming(f"own-{username}"))
    admin = connect(server)
    assert [step.name for step in plan(manifest(scope="own-"), admin, prune=True).removals] == ["own-admin"]
