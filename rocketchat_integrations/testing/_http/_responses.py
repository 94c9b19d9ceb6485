"""Make HTTP responses."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Response


def json_response(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response."""
    return Response(
        json.dumps(body, separators=(",", ":")), status=status, headers=dict(headers or {}), mimetype="application/json"
    )


def html_response(status: int, title: str) -> Response:
    """Return an HTML page, as the web app and proxies send it."""
    html = f"<!DOCTYPE html>\n<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>\n"
    return Response(html, status=status, mimetype="text/html")


def web_app() -> Response:
    """Return the page that the server sends for every unknown path."""
    return html_response(200, "Rocket.Chat")
