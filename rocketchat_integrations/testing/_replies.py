"""What a bot's reply means to the server."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ._javascript import is_truthy, parse_json
from ._world import Document


@attrs.frozen
class Reply:
    """What a bot answered."""

    status: int
    content_type: str
    text: str

    @property
    def content(self) -> Document:
        """The object that it says, none if it says something else."""
        if self.content_type.partition(";")[0] != "application/json":
            return {}
        try:
            content: Any = parse_json(self.text)
        except (ValueError, RecursionError):
            return {}
        return content if isinstance(content, dict) else {}  # pyright: ignore[reportUnknownVariableType]


class Effect(enum.Enum):
    """What a reply does."""

    MESSAGE = enum.auto()
    """Its content is posted."""
    NOTHING = enum.auto()
    DISABLED = enum.auto()
    """The integration is switched off."""
    BROKEN = enum.auto()
    """The call has failed for good."""
    FAILED = enum.auto()
    """The call has failed, and may be tried again."""


def effect_of(reply: Reply) -> Effect:
    """What a reply does."""
    if not reply.text:
        return Effect.FAILED
    match reply.status:
        case 200 | 201 | 202:
            content = reply.content
            says = is_truthy(content.get("text")) or is_truthy(content.get("attachments"))
            return Effect.MESSAGE if says else Effect.NOTHING
        case 410:
            return Effect.DISABLED
        case 500:
            return Effect.BROKEN
        case _:
            return Effect.FAILED


_WAITS: Mapping[Any, Callable[[int], float]] = {
    "powers-of-ten": lambda tries: 10.0 ** (tries - 1),
    "powers-of-two": lambda tries: 2.0 ** (tries + 1),
    "increments-of-two": lambda tries: 2.0 * (tries + 1),
}


def after_failure(integration: Document, tries: int) -> tuple[str, float | None]:
    """The step of the history after a failed call, and the seconds until the next try; None if there is none.

    Args:
        integration: what was called.
        tries: how many calls failed before.
    """
    if not is_truthy(integration.get("retryFailedCalls")):
        return "failed-and-not-configured-to-retry", None
    count, delay = integration.get("retryCount"), integration.get("retryDelay")
    if not (isinstance(count, (int, float)) and tries < count and is_truthy(delay)):
        return "too-many-retries", None
    wait = _WAITS.get(delay) if isinstance(delay, str) else None
    if wait is None:
        return "failed-and-retry-delay-is-invalid", None
    return f"going-to-retry-{tries + 1}", wait(tries)
