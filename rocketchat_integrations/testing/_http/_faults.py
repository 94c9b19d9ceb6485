"""Faults on request: connections that break, and answers of proxies and limits in the server's place."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable

import attrs
from werkzeug.wrappers import Response

from rocketchat_integrations.testing._world._settings import Settings

from ._responses import html_response, json_response
from ._throttle import Allowance


class Sending(enum.Enum):
    """How much of a response is sent."""

    WHOLE = enum.auto()
    HALF = enum.auto()
    """Half of the body, then the connection is closed."""
    RESET = enum.auto()
    """Nothing: the connection is reset."""
    NEVER = enum.auto()
    """Nothing, and the connection stays open."""


@attrs.define
class Dispatch:
    """How the response to one request is sent: set by the application, read by the connection."""

    sending: Sending = Sending.WHOLE


@attrs.frozen
class Fault:
    """One way to fail."""

    sending: Sending = Sending.WHOLE
    substitute: Callable[[str, Settings], Response] | None = None
    """Makes the response for a path, in place of the server; None if the server acts and answers itself."""


def _rate_limited(_: str, settings: Settings) -> Response:
    allowance = Allowance(settings.rate_limit[0] if settings.rate_limit else 10, remaining=0, seconds=1.0)
    refusal = allowance.refusal()
    return json_response(refusal.status, refusal.body, allowance.headers(settings))


def _redirected(path: str, _: Settings) -> Response:
    return Response(status=302, headers={"Location": f"https://elsewhere.example{path}"})


def _not_sent(_: str, __: Settings) -> Response:
    return Response(status=503)


_FAULTS = {
    "reset-before": Fault(Sending.RESET, _not_sent),
    "reset-after": Fault(Sending.RESET),
    "hang": Fault(Sending.NEVER, _not_sent),
    "502": Fault(substitute=lambda _, __: html_response(502, "Bad Gateway")),
    "503": Fault(substitute=lambda _, __: html_response(503, "Service Temporarily Unavailable")),
    "truncate": Fault(Sending.HALF),
    "html": Fault(substitute=lambda _, __: html_response(200, "Please sign in to this network")),
    "429": Fault(substitute=_rate_limited),
    "redirect": Fault(substitute=_redirected),
}


class FaultPlan:
    """The faults of the next calls, by endpoint."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._planned: dict[str, deque[Fault]] = {endpoint: deque() for endpoint in endpoints}

    def add(self, endpoint: str, fault: str, times: int) -> None:
        """Let the next calls of an endpoint fail, after those that were planned before.

        Raises:
            ValueError: there is no such endpoint or fault, or ``times`` is not positive.
        """
        if endpoint not in self._planned:
            raise ValueError(f"there is no endpoint {endpoint!r}: allowed are {', '.join(self._planned)}")
        if fault not in _FAULTS:
            raise ValueError(f"there is no fault {fault!r}: allowed are {', '.join(_FAULTS)}")
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times!r}")
        self._planned[endpoint].extend([_FAULTS[fault]] * times)

    def take(self, endpoint: str) -> Fault | None:
        """Remove and return the next fault of an endpoint, if one is planned."""
        planned = self._planned.get(endpoint)
        return planned.popleft() if planned else None
