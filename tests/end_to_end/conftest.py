"""Fixtures: a server, and bots that it calls."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol, TypeAlias

import attrs
import pytest

from rocketchat_integrations import Client, EventType, Message, OutgoingIntegration, OutgoingIntegrationRecord
from rocketchat_integrations.outgoing import MessageSent, WebhookApp
from rocketchat_integrations.testing import LocalBot, LocalRocketChat


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of 9.0, or of the version that the test is parametrized with. It retries failed calls at once."""
    with LocalRocketChat(version=getattr(request, "param", "9.0")) as server:
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    with Client(server.url, server.auth("admin")) as client:
        yield client


@attrs.frozen
class Deployment:
    """A running bot, and the integration that calls it."""

    app: WebhookApp
    record: OutgoingIntegrationRecord
    received: list[MessageSent]
    """The messages that its handler was called with."""


Handler: TypeAlias = "Callable[[MessageSent], Message | None]"


class Deploy(Protocol):
    """Run a bot with a handler, and create the integration that calls it."""

    def __call__(self, handler: Handler, *, token: str | None = ..., bots: bool = ..., **fields: Any) -> Deployment: ...


@pytest.fixture
def deploy(client: Client) -> Iterator[Deploy]:
    with ExitStack() as stack:

        def deploy(handler: Handler, *, token: str | None = None, bots: bool = False, **fields: Any) -> Deployment:
            known = secrets.token_urlsafe(32)
            app = WebhookApp(token=known)
            received: list[MessageSent] = []

            @app.on(EventType.SEND_MESSAGE, bots=bots)
            def on_message(message: MessageSent) -> Message | None:
                received.append(message)
                return handler(message)

            served = stack.enter_context(LocalBot(app))
            given: dict[str, Any] = {
                "channel": "#general",
                "username": "rocket.cat",
                "trigger_words": ["!deploy"],
                **fields,
            }
            definition = OutgoingIntegration(
                "deployer", event=EventType.SEND_MESSAGE, urls=served.url, token=token or known, **given
            )
            return Deployment(app, client.create(definition), received)

        yield deploy
