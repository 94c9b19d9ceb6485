"""Run chains of calls, in the caller's thread or in the background, and abort them."""

from __future__ import annotations

import threading

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._settings import Settings
from rocketchat_integrations.testing._world._state import World

from ._chains import Chain, DeliverySession
from ._script_runs import ScriptRuns

_MAX_NESTED_CHAINS = 100
_SECONDS_TO_END = 1.0


class Deliveries:
    """The calls of one server."""

    def __init__(self, lock: threading.RLock, dialect: Dialect, settings: Settings, scripts: ScriptRuns) -> None:
        self._lock = lock
        self._dialect = dialect
        self._settings = settings
        self._scripts = scripts
        self._changed = threading.Condition(lock)
        self._nested = 0
        self._session = DeliverySession("")

    def begin(self, site_url: str) -> None:
        """Abort the calls so far, and begin a session for a server with that URL."""
        with self._lock:
            self._session.calls.abort()
            self._session = DeliverySession(site_url)

    def restart(self) -> None:
        """Abort the calls so far, and begin a session with the same URL."""
        self.begin(self._session.site_url)

    def end(self) -> None:
        """Abort the calls so far, and wait briefly for their threads."""
        with self._changed:
            session = self._session
            session.calls.abort()
            self._changed.wait_for(lambda: not session.chains, _SECONDS_TO_END)

    def chain(self, world: World) -> Chain:
        """Return the calls for the events in the outbox."""
        return Chain(self._lock, self._dialect, self._settings, self._session, self._scripts, world)

    def run(self, chain: Chain) -> None:
        """Make the calls, and return when they are over.

        Raises:
            RuntimeError: they do not end.
        """
        if chain.is_over:
            return
        with self._lock:
            if self._nested == _MAX_NESTED_CHAINS:
                raise RuntimeError(
                    f"{_MAX_NESTED_CHAINS} events wait for their calls: a bot that posts while it is called seems to"
                    f" call itself endlessly, through the integrations {', '.join(map(repr, chain.names))}"
                )
            self._nested += 1
        try:
            chain.run()
        finally:
            with self._lock:
                self._nested -= 1

    def start(self, chain: Chain) -> None:
        """Make the calls in a thread of their own."""
        if not chain.is_over:
            self._session.chains.append(chain)
            threading.Thread(
                target=self._run_in_background, args=(chain, self._session), name="LocalRocketChat calls", daemon=True
            ).start()

    def _run_in_background(self, chain: Chain, session: DeliverySession) -> None:
        try:
            chain.run()
        except Exception as error:
            # For the test that calls wait_until_quiet.
            session.errors.append(error)
        with self._changed:
            session.chains.remove(chain)
            self._changed.notify_all()

    def wait_until_quiet(self, timeout: float) -> None:
        """Wait until no chain runs in the background.

        Raises:
            TimeoutError: one still runs after that many seconds.
            RuntimeError: the calls of one event did not end by themselves.
        """
        with self._changed:
            session = self._session
            if not self._changed.wait_for(lambda: not session.chains, timeout):
                names = sorted({name for chain in session.chains for name in chain.names})
                raise TimeoutError(f"after {timeout:g} seconds there are still calls of {', '.join(map(repr, names))}")
            if session.errors:
                raise session.errors.popleft()
