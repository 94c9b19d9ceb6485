"""The synchronous driver: waits, sends, and holds the lock around a login.

An asynchronous one differs in `await`, the lock and the sleep; all decisions are in `_protocol`.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TypeVar, cast

from rocketchat_integrations._cancellation import check_cancelled, pause
from rocketchat_integrations._protocol.exchange import Exchange
from rocketchat_integrations._protocol.flows import Flow, LogIn, Send, Steps, Wait
from rocketchat_integrations._protocol.http import Response, Transport
from rocketchat_integrations._protocol.options import ConnectionOptions, transport_of
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import TransportError

T = TypeVar("T")


class SystemClock:
    """Time and chance. Tests replace it by a fake."""

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def random(self) -> float:
        return random.random()


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

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its result."""
        return self._take(self._exchange.steps(flow))

    def token(self, expired: TokenAuth | None = None) -> TokenAuth:
        """Return the token to sign with. Log in if there is none, or only the expired one."""
        session = self._exchange.session
        refusals = session.refusals
        with self._login_lock:
            return self.run(session.log_in(expired, refusals))

    def close(self) -> None:
        """Log out of an own session, and close the connections."""
        with self._login_lock:  # a login under way completes, and is then logged out
            is_first = self._exchange.session.close()
        if not is_first:
            return
        try:
            self._take(self._exchange.log_out())
        finally:
            self._transport.close()

    def _take(self, steps: Steps[T]) -> T:
        outcome: Response | TransportError | TokenAuth | None = None
        try:
            while True:
                try:
                    step = steps.send(outcome)
                except StopIteration as stop:
                    return cast(T, stop.value)
                outcome = self._do(step)
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
