"""Benchmark long lists: time and memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import requests

from rocketchat_integrations import Client

from . import samples
from .measuring import Row, fewer, in_fresh_process, peak_megabytes, ratio
from .server import serving

_LONG = 10_000
_LONGEST_REST = 20_000  # the longest list whose rest is requested at once
_VERY_LONG = 100_000


def _by_hand(session: requests.Session, url: str) -> int:
    """Read all pages as dicts."""
    read = 0
    while True:
        query: dict[str, Any] = {"count": samples.PAGE_SIZE, "offset": read, "sort": '{"_id":1}'}
        answer = session.get(
            f"{url}/api/v1/integrations.list", params=query, headers=samples.HEADERS, timeout=30
        ).json()
        for _ in answer["integrations"]:
            read += 1
        if read >= answer["total"]:
            return read


def _iterated(client: Client) -> int:
    return sum(1 for _ in client.list())


def _time(records: int, divisor: int) -> Callable[[int], float]:
    def measure(rounds: int) -> float:
        with (
            serving(records=records) as server,
            Client(server.url, samples.AUTH) as client,
            requests.Session() as session,
        ):
            return ratio(lambda: _iterated(client), lambda: _by_hand(session, server.url), fewer(rounds, divisor))

    return measure


def _growth(records: int) -> Callable[[int], float]:
    def measure(_: int) -> float:
        with serving(records=records) as server:
            return float(in_fresh_process(_grow, server.url))

    return measure


def _grow(url: str) -> float:
    """Return the growth of peak memory after the first page, in MB."""
    with Client(url, samples.AUTH) as client:
        records = iter(client.list())
        for _ in range(samples.PAGE_SIZE):
            next(records)
        before = peak_megabytes()
        for _ in records:
            pass
    return peak_megabytes() - before


ROWS = (
    Row(
        "page-requests",
        f"iterating {samples.PAGE_SIZE} records",
        "the same page with requests, as dicts",
        1.0,
        "",
        _time(samples.PAGE_SIZE, 1),
    ),
    Row(
        "list-requests",
        f"iterating {_LONG:,} records",
        "the same in pages with requests, as dicts",
        0.6,
        "",
        _time(_LONG, 4),
    ),
    Row(
        "list-memory-rest",
        f"iterating {_LONGEST_REST:,} records",
        "growth of peak memory",
        80,
        " MB",
        _growth(_LONGEST_REST),
    ),
    Row("list-memory", f"iterating {_VERY_LONG:,} records", "growth of peak memory", 8, " MB", _growth(_VERY_LONG)),
)
