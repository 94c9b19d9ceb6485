"""``replay``: repeat a call of an outgoing webhook."""

from __future__ import annotations

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find_outgoing, label
from rocketchat_integrations.cli.shared_options import json_option, refuse_url
from rocketchat_integrations.cli.terminal import print_error, print_json
from rocketchat_integrations.exceptions import NotFoundError
from rocketchat_integrations.models import IntegrationType


@click.command("replay")
@integration_argument
@click.argument("history_id", required=False, callback=refuse_url)
@json_option
@click.pass_obj
def command(
    credentials: Credentials, integration: str, kind: IntegrationType | None, history_id: str | None, as_json: bool
) -> None:
    """Repeat a call of an outgoing webhook.

    Repeats the last call, or the one with the id HISTORY_ID. Servers before 8.7 cannot do it. Current servers do not
    store what triggered a call, and send little more than the token.
    """
    with credentials.client() as client:
        record = find_outgoing(client, integration, kind)
        entry_id = history_id or next((entry.id for entry in client.history(record.id)), None)
        if entry_id is None:
            raise CommandError(f"{label(record)} has made no calls in the last 30 days")
        try:
            client.replay_outgoing(record.id, entry_id)
        except NotFoundError:
            raise CommandError(f"there is no call {entry_id} in the history of {label(record)}") from None
    print_error(f"replayed {entry_id} of {label(record)}")
    if as_json:
        print_json({"id": record.id, "history_id": entry_id})
