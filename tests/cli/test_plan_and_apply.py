"""`plan` and `apply`."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord
from rocketchat_integrations.cli.commands import apply as apply_command
from rocketchat_integrations.provisioning import Report, apply
from rocketchat_integrations.provisioning._steps import digest
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

INCOMING = {"channel": "#general", "username": "rocket.cat"}


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two integrations, one with a script and one with a secret."""
    (tmp_path / "script.js").write_text("class Script { }\n")
    monkeypatch.setenv("ROCKETCHAT_SECRET_BOT", "canary-token")
    content = {
        "scope": "t-",
        "incoming": [{**INCOMING, "name": "t-ci", "script_enabled": True, "script_file": "script.js"}],
        "outgoing": [
            {
                "name": "t-bot",
                "event": "sendMessage",
                "channel": "#general",
                "username": "rocket.cat",
                "urls": "https://bot.example.com",
                "token": {"env": "ROCKETCHAT_SECRET_BOT"},
            }
        ],
    }
    return write(tmp_path / "integrations.json", content)


def write(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


# plan


def test_a_plan_shows_the_differences_and_changes_nothing(workspace: Workspace, run: Run, manifest: Path) -> None:
    """Exit status 2 says that there are some; no secret is printed."""
    result = run("plan", str(manifest))
    assert (result.status, result.err) == (2, "")
    assert "+ create incoming 't-ci'" in result.out
    assert "2 to create" in result.out
    assert "canary" not in result.out
    assert workspace.server.documents == ()


def test_a_workspace_without_differences_exits_with_0(workspace: Workspace, run: Run, manifest: Path) -> None:
    """So that a job can run it every night."""
    assert run("apply", "--yes", str(manifest)).status == 0
    assert run("plan", str(manifest)).status == 0


def test_a_plan_is_printed_as_json(client: Client, run: Run, manifest: Path, hook: IncomingIntegrationRecord) -> None:
    """With all steps, and the old and new values of changed fields; without tokens."""
    run("apply", "--yes", str(manifest))
    (record,) = client.list(name="t-ci")
    client.remove(*client.list(name="t-bot"))
    manifest.write_text(manifest.read_text().replace('"#general"', '"#random"'))
    result = run("plan", "--json", "--prune-all", str(manifest))
    assert result.status == 2
    (create,) = result.json["creates"]
    assert (create["action"], create["name"], create["definition"]["channel"]) == ("create", "t-bot", ["#random"])
    assert create["definition"]["token"] == "<set>"
    assert create["secrets"] == {"token": "from the environment variable 'ROCKETCHAT_SECRET_BOT'"}
    (update,) = result.json["updates"]
    assert (update["action"], update["id"], update["renamed_from"]) == ("update", record.id, None)
    assert update["changes"] == [{"field": "channel", "old": ["#general"], "new": ["#random"]}]
    assert result.json["removals"] == [{"action": "remove", "type": "webhook-incoming", "name": "ci", "id": hook.id}]
    assert (result.json["unchanged"], result.json["prune"]) == ([], True)
    assert "canary" not in result.out
    run("apply", "--yes", str(manifest))
    unchanged = run("plan", "--json", str(manifest)).json["unchanged"]
    assert [(step["action"], step["name"]) for step in unchanged] == [("keep", "t-ci"), ("keep", "t-bot")]


def test_several_files_are_one_manifest(workspace: Workspace, run: Run, manifest: Path, tmp_path: Path) -> None:
    """Each in the format of its suffix."""
    (tmp_path / "more.yaml").write_text("incoming:\n- {name: t-more, channel: '#ops', username: rocket.cat}\n")
    creates = run("plan", "--json", str(manifest), str(tmp_path / "more.yaml")).json["creates"]
    assert {step["name"] for step in creates} == {"t-ci", "t-bot", "t-more"}


def test_files_outside_the_folder_need_an_option(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path
) -> None:
    """A manifest by somebody else cannot publish other files."""
    (tmp_path / "inner").mkdir()
    inner = manifest.rename(tmp_path / "inner" / manifest.name)
    inner.write_text(inner.read_text().replace("script.js", "../script.js"))
    assert "script_file" in run("plan", str(inner)).error
    assert run("plan", "--allow-outside", str(inner)).status == 2


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_all_mistakes_of_a_manifest_are_printed(
    workspace: Workspace, run: Run, tmp_path: Path, command: list[str]
) -> None:
    """One line for each; nothing is sent to the server. A missing file is one line."""
    path = write(tmp_path / "wrong.json", {"incoming": [{**INCOMING, "name": "a", "channels": "#b"}, {"name": "c"}]})
    result = run(*command, str(path))
    assert (result.status, result.out) == (1, "")
    first, *reasons = result.err.splitlines()
    assert first.startswith("error: ")
    assert len(reasons) >= 3
    assert "channels" in result.err
    assert "nowhere.toml" in run(*command, "nowhere.toml").error
    assert workspace.server.requests == ()


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_files_are_checked_before_credentials(run: Run, manifest: Path, tmp_path: Path, command: list[str]) -> None:
    """Mistakes, a missing scope and a damaged plan are found without a login; a valid file needs one."""
    wrong = write(tmp_path / "wrong.json", {"typo": 1})
    no_scope = write(tmp_path / "none.json", {"incoming": []})
    assert "typo: unknown key" in run(*command, str(wrong)).error
    assert "names that it owns: add one, or do not prune" in run(*command, "--prune", str(no_scope)).error
    assert "not a valid plan" in run("apply", "--yes", "--plan-file", str(no_scope)).error
    assert "missing credentials" in run(*command, str(manifest)).error


# Plan files


def test_a_plan_is_written_to_a_file_and_applied_later(
    workspace: Workspace, client: Client, run: Run, manifest: Path, tmp_path: Path
) -> None:
    """Without the manifest. The file contains no secret, only its owner can read it, and it replaces an older one."""
    file = tmp_path / "plan.json"
    for _ in range(2):
        result = run("plan", str(manifest), "--out", str(file))
        assert (result.status, result.err) == (2, f"written: {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "canary" not in file.read_text()
    manifest.unlink()
    assert run("apply", "--plan-file", str(file), "--yes").status == 0
    (bot,) = client.list(name="t-bot")
    assert bot.token == "canary-token"


def test_a_plan_file_is_for_one_workspace(workspace: Workspace, run: Run, manifest: Path, tmp_path: Path) -> None:
    """Another one is refused before the plan is shown, unless --any-workspace is given."""
    file = tmp_path / "plan.json"
    run("plan", str(manifest), "--out", str(file))
    with LocalRocketChat(version="9.0") as copy:
        auth = copy.auth("admin")
        (tmp_path / "token").write_text(auth.token)
        login = ["--workspace", copy.url, "--user-id", auth.user_id, "--token-file", str(tmp_path / "token")]
        result = run(*login, "apply", "--plan-file", str(file), "--yes")
        assert (result.status, result.out, copy.documents) == (1, "", ())
        assert f"made for {workspace.server.url} " in result.error
        assert run(*login, "apply", "--plan-file", str(file), "--yes", "--any-workspace").status == 0
        assert len(copy.documents) == 2


def test_a_forged_plan_file_is_refused_before_it_is_shown(
    workspace: Workspace, hook: IncomingIntegrationRecord, run: Run, manifest: Path, tmp_path: Path
) -> None:
    """Here the removal of one integration has the name of another."""
    file = tmp_path / "plan.json"
    run("plan", str(manifest), "--prune-all", "--out", str(file))
    data = json.loads(file.read_text())
    data["removals"][0]["name"] = "old"
    del data["digest"]
    write(file, {**data, "digest": digest(data)})
    result = run("apply", "--plan-file", str(file), answers="y\n")
    assert (result.status, result.out) == (1, "")
    assert f"({hook.id}) is incoming 'ci' and not what the plan shows" in result.err
    assert workspace.names() == ["ci"]


def test_a_plan_file_reads_outside_files_only_if_allowed_again(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of the current folder. The source of the secret is shown."""
    content = json.loads(manifest.read_text())
    content["outgoing"][0]["token"] = {"file": "bot-token"}
    write(manifest, content)
    (tmp_path / "bot-token").write_text("canary-token")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    file = str(tmp_path / "plan.json")
    run("plan", str(manifest), "--out", file)
    assert "--allow-outside" in run("apply", "--plan-file", file, "--yes").error
    result = run("apply", "--plan-file", file, "--yes", "--allow-outside")
    assert result.status == 0
    assert f"token: set, from the file '{tmp_path / 'bot-token'}'" in result.out


def test_other_variables_have_to_be_allowed_for_each_command(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for a plan file, which somebody else may have written."""
    monkeypatch.setenv("BOT_TOKEN", "canary-token")
    manifest.write_text(manifest.read_text().replace("ROCKETCHAT_SECRET_BOT", "BOT_TOKEN"))
    file = str(tmp_path / "plan.json")
    for command, options, status in (
        (["validate", str(manifest)], ["--secret-env", "BOT_TOKEN"], 0),
        (["plan", str(manifest), "--out", file], ["--secret-prefix", "BOT_"], 2),
        (["apply", "--plan-file", file, "--yes"], ["--secret-env", "BOT_TOKEN"], 0),
    ):
        refused = run(*command)
        assert "allow it with --secret-env BOT_TOKEN" in refused.out + refused.err
        assert run(*command, *options).status == status


def test_an_outdated_plan_file_is_refused(workspace: Workspace, run: Run, manifest: Path, tmp_path: Path) -> None:
    """A change that somebody made since is not overwritten."""
    file = tmp_path / "plan.json"
    run("plan", str(manifest), "--out", str(file))
    assert run("create", "incoming", "--name", "t-ci", "--channel", "#general", "--username", "rocket.cat").status == 0
    result = run("apply", "--plan-file", str(file), "--yes")
    assert result.status == 1
    assert result.err.startswith("error: ")
    assert workspace.names() == ["t-ci"]


def test_a_plan_with_a_secret_as_text_is_not_written(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path
) -> None:
    """It can still be printed and applied."""
    content = json.loads(manifest.read_text())
    content["outgoing"][0]["token"] = "canary-token"
    write(manifest, content)
    file = tmp_path / "plan.json"
    error = run("plan", str(manifest), "--out", str(file)).error
    assert not file.exists()
    assert "canary" not in error + run("plan", "--json", str(manifest)).out
    assert run("apply", "--yes", str(manifest)).status == 0


@pytest.mark.parametrize("content", ["", "[" * 100_000, "{}"])
def test_a_file_that_is_not_a_plan_is_refused(workspace: Workspace, run: Run, tmp_path: Path, content: str) -> None:
    """In one line, before anything is sent to the server."""
    (tmp_path / "plan.json").write_text(content)
    assert run("apply", "--yes", "--plan-file", str(tmp_path / "plan.json")).error
    assert workspace.server.requests == ()


def test_a_failed_write_leaves_the_old_file(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no temporary file; the message names the target."""
    plans = tmp_path / "plans"
    plans.mkdir()
    (plans / "p.json").write_text("old")

    def fail(path: Path, _: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "not allowed", str(path))

    monkeypatch.setattr(Path, "replace", fail)
    assert run("plan", str(manifest), "--out", str(plans / "p.json")).error == f"{plans / 'p.json'}: not allowed"
    monkeypatch.undo()
    assert [file.read_text() for file in plans.iterdir()] == ["old"]


def test_a_plan_file_replaces_only_regular_files(
    workspace: Workspace, run: Run, manifest: Path, tmp_path: Path
) -> None:
    """And not the manifest, by whatever name; this is checked before anything is sent to the server."""
    (tmp_path / "another name.json").hardlink_to(manifest)
    (tmp_path / "output").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "output")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "fifo")
    before = manifest.read_bytes()
    for out, message in {
        str(manifest): "is the manifest",
        str(tmp_path / "another name.json"): "is the manifest",
        **{str(tmp_path / name): "is not a regular file" for name in ("", "fifo", "link", "dangling")},
        str(tmp_path / "nowhere" / "p.json"): f"there is no folder {tmp_path / 'nowhere'}; make it first",
    }.items():
        error = run("plan", str(manifest), "--out", out).error
        assert error.startswith(out)
        assert message in error
    assert workspace.server.requests == ()
    assert manifest.read_bytes() == before
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "output").read_text() == "mine"


@pytest.mark.parametrize(
    "options",
    [[], ["--plan-file", "p", "m.toml"], ["--plan-file", "p", "--prune"], ["--plan-file", "p", "--partial"]],
    ids=" ".join,
)
def test_apply_takes_either_manifests_or_a_plan_file(run: Run, options: list[str]) -> None:
    """Options of manifests would have no effect on a plan file."""
    assert "(see rocketchat-integrations apply --help)" in run("apply", *options).error


# apply


def test_a_manifest_is_applied(workspace: Workspace, client: Client, run: Run, manifest: Path) -> None:
    """The plan is printed first; a second time there is nothing to do, and tokens stay."""
    result = run("apply", "--yes", str(manifest))
    assert (result.status, result.err) == (0, "done: 2 of 2\n")
    assert "+ create incoming 't-ci'" in result.out
    tokens = {record.name: record.token for record in client.list()}
    result = run("apply", str(manifest))
    assert (result.status, result.err) == (0, "")
    assert {record.name: record.token for record in client.list()} == tokens


def test_the_result_is_printed_as_json(workspace: Workspace, run: Run, manifest: Path) -> None:
    """Stdout is JSON and nothing else; the plan goes to stderr."""
    result = run("apply", "--yes", "--json", str(manifest))
    assert [step["name"] for step in result.json["done"]] == ["t-ci", "t-bot"]
    assert (result.json["failed"], result.json["pending"]) == ([], [])
    assert "+ create incoming 't-ci'" in result.err
    assert run("apply", "--json", str(manifest)).json == {"done": [], "failed": [], "pending": []}


def test_apply_asks_for_confirmation(workspace: Workspace, run: Run, manifest: Path) -> None:
    """Without a terminal, --yes is needed."""
    assert "add --yes" in run("apply", str(manifest)).err
    assert run("apply", str(manifest), answers="no\n").status == 1
    assert workspace.server.documents == ()
    result = run("apply", str(manifest), answers="y\n")
    question = f"Apply this plan to {workspace.server.url} (user {workspace.server.auth('admin').user_id})? [y/N]"
    assert (result.status, result.err) == (0, f"{question}\ndone: 2 of 2\n")


def test_only_pruning_removes(workspace: Workspace, run: Run, manifest: Path, hook: IncomingIntegrationRecord) -> None:
    """--prune removes within the scope, --prune-all everything that is not in the manifest."""
    run("apply", "--yes", str(manifest))
    write(manifest, {**json.loads(manifest.read_text()), "outgoing": []})
    assert run("apply", "--yes", str(manifest)).status == 0
    assert workspace.names() == ["ci", "t-bot", "t-ci"]
    assert run("apply", "--yes", "--prune", str(manifest)).status == 0
    assert workspace.names() == ["ci", "t-ci"]
    assert run("apply", "--yes", "--prune-all", str(manifest)).status == 0
    assert workspace.names() == ["t-ci"]


def test_too_many_removals_are_refused(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    """Without a question; --max-removals allows more."""
    many = write(tmp_path / "many.json", {"incoming": [{**INCOMING, "name": f"t-{number}"} for number in range(11)]})
    empty = write(tmp_path / "empty.json", {"scope": "t-", "incoming": []})
    assert run("apply", "--yes", str(many)).status == 0
    for result in (run("apply", "--yes", "--prune", str(empty)), run("apply", "--prune", str(empty), answers="y\n")):
        assert result.status == 1
        (line,) = result.err.splitlines()
        assert "--max-removals N allows more" in line
    assert len(workspace.server.documents) == 11
    assert run("apply", "--yes", "--prune", "--max-removals", "11", str(empty)).status == 0
    assert workspace.server.documents == ()


def test_a_failed_step_is_printed_and_the_rest_goes_on(workspace: Workspace, run: Run, manifest: Path) -> None:
    """Applying again does what is left."""
    workspace.server.fail_next("integrations.create", "html")
    result = run("apply", "--yes", "--workers", "1", str(manifest))
    assert result.status == 1
    failed, error = result.err.splitlines()
    assert failed.startswith("failed: create incoming 't-ci': integrations.create: ")
    assert error.startswith("error: 1 of 2 steps failed")
    assert workspace.names() == ["t-bot"]
    assert run("apply", "--yes", str(manifest)).status == 0
    assert workspace.names() == ["t-bot", "t-ci"]


def test_failed_steps_are_printed_as_json(workspace: Workspace, run: Run, manifest: Path) -> None:
    """With their errors. A failure before the first step leaves stdout empty."""
    workspace.server.fail_next("integrations.create", "redirect", 2)
    result = run("apply", "--yes", "--json", str(manifest))
    assert result.status == 1
    assert [step["name"] for step in result.json["failed"]] == ["t-ci", "t-bot"]
    assert all(step["error"].startswith("integrations.create: ") for step in result.json["failed"])
    assert (result.json["done"], result.json["pending"]) == ([], [])
    assert result.err.splitlines()[-1].startswith("error: 2 of 2 steps failed")
    workspace.server.fail_next("integrations.list", "html")
    assert run("apply", "--yes", "--json", str(manifest)).error.startswith("integrations.list: ")


def test_a_refused_room_is_named(workspace: Workspace, run: Run, manifest: Path) -> None:
    """With its integration, what is wrong and what to do; another try of the same would fail again."""
    manifest.write_text(manifest.read_text().replace('"#general"', '"#nowhere"', 1))
    result = run("apply", "--yes", "--json", str(manifest))
    (step,) = result.json["failed"]
    assert step["error"].startswith("channel '#nowhere': there is no such room or user")
    assert f"failed: create incoming 't-ci': {step['error']}" in result.err.splitlines()
    assert result.err.splitlines()[-1].endswith(
        "1 of 2 steps failed, 0 were not tried; correct what the server refuses, then plan and apply again"
    )


def test_a_signal_that_is_ignored_stays_so(
    workspace: Workspace, run: Run, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`nohup` ignores SIGHUP, so that a closed terminal does not end the command."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def apply_after_signal(*arguments: Any, **options: Any) -> Report:
        signal.raise_signal(signal.SIGHUP)
        return apply(*arguments, **options)

    monkeypatch.setattr(apply_command, "apply", apply_after_signal)
    try:
        assert run("apply", "--yes", str(manifest)).status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_apply_shows_no_control_characters(workspace: Workspace, run: Run, tmp_path: Path) -> None:
    """Control characters in the server's data are escaped, also with --json and --debug."""
    common = {"type": "webhook-incoming", "username": "rocket.cat", "channel": ["#general"], "enabled": True}
    odd = "\x1b]0;owned\x07\x85- remove all"
    workspace.server.insert({**common, "_id": odd, "name": odd, "alias": odd, "scriptEnabled": False})
    path = write(tmp_path / "m.json", {"incoming": []})
    workspace.server.fail_next("integrations.remove", "html", 4)
    for options in ([], ["--json"], ["--debug"]):
        result = run("apply", "--yes", "--prune-all", str(path), *options)
        assert result.status == 1
        assert not set("\x1b\x07\x85") & set(result.out + result.err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_apply_says_how_far_it_came(
    workspace: Workspace, run: Run, manifest: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Applying again does the rest, and nothing twice. The handlers of signals are put back."""

    def interrupted_apply(*arguments: Any, on_progress: Any, **options: Any) -> NoReturn:
        def show_progress(progress: Any) -> None:
            on_progress(progress)
            signal.raise_signal(number)

        apply(*arguments, on_progress=show_progress, **options)
        raise AssertionError("the interruption must reach the caller")

    with monkeypatch.context() as patch:
        patch.setattr(apply_command, "apply", interrupted_apply)
        before = signal.signal(number, signal.default_int_handler)
        result = run("apply", "--yes", "--workers", "1", str(manifest))
        assert signal.signal(number, before) is signal.default_int_handler
    assert result.status == 128 + number
    assert result.err == f"interrupted by {number.name}: at least 1 of 2 are done; apply again for the rest\n"
    assert run("apply", "--yes", str(manifest)).status == 0
    assert workspace.names() == ["t-bot", "t-ci"]


def test_a_renamed_integration_keeps_its_token(
    workspace: Workspace, client: Client, run: Run, hook: IncomingIntegrationRecord, tmp_path: Path
) -> None:
    """The step says what it was called."""
    entry = {**INCOMING, "name": "t-ci", "renamed_from": "ci"}
    result = run("apply", "--yes", "--json", str(write(tmp_path / "m.json", {"incoming": [entry]})))
    (step,) = result.json["done"]
    assert (step["action"], step["id"], step["renamed_from"]) == ("update", hook.id, "ci")
    assert client.get(hook.id).token == hook.token
