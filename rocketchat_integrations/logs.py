"""Log records through an incoming webhook.

As any other handler, it can be set up by ``logging.config.dictConfig``::

    "handlers": {
        "chat": {
            "class": "rocketchat_integrations.logs.RocketChatHandler",
            "webhook": "https://chat.example.com/hooks/ID/TOKEN",
            "level": "ERROR",
        }
    }
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from queue import SimpleQueue

from ._tracebacks import sealed
from .client import IncomingWebhook
from .exceptions import ConfigurationError
from .messages import Message

_FLUSH_SECONDS = 2.0
_THREAD = __name__
# What posting logs itself. To post that would be to log it, and so on.
_OURS = ("rocketchat_integrations", "urllib3", "requests")
# What a message has beside the records: the fence around them, and the report of those that are missing.
_FRAME = 100

_FORMATTER = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
_log = logging.getLogger(__name__)


class RocketChatHandler(logging.Handler):
    """Posts log records through a webhook, and never stands in the way of the program that logs.

    Logging only puts the record's text into a queue. A background thread posts what is waiting, several records
    in one message, in a code block, and waits for rate limits as the webhook's
    :class:`~rocketchat_integrations.RetryPolicy` says. What cannot be delivered is dropped: when the queue is
    full, and when a post fails, for no post is sent twice. Drops are counted in :attr:`dropped`, and the next
    message that gets through says how many there were.

    Not posted are the records of the loggers ``rocketchat_integrations``, ``urllib3`` and ``requests`` and of
    those below them, and whatever is logged in a handler's own thread: with DEBUG on the root logger, each post
    would cause the next one. So are the failures of a :class:`~rocketchat_integrations.outgoing.WebhookApp`'s handlers,
    of which a bot in the room could hear, and fail again.

    When the program ends, it waits at most 2 seconds for what each handler still has to post. A forked process has a
    thread of its own, and a queue that is empty at first; one that ends by ``os._exit``, as those of
    ``multiprocessing`` do, has to call ``logging.shutdown`` before.

    Args:
        webhook: the webhook's address, or an :class:`~rocketchat_integrations.IncomingWebhook` with connection
            options of your own, which stays yours to close (and is used as it is in forked processes, too).
        level: records below it are not posted.
        capacity: how many records may wait; more are dropped.
        message_size: how many characters a message has at most; a longer record loses its middle. The server's
            own limit is 5,000 unless its administrator has changed it (``Message_MaxAllowedSize``).

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @sealed
    def __init__(
        self,
        webhook: IncomingWebhook | str,
        *,
        level: int | str = logging.NOTSET,
        capacity: int = 1000,
        message_size: int = 4000,
    ) -> None:
        if not isinstance(webhook, (IncomingWebhook, str)):
            raise ConfigurationError("webhook: must be an IncomingWebhook or its address")
        if type(capacity) is not int or capacity < 1:
            raise ConfigurationError("capacity: must be a positive whole number")
        if type(message_size) is not int or message_size < 3 * _FRAME:
            raise ConfigurationError(f"message_size: must be a whole number of at least {3 * _FRAME}")
        super().__init__(level)
        self._owns_webhook = isinstance(webhook, str)
        self._webhook = webhook if isinstance(webhook, IncomingWebhook) else IncomingWebhook(webhook)
        self._capacity = capacity
        self._room = message_size - _FRAME
        self._is_closed = False
        self._sender = self._new_sender()

    @property
    def dropped(self) -> int:
        """How many records of this process were dropped so far.

        Those of a post whose answer was lost count as dropped, though they may have arrived.
        """
        return self._of_this_process().dropped

    def handle(self, record: logging.LogRecord) -> bool:
        """Take a record, unless it comes from posting others."""
        # Here, and not in a filter or in `emit`: the thread that posts must not even wait for this handler's lock.
        return not _is_ours(record) and super().handle(record)

    def format(self, record: logging.LogRecord) -> str:
        """A record's text: without a formatter of your own, with its time, level and logger."""
        return (self.formatter or _FORMATTER).format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record's text into the queue. Never waits."""
        try:
            text = self.format(record)
            if not isinstance(text, str):
                raise TypeError(f"the formatter gave {type(text).__name__} instead of text")
            sender = self._of_this_process()
        except Exception:
            self.handleError(record)
            return
        if self._is_closed:
            sender.refuse()
        else:
            sender.take(text, self._capacity)

    def flush(self, timeout: float = _FLUSH_SECONDS) -> None:
        """Wait until all that was logged before has been posted or dropped.

        Args:
            timeout: how many seconds to wait at most.
        """
        if not self._is_closed:
            self._of_this_process().wait(timeout)

    def close(self) -> None:
        """Post what is waiting, for at most 2 seconds; what then is left is dropped, and all that comes later."""
        with self._locked():
            was_closed, self._is_closed = self._is_closed, True
        if not was_closed:
            self._of_this_process().stop()
        super().close()

    def _of_this_process(self) -> _Sender:
        with self._locked():
            if self._sender.process != os.getpid():
                # Threads do not survive a fork, and the connections are the parent's.
                if self._owns_webhook:
                    self._webhook = IncomingWebhook(self._webhook.url)
                self._sender = self._new_sender()
            return self._sender

    @contextmanager
    def _locked(self) -> Generator[None, None, None]:
        """Keep others from logging: for moments only, never while something is waited for."""
        self.acquire()
        try:
            yield
        finally:
            self.release()

    def _new_sender(self) -> _Sender:
        return _Sender(self._webhook, self._room, closes_webhook=self._owns_webhook)


def _is_ours(record: logging.LogRecord) -> bool:
    # Also by the record, for another handler may have carried it into another thread. A made-up one may have no name.
    return str(record.name).partition(".")[0] in _OURS or _THREAD in (
        record.threadName,
        threading.current_thread().name,
    )


class _Sender:
    """The queue, and the thread that empties it.

    Each counter is written by one side only: those who log, one at a time under the handler's lock, or the thread.
    """

    def __init__(self, webhook: IncomingWebhook, room: int, *, closes_webhook: bool) -> None:
        self.process = os.getpid()
        self._webhook = webhook
        self._room = room
        self._closes_webhook = closes_webhook
        # Unlike `queue.Queue`, it can be put into by a signal handler that interrupts a put.
        self._queue: SimpleQueue[str | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._overdue: tuple[threading.Event, float] | None = None
        self._is_stopped = False
        self._taken = self._refused = 0
        self._delivered = self._lost = self._reported = 0

    @property
    def dropped(self) -> int:
        if self._is_stopped:
            return self._refused + self._taken - self._delivered
        return self._refused + self._lost

    def take(self, text: str, capacity: int) -> None:
        """Queue a text, or count it as dropped."""
        if self._queue.qsize() >= capacity or not self._runs():
            self.refuse()
        else:
            self._taken += 1
            self._queue.put(text)

    def refuse(self) -> None:
        """Count a record as dropped."""
        self._refused += 1

    def wait(self, timeout: float) -> None:
        """Wait until everything before has been dealt with."""
        if self._thread is not None:
            began, reached = time.monotonic(), threading.Event()
            self._queue.put(reached)
            if not reached.wait(timeout):
                self._overdue = (reached, began)

    def stop(self) -> None:
        """Let the thread end once it has dealt with everything; do not wait long for that."""
        if self._thread is None:
            self._close_webhook()
            return
        self._queue.put(None)
        self._thread.join(self._patience())
        self._is_stopped = True

    def _patience(self) -> float:
        # `logging.shutdown` flushes, then closes. What has kept the one waiting is not waited for again.
        if self._overdue is None or self._overdue[0].is_set():
            return _FLUSH_SECONDS
        return max(0.0, self._overdue[1] + _FLUSH_SECONDS - time.monotonic())

    def _runs(self) -> bool:
        if self._thread is None:
            thread = threading.Thread(target=self._work, name=_THREAD, daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is about to end
                self._thread = None
        return self._thread is not None

    def _work(self) -> None:
        batch: list[str] = []
        size = 0
        for item in iter(self._queue.get, None):
            if isinstance(item, str):
                text = _fitting(_harmless(item), self._room)
                if size + _length(text) + 1 > self._room:
                    self._deliver(batch)
                    batch, size = [], 0
                batch.append(text)
                size += _length(text) + 1
                if not self._queue.empty():
                    continue
            self._deliver(batch)
            batch, size = [], 0
            if isinstance(item, threading.Event):
                item.set()
        self._deliver(batch)
        self._close_webhook()

    def _deliver(self, batch: list[str]) -> None:
        if not batch or self._is_stopped:
            return
        missing = self.dropped - self._reported
        try:
            self._webhook.post(_message(batch, missing))
        except Exception as error:
            self._lost += len(batch)
            # For the other handlers; but not while the interpreter ends, and their streams with it.
            if not self._is_stopped:
                _log.warning("%d log records were not delivered: %s", len(batch), error)
        else:
            self._delivered += len(batch)
            self._reported += missing

    def _close_webhook(self) -> None:
        if self._closes_webhook:
            self._webhook.close()


def _message(batch: list[str], missing: int) -> Message:
    report = f"{missing} log records were not delivered.\n" if missing else ""
    # Without previews, for which the server would call every address in the records.
    return Message("\n".join([f"{report}```", *batch, "```"]), parse_urls=False)


def _harmless(text: str) -> str:
    """The text so that it stays in its code block and calls nobody: servers look for @all in code blocks, too."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = re.sub("``(?=`)", "``\u200b", text)
    return re.sub(r"(?<![^\s\ufeff>])@(?=\S)", "@\u200b", text)


def _fitting(text: str, room: int) -> str:
    """The text, without its middle if it is too long: what happened is at its beginning, and why at its end."""
    if _length(text) < room:
        return text
    half = room // 2 - 40
    units = text.encode("utf-16-le")
    head, tail = (part.decode("utf-16-le", "ignore") for part in (units[: 2 * half], units[-2 * half :]))
    # No blank before the tail: an @ that it begins with must not become a mention.
    return f"{head}\n[... {len(text) - len(head) - len(tail)} characters left out ...]{tail}"


def _length(text: str) -> int:
    """The length as the server counts it: JavaScript's."""
    return len(text.encode("utf-16-le")) // 2
