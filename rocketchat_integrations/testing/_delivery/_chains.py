"""Make the calls that an event leads to: their order, retries, replies and history."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs

from rocketchat_integrations.testing._world._activity import AnsweredCall
from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._documents import Document, random_text
from rocketchat_integrations.testing._world._javascript import is_truthy
from rocketchat_integrations.testing._world._refusals import Refusal
from rocketchat_integrations.testing._world._settings import Settings
from rocketchat_integrations.testing._world._state import World

from ._bot_calls import BotRequest, CallFailed, OpenCalls, call_bot
from ._bot_replies import BotReply, Effect, after_failure, effect_of
from ._call_bodies import body_of
from ._outgoing_scripts import Processing, checked_message, prepare, process
from ._posting import post_reply
from ._script_runs import IntegrationScript, ScriptRuns
from ._triggers import BotCall, calls_for

_MAX_FURTHER_CALLS = 100
_SHOWN_CALLS = 4
_MAX_AT_ONCE = 8
"""A test's bot may not take more connections."""


def pause(aborted: threading.Event, seconds: float) -> None:
    """Wait before a retry, or until the calls are aborted."""
    aborted.wait(min(seconds, threading.TIMEOUT_MAX))


@attrs.frozen
class _StartedCall:
    """A call in progress, with the request that is sent and the history record."""

    call: BotCall
    script: IntegrationScript | None
    request: BotRequest
    record: Document
    changes_without_script: Document
    """Changes to the history record if no script runs before the call."""


@attrs.frozen(eq=False)
class DeliverySession:
    """The calls between two starts or resets of a server. They are aborted together."""

    site_url: str
    calls: OpenCalls = attrs.field(factory=OpenCalls)
    chains: list[Chain] = attrs.field(factory=list["Chain"])
    """Chains that run in the background."""
    errors: deque[Exception] = attrs.field(factory=deque[Exception])
    """Exceptions that ended chains in the background."""


class Chain:
    """The calls that one event leads to, including those that the replies lead to.

    They are ordered by the time at which the real server would make them if bots replied at once. The waits between
    them are multiplied by ``retry_pace``. Calls that are due at the same time are made one by one on 6.x; from 8.x on
    they overlap. Their scripts run, and their replies are handled, in the order of the calls, so that tests do not
    depend on chance.
    """

    def __init__(
        self,
        lock: threading.RLock,
        dialect: Dialect,
        settings: Settings,
        session: DeliverySession,
        scripts: ScriptRuns,
        world: World,
    ):
        self._lock = lock
        self._dialect = dialect
        self._settings = settings
        self._session = session
        self._scripts = scripts
        self._world = world
        self._now = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, BotCall]] = []
        self._recent: list[BotCall] = []
        """The last calls made; they may be in progress."""
        self._calling: list[BotCall] = []
        self.schedule_new()

    @property
    def is_over(self) -> bool:
        """Whether no call is left."""
        return not self._waiting

    @property
    def names(self) -> list[str]:
        """Names of the integrations that still call or are calling."""
        with self._lock:
            return sorted({call.name for call in (*self._calling, *(call for *_, call in self._waiting))})

    def schedule_new(self) -> None:
        """Schedule the calls for the events in the outbox."""
        for event in self._world.take_outbox():
            for call in calls_for(self._world, event):
                self._schedule(call, self._now)

    def _schedule(self, call: BotCall, due: float) -> None:
        heapq.heappush(self._waiting, (due, next(self._order), call))

    def run(self) -> None:
        """Make the calls.

        Raises:
            RuntimeError: they do not end.
        """
        allowed = len(self._waiting) + _MAX_FURTHER_CALLS
        while self._waiting:
            with self._lock:
                due = self._waiting[0][0]
                self._calling = self._take(due, max(allowed, 1))
                self._recent = [*self._recent, *self._calling][-_SHOWN_CALLS:]
            if allowed == 0:
                raise RuntimeError(f"one event has led to {_MAX_FURTHER_CALLS} further calls: {self._loop_text()}")
            allowed -= len(self._calling)
            wait = (due - self._now) * self._settings.retry_pace
            if wait:
                pause(self._session.calls.aborted, wait)
            self._now = due
            self._make(self._calling)

    def _take(self, due: float, limit: int) -> list[BotCall]:
        """Remove and return the calls to make next: one, or from 8.x on all that are due by then."""
        if self._dialect.major < 8:
            limit = 1
        calls: list[BotCall] = []
        while self._waiting and self._waiting[0][0] == due and len(calls) < limit:
            calls.append(heapq.heappop(self._waiting)[-1])
        return calls

    def _loop_text(self) -> str:
        last = "; ".join(
            f"integration {call.name!r} calls its bot"
            + (f" again (try {call.retries + 1})" if call.retries else f" for what {_author(call)} did")
            for call in self._recent
        )
        return f"the bots answer each other endlessly, or a call is retried too often. The last ones: {last}"

    def _make(self, calls: list[BotCall]) -> None:
        """Make calls at the same time; a single one is made in this thread."""
        with self._lock:
            begun = [call for call in map(self._start, calls) if call is not None]
        started = [call for call in map(self._prepare, begun) if call is not None]
        if len(started) <= 1:
            for call in started:
                self._finish(call, self._reply_to(call))
            return
        with ThreadPoolExecutor(_MAX_AT_ONCE, "LocalRocketChat call") as pool:
            for call, reply in zip(started, pool.map(self._reply_to, started), strict=True):
                self._finish(call, reply)

    def _start(self, call: BotCall) -> _StartedCall | None:
        """Store the history record of a call; return None if the call is not made."""
        if self._session.calls.aborted.is_set() or not self._is_enabled(call):
            return None
        now = self._world.timestamp()
        body = body_of(call, dialect=self._dialect, site_url=self._session.site_url, now=now)
        script = self._scripts.script_of(call.integration)
        changes = _before_call(self._dialect, call, body)
        record = _history_record(self._dialect, call, now) | ({} if script else changes)
        self._world.history_of(call.integration["_id"]).add(record)
        return _StartedCall(call, script, BotRequest.to(call.url, body), record, changes)

    def _prepare(self, started: _StartedCall) -> _StartedCall | None:
        """Run the script before a call; return None if the call is not made."""
        wanted = prepare(started.script, started.request)
        with self._lock:
            if self._session.calls.aborted.is_set():
                return None
            record = started.record
            if wanted is None:
                record.update(started.changes_without_script)
                return attrs.evolve(started, request=started.request.with_content_type())
            record.update(wanted.changes)
            if is_truthy(wanted.message) and not self._post_before_call(started, wanted.message):
                return None
            record.update(wanted.ending)
        return None if wanted.request is None else attrs.evolve(started, request=wanted.request)

    def _post_before_call(self, started: _StartedCall, message: Any) -> bool:
        """Post the message that the script returned with the request. Return whether the call is still made."""
        call, payload = started.call, started.request.fields["data"]
        try:
            content = checked_message(message)
            sent = post_reply(self._world, self._dialect, call.integration, call.event, content, payload)
        except Refusal:
            # As on the real server, the call is not made, and the history does not say why.
            return False
        if sent is None:
            started.record.update(step="after-prepare-send-message-failed", finished=True)
            return False
        started.record.update(step="after-prepare-send-message", prepareSentMessage=sent)
        self.schedule_new()
        return True

    def _reply_to(self, started: _StartedCall) -> BotReply | CallFailed:
        try:
            return call_bot(started.request, self._settings.reply_timeout, self._session.calls)
        except CallFailed as failed:
            return failed

    def _finish(self, started: _StartedCall, reply: BotReply | CallFailed) -> None:
        wanted = Processing({})
        if not isinstance(reply, CallFailed) and not self._session.calls.aborted.is_set():
            wanted = process(started.script, started.request, reply)
        with self._lock:
            if self._session.calls.aborted.is_set():
                return
            self._world.watchers.report(_answered(started, reply))
            if isinstance(reply, CallFailed):
                changes: Mapping[str, Any] = self._http_error(reply.name, str(reply))
            else:
                result = {"httpResult": json.dumps(reply.text, ensure_ascii=False)}
                changes = {**result, **wanted.changes, **self._handle(started.call, reply, wanted)}
            started.record.update({"step": "after-http-call", **changes, "_updatedAt": self._world.timestamp()})
            self.schedule_new()

    def _is_enabled(self, call: BotCall) -> bool:
        stored = self._world.integrations.get(call.integration["_id"])
        return stored is not None and stored.get("enabled") is True

    def _handle(self, call: BotCall, reply: BotReply, wanted: Processing) -> Mapping[str, Any]:
        """Do what a script or a reply asks for, and return the changes to the history record."""
        if is_truthy(wanted.message):
            return self._post_message_of_script(call, reply, wanted.message)
        if wanted.is_suppressed:
            return {"step": "after-process-false-result", "finished": True}
        match effect_of(reply, self._dialect):
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
                step, wait = after_failure(call.integration, call.retries)
                if wait is not None:
                    self._schedule(attrs.evolve(call, retries=call.retries + 1), self._now + wait)
                return {"step": step, "error": True}

    def _post(self, call: BotCall, reply: BotReply) -> Mapping[str, Any]:
        content = reply.content(self._dialect)
        try:
            sent = post_reply(self._world, self._dialect, call.integration, call.event, content, content)
        except Refusal as refusal:
            return self._refused(refusal)
        result = {} if sent is None else {"resultMessage": sent}
        return {"step": "url-response-sent-message", "finished": True, **result}

    def _post_message_of_script(self, call: BotCall, reply: BotReply, message: Any) -> Mapping[str, Any]:
        data = reply.content(self._dialect)
        try:
            content = checked_message(message)
            sent = post_reply(self._world, self._dialect, call.integration, call.event, content, data)
        except Refusal as refusal:
            return self._refused(refusal)
        if sent is None:
            return {"step": "after-process-send-message-failed", "finished": True}
        return {"step": "after-process-send-message", "finished": True, "processSentMessage": sent}

    def _refused(self, refusal: Refusal) -> Mapping[str, Any]:
        """Return the changes to the history record after a message that may not be posted."""
        if self._dialect.major < 8:
            changes: Mapping[str, Any] = {"httpError": {"message": refusal.note}}
        else:
            changes = self._http_error(*_javascript_error(refusal.body["error"]))
        return {"step": "after-http-call", **changes}

    def _http_error(self, name: str, message: str) -> Mapping[str, Any]:
        """Return the changes to the history record after a call without a reply."""
        if self._dialect.major < 8:
            return {"httpError": {"message": message}}
        return {"httpError": {"name": name, "message": message}, "httpResult": "null"}


def _javascript_error(error: str) -> tuple[str, str]:
    """Return the name and the message of the exception behind a refusal of a message."""
    if error == "invalid-channel":
        return "Error", "[invalid-channel]"
    return "TypeError" if error.endswith("is not a function") or error.startswith("Cannot ") else "Error", error


def _answered(started: _StartedCall, reply: BotReply | CallFailed) -> AnsweredCall:
    outcome = {"failure": str(reply)} if isinstance(reply, CallFailed) else {"answer": reply.text}
    return AnsweredCall(
        integration=started.call.name,
        event=started.call.event.name,
        url=started.request.url,
        status=None if isinstance(reply, CallFailed) else reply.status,
        **outcome,
    )


def _author(call: BotCall) -> str:
    return str((call.event.user or {}).get("username"))


def _history_record(dialect: Dialect, call: BotCall, now: str) -> Document:
    """Return a history record as it is before a script runs."""
    integration = call.integration
    if dialect.major >= 8:
        # As recorded: without two fields.
        integration = {name: value for name, value in integration.items() if name not in ("urls", "_updatedAt")}
    word = {} if call.trigger_word is None else {"triggerWord": call.trigger_word}
    return {
        "_id": random_text(17),
        "type": "outgoing-webhook",
        "step": "mapped-args-to-data",
        "integration": integration,
        "event": call.event.name,
        "_createdAt": now,
        "_updatedAt": now,
        "data": {},
        **word,
    }


def _before_call(dialect: Dialect, call: BotCall, body: Document) -> Document:
    """Return the changes to the history record before a call that no script has changed."""
    if dialect.major >= 8:
        # As recorded: with null for what is left out of the body.
        body = {"token": None, **({"channel_name": None} if "channel_id" in body else {}), **body}
    return {"step": "pre-http-call", "ranPrepareScript": True, "url": call.url, "httpCallData": body}
