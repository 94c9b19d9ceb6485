"""Draw a message as HTML, as it looks in Rocket.Chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any, cast
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.emoji import Emoji

from rocketchat_integrations import Attachment, AttachmentField, Message

_COLOR = re.compile("#[0-9a-fA-F]{3,8}|[a-zA-Z]+")


def message_html(message: Message, *, alias: str, username: str = "rocket.cat") -> str:
    """Return HTML for a message of an incoming webhook, with the classes of ``pictures.css``.

    Text of the message is escaped. Links have no address, and pictures are replaced by the name of their host.

    Args:
        message: what was posted.
        alias: the name of the integration, which is shown if the message has none.
        username: the user that the integration posts as.
    """
    name = message.alias or alias
    avatar = Emoji.replace(message.emoji) if message.emoji else name[:1].upper()
    return (
        '<div class="chat">'
        f'<span class="chat-avatar" aria-hidden="true">{escape(avatar)}</span>'
        '<div class="chat-content">'
        f'<p class="chat-poster"><strong>{escape(name)}</strong> <span>@{escape(username)}</span>'
        " <small>Bot</small></p>"
        f"{_element('div', 'chat-text', _TEXT.render(message.text or ''))}"
        f"{''.join(map(_attachment, message.attachments))}"
        "</div></div>"
    )


def _attachment(attachment: Attachment) -> str:
    color = attachment.color or ""
    bar = f' style="border-color: {color}"' if _COLOR.fullmatch(color) else ""
    title = escape(attachment.title or "")
    return (
        f'<div class="chat-attachment"{bar}>'
        f"{_element('p', 'chat-author', escape(attachment.author_name or ''))}"
        f"{_element('p', 'chat-title', f'<a>{title}</a>' if attachment.title_link else title)}"
        f"{_element('div', 'chat-text', _ATTACHMENT_TEXT.render(attachment.text or ''))}"
        f"{_element('dl', 'chat-fields', ''.join(map(_field, attachment.fields)))}"
        f"{_element('p', 'chat-picture', _picture(attachment.image_url))}"
        "</div>"
    )


def _field(field: AttachmentField) -> str:
    width = "chat-short" if field.short else "chat-long"
    title, value = _TEXT.renderInline(field.title), _TEXT.renderInline(field.value)
    return f'<div class="{width}"><dt>{title}</dt><dd>{value}</dd></div>'


def _picture(url: str | None) -> str:
    return f"Picture from {escape(urlsplit(url).hostname or '')}" if url else ""


def _element(tag: str, name: str, content: str) -> str:
    return f'<{tag} class="{name}">{content}</{tag}>' if content else ""


def _markdown(*, breaks: bool) -> MarkdownIt:
    """Return a renderer of Rocket.Chat's Markdown, in which ``*text*`` is bold."""
    markdown = MarkdownIt("gfm-like", {"html": False, "breaks": breaks}).disable("image")
    cast(Any, markdown.linkify).set({"fuzzy_link": False})  # Link only addresses that have a scheme.

    def emphasis(_: object, tokens: Sequence[Token], index: int, *rest: Any) -> str:
        tag = "strong" if "*" in tokens[index].markup else "em"
        return f"<{tag}>" if tokens[index].nesting == 1 else f"</{tag}>"

    for kind in ("em_open", "em_close", "strong_open", "strong_close"):
        markdown.add_render_rule(kind, emphasis)
    # A heading would be one of the page.
    markdown.add_render_rule("heading_open", lambda *_: "<p><strong>")
    markdown.add_render_rule("heading_close", lambda *_: "</strong></p>")
    markdown.add_render_rule("link_open", lambda *_: "<a>")
    return markdown


_TEXT = _markdown(breaks=True)
# In the text of an attachment, Rocket.Chat shows a line break as a space, unless two spaces are before it.
_ATTACHMENT_TEXT = _markdown(breaks=False)
