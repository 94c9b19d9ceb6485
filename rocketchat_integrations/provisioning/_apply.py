"""Apply a plan: check it against the workspace, then write."""

from __future__ import annotations

from collections.abc import Callable

from rocketchat_integrations.exceptions import ApplyError, ConfigurationError

from ._client_protocol import ProvisioningClient
from ._plan import Plan
from ._preflight import prepare
from ._removal_limit import check_removals
from ._report import Progress, Report, failures_text
from ._workers import Workers


def apply(
    plan: Plan,
    client: ProvisioningClient,
    *,
    workers: int = 4,
    max_removals: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Carry out a plan, unless the workspace has changed since.

    Reads the list of integrations once more, then writes: renames, creates, other updates, removals. If a step fails,
    the others go on. Only if no further call can succeed (credentials refused, server unreachable, rate limit longer
    than the client's policy waits) do the remaining steps stay pending. After any failure, also after a lost answer,
    plan and apply again: steps that took effect are recognized, and nothing is created twice.

    On an interrupt (Ctrl-C), calls under way are finished, no more are sent, and the KeyboardInterrupt is raised.

    Args:
        plan: the plan, from :func:`plan` or :meth:`Plan.from_dict`. Its secrets are read from their sources again.
        client: a :class:`~rocketchat_integrations.Client` for the same workspace. It waits for the rate limit.
        workers: how many calls are made at a time, at most.
        max_removals: how many removals are allowed. None: 10 if the plan was made with ``prune``, otherwise 0.
        on_progress: called after each step with a :class:`Progress`, by the thread that called ``apply``. If it
            raises, the error is logged, it is not called again, and the work goes on.

    Returns:
        The steps, all of them done.

    Raises:
        ConfigurationError: if an argument is invalid.
        UnsafePlan: if the plan removes more than is allowed. Nothing was written.
        StalePlan: if an integration that the plan concerns was changed, removed or created since the plan was made
            (except one to create that exists exactly as wanted). Nothing was written.
        ProvisioningError: if a secret is missing. Nothing was written.
        ApplyError: if steps failed; it has the same sequences as a report.
        RocketChatError: if the list could not be read. Nothing was written.
    """
    _check_arguments(plan, workers, max_removals, on_progress)
    check_removals(plan, max_removals)
    if not plan:
        return Report()
    report = Workers(prepare(plan, client), workers, on_progress).run()
    if report.failed:
        raise ApplyError(failures_text(report), done=report.done, failed=report.failed, pending=report.pending)
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
