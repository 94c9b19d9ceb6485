"""Every mistake in a manifest is reported at once, with its place and what is allowed."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import ManifestError
from rocketchat_integrations.manifest import Manifest

if TYPE_CHECKING:
    from tests.manifest.conftest import Mistakes

HOOK = 'channel = "#a"\nusername = "x"\n'
BOT = 'event = "sendMessage"\nurls = "https://bot.example.com"\nusername = "x"\n'
TOP_KEYS = "incoming, outgoing, defaults, scope, $schema"
KIND_SHAPE = "must be a list of tables (in TOML: [[incoming]]) or a table of tables by name"

# The text of m.toml, and what is reported about it.
KEYS = {
    "unknown": ('typo = 1\nscope = "a"', f"typo: unknown key; allowed are {TOP_KEYS}"),
    "unknown, but close to a field": (
        f"[[incoming]]\nname = 'a'\nscriptEnabled = true\n{HOOK}",
        "incoming[0].scriptEnabled: unknown key; did you mean 'script_enabled'?",
    ),
    "close in other letters": (
        "[defaults.incoming]\nEMOJI = ':x:'",
        "defaults.incoming.EMOJI: unknown key; did you mean 'emoji'?",
    ),
    "of the other type": (
        f"[[incoming]]\nname = 'a'\nurls = 'x'\n{HOOK}",
        "incoming[0].urls: is a field of outgoing integrations only",
    ),
    "default of the other type": (
        "[defaults.outgoing]\noverride_destination_channel_enabled = true",
        "defaults.outgoing.override_destination_channel_enabled: is a field of incoming integrations only",
    ),
    "token of an incoming integration": (
        f'[incoming.a]\ntoken = {{ env = "X" }}\n{HOOK}',
        "incoming.a.token: cannot be given: the server generates the token of an incoming integration",
    ),
    "id as a default": ("[defaults.outgoing]\nid = 'a'", "defaults.outgoing.id: cannot be a default"),
    "name given twice": (f"[incoming.a]\nname = 'b'\n{HOOK}", "incoming.a.name: is already given as the key"),
    "two scripts": (
        f"[incoming.a]\nscript = ''\nscript_file = 'm.toml'\n{HOOK}",
        "incoming.a.script_file: cannot be combined with script",
    ),
}
TABLES = {
    "not a table": ("incoming = 5", f"incoming: {KIND_SHAPE}"),
    "one entry without a name": (f"[incoming]\nname = 'a'\n{HOOK}", f"incoming: {KIND_SHAPE}"),
    "entry that is text": ('incoming = ["a"]', "incoming[0]: must be a table, not text"),
    "list of defaults": ("defaults = []", "defaults: must be a table, not a list"),
    "flag as defaults": ("[defaults]\nincoming = true", "defaults.incoming: must be a table, not true or false"),
    "no content": ("# nothing\n", f"is empty; allowed are {TOP_KEYS}"),
}
VALUES = {
    "missing": ("[[incoming]]\nname = 'a'\nchannel = '#a'", "incoming[0].username: is required"),
    "missing name": (f"[[incoming]]\n{HOOK}", "incoming[0].name: is required"),
    "number instead of text": (
        f"[[incoming]]\nname = 5\n{HOOK}",
        "incoming[0].name: must be text, not a number; write it in quotes",
    ),
    "date instead of text": (
        f"[incoming.a]\nalias = 2024-01-01T10:00:00\n{HOOK}",
        "incoming.a.alias: must be text, not a date; write it in quotes",
    ),
    "time instead of text": (
        f"[incoming.a]\nalias = 10:00:00\n{HOOK}",
        "incoming.a.alias: must be text, not a time; write it in quotes",
    ),
    "list instead of text": (f"[incoming.a]\nalias = []\n{HOOK}", "incoming.a.alias: must be text, not a list"),
    "number in a list of texts": (
        f"[outgoing.a]\ntrigger_words = ['a', 1.5]\n{BOT}",
        "outgoing.a.trigger_words: must hold only text, not a number; write it in quotes",
    ),
    "text instead of a flag": (
        f"[incoming.a]\nenabled = 'yes'\n{HOOK}",
        "incoming.a.enabled: must be true or false, not text",
    ),
    "table instead of text": (
        f"[incoming.a]\nalias = {{ env = 'X' }}\n{HOOK}",
        "incoming.a.alias: must not be a table; only a token can be { env = … } or { file = … }",
    ),
    "not allowed": (
        f"[outgoing.a]\nretry_delay = 'soon'\n{BOT}",
        "outgoing.a.retry_delay: must be one of powers-of-ten, powers-of-two, increments-of-two; 'soon' is not",
    ),
    "required by another field": (
        "[outgoing.a]\nevent = 'userCreated'\nurls = 'u'\nusername = 'x'",
        "outgoing.a.target_room: must name a room for the event userCreated",
    ),
    "blank scope": ('scope = " "', "scope: must not be blank"),
    "number as scope": ("scope = 1", "scope: must be text, not a number; write it in quotes"),
    "blank id": (f"[incoming.a]\nid = ''\n{HOOK}", "incoming.a.id: must not be blank"),
    "number as previous name": (
        f"[incoming.a]\nrenamed_from = 1\n{HOOK}",
        "incoming.a.renamed_from: must be text, not a number; write it in quotes",
    ),
    "renamed from itself": (
        f"[incoming.a]\nrenamed_from = 'a'\n{HOOK}",
        "incoming.a.renamed_from: must differ from the name",
    ),
    "script file that is a flag": (
        f"[incoming.a]\nscript_file = true\n{HOOK}",
        "incoming.a.script_file: must be text, not true or false; write it in quotes",
    ),
}
DEFAULTS = {
    "partial that is no flag": ("[defaults]\npartial = 1", "defaults.partial: must be true or false, not a number"),
    "wrong type, and unused": ("[defaults]\nenabled = 1", "defaults.enabled: must be true or false, not a number"),
    "channel of a wrong type, and unused": (
        "[defaults]\nchannel = 1",
        "defaults.channel: must be text or a list of texts, not a number; write it in quotes",
    ),
    "wrong for two entries": (
        "[defaults]\nchannel = 'a'\nusername = 'x'\n[incoming.a]\n[incoming.b]",
        "defaults.channel: must start with '#' or '@'; 'a' does not",
    ),
}
SECRETS = {
    "two sources": ("{ env = 'X', file = 'x' }", "must have either env or file"),
    "no source": ("{}", "must have either env or file"),
    "unknown source": ("{ vault = 'x' }", "has an unknown key 'vault'; allowed are env, file"),
    "number as source": ("{ env = 5 }", "env must be text, not a number; write it in quotes"),
    "blank source": ("{ file = ' ' }", "file must not be blank"),
    "number": ("123", "must be text, not a number; write it in quotes"),
}
IN_TOML = [
    *(pytest.param(*case, id=name) for cases in (KEYS, TABLES, VALUES, DEFAULTS) for name, case in cases.items()),
    *(
        pytest.param(f"[outgoing.a]\ntoken = {token}\n{BOT}", f"outgoing.a.token: {expected}", id=f"secret: {name}")
        for name, (token, expected) in SECRETS.items()
    ),
]


@pytest.mark.parametrize(("text", "expected"), IN_TOML)
def test_a_mistake_is_reported_once_with_its_place(mistakes: Mistakes, folder: Path, text: str, expected: str) -> None:
    """A reason names the file, the path of the value, and what is allowed."""
    (folder / "m.toml").write_text(text, encoding="utf-8")
    assert mistakes("m.toml") == (f"m.toml: {expected}",)


TAG = "has a tag (!); write text that begins with ! in quotes"
ALIAS = "has an alias (*) without a target; write text that begins with * in quotes"
COMMENT = "has no value, since # begins a comment; write text that begins with # in quotes"

# The text of m.yaml, and what is reported about it.
YAML = {
    "list": ("- a", "m.yaml: must be a table, not a list"),
    "missing field": ("incoming:\n  - name: a\n    username: x\n", "m.yaml:2: incoming[0].channel: is required"),
    "word that is a flag": (
        'incoming:\n  a:\n    channel: "#a"\n    username: x\n    alias: no\n',
        "m.yaml:5: incoming.a.alias: must be text, not true or false; write it in quotes",
    ),
    "null": (
        'incoming:\n  a: {username: ~, channel: "#a"}',
        "m.yaml:2: incoming.a.username: must be text, not null",
    ),
    "date": (
        'incoming:\n  a: {username: 2024-01-01, channel: "#a"}',
        "m.yaml:2: incoming.a.username: must be text, not a date; write it in quotes",
    ),
    "day that does not exist": (
        "scope: 2024-02-31",
        "m.yaml:1: has a number that is too long, or a date that does not exist",
    ),
    "entry without fields": ("incoming:\n  a:\n", f"m.yaml:1: incoming: {KIND_SHAPE}"),
    "repeated key": (
        'incoming:\n  a: {username: x, channel: "#a"}\n  "a": {username: x, channel: "#b"}\n',
        "m.yaml:3: incoming.a: is given twice",
    ),
    "key that is a flag": (
        "incoming:\n  on: {}\n",
        "m.yaml:2: has a key that YAML does not read as text; write it in quotes",
    ),
    "room without quotes": ("incoming:\n  a:\n    username: x\n    channel: #a\n", f"m.yaml:4: {COMMENT}"),
    "room without quotes in a list": (
        "incoming:\n  ä:\n    username: x\n    channel:\n      - '#ä'\n      - #a\n",
        f"m.yaml:6: {COMMENT}",
    ),
    "tag": (
        "outgoing:\n  a:\n    event: sendMessage\n    username: x\n    urls: u\n    trigger_words:\n    - !deploy\n",
        f"m.yaml:7: {TAG}",
    ),
    "tag in a secret": (
        "outgoing:\n  a:\n    event: sendMessage\n    username: x\n    urls: u\n    token: {file: !f x}\n",
        f"m.yaml:6: {TAG}",
    ),
    "tag of a list": ("scope: !!python/object/apply:os.getcwd []", f"m.yaml:1: {TAG}"),
    "tag of a key": ("!a b: 1\nscope: a", f"m.yaml:1: {TAG}"),
    "alias of what is around it": ("incoming: &a [*a]", f"m.yaml:1: {ALIAS}"),
    "aliases without targets": (
        'incoming:\n- name: *a\n  renamed_from: *a\n  channel: "#a"\n  username: x\noutgoing: {a: *a}\ndefaults: *a',
        *(f"m.yaml:{line}: {ALIAS}" for line in (2, 3, 6, 7)),
    ),
    "merge of text": ("scope: a\ndefaults:\n  <<: a\n", "m.yaml:3: merges (<<) a value that is not a table"),
    "merge of an alias without a target": ("scope: a\ndefaults:\n  <<: *a\n", f"m.yaml:3: {ALIAS}"),
    "comments only": ("---\n# nothing\n", f"m.yaml: is empty; allowed are {TOP_KEYS}"),
    "deep nesting": ("[" * 40, "m.yaml:1: is nested too deeply"),
}
UNICODE = "must be valid Unicode, without lone surrogates"
JSON = {
    "unusual key": ('{"$schemas": "x"}', "m.json: '$schemas': unknown key; did you mean '$schema'?"),
    "null": ('{"scope": null}', "m.json: scope: must be text, not null"),
    "repeated key": (
        '{"incoming": {"a": {"channel": "#a", "username": "x", "channel": "#b"}}}',
        "m.json: incoming.a.channel: is given twice",
    ),
    "repeated key of a secret": (
        '{"defaults": {"token": {"env": "PATH", "env": "ROCKETCHAT_SECRET_A"}}}',
        "m.json: defaults.token.env: is given twice",
    ),
    "lone surrogate in a name": (
        '{"incoming": {"\\ud800": {"channel": "#a", "username": "x"}}}',
        f"m.json: incoming.'\\ud800': {UNICODE}",
    ),
    "lone surrogate in an option": ('{"scope": "\\ud800"}', f"m.json: scope: {UNICODE}"),
    "no content": (" \n", f"m.json: is empty; allowed are {TOP_KEYS}"),
    "empty object": ("{}", f"m.json: is empty; allowed are {TOP_KEYS}"),
    "long number": (f"[{'9' * 5000}]", "m.json: has a number that is too long, or a date that does not exist"),
    "deep nesting": ("[" * 100_000 + "]" * 100_000, "m.json: is nested too deeply"),
}
TOML = {
    "long number": (
        f"scope = {'9' * 5000}",
        "m.toml: has a number that is too long, or a date that does not exist",
    ),
    "deep nesting": (f"a = {'[' * 5000}{']' * 5000}", "m.toml: is nested too deeply"),
}
OF_FORMATS = [
    pytest.param(f"m{suffix}", text, tuple(expected), id=f"{suffix} {name}")
    for suffix, cases in ((".yaml", YAML), (".json", JSON), (".toml", TOML))
    for name, (text, *expected) in cases.items()
]


@pytest.mark.parametrize(("file", "text", "expected"), OF_FORMATS)
def test_what_a_format_does_not_read_as_meant_is_explained(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str, expected: tuple[str, ...]
) -> None:
    """A reason has the line of YAML, and says how to write the value."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_A", "x")
    (folder / file).write_text(text, encoding="utf-8")
    assert mistakes(file) == expected


@pytest.mark.parametrize(
    ("file", "text", "beginning"),
    [
        ("m.toml", "a = 1\nb = \n", "m.toml:2: is not TOML: "),
        ("m.toml", "a = [", "m.toml: is not TOML: "),
        ("m.yaml", "scope: a\nincoming: [\n", "m.yaml:3: is not YAML: "),
        ("m.yaml", "scope: a\n---\nscope: b\n", "m.yaml:2: is not YAML: "),
        ("m.yaml", "scope: \x01", "m.yaml: is not YAML: "),
        ("m.json", '{\n "scope": a\n}', "m.json:2: is not JSON: "),
    ],
)
def test_broken_syntax_is_one_reason_with_its_line(
    mistakes: Mistakes, folder: Path, file: str, text: str, beginning: str
) -> None:
    """The line is the one that the parser names, if it names one."""
    (folder / file).write_text(text, encoding="utf-8")
    (reason,) = mistakes(file)
    assert reason.startswith(beginning)


def test_all_mistakes_are_reported_at_once(mistakes: Mistakes, folder: Path) -> None:
    """Those of all files, tables and fields, and those between entries."""
    (folder / "a.toml").write_text(
        dedent(
            """
            scope = "ci-"
            typo = 1

            [defaults]
            username = " "

            [[incoming]]
            name = "a"
            channel = ["general", 5]

            [[incoming]]
            channel = "general"
            alias = false
            script_file = "missing.js"

            [[outgoing]]
            name = "ci-b"
            event = "sendMesage"
            urls = []
            retry_failed_calls = true
            retry_count = 0
            token = { env = "MISSING" }
            """
        )
    )
    (folder / "b.yaml").write_text('incoming:\n  a: {channel: "#a", username: x}\n  c: {urls: x, channel: "#a"}\n')
    (folder / "c.json").write_text("{")
    reasons = mistakes("a.toml", "b.yaml", "c.json", "d.toml", "e.txt")
    assert [": ".join(reason.split(": ")[:2]) for reason in reasons] == [
        "a.toml: typo",
        "a.toml: defaults.username",
        "a.toml: incoming[0].channel",
        "a.toml: incoming[1].script_file",
        "a.toml: incoming[1].name",
        "a.toml: incoming[1].alias",
        "a.toml: incoming[1].channel",
        "a.toml: outgoing[0].token",
        "a.toml: outgoing[0].event",
        "a.toml: outgoing[0].urls",
        "a.toml: outgoing[0].retry_count",
        "a.toml: incoming[0].name",
        "b.yaml:2: incoming.a.name",
        "b.yaml:2: incoming.a.name",
        "b.yaml:3: incoming.c.urls",
        "b.yaml:3: incoming.c.username",
        "b.yaml:3: incoming.c.name",
        "c.json:1: is not JSON",
        "d.toml: cannot be read",
        "e.txt: has an unknown suffix; allowed are .toml, .yaml, .yml, .json",
    ]


SAME_NAME = "'a' is also the name of m.json: incoming[0]; entries with the same name need an id each"

# Entries of `incoming`, the rest of the file, and what is reported about it.
BETWEEN_ENTRIES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], list[str]]] = {
    "same name": ([{"name": "a"}, {"name": "b"}, {"name": "a"}], {}, [f"incoming[2].name: {SAME_NAME}"]),
    "same name, one id": ([{"name": "a", "id": "1"}, {"name": "a"}], {}, [f"incoming[1].name: {SAME_NAME}"]),
    "same name, later id": ([{"name": "a"}, {"name": "a", "id": "1"}], {}, [f"incoming[1].name: {SAME_NAME}"]),
    "same name, two ids": ([{"name": "a", "id": "1"}, {"name": "a", "id": "2"}], {}, []),
    "same id, both types": (
        [{"name": "a", "id": "1"}],
        {"outgoing": [{"name": "b", "id": "1", "event": "sendMessage", "urls": "u"}]},
        ["outgoing[0].id: '1' is also the id of m.json: incoming[0]"],
    ),
    "same names, both types": (
        [{"name": "a", "renamed_from": "b"}],
        {"outgoing": [{"name": "a", "renamed_from": "b", "event": "sendMessage", "urls": "u"}]},
        [],
    ),
    "same previous name": (
        [{"name": "a", "renamed_from": "c"}, {"name": "b", "renamed_from": "c"}],
        {},
        ["incoming[1].renamed_from: 'c' is also renamed by m.json: incoming[0]"],
    ),
    "previous name in use": (
        [{"name": "a", "renamed_from": "b"}, {"name": "b"}],
        {},
        [
            (
                "incoming[0].renamed_from: 'b' is the name of m.json: incoming[1]; remove renamed_from if the "
                "integration is renamed already, or give ids to swap names"
            )
        ],
    ),
    "names swapped by ids": (
        [{"name": "a", "renamed_from": "b", "id": "1"}, {"name": "b", "renamed_from": "a", "id": "2"}],
        {},
        [],
    ),
    "outside of the scope": (
        [{"name": "ci-a"}, {"name": "Ci-b"}, {"name": "ci-c", "renamed_from": "b"}],
        {"scope": "ci-"},
        ["incoming[1].name: 'Ci-b' does not start with the scope 'ci-'"],
    ),
    "unreadable names": (
        [{"name": 1}, {}],
        {"scope": "ci-"},
        ["incoming[0].name: must be text, not a number; write it in quotes", "incoming[1].name: is required"],
    ),
}


@pytest.mark.parametrize(("entries", "more", "expected"), BETWEEN_ENTRIES.values(), ids=BETWEEN_ENTRIES)
def test_contradictions_between_entries_are_reported(
    folder: Path, entries: list[dict[str, Any]], more: dict[str, Any], expected: list[str]
) -> None:
    """A reason names both places."""
    defaults = {"username": "x", "channel": "#a"}
    (folder / "m.json").write_text(json.dumps({"defaults": defaults, "incoming": entries, **more}))
    reasons: tuple[str, ...] = ()
    try:
        Manifest.load("m.json")
    except ManifestError as error:
        reasons = error.reasons
    assert list(reasons) == [f"m.json: {reason}" for reason in expected]


def test_names_and_scopes_are_compared_across_files(mistakes: Mistakes, folder: Path) -> None:
    """Two files must not contradict each other."""
    (folder / "a.toml").write_text(f"scope = 'a'\n[incoming.a]\n{HOOK}")
    (folder / "b.yaml").write_text("scope: b\nincoming: [{name: a, username: x, channel: '#a'}]")
    same_name = "'a' is also the name of a.toml: incoming.a; entries with the same name need an id each"
    assert mistakes("a.toml", "b.yaml") == (
        "b.yaml:1: scope: 'b' differs from 'a' at a.toml: scope",
        f"b.yaml:2: incoming[0].name: {same_name}",
    )


def test_the_message_has_all_reasons(mistakes: Mistakes, folder: Path) -> None:
    """A program that prints only the exception shows everything."""
    (folder / "m.toml").write_text("a = 1\nb = 1")
    with pytest.raises(ManifestError) as caught:
        Manifest.load("m.toml")
    assert str(caught.value) == "\n  ".join(["the manifest has 2 mistakes:", *caught.value.reasons])
    with pytest.raises(ManifestError, match="^the manifest has a mistake:\n  n.toml: cannot be read: "):
        Manifest.load("n.toml")
    assert mistakes() == ("no file is given",)


@pytest.mark.parametrize("name", ["m", ".toml", "m.toml.bak"])
def test_a_file_with_an_unknown_suffix_is_not_read(mistakes: Mistakes, folder: Path, name: str) -> None:
    """The suffix decides about the format, and none is guessed."""
    (folder / name).write_text('scope = "a"')
    assert mistakes(name) == (f"{name}: has an unknown suffix; allowed are .toml, .yaml, .yml, .json",)
