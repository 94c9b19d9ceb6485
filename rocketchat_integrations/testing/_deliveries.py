"""The calls of outgoing integrations: in which order, how often, and what comes of them."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import attrs

from ._calls import CallFailed, OpenCalls, call as call_bot
from ._dialect import Dialect
from ._payloads import payload_of
from ._refusals import Refusal
from ._replies import Effect, Reply, after_failure, effect_of
from ._settings import Settings
from ._triggers import Call, calls_for
from ._webhooks import Webhooks
from ._world import Document, World, random_text

_MOST_FURTHER_CALLS = 100
_MOST_NESTED_CHAINS = 100
_SECONDS_TO_END = 1.0
_SHOWN_CALLS = 4


def pause(ended: threading.Event, seconds: float) -> None:
    """Wait, unless the calls are ended."""
    ended.wait(min(seconds, threading.TIMEOUT_MAX))


@attrs.frozen(eq=False)
class Session:
    """The time between two starts or resets, whose calls end with it."""

    site_url: str
    calls: OpenCalls = attrs.field(factory=OpenCalls)
    chains: list[Chain] = attrs.field(factory=list["Chain"])
    """Those in the background that are not over."""
    errors: deque[Exception] = attrs.field(factory=deque[Exception])
    """What ended chains in the background before they were over."""


class Chain:
    """The calls that something leads to, with those that their replies lead to; made one after the other.

    They are ordered by the time at which the real server would make them, were replies given at once. That is also how
    long is waited between them, times the pace.
    """

    def __init__(self, lock: threading.RLock, dialect: Dialect, settings: Settings, session: Session, world: World):
        self._lock = lock
        self._dialect = dialect
        self._settings = settings
        self._session = session
        self._world = world
        self._now = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, Call]] = []
        self._recent: list[Call] = []
        """The last ones to be made, of which the very last may be under way."""
        self.take_up()

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to call."""
        return not self._waiting

    @property
    def names(self) -> list[str]:
        """The integrations to call, and the one that is being called."""
        with self._lock:
            under_way = self._recent[-1:]
            return sorted({call.name for call in (*under_way, *(call for *_, call in self._waiting))})

    def take_up(self) -> None:
        """Line up the calls for what has happened."""
        for happened in self._world.take_outbox():
            for call in calls_for(self._world, happened):
                self._line_up(call, self._now)

    def _line_up(self, call: Call, due: float) -> None:
        heapq.heappush(self._waiting, (due, next(self._order), call))

    def run(self) -> None:
        """Make the calls.

        Raises:
            RuntimeError: they do not end.
        """
        allowed = len(self._waiting) + _MOST_FURTHER_CALLS
        while self._waiting:
            with self._lock:
                due, _, call = heapq.heappop(self._waiting)
                self._recent = [*self._recent, call][-_SHOWN_CALLS:]
            if allowed == 0:
                raise RuntimeError(f"one event has led to {_MOST_FURTHER_CALLS} further calls: {self._talk()}")
            allowed -= 1
            wait = (due - self._now) * self._settings.retry_pace
            if wait:
                pause(self._session.calls.ended, wait)
            self._now = due
            self._make(call)

    def _talk(self) -> str:
        """Who talks to whom."""
        last = "; ".join(
            f"integration {call.name!r} calls its bot"
            + (f" again (try {call.tries + 1})" if call.tries else f" for what {_author(call)} did")
            for call in self._recent
        )
        return f"the bots answer each other for ever, or it is tried too often. The last ones: {last}"

    def _make(self, call: Call) -> None:
        with self._lock:
            if self._session.calls.ended.is_set() or not self._is_enabled(call):
                return
            now = self._world.timestamp()
            payload = payload_of(call, is_8=self._dialect.is_8, site_url=self._session.site_url, now=now)
            record = _begun(call, payload, now)
            self._world.history_of(call.integration["_id"]).add(record)
        reply: Reply | CallFailed
        try:
            reply = call_bot(call.url, payload, self._settings.reply_timeout, self._session.calls)
        except CallFailed as failed:
            reply = failed
        with self._lock:
            if self._session.calls.ended.is_set():
                return
            if isinstance(reply, CallFailed):
                changes: Document = {"httpError": {"message": str(reply)}}
            else:
                changes = {"httpResult": json.dumps(reply.text, ensure_ascii=False), **self._settle(call, reply)}
            record.update({"step": "after-http-call", **changes, "_updatedAt": self._world.timestamp()})
            self.take_up()

    def _is_enabled(self, call: Call) -> bool:
        stored = self._world.integrations.get(call.integration["_id"])
        return stored is not None and stored.get("enabled") is True

    def _settle(self, call: Call, reply: Reply) -> Mapping[str, Any]:
        """Do what a reply does, and return what the history has to say."""
        match effect_of(reply):
            case Effect.NOTHING:
                return {}
            case Effect.MESSAGE:
                return self._post(call, reply)
            case Effect.DISABLED:
                self._world.disable(call.integration["_id"])
                return {"step": "after-process-http-status-410", "error": True}
            case Effect.BROKEN:
                return {"step": "after-process-http-status-500", "error": True}
            case _:
                step, wait = after_failure(call.integration, call.tries)
                if wait is not None:
                    self._line_up(attrs.evolve(call, tries=call.tries + 1), self._now + wait)
                return {"step": step, "error": True}

    def _post(self, call: Call, reply: Reply) -> Mapping[str, Any]:
        try:
            sent = Webhooks(self._world, self._dialect).reply(call.integration, call.event, reply.content)
        except Refusal as refusal:
            return {"httpError": {"message": refusal.note}}
        result = {} if sent is None else {"resultMessage": [sent]}
        return {"step": "url-response-sent-message", "finished": True, **result}


def _author(call: Call) -> str:
    return str((call.event.user or {}).get("username"))


def _begun(call: Call, payload: Document, now: str) -> Document:
    """A history record, as it is until the bot has replied."""
    word = {} if call.trigger_word is None else {"triggerWord": call.trigger_word}
    return {
        "_id": random_text(17),
        "type": "outgoing-webhook",
        "step": "pre-http-call",
        "integration": call.integration,
        "event": call.event.name,
        "_createdAt": now,
        "_updatedAt": now,
        "data": {},
        **word,
        "ranPrepareScript": True,
        "url": call.url,
        "httpCallData": payload,
    }


class Deliveries:
    """Makes the calls of one server."""

    def __init__(self, lock: threading.RLock, dialect: Dialect, settings: Settings) -> None:
        self._lock = lock
        self._dialect = dialect
        self._settings = settings
        self._changed = threading.Condition(lock)
        self._nested = 0
        self._session = Session("")

    def begin(self, site_url: str) -> None:
        """Make calls from now on, as a server with that address; those so far are ended."""
        with self._lock:
            self._session.calls.end()
            self._session = Session(site_url)

    def restart(self) -> None:
        """End the calls so far, and forget them."""
        self.begin(self._session.site_url)

    def end(self) -> None:
        """End the calls so far, and wait a moment for them."""
        with self._changed:
            session = self._session
            session.calls.end()
            self._changed.wait_for(lambda: not session.chains, _SECONDS_TO_END)

    def chain(self, world: World) -> Chain:
        """The calls for what has just happened."""
        return Chain(self._lock, self._dialect, self._settings, self._session, world)

    def run(self, chain: Chain) -> None:
        """Make the calls, and return when they are over.

        Raises:
            RuntimeError: they do not end.
        """
        if chain.is_over:
            return
        with self._lock:
            if self._nested == _MOST_NESTED_CHAINS:
                raise RuntimeError(
                    f"{_MOST_NESTED_CHAINS} events wait for their calls: a bot that says something while it is called"
                    f" seems to call itself for ever, by the integrations {', '.join(map(repr, chain.names))}"
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
                target=self._run_to_the_end, args=(chain, self._session), name="LocalRocketChat calls", daemon=True
            ).start()

    def _run_to_the_end(self, chain: Chain, session: Session) -> None:
        try:
            chain.run()
        except Exception as error:
            # There is nobody here to tell but who waits for the end.
            session.errors.append(error)
        with self._changed:
            session.chains.remove(chain)
            self._changed.notify_all()

    def wait_until_quiet(self, timeout: float) -> None:
        """Wait until nothing is called in the background.

        Raises:
            TimeoutError: something still is after that many seconds.
            RuntimeError: the calls of one event did not end by themselves.
        """
        with self._changed:
            session = self._session
            if not self._changed.wait_for(lambda: not session.chains, timeout):
                names = sorted({name for chain in session.chains for name in chain.names})
                raise TimeoutError(f"after {timeout:g} seconds there still are calls of {', '.join(map(repr, names))}")
            if session.errors:
                raise session.errors.popleft()
