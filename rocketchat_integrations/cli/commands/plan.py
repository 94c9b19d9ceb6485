"""``plan``: show how a workspace differs from a manifest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, NamedTuple

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.manifest_files import file_options, read_manifest, valid_manifest
from rocketchat_integrations.cli.plan_view import plan_json, plan_markdown, print_plan
from rocketchat_integrations.cli.private_files import check_writable, write_private
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import CountingClient, print_error, print_json
from rocketchat_integrations.client import Client
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.provisioning import Plan, plan
from rocketchat_integrations.provisioning._planner import wanted_entries


def manifest_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of :func:`read_wanted`."""
    command = file_options(command)
    command = click.option(
        "--partial", is_flag=True, help="Leave the fields that the manifest does not give as they are on the server."
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


class PlanInput(NamedTuple):
    """What a workspace should have, and what is removed from it."""

    manifest: Manifest
    prune: bool | Literal["all"]

    def plan(self, client: Client) -> Plan:
        """Compare with the workspace."""
        return plan(self.manifest, CountingClient(client), prune=self.prune)


def read_wanted(manifests: tuple[str, ...], prune: str | None, **options: Any) -> PlanInput:
    """Read and check the manifests, before anything needs a login.

    Raises:
        CommandError: if anything is wrong with them.
        ConfigurationError: if they cannot be pruned.
    """
    manifest = valid_manifest(read_manifest(manifests, **options))
    wanted = PlanInput(manifest, "all" if prune == "all" else prune is not None)
    wanted_entries(wanted.manifest, wanted.prune)
    return wanted


@click.command("plan")
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True, type=File())
@manifest_options
@click.option("--out", metavar="FILE", type=File(), help="Also write the plan to a file, for: apply --plan-file FILE.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown, for a comment on a pull request.")
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    /,
    manifests: tuple[str, ...],
    prune: str | None,
    out: str | None,
    as_markdown: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Show how a workspace differs from a manifest. Changes nothing.

    An entry is exact: a field that it leaves out should have its default. Entries with "partial = true" and the option
    --partial leave such fields as they are.

    With the extra "scripts" installed, scripts that do not compile are refused.

    Exit status 0: it does not differ; 2: there is something to change.

    The file that --out writes contains no secrets but whole scripts, and only you can read it.
    """
    if as_json and as_markdown:
        raise click.UsageError("--json cannot be combined with --markdown")
    if out is not None:
        check_writable(Path(out), sources=manifests)
    wanted = read_wanted(manifests, prune, **options)
    with credentials.client() as client:
        changes = wanted.plan(client)
    if out is not None:
        write_private({Path(out): json.dumps(changes.to_dict(), indent=2).encode()})
        print_error(f"written: {out}")
    if as_json:
        print_json(plan_json(changes))
    elif as_markdown:
        print(plan_markdown(changes), end="")
    else:
        print_plan(changes)
    return 2 if changes else 0
