"""Share a webhook that posts into a list, handlers for it, and a real webhook for real processes."""

from __future__ import annotations

import itertools
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingWebhook
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations.logs import RocketChatHandler
from rocketchat_integrations.testing import LocalRocketChat

URL = "https://chat.example.com/hooks/ID/SECRET"
THREAD = "rocketchat_integrations.logs"
TIMEOUT = 60.0
_numbers = itertools.count()


def without_fence(text: str) -> str:
    assert text.endswith("\n```")
    return text.replace("```\n", "", 1).removesuffix("\n```")


class Room:
    """A transport that keeps what is posted, and that can be closed for a while or refuse posts."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.refusals: list[Exception] = []
        self.reached = threading.Event()
        self.open = threading.Event()
        self.open.set()

    def send(self, request: Request) -> Response:
        self.reached.set()
        assert self.open.wait(TIMEOUT)
        if self.refusals:
            raise self.refusals.pop(0)
        self.messages.append(json.loads(request.body or b""))
        return Response(200, {"content-type": "application/json"}, b'{"success": true}')

    def close(self) -> None: ...

    @property
    def posts(self) -> list[str]:
        """The texts, without the code blocks."""
        return [without_fence(message["text"]) for message in self.messages]


class MakeHandler(Protocol):
    """Makes a handler that logs only messages, and a logger for it. The handler is closed after the test."""

    def __call__(self, webhook: Any = None, **options: Any) -> tuple[RocketChatHandler, logging.Logger]: ...


@pytest.fixture
def room() -> Iterator[Room]:
    room = Room()
    yield room
    room.open.set()
    for thread in threading.enumerate():
        if thread.name == THREAD:
            thread.join(TIMEOUT)


@pytest.fixture
def webhook(room: Room) -> IncomingWebhook:
    """A webhook that posts into the room."""
    return IncomingWebhook(URL, transport=room)


@pytest.fixture
def make(webhook: IncomingWebhook) -> Iterator[MakeHandler]:
    made: list[tuple[RocketChatHandler, logging.Logger]] = []

    def make(webhook: Any = webhook, **options: Any) -> tuple[RocketChatHandler, logging.Logger]:
        handler = RocketChatHandler(webhook, **options)
        handler.setFormatter(logging.Formatter())
        logger = logging.getLogger(f"app{next(_numbers)}")
        logger.propagate = False
        logger.setLevel(logging.DEBUG)
        logger.addHandler(handler)
        made.append((handler, logger))
        return handler, logger

    yield make
    for handler, logger in made:
        logger.removeHandler(handler)
        handler.close()


@pytest.fixture
def handler(make: MakeHandler) -> RocketChatHandler:
    return make()[0]


@pytest.fixture
def alone(make: MakeHandler, monkeypatch: pytest.MonkeyPatch) -> tuple[RocketChatHandler, logging.Logger]:
    """Return a handler with a queue for ten records, and a root logger without the handlers of pytest."""
    handler, _ = make(capacity=10)
    root = logging.RootLogger(logging.DEBUG)
    root.addHandler(handler)
    monkeypatch.setattr(logging.getLogger(THREAD), "parent", root)
    return handler, root


class Hook:
    """An incoming webhook of a real server."""

    def __init__(self, server: LocalRocketChat, url: str) -> None:
        self.server = server
        self.url = url

    @property
    def lines(self) -> list[str]:
        return "\n".join(without_fence(message.text) for message in self.server.messages).splitlines()

    def run(self, program: str) -> subprocess.CompletedProcess[str]:
        """Run a program with a logger whose handler posts to the webhook."""
        start = (
            "import logging, os, sys\n"
            "from rocketchat_integrations.logs import RocketChatHandler\n"
            "handler = RocketChatHandler(sys.argv[1])\n"
            "logging.basicConfig(level=logging.DEBUG, handlers=[handler], format='%(message)s')\n"
            "log = logging.getLogger('app')\n"
        )
        command = [sys.executable, "-c", start + program, self.url]
        return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)


@pytest.fixture
def hook() -> Iterator[Hook]:
    with LocalRocketChat() as server, Client(server.url, server.auth("admin")) as client:
        record = client.create(IncomingIntegration(name="logs", channel="#general", username="rocket.cat"))
        yield Hook(server, client.webhook(record).url)
