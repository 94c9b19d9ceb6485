"""What a call may cost before its token is verified, and how old it may be."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import WebhookApp
from rocketchat_integrations.outgoing._calls import Calls

from .conftest import always, app_with, recorded_body
from .test_app import JSON, Way, body_of, each_way, error_of, handle_async

LARGE = 16_384


@each_way
def test_a_body_may_have_256_kibibytes_by_default(answer: Way) -> None:
    app = app_with(always("hi"))
    assert answer(app, body_of().ljust(262_144), JSON).status == 200
    assert answer(app, body_of().ljust(262_145), JSON).status == 413


@pytest.mark.parametrize(
    ("body", "is_beside_the_loop"),
    [
        (body_of().ljust(LARGE), False),
        (body_of().ljust(LARGE + 1), True),
        (bytearray(body_of().ljust(LARGE + 1)), True),
        (body_of().decode().ljust(LARGE + 1), True),
        (memoryview(body_of()), True),  # of unknown size
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_large_body_does_not_block_the_event_loop(
    body: Any, is_beside_the_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is parsed in a worker thread."""
    threads: list[threading.Thread] = []
    receive = Calls.receive

    def watched(*args: Any) -> Any:
        threads.append(threading.current_thread())
        return receive(*args)

    monkeypatch.setattr(Calls, "receive", watched)
    assert handle_async(app_with(always("hi")), body).status == 200
    assert [thread is not threading.main_thread() for thread in threads] == [is_beside_the_loop]


def test_a_large_body_whose_parsing_is_cancelled_is_in_no_frame() -> None:
    async def main() -> BaseException:
        task = asyncio.ensure_future(app_with(always("hi")).handle_async(body_of().ljust(LARGE + 1), JSON))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await task
        return caught.value

    shown = traceback.TracebackException.from_exception(asyncio.run(main()), capture_locals=True)
    assert "receive_async" in {frame.name for frame in shown.stack}
    assert "T0K3N" not in str([frame.locals for frame in shown.stack])  # also in the frames of asyncio


def at(seconds: float) -> str:
    """Return the time in so many seconds, as Rocket.Chat writes it."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@each_way
def test_a_call_that_is_too_old_is_refused(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    app = app_with(always("hi"), max_age=300)
    problem = "timestamp: must not be older than 300 seconds"
    assert error_of(answer(app, body_of(timestamp=at(-310)), JSON)) == (403, problem)
    assert caplog.messages == [f"a call was refused: {problem}"]


def test_other_calls_are_accepted() -> None:
    """Some payloads have no timestamp, and the clock of the server may be ahead."""
    app = app_with(always("hi"), max_age=300.5)
    bodies = [body_of(), body_of(timestamp=None), body_of(timestamp=at(-240)), body_of(timestamp=at(3600))]
    assert [app.handle(body, JSON).status for body in bodies] == [200] * 4


def test_a_call_may_have_any_age_by_default() -> None:
    """The recorded payload is years old."""
    token = json.loads(recorded_body())["token"]
    assert app_with(always("hi"), token=token).handle(recorded_body(), JSON).status == 200


@pytest.mark.parametrize("max_age", [0, -1, True, "300", float("nan")])
def test_a_wrong_age_is_refused(max_age: Any) -> None:
    with pytest.raises(ConfigurationError, match="^max_age: must be a positive number of seconds, or None"):
        WebhookApp(max_age=max_age)
