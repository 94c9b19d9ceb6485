"""Integrations as code: `plan` and `apply`."""

from __future__ import annotations

import errno
import json
import os
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord
from rocketchat_integrations.cli import _manifests, _progress
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Plan, plan

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

Start: TypeAlias = Callable[..., "subprocess.Popen[str]"]

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)


@pytest.fixture
def manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two integrations, one with a script and one with a secret."""
    (tmp_path / "script.js").write_text("class Script { }\n")
    monkeypatch.setenv("BOT_TOKEN", "canary-token")
    content = {
        "scope": "t-",
        "incoming": [
            {
                "name": "t-ci",
                "channel": "#general",
                "username": "rocket.cat",
                "script_enabled": True,
                "script_file": "script.js",
            }
        ],
        "outgoing": [
            {
                "name": "t-bot",
                "event": "sendMessage",
                "channel": "#general",
                "username": "rocket.cat",
                "urls": "https://bot.example.com",
                "token": {"env": "BOT_TOKEN"},
            }
        ],
    }
    path = tmp_path / "integrations.json"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """More integrations than are created in no time."""
    content = {"incoming": [{"name": f"t-{n}", "channel": "#general", "username": "rocket.cat"} for n in range(150)]}
    path = tmp_path / "many.json"
    path.write_text(json.dumps(content))
    return path


def names(workspace: Workspace) -> list[str]:
    return sorted(document["name"] for document in workspace.server.documents)


# plan


def test_a_plan_shows_drift_and_changes_nothing(workspace: Workspace, say: Say, manifest: Path) -> None:
    """Status 2 says that there is something to do; no secret is shown."""
    said = say("plan", str(manifest))
    assert (said.status, said.err) == (2, "")
    assert "+ create incoming 't-ci'" in said.out
    assert said.out.endswith("2 to create, 0 to update, 0 to remove, 0 as wanted.\n")
    assert "canary" not in said.out
    assert workspace.server.documents == ()


def test_a_workspace_that_is_in_line_is_status_0(workspace: Workspace, say: Say, manifest: Path) -> None:
    """CI can run it every night, and fail when somebody has changed something by hand."""
    assert say("apply", "--yes", str(manifest)).status == 0
    assert (say("plan", str(manifest)).status, say("plan", str(manifest)).out) == (
        0,
        "Nothing to do: 2 as wanted.\n",
    )


def test_a_plan_is_data_for_programs(client: Client, say: Say, manifest: Path, hook: Any) -> None:
    """What is created, what changes from what to what, what is removed, and what stays; tokens are not told."""
    client.create(plan_of(manifest, client).creates[0].definition)
    (record,) = client.list(name="t-ci")
    client.update(record.id, attrs.evolve(record, alias="old"))
    manifest.write_text(manifest.read_text().replace('"#general"', '"#random"'))
    said = say("plan", "--json", "--prune-all", str(manifest))
    assert said.status == 2
    (create,) = said.json["creates"]
    assert (create["action"], create["name"], create["definition"]["channel"]) == ("create", "t-bot", ["#random"])
    (update,) = said.json["updates"]
    assert (update["action"], update["id"], update["renamed_from"]) == ("update", record.id, None)
    assert update["changes"] == [{"field": "channel", "old": ["#general"], "new": ["#random"]}]
    assert said.json["removals"] == [
        {"action": "remove", "type": "webhook-incoming", "name": "ci", "id": hook.id},
    ]
    assert (said.json["unchanged"], said.json["prune"]) == ([], True)
    assert "canary" not in said.out


def plan_of(manifest: Path, client: Client) -> Plan:
    return plan(Manifest.load(manifest), client)


@only_8
def test_several_files_are_one_manifest(workspace: Workspace, say: Say, manifest: Path, tmp_path: Path) -> None:
    """Each in the format of its suffix."""
    (tmp_path / "more.yaml").write_text("incoming:\n- {name: t-more, channel: '#ops', username: rocket.cat}\n")
    assert "3 to create" in say("plan", str(manifest), str(tmp_path / "more.yaml")).out


@only_8
def test_files_outside_of_the_folder_need_leave(workspace: Workspace, say: Say, manifest: Path, tmp_path: Path) -> None:
    """A manifest that somebody else has written cannot make one publish other files."""
    (tmp_path / "inner").mkdir()
    inner = manifest.rename(tmp_path / "inner" / manifest.name)
    inner.write_text(inner.read_text().replace("script.js", "../script.js"))
    assert "outside" in say("plan", str(inner)).error
    assert say("plan", "--allow-outside", str(inner)).status == 2


@only_8
def test_every_mistake_in_a_manifest_is_told_and_nothing_is_asked_of_the_server(
    workspace: Workspace, say: Say, tmp_path: Path
) -> None:
    """One line each, with its place; nothing has changed."""
    path = tmp_path / "wrong.toml"
    path.write_text('[[incoming]]\nname = "a"\nchanel = "#b"\n\n[[outgoing]]\nevent = "sometimes"\n')
    for command in (["plan"], ["apply", "--yes"]):
        said = say(*command, str(path))
        assert (said.status, said.out) == (1, "")
        first, *reasons = said.err.splitlines()
        assert first == f"error: the manifest has {len(reasons)} mistakes:"
        assert any("wrong.toml" in reason and "did you mean 'channel'?" in reason for reason in reasons)
    assert workspace.server.requests == ()


@only_8
@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
@pytest.mark.parametrize("file", ["nowhere.toml", "nowhere.txt"])
def test_a_manifest_that_is_not_there_is_one_line(
    workspace: Workspace, say: Say, command: list[str], file: str
) -> None:
    """With its name."""
    assert file in say(*command, file).error
    assert workspace.server.requests == ()


# Plan files


def test_a_plan_can_be_kept_and_applied_later(
    workspace: Workspace, client: Client, say: Say, manifest: Path, tmp_path: Path
) -> None:
    """What was reviewed is what is done. The file holds no secret, and is nobody else's to read."""
    file = tmp_path / "plan.json"
    said = say("plan", str(manifest), "--out", str(file))
    assert (said.status, said.err) == (2, f"written: {file}\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "canary" not in file.read_text()
    manifest.unlink()
    assert say("apply", "--plan-file", str(file), "--yes").status == 0
    assert names(workspace) == ["t-bot", "t-ci"]
    (bot,) = client.list(name="t-bot")
    assert bot.token == "canary-token"


@only_8
def test_a_plan_of_a_workspace_that_has_changed_is_refused(
    workspace: Workspace, client: Client, say: Say, manifest: Path, tmp_path: Path
) -> None:
    """Nobody's change since is overwritten; nothing is written at all."""
    file = tmp_path / "plan.json"
    say("plan", str(manifest), "--out", str(file))
    client.create(attrs.evolve(plan_of(manifest, client).creates[0].definition, alias="somebody's"))
    before = workspace.server.documents
    said = say("apply", "--plan-file", str(file), "--yes")
    assert said.status == 1
    assert "plan again" in said.err.splitlines()[-1]
    assert workspace.server.documents == before


@only_8
def test_a_plan_with_a_literal_secret_is_not_kept(
    workspace: Workspace, say: Say, manifest: Path, tmp_path: Path
) -> None:
    """It says why, and what to do instead; the plan can be seen and applied all the same."""
    content = json.loads(manifest.read_text())
    content["outgoing"][0]["token"] = "canary-token"
    manifest.write_text(json.dumps(content))
    file = tmp_path / "plan.json"
    error = say("plan", str(manifest), "--out", str(file)).error
    assert "the token is given as text" in error
    assert not file.exists()
    assert "canary" not in error + say("plan", "--json", str(manifest)).out
    assert say("apply", "--yes", str(manifest)).status == 0


@only_8
@pytest.mark.parametrize(
    ("content", "complaint"),
    [("", "is not JSON"), ("[" * 100_000, "is not JSON"), ("{}", "no plan that can be applied")],
)
def test_a_file_that_is_no_plan_is_refused(
    workspace: Workspace, say: Say, tmp_path: Path, content: str, complaint: str
) -> None:
    """In one line, before anything is asked of the server."""
    (tmp_path / "plan.json").write_text(content)
    assert complaint in say("apply", "--yes", "--plan-file", str(tmp_path / "plan.json")).error
    assert workspace.server.requests == ()


@only_8
def test_a_plan_that_cannot_be_written_leaves_what_was_there(
    workspace: Workspace, say: Say, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no half of one; it is told where it was to be."""
    plans = tmp_path / "plans"
    plans.mkdir()

    def fail(path: Path, _: Path) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "replace", fail)
    assert say("plan", str(manifest), "--out", str(plans / "p.json")).error == f"{plans / 'p.json'}: Permission denied"
    monkeypatch.undo()
    assert list(plans.iterdir()) == []


@only_8
def test_a_plan_takes_no_place_that_is_not_for_it(
    workspace: Workspace, say: Say, manifest: Path, tmp_path: Path
) -> None:
    """Neither the manifest's, by whatever name, nor that of what is no file; that is told before anything is asked."""
    (tmp_path / "another name.json").hardlink_to(manifest)
    # As /dev/stdout is one, when standard output goes to a file.
    (tmp_path / "output").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "output")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "fifo")
    before = manifest.read_bytes()
    for out, complaint in {
        str(manifest): "is the manifest, and would be lost",
        str(tmp_path / "another name.json"): "is the manifest, and would be lost",
        **{str(tmp_path / name): "is no regular file" for name in ("", "fifo", "link", "dangling")},
        str(tmp_path / "nowhere" / "p.json"): f"there is no folder {tmp_path / 'nowhere'}; make it first",
    }.items():
        error = say("plan", str(manifest), "--out", out).error
        assert error.startswith(out)
        assert complaint in error
    assert workspace.server.requests == ()
    assert manifest.read_bytes() == before
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "output").read_text() == "mine"


@only_8
def test_a_plan_can_be_written_over_another(workspace: Workspace, say: Say, manifest: Path, tmp_path: Path) -> None:
    """As one does after a change."""
    out = tmp_path / "plan.json"
    for _ in range(2):
        assert say("plan", str(manifest), "--out", str(out)).status == 2
    assert say("apply", "--plan-file", str(out), "--yes").status == 0


@pytest.mark.parametrize("options", [("--prune",), ("--prune-all",), ("--allow-outside",), ("m.toml",)])
def test_a_plan_file_has_everything_in_it(say: Say, options: tuple[str, ...]) -> None:
    """What would have no effect is refused."""
    assert "see rocketchat-integrations apply --help" in say("apply", "--plan-file", "p.json", *options).error


# apply


def test_a_manifest_is_applied(workspace: Workspace, client: Client, say: Say, manifest: Path) -> None:
    """The plan is shown, then it is done; what was there and is in line is not touched."""
    said = say("apply", "--yes", str(manifest))
    assert (said.status, said.err) == (0, "done: 2 of 2\n")
    assert "+ create incoming 't-ci'" in said.out
    tokens = {record.name: record.token for record in client.list()}
    said = say("apply", str(manifest))
    assert (said.status, said.out, said.err) == (0, "Nothing to do: 2 as wanted.\n", "")
    assert {record.name: record.token for record in client.list()} == tokens


@only_8
def test_what_was_applied_is_data_for_programs(workspace: Workspace, say: Say, manifest: Path) -> None:
    """Standard output is JSON and nothing else; the plan is for people, on standard error."""
    said = say("apply", "--yes", "--json", str(manifest))
    assert [step["name"] for step in said.json["done"]] == ["t-ci", "t-bot"]
    assert (said.json["failed"], said.json["pending"]) == ([], [])
    assert "+ create incoming 't-ci'" in said.err
    assert say("apply", "--json", str(manifest)).json == {"done": [], "failed": [], "pending": []}


@only_8
def test_one_is_asked_before_anything_is_written(workspace: Workspace, say: Say, manifest: Path) -> None:
    """Without a terminal, as in CI, that takes `--yes`."""
    assert "say --yes" in say("apply", str(manifest)).err
    assert say("apply", str(manifest), answers="no\n").status == 1
    assert workspace.server.documents == ()
    said = say("apply", str(manifest), answers="y\n")
    assert (said.status, said.err) == (0, "Apply this plan? [y/N]\ndone: 2 of 2\n")


def test_pruning_has_to_be_asked_for(
    workspace: Workspace, say: Say, manifest: Path, hook: IncomingIntegrationRecord
) -> None:
    """Without it nothing is removed; with it, what is in the scope and one's own; with more, everything else."""
    say("apply", "--yes", str(manifest))
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "outgoing": []}))
    assert "1 as wanted" in say("plan", str(manifest)).out
    assert "1 integrations, and 0 may be" in say("apply", "--yes", "--prune", "--max-removals", "0", str(manifest)).err
    assert names(workspace) == ["ci", "t-bot", "t-ci"]
    assert say("apply", "--yes", "--prune", str(manifest)).status == 0
    assert names(workspace) == ["ci", "t-ci"]
    assert say("apply", "--yes", "--prune-all", str(manifest)).status == 0
    assert names(workspace) == ["t-ci"]


@only_8
def test_too_many_removals_say_how_to_allow_them(workspace: Workspace, client: Client, say: Say, many: Path) -> None:
    """Nothing is removed by a slip."""
    say("apply", "--yes", str(many))
    empty = many.with_name("empty.json")
    empty.write_text('{"scope": "t-", "incoming": []}')
    for said in (say("apply", "--yes", "--prune", str(empty)), say("apply", "--prune", str(empty), answers="y\n")):
        assert said.status == 1
        (line,) = said.err.splitlines()  # nobody is asked for nothing
        assert "--max-removals N allows more" in line
    assert len(workspace.server.documents) == 150
    assert say("apply", "--yes", "--prune", "--max-removals", "150", str(empty)).status == 0
    assert workspace.server.documents == ()


def test_what_fails_is_told_and_the_rest_goes_on(workspace: Workspace, say: Say, manifest: Path) -> None:
    """Applying again does what is left."""
    workspace.server.fail_next("integrations.create", "html")
    said = say("apply", "--yes", "--workers", "1", str(manifest))
    assert said.status == 1
    failed, error = said.err.splitlines()
    assert failed.startswith("failed: create incoming 't-ci': integrations.create: 200 text/html")
    assert error == "error: 1 of 2 steps failed, 0 were not tried; plan and apply again"
    assert names(workspace) == ["t-bot"]
    assert say("apply", "--yes", str(manifest)).status == 0
    assert names(workspace) == ["t-bot", "t-ci"]


@only_8
def test_what_failed_is_data_for_programs(workspace: Workspace, say: Say, manifest: Path) -> None:
    """With the reason of each; what failed before the first step leaves standard output empty."""
    workspace.server.fail_next("integrations.create", "redirect", 2)
    said = say("apply", "--yes", "--json", str(manifest))
    assert said.status == 1
    assert [step["name"] for step in said.json["failed"]] == ["t-ci", "t-bot"]
    assert all("redirect" in step["error"] for step in said.json["failed"])
    assert (said.json["done"], said.json["pending"]) == ([], [])
    assert said.err.splitlines()[-1] == "error: 2 of 2 steps failed, 0 were not tried; plan and apply again"
    workspace.server.fail_next("integrations.list", "html")
    assert "not an answer of Rocket.Chat" in say("apply", "--yes", "--json", str(manifest)).error


@only_8
def test_an_interrupted_apply_is_finished_by_another(workspace: Workspace, start: Start, say: Say, many: Path) -> None:
    """Ctrl-C leaves nothing half done and one line; the second time creates what is missing, and nothing twice."""
    process = start("-m", "rocketchat_integrations", "apply", "--yes", "--workers", "2", str(many))
    workspace.server.wait_for_request("integrations.create", 60)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    (line,) = errors.splitlines()
    assert line.startswith("interrupted by SIGINT: at least ")
    assert line.endswith(" of 150 are done; apply again for the rest")
    before = len(workspace.server.documents)
    assert 0 < before < 150
    said = say("apply", "--yes", "--workers", "8", str(many))
    assert (said.status, said.err) == (0, f"done: {150 - before} of {150 - before}\n")
    assert names(workspace) == sorted(f"t-{number}" for number in range(150))


@only_8
def test_an_interruption_says_how_far_it_came(
    workspace: Workspace, say: Say, manifest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least so much is done."""

    def press_ctrl_c(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_manifests, "told", press_ctrl_c)
    workspace.server.fail_next("integrations.create", "html")
    said = say("apply", "--yes", "--workers", "1", str(manifest))
    assert said.status == 130
    assert said.err == "interrupted by SIGINT: at least 1 of 2 are done; apply again for the rest\n"


# How far it is


@pytest.mark.parametrize(
    ("seconds", "words"), [(None, ""), (0.4, "0 s left"), (59.4, "59 s left"), (150.0, "2 min 30 s left")]
)
def test_the_time_left_is_told_in_words(seconds: float | None, words: str) -> None:
    """As soon as there is any telling."""
    assert _progress._words(seconds) == words


@only_8
def test_a_rename_keeps_the_address(
    workspace: Workspace, client: Client, say: Say, hook: IncomingIntegrationRecord, tmp_path: Path
) -> None:
    """Moving an integration that is there into a manifest changes no token."""
    path = tmp_path / "m.toml"
    path.write_text('[[incoming]]\nname = "t-ci"\nrenamed_from = "ci"\nchannel = "#general"\nusername = "rocket.cat"\n')
    said = say("apply", "--yes", "--json", str(path))
    (step,) = said.json["done"]
    assert (step["action"], step["id"], step["renamed_from"]) == ("update", hook.id, "ci")
    assert client.get(hook.id).token == hook.token
