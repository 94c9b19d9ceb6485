"""``show``: all fields of one integration, or the URL of its webhook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import cast

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find, webhook_url
from rocketchat_integrations.cli.masking import json_value, masked_fields, masked_json
from rocketchat_integrations.cli.shared_options import json_option, secrets_option, type_name
from rocketchat_integrations.cli.terminal import TableColumn, print_json, print_table
from rocketchat_integrations.models import IntegrationRecord, IntegrationType, UserReference


@click.command("show")
@integration_argument
@click.option("--url", is_flag=True, help="Print only the URL of its webhook, which is secret.")
@secrets_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    integration: str,
    kind: IntegrationType | None,
    url: bool,
    show_secrets: bool,
    as_json: bool,
) -> None:
    """Show one integration, or the URL of its webhook.

    With --json, scripts are printed in full.
    """
    with credentials.client() as client:
        record = find(client, integration, kind)
        only_url = client.webhook(record).url if url else None
        secret_url = webhook_url(client, record) if show_secrets else None
    if only_url is None:
        print_record(record, show_secrets=show_secrets, url=secret_url, as_json=as_json)
    elif as_json:
        print_json({"url": only_url})
    else:
        print(only_url)


def print_record(record: IntegrationRecord, *, show_secrets: bool, url: str | None, as_json: bool) -> None:
    """Print all fields of an integration that are set, and the URL of its webhook if that is given."""
    more = {} if url is None else {"webhook_url": url}
    if as_json:
        print_json({**masked_json(record, show_secrets=show_secrets), **more})
        return
    fields = masked_fields(record, show_secrets=show_secrets)
    if error := json_value(fields["script_error"]):
        fields["script_error"] = f"{error['name']}: {error['message']}"
    first = {"id": fields.pop("id"), "type": type_name(record.type)}
    texts = {name: _text(value) for name, value in {**first, **fields, **more}.items()}
    print_table([TableColumn("FIELD"), TableColumn("VALUE")], [(name, text) for name, text in texts.items() if text])


def _text(value: object) -> str:
    """Return a field's value for people; "" if it is not set."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list, Mapping)):
        return ", ".join(map(str, cast("Iterable[object]", value)))
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds")
    if isinstance(value, UserReference):
        return value.username or value.id or ""
    text = "" if value is None else str(value)
    return f"{len(text.splitlines())} lines" if "\n" in text else text
