"""``doctor``: a table of what is wrong with the integrations of a workspace."""

from __future__ import annotations

from collections import Counter
from typing import Any

import click

from rocketchat_integrations.audit import Audit, Finding, FindingKind, Severity, audit, host_exists
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.listing_output import Column, Layout, ListingOutput, output_options
from rocketchat_integrations.cli.shared_options import type_name
from rocketchat_integrations.cli.terminal import print_error, printable, status_line
from rocketchat_integrations.models import IntegrationType

_STYLES = {"error": "red", "warning": "yellow"}
_LAYOUT = Layout(
    columns=(
        Column("id"),
        Column("type", text=lambda value: type_name(IntegrationType(value)) if value else ""),
        Column("name"),
        Column("severity", style=lambda text: _STYLES.get(text, "")),
        Column("kind", is_optional=True),
        Column("message", "PROBLEM", readable_width=30),
        Column("instead", readable_width=30),
    ),
    names=("severity", "kind", "type", "name", "id", "message", "instead"),
)


@click.command("doctor")
@click.option(
    "--ignore",
    metavar="KIND",
    multiple=True,
    type=click.Choice(list(map(str, FindingKind))),
    help=f"Leave out findings of this kind; may be given several times. One of {', '.join(FindingKind)}.",
)
@click.option("--no-users", is_flag=True, help="Do not ask whether users exist: saves a request for each integration.")
@click.option(
    "--no-history", is_flag=True, help="Do not read calls: saves a request for each enabled outgoing integration."
)
@click.option("--no-dns", is_flag=True, help="Do not look up the hosts of URLs.")
@output_options(_LAYOUT)
@click.pass_obj
def command(
    credentials: Credentials,
    ignore: tuple[str, ...],
    no_users: bool,
    no_history: bool,
    no_dns: bool,
    output: ListingOutput,
) -> int:
    """Find what is wrong with the integrations of a workspace. Changes nothing.

    Exit status 0: nothing was found; 2: something was found.

    Checks all integrations that you may see. With only the manage-own permissions, these are the ones you created.
    Servers allow to read the calls of 10 integrations a minute by default: with more, doctor waits.
    """
    with credentials.client() as client, status_line() as show:
        result = audit(
            client,
            users=not no_users,
            history=not no_history,
            resolve=None if no_dns else host_exists,
            on_progress=lambda done, total: show(f"{done} of {total} requests made"),
        )
    findings = [finding for finding in result.findings if finding.kind not in ignore]
    output.print(
        map(_finding_json, findings),
        nothing="nothing was found",
        whole=lambda rows: {"findings": rows, "notes": list(result.notes), "integrations": result.integrations},
    )
    for note in result.notes:
        print_error(printable(note))
    print_error(_summary(result, findings))
    return 2 if findings else 0


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "severity": str(finding.severity),
        "kind": str(finding.kind),
        "type": finding.type and str(finding.type),
        "name": finding.name,
        "id": finding.id,
        "message": finding.message,
        "instead": finding.instead,
    }


def _summary(result: Audit, findings: list[Finding]) -> str:
    numbers = Counter(finding.severity for finding in findings)
    found = ", ".join(f"{severity}: {numbers[severity]}" for severity in Severity)
    return f"integrations: {result.integrations}; {found}"
