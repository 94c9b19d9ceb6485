"""The transports in `examples`: a client works over them, and fails as it does over its own."""

from __future__ import annotations

import asyncio
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from rocketchat_integrations import (
    ConfigurationError,
    IncomingIntegration,
    NotFoundError,
    PasswordAuth,
    RetryPolicy,
    TokenAuth,
    TransportError,
)
from rocketchat_integrations.aio import AsyncClient
from rocketchat_integrations.testing import LocalRocketChat

PATH = Path(__file__).parents[2] / "examples" / "transports" / "httpx2_transport.py"
HOOK = IncomingIntegration("ci", channel="#general", username="rocket.cat")


@pytest.fixture
def transport() -> Any:
    return runpy.run_path(str(PATH))["Httpx2Transport"](connect=5.0, read=0.2)


@pytest.mark.parametrize("run", [asyncio.run, trio.run], ids=["asyncio", "trio"])
def test_a_client_works_over_httpx2(transport: Any, run: Callable[..., object]) -> None:
    """Calls, lists, posts, errors of the server, and retries; also in trio."""

    async def main(server: LocalRocketChat) -> None:
        policy = RetryPolicy(backoff=0)
        auth = PasswordAuth("admin", server.password("admin"))
        async with AsyncClient(server.url, auth, transport=transport, retry=policy) as client:
            hook = await client.create(HOOK)
            server.fail_next("integrations.get", "reset-before")
            server.fail_next("integrations.get", "hang")
            assert (await client.update(hook.id, attrs.evolve(hook, alias="Bot"))).alias == "Bot"
            await client.webhook(hook).post("hello")
            assert [record.name async for record in client.list()] == ["ci"]
            await client.remove(hook)
            with pytest.raises(NotFoundError):
                await client.get(hook.id)

    with LocalRocketChat() as server:
        run(main, server) if run is trio.run else asyncio.run(main(server))
        assert [message.text for message in server.messages] == ["hello"]


@pytest.mark.parametrize(
    ("fault", "kind", "may_have_acted"),
    [("reset-after", "reset", True), ("hang", "timeout", True), ("stopped", "unreachable", False)],
)
def test_failures_of_httpx2_are_translated(transport: Any, fault: str, kind: str, may_have_acted: bool) -> None:
    """The error says whether the server may have acted, and refers to nothing of httpx2."""

    async def main(server: LocalRocketChat) -> TransportError:
        client = AsyncClient(server.url, server.auth("admin"), transport=transport, retry=RetryPolicy.never())
        if fault == "stopped":
            server.stop()
        else:
            server.fail_next("integrations.create", fault)
        with pytest.raises(TransportError) as caught:
            await client.create(HOOK)
        await client.close()
        return caught.value

    with LocalRocketChat() as server:
        error = asyncio.run(main(server))
    assert (error.kind, error.may_have_acted) == (kind, may_have_acted)
    assert (error.__cause__, error.__context__) == (None, None)


def test_trio_needs_another_transport_than_the_default() -> None:
    """aiohttp runs in asyncio only. The error says so before anything is sent."""
    client = AsyncClient("https://chat.example.com", TokenAuth("u", "t"))
    with pytest.raises(ConfigurationError, match="^transport: trio"):
        trio.run(client.server_version)
