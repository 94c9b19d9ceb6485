"""Integrations as code: ``plan`` and ``apply``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs
import click

from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import ApplyError
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Create, Plan, Progress, Report, Step, Unchanged, Update, apply, plan

from ._credentials import Credentials
from ._data import plain
from ._files import check_writable, write_private
from ._finding import called
from ._messages import print_error, told
from ._options import File, json_option, yes_option
from ._outcome import Failure
from ._output import print_json, print_lines
from ._progress import Counting, progress_bar
from ._questions import confirm

_Prune: TypeAlias = bool | Literal["all"]
_Command: TypeAlias = Callable[..., Any]


def _manifest_options(command: _Command) -> _Command:
    command = click.option(
        "--allow-outside", is_flag=True, help="Let script_file and secrets lie outside of the manifest's folder."
    )(command)
    command = click.option(
        "--prune-all", "prune", flag_value="all", help="Remove everything that is not in the manifest."
    )(command)
    return click.option(
        "--prune",
        "prune",
        flag_value="scope",
        help="Remove what is not in the manifest, has a name in its scope and was created by you.",
    )(command)


@attrs.frozen
class _Wanted:
    """What the command line says of manifests."""

    paths: tuple[str, ...]
    prune: str | None
    allow_outside: bool

    def plan(self, client: Client) -> Plan:
        """The plan for them."""
        manifest = Manifest.load(*self.paths, allow_outside=self.allow_outside)
        prune: _Prune = "all" if self.prune == "all" else self.prune is not None
        return plan(manifest, Counting(client), prune=prune)


@click.command("plan")
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True, type=File())
@_manifest_options
@click.option("--out", metavar="FILE", type=File(), help="Also write the plan to a file, for: apply --plan-file FILE.")
@json_option
@click.pass_obj
def plan_command(
    credentials: Credentials,
    manifests: tuple[str, ...],
    prune: str | None,
    allow_outside: bool,
    out: str | None,
    as_json: bool,
) -> int:
    """Show what would bring a workspace in line with a manifest. Changes nothing.

    Exit status 0: it is in line; 2: there is something to do.

    The file that --out writes holds no secrets, but whole scripts, and only you can read it.
    """
    if out is not None:
        check_writable(Path(out), sources=manifests)
    with credentials.client() as client:
        todo = _Wanted(manifests, prune, allow_outside).plan(client)
    if out is not None:
        write_private(Path(out), json.dumps(todo.to_dict(), indent=2).encode())
        print_error(f"written: {out}")
    if as_json:
        print_json(_plan_data(todo))
    else:
        _show(todo)
    return 2 if todo else 0


_STYLES = {"+": "green", "~": "yellow", "-": "red"}


def _show(todo: Plan) -> None:
    print_lines((line, _STYLES.get(line[:1], "")) for line in str(todo).splitlines())


@click.command("apply")
@click.argument("manifests", metavar="[MANIFEST...]", nargs=-1, type=File())
@_manifest_options
@click.option("--plan-file", metavar="FILE", type=File(), help="Apply this plan, which plan --out has written.")
@click.option("--workers", type=click.IntRange(1, 10), default=4, show_default=True, help="Calls made at a time.")
@click.option(
    "--max-removals",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="How many removals are allowed.",
)
@yes_option
@json_option
@click.pass_obj
def apply_command(
    credentials: Credentials,
    manifests: tuple[str, ...],
    prune: str | None,
    allow_outside: bool,
    plan_file: str | None,
    workers: int,
    max_removals: int,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring a workspace in line with a manifest.

    Shows the plan, asks, and does it. It can be interrupted and repeated at any time: it goes on where it stopped, and
    creates nothing twice.
    """
    if bool(manifests) == (plan_file is not None):
        raise click.UsageError("give either manifests or --plan-file")
    if plan_file is not None and (prune or allow_outside):
        raise click.UsageError("a plan file has everything in it: --prune and --allow-outside go with manifests")
    with credentials.client() as client:
        todo = _read(plan_file) if plan_file else _Wanted(manifests, prune, allow_outside).plan(client)
        if as_json:
            print_error(str(todo))
        else:
            _show(todo)
        if len(todo.removals) > max_removals:
            raise Failure(
                f"the plan removes {len(todo.removals)} integrations, and {max_removals} may be removed; "
                "--max-removals N allows more. Nothing was changed"
            )
        if todo:
            confirm("Apply this plan?", yes=yes)
        report = _applied(todo, client, workers, max_removals, as_json=as_json)
    if as_json:
        print_json(_report_data(report))
    if todo:
        print_error(f"done: {len(report.done)} of {len(todo.steps)}")


def _read(path: str) -> Plan:
    try:
        data = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError):
        raise Failure(f"{path} is not JSON: it was not written by plan --out") from None
    return Plan.from_dict(data)


def _applied(todo: Plan, client: Client, workers: int, max_removals: int, *, as_json: bool) -> Report:
    ended = 0

    def count(progress: Progress) -> None:
        nonlocal ended
        ended = progress.done
        if progress.error is not None:
            print_error(f"failed: {_action(progress.step)} {called(progress.step)}: {told(progress.error)}")
        advance(progress)

    try:
        with progress_bar(len(todo.steps)) as advance:
            return apply(todo, client, workers=workers, max_removals=max_removals, on_progress=count)
    except ApplyError as error:
        if as_json:
            print_json(_report_data(error))
        summary = str(error).splitlines()[0].rstrip(":")
        failure = error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"at least {ended} of {len(todo.steps)} are done; apply again for the rest") from None
    raise Failure(summary) from failure


# JSON


def _plan_data(todo: Plan) -> dict[str, Any]:
    return {
        "creates": [_step_data(step) for step in todo.creates],
        "updates": [_step_data(step) for step in todo.updates],
        "removals": [_step_data(step) for step in todo.removals],
        "unchanged": [_step_data(step) for step in todo.unchanged],
        "prune": todo.prune,
    }


def _report_data(report: Report | ApplyError) -> dict[str, Any]:
    return {
        "done": [_step_data(step) for step in report.done],
        "failed": [{**_step_data(failure.step), "error": told(failure.error)} for failure in report.failed],
        "pending": [_step_data(step) for step in report.pending],
    }


def _step_data(step: Step | Unchanged) -> dict[str, Any]:
    """A step as JSON has it; the value of no secret is in one."""
    data: dict[str, Any] = {"action": _action(step), "type": str(step.type), "name": step.name}
    if isinstance(step, Create):
        fields = {field.name: getattr(step.definition, field.name) for field in attrs.fields(type(step.definition))}
        return {**data, "definition": plain(fields)}
    data["id"] = step.id
    if isinstance(step, Update):
        data["renamed_from"] = step.renamed_from
        data["changes"] = [{"field": it.field, "old": plain(it.old), "new": plain(it.new)} for it in step.changes]
    return data


def _action(step: Step | Unchanged) -> str:
    return {"Create": "create", "Update": "update", "Remove": "remove"}.get(type(step).__name__, "keep")
