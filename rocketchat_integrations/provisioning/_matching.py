"""Find the record that each entry of a manifest means: by id, by name, by old name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias, TypeVar

from rocketchat_integrations.exceptions import AmbiguousIntegration, ConfigurationError, ProvisioningError
from rocketchat_integrations.manifest import Entry
from rocketchat_integrations.models import IntegrationRecord

from ._steps import Identity, identity, label
from ._wanted_entries import old_identity, place_of

Match: TypeAlias = tuple[Entry, IntegrationRecord | None]
"""An entry, and its record; None if it has to be created."""


def matches_of(entries: list[Entry], records: list[IntegrationRecord]) -> list[Match]:
    """Match entries with records.

    Raises:
        AmbiguousIntegration: if several records match an entry; all such cases at once.
        ProvisioningError: if there is no record with the id that an entry gives.
    """
    ids = {entry.id for entry in entries}
    by_id = {record.id: record for record in records if record.id in ids}
    named: dict[Identity, list[IntegrationRecord]] = defaultdict(list)
    for record in records:
        if record.id not in ids:
            named[identity(record)].append(record)
    return collect(lambda entry: (entry, _match(entry, by_id, named)), entries)


def _match(
    entry: Entry, by_id: Mapping[str, IntegrationRecord], named: Mapping[Identity, list[IntegrationRecord]]
) -> IntegrationRecord | None:
    old = old_identity(entry)
    current = named.get(identity(entry.definition), [])
    previous = [] if old is None else named.get(old, [])
    if entry.id is not None:
        return _match_by_id(entry, by_id.get(entry.id), current)
    if current and previous:
        raise AmbiguousIntegration(
            f"{place_of(entry)}: there is an integration with this name ({_ids(current)}) and one with the old name "
            f"({_ids(previous)}): remove renamed_from, or give the id of the one that is meant"
        )
    found = current or previous
    if len(found) > 1:
        raise AmbiguousIntegration(
            f"{place_of(entry)}: {len(found)} integrations have {'this name' if current else 'the old name'} "
            f"({_ids(found)}): give the id of the one that is meant"
        )
    return found[0] if found else None


def _match_by_id(entry: Entry, record: IntegrationRecord | None, named: list[IntegrationRecord]) -> IntegrationRecord:
    if record is None:
        raise ProvisioningError(f"{place_of(entry)}: there is no integration with the id {entry.id!r}")
    if record.type is not entry.definition.type:
        raise ProvisioningError(f"{place_of(entry)}: the id {entry.id!r} belongs to {label(*identity(record))}")
    if named and record.name != entry.definition.name:
        raise AmbiguousIntegration(f"{place_of(entry)}: cannot rename {record.id}: {_ids(named)} has this name")
    return record


def _ids(records: Iterable[IntegrationRecord]) -> str:
    return ", ".join(record.id for record in records)


_A = TypeVar("_A")
_B = TypeVar("_B")


def collect(function: Callable[[_A], _B], items: Iterable[_A]) -> list[_B]:
    """Apply a function to each item; raise all its errors as one.

    Raises:
        AmbiguousIntegration: if one of the errors is an AmbiguousIntegration.
        ConfigurationError: if this was the first error.
        ProvisioningError: if this was the first error.
    """
    results: list[_B] = []
    errors: list[ConfigurationError | ProvisioningError] = []
    for item in items:
        try:
            results.append(function(item))
        except (ConfigurationError, ProvisioningError) as error:
            errors.append(error)
    if errors:
        is_ambiguous = any(isinstance(error, AmbiguousIntegration) for error in errors)
        kind = AmbiguousIntegration if is_ambiguous else type(errors[0])
        raise kind("\n".join(map(str, errors)))
    return results
