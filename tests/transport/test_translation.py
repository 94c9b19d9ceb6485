"""Every exception of requests and of all beneath it becomes one of ours."""

from __future__ import annotations

import http.client
import importlib
import inspect
import pkgutil
import socket
import ssl
import threading
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
        if "contrib" not in module.name and "http2" not in module.name:  # they want other libraries
            yield importlib.import_module(module.name)


def _classes() -> dict[str, type[Exception]]:
    """The exceptions that are defined in these packages, by their names."""
    modules = [*_modules(requests), *_modules(urllib3), http.client, socket, ssl, zlib]
    found = {member for module in modules for member in vars(module).values() if inspect.isclass(member)}
    found |= {ConnectionError, ConnectionResetError, ConnectionAbortedError, BrokenPipeError, OSError, ValueError}
    return {f"{kind.__module__}.{kind.__qualname__}": kind for kind in found if issubclass(kind, Exception)}


_CLASSES = _classes()


def _instance(kind: type[Exception]) -> Exception:
    """One of them, made as well as possible: with the arguments that it wants, if they can be had."""
    if kind is of_urllib3.IncompleteRead:  # takes anything, and then has no repr
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
    raise AssertionError(f"{kind} cannot be made: give this test the arguments that it wants")


def _failure(connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception) -> TransportError:
    """What becomes of an exception that requests raises."""

    def send(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(HTTPAdapter, "send", send)
    with pytest.raises(TransportError) as caught:
        connect(_URL).send(_REQUEST)
    failure = caught.value
    assert (failure.__cause__, failure.__context__) == (None, None)
    assert "S3CRET" not in f"{failure} {failure!r} {vars(failure)}"
    assert (failure.host, failure.port) == ("chat.example", 443)
    return failure


def test_the_walk_finds_the_exceptions() -> None:
    """The tests below see the exceptions of all these libraries, also of versions to come."""
    assert len(_CLASSES) > 60
    for name in ("requests.exceptions.ReadTimeout", "urllib3.exceptions.ProtocolError", "http.client.BadStatusLine"):
        assert name in _CLASSES


@pytest.mark.parametrize("name", sorted(_CLASSES))
def test_every_exception_is_translated(connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whatever requests and the libraries beneath raise, the caller gets a TransportError; timeouts as such."""
    failure = _failure(connect, monkeypatch, _instance(_CLASSES[name]))
    is_timeout = "Timeout" in _CLASSES[name].__name__ and _CLASSES[name] is not of_urllib3.TimeoutStateError
    assert isinstance(failure, TransportTimeout) is (failure.kind == "timeout")
    assert isinstance(failure, TransportTimeout) or not is_timeout


@pytest.mark.parametrize("name", sorted(_CLASSES))
def test_every_exception_is_translated_when_it_is_wrapped(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Wrapping it as urllib3 and requests do makes no difference to whether it is translated."""
    inner = _instance(_CLASSES[name])
    for wrapped in (
        requests.ConnectionError(of_urllib3.ProtocolError("Connection aborted.", inner)),
        requests.ConnectionError(of_urllib3.MaxRetryError(_POOL, "/S3CRET", inner)),
        of_requests.ChunkedEncodingError(of_urllib3.ProtocolError("Connection broken", inner)),
    ):
        _failure(connect, monkeypatch, wrapped)


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
    """As these libraries really wrap them: what went wrong, and whether the server may have acted."""
    error, kind, may_have_acted = _REAL[name]
    failure = _failure(connect, monkeypatch, error)
    assert (failure.kind, failure.may_have_acted) == (kind, may_have_acted)


def test_exceptions_that_hold_each_other_end(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that bites its tail is walked once."""
    first, second = ValueError("one"), ValueError("two")
    first.__cause__, second.__cause__ = second, first
    assert _failure(connect, monkeypatch, first).kind == "other"


def raising(error: Exception) -> Callable[..., None]:
    """A function that fails, whatever it is given."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


def test_what_the_caller_is_handling_does_not_matter(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is made while another failure is being handled fails for its own reason."""
    monkeypatch.setattr(HTTPAdapter, "send", raising(_REAL["read timeout"][0]))
    transport = connect(_URL)
    handled = ConnectionRefusedError("of something else")
    try:
        raise handled
    except ConnectionRefusedError:
        with pytest.raises(TransportError) as caught:
            transport.send(_REQUEST)
    assert (caught.value.kind, caught.value.may_have_acted) == ("timeout", True)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is handled  # Python's doing, and the caller's own


def test_ctrl_c_goes_through(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt is no failure of the call."""

    def send(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(HTTPAdapter, "send", send)
    with pytest.raises(KeyboardInterrupt):
        connect(_URL).send(_REQUEST)


# At the place where they come from


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (socket.gaierror(-2, "Name or service not known"), "name"),
        (TimeoutError("timed out"), "timeout"),
        (ConnectionRefusedError(111, "Connection refused"), "refused"),
        (OSError(113, "No route to host"), "unreachable"),
        (OSError(101, "Network is unreachable"), "unreachable"),
    ],
)
def test_where_no_connection_came_about_nothing_was_done(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str
) -> None:
    """Names that are not known, hosts that are not reached in time or at all: the request was not sent."""

    def create_connection(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("urllib3.util.connection.create_connection", create_connection)
    with pytest.raises(TransportError) as caught:
        connect(_URL).send(_REQUEST)
    assert (caught.value.kind, caught.value.may_have_acted) == (kind, False)
    assert isinstance(caught.value, TransportTimeout) is (kind == "timeout")


def test_an_address_in_brackets_stays_in_them(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """In messages an IPv6 address and its port can be told from each other."""
    monkeypatch.setattr(HTTPAdapter, "send", raising(_REAL["refused"][0]))
    with pytest.raises(TransportError, match=r"^\[::1\]:3000: ") as caught:
        connect("http://[::1]:3000/").send(Request("GET", "http://[::1]:3000/", "x"))
    assert caught.value.host == "::1"


def test_a_host_name_that_is_too_long_is_no_connection(connect: Connect) -> None:
    """A name that cannot be looked up at all fails before anything is sent."""
    url = f"http://{'a' * 70}.example/"
    with pytest.raises(TransportError) as caught:
        connect(url, timeout=Timeout(1, 1, 1)).send(Request("GET", url, "x"))
    assert (caught.value.kind, caught.value.may_have_acted) == ("other", False)


def test_threads_fail_apart(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of several threads gets its own failure."""
    ready = threading.Barrier(2)
    failures: dict[str, str] = {}

    def send(_: object, request: Any, **__: object) -> None:
        ready.wait(5)
        raise _REAL["refused"][0] if "one" in request.url else KeyError("bug")

    monkeypatch.setattr(HTTPAdapter, "send", send)
    transport = connect(_URL)

    def call(name: str) -> None:
        try:
            transport.send(Request("GET", f"{_URL}/{name}", "x"))
        except TransportError as error:
            failures[name] = error.kind

    threads = [threading.Thread(target=call, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == {"one": "refused", "two": "other"}
