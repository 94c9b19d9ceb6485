"""`list` and `show`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord, OutgoingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace

# list


def test_a_list_is_an_aligned_table(hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """One line for each integration, sorted by id, without colours, as wide as it is."""
    result = run("list")
    assert (result.status, result.err) == (0, "")
    heading, *lines = result.out.splitlines()
    assert heading.split() == ["ID", "TYPE", "NAME", "CHANNEL", "USER", "EVENT", "ENABLED"]
    incoming = [hook.id, "incoming", "ci", "#general", "rocket.cat", "yes"]
    outgoing = [bot.id, "outgoing", "bot", "#general,", "#random", "rocket.cat", "sendMessage", "yes"]
    assert [line.split() for line in lines] == sorted([incoming, outgoing])
    assert {line.index("rocket.cat") for line in lines} == {heading.index("USER")}
    assert "\x1b" not in result.out


def test_a_table_counts_columns_of_the_terminal(client: Client, run: Run) -> None:
    """Some characters take two columns, some none; control characters are escaped."""
    for name in ("\u5de5\u7a0b", "e\u0301", "plain", "\x1b\n"):
        client.create(IncomingIntegration(name, channel="#general", username="rocket.cat"))
    lines = run("list").out.splitlines()[1:]
    cells = {line[line.index("incoming") : line.index("#general")] for line in lines}
    assert cells == {f"incoming  {name}  " for name in ("\u5de5\u7a0b  ", "e\u0301     ", "plain ", "\\x1b\\n")}


def test_json_has_all_fields(hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run) -> None:
    """Under their names in the library; the token is masked."""
    objects = {it["id"]: it for it in run("list", "--json").json}
    for record in (hook, bot):
        assert set(objects[record.id]) == {"type", *(field.name for field in attrs.fields(type(record)))}
    it = objects[bot.id]
    assert (it["type"], it["event"], it["channel"]) == ("webhook-outgoing", "sendMessage", ["#general", "#random"])
    assert it["created_by"] == {"id": bot.created_by.id, "username": "admin"}
    assert bot.created_at is not None
    assert it["created_at"] == bot.created_at.isoformat()
    assert (it["alias"], it["avatar"], it["enabled"], it["token"]) == ("Bot", None, True, "<hidden>")


def test_secrets_are_printed_on_request_only(
    workspace: Workspace, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """Tokens, and unknown fields, which may be secret."""
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "odd", "newSecret": "canary"})
    secrets = {str(hook.token), str(bot.token), "canary"}
    for command in (["list"], ["show", "ci"], ["show", "bot"], ["show", "odd"]):
        for options in ([], ["--json"]):
            result = run(*command, *options)
            assert result.status == 0
            assert not any(secret in result.out + result.err for secret in secrets)
    assert all(secret in run("list", "--json", "--show-secrets").out for secret in secrets)
    assert str(hook.token) in run("show", "ci", "--show-secrets").out


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_token_in_another_field_is_masked(workspace: Workspace, run: Run, options: list[str]) -> None:
    """A percent-encoded token is masked, too; the name stays whole, because users search for it."""
    fields = ("--event", "sendMessage", "--channel", "#general", "--username", "rocket.cat", "--token", "to ken-bot")
    urls = ("--url", "https://b.example/h?t=to%20ken-bot", "--alias", "to ken-bot's")
    created = run("create", "outgoing", "--name", "to ken-bot", *fields, *urls, *options)
    updated = run("update", "to ken-bot", "--emoji", ":robot:", *options)
    for result in (created, updated, run("show", "to ken-bot", *options)):
        assert "https://b.example/h?t=<hidden>" in result.out
        assert "<hidden>'s" in result.out
        assert re.search(r"\bname\W+to ken-bot\b", result.out)
    for command in (["show", "to ken-bot"], ["update", "to ken-bot", "--emoji", ":cat:"]):
        assert "https://b.example/h?t=to%20ken-bot" in run(*command, "--show-secrets", *options).out


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--type", "incoming"], {"ci"}),
        (["--name", "bot"], {"bot"}),
        (["--name-contains", "O"], {"bot"}),
        (["--channel", "random"], {"bot"}),
        (["--channel", "#general"], {"bot", "ci"}),
        (["--channel", "@alice"], set[str]()),
        (["--channel", "all_public_channels"], set[str]()),
    ],
)
def test_a_list_is_filtered(hook: object, bot: object, run: Run, options: list[str], names: set[str]) -> None:
    """By type, name, part of a name, or room, with or without its sign."""
    assert {it["name"] for it in run("list", "--json", *options).json} == names


def test_an_unreadable_record_is_reported_and_the_list_goes_on(workspace: Workspace, hook: object, run: Run) -> None:
    """The exit status says that the list is not complete."""
    workspace.server.insert({"_id": "0dd", "type": "webhook-incoming", "name": ["odd"]})
    result = run("list", "--json")
    assert result.status == 1
    assert [it["name"] for it in result.json] == ["ci"]
    assert result.err.startswith("warning: ")
    assert "0dd" in result.err


# show


def test_an_integration_is_shown_by_id_and_by_name(bot: OutgoingIntegrationRecord, run: Run) -> None:
    """The table has the fields that are set; JSON has all."""
    by_id, by_name = run("show", bot.id), run("show", "bot")
    assert by_id == by_name
    shown = dict(line.split(maxsplit=1) for line in by_id.out.splitlines())
    assert (shown["id"], shown["type"], shown["trigger_words"]) == (bot.id, "outgoing", "!a, !b")
    assert (shown["enabled"], shown["run_on_edits"], shown["created_by"]) == ("yes", "no", "admin")
    assert bot.created_at is not None
    assert shown["created_at"] == bot.created_at.isoformat(" ", "seconds")
    assert not {"avatar", "emoji", "script"} & set(shown)
    assert run("show", "bot", "--json").json["id"] == bot.id


def test_a_script_is_a_number_of_lines_in_the_table(client: Client, run: Run) -> None:
    """JSON has it in full; an error of the compiler is shown in both."""
    script = "class Script {\n\n"
    client.create(
        IncomingIntegration("ci", channel="#general", username="rocket.cat", script=script, script_enabled=True)
    )
    shown = dict(line.split(maxsplit=1) for line in run("show", "ci").out.splitlines())
    assert shown["script"] == "2 lines"
    assert shown["script_error"].startswith("SyntaxError: ")
    assert run("show", "ci", "--json").json["script"] == script


def test_the_webhook_url_is_printed_alone(workspace: Workspace, hook: IncomingIntegrationRecord, run: Run) -> None:
    """So that a program can take it; --json prints an object."""
    url = f"{workspace.server.url}/hooks/{hook.id}/{hook.token}"
    assert run("show", "ci", "--url").out == f"{url}\n"
    assert run("show", "ci", "--url", "--json").json == {"url": url}
    workspace.server.insert({"_id": "odd", "type": "webhook-outgoing", "name": "odd"})
    assert "no token" in run("show", "odd", "--url").error


# Looking up an integration


@pytest.mark.parametrize("wanted", ["nobody", " ", ""])
def test_an_unknown_integration_is_one_line(workspace: Workspace, run: Run, wanted: str) -> None:
    """A blank name finds nothing."""
    assert run("show", wanted).error == f"there is no integration with the id or the name {wanted!r}"
    assert "there is no outgoing integration" in run("show", wanted, "--type", "outgoing").error


def test_a_name_that_two_have_is_ambiguous(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """The message names the ids; --type selects one, also of ids."""
    client.update(bot.id, attrs.evolve(bot, name="ci"))
    error = run("remove", "ci", "--yes").error
    assert f"{hook.id} (incoming)" in error
    assert f"{bot.id} (outgoing)" in error
    assert run("show", "ci", "--type", "outgoing", "--json").json["id"] == bot.id
    assert "there is no incoming integration" in run("show", bot.id, "--type", "incoming").error
    assert workspace.names() == ["ci", "ci"]


@pytest.mark.parametrize("id", ["odd", "aaaaaaaaaaaaaaaaa", "659ea5b72dd9f928ada3e43e"])
@pytest.mark.parametrize("name", ["grafanadashboards", "659ea5b72dd9f928ada3e43f"])
def test_ids_and_names_of_any_form_are_found(workspace: Workspace, run: Run, id: str, name: str) -> None:
    """Ids that do not look like one, and names that do."""
    workspace.server.insert({"_id": id, "type": "webhook-incoming", "name": name})
    assert run("show", id, "--json").json["name"] == name
    assert run("show", name, "--json").json["id"] == id


def test_the_server_refuses_nothing_when_a_name_is_given(workspace: Workspace, hook: object, run: Run) -> None:
    run("show", "ci")
    assert [(each.endpoint, each.note) for each in workspace.server.requests[-1:]] == [("integrations.list", "")]


def test_an_id_comes_before_a_name(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, bot: OutgoingIntegrationRecord, run: Run
) -> None:
    """A name cannot hide the integration whose id it is, nor can an unreadable record."""
    client.update(bot.id, attrs.evolve(bot, name=hook.id))
    workspace.server.insert({"_id": "odd", "type": "webhook-incoming", "name": "ci", "channel": "ci"})
    assert run("show", hook.id, "--json").json["name"] == "ci"
    assert run("show", "ci", "--json").json["id"] == hook.id


@pytest.mark.filterwarnings("default")
def test_plain_http_to_another_host_is_one_line_on_stderr(
    workspace: Workspace, hook: object, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Python's format: no file, no line of source. The command goes on."""
    url = workspace.server.url.replace("127.0.0.1", "0.0.0.0")
    monkeypatch.setenv("ROCKETCHAT_URL", url)
    for _ in range(2):
        result = run("list")
        assert (result.status, len(result.out.splitlines())) == (0, 2)
        (line,) = result.err.splitlines()
        assert line.startswith("warning: http://0.0.0.0 is not encrypted: ")
