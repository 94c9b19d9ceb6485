"""Fixtures and settings for all tests."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations._transports.async_driver import AsyncDriver
from rocketchat_integrations._transports.driver import Driver

if TYPE_CHECKING:
    from rocketchat_integrations.testing import LocalRocketChat


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        # By this, coverage gets into the processes that share the tests among them. Those that tests start would get
        # it, too, and take twice as long for nothing: what they run is tested within a process as well.
        os.environ.pop("COVERAGE_PROCESS_CONFIG", None)


class Clock:
    """A fake clock: time passes only while a client sleeps, or when a test changes `now`."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.chance = 1.0
        """What `random` returns."""
        self.slept: list[float] = []
        self.servers: list[LocalRocketChat] = []
        """Embedded servers whose time passes as well."""

    def monotonic(self) -> float:
        return self.now

    def random(self) -> float:
        return self.chance

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        for server in self.servers:
            server.clock_skew += seconds


class LoopClock:
    """The fake clock for asynchronous clients."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.monotonic, self.random = clock.monotonic, clock.random

    async def sleep(self, seconds: float) -> None:
        self._clock.sleep(seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of all clients that are created from now on."""
    clock = Clock()
    monkeypatch.setattr(Driver, "clock", clock)
    monkeypatch.setattr(AsyncDriver, "clock", LoopClock(clock))
    return clock


@pytest.fixture(scope="session")
def redis_socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Unix socket of a Redis server."""
    program = shutil.which("redis-server")
    if program is None:
        give_up = pytest.fail if os.environ.get("CI") and shutil.which("apt-get") else pytest.skip
        give_up("redis-server is not installed")
    folder = tmp_path_factory.mktemp("redis")
    options = ("--port", "0", "--unixsocket", "socket", "--save", "", "--daemonize", "no")
    with subprocess.Popen([program, *options], cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert any("ready to accept connections" in line.lower() for line in process.stdout), "Redis did not start"
            yield folder / "socket"
        finally:
            process.terminate()
            process.stdout.read()
