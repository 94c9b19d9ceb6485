"""`export`: a manifest of what a workspace has."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)

HOOK = IncomingIntegration("ci", channel="#general,@alice", username="rocket.cat")
BOT = OutgoingIntegration(
    "bot", event="sendMessage", channel="#general", username="rocket.cat", urls="https://b.example"
)

# What could go wrong on the way into a file and back.
DEFINITIONS: tuple[IntegrationDefinition, ...] = (
    HOOK,
    attrs.evolve(BOT, token='it\'s a "token" $HOME'),
    attrs.evolve(BOT, name="without a token", trigger_words=["!a", "#b", "null"], enabled=False),
    attrs.evolve(HOOK, name='a "quoted" \\ name \u2028\u2615 \x7f\x01 no', alias="yes", emoji=":robot:"),
    attrs.evolve(HOOK, name="", avatar="https://a.example/?a=b#c"),
    attrs.evolve(HOOK, name="script", script="class Script {\r\n\t// \u2615\n}\n", script_enabled=True),
    attrs.evolve(HOOK, name="Script!", script="\ufeffclass Script { }"),
    attrs.evolve(BOT, name="script", script="class Script { }", token="same"),
    attrs.evolve(BOT, name="Script?", token="another", channel="all_public_channels"),
    attrs.evolve(BOT, name="users", event="userCreated", target_room="#general", channel=()),
    attrs.evolve(BOT, name="patient", retry_failed_calls=True, retry_count=2, retry_delay="powers-of-two"),
    attrs.evolve(BOT, name="lively", run_on_edits=True, impersonate_user=True, trigger_word_anywhere=True),
)


def environment_in(file: Path) -> dict[str, str]:
    """The variables as a shell reads them."""
    program = f". {file}; env -0"
    output = subprocess.run(["sh", "-ac", program], capture_output=True, check=True, env={}).stdout.decode()
    return dict(variable.split("=", 1) for variable in output.split("\0") if variable.startswith("ROCKETCHAT_TOKEN"))


@pytest.mark.parametrize("suffix", [".toml", ".yaml", ".yml", ".json"])
def test_what_is_exported_is_in_line_and_can_be_built_elsewhere(
    workspace: Workspace, client: Client, say: Say, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Planned against the same workspace, there is nothing to do; applied to an empty one, it makes the same."""
    for definition in DEFINITIONS:
        client.create(definition)
    path = tmp_path / f"integrations{suffix}"
    said = say("export", str(path), "--with-secrets")
    assert said.status == 0, said.err
    for name, value in environment_in(tmp_path / ".env").items():
        monkeypatch.setenv(name, value)
    said = say("plan", str(path), "--prune-all")
    assert (said.out, said.err) == (f"Nothing to do: {len(DEFINITIONS)} as wanted.\n", "")
    with LocalRocketChat(version=client.server_version()) as other:
        monkeypatch.setenv("ROCKETCHAT_URL", other.url)
        monkeypatch.setenv("ROCKETCHAT_USER_ID", other.auth("admin").user_id)
        monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", other.auth("admin").token)
        assert say("apply", str(path), "--yes").status == 0
        with Client(other.url, other.auth("admin")) as copy:
            there = {(record.type, record.name): record.definition for record in copy.list()}
    assert there == {(record.type, record.name): record.definition for record in client.list()}


def test_a_manifest_says_what_is_not_usual_and_holds_no_secret(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, say: Say, tmp_path: Path
) -> None:
    """What a person would have written; where the tokens are to be is told."""
    path = tmp_path / "sub" / "integrations.toml"
    said = say("export", str(path))
    assert path.read_text() == (
        "[[incoming]]\n"
        'name = "ci"\n'
        'username = "rocket.cat"\n'
        'channel = ["#general"]\n'
        "\n"
        "[[outgoing]]\n"
        'name = "bot"\n'
        'username = "rocket.cat"\n'
        'alias = "Bot"\n'
        'event = "sendMessage"\n'
        'urls = ["https://bot.example.com/hook"]\n'
        'channel = ["#general", "#random"]\n'
        'trigger_words = ["!a", "!b"]\n'
        'token = { env = "ROCKETCHAT_TOKEN_BOT" }\n'
    )
    assert f"written: {path}" in said.err
    assert "set ROCKETCHAT_TOKEN_BOT" in said.err
    assert [file.name for file in path.parent.iterdir()] == ["integrations.toml"]


@only_8
def test_secrets_are_written_for_nobody_else_to_read(
    workspace: Workspace, bot: OutgoingIntegrationRecord, say: Say, tmp_path: Path
) -> None:
    """Also over a file that everybody could read."""
    secrets = tmp_path / ".env"
    secrets.write_text("")
    secrets.chmod(0o644)
    path = str(tmp_path / "m.json")
    assert ".env" in say("export", path, "--with-secrets").error
    assert secrets.read_text() == ""
    said = say("export", path, "--with-secrets", "--force", "--json")
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert secrets.read_text() == "ROCKETCHAT_TOKEN_BOT=token-of-the-bot\n"
    assert said.json == {"files": [path, str(secrets)], "variables": ["ROCKETCHAT_TOKEN_BOT"]}
    assert "token-of-the-bot" not in said.out + said.err


@only_8
@pytest.mark.parametrize("is_dangling", [False, True], ids=["a link", "a dangling link"])
def test_secrets_do_not_go_where_a_link_leads(
    workspace: Workspace, bot: object, say: Say, tmp_path: Path, is_dangling: bool
) -> None:
    """A link counts as a file that is there; with `--force` the file takes its place."""
    (tmp_path / "repository").mkdir()
    elsewhere, secrets = tmp_path / "public", tmp_path / "repository" / ".env"
    if not is_dangling:
        elsewhere.write_text("mine")
    secrets.symlink_to(elsewhere)
    path = str(tmp_path / "repository" / "m.json")
    assert f"there already: {secrets};" in say("export", path, "--with-secrets").error
    assert list(secrets.parent.iterdir()) == [secrets]
    assert say("export", path, "--with-secrets", "--force").status == 0
    assert not secrets.is_symlink()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert "token-of-the-bot" in secrets.read_text()
    assert elsewhere.exists() != is_dangling
    assert is_dangling or elsewhere.read_text() == "mine"


@only_8
@pytest.mark.parametrize("name", ["m.json", "scripts/ci.js"])
def test_no_file_is_made_at_the_end_of_a_dangling_link(
    workspace: Workspace, client: Client, say: Say, tmp_path: Path, name: str
) -> None:
    """Not by a slip: where it leads, somebody else may read it."""
    client.create(attrs.evolve(HOOK, script="class Script { }"))
    (tmp_path / "scripts").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    assert str(tmp_path / name) in say("export", str(tmp_path / "m.json")).error
    assert not (tmp_path / "elsewhere").exists()


@only_8
def test_nothing_is_written_over_by_a_slip(workspace: Workspace, client: Client, say: Say, tmp_path: Path) -> None:
    """Not even one of several files; then one is told which are there."""
    client.create(attrs.evolve(HOOK, script="class Script { }"))
    path, script = tmp_path / "m.yaml", tmp_path / "scripts" / "ci.js"
    script.parent.mkdir()
    script.write_text("mine")
    assert str(script) in say("export", str(path)).error
    assert (script.read_text(), path.exists()) == ("mine", False)
    assert say("export", str(path), "--force").status == 0
    assert script.read_text() == "class Script { }"


@only_8
def test_an_empty_workspace_makes_a_manifest_that_can_be_read(workspace: Workspace, say: Say, tmp_path: Path) -> None:
    """And which is in line."""
    for suffix in (".toml", ".yaml", ".json"):
        path = str(tmp_path / f"m{suffix}")
        assert say("export", path).status == 0
        assert say("plan", path, "--prune-all").status == 0


@only_8
def test_two_of_one_name_are_told_apart(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, say: Say, tmp_path: Path
) -> None:
    """By their ids, which the others do not need."""
    other = client.create(attrs.evolve(HOOK, name="ci"))
    client.create(attrs.evolve(HOOK, name="alone"))
    path = tmp_path / "m.json"
    assert say("export", str(path)).status == 0
    tables = json.loads(path.read_text())["incoming"]
    assert {table.get("id") for table in tables} == {hook.id, other.id, None}


@only_8
def test_two_of_one_name_are_in_line(client: Client, hook: IncomingIntegrationRecord, say: Say, tmp_path: Path) -> None:
    """Their ids settle which is which."""
    client.create(attrs.evolve(HOOK, name="ci"))
    assert say("export", str(tmp_path / "m.json")).status == 0
    assert say("plan", str(tmp_path / "m.json")).status == 0


@only_8
def test_what_no_manifest_could_ask_for_is_left_out_with_a_warning(
    workspace: Workspace, hook: object, say: Say, tmp_path: Path
) -> None:
    """Old data can be odd; the rest is exported, and is in line. An old engine is no reason to be left out."""
    common: dict[str, Any] = {"username": "rocket.cat", "enabled": True, "scriptEnabled": False}
    outgoing = {**common, "type": "webhook-outgoing", "urls": ["https://b.example"], "channel": ["#general"]}
    workspace.server.insert({**outgoing, "_id": "odd1", "name": "never", "event": "sometimes"})
    workspace.server.insert({**outgoing, "_id": "odd2", "name": "half", "event": "sendMessage", "retryCount": 1.5})
    workspace.server.insert({**outgoing, "_id": "old", "name": "old", "event": "sendMessage", "scriptEngine": "vm2"})
    workspace.server.insert({**outgoing, "_id": "blank", "name": "blank", "event": "sendMessage", "token": " "})
    path = tmp_path / "m.json"
    said = say("export", str(path))
    assert said.status == 0
    assert "warning: left out: outgoing 'never' (odd1): event: must be one of" in said.err
    assert "warning: left out: outgoing 'half' (odd2): retry_count" in said.err
    content = json.loads(path.read_text())
    assert [table["name"] for table in content["outgoing"]] == ["blank", "old"]
    assert say("plan", str(path)).status == 0


@only_8
def test_files_and_variables_have_names_of_their_own(
    workspace: Workspace, client: Client, say: Say, tmp_path: Path
) -> None:
    """Also where capitals do not count, and for names of which nothing can be used."""
    for name in ("Bot", "bot", "b o t", "???"):
        client.create(attrs.evolve(BOT, name=name, script="class Script { }", token=f"token of {name}"))
    path = tmp_path / "m.json"
    said = say("export", str(path), "--json")
    tables = {table["name"]: table for table in json.loads(path.read_text())["outgoing"]}
    names = ("???", "Bot", "b o t", "bot")
    files = [tables[name]["script_file"] for name in names]
    assert files == ["scripts/script.js", "scripts/Bot.js", "scripts/b-o-t.js", "scripts/bot-2.js"]
    variables = [
        tables[name]["token"]["env"].removeprefix("ROCKETCHAT_TOKEN_") for name in ("???", "Bot", "b o t", "bot")
    ]
    assert variables == ["BOT", "BOT_2", "B_O_T", "BOT_3"]
    assert len(set(said.json["variables"])) == len(set(map(str.lower, said.json["files"]))) - 1 == 4


def test_a_format_that_is_none_is_refused(say: Say, tmp_path: Path) -> None:
    """With those that are."""
    assert "MANIFEST must end in .toml, .yaml, .yml, .json" in say("export", str(tmp_path / "m.ini")).error
    assert list(tmp_path.iterdir()) == []


@only_8
def test_what_cannot_be_read_is_left_out_with_a_warning(
    workspace: Workspace, hook: object, say: Say, tmp_path: Path
) -> None:
    """Its id is told, and the rest is exported."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": ["odd"]})
    path = tmp_path / "m.json"
    said = say("export", str(path))
    assert said.status == 0
    assert "warning: left out: " in said.err
    assert "(id odd)" in said.err
    assert [table["name"] for table in json.loads(path.read_text())["incoming"]] == ["ci"]
