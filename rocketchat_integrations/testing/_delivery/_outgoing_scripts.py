"""Scripts of outgoing integrations: before a call, and after its reply."""

from __future__ import annotations

import base64
import re
from datetime import datetime
from typing import Any

import attrs

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import is_array, is_object, is_truthy, text_of
from rocketchat_integrations.testing._world._refusals import failure

from ._bot_calls import BotRequest
from ._bot_replies import BotReply
from ._script_runs import IntegrationScript, ScriptFailed

_PREPARE = "prepare_outgoing_request"
_PROCESS = "process_outgoing_response"


@attrs.frozen(kw_only=True)
class Preparation:
    """What a script wants before a call."""

    changes: Document
    """Changes to the history record."""
    message: Any = None
    """The message to post, if it is true in JavaScript."""
    ending: Document
    """Changes to the history record after the message was posted."""
    request: BotRequest | None = None
    """The request to send; None if no call is made."""


@attrs.frozen
class Processing:
    """What a script wants after a reply."""

    changes: Document
    """Changes to the history record."""
    message: Any = None
    """The message to post, if it is true in JavaScript."""
    is_suppressed: bool = False
    """Whether nothing is posted, the reply's own message included."""


def prepare(script: IntegrationScript | None, request: BotRequest) -> Preparation | None:
    """Let the script of an integration change a request; return None if it does not have the method."""
    if script is None or not script.has(_PREPARE):
        return None
    changes: Document = {"ranPrepareScript": True, "step": "after-maybe-ran-prepare"}
    try:
        result = script.call(_PREPARE, {"request": _for_script(request)})
    except ScriptFailed as failed:
        changes |= _failure(_PREPARE, failed) | {"step": "after-maybe-ran-prepare"}
        result = None
    if not is_truthy(result):
        return Preparation(changes=changes, ending={"step": "after-prepare-no-opts", "finished": True})
    fields: Document = result if is_object(result) else {}
    message = fields.get("message")
    if not is_truthy(fields.get("url")) or not is_truthy(fields.get("method")):
        ending = {"step": "after-prepare-no-url_or_method", "finished": True}
        return Preparation(changes=changes, message=message, ending=ending)
    return Preparation(changes=changes, message=message, **_sent(fields))


def _sent(fields: Document) -> Document:
    """Return the request that a script wants to send, and the changes to the history record.

    As on the real server, there is no call for credentials without a colon, or without an object for the headers that
    are to be added, and the history does not say so.
    """
    headers, auth = fields.get("headers"), fields.get("auth")
    if is_truthy(auth):
        if not (isinstance(auth, str) and ":" in auth and is_object(headers)):
            return {"ending": {}}
        headers = {**headers, "Authorization": f"Basic {base64.b64encode(auth.encode()).decode()}"}
    ending = {"step": "pre-http-call", "url": fields["url"]}
    if "data" in fields:
        ending["httpCallData"] = fields["data"]
    if is_truthy(fields.get("data")):
        if not is_object(headers):
            return {"ending": ending}
        headers = {**headers, "Content-Type": "application/json"}
    return {"ending": ending, "request": BotRequest({**fields, "headers": headers if is_object(headers) else {}})}


def process(script: IntegrationScript | None, request: BotRequest, reply: BotReply) -> Processing:
    """Let the script of an integration process the reply to a call."""
    if script is None or not script.has(_PROCESS):
        return Processing({})
    response = {
        "error": None,
        "status_code": reply.status,
        "content": reply.text,
        "content_raw": reply.text,
        "headers": reply.headers,
    }
    try:
        result = script.call(_PROCESS, {"request": _for_script(request), "response": response})
    except ScriptFailed as failed:
        return Processing(_failure(_PROCESS, failed))
    changes = {"step": f"execute-script-before-running-{_PROCESS}"}
    message = result.get("content") if is_object(result) else None
    return Processing(changes, message, is_suppressed=result is False)


def checked_message(message: Any) -> Document:
    """Return the message that a script wants to post.

    Raises:
        Refusal: it is no object.
    """
    if is_object(message) or is_array(message):
        return message if is_object(message) else {}
    kind = "string" if isinstance(message, str) else "boolean" if message is True else "number"
    raise failure(f"Cannot create property 'bot' on {kind} '{text_of(message)}'", "a message must be an object")


def _failure(method: str, failed: ScriptFailed) -> Document:
    stack = re.sub("^", "  ", failed.stack, flags=re.MULTILINE)
    return {"step": f"execute-script-error-running-{method}", "error": True, "errorStack": stack}


def _for_script(request: BotRequest) -> Document:
    """Return a request with the time of its payload as a ``Date`` of JavaScript."""
    data: Any = request.fields.get("data")
    if not is_object(data) or "timestamp" not in data:
        return request.fields
    return {**request.fields, "data": {**data, "timestamp": _time(data["timestamp"])}}


def _time(value: Any) -> Any:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return value
