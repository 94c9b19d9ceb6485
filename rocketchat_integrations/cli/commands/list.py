"""``list``: a table of the integrations of a workspace."""

from __future__ import annotations

from collections.abc import Callable

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.masking import masked_json
from rocketchat_integrations.cli.shared_options import json_option, refuse_url, secrets_option, type_name, type_option
from rocketchat_integrations.cli.terminal import error_text, print_error, print_json, print_table, show_count
from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import EVERYWHERE, IntegrationRecord, IntegrationType

_COLUMNS: dict[str, Callable[[IntegrationRecord], str]] = {
    "ID": lambda record: record.id,
    "TYPE": lambda record: type_name(record.type),
    "NAME": lambda record: record.name,
    "CHANNEL": lambda record: ", ".join(record.channel),
    "USER": lambda record: record.username,
    "EVENT": lambda record: record.event if record.type is IntegrationType.OUTGOING else "",
    "ENABLED": lambda record: "yes" if record.enabled else "no",
}


@click.command("list")
@type_option
@click.option("--name", callback=refuse_url, help="Only integrations with exactly this name.")
@click.option("--name-contains", metavar="TEXT", help="Only integrations with this text in their name, in any case.")
@click.option("--channel", metavar="ROOM", help="Only integrations of this room: #ops, ops or @alice.")
@secrets_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    kind: IntegrationType | None,
    name: str | None,
    name_contains: str | None,
    channel: str | None,
    show_secrets: bool,
    as_json: bool,
) -> int:
    """List the integrations of a workspace.

    Shows all that you may see, sorted by id. With only the manage-own permissions, these are the ones you created.
    """
    unreadable: list[DecodingError] = []
    with credentials.client() as client:
        listing = client.list(type=kind, name=name, name_contains=name_contains, on_error=unreadable.append)
        records = [record for record in show_count(listing) if channel is None or _room(channel) in record.channel]
    if as_json:
        print_json([masked_json(record, show_secrets=show_secrets) for record in records])
    else:
        print_table(list(_COLUMNS), ([cell(record) for cell in _COLUMNS.values()] for record in records))
    for error in unreadable:
        print_error(f"warning: {error_text(error)}")
    return 1 if unreadable else 0


def _room(text: str) -> str:
    return text if text.startswith(("#", "@")) or text in EVERYWHERE else f"#{text}"
