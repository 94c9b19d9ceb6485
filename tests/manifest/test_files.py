"""Scripts and secrets live beside the manifest: they are taken to the letter, and stay inside its folder."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

import rocketchat_integrations
from rocketchat_integrations import IncomingIntegration, ManifestError, OutgoingIntegration
from rocketchat_integrations.manifest import Entry, Manifest, Secret

if TYPE_CHECKING:
    from tests.manifest.conftest import Mistakes

PACKAGE = Path(rocketchat_integrations.__file__).parent
CANARY = "canary-in-the-coal-mine"
HOOK = 'channel = "#a"\nusername = "x"\n'
BOT = 'event = "sendMessage"\nurls = "https://bot.example.com"\nusername = "x"\n'


def manifest_with(line: str, *, under: str = "") -> str:
    """The path of a manifest in a folder, with one entry of each kind that has these lines."""
    path = Path(under, "m.toml")
    kind = "outgoing" if line.startswith("token") else "incoming"
    path.write_text(f"[{kind}.a]\n{line}\n{BOT if kind == 'outgoing' else HOOK}", encoding="utf-8")
    return str(path)


def token_of(path: str, **options: bool) -> str | None:
    (entry,) = Manifest.load(path, **options).entries
    assert isinstance(entry.definition, OutgoingIntegration)
    return entry.definition.token


def script_of(path: str, **options: bool) -> str | None:
    (entry,) = Manifest.load(path, **options).entries
    return entry.definition.script


# Scripts.


@pytest.mark.parametrize("written", ["", "a\n", "\n a\r\n\n", "a\rb", "ä \U0001f916 \x00 \u2028"])
def test_a_script_is_read_to_the_letter(folder: Path, written: str) -> None:
    (folder / "ci.js").write_bytes(written.encode())
    assert script_of(manifest_with('script_file = "ci.js"')) == written


def test_a_mark_of_byte_order_is_no_part_of_a_script(folder: Path) -> None:
    (folder / "ci.js").write_bytes("\ufeffa\ufeff".encode())
    assert script_of(manifest_with('script_file = "ci.js"')) == "a\ufeff"


def test_a_script_file_gives_the_script(folder: Path) -> None:
    (folder / "ci.js").write_text("ci")
    (entry,) = Manifest.load(manifest_with('script_file = "ci.js"')).entries
    assert entry.given == {"name", "channel", "username", "script"}


def test_a_script_and_a_file_override_one_another(folder: Path) -> None:
    """An entry's one counts, whatever the defaults have."""
    (folder / "ci.js").write_text("file")
    (folder / "m.toml").write_text(
        f"[defaults]\nscript_file = 'ci.js'\n[defaults.outgoing]\nscript = 'text'\n"
        f"[incoming.a]\n{HOOK}[incoming.b]\nscript = 'own'\n{HOOK}"
        f"[outgoing.a]\n{BOT}[outgoing.b]\nscript_file = 'ci.js'\n{BOT}"
    )
    scripts = [entry.definition.script for entry in Manifest.load("m.toml").entries]
    assert scripts == ["file", "own", "text", "file"]


# Secrets.


@pytest.mark.parametrize("value", ["007", "1e3", "true", " a ", "a\n", "{x}", "#", "'\"", "ä"])
def test_a_secret_in_a_variable_is_taken_to_the_letter(
    folder: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("BOT_TOKEN", value)
    assert token_of(manifest_with('token = { env = "BOT_TOKEN" }')) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("007", "007"),
        ("a\n", "a"),
        ("a\r\n", "a"),
        ("a\n\n", "a\n"),
        ("a\n\r\n", "a\n"),
        ("a\r", "a\r"),
        (" a \n", " a "),
        ("\na", "\na"),
        ("\ufeffa", "\ufeffa"),
    ],
)
def test_a_secret_in_a_file_loses_one_line_break_at_its_end(folder: Path, written: str, value: str) -> None:
    (folder / "token").write_bytes(written.encode())
    assert token_of(manifest_with('token = { file = "token" }')) == value


def test_an_entry_knows_where_its_secret_comes_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a plan can name it instead of holding it; a literal token is no secret of that kind."""
    monkeypatch.setenv("BOT_TOKEN", "variable")
    (folder / "token").write_text("file")
    Path("conf").mkdir()
    (folder / "conf/m.toml").write_text(
        f'[defaults]\ntoken = {{ env = "BOT_TOKEN" }}\n[outgoing.a]\n{BOT}'
        f'[outgoing.b]\ntoken = {{ file = "../token" }}\n{BOT}[outgoing.c]\ntoken = "literal"\n{BOT}'
        f"[incoming.a]\n{HOOK}"
    )
    entries = Manifest.load("conf/m.toml", allow_outside=True).entries
    assert [entry.secrets for entry in entries] == [
        {"token": Secret(env="BOT_TOKEN", folder=str(folder / "conf"), allow_outside=True)},
        {"token": Secret(file="../token", folder=str(folder / "conf"), allow_outside=True)},
        {},
        {},
    ]
    assert [secret.resolve() for entry in entries for secret in entry.secrets.values()] == ["variable", "file"]
    assert ["token" in entry.given for entry in entries] == [True, True, True, False]


@pytest.mark.parametrize("name", ["ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD"])
def test_a_manifest_gives_nobody_our_own_credentials(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """An integration hands its token to whoever its URLs name; nor does a plan file do it."""
    monkeypatch.setenv(name, "the administrator's")
    (folder / "m.toml").write_text(f'[outgoing.a]\ntoken = {{ env = "{name}" }}\n{BOT}')
    with pytest.raises(ManifestError, match=f"{name}' is what the client logs in with") as caught:
        Manifest.load("m.toml")
    assert "administrator" not in str(caught.value)
    with pytest.raises(ManifestError, match="what the client logs in with"):
        Secret(env=name).resolve()


def test_a_secret_is_read_again_whenever_it_is_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret(env="BOT_TOKEN")
    for value in ("one", "two"):
        monkeypatch.setenv("BOT_TOKEN", value)
        assert secret.resolve() == value


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (Secret(env="MISSING"), "the environment variable 'MISSING' is not set"),
        (Secret(env="BLANK"), "'BLANK' is blank"),
        (Secret(file="missing"), "'missing' cannot be read: No such file or directory"),
        (Secret(file="blank"), "'blank' is blank"),
        (Secret(file="."), "'.' is a directory"),
        (Secret(file="latin"), "'latin' is not UTF-8 text"),
        (
            Secret(file="../outside"),
            "'../outside' is outside of the manifest's folder, which only allow_outside permits",
        ),
    ],
    ids=repr,
)
def test_a_secret_that_cannot_be_had_says_why(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch, secret: Secret, reason: str
) -> None:
    """In the same words when it is read with the manifest, and later."""
    monkeypatch.setenv("BLANK", " \t")
    (folder / "blank").write_text("\n")
    (folder / "latin").write_bytes(CANARY.encode() + b"\xe4")
    with pytest.raises(ManifestError) as caught:
        secret.resolve()
    assert (str(caught.value), caught.value.reasons) == (reason, (reason,))
    origin = f'env = "{secret.env}"' if secret.env else f'file = "{secret.file}"'
    assert mistakes(manifest_with(f"token = {{ {origin} }}")) == (f"m.toml:2: outgoing.a.token: {reason}",)


@pytest.mark.skipif(os.name == "nt", reason="variables are text there")
def test_a_secret_of_other_bytes_than_text_is_refused(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BOT_TOKEN", "a\udce4")
    assert mistakes(manifest_with('token = { env = "BOT_TOKEN" }')) == (
        "m.toml:2: outgoing.a.token: must be Unicode text, and has half a surrogate pair",
    )


def test_a_secret_has_one_origin() -> None:
    with pytest.raises(ValueError, match="either env or file"):
        Secret()
    with pytest.raises(ValueError, match="either env or file"):
        Secret(env="A", file="a")


LEAKS = {
    "literal": f'token = "{CANARY}"\ntypo = 1',
    "variable": 'token = { env = "BOT_TOKEN" }\ntypo = 1',
    "file": 'token = { file = "token" }\nname = 5',
    "wrong elsewhere": 'token = { env = "BOT_TOKEN" }\nretry_failed_calls = true\nretry_count = 0',
    "wrong itself": 'token = { env = "BROKEN" }',
    "not text": 'token = { file = "latin" }',
    "not of its type": f'token = ["{CANARY}"]',
    "broken": f'token = "{CANARY}\\q"',
}


def texts_held_by(error: BaseException) -> Iterator[str | bytes]:
    """All text that an exception leads to: in itself, its chain, and what our frames in its traceback hold."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame.f_locals for frame in frames if Path(frame.f_code.co_filename).is_relative_to(PACKAGE)]
    found: list[Any] = [error, *ours]
    seen: set[int] = set()
    while found:
        value = found.pop()
        if id(value) not in seen and not isinstance(value, (FrameType, FunctionType, ModuleType, type)):
            seen.add(id(value))
            found += gc.get_referents(value)
            if isinstance(value, (str, bytes)):
                yield value


@pytest.mark.parametrize("lines", LEAKS.values(), ids=LEAKS.keys())
def test_no_mistake_leads_to_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    monkeypatch.setenv("BOT_TOKEN", CANARY)
    monkeypatch.setenv("BROKEN", f"{CANARY}\udce4")
    (folder / "token").write_text(CANARY)
    (folder / "latin").write_bytes(CANARY.encode() + b"\xe4")
    path = manifest_with(lines)
    with pytest.raises(ManifestError) as caught:
        Manifest.load(path)
    assert not [text for text in texts_held_by(caught.value) if CANARY in str(text)]


def test_a_secret_that_cannot_be_read_is_not_held_by_the_failure(folder: Path) -> None:
    (folder / "latin").write_bytes(CANARY.encode() + b"\xe4")
    with pytest.raises(ManifestError) as caught:
        Secret(file="latin").resolve()
    assert not [text for text in texts_held_by(caught.value) if CANARY in str(text)]


def test_no_repr_shows_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", CANARY)
    manifest = Manifest.load(manifest_with('token = { env = "BOT_TOKEN" }'))
    assert CANARY not in repr(manifest)
    assert "BOT_TOKEN" in repr(manifest)


def test_a_secret_itself_holds_no_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_TOKEN", CANARY)
    secret = Secret(env="BOT_TOKEN")
    assert secret.resolve() == CANARY
    assert CANARY.encode() not in pickle.dumps(secret)
    assert copy.copy(secret) == secret
    assert hash(secret) == hash(Secret(env="BOT_TOKEN"))


# Both.


@pytest.mark.parametrize("line", ['script_file = "%s"', 'token = { file = "%s" }'], ids=["script", "secret"])
class TestFiles:
    """What holds for scripts and for secrets."""

    def place(self, line: str) -> str:
        return "outgoing.a.token" if line.startswith("token") else "incoming.a.script_file"

    def read(self, path: str, line: str, **options: bool) -> str | None:
        return (token_of if line.startswith("token") else script_of)(path, **options)

    @pytest.mark.parametrize("file", ["x", "./x", "sub/../x", "deep/x", "link", "%(folder)s/conf/x"])
    def test_paths_are_relative_to_the_folder_of_the_manifest(self, folder: Path, line: str, file: str) -> None:
        """Not to the current one; an absolute path, or a link, may lead into the folder."""
        (folder / "conf/deep").mkdir(parents=True)
        (folder / "conf/sub").mkdir()
        (folder / "conf/x").write_text("text")
        (folder / "conf/deep/x").write_text("text")
        (folder / "conf/link").symlink_to(folder / "conf/deep/x")
        assert self.read(manifest_with(line % (file % {"folder": folder}), under="conf"), line) == "text"

    @pytest.mark.parametrize("file", ["../x", "sub/../../x", "link", "folder/x", "%(folder)s/x", "../conf2/x"])
    def test_a_path_must_not_leave_the_folder_unless_allowed(
        self, mistakes: Mistakes, folder: Path, line: str, file: str
    ) -> None:
        (folder / "conf/sub").mkdir(parents=True)
        (folder / "conf2").mkdir()
        for name in ("x", "conf2/x"):
            (folder / name).write_text("text")
        (folder / "conf/link").symlink_to(folder / "x")
        (folder / "conf/folder").symlink_to(folder)
        file = file % {"folder": folder}
        path = manifest_with(line % file, under="conf")
        reason = f"{file!r} is outside of the manifest's folder, which only allow_outside permits"
        assert mistakes(path) == (f"{path}:2: {self.place(line)}: {reason}",)
        assert self.read(path, line, allow_outside=True) == "text"

    def test_a_folder_that_is_a_link_is_that_folder(self, folder: Path, line: str) -> None:
        (folder / "real").mkdir()
        (folder / "real/x").write_text("text")
        (folder / "conf").symlink_to("real")
        manifest_with(line % "x", under="real")
        assert self.read("conf/m.toml", line) == "text"

    def test_a_file_is_read_up_to_a_size(self, mistakes: Mistakes, folder: Path, line: str) -> None:
        path = manifest_with(line % "x")
        (folder / "x").write_bytes(b"x" * 2**20)
        assert self.read(path, line) == "x" * 2**20
        (folder / "x").write_bytes(b"x" * (2**20 + 1))
        assert mistakes(path) == (f"m.toml:2: {self.place(line)}: 'x' is larger than 1 MiB",)

    def test_what_is_no_readable_file_is_told(self, mistakes: Mistakes, folder: Path, line: str) -> None:
        os.mkfifo(folder / "pipe")
        (folder / "loop").symlink_to("loop")
        (folder / "latin").write_bytes(b"\xe4")
        for file, reason in {
            "missing/x": "cannot be read: No such file or directory",
            "loop": "cannot be read: Too many levels of symbolic links",
            "m.toml/x": "cannot be read: Not a directory",
            ".": "is a directory",
            "pipe": "is not a file",
            "latin": "is not UTF-8 text",
            "a\\u0000b": "cannot be the name of a file",
        }.items():
            shown = repr(file.replace("\\u0000", "\0"))
            assert mistakes(manifest_with(line % file)) == (f"m.toml:2: {self.place(line)}: {shown} {reason}",)


def test_a_manifest_can_be_made_of_entries_from_elsewhere() -> None:
    definition = IncomingIntegration("a", username="x", channel="#a")
    entry = Entry(definition=definition, given=frozenset({"name"}))
    assert Manifest(entries=(entry,)).entries[0].definition is definition
    assert (entry.id, entry.renamed_from, entry.secrets, entry.place) == (None, None, {}, "")
