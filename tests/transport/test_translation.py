"""Every exception of requests and of the libraries beneath it becomes a TransportError."""

from __future__ import annotations

import http.client
import importlib
import inspect
import pkgutil
import socket
import ssl
import zlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
import requests
import urllib3
from requests import exceptions as of_requests
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as of_urllib3
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

from rocketchat_integrations import TransportError, TransportTimeout
from rocketchat_integrations._protocol.http import Request, Timeout

if TYPE_CHECKING:
    from tests.transport.conftest import Connect

_URL = "https://chat.example/api"
_REQUEST = Request("GET", _URL, "x", headers={"X-Auth-Token": "S3CRET"}, secrets=("S3CRET",))
_POOL = HTTPConnectionPool("chat.example")
_CONNECTION = HTTPConnection("chat.example")


def _modules(package: Any) -> Iterator[Any]:
    yield package
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "contrib" not in module.name and "http2" not in module.name:  # they need other libraries
            yield importlib.import_module(module.name)


def _classes() -> dict[str, type[Exception]]:
    """Return the exceptions that these packages define, by their names."""
    packages = ("builtins", "requests", "urllib3", "http", "socket", "ssl", "zlib")
    modules = [*_modules(requests), *_modules(urllib3), http.client, socket, ssl, zlib]
    found = {member for module in modules for member in vars(module).values() if inspect.isclass(member)}
    found |= {ConnectionError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError, OSError, ValueError}
    kinds = [kind for kind in found if issubclass(kind, Exception) and kind.__module__.partition(".")[0] in packages]
    return {f"{kind.__module__}.{kind.__qualname__}": kind for kind in kinds}


_CLASSES = _classes()


def _instance(kind: type[Exception]) -> Exception:
    """Make an instance, with the first arguments that its constructor accepts."""
    if kind is of_urllib3.IncompleteRead:  # accepts anything, and then has no repr
        return kind(5, 10)
    attempts: list[tuple[Any, ...]] = [
        ("S3CRET",),
        ("S3CRET", "S3CRET"),
        (_POOL, "S3CRET"),
        (_POOL, "S3CRET", "S3CRET"),
        (_POOL, "S3CRET", ValueError("S3CRET")),
        ("S3CRET", "S3CRET", 0),
        (urllib3.HTTPResponse(b""), b"5"),
        ("chat.example", _CONNECTION, socket.gaierror("S3CRET")),
        ("utf-8", b"S3CRET", 0, 1, "S3CRET"),
        (),
    ]
    for arguments in attempts:
        try:
            return kind(*arguments)
        except (TypeError, AttributeError, ValueError):
            continue
    raise AssertionError(f"{kind} cannot be made: add arguments for it to this test")


def raising(error: BaseException) -> Callable[..., None]:
    """Return a function that raises the error, whatever its arguments."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def _failure(connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception) -> TransportError:
    """Return what is raised for an exception of requests."""
    monkeypatch.setattr(HTTPAdapter, "send", raising(error))
    with pytest.raises(TransportError) as caught:
        connect(_URL).send(_REQUEST)
    failure = caught.value
    assert (failure.__cause__, failure.__context__) == (None, None)
    assert "S3CRET" not in f"{failure} {failure!r} {vars(failure)}"
    assert (failure.host, failure.port) == ("chat.example", 443)
    return failure


def test_the_walk_finds_the_exceptions() -> None:
    """The tests below see the exceptions of all these libraries, in any version."""
    assert len(_CLASSES) > 60
    for name in ("requests.exceptions.ReadTimeout", "urllib3.exceptions.ProtocolError", "http.client.BadStatusLine"):
        assert name in _CLASSES


def test_every_exception_is_translated(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each exception of these libraries becomes a TransportError, alone or wrapped; a timeout a TransportTimeout."""
    for name, kind in _CLASSES.items():
        failure = _failure(connect, monkeypatch, _instance(kind))
        is_timeout = "Timeout" in name and kind is not of_urllib3.TimeoutStateError
        assert isinstance(failure, TransportTimeout) is (failure.kind == "timeout")
        assert isinstance(failure, TransportTimeout) or not is_timeout, name
        inner = _instance(kind)
        _failure(connect, monkeypatch, requests.ConnectionError(of_urllib3.ProtocolError("aborted", inner)))
        _failure(connect, monkeypatch, requests.ConnectionError(of_urllib3.MaxRetryError(_POOL, "/S3CRET", inner)))
        _failure(connect, monkeypatch, of_requests.ChunkedEncodingError(of_urllib3.ProtocolError("broken", inner)))


def _retried(reason: Exception) -> Exception:
    return of_urllib3.MaxRetryError(_POOL, "/", reason)


def _aborted(reason: Exception) -> Exception:
    return requests.ConnectionError(of_urllib3.ProtocolError("Connection aborted.", reason))


def _caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


_REFUSED = _caused(of_urllib3.NewConnectionError(_CONNECTION, "no"), ConnectionRefusedError(111, "no"))
_UNKNOWN = of_urllib3.NameResolutionError("chat.example", _CONNECTION, socket.gaierror(-2, "no"))
_UNTRUSTED = ssl.SSLCertVerificationError(1, "no")
_REAL: dict[str, tuple[Exception, str, bool]] = {
    "refused": (requests.ConnectionError(_retried(_REFUSED)), "refused", False),
    "unreachable": (
        requests.ConnectionError(
            _retried(_caused(of_urllib3.NewConnectionError(_CONNECTION, "no"), OSError(113, "no")))
        ),
        "unreachable",
        False,
    ),
    "name": (requests.ConnectionError(_retried(_UNKNOWN)), "name", False),
    "connect timeout": (
        requests.ConnectTimeout(_retried(of_urllib3.ConnectTimeoutError(_CONNECTION, "slow"))),
        "timeout",
        False,
    ),
    "read timeout": (requests.ReadTimeout(of_urllib3.ReadTimeoutError(_POOL, "/", "slow")), "timeout", True),
    "timeout in the body": (of_urllib3.ReadTimeoutError(_POOL, "/", "slow"), "timeout", True),
    "certificate": (of_requests.SSLError(_retried(of_urllib3.SSLError(_UNTRUSTED))), "certificate", False),
    "tls": (of_requests.SSLError(_retried(of_urllib3.SSLError(ssl.SSLError(1, "no")))), "tls", True),
    "proxy": (of_requests.ProxyError(_retried(of_urllib3.ProxyError("no", _REFUSED))), "proxy", False),
    "proxy's name": (of_requests.ProxyError(_retried(of_urllib3.ProxyError("no", _UNKNOWN))), "proxy", False),
    "reset": (_aborted(ConnectionResetError(104, "no")), "reset", True),
    "aborted": (_aborted(ConnectionAbortedError(103, "no")), "reset", True),
    "pipe": (_aborted(BrokenPipeError(32, "no")), "reset", True),
    "closed": (_aborted(http.client.RemoteDisconnected("no")), "reset", True),
    "garbage": (_aborted(http.client.BadStatusLine("no")), "other", True),
    "incomplete": (of_urllib3.ProtocolError("no", of_urllib3.IncompleteRead(1, 2)), "incomplete", True),
    "chunk": (of_urllib3.ProtocolError("no", http.client.IncompleteRead(b"")), "incomplete", True),
    "header": (of_requests.InvalidHeader(of_urllib3.InvalidHeader("no")), "other", True),
    "pool": (requests.ConnectionError(of_urllib3.ClosedPoolError(_POOL, "no")), "reset", True),
    "address": (of_requests.InvalidURL(of_urllib3.LocationParseError("no")), "other", False),
    "proxy's address": (of_requests.InvalidProxyURL("no"), "other", False),
    "no SOCKS": (of_requests.InvalidSchema("Missing dependencies for SOCKS support."), "other", False),
    "bug": (KeyError("no"), "other", True),
}


@pytest.mark.parametrize("name", _REAL)
def test_kinds_are_told_apart(connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error has the kind of failure, and whether the server may have acted."""
    error, kind, may_have_acted = _REAL[name]
    failure = _failure(connect, monkeypatch, error)
    assert (failure.kind, failure.may_have_acted) == (kind, may_have_acted)


def test_a_circular_chain_of_exceptions_ends(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each exception of a chain is looked at once."""
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert _failure(connect, monkeypatch, first).kind == "other"


def test_the_callers_own_exception_does_not_matter(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call made in an except block fails for its own reason."""
    # A new one: Python sets its context for good.
    error = requests.ReadTimeout(of_urllib3.ReadTimeoutError(_POOL, "/", "slow"))
    monkeypatch.setattr(HTTPAdapter, "send", raising(error))
    transport = connect(_URL)
    handled = ConnectionRefusedError("of something else")
    try:
        raise handled
    except ConnectionRefusedError:
        with pytest.raises(TransportError) as caught:
            transport.send(_REQUEST)
    assert (caught.value.kind, caught.value.may_have_acted) == ("timeout", True)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is handled  # set by Python; the caller's own


def test_an_interrupt_is_raised(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt is no failure of the call."""
    monkeypatch.setattr(HTTPAdapter, "send", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        connect(_URL).send(_REQUEST)


class OfTheProgram(Exception):
    """An exception that neither Python nor a library defines."""


def test_an_exception_of_the_program_brings_none_of_a_library(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be raised while a library handles its own exception, which holds the token."""

    def send(*_: Any, **__: Any) -> None:
        try:
            raise requests.ConnectionError("S3CRET")
        except requests.ConnectionError:
            raise OfTheProgram  # noqa: B904 - with a context

    monkeypatch.setattr(HTTPAdapter, "send", send)
    with pytest.raises(OfTheProgram) as caught:
        connect(_URL).send(_REQUEST)
    assert caught.value.__context__ is None


# Errors of sockets


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name"),
        (TimeoutError("timed out"), "timeout"),
        (ConnectionRefusedError(111, "Connection refused"), "refused"),
        (OSError(113, "No route to host"), "unreachable"),
    ],
)
def test_without_a_connection_nothing_was_done(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    """If the name is unknown or the host cannot be reached, the request was not sent."""
    monkeypatch.setattr("urllib3.util.connection.create_connection", raising(error))
    with pytest.raises(TransportError) as caught:
        connect(_URL).send(_REQUEST)
    assert (caught.value.kind, caught.value.may_have_acted) == (kind, False)
    assert isinstance(caught.value, TransportTimeout) is (kind == "timeout")


def test_an_address_in_brackets_stays_in_them(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages show an IPv6 address in brackets, before its port."""
    monkeypatch.setattr(HTTPAdapter, "send", raising(_REAL["refused"][0]))
    with pytest.raises(TransportError, match=r"^\[::1\]:3000: ") as caught:
        connect("http://[::1]:3000/").send(Request("GET", "http://[::1]:3000/", "x"))
    assert caught.value.host == "::1"


def test_a_host_name_that_is_too_long_is_no_connection(connect: Connect) -> None:
    """A name that cannot be encoded fails before anything is sent."""
    url = f"http://{'a' * 70}.example/"
    with pytest.raises(TransportError) as caught:
        connect(url, timeout=Timeout(1, 1, 1)).send(Request("GET", url, "x"))
    assert (caught.value.kind, caught.value.may_have_acted) == ("other", False)
