"""Run the calls of a plan in several threads, phase by phase, and record the outcomes."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

import attrs

from rocketchat_integrations import _cancellation
from rocketchat_integrations.exceptions import AuthenticationError, RateLimitError, TransportError

from ._preflight import PreparedCall
from ._report import Failure, Progress, Report, seconds_left

_log = logging.getLogger("rocketchat_integrations")


@attrs.define(eq=False)
class _Job:
    """A call and its outcome."""

    call: PreparedCall
    is_finished: bool = False
    error: Exception | None = None
    finished_at_refusal: int | None = None
    """How many jobs had finished when the rate limit last refused this one."""


class Workers:
    """Threads that make the calls. Use once.

    Args:
        phases: the calls; each phase starts when the one before is over.
        workers: how many calls are made at a time, at most.
        on_progress: called after each step by the thread that called :meth:`run`.
        now: the time in seconds, to estimate the remaining time.
    """

    def __init__(
        self,
        phases: list[list[PreparedCall]],
        workers: int,
        on_progress: Callable[[Progress], object] | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._phases = [[_Job(call) for call in calls] for calls in phases]
        self._jobs = [job for jobs in self._phases for job in jobs]
        self._workers = workers
        self._on_progress = on_progress
        self._now = now
        self._started = now()
        self._finished = 0
        self._is_hopeless = False
        self._cancelled = threading.Event()

    def run(self) -> Report:
        """Make the calls and return the outcome of each."""
        with ThreadPoolExecutor(self._workers, "rocketchat-apply") as pool:  # leaving it waits for the running calls
            try:
                for jobs in self._phases:
                    self._run_phase(deque(jobs), pool)
            except BaseException:
                self._cancelled.set()
                raise
        return self._report()

    def _run_phase(self, waiting: deque[_Job], pool: ThreadPoolExecutor) -> None:
        running: dict[Future[Exception | None], _Job] = {}
        while True:
            # Submit no more than the threads can start at once: what is queued could not be left pending.
            while waiting and len(running) < self._workers and not self._is_hopeless:
                job = waiting.popleft()
                running[pool.submit(self._outcome, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.result()
                if self._may_retry(job, error):
                    waiting.appendleft(job)
                else:
                    self._finish(job, error)

    def _outcome(self, job: _Job) -> Exception | None:
        try:
            with _cancellation.until(self._cancelled):
                job.call.act()
        except Exception as error:  # any error: the other steps go on, and the report must not be lost
            return error
        return None

    def _may_retry(self, job: _Job, error: Exception | None) -> bool:
        """Return whether a call that the rate limit refused may be made again.

        The client has already waited for the limit as long as its policy allows. Another try makes sense only if other
        jobs have finished since the last refusal.
        """
        if not isinstance(error, RateLimitError) or error.may_have_acted:
            return False
        finished_before, job.finished_at_refusal = job.finished_at_refusal, self._finished
        return finished_before != self._finished

    def _finish(self, job: _Job, error: Exception | None) -> None:
        job.is_finished, job.error = True, error
        self._finished += 1
        self._is_hopeless = self._is_hopeless or _stops_all(error)
        if self._on_progress is not None:
            self._report_progress(self._on_progress, job)

    def _report_progress(self, on_progress: Callable[[Progress], object], job: _Job) -> None:
        done, total = self._finished, len(self._jobs)
        left = seconds_left(self._now() - self._started, done, total)
        try:
            on_progress(Progress(step=job.call.step, error=job.error, done=done, total=total, seconds_left=left))
        except Exception:
            self._on_progress = None
            _log.warning("on_progress failed and is not called again", exc_info=True)

    def _report(self) -> Report:
        return Report(
            done=tuple(job.call.step for job in self._jobs if job.is_finished and job.error is None),
            failed=tuple(Failure(step=job.call.step, error=job.error) for job in self._jobs if job.error is not None),
            pending=tuple(job.call.step for job in self._jobs if not job.is_finished),
        )


def _stops_all(error: Exception | None) -> bool:
    """Return whether all further calls would fail: bad credentials, unreachable server, endless rate limit."""
    if isinstance(error, TransportError):
        return not error.may_have_acted
    return isinstance(error, (AuthenticationError, RateLimitError))
