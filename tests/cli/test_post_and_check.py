"""`post` and `check`, and webhook URLs as arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord

if TYPE_CHECKING:
    from tests.cli.conftest import Run, Workspace


@pytest.fixture
def url(workspace: Workspace, hook: IncomingIntegrationRecord, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of a webhook; the credentials are removed from the environment."""
    for name in workspace.environment:
        monkeypatch.delenv(name)
    return f"{workspace.server.url}/hooks/{hook.id}/{hook.token}"


# post


def test_a_text_is_posted(workspace: Workspace, hook: object, run: Run) -> None:
    """To the integration of --to, which overrides the environment."""
    result = run("post", "--to", "ci", "build *passed*")
    assert (result.status, result.out, result.err) == (0, "", "posted\n")
    (message,) = workspace.server.messages
    assert (message.room, message.text) == ("general", "build *passed*")


def test_standard_input_is_posted(workspace: Workspace, hook: object, run: Run) -> None:
    """It is UTF-8 in every locale; --json prints the answer of the server."""
    result = run("post", "--to", "ci", "--json", stdin="\u2615 ready\nnext\n".encode())
    assert result.json == {"success": True}
    assert workspace.server.messages[0].text == "\u2615 ready\nnext"


def test_a_message_is_posted_as_json(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, run: Run, tmp_path: Path
) -> None:
    """All fields of a Message, from a file or from standard input."""
    client.update(hook.id, attrs.evolve(hook, override_destination_channel_enabled=True))
    cell = {"title": "host", "value": "a1", "short": True}
    message = {"text": "hi", "channel": "#random", "attachments": [{"title": "log", "color": "red", "fields": [cell]}]}
    path = tmp_path / "message.json"
    path.write_text(json.dumps(message))
    assert run("post", "--to", "ci", "--json-file", str(path)).status == 0
    assert run("post", "--to", "ci", "--json-file", "-", stdin=b'{"text": "plain"}').status == 0
    first, second = workspace.server.messages
    assert (first.room, first.text, first.attachments) == ("random", "hi", tuple(message["attachments"]))
    assert (second.room, second.text) == ("general", "plain")


def test_fields_and_buttons_are_posted_as_json(workspace: Workspace, hook: object, run: Run) -> None:
    """Fields may be an object."""
    button = {"text": "Deploy", "msg": "!deploy"}
    attachment = {"fields": {"Host": "db1", "Load": 0.93}, "actions": [button], "extra": {"pretext": "p"}}
    content = json.dumps({"attachments": [attachment]})
    assert run("post", "--to", "ci", "--json-file", "-", stdin=content.encode()).status == 0
    (posted,) = workspace.server.messages[0].attachments
    assert [field["value"] for field in posted["fields"]] == ["db1", "0.93"]
    assert posted["actions"] == [{"type": "button", "msg_in_chat_window": True, **button}]
    assert posted["pretext"] == "p"


def test_a_long_text_is_an_error_or_is_split(workspace: Workspace, hook: object, run: Run) -> None:
    """For the output of a program, for example."""
    text = "\n".join(["word"] * 2000)
    for arguments, stdin in (((), text), (("--json-file", "-"), json.dumps({"text": text}))):
        error = run("post", "--to", "ci", *arguments, stdin=stdin.encode()).error
        assert "has 9999 characters" in error
        assert "add --overflow split or --overflow truncate, or set --max-message-size" in error
    assert run("post", "--to", "ci", "--overflow", "split", stdin=text.encode()).status == 0
    assert "\n".join(message.text for message in workspace.server.messages) == text
    options = ("--overflow", "truncate", "--max-message-size", "100")
    assert run("post", "--to", "ci", *options, stdin=text.encode()).status == 0
    assert len(workspace.server.messages[-1].text) <= 100


def test_channels_that_did_not_get_the_message_are_named(
    workspace: Workspace, client: Client, hook: IncomingIntegrationRecord, run: Run
) -> None:
    """With exit status 1; JSON has the whole answer."""
    client.update(hook.id, attrs.evolve(hook, override_destination_channel_enabled=True))
    message = {"text": "hi", "channel": ["#general", "#no\npe"], "separate_response": True}
    result = run("post", "--to", "ci", "--json-file", "-", "--json", stdin=json.dumps(message).encode())
    assert result.status == 1
    assert result.err == "error: not posted to #no\\npe: invalid-channel\n"
    posted, failed = result.json["responses"]
    assert posted["message"]["msg"] == "hi"
    assert failed == {"channel": "#no\npe", "error": "invalid-channel"}


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("hi", "--json-file", "-"), b"{}", "TEXT and --json-file exclude each other"),
        ((), b"\xff", "standard input is not UTF-8"),
        (("--json-file", "nowhere.json"), b"", "nowhere.json: "),
        (("--json-file", "-"), b"{", "-: "),
        (("--json-file", "-"), b"[" * 100_000, "-: "),
        (("--json-file", "-"), b"[]", "Message: must be a JSON object"),
        (("--json-file", "-"), b'{"txt": "hi"}', "unknown field 'txt'; allowed are text, channel"),
        (("--json-file", "-"), b'{"text": 5}', "text: "),
        (("--json-file", "-"), b'{"attachments": {}}', "attachments: must be an array"),
        (("--json-file", "-"), b'{"attachments": [{"fields": [{"a": 1}]}]}', "unknown field 'a'"),
        (("--json-file", "-"), b'{"attachments": [{"actions": [{"text": "a"}]}]}', "either url or msg"),
    ],
)
def test_a_malformed_message_is_one_line_and_is_not_posted(
    workspace: Workspace, hook: object, run: Run, arguments: tuple[str, ...], stdin: bytes, message: str
) -> None:
    """Even the well-formed part of a malformed message is not posted."""
    assert message in run("post", "--to", "ci", *arguments, stdin=stdin).error
    assert workspace.server.messages == ()


def test_post_on_a_terminal_needs_a_text(workspace: Workspace, hook: object, run: Run) -> None:
    """It does not wait for one to be typed."""
    assert "missing message" in run("post", "--to", "ci", answers="").error


# check


def test_check_says_whether_a_url_is_right(workspace: Workspace, hook: object, bot: object, run: Run) -> None:
    """By exit status and message; nothing is posted."""
    assert run("check", "ci").err == "the URL is right\n"
    assert run("check", "bot", "--json").json == {"right": True}
    assert workspace.server.messages == ()


def test_check_says_whether_a_url_is_wrong(url: str, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong one is a failure; a URL of the workspace is not a webhook URL, and nothing is said about it."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", f"{url}x")
    assert "the URL is wrong" in run("check").error
    result = run("check", "--json")
    assert (result.status, result.json) == (1, {"right": False})
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", url.partition("/hooks")[0])
    assert "the URL is wrong" not in run("check").error


# Webhook URLs


def test_a_url_needs_no_login(url: str, workspace: Workspace, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the command line it draws a warning, in the environment it does not."""
    result = run("post", "--webhook", url, "first")
    assert result.err.startswith("warning: --webhook: other users of this machine can see it")
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", url)
    assert run("post", "second").err == "posted\n"
    assert [message.text for message in workspace.server.messages] == ["first", "second"]


def test_a_named_integration_overrides_the_environment(
    workspace: Workspace, hook: object, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL of the environment is not used then."""
    monkeypatch.setenv("ROCKETCHAT_WEBHOOK_URL", "https://chat.example.com/hooks/a/b")
    assert run("post", "--to", "ci", "hello").status == 0
    assert len(workspace.server.messages) == 1


def test_a_missing_webhook_is_one_line(run: Run) -> None:
    """It names the variable to set."""
    for command in (["post", "hello"], ["check"]):
        assert "set ROCKETCHAT_WEBHOOK_URL" in run(*command).error


@pytest.mark.parametrize("command", [["check"], ["post", "hello", "--to"]])
def test_a_url_is_accepted_in_place_of_a_name(url: str, workspace: Workspace, run: Run, command: list[str]) -> None:
    """It draws a warning, is sent to the webhook only, and is not printed, also when it is wrong."""
    token = url.rpartition("/")[2]
    result = run(*command, url)
    assert result.status == 0
    assert result.err.startswith("warning: the URL: other users of this machine can see it")
    requests = len(workspace.server.requests)
    results = [run(*command, wrong, "--debug") for wrong in (f"{url}x", url.removeprefix("http://"))]
    assert [wrong.status for wrong in results] == [1, 1]
    assert not any(token in each.out + each.err for each in (result, *results))
    assert {request.endpoint for request in workspace.server.requests[requests:]} <= {"hooks", "hooks.info"}


@pytest.mark.parametrize(
    "command",
    [["show"], ["update", "--alias", "CI"], ["replay", "bot"], ["list", "--name"], ["check", "ci"], []],
    ids=" ".join,
)
def test_a_url_in_the_wrong_place_is_refused_and_not_printed(
    workspace: Workspace, run: Run, command: list[str]
) -> None:
    """With or without its scheme; nothing is sent to the server."""
    for url in ("http://127.0.0.1:1/hooks/abc/canary", "chat.example/hooks/abc/canary"):
        assert "canary" not in run(*command, url).error
    assert workspace.server.requests == ()
