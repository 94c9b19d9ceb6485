"""Show what happens on an embedded server, a line for each request, message and call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from .terminal import MarkedLine

if TYPE_CHECKING:
    from rocketchat_integrations.testing import AnsweredCall, AnsweredRequest, StoredMessage

    Activity: TypeAlias = AnsweredRequest | AnsweredCall | StoredMessage

_LONGEST_ANSWER = 200
_ERROR, _SUCCESS = "red", "green"


def activity_line(activity: Activity, time: str) -> MarkedLine:
    """Return the line for a request, a message or a call.

    Args:
        activity: what happened.
        time: when it happened, as text.
    """
    from rocketchat_integrations.testing import AnsweredCall, AnsweredRequest

    match activity:
        case AnsweredRequest():
            style, text = _request(activity)
        case AnsweredCall():
            style, text = _call(activity)
        case message:
            style, text = "bold", _message(message)
    return MarkedLine(text, style, f"{time}  ", "dim")


def _request(request: AnsweredRequest) -> tuple[str, str]:
    webhook = {"hooks": "webhook", "hooks.info": "check of webhook"}.get(request.endpoint)
    what = f"{webhook} {request.integration_id}" if webhook else request.endpoint or "unknown path"
    outcome = f"{request.status}: {request.note}" if request.note else str(request.status)
    return _ERROR if request.note else "dim", f"<- {request.method} {what}  {outcome}"


def _message(message: StoredMessage) -> str:
    room = message.room if message.room.startswith("@") else f"#{message.room}"
    author = f"{message.alias} ({message.user})" if message.alias else message.user
    shown = "".join(f" [{_attachment(each)}]" for each in message.attachments)
    place = f"{room} (thread)" if message.tmid else room
    return f"{place}  {author}: {message.text}{shown}"


def _attachment(attachment: Mapping[str, Any]) -> str:
    title = str(attachment.get("title") or attachment.get("text") or "without title")
    fields = attachment.get("fields")
    # Servers of 6.x store any JSON here.
    listed = cast("list[object]", fields) if isinstance(fields, list) else []
    cells = [cast("dict[str, Any]", each) for each in listed if isinstance(each, dict)]
    return "; ".join([title, *(f"{cell.get('title')}: {cell.get('value')}" for cell in cells)])


def _call(call: AnsweredCall) -> tuple[str, str]:
    is_success = call.status is not None and 200 <= call.status < 300
    text = call.answer if len(call.answer) <= _LONGEST_ANSWER else f"{call.answer[:_LONGEST_ANSWER]}…"
    outcome = call.failure or f"{call.status} {text}".rstrip()
    return _SUCCESS if is_success else _ERROR, f"-> {call.integration} called for {call.event}  {outcome}"
