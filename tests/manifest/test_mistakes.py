"""Whatever is wrong with a manifest is told at once, with its place and what would be right."""

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

HALF_A_PAIR = "\\ud800"  # as JSON writes it
HOOK = 'channel = "#a"\nusername = "x"\n'
BOT = 'event = "sendMessage"\nurls = "https://bot.example.com"\nusername = "x"\n'

# What stands in the file, by its suffix, and what is wrong with it.
TOML = {
    # keys
    "unknown key": (
        'typo = 1\nscope = "a"',
        "m.toml:1: typo: is not known; allowed are incoming, outgoing, defaults, scope, $schema",
    ),
    "unknown key that is close to one": ("[default]", "m.toml:1: default: is not known; did you mean 'defaults'?"),
    "unknown field": (
        f'[[incoming]]\nname = "a"\nscriptEnabled = true\n{HOOK}',
        "m.toml:3: incoming[0].scriptEnabled: is not known; did you mean 'script_enabled'?",
    ),
    "unknown field in capitals": (
        f'[[incoming]]\nname = "a"\nEMOJI = ":x:"\n{HOOK}',
        "m.toml:3: incoming[0].EMOJI: is not known; did you mean 'emoji'?",
    ),
    "unknown default": (
        "[defaults.incoming]\nalais = 'CI'",
        "m.toml:2: defaults.incoming.alais: is not known; did you mean 'alias'?",
    ),
    "field of the other kind": (
        f'[[incoming]]\nname = "a"\nurls = "x"\n{HOOK}',
        "m.toml:3: incoming[0].urls: is a field of outgoing integrations only",
    ),
    "default of the other kind": (
        "[defaults.outgoing]\noverride_destination_channel_enabled = true",
        "m.toml:2: defaults.outgoing.override_destination_channel_enabled: is a field of incoming integrations only",
    ),
    "token of an incoming integration": (
        f'[incoming.a]\ntoken = {{ env = "X" }}\n{HOOK}',
        "m.toml:2: incoming.a.token: cannot be given: the server makes the token of an incoming integration",
    ),
    "name as a default": ("[defaults]\nname = 'a'", "m.toml:2: defaults.name: is what one entry has, not a default"),
    "id as a default": (
        "[defaults.outgoing]\nid = 'a'",
        "m.toml:2: defaults.outgoing.id: is what one entry has, not a default",
    ),
    "name twice": (
        f'[incoming.a]\nname = "b"\n{HOOK}',
        "m.toml:2: incoming.a.name: is given already, as the key",
    ),
    "script twice": (
        f'[incoming.a]\nscript = ""\nscript_file = "m.toml"\n{HOOK}',
        "m.toml:3: incoming.a.script_file: excludes script; give one of the two",
    ),
    # tables
    "entries that are none": (
        "incoming = 5",
        "m.toml:1: incoming: must be a list of tables (in TOML: [[incoming]]), or a table of tables by their names",
    ),
    "one entry without a name for it": (
        f'[outgoing]\nname = "a"\n{BOT}',
        "m.toml:1: outgoing: must be a list of tables (in TOML: [[outgoing]]), or a table of tables by their names",
    ),
    "entry that is none": ('incoming = ["a"]', "m.toml:1: incoming[0]: must be a table, not text"),
    "defaults that are none": ("defaults = []", "m.toml:1: defaults: must be a table, not a list"),
    "defaults of a kind that are none": (
        "[defaults]\nincoming = true",
        "m.toml:2: defaults.incoming: must be a table, not true or false",
    ),
    # values
    "missing field": (
        '[[incoming]]\nname = "a"\nchannel = "#a"',
        "m.toml:1: incoming[0].username: is missing, and is needed",
    ),
    "missing name": (f"[[incoming]]\n{HOOK}", "m.toml:1: incoming[0].name: is missing, and is needed"),
    "number for text": (
        f"[[incoming]]\nname = 5\n{HOOK}",
        "m.toml:2: incoming[0].name: must be text, not a number; write it in quotes",
    ),
    "date for text": (
        f"[incoming.a]\nalias = 2024-01-01\n{HOOK}",
        "m.toml:2: incoming.a.alias: must be text or null, not a date; write it in quotes",
    ),
    "date and time for text": (
        f"[incoming.a]\nalias = 2024-01-01T10:00:00\n{HOOK}",
        "m.toml:2: incoming.a.alias: must be text or null, not a date; write it in quotes",
    ),
    "time for text": (
        f"[incoming.a]\nalias = 10:00:00\n{HOOK}",
        "m.toml:2: incoming.a.alias: must be text or null, not a time; write it in quotes",
    ),
    "list for text": (
        f"[incoming.a]\nalias = []\n{HOOK}",
        "m.toml:2: incoming.a.alias: must be text or null, not a list",
    ),
    "number among texts": (
        f"[outgoing.a]\ntrigger_words = ['a', 1.5]\n{BOT}",
        "m.toml:2: outgoing.a.trigger_words: must hold texts, not a number; write it in quotes",
    ),
    "text for yes or no": (
        f'[incoming.a]\nenabled = "yes"\n{HOOK}',
        "m.toml:2: incoming.a.enabled: must be true or false, not text",
    ),
    "text for a number": (
        f'[outgoing.a]\nretry_count = "3"\n{BOT}',
        "m.toml:2: outgoing.a.retry_count: must be a whole number or null, not text",
    ),
    "table for text": (
        f'[incoming.a]\nalias = {{ env = "X" }}\n{HOOK}',
        "m.toml:2: incoming.a.alias: must not be a table; only a token can come from { env = … } or { file = … }",
    ),
    "value that is not allowed": (
        f'[outgoing.a]\nretry_delay = "soon"\n{BOT}',
        (
            "m.toml:2: outgoing.a.retry_delay: must be one of powers-of-ten, powers-of-two, increments-of-two or null; "
            "'soon' is not"
        ),
    ),
    "field that another one wants": (
        '[outgoing.a]\nevent = "userCreated"\nurls = "u"\nusername = "x"',
        "m.toml:1: outgoing.a.target_room: must name a room for the event userCreated",
    ),
    "default of a wrong type that nobody takes": (
        "[defaults]\nenabled = 1",
        "m.toml:2: defaults.enabled: must be true or false, not a number",
    ),
    "default channel of a wrong type that nobody takes": (
        "[defaults]\nchannel = 1",
        "m.toml:2: defaults.channel: must be text or texts, not a number; write it in quotes",
    ),
    "default that is wrong for all that take it": (
        "[defaults]\nchannel = 'a'\nusername = 'x'\n[incoming.a]\n[incoming.b]",
        "m.toml:2: defaults.channel: must start with '#' or '@', and 'a' does not",
    ),
    "blank scope": ('scope = " "', "m.toml:1: scope: must not be blank"),
    "scope that is none": ("scope = 1", "m.toml:1: scope: must be text, not a number; write it in quotes"),
    "blank id": (f'[incoming.a]\nid = ""\n{HOOK}', "m.toml:2: incoming.a.id: must not be blank"),
    "number as former name": (
        f"[incoming.a]\nrenamed_from = 1\n{HOOK}",
        "m.toml:2: incoming.a.renamed_from: must be text, not a number; write it in quotes",
    ),
    "renamed from itself": (
        f'[incoming.a]\nrenamed_from = "a"\n{HOOK}',
        "m.toml:2: incoming.a.renamed_from: is the name itself; it must be another",
    ),
    # secrets
    "secret of two origins": (
        f'[outgoing.a]\ntoken = {{ env = "X", file = "x" }}\n{BOT}',
        "m.toml:2: outgoing.a.token: must come from either env or file",
    ),
    "secret of no origin": (
        f"[outgoing.a]\ntoken = {{}}\n{BOT}",
        "m.toml:2: outgoing.a.token: must come from either env or file",
    ),
    "secret of an unknown origin": (
        f'[outgoing.a]\ntoken = {{ vault = "x" }}\n{BOT}',
        "m.toml:2: outgoing.a.token: can come from env or file, not from 'vault'",
    ),
    "secret of a number": (
        f"[outgoing.a]\ntoken = {{ env = 5 }}\n{BOT}",
        "m.toml:2: outgoing.a.token: env must be text, not a number; write it in quotes",
    ),
    "secret of a blank file": (
        f'[outgoing.a]\ntoken = {{ file = " " }}\n{BOT}',
        "m.toml:2: outgoing.a.token: file must not be blank",
    ),
    "number as a secret": (
        f"[outgoing.a]\ntoken = 123\n{BOT}",
        "m.toml:2: outgoing.a.token: must be text or null, not a number; write it in quotes",
    ),
    "script file that is none": (
        f"[incoming.a]\nscript_file = true\n{HOOK}",
        "m.toml:2: incoming.a.script_file: must be text, not true or false; write it in quotes",
    ),
    # syntax
    "broken TOML": ("a = 1\nb = \n", "m.toml:2: is not TOML: "),
    "TOML that ends too early": ("a = [", "m.toml: is not TOML: "),
    "key twice in TOML": ("scope = 'a'\nscope = 'b'\n", "m.toml:2: is not TOML: "),
    "number that is too long in TOML": (
        f"scope = {'9' * 5000}",
        "m.toml: holds a number that is too long, or a date that does not exist",
    ),
    "deep TOML": (f"a = {'[' * 5000}{']' * 5000}", "m.toml: is nested too deeply"),
    "empty TOML": ("# nothing\n", "m.toml: is empty; allowed are incoming, outgoing, defaults, scope, $schema"),
}
YAML = {
    "unknown key": ("incomings: []", "m.yaml:1: incomings: is not known; did you mean 'incoming'?"),
    "a list": ("- a", "m.yaml: must be a table, not a list"),
    "text": ("hello", "m.yaml: must be a table, not text"),
    "missing field": (
        "incoming:\n  - name: a\n    username: x\n",
        "m.yaml:2: incoming[0].channel: is missing, and is needed",
    ),
    "wrong value": (
        'incoming:\n  a:\n    channel: "#a"\n    username: x\n    alias: no\n',
        "m.yaml:5: incoming.a.alias: must be text or null, not true or false; write it in quotes",
    ),
    "null for what must be there": (
        'incoming:\n  a: {username: ~, channel: "#a"}',
        "m.yaml:2: incoming.a.username: must be text, not null",
    ),
    "no fields": (
        "incoming:\n  a:\n",
        "m.yaml:1: incoming: must be a list of tables (in TOML: [[incoming]]), or a table of tables by their names",
    ),
    "date": (
        'incoming:\n  a: {username: 2024-01-01, channel: "#a"}',
        "m.yaml:2: incoming.a.username: must be text, not a date; write it in quotes",
    ),
    "key twice": (
        "incoming: []\noutgoing: []\nincoming: []\n",
        "m.yaml:3: incoming: stands there twice, and only one can be meant",
    ),
    "entry twice": (
        'incoming:\n  a: {username: x, channel: "#a"}\n  "a": {username: x, channel: "#b"}\n',
        "m.yaml:3: incoming.a: stands there twice, and only one can be meant",
    ),
    "key that is no text": (
        "incoming:\n  on: {}\n",
        "m.yaml:2: has a key that YAML does not read as text: write it in quotes",
    ),
    "room without quotes": (
        "incoming:\n  a:\n    username: x\n    channel: #a\n",
        "m.yaml:4: has no value, for # begins a comment: write text that begins with # in quotes",
    ),
    "room without quotes in a list": (
        "incoming:\n  ä:\n    username: x\n    channel:\n      - '#ä'\n      - #a\n",
        "m.yaml:6: has no value, for # begins a comment: write text that begins with # in quotes",
    ),
    "word that is a tag": (
        "outgoing:\n  a:\n    event: sendMessage\n    username: x\n    urls: u\n    trigger_words:\n    - !deploy\n",
        "m.yaml:7: has a tag: write text that begins with ! in quotes",
    ),
    "secret that is a tag": (
        "outgoing:\n  a:\n    event: sendMessage\n    username: x\n    urls: u\n    token: {file: !f x}\n",
        "m.yaml:6: has a tag: write text that begins with ! in quotes",
    ),
    "Python in tags": (
        "scope: !!python/object/apply:os.getcwd []",
        "m.yaml:1: has a tag; lists and tables have none here",
    ),
    "word that is an alias": (
        "scope: *all",
        "m.yaml:1: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "alias of what is around it": (
        "incoming: &a [*a]",
        "m.yaml:1: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "key that is a tag": ("!a b: 1\nscope: a", "m.yaml:1: has a tag: write text that begins with ! in quotes"),
    "entries that are an alias of nothing": (
        "incoming: *a\noutgoing: {a: *a}\ndefaults: *a",
        "m.yaml:1: has an alias (*) of nothing: write text that begins with * in quotes",
        "m.yaml:2: has an alias (*) of nothing: write text that begins with * in quotes",
        "m.yaml:3: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "list of an alias of nothing": (
        "incoming: [*a]",
        "m.yaml:1: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "name that is an alias of nothing": (
        'scope: a\nincoming:\n- name: *a\n  renamed_from: *a\n  channel: "#a"\n  username: x',
        "m.yaml:3: has an alias (*) of nothing: write text that begins with * in quotes",
        "m.yaml:4: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "day that does not exist": (
        "scope: 2024-02-31",
        "m.yaml:1: holds a number that is too long, or a date that does not exist",
    ),
    "merge of text": ("scope: a\ndefaults:\n  <<: a\n", "m.yaml:3: merges (<<) something that is not a table"),
    "merge of an alias of nothing": (
        "scope: a\ndefaults:\n  <<: *a\n",
        "m.yaml:3: has an alias (*) of nothing: write text that begins with * in quotes",
    ),
    "two documents": ("scope: a\n---\nscope: b\n", "m.yaml:2: holds a second document (---): a manifest is one"),
    "broken YAML": ("scope: a\nincoming: [\n", "m.yaml:3: is not YAML: "),
    "control character": ("scope: \x01", "m.yaml: is not YAML: "),
    "deep YAML": ("[" * 40, "m.yaml:1: is nested too deeply"),
    "empty YAML": ("---\n# nothing\n", "m.yaml: is empty; allowed are incoming, outgoing, defaults, scope, $schema"),
}
JSON = {
    "unknown key": (
        '{"$schemas": "x"}',
        "m.json: '$schemas': is not known; did you mean '$schema'?",
    ),
    "null": ('{"scope": null}', "m.json: scope: must be text, not null"),
    "key twice": (
        '{"incoming": {"a": {"channel": "#a", "username": "x", "channel": "#b"}}}',
        "m.json: incoming.a.channel: stands there twice, and only one can be meant",
    ),
    "source of a secret twice": (
        '{"defaults": {"token": {"env": "PATH", "env": "PATH"}}}',
        "m.json: defaults.token.env: stands there twice, and only one can be meant",
    ),
    "half a pair": (
        f'{{"incoming": {{"{HALF_A_PAIR}": {{"channel": "#a", "username": "x"}}}}}}',
        "m.json: incoming.'\\ud800': must be Unicode text, and has half a surrogate pair",
    ),
    "half a pair in the name of a variable": (
        f'{{"defaults": {{"token": {{"env": "{HALF_A_PAIR}"}}}}}}',
        "m.json: defaults.token: env must be Unicode text, and has half a surrogate pair",
    ),
    "half a pair in the name of a file": (
        f'{{"defaults": {{"script_file": "{HALF_A_PAIR}"}}}}',
        "m.json: defaults.script_file: must be Unicode text, and has half a surrogate pair",
    ),
    "half a pair in the scope": (
        f'{{"scope": "{HALF_A_PAIR}"}}',
        "m.json: scope: must be Unicode text, and has half a surrogate pair",
    ),
    "schema that is none": ('{"$schema": 1}', "m.json: '$schema': must be text, not a number; write it in quotes"),
    "broken JSON": ('{\n "scope": a\n}', "m.json:2: is not JSON: "),
    "number that is too long in JSON": (
        f"[{'9' * 5000}]",
        "m.json: holds a number that is too long, or a date that does not exist",
    ),
    "deep JSON": ("[" * 100_000 + "]" * 100_000, "m.json: is nested too deeply"),
    "empty JSON": (" \n", "m.json: is empty; allowed are incoming, outgoing, defaults, scope, $schema"),
    "empty object": ("{}", "m.json: is empty; allowed are incoming, outgoing, defaults, scope, $schema"),
}
EVERY_MISTAKE = [
    pytest.param(f"m{suffix}", text, expected, id=f"{suffix} {name}")
    for suffix, cases in ((".toml", TOML), (".yaml", YAML), (".json", JSON))
    for name, (text, *expected) in cases.items()
]


@pytest.mark.parametrize(("file", "text", "expected"), EVERY_MISTAKE)
def test_each_mistake_is_told(mistakes: Mistakes, folder: Path, file: str, text: str, expected: list[str]) -> None:
    """One reason a mistake, and none beside. (What a parser says itself is not pinned down.)"""
    (folder / file).write_text(text, encoding="utf-8")
    reasons = mistakes(file)
    assert len(reasons) == len(expected)
    for reason, beginning in zip(reasons, expected, strict=True):
        assert reason.startswith(beginning) if beginning.endswith(": ") else reason == beginning


def test_all_mistakes_are_told_at_once(mistakes: Mistakes, folder: Path) -> None:
    """Those of all files, tables and fields, and those between entries."""
    (folder / "a.toml").write_text(
        dedent(
            """
            scope = "ci-"
            typo = 1

            [defaults]
            username = " "
            enabled = "yes"

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
    (folder / "b.yaml").write_text(
        'incoming:\n  a: {channel: "#a", username: x}\n  ci-a:\n    urls: x\n    channel: #a\n'
    )
    (folder / "c.json").write_text("{")
    reasons = mistakes("a.toml", "b.yaml", "c.json", "d.toml", "e.txt")
    assert [": ".join(reason.split(": ")[:2]) for reason in reasons] == [
        "a.toml:3: typo",
        "a.toml:6: defaults.username",
        "a.toml:7: defaults.enabled",
        "a.toml:11: incoming[0].channel",
        "a.toml:16: incoming[1].script_file",
        "a.toml:13: incoming[1].name",
        "a.toml:15: incoming[1].alias",
        "a.toml:14: incoming[1].channel",
        "a.toml:24: outgoing[0].token",
        "a.toml:20: outgoing[0].event",
        "a.toml:21: outgoing[0].urls",
        "a.toml:23: outgoing[0].retry_count",
        "b.yaml:5: has no value, for # begins a comment",
        "b.yaml:4: incoming.ci-a.urls",
        "b.yaml:3: incoming.ci-a.username",
        "c.json:1: is not JSON",
        "d.toml: cannot be read",
        "e.txt: has no suffix that tells its format; allowed are .toml, .yaml, .yml, .json",
        "a.toml:9: incoming[0].name",
        "b.yaml:2: incoming.a.name",
        "b.yaml:2: incoming.a.name",
    ]


# Entries of `incoming`, the rest of the file, and what is wrong between them.
BETWEEN_ENTRIES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], list[str]]] = {
    "one name": (
        [{"name": "a"}, {"name": "b"}, {"name": "a"}],
        {},
        [
            (
                "m.json: incoming[2].name: 'a' is the name of m.json: incoming[0] as well; "
                "where two integrations have one name, each entry needs its id"
            )
        ],
    ),
    "one name, one id": (
        [{"name": "a", "id": "1"}, {"name": "a"}],
        {},
        [
            (
                "m.json: incoming[1].name: 'a' is the name of m.json: incoming[0] as well; "
                "where two integrations have one name, each entry needs its id"
            )
        ],
    ),
    "one name, one id later": (
        [{"name": "a"}, {"name": "a", "id": "1"}],
        {},
        [
            (
                "m.json: incoming[1].name: 'a' is the name of m.json: incoming[0] as well; "
                "where two integrations have one name, each entry needs its id"
            )
        ],
    ),
    "one name, two ids": ([{"name": "a", "id": "1"}, {"name": "a", "id": "2"}], {}, []),
    "two names, one id": (
        [{"name": "a", "id": "1"}, {"name": "b", "id": "1"}],
        {},
        ["m.json: incoming[1].id: '1' is the id of m.json: incoming[0] as well; one integration is one entry"],
    ),
    "one name, one id, two kinds": (
        [{"name": "a", "id": "1"}],
        {"outgoing": [{"name": "a", "id": "1", "event": "sendMessage", "urls": "u"}]},
        ["m.json: outgoing[0].id: '1' is the id of m.json: incoming[0] as well; one integration is one entry"],
    ),
    "one name, two kinds": (
        [{"name": "a", "renamed_from": "b"}],
        {"outgoing": [{"name": "a", "renamed_from": "b", "event": "sendMessage", "urls": "u"}]},
        [],
    ),
    "one former name": (
        [{"name": "a", "renamed_from": "c"}, {"name": "b", "renamed_from": "c"}],
        {},
        ["m.json: incoming[1].renamed_from: 'c' becomes m.json: incoming[0] already"],
    ),
    "former name of another": (
        [{"name": "a", "renamed_from": "b"}, {"name": "b"}],
        {},
        [
            (
                "m.json: incoming[0].renamed_from: 'b' is the name of m.json: incoming[1]. If the renaming is done, "
                "take renamed_from away; to exchange names, give the ids"
            )
        ],
    ),
    "names exchanged by ids": (
        [{"name": "a", "renamed_from": "b", "id": "1"}, {"name": "b", "renamed_from": "a", "id": "2"}],
        {},
        [],
    ),
    "outside the scope": (
        [{"name": "ci-a"}, {"name": "ci"}, {"name": "Ci-b"}, {"name": "ci-c", "renamed_from": "b"}],
        {"scope": "ci-"},
        [
            "m.json: incoming[1].name: 'ci' does not begin with the scope 'ci-'",
            "m.json: incoming[2].name: 'Ci-b' does not begin with the scope 'ci-'",
        ],
    ),
    "names that are none are not compared": (
        [{"name": 1}, {"name": {"env": "X"}}, {"name": None}, {}],
        {"scope": "ci-"},
        [
            "m.json: incoming[0].name: must be text, not a number; write it in quotes",
            "m.json: incoming[1].name: must not be a table; only a token can come from { env = … } or { file = … }",
            "m.json: incoming[2].name: must be text, not null",
            "m.json: incoming[3].name: is missing, and is needed",
        ],
    ),
}


@pytest.mark.parametrize(
    ("entries", "more", "expected"), BETWEEN_ENTRIES.values(), ids=[name.replace(" ", "-") for name in BETWEEN_ENTRIES]
)
def test_entries_must_not_contradict_one_another(
    folder: Path, entries: list[dict[str, Any]], more: dict[str, Any], expected: list[str]
) -> None:
    defaults = {"username": "x", "channel": "#a"}
    (folder / "m.json").write_text(json.dumps({"defaults": defaults, "incoming": entries, **more}))
    reasons: tuple[str, ...] = ()
    try:
        Manifest.load("m.json")
    except ManifestError as error:
        reasons = error.reasons
    assert list(reasons) == expected


def test_names_are_compared_across_files(mistakes: Mistakes, folder: Path) -> None:
    """Two entries with one name are told with both places, and so is a file that is read twice."""
    (folder / "a.toml").write_text(f"[incoming.a]\n{HOOK}")
    (folder / "b.toml").write_text(f'\n[[incoming]]\nname = "a"\n{HOOK}')
    for other, place in (("b.toml", "b.toml:2: incoming[0]"), ("a.toml", "a.toml:1: incoming.a")):
        (reason,) = mistakes("a.toml", other)
        assert reason.startswith(f"{place}.name: 'a' is the name of a.toml:1: incoming.a as well; ")


def test_scopes_of_several_files_must_be_the_same(mistakes: Mistakes, folder: Path) -> None:
    (folder / "a.toml").write_text('scope = "a"')
    (folder / "b.yaml").write_text("scope: b")
    assert mistakes("a.toml", "b.yaml") == (
        "b.yaml:1: scope: 'b' is not 'a', as a.toml:1: scope says; a manifest has one scope",
    )


def test_the_message_has_all_reasons(folder: Path) -> None:
    (folder / "m.toml").write_text("a = 1\nb = 1")
    with pytest.raises(ManifestError) as caught:
        Manifest.load("m.toml")
    assert str(caught.value) == "\n  ".join(["the manifest has 2 mistakes:", *caught.value.reasons])
    with pytest.raises(ManifestError, match="^the manifest has a mistake:\n  n.toml: cannot be read: "):
        Manifest.load("n.toml")


def test_a_manifest_is_at_least_one_file(mistakes: Mistakes) -> None:
    assert mistakes() == ("no file is given; a manifest is at least one",)


@pytest.mark.parametrize("name", ["m", "m.ini", "toml", ".toml", "m.toml.bak"])
def test_a_file_without_a_known_suffix_is_not_read(mistakes: Mistakes, folder: Path, name: str) -> None:
    (folder / name).write_text('scope = "a"')
    reason = f"{name}: has no suffix that tells its format; allowed are .toml, .yaml, .yml, .json"
    assert mistakes(name) == (reason,)
