"""Scripts and secrets beside a manifest are read verbatim, stay inside its folder, and leak nowhere."""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import attrs
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
OUTSIDE = "is outside of the manifest's folder, which requires allow_outside"


def manifest_with(line: str, *, under: str = "") -> str:
    """Write a manifest with one entry that has this line, and return its path."""
    path = Path(under, "m.toml")
    kind = "outgoing" if line.startswith("token") else "incoming"
    path.write_text(f"[{kind}.a]\n{line}\n{BOT if kind == 'outgoing' else HOOK}", encoding="utf-8")
    return str(path)


def token_of(path: str, **options: Any) -> str | None:
    (entry,) = Manifest.load(path, **options).entries
    assert isinstance(entry.definition, OutgoingIntegration)
    return entry.definition.token


def script_of(path: str, **options: Any) -> str | None:
    (entry,) = Manifest.load(path, **options).entries
    return entry.definition.script


# Scripts.


@pytest.mark.parametrize(
    ("written", "read"), [("\n a\r\n\n", "\n a\r\n\n"), ("ä \U0001f916 \x00", "ä \U0001f916 \x00"), ("\ufeffa", "a")]
)
def test_a_script_is_read_verbatim(folder: Path, written: str, read: str) -> None:
    """A byte order mark is no part of it; a script file gives the field `script`."""
    (folder / "ci.js").write_bytes(written.encode())
    (entry,) = Manifest.load(manifest_with('script_file = "ci.js"')).entries
    assert entry.definition.script == read
    assert entry.given == {"name", "channel", "username", "script"}


def test_script_and_script_file_override_each_other(folder: Path) -> None:
    """An entry's value counts, whichever key the defaults have."""
    (folder / "ci.js").write_text("file")
    (folder / "m.toml").write_text(
        f"[defaults]\nscript_file = 'ci.js'\n[defaults.outgoing]\nscript = 'text'\n"
        f"[incoming.a]\n{HOOK}[incoming.b]\nscript = 'own'\n{HOOK}"
        f"[outgoing.a]\n{BOT}[outgoing.b]\nscript_file = 'ci.js'\n{BOT}"
    )
    scripts = [entry.definition.script for entry in Manifest.load("m.toml").entries]
    assert scripts == ["file", "own", "text", "file"]


# Secrets.


@pytest.mark.parametrize("value", ["007", " a\n", "{x}"])
def test_a_variable_is_read_verbatim(folder: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """No format applies to the values of variables."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", value)
    assert token_of(manifest_with('token = { env = "ROCKETCHAT_SECRET_BOT" }')) == value


@pytest.mark.parametrize(
    ("written", "value"),
    [("007\n", "007"), ("a\r\n", "a"), ("a\n\r\n", "a\n"), ("a\r", "a\r"), (" a ", " a "), ("\ufeffa", "\ufeffa")],
)
def test_a_secret_file_is_read_without_one_line_break(folder: Path, written: str, value: str) -> None:
    """Editors add a line break; everything else is verbatim."""
    (folder / "token").write_bytes(written.encode())
    assert token_of(manifest_with('token = { file = "token" }')) == value


def test_an_entry_has_the_sources_of_its_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan can name the source instead of storing the secret; a literal token has no source."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "variable")
    (folder / "token").write_text("file")
    Path("conf").mkdir()
    (folder / "conf/m.toml").write_text(
        f'[defaults]\ntoken = {{ env = "ROCKETCHAT_SECRET_BOT" }}\n[outgoing.a]\n{BOT}'
        f'[outgoing.b]\ntoken = {{ file = "../token" }}\n{BOT}[outgoing.c]\ntoken = "literal"\n{BOT}'
        f"[incoming.a]\n{HOOK}"
    )
    entries = Manifest.load("conf/m.toml", allow_outside=True).entries
    assert [entry.secrets for entry in entries] == [
        {"token": Secret(env="ROCKETCHAT_SECRET_BOT", folder=str(folder / "conf"), allow_outside=True)},
        {"token": Secret(file="../token", folder=str(folder / "conf"), allow_outside=True)},
        {},
        {},
    ]
    assert [secret.resolve() for entry in entries for secret in entry.secrets.values()] == ["variable", "file"]
    assert ["token" in entry.given for entry in entries] == [True, True, True, False]


@pytest.mark.parametrize("name", ["ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD"])
def test_the_clients_credentials_are_no_secrets_of_integrations(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """An integration sends its token to the URLs that the author of the manifest chooses."""
    monkeypatch.setenv(name, CANARY)
    problem = f"the environment variable '{name}' is a credential of the client; use another for this token"
    assert mistakes(manifest_with(f'token = {{ env = "{name}" }}')) == (f"m.toml: outgoing.a.token: {problem}",)
    with pytest.raises(ManifestError, match="is a credential of the client"):
        Secret(env=name).resolve()


def test_other_variables_have_to_be_allowed(mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One by its name, or another prefix. The message says how; the client's credentials cannot be allowed."""
    for name in ("AWS_SECRET_ACCESS_KEY", "ROCKETCHAT_SECRET_", "ROCKETCHAT_PASSWORD"):
        monkeypatch.setenv(name, CANARY)
    path = manifest_with('token = { env = "AWS_SECRET_ACCESS_KEY" }')
    (reason,) = mistakes(path)
    assert reason == (
        "m.toml: outgoing.a.token: the environment variable 'AWS_SECRET_ACCESS_KEY' may not be read: only names that "
        "begin with 'ROCKETCHAT_SECRET_' are allowed. Call it 'ROCKETCHAT_SECRET_AWS_SECRET_ACCESS_KEY' here and in "
        "the environment, or allow it with --secret-env AWS_SECRET_ACCESS_KEY (in Python: "
        "secret_names=['AWS_SECRET_ACCESS_KEY'])"
    )
    rules: list[dict[str, Any]] = [{"secret_names": ["AWS_SECRET_ACCESS_KEY"]}, {"secret_prefix": "AWS_"}]
    for allowed in (*rules, {"secret_prefix": ""}):
        assert token_of(path, **allowed) == CANARY
    assert mistakes(manifest_with('token = { env = "ROCKETCHAT_SECRET_" }'))
    assert mistakes(manifest_with('token = { env = "ROCKETCHAT_PASSWORD" }'), secret_prefix="")


@pytest.mark.parametrize("line", ['token = {{ file = "{}" }}', 'script_file = "{}"'])
def test_hidden_files_are_not_read(mistakes: Mistakes, folder: Path, line: str) -> None:
    """Nor files in hidden folders, also by links, with allow_outside as well. Mounts of Kubernetes are allowed."""
    for inner in (".git", "..2026"):
        (folder / inner).mkdir()
        (folder / inner / "token").write_text("text")
    (folder / ".env").write_text("text")
    (folder / "link").symlink_to(folder / ".env")
    (folder / "mounted").symlink_to(folder / "..2026/token")
    for file in (".env", ".git/token", "link", f"{folder}/.git/token", "x/../.env"):
        path = manifest_with(line.format(file))
        assert all(f"{file!r} is hidden" in reason for reason in mistakes(path))
        assert all(f"{file!r} is hidden" in reason for reason in mistakes(path, allow_outside=True))
    for path in (manifest_with(line.format("mounted")), manifest_with(line.format("token"), under=".git")):
        (entry,) = Manifest.load(path).entries
        assert "text" in attrs.astuple(entry.definition)


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (Secret(env="ROCKETCHAT_SECRET_MISSING"), "the environment variable 'ROCKETCHAT_SECRET_MISSING' is not set"),
        (Secret(env="ROCKETCHAT_SECRET_BLANK"), "'ROCKETCHAT_SECRET_BLANK' is blank"),
        (Secret(file="missing"), "'missing' cannot be read: No such file or directory"),
        (Secret(file="latin"), "'latin' is not UTF-8 text"),
        (Secret(file="../outside"), f"'../outside' {OUTSIDE}"),
    ],
    ids=str,
)
def test_an_unreadable_secret_is_reported_alike_when_loading_and_later(
    mistakes: Mistakes, folder: Path, monkeypatch: pytest.MonkeyPatch, secret: Secret, reason: str
) -> None:
    """`resolve` raises the reason that loading reports."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BLANK", " \t")
    (folder / "latin").write_bytes(b"\xe4")
    with pytest.raises(ManifestError) as caught:
        secret.resolve()
    assert (str(caught.value), caught.value.reasons) == (reason, (reason,))
    source = f'env = "{secret.env}"' if secret.env else f'file = "{secret.file}"'
    assert mistakes(manifest_with(f"token = {{ {source} }}")) == (f"m.toml: outgoing.a.token: {reason}",)


def test_a_secret_has_one_source() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Secret()
    with pytest.raises(ValueError, match="exactly one"):
        Secret(env="A", file="a")


def test_a_secret_holds_no_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads the value each time, so that reprs and pickles have only its source."""
    secret = Secret(env="ROCKETCHAT_SECRET_BOT")
    for value in ("old", CANARY):
        monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", value)
        assert secret.resolve() == value
    assert pickle.loads(pickle.dumps(secret)) == secret
    assert hash(secret) == hash(Secret(env="ROCKETCHAT_SECRET_BOT"))
    manifest = Manifest.load(manifest_with('token = { env = "ROCKETCHAT_SECRET_BOT" }'))
    assert CANARY.encode() not in pickle.dumps(secret)
    assert CANARY not in repr(manifest)
    assert "ROCKETCHAT_SECRET_BOT" in repr(manifest)


LEAKS = {
    "literal": f'token = "{CANARY}"\ntypo = 1',
    "variable": 'token = { env = "ROCKETCHAT_SECRET_BOT" }\ntypo = 1',
    "file": 'token = { file = "token" }\nname = 5',
    "wrong elsewhere": 'token = { env = "ROCKETCHAT_SECRET_BOT" }\nretry_failed_calls = true\nretry_count = 0',
    "wrong itself": 'token = { env = "BROKEN" }',
    "not text": 'token = { file = "latin" }',
    "wrong type": f'token = ["{CANARY}"]',
    "syntax": f'token = "{CANARY}\\q"',
}


def texts_held_by(error: BaseException) -> Iterator[str | bytes]:
    """Yield all text that an exception refers to: in itself, its chain, and the frames of the package."""
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


@pytest.mark.skipif(os.name == "nt", reason="variables are text there")
@pytest.mark.parametrize("lines", LEAKS.values(), ids=LEAKS)
def test_no_failure_refers_to_a_secret(folder: Path, monkeypatch: pytest.MonkeyPatch, lines: str) -> None:
    """A secret is not in the error's text, its chain, or the frames of its traceback."""
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", CANARY)
    monkeypatch.setenv("BROKEN", f"{CANARY}\udce4")
    (folder / "token").write_text(CANARY)
    (folder / "latin").write_bytes(CANARY.encode() + b"\xe4")
    with pytest.raises(ManifestError) as caught:
        Manifest.load(manifest_with(lines))
    assert not [text for text in texts_held_by(caught.value) if CANARY in str(text)]
    with pytest.raises(ManifestError) as caught:
        Secret(file="latin").resolve()
    assert not [text for text in texts_held_by(caught.value) if CANARY in str(text)]


# Both.


@pytest.mark.parametrize("line", ['script_file = "%s"', 'token = { file = "%s" }'], ids=["script", "secret"])
class TestFiles:
    """What applies to scripts and to secrets."""

    def place(self, line: str) -> str:
        return "outgoing.a.token" if line.startswith("token") else "incoming.a.script_file"

    def read(self, path: str, line: str, **options: Any) -> str | None:
        return (token_of if line.startswith("token") else script_of)(path, **options)

    def test_paths_are_relative_to_the_folder_of_the_manifest(self, folder: Path, line: str) -> None:
        """Not to the current folder; an absolute path or a link may lead into it, and it may be a link itself."""
        (folder / "real/deep").mkdir(parents=True)
        (folder / "conf").symlink_to("real")
        (folder / "real/x").write_text("text")
        (folder / "real/link").symlink_to(folder / "real/x")
        for file in ("x", "deep/../x", "link", f"{folder}/conf/x"):
            assert self.read(manifest_with(line % file, under="conf"), line) == "text"

    def test_a_path_must_not_leave_the_folder_unless_allowed(self, mistakes: Mistakes, folder: Path, line: str) -> None:
        """A manifest of somebody else cannot publish other files, also not by a link."""
        for name in ("conf", "conf2"):
            (folder / name).mkdir()
            (folder / name / "link").symlink_to(folder / "conf2/x")
        (folder / "conf/folder").symlink_to(folder / "conf2")
        (folder / "conf2/x").write_text("text")
        for file in ("../conf2/x", "link", "folder/x", f"{folder}/conf2/x"):
            path = manifest_with(line % file, under="conf")
            assert mistakes(path) == (f"{path}: {self.place(line)}: {file!r} {OUTSIDE}",)
            assert self.read(path, line, allow_outside=True) == "text"

    def test_a_file_is_read_up_to_a_size(self, mistakes: Mistakes, folder: Path, line: str) -> None:
        """The limit is 1 MiB."""
        path = manifest_with(line % "x")
        (folder / "x").write_bytes(b"x" * 2**20)
        assert self.read(path, line) == "x" * 2**20
        (folder / "x").write_bytes(b"x" * (2**20 + 1))
        assert mistakes(path) == (f"m.toml: {self.place(line)}: 'x' is larger than 1 MiB",)

    def test_what_is_not_a_readable_file_is_reported(self, mistakes: Mistakes, folder: Path, line: str) -> None:
        """Reading blocks on nothing."""
        os.mkfifo(folder / "pipe")
        for file, reason in {
            "missing/x": "cannot be read: No such file or directory",
            ".": "is a directory",
            "pipe": "is not a file",
            "a\\u0000b": "is not a valid file name",
        }.items():
            shown = repr(file.replace("\\u0000", "\0"))
            assert mistakes(manifest_with(line % file)) == (f"m.toml: {self.place(line)}: {shown} {reason}",)


def test_a_manifest_can_be_made_of_entries_from_elsewhere() -> None:
    """Only a definition and the given fields are needed."""
    definition = IncomingIntegration("a", username="x", channel="#a")
    entry = Entry(definition=definition, given=frozenset({"name"}))
    assert Manifest(entries=(entry,)).entries[0].definition is definition
    assert (entry.id, entry.renamed_from, entry.secrets, entry.place) == (None, None, {}, "")
