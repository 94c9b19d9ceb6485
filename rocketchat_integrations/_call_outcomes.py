"""Tell how a call of an outgoing webhook ended, from what the server stores of it."""

from __future__ import annotations

import enum
import json
import re
from typing import Any, Protocol, cast

_REASON_LENGTH = 200


class CallOutcome(enum.StrEnum):
    """How a call of an outgoing integration ended."""

    ANSWERED = "answered"
    """The program answered, but not with a message: nothing was posted."""

    ANSWERED_WITH_MESSAGE = "answered-with-message"
    """A message was posted: from the reply, or by the script."""

    NOTHING_SAID = "nothing-said"
    """The program had nothing to say (``{}``), or the script let nothing be called or posted."""

    NOT_POSTED = "not-posted"
    """The program answered with a message that the server could not post."""

    REFUSED = "refused"
    """The program answered with a failure: an empty reply, or another status than 200, 201 or 202. Servers store two of
    the statuses only: 410, which disables the integration, and 500."""

    NO_REPLY = "no-reply"
    """No reply arrived: the connection was refused or broken, or the program took more than 20 seconds."""

    SCRIPT_FAILED = "script-failed"
    """The script threw an error. After an error in ``process_outgoing_response``, the reply may have been posted."""

    WAITING_FOR_RETRY = "waiting-for-retry"
    """The program answered with a failure, and the server planned another call, which is an entry of its own."""

    IN_PROGRESS = "in-progress"
    """There was no reply yet when the entry was read, or the script ended the call without an error: then the server
    stores nothing more."""

    @property
    def text(self) -> str:
        """The outcome in words, such as ``"answered with a message"``."""
        return _TEXTS.get(self, self.value.replace("-", " "))

    @property
    def is_failure(self) -> bool:
        """Whether something has to be corrected: the program, the URL, the script or the integration."""
        return self in _FAILURES


_TEXTS = {
    CallOutcome.ANSWERED_WITH_MESSAGE: "answered with a message",
    CallOutcome.NOT_POSTED: "message not posted",
    CallOutcome.REFUSED: "refused by the bot",
    CallOutcome.WAITING_FOR_RETRY: "waiting for a retry",
}
_FAILURES = {
    *(CallOutcome.NOT_POSTED, CallOutcome.REFUSED, CallOutcome.NO_REPLY),
    *(CallOutcome.SCRIPT_FAILED, CallOutcome.WAITING_FOR_RETRY),
}


class StoredCall(Protocol):
    """The fields of a history entry that tell its outcome."""

    @property
    def step(self) -> str | None: ...
    @property
    def finished(self) -> bool: ...
    @property
    def error(self) -> bool: ...
    @property
    def error_stack(self) -> object: ...
    @property
    def http_error(self) -> object: ...
    @property
    def http_result(self) -> str | None: ...
    @property
    def prepare_sent_message(self) -> object: ...


# The exceptions that servers 8.x and later store for a call without a reply. They store others in the same field if
# they cannot post the message of a reply.
_NO_REPLY = re.compile(r"FetchError|AbortError|parse URL|cannot have body|fetch failed|ssrf", re.IGNORECASE)

# What the server adds to a failure by its last step.
_ADVICE = {
    "after-process-http-status-410": "; the integration was disabled",
    "too-many-retries": "; no retry was left",
    "failed-and-retry-delay-is-invalid": "; not retried, because retry_delay is invalid",
}


def outcome_of(call: StoredCall) -> tuple[CallOutcome, str | None]:
    """Return how a call ended, and why: one line for people, or None if there is nothing to add."""
    step = call.step or ""
    # The server stores a stack trace of its own for an invalid retry_delay.
    if call.error_stack and step != "failed-and-retry-delay-is-invalid":
        return CallOutcome.SCRIPT_FAILED, _first_line(call.error_stack)
    if call.http_error is not None:
        return _without_reply(call), _first_line(call.http_error)
    if call.error:
        is_retried = step.startswith("going-to-retry-")
        return CallOutcome.WAITING_FOR_RETRY if is_retried else CallOutcome.REFUSED, _refusal(call, step)
    if call.finished:
        return _finished(call, step)
    if call.http_result is None and step != "after-http-call":
        return CallOutcome.IN_PROGRESS, None
    return _not_a_message(_reply(call))


def _without_reply(call: StoredCall) -> CallOutcome:
    # Servers 6.x keep the reply whose message they could not post, servers 8.x the name of the exception.
    has_reply = call.http_result not in (None, "null")
    stored = call.http_error
    error = cast("dict[str, object]", stored) if isinstance(stored, dict) else {}
    is_other_error = "name" in error and not _NO_REPLY.search(f"{error['name']}: {error.get('message')}")
    return CallOutcome.NOT_POSTED if has_reply or is_other_error else CallOutcome.NO_REPLY


def _refusal(call: StoredCall, step: str) -> str | None:
    if call.http_result is None:
        return None
    reply = _first_line(_reply(call))
    stored = re.fullmatch(r"after-process-http-status-(\d+)", step)
    status = f"status {stored[1]}" if stored else "the status was not 200, 201 or 202"
    reason = f"{status}: {reply}" if reply else "the reply was empty"
    return reason + _ADVICE.get(step, "")


def _finished(call: StoredCall, step: str) -> tuple[CallOutcome, str | None]:
    if step.endswith("-send-message-failed"):
        return CallOutcome.NOT_POSTED, "the server found no room, or no user to post as"
    if step == "after-process-false-result":
        return CallOutcome.NOTHING_SAID, "the script let nothing be posted"
    if step in ("after-prepare-no-opts", "after-prepare-no-url_or_method"):
        if call.prepare_sent_message:
            return CallOutcome.ANSWERED_WITH_MESSAGE, "posted by the script, which let nothing be called"
        return CallOutcome.NOTHING_SAID, "the script let nothing be called"
    return CallOutcome.ANSWERED_WITH_MESSAGE, None


def _not_a_message(reply: str) -> tuple[CallOutcome, str | None]:
    try:
        content: Any = json.loads(reply)
    except (ValueError, RecursionError):
        content = reply.strip()
    fields = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    if fields.get("text") or fields.get("attachments"):
        return CallOutcome.ANSWERED, "the reply has a message, but not the content type application/json"
    if not content or (fields and not any(fields.values())):
        return CallOutcome.NOTHING_SAID, None
    return CallOutcome.ANSWERED, f"the reply is not a message: {_first_line(reply)}"


def _reply(call: StoredCall) -> str:
    """Return the text of the reply, which is stored as JSON."""
    try:
        text: Any = json.loads(call.http_result or '""')
    except ValueError:
        text = call.http_result
    return text if isinstance(text, str) else ""


def _first_line(value: object) -> str | None:
    """Return the first line of an error or a text, cut off; None if it has none."""
    text = cast("dict[str, object]", value).get("message") if isinstance(value, dict) else value
    lines = text.strip().splitlines() if isinstance(text, str) else []
    if not lines:
        return None
    return lines[0] if len(lines[0]) <= _REASON_LENGTH else f"{lines[0][:_REASON_LENGTH]}…"
