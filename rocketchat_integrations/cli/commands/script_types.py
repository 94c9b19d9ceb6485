"""``script types``: write the types of scripts, for editors."""

from __future__ import annotations

from importlib.resources import files

import click

from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import print_json

from .script_new import write_new_file


@click.command("types")
@click.option("--out", metavar="FILE", type=File(), help="Write them to a new file, such as script.d.ts.")
@json_option
def command(out: str | None, as_json: bool) -> None:
    """Write the types of scripts, so that editors complete and check them.

    The types are a TypeScript declaration file. Its first comment says how a script in JavaScript uses it.
    """
    text = (files("rocketchat_integrations.scripts") / "script.d.ts").read_text(encoding="utf-8")
    if out is not None:
        write_new_file(out, text)
    if as_json:
        print_json({"types": text})
    elif out is None:
        print(text, end="")
