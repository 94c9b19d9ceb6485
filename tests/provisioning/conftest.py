"""Fixtures: a server, clients for it, and a workspace in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from rocketchat_integrations import Client, RetryPolicy
from rocketchat_integrations.testing import LocalRocketChat
from tests.provisioning.samples import Memory


class Connect(Protocol):
    """Make a client that retries without waiting and is closed at the end of the test."""

    def __call__(self, server: LocalRocketChat, username: str = "admin", **options: Any) -> Client: ...


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    """A server of 9.0, or of the version that the test is parametrized with."""
    with LocalRocketChat(version=getattr(request, "param", "9.0")) as server:
        yield server


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as stack:

        def connect(server: LocalRocketChat, username: str = "admin", **options: Any) -> Client:
            own: dict[str, Any] = {"retry": RetryPolicy(backoff=0), **options}
            return stack.enter_context(Client(server.url, server.auth(username), **own))

        yield connect


@pytest.fixture
def client(server: LocalRocketChat, connect: Connect) -> Client:
    """The administrator's client."""
    return connect(server)


@pytest.fixture
def memory() -> Memory:
    return Memory()
