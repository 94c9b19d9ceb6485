"""Which integration is meant: by its id, or by its name where only one has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import NotFoundError
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord, IntegrationType

from ._options import kind_of
from ._outcome import Failure

if TYPE_CHECKING:
    from rocketchat_integrations.provisioning import Step


def called(it: IntegrationDefinition | Step) -> str:
    """How messages call an integration."""
    return f"{kind_of(it.type)} {it.name!r}"


def find(client: Client, wanted: str, type: IntegrationType | None) -> IntegrationRecord:
    """The integration with this id, or else with exactly this name.

    Args:
        client: where to look.
        wanted: the id or the name.
        type: only this kind; None: both.

    Raises:
        Failure: if there is none, or several have the name.
        RocketChatError: if a call fails.
    """
    record = _by_id(client, wanted) if wanted.strip() else None
    if record is not None and type in (None, record.type):
        return record
    found = list(client.list(type=type, name=wanted, on_error=lambda _: None))
    if len(found) == 1:
        return found[0]
    if not found:
        kind = "" if type is None else f"{kind_of(type)} "
        raise Failure(f"there is no {kind}integration with the id or the name {wanted!r}")
    ids = ", ".join(f"{record.id} ({kind_of(record.type)})" for record in found)
    raise Failure(f"{len(found)} integrations have the name {wanted!r}: {ids}; give the id of the one that is meant")


def _by_id(client: Client, id: str) -> IntegrationRecord | None:
    try:
        return client.get(id)
    except NotFoundError:
        return None
