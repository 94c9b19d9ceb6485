"""Changing integrations one by one: `create`, `update` and `remove`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import click
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
)
from rocketchat_integrations.cli import _changes

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)

INCOMING = ("create", "incoming", "--name", "ci", "--channel", "#general", "--username", "rocket.cat")
OUTGOING = (
    *("create", "outgoing", "--name", "bot", "--username", "rocket.cat", "--event", "sendMessage"),
    *("--url", "https://a.example/", "--url", "https://b.example"),
)
CHANNELS = ("--channel", "#general", "--channel", "#random,@alice")


# The options


@pytest.mark.parametrize(
    ("command", "kind"),
    [(_changes.create_incoming, IncomingIntegration), (_changes.create_outgoing, OutgoingIntegration)],
)
def test_every_field_has_an_option(command: click.Command, kind: type[attrs.AttrsInstance]) -> None:
    """Whatever a definition can have, the command line can give; what it needs, has to be given."""
    fields = {field.name: field for field in attrs.fields(kind)}
    assert set(fields) <= {param.name for param in command.params}
    assert set(fields) <= {param.name for param in _changes.update_command.params}
    needed = {name for name, field in fields.items() if field.default is attrs.NOTHING}
    assert {param.name for param in command.params if param.required} == needed
    assert not any(param.required for param in _changes.update_command.params if param.name in fields)


# create


def test_an_incoming_webhook_is_created(workspace: Workspace, client: Client, say: Say) -> None:
    """What was asked for is there, and what came of it is shown: all but the address, which can be asked for."""
    said = say(*INCOMING, "--alias", "CI", "--no-enabled", "--json")
    (record,) = client.list()
    assert record.definition == IncomingIntegration(
        "ci",
        channel="#general",
        username="rocket.cat",
        alias="CI",
        enabled=False,
        script_engine=record.script_engine,
        skip_transpile=record.skip_transpile,
    )
    assert (said.json["id"], said.json["token"]) == (record.id, "<hidden>")
    assert f"created incoming 'ci' ({record.id})" in said.err
    assert f"show {record.id} --url" in said.err
    assert str(record.token) not in said.out + said.err


def test_an_outgoing_webhook_is_created(client: Client, say: Say, tmp_path: Path) -> None:
    """Options that hold several values are given several times, or with commas as in the vendor's form."""
    (tmp_path / "token").write_text("from-the-file\n")
    (tmp_path / "script.js").write_bytes("class Script { /* \xfc */ }\r\n".encode("utf-8-sig"))
    said = say(
        *(*OUTGOING, *CHANNELS),
        *("--trigger-word", "!a", "--trigger-word", "!b", "--token-file", str(tmp_path / "token")),
        *("--script-file", str(tmp_path / "script.js"), "--script-enabled"),
        *("--retry-failed-calls", "--retry-count", "3", "--retry-delay", "powers-of-two"),
    )
    assert said.status == 0, said.err
    (record,) = client.list()
    assert isinstance(record, OutgoingIntegrationRecord)
    assert record.channel == ("#general", "#random", "@alice")
    assert record.urls == ("https://a.example/", "https://b.example")
    assert (record.trigger_words, record.token) == (("!a", "!b"), "from-the-file")
    assert record.script == "class Script { /* \xfc */ }\r\n"
    assert (record.retry_count, record.retry_delay) == (3, RetryDelay.POWERS_OF_TWO)
    assert "address" not in said.err


@only_8
def test_a_script_can_come_from_standard_input(workspace: Workspace, client: Client, say: Say) -> None:
    """As a file with the name of `-`; one that is not switched on, or does not compile, draws a warning."""
    said = say(*INCOMING, "--script-file", "-", stdin=b"class Script { }")
    assert "warning: the script is not run; --script-enabled" in said.err
    (record,) = client.list()
    assert record.script == "class Script { }"
    said = say("update", "ci", "--script-file", "-", "--script-enabled", stdin=b"class Script {")
    assert "warning: the script does not compile" in said.err


@only_8
def test_a_token_of_a_webhook_on_the_command_line_draws_a_warning(workspace: Workspace, say: Say) -> None:
    """It is the proof that Rocket.Chat calls; others on the machine should not see it."""
    said = say(*OUTGOING, "--token", "canary-token")
    assert said.status == 0
    assert "warning: --token: others on this machine can see it" in said.err
    assert "canary-token" not in said.out + said.err


@only_8
@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((*INCOMING, "--channel", "builds"), "channel: must start with '#' or '@'"),
        ((*INCOMING[:-2], "--username", " "), "username: must name a user"),
        ((*INCOMING, "--event", "sendMessage"), "--event"),
        ((*OUTGOING, "--event", "sometimes"), "event: must be one of sendMessage, fileUploaded"),
        ((*OUTGOING, "--channel", ""), "channel: must not be blank; leave it out to listen in every public channel"),
        ((*OUTGOING, "--retry-count", "many"), "'many' is not a whole number"),
        ((*OUTGOING, "--retry-count", "-1"), "'-1' is not a whole number"),
        ((*OUTGOING, "--retry-delay", "soon"), "retry_delay: must be one of powers-of-ten"),
        ((*INCOMING, "--script-file", "nowhere.js"), "No such file"),
        ((*INCOMING, "--channel", "#nowhere"), "error-invalid-room"),
        ((*INCOMING[:-2], "--username", "nobody"), "error-invalid-user"),
    ],
)
def test_what_cannot_be_created_is_one_line_and_changes_nothing(
    workspace: Workspace, say: Say, arguments: tuple[str, ...], complaint: str
) -> None:
    """Whoever refuses it, the command line, the library or the server."""
    assert complaint in say(*arguments).error
    assert workspace.server.documents == ()


@only_8
def test_a_script_has_to_be_text(workspace: Workspace, say: Say) -> None:
    """A picture is not sent as one."""
    assert "is not UTF-8 text" in say(*INCOMING, "--script-file", "-", stdin=b"\xff\xd8").error


# update


def test_only_what_is_given_changes(client: Client, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """All other fields stay as they are, the token included."""
    said = say("update", "bot", "--emoji", ":robot:", "--run-on-edits", "--channel", "#random")
    assert said.status == 0, said.err
    after = client.get(bot.id)
    changed = {
        field.name for field in attrs.fields(type(bot)) if getattr(bot, field.name) != getattr(after, field.name)
    }
    assert changed - {"updated_at", "updated_by"} == {"emoji", "run_on_edits", "channel"}
    assert (after.emoji, after.channel) == (":robot:", ("#random",))
    assert f"updated outgoing 'bot' ({bot.id})" in said.err


def test_an_empty_value_clears_a_field(client: Client, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """Texts and lists, said explicitly."""
    client.update(bot.id, attrs.evolve(bot, script="class Script { }", retry_count=3, target_room="#general"))
    empty = ("--alias", "", "--trigger-word", "", "--script-file", "", "--retry-count", "", "--target-room", "")
    assert say("update", "bot", *empty).status == 0
    after = client.get(bot.id)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert not any([after.alias, after.trigger_words, after.script, after.retry_count, after.target_room])
    assert after.token == bot.token


@only_8
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "what is to change?"),
        (("--channel", ""), "channel: must not be blank"),
        (("--url", ""), "urls: must hold at least one URL"),
        (("--token", " "), "token: must not be blank"),
        (("--override-destination-channel-enabled",), "outgoing 'bot' has no override_destination_channel_enabled"),
        (("--event", "sometimes"), "event: must be one of"),
    ],
)
def test_a_wrong_update_is_one_line_and_changes_nothing(
    workspace: Workspace, bot: object, say: Say, options: tuple[str, ...], complaint: str
) -> None:
    """An outgoing channel of nothing, above all, does not become every public channel."""
    before = workspace.server.documents
    said = say("update", "bot", *options)
    assert said.status == 1
    assert complaint in said.err.splitlines()[-1]
    assert workspace.server.documents == before


@pytest.mark.parametrize("server", ["6.14"], indirect=True)
def test_what_a_server_cannot_change_is_told(hook: object, client: Client, say: Say) -> None:
    """With what did change: nobody has to guess whether to try again."""
    said = say("update", "ci", "--username", "admin", "--alias", "CI")
    assert said.error.endswith("did not take: username (this server cannot change that; all else is as you said)")
    (record,) = client.list()
    assert (record.username, record.alias) == ("rocket.cat", "CI")


# remove


def test_an_integration_is_removed(workspace: Workspace, hook: IncomingIntegrationRecord, bot: Any, say: Say) -> None:
    """That one and no other; programs get what it was, without its token."""
    said = say("remove", "ci", "--yes", "--json")
    assert [document["_id"] for document in workspace.server.documents] == [bot.id]
    assert (said.json["id"], said.json["token"]) == (hook.id, "<hidden>")
    assert said.err == f"removed incoming 'ci' ({hook.id})\n"
    assert say("remove", bot.id, "-y").out == ""
    assert workspace.server.documents == ()


@only_8
def test_without_a_terminal_nobody_can_be_asked(workspace: Workspace, hook: object, say: Say) -> None:
    """A script that forgot `--yes` removes nothing, and is told."""
    error = say("remove", "ci", stdin=b"y\n").error
    assert "--yes" in error
    assert "nothing was changed" in error.lower()
    assert len(workspace.server.documents) == 1


@only_8
@pytest.mark.parametrize(
    ("answer", "is_removed"), [("y\n", True), ("Yes\n", True), ("n\n", False), ("\n", False), ("", False)]
)
def test_on_a_terminal_one_is_asked(
    workspace: Workspace,
    hook: IncomingIntegrationRecord,
    say: Say,
    answer: str,
    is_removed: bool,
) -> None:
    """Only a yes is one; the end of the input is not."""
    said = say("remove", "ci", answers=answer)
    assert said.err.startswith(f"Remove incoming 'ci' ({hook.id})? [y/N]")
    assert said.status == (0 if is_removed else 1)
    assert len(workspace.server.documents) == (0 if is_removed else 1)
