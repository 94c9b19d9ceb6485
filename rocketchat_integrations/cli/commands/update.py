"""``update``: change some fields of an integration."""

from __future__ import annotations

from typing import Any

import attrs
import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.field_options import field_options, given_fields
from rocketchat_integrations.cli.lookup import find, label
from rocketchat_integrations.cli.shared_options import integration_argument, json_option, secrets_option
from rocketchat_integrations.cli.terminal import print_error
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
        record = client.update(record.id, _evolved(record, fields))
    print_error(f"updated {label(record)} ({record.id})")
    warn_about_script(record)
    print_record(record, show_secrets=show_secrets, as_json=as_json)


def _evolved(record: IntegrationRecord, fields: dict[str, Any]) -> IntegrationRecord:
    return attrs.evolve(record, **fields)
