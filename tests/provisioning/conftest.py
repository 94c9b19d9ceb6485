"""Fixtures: servers of both dialects, clients for them, and a workspace in memory."""

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


@pytest.fixture(params=["8.8", "6.14"])
def server(request: pytest.FixtureRequest) -> Iterator[LocalRocketChat]:
    with LocalRocketChat(version=request.param) as server:
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
