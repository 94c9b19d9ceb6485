"""Turn a flow into the steps of a driver: wait for rate limits, sign, send, log in again, retry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar, cast

import attrs

from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import InvalidParamsError, RocketChatError, TransportError

from . import endpoints
from .endpoints import Operation
from .flows import Clock, Flow, LogIn, Send, Steps, Wait
from .headers import Signer
from .http import Request, Response
from .options import ConnectionOptions
from .rate_limits import RateLimiter
from .retries import Retrier, WaitBudget, perform
from .retry_budget import RetryBudget
from .session import Session
from .transport_warnings import warn_about_plain_http

T = TypeVar("T")
_log = logging.getLogger("rocketchat_integrations")


class Exchange:
    """What all calls of one client share: session, rate limits, retry policy, headers, what the server refuses.

    `auth` is None for a webhook. `lock` protects the rate limit windows, and is never held around a step.
    """

    def __init__(
        self,
        base_url: str,
        auth: TokenAuth | PasswordAuth | None,
        options: ConnectionOptions,
        *,
        clock: Clock,
        lock: AbstractContextManager[object],
    ) -> None:
        warn_about_plain_http(base_url)
        self.session = Session(auth)
        self._clock = clock
        self._policy = options.retry
        self._use_lock(lock)
        self._refuses_skip_transpile = False  # whether the server's schema is known to refuse the property
        self._signer = Signer(base_url, headers=options.headers, user_agent=options.user_agent)

    def steps(self, flow: Flow[T]) -> Steps[T]:
        """Perform the operations of a flow, and return the flow's result."""
        advance: Callable[[], Operation[Any]] = partial(next, flow)
        while True:
            try:
                operation = advance()
            except StopIteration as stop:
                return cast(T, stop.value)
            try:
                advance = partial(flow.send, (yield from self._perform(operation)))
            except RocketChatError as error:
                # Without the frames that decoded the response: they hold what the server sent.
                advance = partial(flow.throw, error.with_traceback(None))

    def enter_child(self, lock: AbstractContextManager[object]) -> None:
        """Continue in a child process. Another thread of the parent may have held the lock when it forked."""
        self._use_lock(lock)
        self.session.enter_child()

    def _use_lock(self, lock: AbstractContextManager[object]) -> None:
        self._limiter = RateLimiter(lock)
        budget = RetryBudget(self._policy.budget, lock)
        self._retrier = Retrier(self._policy, self._clock, budget)

    def log_out(self) -> Steps[None]:
        """End the login that the session made, if any. Sent once; a failure is logged."""
        token = self.session.own_token
        if token is None:
            return
        logout = endpoints.logout()
        try:
            outcome = yield from self._sign_and_send(logout.request, token)
            if isinstance(outcome, TransportError):
                raise outcome
            logout.decode(outcome)
        except RocketChatError as error:
            _log.warning("logout failed, the token stays valid until it expires: %s", error)

    def _perform(self, operation: Operation[T]) -> Steps[T]:
        """Perform an operation, without ``skipTranspile`` if the server's schema refuses it."""
        request = operation.without_skip_transpile
        if request is None:
            return (yield from perform(operation, self._retrier, self._send, self.steps))
        without = attrs.evolve(operation, request=request, without_skip_transpile=None)
        if self._refuses_skip_transpile:
            return (yield from self._perform(without))
        try:
            return (yield from perform(operation, self._retrier, self._send, self.steps))
        except InvalidParamsError as error:
            # The refusal does not name the property. The server has done nothing yet, unless an earlier try was lost.
            may_have_acted = error.may_have_acted
        try:
            result = yield from self._perform(without)
        except RocketChatError as error:
            error.may_have_acted = error.may_have_acted or may_have_acted
            raise
        self._refuses_skip_transpile = True
        _log.info("%s: the server refuses skipTranspile, which was left out", request.endpoint)
        return result

    def _send(self, request: Request, budget: WaitBudget) -> Steps[Response | TransportError]:
        while (seconds := self._limiter.reserve(request, self._clock.monotonic())) and budget.spend(seconds):
            _log.info("%s: waiting %.1f s for the rate limit", request.endpoint, seconds)
            yield Wait(seconds)
        self.session.check_open()
        if not request.authenticated:
            return (yield from self._sign_and_send(request, None))
        token = self.session.token
        if token is None:
            token = yield from self._log_in(request)
        outcome = yield from self._sign_and_send(request, token)
        if isinstance(outcome, Response) and self.session.is_expired(outcome):
            renewed = yield LogIn(expired=token)
            self.session.check_open()
            return (yield from self._sign_and_send(request, renewed))
        return outcome

    def _log_in(self, request: Request) -> Steps[TokenAuth]:
        """Log in for a request; return its reserved slot if that fails or the call is cancelled."""
        try:
            token: TokenAuth = yield LogIn(expired=None)
            self.session.check_open()
        except (GeneratorExit, RocketChatError):
            self._limiter.observe(request, None, self._clock.monotonic())
            raise
        return token

    def _sign_and_send(self, request: Request, token: TokenAuth | None) -> Steps[Response | TransportError]:
        signed = self._signer.sign(request, token)
        response: Response | None = None
        try:
            outcome: Response | TransportError = yield Send(signed)
            response = outcome if isinstance(outcome, Response) else None
        finally:
            # Also if the call is cancelled: the reserved slot is returned.
            self._limiter.observe(request, response, self._clock.monotonic())
        if response is None:
            return outcome
        return Response(response.status, response.headers, response.body, signed.secrets, signed.url)
