"""``update``: change some fields of an integration."""

from __future__ import annotations

from typing import Any

import attrs
import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.field_options import field_options, given_fields
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find, label, webhook_url
from rocketchat_integrations.cli.masking import masked_json
from rocketchat_integrations.cli.shared_options import json_option, secrets_option
from rocketchat_integrations.cli.terminal import print_error, print_json
from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
)

from .create import warn_about_script
from .show import print_record


@click.command("update")
@integration_argument
@field_options(IncomingIntegration, OutgoingIntegration, are_needed=False)
@secrets_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    /,
    integration: str,
    kind: IntegrationType | None,
    show_secrets: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Change some fields of an integration.

    All others stay as they are. An empty value clears a field: --alias ''. A change that somebody makes at the same
    time is not overwritten.
    """
    fields = given_fields()
    if not fields:
        raise click.UsageError("nothing to change: add at least one field, such as --alias")
    with credentials.client() as client:
        record = find(client, integration, kind)
        if foreign := [name for name in fields if not hasattr(record, name)]:
            raise CommandError(f"{label(record)} has no {', '.join(foreign)}: only the other type has")
        record = client.update(record.id, evolved(record, fields))
        url = webhook_url(client, record) if show_secrets else None
    print_error(f"updated {label(record)} ({record.id})")
    warn_about_script(record)
    print_record(record, show_secrets=show_secrets, url=url, as_json=as_json)


def evolved(record: IntegrationRecord, fields: dict[str, Any]) -> IntegrationRecord:
    """Return a record with other values of some fields."""
    return attrs.evolve(record, **fields)


def switch(
    credentials: Credentials, integration: str, kind: IntegrationType | None, *, enabled: bool, as_json: bool
) -> None:
    """Enable or disable an integration, unless it is so already."""
    word = "enabled" if enabled else "disabled"
    with credentials.client() as client:
        record = find(client, integration, kind)
        if record.enabled is enabled:
            print_error(f"{label(record)} ({record.id}) is {word} already")
        else:
            record = client.update(record.id, evolved(record, {"enabled": enabled}))
            print_error(f"{word} {label(record)} ({record.id})")
    if as_json:
        print_json(masked_json(record, show_secrets=False))
