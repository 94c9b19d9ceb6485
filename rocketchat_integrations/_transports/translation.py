"""Describe a failure to get a response, without what the exceptions of an HTTP library hold."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
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


def translated(error: Exception, url: str, handled: BaseException | None, causes: Sequence[Cause]) -> TransportError:
    """Return the error for an exception: by the first cause that occurs in its chain.

    `handled` is the exception that the caller was handling: it is no part of the chain.
    """
    chain = list(_chain(error, handled))
    for cause in causes:
        if any(isinstance(link, cause.classes) for link in chain):
            return failure(cause.what + _tls_detail(chain), cause.kind, url, may_have_acted=cause.may_have_acted)
    return failure(f"the call failed ({type(error).__name__})", "other", url)


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
