"""What is written in a manifest is what comes out, in every format."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    IncomingIntegration,
    IntegrationDefinition,
    OutgoingIntegration,
)
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.testing import strategies

if TYPE_CHECKING:
    from tests.manifest.conftest import Load

calm = settings(deadline=None, database=None, max_examples=30)
each_format = pytest.mark.parametrize("suffix", [".toml", ".yaml", ".json"])

# Texts that a format could read as something else.
ODD = [
    "",
    " ",
    "no",
    "on",
    "null",
    "~",
    "1e3",
    "0x1F",
    "007",
    "2024-01-01",
    "12:30",
    "#a",
    "<<",
    "a: b",
    "'\"",
    "\ufeff",
]
TEXT = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORD = TEXT.map(lambda text: f"{text}x")
ROOM = TEXT.map(lambda text: "#" + text.replace(",", ""))
DEFINITIONS = st.lists(
    strategies.integrations(
        **dict.fromkeys(("name", "alias", "avatar", "emoji", "script"), TEXT),
        **dict.fromkeys(("username", "target_room", "token"), WORD),
        urls=st.lists(WORD, min_size=1, max_size=3),
        channel=st.lists(ROOM, min_size=1, max_size=3),
        trigger_words=st.lists(WORD, max_size=3),
    ),
    max_size=3,
    unique_by=lambda definition: (definition.type, definition.name),
)


FIELDS = {
    "incoming": {field.name for field in attrs.fields(IncomingIntegration)},
    "outgoing": {field.name for field in attrs.fields(OutgoingIntegration)},
}


def key_of(definition: IntegrationDefinition) -> str:
    return "incoming" if isinstance(definition, IncomingIntegration) else "outgoing"


def plain(value: object) -> object:
    """Return the value as a file has it."""
    if isinstance(value, tuple):
        return list(cast("tuple[str, ...]", value))
    return str(value) if isinstance(value, str) else value


@st.composite
def written(draw: st.DrawFn, suffix: str) -> tuple[dict[str, Any], list[Entry]]:
    """Draw the content of a file, and its entries; fields with their default may be written or not."""
    content: dict[str, Any] = {"incoming": [], "outgoing": []}
    entries: list[Entry] = []
    for definition in draw(DEFINITIONS):
        table: dict[str, object] = {}
        for field in attrs.fields(type(definition)):
            value = getattr(definition, field.name)
            # TOML has no null, and so cannot say None.
            if value != field.default or (not (value is None and suffix == ".toml") and draw(st.booleans())):
                table[field.name] = plain(value)
        content[key_of(definition)].append(table)
        entries.append(Entry(definition=definition, given=frozenset(table)))
    return content, sorted(entries, key=lambda entry: key_of(entry.definition))


@each_format
@calm
@given(data=st.data())
def test_every_definition_is_read_as_it_was_written(load: Load, suffix: str, data: st.DataObject) -> None:
    content, entries = data.draw(written(suffix))
    assert load(content, suffix).entries == tuple(entries)


@each_format
@calm
@given(data=st.data())
def test_a_key_can_be_the_name(load: Load, suffix: str, data: st.DataObject) -> None:
    """`[incoming.ci]` says the same as `[[incoming]]` with `name = "ci"`."""
    content, entries = data.draw(written(suffix))
    by_name = {
        kind: {table["name"]: {k: v for k, v in table.items() if k != "name"} for table in tables}
        for kind, tables in content.items()
    }
    assert load(by_name, suffix).entries == tuple(entries)


@each_format
@calm
@given(data=st.data())
def test_a_default_equals_the_field_in_each_entry(load: Load, suffix: str, data: st.DataObject) -> None:
    """Fields that entries have in common can move to `defaults`, for one type or for both."""
    content, entries = data.draw(written(suffix))
    both = [("incoming", table) for table in content["incoming"]] + [("outgoing", t) for t in content["outgoing"]]
    defaults: dict[str, Any] = {"incoming": {}, "outgoing": {}}
    for place, kinds in ((defaults, ("incoming", "outgoing")), *((defaults[kind], (kind,)) for kind in FIELDS)):
        for key in sorted({key for kind in kinds for key in FIELDS[kind]} - {"name"}):
            tables = [table for kind, table in both if kind in kinds and key in FIELDS[kind]]
            values = [table.get(key, "left out") for table in tables]
            if values and values[0] != "left out" and values == values[:1] * len(values) and data.draw(st.booleans()):
                for table in tables:
                    place[key] = table.pop(key)
    assert load({"defaults": defaults, **content}, suffix).entries == tuple(entries)


CASCADE: dict[str, Any] = {
    "defaults": {
        "username": "rocket.cat",
        "alias": "both",
        "emoji": ":both:",
        "override_destination_channel_enabled": True,
        "run_on_edits": True,
        "incoming": {"alias": "in"},
        "outgoing": {"alias": "out", "event": "sendMessage", "urls": "https://bot.example.com"},
    },
    "incoming": [{"name": "a", "channel": "#a"}, {"name": "b", "channel": "#b", "alias": "own"}],
    "outgoing": [{"name": "a"}, {"name": "b", "emoji": ""}],
}


def test_an_entry_overrides_the_defaults_of_its_type_and_these_the_shared_ones(load: Load) -> None:
    """The innermost value counts."""
    definitions = [entry.definition for entry in load(CASCADE).entries]
    assert [definition.alias for definition in definitions] == ["in", "own", "out", "out"]
    assert [definition.emoji for definition in definitions] == [":both:", ":both:", ":both:", ""]


def test_a_default_only_applies_to_the_type_that_has_the_field(load: Load) -> None:
    """The fields that an entry is given include those defaults, and no others."""
    incoming, _, outgoing, _ = load(CASCADE).entries
    assert incoming.given == {
        "name",
        "channel",
        "username",
        "alias",
        "emoji",
        "override_destination_channel_enabled",
    }
    assert outgoing.given == {"name", "username", "alias", "emoji", "run_on_edits", "event", "urls"}


def test_a_default_channel_is_checked_with_the_entries_that_use_it(load: Load) -> None:
    """It may be allowed for one type or event only."""
    defaults = {"username": "x", "channel": "all_public_channels", "outgoing": {"event": "roomCreated", "urls": "u"}}
    entries = {"incoming": {"a": {"channel": "#a"}}, "outgoing": {"a": {}, "b": {"event": "sendMessage"}}}
    _, silent, heard = (entry.definition for entry in load({"defaults": defaults, **entries}).entries)
    assert silent.channel == heard.channel == ("all_public_channels",)
    (odd,) = load({"defaults": {**defaults, "channel": ["odd"]}, "outgoing": {"a": {}}}).entries
    assert odd.definition.channel == ("odd",)


def test_defaults_apply_to_their_own_file(folder: Path) -> None:
    """Another file of the manifest does not have them."""
    (folder / "a.toml").write_text('defaults.alias = "A"\nincoming.a = {channel = "#a", username = "x"}')
    (folder / "b.toml").write_text('incoming.b = {channel = "#b", username = "x"}')
    first, second = Manifest.load("a.toml", folder / "b.toml").entries
    assert (first.definition.alias, second.definition.alias) == ("A", None)


def test_an_entry_is_exact_unless_it_or_its_defaults_say_partial(load: Load) -> None:
    """The innermost word counts."""
    hook, event = {"channel": "#a", "username": "x"}, {"event": "roomCreated", "urls": "u", "username": "x"}
    entries = {
        "incoming": {"a": hook, "b": {**hook, "partial": False}, "c": {**hook, "partial": True}},
        "outgoing": {"d": event},
    }

    def partial(**defaults: Any) -> list[str]:
        manifest = load({**entries, "defaults": defaults})
        return [entry.definition.name for entry in manifest.entries if entry.partial]

    assert partial() == ["c"]
    assert partial(partial=True) == ["a", "c", "d"]
    assert partial(partial=True, outgoing={"partial": False}) == ["a", "c"]
    assert partial(outgoing={"partial": True}) == ["c", "d"]


def test_all_entries_can_be_made_partial(folder: Path) -> None:
    """The argument takes precedence over ``partial = false`` in the file."""
    (folder / "m.toml").write_text('incoming.a = {channel = "#a", username = "x", partial = false}')
    (entry,) = Manifest.load("m.toml", partial=True).entries
    assert entry.partial
    assert entry.managed == {"name", "channel", "username"}


HOOK: dict[str, Any] = {"channel": "#a", "username": "rocket.cat"}
BOT: dict[str, Any] = {"event": "sendMessage", "urls": "https://bot.example.com", "username": "rocket.cat"}


@pytest.mark.parametrize(
    ("kind", "field", "empty", "meant"),
    [("incoming", "alias", "", ""), ("incoming", "script", None, None), ("outgoing", "trigger_words", [], ())],
)
def test_an_explicit_empty_value_is_given(load: Load, kind: str, field: str, empty: object, meant: object) -> None:
    """In a partial entry, that clears a field; one that is left out stays as it is on the server."""
    table = HOOK if kind == "incoming" else BOT
    (cleared,) = load({kind: {"a": {**table, field: empty}}}).entries
    (silent,) = load({kind: {"a": table}}).entries
    assert getattr(cleared.definition, field) == meant
    assert cleared.given - silent.given == {field}


def test_entries_keep_the_order_of_files_and_tables(folder: Path) -> None:
    """Plans are shown in the order of the manifest."""
    (folder / "z.json").write_text(
        '{"outgoing": {"b": {}, "a": {}}, "incoming": {"d": {"channel": "#d"}, "c": {"channel": "#c"}},'
        ' "defaults": {"username": "x", "event": "roomCreated", "urls": "u"}}'
    )
    (folder / "a.toml").write_text('incoming.e = {channel = "#e", username = "x"}')
    names = [entry.definition.name for entry in Manifest.load("z.json", "a.toml").entries]
    assert names == ["b", "a", "d", "c", "e"]


def test_an_entry_may_have_an_id_and_a_previous_name(load: Load) -> None:
    """They say which integration is meant where the name does not; a previous name may be empty."""
    content = {"incoming": [{"name": "a", "id": "x1", **HOOK}, {"name": "a", "id": "x2", "renamed_from": "", **HOOK}]}
    first, second = load(content).entries
    assert (first.id, first.renamed_from, second.id, second.renamed_from) == ("x1", None, "x2", "")


def test_a_scope_is_kept(load: Load, folder: Path) -> None:
    """Several files may have the same one, or none."""
    assert load({"incoming": {"ci-a": HOOK}}).scope is None
    assert load({"scope": "ci-", "incoming": []}) == Manifest(entries=(), scope="ci-")
    (folder / "a.toml").write_text('scope = "ci-"\nincoming.ci-a = {channel = "#a", username = "x"}')
    (folder / "b.toml").write_text('incoming.ci-b = {channel = "#b", username = "x"}')
    (folder / "c.toml").write_text('scope = "ci-"')
    assert Manifest.load("a.toml", "b.toml", "c.toml").scope == "ci-"


def test_manifests_are_values(load: Load) -> None:
    """They are compared, hashed, copied and pickled; the place of an entry does not count."""
    manifest, again = load(CASCADE), load(CASCADE, ".yaml")
    assert manifest == again
    assert hash(manifest) == hash(again)
    assert copy.deepcopy(manifest) == pickle.loads(pickle.dumps(manifest)) == manifest
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        manifest.scope = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("m.toml", '[[incoming]]\nname = "a"\nchannel = "#a"\nusername = "x"', "m.toml: incoming[0]"),
        ("m.yaml", 'incoming:\n- name: a\n  channel: "#a"\n  username: x', "m.yaml:2: incoming[0]"),
        ("m.yaml", '\nincoming:\n  a b: {channel: "#a", username: x}', "m.yaml:3: incoming.'a b'"),
        ("m.json", '{"incoming": {"a": {"channel": "#a", "username": "x"}}}', "m.json: incoming.a"),
    ],
)
def test_an_entry_knows_its_place(folder: Path, file: str, text: str, place: str) -> None:
    """Messages begin with it; a line is known in YAML only."""
    (folder / file).write_text(text)
    (entry,) = Manifest.load(file).entries
    assert entry.place == place
