"""Post log records to a room, through an incoming webhook.

The handler can be set up with ``logging.config.dictConfig``::

    "handlers": {
        "chat": {
            "class": "rocketchat_integrations.logs.RocketChatHandler",
            "level": "WARNING",
            "attachments": true,
            "mention": "@here",
            "mention_level": "CRITICAL"
        }
    }

All options are plain values, so that the configuration can be a JSON or TOML file. The URL of the webhook is a secret:
leave ``webhook`` out to take it from the environment variable ``ROCKETCHAT_WEBHOOK_URL``.
"""

from __future__ import annotations

import logging
import os
import re
import threading
import time
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Self

import attrs

from ._text_length import length, truncate
from ._tracebacks import sealed
from .client import IncomingWebhook
from .exceptions import ConfigurationError
from .messages import Attachment, Message

_FLUSH_SECONDS = 2.0
_THREAD_NAME = __name__
# Posting logs to these itself, so that each post would cause another.
_IGNORED_LOGGERS = ("rocketchat_integrations", "urllib3", "requests")
# Characters for the code block and the note on dropped records.
_OVERHEAD = 100
_LONGEST_MENTION = 50

_FORMATTER = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
# The title of an attachment has the rest.
_ATTACHMENT_FORMATTER = logging.Formatter("%(message)s")
# Colours of attachments, from the highest level to the lowest.
_COLORS = (
    (logging.CRITICAL, "#8b0000"),
    (logging.ERROR, "#e53935"),
    (logging.WARNING, "#f9a825"),
    (logging.INFO, "#1e88e5"),
    (logging.NOTSET, "#9e9e9e"),
)
_log = logging.getLogger(__name__)


class RocketChatHandler(logging.Handler):
    """A handler that posts log records through a webhook and never blocks the program.

    Logging only puts the text of a record into a queue. A background thread posts what is waiting, several records in
    one message, in a code block or as attachments; it waits for rate limits as the webhook's
    :class:`~rocketchat_integrations.RetryPolicy` defines. Records are dropped when the queue is full and when a post
    fails, because no post is sent twice. :attr:`dropped` counts them, and the next message that arrives says how many
    are missing.

    Records of the loggers ``rocketchat_integrations``, ``urllib3`` and ``requests`` and their children are not posted,
    nor is anything that is logged in the thread of a handler: with DEBUG on the root logger, each post would cause the
    next one. For the same reason, failures of the handlers of a
    :class:`~rocketchat_integrations.outgoing.WebhookApp` are not posted: a bot in the room could receive them, and fail
    again.

    At its end, a program waits at most 2 seconds for what each handler still has to post. A forked process has its own
    thread, and a queue that is empty at first. A process that ends with ``os._exit``, like those of
    ``multiprocessing``, must call ``logging.shutdown`` before.

    Args:
        webhook: the URL of the webhook, or an :class:`~rocketchat_integrations.IncomingWebhook` with connection options
            of your own. You close the latter yourself; forked processes use it as it is. None for the URL in the
            environment variable ``ROCKETCHAT_WEBHOOK_URL``.
        level: the lowest level that is posted, as a number or a name.
        capacity: how many records may wait in the queue.
        message_size: how many characters a message may have; a longer record loses its middle. The server's limit is
            5,000 unless its administrator has changed it (``Message_MaxAllowedSize``).
        attachments: post each record as an attachment in the colour of its level: the level and the logger are its
            title, the message its text, with Markdown, and a traceback follows in a code block. What a formatter of
            your own makes of a record is one code block.
        mention: whom to mention in messages with a record of ``mention_level`` or above, such as ``"@here"`` or
            ``"@alice @bob"``; at most 50 characters. None for nobody. What is in a record never mentions anybody.
        mention_level: the lowest level that mentions, as a number or a name.

    Raises:
        ConfigurationError: if an argument is wrong, or there is no ``webhook`` and the environment has none.
    """

    @sealed
    def __init__(
        self,
        webhook: IncomingWebhook | str | None = None,
        *,
        level: int | str = logging.NOTSET,
        capacity: int = 1000,
        message_size: int = 4000,
        attachments: bool = False,
        mention: str | None = None,
        mention_level: int | str = logging.ERROR,
    ) -> None:
        if not (webhook is None or isinstance(webhook, (IncomingWebhook, str))):
            raise ConfigurationError("webhook: must be an IncomingWebhook or its URL")
        if type(capacity) is not int or capacity < 1:
            raise ConfigurationError("capacity: must be a positive whole number")
        if type(message_size) is not int or message_size < 3 * _OVERHEAD:
            raise ConfigurationError(f"message_size: must be a whole number of at least {3 * _OVERHEAD}")
        if not isinstance(attachments, bool):
            raise ConfigurationError("attachments: must be True or False")
        if mention is not None and not _is_mention(mention):
            raise ConfigurationError(
                f"mention: must be text such as '@here', of at most {_LONGEST_MENTION} characters, or None"
            )
        level_number = _level_number("level", level)
        self._mention_level = _level_number("mention_level", mention_level)
        super().__init__(level_number)
        self._owns_webhook = not isinstance(webhook, IncomingWebhook)
        self._webhook = webhook if isinstance(webhook, IncomingWebhook) else _open(webhook)
        self._capacity = capacity
        self._message_size = message_size
        self._attachments = attachments
        self._mention = mention
        self._is_closed = False
        self._sender = self._new_sender()

    @property
    def dropped(self) -> int:
        """How many records this process has dropped so far.

        Records of a post whose answer was lost are counted, although they may have arrived.
        """
        return self._current_sender().dropped

    def handle(self, record: logging.LogRecord) -> bool:
        """Handle a record, unless it comes from posting others."""
        # Not in `emit`, because the posting thread must not wait for the handler's lock. Also check the record's
        # thread: a QueueHandler may forward it. Its name may be None.
        is_ignored = str(record.name).partition(".")[0] in _IGNORED_LOGGERS
        threads = (record.threadName, threading.current_thread().name)
        return not is_ignored and _THREAD_NAME not in threads and super().handle(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record; by default with time, level and logger, which attachments show themselves."""
        return (self.formatter or (_ATTACHMENT_FORMATTER if self._attachments else _FORMATTER)).format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Put the text of a record into the queue, without waiting."""
        try:
            text = self.format(record)
            if not isinstance(text, str):
                raise TypeError(f"the formatter returned {type(text).__name__} instead of text")
            entry = self._entry(record, text)
            sender = self._current_sender()
        except Exception:
            self.handleError(record)
            return
        sender.put(entry, 0 if self._is_closed else self._capacity)

    def _entry(self, record: logging.LogRecord, text: str) -> _Entry:
        level = record.levelno or logging.NOTSET  # a record made of a dictionary may have None
        mention = self._mention if level >= self._mention_level else None
        if not self._attachments:
            return _Entry(text, mention)
        message = record.getMessage() if self.formatter is None else ""
        return _AttachmentEntry(
            text.removeprefix(message).strip("\n"),
            mention,
            title=f"{record.levelname} {record.name}",
            message=message,
            color=next(color for lowest, color in _COLORS if level >= lowest),
            ts=datetime.fromtimestamp(record.created, UTC),
        )

    def flush(self, timeout: float = _FLUSH_SECONDS) -> None:
        """Wait until all records so far are posted or dropped.

        Args:
            timeout: how many seconds to wait at most.
        """
        if not self._is_closed:
            self._current_sender().wait(timeout)

    def close(self) -> None:
        """Post the queued records, for at most 2 seconds. Drop the rest, and all later records."""
        self.acquire()
        try:
            was_closed, self._is_closed = self._is_closed, True
        finally:
            self.release()
        if not was_closed:
            self._current_sender().stop()
        super().close()

    def _current_sender(self) -> _Sender:
        self.acquire()  # Hold the lock briefly: other logging threads wait for it.
        try:
            if self._sender.process != os.getpid():
                # A fork copies no threads, and the connections belong to the parent.
                if self._owns_webhook:
                    self._webhook = IncomingWebhook(self._webhook.url)
                self._sender = self._new_sender()
            return self._sender
        finally:
            self.release()

    def _new_sender(self) -> _Sender:
        return _Sender(self._webhook, self._message_size, closes_webhook=self._owns_webhook)


@attrs.frozen
class _Entry:
    """What is posted of a record."""

    code: str
    """The text in the code block."""
    mention: str | None

    @property
    def size(self) -> int:
        return length(self.code) + 1

    def fitted(self, size: int) -> Self:
        """Return an entry whose texts mention nobody, and that is not larger."""
        return attrs.evolve(self, code=_shortened(_escaped(self.code), size))


@attrs.frozen(kw_only=True)
class _AttachmentEntry(_Entry):
    """What is posted of a record as an attachment."""

    title: str
    message: str
    color: str
    ts: datetime

    @property
    def size(self) -> int:
        return length(self.code) + length(self.message) + length(self.title) + 1

    def fitted(self, size: int) -> Self:
        part = size // 3
        title, message = (_shortened(_escaped(text), part) for text in (self.title, self.message))
        code = _shortened(_escaped(self.code), size - length(title) - length(message))
        return attrs.evolve(self, title=title, message=message, code=code)

    def attachment(self) -> Attachment:
        block = f"```\n{self.code}\n```" if self.code else ""
        text = "\n".join(filter(None, [self.message, block]))
        return Attachment(title=self.title, text=text, color=self.color, ts=self.ts)


class _Sender:
    """A queue of entries, and the thread that posts them.

    Each counter has one writer: the threads that log, one at a time under the handler's lock, or the posting thread.
    """

    def __init__(self, webhook: IncomingWebhook, message_size: int, *, closes_webhook: bool) -> None:
        self.process = os.getpid()
        self._webhook = webhook
        self._message_size = message_size
        self._closes_webhook = closes_webhook
        # A SimpleQueue is reentrant: a signal handler may log while a put is interrupted.
        self._queue: SimpleQueue[_Entry | threading.Event | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._late_flush: tuple[threading.Event, float] | None = None
        self._is_stopped = False
        self._queued = self._dropped = 0
        self._delivered = self._lost = self._reported = 0

    @property
    def dropped(self) -> int:
        if self._is_stopped:
            return self._dropped + self._queued - self._delivered
        return self._dropped + self._lost

    def put(self, entry: _Entry, capacity: int) -> None:
        """Queue an entry, or drop it."""
        if self._queue.qsize() >= capacity or not self._start():
            self._dropped += 1
        else:
            self._queued += 1
            self._queue.put(entry)

    def wait(self, timeout: float) -> None:
        """Wait until every entry in the queue is posted or dropped."""
        if self._thread is not None:
            began, reached = time.monotonic(), threading.Event()
            self._queue.put(reached)
            if not reached.wait(timeout):
                self._late_flush = (reached, began)

    def stop(self) -> None:
        """End the thread when the queue is empty, and wait for that for 2 seconds at most."""
        if self._thread is None:
            self._close_webhook()
            return
        self._queue.put(None)
        seconds = _FLUSH_SECONDS
        # `logging.shutdown` flushes and closes: both together must not wait longer than one of them.
        if self._late_flush is not None and not self._late_flush[0].is_set():
            seconds += self._late_flush[1] - time.monotonic()
        self._thread.join(max(0.0, seconds))
        self._is_stopped = True

    def _start(self) -> bool:
        """Start the thread if it is not running; return whether it is."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name=_THREAD_NAME, daemon=True)
            self._thread = thread
            try:
                thread.start()
            except RuntimeError:  # no more threads, or the interpreter is ending
                self._thread = None
        return self._thread is not None

    def _run(self) -> None:
        batch: list[_Entry] = []
        size = 0
        for item in iter(self._queue.get, None):
            if isinstance(item, _Entry):
                room = self._message_size - _OVERHEAD - length(item.mention or "")
                entry = item.fitted(room)
                if size + entry.size > room:
                    self._deliver(batch)
                    batch, size = [], 0
                batch.append(entry)
                size += entry.size
                if not self._queue.empty():
                    continue
            self._deliver(batch)
            batch, size = [], 0
            if isinstance(item, threading.Event):
                item.set()
        self._deliver(batch)
        self._close_webhook()

    def _deliver(self, batch: list[_Entry]) -> None:
        if not batch or self._is_stopped:
            return
        missing = self.dropped - self._reported
        report = f"{missing} log records were not delivered.\n" if missing else ""
        try:
            self._webhook.post(_message(batch, report), max_message_size=self._message_size)
        except Exception as error:
            self._lost += len(batch)
            # For the other handlers, unless the interpreter is ending and has closed their streams.
            if not self._is_stopped:
                _log.warning("%d log records were not delivered: %s", len(batch), error)
        else:
            self._delivered += len(batch)
            self._reported += missing

    def _close_webhook(self) -> None:
        if self._closes_webhook:
            self._webhook.close()


def _message(batch: list[_Entry], report: str) -> Message:
    mention = next((f"{entry.mention}\n" for entry in batch if entry.mention), "")
    attachments = [entry.attachment() for entry in batch if isinstance(entry, _AttachmentEntry)]
    code = [] if attachments else ["```", *(entry.code for entry in batch), "```"]
    # Without previews: the server would request every URL in the records.
    return Message(f"{mention}{report}" + "\n".join(code), attachments=attachments, parse_urls=False)


def _open(url: str | None) -> IncomingWebhook:
    return IncomingWebhook.from_env() if url is None else IncomingWebhook(url)


def _level_number(argument: str, level: int | str) -> int:
    names = logging.getLevelNamesMapping()
    if isinstance(level, str) and level in names:
        return names[level]
    if isinstance(level, int):
        return level
    raise ConfigurationError(f"{argument}: must be a number or the name of a level")


def _is_mention(text: object) -> bool:
    return isinstance(text, str) and text.startswith("@") and len(text) <= _LONGEST_MENTION and "\n" not in text


def _escaped(text: str) -> str:
    """Keep text from ending its code block and from mentioning users: servers find @all in code blocks, too."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = re.sub("``(?=`)", "``\u200b", text)
    return re.sub(r"(?<![^\s\ufeff>])@(?=\S)", "@\u200b", text)


def _shortened(text: str, size: int) -> str:
    """Leave out the middle of text that is too long: its beginning says what happened, and its end why."""
    if length(text) < size:
        return text
    if size < _OVERHEAD:  # no room for the note
        return truncate(text, size)
    half = size // 2 - 40
    units = text.encode("utf-16-le")
    head, tail = (part.decode("utf-16-le", "ignore") for part in (units[: 2 * half], units[-2 * half :]))
    # Without a blank before the tail: an @ at its beginning would become a mention.
    return f"{head}\n[... {len(text) - len(head) - len(tail)} characters left out ...]{tail}"
