"""What the tests of the protocol share: a time that stands still, and conversations held by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

from rocketchat_integrations import TransportError
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.retries import Send

if TYPE_CHECKING:
    from tests.conftest import Clock

T = TypeVar("T")


class Wire:
    """What a server or a network could answer, and what it makes of a conversation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.sent: list[Send] = []

    @property
    def calls(self) -> list[str]:
        """What has been called so far."""
        return [send.request.endpoint for send in self.sent]

    @property
    def waits(self) -> list[float]:
        """How long was waited before each of them."""
        return [send.after for send in self.sent]

    def body(self, number: int = -1) -> Any:
        """What one of the requests carried."""
        return json.loads(self.sent[number].request.body or b"null")

    def talk(
        self, conversation: Generator[Send, Response, T], *outcomes: Response | TransportError, taking: float = 0.0
    ) -> T:
        """Hold a conversation to its end, with these outcomes and no others, each after so many seconds."""
        ahead = list(outcomes)

        def next_outcome(_: Request) -> Response | TransportError:
            assert ahead, f"one request more than was expected: {self.calls}"
            self._clock.now += taking
            return ahead.pop(0)

        try:
            return self.serve(conversation, next_outcome)
        finally:
            assert not ahead, f"fewer requests than were expected: {self.calls}"

    def serve(
        self, conversation: Generator[Send, Response, T], answer: Callable[[Request], Response | TransportError]
    ) -> T:
        """Hold a conversation to its end, with the outcomes that a function gives."""
        outcome: Any = None
        while True:
            try:
                is_failure = isinstance(outcome, TransportError)
                send = conversation.throw(outcome) if is_failure else conversation.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            self.sent.append(send)
            self._clock.now += send.after
            outcome = answer(send.request)

    @staticmethod
    def ok(**payload: Any) -> Response:
        """Success."""
        return Response(200, {}, json.dumps({"success": True, **payload}).encode())

    @staticmethod
    def no(status: int, error: str = "no", headers: dict[str, str] | None = None, **rest: Any) -> Response:
        """A refusal."""
        return Response(status, headers or {}, json.dumps({"success": False, "error": error, **rest}).encode())

    @classmethod
    def slow_down(cls, seconds: float | None = None) -> Response:
        """The rate limit, which ends after so many seconds; or does not say when."""
        return cls.no(429, "" if seconds is None else f"You must wait {seconds:.0f} seconds")

    @staticmethod
    def lost(kind: str = "reset", *, may_have_acted: bool = True) -> TransportError:
        """No answer."""
        return TransportError("lost", kind=kind, host="chat.example", port=443, may_have_acted=may_have_acted)

    @staticmethod
    def record(**changes: Any) -> dict[str, Any]:
        """An integration, as the server sends it."""
        incoming = {
            "_id": "one",
            "type": "webhook-incoming",
            "name": "ci",
            "enabled": True,
            "username": "rocket.cat",
            "channel": ["#general"],
            "scriptEnabled": False,
            "token": "T0KEN",
            "_createdAt": "2026-01-10T14:12:07.739Z",
            "_createdBy": {"_id": "u", "username": "alice"},
            "_updatedAt": "2026-01-10T14:12:07.739Z",
        }
        if changes.get("type") == "webhook-outgoing":
            incoming |= {"event": "sendMessage", "urls": ["https://bot.example/hook"], "token": None}
        return {**incoming, **changes}


@pytest.fixture
def wire(clock: Clock) -> Wire:
    """A network to hold conversations over."""
    return Wire(clock)
