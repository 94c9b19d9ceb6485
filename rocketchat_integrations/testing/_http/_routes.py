"""Map paths to endpoints."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import unquote

import attrs


@attrs.frozen
class Route:
    """The endpoint that a path leads to, and what the path says."""

    name: str = ""
    """Empty if there is no such endpoint."""
    integration_id: str = ""
    token: str = ""


def route(path: str, base_path: str, endpoints: Container[str]) -> Route:
    """Return where a path leads."""
    if not path.startswith(f"{base_path}/"):
        return Route()
    match [unquote(part) for part in path.removeprefix(base_path).strip("/").split("/")]:
        case ["api", "info"]:
            return Route("info")
        case ["api", "v1", name] if name in endpoints and name not in ("info", "hooks", "hooks.info"):
            return Route(name)
        case ["hooks", "info", integration_id, _, token]:
            return Route("hooks.info", integration_id, token)
        case ["hooks", integration_id, token] | ["hooks", integration_id, _, token]:
            return Route("hooks", integration_id, token)
        case _:
            return Route()
