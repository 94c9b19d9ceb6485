"""The client `rocketchat_API`, logged in to embedded servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib import import_module
from typing import Any, TypeAlias

import pytest
import requests

from rocketchat_integrations import Client
from rocketchat_integrations.testing import LocalRocketChat

LIBRARY: Any = import_module("rocketchat_API.rocketchat")  # it has no types
ERRORS: Any = import_module("rocketchat_API.APIExceptions.RocketExceptions")

DIALECTS = ("9.0", "8.8", "6.14")

INCOMING: dict[str, Any] = {
    "integrations_type": "webhook-incoming",
    "name": "ci",
    "enabled": True,
    "username": "rocket.cat",
    "channel": "#general",
    "script_enabled": False,
}
OUTGOING: dict[str, Any] = {
    **INCOMING,
    "integrations_type": "webhook-outgoing",
    "event": "sendMessage",
    "urls": ["https://bot.example/hook"],
    "token": "the bot's",
}

Connect: TypeAlias = Callable[..., Any]


@pytest.fixture(params=DIALECTS)
def dialect(request: pytest.FixtureRequest) -> str:
    """The version of the server: one of each dialect in turn."""
    version: str = request.param
    return version


@pytest.fixture
def server(dialect: str) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=dialect) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make a client of `rocketchat_API` from its own arguments; its connections are closed after the test."""
    with ExitStack() as stack:

        def connect(**arguments: Any) -> Any:
            session = stack.enter_context(requests.Session())
            return LIBRARY.RocketChat(session=session, **arguments)

        yield connect


@pytest.fixture
def rocket(server: LocalRocketChat, connect: Connect) -> Any:
    """The administrator's client of `rocketchat_API`, logged in with the password."""
    return connect(server_url=server.url, user="admin", password=server.password("admin"))


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    """The administrator's client of this package, to compare."""
    with Client(server.url, server.auth("admin")) as client:
        yield client
