"""The asynchronous client in event loops: shared by tasks, cancelled, used in the wrong loop."""

from __future__ import annotations

import asyncio
import gc
import sys
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import (
    AuthenticationError,
    Client,
    ConfigurationError,
    ConnectionOptions,
    IncomingIntegration,
    IncomingIntegrationRecord,
    PasswordAuth,
    Request,
    Response,
    RetryPolicy,
    TokenAuth,
)
from rocketchat_integrations.aio import AsyncClient, AsyncIncomingWebhook, apply_async, plan_async
from rocketchat_integrations.testing import LocalRocketChat
from tests.aio.stopping import cancelled

if TYPE_CHECKING:
    from tests.conftest import Clock

HOOK = IncomingIntegration("ci", channel="#general", username="rocket.cat")


@pytest.fixture
def server() -> Iterator[LocalRocketChat]:
    with LocalRocketChat() as server:
        yield server


def by_password(server: LocalRocketChat) -> AsyncClient:
    return AsyncClient(server.url, PasswordAuth("admin", server.password("admin")))


def counts(server: LocalRocketChat) -> Counter[str]:
    """Return how often each endpoint was called."""
    return Counter(request.endpoint for request in server.requests)


# Tasks


def test_a_thousand_tasks_log_in_once(server: LocalRocketChat) -> None:
    """One login for all of them, and one more when the token is revoked while they work."""

    async def main() -> None:
        async with by_password(server) as client:
            id = (await client.create(HOOK)).id
            finished = 0

            async def get() -> None:
                nonlocal finished
                assert (await client.get(id)).id == id
                finished += 1
                if finished == 500:
                    server.revoke_tokens("admin")

            async with asyncio.TaskGroup() as group:
                for _ in range(1000):
                    group.create_task(get())
        assert finished == 1000

    asyncio.run(main())
    assert (counts(server)["login"], counts(server)["logout"]) == (2, 1)


def test_tasks_with_a_wrong_password_are_refused_together(server: LocalRocketChat) -> None:
    """Tasks that waited for a refused login do not try again: that could lock the account."""

    async def main() -> list[object]:
        async with AsyncClient(server.url, PasswordAuth("admin", "wrong")) as client:
            return await asyncio.gather(*(client.get("x") for _ in range(50)), return_exceptions=True)

    assert {type(error) for error in asyncio.run(main())} == {AuthenticationError}
    assert counts(server) == {"login": 1}


QUOTA = {
    "x-ratelimit-limit": "1",
    "x-ratelimit-reset": "60000",
    "date": "Thu, 01 Jan 1970 00:00:00 GMT",
}
"""A window of one call, which ends in 60 seconds."""


class Quota:
    """A server that allows ten calls a window; the window ends when the client waits."""

    def __init__(self) -> None:
        self.left = 10
        self.refused = 0

    async def send(self, request: Request) -> Response:
        await asyncio.sleep(0)
        self.left -= 1
        headers = {**QUOTA, "x-ratelimit-limit": "10", "x-ratelimit-remaining": str(max(self.left, 0))}
        if self.left >= 0:
            return Response(200, headers, b'{"success": true, "version": "9.0.0"}')
        self.refused += 1
        return Response(429, headers, b'{"success": false, "error": "slow down"}')

    async def close(self) -> None:
        pass


def test_tasks_share_the_rate_limit_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """30 tasks on a server that allows ten calls a minute get their results, and few calls are refused."""
    quota = Quota()
    now = 1000.0

    def monotonic(self: object) -> float:
        return now

    async def sleep(self: object, seconds: float) -> None:
        nonlocal now
        if seconds > 1:
            now += seconds
            quota.left = 10
        await asyncio.sleep(0)

    monkeypatch.setattr("rocketchat_integrations._transports.async_driver.LoopClock.sleep", sleep)
    monkeypatch.setattr("rocketchat_integrations._transports.async_driver.LoopClock.monotonic", monotonic)

    async def main() -> None:
        client = AsyncClient("https://chat.example.com", TokenAuth("u", "t"), transport=quota)
        await asyncio.gather(*(client.server_version() for _ in range(30)))

    asyncio.run(main())
    assert quota.refused <= 20  # the tasks that began before the first answer


@pytest.mark.parametrize(("pool_size", "most"), [(10, 100), (101, 101)])
def test_the_number_of_connections_is_limited(pool_size: int, most: int) -> None:
    """There are at most 100, or `pool_size` if it is larger; further calls wait for one of them."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n{"success": true, "version": "9.0.0"}'

    async def main() -> int:
        connections = 0
        all_open = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal connections
            connections += 1
            if connections == most:
                all_open.set()
            while await reader.readline():
                await reader.readuntil(b"\r\n\r\n")
                await all_open.wait()
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=200)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        policy = RetryPolicy.never()
        async with server, AsyncClient(url, TokenAuth("u", "t"), pool_size=pool_size, retry=policy) as client:
            await asyncio.gather(*(client.server_version() for _ in range(most + 20)))
        return connections

    assert asyncio.run(main()) == most


def test_a_server_that_goes_away_fails_every_call() -> None:
    """No task waits for ever, and each gets an exception of ours."""

    async def main() -> list[object]:
        reading: list[asyncio.StreamWriter] = []
        all_sent = asyncio.Event()

        async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            reading.append(writer)
            if len(reading) == 20:
                all_sent.set()

        server = await asyncio.start_server(read, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        policy = RetryPolicy(attempts=2, backoff=0)
        async with AsyncClient(url, TokenAuth("u", "t"), retry=policy) as client:
            gets = [asyncio.create_task(client.get("x")) for _ in range(20)]
            await all_sent.wait()
            server.close()
            for writer in reading:
                writer.close()
            results = await asyncio.gather(*gets, return_exceptions=True)
        return [getattr(error, "kind", error) for error in results]

    assert set(asyncio.run(main())) == {"refused"}


# Cancellation


CALLS: dict[str, Callable[[AsyncClient, IncomingIntegrationRecord], Awaitable[object]]] = {
    "create": lambda client, hook: client.create(attrs.evolve(HOOK, name="other")),
    "update": lambda client, hook: client.update(hook.id, attrs.evolve(HOOK, alias="CI")),
    "list": lambda client, hook: _names(client),
    "remove": lambda client, hook: client.remove(hook),
}


async def _names(client: AsyncClient) -> list[str]:
    return [record.name async for record in client.list()]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_can_be_cancelled_at_every_await(server: LocalRocketChat, name: str) -> None:
    """A login included. It repeats no request, leaves no task and no connection, and the client stays usable."""

    async def main(at: int) -> bool:
        server.reset()
        async with by_password(server) as creator:
            hook = await creator.create(HOOK)
        before = counts(server)
        async with by_password(server) as client:

            async def call() -> object:
                return await CALLS[name](client, hook)

            was_cancelled = await cancelled(at, call())
            assert len(asyncio.all_tasks()) == 1
            done = counts(server) - before
            assert max(done.values(), default=0) <= (2 if name == "update" else 1), done
            assert await client.server_version()
        return was_cancelled

    at = 1
    while asyncio.run(main(at)):
        at += 1
        gc.collect()  # pytest reports a connection or a session that is left open
    assert at > 4


def test_closing_can_be_cancelled_at_every_await(server: LocalRocketChat) -> None:
    """The connections are closed all the same."""

    async def main(at: int) -> bool:
        client = by_password(server)
        await client.user_id()
        was_cancelled = await cancelled(at, client.close())
        assert len(asyncio.all_tasks()) == 1
        return was_cancelled

    at = 1
    while asyncio.run(main(at)):
        at += 1
        gc.collect()
    assert at > 1


def test_closing_again_does_nothing(server: LocalRocketChat, caplog: pytest.LogCaptureFixture) -> None:
    """There is one logout, and none that fails, also if two tasks close the client at a time."""

    async def main() -> None:
        client = by_password(server)
        await client.user_id()
        await asyncio.gather(client.close(), client.close())
        await client.close()

    asyncio.run(main())
    assert counts(server) == {"login": 1, "logout": 1}
    assert [record for record in caplog.records if record.name == "rocketchat_integrations"] == []


def test_closing_does_not_wait_for_a_login(server: LocalRocketChat) -> None:
    """A login that hangs is logged out by its task when it ends."""

    async def main() -> None:
        asked, answer = asyncio.Event(), asyncio.Event()
        client = by_password(server)
        send = client._driver._transport.send

        async def hanging(request: Request) -> Response:
            if request.endpoint == "login":
                asked.set()
                await answer.wait()
            return await send(request)

        client._driver._transport.send = hanging  # type: ignore[method-assign]
        call = asyncio.create_task(client.get("one"))
        await asked.wait()
        await client.close()
        answer.set()
        with pytest.raises(ConfigurationError, match="closed"):
            await call

    asyncio.run(main())
    assert [request.endpoint for request in server.requests] == ["login", "logout"]


def test_a_cancelled_call_returns_its_slot_of_the_rate_limit(clock: Clock) -> None:
    """Later calls do not wait for its answer, also while the program keeps the exception."""
    asked = asyncio.Event()

    class SecondHangs(Quota):
        sent = 0

        async def send(self, request: Request) -> Response:
            self.sent += 1
            if self.sent == 2:
                asked.set()
                await asyncio.Event().wait()
            return Response(200, {**QUOTA, "x-ratelimit-remaining": "0"}, b'{"success": true, "version": "9.0"}')

    async def main() -> None:
        client = AsyncClient("https://chat.example.com", TokenAuth("u", "t"), transport=SecondHangs())
        await client.server_version()
        clock.now += 61
        hanging = asyncio.create_task(client.server_version())
        await asked.wait()
        hanging.cancel()
        with pytest.raises(asyncio.CancelledError) as kept:
            await hanging
        await client.server_version()
        assert kept.value.__traceback__ is not None
        assert clock.slept == []

    asyncio.run(main())


def test_a_timeout_of_the_program_shows_no_token(server: LocalRocketChat) -> None:
    """The traceback of the cancelled call has no frame of aiohttp: they hold the headers."""
    server.fail_next("integrations.get", "hang")

    async def main() -> BaseException:
        async with AsyncClient(server.url, server.auth("admin")) as client:
            with pytest.raises(TimeoutError) as caught:
                async with asyncio.timeout(0.2):
                    await client.get("x")
            return caught.value

    error: BaseException | None = asyncio.run(main())
    while error is not None:
        modules = [frame.f_globals["__name__"] for frame, _ in traceback.walk_tb(error.__traceback__)]
        assert not [name for name in modules if name.startswith("aiohttp")]
        error = error.__cause__ or error.__context__


def test_a_cancelled_apply_leaves_no_task(server: LocalRocketChat) -> None:
    """Its calls under way are cancelled. Planning and applying again completes the work."""
    wanted = [attrs.evolve(HOOK, name=f"hook-{number}") for number in range(3)]

    async def main(at: int) -> bool:
        server.reset()
        async with AsyncClient(server.url, server.auth("admin")) as client:
            plan = await plan_async(wanted, client)
            was_cancelled = await cancelled(at, apply_async(plan, client, workers=2))
            assert len(asyncio.all_tasks()) == 1
            await apply_async(await plan_async(wanted, client, prune="all"), client)
            # The server may carry out a cancelled create after the second plan was made.
            assert {record.name async for record in client.list()} == {it.name for it in wanted}
        return was_cancelled

    at = 1
    while asyncio.run(main(at)):
        at += 1
    assert at > 3


def test_a_cancelled_apply_cancels_its_calls() -> None:
    """It does not wait for their responses."""

    class Hanging(Quota):
        cancelled = 0

        def __init__(self) -> None:
            self.asked = asyncio.Event()

        async def send(self, request: Request) -> Response:
            if request.endpoint == "integrations.list":
                return Response(200, {}, b'{"success": true, "integrations": [], "total": 0}')
            self.asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled += 1
            raise AssertionError("nobody answers")

    async def main() -> None:
        transport = Hanging()
        client = AsyncClient("https://chat.example.com", TokenAuth("u", "t"), transport=transport)
        plan = await plan_async([attrs.evolve(HOOK, name=name) for name in "abc"], client)
        applying = asyncio.create_task(apply_async(plan, client, workers=2))
        await transport.asked.wait()
        applying.cancel()
        await asyncio.wait((applying,), timeout=60)
        assert applying.cancelled()
        assert transport.cancelled == 2

    asyncio.run(main())


# Loops


def test_a_client_belongs_to_the_loop_that_it_was_first_used_in(server: LocalRocketChat) -> None:
    """In another one, or after its loop has ended, a call raises ConfigurationError before it sends anything."""
    client = AsyncClient(server.url, server.auth("admin"))
    webhook = AsyncIncomingWebhook(f"{server.url}/hooks/id/token")

    async def first() -> None:
        await client.server_version()
        with pytest.raises(ConfigurationError, match="another"):
            await asyncio.to_thread(asyncio.run, client.server_version())
        assert await webhook.check() is False
        await webhook.close()
        await client.close()

    asyncio.run(first())
    sent = len(server.requests)
    for call in (client.server_version, client.user_id, client.close, lambda: webhook.post("hello")):
        with pytest.raises(ConfigurationError, match="has ended"):
            asyncio.run(call())
    assert len(server.requests) == sent


def test_a_client_is_made_without_a_loop(server: LocalRocketChat) -> None:
    """Programs make it where they read their settings."""
    client = AsyncClient(server.url, server.auth("admin"))

    async def main() -> str:
        async with client:
            return await client.server_version()

    assert asyncio.run(main())


# Transports


def test_a_transport_must_be_of_the_right_kind(server: LocalRocketChat) -> None:
    """Each client takes only its own kind, and says so before any call."""

    class Blocking:
        def send(self, request: Request) -> Response:
            raise NotImplementedError

        def close(self) -> None: ...

    with pytest.raises(ConfigurationError, match=r"^transport: "):
        AsyncClient(server.url, server.auth("admin"), transport=Blocking())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    with pytest.raises(ConfigurationError, match=r"^transport: "):
        Client(server.url, server.auth("admin"), transport=Quota())  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert ConnectionOptions(transport=Quota()).transport is not None


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only if no transport is given."""
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    monkeypatch.delitem(sys.modules, "rocketchat_integrations._transports.aiohttp", raising=False)
    with pytest.raises(ConfigurationError, match=r"rocketchat-integrations\[async\]") as caught:
        AsyncClient("https://chat.example.com", TokenAuth("u", "t"))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    AsyncClient("https://chat.example.com", TokenAuth("u", "t"), transport=Quota())
