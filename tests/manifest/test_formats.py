"""The formats: encodings, aliases and merges of YAML, limits, and parsers that are not installed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import OutgoingIntegration
from rocketchat_integrations.manifest import Manifest

if TYPE_CHECKING:
    from tests.manifest.conftest import Mistakes


@pytest.fixture
def without_pyyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyYAML is not installed."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(sys.modules, "rocketchat_integrations.manifest._yaml", raising=False)


@pytest.mark.usefixtures("without_pyyaml")
def test_yaml_without_pyyaml_is_one_reason_with_what_to_install(mistakes: Mistakes, folder: Path) -> None:
    """Nothing else is said about such a file."""
    (folder / "m.yml").write_text("scope")
    hint = "python -m pip install 'rocketchat-integrations[cli]'"
    assert mistakes("m.yml") == (f"m.yml: reading YAML requires PyYAML, which is not installed: {hint}",)


@pytest.mark.usefixtures("without_pyyaml")
@pytest.mark.parametrize(("file", "text"), [("m.json", '{"scope": "a"}'), ("m.toml", 'scope = "a"')])
def test_toml_and_json_need_only_python(folder: Path, file: str, text: str) -> None:
    """The extra `cli` is needed for YAML alone."""
    (folder / file).write_text(text)
    assert Manifest.load(file).scope == "a"


@pytest.mark.parametrize("suffix", [".toml", ".yaml", ".json"])
@pytest.mark.parametrize(("mark", "newline"), [("", "\n"), ("\ufeff", "\r\n")], ids=["Unix", "Windows"])
def test_files_may_come_from_any_system(folder: Path, suffix: str, mark: str, newline: str) -> None:
    """A byte order mark and line breaks of Windows change nothing."""
    text = {".toml": 'scope = "ä"\nincoming = []\n', ".yaml": "scope: ä\nincoming: []\n", ".json": '{"scope":\n"ä"}\n'}
    (folder / f"m{suffix}").write_bytes((mark + text[suffix].replace("\n", newline)).encode())
    assert Manifest.load(f"m{suffix}").scope == "ä"


def test_suffixes_are_known_in_any_case(folder: Path) -> None:
    """`a.YML` is YAML."""
    (folder / "a.YML").write_text("scope: a")
    assert Manifest.load("a.YML").scope == "a"


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


def test_aliases_and_merges_of_yaml_work(mistakes: Mistakes, folder: Path) -> None:
    """Own keys come before merged ones, and the first merged table before the next."""
    (folder / "m.yaml").write_text(MERGED.replace("- *room", "- '#d'"))
    definitions = [entry.definition for entry in Manifest.load("m.yaml").entries]
    assert [definition.alias for definition in definitions] == [None, "B", "C", None]
    assert [definition.username for definition in definitions] == ["x", "x", "y", "x"]


def test_a_mistake_in_a_merged_table_has_the_line_of_the_value(mistakes: Mistakes, folder: Path) -> None:
    """The line is where the value is to be changed."""
    (folder / "m.yaml").write_text(MERGED)
    assert mistakes("m.yaml") == ("m.yaml:13: incoming.d.channel: must hold only text, not a list",)
    (folder / "m.yaml").write_text("incoming:\n  a:\n    <<: {channel: '#a',\n      username: ' '}\n")
    (reason,) = mistakes("m.yaml")
    assert reason.startswith("m.yaml:4: incoming.a.username: ")


@pytest.mark.parametrize("part", ["a", '"a\\"."', "'a.'", "a "])
def test_a_dotted_key_has_a_limit(folder: Path, mistakes: Mistakes, part: str) -> None:
    """20,000 parts would cost seconds and gigabytes. The message has the line."""
    for key in (f"{'.'.join([part] * 20_000)} = 1", f"[{'.'.join([part] * 20_000)}]"):
        (folder / "m.toml").write_text(f"scope = 'a'\n{key}\n")
        assert mistakes("m.toml") == ("m.toml:2: is nested too deeply",)


def test_a_search_for_dotted_keys_takes_no_time(folder: Path) -> None:
    """A long word, long blanks, and many short paths are no dotted key."""
    script = "x" * 1_000_000 + " " * 1_000_000 + "a.b " * 250_000 + "a.b.c().d"
    (folder / "m.toml").write_text(f"[incoming.a]\nchannel='#a'\nusername='x'\nscript='{script}'\n")
    (entry,) = Manifest.load("m.toml").entries
    assert entry.definition.script == script


def test_yaml_has_no_numbers_to_the_base_60(folder: Path) -> None:
    """12:30 is text, and a long one takes no time. Other numbers stay numbers."""
    long = ":".join(["59"] * 100_000)
    entry = "{channel: '#a', username: x, event: sendMessage, urls: u, retry_count: 0x1_0, "
    (folder / "m.yaml").write_text(f"outgoing:\n  12:30: {entry} alias: {long}.5, emoji: {long}}}\n")
    definition = Manifest.load("m.yaml").entries[0].definition
    assert (definition.name, definition.alias, definition.emoji) == ("12:30", f"{long}.5", long)
    assert isinstance(definition, OutgoingIntegration)
    assert definition.retry_count == 16


@pytest.mark.parametrize("comment", ["", " # none", "   #"])
def test_an_empty_value_of_yaml_is_null(folder: Path, comment: str) -> None:
    """A comment behind it changes nothing, if it looks like one."""
    text = f"incoming:\n  ä:\n    username: x\n    channel: '#ä'\n    alias:{comment}\n"
    (folder / "m.yaml").write_text(text, encoding="utf-8")
    (entry,) = Manifest.load("m.yaml").entries
    assert entry.definition.alias is None
    assert "alias" in entry.given


@pytest.mark.parametrize(
    ("written", "meant"),
    [("'<<'", "<<"), ("<<", "<<"), ("=", "="), ("! x", "x"), ("!!str 007", "007"), ("1e3x", "1e3x")],
)
def test_odd_words_of_yaml_are_text(folder: Path, written: str, meant: str) -> None:
    """As values, the signs for merging have no meaning."""
    (folder / "m.yaml").write_text(f"scope: {written}")
    assert Manifest.load("m.yaml").scope == meant


def test_a_quoted_merge_sign_is_a_key(folder: Path) -> None:
    """An integration may be called `<<`."""
    (folder / "m.yaml").write_text("incoming: !!map\n  '<<': {channel: !!seq ['#a'], username: x}")
    (entry,) = Manifest.load("m.yaml").entries
    assert entry.definition.name == "<<"


LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{this}: &{this} [{', '.join([f'*{that}'] * 10)}]\n" for that, this in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_a_small_file_cannot_become_a_large_one(mistakes: Mistakes, folder: Path) -> None:
    """Aliases copy up to a limit, which no real manifest reaches."""
    (folder / "m.yaml").write_text(LAUGHS)
    assert mistakes("m.yaml") == ("m.yaml:6: copies too many values by aliases (*)",)
    copies = "".join(f"  b{number}: *a\n" for number in range(300))
    (folder / "m.yaml").write_text(f"incoming:\n  a: &a {{channel: '#a', username: x}}\n{copies}")
    assert len(Manifest.load("m.yaml").entries) == 301


@pytest.mark.parametrize(
    "text",
    [
        "scope: [canary",
        "scope: *canary",
        "scope: !canary x",
        "scope: !canary!x y",
        "scope: @canary",
        "scope: 'canary",
        'scope: "canary\\q"',
        "scope: &canary &canary2 x",
        "a: &canary x\nb: &canary x",
        "%canary x\n---\n",
        "scope: canary\n\tx: canary",
        "scope: canary: canary",
        "? canary\n  - x\n- canary",
        "scope: |canary\n x",
        "scope: canary\x00",
    ],
)
def test_no_message_about_broken_yaml_shows_words_of_it(mistakes: Mistakes, folder: Path, text: str) -> None:
    """One of them may be a token."""
    (folder / "m.yaml").write_text(text)
    assert all("canary" not in reason.lower() for reason in mistakes("m.yaml"))


def test_a_manifest_is_read_up_to_a_size(mistakes: Mistakes, folder: Path) -> None:
    """The limit is 16 MiB."""
    (folder / "m.json").write_bytes(b'{"scope": "a"}'.ljust(2**24))
    assert Manifest.load("m.json").scope == "a"
    (folder / "m.json").write_bytes(b'{"scope": "a"}'.ljust(2**24 + 1))
    assert mistakes("m.json") == ("m.json: is larger than 16 MiB",)


def test_what_cannot_be_read_is_reported(mistakes: Mistakes, folder: Path) -> None:
    """Other encodings, folders, and names that no file can have."""
    (folder / "latin.json").write_bytes('{"scope": "ä"}'.encode("latin-1"))
    (folder / "folder.json").mkdir()
    assert mistakes("latin.json", "folder.json", "no\0where.json") == (
        "latin.json: is not UTF-8 text",
        "folder.json: is a directory",
        "no\0where.json: is not a valid file name",
    )
