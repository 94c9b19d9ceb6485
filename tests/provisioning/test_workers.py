"""Applying with several workers: concurrency, rate limits, progress, interrupts."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import ApplyError, RateLimitError, RetryPolicy
from rocketchat_integrations.provisioning import Progress, apply, plan
from rocketchat_integrations.provisioning._apply import definitions_to_create, jobs_of
from rocketchat_integrations.provisioning._work import Work
from rocketchat_integrations.provisioning._workers import Workers
from rocketchat_integrations.testing import LocalRocketChat
from tests.provisioning.samples import Memory, entry, incoming, manifest

if TYPE_CHECKING:
    from tests.provisioning.conftest import Connect

TIMEOUT = 10.0


def refusal(*, may_have_acted: bool = False) -> RateLimitError:
    error = RateLimitError("slow down", retry_after=60.0, limit=10, status=429, endpoint="integrations.create")
    error.may_have_acted = may_have_acted
    return error


# Concurrency


def test_as_many_calls_run_at_a_time_as_there_are_workers(memory: Memory) -> None:
    """Each call waits for three others, and never for a fourth."""
    meeting = threading.Barrier(4)
    running, most = 0, 0
    lock = threading.Lock()

    def before(_: str) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        meeting.wait(TIMEOUT)
        with lock:
            running -= 1

    memory.before = before
    apply(plan([incoming(f"n{number}") for number in range(12)], memory), memory)
    assert most == 4


def test_the_report_is_in_the_order_of_the_plan(memory: Memory) -> None:
    """The report has the plan's order, even if a later step finishes first."""
    c_is_done = threading.Event()
    memory.before = lambda call: c_is_done.set() if call == "create c" else c_is_done.wait(TIMEOUT)
    changes = plan([incoming(name) for name in "abc"], memory)
    assert apply(changes, memory).done == changes.steps
    assert next(iter(memory.records.values())).name == "c"


def test_creates_start_after_the_last_rename(memory: Memory) -> None:
    """An idle worker waits: the name may not be free yet."""
    for number in range(3):
        memory.add(incoming(f"old{number}"))
    renames = [entry(incoming(f"new{number}"), renamed_from=f"old{number}") for number in range(3)]
    changes = plan(manifest(*renames, entry(incoming("comes"))), memory)
    others_are_done = threading.Event()
    created_early: list[str] = []

    def before(call: str) -> None:
        if call == "update old0":
            others_are_done.wait(TIMEOUT)
            created_early.extend(call for call in memory.calls if call.startswith("create"))

    memory.before = before
    apply(changes, memory, on_progress=lambda progress: others_are_done.set() if progress.done == 2 else None)
    assert created_early == []


# Rate limits


def test_more_steps_than_the_rate_limit_allows_are_carried_out(connect: Connect) -> None:
    """The client waits, hardly a call is refused, and nothing fails."""
    with LocalRocketChat(rate_limit=(10, 0.3)) as server:
        client = connect(server)
        report = apply(plan([incoming(f"n{number}") for number in range(15)], client), client)
        creates = [request for request in server.requests if request.endpoint == "integrations.create"]
    assert len(report.done) == 15
    assert len(creates) < 25


def test_a_refused_call_is_retried_while_others_succeed(memory: Memory) -> None:
    tries = 0
    second_try, other_is_done = threading.Event(), threading.Event()

    def before(call: str) -> None:
        nonlocal tries
        if call == "create other":
            second_try.wait(TIMEOUT)
        elif (tries := tries + 1) < 3:
            if tries == 2:
                second_try.set()
                other_is_done.wait(TIMEOUT)
            raise refusal()

    memory.before = before
    changes = plan([incoming("ci"), incoming("other")], memory)
    report = apply(changes, memory, workers=2, on_progress=lambda progress: other_is_done.set())
    assert report.done == changes.steps
    assert tries == 3


@pytest.mark.parametrize(("may_have_acted", "tries"), [(False, 2), (True, 1)])
def test_an_endless_rate_limit_leaves_steps_pending(memory: Memory, may_have_acted: bool, tries: int) -> None:
    """Each worker tries at most twice; only once after a lost answer, since the step may have taken effect."""

    def before(_: str) -> None:
        raise refusal(may_have_acted=may_have_acted)

    memory.before = before
    changes = plan([incoming(f"n{number}") for number in range(20)], memory)
    memory.calls.clear()
    with pytest.raises(ApplyError) as caught:
        apply(changes, memory, workers=3)
    error = caught.value
    assert len(memory.calls) - 1 <= tries * 3
    assert error.done == ()
    assert 1 <= len(error.failed) <= 3
    assert len(error.failed) + len(error.pending) == 20


def test_a_client_that_never_waits_leaves_steps_pending(connect: Connect) -> None:
    with LocalRocketChat(rate_limit=(5, 60.0)) as server:
        client = connect(server, retry=RetryPolicy.never())
        changes = plan([incoming(f"n{number}") for number in range(100)], client)
        with pytest.raises(ApplyError) as caught:
            apply(changes, client)
        creates = [request for request in server.requests if request.endpoint == "integrations.create"]
    assert len(caught.value.done) == 5
    assert len(creates) < 40


# Progress


def test_progress_is_reported_after_each_step(memory: Memory) -> None:
    """By the thread that called apply, so that the callback needs no lock."""
    reports: list[Progress] = []
    threads: set[threading.Thread] = set()
    changes = plan([incoming(name) for name in "abc"], memory)
    broken = RuntimeError("b")

    def before(call: str) -> None:
        if call == "create b":
            raise broken

    def on_progress(progress: Progress) -> None:
        reports.append(progress)
        threads.add(threading.current_thread())

    memory.before = before
    with pytest.raises(ApplyError):
        apply(changes, memory, workers=1, on_progress=on_progress)
    a, b, c = changes.steps
    assert [(it.step, it.error, it.done, it.total, it.seconds_left) for it in reports] == [
        (a, None, 1, 3, None),
        (b, broken, 2, 3, None),
        (c, None, 3, 3, None),
    ]
    assert threads == {threading.current_thread()}


def test_the_remaining_time_is_estimated_from_the_pace_so_far(memory: Memory) -> None:
    """The pace includes waits for the rate limit: ten calls a minute, although each is fast."""
    now = 1000.0
    left: list[float | None] = []

    def before(_: str) -> None:
        nonlocal now
        now += 60.0 if len(left) % 10 == 0 and left else 0.01

    def on_progress(progress: Progress) -> None:
        left.append(progress.seconds_left)

    memory.before = before
    changes = plan([incoming(f"n{number:02}") for number in range(40)], memory)
    phases = jobs_of(changes, definitions_to_create(changes), memory.list(), memory)
    Workers(Work(phases, 1, on_progress, now=lambda: now), 1).run()
    assert left[:10] == [None] * 10
    estimates = [(seconds or 0.0) for seconds in left[10:]]
    actual = [60.0 * (3 - number // 10) for number in range(10, 40)]
    assert all(abs(estimate - true) <= 100 for estimate, true in zip(estimates, actual, strict=True)), estimates
    assert left[-1] == 0.0


def test_a_failing_callback_is_logged_and_not_called_again(memory: Memory, caplog: pytest.LogCaptureFixture) -> None:
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


def test_an_interrupt_lets_calls_under_way_finish(memory: Memory) -> None:
    """No more calls are made; a second apply carries out the rest."""
    is_running, may_finish = threading.Event(), threading.Event()

    def before(call: str) -> None:
        if call == "create b":
            is_running.set()
            may_finish.wait(TIMEOUT)

    def interrupt(_: Progress) -> None:
        is_running.wait(TIMEOUT)
        may_finish.set()
        raise KeyboardInterrupt

    memory.before = before
    wanted = [incoming(name) for name in "abcdef"]
    changes = plan(wanted, memory)
    with pytest.raises(KeyboardInterrupt):
        apply(changes, memory, workers=2, on_progress=interrupt)
    assert {record.name for record in memory.records.values()} == {"a", "b"}
    memory.before = lambda call: None
    assert len(apply(plan(wanted, memory), memory).done) == 4


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """Make SIGINT raise KeyboardInterrupt, also where the tests were started with SIGINT ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_raises")
def test_ctrl_c_stops_apply(memory: Memory) -> None:
    def before(call: str) -> None:
        if call == "create b":
            signal.raise_signal(signal.SIGINT)

    memory.before = before
    changes = plan([incoming(name) for name in "abc"], memory)
    with pytest.raises(KeyboardInterrupt):
        apply(changes, memory, workers=1)
    assert [record.name for record in memory.records.values()] == ["a", "b"]


def test_an_interrupt_ends_waits_for_the_rate_limit(connect: Connect) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.done == 2:
            raise KeyboardInterrupt

    with LocalRocketChat(rate_limit=(2, 30.0)) as server:
        client = connect(server)
        changes = plan([incoming(name) for name in "abcdef"], client)
        with pytest.raises(KeyboardInterrupt):
            apply(changes, client, workers=3, on_progress=interrupt)
        assert len(server.documents) == 2
