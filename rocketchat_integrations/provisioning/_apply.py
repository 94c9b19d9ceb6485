"""Apply a plan: limit its removals, resolve secrets, check that the workspace has not changed, then write."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager

from rocketchat_integrations._protocol.normalization import differences
from rocketchat_integrations.exceptions import (
    ApplyError,
    ConfigurationError,
    ProvisioningError,
    RocketChatError,
    StalePlan,
    UnsafePlan,
)
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord

from ._consistency import misstatements, target_of, with_secrets
from ._matching import RecordsByName, by_name
from ._plan import Plan, phases_of
from ._provisioning_client import AsyncProvisioningClient, ProvisioningClient
from ._refused_steps import is_refused
from ._steps import Create, Identity, Remove, Step, Update, fingerprint, identity, label
from ._target import check_target
from ._work import Job, Progress, Report, Work
from ._workers import Workers

_REMOVALS_WHEN_PRUNING = 10
_FAILURES_SHOWN = 5


def apply(
    plan: Plan,
    client: ProvisioningClient,
    *,
    workers: int = 4,
    max_removals: int | None = None,
    any_workspace: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Carry out a plan, unless the workspace has changed since.

    Reads the list of integrations once more, then writes: renames, creates, other updates, removals. If a step fails,
    the others go on. Only if no further call can succeed (credentials refused, server unreachable, rate limit longer
    than the client's policy waits) do the remaining steps stay pending. After any failure, also after a lost answer,
    plan and apply again: steps that took effect are recognized, and nothing is created twice. If the server refuses
    something, such as a room that does not exist, correct it first: the error says what is wrong.

    On an interrupt (Ctrl-C), the calls in progress are finished, no more are sent, and the KeyboardInterrupt is raised.

    Args:
        plan: the plan, from :func:`plan` or :meth:`Plan.from_dict`. Its secrets are read from their sources again.
        client: a :class:`~rocketchat_integrations.Client` for the same workspace. It waits for the rate limit.
        workers: how many calls are made at a time, at most.
        max_removals: how many removals are allowed. None: 10 if the plan was made with ``prune``, otherwise 0.
        any_workspace: whether to apply a plan that was made for another workspace or by another user.
        on_progress: called after each step with a :class:`Progress`, by the thread that called ``apply``. If it
            raises, the error is logged, it is not called again, and the work goes on.

    Returns:
        The steps, all of them done.

    Raises:
        ConfigurationError: if an argument is invalid.
        UnsafePlan: if the plan removes more than is allowed, or was made for another workspace. Nothing was written.
        StalePlan: if an integration that the plan concerns was changed, removed or created since the plan was made
            (except one to create that exists exactly as wanted), or if the plan shows other changes than it would make.
            Nothing was written.
        ProvisioningError: if a secret is missing. Nothing was written.
        ApplyError: if steps failed; it has the same sequences as a report.
        RocketChatError: if the list could not be read. Nothing was written.
    """
    check_limits(plan, workers, max_removals, on_progress)
    if not plan:
        return Report()
    with nothing_written():
        if not any_workspace:
            check_target(plan.target, client.url, client.user_id())
        definitions = definitions_to_create(plan)
        phases = jobs_of(plan, definitions, client.list(), client)
    report = Workers(Work(phases, workers, on_progress), workers).run()
    raise_failures(report)
    return report


def check_limits(plan: Plan, workers: object, max_removals: int | None, on_progress: object) -> None:
    """Raise ConfigurationError for a wrong argument, UnsafePlan for too many removals."""
    _check_arguments(plan, workers, max_removals, on_progress)
    allowed = (_REMOVALS_WHEN_PRUNING if plan.prune else 0) if max_removals is None else max_removals
    if len(plan.removals) > allowed:
        raise UnsafePlan(f"the plan removes {len(plan.removals)} integrations, and max_removals allows {allowed}")


@contextmanager
def nothing_written() -> Generator[None, None, None]:
    """Say in the errors of calls that nothing was done: a lost answer to a read changes nothing."""
    try:
        yield
    except RocketChatError as error:
        error.may_have_acted = False
        raise


def raise_failures(report: Report) -> None:
    """Raise ApplyError if steps failed."""
    if report.failed:
        error = ApplyError(_failures_text(report), done=report.done, failed=report.failed, pending=report.pending)
        # An exception that is not ours may come after the server has acted.
        may_have_failed_late = any(getattr(failure.error, "may_have_acted", True) for failure in report.failed)
        error.may_have_acted = bool(report.done) or may_have_failed_late
        raise error


def _check_arguments(plan: object, workers: object, max_removals: object, on_progress: object) -> None:
    if not isinstance(plan, Plan):
        raise ConfigurationError(f"plan: must be a Plan, not {type(plan).__name__}")
    if type(workers) is not int or workers < 1:
        raise ConfigurationError(f"workers: must be a whole number of at least 1, not {workers!r}")
    if max_removals is not None and (type(max_removals) is not int or max_removals < 0):
        raise ConfigurationError(f"max_removals: must be None or a whole number of at least 0, not {max_removals!r}")
    if on_progress is not None and not callable(on_progress):
        raise ConfigurationError("on_progress: must be a callable or None")


def _failures_text(report: Report) -> str:
    """Describe the first failures of a report."""
    steps = len(report.done) + len(report.failed) + len(report.pending)
    needs_correction = any(is_refused(failure.error) for failure in report.failed)
    advice = (
        "correct what the server refuses, then plan and apply again" if needs_correction else "plan and apply again"
    )
    lines = [f"{len(report.failed)} of {steps} steps failed, {len(report.pending)} were not tried; {advice}:"]
    for failure in report.failed[:_FAILURES_SHOWN]:
        verb = type(failure.step).__name__.lower()
        lines.append(f"{verb} {label(failure.step)}: {type(failure.error).__name__}: {failure.reason}")
    if len(report.failed) > _FAILURES_SHOWN:
        lines.append(f"and {len(report.failed) - _FAILURES_SHOWN} more")
    return "\n".join(lines)


def jobs_of(
    plan: Plan,
    wanted: Mapping[Identity, IntegrationDefinition],
    listed: Iterable[IntegrationRecord],
    client: ProvisioningClient | AsyncProvisioningClient,
) -> list[list[Job]]:
    """Return the calls in phases. Raise StalePlan if what is listed is not what was planned for."""
    records = {record.id: record for record in listed}
    others = by_name(records.values(), {step.id for step in (*plan.updates, *plan.removals)})
    reasons = list(_changes_since(plan, wanted, records, others)) or list(misstatements(plan.steps, records))
    if reasons:
        raise StalePlan("\n".join(["the plan is out of date, make a new one:", *reasons]))

    def call(step: Step) -> Callable[[], object]:
        if isinstance(step, Create):
            definition = wanted[identity(step)]
            return (lambda: None) if identity(step) in others else (lambda: client.create(definition))
        record = records[step.id]
        if isinstance(step, Remove):
            return lambda: client.remove(record)
        target = target_of(step, record)
        return lambda: client.update(record.id, target)

    return [[Job(step, call(step)) for step in phase] for phase in phases_of(plan)]


def definitions_to_create(plan: Plan) -> dict[Identity, IntegrationDefinition]:
    """Return the definitions with their secrets. Raise ProvisioningError if a secret is missing, of updates as well."""
    wanted: dict[Identity, IntegrationDefinition] = {}
    problems: list[str] = []
    steps: list[Create | Update] = [*plan.creates, *plan.updates]
    for step in steps:
        try:
            if isinstance(step, Create):
                wanted[identity(step)] = with_secrets(step.definition, step)
            else:
                for source in step.secrets.values():
                    source.resolve()
        except (ProvisioningError, ValueError) as error:
            problems.append(f"{label(step)}: {error}")
    if problems:
        raise ProvisioningError("\n".join(problems))
    return wanted


def _changes_since(
    plan: Plan,
    wanted: Mapping[Identity, IntegrationDefinition],
    records: Mapping[str, IntegrationRecord],
    others: RecordsByName,
) -> Iterator[str]:
    """Describe what has changed since the plan was made."""
    for step in plan.steps:
        name = label(step)
        if isinstance(step, Create):
            # One that is exactly as wanted comes from an earlier try with this plan.
            existing = others.get(identity(step), [])
            if len(existing) > 1 or any(differences(record, wanted[identity(step)]) for record in existing):
                yield f"{name} exists now"
            if step.renamed_from is not None and (step.type, step.renamed_from) in others:
                yield f"{label(step, step.renamed_from)}, the old name of {name}, exists now"
            continue
        record = records.get(step.id)
        if record is None:
            yield f"{name} ({step.id}) was removed"
        elif fingerprint(record) != step.seen:
            yield f"{name} ({step.id}) was changed"
        elif isinstance(step, Update) and step.renamed_from is not None and identity(step) in others:
            yield f"{name} exists now: {step.id} cannot be renamed to it"
