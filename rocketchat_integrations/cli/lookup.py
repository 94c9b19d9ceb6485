"""Find an integration by its id or name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import ConfigurationError, NotFoundError
from rocketchat_integrations.models import (
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
)

from .failures import CommandError
from .shared_options import type_name

if TYPE_CHECKING:
    from rocketchat_integrations.provisioning import Step


# Ids of Meteor, and of MongoDB, which old servers have used.
_ID = re.compile(r"[2-9A-HJ-NP-Za-km-z]{17}|[0-9a-f]{24}")


def label(item: IntegrationDefinition | Step) -> str:
    """Return the type and the name of an integration, for messages."""
    return f"{type_name(item.type)} {item.name!r}"


def find(client: Client, wanted: str, type: IntegrationType | None) -> IntegrationRecord:
    """Return the integration with this id or exactly this name.

    Looks for the id first only if the text has the form of one, because a server refuses a ``get`` of anything else.

    Args:
        client: the workspace to search.
        wanted: the id or the name.
        type: only this type; None: both.

    Raises:
        CommandError: if there is none, or several have the name.
        RocketChatError: if a call fails.
    """
    is_id = bool(_ID.fullmatch(wanted))
    if is_id and (record := _by_id(client, wanted, type)):
        return record
    found = list(client.list(type=type, name=wanted, on_error=lambda _: None))
    if len(found) == 1:
        return found[0]
    if not found:
        if not is_id and wanted.strip() and (record := _by_id(client, wanted, type)):
            return record
        adjective = "" if type is None else f"{type_name(type)} "
        raise CommandError(f"there is no {adjective}integration with the id or the name {wanted!r}")
    ids = ", ".join(f"{record.id} ({type_name(record.type)})" for record in found)
    raise CommandError(f"{len(found)} integrations have the name {wanted!r}: {ids}; use an id instead")


def _by_id(client: Client, id: str, type: IntegrationType | None) -> IntegrationRecord | None:
    try:
        record = client.get(id)
    except NotFoundError:
        return None
    return record if type in (None, record.type) else None


def find_outgoing(client: Client, wanted: str, type: IntegrationType | None) -> OutgoingIntegrationRecord:
    """Return the outgoing integration with this id or name.

    Raises:
        CommandError: as :func:`find`, or if it is an incoming one, which has no history.
    """
    record = find(client, wanted, type)
    if record.type is not IntegrationType.OUTGOING:
        raise CommandError(f"{label(record)} has no history: only outgoing webhooks make calls")
    return record


def webhook_url(client: Client, record: IntegrationRecord) -> str | None:
    """Return the URL of an incoming webhook, which is secret; None for others, and for one without a token."""
    if record.type is not IntegrationType.INCOMING:
        return None
    try:
        return client.webhook(record).url
    except ConfigurationError:
        return None
