"""The lookup of hosts, without a name server."""

from __future__ import annotations

import socket
import threading
import time
from types import SimpleNamespace
from unittest.mock import Mock

import pytest

from rocketchat_integrations.audit import _host_lookup, host_exists


@pytest.mark.parametrize(
    ("answer", "exists"),
    [
        ([()], True),
        (socket.gaierror(socket.EAI_NONAME, "x"), False),
        (socket.gaierror(socket.EAI_AGAIN, "x"), None),
        (UnicodeError(), None),
    ],
)
def test_a_host_is_missing_only_if_the_name_server_says_so(
    monkeypatch: pytest.MonkeyPatch, answer: object, exists: bool | None
) -> None:
    """Without an answer, or for a name that cannot be encoded, it is unknown."""
    monkeypatch.setattr(socket, "getaddrinfo", Mock(side_effect=[answer]))
    assert host_exists("bot.example.com") is exists


def test_localhost_exists() -> None:
    assert host_exists("localhost") is True


def test_each_host_is_looked_up_once() -> None:
    """Also if there are more hosts than threads."""
    hosts = [f"h{number}" for number in range(20)]
    asked: list[str] = []

    def resolve(host: str) -> bool:
        asked.append(host)
        return host != "h7"

    assert _host_lookup.look_up([*hosts, "h1"], resolve) == {host: host != "h7" for host in hosts}
    assert sorted(asked) == sorted(hosts)


def test_slow_lookups_are_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow lookups end at the time limit, and the program can exit while they are still running."""
    release = threading.Event()
    # The times of the start, of the wait for the first answer, and of the next wait, when the limit is reached.
    times = iter([0.0, 0.0, 60.0])
    monkeypatch.setattr(_host_lookup, "time", SimpleNamespace(monotonic=lambda: next(times)))

    def resolve(host: str) -> bool | None:
        if host == "slow":
            release.wait()
        return True

    try:
        started = time.monotonic()
        assert _host_lookup.look_up(["slow", "fast"], resolve, seconds=60) == {"slow": None, "fast": True}
        assert time.monotonic() - started < 50
        assert {thread.daemon for thread in threading.enumerate() if thread.name == "host lookup"} == {True}
    finally:
        release.set()
