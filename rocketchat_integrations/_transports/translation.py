"""Describe a failure to get a response, without what the exceptions of an HTTP library hold."""

from __future__ import annotations

import signal
import ssl
import traceback
from collections.abc import Container, Iterator, Sequence
from types import CodeType
from typing import NamedTuple

from rocketchat_integrations._protocol.transport_errors import failure
from rocketchat_integrations.exceptions import TransportError


class Cause(NamedTuple):
    """What the exceptions of some classes mean."""

    classes: tuple[type[BaseException], ...]
    what: str
    kind: str
    may_have_acted: bool
    """Whether the server may have received the request."""


def passed_on(error: Exception, handled: BaseException | None, libraries: Sequence[str]) -> Exception | None:
    """Return the exception to raise unchanged, because it is no failure of the call; None if there is none.

    It is one that a signal handler raised, even if a library has wrapped it, or one whose class is defined outside of
    the libraries. `handled` is the exception that the caller was handling.
    """
    handlers = {_code(signal.getsignal(number)) for number in signal.valid_signals()} - {None}
    # A library's exception that wraps one of a handler has its traceback, too.
    own = [link for link in _chain(error, handled) if isinstance(link, Exception) and _package(link) not in libraries]
    found = next((link for link in own if _ran(link, handlers)), None)
    if found is None and error in own and _package(error) != "builtins":
        found = error
    if found is not None:
        found.__context__ = None  # may be an exception of the libraries, which holds the request with its tokens
    return found


def _package(error: BaseException) -> str:
    return type(error).__module__.partition(".")[0]


def _code(handler: object) -> CodeType | None:
    """Return the code of a signal handler: a function, a method, a partial or an object with ``__call__``."""
    function = getattr(handler, "func", handler)
    if not callable(function):  # SIG_DFL, SIG_IGN, or none of Python's
        return None
    return getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)


def _ran(error: Exception, handlers: Container[CodeType | None]) -> bool:
    return any(frame.f_code in handlers for frame, _ in traceback.walk_tb(error.__traceback__))


_WHILE_CONNECTING = {
    "timeout": "the connection took too long",
    "reset": "the connection was lost while it was established",
}


def translated(
    error: Exception,
    url: str,
    handled: BaseException | None,
    causes: Sequence[Cause],
    *,
    is_connecting: bool = False,
    limit: float | None = None,
) -> TransportError:
    """Return the error for an exception: by the first cause that occurs in its chain.

    `handled` is the exception that the caller was handling: it is no part of the chain. `is_connecting` tells that
    nothing was sent, `limit` that the exchange has taken these seconds.
    """
    if limit is not None:
        return failure(f"the response took longer than {limit:g} s", "timeout", url)
    chain = list(_chain(error, handled))
    for cause in causes:
        if any(isinstance(link, cause.classes) for link in chain):
            what = cause.what
            if is_connecting and cause.may_have_acted:
                what = _WHILE_CONNECTING.get(cause.kind, what)
            acted = cause.may_have_acted and not is_connecting
            return failure(what + _tls_detail(chain), cause.kind, url, may_have_acted=acted)
    return failure(f"the call failed ({type(error).__name__})", "other", url, may_have_acted=not is_connecting)


def _tls_detail(chain: list[BaseException]) -> str:
    errors = [link for link in chain if isinstance(link, ssl.SSLError)]
    words = [getattr(error, name, None) for error in errors for name in ("verify_message", "reason")]
    return next((f" ({word})" for word in words if word), "")


def _chain(error: BaseException, handled: BaseException | None) -> Iterator[BaseException]:
    """Yield the exception and all that it wraps, without the exception that the caller was handling."""
    seen = [handled]
    ahead: list[object] = [error]
    while ahead:
        link = ahead.pop(0)
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            ahead += [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
