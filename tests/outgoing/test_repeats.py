"""A call that was answered already does not act again."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import Any

import pytest

from rocketchat_integrations.outgoing import Answer, Reply, WebhookApp
from rocketchat_integrations.outgoing._repeats import Repeats

JSON = "application/json"
NOTHING, LATER = Answer(200, JSON, b"{}"), Answer(200, JSON, b'{"text": "later"}')


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Counter:
    """A handler that counts its calls, and answers what it is told to."""

    def __init__(self) -> None:
        self.calls = 0
        self.result: Reply | Exception | None = None

    def __call__(self, payload: object) -> Reply | None:
        self.calls += 1
        if isinstance(self.result, Exception):
            raise self.result
        return self.result or Reply(f"call {self.calls}")


class Bot:
    """An app with a counter for all calls, and a clock of its own."""

    def __init__(self, *, token: str | None = None, **options: Any) -> None:
        self.clock = Clock()
        self.counter = Counter()
        self.app = WebhookApp(token=token, **options)
        self.app._repeats = Repeats(clock=self.clock)
        self.app.on("sendMessage")(self.counter)

    def call(self, **fields: object) -> Answer:
        return self.app.handle(json.dumps(fields), JSON)


@pytest.fixture
def bot() -> Bot:
    return Bot()


def test_a_repeat_gets_the_same_answer_and_does_not_act_again(bot: Bot) -> None:
    first = bot.call(message_id="m1", text="go")
    assert json.loads(first.body) == {"text": "call 1"}
    assert bot.call(message_id="m1", text="go") == first
    assert bot.app.handle(bytearray(json.dumps({"message_id": "m1", "text": "go"}).encode()), JSON) == first
    assert asyncio.run(bot.app.handle_async(json.dumps({"message_id": "m1", "text": "go"}), JSON)) == first
    assert bot.counter.calls == 1


def test_a_call_answered_by_handle_async_is_remembered_as_well(bot: Bot) -> None:
    first = asyncio.run(bot.app.handle_async(b'{"text": "go"}', JSON))
    assert bot.app.handle(b'{"text": "go"}', JSON) == first
    assert bot.counter.calls == 1


def test_another_message_is_no_repeat_nor_is_an_edit_with_another_text(bot: Bot) -> None:
    bot.call(message_id="m1", text="go")
    bot.call(message_id="m2", text="go")
    bot.call(message_id="m1", text="stop", isEdited=True)
    assert bot.counter.calls == 3


def test_an_edit_back_is_a_repeat(bot: Bot) -> None:
    """There is nothing in it that the first one had not: a bot that has to see it takes no repeats for such."""
    for text in ("go", "stop", "go"):
        bot.call(message_id="m1", text=text, isEdited=True)
    assert bot.counter.calls == 2
    careful = Bot(deduplicate=False)
    for text in ("go", "stop", "go"):
        careful.call(message_id="m1", text=text, isEdited=True)
    assert careful.counter.calls == 3


def test_what_has_no_answer_yet_is_no_repeat_and_the_first_answer_stays(bot: Bot) -> None:
    """Two equal calls at once both act; whoever asks later gets what was answered first, until that is too old."""
    both = threading.Barrier(2)
    answers: list[str] = []

    def handler(message: object) -> Reply:
        both.wait(30)
        return Reply(str(len(answers)))

    app = WebhookApp(token=None)
    app._repeats = Repeats(clock=bot.clock)
    app.on("sendMessage")(handler)

    def call() -> None:
        answers.append(json.loads(app.handle(b'{"text": "go"}', JSON).body)["text"])

    callers = [threading.Thread(target=call) for _ in range(2)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(answers) == 2
    repeats = Repeats(clock=bot.clock)
    repeats.add(b"key", NOTHING)
    bot.clock.now += 200
    repeats.add(b"key", LATER)
    assert repeats.find(b"key") == NOTHING
    bot.clock.now += 100
    assert repeats.find(b"key") is None


def test_a_room_event_that_is_retried_is_no_repeat_for_its_timestamp_is_new(bot: Bot) -> None:
    bot.call(user_name="alice", timestamp="2026-11-22T19:51:43.447Z")
    bot.call(user_name="alice", timestamp="2026-11-22T19:51:44.447Z")
    assert bot.counter.calls == 2


def test_the_route_has_to_be_the_same() -> None:
    app = WebhookApp()
    one, other = Counter(), Counter()
    app.on("sendMessage", token="a")(one)
    app.on("userCreated", token="b")(other)
    for token in ("a", "b", "a", "b"):
        app.handle(json.dumps({"token": token, "user_name": "alice"}), JSON)
    assert (one.calls, other.calls) == (1, 1)


@pytest.mark.parametrize(
    "fields", [{}, {"bot": False}, {"token": "t"}, {"token": "t", "bot": False}, {"bot": None, "text": None}], ids=str
)
def test_a_call_without_content_is_never_a_repeat(bot: Bot, fields: dict[str, object]) -> None:
    """All of them look the same."""
    for _ in range(3):
        bot.call(**fields)
    assert bot.counter.calls == 3


def test_any_field_beside_token_and_bot_is_content(bot: Bot) -> None:
    for fields in ({"siteUrl": ""}, {"unknown": False}):
        bot.counter.calls = 0
        assert bot.call(**fields) == bot.call(**fields)
        assert bot.counter.calls == 1


@pytest.mark.parametrize("failure", [Reply.retry_later(), Reply.disable(), ValueError("no")], ids=repr)
def test_a_call_that_failed_is_tried_again(bot: Bot, failure: Reply | Exception) -> None:
    """That is what Rocket.Chat repeats it for."""
    bot.counter.result = failure
    assert bot.call(text="go").status >= 400
    bot.counter.result = None
    assert bot.call(text="go").status == 200
    assert bot.call(text="go").status == 200
    assert bot.counter.calls == 2


def test_an_answer_without_a_message_counts(bot: Bot) -> None:
    bot.counter.result = Reply.nothing()
    assert bot.call(text="go") == bot.call(text="go")
    assert bot.counter.calls == 1


def test_calls_are_remembered_for_less_than_five_minutes(bot: Bot) -> None:
    first = bot.call(text="go")
    bot.clock.now += 299.9
    assert bot.call(text="go") == first
    bot.clock.now += 0.1  # that the repeat was answered does not make it young again
    assert bot.call(text="go") != first
    assert bot.counter.calls == 2


def test_what_is_too_old_leaves_the_memory(bot: Bot) -> None:
    for number in range(100):
        bot.call(text=str(number))
    bot.clock.now += 300
    bot.call(text="new")
    assert len(bot.app._repeats) == 1


def test_a_thousand_calls_are_remembered_and_the_oldest_are_forgotten_first(bot: Bot) -> None:
    for number in range(1001):
        bot.call(text=str(number))
    assert len(bot.app._repeats) == 1000
    bot.call(text="1")
    bot.call(text="1000")
    assert bot.counter.calls == 1001
    bot.call(text="0")
    assert bot.counter.calls == 1002


def test_it_can_be_turned_off() -> None:
    bot = Bot(deduplicate=False)
    assert bot.call(text="go") != bot.call(text="go")
    assert bot.counter.calls == 2


def test_bodies_are_not_kept() -> None:
    """They have tokens in them."""
    bot = Bot(token="canary")
    bot.call(token="canary", text="canary")
    assert len(bot.app._repeats) == 1
    assert "canary" not in f"{vars(bot.app._repeats)}"


def test_age_is_not_measured_by_the_time_of_day() -> None:
    """Which somebody may set back."""
    assert Repeats()._clock is time.monotonic
