"""Make the error for a request without a complete answer."""

from __future__ import annotations

from urllib.parse import urlsplit

from rocketchat_integrations.exceptions import TransportError, TransportTimeout

_PORTS = {"http": 80, "https": 443}


def failure(what: str, kind: str, url: str, *, may_have_acted: bool = True) -> TransportError:
    """Return the error for a request to this URL."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    kind_of_error = TransportTimeout if kind == "timeout" else TransportError
    return kind_of_error(f"{place}: {what}", kind=kind, host=host, port=port, may_have_acted=may_have_acted)
