"""Equal calls at the same time: the first one runs, the others wait for its answer."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from rocketchat_integrations.outgoing import Answer, Reply, WebhookApp, _calls
from rocketchat_integrations.outgoing._under_way import CallsUnderWay

from .conftest import app_with
from .test_app import JSON, Way, body_of, each_way, handle_async, text_of

WAYS = [WebhookApp.handle, handle_async]
FAILURES = [Reply.retry_later(), Reply.disable(), ValueError("no")]


@pytest.fixture
def entered(monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Counts the calls that have been found to be the first, or to have to wait."""
    count = threading.Semaphore(0)
    enter = CallsUnderWay.enter

    def counted(self: CallsUnderWay, key: str) -> Any:
        end = enter(self, key)
        count.release()
        return end

    monkeypatch.setattr(CallsUnderWay, "enter", counted)
    return count


class Gate:
    """A handler that waits until the test opens it."""

    def __init__(self, *results: object) -> None:
        self.open = threading.Event()
        self.calls = 0
        self._results = iter(results)

    def __call__(self, message: object) -> object:
        self.calls += 1
        assert self.open.wait(60)
        result = next(self._results)
        if isinstance(result, Exception):
            raise result
        return result


def answers(
    app: WebhookApp, gate: Gate, entered: threading.Semaphore, *ways: Way, body: bytes = body_of()
) -> list[Answer]:
    """Return the answers to equal calls of which the first one still runs when the last one arrives."""
    with ThreadPoolExecutor(len(ways)) as pool:
        calls: list[Future[Answer]] = []
        for way in ways:
            calls.append(pool.submit(way, app, body, JSON))
            assert entered.acquire(timeout=60)
        gate.open.set()
        return [call.result(60) for call in calls]


@pytest.mark.parametrize("second", WAYS)
@pytest.mark.parametrize("first", WAYS)
def test_equal_calls_act_once_and_get_the_same_answer(entered: threading.Semaphore, first: Way, second: Way) -> None:
    """In threads, in event loops, and in both."""
    gate = Gate("done")
    ours, *others = answers(app_with(gate), gate, entered, first, second, second)
    assert text_of(ours) == "done"
    assert others == [ours, ours]
    assert gate.calls == 1


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@each_way
def test_if_the_first_fails_the_next_one_acts(entered: threading.Semaphore, answer: Way, failure: object) -> None:
    """One after the other, until one succeeds."""
    gate = Gate(failure, failure, "done")
    first, *others = answers(app_with(gate), gate, entered, *[answer] * 4)
    assert first.status >= 400
    assert sorted(each.status for each in others) == [200, 200, first.status]
    assert gate.calls == 3


def test_tasks_of_one_event_loop_wait_for_each_other() -> None:
    calls: list[object] = []

    async def handler(message: object) -> str:
        calls.append(message)
        await asyncio.sleep(0)
        return f"call {len(calls)}"

    async def main() -> list[Answer]:
        app = app_with(handler)
        return await asyncio.gather(*(app.handle_async(body_of(), JSON) for _ in range(3)))

    assert [text_of(answer) for answer in asyncio.run(main())] == ["call 1"] * 3


def test_a_cancelled_call_lets_the_next_one_act() -> None:
    """A call that is cancelled while it waits does not disturb the others."""
    calls: list[object] = []

    async def handler(message: object) -> str | None:
        calls.append(message)
        if len(calls) == 1:
            await asyncio.Event().wait()
        return f"call {len(calls)}"

    async def main() -> list[Any]:
        app = app_with(handler)
        tasks = [asyncio.ensure_future(app.handle_async(body_of(), JSON)) for _ in range(3)]
        while not calls:
            await asyncio.sleep(0)
        for task in tasks[1::-1]:
            task.cancel()
        return await asyncio.gather(*tasks, return_exceptions=True)

    *cancelled, last = asyncio.run(main())
    assert [type(each) for each in cancelled] == [asyncio.CancelledError] * 2
    assert text_of(last) == "call 2"


@each_way
def test_the_wait_is_bounded(
    entered: threading.Semaphore, answer: Way, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A call that has waited for 15 seconds is answered with 503, so that Rocket.Chat repeats it, and does not act."""
    assert _calls._WAIT_SECONDS == 15
    monkeypatch.setattr(_calls, "_WAIT_SECONDS", 0.01)
    gate = Gate("done")
    app = app_with(gate)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(app.handle, body_of(), JSON)
        assert entered.acquire(timeout=60)
        assert answer(app, body_of(), JSON).status == 503
        gate.open.set()
        assert text_of(first.result(60)) == "done"
    assert "a call was answered with 503: an equal one has been running" in caplog.text
    assert gate.calls == 1


@each_way
def test_the_waits_of_a_call_are_bounded_together(answer: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a call in this process that fails after 10 seconds, and then for one in another process."""
    now = 0.0
    failed: Future[None] = Future()
    failed.set_result(None)
    ends = iter([failed])

    class ClaimedElsewhere:
        def find(self, key: str) -> None: ...

        def add(self, key: str, answer: Answer) -> None: ...

        def claim(self, key: str) -> bool:
            return False

        def release(self, key: str) -> None: ...

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    async def sleep_async(seconds: float) -> None:
        sleep(seconds)

    def enter_or_wait(self: CallsUnderWay, key: str) -> Any:
        end = next(ends, None)
        if end is None:
            return enter(self, key)
        sleep(10)
        return end

    enter = CallsUnderWay.enter
    monkeypatch.setattr(CallsUnderWay, "enter", enter_or_wait)
    monkeypatch.setattr(_calls, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    monkeypatch.setattr(asyncio, "sleep", sleep_async)
    assert answer(app_with(Gate(), repeats=ClaimedElsewhere()), body_of(), JSON).status == 503
    assert 15 <= now < 16


class OtherProcess:
    """Remembers answers for two processes. The other one handles the first call."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.waits = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._claimed: str | None = None

    def find(self, key: str) -> Answer | None:
        self._claimed = self._claimed or key
        return self.answer if key == self._claimed else None

    def claim(self, key: str) -> bool:
        if key == self._claimed:
            self._loop.call_soon_threadsafe(self.waits.set)
        return key != self._claimed

    def add(self, key: str, answer: Answer) -> None: ...
    def release(self, key: str) -> None: ...


def test_a_call_that_waits_for_another_process_keeps_no_worker_thread() -> None:
    """Other calls need the threads: for plain handlers, and to ask what remembers the answers."""

    async def main() -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
        repeats = OtherProcess()
        app = app_with(lambda message: "done here", repeats=repeats)
        waiting = asyncio.ensure_future(app.handle_async(body_of(), JSON))
        await repeats.waits.wait()
        assert text_of(await app.handle_async(body_of(text="other"), JSON)) == "done here"
        assert not waiting.done()
        repeats.answer = answer = Answer(200, JSON, b'{"text": "done there"}')
        assert await waiting == answer

    asyncio.run(main())


@pytest.mark.parametrize(("body", "options"), [(b'{"token": "T0K3N"}', {}), (body_of(), {"deduplicate": False})])
def test_calls_that_are_never_repeats_do_not_wait(body: bytes, options: dict[str, Any]) -> None:
    """Both handlers run at the same time."""
    both = threading.Barrier(2)

    def handler(message: object) -> None:
        both.wait(60)

    app = app_with(handler, **options)
    with ThreadPoolExecutor(2) as pool:
        calls = [pool.submit(app.handle, body, JSON) for _ in range(2)]
        assert [call.result(60).status for call in calls] == [200, 200]
