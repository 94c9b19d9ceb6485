"""Integrations kept in files: TOML, YAML or JSON text in, complete definitions out, all mistakes at once.

Begin with :meth:`Manifest.load`. A file holds definitions under ``incoming`` and
``outgoing``, by the names of their fields; what may stand in it is described for people
in :doc:`/manifest`, and for editors by :func:`schema`.
"""

from __future__ import annotations

import difflib
import importlib.resources
import json
import os
import re
import stat
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard, cast

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ManifestError
from rocketchat_integrations.models import IncomingIntegration, IntegrationDefinition, OutgoingIntegration, trimmed

from . import _formats
from ._formats import UNREAD

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]

_LARGEST_MANIFEST = 16 * 2**20
_LARGEST_FILE = 2**20

_KINDS: dict[str, _Kind] = {"incoming": IncomingIntegration, "outgoing": OutgoingIntegration}

_FIELDS = {kind: [field.name for field in attrs.fields(kind)] for kind in _KINDS.values()}
_REQUIRED = {
    kind: [field.name for field in attrs.fields(kind) if field.default is attrs.NOTHING] for kind in _KINDS.values()
}

# A good value for each field, to judge the others by where one is wrong.
_GOOD: dict[str, Any] = {
    field: getattr(definition, field)
    for definition in (
        IncomingIntegration("x", username="x", channel="#x"),
        OutgoingIntegration("x", username="x", channel="#x", event="sendMessage", urls="x", target_room="x"),
    )
    for field in _FIELDS[type(definition)]
}

# The keys of a file, and which field a key gives.
_TOP = (*_KINDS, "defaults", "scope", "$schema")
_FIELD_OF_KEY = {**{field: field for field in _GOOD}, "script_file": "script"}
_OF_ONE_ENTRY = {"name", "id", "renamed_from"}
_KEYS = {kind: dict.fromkeys(("id", "renamed_from", *fields, "script_file")) for kind, fields in _FIELDS.items()}
_KEYS_UNDER_A_NAME = {kind: dict.fromkeys(key for key in keys if key != "name") for kind, keys in _KEYS.items()}
_KEYS_OF_DEFAULTS = {kind: dict.fromkeys(k for k in keys if k not in _OF_ONE_ENTRY) for kind, keys in _KEYS.items()}
_KEYS_OF_SHARED_DEFAULTS = dict.fromkeys((*_KINDS, *(key for keys in _KEYS_OF_DEFAULTS.values() for key in keys)))


class _Mistake(Exception):
    """One thing that is wrong, in words. Where it is, is added where that is known."""


@attrs.frozen(kw_only=True)
class Secret:
    """Where a secret comes from: an environment variable or a file.

    Its value is read when it is asked for, and kept nowhere.
    """

    env: str | None = None
    """The name of an environment variable."""

    file: str | None = None
    """The path of a file, as it is written in the manifest."""

    folder: str = "."
    """The folder that ``file`` is relative to: the manifest's. Absolute, so that a plan can be applied elsewhere."""

    allow_outside: bool = False
    """Whether ``file`` may lie outside of ``folder``."""

    def __attrs_post_init__(self) -> None:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret comes from either env or file")

    def resolve(self) -> str:
        """Read the secret: verbatim, but for the one line break at the end of a file.

        Raises:
            ManifestError: if there is no such variable or file, it cannot be read, or it is blank.
        """
        try:
            return _value(self)
        except _Mistake as mistake:
            problem = str(mistake)
        raise ManifestError(problem, reasons=(problem,))


def _no_secrets() -> dict[str, Secret]:
    return {}


@attrs.frozen(kw_only=True)
class Entry:
    """One integration of a manifest: a complete definition, and the fields that were given.

    Two entries are equal wherever they come from: their ``place`` does not count.
    """

    definition: IncomingIntegration | OutgoingIntegration
    """What is wanted, with defaults filled in and secrets resolved."""

    given: frozenset[str]
    """The names of the fields that the manifest gives, in the entry or in its defaults: the others may stay as they
    are on the server. A ``script_file`` gives ``script``."""

    id: str | None = None
    """The server's id of the integration that is meant, where its name does not settle that."""

    renamed_from: str | None = None
    """The name that it had until now."""

    secrets: Mapping[str, Secret] = attrs.field(factory=_no_secrets, hash=False)
    """Where the fields come from that are secrets, by the names of the fields."""

    place: str = attrs.field(default="", eq=False)
    """Where it stands, for messages: ``"integrations.toml:12: incoming[0]"``."""


@attrs.frozen(kw_only=True)
class Manifest:
    """The integrations that files ask for.

    It can also be made of entries that come from elsewhere; these are not checked.
    """

    entries: tuple[Entry, ...]
    """In the order of the files, and within a file as they stand there."""

    scope: str | None = None
    """What the names of all entries begin with: the part of the workspace that the manifest owns."""

    @classmethod
    @sealed
    def load(cls, *paths: str | os.PathLike[str], allow_outside: bool = False) -> Manifest:
        """Read a manifest from one or several files, each in the format that its suffix names.

        Relative paths in a file are relative to its folder. ``defaults`` concern the file
        that they stand in.

        Args:
            paths: files that end in ``.toml``, ``.yaml``, ``.yml`` or ``.json``.
            allow_outside: let ``script_file`` and secrets lie outside of the manifest's folder.

        Returns:
            The manifest, without mistakes.

        Raises:
            ManifestError: if there is anything wrong; its ``reasons`` are all that is.
        """
        readers = [_Reader(os.fspath(path), allow_outside=allow_outside) for path in paths]
        for reader in readers:
            reader.read()
        entries = tuple(entry for reader in readers for entry in reader.entries)
        reasons = [reason for reader in readers for reason in reader.reasons]
        scopes = [reader.scope for reader in readers if reader.scope is not None]
        reasons += _contradictions(entries, scopes)
        if not readers:
            reasons.append("no file is given; a manifest is at least one")
        if reasons:
            many = f"{len(reasons)} mistakes" if len(reasons) > 1 else "a mistake"
            raise ManifestError("\n  ".join([f"the manifest has {many}:", *reasons]), reasons=tuple(reasons))
        return cls(entries=entries, scope=scopes[0].prefix if scopes else None)


def schema() -> dict[str, Any]:
    """The JSON Schema of a manifest (draft 7), for editors and for checks without this package.

    It is the file ``manifest.schema.json`` in the installed package. It accepts every
    manifest that can be loaded, and cannot know what lies beyond one table: whether files
    and variables exist, whether names repeat, what a default makes of an entry.

    Returns:
        The schema, to change at will.
    """
    file = importlib.resources.files("rocketchat_integrations") / "manifest.schema.json"
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return content


# Between entries.


@attrs.frozen
class _Scope:
    prefix: str
    place: str


def _contradictions(entries: Iterable[Entry], scopes: list[_Scope]) -> Iterator[str]:
    """Yield in what entries and scopes, each in order by itself, contradict one another."""
    for scope in scopes[1:]:
        if scope.prefix != scopes[0].prefix:
            yield (
                f"{scope.place}: {scope.prefix!r} is not {scopes[0].prefix!r}, as {scopes[0].place} says; "
                "a manifest has one scope"
            )
    for entry in entries:
        if scopes and not entry.definition.name.startswith(scopes[0].prefix):
            yield f"{entry.place}.name: {entry.definition.name!r} does not begin with the scope {scopes[0].prefix!r}"
    for entry, first in _again(entries, lambda entry: (entry.definition.type, entry.definition.name)):
        if entry.id is None or first.id is None:
            yield (
                f"{entry.place}.name: {entry.definition.name!r} is the name of {first.place} as well; "
                "where two integrations have one name, each entry needs its id"
            )
    for entry, first in _again(entries, lambda entry: entry.id):
        yield f"{entry.place}.id: {entry.id!r} is the id of {first.place} as well; one integration is one entry"
    renamed = [entry for entry in entries if entry.renamed_from not in (None, entry.definition.name)]
    for entry, first in _again(renamed, lambda entry: (entry.definition.type, entry.renamed_from)):
        yield f"{entry.place}.renamed_from: {entry.renamed_from!r} becomes {first.place} already"
    names = {(entry.definition.type, entry.definition.name): entry for entry in entries}
    for entry in renamed:
        other = names.get((entry.definition.type, entry.renamed_from or ""))
        if other is not None and entry.id is None:
            yield (
                f"{entry.place}.renamed_from: {entry.renamed_from!r} is the name of {other.place}. If the renaming is "
                "done, take renamed_from away; to exchange names, give the ids"
            )


def _again(entries: Iterable[Entry], key: Callable[[Entry], object]) -> Iterator[tuple[Entry, Entry]]:
    """Yield each entry whose key was there before, with the first that had it."""
    first: dict[object, Entry] = {}
    for entry in entries:
        value = key(entry)
        if value is not None and first.setdefault(value, entry) is not entry:
            yield entry, first[value]


# Files.


def _read(file: str, largest: int, *, within: str | None = None) -> bytes:
    try:
        path = Path(os.path.realpath(file))
        if within is not None and not path.is_relative_to(os.path.realpath(within)):
            raise _Mistake("is outside of the manifest's folder, which only allow_outside permits")
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):  # to open a pipe could take for ever
            raise _Mistake("is a directory" if stat.S_ISDIR(mode) else "is not a file")
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
    except OSError as error:
        raise _Mistake(f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _Mistake("cannot be the name of a file") from None
    if len(content) > largest:
        raise _Mistake(f"is larger than {largest // 2**20} MiB")
    return content


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeDecodeError:
        raise _Mistake("is not UTF-8 text") from None


def _read_beside(folder: str, file: str, encoding: str, *, allow_outside: bool) -> str:
    """The text of a file that a manifest in this folder names."""
    try:
        content = _read(str(Path(folder, file)), _LARGEST_FILE, within=None if allow_outside else folder)
        return _decoded(content, encoding)
    except _Mistake as mistake:
        raise _Mistake(f"{file!r} {mistake}") from None


# Whoever writes a manifest chooses who gets its tokens. These would hand them the workspace.
_OUR_OWN = ("ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD")


def _variable(name: str) -> str:
    if name in _OUR_OWN:
        raise _Mistake(f"the environment variable {name!r} is what the client logs in with, and no integration's token")
    try:
        return os.environ[name]
    except (KeyError, ValueError):
        raise _Mistake(f"the environment variable {name!r} is not set") from None


def _value(secret: Secret) -> str:
    if secret.file is not None:
        text = _read_beside(secret.folder, secret.file, "utf-8", allow_outside=secret.allow_outside)
        value = re.sub(r"\r?\n\Z", "", text)
    else:
        value = _variable(str(secret.env))
    if not trimmed(value):
        raise _Mistake(f"{secret.file or secret.env!r} is blank")
    return value


# Words.

_WORDS = {"True": "true", "False": "false", "None": "null"}
_WORD = re.compile("|".join(_WORDS))
_KINDS_OF_VALUES = {
    "NoneType": "null",
    "bool": "true or false",
    "int": "a number",
    "float": "a number",
    "str": "text",
    "date": "a date",
    "datetime": "a date",
    "time": "a time",
    "list": "a list",
    "Array": "a list",
    "dict": "a table",
    "Table": "a table",
}
_MISTAKEN_FOR_TEXT = {"bool", "int", "float", "date", "datetime", "time"}


def _worded(problem: str) -> str:
    """What a definition says about a value, in terms of manifests."""
    rule, _, kind = problem.rpartition(", not ")
    if kind not in _KINDS_OF_VALUES:
        # Up to the value itself, which a problem shows at its end.
        return re.sub(r"None(?=[;,] )", "null", problem, count=1)
    rule = _WORD.sub(lambda word: _WORDS[word[0]], rule)
    text_is_due = rule.startswith(("must be text", "must hold texts")) and kind in _MISTAKEN_FOR_TEXT
    return f"{rule}, not {_KINDS_OF_VALUES[kind]}{'; write it in quotes' if text_is_due else ''}"


def _must_be(what: str, value: object) -> _Mistake:
    return _Mistake(_worded(f"must be {what}, not {type(value).__name__}"))


def _is_table(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_unread(value: object) -> bool:
    return value is UNREAD or (_is_table(value) and UNREAD in value.values())


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _must_be("text", value)
    return value


def _text_not_blank(value: object) -> str:
    text = _text(value)
    if not trimmed(text):
        raise _Mistake("must not be blank")
    return _unicode(text)


def _unicode(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _Mistake("must be Unicode text, and has half a surrogate pair")
    return text


def _name(value: object) -> str:
    return _unicode(_text(value))


def _meant(key: str, allowed: Collection[str]) -> str:
    close = difflib.get_close_matches(key.lower(), allowed, n=1)
    return f"did you mean {close[0]!r}?" if close else f"allowed are {', '.join(allowed)}"


def _refusal(key: str, path: _formats.Path, allowed: Collection[str]) -> str:
    """Why a key is not allowed in a table."""
    if key == "token":
        return "cannot be given: the server makes the token of an incoming integration"
    if key in _OF_ONE_ENTRY:
        return "is what one entry has, not a default" if path[0] == "defaults" else "is given already, as the key"
    if key in _FIELD_OF_KEY:
        (owner,) = (name for name, kind in _KINDS.items() if key in _FIELDS[kind])
        return f"is a field of {owner} integrations only"
    return f"is not known; {_meant(key, allowed)}"


def _dotted(path: _formats.Path) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if re.fullmatch(r"[\w-]+", step) else f".{step!r}"
    return text.removeprefix(".")


# One file.


@attrs.frozen(repr=False)
class _Given:
    """The fields that tables give, where each stands, and where those come from that are secrets."""

    values: dict[str, Any]
    paths: dict[str, _formats.Path]
    secrets: dict[str, Secret]

    def over(self, defaults: _Given) -> _Given:
        secrets = {field: secret for field, secret in defaults.secrets.items() if field not in self.values}
        return _Given({**defaults.values, **self.values}, {**defaults.paths, **self.paths}, {**secrets, **self.secrets})

    def of(self, kind: _Kind) -> _Given:
        """What of it an integration of this kind has."""
        fields = _FIELDS[kind]
        return _Given(
            {field: value for field, value in self.values.items() if field in fields},
            self.paths,
            {field: secret for field, secret in self.secrets.items() if field in fields},
        )


def _judged(kind: _Kind, values: dict[str, Any]) -> tuple[IntegrationDefinition, dict[str, Exception]]:
    """The definition, and what is wrong with which of its fields: these have a good value instead."""
    values = {field: _GOOD[field] if value is UNREAD else value for field, value in values.items()}
    problems: dict[str, Exception] = {}
    while True:
        try:
            return kind(**values), problems
        except (TypeError, ValueError) as error:
            field, _, problem = str(error).partition(": ")
            problems[field] = type(error)(_worded(problem))
            values = {**values, field: _GOOD[field]}


class _Reader:
    """Reads one file, and collects all that is wrong with it."""

    def __init__(self, file: str, *, allow_outside: bool) -> None:
        self.entries: list[Entry] = []
        self.scope: _Scope | None = None
        self.reasons: dict[str, None] = {}  # a wrong default is one mistake, however many entries take it
        self._file = file
        self._folder = str(Path(file).parent)
        self._allow_outside = allow_outside
        self._line = _formats.NOTHING.line
        self._defaults: dict[_Kind, _Given] = {}

    def read(self) -> None:
        """Fill ``entries``, ``scope`` and ``reasons``."""
        try:
            content = self._parsed()
        except _Mistake as mistake:
            self._tell((), str(mistake))
        except _formats.Unreadable as unreadable:
            self._tell_on(*unreadable.mistake)
        else:
            self._read_content(content)

    def _parsed(self) -> object:
        suffix = Path(self._file).suffix.lower()
        if suffix not in _formats.SUFFIXES:
            raise _Mistake(f"has no suffix that tells its format; allowed are {', '.join(_formats.SUFFIXES)}")
        text = _decoded(_read(self._file, _LARGEST_MANIFEST), "utf-8-sig")
        content, self._line, mistakes = _formats.parse(text, suffix) if text.strip() else _formats.NOTHING
        for mistake in mistakes:
            self._tell_on(*mistake)
        if content is None or content == {}:
            raise _Mistake(f"is empty; allowed are {', '.join(_TOP)}")
        return content

    def _at(self, line: int | None) -> str:
        return self._file if line is None else f"{self._file}:{line}"

    def _place(self, path: _formats.Path) -> str:
        return f"{self._at(self._line(path))}: {_dotted(path)}".removesuffix(": ")

    def _tell_on(self, line: int | None, problem: str) -> None:
        self.reasons[f"{self._at(line)}: {problem}"] = None

    def _tell(self, path: _formats.Path, problem: str) -> None:
        self.reasons[f"{self._place(path)}: {problem}"] = None

    def _table(self, value: object, path: _formats.Path) -> dict[str, Any] | None:
        if not _is_table(value):
            if value is not UNREAD:
                self._tell(path, str(_must_be("a table", value)))
            return None
        for key in _formats.repeated(value):
            self._tell((*path, key), "stands there twice, and only one can be meant")
        return value

    def _option(
        self, table: dict[str, Any], path: _formats.Path, key: str, read: Callable[[object], str] = _text_not_blank
    ) -> str | None:
        if table.get(key, UNREAD) is not UNREAD:
            try:
                return read(table[key])
            except _Mistake as mistake:
                self._tell((*path, key), str(mistake))
        return None

    def _read_content(self, content: object) -> None:
        top = self._table(content, ()) or {}
        for key in top:
            if key not in _TOP:
                self._tell((key,), f"is not known; {_meant(key, _TOP)}")
        self._option(top, (), "$schema")  # for editors
        prefix = self._option(top, (), "scope")
        if prefix is not None:
            self.scope = _Scope(prefix, self._place(("scope",)))
        self._read_defaults(self._table(top.get("defaults", {}), ("defaults",)) or {})
        for key in top:
            if key in _KINDS:
                self._read_entries(_KINDS[key], (key,), top[key])

    def _read_defaults(self, table: dict[str, Any]) -> None:
        path = ("defaults",)
        shared = self._given(table, path, _KEYS_OF_SHARED_DEFAULTS)
        for key, kind in _KINDS.items():
            content = self._table(table.get(key, {}), (*path, key)) or {}
            own = self._given(content, (*path, key), _KEYS_OF_DEFAULTS[kind])
            for defaults in (shared.of(kind), own):
                self._judge_defaults(kind, defaults)
            self._defaults[kind] = own.over(shared.of(kind))

    def _judge_defaults(self, kind: _Kind, defaults: _Given) -> None:
        """Tell what is wrong with defaults, each for itself, whether an entry takes it or not."""
        for field, value in defaults.values.items():
            _, problems = _judged(kind, {**dict.fromkeys(_FIELDS[kind], UNREAD), field: value})
            for problem in problems.values():
                # Which channels are right depends on the kind and the event of the entry.
                if field != "channel" or isinstance(problem, TypeError):
                    self._tell(defaults.paths[field], str(problem))

    def _read_entries(self, kind: _Kind, path: _formats.Path, content: object) -> None:
        if isinstance(content, list):
            for number, table in enumerate(cast("list[object]", content)):
                self._read_entry(kind, (*path, number), table)
        elif _is_table(content) and all(table is UNREAD or _is_table(table) for table in content.values()):
            for name, table in (self._table(content, path) or {}).items():
                self._read_entry(kind, (*path, name), table, name)
        elif content is not UNREAD:
            self._tell(path, f"must be a list of tables (in TOML: [[{path[0]}]]), or a table of tables by their names")

    def _read_entry(self, kind: _Kind, path: _formats.Path, content: object, name: str | None = None) -> None:
        table = self._table(content, path)
        if table is None:
            return
        own = self._given(table, path, _KEYS[kind] if name is None else _KEYS_UNDER_A_NAME[kind])
        if name is not None:
            own.values["name"], own.paths["name"] = name, path
        given = own.over(self._defaults[kind])
        missing = {field: UNREAD for field in _REQUIRED[kind] if field not in given.values}
        for field in missing:
            self._tell((*path, field), "is missing, and is needed")
        definition, problems = _judged(kind, {**missing, **given.values})
        for field, problem in problems.items():
            self._tell(given.paths.get(field, (*path, field)), str(problem))
        renamed_from = self._option(table, path, "renamed_from", _name)
        if renamed_from is not None and renamed_from == given.values.get("name"):
            self._tell((*path, "renamed_from"), "is the name itself; it must be another")
        entry = Entry(
            definition=definition,
            given=frozenset(given.values),
            id=self._option(table, path, "id"),
            renamed_from=renamed_from,
            secrets=given.secrets,
            place=self._place(path),
        )
        if given.values.get("name", UNREAD) is not UNREAD and "name" not in problems:
            self.entries.append(entry)

    def _given(self, table: dict[str, Any], path: _formats.Path, allowed: Collection[str]) -> _Given:
        """Read the fields in a table. One that cannot be read is told, and stays UNREAD."""
        given = _Given({}, {}, {})
        if "script" in table and "script_file" in table:
            self._tell((*path, "script_file"), "excludes script; give one of the two")
        for key, value in table.items():
            where = (*path, key)
            if key not in allowed:
                self._tell(where, _refusal(key, path, allowed))
            elif key in _FIELD_OF_KEY:
                field = _FIELD_OF_KEY[key]
                try:
                    if _is_unread(value):
                        value = UNREAD
                    elif key == "script_file":
                        value = self._script(value)
                    elif _is_table(value):
                        given.secrets[field] = self._secret(field, value, where)
                        value = _value(given.secrets[field])
                except _Mistake as mistake:
                    self._tell(where, str(mistake))
                    value = UNREAD
                given.values[field], given.paths[field] = value, where
        return given

    def _script(self, file: object) -> str:
        return _read_beside(self._folder, _text_not_blank(file), "utf-8-sig", allow_outside=self._allow_outside)

    def _secret(self, field: str, table: dict[str, Any], path: _formats.Path) -> Secret:
        if field != "token":
            raise _Mistake("must not be a table; only a token can come from { env = … } or { file = … }")
        self._table(table, path)
        for key in table:
            if key not in ("env", "file"):
                raise _Mistake(f"can come from env or file, not from {key!r}")
        if len(table) != 1:
            raise _Mistake("must come from either env or file")
        ((key, value),) = table.items()
        try:
            source = _text_not_blank(value)
        except _Mistake as mistake:
            raise _Mistake(f"{key} {mistake}") from None
        env, file = (source, None) if key == "env" else (None, source)
        folder = str(Path(self._folder).absolute())
        return Secret(env=env, file=file, folder=folder, allow_outside=self._allow_outside)
