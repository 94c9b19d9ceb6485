"""Turn a manifest or definitions into checked entries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.models import (
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)

from ._steps import Identity, identity, label


def entries_of(wanted: Manifest | Iterable[IntegrationDefinition]) -> list[Entry]:
    """Return the entries, sorted by type and name.

    Raises:
        ConfigurationError: if there is something else among them, or two entries contradict each other.
    """
    entries = sorted(_entries(wanted), key=lambda entry: identity(entry.definition))
    _refuse_contradictions(entries)
    return entries


def scope_of(wanted: object) -> str:
    """Return the prefix of the names that a manifest owns.

    Raises:
        ConfigurationError: if it has none.
    """
    scope = wanted.scope if isinstance(wanted, Manifest) else None
    if not scope:
        raise ConfigurationError(
            "prune: needs a manifest with a scope, the prefix of the names that it owns; prune='all' removes "
            "everything that is not wanted"
        )
    return scope


def old_identity(entry: Entry) -> Identity | None:
    """Return type and old name; None if there is no old name, or if the id decides."""
    if entry.id is not None or entry.renamed_from is None or entry.renamed_from == entry.definition.name:
        return None
    return entry.definition.type, entry.renamed_from


def place_of(entry: Entry) -> str:
    """Name an entry in a message, with its place in the manifest."""
    name = label(*identity(entry.definition))
    return f"{entry.place}: {name}" if entry.place else name


def _entries(wanted: Manifest | Iterable[IntegrationDefinition]) -> Iterable[Entry]:
    if isinstance(wanted, Manifest):
        return map(_checked, wanted.entries)
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise ConfigurationError(f"wanted: must be a Manifest or definitions, not {type(wanted).__name__}")
    return map(_entry, wanted)


def _checked(entry: Entry) -> Entry:
    """Check an entry, which may have been made without a file."""
    definition = _plain(entry.definition)
    unknown = sorted(entry.given.difference(FIELDS[definition.type]))
    if unknown:
        raise ConfigurationError(f"{place_of(entry)}: unknown fields in given: {', '.join(unknown)}")
    return attrs.evolve(entry, definition=definition)


def _entry(definition: IntegrationDefinition) -> Entry:
    definition = _plain(definition)
    return Entry(definition=definition, given=frozenset(FIELDS[definition.type]))


def _plain(definition: IntegrationDefinition) -> IntegrationDefinition:
    if isinstance(definition, (IncomingIntegrationRecord, OutgoingIntegrationRecord)):
        return definition.definition
    if not isinstance(definition, (IncomingIntegration, OutgoingIntegration)):
        raise ConfigurationError(f"wanted: must contain definitions, not {type(definition).__name__}")
    return definition


def _refuse_contradictions(entries: list[Entry]) -> None:
    problems = [
        *_duplicates(entries, _open_identity(entries), "same type and name; give each of them an id"),
        *_duplicates(entries, lambda it: it.id, "same id"),
        *_duplicates(entries, old_identity, "same renamed_from"),
    ]
    wanted = {identity(entry.definition) for entry in entries}
    problems += [
        f"{place_of(entry)}: renamed_from is the name of another entry. If the rename is done, remove renamed_from; "
        "to exchange names, give the ids"
        for entry in entries
        if old_identity(entry) in wanted
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))


def _open_identity(entries: list[Entry]) -> Callable[[Entry], object]:
    """Return a function that gives the identity of an entry; None if all entries with this identity have ids."""
    open_ones = {identity(entry.definition) for entry in entries if entry.id is None}
    return lambda entry: name if (name := identity(entry.definition)) in open_ones else None


def _duplicates(entries: list[Entry], key: Callable[[Entry], object], problem: str) -> Iterator[str]:
    """Report the entries that share a key. A key of None is shared with nothing."""
    groups: dict[object, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    for shared, group in groups.items():
        if shared is not None and len(group) > 1:
            yield f"{', '.join(map(place_of, group))}: {problem}"
