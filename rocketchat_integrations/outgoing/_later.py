"""Work that is done after a call was answered, and the post of its result."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial

from rocketchat_integrations.messages import Message

from ._handler_failures import HandlerFailures, log
from ._payloads import Payload
from ._replies import LaterReply, later_message
from ._running import FAILURES, Steps, run, run_async


class LaterWork:
    """All later work of an app. May be shared by threads."""

    def __init__(self, failures: HandlerFailures) -> None:
        self._failures = failures
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._futures: set[Future[None]] = set()
        self._tasks: set[asyncio.Task[None]] = set()  # the event loop itself does not keep its tasks

    def start(self, payload: Payload, reply: LaterReply) -> None:
        """Start the work of a reply in a worker thread."""
        steps = self._steps(payload, reply)
        with self._lock:
            # Made here, because threads do not survive the fork of a server.
            self._pool = self._pool or ThreadPoolExecutor(thread_name_prefix="WebhookApp later")
            future = self._pool.submit(contextvars.copy_context().run, run, steps)
            self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def start_async(self, payload: Payload, reply: LaterReply) -> None:
        """Start the work of a reply in a task."""
        task = asyncio.get_running_loop().create_task(self._in_a_task(payload, reply))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def finish(self, timeout: float | None) -> bool:
        """Wait for the work in threads; return whether all of it is finished."""
        return _all_done(len(concurrent.futures.wait(list(self._futures), timeout).not_done))

    async def finish_async(self, timeout: float | None) -> bool:
        """Wait for the work in tasks of this event loop; return whether all of it is finished."""
        tasks = list(self._tasks)
        return _all_done(len((await asyncio.wait(tasks, timeout=timeout))[1]) if tasks else 0)

    async def _in_a_task(self, payload: Payload, reply: LaterReply) -> None:
        try:
            await run_async(self._steps(payload, reply))
        except asyncio.CancelledError:
            log.warning("the later work of %s was cancelled; its result is lost", payload.event)
            raise

    def _steps(self, payload: Payload, reply: LaterReply) -> Steps[None]:
        """Do the work and post its result; if that fails, post what the hook for failures returns."""
        worked = yield reply.work
        try:
            message = later_message(worked.result())
        except FAILURES as error:
            failure: BaseException | None = error
        else:
            failure = yield from _post(reply, message)
        if failure is None:
            return
        message = yield from self._failures.handle("the later work", payload, failure, later_message)
        failure = yield from _post(reply, message)
        if failure is not None:
            self._failures.log("the post after the later work", payload, failure)


def _post(reply: LaterReply, message: Message | str | None) -> Steps[BaseException | None]:
    """Post a message, if there is one, and return what the webhook raised."""
    if message is None:
        return None
    return (yield partial(reply.webhook.post, message)).error


def _all_done(unfinished: int) -> bool:
    if unfinished:
        log.warning("later work is not finished, and may be lost: %s", unfinished)
    return not unfinished
