"""`export`: a manifest of the integrations of a workspace."""

from __future__ import annotations

import json
import resource
import stat
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    differences,
)
from rocketchat_integrations.cli.manifest_export import WRITERS, export
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import plan
from rocketchat_integrations.testing import LocalRocketChat, strategies
from tests.provisioning.samples import Memory

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

HOOK = IncomingIntegration("ci", channel="#general,@alice", username="rocket.cat")
BOT = OutgoingIntegration(
    "bot", event="sendMessage", channel="#general", username="rocket.cat", urls="https://b.example"
)

# Values that are easily damaged on the way into a file and back.
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
    attrs.evolve(BOT, name="without retries", retry_count=0),
    attrs.evolve(HOOK, name="a very long name " * 30, script="class Script { }"),
    attrs.evolve(BOT, name="lively", run_on_edits=True, impersonate_user=True, trigger_word_anywhere=True),
)


def read_dotenv(file: Path) -> dict[str, str]:
    """Return the variables as a shell reads them."""
    program = f". {file}; env -0"
    output = subprocess.run(["sh", "-ac", program], capture_output=True, check=True, env={}).stdout.decode()
    return dict(variable.split("=", 1) for variable in output.split("\0") if variable.startswith("ROCKETCHAT_SECRET_"))


@pytest.mark.parametrize(
    ("server", "suffix"), [("9.0", ".toml"), ("8.8", ".yaml"), ("6.14", ".json")], indirect=["server"]
)
def test_an_exported_manifest_makes_the_same_integrations(
    workspace: Workspace, client: Client, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Planned against the same workspace it changes nothing; an empty workspace becomes the same."""
    for definition in DEFINITIONS:
        client.create(definition)
    path = tmp_path / f"integrations{suffix}"
    result = run("export", str(path), "--with-secrets")
    assert result.status == 0, result.err
    assert "warning" not in result.err
    for name, value in read_dotenv(tmp_path / ".env").items():
        monkeypatch.setenv(name, value)
    result = run("plan", str(path), "--prune-all")
    assert (result.status, result.err) == (0, "")
    with LocalRocketChat(version=client.server_version()) as other:
        monkeypatch.setenv("ROCKETCHAT_URL", other.url)
        monkeypatch.setenv("ROCKETCHAT_USER_ID", other.auth("admin").user_id)
        monkeypatch.setenv("ROCKETCHAT_AUTH_TOKEN", other.auth("admin").token)
        assert run("apply", str(path), "--yes").status == 0
        with Client(other.url, other.auth("admin")) as copy:
            copies = {(record.type, record.name): record.definition for record in copy.list()}
    assert copies == {(record.type, record.name): record.definition for record in client.list()}


CALM = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(deadline=None, database=None, max_examples=60, suppress_health_check=CALM)
@given(records=st.lists(strategies.records(), max_size=3), suffix=st.sampled_from(sorted(WRITERS)))
def test_a_plan_of_an_exported_manifest_has_no_changes(
    capsys: pytest.CaptureFixture[str], records: list[IntegrationRecord], suffix: str
) -> None:
    """This holds for any records. Only those that break the rules are left out."""
    memory = Memory()
    memory.records = {record.id: record for record in records}
    content = export(memory.records.values())
    warnings = capsys.readouterr().err
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in content.variables.items():
            assume("\0" not in value)  # no variable can hold it
            patch.setenv(name, value)
        for path, text in {**content.scripts, f"m{suffix}": WRITERS[suffix](content.tables).encode()}.items():
            Path(folder, path).parent.mkdir(exist_ok=True)
            Path(folder, path).write_bytes(text)
        changes = plan(Manifest.load(Path(folder, f"m{suffix}")), memory)
    assert not changes, str(changes)
    assert len(changes.unchanged) + warnings.count("left out") == len(memory.records)


BY_HAND = {
    "disabled": ("ci", "--no-enabled", "enabled: false -> true"),
    "given a script": ("ci", "--script-enabled --script-file -", "script_enabled: true -> false"),
    "opened": ("ci", "--override-destination-channel-enabled", "override_destination_channel_enabled: true -> false"),
    "shown as another": ("bot", "--alias Somebody", "alias: 'Somebody' -> none"),
    "retried": ("bot", "--retry-failed-calls", "retry_failed_calls: true -> false"),
}


@pytest.mark.parametrize(("name", "options", "shown"), BY_HAND.values(), ids=BY_HAND)
def test_a_change_by_hand_after_the_export_is_found(
    client: Client, run: Run, tmp_path: Path, name: str, options: str, shown: str
) -> None:
    """Although the exported manifest, here in YAML, has no line for the field. Applying the manifest undoes it."""
    client.create(HOOK)
    client.create(BOT)
    path = str(tmp_path / "m.yaml")
    assert run("export", path).status == 0
    assert run("update", name, *options.split(), stdin=b"class Script {}").status == 0
    result = run("plan", path)
    assert result.status == 2
    assert f"    {shown}\n" in result.out
    assert "0 to create, 1 to update" in result.out
    assert run("plan", path, "--partial").status == 0
    assert run("apply", path, "--yes").status == 0
    wanted: dict[str, IntegrationDefinition] = {"ci": HOOK, "bot": BOT}
    assert all(not differences(record, wanted[record.name]) for record in client.list())


def test_a_manifest_has_no_defaults_and_no_secrets(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run, tmp_path: Path
) -> None:
    """It looks as a person would have written it, and names the variables for the tokens."""
    path = tmp_path / "sub" / "integrations.toml"
    result = run("export", str(path))
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
        'token = { env = "ROCKETCHAT_SECRET_BOT" }\n'
    )
    assert f"written: {path}" in result.err
    assert "set ROCKETCHAT_SECRET_BOT" in result.err
    assert [file.name for file in path.parent.iterdir()] == ["integrations.toml"]


def test_an_empty_workspace_is_an_empty_manifest(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    """The manifest of an empty workspace can be read in each format."""
    for suffix in (".toml", ".yml", ".json"):
        path = str(tmp_path / f"m{suffix}")
        assert run("export", path).status == 0
        assert run("plan", path, "--prune-all").status == 0


def test_an_entry_of_the_other_type_can_be_appended(
    workspace: Workspace, client: Client, run: Run, tmp_path: Path
) -> None:
    """As the documentation shows: a TOML file with `outgoing = []` could have no `[[outgoing]]`."""
    client.create(IncomingIntegration("ci", channel="#general", username="rocket.cat"))
    path = tmp_path / "m.toml"
    assert run("export", str(path)).status == 0
    with path.open("a") as file:
        file.write(
            '[[outgoing]]\nname = "bot"\nusername = "rocket.cat"\nevent = "sendMessage"\nurls = "http://a.example"\n'
        )
    assert "create outgoing 'bot'" in run("plan", str(path)).out


def test_two_of_one_name_have_ids(client: Client, hook: IncomingIntegrationRecord, run: Run, tmp_path: Path) -> None:
    """Only integrations that share type and name are exported with their ids."""
    other = client.create(attrs.evolve(HOOK, name="ci"))
    client.create(attrs.evolve(HOOK, name="alone"))
    path = tmp_path / "m.json"
    assert run("export", str(path)).status == 0
    entries = json.loads(path.read_text())["incoming"]
    assert {entry.get("id") for entry in entries} == {hook.id, other.id, None}
    assert run("plan", str(path)).status == 0


def test_a_record_that_breaks_the_rules_is_left_out_with_a_warning(
    workspace: Workspace, run: Run, tmp_path: Path
) -> None:
    """Old engines and blank tokens are no reason."""
    common: dict[str, Any] = {"username": "rocket.cat", "enabled": True, "scriptEnabled": False}
    outgoing = {**common, "type": "webhook-outgoing", "urls": ["https://b.example"], "channel": ["#general"]}
    workspace.server.insert({**outgoing, "_id": "odd1", "name": "never", "event": "sometimes"})
    workspace.server.insert({**outgoing, "_id": "old", "name": "old", "event": "sendMessage", "scriptEngine": "vm2"})
    workspace.server.insert({**outgoing, "_id": "blank", "name": "blank", "event": "sendMessage", "token": " "})
    path = tmp_path / "m.json"
    result = run("export", str(path))
    assert result.status == 0
    assert "warning: left out: outgoing 'never' (odd1): event: " in result.err
    assert [entry["name"] for entry in json.loads(path.read_text())["outgoing"]] == ["blank", "old"]
    assert run("plan", str(path)).status == 0


def test_an_entry_is_partial_where_no_definition_has_the_values(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    """A warning names the fields. All others are given, so that changes of them are found."""
    document: dict[str, Any] = {"_id": "odd", "type": "webhook-outgoing", "name": "odd", "username": "rocket.cat"}
    document |= {"urls": ["https://b.example"], "channel": ["#general"], "event": "sendMessage", "enabled": True}
    workspace.server.insert({**document, "scriptEnabled": False, "retryFailedCalls": True, "retryDelay": ""})
    path = tmp_path / "m.json"
    warning, *_ = run("export", str(path)).err.splitlines()
    assert warning == "warning: partial: outgoing 'odd' (odd): no entry can give its retry_count, retry_delay"
    (entry,) = json.loads(path.read_text())["outgoing"]
    assert (entry["partial"], entry["retry_failed_calls"], entry["run_on_edits"]) == (True, True, False)
    assert not {"retry_count", "retry_delay"} & entry.keys()
    assert run("plan", str(path)).status == 0
    assert run("update", "odd", "--run-on-edits").status == 0
    assert "    run_on_edits: true -> false\n" in run("plan", str(path)).out


def test_an_unreadable_record_is_left_out_with_a_warning(
    workspace: Workspace, hook: object, run: Run, tmp_path: Path
) -> None:
    """The warning has its id, and the others are exported."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": ["odd"]})
    result = run("export", str(tmp_path / "m.json"))
    assert result.status == 0
    assert result.err.startswith("warning: left out: ")
    assert "(id odd)" in result.err
    assert [entry["name"] for entry in json.loads((tmp_path / "m.json").read_text())["incoming"]] == ["ci"]


def test_files_and_variables_have_unique_names(workspace: Workspace, client: Client, run: Run, tmp_path: Path) -> None:
    """The names differ even where case does not count, and for integrations whose names have no letter."""
    for name in ("Bot", "bot", "b o t", "???"):
        client.create(attrs.evolve(BOT, name=name, script="class Script { }", token=f"token of {name}"))
    path = tmp_path / "m.json"
    result = run("export", str(path), "--json")
    entries = {entry["name"]: entry for entry in json.loads(path.read_text())["outgoing"]}
    names = ("???", "Bot", "b o t", "bot")
    files = [entries[name]["script_file"] for name in names]
    assert files == ["scripts/script.js", "scripts/Bot.js", "scripts/b-o-t.js", "scripts/bot-2.js"]
    variables = [entries[name]["token"]["env"] for name in names]
    assert variables == [f"ROCKETCHAT_SECRET_{suffix}" for suffix in ("BOT", "BOT_2", "B_O_T", "BOT_3")]
    assert result.json == {"files": [*(str(tmp_path / file) for file in files), str(path)], "variables": variables}


def test_an_unknown_suffix_is_refused(run: Run, tmp_path: Path) -> None:
    """The message has the known ones."""
    assert "MANIFEST must end in .toml, .yaml, .yml, .json" in run("export", str(tmp_path / "m.ini")).error
    assert list(tmp_path.iterdir()) == []


# Existing files


def test_existing_files_are_overwritten_on_request_only(
    workspace: Workspace, client: Client, run: Run, tmp_path: Path
) -> None:
    """Without --force nothing is written at all."""
    client.create(attrs.evolve(HOOK, script="class Script { }"))
    path, script = tmp_path / "m.yaml", tmp_path / "scripts" / "ci.js"
    script.parent.mkdir()
    script.write_text("mine")
    assert str(script) in run("export", str(path)).error
    assert (script.read_text(), path.exists()) == ("mine", False)
    assert run("export", str(path), "--force").status == 0
    assert script.read_text() == "class Script { }"


def test_secrets_are_readable_by_their_owner_only(
    workspace: Workspace, bot: OutgoingIntegrationRecord, run: Run, tmp_path: Path
) -> None:
    """This holds even if the path was a link or a file that everybody could read."""
    everybody, repository = tmp_path / "everybody", tmp_path / "repository"
    everybody.write_text("mine")
    repository.mkdir()
    secrets, path = repository / ".env", str(repository / "m.json")
    for kind in ("file", "link"):
        secrets.unlink(missing_ok=True)
        if kind == "link":
            secrets.symlink_to(everybody)
        else:
            secrets.write_text("")
            secrets.chmod(0o644)
        result = run("export", path, "--with-secrets", "--force", "--json")
        assert result.json == {"files": [path, str(secrets)], "variables": ["ROCKETCHAT_SECRET_BOT"]}
        assert stat.S_IMODE(secrets.lstat().st_mode) == 0o600
        assert secrets.read_text() == "ROCKETCHAT_SECRET_BOT=token-of-the-bot\n"
        assert "token-of-the-bot" not in result.out + result.err
    assert everybody.read_text() == "mine"


def test_a_full_disk_leaves_the_old_files(workspace: Workspace, client: Client, run: Run, tmp_path: Path) -> None:
    """And no temporary files; the message names the file that could not be written."""
    record = client.create(attrs.evolve(HOOK, script="class Script { }"))
    path = tmp_path / "m.toml"
    assert run("export", str(path)).status == 0
    before = {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    client.create(attrs.evolve(HOOK, name="a new one", script="class Script { }"))
    client.update(record.id, attrs.evolve(record, script=f"class Script {{ }} // {'x' * 100_000}"))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limit[1]))
    try:
        error = run("export", str(path), "--force").error
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert error.startswith(f"{tmp_path / 'scripts' / 'ci.js'}: ")
    assert {file: file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()} == before


def test_all_files_are_readable_by_their_owner_only(
    workspace: Workspace, client: Client, run: Run, tmp_path: Path
) -> None:
    """Scripts and addresses can contain secrets. Links are replaced, not followed; one to a folder is refused."""
    client.create(attrs.evolve(HOOK, script="class Script { }"))
    mine, folder = tmp_path / "mine", tmp_path / "export"
    mine.write_text("mine")
    (folder / "scripts").mkdir(parents=True)
    for name in ("m.json", "scripts/ci.js"):
        (folder / name).symlink_to(mine)
    assert run("export", str(folder / "m.json"), "--force").status == 0
    for name in ("m.json", "scripts/ci.js"):
        assert stat.S_IMODE((folder / name).lstat().st_mode) == 0o600
        assert not (folder / name).is_symlink()
    assert mine.read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "scripts").symlink_to(folder / "scripts")
    assert "other/scripts is a link" in run("export", str(tmp_path / "other" / "m.json"), "--force").error
    assert not (tmp_path / "other" / "m.json").exists()


@pytest.mark.parametrize("name", ["m.json", "scripts/ci.js", ".env"])
def test_a_dangling_link_counts_as_an_existing_file(
    workspace: Workspace, client: Client, run: Run, tmp_path: Path, name: str
) -> None:
    """Somebody else may be able to read the file at its end."""
    client.create(attrs.evolve(HOOK, script="class Script { }"))
    (tmp_path / "scripts").mkdir()
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    assert str(tmp_path / name) in run("export", str(tmp_path / "m.json"), "--with-secrets").error
    assert not (tmp_path / "elsewhere").exists()
