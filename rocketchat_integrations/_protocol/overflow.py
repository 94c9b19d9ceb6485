"""Post messages whose text may be longer than the server allows."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from rocketchat_integrations._text_length import length, split, truncate
from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.exceptions import ConfigurationError, PostIncomplete, RocketChatError
from rocketchat_integrations.messages import Message, Overflow, PostResult

from . import endpoints
from .endpoints import Operation
from .flows import Flow


def fit(message: Message, overflow: Overflow, limit: int) -> tuple[Message, ...]:
    """Return the messages to post instead of one: itself, if its text is not too long."""
    text = trimmed(message.text or "")
    if length(text) <= limit:
        return (message,)
    if overflow == "error":
        raise ConfigurationError(
            f"text: has {length(text)} characters in UTF-16, and the server's limit (Message_MaxAllowedSize) is "
            f"{limit}: set overflow to split or truncate, or max_message_size to the limit of your server"
        )
    if overflow == "truncate":
        return (attrs.evolve(message, text=truncate(text, limit)),)
    *others, last = split(text, limit)
    before = attrs.evolve(message, attachments=(), parse_urls=_parses_urls(message))
    return (*(attrs.evolve(before, text=part) for part in others), attrs.evolve(message, text=last))


def _parses_urls(message: Message) -> bool | None:
    # The server's default depends on the attachments, which only the last part has.
    return False if message.parse_urls is None and message.attachments else message.parse_urls


def post_all(url: str, parts: tuple[Message, ...]) -> Flow[PostResult]:
    """Post messages in order. All are checked before the first is posted."""
    return _in_order([endpoints.post(url, part) for part in parts], parts)


def _in_order(operations: Sequence[Operation[PostResult]], parts: tuple[Message, ...]) -> Flow[PostResult]:
    results: list[PostResult] = []
    for operation in operations:
        try:
            results.append((yield operation))
        except RocketChatError as error:
            if not results:
                raise
            raise PostIncomplete(
                f"posted {len(results)} of {len(parts)} parts of the message, then: {error}",
                posted=len(results),
                remaining=parts[len(results) :],
                error=error,
            ) from error
    return PostResult(tuple(each for result in results for each in result.responses), results[-1].raw)
