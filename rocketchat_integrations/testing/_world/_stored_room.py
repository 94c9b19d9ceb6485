"""Rooms as tests see them."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class StoredRoom:
    """A channel or a private group, as it was when ``room`` was called."""

    id: str
    """The ``_id``."""

    name: str
    """The name, without ``#``."""

    type: str
    """``"channel"`` or ``"private group"``."""

    members: frozenset[str]
    """Usernames."""
