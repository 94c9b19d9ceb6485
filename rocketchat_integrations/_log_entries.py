"""What the logging handler posts of records: shortened texts that mention nobody, and the messages made of them."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import Self

import attrs

from ._text_length import length, truncate
from .messages import Attachment, Message

OVERHEAD = 100
"""Characters for the code block and the note on dropped records."""


@attrs.frozen
class LogEntry:
    """What is posted of a record."""

    code: str
    """The text in the code block."""
    mention: str | None

    @property
    def size(self) -> int:
        """How many characters it takes in a message."""
        return length(self.code) + 1

    @property
    def memory(self) -> int:
        """How many bytes its texts take."""
        return sys.getsizeof(self.code)

    def room(self, message_size: int) -> int:
        """Return how many characters the entries of its message may have."""
        return message_size - OVERHEAD - length(self.mention or "")

    def fitted(self, message_size: int) -> Self:
        """Return an entry that fits into a message and whose texts mention nobody."""
        return attrs.evolve(self, code=_shortened(self.code, self.room(message_size)))


@attrs.frozen(kw_only=True)
class LogAttachment(LogEntry):
    """What is posted of a record as an attachment."""

    title: str
    message: str
    color: str
    ts: datetime

    @property
    def size(self) -> int:
        return length(self.code) + length(self.message) + length(self.title) + 1

    @property
    def memory(self) -> int:
        return sum(map(sys.getsizeof, (self.code, self.message, self.title)))

    def fitted(self, message_size: int) -> Self:
        size = self.room(message_size)
        title, message = (_shortened(text, size // 3) for text in (self.title, self.message))
        code = _shortened(self.code, size - length(title) - length(message))
        return attrs.evolve(self, title=title, message=message, code=code)

    def attachment(self) -> Attachment:
        block = f"```\n{self.code}\n```" if self.code else ""
        text = "\n".join(filter(None, [self.message, block]))
        return Attachment(title=self.title, text=text, color=self.color, ts=self.ts)


def message_of(batch: list[LogEntry], report: str) -> Message:
    """Return the message that posts entries, below a report on dropped records."""
    mention = next((f"{entry.mention}\n" for entry in batch if entry.mention), "")
    attachments = [entry.attachment() for entry in batch if isinstance(entry, LogAttachment)]
    code = [] if attachments else ["```", *(entry.code for entry in batch), "```"]
    # Without previews: the server would request every URL in the records.
    return Message(f"{mention}{report}" + "\n".join(code), attachments=attachments, parse_urls=False)


def _shortened(text: str, size: int) -> str:
    """Leave out the middle of text that is too long: its beginning says what happened, and its end why."""
    # Cut before anything else: the program waits while a text of megabytes is escaped and measured.
    cut = max(0, len(text) - 2 * size)
    text = _escaped(f"{text[:size]}{text[-size:]}" if cut else text)
    if length(text) < size:
        return text
    if size < OVERHEAD:  # no room for the note
        return truncate(text, size)
    half = size // 2 - 40
    units = text.encode("utf-16-le")
    head, tail = (part.decode("utf-16-le", "ignore") for part in (units[: 2 * half], units[-2 * half :]))
    # Without a blank before the tail: an @ at its beginning would become a mention.
    return f"{head}\n[... {cut + len(text) - len(head) - len(tail)} characters left out ...]{tail}"


def _escaped(text: str) -> str:
    """Keep text from ending its code block and from mentioning users: servers find @all in code blocks, too."""
    text = text.encode("utf-8", "backslashreplace").decode()
    text = re.sub("``(?=`)", "``\u200b", text)
    return re.sub(r"(?<![^\s\ufeff>])@(?=\S)", "@\u200b", text)
