"""Retry an operation: when, how often and how long to wait. Pure: nothing here sends or sleeps.

A flow is a generator with one effect. It yields a :class:`Send`, is sent the
:class:`Response`, and has a :class:`TransportError` thrown in where there was none. What it
returns is the result of the call. A driver (the client's, synchronous or not) does the rest.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from typing import Any, TypeAlias, TypeVar, cast

import attrs

from rocketchat_integrations.exceptions import (
    ConfigurationError,
    NotFoundError,
    RateLimitError,
    RocketChatError,
    ServerError,
    TransportError,
)

from .endpoints import Operation
from .http import Request, Response

T = TypeVar("T")


# Trying again would not help.
_LASTING = ("certificate", "too-large", "other")


def _not_negative(_: object, field: attrs.Attribute[float], value: float) -> None:
    # Not without end: waits are bounded.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{field.name}: must be a finite number of seconds of at least 0, not {value!r}")


def _at_least_once(_: object, field: attrs.Attribute[int], value: int) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{field.name}: must be a whole number of at least 1, not {value!r}")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a call is tried again, and how long it may wait. All times are in seconds.

    Only what cannot do harm is tried again: after lost answers and 502, 503 and 504 the
    calls that do no more when done twice, and everything after a refused connection or a
    rate limit, for then nothing was done. ``create``, ``replay_outgoing`` and posts are
    never sent again after a lost answer.

    Raises:
        ConfigurationError: for a value that is not allowed.
    """

    attempts: int = attrs.field(default=4, validator=_at_least_once)
    """How often a call is tried at most, the first time included. Waits for rate limits do not count."""

    backoff: float = attrs.field(default=0.5, validator=_not_negative)
    """The longest wait before the second try; doubles from try to try. The wait is between half of it and it."""

    backoff_max: float = attrs.field(default=8.0, validator=_not_negative)
    """What the wait grows to at most."""

    total: float = attrs.field(default=60.0, validator=_not_negative)
    """A call that has taken this long is not tried again. Does not count waits for rate limits."""

    rate_limit_wait: float = attrs.field(default=65.0, validator=_not_negative)
    """How long a call waits for rate limits at most, over all its tries. A wait that would be longer is not begun:
    the call fails with :class:`~rocketchat_integrations.RateLimitError`."""

    @classmethod
    def never(cls) -> RetryPolicy:
        """Neither repeats nor waits."""
        return cls(attempts=1, rate_limit_wait=0.0)

    def pause(self, tries: int) -> float:
        """How long to wait after this many tries: exponential backoff with jitter."""
        longest = min(self.backoff_max, self.backoff * 2.0 ** min(tries - 1, 60))
        return longest * random.uniform(0.5, 1.0)


@attrs.define
class WaitBudget:
    """How much longer one call waits for rate limits."""

    left: float
    spent: float = 0.0

    def spend(self, seconds: float) -> bool:
        """Whether there is patience for this wait; if so, it is spent."""
        if seconds > self.left:
            return False
        self.left -= seconds
        self.spent += seconds
        return True


@attrs.frozen
class Send:
    """The one effect: wait, then send this."""

    request: Request
    after: float
    """Seconds to wait before."""

    patience: WaitBudget
    """What to take waits for the endpoint's rate window from."""


Flow: TypeAlias = Generator[Send, Response, T]


def call(operation: Operation[T], policy: RetryPolicy) -> Flow[T]:
    """One operation, tried again as the policy allows.

    Raises:
        RocketChatError: the failure of the last try, without the frames that decoded it: those hold what
            the server sent.
    """
    patience = WaitBudget(policy.rate_limit_wait)
    began, tries, refusals, after, lost = time.monotonic(), 1, 0, 0.0, False
    while True:
        try:
            response = yield Send(operation.request, after, patience)
            return operation.decode(response)
        except RocketChatError as error:
            failure = error
        if lost and operation.not_found_means_done and isinstance(failure, NotFoundError):
            return cast(T, None)
        lost = lost or failure.may_have_acted
        if isinstance(failure, RateLimitError):
            refusals += 1
            # Never no wait at all: a server that always says "now" would be asked for ever.
            pause = max(failure.retry_after or 0.0, policy.pause(refusals), 0.05)
            again = patience.spend(pause)
        else:
            pause = policy.pause(tries)
            taken = time.monotonic() - began - patience.spent
            again = _may_repeat(failure, operation) and tries < policy.attempts and taken + pause <= policy.total
            tries += 1
        if not again:
            failure.may_have_acted = lost  # also for a last try that did nothing, after one that may have
            try:
                raise failure.with_traceback(None)
            finally:
                del failure
        after = pause


def _may_repeat(failure: RocketChatError, operation: Operation[Any]) -> bool:
    if isinstance(failure, TransportError):
        return failure.kind not in _LASTING and (operation.idempotent or not failure.may_have_acted)
    if isinstance(failure, ServerError):
        return failure.status in (502, 503, 504) and operation.idempotent
    return False
