"""Benchmark the asynchronous client: one call after another, many at a time, and a long list."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from typing import Any

import aiohttp
import requests

from rocketchat_integrations import Client
from rocketchat_integrations.aio import AsyncClient

from . import samples
from .measuring import Action, Row, fewer, ratio, seconds
from .server import serving

_CALLS = 10
_GETS = 1_000
_AT_A_TIME = 50
_LATENCY = 0.02
_LONG = 10_000


class _Loop:
    """Runs coroutines in one event loop, as actions."""

    def __init__(self, runner: asyncio.Runner) -> None:
        self._runner = runner

    def action(self, function: Callable[[], Coroutine[Any, Any, object]]) -> Action:
        return lambda: self._runner.run(function())


@contextmanager
def _connected(url: str) -> Generator[tuple[_Loop, AsyncClient], None, None]:
    with asyncio.Runner() as runner:
        client = AsyncClient(url, samples.AUTH)
        try:
            yield _Loop(runner), client
        finally:
            runner.run(client.close())


def _creating(client: AsyncClient) -> Callable[[], Coroutine[Any, Any, object]]:
    definition = samples.definition()

    async def create() -> None:
        for _ in range(_CALLS):
            await client.create(definition)

    return create


def _against_requests(rounds: int) -> float:
    body, headers = samples.body(), samples.HEADERS
    with serving() as server, _connected(server.url) as (loop, client), requests.Session() as session:

        def by_hand() -> None:
            for _ in range(_CALLS):
                session.post(f"{server.url}/api/v1/integrations.create", json=body, headers=headers, timeout=30).json()

        return ratio(loop.action(_creating(client)), by_hand, rounds)


def _against_aiohttp(rounds: int) -> float:
    body, headers = samples.body(), samples.HEADERS
    with serving() as server, _connected(server.url) as (loop, client):
        sessions: list[aiohttp.ClientSession] = []

        async def by_hand() -> None:
            if not sessions:
                sessions.append(aiohttp.ClientSession())
            url = f"{server.url}/api/v1/integrations.create"
            for _ in range(_CALLS):
                async with sessions[0].post(url, json=body, headers=headers) as response:
                    await response.json()

        async def close() -> None:
            await sessions[0].close()

        try:
            return ratio(loop.action(_creating(client)), loop.action(by_hand), rounds)
        finally:
            loop.action(close)()


def _at_a_time(rounds: int) -> float:
    """Return the time of many gets, as a share of the time that their latency takes."""
    ideal = _GETS / _AT_A_TIME * _LATENCY
    with serving(latency=_LATENCY) as server, _connected(server.url) as (loop, client):

        async def get(numbers: Any) -> None:
            for _ in numbers:
                await client.get(samples.record(0)["_id"])

        async def all_of_them() -> None:
            numbers = iter(range(_GETS))  # shared by the tasks
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_A_TIME):
                    group.create_task(get(numbers))

        action = loop.action(all_of_them)
        action()
        taken = sorted(seconds(action) for _ in range(fewer(rounds, 20)))
        return taken[len(taken) // 2] / ideal


def _list(rounds: int) -> float:
    with (
        serving(records=_LONG) as server,
        _connected(server.url) as (loop, client),
        Client(server.url, samples.AUTH) as synchronous,
    ):

        async def iterate() -> int:
            return len([None async for _ in client.list()])

        return ratio(loop.action(iterate), lambda: sum(1 for _ in synchronous.list()), fewer(rounds, 4))


ROWS = (
    Row("async-create-requests", "await client.create", "session.post of requests", 0.45, "", _against_requests),
    Row("async-create-aiohttp", "await client.create", "session.post of aiohttp", 1.7, "", _against_aiohttp),
    Row(
        "async-gets",
        f"{_GETS:,} gets, {_AT_A_TIME} at a time, 20 ms each",
        "the latency alone",
        1.3,
        "",
        _at_a_time,
    ),
    Row("async-list", f"iterating {_LONG:,} records with async for", "iterating them with for", 1.0, "", _list),
)
