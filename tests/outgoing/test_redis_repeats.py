"""Repeated calls of a bot with several processes: `RedisRepeats`, with a real Redis."""

from __future__ import annotations

import http.client
import logging
import os
import re
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import Answer, RedisRepeats, Reply

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
def url(redis_socket: Path) -> Iterator[str]:
    """The URL of a Redis server without keys."""
    url = f"unix://{redis_socket}"
    yield url
    with redis_client(url) as redis:
        redis.flushall()


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
    RedisRepeats(url, prefix="bot:", seconds=1.5).add("b", Answer(200, JSON, b"{}"))
    with redis_client(url) as redis:
        assert 299_000 < redis.pttl("rocketchat-integrations:repeats:a") <= 300_000
        assert 500 < redis.pttl("bot:b") <= 1500


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
    with gunicorn(tmp_path, url) as port:
        # One worker waits for the rest of this request, so the other one gets the next.
        waiting = started_call(port)
        first = finished_call(started_call(port))
        repeated = finished_call(waiting)
    assert first[0] != repeated[0]
    assert first[1] == repeated[1] == (200, b'{"text": "done"}')
    assert (tmp_path / "acted").read_text(encoding="utf-8") == f"{first[0]}\n"


@contextmanager
def gunicorn(folder: Path, url: str) -> Generator[int, None, None]:
    """Run the bot with two workers; yield the port."""
    options = ("--workers", "2", "--bind", "127.0.0.1:0", "bot:application")
    with subprocess.Popen(
        [sys.executable, "-m", "gunicorn", *options],
        cwd=folder,
        env={**os.environ, "REDIS_URL": url},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        try:
            found = (re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", line) for line in process.stderr)
            yield int(next(match[1] for match in found if match))
        finally:
            process.terminate()
            process.stderr.read()


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
