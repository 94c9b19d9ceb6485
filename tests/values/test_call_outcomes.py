"""`HistoryEntry.outcome` and `.reason` for entries that the embedded server does not make."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rocketchat_integrations import CallOutcome, HistoryEntry


def test_every_outcome_has_a_text_and_a_wire_value() -> None:
    """Programs compare the value, people read the text."""
    assert CallOutcome("answered-with-message").text == "answered with a message"
    assert {outcome for outcome in CallOutcome if "-" in outcome.text} == set()
    assert {outcome for outcome in CallOutcome if not outcome.is_failure} == {
        *(CallOutcome.ANSWERED, CallOutcome.ANSWERED_WITH_MESSAGE, CallOutcome.NOTHING_SAID, CallOutcome.IN_PROGRESS)
    }


CALLED = "after-http-call"


@pytest.mark.parametrize(
    ("stored", "outcome", "reason"),
    [
        # a call that has not ended, and one of which the server stores nothing
        ({"step": "pre-http-call"}, CallOutcome.IN_PROGRESS, None),
        ({}, CallOutcome.IN_PROGRESS, None),
        # replies without a message
        ({"step": CALLED, "http_result": '"null"'}, CallOutcome.NOTHING_SAID, None),
        ({"step": CALLED, "http_result": json.dumps('{"text": ""}')}, CallOutcome.NOTHING_SAID, None),
        ({"step": CALLED, "http_result": json.dumps("[1]")}, CallOutcome.ANSWERED, "the reply is not a message: [1]"),
        ({"step": CALLED, "http_result": "no JSON"}, CallOutcome.ANSWERED, "the reply is not a message: no JSON"),
        # failures
        ({"error": True}, CallOutcome.REFUSED, None),
        (
            {"error": True, "step": "failed-and-retry-delay-is-invalid", "error_stack": "Error", "http_result": '"x"'},
            CallOutcome.REFUSED,
            "the status was not 200, 201 or 202: x; not retried, because retry_delay is invalid",
        ),
        ({"http_error": {"code": 1}}, CallOutcome.NO_REPLY, None),
        ({"http_error": "\nENOTFOUND\nat x"}, CallOutcome.NO_REPLY, "ENOTFOUND"),
        ({"http_error": "e" * 201}, CallOutcome.NO_REPLY, "e" * 200 + "…"),
        ({"http_error": {"name": "TypeError", "message": "Failed to parse URL from x"}}, CallOutcome.NO_REPLY, ...),
        ({"http_error": {"message": "no room"}, "http_result": '"{}"'}, CallOutcome.NOT_POSTED, "no room"),
        (
            {"finished": True, "step": "after-process-send-message-failed"},
            CallOutcome.NOT_POSTED,
            "the server found no room, or no user to post as",
        ),
    ],
)
def test_an_entry_tells_its_outcome_and_the_reason(stored: dict[str, Any], outcome: CallOutcome, reason: Any) -> None:
    """As servers of any version and age store it."""
    entry = HistoryEntry(id="h", **stored)
    assert entry.outcome is outcome
    assert reason is ... or entry.reason == reason
