"""Fixtures: a server, clients for it, and a workspace in memory."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol

import pytest

from rocketchat_integrations import Client, IntegrationRecord, RetryPolicy
from rocketchat_integrations.aio import apply_async, plan_async
from rocketchat_integrations.testing import LocalRocketChat
from tests.provisioning.samples import Memory


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of `apply` with `apply_async` as well."""
    if metafunc.definition.path.stem == "test_apply":
        metafunc.parametrize("twin", ["sync", "async"], indirect=True)


class _Awaited:
    """A client with coroutines. Its calls run in threads, so that a test can have several at a time."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.url: str = client.url

    async def list(self) -> AsyncIterator[IntegrationRecord]:
        for record in self._client.list():
            yield record

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        return functools.partial(asyncio.to_thread, getattr(self._client, name))


@pytest.fixture(autouse=True)
def twin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the test the functions that it calls, under the names of the synchronous ones."""
    if getattr(request, "param", "sync") == "async":
        module: object = request.node.module
        monkeypatch.setattr(module, "apply", _blocking(apply_async))
        monkeypatch.setattr(module, "plan", _blocking(plan_async))


def _blocking(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        given = inspect.signature(function).bind(*arguments, **options).arguments
        return asyncio.run(function(**{**given, "client": _Awaited(given["client"])}))

    return call


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
