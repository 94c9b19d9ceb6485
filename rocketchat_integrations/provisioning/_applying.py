"""Applying: looks whether everything still is as the plan saw it, then writes, several calls at a time."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

import attrs

from rocketchat_integrations import _cancellation
from rocketchat_integrations._protocol.normalization import differences
from rocketchat_integrations.exceptions import (
    ApplyError,
    AuthenticationError,
    ConfigurationError,
    ProvisioningError,
    RateLimitError,
    StalePlan,
    TransportError,
    UnsafePlan,
)
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord

from ._plan import Plan
from ._steps import Create, Identity, Remove, Step, Update, called, fingerprint, identity
from ._workspace import Workspace

_log = logging.getLogger("rocketchat_integrations")

_REMOVALS_WHEN_PRUNING = 10
# The first calls tell no pace: those of the rate limit's first window are fast, and then all wait for its end.
_PACE_KNOWN_AFTER = 5.0


@attrs.frozen(kw_only=True)
class Progress:
    """How far :func:`apply` has come."""

    step: Step
    """The step that has just come to its end."""

    error: Exception | None
    """Why it failed; None if it was done."""

    done: int
    """How many steps have come to their end, failed ones included."""

    total: int
    """How many there are."""

    seconds_left: float | None
    """How long the rest will take at the pace so far, waits for the rate limit included. None as long as there is no
    telling: in the first seconds."""


@attrs.frozen(kw_only=True)
class Failure:
    """A step that failed."""

    step: Step
    """What was to be done. It may have been, if the answer was lost: ``error.may_have_acted`` tells."""

    error: Exception
    """Why it failed."""


@attrs.frozen(kw_only=True)
class Report:
    """What became of a plan. Each sequence is in the order of ``plan.steps``."""

    done: tuple[Step, ...] = ()
    """The steps that were done."""

    failed: tuple[Failure, ...] = ()
    """The steps that failed, each with its exception."""

    pending: tuple[Step, ...] = ()
    """The steps that were not tried."""


def apply(
    plan: Plan,
    client: Workspace,
    *,
    workers: int = 4,
    max_removals: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Do what a plan says, unless the workspace has changed since.

    Reads the list once more, and then writes: first renames, then what is to be created, then other updates, then
    removals. What fails is noted, and the rest goes on; only when nothing more can work (not logged in, the server out
    of reach, the rate limit beyond the client's patience) is the rest left pending. After any failure, also after a
    create whose answer was lost, plan and apply again: what is there is found, nothing is created twice.

    An interrupt (Ctrl-C) lets what has been sent be answered, sends nothing more, and goes on to the caller.

    Args:
        plan: what to do, from :func:`plan` or :meth:`Plan.from_dict`. Its secrets are looked up again.
        client: a :class:`~rocketchat_integrations.Client`, for the same workspace. It waits for the rate limit.
        workers: how many calls are made at a time, at most.
        max_removals: how many removals are allowed. None: 10 if the plan was made with ``prune``, else none.
        on_progress: called after each step, by the thread that called ``apply``, with a :class:`Progress`. If it
            raises, that is logged, it is not called again, and the work goes on.

    Returns:
        What was done, which is all of it.

    Raises:
        ConfigurationError: if an argument is wrong.
        UnsafePlan: if the plan removes more than is allowed. Nothing was written.
        StalePlan: if what the plan would touch is not as the plan saw it: it was changed or removed, or what is
            to be created is there by now (unless it is there exactly as wanted). Nothing was written.
        ProvisioningError: if a secret is not where the plan says. Nothing was written.
        ApplyError: if steps failed; it has the same sequences as a report.
        RocketChatError: if the list could not be read. Nothing was written.
    """
    _check_arguments(plan, workers, max_removals, on_progress)
    allowed = (_REMOVALS_WHEN_PRUNING if plan.prune else 0) if max_removals is None else max_removals
    if len(plan.removals) > allowed:
        raise UnsafePlan(f"the plan removes {len(plan.removals)} integrations, and max_removals allows {allowed}")
    if not plan:
        return Report()
    work = _Work(_prepared(plan, client), workers, on_progress)
    work.carry_out()
    report = work.report()
    if report.failed:
        raise ApplyError(_told(report), done=report.done, failed=report.failed, pending=report.pending)
    return report


def _check_arguments(plan: object, workers: object, max_removals: object, on_progress: object) -> None:
    if not isinstance(plan, Plan):
        raise ConfigurationError(f"plan: must be a Plan, not {type(plan).__name__}")
    if type(workers) is not int or workers < 1:
        raise ConfigurationError(f"workers: must be a whole number of at least 1, not {workers!r}")
    if max_removals is not None and (type(max_removals) is not int or max_removals < 0):
        raise ConfigurationError(f"max_removals: must be None or a whole number of at least 0, not {max_removals!r}")
    if on_progress is not None and not callable(on_progress):
        raise ConfigurationError("on_progress: must be a callable or None")


# Before the first write


@attrs.define(eq=False)
class _Job:
    """A step, the call that does it, and what became of it."""

    step: Step
    act: Callable[[], object]
    is_over: bool = False
    error: Exception | None = None
    over_when_refused: int | None = None
    """How many others were over when it was last refused for the rate limit."""


def _prepared(plan: Plan, client: Workspace) -> list[list[_Job]]:
    """The calls, in phases: each has to be over before the next begins.

    Raises:
        ProvisioningError: if a secret is not there, or the workspace is not as the plan saw it.
    """
    wanted = _wanted(plan)
    now = _Now.of(plan, client)
    reasons = list(_reasons_against(plan, wanted, now))
    if reasons:
        raise StalePlan("\n".join(["the workspace has changed since the plan was made: plan again", *reasons]))

    def create(step: Create) -> _Job:
        definition = wanted[identity(step)]
        is_there = bool(now.namesakes(step))
        return _Job(step, (lambda: None) if is_there else (lambda: client.create(definition)))

    def update(step: Update) -> _Job:
        target = _with_secrets(attrs.evolve(now.touched[step.id], **step.fields), step)
        return _Job(step, lambda: client.update(step.id, target))

    def remove(step: Remove) -> _Job:
        record = now.touched[step.id]
        return _Job(step, lambda: client.remove(record))

    return [
        [update(step) for step in plan.updates if step.renamed_from is not None],
        [create(step) for step in plan.creates],
        [update(step) for step in plan.updates if step.renamed_from is None],
        [remove(step) for step in plan.removals],
    ]


def _wanted(plan: Plan) -> dict[Identity, IntegrationDefinition]:
    """What is to be created, with its secrets.

    Raises:
        ProvisioningError: if a secret is not where the plan says; also one that an update needs.
    """
    wanted: dict[Identity, IntegrationDefinition] = {}
    problems: list[str] = []
    steps: list[Create | Update] = [*plan.creates, *plan.updates]
    for step in steps:
        try:
            if isinstance(step, Create):
                wanted[identity(step)] = _with_secrets(step.definition, step)
            else:
                for source in step.secrets.values():
                    source.resolve()
        except (ProvisioningError, ValueError) as error:
            problems.append(f"{called(*identity(step))}: {error}")
    if problems:
        raise ProvisioningError("\n".join(problems))
    return wanted


_D = TypeVar("_D", IntegrationDefinition, IntegrationRecord)


def _with_secrets(definition: _D, step: Create | Update) -> _D:
    texts: Mapping[str, Any] = {field: source.resolve() for field, source in step.secrets.items()}
    return attrs.evolve(definition, **texts)


@attrs.frozen
class _Now:
    """What the workspace has by now of what a plan touches."""

    touched: dict[str, IntegrationRecord]
    """By id: what is to be updated or removed."""

    named: dict[Identity, list[IntegrationRecord]]
    """By type and name: what else has a name that the plan gives to something, or would take from something."""

    @classmethod
    def of(cls, plan: Plan, client: Workspace) -> _Now:
        ids = {*(step.id for step in plan.updates), *(step.id for step in plan.removals)}
        touched: dict[str, IntegrationRecord] = {}
        named: dict[Identity, list[IntegrationRecord]] = {
            identity(step): [] for step in plan.steps if not isinstance(step, Remove)
        }
        named |= {(step.type, step.renamed_from): [] for step in plan.creates if step.renamed_from is not None}
        for record in client.list():
            if record.id in ids:
                touched[record.id] = record
            elif identity(record) in named:
                named[identity(record)].append(record)
        return cls(touched, named)

    def namesakes(self, step: Create | Update) -> list[IntegrationRecord]:
        return self.named[identity(step)]


def _reasons_against(plan: Plan, wanted: dict[Identity, IntegrationDefinition], now: _Now) -> Iterator[str]:
    for step in plan.steps:
        name = called(*identity(step))
        if isinstance(step, Create):
            namesakes = now.namesakes(step)
            # An earlier try may have made it; two, or another than is wanted, are somebody else's work.
            if len(namesakes) > 1 or any(differences(record, wanted[identity(step)]) for record in namesakes):
                yield f"{name} is there by now"
            if step.renamed_from is not None and now.named[step.type, step.renamed_from]:
                yield f"{called(step.type, step.renamed_from)} is there by now, to be renamed"
            continue
        record = now.touched.get(step.id)
        if record is None:
            yield f"{name} ({step.id}) is gone"
        elif fingerprint(record) != step.seen:
            yield f"{name} ({step.id}) was changed"
        elif isinstance(step, Update) and step.renamed_from is not None and now.namesakes(step):
            yield f"{name} is there by now, and {step.id} was to get this name"


# Writing


class _Work:
    """The calls being made, and what became of them."""

    def __init__(
        self, phases: list[list[_Job]], workers: int, on_progress: Callable[[Progress], object] | None
    ) -> None:
        self._phases = phases
        self._jobs = [job for jobs in phases for job in jobs]
        self._workers = workers
        self._on_progress = on_progress
        self._began = time.monotonic()
        self._over = 0
        self._is_hopeless = False
        self._called_off = threading.Event()

    def carry_out(self) -> None:
        """Make the calls, one phase after the other."""
        with ThreadPoolExecutor(self._workers, "rocketchat-apply") as pool:  # leaving it waits for the running calls
            try:
                for jobs in self._phases:
                    self._carry_out(deque(jobs), pool)
            except BaseException:
                self._called_off.set()
                raise

    def _carry_out(self, waiting: deque[_Job], pool: ThreadPoolExecutor) -> None:
        running: dict[Future[Exception | None], _Job] = {}
        while True:
            # No more than the workers take at once: what has not begun can be left.
            while waiting and len(running) < self._workers and not self._is_hopeless:
                job = waiting.popleft()
                running[pool.submit(self._outcome, job)] = job
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job, error = running.pop(future), future.result()
                if self._may_try_again(job, error):
                    waiting.appendleft(job)
                else:
                    self._note(job, error)

    def _outcome(self, job: _Job) -> Exception | None:
        try:
            with _cancellation.until(self._called_off):
                job.act()
        except Exception as error:  # whatever it is: the others are to go on, and the report is not to be lost
            return error
        return None

    def _may_try_again(self, job: _Job, error: Exception | None) -> bool:
        """Whether a call was only refused for the rate limit, and others get through.

        Such a call has waited as long as the client does, for a window that had no room for all who waited. If it is
        refused a second time, and no other call has come to its end meanwhile, it is no use to wait on.
        """
        if not isinstance(error, RateLimitError) or error.may_have_acted:
            return False
        over_then, job.over_when_refused = job.over_when_refused, self._over
        return over_then != self._over

    def _note(self, job: _Job, error: Exception | None) -> None:
        job.is_over, job.error = True, error
        self._over += 1
        self._is_hopeless = self._is_hopeless or _concerns_all(error)
        if self._on_progress is not None:
            self._tell(self._on_progress, job)

    def _tell(self, on_progress: Callable[[Progress], object], job: _Job) -> None:
        total = len(self._jobs)
        left = self._seconds_left()
        try:
            on_progress(Progress(step=job.step, error=job.error, done=self._over, total=total, seconds_left=left))
        except Exception:
            self._on_progress = None
            _log.warning("on_progress failed, and is not called again", exc_info=True)

    def _seconds_left(self) -> float | None:
        taken = time.monotonic() - self._began
        return taken / self._over * (len(self._jobs) - self._over) if taken >= _PACE_KNOWN_AFTER else None

    def report(self) -> Report:
        """What became of each step."""
        return Report(
            done=tuple(job.step for job in self._jobs if job.is_over and job.error is None),
            failed=tuple(Failure(step=job.step, error=job.error) for job in self._jobs if job.error is not None),
            pending=tuple(job.step for job in self._jobs if not job.is_over),
        )


def _concerns_all(error: Exception | None) -> bool:
    """Whether it is no use to go on: nobody is logged in, the server cannot be reached, the rate limit does not end."""
    if isinstance(error, TransportError):
        return not error.may_have_acted
    return isinstance(error, (AuthenticationError, RateLimitError))


_TOLD = 5


def _told(report: Report) -> str:
    steps = len(report.done) + len(report.failed) + len(report.pending)
    lines = [
        f"{len(report.failed)} of {steps} steps failed, {len(report.pending)} were not tried; plan and apply again:"
    ]
    for failure in report.failed[:_TOLD]:
        verb = type(failure.step).__name__.lower()
        error = f"{type(failure.error).__name__}: {failure.error}"
        lines.append(f"{verb} {called(*identity(failure.step))}: {error}")
    if len(report.failed) > _TOLD:
        lines.append(f"and {len(report.failed) - _TOLD} more")
    return "\n".join(lines)
