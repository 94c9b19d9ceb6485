"""Map paths to endpoints."""

from __future__ import annotations

from collections.abc import Container
from urllib.parse import unquote

import attrs


@attrs.frozen
class Address:
    """The endpoint that a path leads to, and what the path says."""

    name: str = ""
    """Empty if there is no such endpoint."""
    integration_id: str = ""
    token: str = ""
    user_id: str = ""
    """The user that a webhook's address may have in the middle."""


def address_of(path: str, base_path: str, endpoints: Container[str]) -> Address:
    """Return where a path leads."""
    if not path.startswith(f"{base_path}/"):
        return Address()
    match [unquote(part) for part in path.removeprefix(base_path).strip("/").split("/")]:
        case ["api", "info"]:
            return Address("info")
        case ["api", "v1", name] if name in endpoints and name not in ("info", "hooks", "hooks.info"):
            return Address(name)
        case ["embedded", "say"]:
            return Address("say")
        case ["hooks", "info", integration_id, _, token]:
            return Address("hooks.info", integration_id, token)
        case ["hooks", integration_id, token]:
            return Address("hooks", integration_id, token)
        case ["hooks", integration_id, user_id, token]:
            return Address("hooks", integration_id, token, user_id)
        case _:
            return Address()
