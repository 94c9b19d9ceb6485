"""Compare values with recorded ones."""

from __future__ import annotations

import re
from typing import Any

_GENERATED = {
    "<date>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<id>": r"\w{17,24}",
    "<generated token>": r"\w{48}",
    "<compiled>": r"(?s).+",
    "<text>": r"(?s).+",
    "<site>": r"http://127\.0\.0\.1:\d+/",
}
"""Placeholders for what a server makes up, and the form of the values."""


def assert_like(recorded: Any, got: Any, where: str) -> None:
    """Assert equality, except for generated values: they must have the recorded form."""
    if isinstance(recorded, dict):
        expected: dict[str, Any] = recorded  # pyright: ignore[reportUnknownVariableType]
        assert isinstance(got, dict), where
        assert set(expected) == set(got), where  # pyright: ignore[reportUnknownArgumentType]
        for name, item in expected.items():
            assert_like(item, got[name], f"{where}.{name}")
    elif isinstance(recorded, list):
        items: list[Any] = recorded  # pyright: ignore[reportUnknownVariableType]
        assert len(items) == len(got), where
        for index, item in enumerate(items):
            assert_like(item, got[index], f"{where}[{index}]")
    elif recorded in _GENERATED:
        assert re.fullmatch(_GENERATED[recorded], got), where
    else:
        assert recorded == got, where
