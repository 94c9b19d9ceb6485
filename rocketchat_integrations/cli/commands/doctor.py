"""``doctor``: a table of what is wrong with the integrations of a workspace."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import click

from rocketchat_integrations.audit import Audit, Finding, FindingKind, Severity, audit, host_exists
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.shared_options import json_option, type_name
from rocketchat_integrations.cli.terminal import print_error, print_json, print_table, printable, status_line

_COLUMNS: dict[str, Callable[[Finding], str]] = {
    "ID": lambda finding: finding.id or "",
    "TYPE": lambda finding: type_name(finding.type) if finding.type else "",
    "NAME": lambda finding: finding.name or "",
    "SEVERITY": lambda finding: finding.severity,
    "KIND": lambda finding: finding.kind,
    "PROBLEM": lambda finding: finding.message,
    "INSTEAD": lambda finding: finding.instead,
}


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
@json_option
@click.pass_obj
def command(
    credentials: Credentials, ignore: tuple[str, ...], no_users: bool, no_history: bool, no_dns: bool, as_json: bool
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
    if as_json:
        print_json(
            {
                "findings": list(map(_finding_json, findings)),
                "notes": list(result.notes),
                "integrations": result.integrations,
            }
        )
    elif findings:
        print_table(list(_COLUMNS), ([cell(finding) for cell in _COLUMNS.values()] for finding in findings))
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
