"""What the tests of the whole loop share: a workspace, and bots that are served for it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol, TypeAlias

import attrs
import pytest

from rocketchat_integrations import Client, EventType, OutgoingIntegration, OutgoingIntegrationRecord
from rocketchat_integrations.outgoing import MessageSent, Reply, WebhookApp
from rocketchat_integrations.testing import LocalBot, LocalRocketChat


@pytest.fixture(params=["8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of each dialect in turn; it tries a failed call again at once."""
    with LocalRocketChat(version=request.param) as server:
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    with Client(server.url, server.auth("admin")) as client:
        yield client


@attrs.frozen
class Deployment:
    """A bot that is being served, and the integration that calls it."""

    record: OutgoingIntegrationRecord
    heard: list[MessageSent]
    """What its handler was called with."""


Handler: TypeAlias = "Callable[[MessageSent], Reply | None]"


class Deploy(Protocol):
    """Serves a bot with this handler, and creates the integration that calls it."""

    def __call__(self, handler: Handler, *, token: str | None = ..., bots: bool = ..., **fields: Any) -> Deployment: ...


@pytest.fixture
def deploy(client: Client) -> Iterator[Deploy]:
    with ExitStack() as stack:

        def deploy(handler: Handler, *, token: str | None = None, bots: bool = False, **fields: Any) -> Deployment:
            known = secrets.token_urlsafe(32)
            app = WebhookApp(token=known)
            heard: list[MessageSent] = []

            @app.on(EventType.SEND_MESSAGE, bots=bots)
            def on_message(message: MessageSent) -> Reply | None:
                heard.append(message)
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
            return Deployment(client.create(definition), heard)

        yield deploy
