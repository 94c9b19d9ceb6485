"""What there is on the embedded server, for definitions that it can take."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_PLACES = st.lists(st.sampled_from(["#general", "@alice", " #random ", "#GENERAL", "@bobid000000000001"]), max_size=3)

WORLD: dict[str, st.SearchStrategy[Any]] = {
    "channel": _PLACES.map(lambda places: places or ["#ops"]),
    "username": st.sampled_from(["rocket.cat", "alice"]),
}
"""Strategies for the fields that name rooms and users."""
