"""Build the headers of each request: the defaults, the user's own, and the login's."""

from __future__ import annotations

from collections.abc import Mapping

from rocketchat_integrations._version import __version__
from rocketchat_integrations.auth import TokenAuth

from .http import Request


class Signer:
    """Makes requests ready to send: absolute URL, headers, token."""

    def __init__(self, base_url: str, *, headers: Mapping[str, str] | None, user_agent: str | None) -> None:
        agent = f"rocketchat-integrations/{__version__}"
        own = headers or {}
        defaults = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": agent if user_agent is None else f"{user_agent} {agent}",
        }
        replaced = {name.lower() for name in own}
        self._base_url = base_url
        self._headers = {**{name: text for name, text in defaults.items() if name.lower() not in replaced}, **own}
        # Proxies may want a token in a header. Shorter values are everyday words.
        self._secrets = tuple(value for value in own.values() if len(value) >= 8)

    def sign(self, request: Request, token: TokenAuth | None) -> Request:
        """Return the request to send, with this token or without any."""
        headers = {**self._headers, **request.headers}
        secrets = (*request.secrets, *self._secrets)
        if token is not None:
            headers["X-User-Id"], headers["X-Auth-Token"] = token.user_id, token.token
            secrets = (*secrets, token.token)
        url = request.url if "://" in request.url else self._base_url + request.url
        # Not attrs.evolve, which looks up all fields for every call.
        return Request(request.method, url, request.endpoint, request.body, headers, secrets, request.authenticated)
