"""The results of applying a plan: progress, failures, the report."""

from __future__ import annotations

import attrs

from ._steps import Step, identity, label

# The first calls are faster than the rate limit allows in the long run.
_PACE_KNOWN_AFTER = 5.0
_FAILURES_SHOWN = 5


@attrs.frozen(kw_only=True)
class Progress:
    """The progress of :func:`apply`."""

    step: Step
    """The step that has just finished."""

    error: Exception | None
    """Why it failed; None if it succeeded."""

    done: int
    """How many steps have finished, failed ones included."""

    total: int
    """How many steps there are."""

    seconds_left: float | None
    """Estimate of the remaining time at the pace so far, waits for the rate limit included. None in the first five
    seconds."""


@attrs.frozen(kw_only=True)
class Failure:
    """A step that failed."""

    step: Step
    """The step. It may have taken effect, if the answer was lost: see ``error.may_have_acted``."""

    error: Exception
    """Why it failed."""


@attrs.frozen(kw_only=True)
class Report:
    """The outcome of each step of a plan. Each sequence is in the order of ``plan.steps``."""

    done: tuple[Step, ...] = ()
    """The steps that succeeded."""

    failed: tuple[Failure, ...] = ()
    """The steps that failed, each with its exception."""

    pending: tuple[Step, ...] = ()
    """The steps that were not tried."""


def seconds_left(elapsed: float, done: int, total: int) -> float | None:
    """Estimate the remaining time; None while it is too early to tell."""
    return elapsed / done * (total - done) if elapsed >= _PACE_KNOWN_AFTER else None


def failures_text(report: Report) -> str:
    """Describe the first failures of a report."""
    steps = len(report.done) + len(report.failed) + len(report.pending)
    lines = [
        f"{len(report.failed)} of {steps} steps failed, {len(report.pending)} were not tried; plan and apply again:"
    ]
    for failure in report.failed[:_FAILURES_SHOWN]:
        verb = type(failure.step).__name__.lower()
        error = f"{type(failure.error).__name__}: {failure.error}"
        lines.append(f"{verb} {label(*identity(failure.step))}: {error}")
    if len(report.failed) > _FAILURES_SHOWN:
        lines.append(f"and {len(report.failed) - _FAILURES_SHOWN} more")
    return "\n".join(lines)
