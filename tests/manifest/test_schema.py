"""The JSON Schema for editors accepts what loads, and is made from the definitions."""

from __future__ import annotations

import copy
import importlib.resources
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import jsonschema
import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    EventType,
    IncomingIntegration,
    ManifestError,
    OutgoingIntegration,
    RetryDelay,
)
from rocketchat_integrations.manifest import schema

if TYPE_CHECKING:
    from tests.manifest.conftest import Load

SCRIPT = Path(__file__).parents[2] / "tools" / "manifest_schema.py"
SCHEMA = schema()
DEFINITIONS: dict[str, Any] = SCHEMA["definitions"]
VALIDATOR: Any = jsonschema.Draft7Validator(SCHEMA)
KINDS = {"incoming": IncomingIntegration, "outgoing": OutgoingIntegration}


def accepted(content: dict[str, Any]) -> bool:
    return bool(VALIDATOR.is_valid(content))


def loads(load: Load, content: dict[str, Any]) -> bool:
    try:
        load(content)
    except ManifestError:
        return False
    return True


def test_the_committed_file_is_what_the_script_makes() -> None:
    """Editors read the file; `nox -s schema` writes it anew."""
    file = importlib.resources.files("rocketchat_integrations") / "manifest.schema.json"
    assert file.read_text(encoding="utf-8") == runpy.run_path(str(SCRIPT))["as_text"]()


def test_a_schema_may_be_changed() -> None:
    """Another call returns the original."""
    schema()["definitions"]["urls"]["anyOf"][0].clear()
    assert schema() == SCHEMA


def test_the_schema_is_valid_and_describes_every_field() -> None:
    """An entry also has an id, a previous name and a script file; a default has no name."""
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for kind, definition in KINDS.items():
        helps = {field.name: field.metadata["help"] for field in attrs.fields(definition)}
        others = {"script_file", "partial"}
        assert helps.keys() | others | {"id", "renamed_from"} == DEFINITIONS[kind]["properties"].keys()
        assert (helps.keys() | others) - {"name"} == DEFINITIONS[f"{kind}_defaults"]["properties"].keys()
        for field, help in helps.items():
            name = DEFINITIONS[kind]["properties"][field]["$ref"].rpartition("/")[2]
            assert DEFINITIONS[name]["description"] == help


def test_patterns_mean_the_same_in_other_languages() -> None:
    """JavaScript and Python differ in what `\\s`, `\\w`, `\\d` and `\\b` match: patterns do without them."""
    patterns = re.findall(r"'pattern': '(.*?)'[,}]", repr(SCHEMA))
    assert patterns
    assert not [pattern for pattern in patterns if re.search(r"\\\\[swdbSWDBAZ]|\(\?[^:]", pattern)]


# Valid and invalid values for any field, close to the limits.
BLANKS = ["", " ", "\ufeff", "\u2028", "\x1c", "\x85"]
TEXTS = ["x", "#a", "@a", "\ufeff#a", "a,b", "#a,@b", "#a,b", "#a,,#b", ",", " , ", "#a\n", "all_public_channels "]
WORDS = ["isolated-vm", *map(str, EventType), *map(str, RetryDelay)]
NO_TEXTS: list[Any] = [None, True, False, 0, 1, -1, 1.5]
ELEMENTS: list[Any] = [*BLANKS, *TEXTS, None, 1]
LISTS: list[Any] = [[], *([element] for element in ELEMENTS), ["", ""], ["", "#a"], ["#a", "b"], ["#a", ","]]
SET = {"env": "ROCKETCHAT_SECRET_A"}
SOURCES: list[Any] = [{}, SET, {"env": " "}, {"env": 1}, {"file": "m.json"}, {**SET, "file": "x"}, {"x": "x"}]
VALUES = [*BLANKS, *TEXTS, *WORDS, *NO_TEXTS, *LISTS, *SOURCES]

# What a schema cannot know about files and names is left out.
OTHER_VALUES: dict[str, list[Any]] = {
    "name": [None, True, 1, []],
    "renamed_from": [None, True, 1, [], "", " "],
    "script_file": [None, True, 1, [], "", " "],
}
GOOD: dict[str, Any] = {"username": "x", "channel": "#a", "event": "sendMessage", "urls": ["u"], "target_room": "x"}
RIGHT: dict[str, Any] = {
    **{field.name: field.default for kind in KINDS.values() for field in attrs.fields(kind) if field.default != ()},
    **GOOD,
    "trigger_words": [],
    "script_file": "m.json",  # a file that exists: the manifest itself
    "id": "i",
    "name": "x",  # as the scope is, too
    "renamed_from": "r",
    "partial": True,
    "typo": "t",
}


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SET["env"], "x")


def good(kind: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key in DEFINITIONS[kind]["properties"]}


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("incoming", {}),
        ("outgoing", {}),
        ("outgoing", {"event": "userCreated"}),
        ("outgoing", {"event": "roomCreated", "retry_failed_calls": True}),
    ],
    ids=["incoming", "outgoing", "new users", "new rooms"],
)
def test_schema_and_loading_agree_about_every_field(load: Load, kind: str, more: dict[str, Any]) -> None:
    """For every value, the schema accepts exactly what loads."""
    fields = {"channel", "target_room", "retry_count"} if more else RIGHT.keys() - {"typo"}
    for key in sorted(fields & DEFINITIONS[kind]["properties"].keys()):
        for value in [RIGHT[key], *OTHER_VALUES.get(key, VALUES)]:
            content = {kind: [{"name": "x", **good(kind), **more, key: value}]}
            assert accepted(content) == loads(load, content), content


HOOK: dict[str, Any] = {"channel": "#a", "username": "x"}
TWO_SCRIPTS = {"script": "", "script_file": "m.json"}
SHAPES: dict[str, dict[str, Any]] = {
    "nothing": {},
    "no entries": {"incoming": []},
    "no entries by name": {"outgoing": {}},
    "no name": {"incoming": [HOOK]},
    "a name": {"incoming": [{"name": "x", **HOOK}]},
    "a name as the key": {"incoming": {"x": HOOK}},
    "a name twice": {"incoming": {"x": {"name": "x", **HOOK}}},
    "no tables": {"incoming": 1},
    "no table": {"incoming": [1]},
    "no table by name": {"incoming": {"x": 1}},
    "two scripts": {"incoming": {"x": {**HOOK, **TWO_SCRIPTS}}},
    "two scripts by default": {"defaults": TWO_SCRIPTS},
    "two scripts of a kind by default": {"defaults": {"outgoing": TWO_SCRIPTS}},
    "two scripts, one by default": {"defaults": {"script": ""}, "incoming": {"x": {**HOOK, "script_file": "m.json"}}},
    "no defaults": {"defaults": {}},
    "no table of defaults": {"defaults": []},
    "no table of defaults of a kind": {"defaults": {"incoming": 1}},
    "unknown default": {"defaults": {"typo": 1}},
    "unknown default of a kind": {"defaults": {"outgoing": {"typo": 1}}},
}


@pytest.mark.parametrize("content", SHAPES.values(), ids=SHAPES.keys())
def test_schema_and_loading_agree_about_tables(load: Load, content: dict[str, Any]) -> None:
    """The shapes of files, entries and defaults."""
    assert accepted(content) == loads(load, content)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a few fields, more often valid than not."""
    keys = draw(st.sets(st.sampled_from(sorted(RIGHT)), max_size=2))
    wrong = {key: OTHER_VALUES.get(key, VALUES) for key in keys}
    return {key: RIGHT[key] if draw(st.integers(0, 3)) else draw(st.sampled_from(wrong[key])) for key in sorted(keys)}


# The rest of a file.
BESIDE_VALUES: list[object] = ["", "x", 1, [], {}]
BESIDE: list[dict[str, object]] = [{}, *({k: value} for k in ("scope", "defaults", "typo") for value in BESIDE_VALUES)]


@st.composite
def files(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a file with an entry that is valid except for a few fields, in a list or by name."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    left_out = draw(st.sampled_from([None, *good(kind)]))
    table = {**{key: value for key, value in good(kind).items() if key != left_out}, **draw(changes())}
    beside = draw(st.sampled_from(BESIDE))
    if draw(st.booleans()):
        return {kind: [{"name": "x", **table}], **beside}
    return {kind: {"x": {key: value for key, value in table.items() if key != "name"}}, **beside}


@settings(deadline=None, database=None, max_examples=100)
@given(content=files())
def test_schema_and_loading_agree_about_files(load: Load, content: dict[str, Any]) -> None:
    """The schema accepts any combination of fields and keys exactly if it can be loaded."""
    assert accepted(content) == loads(load, content)


@st.composite
def files_with_defaults(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a file in which an entry of each type uses every default of its type."""
    defaults: dict[str, Any] = {kind: draw(changes()) for kind in KINDS}
    shared = draw(changes())
    content: dict[str, Any] = {"defaults": {**shared, **defaults}}
    for kind in KINDS:
        rest = {key: value for key, value in good(kind).items() if key not in {**shared, **defaults[kind]}}
        content[kind] = {"x": rest, "y": {**rest, **draw(changes())}}
    return content


@settings(deadline=None, database=None, max_examples=100)
@given(content=files_with_defaults())
def test_the_schema_accepts_everything_that_loads(load: Load, content: dict[str, Any]) -> None:
    """However entries and defaults are combined."""
    assert accepted(content) or not loads(load, content)


DEFAULTED = {
    "defaults": {
        "username": "x",
        "outgoing": {"event": "userCreated", "urls": "u", "target_room": "r", "channel": "a"},
    },
    "incoming": {"a": {"channel": "#a"}},
    "outgoing": [{"name": "b"}],
}


def test_what_is_missing_may_be_a_default(load: Load) -> None:
    """The schema requires a field in the entry only where there is no default."""
    assert accepted(DEFAULTED)
    assert loads(load, DEFAULTED)
    for path in (("defaults", "username"), ("defaults", "outgoing", "event"), ("defaults", "outgoing", "urls")):
        content = copy.deepcopy(DEFAULTED)
        place: Any = content
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]
        assert not accepted(content)
        assert not loads(load, content)
