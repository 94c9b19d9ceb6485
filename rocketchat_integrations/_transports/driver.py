"""The synchronous driver: waits, sends, and holds the lock around a login.

An asynchronous one differs in `await`, the lock and the sleep; all decisions are in `_protocol`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from rocketchat_integrations._cancellation import check_cancelled, pause
from rocketchat_integrations._protocol.exchange import Exchange
from rocketchat_integrations._protocol.flows import Flow, LogIn, Send, Steps, Wait
from rocketchat_integrations._protocol.http import Response, Transport
from rocketchat_integrations._protocol.options import ConnectionOptions, transport_of
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import RocketChatError, TransportError

from .forks import enter_child_after_fork

T = TypeVar("T")
_random = random.SystemRandom()


class SystemClock:
    """Time and chance. Tests replace it by a fake."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return _random.random()


class Driver:
    """Runs the flows of a client and its webhooks over one transport. Shared by threads."""

    clock: SystemClock = SystemClock()

    def __init__(self, base_url: str, auth: TokenAuth | PasswordAuth | None, options: ConnectionOptions) -> None:
        self._exchange = Exchange(base_url, auth, options, clock=self.clock, lock=threading.Lock())
        self._login_lock = threading.Lock()
        transport = transport_of(options)
        if transport is None:
            # Imported late: programs that only receive, or bring a transport, need not load requests.
            from .requests import RequestsTransport

            transport = RequestsTransport(base_url, options)
        self._transport: Transport = transport
        enter_child_after_fork(self)

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its result."""
        return self._take(self._exchange.steps(flow))

    def token(self, expired: TokenAuth | None = None) -> TokenAuth:
        """Return the token to sign with. Log in if there is none, or only the expired one."""
        session = self._exchange.session
        failures = session.failures
        try:
            with self._login_lock:
                return self.run(session.log_in(expired, failures))
        finally:
            if session.is_closed:
                self._end()

    def close(self) -> None:
        """Log out of an own session, and close the connections. Does not wait for a login under way."""
        self._exchange.session.close()
        self._end()

    def _end(self) -> None:
        if not self._login_lock.acquire(blocking=False):
            return  # the thread that logs in does it then
        try:
            is_first = self._exchange.session.end()
        finally:
            self._login_lock.release()
        if not is_first:
            return
        try:
            self._take(self._exchange.log_out())
        finally:
            self._transport.close()

    def enter_child(self) -> None:
        """Continue in a child process, without the locks and the connections of its parent."""
        self._login_lock = threading.Lock()
        self._exchange.enter_child(threading.Lock())
        forget = getattr(self._transport, "forget_connections", None)
        if forget is not None:
            forget()

    def _take(self, steps: Steps[T]) -> T:
        advance: Callable[[], Wait | Send | LogIn] = partial(steps.send, None)
        try:
            while True:
                try:
                    step = advance()
                except StopIteration as stop:
                    return cast(T, stop.value)
                try:
                    advance = partial(steps.send, self._do(step))
                except RocketChatError as error:
                    # Of a login. Without its frames: they hold what the server sent.
                    advance = partial(steps.throw, error.with_traceback(None))
        finally:
            steps.close()  # of a call that failed or was cancelled: its slot of the rate limit is returned

    def _do(self, step: Wait | Send | LogIn) -> Response | TransportError | TokenAuth | None:
        if isinstance(step, Wait):
            pause(step.seconds, self.clock.sleep)
            return None
        if isinstance(step, LogIn):
            return self.token(step.expired)
        check_cancelled()
        try:
            return self._transport.send(step.request)
        except TransportError as error:
            return error
