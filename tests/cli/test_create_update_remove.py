"""`create`, `update` and `remove`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
)
from rocketchat_integrations.cli.commands import create, update

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

INCOMING = ("create", "incoming", "--name", "ci", "--channel", "#general", "--username", "rocket.cat")
OUTGOING = (
    *("create", "outgoing", "--name", "bot", "--username", "rocket.cat", "--event", "sendMessage"),
    *("--url", "https://a.example/", "--url", "https://b.example"),
)


def test_every_field_has_an_option() -> None:
    """A new field of a definition gets one; fields without a default are required when creating."""
    optional = {param.name for param in update.command.params if not param.required}
    for command, cls in (
        (create.create_incoming, IncomingIntegration),
        (create.create_outgoing, OutgoingIntegration),
    ):
        fields = {field.name: field for field in attrs.fields(cls)}
        assert set(fields) <= {param.name for param in command.params}
        assert set(fields) <= optional
        required = {name for name, field in fields.items() if field.default is attrs.NOTHING}
        assert {param.name for param in command.params if param.required} == required


# create


def test_an_incoming_integration_is_created(workspace: Workspace, client: Client, run: Run) -> None:
    """The record is printed without its token; stderr says how to see the webhook URL."""
    result = run(*INCOMING, "--alias", "CI", "--no-enabled", "--json")
    (record,) = client.list()
    assert isinstance(record, IncomingIntegrationRecord)
    assert (record.name, record.channel, record.username) == ("ci", ("#general",), "rocket.cat")
    assert (record.alias, record.enabled) == ("CI", False)
    assert (result.json["id"], result.json["token"]) == (record.id, "<hidden>")
    assert f"created incoming 'ci' ({record.id})" in result.err
    assert f"show {record.id} --url" in result.err
    assert str(record.token) not in result.out + result.err


def test_the_url_of_the_webhook_is_shown_with_the_secrets(
    workspace: Workspace, client: Client, bot: object, run: Run
) -> None:
    """In JSON and as text, by the commands that print records; an outgoing integration has none."""
    created = run(*INCOMING, "--json", "--show-secrets")
    (record,) = client.list(type="incoming")
    url = f"{workspace.server.url}/hooks/{record.id}/{record.token}"
    assert created.json["webhook_url"] == url
    assert "show" not in created.err
    assert run("show", "ci", "--json", "--show-secrets").json["webhook_url"] == url
    assert url in run("update", "ci", "--alias", "x", "--show-secrets").out
    listed = {it["name"]: it["webhook_url"] for it in run("list", "--json", "--show-secrets").json}
    assert listed == {"ci": url, "bot": None}
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "odd"})
    assert "webhook_url" not in run("show", "odd", "--json", "--show-secrets").json
    for command in (["show", "ci", "--json"], ["show", "ci"], ["list", "--json"]):
        assert str(record.token) not in run(*command).out


def test_an_outgoing_integration_is_created(client: Client, run: Run, tmp_path: Path) -> None:
    """Options for lists are given several times or with commas; script and token come from files."""
    (tmp_path / "token").write_text("from-the-file\n")
    (tmp_path / "script.js").write_bytes("class Script { /* \xfc */ }\r\n".encode("utf-8-sig"))
    result = run(
        *(*OUTGOING, "--channel", "#general", "--channel", "#random,@alice"),
        *("--trigger-word", "!a", "--trigger-word", "!b", "--token-file", str(tmp_path / "token")),
        *("--script-file", str(tmp_path / "script.js"), "--script-enabled"),
        *("--retry-failed-calls", "--retry-count", "3", "--retry-delay", "powers-of-two"),
    )
    assert result.status == 0, result.err
    (record,) = client.list()
    assert isinstance(record, OutgoingIntegrationRecord)
    assert record.channel == ("#general", "#random", "@alice")
    assert record.urls == ("https://a.example/", "https://b.example")
    assert (record.trigger_words, record.token) == (("!a", "!b"), "from-the-file")
    assert record.script == "class Script { /* \xfc */ }\r\n"
    assert (record.retry_count, record.retry_delay) == (3, RetryDelay.POWERS_OF_TWO)
    assert "URL" not in result.err


def test_a_script_that_is_not_run_draws_a_warning(client: Client, run: Run) -> None:
    """It can be read from standard input; it may be disabled or not compile."""
    result = run(*INCOMING, "--script-file", "-", stdin=b"class Script { }")
    assert "warning: the script is not run; --script-enabled" in result.err
    (record,) = client.list()
    assert record.script == "class Script { }"
    result = run("update", "ci", "--script-file", "-", "--script-enabled", stdin=b"class Script {")
    assert "warning: the script does not compile" in result.err


def test_a_token_on_the_command_line_draws_a_warning(workspace: Workspace, run: Run) -> None:
    """The token of an outgoing webhook is a secret, too."""
    result = run(*OUTGOING, "--token", "canary-token")
    assert result.status == 0
    assert result.err.startswith("warning: --token: other users of this machine can see it")
    assert "canary-token" not in result.out + result.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((*INCOMING, "--channel", "builds"), "channel: "),
        ((*INCOMING, "--event", "sendMessage"), "--event"),
        ((*OUTGOING, "--channel", ""), "channel: "),
        ((*OUTGOING, "--retry-count", "many"), "'many' is not a whole number"),
        ((*OUTGOING, "--retry-count", "-1"), "'-1' is not a whole number"),
        ((*INCOMING, "--script-file", "nowhere.js"), "nowhere.js: "),
        ((*INCOMING, "--script-file", "-"), "is not UTF-8 text"),
        ((*INCOMING, "--channel", "#nowhere"), "error-invalid-room"),
    ],
)
def test_a_wrong_definition_is_one_line_and_creates_nothing(
    workspace: Workspace, run: Run, arguments: tuple[str, ...], message: str
) -> None:
    """Whether an option, the library or the server refuses it."""
    assert message in run(*arguments, stdin=b"\xff\xd8").error
    assert workspace.server.documents == ()


# update


def test_only_given_fields_change(client: Client, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """All other fields stay as they are, the token included."""
    result = run("update", "bot", "--emoji", ":robot:", "--run-on-edits", "--channel", "#random")
    assert result.status == 0, result.err
    after = client.get(bot.id)
    changed = {
        field.name for field in attrs.fields(type(bot)) if getattr(bot, field.name) != getattr(after, field.name)
    }
    assert changed - {"updated_at", "updated_by"} == {"emoji", "run_on_edits", "channel"}
    assert f"updated outgoing 'bot' ({bot.id})" in result.err


def test_an_empty_value_clears_a_field(client: Client, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """Texts, lists and numbers."""
    client.update(bot.id, attrs.evolve(bot, script="class Script { }", retry_count=3, target_room="#general"))
    empty = ("--alias", "", "--trigger-word", "", "--script-file", "", "--retry-count", "", "--target-room", "")
    assert run("update", "bot", *empty).status == 0
    after = client.get(bot.id)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert not any([after.alias, after.trigger_words, after.script, after.retry_count, after.target_room])
    assert after.token == bot.token


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "nothing to change"),
        (("--channel", ""), "channel: "),
        (("--url", ""), "urls: "),
        (("--token", " "), "token: "),
        (("--override-destination-channel-enabled",), "outgoing 'bot' has no override_destination_channel_enabled"),
    ],
)
def test_a_wrong_update_is_one_line_and_changes_nothing(
    workspace: Workspace, bot: object, run: Run, options: tuple[str, ...], message: str
) -> None:
    """In particular, an empty channel does not become every public channel."""
    before = workspace.server.documents
    result = run("update", "bot", *options)
    assert result.status == 1
    assert message in result.err.splitlines()[-1]
    assert workspace.server.documents == before


@pytest.mark.parametrize("server", ["6.14"], indirect=True)
def test_a_field_that_the_server_cannot_change_is_named(client: Client, hook: object, run: Run) -> None:
    """The message says that the other fields were changed."""
    error = run("update", "ci", "--username", "admin", "--alias", "CI").error
    assert "username" in error
    assert error.endswith("(this server cannot change that; the other fields were changed)")
    (record,) = client.list()
    assert (record.username, record.alias) == ("rocket.cat", "CI")


# remove


def test_an_integration_is_removed(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: object, run: Run
) -> None:
    """Only this one; --json prints what it was, without its token."""
    result = run("remove", "ci", "--yes", "--json")
    assert workspace.names() == ["bot"]
    assert (result.json["id"], result.json["token"]) == (hook.id, "<hidden>")
    assert result.err == f"removed incoming 'ci' ({hook.id})\n"
    assert run("remove", "bot", "-y").out == ""


def test_without_a_terminal_nothing_is_removed(workspace: Workspace, hook: object, run: Run) -> None:
    """A script has to use --yes; an answer in a pipe does not count."""
    error = run("remove", "ci", stdin=b"y\n").error
    assert "add --yes. Nothing was changed" in error
    assert workspace.names() == ["ci"]


@pytest.mark.parametrize(("answer", "is_removed"), [("Yes\n", True), ("y\n", True), ("\n", False), ("", False)])
def test_only_a_yes_confirms(
    workspace: Workspace, hook: IncomingIntegrationRecord, run: Run, answer: str, is_removed: bool
) -> None:
    """An empty line and the end of the input are a no."""
    result = run("remove", "ci", answers=answer)
    assert result.err.startswith(f"Remove incoming 'ci' ({hook.id})? [y/N]")
    assert result.status == (0 if is_removed else 1)
    assert workspace.names() == ([] if is_removed else ["ci"])
