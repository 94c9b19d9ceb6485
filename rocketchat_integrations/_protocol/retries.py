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
    UnexpectedResponse,
)

from .endpoints import Operation
from .flows import Clock, Flow, Steps, Wait
from .http import Request, Response
from .retry_budget import RetryBudget

T = TypeVar("T")
_log = logging.getLogger("rocketchat_integrations")

# Failures that a retry would not cure.
_PERMANENT = ("certificate", "too-large", "other")
_RETRIED_STATUSES = (408, 502, 503, 504)

# Minimum pause: some servers answer "wait 0 seconds".
_SHORTEST_RATE_LIMIT_WAIT = 0.05


def _not_negative(_: object, field: attrs.Attribute[float], value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ConfigurationError(f"{field.name}: must be a finite number of seconds of at least 0, not {value!r}")


def _at_least(least: int) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def validate(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is not int or value < least:
            raise ConfigurationError(f"{field.name}: must be a whole number of at least {least}, not {value!r}")

    return validate


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """When a call is retried, and how long it may wait. All times are in seconds.

    Retries only what is safe: idempotent calls after a lost response or 408, 502, 503, 504; every call after a refused
    connection or a rate limit, because the server did nothing.
    ``replay_outgoing`` and posts are never repeated after a lost response, ``create`` only with ``find_existing``.

    Raises:
        ConfigurationError: if a value is not allowed.
    """

    attempts: int = attrs.field(default=4, validator=_at_least(1))
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

    budget: int | None = attrs.field(default=100, validator=attrs.validators.optional(_at_least(0)))  # type: ignore[arg-type] # mypy takes the type from the default
    """How many retries all calls of a client may make together while the server fails, so that many threads or tasks
    do not make an outage worse. A call that succeeds after a retry gives one back, and so do five calls that succeed
    at once. When none is left, failures are raised at once. Waits for rate limits do not count. None: no limit."""

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


@attrs.frozen
class Retrier:
    """What the calls of one client share to retry their operations."""

    policy: RetryPolicy
    clock: Clock
    budget: RetryBudget


def perform(
    operation: Operation[T],
    retrier: Retrier,
    send: Callable[[Request, WaitBudget], Steps[Response | TransportError]],
    run: Callable[[Flow[Any]], Steps[Any]],
) -> Steps[T]:
    """Send an operation, with retries as the policy allows; return its result, or raise the failure of the last try.

    `run` performs the flow that looks for what an earlier try has made.
    """
    attempts = _Attempts(operation, retrier)
    while True:
        outcome = yield from _try_once(operation, attempts, send)
        if not isinstance(outcome, RocketChatError):
            retrier.budget.give_back(was_retried=attempts.tries > 0)
            return outcome
        if attempts.succeeded_before(outcome):
            return cast(T, None)
        pause = attempts.pause_after(outcome)
        if pause:
            _log.info("%s: waiting %.1f s before the next try", operation.request.endpoint, pause)
        if pause is not None:
            yield Wait(pause)
        found = yield from _search(operation, attempts, run)
        if found is not None and not isinstance(found, RocketChatError):
            retrier.budget.give_back(was_retried=pause is not None)
            return found
        if pause is None or isinstance(found, RocketChatError):
            attempts.describe(outcome)
            raise outcome


def _try_once(
    operation: Operation[T],
    attempts: _Attempts,
    send: Callable[[Request, WaitBudget], Steps[Response | TransportError]],
) -> Steps[T | RocketChatError]:
    """Send the request once. Return the result, or the error if it failed."""
    try:
        response = yield from send(operation.request, attempts.wait_budget)
    except RocketChatError as error:
        # The login failed, or the client is closed. Only an earlier try may have acted.
        error.may_have_acted = attempts.may_have_acted
        raise
    if isinstance(response, TransportError):
        return response
    try:
        return operation.decode(response)
    except RocketChatError as error:
        return error


def _search(
    operation: Operation[T], attempts: _Attempts, run: Callable[[Flow[Any]], Steps[Any]]
) -> Steps[T | RocketChatError | None]:
    """Search for the result of an earlier try. Return it, None if there is none, or the error of the search."""
    if operation.find_result is None or not attempts.may_have_acted:
        return None
    try:
        found: T | None = yield from run(operation.find_result())
    except RocketChatError as error:
        _log.info("%s: not repeated: %s", operation.request.endpoint, error)
        return error
    return found


class _Attempts:
    """The tries of one operation so far."""

    def __init__(self, operation: Operation[Any], retrier: Retrier) -> None:
        self.wait_budget = WaitBudget(retrier.policy.rate_limit_wait)
        self.may_have_acted = False
        self.tries = 0  # that have failed, without those that the rate limit refused
        self._operation = operation
        self._policy = retrier.policy
        self._clock = retrier.clock
        self._retry_budget = retrier.budget
        self._began = self._clock.monotonic()
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
            return pause if self.wait_budget.spend(pause) else None
        self.tries += 1
        pause = self._backoff(self.tries)
        taken = self._clock.monotonic() - self._began - self.wait_budget.spent
        in_time = self.tries < self._policy.attempts and taken + pause <= self._policy.total
        if not in_time or not _may_retry(failure, self._operation):
            return None
        if self._retry_budget.take():
            return pause
        _log.info("%s: not repeated: the client's budget of retries is used up", self._operation.request.endpoint)
        return None

    def describe(self, failure: RocketChatError) -> None:
        """Add to the last failure what is known of all tries."""
        failure.may_have_acted = self.may_have_acted
        if self.tries > 1 and isinstance(failure, (TransportError, ServerError)):
            seconds = self._clock.monotonic() - self._began
            failure.args = (f"{failure.args[0]} ({self.tries} tries in {seconds:.1f} s)",)
            if isinstance(failure, TransportError):
                failure.tries = self.tries

    def _backoff(self, tries: int) -> float:
        # Exponential backoff with jitter. The exponent is bounded: large ones overflow.
        longest = min(self._policy.backoff_max, self._policy.backoff * 2.0 ** min(tries - 1, 60))
        return longest * (0.5 + 0.5 * self._clock.random())


def _may_retry(failure: RocketChatError, operation: Operation[Any]) -> bool:
    # A search comes too early while the server may still be at work.
    can_be_found = operation.find_result is not None and not _may_be_at_work(failure)
    is_harmless = operation.idempotent or can_be_found
    if isinstance(failure, TransportError):
        return failure.kind not in _PERMANENT and (is_harmless or not failure.may_have_acted)
    is_passing = isinstance(failure, (ServerError, UnexpectedResponse)) and failure.status in _RETRIED_STATUSES
    return is_passing and is_harmless


def _may_be_at_work(failure: RocketChatError) -> bool:
    """Return whether the client, or a proxy, has given up waiting for the server."""
    if isinstance(failure, TransportError):
        return failure.kind == "timeout"
    return isinstance(failure, (ServerError, UnexpectedResponse)) and failure.status in (408, 504)
