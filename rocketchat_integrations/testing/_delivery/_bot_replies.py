"""Replies of bots: what the server does with each, and when it calls again after a failure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import is_object, is_truthy, parse_json

_JSON = ("application/json",)
_JSON_OR_SCRIPT = (*_JSON, "text/javascript", "application/javascript", "application/x-javascript")


@attrs.frozen
class BotReply:
    """The HTTP response of a bot."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    text: str

    def content(self, dialect: Dialect) -> Document:
        """Return the JSON object in the body; an empty one if the body is anything else."""
        if self.headers.get("content-type", "").partition(";")[0] not in (
            _JSON if dialect.major < 8 else _JSON_OR_SCRIPT
        ):
            return {}
        try:
            content = parse_json(self.text)
        except (ValueError, RecursionError):
            return {}
        return content if is_object(content) else {}


class Effect(enum.Enum):
    """What the server does with a reply."""

    MESSAGE = enum.auto()
    """Post its content."""
    NOTHING = enum.auto()
    DISABLED = enum.auto()
    """Disable the integration."""
    BROKEN = enum.auto()
    """The call has failed and is not retried."""
    FAILED = enum.auto()
    """The call has failed and may be retried."""


def effect_of(reply: BotReply, dialect: Dialect) -> Effect:
    """Return what the server does with a reply."""
    if not reply.text:
        return Effect.FAILED
    match reply.status:
        case 200 | 201 | 202:
            content = reply.content(dialect)
            says = is_truthy(content.get("text")) or is_truthy(content.get("attachments"))
            return Effect.MESSAGE if says else Effect.NOTHING
        case 410:
            return Effect.DISABLED
        case 500:
            return Effect.BROKEN
        case _:
            return Effect.FAILED


_WAITS: Mapping[Any, Callable[[int], float]] = {
    "powers-of-ten": lambda retries: 10.0 ** (retries - 1),
    "powers-of-two": lambda retries: 2.0 ** (retries + 1),
    "increments-of-two": lambda retries: 2.0 * (retries + 1),
}


def after_failure(integration: Document, retries: int) -> tuple[str, float | None]:
    """Return the step for the history after a failed call, and the seconds until the retry; None for no retry.

    Args:
        integration: the integration that called.
        retries: how many calls failed before.
    """
    if not is_truthy(integration.get("retryFailedCalls")):
        return "failed-and-not-configured-to-retry", None
    count, delay = integration.get("retryCount"), integration.get("retryDelay")
    if not (isinstance(count, (int, float)) and retries < count and is_truthy(delay)):
        return "too-many-retries", None
    wait = _WAITS.get(delay) if isinstance(delay, str) else None
    if wait is None:
        return "failed-and-retry-delay-is-invalid", None
    return f"going-to-retry-{retries + 1}", wait(retries)
