"""What goes over the wire and comes back, and what carries it: values and one protocol.

A transport of your own (for tests, for another HTTP library) is any object with the
methods of :class:`Transport`, given to the client as ``transport=``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol

import attrs


def _named(headers: Mapping[str, str]) -> str:
    return f"<{', '.join(headers)}>"


def _sized(body: bytes | None) -> str:
    return "None" if body is None else f"<{len(body)} bytes>"


def _no_headers() -> dict[str, str]:
    return {}


def _positive(_: object, field: attrs.Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"timeout: {field.name} must be a positive number of seconds, not {value!r}")


@attrs.frozen
class Timeout:
    """How long a call may take, in seconds; all must be positive.

    Raises:
        ValueError: for a value that is not.
    """

    connect: float = attrs.field(default=5.0, validator=_positive)
    """Until the connection stands."""

    read: float = attrs.field(default=30.0, validator=_positive)
    """Until the answer begins, and between two parts of it."""

    total: float = attrs.field(default=120.0, validator=_positive)
    """For the whole body of the answer, however steadily it drips. Looked at whenever a part arrives, so that a body
    that then stops can take ``read`` seconds more."""


@attrs.frozen
class Request:
    """An HTTP request.

    Operations make it with a path; the client makes it absolute and adds the headers.
    A repr shows neither secrets nor values of headers nor the body.
    """

    method: str
    """``"GET"``, ``"POST"`` or ``"PUT"``."""

    url: str = attrs.field(repr=False)
    """The URL, quoted and with its query; relative to the base URL until the client sends it."""

    endpoint: str
    """What is called, without secrets: ``"integrations.get"``, ``"hooks"``."""

    body: bytes | None = attrs.field(default=None, repr=_sized)
    """JSON, if there is any."""

    headers: Mapping[str, str] = attrs.field(factory=_no_headers, repr=_named)
    """The headers."""

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """What must not be shown if it comes back in an answer or an error: tokens in headers and in the URL."""

    authenticated: bool = True
    """Whether it needs a login."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Request holds secrets and cannot be pickled")


@attrs.frozen
class Response:
    """An HTTP answer. A repr shows neither values of headers nor the body."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = attrs.field(factory=_no_headers, repr=_named)
    """The headers, their names in lower case."""

    body: bytes = attrs.field(default=b"", repr=_sized)
    """The body, decompressed."""

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """What was sent with the request and must not be shown if the answer repeats it. The client fills it in."""


class Transport(Protocol):
    """Sends one request and reads the whole answer. Used by several threads at once."""

    def send(self, request: Request) -> Response:
        """Send the request, not following redirects.

        Raises:
            TransportError: if there is no complete answer. Never anything else, and chained to nothing.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...
