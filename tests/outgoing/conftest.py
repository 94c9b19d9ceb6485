"""What the tests of receiving share: recorded payloads, and bodies made of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

RECORDED: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent.parent / "outgoing-webhooks.json").read_text(encoding="utf-8")
)["payloads"]

Body: TypeAlias = Callable[..., bytes]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "event" in metafunc.fixturenames:
        metafunc.parametrize("event", list(RECORDED))


@pytest.fixture(scope="session")
def token() -> str:
    """The token of the recorded payloads."""
    return str(RECORDED["sendMessage"]["token"])


@pytest.fixture(scope="session")
def payloads() -> dict[str, dict[str, Any]]:
    """The recorded payloads by event, to be copied before they are changed."""
    return RECORDED


@pytest.fixture(scope="session")
def body() -> Body:
    """Makes the body of a recorded payload, with some fields changed."""

    def make(event: str = "sendMessage", **changes: object) -> bytes:
        return json.dumps({**RECORDED[event], **changes}).encode()

    return make
