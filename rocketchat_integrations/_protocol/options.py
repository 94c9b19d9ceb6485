"""The options of a connection: the one place where each is declared, documented and checked.

To add an option: a field here, its type in :class:`ConnectionKeywords`, and the transport that uses it.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NoReturn, TypedDict, TypeVar, cast

import attrs
from attrs.validators import optional

from rocketchat_integrations._tracebacks import sealed_init
from rocketchat_integrations.exceptions import ConfigurationError

from .arguments import check, fits_header, is_text, is_text_mapping
from .http import AsyncTransport, Timeout, Transport, names_only
from .retries import RetryPolicy

F = TypeVar("F", bound=Callable[..., Any])


class _SharedKeywords(TypedDict, total=False):
    timeout: float | tuple[float, float] | Timeout
    retry: RetryPolicy
    verify: bool | str
    cert: str | tuple[str, str] | None
    proxies: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    user_agent: str | None
    pool_size: int
    max_response_size: int


class ConnectionKeywords(_SharedKeywords, total=False):
    """The types of the options as keywords; :class:`ConnectionOptions` explains them."""

    transport: Transport | None


class AsyncConnectionKeywords(_SharedKeywords, total=False):
    """The types of the options of an asynchronous client as keywords."""

    transport: AsyncTransport | None


def _timeout(timeout: float | tuple[float, float] | Timeout) -> Timeout:
    if isinstance(timeout, Timeout):
        return timeout
    connect_and_read = timeout if isinstance(timeout, tuple) else (timeout, timeout)
    check("timeout", len(connect_and_read) == 2, "a number of seconds, a pair of them, or a Timeout")
    try:
        return Timeout(*connect_and_read)
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _must_be(allowed: str, is_valid: Callable[[Any], bool]) -> Callable[[object, attrs.Attribute[Any], Any], None]:
    def validate(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        check(field.name, is_valid(value), allowed)

    return validate


_RESERVED_HEADERS = (
    *("x-auth-token", "x-user-id", "content-type", "content-length", "host"),
    *("accept-encoding", "connection", "transfer-encoding"),
)


def _can_be_sent(_: object, __: attrs.Attribute[Any], headers: Any) -> None:
    if not is_text_mapping(headers):
        raise ConfigurationError("headers: must be a mapping of text to text")
    for name, value in headers.items():
        check("headers", name.lower() not in _RESERVED_HEADERS, f"without {name}, which the client sets itself")
        is_name = re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII) is not None
        check("headers", is_name and fits_header(value), f"printable ASCII text; {name!r} is not")


def _shown_names(mapping: Mapping[str, str] | None) -> str:
    return "None" if mapping is None else names_only(mapping)


def _is_path_or_pair(value: object) -> bool:
    if not isinstance(value, tuple):
        return is_text(value)
    pair = cast("tuple[object, ...]", value)
    return len(pair) == 2 and all(map(is_text, pair))


def _is_positive_integer(value: object) -> bool:
    return type(value) is int and value > 0


def _copied(mapping: Mapping[str, str] | None) -> Mapping[str, str] | None:
    # Later changes of the caller's mapping would bypass the checks. A value of another type is left to these.
    return MappingProxyType({**mapping}) if isinstance(mapping, Mapping) else mapping


def _is_transport(value: object) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("send", "close"))


@sealed_init
@attrs.frozen(kw_only=True)
class ConnectionOptions:
    """How to connect. The clients and the webhooks take each option as a keyword.

    To give several clients the same options, pass ``**attrs.asdict(options, recurse=False)``.

    Raises:
        ConfigurationError: if an option is not allowed; the message names it.
    """

    timeout: Timeout = attrs.field(default=Timeout(), converter=_timeout)
    """Seconds: one number for connecting and for the time between two parts of a response, a pair of numbers for these
    two, or a :class:`Timeout`. By default 5 s to connect, 30 s between two parts of a response, 120 s from the first
    byte of the request to the last of the response."""

    retry: RetryPolicy = attrs.field(
        default=RetryPolicy(), validator=_must_be("a RetryPolicy", lambda value: isinstance(value, RetryPolicy))
    )
    """When calls are retried, and how long they may wait."""

    verify: bool | str = attrs.field(
        default=True,
        # Empty text would turn verification off.
        validator=_must_be(
            "True, False or the path of a CA bundle", lambda value: isinstance(value, bool) or is_text(value)
        ),
    )
    """Whether to verify the server's certificate; or the path of a CA bundle. False causes an
    :class:`~rocketchat_integrations.InsecureTransportWarning` for each client. With True, ``REQUESTS_CA_BUNDLE`` and
    ``CURL_CA_BUNDLE`` in the environment are used."""

    cert: str | tuple[str, str] | None = attrs.field(
        default=None, validator=optional(_must_be("a path or a pair of paths", _is_path_or_pair))
    )
    """A client certificate: the path of a file with certificate and key, or a pair of paths."""

    proxies: Mapping[str, str] | None = attrs.field(
        default=None,
        converter=_copied,
        repr=_shown_names,
        hash=False,
        validator=optional(_must_be("URLs by scheme", is_text_mapping)),
    )
    """A proxy's URL by scheme (``{"https": "http://proxy:3128"}``); takes precedence over the proxies of the
    environment."""

    headers: Mapping[str, str] | None = attrs.field(
        default=None, converter=_copied, repr=_shown_names, hash=False, validator=optional(_can_be_sent)
    )
    """Headers to send with every request. They replace the client's defaults, such as ``Accept``."""

    user_agent: str | None = attrs.field(
        default=None,
        validator=optional(_must_be("printable ASCII text", lambda value: is_text(value) and fits_header(value))),
    )
    """The name of your program, sent before the name of this package."""

    pool_size: int = attrs.field(default=10, validator=_must_be("a positive whole number", _is_positive_integer))
    """The maximum number of connections to keep between calls. Connections that were idle for 4 s are not used again.
    It does not limit how many are open: a client has one for each thread that is in a call, and closes those beyond
    this number after their call. An asynchronous client opens at most 100 at a time, or this number if it is larger,
    and keeps them all."""

    max_response_size: int = attrs.field(
        default=16 * 2**20, validator=_must_be("a positive number of bytes", _is_positive_integer)
    )
    """The maximum size of a response in bytes, decompressed; by default 16 MiB. A larger one raises
    :class:`~rocketchat_integrations.TransportError`. So does one of more than 1 MiB that is compressed more than 200
    times, or would take more than 16 times its size in memory: lists of records are far below both."""

    transport: Transport | AsyncTransport | None = attrs.field(
        default=None, validator=optional(_must_be("an object with the methods of Transport", _is_transport))
    )
    """An object that sends the requests, in place of the library requests; for an asynchronous client an
    :class:`AsyncTransport`, in place of aiohttp. It decides itself how to use ``timeout``, ``verify``, ``cert``,
    ``proxies``, ``pool_size`` and ``max_response_size``."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("ConnectionOptions may hold secrets and cannot be pickled")


class UnknownOption(ConfigurationError, TypeError):
    """A keyword that is no option. Also a TypeError, as for any unknown keyword."""


def connection_options(**options: Any) -> ConnectionOptions:
    """Make the options from keywords, or raise UnknownOption for another keyword."""
    unknown = options.keys() - ConnectionKeywords.__annotations__.keys()
    if unknown:
        allowed = ", ".join(ConnectionKeywords.__annotations__)
        raise UnknownOption(f"unknown options: {', '.join(sorted(unknown))}; allowed are {allowed}")
    return ConnectionOptions(**options)


def transport_of(options: ConnectionOptions) -> Transport | None:
    """Return the transport of the options, if any. Raise ConfigurationError if its methods are coroutines."""
    transport = options.transport
    if transport is None or not _is_asynchronous(transport):
        return cast("Transport | None", transport)
    raise ConfigurationError("transport: must be a Transport; an AsyncTransport is for an AsyncClient")


def async_transport_of(options: ConnectionOptions) -> AsyncTransport | None:
    """Return the transport of the options, if any. Raise ConfigurationError unless its methods are coroutines."""
    transport = options.transport
    if transport is None or _is_asynchronous(transport):
        return cast("AsyncTransport | None", transport)
    raise ConfigurationError("transport: must be an AsyncTransport: send and close have to be coroutine functions")


def _is_asynchronous(transport: Transport | AsyncTransport) -> bool:
    return inspect.iscoroutinefunction(transport.send)


def shows_options(function: F) -> F:
    """Show the options with their defaults in the function's signature, in place of ``**options``."""
    signature = inspect.signature(function)
    own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
    options = inspect.signature(ConnectionOptions).parameters.values()
    target: Any = function  # type checkers know no `__signature__`
    target.__signature__ = signature.replace(parameters=[*own, *options])
    return function
