"""Answers as they are sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response


def json_answer(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """An answer of the API."""
    return Response(json.dumps(body), status=status, headers=dict(headers or {}), mimetype="application/json")


def page(status: int, title: str) -> Response:
    """A page for a browser, as the web app and proxies send it."""
    html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(html, status=status, mimetype="text/html")


def web_app() -> Response:
    """What the server sends for every path that it does not know."""
    return page(200, "Rocket.Chat")
