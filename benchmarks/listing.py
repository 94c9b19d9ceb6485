"""Benchmark long lists: time and memory."""

from __future__ import annotations

from typing import Any

import requests

from rocketchat_integrations import Client

from . import samples
from .measuring import Row, fewer, in_fresh_process, peak_megabytes, ratio
from .server import serving

_LONG = 10_000
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


def _time(rounds: int) -> float:
    with serving(records=_LONG) as server, Client(server.url, samples.AUTH) as client, requests.Session() as session:
        return ratio(lambda: _iterated(client), lambda: _by_hand(session, server.url), fewer(rounds, 4))


def _growth(_: int) -> float:
    with serving(records=_VERY_LONG) as server:
        return float(in_fresh_process(_grow, server.url))


def _grow(url: str) -> float:
    """Return the growth of peak memory after the first three pages, in MB."""
    with Client(url, samples.AUTH) as client:
        records = iter(client.list())
        for _ in range(3 * samples.PAGE_SIZE):
            next(records)
        before = peak_megabytes()
        for _ in records:
            pass
    return peak_megabytes() - before


ROWS = (
    Row("list-requests", f"iterating {_LONG:,} records", "the same pages with requests, as dicts", 1.0, "", _time),
    Row("list-memory", f"iterating {_VERY_LONG:,} records", "growth of peak memory", 8, " MB", _growth),
)
