"""Planning: finds what is wanted among what is there, and compares. Pure, but for one listing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Literal, TypeAlias, TypeVar

import attrs

from rocketchat_integrations._protocol.normalization import FIELDS, changed_fields, differences
from rocketchat_integrations._redaction import HIDDEN
from rocketchat_integrations.exceptions import AmbiguousIntegration, ConfigurationError, ProvisioningError
from rocketchat_integrations.manifest import Entry, Manifest
from rocketchat_integrations.models import (
    Change,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    validate,
)

from ._plan import Plan
from ._steps import (
    SECRET_FIELDS,
    Create,
    Identity,
    LiteralSecret,
    Remove,
    Secrets,
    Unchanged,
    Update,
    called,
    fingerprint,
    identity,
)
from ._workspace import Workspace

Prune: TypeAlias = bool | Literal["all"]


def plan(wanted: Manifest | Iterable[IntegrationDefinition], client: Workspace, *, prune: Prune = False) -> Plan:
    """Find out what has to be done so that a workspace is as wanted. Reads once through the list; writes nothing.

    What is wanted is found by its ``id`` if its entry gives one, then by type and name, then by type and the name that
    it is ``renamed_from``: renaming keeps id and token. It is compared as :func:`~rocketchat_integrations.differences`
    does, in the fields that are given: the others stay as they are.

    Args:
        wanted: a manifest; or definitions, all of whose fields count as given, but for a ``token`` of None.
        client: a :class:`~rocketchat_integrations.Client`. What it may not see counts as not there. One that it cannot
            read stops the plan (:class:`~rocketchat_integrations.DecodingError`, with its id): it might be wanted.
        prune: what to remove. False: nothing. True: what is not wanted, has a name in the manifest's ``scope``
            and was created by the user who asks. ``"all"``: everything that is not wanted.

    Raises:
        ConfigurationError: if an argument is wrong, two are wanted with the same type and name, or what is wanted could
            not be written; all such mistakes at once.
        AmbiguousIntegration: if it cannot be told which integration is meant; all such cases at once.
        ProvisioningError: if there is none with an ``id`` that an entry gives.
        RocketChatError: the failure of a call.
    """
    if not (isinstance(prune, bool) or prune == "all"):
        raise ConfigurationError(f"prune: must be False, True or 'all', not {prune!r}")
    entries = sorted(_entries(wanted), key=lambda entry: identity(entry.definition))
    scope = _scope(wanted) if prune is True else ""
    _refuse_contradictions(entries)
    records = sorted(client.list(), key=lambda record: (*identity(record), record.id))
    matches = _matches(entries, records)
    steps = _each(lambda match: _step(*match), matches)
    removals: list[IntegrationRecord] = []
    if prune:
        creator = client.user_id() if prune is True else None
        kept = {record.id for _, record in matches if record is not None}
        removals = [
            record
            for record in records
            if record.id not in kept and record.name.startswith(scope) and creator in (None, record.created_by.id)
        ]
    return Plan(
        creates=tuple(step for step in steps if isinstance(step, Create)),
        updates=tuple(step for step in steps if isinstance(step, Update)),
        removals=tuple(Remove(id=it.id, type=it.type, name=it.name, seen=fingerprint(it)) for it in removals),
        unchanged=tuple(step for step in steps if isinstance(step, Unchanged)),
        prune=bool(prune),
    )


# What is wanted


def _entries(wanted: Manifest | Iterable[IntegrationDefinition]) -> Iterable[Entry]:
    if isinstance(wanted, Manifest):
        return map(_checked, wanted.entries)
    if isinstance(wanted, str) or not isinstance(wanted, Iterable):
        raise ConfigurationError(f"wanted: must be a Manifest or definitions, not {type(wanted).__name__}")
    return [_entry(definition) for definition in wanted]


def _checked(entry: Entry) -> Entry:
    """The entry of a manifest, which may come from elsewhere than a file."""
    definition = _plain(entry.definition)
    odd = sorted(entry.given.difference(FIELDS[definition.type]))
    if odd:
        raise ConfigurationError(f"{_where(entry)}: given: {', '.join(odd)} is no field of it")
    return attrs.evolve(entry, definition=definition)


def _entry(definition: IntegrationDefinition) -> Entry:
    definition = _plain(definition)
    return Entry(definition=definition, given=frozenset(FIELDS[definition.type]))


def _plain(definition: IntegrationDefinition) -> IntegrationDefinition:
    if isinstance(definition, (IncomingIntegrationRecord, OutgoingIntegrationRecord)):
        return definition.definition
    if not isinstance(definition, (IncomingIntegration, OutgoingIntegration)):
        raise ConfigurationError(f"wanted: must hold definitions, not {type(definition).__name__}")
    return definition


def _scope(wanted: object) -> str:
    scope = wanted.scope if isinstance(wanted, Manifest) else None
    if not scope:
        raise ConfigurationError(
            "prune: needs a manifest with a scope, the beginning of the names that it owns; prune='all' removes "
            "everything that is not wanted"
        )
    return scope


def _refuse_contradictions(entries: list[Entry]) -> None:
    """Refuse entries that cannot both be what they say."""
    problems = [
        *_told_twice(entries, _open_identity(entries), "each type and name can be wanted only once, but by ids"),
        *_told_twice(entries, lambda it: it.id, "both have the same id"),
        *_told_twice(entries, _old_identity, "both have the same renamed_from"),
    ]
    wanted = {identity(entry.definition) for entry in entries}
    for entry in entries:
        if _old_identity(entry) in wanted:
            problems.append(
                f"{_where(entry)}: renamed_from is the name of another entry. If the renaming is done, take it away; "
                "to exchange names, give the ids"
            )
    if problems:
        raise ConfigurationError("\n".join(problems))


def _open_identity(entries: list[Entry]) -> Callable[[Entry], object]:
    """Gives the identity of an entry; None where all the entries that share it have ids, which tell them apart."""
    open_ones = {identity(entry.definition) for entry in entries if entry.id is None}
    return lambda entry: name if (name := identity(entry.definition)) in open_ones else None


def _told_twice(entries: list[Entry], key: Callable[[Entry], object], problem: str) -> Iterator[str]:
    groups: dict[object, list[Entry]] = defaultdict(list)
    for entry in entries:
        groups[key(entry)].append(entry)
    for told, group in groups.items():
        if told is not None and len(group) > 1:
            yield f"{', '.join(map(_where, group))}: {problem}"


def _old_identity(entry: Entry) -> Identity | None:
    """The identity that it may have until it is renamed; None if it says none, or if its id settles which it is."""
    if entry.id is not None or entry.renamed_from is None or entry.renamed_from == entry.definition.name:
        return None
    return entry.definition.type, entry.renamed_from


def _where(entry: Entry) -> str:
    name = called(entry.definition.type, entry.definition.name)
    return f"{entry.place}: {name}" if entry.place else name


# What is there of it

_Match: TypeAlias = tuple[Entry, IntegrationRecord | None]


def _matches(entries: list[Entry], records: list[IntegrationRecord]) -> list[_Match]:
    settled = {entry.id for entry in entries}
    by_id = {record.id: record for record in records if record.id in settled}
    named: dict[Identity, list[IntegrationRecord]] = defaultdict(list)
    for record in records:
        if record.id not in settled:
            named[identity(record)].append(record)
    return _each(lambda entry: (entry, _match(entry, by_id, named)), entries)


def _match(
    entry: Entry, by_id: Mapping[str, IntegrationRecord], named: Mapping[Identity, list[IntegrationRecord]]
) -> IntegrationRecord | None:
    """The record that an entry means; None if it is to be created."""
    new, old = identity(entry.definition), _old_identity(entry)
    there, before = named.get(new, []), [] if old is None else named.get(old, [])
    if entry.id is not None:
        return _match_by_id(entry, by_id.get(entry.id), there)
    if there and before:
        raise AmbiguousIntegration(
            f"{_where(entry)}: there is one with this name ({_ids(there)}) and one with the name that it is renamed "
            f"from ({_ids(before)}): take renamed_from away, or give the id of the one that is meant"
        )
    found = there or before
    if len(found) > 1:
        raise AmbiguousIntegration(
            f"{_where(entry)}: there are {len(found)} with {'this name' if there else 'its old name'} "
            f"({_ids(found)}): give the id of the one that is meant"
        )
    return found[0] if found else None


def _match_by_id(entry: Entry, record: IntegrationRecord | None, there: list[IntegrationRecord]) -> IntegrationRecord:
    if record is None:
        raise ProvisioningError(f"{_where(entry)}: there is no integration with the id {entry.id!r}")
    if record.type is not entry.definition.type:
        raise ProvisioningError(f"{_where(entry)}: the id {entry.id!r} is that of {called(*identity(record))}")
    if there and record.name != entry.definition.name:
        raise AmbiguousIntegration(f"{_where(entry)}: {record.id} is to get this name, and {_ids(there)} has it")
    return record


def _ids(records: Iterable[IntegrationRecord]) -> str:
    return ", ".join(record.id for record in records)


# What is to be done to it


def _step(entry: Entry, record: IntegrationRecord | None) -> Create | Update | Unchanged:
    if record is None:
        _check(entry, entry.definition, None)
        return Create(
            definition=_without_secrets(entry.definition),
            secrets=_secrets(entry, SECRET_FIELDS),
            renamed_from=entry.renamed_from if _old_identity(entry) else None,
        )
    name, given = entry.definition.name, entry.given | {"name"}
    target = _evolved(record, entry.definition, given)
    changes = differences(record, target)
    if not changes:
        return Unchanged(id=record.id, type=record.type, name=name, seen=fingerprint(record))
    _check(entry, target, changed_fields(record, target))
    return Update(
        id=record.id,
        type=record.type,
        name=name,
        renamed_from=record.name if record.name != name else None,
        changes=tuple(map(_without_values, changes)),
        fields={field: getattr(entry.definition, field) for field in sorted(given - SECRET_FIELDS)},
        secrets=_secrets(entry, {change.field for change in changes}),
        seen=fingerprint(record),
    )


def _evolved(record: IntegrationRecord, definition: IntegrationDefinition, given: Iterable[str]) -> IntegrationRecord:
    # Not by way of a variable: there is a token among the values.
    return attrs.evolve(record, **{field: getattr(definition, field) for field in given})


def _check(entry: Entry, wanted: IntegrationDefinition, fields: Iterable[str] | None) -> None:
    """Refuse now what the client would refuse to write later."""
    try:
        validate(wanted, fields)
        return
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(f"{_where(entry)}: {problem}")


def _secrets(entry: Entry, fields: Iterable[str]) -> Secrets:
    return {
        field: entry.secrets.get(field) or LiteralSecret(getattr(entry.definition, field))
        for field in SECRET_FIELDS.intersection(fields)
        if getattr(entry.definition, field, None) is not None
    }


def _without_secrets(definition: IntegrationDefinition) -> IntegrationDefinition:
    return attrs.evolve(definition, token=None) if isinstance(definition, OutgoingIntegration) else definition


def _without_values(change: Change) -> Change:
    if change.field not in SECRET_FIELDS:
        return change
    return Change(change.field, *(None if value is None else HIDDEN for value in (change.old, change.new)))


# All mistakes at once

_A = TypeVar("_A")
_B = TypeVar("_B")


def _each(function: Callable[[_A], _B], items: Iterable[_A]) -> list[_B]:
    """What the function makes of each item; or one refusal, which tells all."""
    results: list[_B] = []
    refusals: list[ConfigurationError | ProvisioningError] = []
    for item in items:
        try:
            results.append(function(item))
        except (ConfigurationError, ProvisioningError) as refusal:
            refusals.append(refusal)
    if refusals:
        is_ambiguous = any(isinstance(refusal, AmbiguousIntegration) for refusal in refusals)
        kind = AmbiguousIntegration if is_ambiguous else type(refusals[0])
        raise kind("\n".join(map(str, refusals)))
    return results
