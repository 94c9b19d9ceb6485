"""The entries of a manifest, and the contradictions between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import attrs

from rocketchat_integrations.models import IncomingIntegration, OutgoingIntegration

from ._secrets import Secret


@attrs.frozen(kw_only=True)
class Entry:
    """One integration of a manifest: a complete definition, and the names of the fields that are given.

    Entries are compared without their ``script_file`` and ``place``.
    """

    definition: IncomingIntegration | OutgoingIntegration
    """The definition, with defaults filled in and secrets resolved."""

    given: frozenset[str] = frozenset()
    """The names of the fields that the manifest gives, in the entry or in its defaults. A ``script_file`` gives
    ``script``."""

    partial: bool = False
    """Whether only the fields in ``given`` are managed, and the others stay as they are on the server. Otherwise the
    entry is exact: a field that is not given has its default."""

    id: str | None = None
    """The server's id of the integration, where its name is ambiguous."""

    renamed_from: str | None = None
    """The previous name of the integration."""

    secrets: Mapping[str, Secret] = attrs.field(factory=dict[str, Secret], hash=False)
    """The sources of the fields that are secrets, by the names of the fields."""

    script_file: str | None = attrs.field(default=None, eq=False)
    """The file that the script was read from, as the manifest names it."""

    place: str = attrs.field(default="", eq=False)
    """The place of the entry, for messages: ``"integrations.toml: incoming[0]"``."""

    @property
    def managed(self) -> frozenset[str]:
        """The names of the fields to compare and to change: those given if the entry is partial, otherwise all.

        None for ``token``, ``script_engine`` and ``skip_transpile`` still means what the server has.
        """
        if self.partial:
            return self.given | {"name"}
        return frozenset(field.name for field in attrs.fields(type(self.definition)))


@attrs.frozen
class Scope:
    """The prefix of all names that a manifest manages, and the place where it is given."""

    prefix: str
    place: str


def contradictions(entries: Iterable[Entry], scopes: list[Scope]) -> Iterator[str]:
    """Yield the contradictions between entries and scopes that are valid by themselves."""
    for scope in scopes[1:]:
        if scope.prefix != scopes[0].prefix:
            yield f"{scope.place}: {scope.prefix!r} differs from {scopes[0].prefix!r} at {scopes[0].place}"
    for entry in entries:
        if scopes and not entry.definition.name.startswith(scopes[0].prefix):
            yield f"{entry.place}.name: {entry.definition.name!r} does not start with the scope {scopes[0].prefix!r}"
    for entry, first in _repeated(entries, lambda entry: (entry.definition.type, entry.definition.name)):
        if entry.id is None or first.id is None:
            yield (
                f"{entry.place}.name: {entry.definition.name!r} is also the name of {first.place}; "
                "entries with the same name need an id each"
            )
    for entry, first in _repeated(entries, lambda entry: entry.id):
        yield f"{entry.place}.id: {entry.id!r} is also the id of {first.place}"
    renamed = [entry for entry in entries if entry.renamed_from not in (None, entry.definition.name)]
    for entry, first in _repeated(renamed, lambda entry: (entry.definition.type, entry.renamed_from)):
        yield f"{entry.place}.renamed_from: {entry.renamed_from!r} is also renamed by {first.place}"
    names = {(entry.definition.type, entry.definition.name): entry for entry in entries}
    for entry in renamed:
        other = names.get((entry.definition.type, entry.renamed_from or ""))
        if other is not None and entry.id is None:
            yield (
                f"{entry.place}.renamed_from: {entry.renamed_from!r} is the name of {other.place}; remove renamed_from "
                "if the integration is renamed already, or give ids to swap names"
            )


def _repeated(entries: Iterable[Entry], key: Callable[[Entry], object]) -> Iterator[tuple[Entry, Entry]]:
    """Yield each entry whose key an earlier one has, with the first such entry."""
    first: dict[object, Entry] = {}
    for entry in entries:
        value = key(entry)
        if value is not None and first.setdefault(value, entry) is not entry:
            yield entry, first[value]
