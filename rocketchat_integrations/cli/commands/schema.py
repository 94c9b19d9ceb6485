"""``schema``: the JSON Schema of manifests."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.shared_options import json_option
from rocketchat_integrations.cli.terminal import print_json
from rocketchat_integrations.manifest import schema


@click.command("schema")
@json_option
def command(as_json: bool) -> None:
    """Print the JSON Schema of manifests, for editors.

    Editors complete and check TOML, YAML and JSON with it: schema > integrations.schema.json
    """
    print_json(schema())
