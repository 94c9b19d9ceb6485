"""A repeated call gets the same answer, and its handler does not run again."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from rocketchat_integrations.outgoing import Answer, MessageSent, Reply, UserCreated, WebhookApp
from rocketchat_integrations.outgoing._repeats import MemoryRepeats

from .conftest import app_with
from .test_app import handle_async

JSON = "application/json"


class Bot:
    """An app that counts the calls of its handler, with a clock that the test sets."""

    def __init__(self, *, token: str | None = None, **options: Any) -> None:
        self.now = 1000.0
        self.calls = 0
        self.result: Reply | Exception | None = None
        self.repeats = MemoryRepeats(clock=lambda: self.now)
        self.app = app_with(self.handler, token=token, repeats=self.repeats, **options)

    def handler(self, payload: object) -> Reply:
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result or Reply(f"call {self.calls}")

    def call(self, **fields: object) -> Answer:
        return self.app.handle(json.dumps(fields), JSON)


@pytest.fixture
def bot() -> Bot:
    return Bot()


def test_a_repeat_gets_the_same_answer(bot: Bot) -> None:
    first = bot.call(message_id="m1", text="go")
    body = json.dumps({"message_id": "m1", "text": "go"})
    assert bot.app.handle(bytearray(body.encode()), JSON) == handle_async(bot.app, body) == first
    second = handle_async(bot.app, b'{"text": "stop"}')
    assert bot.call(text="stop") == second
    assert bot.calls == 2


def test_another_message_is_no_repeat(bot: Bot) -> None:
    """An edit with another text is no repeat, either; nor is a retried room event, which has a new timestamp."""
    bot.call(message_id="m1", text="go")
    bot.call(message_id="m2", text="go")
    bot.call(message_id="m1", text="stop", isEdited=True)
    bot.call(user_name="alice", timestamp="2026-11-22T19:51:43.447Z")
    bot.call(user_name="alice", timestamp="2026-11-22T19:51:44.447Z")
    assert bot.calls == 5


@pytest.mark.parametrize(("options", "calls"), [({}, 2), ({"deduplicate": False}, 3)])
def test_an_edit_back_is_a_repeat_unless_the_app_does_not_deduplicate(options: dict[str, Any], calls: int) -> None:
    bot = Bot(**options)
    for text in ("go", "stop", "go"):
        bot.call(message_id="m1", text=text, isEdited=True)
    assert bot.calls == calls


def test_the_first_answer_stays_until_it_is_too_old(bot: Bot) -> None:
    repeats = bot.repeats
    first, later = Answer(200, JSON, b"{}"), Answer(200, JSON, b'{"text": "later"}')
    repeats.add("key", first)
    bot.now += 200
    repeats.add("key", later)
    assert repeats.find("key") == first
    bot.now += 100
    assert repeats.find("key") is None


def test_the_same_body_on_another_route_is_no_repeat() -> None:
    """The token is part of the body."""
    calls: list[object] = []
    app = WebhookApp()
    app.on("sendMessage", token="a")(calls.append)
    app.on("userCreated", token="b")(calls.append)
    for token in ("a", "b", "a", "b"):
        app.handle(json.dumps({"token": token, "user_name": "alice"}), JSON)
    assert list(map(type, calls)) == [MessageSent, UserCreated]


@pytest.mark.parametrize("fields", [{}, {"token": "t", "bot": False}, {"bot": None, "text": None}], ids=str)
def test_a_call_without_content_is_never_a_repeat(bot: Bot, fields: dict[str, object]) -> None:
    """All such calls are equal."""
    for _ in range(3):
        bot.call(**fields)
    assert bot.calls == 3


def test_any_other_field_is_content(bot: Bot) -> None:
    for fields in ({"siteUrl": ""}, {"unknown": False}):
        assert bot.call(**fields) == bot.call(**fields)
    assert bot.calls == 2


@pytest.mark.parametrize("failure", [Reply.retry_later(), Reply.disable(), ValueError("no")], ids=repr)
def test_a_failed_call_runs_again(bot: Bot, failure: Reply | Exception) -> None:
    """That is what Rocket.Chat repeats it for."""
    bot.result = failure
    assert bot.call(text="go").status >= 400
    bot.result = Reply.nothing()
    assert bot.call(text="go") == bot.call(text="go") == Answer(200, JSON, b"{}")
    assert bot.calls == 2


def test_calls_are_remembered_for_less_than_five_minutes(bot: Bot) -> None:
    first = bot.call(text="go")
    bot.now += 299.9
    assert bot.call(text="go") == first
    bot.now += 0.1  # counted from the first call, not from the repeat
    assert bot.call(text="go") != first
    assert len(bot.repeats) == 1


def test_a_thousand_calls_are_remembered_and_the_oldest_are_dropped_first(bot: Bot) -> None:
    for number in range(1001):
        bot.call(text=str(number))
    assert len(bot.repeats) == 1000
    bot.call(text="1")
    bot.call(text="1000")
    assert bot.calls == 1001
    bot.call(text="0")
    assert bot.calls == 1002


def test_bodies_are_not_kept_in_memory() -> None:
    bot = Bot(token="canary")
    bot.call(token="canary", text="canary")
    assert len(bot.repeats) == 1
    assert "canary" not in f"{vars(bot.repeats)}"


def test_age_is_measured_by_a_clock_that_cannot_be_set() -> None:
    assert MemoryRepeats()._clock is time.monotonic
