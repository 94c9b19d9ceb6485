"""What the embedded server shows of what happened in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class StoredMessage:
    """A message that was posted."""

    room: str
    """Name of the room, or ``@username`` for a direct message; both names, as in ``@alice,@bob``, for one that somebody
    else has posted between the two."""

    user: str
    """Username of the user that it was posted as."""

    text: str
    """The trimmed text; empty if there was none."""

    alias: str | None = None
    """The name shown instead of the user's."""

    avatar: str | None = None
    """Address of the picture shown instead of the user's."""

    emoji: str | None = None
    """The emoji shown instead of the picture; None where there is an avatar."""

    attachments: tuple[Mapping[str, Any], ...] = attrs.field(default=(), hash=False)
    """The attachments, as they were sent."""

    document: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, eq=False)
    """The whole message as the server holds it: also ``_id``, ``rid``, ``ts``, ``tmid``, ``customFields`` …"""


@attrs.frozen(kw_only=True)
class ReceivedRequest:
    """A request that reached the server, refused ones included. The repr shows nothing secret."""

    method: str
    """The HTTP method, in upper case."""

    endpoint: str
    """What was asked for, by the names that ``fail_next`` takes; empty where there is no such endpoint."""

    path: str = attrs.field(repr=False)
    """The path as it was sent, still quoted, without the query. A webhook's holds its token."""

    query: Mapping[str, str] = attrs.field(hash=False)
    """The parameters of the query, decoded."""

    headers: Mapping[str, str] = attrs.field(repr=False, hash=False)
    """The headers, with names written like ``X-Auth-Token``."""

    body: bytes = attrs.field(repr=False)
    """The body as it was sent."""

    note: str = ""
    """Why the server refused it, in more words than the answer had; empty if it did not."""

    @property
    def json(self) -> Any:
        """The body read as JSON; None if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None
