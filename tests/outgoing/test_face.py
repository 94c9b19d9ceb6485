"""The promised names, their place in the reference, and what a bot that only receives loads."""

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
from rocketchat_integrations.outgoing import AsgiApp, Payload, Reply, WebhookApp, parse

NAMES = [
    "Answer",
    "AsgiApp",
    "Bot",
    "FileUploaded",
    "MessageSent",
    "Payload",
    "PayloadFile",
    "PayloadMessage",
    "PayloadRoom",
    "PayloadUser",
    "Reply",
    "RoomArchived",
    "RoomCreated",
    "RoomJoined",
    "RoomLeft",
    "UserCreated",
    "WebhookApp",
    "parse",
]
REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference" / "outgoing.rst"


def test_the_names_are_promised() -> None:
    """A name that comes or goes is a decision, and is written down here."""
    assert outgoing.__all__ == NAMES
    assert all(hasattr(outgoing, name) for name in NAMES)


def test_every_name_has_its_place_in_the_reference() -> None:
    shown = re.findall(r"^\.\. auto(?:class|data|function):: (\w+)$", REFERENCE.read_text(encoding="utf-8"), re.M)
    assert sorted(shown) == NAMES


def test_each_event_has_a_class() -> None:
    assert sorted(kind.event for kind in get_args(Payload)) == sorted(EventType)


@pytest.mark.parametrize(
    "kind", [*get_args(Payload), *(getattr(outgoing, name) for name in NAMES if "Payload" in name)]
)
def test_every_field_says_what_it_is(kind: Any) -> None:
    if kind is not Payload:
        source = "".join(inspect.getsource(each) for each in kind.__mro__ if attrs.has(each))
        for field in attrs.fields(kind):
            assert re.search(rf'^    {field.name}: .*\n    """', source, re.M), field.name


CALLABLES: list[Any] = [
    parse,
    WebhookApp,
    WebhookApp.on,
    WebhookApp.handle,
    WebhookApp.handle_async,
    WebhookApp.__call__,
]


@pytest.mark.parametrize("function", CALLABLES, ids=lambda each: each.__qualname__)
def test_every_function_says_what_it_does(function: Any) -> None:
    """A docstring that names each argument."""
    text = inspect.getdoc(function) or ""
    assert text.split("\n")[0].endswith(".")
    assert {name for name in inspect.signature(function).parameters if f"{name}:" not in text} <= {"self"}


def test_the_signatures_are_promised() -> None:
    """The names of arguments are part of the face."""
    arguments = {each.__name__: list(inspect.signature(each).parameters) for each in (*CALLABLES, Reply)}
    assert arguments == {
        "parse": ["body", "token", "event", "content_type", "max_size"],
        "WebhookApp": ["token", "max_size", "deduplicate"],
        "on": ["self", "event", "token", "bots"],
        "handle": ["self", "body", "content_type"],
        "handle_async": ["self", "body", "content_type"],
        "__call__": ["self", "environ", "start_response"],
        "Reply": ["text", "attachments", "channel"],
    }
    assert str(inspect.signature(WebhookApp)).startswith("(*, token: 'str | None' = <missing>, ")
    assert inspect.iscoroutinefunction(AsgiApp.__call__)


def test_the_docs_say_what_a_token_proves_and_how_long_rocket_chat_waits() -> None:
    for each in (parse, WebhookApp):
        text = " ".join((inspect.getdoc(each) or "").split())
        for promise in ("no more", "sent in the clear", "the same for all URLs", "can post", "20 seconds"):
            assert promise in text
    assert "new timestamp" in " ".join((inspect.getdoc(WebhookApp) or "").split())


@pytest.mark.parametrize(
    ("method", "effects"),
    [
        (Reply.nothing, ["200 with ``{}``", "Nothing is posted", "has succeeded"]),
        (Reply.retry_later, ["503", "Nothing is posted", "retry_failed_calls", "stays enabled"]),
        (Reply.disable, ["410", "Nothing is posted", "disables the integration", "all of its URLs"]),
    ],
)
def test_the_docs_say_what_a_reply_does_to_the_integration(method: object, effects: list[str]) -> None:
    text = " ".join((inspect.getdoc(method) or "").split())
    assert [effect for effect in effects if effect not in text] == []


def test_a_bot_that_only_receives_never_loads_requests() -> None:
    """Not even while it answers."""
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
    unwanted = {
        "requests",
        "urllib3",
        "http.client",
        "rocketchat_integrations._transports.requests",
        "werkzeug",
        "wsgiref",
    }
    assert loaded & unwanted == set()
