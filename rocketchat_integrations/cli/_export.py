"""``export``: a manifest of what a workspace has, with its scripts in files beside it."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any, cast

import attrs
import click

from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import (
    IncomingIntegration,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
)

from ._credentials import Credentials
from ._data import plain
from ._files import write_private
from ._finding import called
from ._messages import print_error, told
from ._options import KINDS, File, json_option, kind_of
from ._outcome import Failure
from ._output import print_json
from ._progress import counted

_DEFINITIONS = {IntegrationType.INCOMING: IncomingIntegration, IntegrationType.OUTGOING: OutgoingIntegration}


@click.command("export")
@click.argument("manifest", metavar="MANIFEST", type=File())
@click.option("--with-secrets", is_flag=True, help="Also write the tokens, to a file .env that only you can read.")
@click.option("--force", is_flag=True, help="Write over files that are there.")
@json_option
@click.pass_obj
def export_command(credentials: Credentials, manifest: str, with_secrets: bool, force: bool, as_json: bool) -> None:
    """Write a manifest of what a workspace has.

    The suffix of MANIFEST tells the format: .toml, .yaml, .yml or .json. Scripts go into files beside it. Tokens of
    outgoing webhooks do not: the manifest says in which variables of the environment they are to be.
    """
    path = Path(manifest)
    if path.suffix.lower() not in _WRITERS:
        raise click.UsageError(f"MANIFEST must end in {', '.join(_WRITERS)}")
    with credentials.client() as client:
        export = exported(list(counted(client.list(on_error=_leave_out))))
    files = {path.parent / name: script for name, script in export.scripts.items()}
    files[path] = _WRITERS[path.suffix.lower()](export.content).encode()
    secrets = {path.parent / ".env": _environment(export.variables)} if with_secrets else {}
    _write(files, secrets, force=force)
    written = [str(file) for file in (*files, *secrets)]
    print_error(f"written: {', '.join(written)}")
    if export.variables and not with_secrets:
        print_error(f"to use it, set {', '.join(export.variables)}; --with-secrets writes them to a file")
    if as_json:
        print_json({"files": written, "variables": list(export.variables)})


def _leave_out(error: DecodingError) -> None:
    print_error(f"warning: left out: {told(error)}")


def _write(files: dict[Path, bytes], secrets: dict[Path, bytes], *, force: bool) -> None:
    there = [str(file) for file in (*files, *secrets) if os.path.lexists(file)]
    if there and not force:
        raise Failure(f"there already: {', '.join(there)}; --force writes over them. Nothing was written")
    for file, content in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    for file, content in secrets.items():
        write_private(file, content)


# From records to what a manifest says


@attrs.frozen(repr=False)
class Export:
    """What goes into the files."""

    content: dict[str, list[dict[str, Any]]]
    """The manifest: tables by ``incoming`` and ``outgoing``."""

    scripts: dict[str, bytes]
    """By their paths, relative to the manifest."""

    variables: dict[str, str]
    """Tokens, by the names of variables."""


def exported(records: Collection[IntegrationRecord]) -> Export:
    """What a manifest says of these integrations. One that no manifest could ask for is left out, with a warning."""
    export = Export({kind: [] for kind in KINDS}, {}, {})
    times = Counter((record.type, record.name) for record in records)
    for record in sorted(records, key=lambda record: (record.name, record.id)):
        fields = _fields_of(record)
        try:
            _DEFINITIONS[record.type](**fields)
        except (TypeError, ValueError) as error:
            print_error(f"warning: left out: {called(record)} ({record.id}): {told(error)}")
            continue
        if times[record.type, record.name] > 1:
            fields = {"id": record.id, **fields}
        export.content[kind_of(record.type)].append(_with_references(fields, export))
    return export


def _with_references(fields: dict[str, Any], export: Export) -> dict[str, Any]:
    """The fields, with the names of a file and a variable instead of a script and a token: these go elsewhere."""
    slug = re.sub(r"[^A-Za-z0-9]+", "-", fields["name"]).strip("-")
    if "script" in fields:
        file = _free(f"scripts/{slug or 'script'}", "-", ".js", export.scripts)
        export.scripts[file] = _script(fields.pop("script"))
        fields["script_file"] = file
    if "token" in fields:
        variable = _free(f"ROCKETCHAT_TOKEN_{slug.replace('-', '_').upper() or 'BOT'}", "_", "", export.variables)
        export.variables[variable] = fields["token"]
        fields["token"] = {"env": variable}
    return fields


def _fields_of(record: IntegrationRecord) -> dict[str, Any]:
    """The fields that say something: no defaults, no blank texts, and not the engine, which is the server's affair."""
    fields = {
        field.name: plain(getattr(record, field.name))
        for field in attrs.fields(_DEFINITIONS[record.type])
        if field.name != "script_engine" and _says_something(getattr(record, field.name), field.default)
    }
    if not str(fields.get("token", "")).strip():
        fields.pop("token", None)
    return fields


def _says_something(value: object, default: object) -> bool:
    return default is attrs.NOTHING or (value != default and bool(value or default))


def _script(text: str) -> bytes:
    # A manifest takes the mark at the beginning of a file for what it usually is.
    return text.encode("utf-8-sig" if text.startswith("\ufeff") else "utf-8")


def _free(name: str, joint: str, ending: str, taken: Iterable[str]) -> str:
    """The name, or the name with a number: one that is not taken, also where capitals do not count."""
    low = {other.lower() for other in taken}
    found, number = f"{name}{ending}", 1
    while found.lower() in low:
        number += 1
        found = f"{name}{joint}{number}{ending}"
    return found


# The formats


def _toml(content: dict[str, list[dict[str, Any]]]) -> str:
    lines = [f"{kind} = []" for kind, tables in content.items() if not tables]
    for kind, tables in content.items():
        for table in tables:
            lines += ["", f"[[{kind}]]", *(f"{key} = {_toml_value(value)}" for key, value in table.items())]
    return "\n".join([*lines, ""]).lstrip()


def _toml_value(value: object) -> str:
    if isinstance(value, dict):
        table = cast("dict[str, object]", value)
        return "{ " + ", ".join(f"{key} = {_toml_value(inner)}" for key, inner in table.items()) + " }"
    # Otherwise as JSON has it, which leaves one control character alone that TOML does not.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _yaml(content: dict[str, list[dict[str, Any]]]) -> str:
    import yaml

    text: str = yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
    return text


def _json(content: dict[str, list[dict[str, Any]]]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


_WRITERS: dict[str, Callable[[dict[str, list[dict[str, Any]]]], str]] = {
    ".toml": _toml,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".json": _json,
}


def _environment(variables: dict[str, str]) -> bytes:
    """As a shell reads it: ``set -a; . ./.env``."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items()).encode()
