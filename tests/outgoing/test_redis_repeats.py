"""Repeated calls of a bot with several processes: `RedisRepeats`, with a real Redis."""

from __future__ import annotations

import asyncio
import http.client
import logging
import re
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis, RedisError

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import Answer, RedisRepeats, Reply, WebhookApp, _calls
from tests.servers import gunicorn

from .conftest import app_with
from .test_app import handle_async

JSON = "application/json"
CALL = b'{"token": "T0K3N", "text": "go"}'
BOT = """
import os
from pathlib import Path
from typing import Any, cast
from rocketchat_integrations.outgoing import RedisRepeats, Reply, WebhookApp

bot = WebhookApp(token="T0K3N", repeats=RedisRepeats(os.environ["REDIS_URL"]))

@bot.on("sendMessage")
def act(message):
    with Path("acted").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    return Reply("done")

def application(environ, start_response):
    def start(status, headers):
        start_response(status, [*headers, ("Worker", str(os.getpid()))])
    return bot(environ, start)
"""


@pytest.fixture
def url(redis_socket: Path) -> str:
    """The URL of a Redis server without keys."""
    url = f"unix://{redis_socket}"
    with redis_client(url) as redis:
        redis.flushall()
    return url


def redis_client(url: str) -> Any:
    """Return a client, untyped, because the types of redis are incomplete."""
    return cast(Any, Redis).from_url(url)


def test_an_answer_is_found_by_another_process(url: str) -> None:
    """The first answer stays, with status, content type and body; other keys have none."""
    ours, others = RedisRepeats(url), RedisRepeats(redis_client(url))
    first = Answer(200, JSON, '{"text": "für"}'.encode())
    ours.add("key", first)
    others.add("key", Answer(201, JSON, b"{}"))
    assert others.find("key") == first
    assert others.find("other") is None
    assert RedisRepeats(url, prefix="another bot").find("key") is None


def test_answers_are_kept_for_a_time(url: str) -> None:
    """Redis drops them: after 5 minutes, or the seconds given."""
    RedisRepeats(url).add("a", Answer(200, JSON, b"{}"))
    RedisRepeats(url, prefix="bot:", seconds=90.5).add("b", Answer(200, JSON, b"{}"))
    with redis_client(url) as redis:
        assert 240_000 < redis.pttl("rocketchat-integrations:repeats:a") <= 300_000
        assert 30_000 < redis.pttl("bot:b") <= 90_500


def test_a_call_acts_once_for_several_apps(url: str) -> None:
    """Two apps share their repeats, and so do plain and asynchronous serving; nothing secret is stored."""
    calls: list[object] = []

    def act(message: object) -> Reply:
        calls.append(message)
        return Reply("done")

    apps = [app_with(act, repeats=RedisRepeats(url)) for _ in range(2)]
    first = apps[0].handle(CALL, JSON)
    assert apps[1].handle(CALL, JSON) == handle_async(apps[1], CALL) == first
    assert len(calls) == 1
    with redis_client(url) as redis:
        assert b"T0K3N" not in b"".join(key + (redis.get(key) or b"") for key in redis.scan_iter())


class Watched(RedisRepeats):
    """Tells the test when a call waits for another process."""

    def __init__(self, url: str, waits: threading.Event) -> None:
        super().__init__(url)
        self._waits = waits

    def claim(self, key: str) -> bool:
        is_free = super().claim(key)
        if not is_free:
            self._waits.set()
        return is_free


@pytest.mark.parametrize(
    ("first", "statuses", "acted"), [("done", (200, 200), 1), (Reply.retry_later(), (503, 200), 2)]
)
def test_an_equal_call_in_another_process_waits_for_the_first(
    url: str, first: object, statuses: tuple[int, int], acted: int
) -> None:
    """It gets the same answer, or runs if the first one fails."""
    waits, go, results = threading.Event(), threading.Event(), [first, "done"]
    calls: list[object] = []

    def act(message: object) -> object:
        calls.append(message)
        assert go.wait(60)
        return results.pop(0)

    apps = [app_with(act, repeats=Watched(url, waits)) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(app.handle, CALL, JSON) for app in apps]
        assert waits.wait(60)
        go.set()
        assert sorted(answer.result(60).status for answer in answers) == sorted(statuses)
    assert len(calls) == acted


def test_an_equal_call_does_not_wait_for_a_killed_process_for_ever(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is answered with 503, so that Rocket.Chat repeats it. The claim of the killed process ends after a minute."""
    monkeypatch.setattr(_calls, "_WAIT_SECONDS", -1.0)
    app = app_with(lambda _: Reply("done"), repeats=RedisRepeats(url))
    with redis_client(url) as redis:
        app.handle(CALL, JSON)
        (key,) = (key for key in redis.scan_iter() if not key.endswith(b":claim"))
        redis.delete(key)
        assert 1_000 < redis.pttl(key + b":claim") <= 60_000
    assert app.handle(CALL, JSON).status == handle_async(app, CALL).status == 503


class Failing(RedisRepeats):
    """A store that fails to store answers."""

    def add(self, key: str, answer: Answer) -> None:
        raise RedisError("out of memory")


@pytest.mark.parametrize("answer", [WebhookApp.handle, handle_async])
def test_a_call_can_run_again_if_its_answer_was_not_stored(url: str, answer: Callable[..., Answer]) -> None:
    """The claim is released, so that an equal call in another process does not wait."""
    assert answer(app_with(lambda _: "done", repeats=Failing(url)), CALL, JSON).status == 200
    assert claims(url) == []


def test_a_call_can_run_again_after_ctrl_c(url: str) -> None:
    """An interrupted call releases its claim."""

    def interrupt(message: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        app_with(interrupt, repeats=RedisRepeats(url)).handle(CALL, JSON)
    assert claims(url) == []


def test_a_call_can_run_again_if_it_was_cancelled(url: str) -> None:
    """An ASGI server cancels running calls when it shuts down."""

    async def main() -> None:
        entered = asyncio.Event()

        async def act(message: object) -> None:
            entered.set()
            await asyncio.Event().wait()

        call = asyncio.create_task(app_with(act, repeats=RedisRepeats(url)).handle_async(CALL, JSON))
        await asyncio.wait_for(entered.wait(), 60)
        assert len(claims(url)) == 1
        await cancelled(call)
        assert claims(url) == []

    asyncio.run(main())


class Slow(RedisRepeats):
    """A store that claims a call only when the test allows it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.entered, self.go = threading.Event(), threading.Event()

    def claim(self, key: str) -> bool:
        self.entered.set()
        assert self.go.wait(60)
        return super().claim(key)


def test_a_call_can_run_again_if_it_was_cancelled_while_it_was_claimed(url: str) -> None:
    """The thread that makes the claim cannot be stopped, so the claim is released afterwards."""
    repeats = Slow(url)

    async def main() -> None:
        call = asyncio.create_task(app_with(lambda _: "done", repeats=repeats).handle_async(CALL, JSON))
        assert await asyncio.to_thread(repeats.entered.wait, 60)
        asyncio.get_running_loop().call_soon(repeats.go.set)
        await cancelled(call)

    asyncio.run(main())
    assert claims(url) == []


async def cancelled(call: asyncio.Task[Answer]) -> None:
    """Cancel a call, and wait until it has ended."""
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def claims(url: str) -> list[bytes]:
    """Return the keys of all claims."""
    with redis_client(url) as redis:
        return list(redis.scan_iter(match="*:claim"))


class Stuck(RedisRepeats):
    """A store that fails to release claims."""

    def release(self, key: str) -> None:
        raise RedisError("no connection")


@pytest.mark.parametrize("answer", [WebhookApp.handle, handle_async])
def test_a_claim_that_cannot_be_released_changes_no_answer(
    url: str, answer: Callable[..., Answer], caplog: pytest.LogCaptureFixture
) -> None:
    """The error is logged."""
    app = app_with(lambda _: Reply.retry_later(), repeats=Stuck(url))
    assert answer(app, CALL, JSON).status == 503
    assert "RedisError: no connection" in caplog.text


def test_the_bot_goes_on_without_redis(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Calls are handled, and the log says that repeats are not recognized; when Redis is back, they are."""
    app = app_with(lambda _: Reply("done"), repeats=RedisRepeats(f"unix://{tmp_path}/none"))
    with caplog.at_level(logging.WARNING):
        assert app.handle(CALL, JSON).status == handle_async(app, CALL).status == 200
    assert len(caplog.records) == 4
    assert all("repeated calls are not recognized" in record.getMessage() for record in caplog.records)


def test_wrong_arguments_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the argument, or the package that is missing; a password in a URL is not shown."""
    with pytest.raises(ConfigurationError, match="^redis: must be a URL"):
        RedisRepeats("http://:canary@localhost")
    with pytest.raises(ConfigurationError, match="^seconds: must be positive"):
        RedisRepeats("redis://localhost", seconds=0)
    assert "canary" not in repr(RedisRepeats("redis://:canary@localhost"))
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match=re.escape("pip install 'rocketchat-integrations[redis]'")):
        RedisRepeats("redis://localhost")


def test_a_retried_call_acts_once_with_two_workers(url: str, tmp_path: Path) -> None:
    """gunicorn runs the bot in two processes: the one that gets the call again answers as the first one did."""
    (tmp_path / "bot.py").write_text(BOT, encoding="utf-8")
    with gunicorn(tmp_path, "--workers", "2", REDIS_URL=url) as port:
        # One worker waits for the rest of this request, so the other one gets the next.
        waiting = started_call(port)
        first = finished_call(started_call(port))
        repeated = finished_call(waiting)
    assert first[0] != repeated[0]
    assert first[1] == repeated[1] == (200, b'{"text": "done"}')
    assert (tmp_path / "acted").read_text(encoding="utf-8") == f"{first[0]}\n"


def started_call(port: int) -> http.client.HTTPConnection:
    """Send a call without its last byte."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/")
    connection.putheader("Content-Type", JSON)
    connection.putheader("Content-Length", str(len(CALL)))
    connection.endheaders(CALL[:-1])
    return connection


def finished_call(connection: http.client.HTTPConnection) -> tuple[str | None, tuple[int, bytes]]:
    """Send the last byte; return the worker, and its answer."""
    connection.send(CALL[-1:])
    with closing(connection), connection.getresponse() as response:
        return response.getheader("Worker"), (response.status, response.read())
