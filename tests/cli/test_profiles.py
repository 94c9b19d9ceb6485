"""`--profile`, `--timeout` and `--ca-bundle`."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.profiles import profiles_file

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Write the file of profiles."""

    def folder(name: str) -> str:
        return str(tmp_path / name)

    monkeypatch.setattr(click, "get_app_dir", folder)

    def write_profiles(content: str, mode: int = 0o600) -> Path:
        file = profiles_file()
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content.encode("latin-1"))
        file.chmod(mode)
        return file

    return write_profiles


@pytest.fixture
def profile(workspace: Workspace, write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Profiles by token and by password, and an environment that names another workspace."""
    password = workspace.server.password("admin")
    monkeypatch.setenv("TEST_TOKEN", workspace.environment["ROCKETCHAT_AUTH_TOKEN"])
    user_id = workspace.environment["ROCKETCHAT_USER_ID"]
    url = workspace.server.url
    write(
        f'[by-token]\nurl = "{url}"\nuser_id = "{user_id}"\ntoken = {{env = "TEST_TOKEN"}}\n'
        f'[by-password]\nurl = "{url}"\nuser = "admin"\npassword = "{password}"\n'
    )
    monkeypatch.setenv("ROCKETCHAT_URL", "https://wrong.example.com")
    for name in ("ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD"):
        monkeypatch.setenv(name, "wrong")
    return workspace


@pytest.mark.parametrize("name", ["by-token", "by-password"])
def test_a_profile_replaces_the_environment(
    profile: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Given as an option or as a variable."""
    assert run("--profile", name, "list").status == 0
    monkeypatch.setenv("ROCKETCHAT_PROFILE", name)
    assert run("list").status == 0
    assert profile.requested("integrations.list") == 2


def test_what_is_typed_overrides_a_profile(profile: Workspace, run: Run, tmp_path: Path) -> None:
    """A token as well as the URL."""
    token = tmp_path / "token"
    token.write_text("wrong")
    for arguments in (("--token-file", str(token)), ("--workspace", "http://127.0.0.1:1")):
        assert run("--profile", "by-token", *arguments, "list").status == 1
    typed = ("--user-id", profile.environment["ROCKETCHAT_USER_ID"], "--token-file", str(token))
    token.write_text(profile.environment["ROCKETCHAT_AUTH_TOKEN"])
    assert run("--profile", "by-password", *typed, "list").status == 0


LOGIN = 'url = "https://x.example"\nuser_id = "u"\n'


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "there is no profile 'p'; the file has: none"),
        ("[other]", "there is no profile 'p'; the file has: other"),
        ("p = 1", "p: must be a table, such as [p]"),
        ("[p]\ntokn = 1", "p: tokn: unknown key; allowed are url, user_id, token, user, password"),
        (f"[p]\n{LOGIN}", "p: must have url, and either user_id and token, or user and password"),
        (f'[p]\n{LOGIN}token = "t"\nuser = "u"', "p: must have url, and either"),
        (f"[p]\n{LOGIN}token = 1", "p: token: must be text, {env"),
        (f'[p]\n{LOGIN}token = {{file = "t"}}', "p: token: must be text, {env"),
        (f"[p]\n{LOGIN}token = {{env = 1}}", "p: token: must be text, {env"),
        (
            f'[p]\n{LOGIN}token = {{env = "TEST_NO_TOKEN"}}',
            "p: token: the environment variable TEST_NO_TOKEN is not set",
        ),
        (f'[p]\n{LOGIN}token = " "', "p: token: is blank"),
        (f'[p]\n{LOGIN}token = {{keyring = "t"}}', 'p: token: keyring: must be "service/name"'),
        ("[p", "is not TOML: "),
        ("\xff", "is not UTF-8 text"),
    ],
)
def test_a_wrong_profile_is_one_line(
    write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch, content: str, message: str
) -> None:
    """It names the file, the profile and the key."""
    monkeypatch.setitem(sys.modules, "keyring", types.ModuleType("keyring"))
    file = write(content)
    error = run("--profile", "p", "list").error
    assert error.startswith(f"{file}: ")
    assert message in error


def test_a_file_that_others_can_read_is_refused(write: Callable[..., Path], run: Run) -> None:
    """The message says how to change that. A missing file is one line, too."""
    file = write("[p]", mode=0o640)
    assert run("--profile", "p", "list").error == f"{file}: other users can read it: chmod 600 {file}"
    file.unlink()
    assert run("--profile", "p", "list").error.startswith(f"{file}: ")


def test_a_token_can_be_in_the_keyring(
    workspace: Workspace, write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the platform, through the package keyring; failures show nothing of it."""
    secrets = {("chat/prod", "admin"): workspace.environment["ROCKETCHAT_AUTH_TOKEN"]}

    def get_password(service: str, name: str) -> str | None:
        if service == "locked":
            raise RuntimeError("canary")
        return secrets.get((service, name))

    keyring = types.ModuleType("keyring")
    keyring.get_password = get_password  # type: ignore[attr-defined] # the function of the real one
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    head = f'url = "{workspace.server.url}"\nuser_id = "{workspace.environment["ROCKETCHAT_USER_ID"]}"\n'
    entries = {"p": "chat/prod/admin", "missing": "chat/prod/x", "closed": "locked/x"}
    write("".join(f'[{name}]\n{head}token = {{keyring = "{it}"}}\n' for name, it in entries.items()))
    assert run("--profile", "p", "list").status == 0
    assert (
        "cannot read 'chat/prod/x' from the keyring: there is no such entry"
        in run("--profile", "missing", "list").error
    )
    assert run("--profile", "closed", "list").error.endswith("cannot read 'locked/x' from the keyring: RuntimeError")
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "needs the package keyring: python -m pip install keyring" in run("--profile", "p", "list").error


def test_commands_that_connect_to_nothing_read_no_profile(
    write: Callable[..., Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong file does not stop them."""
    write("[")
    monkeypatch.setenv("ROCKETCHAT_PROFILE", "p")
    assert run("schema").status == 0


# --timeout and --ca-bundle


def test_timeout_and_ca_bundle_reach_clients_and_webhooks(
    workspace: Workspace, hook: object, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle that cannot be read is refused by both; a timeout that is over is a failure."""
    webhook = run("show", "ci", "--url").out.strip()
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", webhook)
    missing = str(tmp_path / "nowhere.pem")
    for command in (("list",), ("post", "hello"), ("check",)):
        assert "nowhere.pem cannot be used" in run("--ca-bundle", missing, *command).error
    workspace.server.fail_next("integrations.create", "hang")
    workspace.server.fail_next("hooks", "hang")
    create = ("create", "incoming", "--name", "x", "--channel", "#general", "--username", "rocket.cat")
    assert "the response took too long" in run("--timeout", "0.05", *create).error
    assert "the response took too long" in run("--timeout", "0.05", "post", "hello").error
    assert run("--timeout", "20", "post", "hello").status == 0


def test_options_that_are_not_given_leave_the_defaults() -> None:
    """Of the library."""
    none = Credentials(url=None, user_id=None, token=None, user=None, password=None)
    assert none.connection_options() == {}
