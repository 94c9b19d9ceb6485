"""Long runs: many threads, tasks, processes and calls, under faults. Only with `--all-faults`."""

from __future__ import annotations

import asyncio
import gc
import json
import multiprocessing
import os
import random
import runpy
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    PasswordAuth,
    RetryPolicy,
    RocketChatError,
    Timeout,
)
from rocketchat_integrations.aio import AsyncClient
from rocketchat_integrations.testing import LocalRocketChat

from .catalogue import BY_NAME
from .methods import PASSWORD, WORLD
from .proxy import Act, Arrival, Proxy, answer_rightly

Record = Callable[[dict[str, Any]], None]

_SEED = 20261128
_POLICY = RetryPolicy(attempts=4, backoff=0.02, backoff_max=0.1, rate_limit_wait=30.0)
_TIMEOUT = Timeout(connect=30.0, read=60.0, total=90.0)
_HOOKS = 200
_SERVER = Path(__file__).with_name("restarting_server.py")


def _sometimes(share: float, names: tuple[str, ...]) -> Act:
    """Let one of the faults happen to this share of the requests."""
    chance = random.Random(_SEED)

    def act(arrival: Arrival) -> None:
        fault = BY_NAME[chance.choice(names)] if chance.random() < share else BY_NAME["none"]
        fault.acts[0](arrival)

    return act


def _hook(number: int) -> dict[str, Any]:
    return {
        "_id": f"hook-{number}",
        "name": f"name of {number}",
        "type": "webhook-incoming",
        "username": "rocket.cat",
        "userId": "rocket.cat",
        "channel": ["#general"],
        "token": f"token-{number}",
        "enabled": True,
        "scriptEnabled": False,
    }


@pytest.fixture
def server() -> Iterator[LocalRocketChat]:
    with LocalRocketChat(world=WORLD) as server:
        for number in range(_HOOKS):
            server.insert(_hook(number))
        yield server


@pytest.fixture
def proxy(server: LocalRocketChat) -> Iterator[Proxy]:
    proxy = Proxy(server.url)
    yield proxy
    proxy.stop()


_PASSING = (
    "reset before reading",
    "reset after the server acted",
    "cut in the body",
    "502 page",
    "504 page after the server acted",
    "429",
)


@attrs.frozen
class Step:
    """A call of a run."""

    what: str
    call: Callable[[Any], Any]
    is_right: Callable[[Any], bool]
    """Whether a result is the answer to this call."""

    makes: str | None = None
    """The name of the integration, or the text of the message, that it makes."""


def _step(worker: int, turn: int, key: int) -> Step:
    """Return the call of a worker in a turn; most ask for the integration with this number."""
    hook = IncomingIntegrationRecord(
        f"name of {key}", channel="#general", username="rocket.cat", id=f"hook-{key}", token=f"token-{key}"
    )
    match turn:
        case 3:
            name = f"new {worker}"
            definition = IncomingIntegration(name, channel="#general", username="rocket.cat")
            return Step("create", lambda client: client.create(definition), lambda r: bool(r.name == name), name)
        case 5:
            text = f"text {worker}"
            return Step("post", lambda client: client.webhook(hook).post(text), lambda r: r.responses == (), text)
        case 7:
            return Step("check", lambda client: client.webhook(hook).check(), lambda r: r is True)
        case 8:
            return Step("version", lambda client: client.server_version(), lambda r: bool(r.startswith("9")))
        case _:
            return Step("get", lambda client: client.get(hook.id), lambda r: (r.id, r.name) == (hook.id, hook.name))


def _steps(worker: int) -> list[Step]:
    chance = random.Random(_SEED + worker)
    return [_step(worker, turn, chance.randrange(_HOOKS)) for turn in range(10)]


@attrs.define
class Tally:
    """What the calls of a run have led to."""

    outcomes: Counter[str] = attrs.field(factory=Counter[str])
    surprises: list[str] = attrs.field(factory=list[str])
    created: dict[str, bool | None] = attrs.field(factory=dict[str, bool | None])
    """For the names of integrations and the texts of posts: whether the server surely has them; None: unknown."""

    def note(self, step: Step, error: BaseException | None) -> None:
        """Count a call that has succeeded or failed."""
        self.outcomes["success" if error is None else type(error).__name__] += 1
        if isinstance(error, RocketChatError):
            known = None if error.may_have_acted else False
        elif error is None:
            known = True
        else:
            self.surprises.append(f"{step.what}: {error!r}")
            return
        if step.makes is not None:
            self.created[step.makes] = known

    def check(self, made: Counter[str]) -> None:
        """Compare with what the server has."""
        assert self.surprises == []
        for name, known in self.created.items():
            allowed = {True: (1,), False: (0,), None: (0, 1)}[known]
            assert made[name] in allowed, (name, known, made[name])


def _made(server: LocalRocketChat) -> Counter[str]:
    return Counter([*(document["name"] for document in server.documents), *(m.text for m in server.messages)])


def _logins(server: LocalRocketChat) -> int:
    return [request.endpoint for request in server.requests].count("login")


def test_32_threads_get_their_own_answers_and_log_in_once(
    server: LocalRocketChat, proxy: Proxy, record_result: Record
) -> None:
    """10,000 mixed calls, a tenth of them under faults: no answer is another call's, and nothing is done twice."""
    proxy.plan("login", [answer_rightly], always=True)
    proxy.otherwise = _sometimes(0.1, _PASSING)
    tally = Tally()
    lock = threading.Lock()
    auth = PasswordAuth("admin", PASSWORD)
    began = time.monotonic()
    with Client(f"http://127.0.0.1:{proxy.port}", auth, retry=_POLICY, timeout=_TIMEOUT, pool_size=32) as client:

        def work(number: int) -> None:
            for step in _steps(number):
                error: BaseException | None = None
                try:
                    result = step.call(client)
                    assert step.is_right(result), result
                except Exception as caught:
                    error = caught
                with lock:
                    tally.note(step, error)

        with ThreadPoolExecutor(32) as threads:
            list(threads.map(work, range(1000)))
    _finish(server, tally, "32 threads", time.monotonic() - began, record_result)


def test_1000_tasks_get_their_own_answers_and_log_in_once(
    server: LocalRocketChat, proxy: Proxy, record_result: Record
) -> None:
    """10,000 mixed calls, a tenth of them under faults: no answer is another call's, and nothing is done twice."""
    proxy.plan("login", [answer_rightly], always=True)
    proxy.otherwise = _sometimes(0.1, _PASSING)
    tally = Tally()

    async def work(client: AsyncClient, number: int) -> None:
        for step in _steps(number):
            error: BaseException | None = None
            try:
                result = await step.call(client)
                assert step.is_right(result), result
            except Exception as caught:
                error = caught
            tally.note(step, error)

    async def run() -> None:
        auth = PasswordAuth("admin", PASSWORD)
        async with AsyncClient(f"http://127.0.0.1:{proxy.port}", auth, retry=_POLICY, timeout=_TIMEOUT) as client:
            await asyncio.gather(*(work(client, number) for number in range(1000)))

    began = time.monotonic()
    asyncio.run(run())
    _finish(server, tally, "1,000 tasks", time.monotonic() - began, record_result)


def _finish(server: LocalRocketChat, tally: Tally, run: str, seconds: float, record_result: Record) -> None:
    tally.check(_made(server))
    assert tally.outcomes.total() == 10_000
    assert tally.outcomes.keys() <= {"success", "TransportError", "ServerError"}
    assert _logins(server) == 1
    succeeded = tally.outcomes["success"]
    record_result(
        {
            "run": run,
            "calls": 10_000,
            "succeeded": succeeded,
            "failed": dict(tally.outcomes - Counter(success=succeeded)),
            "logins": 1,
            "seconds": round(seconds),
        }
    )


# Provisioning with a killed process

_PROGRAM = (sys.executable, "-W", "error", "-m", "rocketchat_integrations")
_WANTED = 1000


def test_1000_creates_with_lost_answers_and_killed_processes_leave_1000(
    server: LocalRocketChat, proxy: Proxy, tmp_path: Path, record_result: Record
) -> None:
    """`apply` is killed three times, loses a tenth of the answers, and is started again until it succeeds."""
    server.reset()
    entries = [{"name": f"hook {n}", "channel": "#general", "username": "rocket.cat"} for n in range(_WANTED)]
    manifest, output = tmp_path / "manifest.json", tmp_path / "output"
    manifest.write_text(json.dumps({"incoming": entries}), encoding="utf-8")
    proxy.plan(
        "integrations.create", [_sometimes(0.1, ("reset after the server acted", "cut in the body"))], always=True
    )
    auth = server.auth("admin")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("ROCKETCHAT_")},
        "ROCKETCHAT_URL": f"http://127.0.0.1:{proxy.port}",
        "ROCKETCHAT_USER_ID": auth.user_id,
        "ROCKETCHAT_AUTH_TOKEN": auth.token,
    }
    statuses: list[int] = []
    began = time.monotonic()
    while not statuses or statuses[-1] != 0:
        assert len(statuses) < 30, statuses
        command = [*_PROGRAM, "apply", str(manifest), "--yes", "--workers", "8"]
        with output.open("wb") as file, subprocess.Popen(command, env=environment, stdout=file, stderr=file) as process:
            if len(statuses) < 3:
                _wait_for_documents(server, len(server.documents) + 150)
                process.kill()
            process.wait(300)
        assert "Traceback" not in output.read_text(encoding="utf-8")
        statuses.append(process.returncode)
    names = Counter(document["name"] for document in server.documents)
    assert names == Counter(entry["name"] for entry in entries)
    record_result(
        {
            "run": "apply of 1,000 creates",
            "creates": _WANTED,
            "left": names.total(),
            "killed": statuses.count(-9),
            "runs": len(statuses),
            "seconds": round(time.monotonic() - began),
        }
    )


def _wait_for_documents(server: LocalRocketChat, number: int) -> None:
    reached = threading.Event()

    def watch(_: object) -> None:
        if len(server.documents) >= number:
            reached.set()

    server.watch(watch)
    assert reached.wait(100)


# Resources


class _Endurance:
    """A server in another process, which restarts, forgets logins and limits calls when it is told to."""

    def __init__(self, pipe: Connection, process: Any, url: str) -> None:
        self.url = url
        self._pipe = pipe
        self._process = process

    def tell(self, event: str) -> None:
        """Let something happen, and return once it has."""
        self._pipe.send(event)
        self._pipe.recv()


@contextmanager
def _endurance() -> Generator[_Endurance, None, None]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    given = {"pipe": theirs, "world": WORLD, "hooks": [_hook(number) for number in range(_HOOKS)]}
    # By its path: the new process cannot import the tests.
    process = context.Process(target=runpy.run_path, args=(str(_SERVER), given), daemon=True)
    process.start()
    theirs.close()  # so that `recv` fails if the process ends
    try:
        yield _Endurance(ours, process, ours.recv())
    finally:
        process.terminate()
        process.join()


@attrs.frozen
class Resources:
    """What the process holds."""

    sockets: int
    threads: int
    objects: int
    """How many pieces of memory the interpreter has given out, which is exact."""

    memory: int
    """In bytes, as the system sees it."""

    @classmethod
    def now(cls) -> Resources:
        gc.collect()
        links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        sockets = sum(link.startswith("socket:") for link in links)
        return cls(sockets, threading.active_count(), sys.getallocatedblocks(), pages * os.sysconf("SC_PAGE_SIZE"))


_EVENTS = ("expiry", "restart", "limit", "no limit", "restart", "expiry", "limit", "no limit", "expiry", "restart")
_BLOCKS = 100
_CALLS = 1000  # in a block


def _mixed(client: Any, number: int) -> Any:
    key = number % _HOOKS
    if number % 4 == 3:
        return client.server_version()
    if number % 4 == 2:
        hook = IncomingIntegrationRecord("x", id=f"hook-{key}", token=f"token-{key}", channel="#general", username="x")
        return client.webhook(hook).check()
    return client.get(f"hook-{key}")


def _is_right(number: int, result: Any) -> bool:
    if number % 4 == 3:
        return isinstance(result, str)
    return result is True if number % 4 == 2 else result.id == f"hook-{number % _HOOKS}"


def _endure(
    endurance: _Endurance, run_block: Callable[[range], list[BaseException]], run: str, record_result: Record
) -> None:
    """Run the blocks, with an event in the middle of each; check that resources stay the same."""
    samples: list[Resources] = []
    failures: Counter[str] = Counter()
    began = time.monotonic()
    for block in range(_BLOCKS):
        event = threading.Timer(0.2, endurance.tell, [_EVENTS[block % len(_EVENTS)]])
        event.start()
        errors = run_block(range(block * _CALLS, (block + 1) * _CALLS))
        event.join()
        assert [error for error in errors if not isinstance(error, RocketChatError)] == []
        failures.update(type(error).__name__ for error in errors)
        samples.append(Resources.now())
    early, late = samples[_BLOCKS // 10 :][: _BLOCKS // 5], samples[-_BLOCKS // 5 :]
    growth = max(sample.memory for sample in late) - max(sample.memory for sample in early)
    record_result(
        {
            "run": run,
            "calls": _BLOCKS * _CALLS,
            "failed": dict(failures),
            "events": dict(Counter(_EVENTS[block % len(_EVENTS)] for block in range(_BLOCKS))),
            "sockets": [max(sample.sockets for sample in part) for part in (early, late)],
            "threads": [max(sample.threads for sample in part) for part in (early, late)],
            "allocated blocks": [max(sample.objects for sample in part) for part in (early, late)],
            "memory in MiB": [round(max(sample.memory for sample in part) / 2**20, 1) for part in (early, late)],
            "seconds": round(time.monotonic() - began),
        }
    )
    assert max(sample.sockets for sample in late) <= max(sample.sockets for sample in early)
    assert max(sample.threads for sample in late) <= max(sample.threads for sample in early)
    assert max(sample.objects for sample in late) - max(sample.objects for sample in early) < 2000
    assert growth < 4 * 2**20


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not show what a process holds")
def test_100000_calls_of_threads_keep_resources_flat(record_result: Record) -> None:
    """Sockets, threads and memory stay the same while tokens expire, the server restarts, and limits are reached."""
    with _endurance() as endurance, ThreadPoolExecutor(8) as threads:
        auth = PasswordAuth("admin", PASSWORD)
        with Client(endurance.url, auth, retry=_POLICY, timeout=_TIMEOUT) as client:

            def call(number: int) -> BaseException | None:
                try:
                    assert _is_right(number, _mixed(client, number))
                except Exception as error:
                    return error.with_traceback(None)
                return None

            def run_block(numbers: range) -> list[BaseException]:
                return [error for error in threads.map(call, numbers) if error is not None]

            _endure(endurance, run_block, "100,000 calls of 8 threads", record_result)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system does not show what a process holds")
def test_100000_calls_of_tasks_keep_resources_flat(record_result: Record) -> None:
    """Sockets, threads and memory stay the same while tokens expire, the server restarts, and limits are reached."""

    async def call(client: AsyncClient, number: int) -> BaseException | None:
        try:
            pending: Awaitable[Any] = _mixed(client, number)
            assert _is_right(number, await pending)
        except Exception as error:
            return error.with_traceback(None)
        return None

    async def work(client: AsyncClient, numbers: Iterator[int]) -> list[BaseException]:
        return [error for number in numbers if (error := await call(client, number)) is not None]

    async def block(client: AsyncClient, numbers: range) -> list[BaseException]:
        shared = iter(numbers)
        lists = await asyncio.gather(*(work(client, shared) for _ in range(50)))
        return [error for errors in lists for error in errors]

    with _endurance() as endurance, asyncio.Runner() as runner:
        auth = PasswordAuth("admin", PASSWORD)
        client = AsyncClient(endurance.url, auth, retry=_POLICY, timeout=_TIMEOUT)
        try:
            _endure(
                endurance,
                lambda numbers: runner.run(block(client, numbers)),
                "100,000 calls of 50 tasks",
                record_result,
            )
        finally:
            runner.run(client.close())
