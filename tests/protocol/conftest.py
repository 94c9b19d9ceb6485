"""Fixtures for the tests of the protocol: flows run without a network, and recorded answers of a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import pytest

from rocketchat_integrations import ConnectionOptions, RetryPolicy, TokenAuth, TransportError
from rocketchat_integrations._protocol.exchange import Exchange
from rocketchat_integrations._protocol.flows import Flow, Send, Wait
from rocketchat_integrations._protocol.http import Request, Response

if TYPE_CHECKING:
    from tests.conftest import Clock

T = TypeVar("T")


class Wire:
    """Runs flows against given outcomes, without a network."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.policy = RetryPolicy()
        self.sent: list[Request] = []
        self.waits: list[float] = []

    @property
    def calls(self) -> list[str]:
        """The endpoints called so far."""
        return [request.endpoint for request in self.sent]

    def body(self, number: int = -1) -> Any:
        """The JSON body of one of the requests."""
        return json.loads(self.sent[number].body or b"null")

    def talk(self, flow: Flow[T], *outcomes: Response | TransportError, taking: float = 0.0) -> T:
        """Run a flow with exactly these outcomes, each after so many seconds."""
        ahead = list(outcomes)

        def next_outcome(_: Request) -> Response | TransportError:
            assert ahead, f"one request more than expected: {self.calls}"
            self.clock.now += taking
            return ahead.pop(0)

        try:
            return self.serve(flow, next_outcome)
        finally:
            assert not ahead, f"fewer requests than expected: {self.calls}"

    def serve(self, flow: Flow[T], answer: Callable[[Request], Response | TransportError]) -> T:
        """Run a flow with the outcomes that a function gives."""
        auth = TokenAuth("u", "T0KEN-of-the-user")
        options = ConnectionOptions(retry=self.policy)
        exchange = Exchange("https://chat.example/", auth, options, clock=self.clock, lock=nullcontext())
        steps = exchange.steps(flow)
        outcome: Any = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as stop:
                result: T = stop.value
                return result
            if isinstance(step, Send):
                self.sent.append(step.request)
                outcome = answer(step.request)
            else:
                assert isinstance(step, Wait)
                self.waits.append(step.seconds)
                self.clock.now += step.seconds

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
    """A fake network that runs flows."""
    return Wire(clock)


RECORDINGS = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))


class Talk(NamedTuple):
    """A recorded request and its answer."""

    scenario: str
    endpoint: str
    sent: dict[str, Any]
    status: int
    answer: dict[str, Any]


def talks() -> Iterator[Talk]:
    """Yield what was recorded, with a date for each placeholder."""
    for scenario in RECORDINGS["scenarios"]:
        for step in scenario["steps"]:
            path = step["path"].removeprefix("/api/v1/")
            endpoint = "hooks" if path.startswith("/hooks/") else path
            answer = json.loads(json.dumps(step["expect"]["json"]).replace('"<date>"', '"2024-01-10T14:12:07.739Z"'))
            sent: dict[str, Any] = step.get("json") or step.get("query") or {}
            yield Talk(scenario["name"], endpoint, sent, step["expect"]["status"], answer)


@pytest.fixture
def recorded_integrations() -> list[dict[str, Any]]:
    """The integrations in the recorded answers."""
    answers = [talk.answer for talk in talks() if talk.status == 200]
    return [it for answer in answers for it in (answer.get("integration"), *answer.get("integrations", [])) if it]


@pytest.fixture
def recorded_refusals() -> list[Talk]:
    """The recorded requests that were refused."""
    return [talk for talk in talks() if talk.status != 200]
