"""Run the calls of a plan in several threads, phase by phase."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from rocketchat_integrations import _cancellation

from ._work import Job, Report, Work


class Workers:
    """Threads that do the jobs of a plan, phase by phase. Use once."""

    def __init__(self, work: Work, workers: int) -> None:
        self._work = work
        self._workers = workers
        self._cancelled = threading.Event()

    def run(self) -> Report:
        """Make the calls and return the outcome of each."""
        with ThreadPoolExecutor(self._workers, "rocketchat-apply") as pool:  # leaving it waits for the running calls
            try:
                for jobs in self._work.phases:
                    self._run_phase(deque(jobs), pool)
            except BaseException:
                self._cancelled.set()
                raise
        return self._work.report()

    def _run_phase(self, waiting: deque[Job], pool: ThreadPoolExecutor) -> None:
        running: dict[Future[Exception | None], Job] = {}
        while True:
            while (job := self._work.next_job(waiting, len(running))) is not None:
                running[pool.submit(self._outcome, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                self._work.settle(waiting, running.pop(future), future.result())

    def _outcome(self, job: Job) -> Exception | None:
        try:
            with _cancellation.cancel_when(self._cancelled):
                job.call()
        except Exception as error:  # any error: the other steps go on, and the report must not be lost
            return error
        return None
