"""What can go wrong on request."""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Iterable

import attrs
from werkzeug.wrappers import Response

from ._answers import json_answer, page
from ._limits import Allowance
from ._settings import Settings

REFUSE = "refuse"
"""The one fault that befalls connections, before there is a request."""


class Delivery(enum.Enum):
    """How an answer leaves the server."""

    WHOLE = enum.auto()
    HALF = enum.auto()
    """Half of the body is sent, then the connection is closed."""
    RESET = enum.auto()
    """The connection is reset instead."""
    NEVER = enum.auto()
    """Nothing is sent, and the connection stays open."""


@attrs.define
class Dispatch:
    """How the answer to one request is delivered: decided by the application, carried out by the connection."""

    delivery: Delivery = Delivery.WHOLE


@attrs.frozen
class Fault:
    """One way to fail: by how an answer is delivered, or by what somebody else answers in the server's place."""

    delivery: Delivery = Delivery.WHOLE
    substitute: Callable[[str, Settings], Response] | None = None
    """Makes the answer, of the path that was asked for; without it the server itself acts and answers."""


def _rate_limited(_: str, settings: Settings) -> Response:
    allowance = Allowance(settings.rate_limit[0] if settings.rate_limit else 10, remaining=0, seconds=1.0)
    refusal = allowance.refusal()
    return json_answer(refusal.status, refusal.body, allowance.headers(settings))


def _redirected(path: str, _: Settings) -> Response:
    return Response(status=302, headers={"Location": f"https://elsewhere.example{path}"})


def _not_answered(_: str, __: Settings) -> Response:
    return Response(status=503)


_FAULTS = {
    "reset-before": Fault(Delivery.RESET, _not_answered),
    "reset-after": Fault(Delivery.RESET),
    "hang": Fault(Delivery.NEVER, _not_answered),
    "502": Fault(substitute=lambda _, __: page(502, "Bad Gateway")),
    "503": Fault(substitute=lambda _, __: page(503, "Service Temporarily Unavailable")),
    "truncate": Fault(Delivery.HALF),
    "html": Fault(substitute=lambda _, __: page(200, "Please sign in to this network")),
    "429": Fault(substitute=_rate_limited),
    "redirect": Fault(substitute=_redirected),
}


class FaultPlan:
    """Which calls will fail how."""

    def __init__(self, endpoints: Iterable[str]) -> None:
        self._planned: dict[str, deque[Fault]] = {endpoint: deque() for endpoint in endpoints}

    def add(self, endpoint: str, fault: str, times: int) -> None:
        """Let the next calls of an endpoint fail, after those planned before; ``refuse`` is only checked.

        Raises:
            ValueError: there is no such endpoint or fault, or ``times`` is not positive.
        """
        if endpoint not in self._planned:
            raise ValueError(f"there is no endpoint {endpoint!r}: allowed are {', '.join(self._planned)}")
        if fault not in (REFUSE, *_FAULTS):
            raise ValueError(f"there is no fault {fault!r}: allowed are {', '.join((REFUSE, *_FAULTS))}")
        if times < 1:
            raise ValueError(f"times must be at least 1, not {times!r}")
        if fault != REFUSE:
            self._planned[endpoint].extend([_FAULTS[fault]] * times)

    def take(self, endpoint: str) -> Fault | None:
        """The fault of the call that has just come in, if one is planned."""
        planned = self._planned.get(endpoint)
        return planned.popleft() if planned else None
