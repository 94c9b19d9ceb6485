"""``script new``: list or copy the ready-made scripts."""

from __future__ import annotations

import os
from pathlib import Path

import click

from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import TableColumn, print_error, print_json, print_table
from rocketchat_integrations.scripts import ReadyMadeScript, ready_made, ready_made_script


def _complete_name(_: click.Context, __: click.Parameter, begun: str) -> list[str]:
    return [script.name for script in ready_made() if script.name.startswith(begun)]


@click.command("new")
@click.argument(
    "name",
    metavar="[NAME]",
    required=False,
    shell_complete=_complete_name,
)
@click.option("--out", metavar="FILE", type=File(), help="Write the script to a new file.")
@json_option
def command(name: str | None, out: str | None, as_json: bool) -> None:
    """Start a script: list the ready-made ones, or print one.

    For example: script new grafana > alerts.js
    """
    if name is None:
        if out is not None:
            raise click.UsageError("--out needs NAME, the script to write")
        scripts = ready_made()
        if as_json:
            print_json([{"name": script.name, "summary": script.summary} for script in scripts])
        else:
            columns = [TableColumn("NAME"), TableColumn("SUMMARY")]
            print_table(columns, [(script.name, script.summary) for script in scripts])
        return
    script = _script(name)
    if out is not None:
        write_new_file(out, script.source)
    if as_json:
        print_json({"name": script.name, "summary": script.summary, "source": script.source})
    elif out is None:
        print(script.source, end="")


def _script(name: str) -> ReadyMadeScript:
    try:
        return ready_made_script(name)
    except ValueError as error:
        problem = str(error)
    raise CommandError(problem)


def write_new_file(path: str, text: str) -> None:
    """Write a file that does not exist yet.

    Raises:
        CommandError: if it exists.
        OSError: if it cannot be written.
    """
    if os.path.lexists(path):
        raise CommandError(f"{path} is already there; use another name")
    Path(path).write_bytes(text.encode())
    print_error(f"written: {path}")
