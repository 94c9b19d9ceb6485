"""Show a message on a terminal as it would look in Rocket.Chat."""

from __future__ import annotations

from collections.abc import Iterator

from rocketchat_integrations.messages import Attachment, Message

from .terminal import MarkedLine

# Colours of attachments by the names that Slack has introduced.
_COLORS = {"good": "green", "warning": "yellow", "danger": "red"}
_BAR = "\N{LEFT HALF BLOCK} "


def message_lines(message: Message) -> Iterator[MarkedLine]:
    """Yield the lines of a message: how it is posted, its text, and its attachments with a bar in their colour."""
    channels = (message.channel,) if isinstance(message.channel, str) else message.channel or ()
    posted = [
        *([f"as {message.alias}"] if message.alias else []),
        *filter(None, [message.avatar or message.emoji]),
        *([f"to {', '.join(channels)}"] if channels else []),
        *([f"in the thread {message.tmid}"] if message.tmid else []),
    ]
    if posted:
        yield MarkedLine(" ".join(posted), "bold")
    for line in (message.text or "").splitlines():
        yield MarkedLine(line)
    for attachment in message.attachments:
        color = attachment.color or ""
        for text, style in _attachment_lines(attachment):
            yield MarkedLine(text, style, _BAR, _COLORS.get(color, color))


def _attachment_lines(attachment: Attachment) -> Iterator[tuple[str, str]]:
    for text, link in ((attachment.author_name, attachment.author_link), (attachment.title, attachment.title_link)):
        if text or link:
            yield " ".join(filter(None, [text, f"<{link}>" if link else None])), "bold"
    yield from ((line, "") for line in (attachment.text or "").splitlines())
    for cell in attachment.fields:
        for number, line in enumerate(cell.value.splitlines() or [""]):
            yield f"{cell.title}: {line}" if number == 0 else f"  {line}", ""
    for action in attachment.actions:
        yield f"[{action.text}] {f'<{action.url}>' if action.url else action.msg}", ""
    links = (attachment.image_url, attachment.thumb_url, attachment.audio_url, attachment.video_url)
    for url in filter(None, links):
        yield f"<{url}>", ""
    if attachment.ts:
        yield str(attachment.ts), "dim"
