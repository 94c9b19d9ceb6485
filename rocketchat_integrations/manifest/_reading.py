"""Read one file of a manifest: its entries and scope, and all mistakes in it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, cast

import attrs

from rocketchat_integrations._validation import problems
from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationDefinition,
    OutgoingIntegration,
    unchecked,
)

from . import _formats
from ._entries import Entry, Scope
from ._formats import UNREADABLE
from ._secrets import Secret, read_secret, read_text, read_text_beside
from ._wording import Invalid, check_text, check_text_not_blank, describe, dotted, unknown_key, wrong_type

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]

_MAX_SIZE = 16 * 2**20

KINDS: dict[str, _Kind] = {"incoming": IncomingIntegration, "outgoing": OutgoingIntegration}
"""The classes of definitions, by the keys under which entries are given."""

TOP_KEYS = (*KINDS, "defaults", "scope", "$schema")
"""The keys at the top of a file."""

ENTRY_ONLY = ("name", "id", "renamed_from")
"""The keys that an entry may have, and defaults may not."""


def field_names(kind: _Kind) -> list[str]:
    """Return the names of a definition's fields."""
    return [field.name for field in attrs.fields(kind)]


def required_fields(kind: _Kind) -> list[str]:
    """Return the names of the fields without a default."""
    return [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]


def entry_keys(kind: _Kind, *, without: Collection[str] = ()) -> dict[str, None]:
    """Return the keys of an entry, in order."""
    keys = ("name", "id", "renamed_from", *field_names(kind), "script_file")
    return dict.fromkeys(key for key in keys if key not in without)


_FIELDS = {field for kind in KINDS.values() for field in field_names(kind)}
_DEFAULTS_KEYS = {kind: entry_keys(kind, without=ENTRY_ONLY) for kind in KINDS.values()}
_SHARED_DEFAULTS_KEYS = dict.fromkeys((*KINDS, *(key for keys in _DEFAULTS_KEYS.values() for key in keys)))


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _refusal(key: str, path: _formats.Path, allowed: Collection[str]) -> str:
    """Return why a key is not allowed in a table."""
    if key == "token":
        return "cannot be given: the server generates the token of an incoming integration"
    if key in ENTRY_ONLY:
        return "cannot be a default" if path[0] == "defaults" else "is already given as the key"
    if key in _FIELDS:
        (owner,) = (name for name, kind in KINDS.items() if key in field_names(kind))
        return f"is a field of {owner} integrations only"
    return unknown_key(key, allowed)


@attrs.frozen(repr=False)
class _Fields:
    """The fields that tables give, where they are given, and the sources of those that are secrets."""

    values: dict[str, Any]
    paths: dict[str, _formats.Path]
    secrets: dict[str, Secret]

    def with_defaults(self, defaults: _Fields) -> _Fields:
        """Return these fields, and the defaults of the others."""
        secrets = {field: secret for field, secret in defaults.secrets.items() if field not in self.values}
        values, paths = {**defaults.values, **self.values}, {**defaults.paths, **self.paths}
        return _Fields(values, paths, {**secrets, **self.secrets})

    def fields_of(self, kind: _Kind) -> _Fields:
        """Return the fields that an integration of this kind has."""
        values, secrets = (
            {field: value for field, value in items.items() if field in field_names(kind)}
            for items in (self.values, self.secrets)
        )
        return _Fields(values, self.paths, secrets)

    def unreadable(self) -> list[str]:
        """Return the fields whose mistake is already reported."""
        return [field for field, value in self.values.items() if value is UNREADABLE]


class FileReader:
    """Reads one file, and collects all mistakes in it."""

    def __init__(self, file: str, *, allow_outside: bool) -> None:
        self.entries: list[Entry] = []
        self.scope: Scope | None = None
        self.reasons: dict[str, None] = {}  # unique: a wrong default is one mistake, however many entries use it
        self._file = file
        self._folder = str(Path(file).parent)
        self._allow_outside = allow_outside
        self._content: object = None
        self._defaults: dict[_Kind, _Fields] = {}

    def read(self) -> None:
        """Fill ``entries``, ``scope`` and ``reasons``."""
        try:
            self._content = self._parse()
        except Invalid as invalid:
            self._report((), str(invalid))
        except _formats.Unreadable as unreadable:
            self._report_at_line(*unreadable.mistake)
        else:
            self._read_content()

    def _parse(self) -> object:
        suffix = Path(self._file).suffix.lower()
        if suffix not in _formats.SUFFIXES:
            raise Invalid(f"has an unknown suffix; allowed are {', '.join(_formats.SUFFIXES)}")
        text = read_text(self._file, "utf-8-sig", _MAX_SIZE)
        content, mistakes = _formats.parse(text, suffix) if text.strip() else (None, [])
        for mistake in mistakes:
            self._report_at_line(*mistake)
        if content is None or content == {}:
            raise Invalid(f"is empty; allowed are {', '.join(TOP_KEYS)}")
        return content

    def _place(self, path: _formats.Path) -> str:
        return f"{self._file_and_line(_formats.line_of(self._content, path))}: {dotted(path)}".removesuffix(": ")

    def _file_and_line(self, line: int | None) -> str:
        return self._file if line is None else f"{self._file}:{line}"

    def _report(self, path: _formats.Path, message: str) -> None:
        self.reasons[f"{self._place(path)}: {message}"] = None

    def _report_at_line(self, line: int | None, message: str) -> None:
        self.reasons[f"{self._file_and_line(line)}: {message}"] = None

    def _read_content(self) -> None:
        top = self._table(self._content, ()) or {}
        for key in top:
            if key not in TOP_KEYS:
                self._report((key,), unknown_key(key, TOP_KEYS))
        self._option(top, (), "$schema")  # for editors
        prefix = self._option(top, (), "scope")
        if prefix is not None:
            self.scope = Scope(prefix, self._place(("scope",)))
        self._read_defaults(self._table(top.get("defaults", {}), ("defaults",)) or {})
        for key in top:
            if key in KINDS:
                self._read_entries(KINDS[key], (key,), top[key])

    def _table(self, value: object, path: _formats.Path) -> dict[str, Any] | None:
        if not _is_table(value):
            if value is not UNREADABLE:
                self._report(path, str(wrong_type("a table", value)))
            return None
        for key in value.repeated if isinstance(value, _formats.Table) else ():
            self._report((*path, key), "is given twice")
        return value

    def _option(
        self,
        table: dict[str, Any],
        path: _formats.Path,
        key: str,
        check: Callable[[object], str] = check_text_not_blank,
    ) -> str | None:
        if table.get(key, UNREADABLE) is not UNREADABLE:
            try:
                return check(table[key])
            except Invalid as invalid:
                self._report((*path, key), str(invalid))
        return None

    # Defaults and entries.

    def _read_defaults(self, table: dict[str, Any]) -> None:
        path = ("defaults",)
        shared = self._read_fields(table, path, _SHARED_DEFAULTS_KEYS)
        for key, kind in KINDS.items():
            content = self._table(table.get(key, {}), (*path, key)) or {}
            own = self._read_fields(content, (*path, key), _DEFAULTS_KEYS[kind])
            for defaults in (shared.fields_of(kind), own):
                self._check_defaults(kind, defaults)
            self._defaults[kind] = own.with_defaults(shared.fields_of(kind))

    def _check_defaults(self, kind: _Kind, defaults: _Fields) -> None:
        """Report what is wrong with each default by itself, whether an entry uses it or not."""
        definition = unchecked(kind, defaults.values)
        for field, value in defaults.values.items():
            others = set(field_names(kind)).difference([] if value is UNREADABLE else [field])
            for problem in problems(definition, [field], unreadable=others):
                # Which channels are allowed depends on the type and the event of the entry.
                if field != "channel" or problem.wrong_type is not None:
                    self._report(defaults.paths[field], describe(problem))

    def _read_entries(self, kind: _Kind, path: _formats.Path, content: object) -> None:
        if isinstance(content, list):
            for number, table in enumerate(cast("list[object]", content)):
                self._read_entry(kind, (*path, number), table)
        elif _is_table(content) and all(table is UNREADABLE or _is_table(table) for table in content.values()):
            for name, table in (self._table(content, path) or {}).items():
                self._read_entry(kind, (*path, name), table, name)
        elif content is not UNREADABLE:
            self._report(path, f"must be a list of tables (in TOML: [[{path[0]}]]) or a table of tables by name")

    def _read_entry(self, kind: _Kind, path: _formats.Path, content: object, name: str | None = None) -> None:
        table = self._table(content, path)
        if table is None:
            return
        own = self._read_fields(table, path, entry_keys(kind, without=() if name is None else ["name"]))
        if name is not None:
            own.values["name"], own.paths["name"] = name, path
        fields = own.with_defaults(self._defaults[kind])
        definition = unchecked(kind, fields.values)
        wrong = self._check_fields(definition, fields, path)
        entry = Entry(
            definition=definition,
            given=frozenset(fields.values),
            renamed_from=self._renamed_from(table, path, fields.values.get("name")),
            id=self._option(table, path, "id"),
            secrets=fields.secrets,
            place=self._place(path),
        )
        if "name" not in wrong:
            self.entries.append(entry)

    def _check_fields(self, definition: IntegrationDefinition, fields: _Fields, path: _formats.Path) -> set[str]:
        """Report what is wrong with the fields of an entry, and return the names of these fields."""
        missing = [field for field in required_fields(type(definition)) if field not in fields.values]
        for field in missing:
            self._report((*path, field), "is required")
        wrong = {*missing, *fields.unreadable()}
        for problem in problems(definition, unreadable=tuple(wrong)):
            self._report(fields.paths.get(problem.field, (*path, problem.field)), describe(problem))
            wrong.add(problem.field)
        return wrong

    def _renamed_from(self, table: dict[str, Any], path: _formats.Path, name: object) -> str | None:
        renamed_from = self._option(table, path, "renamed_from", check_text)
        if renamed_from is not None and renamed_from == name:
            self._report((*path, "renamed_from"), "must differ from the name")
        return renamed_from

    # Fields.

    def _read_fields(self, table: dict[str, Any], path: _formats.Path, allowed: Collection[str]) -> _Fields:
        """Read the fields in a table. One that cannot be read is reported, and stays UNREADABLE."""
        fields = _Fields({}, {}, {})
        if "script" in table and "script_file" in table:
            self._report((*path, "script_file"), "cannot be combined with script")
        for key, value in table.items():
            where = (*path, key)
            field = "script" if key == "script_file" else key
            if key not in allowed:
                self._report(where, _refusal(key, path, allowed))
            elif field in _FIELDS:
                try:
                    fields.values[field] = self._read_value(fields, key, value, where)
                except Invalid as invalid:
                    self._report(where, str(invalid))
                    fields.values[field] = UNREADABLE
                fields.paths[field] = where
        return fields

    def _read_value(self, fields: _Fields, key: str, value: object, path: _formats.Path) -> object:
        if value is UNREADABLE or (_is_table(value) and UNREADABLE in value.values()):
            return UNREADABLE
        if key == "script_file":
            file = check_text_not_blank(value)
            return read_text_beside(self._folder, file, "utf-8-sig", allow_outside=self._allow_outside)
        if not _is_table(value):
            return value
        if key != "token":
            raise Invalid("must not be a table; only a token can be { env = … } or { file = … }")
        fields.secrets[key] = self._read_source(value, path)
        return read_secret(fields.secrets[key])

    def _read_source(self, table: dict[str, Any], path: _formats.Path) -> Secret:
        self._table(table, path)
        for key in table:
            if key not in ("env", "file"):
                raise Invalid(f"has an unknown key {key!r}; allowed are env, file")
        if len(table) != 1:
            raise Invalid("must have either env or file")
        ((key, value),) = table.items()
        try:
            source = check_text_not_blank(value)
        except Invalid as invalid:
            raise Invalid(f"{key} {invalid}") from None
        env, file = (source, None) if key == "env" else (None, source)
        folder = str(Path(self._folder).absolute())
        return Secret(env=env, file=file, folder=folder, allow_outside=self._allow_outside)
