"""Keep account of the calls of a plan: progress, what may be tried again, and the report."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable

import attrs

from rocketchat_integrations.exceptions import AuthenticationError, RateLimitError, TransportError

from ._refused_steps import explanation
from ._steps import Step

_log = logging.getLogger("rocketchat_integrations")

# The first calls are faster than the rate limit allows in the long run.
_PACE_KNOWN_AFTER = 5.0


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

    @property
    def reason(self) -> str:
        """Why it failed, as text. If the server refuses a room or a user: which one, and what to do."""
        return explanation(self.step, self.error)


@attrs.frozen(kw_only=True)
class Report:
    """The outcome of each step of a plan. Each sequence is in the order of ``plan.steps``."""

    done: tuple[Step, ...] = ()
    """The steps that succeeded."""

    failed: tuple[Failure, ...] = ()
    """The steps that failed, each with its exception."""

    pending: tuple[Step, ...] = ()
    """The steps that were not tried."""


@attrs.define(eq=False)
class Job:
    """A step, the call that carries it out, and the outcome."""

    step: Step
    call: Callable[[], object]
    is_finished: bool = False
    error: Exception | None = None
    finished_at_refusal: int | None = None
    """How many jobs had finished when the rate limit last refused this one."""


class Work:
    """The jobs of a plan: which have finished, which may be tried again, and the report."""

    def __init__(
        self,
        phases: list[list[Job]],
        workers: int,
        on_progress: Callable[[Progress], object] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.phases = phases
        self._jobs = [job for jobs in phases for job in jobs]
        self._workers = workers
        self._on_progress = on_progress
        self._now = now
        self._started = now()
        self._finished = 0
        self._is_hopeless = False

    def next_job(self, waiting: deque[Job], running: int) -> Job | None:
        """Take the next job to begin, if a worker is free and calls can still succeed."""
        # One job per free worker: a queued job could not stay pending.
        return waiting.popleft() if waiting and running < self._workers and not self._is_hopeless else None

    def settle(self, waiting: deque[Job], job: Job, error: Exception | None) -> None:
        """Note the outcome of a job, or put it back."""
        if self._may_retry(job, error):
            waiting.appendleft(job)
        else:
            self._finish(job, error)

    def report(self) -> Report:
        """Return the outcome of each step."""
        return Report(
            done=tuple(job.step for job in self._jobs if job.is_finished and job.error is None),
            failed=tuple(Failure(step=job.step, error=job.error) for job in self._jobs if job.error is not None),
            pending=tuple(job.step for job in self._jobs if not job.is_finished),
        )

    def _may_retry(self, job: Job, error: Exception | None) -> bool:
        """Return whether a call that the rate limit refused may be made again.

        The client has already waited for the limit as long as its policy allows. Another try makes sense only if other
        jobs have finished since the last refusal.
        """
        if not isinstance(error, RateLimitError) or error.may_have_acted:
            return False
        finished_before, job.finished_at_refusal = job.finished_at_refusal, self._finished
        return finished_before != self._finished

    def _finish(self, job: Job, error: Exception | None) -> None:
        job.is_finished, job.error = True, error
        self._finished += 1
        self._is_hopeless = self._is_hopeless or _stops_all(error)
        if self._on_progress is not None:
            self._report_progress(self._on_progress, job)

    def _report_progress(self, on_progress: Callable[[Progress], object], job: Job) -> None:
        done, total = self._finished, len(self._jobs)
        elapsed = self._now() - self._started
        left = elapsed / done * (total - done) if elapsed >= _PACE_KNOWN_AFTER else None
        try:
            on_progress(Progress(step=job.step, error=job.error, done=done, total=total, seconds_left=left))
        except Exception:
            self._on_progress = None
            _log.warning("on_progress failed and is not called again", exc_info=True)


def _stops_all(error: Exception | None) -> bool:
    """Return whether all further calls would fail: bad credentials, unreachable server, endless rate limit."""
    if isinstance(error, TransportError):
        return not error.may_have_acted
    return isinstance(error, (AuthenticationError, RateLimitError))
