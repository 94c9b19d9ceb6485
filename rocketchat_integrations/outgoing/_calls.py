"""Verify the calls of Rocket.Chat, recognize repeats, and answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import hashlib
import logging
import time
from collections.abc import Callable, Sized
from datetime import UTC, datetime
from typing import ParamSpec, TypeVar

import attrs

from rocketchat_integrations._printable import printable
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError

from ._handlers import Handlers, RegisteredHandler
from ._parsing import WRONG_TOKEN, as_bytes, json_object
from ._payloads import Payload, read_payload
from ._repeats import Claims, MemoryRepeats, Repeats
from ._replies import Answer, Reply, answer_to, json_answer
from ._under_way import CallsUnderWay, End

P = ParamSpec("P")
T = TypeVar("T")

# How long a call waits for equal ones, in this process and in others. Rocket.Chat waits 20 seconds for the answer.
_WAIT_SECONDS = 15.0
_POLL_SECONDS = 0.1
# Bytes. The slowest known JSON of this size takes 2 ms to parse: lists and half a surrogate pair
_LARGE = 16_384

_TRY_LATER = answer_to(Reply.retry_later())

_log = logging.getLogger("rocketchat_integrations.outgoing")


@attrs.define(eq=False)
class Call:
    """A verified call, without its body, which has the token.

    The key is None for a call that is never a repeat. At the deadline, its waits for equal calls end.
    """

    registered: RegisteredHandler
    payload: Payload
    key: str | None
    deadline: float
    is_claimed: bool = False  # whether it holds a claim in a store that processes share


class Calls:
    """The calls that an app gets. May be shared by threads."""

    def __init__(
        self, handlers: Handlers, max_size: int, max_age: float | None, repeats: Repeats, deduplicates: bool
    ) -> None:
        self._handlers = handlers
        self._max_size = max_size
        self._max_age = max_age
        self._repeats = repeats
        self._deduplicates = deduplicates
        self._under_way = CallsUnderWay()

    def receive(self, body: object, content_type: str | None) -> Call | Answer | ConfigurationError:
        """Return the call, or the answer if no handler is needed. Wrong use is returned: this frame has the token."""
        try:
            content = as_bytes(body)
            document = json_object(content, "" if content_type is None else content_type, self._max_size)
            registered = self._handlers.find(document.get("token"))
            if registered is None:
                raise WebhookVerificationError(WRONG_TOKEN)
            has_content = any(document[key] is not None for key in document.keys() - {"token", "bot"})
            payload = read_payload(registered.event, document)
            self._check_age(payload)
        except WebhookPayloadError as error:
            _log.info("a call was refused: %s", error)
            return json_answer(error.answer_status, {"error": str(error)})
        except ConfigurationError as error:
            return error.with_traceback(None)
        if payload.bot and not registered.takes_bots:
            return answer_to(Reply.nothing())
        # The body itself would keep tokens and messages in memory.
        key = hashlib.sha256(content).hexdigest() if has_content and self._deduplicates else None
        return Call(registered, payload, key, time.monotonic() + _WAIT_SECONDS)

    async def receive_async(self, body: object, content_type: str | None) -> Call | Answer | ConfigurationError:
        """Do the same as :meth:`receive`, in a worker thread if the body is large."""
        if not _may_be_large(body):
            return self.receive(body, content_type)
        try:
            return await asyncio.to_thread(self.receive, body, content_type)
        except asyncio.CancelledError as error:
            raise error.with_traceback(None)  # noqa: B904 - the frames have the token
        finally:
            del body

    def begin(self, call: Call) -> Answer | None:
        """Wait for an equal call in this process, and return its answer. None if there is none, or it failed.

        After None, the caller must :meth:`end` the call.
        """
        while (end := self._equal_call(call)) is not None:
            concurrent.futures.wait([end], call.deadline - time.monotonic())
            if (answer := _answer_at(end)) is not None:
                return answer
        return None

    async def begin_async(self, call: Call) -> Answer | None:
        """Do the same as :meth:`begin`, without blocking the event loop."""
        while (end := self._equal_call(call)) is not None:
            await asyncio.wait([asyncio.wrap_future(end)], timeout=call.deadline - time.monotonic())
            if (answer := _answer_at(end)) is not None:
                return answer
        return None

    def end(self, call: Call, answer: Answer | None) -> None:
        """End the waits of equal calls, with the answer if this call has succeeded.

        Release the claim if no answer was stored: the handler failed or was cancelled, or the store failed.
        """
        try:
            self._release(call)
        finally:
            self._leave(call, answer)

    async def end_async(self, call: Call, answer: Answer | None) -> None:
        """Do the same as :meth:`end`, without blocking the event loop."""
        try:
            if call.is_claimed:
                await self.in_a_thread_if_slow(self._release, call)
        finally:
            self._leave(call, answer)

    def find(self, call: Call) -> Answer | None:
        """Return the stored answer to an equal call; None if there is none.

        If the store has claims, wait while another process runs an equal call.
        """
        while (answer := self._find_or_claim(call)) is _TRY_LATER:
            if time.monotonic() > call.deadline:
                return _refuse_to_wait()
            time.sleep(_POLL_SECONDS)
        return answer

    async def find_async(self, call: Call) -> Answer | None:
        """Do the same as :meth:`find`, without keeping a worker thread while it waits: other calls need the threads."""
        while (answer := await self.in_a_thread_if_slow(self._find_or_claim, call)) is _TRY_LATER:
            if time.monotonic() > call.deadline:
                return _refuse_to_wait()
            await asyncio.sleep(_POLL_SECONDS)
        return answer

    def answer(self, call: Call, reply: Reply | None) -> Answer:
        """Return the answer to a call, and remember it if the call has succeeded. None means that the bot failed."""
        answer = json_answer(500, {"error": "the bot failed"}) if reply is None else answer_to(reply)
        try:
            if call.key is not None and answer.status < 300:
                self._repeats.add(call.key, answer)
                call.is_claimed = False
        except Exception as error:
            _log_failed_repeats(error)
        return answer

    async def in_a_thread_if_slow(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function, in a worker thread if it may wait for a store elsewhere.

        If the task is cancelled, wait for the thread: what it claims must be known when the call ends.
        """
        if isinstance(self._repeats, MemoryRepeats):
            return function(*args, **kwargs)
        # An executor instead of a task, because asyncio.run cancels all tasks when it ends.
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(None, lambda: context.run(function, *args, **kwargs))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait((running,))
            raise

    def _check_age(self, payload: Payload) -> None:
        if self._max_age is None or payload.timestamp is None:
            return
        if (datetime.now(UTC) - payload.timestamp).total_seconds() > self._max_age:
            problem = f"timestamp: must not be older than {self._max_age:g} seconds"
            raise WebhookPayloadError(problem, answer_status=403)

    def _equal_call(self, call: Call) -> End | None:
        return None if call.key is None else self._under_way.enter(call.key)

    def _find_or_claim(self, call: Call) -> Answer | None:
        """Return the stored answer to an equal call, or `_TRY_LATER` while another process runs one.

        Return None if this call may run.
        """
        if call.key is None:
            return None
        try:
            answer = self._repeats.find(call.key)
            return _TRY_LATER if answer is None and not self._claim(call) else answer
        except Exception as error:
            _log_failed_repeats(error)
            return None

    def _claim(self, call: Call) -> bool:
        if call.key is None or not isinstance(self._repeats, Claims):
            return True
        call.is_claimed = self._repeats.claim(call.key)
        return call.is_claimed

    def _release(self, call: Call) -> None:
        if call.key is None or not call.is_claimed or not isinstance(self._repeats, Claims):
            return
        try:
            self._repeats.release(call.key)
        except Exception as error:
            _log_failed_repeats(error)

    def _leave(self, call: Call, answer: Answer | None) -> None:
        if call.key is not None:
            self._under_way.leave(call.key, answer if answer is not None and answer.status < 300 else None)


def _may_be_large(body: object) -> bool:
    """Tell whether a body may have more than 16 KiB. The length of a memoryview is not in bytes."""
    return isinstance(body, memoryview) or (isinstance(body, Sized) and len(body) > _LARGE)


def _answer_at(end: End) -> Answer | None:
    """Return the answer of the call that was waited for. None if it failed, and 503 if it still runs."""
    return end.result() if end.done() else _refuse_to_wait()


def _refuse_to_wait() -> Answer:
    _log.warning("a call was answered with 503: an equal one has been running for %d seconds", _WAIT_SECONDS)
    return _TRY_LATER


def _log_failed_repeats(error: Exception) -> None:
    problem = printable(f"{type(error).__name__}: {error}")
    _log.warning("repeated calls are not recognized: what remembers them failed: %s", problem)
