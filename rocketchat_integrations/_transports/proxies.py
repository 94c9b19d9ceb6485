"""Choose the proxy for a URL: by the option, or by the environment as requests reads it."""

from __future__ import annotations

import ipaddress
from base64 import b64encode
from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from rocketchat_integrations._protocol.transport_errors import failure


def proxy_url(base_url: str, explicit: Mapping[str, str] | None) -> str | None:
    """Return the proxy for this URL. The option takes precedence over the environment, even by the key ``"all"``."""
    parts = urlsplit(base_url)
    keys = (f"{parts.scheme}://{parts.hostname}", parts.scheme, f"all://{parts.hostname}", "all")
    chosen = next((explicit[key] for key in keys if explicit and key in explicit), None)
    if chosen is None:
        from_environment = getproxies()
        if not _is_bypassed(parts.netloc, parts.hostname or "", from_environment.get("no", "")):
            chosen = next((from_environment[key] for key in keys if key in from_environment), None)
    return chosen or None


def _is_bypassed(netloc: str, host: str, no_proxy: str) -> bool:
    """Return whether the environment excludes a host from its proxies: by its name, or a network of addresses."""
    return bool(proxy_bypass(netloc)) or _is_in_networks(host, no_proxy)


def _is_in_networks(host: str, no_proxy: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in _networks(no_proxy))


def _networks(no_proxy: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for entry in no_proxy.split(","):
        try:
            yield ipaddress.ip_network(entry.strip(), strict=False)
        except ValueError:
            continue


class Proxy:
    """A proxy's URL and the header with its credentials: aiohttp's reprs would show them in the URL."""

    def __init__(self, url: str) -> None:
        full = url if "://" in url else f"http://{url}"
        scheme, _, rest = full.partition("://")
        authority, slash, path = rest.partition("/")
        credentials, at, place = authority.rpartition("@")
        self._url = f"{scheme}://{place}{slash}{path}"
        basic = b64encode(unquote(credentials).encode()).decode()
        self._headers = {"Proxy-Authorization": f"Basic {basic}"} if at else None

    @classmethod
    def of(cls, url: str | None) -> Proxy | None:
        return None if url is None else cls(url)

    def url_and_headers(self, target: str) -> tuple[URL, dict[str, str] | None]:
        """Return the proxy's URL and headers. Raise TransportError if aiohttp cannot use the URL."""
        url = self._usable_url()
        if url is None:
            raise failure("the URL, or the proxy's, cannot be used", "other", target, may_have_acted=False)
        return url, self._headers

    def _usable_url(self) -> URL | None:
        try:
            url = URL(self._url)
            return url if url.scheme in ("http", "https") and url.host and url.port is not None else None
        except ValueError:
            return None
