"""``rotate-token``: replace the token of an integration."""

from __future__ import annotations

import secrets

import click

from rocketchat_integrations.cli.credentials import Credentials, read_secret
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.lookup import find, label, webhook_url
from rocketchat_integrations.cli.shared_options import File, confirm, json_option, secrets_option, yes_option
from rocketchat_integrations.cli.terminal import ask, print_error
from rocketchat_integrations.client import Client
from rocketchat_integrations.models import (
    IncomingIntegrationRecord,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
)

from .show import print_record
from .update import evolved

_OLD = ("keep", "disable", "remove")


@click.command("rotate-token")
@integration_argument
@click.option(
    "--token-file",
    metavar="FILE",
    type=File(),
    callback=read_secret,
    help="A file with the new token of an outgoing webhook; without it, one is generated.",
)
@click.option(
    "--old",
    type=click.Choice(_OLD),
    help="What to do with the old incoming webhook; by default, asks whether to remove it, and with --yes keeps it.",
)
@yes_option
@secrets_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    integration: str,
    kind: IntegrationType | None,
    token_file: str | None,
    old: str | None,
    yes: bool,
    show_secrets: bool,
    as_json: bool,
) -> None:
    """Replace the token of an integration.

    An outgoing webhook keeps its id. The server cannot change the token of an incoming webhook: it is created anew with
    the same definition, and has another id and URL. The old one works until it is disabled or removed.
    """
    with credentials.client() as client:
        record = find(client, integration, kind)
        if isinstance(record, OutgoingIntegrationRecord):
            if old is not None:
                raise CommandError(f"{label(record)} keeps its id: --old is for incoming webhooks")
            new = _rotate_outgoing(client, record, token_file or secrets.token_urlsafe(32), yes=yes)
            done, how = f"replaced the token of {label(new)} ({new.id})", "--show-secrets"
        else:
            if token_file is not None:
                raise CommandError(
                    "the server generates the token of an incoming webhook: --token-file is for outgoing"
                )
            new = _create_anew(client, record, yes=yes)
            done, how = f"created {label(new)} ({new.id}) with a new URL", "--url"
        print_error(done if show_secrets else f"{done}; to print it: rocketchat-integrations show {new.id} {how}")
        url = webhook_url(client, new) if show_secrets else None
        print_record(new, show_secrets=show_secrets, url=url, as_json=as_json)
        if isinstance(record, IncomingIntegrationRecord):
            _settle_old(client, record, old, yes=yes)


def _rotate_outgoing(client: Client, record: OutgoingIntegrationRecord, token: str, *, yes: bool) -> IntegrationRecord:
    confirm(f"Replace the token of {label(record)} ({record.id})? Its program must know the new one.", yes=yes)
    return client.update(record.id, evolved(record, {"token": token}))


def _create_anew(client: Client, record: IncomingIntegrationRecord, *, yes: bool) -> IntegrationRecord:
    confirm(
        f"The server cannot change the token of {label(record)} ({record.id}). Create it anew, with a new URL?", yes=yes
    )
    return client.create(record.definition)


def _settle_old(client: Client, record: IncomingIntegrationRecord, wanted: str | None, *, yes: bool) -> None:
    """Keep, disable or remove the old integration, after the new one was created."""
    if wanted is None and not yes:
        wanted = "remove" if ask(f"Remove the old one ({record.id}), whose URL then stops working?") else "keep"
    if wanted == "remove":
        client.remove(record)
        print_error(f"removed the old {label(record)} ({record.id})")
    elif wanted == "disable":
        client.update(record.id, evolved(record, {"enabled": False}))
        print_error(f"disabled the old {label(record)} ({record.id})")
    else:
        print_error(f"kept the old {label(record)}; to remove it: rocketchat-integrations remove {record.id}")
