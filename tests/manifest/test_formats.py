"""What the formats themselves bring along: lines, aliases, missing parsers, and attacks on them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given, settings, strategies as st

from rocketchat_integrations.manifest import Manifest, _formats

if TYPE_CHECKING:
    from tests.manifest.conftest import Mistakes


@pytest.fixture(params=["libyaml", "Python"])
def reader_of_yaml(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML with libyaml, and without it."""
    if request.param == "Python":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


@pytest.mark.parametrize(
    ("file", "library", "name"),
    [
        ("m.toml", "tomllib" if sys.version_info >= (3, 11) else "tomli", "reading TOML needs tomli"),
        ("m.yaml", "yaml", "reading YAML needs PyYAML"),
        ("m.yml", "yaml", "reading YAML needs PyYAML"),
    ],
)
def test_a_missing_parser_is_one_reason_with_what_to_install(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch, file: str, library: str, name: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    (folder / file).write_text("scope")
    assert mistakes(file) == (f"{file}: {name}, which is not installed: pip install 'rocketchat-integrations[cli]'",)


def test_json_needs_no_parser_but_pythons_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("tomllib", "tomli", "yaml"):
        monkeypatch.setitem(sys.modules, library, None)
    (folder / "m.json").write_text('{"scope": "a"}')
    assert Manifest.load("m.json").scope == "a"


@pytest.mark.parametrize("suffix", [".toml", ".yaml", ".json"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "BOM"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_files_may_come_from_any_system(folder: Path, suffix: str, mark: str, newline: str) -> None:
    text = {".toml": 'scope = "ä"\nincoming = []\n', ".yaml": "scope: ä\nincoming: []\n", ".json": '{"scope":\n"ä"}\n'}
    (folder / f"m{suffix}").write_bytes((mark + text[suffix].replace("\n", newline)).encode())
    assert Manifest.load(f"m{suffix}").scope == "ä"


def in_brackets(values: list[str]) -> str:
    return "[\n" + "".join(f"{value},\n" for value in values) + "# ]\n]"


# Strings that look like headers, keys, comments, or the end of a string.
PIECES = ["a", "\n", '"', '"""', "'", "#", "\\", "\n[[incoming]]\n", "\nk0 = 'a'\n"]
CONTENT = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
STYLES: dict[str, Callable[[str], str]] = {
    "basic": json.dumps,
    "literal": lambda text: "'" + re.sub("['\n]", "", text) + "'",
    "basic, of many lines": lambda text: '"""' + text.replace("\\", "\\\\").replace('"""', '""\\"') + '"""',
    "literal, of many lines": lambda text: "'''" + text.replace("'''", "''x") + "'''",
}
STRINGS = st.tuples(st.sampled_from(sorted(STYLES)), CONTENT).map(lambda it: STYLES[it[0]](it[1]))
ARRAYS = st.lists(STRINGS, max_size=3).map(lambda strings: "[\n  " + ",\n  ".join(strings) + "\n]")
TABLES = st.lists(STRINGS, max_size=2).map(
    lambda it: "{ " + ", ".join(f"a.k{n} = {s}" for n, s in enumerate(it)) + " }"
)
VALUES = st.recursive(
    STRINGS | ARRAYS | TABLES, lambda inner: st.lists(inner, max_size=2).map(in_brackets), max_leaves=3
)
ENDS = st.sampled_from(["\n", " \n\n", ' # it\'s """ [[incoming]]\n', "\n# k0 = '''\n", "\n\t"])
HEADERS: list[tuple[str, tuple[str, ...]]] = [
    ("[[incoming]]", ("incoming",)),
    ("[[incoming]]", ("incoming",)),
    ("[[ incoming ]]", ("incoming",)),
    ("[incoming.script]", ("incoming", "script")),
    ("[defaults]", ("defaults",)),
    ("[ defaults . outgoing ]", ("defaults", "outgoing")),
    ("[outgoing.a-b]", ("outgoing", "a-b")),
    ('[outgoing."a \\"b] = 1"]', ("outgoing", 'a "b] = 1')),
    ("['outgoing' . 'a.b']", ("outgoing", "a.b")),
]


KEYS: list[tuple[str, tuple[str, ...]]] = [("", ()), ('"x y" . ', ("x y",)), ("'#'.z.", ("#", "z"))]


@st.composite
def toml_with_lines(draw: st.DrawFn) -> tuple[str, dict[_formats.Path, int]]:
    """TOML, and the lines on which its tables and keys stand."""
    text, entries = draw(ENDS), 0
    lines: dict[_formats.Path, int] = {}
    for header, names in [("", ()), *draw(st.lists(st.sampled_from(HEADERS), max_size=5))]:
        entries += header.startswith("[[")
        path: _formats.Path = ("incoming", entries - 1, *names[1:]) if names[:1] == ("incoming",) else names
        if path in lines or path == ("incoming", -1, "script"):
            continue  # a table stands in one place only
        if header:
            lines[path] = text.count("\n") + 1
            text += header + draw(ENDS)
        for number in range(draw(st.integers(0, 3))):
            written, names = draw(st.sampled_from(KEYS))
            key: _formats.Path = (*path, *names, f"k{number}")
            lines[key] = text.count("\n") + 1
            text += f"{written}k{number} = {draw(VALUES)}{draw(ENDS)}"
    return text, lines


@settings(deadline=None, database=None)
@given(toml_with_lines())
def test_lines_of_toml_are_right_whatever_strings_and_comments_say(
    sample: tuple[str, dict[_formats.Path, int]],
) -> None:
    text, lines = sample
    line = _formats.parse(text, ".toml").line
    assert {path: line(path) for path in lines} == lines


ELEMENTS = """\
[[outgoing]]
name = "a"
[[outgoing.deeper]]
name = "b"
[[outgoing]]
x.y = [
  { z = 1 }, [
    "u"
  ],
  { z = 2 }]
"""


def test_lines_of_toml_are_those_of_elements_and_of_what_a_longer_name_implies() -> None:
    """A typo in the name of a table that is there several times has the place of the first."""
    line = _formats.parse(ELEMENTS, ".toml").line
    y = ("outgoing", 1, "x", "y")
    paths = {
        ("outgoing",): 1,
        ("outgoing", 0): 1,
        ("outgoing", 0, "deeper"): 3,
        ("outgoing", 0, "deeper", 0, "name"): 4,
        ("outgoing", 1): 5,
        ("outgoing", 1, "x"): 6,
        y: 6,
        (*y, 0, "z"): 7,
        (*y, 1, 0): 8,
        (*y, 2): 10,
        (*y, 2, "z"): 10,
    }
    assert {path: line(path) for path in paths} == paths


MERGED = """\
defaults:
  incoming: &base
    username: x
    channel: &room ['#a']
incoming:
  a: *base
  b:
    alias: B
    <<: *base
  c:
    <<: [{channel: *room, alias: C}, {alias: D, username: y}]
  d:
    channel:
    - *room
    username: x
"""


def test_aliases_and_merges_of_yaml_work(mistakes: Mistakes, folder: Path, reader_of_yaml: None) -> None:
    """As PyYAML reads them; a mistake is told where the value stands."""
    (folder / "m.yaml").write_text(MERGED)
    assert mistakes("m.yaml") == ("m.yaml:13: incoming.d.channel: must hold texts, not a list",)
    (folder / "m.yaml").write_text(MERGED.replace("- *room", "- '#d'"))
    definitions = [entry.definition for entry in Manifest.load("m.yaml").entries]
    assert [definition.alias for definition in definitions] == [None, "B", "C", None]
    assert [definition.username for definition in definitions] == ["x", "x", "y", "x"]
    (folder / "m.yaml").write_text(MERGED.replace("username: x\n    channel", "username: ' '\n    channel"))
    assert mistakes("m.yaml")[0].startswith("m.yaml:3: ")


@pytest.mark.parametrize("comment", ["", " # none", "   #"])
def test_no_value_is_null_in_yaml(folder: Path, reader_of_yaml: None, comment: str) -> None:
    """A comment behind it changes nothing, if it looks like one."""
    (folder / "m.yaml").write_text(
        "incoming:\n"
        "  ä: {username: x, channel: '#a', alias: }\n"
        f"  b:\n    username: x\n    channel: '#b'\n    alias:{comment}\n",
        encoding="utf-8",
    )
    for entry in Manifest.load("m.yaml").entries:
        assert entry.definition.alias is None
        assert "alias" in entry.given


@pytest.mark.parametrize("text", ["channel: #a", "channel:\n      - #a", "channel: ['#a']\n    emoji:   #x"])
def test_a_room_without_quotes_is_found_behind_any_text(
    mistakes: Mistakes, folder: Path, reader_of_yaml: None, text: str
) -> None:
    (folder / "m.yaml").write_text(f"incoming:\n  '\U0001f916ä':\n    username: x\n    {text}\n", encoding="utf-8")
    (reason,) = mistakes("m.yaml")
    assert "has no value, for # begins a comment" in reason


def test_what_merges_is_no_name_unless_it_is_in_quotes(folder: Path, reader_of_yaml: None) -> None:
    (folder / "m.yaml").write_text("incoming:\n  '<<': {channel: '#a', username: <<}")
    (entry,) = Manifest.load("m.yaml").entries
    assert (entry.definition.name, entry.definition.username) == ("<<", "<<")


def test_a_tag_for_text_makes_text(folder: Path, reader_of_yaml: None) -> None:
    (folder / "m.yaml").write_text("scope: !!str 007")
    assert Manifest.load("m.yaml").scope == "007"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{that}'] * 10)}]\n" for that, this in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_a_small_file_cannot_become_a_large_one(mistakes: Mistakes, folder: Path, reader_of_yaml: None) -> None:
    (folder / "m.yaml").write_text(LAUGHS)
    assert mistakes("m.yaml") == ("m.yaml:6: copies too much by its aliases (*)",)


def test_entries_can_be_copied_by_the_thousand(folder: Path, reader_of_yaml: None) -> None:
    copies = "".join(f"  b{number}: *a\n" for number in range(2_000))
    (folder / "m.yaml").write_text(f"incoming:\n  a: &a {{channel: '#a', username: x}}\n{copies}")
    assert len(Manifest.load("m.yaml").entries) == 2_001


@pytest.mark.parametrize(
    "text",
    [
        "scope: [canary",
        "scope: {canary: 'x'",
        "scope: *canary",
        "scope: !canary x",
        "scope: !canary!x y",
        "scope: @canary",
        "scope: %canary",
        "scope: 'canary",
        'scope: "canary\\q"',
        "scope: &canary &canary2 x",
        "%canary x\n---\n",
        "scope: canary\n\tx: canary",
        "scope: canary: canary",
        "canary\nscope: x",
        "? canary\n  - x\n- canary",
        "scope: |canary\n x",
        "scope: canary\x00",
    ],
)
def test_no_message_about_broken_yaml_shows_words_of_it(
    mistakes: Mistakes, folder: Path, reader_of_yaml: None, text: str
) -> None:
    """For one of them may be a token."""
    (folder / "m.yaml").write_text(text)
    assert all("canary" not in reason.lower() for reason in mistakes("m.yaml"))


def test_a_manifest_is_read_up_to_a_size(mistakes: Mistakes, folder: Path) -> None:
    (folder / "m.json").write_bytes(b'{"scope": "a"}'.ljust(2**24))
    assert Manifest.load("m.json").scope == "a"
    (folder / "m.json").write_bytes(b'{"scope": "a"}'.ljust(2**24 + 1))
    assert mistakes("m.json") == ("m.json: is larger than 16 MiB",)


def test_a_manifest_is_utf_8(mistakes: Mistakes, folder: Path) -> None:
    (folder / "m.json").write_bytes('{"scope": "ä"}'.encode("latin-1"))
    assert mistakes("m.json") == ("m.json: is not UTF-8 text",)


def test_a_manifest_is_a_file(mistakes: Mistakes, folder: Path) -> None:
    (folder / "m.json").mkdir()
    assert mistakes("m.json") == ("m.json: is a directory",)
    assert mistakes("no\0where.json") == ("no\0where.json: cannot be the name of a file",)
