"""Plan and apply with an asynchronous client: the calls are tasks."""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Callable

from ._apply import check_limits, definitions_to_create, jobs_of, nothing_written, raise_failures
from ._matching import Wanted
from ._plan import Plan
from ._planner import Prune, compare, wanted_entries
from ._provisioning_client import AsyncProvisioningClient
from ._target import Target, check_target
from ._work import Job, Progress, Report, Work


async def plan_async(wanted: Wanted, client: AsyncProvisioningClient, *, prune: Prune = False) -> Plan:
    """Compare what is wanted with a workspace, as :func:`~rocketchat_integrations.provisioning.plan` does.

    Args:
        wanted: a manifest, or definitions: any iterable, read once.
        client: an :class:`AsyncClient`. Integrations that its user may not see count as missing.
        prune: what to remove.

    Returns:
        The plan.

    Raises:
        RocketChatError: the same as those of :func:`~rocketchat_integrations.provisioning.plan`.
    """
    entries, scope = wanted_entries(wanted, prune)
    records = [record async for record in client.list()]
    target = Target(url=client.url, user_id=await client.user_id())
    return compare(entries, scope, records, prune=prune, target=target)


async def apply_async(
    plan: Plan,
    client: AsyncProvisioningClient,
    *,
    workers: int = 4,
    max_removals: int | None = None,
    any_workspace: bool = False,
    on_progress: Callable[[Progress], object] | None = None,
) -> Report:
    """Carry out a plan, as :func:`~rocketchat_integrations.provisioning.apply` does.

    If it is cancelled, its calls in progress are cancelled as well, and no more are sent. The server may still carry
    out calls that it has received: plan and apply again a moment later. Steps that took effect are recognized.

    Args:
        plan: the plan. Its secrets are read from their sources again.
        client: an :class:`AsyncClient` for the same workspace. It waits for the rate limit.
        workers: how many calls are made at a time, at most.
        max_removals: how many removals are allowed. None: 10 if the plan was made with ``prune``, otherwise 0.
        any_workspace: whether to apply a plan that was made for another workspace or by another user.
        on_progress: called after each step with a :class:`~rocketchat_integrations.provisioning.Progress`. If it
            raises, the error is logged, it is not called again, and the work goes on.

    Returns:
        The steps, all of them done.

    Raises:
        RocketChatError: the same as those of :func:`~rocketchat_integrations.provisioning.apply`.
    """
    check_limits(plan, workers, max_removals, on_progress)
    if not plan:
        return Report()
    with nothing_written():
        if not any_workspace:
            check_target(plan.target, client.url, await client.user_id())
        definitions = definitions_to_create(plan)
        records = [record async for record in client.list()]
        phases = jobs_of(plan, definitions, records, client)
    report = await _run(Work(phases, workers, on_progress))
    raise_failures(report)
    return report


async def _run(work: Work) -> Report:
    """Make the calls and return the outcome of each."""
    for jobs in work.phases:
        await _run_phase(work, deque(jobs))
    return work.report()


async def _run_phase(work: Work, waiting: deque[Job]) -> None:
    running: dict[asyncio.Task[Exception | None], Job] = {}
    try:
        while True:
            while (job := work.next_job(waiting, len(running))) is not None:
                running[asyncio.create_task(_outcome(job))] = job
            if not running:
                return
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                work.settle(waiting, running.pop(task), task.result())
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _outcome(job: Job) -> Exception | None:
    try:
        called = job.call()
        if inspect.isawaitable(called):
            await called
    except Exception as error:  # any error: the other steps go on, and the report must not be lost
        return error
    return None
