"""``plan``: show how a workspace differs from a manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import click

from rocketchat_integrations.cli.broken_scripts import refuse_broken_scripts
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.masking import json_value
from rocketchat_integrations.cli.private_files import check_writable, write_private
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import CountingClient, MarkedLine, print_error, print_json, print_lines
from rocketchat_integrations.client import Client
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Create, Plan, Step, Unchanged, Update, plan


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of :func:`make_plan`."""
    command = click.option(
        "--allow-outside", is_flag=True, help="Allow script_file and secrets outside the manifest's folder."
    )(command)
    command = click.option(
        "--allow-broken-scripts", is_flag=True, help="Allow scripts that do not compile, which the server does not run."
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


def make_plan(
    client: Client, manifests: tuple[str, ...], prune: str | None, *, allow_outside: bool, allow_broken_scripts: bool
) -> Plan:
    """Read the manifests and the workspace, and return the plan."""
    manifest = Manifest.load(*manifests, allow_outside=allow_outside)
    if not allow_broken_scripts:
        refuse_broken_scripts(manifest)
    return plan(manifest, CountingClient(client), prune="all" if prune == "all" else prune is not None)


@click.command("plan")
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True, type=File())
@manifest_options
@click.option("--out", metavar="FILE", type=File(), help="Also write the plan to a file, for: apply --plan-file FILE.")
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    manifests: tuple[str, ...],
    prune: str | None,
    allow_outside: bool,
    allow_broken_scripts: bool,
    out: str | None,
    as_json: bool,
) -> int:
    """Show how a workspace differs from a manifest. Changes nothing.

    With the extra "scripts" installed, scripts that do not compile are refused.

    Exit status 0: it does not differ; 2: there is something to change.

    The file that --out writes contains no secrets but whole scripts, and only you can read it.
    """
    if out is not None:
        check_writable(Path(out), sources=manifests)
    with credentials.client() as client:
        changes = make_plan(
            client, manifests, prune, allow_outside=allow_outside, allow_broken_scripts=allow_broken_scripts
        )
    if out is not None:
        write_private(Path(out), json.dumps(changes.to_dict(), indent=2).encode())
        print_error(f"written: {out}")
    if as_json:
        print_json(_plan_json(changes))
    else:
        print_plan(changes)
    return 2 if changes else 0


_STYLES = {"+": "green", "~": "yellow", "-": "red"}


def print_plan(changes: Plan) -> None:
    """Print a plan, one line a step, coloured by its first character."""
    print_lines(MarkedLine(line, _STYLES.get(line[:1], "")) for line in str(changes).splitlines())


def _plan_json(changes: Plan) -> dict[str, Any]:
    return {
        "creates": list(map(step_json, changes.creates)),
        "updates": list(map(step_json, changes.updates)),
        "removals": list(map(step_json, changes.removals)),
        "unchanged": list(map(step_json, changes.unchanged)),
        "prune": changes.prune,
    }


def step_json(step: Step | Unchanged) -> dict[str, Any]:
    """Return a step as JSON values. Steps contain no secrets."""
    data: dict[str, Any] = {"action": action(step), "type": str(step.type), "name": step.name}
    if isinstance(step, Create):
        fields = {field.name: getattr(step.definition, field.name) for field in attrs.fields(type(step.definition))}
        return {**data, "definition": json_value(fields)}
    data["id"] = step.id
    if isinstance(step, Update):
        data["renamed_from"] = step.renamed_from
        data["changes"] = [
            {"field": change.field, "old": json_value(change.old), "new": json_value(change.new)}
            for change in step.changes
        ]
    return data


def action(step: Step | Unchanged) -> str:
    """Return what a step does, in one word."""
    return {"Create": "create", "Update": "update", "Remove": "remove"}.get(type(step).__name__, "keep")
