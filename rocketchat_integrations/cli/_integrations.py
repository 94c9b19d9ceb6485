"""Looking at integrations: ``list`` and ``show``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

import click

from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import (
    EVERYWHERE,
    IntegrationRecord,
    IntegrationType,
    UserReference,
)

from ._credentials import Credentials
from ._data import data_of, fields_of, plain
from ._finding import find
from ._messages import print_error, told
from ._options import integration_argument, json_option, kind_of, refuse_address, secrets_option, type_option
from ._output import print_json, print_table
from ._progress import counted

_HEADINGS = ("ID", "TYPE", "NAME", "CHANNEL", "USER", "EVENT", "ENABLED")


@click.command("list")
@type_option
@click.option("--name", callback=refuse_address, help="Only those with exactly this name.")
@click.option("--name-contains", metavar="TEXT", help="Only those with this in their name, in any case.")
@click.option("--channel", metavar="ROOM", help="Only those that name this room: #ops, ops or @alice.")
@secrets_option
@json_option
@click.pass_obj
def list_command(
    credentials: Credentials,
    kind: IntegrationType | None,
    name: str | None,
    name_contains: str | None,
    channel: str | None,
    show_secrets: bool,
    as_json: bool,
) -> int:
    """List the integrations of a workspace.

    All that you may see, sorted by id: with only the own-permissions, that is what you created.
    """
    unreadable: list[DecodingError] = []
    with credentials.client() as client:
        listing = client.list(type=kind, name=name, name_contains=name_contains, on_error=unreadable.append)
        records = [record for record in counted(listing) if channel is None or _room(channel) in record.channel]
    if as_json:
        print_json([data_of(record, show_secrets=show_secrets) for record in records])
    else:
        print_table(_HEADINGS, map(_row, records))
    for error in unreadable:
        print_error(f"warning: {told(error)}")
    return 1 if unreadable else 0


def _room(text: str) -> str:
    return text if text.startswith(("#", "@")) or text in EVERYWHERE else f"#{text}"


def _row(record: IntegrationRecord) -> tuple[str, ...]:
    return (
        record.id,
        kind_of(record.type),
        record.name,
        ", ".join(record.channel),
        record.username,
        record.event if record.type is IntegrationType.OUTGOING else "",
        _yes_or_no(record.enabled),
    )


@click.command("show")
@integration_argument
@click.option("--url", is_flag=True, help="Show the address of its webhook, and nothing else. It is a secret.")
@secrets_option
@json_option
@click.pass_obj
def show_command(
    credentials: Credentials,
    integration: str,
    kind: IntegrationType | None,
    url: bool,
    show_secrets: bool,
    as_json: bool,
) -> None:
    """Show one integration, or the address of its webhook.

    With --json, scripts are shown in full.
    """
    with credentials.client() as client:
        record = find(client, integration, kind)
        address = client.webhook(record).url if url else None
    if address is None:
        show(record, show_secrets=show_secrets, as_json=as_json)
    elif as_json:
        print_json({"url": address})
    else:
        print(address)


def show(record: IntegrationRecord, *, show_secrets: bool, as_json: bool) -> None:
    """Print an integration."""
    if as_json:
        print_json(data_of(record, show_secrets=show_secrets))
        return
    fields = fields_of(record, show_secrets=show_secrets)
    if error := plain(fields["script_error"]):
        fields["script_error"] = f"{error['name']}: {error['message']}"
    first = {"id": fields.pop("id"), "type": kind_of(record.type)}
    words = {name: _words(value) for name, value in {**first, **fields}.items()}
    print_table(("FIELD", "VALUE"), [(name, text) for name, text in words.items() if text])


def _words(value: object) -> str:
    """A field's value for people; nothing for one that is not set."""
    if isinstance(value, bool):
        return _yes_or_no(value)
    if isinstance(value, (tuple, list, Mapping)):
        return ", ".join(map(str, cast("Iterable[object]", value)))
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, UserReference):
        return value.username or value.id or ""
    text = "" if value is None else str(value)
    return f"{len(text.splitlines())} lines" if "\n" in text else text


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
