"""``apply``: change a workspace to match a manifest."""

from __future__ import annotations

import json
from typing import Any

import click

from rocketchat_integrations.cli.broken_scripts import refuse_broken_scripts
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.input_files import read_file
from rocketchat_integrations.cli.interruptions import interrupted_by_signals
from rocketchat_integrations.cli.lookup import label
from rocketchat_integrations.cli.plan_view import action, print_plan, step_json
from rocketchat_integrations.cli.shared_options import File, confirm, json_option, yes_option
from rocketchat_integrations.cli.terminal import one_line, print_error, print_json, printable, progress_bar
from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import ApplyError
from rocketchat_integrations.provisioning import Failure, Plan, Progress, Report, Target, apply
from rocketchat_integrations.provisioning._apply import definitions_to_create, jobs_of
from rocketchat_integrations.provisioning._target import check_target

from .plan import manifest_options, read_wanted


@click.command("apply")
@click.argument("manifests", metavar="[MANIFEST...]", nargs=-1, type=File())
@manifest_options
@click.option("--plan-file", metavar="FILE", type=File(), help="Apply this plan, which plan --out has written.")
@click.option("--workers", type=click.IntRange(1, 10), default=4, show_default=True, help="Calls made at a time.")
@click.option(
    "--max-removals",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many removals are allowed.",
)
@click.option(
    "--any-workspace", is_flag=True, help="Apply a plan that was made for another workspace or by another user."
)
@yes_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    /,
    manifests: tuple[str, ...],
    prune: str | None,
    plan_file: str | None,
    workers: int,
    max_removals: int,
    any_workspace: bool,
    yes: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Change a workspace to match a manifest.

    Shows the plan, asks for confirmation, and applies it. A plan from a file is applied only to the workspace that it
    was made for, as the same user. After an interruption or a failure, run it again: it
    continues, and creates nothing twice. On Ctrl-C, SIGTERM and SIGHUP, calls in progress are finished, and no more are
    sent.
    """
    if bool(manifests) == (plan_file is not None):
        raise click.UsageError("give either manifests or --plan-file")
    if plan_file is not None and (prune or options["partial"]):
        raise click.UsageError("--plan-file cannot be combined with --prune, --prune-all or --partial")
    # Check the files before a login is needed.
    source = _read_plan(plan_file, **options) if plan_file is not None else read_wanted(manifests, prune, **options)
    with interrupted_by_signals(), credentials.client() as client:
        target = Target(url=client.url, user_id=client.user_id())
        plan = source if isinstance(source, Plan) else source.plan(client)
        if not any_workspace:
            check_target(plan.target, target.url, target.user_id)
        if plan_file is not None:
            # Check before it is shown: the file may show other changes than it would make.
            jobs_of(plan, definitions_to_create(plan), client.list(), client)
        print_plan(plan, stderr=as_json)
        if len(plan.removals) > max_removals:
            raise CommandError(
                f"the plan removes {len(plan.removals)} integrations, but only {max_removals} removals are allowed; "
                "--max-removals N allows more. Nothing was changed"
            )
        if plan:
            confirm(f"Apply this plan to {printable(str(target))}?", yes=yes)
        report = _apply(plan, client, workers, max_removals, any_workspace=any_workspace, as_json=as_json)
    if as_json:
        print_json(_report_json(report))
    if plan:
        print_error(f"done: {len(report.done)} of {len(plan.steps)}")


def _read_plan(path: str, *, allow_broken_scripts: bool, partial: bool, **rules: Any) -> Plan:
    try:
        data = json.loads(read_file(path))
    except (ValueError, RecursionError):
        raise CommandError(f"{path} is not JSON: it was not written by plan --out") from None
    plan = Plan.from_dict(data, **rules)
    if not allow_broken_scripts:
        refuse_broken_scripts(plan)
    return plan


def _apply(
    plan: Plan, client: Client, workers: int, max_removals: int, *, any_workspace: bool, as_json: bool
) -> Report:
    done = 0

    def show_progress(progress: Progress) -> None:
        nonlocal done
        done = progress.done
        if progress.error is not None:
            print_error(_failure_line(Failure(step=progress.step, error=progress.error)))
        advance(progress)

    try:
        with progress_bar(len(plan.steps)) as advance:
            return apply(
                plan,
                client,
                workers=workers,
                max_removals=max_removals,
                any_workspace=any_workspace,
                on_progress=show_progress,
            )
    except ApplyError as error:
        if as_json:
            print_json(_report_json(error))
        summary = str(error).splitlines()[0].rstrip(":")
        failure = error
    except KeyboardInterrupt as interrupt:
        interrupt.args = (f"at least {done} of {len(plan.steps)} are done; apply again for the rest",)
        raise
    raise CommandError(summary) from failure


def _failure_line(failure: Failure) -> str:
    return f"failed: {action(failure.step)} {label(failure.step)}: {one_line(failure.reason)}"


def _report_json(report: Report | ApplyError) -> dict[str, Any]:
    return {
        "done": list(map(step_json, report.done)),
        "failed": [{**step_json(failure.step), "error": one_line(failure.reason)} for failure in report.failed],
        "pending": list(map(step_json, report.pending)),
    }
