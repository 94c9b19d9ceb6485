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
import threading
from datetime import UTC, datetime

from ._log_entries import OVERHEAD, LogAttachment, LogEntry
from ._log_sender import THREAD_NAME, Sender
from ._tracebacks import sealed
from .client import IncomingWebhook
from .exceptions import ConfigurationError

_FLUSH_SECONDS = 2.0
# Posting logs to these itself, so that each post would cause another.
_IGNORED_LOGGERS = ("rocketchat_integrations", "urllib3", "requests")
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


class RocketChatHandler(logging.Handler):
    """A handler that posts log records through a webhook and never blocks the program.

    Logging only puts the text of a record into a queue. A background thread posts what is waiting, several records in
    one message, in a code block or as attachments; it waits for rate limits as the webhook's
    :class:`~rocketchat_integrations.RetryPolicy` defines. Texts are shortened before they are queued, and the queue
    takes at most 16 MiB of memory, whatever ``capacity`` and ``message_size`` are.

    Records are dropped when the queue is full and when a post fails, because no post is sent twice. :attr:`dropped`
    counts them, and the next message that arrives says how many are missing. The other handlers get a warning that says
    why; if none of them writes to standard error, the handler itself writes it there, unless
    ``logging.raiseExceptions`` is False.

    Records of the loggers ``rocketchat_integrations``, ``urllib3`` and ``requests`` and their children are not posted,
    nor is anything that is logged in the thread of a handler: with DEBUG on the root logger, each post would cause the
    next one. For the same reason, failures of the handlers of a
    :class:`~rocketchat_integrations.outgoing.WebhookApp` are not posted: a bot in the room could receive them, and fail
    again.

    When a program ends, it waits at most 2 seconds for each handler to post its records. A forked process has its own
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
            title, the message its text, with Markdown, and a traceback follows in a code block. If you set a formatter,
            its text is posted as one code block.
        mention: whom to mention in messages with a record of ``mention_level`` or above, such as ``"@here"`` or
            ``"@alice @bob"``; at most 50 characters. None for nobody. Text in a record never mentions anybody.
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
        if type(message_size) is not int or message_size < 3 * OVERHEAD:
            raise ConfigurationError(f"message_size: must be a whole number of at least {3 * OVERHEAD}")
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
        return not is_ignored and THREAD_NAME not in threads and super().handle(record)

    def format(self, record: logging.LogRecord) -> str:
        """Return the text of a record; by default with time, level and logger, which attachments show themselves."""
        return (self.formatter or (_ATTACHMENT_FORMATTER if self._attachments else _FORMATTER)).format(record)

    def emit(self, record: logging.LogRecord) -> None:
        """Put the text of a record into the queue, without waiting."""
        try:
            text = self.format(record)
            if not isinstance(text, str):
                raise TypeError(f"the formatter returned {type(text).__name__} instead of text")
            entry = self._entry(record, text).fitted(self._message_size)
            sender = self._current_sender()
        except Exception:
            self.handleError(record)
            return
        if self._is_closed:
            sender.refuse()
        else:
            sender.put(entry, self._capacity)

    def _entry(self, record: logging.LogRecord, text: str) -> LogEntry:
        level = record.levelno or logging.NOTSET  # a record made of a dictionary may have None
        mention = self._mention if level >= self._mention_level else None
        if not self._attachments:
            return LogEntry(text, mention)
        message = record.getMessage() if self.formatter is None else ""
        return LogAttachment(
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
        """Post the queued records, for at most 2 seconds. Drop the rest, and all later records.

        How many are dropped is written to standard error.
        """
        self.acquire()
        try:
            was_closed, self._is_closed = self._is_closed, True
        finally:
            self.release()
        if not was_closed:
            self._current_sender().stop(_FLUSH_SECONDS)
        super().close()

    def _current_sender(self) -> Sender:
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

    def _new_sender(self) -> Sender:
        return Sender(self._webhook, self._message_size, closes_webhook=self._owns_webhook)


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
