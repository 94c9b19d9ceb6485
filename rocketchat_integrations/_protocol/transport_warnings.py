"""Warn about connections that others can read and change."""

from __future__ import annotations

import inspect
import warnings
from ipaddress import ip_address
from urllib.parse import urlsplit

from rocketchat_integrations.exceptions import InsecureTransportWarning

_PACKAGE = __name__.partition(".")[0]


def warn_about_plain_http(base_url: str) -> None:
    """Warn if the URL begins with ``http://``, unless its host is this machine."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not _is_loopback(host):
        warn_insecure(f"http://{host} is not encrypted: others can read the tokens and change the calls; use https://")


def warn_insecure(message: str) -> None:
    """Warn at the line outside of this package that has led here, so that Python shows it once for that line."""
    level, frame = 1, inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, InsecureTransportWarning, stacklevel=level)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
