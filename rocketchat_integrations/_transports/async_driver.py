"""The asynchronous driver: waits by the event loop, sends, and holds the lock around a login; see :mod:`.driver`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from typing import TypeVar, cast

from rocketchat_integrations._protocol.exchange import Exchange
from rocketchat_integrations._protocol.flows import Flow, LogIn, Send, Steps, Wait
from rocketchat_integrations._protocol.http import AsyncTransport, Response
from rocketchat_integrations._protocol.options import ConnectionOptions, async_transport_of
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import ConfigurationError, RocketChatError, TransportError

from . import event_loops
from .forks import enter_child_after_fork

T = TypeVar("T")
_random = random.SystemRandom()


class LoopClock:
    """Time and chance. Tests replace it by a fake."""

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await event_loops.sleep(seconds)

    def random(self) -> float:
        return _random.random()


class AsyncDriver:
    """Runs the flows of a client and its webhooks over one transport. Shared by the tasks of one event loop."""

    clock: LoopClock = LoopClock()

    def __init__(self, base_url: str, auth: TokenAuth | PasswordAuth | None, options: ConnectionOptions) -> None:
        # The tasks of a loop take turns only where they wait, so the rate limit windows need no lock.
        self._exchange = Exchange(base_url, auth, options, clock=self.clock, lock=nullcontext())
        self._loop: object | None = None
        transport = async_transport_of(options)
        self._needs_asyncio = transport is None
        self._transport = _aiohttp_transport(base_url, options) if transport is None else transport
        enter_child_after_fork(self)

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end and return its result."""
        self._enter_loop()
        return await self._take(self._exchange.steps(flow))

    async def token(self, expired: TokenAuth | None = None) -> TokenAuth:
        """Return the token to sign with. Log in if there is none, or only the expired one."""
        self._enter_loop()
        session = self._exchange.session
        failures = session.failures
        try:
            async with self._login_lock:
                return await self.run(session.log_in(expired, failures))
        finally:
            if session.is_closed:
                await self._end()

    async def close(self) -> None:
        """Log out of an own session, and close the connections. Does not wait for a login under way."""
        self._enter_loop()
        self._exchange.session.close()
        await self._end()

    def enter_child(self) -> None:
        """Continue in an event loop of a child process, without the connections of its parent."""
        self._loop = None
        self._exchange.enter_child(nullcontext())
        forget = getattr(self._transport, "forget_connections", None)
        if forget is not None:
            forget()

    async def _end(self) -> None:
        # With a login under way, the task that logs in does it then.
        if self._login_lock.locked() or not self._exchange.session.end():
            return
        try:
            await self._take(self._exchange.log_out())
        finally:
            await self._transport.close()

    def _enter_loop(self) -> None:
        """Raise ConfigurationError in any other event loop than the first."""
        loop = event_loops.running_loop()
        if self._loop is None:
            if self._needs_asyncio and event_loops.running_trio() is not None:
                raise ConfigurationError("transport: trio needs another one than the default, aiohttp")
            self._loop, self._login_lock = loop, event_loops.new_lock()
        elif self._loop is not loop:
            state = "has ended" if event_loops.has_ended(self._loop) else "is another one"
            raise ConfigurationError(
                f"the event loop that the client was first used in {state}: create one in each loop"
            )

    async def _take(self, steps: Steps[T]) -> T:
        advance: Callable[[], Wait | Send | LogIn] = partial(steps.send, None)
        try:
            while True:
                try:
                    step = advance()
                except StopIteration as stop:
                    return cast(T, stop.value)
                try:
                    advance = partial(steps.send, await self._do(step))
                except RocketChatError as error:
                    # Of a login. Without its frames: they hold what the server sent.
                    advance = partial(steps.throw, error.with_traceback(None))
        finally:
            steps.close()  # of a call that failed or was cancelled: its slot of the rate limit is returned

    async def _do(self, step: Wait | Send | LogIn) -> Response | TransportError | TokenAuth | None:
        if isinstance(step, Wait):
            await self.clock.sleep(step.seconds)
            return None
        if isinstance(step, LogIn):
            return await self.token(step.expired)
        try:
            return await self._transport.send(step.request)
        except TransportError as error:
            return error


def _aiohttp_transport(base_url: str, options: ConnectionOptions) -> AsyncTransport:
    try:
        # Imported late: programs that bring a transport need not have aiohttp.
        from .aiohttp import AiohttpTransport
    except ModuleNotFoundError as error:
        missing = error.name
    else:
        return AiohttpTransport(base_url, options)
    raise ConfigurationError(
        f'the asynchronous client needs {missing}: python -m pip install "rocketchat-integrations[async]", '
        "or pass a transport"
    )
