"""Make a plan: compare what is wanted with what the server has. One listing is its only I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS, changed_fields, differences
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord, validate

from ._consistency import shown_changes
from ._matching import Wanted, collect, entries_of, matches_of, old_identity, place_of
from ._plan import Plan
from ._provisioning_client import ProvisioningClient
from ._steps import (
    SECRET_FIELDS,
    Create,
    LiteralSecret,
    Remove,
    Secrets,
    Unchanged,
    Update,
    fingerprint,
    identity,
)
from ._target import Target

Prune: TypeAlias = bool | Literal["all"]


def plan(wanted: Wanted, client: ProvisioningClient, *, prune: Prune = False) -> Plan:
    """Compare what is wanted with a workspace. Reads the list of integrations once and writes nothing.

    An entry is matched by its ``id`` if it gives one, then by type and name, then by type and ``renamed_from``: a
    rename keeps id and token. Fields are compared as :func:`~rocketchat_integrations.differences` does: a ``token``,
    ``script_engine`` or ``skip_transpile`` of None stays as it is. Of a partial entry, only the fields that it gives
    are compared and changed.

    Args:
        wanted: a :class:`~rocketchat_integrations.manifest.Manifest`, or definitions: any iterable, read once.
        client: a :class:`~rocketchat_integrations.Client`. Integrations that its user may not see count as missing.
        prune: what to remove. False: nothing. True: integrations that are not wanted, have a name in the manifest's
            ``scope`` and were created by the client's user. ``"all"``: all integrations that are not wanted.

    Returns:
        The plan.

    Raises:
        ConfigurationError: if an argument is invalid, two entries have the same type and name, or a definition cannot
            be written; all such problems at once.
        AmbiguousIntegration: if several integrations match an entry; all such cases at once.
        ProvisioningError: if there is no integration with the ``id`` that an entry gives.
        DecodingError: if a record cannot be read: it might be one that is wanted. The error has its id.
        RocketChatError: if the call fails.
    """
    entries, scope = wanted_entries(wanted, prune)
    records = [*client.list()]
    target = Target(url=client.url, user_id=client.user_id())
    return compare(entries, scope, records, prune=prune, target=target)


def wanted_entries(wanted: Wanted, prune: object) -> tuple[list[Entry], str]:
    """Return what is wanted, and the prefix of the names that it owns. Raise ConfigurationError for wrong arguments."""
    if not (isinstance(prune, bool) or prune == "all"):
        raise ConfigurationError(f"prune: must be False, True or 'all', not {prune!r}")
    entries = entries_of(wanted)
    scope = (wanted.scope if isinstance(wanted, Manifest) else None) or ""
    if prune is True and not scope:
        raise ConfigurationError(
            "prune: needs a manifest with a scope, the prefix of the names that it owns: add one, or do not prune"
        )
    return entries, scope


def compare(
    entries: list[Entry],
    scope: str,
    listed: Iterable[IntegrationRecord],
    *,
    prune: Prune,
    target: Target,
) -> Plan:
    """Return the plan. With `prune` True, only integrations of the target's user are removed."""
    records = sorted(listed, key=lambda record: (*identity(record), record.id))
    matches = matches_of(entries, records)
    steps = collect(lambda match: _step(*match), matches)
    removals: list[IntegrationRecord] = []
    if prune:
        kept = {record.id for _, record in matches if record is not None}
        removals = [record for record in records if record.id not in kept]
    if prune is True:
        removals = [it for it in removals if it.name.startswith(scope) and it.created_by.id == target.user_id]
    return Plan(
        creates=tuple(step for step in steps if isinstance(step, Create)),
        updates=tuple(step for step in steps if isinstance(step, Update)),
        removals=tuple(Remove(id=it.id, type=it.type, name=it.name, seen=fingerprint(it)) for it in removals),
        unchanged=tuple(step for step in steps if isinstance(step, Unchanged)),
        prune=bool(prune),
        target=target,
    )


def _step(entry: Entry, record: IntegrationRecord | None) -> Create | Update | Unchanged:
    if record is None:
        _check(entry, entry.definition, None)
        no_secrets: dict[str, Any] = dict.fromkeys(SECRET_FIELDS.intersection(FIELDS[entry.definition.type]))
        return Create(
            definition=attrs.evolve(entry.definition, **no_secrets),
            secrets=_secrets(entry, SECRET_FIELDS),
            renamed_from=entry.renamed_from if old_identity(entry) else None,
        )
    name, managed = entry.definition.name, entry.managed
    # Inline: a local variable would show the token in tracebacks.
    target = attrs.evolve(record, **{field: getattr(entry.definition, field) for field in managed})
    changes = differences(record, target)
    if not changes:
        return Unchanged(id=record.id, type=record.type, name=name, seen=fingerprint(record))
    _check(entry, target, changed_fields(record, target))
    return Update(
        id=record.id,
        type=record.type,
        name=name,
        renamed_from=record.name if record.name != name else None,
        changes=shown_changes(changes, record, target),
        fields={field: getattr(entry.definition, field) for field in sorted(managed - SECRET_FIELDS)},
        secrets=_secrets(entry, {change.field for change in changes}),
        seen=fingerprint(record),
    )


def _check(entry: Entry, wanted: IntegrationDefinition, fields: Iterable[str] | None) -> None:
    """Raise ConfigurationError if the client would refuse to write this."""
    try:
        validate(wanted, fields)
        return
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(f"{place_of(entry)}: {problem}")


def _secrets(entry: Entry, fields: Iterable[str]) -> Secrets:
    return {
        field: entry.secrets.get(field) or LiteralSecret(getattr(entry.definition, field))
        for field in SECRET_FIELDS.intersection(fields)
        if getattr(entry.definition, field, None) is not None
    }
