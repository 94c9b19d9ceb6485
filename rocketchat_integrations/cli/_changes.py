"""Changing integrations one by one: ``create``, ``update`` and ``remove``."""

from __future__ import annotations

from typing import Any, TypeAlias

import attrs
import click

from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
)

from ._credentials import Credentials
from ._data import data_of
from ._fields import field_options, given_fields
from ._finding import called, find
from ._integrations import show
from ._messages import print_error, printable
from ._options import integration_argument, json_option, secrets_option, yes_option
from ._outcome import Failure
from ._output import print_json
from ._questions import confirm

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]


@click.group("create", invoke_without_command=True)
@click.pass_context
def create_command(context: click.Context) -> None:
    """Create an integration."""
    if context.invoked_subcommand is None:
        raise click.UsageError("what is to be created? Say create incoming, or create outgoing")


@create_command.command("incoming")
@field_options(IncomingIntegration, are_needed=True)
@secrets_option
@json_option
@click.pass_obj
def create_incoming(credentials: Credentials, /, show_secrets: bool, as_json: bool, **_: Any) -> None:
    """Create an incoming webhook: a program posts into rooms.

    For example: create incoming --name ci --channel '#builds' --username rocket.cat
    """
    _create(IncomingIntegration, credentials, show_secrets=show_secrets, as_json=as_json)


@create_command.command("outgoing")
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


def _create(kind: _Kind, credentials: Credentials, *, show_secrets: bool, as_json: bool) -> None:
    definition = _defined(kind, given_fields())
    with credentials.client() as client:
        record: IntegrationRecord = client.create(definition)
    print_error(f"created {called(record)} ({record.id})")
    if record.type is IntegrationType.INCOMING:
        print_error(f"the address to post to is a secret; to see it: rocketchat-integrations show {record.id} --url")
    _warn_about_script(record)
    show(record, show_secrets=show_secrets, as_json=as_json)


def _defined(kind: _Kind, fields: dict[str, Any]) -> IntegrationDefinition:
    try:
        return kind(**fields)
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise Failure(problem)


def _warn_about_script(record: IntegrationRecord) -> None:
    if record.script_error is not None:
        print_error(printable(f"warning: the script does not compile, and is not run: {record.script_error.message}"))
    elif record.script and not record.script_enabled:
        print_error("warning: the script is not run; --script-enabled changes that")


@click.command("update")
@integration_argument
@field_options(IncomingIntegration, OutgoingIntegration, are_needed=False)
@secrets_option
@json_option
@click.pass_obj
def update_command(
    credentials: Credentials,
    /,
    integration: str,
    kind: IntegrationType | None,
    show_secrets: bool,
    as_json: bool,
    **_: Any,
) -> None:
    """Change some fields of an integration.

    All others stay as they are. An empty value clears a field: --alias ''. Nobody's change in between is
    overwritten.
    """
    fields = given_fields()
    if not fields:
        raise click.UsageError("what is to change? Give at least one field, such as --alias")
    with credentials.client() as client:
        record = find(client, integration, kind)
        foreign = [name for name in fields if not hasattr(record, name)]
        if foreign:
            raise Failure(f"{called(record)} has no {', '.join(foreign)}: that is for the other kind of integration")
        record = client.update(record.id, _evolved(record, fields))
    print_error(f"updated {called(record)} ({record.id})")
    _warn_about_script(record)
    show(record, show_secrets=show_secrets, as_json=as_json)


def _evolved(record: IntegrationRecord, fields: dict[str, Any]) -> IntegrationRecord:
    return attrs.evolve(record, **fields)


@click.command("remove")
@integration_argument
@yes_option
@json_option
@click.pass_obj
def remove_command(
    credentials: Credentials, integration: str, kind: IntegrationType | None, yes: bool, as_json: bool
) -> None:
    """Remove an integration. The address of its webhook is gone for ever with it."""
    with credentials.client() as client:
        record = find(client, integration, kind)
        confirm(f"Remove {called(record)} ({record.id})?", yes=yes)
        client.remove(record)
    print_error(f"removed {called(record)} ({record.id})")
    if as_json:
        print_json(data_of(record, show_secrets=False))
