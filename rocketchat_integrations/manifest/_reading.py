"""Load a manifest from one or several files: the entries and scope of each, and all mistakes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias, TypeGuard, TypeVar, cast

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations._validation import Problem, problems
from rocketchat_integrations.exceptions import ManifestError
from rocketchat_integrations.models import IncomingIntegration, IntegrationDefinition, OutgoingIntegration, unchecked

from ._entries import Entry, Scope, contradictions
from ._formats import UNREADABLE, Document, Table, line_of, parse
from ._secrets import SECRET_PREFIX, Secret, SecretRules, hidden_file, read_secret, read_text, read_text_beside
from ._wording import Invalid, KeyPath, check_flag, check_text, check_text_not_blank, describe, dotted, unknown_key

_T = TypeVar("_T")

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]

_MAX_SIZE = 16 * 2**20

_SUFFIXES = (".toml", ".yaml", ".yml", ".json")

KINDS: dict[str, _Kind] = {"incoming": IncomingIntegration, "outgoing": OutgoingIntegration}
"""The classes of definitions, by the keys under which entries are given."""

_TOP_KEYS = (*KINDS, "defaults", "scope", "$schema")

ENTRY_ONLY = ("name", "id", "renamed_from")
"""The keys that an entry may have, and defaults may not."""

_PARTIAL = "partial"


def field_names(kind: _Kind) -> list[str]:
    """Return the names of a definition's fields."""
    return [field.name for field in attrs.fields(kind)]


def required_fields(kind: _Kind) -> list[str]:
    """Return the names of the fields without a default."""
    return [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING]


def entry_keys(*kinds: _Kind, without: Collection[str] = ()) -> dict[str, None]:
    """Return the keys of an entry of one of these kinds, in order."""
    keys = (*ENTRY_ONLY, _PARTIAL, *(key for kind in kinds for key in (*field_names(kind), "script_file")))
    return dict.fromkeys(key for key in keys if key not in without)


_FIELDS = {field for kind in KINDS.values() for field in field_names(kind)}
_SHARED_DEFAULTS_KEYS = {**dict.fromkeys(KINDS), **entry_keys(*KINDS.values(), without=ENTRY_ONLY)}


class _Given(NamedTuple):
    """The value of a field that a table gives, and its source if it is a secret or a script in a file."""

    value: object
    path: KeyPath
    secret: Secret | None = None
    file: str | None = None


_Fields: TypeAlias = dict[str, _Given]


def _values(fields: _Fields) -> dict[str, object]:
    return {field: given.value for field, given in fields.items()}


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _refusal(key: str, path: KeyPath, allowed: Collection[str]) -> str:
    """Return why a key is not allowed in a table."""
    if key == "token":
        return "cannot be given: the server generates the token of an incoming integration"
    if key in ENTRY_ONLY:
        return "cannot be a default" if path[0] == "defaults" else "is already given as the key"
    if key in _FIELDS:
        (owner,) = (name for name, kind in KINDS.items() if key in field_names(kind))
        return f"is a field of {owner} integrations only"
    return unknown_key(key, allowed)


def _parse(text: str, suffix: str) -> Document:
    if suffix not in (".yaml", ".yml"):
        return parse(text, suffix)
    try:
        from ._yaml import parse_yaml
    except ImportError:
        hint = "python -m pip install 'rocketchat-integrations[cli]'"
        raise Invalid(f"reading YAML requires PyYAML, which is not installed: {hint}") from None
    return parse_yaml(text)


class FileReader:
    """Reads one file, and collects all mistakes in it."""

    def __init__(self, file: str, *, allow_outside: bool, partial: bool, rules: SecretRules) -> None:
        self.entries: list[Entry] = []
        self.scope: Scope | None = None
        self.reasons: dict[str, None] = {}  # unique: a wrong default is one mistake, however many entries use it
        self._file = file
        self._folder = str(Path(file).parent)
        self._allow_outside = allow_outside
        self._partial = partial
        self._rules = rules
        self._content: object = None
        self._defaults: dict[_Kind, _Fields] = {}
        self._partial_by_default: dict[_Kind, bool] = {}

    def read(self) -> None:
        """Fill ``entries``, ``scope`` and ``reasons``."""
        try:
            self._content = self._parse_file()
        except Invalid as invalid:
            self._report((), str(invalid), invalid.line)
        else:
            self._read_content()

    def _parse_file(self) -> object:
        suffix = Path(self._file).suffix.lower()
        if suffix not in _SUFFIXES:
            raise Invalid(f"has an unknown suffix; allowed are {', '.join(_SUFFIXES)}")
        text = read_text(self._file, "utf-8-sig", _MAX_SIZE)
        content, mistakes = _parse(text, suffix) if text.strip() else (None, [])
        for line, message in mistakes:
            self._report((), message, line)
        if content is None or content == {}:
            raise Invalid(f"is empty; allowed are {', '.join(_TOP_KEYS)}")
        return content

    def _place(self, path: KeyPath, line: int | None = None) -> str:
        line = line_of(self._content, path) if line is None else line
        file = self._file if line is None else f"{self._file}:{line}"
        return f"{file}: {dotted(path)}".removesuffix(": ")

    def _report(self, path: KeyPath, message: str, line: int | None = None) -> None:
        self.reasons[f"{self._place(path, line)}: {message}"] = None

    def _read_content(self) -> None:
        top = self._table(self._content, ())
        for key in top:
            if key not in _TOP_KEYS:
                self._report((key,), unknown_key(key, _TOP_KEYS))
        self._option(top, (), "$schema", check_text_not_blank)  # for editors
        prefix = self._option(top, (), "scope", check_text_not_blank)
        if prefix is not None:
            self.scope = Scope(prefix, self._place(("scope",)))
        self._read_defaults(self._table(top.get("defaults", {}), ("defaults",)))
        for key in top:
            if key in KINDS:
                self._read_entries(KINDS[key], key, top[key])

    def _table(self, value: object, path: KeyPath) -> dict[str, Any]:
        """Return a value that should be a table, or else an empty one."""
        if not _is_table(value):
            if value is not UNREADABLE:
                self._report(path, describe(Problem("", "must be a table", type(value))))
            return {}
        for key in value.repeated if isinstance(value, Table) else ():
            self._report((*path, key), "is given twice")
        return value

    def _option(self, table: dict[str, Any], path: KeyPath, key: str, check: Callable[[object], _T]) -> _T | None:
        if table.get(key, UNREADABLE) is not UNREADABLE:
            try:
                return check(table[key])
            except Invalid as invalid:
                self._report((*path, key), str(invalid))
        return None

    # Defaults and entries.

    def _read_defaults(self, table: dict[str, Any]) -> None:
        shared = self._read_fields(table, ("defaults",), _SHARED_DEFAULTS_KEYS)
        is_partial = self._read_partial(table, ("defaults",), default=False)
        for key, kind in KINDS.items():
            path = ("defaults", key)
            inherited = {field: shared[field] for field in shared if field in field_names(kind)}
            of_kind = self._table(table.get(key, {}), path)
            own = self._read_fields(of_kind, path, entry_keys(kind, without=ENTRY_ONLY))
            self._partial_by_default[kind] = self._read_partial(of_kind, path, default=is_partial)
            for defaults in (inherited, own):
                self._check_defaults(kind, defaults)
            self._defaults[kind] = {**inherited, **own}

    def _read_partial(self, table: dict[str, Any], path: KeyPath, *, default: bool) -> bool:
        value = self._option(table, path, _PARTIAL, check_flag)
        return default if value is None else value

    def _check_defaults(self, kind: _Kind, defaults: _Fields) -> None:
        """Report what is wrong with each default by itself, whether an entry uses it or not."""
        definition = unchecked(kind, _values(defaults))
        for field, given in defaults.items():
            others = set(field_names(kind)).difference([] if given.value is UNREADABLE else [field])
            for problem in problems(definition, [field], unreadable=others):
                # Which channels are allowed depends on the type and the event of the entry.
                if field != "channel" or problem.wrong_type is not None:
                    self._report(given.path, describe(problem))

    def _read_entries(self, kind: _Kind, key: str, content: object) -> None:
        if isinstance(content, list):
            for number, table in enumerate(cast("list[object]", content)):
                self._read_entry(kind, (key, number), table)
        elif _is_table(content) and all(table is UNREADABLE or _is_table(table) for table in content.values()):
            for name, table in self._table(content, (key,)).items():
                self._read_entry(kind, (key, name), table, name)
        elif content is not UNREADABLE:
            self._report((key,), f"must be a list of tables (in TOML: [[{key}]]) or a table of tables by name")

    def _read_entry(self, kind: _Kind, path: KeyPath, content: object, name: str | None = None) -> None:
        table = self._table(content, path)
        if not _is_table(content):
            return
        own = self._read_fields(table, path, entry_keys(kind, without=() if name is None else ["name"]))
        if name is not None:
            own["name"] = _Given(name, path)
        fields = {**self._defaults[kind], **own}
        definition = unchecked(kind, _values(fields))
        wrong = self._check_fields(definition, fields, path)
        renamed_from = self._option(table, path, "renamed_from", check_text)
        if renamed_from is not None and renamed_from == definition.name:
            self._report((*path, "renamed_from"), "must differ from the name")
        entry = Entry(
            definition=definition,
            given=frozenset(fields),
            renamed_from=renamed_from,
            partial=self._partial or self._read_partial(table, path, default=self._partial_by_default[kind]),
            id=self._option(table, path, "id", check_text_not_blank),
            script_file=fields["script"].file if "script" in fields else None,
            secrets={field: given.secret for field, given in fields.items() if given.secret is not None},
            place=self._place(path),
        )
        if "name" not in wrong:
            self.entries.append(entry)

    def _check_fields(self, definition: IntegrationDefinition, fields: _Fields, path: KeyPath) -> set[str]:
        """Report what is wrong with the fields of an entry, and return the names of these fields."""
        missing = [field for field in required_fields(type(definition)) if field not in fields]
        for field in missing:
            self._report((*path, field), "is required")
        wrong = {*missing, *(field for field, given in fields.items() if given.value is UNREADABLE)}
        for problem in problems(definition, unreadable=tuple(wrong)):
            place = fields[problem.field].path if problem.field in fields else (*path, problem.field)
            self._report(place, describe(problem))
            wrong.add(problem.field)
        return wrong

    # Fields.

    def _read_fields(self, table: dict[str, Any], path: KeyPath, allowed: Collection[str]) -> _Fields:
        """Read the fields in a table. One that cannot be read is reported, and stays UNREADABLE."""
        fields: _Fields = {}
        if "script" in table and "script_file" in table:
            self._report((*path, "script_file"), "cannot be combined with script")
        for key, value in table.items():
            where = (*path, key)
            field = "script" if key == "script_file" else key
            if key not in allowed:
                self._report(where, _refusal(key, path, allowed))
            elif field in _FIELDS:
                try:
                    fields[field] = self._read_field(key, value, where)
                except Invalid as invalid:
                    self._report(where, str(invalid))
                    fields[field] = _Given(UNREADABLE, where)
        return fields

    def _read_field(self, key: str, value: object, path: KeyPath) -> _Given:
        if value is UNREADABLE or (_is_table(value) and UNREADABLE in value.values()):
            return _Given(UNREADABLE, path)
        if key == "script_file":
            file = check_text_not_blank(value)
            # The server would get its text, such as that of `.env`.
            refusal = hidden_file(self._folder, file)
            if refusal is not None:
                raise Invalid(refusal)
            text = read_text_beside(self._folder, file, "utf-8-sig", allow_outside=self._allow_outside)
            return _Given(text, path, file=file)
        if not _is_table(value):
            return _Given(value, path)
        if key != "token":
            raise Invalid("must not be a table; only a token can be { env = … } or { file = … }")
        secret = self._read_source(value, path)
        refusal = self._rules.refusal(secret)
        if refusal is not None:
            raise Invalid(refusal)
        return _Given(read_secret(secret), path, secret)

    def _read_source(self, table: dict[str, Any], path: KeyPath) -> Secret:
        self._table(table, path)
        for key in table:
            if key not in ("env", "file"):
                raise Invalid(f"has an unknown key {key!r}; allowed are env, file")
        if len(table) != 1:
            raise Invalid("must have either env or file")
        ((key, value),) = table.items()
        try:
            source = {key: check_text_not_blank(value)}
        except Invalid as invalid:
            raise Invalid(f"{key} {invalid}") from None
        return Secret(**source, folder=str(Path(self._folder).absolute()), allow_outside=self._allow_outside)


@attrs.frozen(kw_only=True)
class Manifest:
    """The integrations that a workspace should have.

    It can also be made from entries of another origin; these are not checked.
    """

    entries: tuple[Entry, ...]
    """The entries, in the order of the files and of their tables."""

    scope: str | None = None
    """The prefix of the names of all entries: the part of the workspace that the manifest manages."""

    @classmethod
    @sealed
    def load(
        cls,
        *paths: str | os.PathLike[str],
        allow_outside: bool = False,
        partial: bool = False,
        secret_prefix: str = SECRET_PREFIX,
        secret_names: Iterable[str] = (),
    ) -> Self:
        """Read a manifest from one or several files, each in the format of its suffix.

        Relative paths in a file are relative to its folder. ``defaults`` apply to the file
        that contains them.

        Args:
            paths: files that end in ``.toml``, ``.yaml``, ``.yml`` or ``.json``.
            allow_outside: let ``script_file`` and secrets be outside of the manifest's folder.
            partial: make all entries partial, even those with ``partial = false``: fields that an entry does
                not give stay as they are on the server.
            secret_prefix: how the names of environment variables begin that the files may read. Empty: all may be
                read, except the client's own credentials.
            secret_names: environment variables that the files may read although their names lack the prefix.

        Returns:
            The manifest, without mistakes.

        Raises:
            ManifestError: if there is any mistake; its ``reasons`` are all of them.
        """
        rules = SecretRules(secret_prefix, frozenset(secret_names))
        entries, scope, reasons = read_files(paths, allow_outside=allow_outside, partial=partial, rules=rules)
        if reasons:
            count = f"{len(reasons)} mistakes" if len(reasons) > 1 else "a mistake"
            raise ManifestError("\n  ".join([f"the manifest has {count}:", *reasons]), reasons=reasons)
        return cls(entries=entries, scope=scope)


def read_files(
    paths: Iterable[str | os.PathLike[str]], *, allow_outside: bool, partial: bool, rules: SecretRules
) -> tuple[tuple[Entry, ...], str | None, tuple[str, ...]]:
    """Return the entries of the files, the scope, and all mistakes. Wrong fields of an entry have unchecked values."""
    files = [os.fspath(path) for path in paths]
    readers = [FileReader(file, allow_outside=allow_outside, partial=partial, rules=rules) for file in files]
    for reader in readers:
        reader.read()
    entries = tuple(entry for reader in readers for entry in reader.entries)
    scopes = [reader.scope for reader in readers if reader.scope is not None]
    reasons = [reason for reader in readers for reason in reader.reasons]
    reasons += contradictions(entries, scopes)
    if not readers:
        reasons.append("no file is given")
    return entries, scopes[0].prefix if scopes else None, in_order(reasons, files)


def in_order(reasons: Iterable[str], files: Sequence[str]) -> tuple[str, ...]:
    """Return mistakes, which begin with their places, sorted by file and line."""

    def place(reason: str) -> tuple[int, int]:
        for number, file in enumerate(files):
            if reason.startswith(f"{file}:"):
                line = reason[len(file) + 1 :].partition(":")[0]
                return number, int(line) if line.isdecimal() else 0
        return len(files), 0

    return tuple(sorted(reasons, key=place))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a manifest (draft 7), for editors and for checks without this package.

    It is the file ``manifest.schema.json`` in the installed package. It accepts every
    manifest that can be loaded. It does not know whether files and variables exist,
    whether names repeat, or what a default makes of an entry: loading reports that.

    Returns:
        The schema, which may be changed.
    """
    from importlib.resources import files  # three milliseconds that loading does not need

    text = (files("rocketchat_integrations") / "manifest.schema.json").read_text(encoding="utf-8")
    return cast("dict[str, Any]", json.loads(text))
