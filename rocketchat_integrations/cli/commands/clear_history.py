"""``clear-history``: delete the stored calls of an outgoing webhook."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find_outgoing, label
from rocketchat_integrations.cli.shared_options import confirm, json_option, yes_option
from rocketchat_integrations.cli.terminal import print_error, print_json
from rocketchat_integrations.models import IntegrationType


@click.command("clear-history")
@integration_argument
@yes_option
@json_option
@click.pass_obj
def command(credentials: Credentials, integration: str, kind: IntegrationType | None, yes: bool, as_json: bool) -> None:
    """Delete the stored calls of an outgoing webhook. Servers before 8.7 cannot do it."""
    with credentials.client() as client:
        record = find_outgoing(client, integration, kind)
        confirm(f"Delete the history of {label(record)} ({record.id})?", yes=yes)
        client.clear_history(record.id)
    print_error(f"cleared the history of {label(record)} ({record.id})")
    if as_json:
        print_json({"id": record.id})
