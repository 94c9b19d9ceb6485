"""``create incoming`` and ``create outgoing``: create an integration."""

from __future__ import annotations

from typing import Any, TypeAlias

import click

from rocketchat_integrations.cli.command_groups import SuggestingGroup
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.field_options import field_options, given_fields
from rocketchat_integrations.cli.lookup import label, webhook_url
from rocketchat_integrations.cli.shared_options import json_option, secrets_option
from rocketchat_integrations.cli.terminal import print_error, printable
from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
)

from .show import print_record

_Definition: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]


@click.group("create", cls=SuggestingGroup, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """Create an integration."""
    if context.invoked_subcommand is None:
        raise click.UsageError("missing type: use create incoming, or create outgoing")


@command.command("incoming")
@field_options(IncomingIntegration, are_needed=True)
@secrets_option
@json_option
@click.pass_obj
def create_incoming(credentials: Credentials, /, show_secrets: bool, as_json: bool, **_: Any) -> None:
    """Create an incoming webhook: a program posts into rooms.

    For example: create incoming --name ci --channel '#builds' --username rocket.cat
    """
    _create(IncomingIntegration, credentials, show_secrets=show_secrets, as_json=as_json)


@command.command("outgoing")
@field_options(OutgoingIntegration, are_needed=True)
@secrets_option
@json_option
@click.pass_obj
def create_outgoing(credentials: Credentials, /, show_secrets: bool, as_json: bool, **_: Any) -> None:
    """Create an outgoing webhook: Rocket.Chat calls a program.

    For example: create outgoing --name deployer --event sendMessage --channel '#ops' --username rocket.cat
    --trigger-word '!deploy' --url https://bot.example.com/hook
    """
    _create(OutgoingIntegration, credentials, show_secrets=show_secrets, as_json=as_json)


def _create(definition_type: _Definition, credentials: Credentials, *, show_secrets: bool, as_json: bool) -> None:
    definition = _make(definition_type, given_fields())
    with credentials.client() as client:
        record: IntegrationRecord = client.create(definition)
        url = webhook_url(client, record) if show_secrets else None
    print_error(f"created {label(record)} ({record.id})")
    if record.type is IntegrationType.INCOMING and url is None:
        print_error(f"the webhook URL is secret; to print it: rocketchat-integrations show {record.id} --url")
    warn_about_script(record)
    print_record(record, show_secrets=show_secrets, url=url, as_json=as_json)


def _make(definition_type: _Definition, fields: dict[str, Any]) -> IntegrationDefinition:
    try:
        return definition_type(**fields)
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise CommandError(problem)


def warn_about_script(record: IntegrationRecord) -> None:
    """Warn if the integration has a script that the server does not run."""
    if record.script_error is not None:
        print_error(printable(f"warning: the script does not compile and is not run: {record.script_error.message}"))
    elif record.script and not record.script_enabled:
        print_error("warning: the script is not run; --script-enabled changes that")
