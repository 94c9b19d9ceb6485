"""Check the entries that are wanted, and find the record that each one means: by id, by name, by old name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TypeAlias, TypeVar

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations.exceptions import AmbiguousIntegration, ConfigurationError, ProvisioningError
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.models import (
    Definition,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)

from ._steps import Identity, identity, label

Wanted: TypeAlias = Manifest | Iterable[Definition]
"""What to plan for. With the base class, since mypy infers ``list[Definition]`` for a list of both types."""

RecordsByName: TypeAlias = Mapping[Identity, list[IntegrationRecord]]


def entries_of(wanted: Wanted) -> list[Entry]:
    """Return the entries, checked and sorted by type and name."""
    if isinstance(wanted, Manifest):
        entries = list(map(_checked, wanted.entries))
    elif isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise ConfigurationError(f"wanted: must be a Manifest or definitions, not {type(wanted).__name__}")
    else:
        entries = [Entry(definition=definition) for definition in map(_plain, wanted)]
    entries.sort(key=lambda entry: identity(entry.definition))
    problems = list(_contradictions(entries))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return entries


def _checked(entry: Entry) -> Entry:
    """Check an entry, which may have been made without a file."""
    definition = _plain(entry.definition)
    unknown = sorted(entry.given.difference(FIELDS[definition.type]))
    if unknown:
        raise ConfigurationError(f"{place_of(entry)}: unknown fields in given: {', '.join(unknown)}")
    return attrs.evolve(entry, definition=definition)


def _plain(definition: Definition) -> IntegrationDefinition:
    if isinstance(definition, (IncomingIntegrationRecord, OutgoingIntegrationRecord)):
        return definition.definition
    if not isinstance(definition, (IncomingIntegration, OutgoingIntegration)):
        raise ConfigurationError(f"wanted: must contain definitions, not {type(definition).__name__}")
    return definition


def _contradictions(entries: list[Entry]) -> Iterator[str]:
    wanted = {identity(entry.definition) for entry in entries}
    without_id = {identity(entry.definition) for entry in entries if entry.id is None}

    def name_without_id(entry: Entry) -> Identity | None:
        return name if (name := identity(entry.definition)) in without_id else None

    yield from _duplicates(entries, name_without_id, "same type and name; give each of them an id")
    yield from _duplicates(entries, lambda entry: entry.id, "same id")
    yield from _duplicates(entries, old_identity, "same renamed_from")
    for entry in entries:
        if old_identity(entry) in wanted:
            yield (
                f"{place_of(entry)}: renamed_from is the name of another entry. If the rename is done, remove "
                "renamed_from; to exchange names, give the ids"
            )


def _duplicates(entries: list[Entry], key: Callable[[Entry], object], problem: str) -> Iterator[str]:
    """Report the entries that share a key. A key of None is shared with nothing."""
    groups: dict[object, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    for shared, group in groups.items():
        if shared is not None and len(group) > 1:
            yield f"{', '.join(map(place_of, group))}: {problem}"


def old_identity(entry: Entry) -> Identity | None:
    """Return type and old name; None if there is no old name, or if the id decides."""
    if entry.id is not None or entry.renamed_from is None or entry.renamed_from == entry.definition.name:
        return None
    return entry.definition.type, entry.renamed_from


def place_of(entry: Entry) -> str:
    """Name an entry in a message, with its place in the manifest."""
    name = label(entry.definition)
    return f"{entry.place}: {name}" if entry.place else name


def by_name(records: Iterable[IntegrationRecord], without_ids: Collection[str]) -> RecordsByName:
    """Group records by type and name, without those that have certain ids."""
    named: dict[Identity, list[IntegrationRecord]] = defaultdict(list)
    for record in records:
        if record.id not in without_ids:
            named[identity(record)].append(record)
    return named


def matches_of(entries: list[Entry], records: list[IntegrationRecord]) -> list[tuple[Entry, IntegrationRecord | None]]:
    """Return each entry with its record; None if it has to be created. Raise all errors as one."""
    ids = {entry.id for entry in entries if entry.id is not None}
    by_id = {record.id: record for record in records if record.id in ids}
    named = by_name(records, ids)
    return collect(lambda entry: (entry, _match(entry, by_id, named)), entries)


def _match(entry: Entry, by_id: Mapping[str, IntegrationRecord], named: RecordsByName) -> IntegrationRecord | None:
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
        raise ProvisioningError(f"{place_of(entry)}: the id {entry.id!r} belongs to {label(record)}")
    if named and record.name != entry.definition.name:
        raise AmbiguousIntegration(f"{place_of(entry)}: cannot rename {record.id}: {_ids(named)} has this name")
    return record


def _ids(records: Iterable[IntegrationRecord]) -> str:
    return ", ".join(record.id for record in records)


_A = TypeVar("_A")
_B = TypeVar("_B")


def collect(function: Callable[[_A], _B], items: Iterable[_A]) -> list[_B]:
    """Apply a function to each item.

    Raise all errors as one: AmbiguousIntegration if any is one, else the first error's class.
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
