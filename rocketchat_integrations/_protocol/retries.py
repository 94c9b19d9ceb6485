"""Retry an operation: when, how often, and how long to wait."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

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
from .flows import Clock, Steps, Wait
from .http import Request, Response

T = TypeVar("T")
_log = logging.getLogger("rocketchat_integrations")

# Failures that a retry would not cure.
_PERMANENT = ("certificate", "too-large", "other")
_RETRIED_STATUSES = (502, 503, 504)

# Minimum pause: some servers answer "wait 0 seconds".
_SHORTEST_RATE_LIMIT_WAIT = 0.05


def _not_negative(_: object, field: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{field.name}: must be a finite number of seconds of at least 0, not {value!r}")


def _at_least_once(_: object, field: attrs.Attribute[int], value: int) -> None:
    if type(value) is not int or value < 1:
        raise ConfigurationError(f"{field.name}: must be a whole number of at least 1, not {value!r}")


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a call is retried, and how long it may wait. All times are in seconds.

    Retries only what is safe: idempotent calls after a lost response or 502, 503, 504; every call after a refused
    connection or a rate limit, because the server did nothing.
    ``create``, ``replay_outgoing`` and posts are never repeated after a lost response.

    Raises:
        ConfigurationError: if a value is not allowed.
    """

    attempts: int = attrs.field(default=4, validator=_at_least_once)
    """The maximum number of tries, including the first. Waits for rate limits do not count."""

    backoff: float = attrs.field(default=0.5, validator=_not_negative)
    """The longest wait before the second try; doubles with each try. The wait is a random time between half of it
    and all of it."""

    backoff_max: float = attrs.field(default=8.0, validator=_not_negative)
    """The maximum that the wait grows to."""

    total: float = attrs.field(default=60.0, validator=_not_negative)
    """A call that has taken this long is not retried. Waits for rate limits do not count."""

    rate_limit_wait: float = attrs.field(default=65.0, validator=_not_negative)
    """The maximum time that a call waits for rate limits, over all its tries. A longer wait is not begun:
    the call raises :class:`~rocketchat_integrations.RateLimitError`."""

    @classmethod
    def never(cls) -> RetryPolicy:
        """Return a policy that neither retries nor waits."""
        return cls(attempts=1, rate_limit_wait=0.0)


@attrs.define
class WaitBudget:
    """How much longer one call may wait for rate limits."""

    left: float
    spent: float = 0.0

    def spend(self, seconds: float) -> bool:
        """Take the seconds from the budget; return False if there are too few left."""
        if seconds > self.left:
            return False
        self.left -= seconds
        self.spent += seconds
        return True


def perform(
    operation: Operation[T],
    policy: RetryPolicy,
    clock: Clock,
    send: Callable[[Request, WaitBudget], Steps[Response | TransportError]],
) -> Steps[T]:
    """Send an operation, with retries as the policy allows; return its result, or raise the failure of the last try."""
    attempts = _Attempts(operation, policy, clock)
    while True:
        try:
            outcome = yield from send(operation.request, attempts.budget)
        except RocketChatError as error:
            # The login failed, or the client is closed: this try was not sent, an earlier one may have acted.
            error.may_have_acted = attempts.may_have_acted
            raise
        try:
            if isinstance(outcome, Response):
                return operation.decode(outcome)
            failure: RocketChatError = outcome
        except RocketChatError as error:
            failure = error
        if attempts.succeeded_before(failure):
            return cast(T, None)
        pause = attempts.pause_after(failure)
        if pause is None:
            failure.may_have_acted = attempts.may_have_acted
            raise failure
        if pause:
            _log.info("%s: waiting %.1f s before the next try", operation.request.endpoint, pause)
        yield Wait(pause)


class _Attempts:
    """The tries of one operation so far."""

    def __init__(self, operation: Operation[Any], policy: RetryPolicy, clock: Clock) -> None:
        self.budget = WaitBudget(policy.rate_limit_wait)
        self.may_have_acted = False
        self._operation = operation
        self._policy = policy
        self._clock = clock
        self._began = clock.monotonic()
        self._tries = 0
        self._rate_limited = 0

    def succeeded_before(self, failure: RocketChatError) -> bool:
        """Return whether an earlier try, whose response was lost, has done it."""
        return self.may_have_acted and self._operation.not_found_means_done and isinstance(failure, NotFoundError)

    def pause_after(self, failure: RocketChatError) -> float | None:
        """Return the seconds to wait before the next try; None if there is none."""
        self.may_have_acted = self.may_have_acted or failure.may_have_acted
        if isinstance(failure, RateLimitError):
            self._rate_limited += 1
            pause = max(failure.retry_after or 0.0, self._backoff(self._rate_limited), _SHORTEST_RATE_LIMIT_WAIT)
            return pause if self.budget.spend(pause) else None
        self._tries += 1
        pause = self._backoff(self._tries)
        taken = self._clock.monotonic() - self._began - self.budget.spent
        in_time = self._tries < self._policy.attempts and taken + pause <= self._policy.total
        return pause if in_time and _may_retry(failure, self._operation) else None

    def _backoff(self, tries: int) -> float:
        # Exponential backoff with jitter. The exponent is bounded: large ones overflow.
        longest = min(self._policy.backoff_max, self._policy.backoff * 2.0 ** min(tries - 1, 60))
        return longest * (0.5 + 0.5 * self._clock.random())


def _may_retry(failure: RocketChatError, operation: Operation[Any]) -> bool:
    if isinstance(failure, TransportError):
        return failure.kind not in _PERMANENT and (operation.idempotent or not failure.may_have_acted)
    if isinstance(failure, ServerError):
        return failure.status in _RETRIED_STATUSES and operation.idempotent
    return False
