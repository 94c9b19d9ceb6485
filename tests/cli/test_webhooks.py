"""Posting through webhooks: `post` and `check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord, OutgoingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Say, Workspace

only_8 = pytest.mark.parametrize("server", ["8.8"], indirect=True)


def forget_the_login(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in workspace.environment:
        monkeypatch.delenv(name)


# post


def test_a_text_is_posted(workspace: Workspace, hook: object, say: Say) -> None:
    """To an integration by its name; what it says of it goes to standard error."""
    said = say("post", "--to", "ci", "build *passed*")
    assert (said.status, said.out, said.err) == (0, "", "posted\n")
    (message,) = workspace.server.messages
    assert (message.room, message.text) == ("general", "build *passed*")


@only_8
def test_standard_input_is_posted(workspace: Workspace, hook: object, say: Say) -> None:
    """The output of a program can be piped into a room, whatever the locale."""
    said = say("post", "--to", "ci", "--json", stdin="\u2615 ready\nnext\n".encode())
    assert said.json == {"success": True}
    assert workspace.server.messages[0].text == "\u2615 ready\nnext"


@only_8
def test_an_address_will_do_without_a_login(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the environment, where nobody sees it; on the command line it draws a warning."""
    forget_the_login(workspace, monkeypatch)
    url = client.webhook(hook).url
    said = say("post", "--webhook", url, "first")
    assert said.status == 0
    assert "warning: --webhook: others on this machine can see it" in said.err
    assert url not in said.out + said.err
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", url)
    assert say("post", "second").err == "posted\n"
    assert [message.text for message in workspace.server.messages] == ["first", "second"]


@only_8
def test_a_named_integration_beats_the_address_in_the_environment(
    workspace: Workspace, hook: object, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever writes `--to` means it."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", "https://chat.example.com/hooks/a/b")
    assert say("post", "--to", "ci", "hello").status == 0
    assert len(workspace.server.messages) == 1


@only_8
def test_a_message_can_be_given_as_json(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, say: Say, tmp_path: Path
) -> None:
    """All that a `Message` has, by the names of its fields: from a file, or from standard input."""
    client.update(hook.id, attrs.evolve(hook, override_destination_channel_enabled=True))
    cell = {"title": "host", "value": "a1", "short": True}
    message = {"text": "hi", "channel": "#random", "attachments": [{"title": "log", "color": "red", "fields": [cell]}]}
    path = tmp_path / "message.json"
    path.write_text(json.dumps(message))
    assert say("post", "--to", "ci", "--json-file", str(path)).status == 0
    assert say("post", "--to", "ci", "--json-file", "-", stdin=b'{"text": "plain"}').status == 0
    first, second = workspace.server.messages
    assert (first.room, first.text, first.attachments) == ("random", "hi", tuple(message["attachments"]))
    assert (second.room, second.text) == ("general", "plain")


@only_8
def test_channels_that_did_not_get_a_message_are_told(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, say: Say
) -> None:
    """Each by its name, with the exit status of a failure; programs get the server's whole answer."""
    client.update(hook.id, attrs.evolve(hook, override_destination_channel_enabled=True))
    message = {"text": "hi", "channel": ["#general", "#no\npe"], "separate_response": True}
    said = say("post", "--to", "ci", "--json-file", "-", "--json", stdin=json.dumps(message).encode())
    assert said.status == 1
    assert said.err == "error: not posted to #no\\npe: invalid-channel\n"
    posted, failed = said.json["responses"]
    assert posted["message"]["msg"] == "hi"
    assert failed == {"channel": "#no\npe", "error": "invalid-channel"}


@only_8
@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (("hi", "--json-file", "-"), b"{}", "give either TEXT or --json-file"),
        ((), b" \n", "a text that is not blank"),
        ((), b"\xff", "standard input is not UTF-8"),
        (("--json-file", "nowhere.json"), b"", "No such file"),
        (("--json-file", "-"), b"{", "-: Expecting"),
        (("--json-file", "-"), b"[" * 100_000, "-: "),
        (("--json-file", "-"), b"[]", "Message: must be a JSON object"),
        (("--json-file", "-"), b'{"txt": "hi"}', "'txt' is not known; allowed are text, channel"),
        (("--json-file", "-"), b'{"text": 5}', "text: must be text or None"),
        (("--json-file", "-"), b'{"attachments": {}}', "attachments: must be an array"),
        (("--json-file", "-"), b'{"attachments": ["x"]}', "Attachment: must be a JSON object"),
        (("--json-file", "-"), b'{"attachments": [{"fields": [{"a": 1}]}]}', "'a' is not known"),
        (("--json-file", "-"), b'{"attachments": [{"fields": [{"title": "t"}]}]}', "'value'"),
        (("--json-file", "-"), b'{"text": "hi", "channel": "#nowhere"}', "overriding destination channel is disabled"),
    ],
)
def test_what_is_no_message_is_not_posted(
    workspace: Workspace, hook: object, say: Say, arguments: tuple[str, ...], stdin: bytes, complaint: str
) -> None:
    """It is told in one line, and nobody reads half of it."""
    assert complaint in say("post", "--to", "ci", *arguments, stdin=stdin).error
    assert workspace.server.messages == ()


@only_8
def test_nobody_waits_for_a_message_that_nobody_types(workspace: Workspace, hook: object, say: Say) -> None:
    """On a terminal, without a text, one is told what to do."""
    assert "what is to be posted?" in say("post", "--to", "ci", answers="").error


def test_without_an_address_one_is_told_how_to_give_it(say: Say) -> None:
    """By name, or by the variable."""
    for command in (["post", "hello"], ["check"]):
        assert "set ROCKETCHAT_WEBHOOK_URL" in say(*command).error


@only_8
def test_a_failing_post_does_not_show_the_address(workspace: Workspace, say: Say, monkeypatch: Any) -> None:
    """Whoever reads the log of a CI job cannot post."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", f"{workspace.server.url}/hooks/abc/canary-token")
    said = say("post", "hello", "--debug")
    assert said.status == 1
    assert "canary" not in said.err


# check


def test_an_address_can_be_checked(
    workspace: Workspace,
    hook: IncomingIntegrationRecord,
    bot: OutgoingIntegrationRecord,
    say: Say,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Right or wrong, by status and by word; nothing is posted."""
    right = f"{workspace.server.url}/hooks/{hook.id}/{hook.token}"
    assert say("check", "ci").err == "the address is right\n"
    assert say("check", "bot", "--json").json == {"right": True}
    forget_the_login(workspace, monkeypatch)
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", right)
    assert say("check").status == 0
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", f"{right}x")
    assert "the address is wrong" in say("check").error
    said = say("check", "--json")
    assert (said.status, said.json) == (1, {"right": False})
    assert workspace.server.messages == ()


@only_8
@pytest.mark.parametrize("command", [["check"], ["post", "hello", "--to"]])
def test_an_address_can_be_pasted(
    workspace: Workspace,
    hook: IncomingIntegrationRecord,
    say: Say,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
) -> None:
    """Where a name could stand; it draws a warning, goes to the webhook and nowhere else, and is not repeated."""
    url = f"{workspace.server.url}/hooks/{hook.id}/{hook.token}"
    forget_the_login(workspace, monkeypatch)
    said = say(*command, url)
    assert said.status == 0
    assert "warning: the address: others on this machine can see it" in said.err
    assert str(hook.token) not in said.out + said.err
    monkeypatch.setattr("time.sleep", Mock())
    before = len(workspace.server.requests)
    for wrong in (f"{url}x", url.removeprefix("http://"), f"http://127.0.0.1:1/hooks/{hook.id}/{hook.token}"):
        said = say(*command, wrong)
        assert said.status == 1
        assert str(hook.token) not in said.out + said.err
    assert {request.endpoint for request in workspace.server.requests[before:]} <= {"hooks", "hooks.info"}


@only_8
@pytest.mark.parametrize(
    "command",
    [
        *(["show"], ["update", "--alias", "CI"], ["remove", "--yes"], ["history"], ["replay"], ["replay", "bot"]),
        *(["list", "--name"], ["check", "ci"], ["list"], []),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("form", ["http://127.0.0.1:1/hooks/abc/canary", "chat.example/hooks/abc/canary"])
def test_an_address_is_nobodys_name(workspace: Workspace, say: Say, command: list[str], form: str) -> None:
    """Where only names can stand, nothing is asked of the server, and the address is not repeated: it is a secret."""
    assert "canary" not in say(*command, form).error
    assert workspace.server.requests == ()


@only_8
def test_what_cannot_be_checked_is_a_failure(workspace: Workspace, say: Say, monkeypatch: pytest.MonkeyPatch) -> None:
    """A base URL that was pasted instead is told as that, and no address is called wrong that was not asked about."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", workspace.server.url)
    assert "must be the URL of a webhook" in say("check").error
