"""What the tests of the log handler share: a webhook, a logger of one's own, and a gate before the network."""

from __future__ import annotations

import itertools
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Protocol, cast

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegration, IncomingIntegrationRecord, IncomingWebhook
from rocketchat_integrations._protocol.http import Request, Response, Transport
from rocketchat_integrations.logs import RocketChatHandler
from rocketchat_integrations.testing import LocalRocketChat

PATIENCE = 60.0
_numbers = itertools.count()


@attrs.frozen
class Hook:
    """An incoming webhook of a server."""

    server: LocalRocketChat
    client: Client
    record: IncomingIntegrationRecord
    url: str

    @property
    def posts(self) -> list[str]:
        """What was posted, without the code blocks' fences."""
        texts = [message.text for message in self.server.messages]
        assert all("```\n" in text and text.endswith("\n```") for text in texts)
        return [text.replace("```\n", "", 1).removesuffix("\n```") for text in texts]

    def enable(self, enabled: bool) -> None:
        """Let somebody disable or enable the integration."""
        current = cast(IncomingIntegrationRecord, self.client.get(self.record.id))
        self.client.update(current.id, attrs.evolve(current, enabled=enabled))


class Gate:
    """A transport that sends only while it is open, and says when somebody stands before it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.reached = threading.Event()
        self.opened = threading.Event()

    def send(self, request: Request) -> Response:
        self.reached.set()
        assert self.opened.wait(PATIENCE)
        return self._transport.send(request)

    def close(self) -> None:
        self._transport.close()


class MakeHandler(Protocol):
    """Makes a handler whose records are nothing but their messages; it is closed at the end of the test."""

    def __call__(self, webhook: IncomingWebhook | str, **options: Any) -> RocketChatHandler: ...


@pytest.fixture(params=["8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of each dialect in turn."""
    with LocalRocketChat(version=request.param) as server:
        yield server


@pytest.fixture
def hook(server: LocalRocketChat) -> Iterator[Hook]:
    """A webhook to post log records to."""
    with Client(server.url, server.auth("admin")) as client:
        record = client.create(IncomingIntegration(name="logs", channel="#general", username="rocket.cat"))
        yield Hook(server, client, record, client.webhook(record).url)


@pytest.fixture
def make_handler() -> Iterator[MakeHandler]:
    handlers: list[RocketChatHandler] = []

    def make(webhook: IncomingWebhook | str, **options: Any) -> RocketChatHandler:
        handlers.append(RocketChatHandler(webhook, **options))
        handlers[-1].setFormatter(logging.Formatter())
        return handlers[-1]

    yield make
    for handler in handlers:
        handler.close()


@pytest.fixture
def handler(hook: Hook, make_handler: MakeHandler) -> RocketChatHandler:
    """A handler for the webhook's address."""
    return make_handler(hook.url)


@pytest.fixture
def logger_of() -> Iterator[Callable[..., logging.Logger]]:
    """Makes a logger for handlers, with nothing above it."""
    loggers: list[logging.Logger] = []

    def make(*handlers: logging.Handler, name: str = "app") -> logging.Logger:
        logger = logging.getLogger(f"{name}{next(_numbers)}")
        logger.propagate = False
        logger.setLevel(logging.DEBUG)
        for handler in handlers:
            logger.addHandler(handler)
        loggers.append(logger)
        return logger

    yield make
    for logger in loggers:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)


@pytest.fixture
def log(handler: RocketChatHandler, logger_of: Callable[..., logging.Logger]) -> logging.Logger:
    """A logger with the handler."""
    return logger_of(handler)


@pytest.fixture
def gated(hook: Hook) -> Iterator[tuple[IncomingWebhook, Gate]]:
    """A webhook that posts when its gate is opened."""
    webhook = IncomingWebhook(hook.url)
    gate = Gate(webhook._driver._transport)
    webhook._driver._transport = gate
    yield webhook, gate
    gate.opened.set()
    for thread in threading.enumerate():
        if thread.name == "rocketchat_integrations.logs":
            thread.join(PATIENCE)
    webhook.close()


@pytest.fixture
def run(hook: Hook) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Runs a program in a process of its own, with a logger that has a handler for the webhook."""

    def run_program(program: str) -> subprocess.CompletedProcess[str]:
        start = (
            "import logging, os, sys\n"
            "from rocketchat_integrations.logs import RocketChatHandler\n"
            "handler = RocketChatHandler(sys.argv[1])\n"
            "logging.basicConfig(level=logging.DEBUG, handlers=[handler], format='%(message)s')\n"
            "log = logging.getLogger('app')\n"
        )
        return subprocess.run(
            [sys.executable, "-c", start + program, hook.url], capture_output=True, text=True, timeout=PATIENCE
        )

    return run_program
