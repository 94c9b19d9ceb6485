"""Post log records in a thread of its own, from a bounded queue."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

from ._log_entries import LogEntry, message_of
from .client import IncomingWebhook

THREAD_NAME = "rocketchat_integrations.logs"
# The default capacity and message size need less, also for emoji, which take four bytes a character.
MAX_MEMORY = 16 * 2**20
_log = logging.getLogger(THREAD_NAME)


class Sender:
    """A queue of entries, and the thread that posts them.

    Each counter has one writer: the threads that log, one at a time under the handler's lock, or the posting thread.
    """

    def __init__(self, webhook: IncomingWebhook, message_size: int, *, closes_webhook: bool) -> None:
        self.process = os.getpid()
        self._webhook = webhook
        self._message_size = message_size
        self._closes_webhook = closes_webhook
        # A SimpleQueue is reentrant: a signal handler may log while a put is interrupted.
        self._queue: SimpleQueue[LogEntry | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late_flush: tuple[threading.Event, float] | None = None
        self._is_stopped = False
        self._refuses = False
        self._why_dropped = ""
        self._queued = self._queued_memory = self._dropped = 0
        self._taken_memory = self._delivered = self._lost = self._reported = self._told = 0

    @property
    def dropped(self) -> int:
        if self._is_stopped:
            return self._dropped + self._queued - self._delivered
        return self._dropped + self._lost

    def put(self, entry: LogEntry, capacity: int) -> None:
        """Queue an entry, or drop it."""
        memory = self._queued_memory - self._taken_memory + entry.memory
        if self._queue.qsize() >= capacity or memory > MAX_MEMORY:
            self._why_dropped = "the queue was full"
        elif self._start():
            self._queued += 1
            self._queued_memory += entry.memory
            self._queue.put(entry)
            return
        self._dropped += 1

    def refuse(self) -> None:
        """Drop a record, because the handler is closed. Tell the first time."""
        self._dropped += 1
        if not self._refuses:
            self._refuses = True
            _write_to_stderr("log records are dropped: the handler is closed")

    def wait(self, timeout: float) -> None:
        """Wait until every entry in the queue is posted or dropped."""
        if self._thread is not None:
            began, reached = time.monotonic(), threading.Event()
            self._queue.put(reached)
            if not reached.wait(timeout):
                self._late_flush = (reached, began)

    def stop(self, timeout: float) -> None:
        """End the thread when the queue is empty, and wait for that. Tell how many records are dropped."""
        if self._thread is None:
            self._close_webhook()
        else:
            self._queue.put(None)
            # `logging.shutdown` flushes and closes: both together must not wait longer than one of them.
            if self._late_flush is not None and not self._late_flush[0].is_set():
                timeout += self._late_flush[1] - time.monotonic()
            self._thread.join(max(0.0, timeout))
        self._is_stopped = True
        if missing := self.dropped - self._lost - self._told:
            _write_to_stderr(f"{missing} log records were not delivered before the handler was closed")

    def _start(self) -> bool:
        """Start the thread if it is not running; return whether it is."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError as error:  # no more threads, or the interpreter is ending
                self._thread = None
                self._why_dropped = str(error)
        return self._thread is not None

    def _run(self) -> None:
        batch: list[LogEntry] = []
        size = 0
        for item in iter(self._queue.get, None):
            if isinstance(item, LogEntry):
                self._taken_memory += item.memory
                if size + item.size > item.room(self._message_size):
                    self._deliver(batch)
                    batch, size = [], 0
                batch.append(item)
                size += item.size
                if not self._queue.empty():
                    continue
            self._deliver(batch)
            batch, size = [], 0
            if isinstance(item, threading.Event):
                item.set()
        self._deliver(batch)
        self._close_webhook()

    def _deliver(self, batch: list[LogEntry]) -> None:
        if not batch or self._is_stopped:
            return
        missing = self.dropped - self._reported
        report = f"{missing} log records were not delivered.\n" if missing else ""
        try:
            self._webhook.post(message_of(batch, report), max_message_size=self._message_size)
        except Exception as error:
            self._lost += len(batch)
            self._tell(len(batch), str(error))
        else:
            self._delivered += len(batch)
            self._reported += missing
        if untold := self._dropped - self._told:
            self._told += untold
            self._tell(untold, self._why_dropped)

    def _tell(self, number: int, why: str) -> None:
        # After `stop`, the interpreter may be ending and may have closed the streams.
        if not self._is_stopped:
            _tell(f"{number} log records were not delivered: {why}")

    def _close_webhook(self) -> None:
        if self._closes_webhook:
            self._webhook.close()


def _tell(text: str) -> None:
    """Log a warning for the other handlers, and write it to standard error if none of them does."""
    if _log.hasHandlers():  # otherwise logging itself would write it
        _log.warning("%s", text)
    if not any(getattr(handler, "stream", None) is sys.stderr for handler in _handlers()):
        _write_to_stderr(text)


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers that get the warnings."""
    logger: logging.Logger | None = _log if _log.isEnabledFor(logging.WARNING) else None
    while logger is not None:
        yield from (handler for handler in logger.handlers if handler.level <= logging.WARNING)
        logger = logger.parent if logger.propagate else None


def _write_to_stderr(text: str) -> None:
    """Write a line where `logging` writes its own errors, unless `logging.raiseExceptions` is off."""
    if logging.raiseExceptions and sys.stderr:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{THREAD_NAME}: {text}\n")
