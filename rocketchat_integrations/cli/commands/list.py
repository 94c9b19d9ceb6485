"""``list``: the integrations of a workspace."""

from __future__ import annotations

from typing import Any

import attrs
import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.listing_output import Column, Layout, ListingOutput, output_options
from rocketchat_integrations.cli.lookup import webhook_url
from rocketchat_integrations.cli.masking import masked_json
from rocketchat_integrations.cli.shared_options import refuse_url, secrets_option, type_name, type_option
from rocketchat_integrations.cli.terminal import error_text, print_error, show_count
from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import (
    EVERYWHERE,
    IncomingIntegrationRecord,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
)


def _yes_or_no(value: Any) -> str:
    return "yes" if value else "no"


_RECORDS = (IncomingIntegrationRecord, OutgoingIntegrationRecord)
_FIELDS = (field.name for record in _RECORDS for field in attrs.fields(record))
_LAYOUT = Layout(
    columns=(
        Column("id"),
        Column("type", text=lambda value: type_name(IntegrationType(value))),
        Column("name"),
        Column("channel"),
        Column("username", "USER", is_optional=True),
        Column("event", is_optional=True),
        Column("enabled", text=_yes_or_no, style=lambda text: "red" if text == "no" else ""),
    ),
    names=tuple(dict.fromkeys(("id", "type", *_FIELDS, "webhook_url"))),
)


@click.command("list")
@type_option
@click.option("--name", callback=refuse_url, help="Only integrations with exactly this name.")
@click.option("--name-contains", metavar="TEXT", help="Only integrations with this text in their name, in any case.")
@click.option("--channel", metavar="ROOM", help="Only integrations of this room: #ops, ops or @alice.")
@secrets_option
@output_options(_LAYOUT)
@click.pass_obj
def command(
    credentials: Credentials,
    kind: IntegrationType | None,
    name: str | None,
    name_contains: str | None,
    channel: str | None,
    show_secrets: bool,
    output: ListingOutput,
) -> int:
    """List the integrations of a workspace.

    Shows all that you may see, sorted by id. With only the manage-own permissions, these are the ones you created.
    """
    unreadable: list[DecodingError] = []
    with credentials.client() as client:
        listing = client.list(type=kind, name=name, name_contains=name_contains, on_error=unreadable.append)
        records = [record for record in show_count(listing) if channel is None or _room(channel) in record.channel]
        rows = [_row(client, record, show_secrets=show_secrets) for record in records]
    is_filtered = any(it is not None for it in (kind, name, name_contains, channel))
    output.print(rows, nothing="no such integrations" if is_filtered else "there are no integrations that you may see")
    for error in unreadable:
        print_error(f"warning: {error_text(error)}")
    return 1 if unreadable else 0


def _row(client: Client, record: IntegrationRecord, *, show_secrets: bool) -> dict[str, Any]:
    row = masked_json(record, show_secrets=show_secrets)
    return {**row, "webhook_url": webhook_url(client, record)} if show_secrets else row


def _room(text: str) -> str:
    return text if text.startswith(("#", "@")) or text in EVERYWHERE else f"#{text}"
