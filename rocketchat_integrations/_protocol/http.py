"""HTTP requests, responses, timeouts, and the transport interface.

To use another HTTP library, or a fake in tests, give the client any object with the
methods of :class:`Transport` as ``transport=``; the asynchronous client one with those of :class:`AsyncTransport`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NoReturn, Protocol

import attrs


def names_only(headers: Mapping[str, str]) -> str:
    """Show names without values: values may be secrets."""
    return f"<{', '.join(headers)}>"


def _size_only(body: bytes | None) -> str:
    return "None" if body is None else f"<{len(body)} bytes>"


def _positive(_: object, field: attrs.Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < float("inf"):
        raise ValueError(f"timeout: {field.name} must be a positive number of seconds, not {value!r}")


@attrs.frozen
class Timeout:
    """Time limits of one HTTP request, in seconds; all must be positive.

    Raises:
        ValueError: if a value is not a positive number.
    """

    connect: float = attrs.field(default=5.0, validator=_positive)
    """Time to establish a connection to one address of the host, and again for TLS. A proxy may take ``connect`` and
    ``read`` together to open a tunnel."""

    read: float = attrs.field(default=30.0, validator=_positive)
    """Time until the response begins, and between two parts of it."""

    total: float = attrs.field(default=120.0, validator=_positive)
    """Time from the first byte of the request to the last of the response, whatever the server sends meanwhile."""


@attrs.frozen
class Request:
    """An HTTP request.

    Operations create it with a relative path; the client makes the URL absolute and adds the headers.
    Its repr shows neither secrets nor header values nor the body.
    """

    method: str
    """``"GET"``, ``"POST"`` or ``"PUT"``."""

    url: str = attrs.field(repr=False)
    """The quoted URL with its query; relative to the base URL until the client sends it."""

    endpoint: str
    """The name of the endpoint, without secrets: ``"integrations.get"``, ``"hooks"``."""

    body: bytes | None = attrs.field(default=None, repr=_size_only)
    """The JSON body, or None."""

    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=names_only)
    """The headers."""

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Values to hide in errors and logs: tokens in the headers and in the URL."""

    authenticated: bool = True
    """Whether it needs a login."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Request holds secrets and cannot be pickled")


@attrs.frozen
class Response:
    """An HTTP response. Its repr shows neither header values nor the body."""

    status: int
    """The HTTP status."""

    headers: Mapping[str, str] = attrs.field(factory=dict[str, str], repr=names_only)
    """The headers, with names in lower case."""

    body: bytes = attrs.field(default=b"", repr=_size_only)
    """The body, decompressed."""

    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)
    """Values of the request to hide if the response repeats them. Set by the client."""

    url: str = attrs.field(default="", repr=False)
    """The URL of the request. Set by the client."""


class Transport(Protocol):
    """Sends one request and reads the whole response. Used by several threads at once."""

    def send(self, request: Request) -> Response:
        """Send the request without following redirects.

        Raises:
            TransportError: if there is no complete response. No other exception, and without a cause or context.
        """
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class AsyncTransport(Protocol):
    """Sends one request and reads the whole response, for an asynchronous client. Used by several tasks at once."""

    async def send(self, request: Request) -> Response:
        """Send the request without following redirects.

        Raises:
            TransportError: if there is no complete response. No other exception, and without a cause or context.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...
