"""Messages as tests see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class StoredMessage:
    """A message that was posted."""

    room: str
    """Name of the room, or ``@username`` for a direct message; both names, as in ``@alice,@bob``, if a third user
    posted it between the two."""

    user: str
    """Username of the user that it was posted as."""

    text: str
    """The trimmed text; empty if there was none."""

    id: str = attrs.field(default="", eq=False)
    """The id, for the ``tmid`` of messages in its thread."""

    tmid: str | None = None
    """The id of the message that started the thread; None outside threads."""

    alias: str | None = None
    """The name shown instead of the user's."""

    avatar: str | None = None
    """URL of the picture shown instead of the user's."""

    emoji: str | None = None
    """The emoji shown instead of the picture; None if there is an avatar."""

    attachments: tuple[Mapping[str, Any], ...] = attrs.field(default=(), hash=False)
    """The attachments, as they were sent."""

    document: Mapping[str, Any] = attrs.field(factory=dict[str, Any], repr=False, eq=False)
    """The whole message as the server stores it: also ``rid``, ``ts``, ``parseUrls``, ``customFields`` …"""
