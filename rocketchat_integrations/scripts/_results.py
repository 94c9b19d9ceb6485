"""Results of the methods of a script."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from rocketchat_integrations.messages import Message

from ._engine import LogLine


def _number_of_lines(logs: tuple[LogLine, ...]) -> str:
    return f"<{len(logs)} lines>"


@attrs.frozen(kw_only=True)
class _Result:
    message: Message | None
    """The message that is posted; None if none is. Values that a :class:`~rocketchat_integrations.Message` cannot hold
    are left out."""

    content: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    """The object that the message is read from, as the script returned it."""

    logs: tuple[LogLine, ...] = attrs.field(default=(), repr=_number_of_lines)
    """What the script wrote to the console in this call."""

    leaked: tuple[str, ...] = ()
    """The names that this call made global by assigning to them without a declaration. Always empty with ``strict``."""


@attrs.frozen(kw_only=True)
class IncomingResult(_Result):
    """What an incoming webhook does with a request.

    There is a message, an ``error``, or neither: then nothing is posted and the answer is a success.
    """

    response: Any = attrs.field(default=None, repr=False, hash=False)
    """What the sender gets as the answer, with ``success`` added; None for ``{"success": true}``."""

    error: Any = attrs.field(default=None, repr=False, hash=False)
    """What the script refused the request with: an object with ``message`` or ``error``, or text. The sender gets it
    with the status 400. None if the request was not refused."""


@attrs.frozen(kw_only=True)
class ScriptRequest:
    """A request of an outgoing integration, before it is sent."""

    url: str
    """The URL."""

    method: str = "POST"
    """The HTTP method."""

    headers: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, hash=False)
    """The headers that the script gives. The server adds ``Content-Type: application/json`` if there is ``data``."""

    data: Any = attrs.field(default=None, repr=False, hash=False)
    """The body."""

    auth: str | None = attrs.field(default=None, repr=False)
    """``"user:password"`` for basic authentication; None for none."""


@attrs.frozen(kw_only=True)
class PrepareResult(_Result):
    """What an outgoing integration does before its call."""

    request: ScriptRequest | None
    """The request that is sent; None if no call is made."""


@attrs.frozen(kw_only=True)
class ResponseResult(_Result):
    """What an outgoing integration does with the reply to its call.

    Without a message, the server continues as without a script and posts the reply's own message, unless
    ``suppressed``.
    """

    suppressed: bool = False
    """Whether the script returned ``false``: nothing is posted."""
