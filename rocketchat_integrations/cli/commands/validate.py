"""``validate``: check manifests without a login."""

from __future__ import annotations

from typing import Any

import click

from rocketchat_integrations.cli.manifest_files import file_options, read_manifest
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import counted, print_error, print_json, printable


@click.command("validate")
@click.argument("manifests", metavar="MANIFEST...", nargs=-1, required=True, type=File())
@file_options
@json_option
def command(manifests: tuple[str, ...], as_json: bool, **options: Any) -> int:
    """Check manifests without a login.

    Finds everything that plan would refuse in the files, and prints a line for each problem, with its place, sorted by
    file and line. Nothing is sent, but files and variables that a manifest names are read. With the extra "scripts"
    installed, scripts that do not compile are problems, too.

    Exit status 0: nothing was found; 2: something was found.
    """
    files = read_manifest(manifests, **options)
    if as_json:
        print_json({"integrations": len(files.manifest.entries), "problems": files.problems})
    else:
        for problem in files.problems:
            print(printable(problem))
    print_error(f"{counted(len(files.problems), 'problem')} in {counted(len(manifests), 'file')}")
    return 2 if files.problems else 0
