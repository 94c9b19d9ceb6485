"""Rows of the table, and how their figures are taken."""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs

Action = Callable[[], object]


@attrs.frozen
class Row:
    """One line of the table."""

    name: str
    """What it is called on the command line."""

    what: str
    """What is measured."""

    against: str
    """What a ratio is taken against; else what the figure is."""

    bound: float
    """What is to be reached: the figure is at most this."""

    unit: str
    """Empty for a ratio or a number."""

    measure: Callable[[int], float]
    """Takes the figure, in so many rounds. What takes long makes fewer of them."""


def ratio(subject: Action, baseline: Action, rounds: int) -> float:
    """How much of the baseline's time the subject takes: the median over the rounds."""
    return statistics.median(ours / theirs for ours, theirs in _interleaved(subject, baseline, rounds))


def difference(subject: Action, baseline: Action, rounds: int) -> float:
    """How many seconds more than the baseline the subject takes: the median over the rounds."""
    return statistics.median(ours - theirs for ours, theirs in _interleaved(subject, baseline, rounds))


def times(number: int, action: Action) -> Action:
    """The action, done that often."""

    def repeated() -> None:
        for _ in range(number):
            action()

    return repeated


def fewer(rounds: int, divisor: int) -> int:
    """The rounds of what takes so many times as long as a call."""
    return max(1, rounds // divisor)


def seconds(action: Action, clock: Callable[[], float] = time.perf_counter) -> float:
    """How long it takes, by that clock."""
    began = clock()
    action()
    return clock() - began


def peak_megabytes() -> float:
    """The most memory that this process has had so far."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not what getrusage tells: that begins with what the parent had.
        peak = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    import resource  # which Windows has not

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """What the function returns, called in a process that has done nothing before."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()  # else there would be no end of it, if the process fails
    try:
        return ours.recv()
    finally:
        process.join()


def _report(pipe: Connection, function: Callable[..., Any], arguments: tuple[object, ...]) -> None:
    pipe.send(function(*arguments))


def _interleaved(subject: Action, baseline: Action, rounds: int) -> Iterator[tuple[float, float]]:
    subject()
    baseline()
    gc.collect()
    for number in range(rounds):
        # By turns, for whoever comes second finds other caches.
        if number % 2:
            theirs = seconds(baseline)
            yield seconds(subject), theirs
        else:
            yield seconds(subject), seconds(baseline)
