"""`say`: post as a user of a server that `serve` runs, and see there what happens."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import EventType, OutgoingIntegration
from rocketchat_integrations.cli.activity_view import activity_line
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp
from rocketchat_integrations.testing import AnsweredCall, AnsweredRequest, LocalBot, StoredMessage
from tests.cli.conftest import PROGRAM, TIMEOUT

if TYPE_CHECKING:
    from rocketchat_integrations import Client
    from tests.cli.conftest import Run, Workspace


def test_a_message_from_the_terminal_calls_the_bot(workspace: Workspace, client: Client, run: Run) -> None:
    """`say` posts as a user, and outgoing integrations are called as for any message."""
    app = WebhookApp(token="t")

    @app.on(EventType.SEND_MESSAGE)
    def deploy(message: MessageSent) -> Reply:
        return Reply(f"deploying for {message.user_name}")

    with LocalBot(app) as bot:
        client.create(
            OutgoingIntegration(
                name="deployer",
                event=EventType.SEND_MESSAGE,
                channel="#general",
                username="rocket.cat",
                urls=[bot.url],
                trigger_words=["!deploy"],
                token="t",
            )
        )
        result = run("say", "#general", "!deploy web", "--json")
        workspace.server.wait_until_quiet()
    assert result.err == "posted to general as alice\n"
    assert [message.text for message in workspace.server.messages] == ["!deploy web", "deploying for alice"]
    posted = workspace.server.messages[0].document["_id"]
    assert result.json == {"id": posted, "room": "general", "user": "alice", "text": "!deploy web"}


def test_user_and_thread(workspace: Workspace, run: Run) -> None:
    """--user names the author, --thread the message to answer."""
    run("say", "@bob", "lunch?", "--user", "admin", "--thread", "abc")
    (message,) = workspace.server.messages
    assert (message.room, message.user, message.document["tmid"]) == ("@bob", "admin", "abc")


def test_what_cannot_be_posted_is_refused_with_the_reason(workspace: Workspace, run: Run) -> None:
    """Unknown rooms and users, blank texts, and groups that the user is not in; nothing is posted."""
    assert "no room 'nope'" in run("say", "nope", "x").error
    assert "no user 'zed'" in run("say", "general", "x", "--user", "zed").error
    assert "not in the private group" in run("say", "secret", "x").error
    workspace.server.revoke_tokens("admin")
    assert "You must be logged in" in run("say", "general", "x").error
    assert "TEXT must not be blank" in run("say", "general", " ").error
    assert workspace.server.messages == ()


def test_only_a_server_on_this_machine_is_asked(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials of a real workspace are not sent: the error says to start `serve`."""
    for url in ("https://chat.example.com", "http://chat.example.com"):
        monkeypatch.setenv("ROCKETCHAT_URL", url)
        assert "start `rocketchat-integrations serve`" in run("say", "general", "x").error


def test_a_server_that_does_not_answer(workspace: Workspace, run: Run) -> None:
    """The error names host and port."""
    workspace.server.stop()
    assert "there is no embedded server at 127.0.0.1:" in run("say", "general", "x").error


def test_the_first_program_and_commands_of_the_readme(default_sigint: None) -> None:
    """They work as pasted, in their order. `serve` prints what happens; what `say` posts appears as a message only."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    using = blocks[blocks.index("rocketchat-integrations serve\n") + 1]
    (program, *_) = re.findall(r"^```python\n(.*?)^```$", readme, re.MULTILINE | re.DOTALL)
    process = subprocess.Popen([*PROGRAM, "serve"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    exports = "".join(process.stdout.readline() for _ in range(3))
    variables = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PROGRAM": program}
    pasted = f'{exports}python -c "$PROGRAM"\n{using}'
    subprocess.run(["sh", "-ec", pasted], env=variables, check=True, timeout=TIMEOUT, capture_output=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIMEOUT)
    happened = re.findall(r"^\d\d:\d\d:\d\d  (.*)$", errors, re.MULTILINE)
    assert [re.sub(r"webhook \w+", "webhook ID", line) for line in happened] == [
        "<- POST integrations.create  200",
        "#general  rocket.cat: build passed",
        "<- POST webhook ID  200",
        "<- GET integrations.list  200",
        "<- GET integrations.list  200",
        "#general  rocket.cat: build passed",
        "<- POST webhook ID  200",
        "#general  alice: thanks",
        "<- GET integrations.list  200",
    ]


@pytest.mark.parametrize(
    ("activity", "text", "style"),
    [
        (AnsweredRequest(method="GET", endpoint="", status=404, note="gone"), "<- GET unknown path  404: gone", "red"),
        (
            AnsweredRequest(method="POST", endpoint="hooks", integration_id="abc", status=200),
            "<- POST webhook abc  200",
            "dim",
        ),
        (
            AnsweredRequest(method="GET", endpoint="hooks.info", integration_id="abc", status=200),
            "<- GET check of webhook abc  200",
            "dim",
        ),
        (
            AnsweredCall(integration="bot", event="sendMessage", url="http://x", status=200, answer="x" * 300),
            f"-> bot called for sendMessage  200 {'x' * 200}…",
            "green",
        ),
        (
            AnsweredCall(integration="bot", event="sendMessage", url="http://x", failure="refused"),
            "-> bot called for sendMessage  refused",
            "red",
        ),
        (
            StoredMessage(room="@bob", user="admin", text="", alias="CI", attachments=({"title": "log"}, {})),
            "@bob  CI (admin):  [log] [without title]",
            "bold",
        ),
        (
            StoredMessage(
                room="ops",
                user="bob",
                text="hi",
                attachments=(
                    {"title": "db1", "fields": [{"title": "Load", "value": "0.9"}, {"title": "Up", "value": "no"}]},
                    {"title": "db2", "fields": [1]},
                    {"title": "db3", "fields": 1},
                ),
            ),
            "#ops  bob: hi [db1; Load: 0.9; Up: no] [db2] [db3]",
            "bold",
        ),
        (StoredMessage(room="ops", user="bob", text="yes", tmid="M1"), "#ops (thread)  bob: yes", "bold"),
    ],
)
def test_each_activity_is_one_line(
    activity: AnsweredRequest | AnsweredCall | StoredMessage, text: str, style: str
) -> None:
    """Requests, calls and messages read well, and failures are red."""
    line = activity_line(activity, "12:00:00")
    assert (line.mark, line.text, line.style) == ("12:00:00  ", text, style)
