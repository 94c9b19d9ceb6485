"""``remove``: remove an integration."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find, label
from rocketchat_integrations.cli.masking import masked_json
from rocketchat_integrations.cli.shared_options import confirm, json_option, yes_option
from rocketchat_integrations.cli.terminal import print_error, print_json
from rocketchat_integrations.models import IntegrationType


@click.command("remove")
@integration_argument
@yes_option
@json_option
@click.pass_obj
def command(credentials: Credentials, integration: str, kind: IntegrationType | None, yes: bool, as_json: bool) -> None:
    """Remove an integration. The URL of its webhook cannot be restored."""
    with credentials.client() as client:
        record = find(client, integration, kind)
        confirm(f"Remove {label(record)} ({record.id})?", yes=yes)
        client.remove(record)
    print_error(f"removed {label(record)} ({record.id})")
    if as_json:
        print_json(masked_json(record, show_secrets=False))
