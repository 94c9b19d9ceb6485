"""The promised names and arguments, their documentation, and what a bot loads."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from rocketchat_integrations import EventType, outgoing
from rocketchat_integrations.outgoing import (
    Bot,
    Command,
    Payload,
    PayloadFile,
    PayloadMessage,
    PayloadRoom,
    PayloadUser,
)

NAMES = [
    *("Answer", "AsgiApp", "Bot", "Command", "Commands", "FileUploaded", "MessageSent"),
    *("Payload", "PayloadFile", "PayloadMessage", "PayloadRoom", "PayloadUser", "RedisRepeats", "Repeats", "Reply"),
    *("RoomArchived", "RoomCreated", "RoomJoined", "RoomLeft", "UserCreated", "WebhookApp", "parse"),
]
ARGUMENTS = {
    "parse": ["body", "token", "event", "content_type", "max_size"],
    "WebhookApp": ["token", "max_size", "max_age", "deduplicate", "repeats"],
    "RedisRepeats": ["redis", "prefix", "seconds"],
    "WebhookApp.on": ["self", "event", "token", "bots"],
    "WebhookApp.command": ["self", "name", "split"],
    "WebhookApp.matches": ["self", "pattern"],
    "WebhookApp.on_error": ["self", "handler"],
    "WebhookApp.finish": ["self", "timeout"],
    "WebhookApp.finish_async": ["self", "timeout"],
    "Commands.command": ["self", "name", "split"],
    "Commands.matches": ["self", "pattern"],
    "Reply.later": ["work", "webhook", "now"],
    "MessageSent.reply": ["self", "text", "fields"],
    "MessageSent.reply_in_thread": ["self", "text", "fields"],
    "WebhookApp.handle": ["self", "body", "content_type"],
    "WebhookApp.handle_async": ["self", "body", "content_type"],
    "WebhookApp.__call__": ["self", "environ", "start_response"],
}
REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference" / "outgoing.rst"


def test_the_names_are_promised_and_in_the_reference() -> None:
    """A name that is added or removed is a decision, and is written down here."""
    assert outgoing.__all__ == NAMES
    shown = re.findall(r"^\.\. auto(?:class|data|function):: (\w+)$", REFERENCE.read_text(encoding="utf-8"), re.M)
    assert sorted(shown) == NAMES


def test_each_event_has_a_class() -> None:
    assert sorted(kind.event for kind in get_args(Payload)) == sorted(EventType)


@pytest.mark.parametrize(
    "kind", [*get_args(Payload), Bot, PayloadFile, PayloadMessage, PayloadRoom, PayloadUser, Command]
)
def test_every_field_is_documented(kind: Any) -> None:
    source = "".join(inspect.getsource(each) for each in kind.__mro__ if attrs.has(each))
    for field in attrs.fields(kind):
        assert re.search(rf'^    {field.name}: .*\n    """', source, re.M), field.name


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_arguments_are_promised_and_documented(name: str) -> None:
    function: Any = outgoing
    for part in name.split("."):
        function = getattr(function, part)
    assert list(inspect.signature(function).parameters) == ARGUMENTS[name]
    text = inspect.getdoc(function) or ""
    assert [argument for argument in ARGUMENTS[name] if f"    {argument}: " not in text] in ([], ["self"])


def test_a_missing_token_is_shown_as_missing() -> None:
    assert str(inspect.signature(outgoing.WebhookApp)).startswith("(*, token: 'str | None' = <missing>, ")


def test_a_bot_never_loads_requests() -> None:
    """A bot parses and answers calls without loading requests."""
    program = (
        "import asyncio, sys\n"
        "from rocketchat_integrations.outgoing import Reply, WebhookApp, parse\n"
        "app = WebhookApp(token='t')\n"
        "app.on('sendMessage')(lambda message: Reply(message.text))\n"
        'body = b\'{"token": "t", "text": "hi"}\'\n'
        "assert parse(body, token='t', event='sendMessage').text == 'hi'\n"
        "assert app.handle(body, 'application/json').status == 200\n"
        "assert asyncio.run(app.handle_async(body, 'application/json')).status == 200\n"
        "sys.stdout.write(' '.join(sys.modules))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(run.stdout.split())
    assert "rocketchat_integrations.outgoing" in loaded
    assert loaded & {"requests", "urllib3", "http.client", "werkzeug", "wsgiref"} == set()
