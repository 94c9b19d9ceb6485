"""Describe a call as a generator, without I/O.

A flow yields operations; it receives each result, or the failure is raised in it. :mod:`.exchange` turns a flow into
steps. A driver performs each step and sends the outcome back; it sends a TransportError as a value, and raises the
failure of a login in the generator.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Protocol, TypeAlias, TypeVar

import attrs

from rocketchat_integrations.auth import TokenAuth

from .endpoints import Operation
from .http import Request

T = TypeVar("T")

Flow: TypeAlias = Generator[Operation[Any], Any, T]
"""What a call asks, operation by operation. Returns the result of the call."""


def call(operation: Operation[T]) -> Flow[T]:
    """Perform one operation and return its result."""
    result: T = yield operation
    return result


@attrs.frozen
class Wait:
    """Wait. Returns None."""

    seconds: float


@attrs.frozen
class Send:
    """Send a request. Returns the Response, or the TransportError."""

    request: Request


@attrs.frozen
class LogIn:
    """Log in, one thread or task at a time. Returns the TokenAuth to sign with."""

    expired: TokenAuth | None
    """The token that the server has refused."""


Steps: TypeAlias = Generator[Wait | Send | LogIn, Any, T]
"""What a driver does for a call, step by step."""


class Clock(Protocol):
    """Time and chance, given by the driver."""

    def monotonic(self) -> float: ...  # seconds since any fixed moment
    def random(self) -> float: ...  # between 0 and 1
