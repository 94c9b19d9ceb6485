"""Benchmark outgoing webhooks: parsing payloads, and the web application."""

from __future__ import annotations

import io
import itertools
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from rocketchat_integrations import EventType
from rocketchat_integrations.outgoing import Payload, WebhookApp, parse

from .measuring import Row, difference, ratio, times

_RECORDED = Path(__file__).resolve().parent.parent / "tests" / "outgoing-webhooks.json"
_PAYLOADS: dict[str, dict[str, Any]] = json.loads(_RECORDED.read_text(encoding="utf-8"))["payloads"]

_PARSES = 100
_CALLS = 20


def _parsed_against_json(event: str) -> Callable[[int], float]:
    body, token = json.dumps(_PAYLOADS[event]).encode(), _PAYLOADS[event]["token"]

    def measure(rounds: int) -> float:
        parsing = times(_PARSES, lambda: parse(body, token=token, event=event))
        return ratio(parsing, times(_PARSES, lambda: json.loads(body)), rounds)

    return measure


def _start_response(status: str, headers: list[tuple[str, str]]) -> None:
    """Ignore the response headers."""


def _bare(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", "2")])
    return [b"{}"]


def _microseconds_of_app(rounds: int) -> float:
    payload = _PAYLOADS[EventType.SEND_MESSAGE]
    app = WebhookApp(token=payload["token"])

    @app.on(EventType.SEND_MESSAGE)
    def ignore(message: Payload) -> None: ...

    numbers = itertools.count()

    def calling(application: Callable[..., Iterable[bytes]]) -> Callable[[], object]:
        def call() -> None:
            # A new id each time: repeated messages are not handled again.
            body = json.dumps({**payload, "message_id": f"m{next(numbers)}"}).encode()
            environ = {
                "REQUEST_METHOD": "POST",
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(body)),
                "wsgi.input": io.BytesIO(body),
            }
            b"".join(application(environ, _start_response))

        return times(_CALLS, call)

    return difference(calling(app), calling(_bare), rounds) / _CALLS * 1e6


ROWS = (
    *(
        Row(f"parse-{event}", f"parse of {event}", "json.loads of it", 4, "", _parsed_against_json(event))
        for event in _PAYLOADS
    ),
    Row("app", "WebhookApp", "added to a bare WSGI function", 100, " µs", _microseconds_of_app),
)
