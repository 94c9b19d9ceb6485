"""Looking at integrations: `list` and `show`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    OutgoingIntegrationRecord,
)

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)


# list


def test_a_list_is_a_table_that_programs_can_cut_up(
    hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """One line an integration, aligned, without colours, sorted by id; whole, however wide."""
    said = say("list")
    assert (said.status, said.err) == (0, "")
    heading, *lines = said.out.splitlines()
    assert heading.split() == ["ID", "TYPE", "NAME", "CHANNEL", "USER", "EVENT", "ENABLED"]
    assert [line.split()[:3] for line in lines] == sorted([[hook.id, "incoming", "ci"], [bot.id, "outgoing", "bot"]])
    assert {line.index("rocket.cat") for line in lines} == {heading.index("USER")}
    assert "#general, #random" in said.out
    assert "\x1b" not in said.out


@only_8
def test_a_table_is_aligned_as_it_is_seen(client: Client, say: Say) -> None:
    """Letters that take two columns, or none, count as what they take."""
    for name in ("\u5de5\u7a0b", "e\u0301", "plain"):
        client.create(IncomingIntegration(name, channel="#general", username="rocket.cat"))
    lines = say("list").out.splitlines()[1:]
    beginnings = {line[line.index("incoming") : line.index("#general")] for line in lines}
    assert beginnings == {f"incoming  {name}  " for name in ("\u5de5\u7a0b ", "e\u0301    ", "plain")}


def test_a_list_is_an_array_of_objects_for_programs(
    hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """Each with all fields, under their names in the library; secrets are hidden."""
    objects = {it["id"]: it for it in say("list", "--json").json}
    for record in (hook, bot):
        assert set(objects[record.id]) == {"type", *(field.name for field in attrs.fields(type(record)))}
    it = objects[bot.id]
    assert (it["type"], it["event"], it["channel"]) == ("webhook-outgoing", "sendMessage", ["#general", "#random"])
    assert it["created_by"] == {"id": bot.created_by.id, "username": "admin"}
    assert bot.created_at is not None
    assert it["created_at"] == bot.created_at.isoformat()
    assert (it["alias"], it["avatar"], it["enabled"]) == ("Bot", None, True)
    assert it["token"] == "<hidden>"


def test_secrets_are_shown_on_request_only(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """In no table and no JSON, unless one asks; a field that this version does not know may be one, too."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "odd", "newSecret": "canary"})
    secrets = {str(hook.token), str(bot.token), "canary"}
    for command in (["list"], ["show", "ci"], ["show", "bot"], ["show", "odd"]):
        for form in ([], ["--json"]):
            said = say(*command, *form)
            assert said.status == 0
            assert not any(secret in said.out + said.err for secret in secrets)
    assert all(secret in say("list", "--json", "--show-secrets").out for secret in secrets)
    assert str(hook.token) in say("show", "ci", "--show-secrets").out


def test_a_token_that_an_address_quotes_is_hidden_there_too(workspace: Workspace, client: Client, say: Say) -> None:
    """In tables and JSON alike, as it is and as an address spells it; what the integration is found by stays whole."""
    common = ("--event", "sendMessage", "--channel", "#general", "--username", "rocket.cat", "--token", "to ken-bot")
    urls = ("--url", "https://b.example/h?t=to%20ken-bot", "--alias", "to ken-bot's")
    for form in ([], ["--json"]):
        created = say("create", "outgoing", "--name", "to ken-bot", *common, *urls, *form)
        shown = [say("show", "to ken-bot", *form), say("update", "to ken-bot", "--emoji", ":robot:", *form)]
        for said in (created, *shown):
            assert "https://b.example/h?t=<hidden>" in said.out
            assert "<hidden>'s" in said.out
            assert re.search(r"\bname\W+to ken-bot\b", said.out)
        for command in (["show", "to ken-bot"], ["update", "to ken-bot", "--emoji", ":cat:"]):
            assert "https://b.example/h?t=to%20ken-bot" in say(*command, "--show-secrets", *form).out
        client.remove(*client.list())


@only_8
def test_a_short_token_hides_nothing_but_itself(workspace: Workspace, say: Say) -> None:
    """A program can rely on every other field."""
    fields = (
        "--event",
        "sendMessage",
        "--channel",
        "#general",
        "--username",
        "rocket.cat",
        "--url",
        "https://b.example",
    )
    it = say("create", "outgoing", "--name", "short", *fields, "--token", "o", "--json").json
    assert (it["type"], it["name"], it["username"], it["token"]) == (
        "webhook-outgoing",
        "short",
        "rocket.cat",
        "<hidden>",
    )
    assert it["urls"] == ["https://b.example"]


@only_8
def test_what_was_made_can_be_shown_with_its_secrets(workspace: Workspace, client: Client, say: Say) -> None:
    """On request, and only of what came of it."""
    fields = ("--channel", "#general", "--username", "rocket.cat", "--show-secrets")
    said = say("create", "incoming", "--name", "ci", *fields)
    (record,) = client.list()
    assert str(record.token) in said.out
    assert say("update", "ci", "--alias", "CI", "--show-secrets", "--json").json["token"] == record.token
    assert str(record.token) not in say("update", "ci", "--alias", "C").out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--type", "incoming"], {"ci"}),
        (["--type", "outgoing"], {"bot"}),
        (["--name", "bot"], {"bot"}),
        (["--name", "BOT"], set[str]()),
        (["--name-contains", "O"], {"bot"}),
        (["--channel", "random"], {"bot"}),
        (["--channel", "#general"], {"bot", "ci"}),
        (["--channel", "@alice"], set[str]()),
        (["--channel", "all_public_channels"], set[str]()),
    ],
)
def test_a_list_can_be_narrowed(hook: object, bot: object, say: Say, options: list[str], names: set[str]) -> None:
    """By kind, name, part of a name, or room; a room with or without its sign."""
    assert {it["name"] for it in say("list", "--json", *options).json} == names


@only_8
def test_a_record_that_cannot_be_read_is_told_and_the_list_goes_on(
    workspace: Workspace, hook: object, say: Say
) -> None:
    """What is missing in a list is no secret: it is told, and the status says so."""
    workspace.server.insert({"_id": "0dd", "type": "webhook-incoming", "name": ["odd"]})
    said = say("list", "--json")
    assert said.status == 1
    assert [it["name"] for it in said.json] == ["ci"]
    assert said.err.startswith("warning: ")
    assert "0dd" in said.err


@only_8
def test_names_cannot_write_on_the_terminal(client: Client, say: Say) -> None:
    """Whoever names an integration shows text, and nothing that moves a cursor or breaks a line."""
    client.create(IncomingIntegration("a\x1b[2Jb\nc", channel="#general", username="rocket.cat"))
    said = say("list")
    assert "a\\x1b[2Jb\\nc" in said.out
    assert len(said.out.splitlines()) == 2


# show


def test_an_integration_is_shown_by_id_and_by_name(bot: OutgoingIntegrationRecord, say: Say) -> None:
    """What is set, for people; all there is, for programs."""
    by_id, by_name = say("show", bot.id), say("show", "bot")
    assert by_id == by_name
    shown = dict(line.split(maxsplit=1) for line in by_id.out.splitlines())
    assert (shown["id"], shown["type"], shown["trigger_words"]) == (bot.id, "outgoing", "!a, !b")
    assert (shown["enabled"], shown["run_on_edits"], shown["created_by"]) == ("yes", "no", "admin")
    assert not {"avatar", "emoji", "script"} & set(shown)
    assert say("show", "bot", "--json").json["id"] == bot.id


@only_8
def test_a_script_is_measured_for_people_and_whole_for_programs(client: Client, say: Say) -> None:
    """A long script does not push the rest off the screen; one that does not compile says why."""
    script = "class Script {\n"
    client.create(
        IncomingIntegration("ci", channel="#general", username="rocket.cat", script=script + "\n", script_enabled=True)
    )
    shown = dict(line.split(maxsplit=1) for line in say("show", "ci").out.splitlines())
    assert shown["script"] == "2 lines"
    assert shown["script_error"].startswith("SyntaxError: ")
    assert say("show", "ci", "--json").json["script"] == script + "\n"


def test_the_address_of_a_webhook_can_be_had(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, say: Say
) -> None:
    """Alone, so that a program can take it; this is the one way to see it."""
    url = f"{workspace.server.url}/hooks/{hook.id}/{hook.token}"
    assert say("show", "ci", "--url").out == f"{url}\n"
    assert say("show", "ci", "--url", "--json").json == {"url": url}
    assert bot.id in say("show", "bot", "--url").out


@only_8
def test_an_integration_without_a_token_has_no_address(workspace: Workspace, say: Say) -> None:
    """That is said, in one line."""
    workspace.server.insert({"_id": "odd", "type": "webhook-outgoing", "name": "odd"})
    assert "has no token" in say("show", "odd", "--url").error


# Which one is meant


@only_8
@pytest.mark.parametrize("wanted", ["nobody", " ", ""])
def test_an_integration_that_is_not_there_is_told(workspace: Workspace, say: Say, wanted: str) -> None:
    """With what was looked for."""
    assert f"there is no integration with the id or the name {wanted!r}" in say("show", wanted).error
    assert "there is no outgoing integration" in say("show", wanted, "--type", "outgoing").error


def test_a_name_that_two_have_is_ambiguous(client: Client, hook: Any, bot: OutgoingIntegrationRecord, say: Say) -> None:
    """Then the ids are told, the kind settles it where it can, and nothing is guessed."""
    client.update(bot.id, attrs.evolve(bot, name="ci"))
    error = say("remove", "ci", "--yes").error
    assert f"{hook.id} (incoming)" in error
    assert f"{bot.id} (outgoing)" in error
    assert say("show", "ci", "--type", "outgoing", "--json").json["id"] == bot.id
    assert "there is no incoming integration" in say("show", bot.id, "--type", "incoming").error
    assert {it.id for it in client.list()} == {hook.id, bot.id}


@only_8
def test_odd_records_of_others_do_not_hide_an_integration(
    workspace: Workspace, hook: IncomingIntegrationRecord, say: Say
) -> None:
    """What cannot be read is not what was asked for."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "ci", "channel": "ci"})
    assert say("show", "ci", "--json").json["id"] == hook.id


@only_8
def test_an_id_beats_a_name(client: Client, hook: IncomingIntegrationRecord, bot: Any, say: Say) -> None:
    """Whoever names an integration after the id of another one gains nothing by it."""
    client.update(bot.id, attrs.evolve(bot, name=hook.id))
    assert say("show", hook.id, "--json").json["name"] == "ci"
