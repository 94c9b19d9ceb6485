"""Sample integrations for the tests of the client, as definitions and as documents of a server."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rocketchat_integrations import (
    EventType,
    IncomingIntegration,
    IntegrationDefinition,
    OutgoingIntegration,
    RetryDelay,
)
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations.testing import LocalRocketChat

each_dialect = pytest.mark.parametrize("dialect", ["9.0", "8.8", "6.14"])
oldest_and_newest = pytest.mark.parametrize("dialect", ["9.0", "6.14"])  # where 9.0 does as 8.8 does
only_8 = pytest.mark.parametrize("dialect", ["8.8"])
only_6 = pytest.mark.parametrize("dialect", ["6.14"])

SCRIPT = "class Script { process_incoming_request({request}) { return {content: request.content} } }"

# No field has its default, except the one that 6.x does not know.
FULL_INCOMING = IncomingIntegration(
    name="incoming",
    username="rocket.cat",
    channel=("#general", "@alice"),
    enabled=False,
    alias="CI",
    avatar="https://example.com/a.png",
    emoji=":robot:",
    script_enabled=True,
    script=SCRIPT,
    script_engine="isolated-vm",
    override_destination_channel_enabled=True,
)
FULL_OUTGOING = OutgoingIntegration(
    name="outgoing",
    username="rocket.cat",
    channel=("#general", "all_direct_messages"),
    enabled=False,
    alias="Bot",
    avatar="https://example.com/a.png",
    emoji=":robot:",
    script_enabled=True,
    script=SCRIPT,
    script_engine="isolated-vm",
    event=EventType.SEND_MESSAGE,
    urls=("https://a.example.com", "https://b.example.com"),
    trigger_words=("!deploy", "!ship it"),
    trigger_word_anywhere=True,
    target_room="#random",
    token="own token",
    run_on_edits=True,
    impersonate_user=True,
    retry_failed_calls=True,
    retry_count=2,
    retry_delay=RetryDelay.INCREMENTS_OF_TWO,
)
FULL: tuple[IntegrationDefinition, ...] = (FULL_INCOMING, FULL_OUTGOING)
both_types = pytest.mark.parametrize("definition", FULL, ids=["incoming", "outgoing"])

_COMMON = {"username": "rocket.cat", "userId": "rocket.cat", "enabled": True, "scriptEnabled": False, "token": "t0ken"}
HOOK: dict[str, Any] = {"_id": "hook", "type": "webhook-incoming", "name": "hook", "channel": ["#general"], **_COMMON}
BOT: dict[str, Any] = {
    **HOOK,
    "_id": "bot",
    "type": "webhook-outgoing",
    "name": "bot",
    "event": "sendMessage",
    "urls": ["https://bot.example"],
    "enabled": False,  # posts of the tests must not trigger it
}


def insert_samples(server: LocalRocketChat, **changes: Any) -> None:
    """Insert the two integrations, and one entry of history."""
    server.insert({**HOOK, **changes})
    server.insert({**BOT, **changes})
    server.insert_history("bot", {"_id": "h1"})


def call_count(server: LocalRocketChat, endpoint: str) -> int:
    """Return how often an endpoint was called."""
    return [request.endpoint for request in server.requests].count(endpoint)


class OneAnswer:
    """A transport that gives one answer to every request, and keeps the bodies that were sent."""

    def __init__(self, status: int, answer: object) -> None:
        self._response = Response(status, {"content-type": "application/json"}, json.dumps(answer).encode())
        self.sent: list[Any] = []

    def send(self, request: Request) -> Response:
        self.sent.append(json.loads(request.body or b"null"))
        return self._response

    def close(self) -> None:
        pass
