"""Rows of the table, and functions that measure."""

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
    """Its name on the command line."""

    what: str
    """What is measured."""

    against: str
    """The baseline of a ratio; otherwise the kind of figure."""

    bound: float
    """The maximum that the figure should have."""

    unit: str
    """Empty for a ratio or a number."""

    measure: Callable[[int], float]
    """Measure with a number of rounds. Slow rows make fewer."""


def ratio(subject: Action, baseline: Action, rounds: int) -> float:
    """Return the ratio of the times of subject and baseline: the median over the rounds."""
    return statistics.median(ours / theirs for ours, theirs in _interleaved(subject, baseline, rounds))


def difference(subject: Action, baseline: Action, rounds: int) -> float:
    """Return the difference of the times of subject and baseline in seconds: the median over the rounds."""
    return statistics.median(ours - theirs for ours, theirs in _interleaved(subject, baseline, rounds))


def times(number: int, action: Action) -> Action:
    """Return an action that repeats this one."""

    def repeated() -> None:
        for _ in range(number):
            action()

    return repeated


def fewer(rounds: int, divisor: int) -> int:
    """Return the number of rounds for an action that takes several times as long as a call."""
    return max(1, rounds // divisor)


def seconds(action: Action, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the time that an action takes, in seconds."""
    began = clock()
    action()
    return clock() - began


def peak_megabytes() -> float:
    """Return the peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Not getrusage: its peak starts with that of the parent process.
        peak = next(line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) / 1024
    import resource  # missing on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS


def in_fresh_process(function: Callable[..., Any], *arguments: object) -> Any:
    """Call a function in a new process and return its result."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, function, arguments), daemon=True)
    process.start()
    theirs.close()  # so that recv raises EOFError if the process fails
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
        # Alternate the order: the second action finds warm caches.
        if number % 2:
            theirs = seconds(baseline)
            yield seconds(subject), theirs
        else:
            yield seconds(subject), seconds(baseline)
