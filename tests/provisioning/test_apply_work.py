"""Applying makes several calls at a time, within the rate limit, tells how far it is, and can be interrupted."""

from __future__ import annotations

import logging
import signal
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import ApplyError, RateLimitError, RetryPolicy
from rocketchat_integrations.provisioning import Progress, _applying, apply, plan
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.provisioning.conftest import AsEntry, AsManifest, Connect, Incoming, Memory


def refused(*, may_have_acted: bool = False) -> RateLimitError:
    error = RateLimitError("slow down", retry_after=60.0, limit=10, status=429, endpoint="integrations.create")
    error.may_have_acted = may_have_acted
    return error


# Several at a time


def test_as_many_calls_as_workers_are_made_at_a_time(memory: Memory, incoming: Incoming) -> None:
    """And never more: each call waits for the others of its group, and counts who is there."""
    meeting = threading.Barrier(4)
    inside, most = 0, 0
    lock = threading.Lock()

    def before(_: str) -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        meeting.wait(timeout=10)
        with lock:
            inside -= 1

    memory.before = before
    apply(plan([incoming(f"n{number}") for number in range(12)], memory), memory)
    assert most == 4


def test_the_report_is_in_the_order_of_the_plan(memory: Memory, incoming: Incoming) -> None:
    """Whatever comes to its end first."""
    last = threading.Event()
    memory.before = lambda call: last.set() if call == "create c" else last.wait(timeout=10)
    changes = plan([incoming(name) for name in "abc"], memory)
    assert apply(changes, memory).done == changes.steps
    assert next(iter(memory.records.values())).name == "c"


def test_a_kind_of_step_waits_for_the_end_of_the_one_before(
    memory: Memory, incoming: Incoming, manifest: AsManifest, entry: AsEntry
) -> None:
    """A worker without a rename to do does not begin to create: a name may not be free yet."""
    for number in range(3):
        memory.add(incoming(f"old{number}"))
    renames = [entry(incoming(f"new{number}"), renamed_from=f"old{number}") for number in range(3)]
    changes = plan(manifest(*renames, entry(incoming("comes"))), memory)
    others_are_done = threading.Event()
    begun: list[str] = []

    def before(call: str) -> None:
        if call == "update old0":
            others_are_done.wait(timeout=10)
            begun.extend(call for call in memory.calls if call.startswith("create"))

    def on_progress(progress: Progress) -> None:
        if progress.done == 2:
            others_are_done.set()

    memory.before = before
    apply(changes, memory, on_progress=on_progress)
    assert begun == []


# The rate limit


def test_more_work_than_a_window_holds_gets_done(connect: Connect, incoming: Incoming) -> None:
    """Thirty creates at ten in a window: the client waits, hardly a call is refused, and nothing fails."""
    with LocalRocketChat(rate_limit=(10, 0.3)) as server:
        client = connect(server)
        report = apply(plan([incoming(f"n{number}") for number in range(30)], client), client)
        creates = [request for request in server.requests if request.endpoint == "integrations.create"]
    assert len(report.done) == 30
    assert len(creates) < 40


def test_a_call_without_patience_left_is_tried_again(memory: Memory, incoming: Incoming) -> None:
    """As long as others get through: each window has room for some of those who wait for it."""
    tries = 0
    second_try, other_is_done = threading.Event(), threading.Event()

    def before(call: str) -> None:
        nonlocal tries
        if call == "create other":
            second_try.wait(timeout=10)
        elif (tries := tries + 1) < 3:
            if tries == 2:
                second_try.set()
                other_is_done.wait(timeout=10)
            raise refused()

    memory.before = before
    changes = plan([incoming("ci"), incoming("other")], memory)
    report = apply(changes, memory, workers=2, on_progress=lambda progress: other_is_done.set())
    assert report.done == changes.steps
    assert tries == 3


def test_a_rate_limit_without_end_is_no_storm(memory: Memory, incoming: Incoming) -> None:
    """When nothing gets through, each worker asks twice at most, and what is left stays pending."""

    def before(_: str) -> None:
        raise refused()

    memory.before = before
    changes = plan([incoming(f"n{number}") for number in range(20)], memory)
    memory.calls.clear()
    with pytest.raises(ApplyError) as caught:
        apply(changes, memory, workers=3)
    error = caught.value
    assert len(memory.calls) - 1 <= 2 * 3
    assert error.done == ()
    assert 1 <= len(error.failed) <= 3
    assert len(error.failed) + len(error.pending) == 20


def test_a_client_that_does_not_wait_leaves_the_rest(connect: Connect, incoming: Incoming) -> None:
    """``RetryPolicy.never()`` does not wait for windows, and applying does not do it in its place."""
    with LocalRocketChat(rate_limit=(5, 60.0)) as server:
        client = connect(server, retry=RetryPolicy.never())
        changes = plan([incoming(f"n{number}") for number in range(100)], client)
        with pytest.raises(ApplyError) as caught:
            apply(changes, client)
        creates = [request for request in server.requests if request.endpoint == "integrations.create"]
    assert len(caught.value.done) == 5
    assert len(creates) < 40


def test_what_may_have_been_done_is_not_tried_again(memory: Memory, incoming: Incoming) -> None:
    """A refusal after a lost answer says nothing of the first try."""

    def before(_: str) -> None:
        raise refused(may_have_acted=True)

    memory.before = before
    changes = plan([incoming("ci")], memory)
    memory.calls.clear()
    with pytest.raises(ApplyError):
        apply(changes, memory)
    assert memory.calls == ["list", "create ci"]


# Progress


def test_progress_is_told_step_by_step(memory: Memory, incoming: Incoming) -> None:
    """By the thread that waits for the report, so that nothing needs a lock."""
    heard: list[Progress] = []
    threads: set[threading.Thread] = set()
    changes = plan([incoming(name) for name in "abc"], memory)
    broken = RuntimeError("b")

    def before(call: str) -> None:
        if call == "create b":
            raise broken

    def on_progress(progress: Progress) -> None:
        heard.append(progress)
        threads.add(threading.current_thread())

    memory.before = before
    with pytest.raises(ApplyError):
        apply(changes, memory, workers=1, on_progress=on_progress)
    told = [(progress.step, progress.error, progress.done, progress.total) for progress in heard]
    a, b, c = changes.steps
    assert told == [(a, None, 1, 3), (b, broken, 2, 3), (c, None, 3, 3)]
    assert threads == {threading.current_thread()}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The only time there is for applying; ``clock.now`` can be set."""
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(_applying, "time", clock)
    return clock


def test_the_time_left_is_told_by_the_pace_so_far(memory: Memory, incoming: Incoming, clock: SimpleNamespace) -> None:
    """With a rate limit of ten in a minute, what counts is that it is ten in a minute, not that they were fast."""
    left: list[float | None] = []

    def before(_: str) -> None:
        clock.now += 60.0 if len(left) % 10 == 0 and left else 0.01

    memory.before = before
    changes = plan([incoming(f"n{number:02}") for number in range(40)], memory)
    apply(changes, memory, workers=1, on_progress=lambda progress: left.append(progress.seconds_left))
    assert left[:10] == [None] * 10
    estimates = [(seconds or 0.0) for seconds in left[10:]]
    true_ones = [60.0 * (3 - number // 10) for number in range(10, 40)]
    assert all(abs(estimate - true) <= 100 for estimate, true in zip(estimates, true_ones, strict=True)), estimates
    assert left[-1] == 0.0


def test_a_callback_that_fails_loses_nothing(
    memory: Memory, incoming: Incoming, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and it is not called again."""
    calls = 0

    def on_progress(_: Progress) -> None:
        nonlocal calls
        calls += 1
        raise RuntimeError("broken bar")

    changes = plan([incoming(name) for name in "abc"], memory)
    with caplog.at_level(logging.WARNING, "rocketchat_integrations"):
        report = apply(changes, memory, on_progress=on_progress)
    assert report.done == changes.steps
    assert calls == 1
    assert "on_progress" in caplog.text
    assert "broken bar" in caplog.text


# Interrupts


def test_an_interrupt_lets_running_calls_end(memory: Memory, incoming: Incoming) -> None:
    """And leaves the rest: what was sent is known to have been answered."""
    running, may_end = threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "create b":
            running.set()
            may_end.wait(timeout=10)

    def interrupt(_: Progress) -> None:
        running.wait(timeout=10)
        may_end.set()
        raise KeyboardInterrupt

    memory.before = before
    changes = plan([incoming(name) for name in "abcdef"], memory)
    with pytest.raises(KeyboardInterrupt):
        apply(changes, memory, workers=2, on_progress=interrupt)
    there = {record.name for record in memory.records.values()}
    assert there == {"a", "b"}
    memory.before = lambda call: None
    assert len(apply(plan([incoming(name) for name in "abcdef"], memory), memory).done) == 4


def test_ctrl_c_goes_through(memory: Memory, incoming: Incoming) -> None:
    """The signal itself, while a call is running."""

    def before(call: str) -> None:
        if call == "create b":
            signal.raise_signal(signal.SIGINT)

    memory.before = before
    changes = plan([incoming(name) for name in "abc"], memory)
    with pytest.raises(KeyboardInterrupt):
        apply(changes, memory, workers=1)
    assert [record.name for record in memory.records.values()] == ["a", "b"]


def test_an_interrupt_does_not_wait_for_the_rate_limit(connect: Connect, incoming: Incoming) -> None:
    """A window may take a minute: what waits for its end is not sent any more."""

    def interrupt(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with LocalRocketChat(rate_limit=(2, 30.0)) as server:
        client = connect(server)
        changes = plan([incoming(name) for name in "abcdef"], client)
        with pytest.raises(KeyboardInterrupt):
            apply(changes, client, workers=3, on_progress=interrupt)
        assert len(server.documents) == 2
