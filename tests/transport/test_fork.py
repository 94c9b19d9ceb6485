"""A client that was used before the process forked: parent and child share no connections, locks or logouts."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from urllib.request import urlopen

import pytest

from rocketchat_integrations import Client, PasswordAuth, Request, Response
from rocketchat_integrations._transports import forks
from rocketchat_integrations.aio import AsyncClient
from rocketchat_integrations.testing import LocalRocketChat
from tests.servers import gunicorn

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
]


@pytest.fixture
def server() -> Iterator[LocalRocketChat]:
    """A server in a thread of the parent process."""
    with LocalRocketChat() as server:
        yield server


@pytest.fixture
def client(server: LocalRocketChat) -> Iterator[Client]:
    """A client with a token of the user's own."""
    with Client(server.url, server.auth("admin")) as client:
        yield client


def _insert(server: LocalRocketChat, *names: str) -> list[str]:
    hook = {"type": "webhook-incoming", "username": "rocket.cat", "channel": ["#general"], "token": "t"}
    return [server.insert({**hook, "name": name, "enabled": True, "scriptEnabled": False}) for name in names]


def _fork(work: Callable[[], bool]) -> int:
    """Run the work in a child process, which exits with 0 if it returned True; return the child's id."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if work() else 1
        finally:
            os._exit(status)
    return child


def _succeeded(child: int) -> bool:
    """Wait for a child process, 30 seconds at most."""
    timer = threading.Timer(30, os.kill, (child, signal.SIGKILL))
    timer.start()
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        timer.cancel()


class Silent:
    """A transport without connections."""

    def send(self, request: Request) -> Response:
        raise NotImplementedError

    def close(self) -> None:
        pass


class AsyncSilent:
    """An asynchronous transport without connections."""

    async def send(self, request: Request) -> Response:
        raise NotImplementedError

    async def close(self) -> None:
        pass


def test_parent_and_child_get_their_own_answers(server: LocalRocketChat, client: Client) -> None:
    """Over a shared connection, one would read the answers to the other's requests."""
    first, second = _insert(server, "first", "second")
    client.get(first)
    child = _fork(lambda: {client.get(second).name for _ in range(100)} == {"second"})
    assert {client.get(first).name for _ in range(100)} == {"first"}
    assert _succeeded(child)


def test_a_child_does_not_wait_for_threads_of_its_parent(server: LocalRocketChat) -> None:
    """A thread that is logging in when the process forks does not exist in the child, and never returns its lock."""
    (id,) = _insert(server, "ci")
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        held = client._driver._login_lock
        with held, client._driver._exchange._limiter._lock:
            child = _fork(lambda: client.get(id).name == "ci")
        assert _succeeded(child)


def test_a_child_does_not_log_its_parent_out(server: LocalRocketChat) -> None:
    """The token of a login before the fork stays valid when the child closes its client; its own one does not."""
    (id,) = _insert(server, "ci")
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        client.get(id)

        def work() -> bool:
            with client:
                return client.get(id).name == "ci"

        assert _succeeded(_fork(work))
        assert client.get(id).name == "ci"
        assert [each.endpoint for each in server.requests].count("login") == 1


def test_threads_of_a_child_share_the_client(server: LocalRocketChat, client: Client) -> None:
    """As under a preloaded web server: each worker's threads use the client that was made before the fork."""
    ids = _insert(server, *map(str, range(4)))
    client.get(ids[0])

    def work() -> bool:
        wrong: list[str] = []

        def call(number: int) -> None:
            wrong.extend(name for _ in range(20) if (name := client.get(ids[number]).name) != str(number))

        threads = [threading.Thread(target=call, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return not wrong

    children = [_fork(work) for _ in range(2)]
    assert work()
    assert [_succeeded(child) for child in children] == [True, True]


def test_a_child_continues_with_an_asynchronous_client(server: LocalRocketChat) -> None:
    """In an event loop of its own, without the connections of the parent, which stay open there."""
    first, second = _insert(server, "first", "second")
    client = AsyncClient(server.url, PasswordAuth("admin", server.password("admin")))

    async def names(id: str) -> set[str]:
        return {(await client.get(id)).name for _ in range(50)}

    def work() -> bool:
        async def main() -> bool:
            async with client:
                return await names(second) == {"second"}

        return asyncio.run(main())

    with asyncio.Runner() as runner:
        runner.run(client.get(first))
        connections = server.connections
        child = _fork(work)
        assert runner.run(names(first)) == {"first"}
        assert _succeeded(child)
        assert runner.run(names(first)) == {"first"}
        assert server.connections == connections + 1
        assert [each.endpoint for each in server.requests].count("logout") == 0
        runner.run(client.close())


def test_what_a_child_does_with_an_asynchronous_client(server: LocalRocketChat) -> None:
    """In this process, where it is measured."""
    (id,) = _insert(server, "ci")
    client = AsyncClient(server.url, server.auth("admin"))
    with asyncio.Runner() as runner:
        forks._enter_child()  # without connections
        record = runner.run(client.get(id))
        connector: Any = cast(Any, client)._driver._transport._connector
        before = server.connections
        forks._enter_child()
        with asyncio.Runner() as runner_of_child:
            assert runner_of_child.run(client.get(id)) == record
            runner_of_child.run(client.close())
        assert server.connections == before + 1
        connector._closed = False  # here, it belongs to this process
        runner.run(connector.close())
    other = AsyncClient(server.url, server.auth("admin"), transport=AsyncSilent())
    forks._enter_child()
    asyncio.run(other.close())


def test_what_a_child_does(server: LocalRocketChat) -> None:
    """In this process, where it is measured: new connections, no logout, and transports that have none to forget."""
    (id,) = _insert(server, "ci")
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        client.get(id)
        before = server.connections
        with Client(server.url, server.auth("admin"), transport=client._driver._transport) as other:
            forks._enter_child()
            assert other.get(id) == client.get(id)
    assert server.connections > before
    assert [each.endpoint for each in server.requests].count("logout") == 0
    with Client(server.url, server.auth("admin"), transport=Silent()):
        forks._enter_child()


WORKER = """
import os
from rocketchat_integrations import Client, TokenAuth

client = Client(os.environ["URL"], TokenAuth(user_id=os.environ["USER_ID"], token=os.environ["TOKEN"]))
client.get(os.environ["FIRST"])  # before the fork

def application(environ, start_response):
    start_response("200 OK", [("Worker", str(os.getpid()))])
    return [client.get(environ["QUERY_STRING"]).name.encode()]
"""


def test_workers_of_a_preloaded_server_get_their_own_answers(server: LocalRocketChat, tmp_path: Path) -> None:
    """gunicorn loads the program, which uses its client, and then forks two workers with two threads each."""
    auth = server.auth("admin")
    ids = _insert(server, *map(str, range(4)))
    (tmp_path / "bot.py").write_text(WORKER, encoding="utf-8")
    environment = {"URL": server.url, "USER_ID": auth.user_id, "TOKEN": auth.token, "FIRST": ids[0]}
    workers: set[str | None] = set()

    def wrong_answers(number: int) -> list[str]:
        answers: list[str] = []
        while len(answers) < 40 or (len(workers) < 2 and len(answers) < 4000):
            with urlopen(f"http://127.0.0.1:{port}/?{ids[number]}", timeout=60) as response:
                workers.add(response.headers["Worker"])
                answers.append(response.read().decode())
        return [answer for answer in answers if answer != str(number)]

    with (
        gunicorn(tmp_path, "--preload", "--workers", "2", "--threads", "2", **environment) as port,
        ThreadPoolExecutor(4) as pool,
    ):
        assert list(pool.map(wrong_answers, range(4))) == [[]] * 4
    assert len(workers) == 2
