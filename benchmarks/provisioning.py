"""Benchmark integrations as code: plans, manifests, and apply with several workers."""

from __future__ import annotations

import functools
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests

from rocketchat_integrations import Client
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Plan, apply, plan

from . import samples
from .measuring import Action, Row, fewer, in_fresh_process, peak_megabytes, ratio, seconds, times
from .server import Server, serving

_PLANNED = 1_000
_ENTRIES = 10_000
_CREATED = 1_000
_LATENCY = 0.02
_WORKERS = 8
# Calls made one after another take the same time each: a few are enough.
_ONE_BY_ONE = 100


def _cpu_of_plan(rounds: int) -> float:
    wanted = [samples.wanted(number) for number in range(_PLANNED)]
    with serving(records=_PLANNED) as server, Client(server.url, samples.AUTH) as client:
        return statistics.median(
            seconds(lambda: plan(wanted, client), time.process_time) for _ in range(fewer(rounds, 20))
        )


# Manifests


def _toml(entries: Mapping[str, list[dict[str, Any]]]) -> str:
    tables = [(f"[[{kind}]]", entry) for kind, of_kind in entries.items() for entry in of_kind]
    return "\n".join("\n".join([header, *_lines(entry, " = ")]) for header, entry in tables)


def _yaml(entries: Mapping[str, list[dict[str, Any]]]) -> str:
    lines: list[str] = []
    for kind, of_kind in entries.items():
        lines.append(f"{kind}:")
        for entry in of_kind:
            first, *others = _lines(entry, ": ")
            lines += [f"  - {first}", *(f"    {line}" for line in others)]
    return "\n".join(lines)


def _lines(entry: Mapping[str, Any], between: str) -> list[str]:
    return [f"{key}{between}{json.dumps(value)}" for key, value in entry.items()]


_FORMATS: Mapping[str, Callable[[Any], str]] = {"toml": _toml, "yaml": _yaml, "json": json.dumps}


def _load_and_plan(path: str, url: str) -> tuple[float, float]:
    with Client(url, samples.AUTH) as client:
        taken = seconds(lambda: plan(Manifest.load(path), client))
    return taken, peak_megabytes()


@functools.cache
def _time_and_memory(suffix: str) -> tuple[float, float]:
    """Load and plan a manifest in which every tenth entry differs from the server."""
    entries = samples.entries(_ENTRIES)
    with tempfile.TemporaryDirectory() as folder, serving(records=_ENTRIES) as server:
        path = Path(folder, f"integrations.{suffix}")
        path.write_text(_FORMATS[suffix](entries), encoding="utf-8")
        taken, memory = in_fresh_process(_load_and_plan, str(path), server.url)
    return taken, memory


def _time(suffix: str) -> Callable[[int], float]:
    return lambda _: _time_and_memory(suffix)[0]


def _memory(suffix: str) -> Callable[[int], float]:
    return lambda _: _time_and_memory(suffix)[1]


# Apply


def _posts(server: Server, _: Client) -> Action:
    session = requests.Session()
    url, body, headers = f"{server.url}/api/v1/integrations.create", samples.body(), samples.HEADERS
    return times(_ONE_BY_ONE, lambda: session.post(url, json=body, headers=headers, timeout=30).json())


def _one_by_one(_: Server, client: Client) -> Action:
    creates = _creates(client, _ONE_BY_ONE)
    return lambda: apply(creates, client, workers=1)


def _creates(client: Client, number: int) -> Plan:
    return plan([samples.definition(each) for each in range(number)], client)


def _apply_against(making: Callable[[Server, Client], Action]) -> Callable[[int], float]:
    def measure(rounds: int) -> float:
        with serving(latency=_LATENCY) as server, Client(server.url, samples.AUTH) as client:
            creates = _creates(client, _CREATED)
            both = ratio(lambda: apply(creates, client, workers=_WORKERS), making(server, client), fewer(rounds, 30))
        return both / _CREATED * _ONE_BY_ONE

    return measure


def _connections(_: int) -> float:
    with serving(latency=_LATENCY) as server, Client(server.url, samples.AUTH) as client:
        apply(_creates(client, _CREATED), client, workers=_WORKERS)
        return server.connections()


_APPLY = f"apply of {_CREATED:,} creates, {_LATENCY * 1000:.0f} ms each, {_WORKERS} workers"

ROWS = (
    Row("plan", f"plan over {_PLANNED:,} integrations", "own CPU", 2, " s", _cpu_of_plan),
    *(
        row
        for suffix in _FORMATS
        for row in (
            Row(
                f"manifest-{suffix}",
                f"load and plan {_ENTRIES:,} entries, {suffix.upper()}",
                "time",
                10,
                " s",
                _time(suffix),
            ),
            Row(f"manifest-{suffix}-memory", "the same", "peak memory of the process", 300, " MB", _memory(suffix)),
        )
    ),
    Row("apply-requests", _APPLY, "a loop of requests posts", 0.2, "", _apply_against(_posts)),
    Row("apply-workers", "the same", "1 worker", 0.2, "", _apply_against(_one_by_one)),
    Row("apply-connections", "the same", "connections accepted", _WORKERS, "", _connections),
)
