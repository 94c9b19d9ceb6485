"""Check that the steps of a plan do what they show, against the records that they change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import attrs

from rocketchat_integrations._protocol.normalization import differences
from rocketchat_integrations._redaction import spellings
from rocketchat_integrations.models import Change, IntegrationDefinition, IntegrationRecord

from ._steps import Create, Step, Update, identity, shown_change

_D = TypeVar("_D", IntegrationDefinition, IntegrationRecord)


def with_secrets(definition: _D, step: Create | Update) -> _D:
    """Return the definition with the secrets of the step, read from their sources."""
    texts: Mapping[str, Any] = {field: source.resolve() for field, source in step.secrets.items()}
    return attrs.evolve(definition, **texts)


def target_of(step: Update, record: IntegrationRecord) -> IntegrationRecord:
    """Return what an update sends."""
    return with_secrets(attrs.evolve(record, **step.fields), step)


def shown_changes(
    changes: Iterable[Change], record: IntegrationRecord, wanted: IntegrationDefinition | IntegrationRecord
) -> tuple[Change, ...]:
    """Return changes to show, without the record's token and the wanted one."""
    secrets = spellings(filter(None, (record.token, getattr(wanted, "token", None))))
    return tuple(shown_change(change, secrets) for change in changes)


def misstatements(steps: Iterable[Step], records: Mapping[str, IntegrationRecord]) -> Iterator[str]:
    """Yield what steps show and do not do: a change, a name or a type. Steps without a record are left out."""
    for step in steps:
        record = None if isinstance(step, Create) else records.get(step.id)
        if record is None or isinstance(step, Create):
            continue
        old_name = step.renamed_from if isinstance(step, Update) and step.renamed_from is not None else step.name
        if (record.type, record.name) != (step.type, old_name):
            yield f"({step.id}) is {record.type.name.lower()} {record.name!r} and not what the plan shows"
        elif isinstance(step, Update) and not _sends_what_it_shows(step, record):
            yield f"{step.type.name.lower()} {step.name!r} ({step.id}): it would change other fields than it shows"


def _sends_what_it_shows(step: Update, record: IntegrationRecord) -> bool:
    try:
        target = target_of(step, record)
        shown = shown_changes(differences(record, target), record, target)
    except (AttributeError, TypeError, ValueError):  # a value that no definition has
        return False
    return identity(target) == identity(step) and step.changes == shown
