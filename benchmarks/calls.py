"""Benchmark one call: create an integration and return its record."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

import requests

from rocketchat_integrations import Client

from . import samples
from .measuring import Action, Row, ratio, times
from .server import Server, serving

_CALLS = 10
_MANY = 1_000
_Making = Callable[[str], Action]


@contextmanager
def _ours() -> Generator[tuple[Server, Action], None, None]:
    definition = samples.definition()
    with serving() as server, Client(server.url, samples.AUTH) as client:
        yield server, lambda: client.create(definition)


def _session(url: str) -> Action:
    session = requests.Session()
    body, headers = samples.body(), samples.HEADERS
    return lambda: session.post(f"{url}/api/v1/integrations.create", json=body, headers=headers, timeout=30).json()


def _rocketchat_api(url: str) -> Action:
    library: Any = import_module("rocketchat_API.rocketchat")  # it has no types
    rocket = library.RocketChat(server_url=url, user_id=samples.AUTH.user_id, auth_token=samples.AUTH.token)
    fields = samples.body()
    fields["integrations_type"] = fields.pop("type")
    fields["script_enabled"] = fields.pop("scriptEnabled")
    return lambda: rocket.integrations_create(**fields)


def _http_client(url: str) -> Action:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    headers = {**samples.HEADERS, "Content-Type": "application/json"}
    body = samples.body()

    def create() -> Any:
        connection.request("POST", "/api/v1/integrations.create", json.dumps(body), headers)
        return json.loads(connection.getresponse().read())

    return create


def _against(making: _Making) -> Callable[[int], float]:
    def measure(rounds: int) -> float:
        with _ours() as (server, create):
            return ratio(times(_CALLS, create), times(_CALLS, making(server.url)), rounds)

    return measure


def _connections(_: int) -> float:
    with _ours() as (server, create):
        times(_MANY, create)()
        return server.connections()


ROWS = (
    Row("create-requests", "client.create", "session.post of requests", 0.65, "", _against(_session)),
    Row(
        "create-rocketchat_API",
        "client.create",
        "integrations_create of rocketchat_API",
        0.65,
        "",
        _against(_rocketchat_api),
    ),
    Row("create-http.client", "client.create", "http.client, the lower limit", 2.5, "", _against(_http_client)),
    Row("create-connections", f"{_MANY:,} creates", "connections accepted", 1, "", _connections),
)
