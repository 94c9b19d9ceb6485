"""Read the message that a script returns, as the server reads the body of a webhook."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, cast

import attrs

from rocketchat_integrations.messages import Action, Attachment, AttachmentField, Message

_FLAGS = {"title_link_download", "collapsed", "short"}
_OWN_READERS = {"fields", "actions", "extra"}


def read_message(content: Mapping[str, Any]) -> Message:
    """Return the message. What a :class:`Message` cannot hold is left out."""
    fields = content.get("customFields")
    return Message(
        _text(content.get("text") or content.get("msg")),
        channel=_channels(content.get("channel") or content.get("roomId")),
        alias=_text(content.get("username") or content.get("alias")),
        avatar=_text(content.get("icon_url") or content.get("avatar")),
        emoji=_text(content.get("icon_emoji") or content.get("emoji")),
        attachments=[_attachment(each) for each in _objects(content.get("attachments"))],
        parse_urls=_flag(content.get("parseUrls")),
        groupable=_flag(content.get("groupable")),
        tmid=_text(content.get("tmid")),
        custom_fields=cast("dict[str, object]", fields) if isinstance(fields, dict) else None,
        separate_response=_flag(content.get("separateResponse")),
    )


def _attachment(values: Mapping[str, Any]) -> Attachment:
    known = dict(_known(Attachment, values))
    # The server takes `msg` for the text.
    known["text"] = _text(values.get("msg") or values.get("text"))
    cells = [
        AttachmentField(_text(cell.get("title")) or "", _text(cell.get("value")) or "", short=_flag(cell.get("short")))
        for cell in _objects(values.get("fields"))
    ]
    actions = [action for each in _objects(values.get("actions")) for action in _action(each)]
    return Attachment(**known, fields=cells, actions=actions)


def _action(values: Mapping[str, Any]) -> Iterator[Action]:
    """Yield the button that the web client shows, if any."""
    url, msg, flag = (values.get(name) for name in ("url", "msg", "msg_in_chat_window"))
    with contextlib.suppress(ValueError):
        yield Action(
            _text(values.get("text")) or "",
            url=_text(url) if url else None,
            msg=None if url else _text(msg),
            msg_in_chat_window=flag is True,
        )


def _known(kind: type[attrs.AttrsInstance], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field in attrs.fields(kind):
        if field.name in values and field.name not in _OWN_READERS:
            yield field.name, (_flag if field.name in _FLAGS else _text)(values[field.name])


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [cast("dict[str, Any]", each) for each in _list(value) if isinstance(each, dict)]


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _channels(value: Any) -> str | tuple[str, ...] | None:
    return tuple(_text(each) or "" for each in _list(value)) or _text(value)


def _text(value: Any) -> str | None:
    """Return a value as the text that JavaScript makes of it; None for objects."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None
