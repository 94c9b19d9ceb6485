"""Options for the fields of definitions, made from the definitions themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias, cast

import attrs
import click
from click.core import ParameterSource

from rocketchat_integrations._validation import FieldType, field_types
from rocketchat_integrations.models import IncomingIntegration, OutgoingIntegration

from .credentials import read_secret, warn_if_typed
from .input_files import read_file_or_stdin
from .shared_options import File, completed_from

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]
_Command: TypeAlias = Callable[..., Any]

_FIELDS = {name for kind in (IncomingIntegration, OutgoingIntegration) for name in field_types(kind)}
_CLEARABLE = {
    field.name
    for kind in (IncomingIntegration, OutgoingIntegration)
    for field in attrs.fields(kind)
    if field.default is None and field.name != "token"  # the server does not let a token be removed
}
# Fields that hold several values, each of which is an option.
_SINGULAR = {"urls": "url", "trigger_words": "trigger-word"}


def field_options(*kinds: _Kind, are_needed: bool) -> Callable[[_Command], _Command]:
    """Return a decorator that adds options for all fields of these definitions; :func:`given_fields` reads them.

    Args:
        kinds: the definitions.
        are_needed: whether options for required fields are required.
    """
    types = {name: type for kind in kinds for name, type in field_types(kind).items()}
    fields = {field.name: field for kind in kinds for field in attrs.fields(kind)}
    helps: dict[str, list[str]] = {}
    for kind in kinds:
        for field in attrs.fields(kind):
            helps.setdefault(field.name, []).append(field.metadata["help"])

    def with_options(command: _Command) -> _Command:
        for name, field in reversed(fields.items()):
            help = " ".join(dict.fromkeys(helps[name]))
            is_needed = are_needed and field.default is attrs.NOTHING
            for option in _options(name, types[name], help, required=is_needed):
                command = option(command)
        return command

    return with_options


def _options(name: str, type: FieldType, help: str, **how: Any) -> Iterable[Callable[[_Command], _Command]]:
    option = f"--{_SINGULAR.get(name, name).replace('_', '-')}"
    how["shell_complete"] = completed_from(type.choices)
    if type.choices:
        help = f"{help} One of: {', '.join(type.choices)}."
    if name == "script":
        help = f"File with the script, - for standard input: {help}"
        yield click.option("--script-file", name, metavar="FILE", type=File(), callback=_read_script, help=help)
    elif name == "token":
        yield click.option("--token", callback=warn_if_typed, help=help)
        help = f"File with the token. {help}"
        yield click.option("--token-file", metavar="FILE", type=File(), callback=read_secret, help=help)
    elif type.base is bool:
        yield click.option(f"{option}/--no-{option[2:]}", name, default=None, help=help)
    elif type.base is tuple:
        yield click.option(option, name, multiple=True, help=f"{help} May be given several times.", **how)
    else:
        yield click.option(option, name, callback=_read_number if type.base is int else None, help=help, **how)


def _read_number(_: click.Context, __: click.Parameter, value: str | None) -> Any:
    if not value:
        return value
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a whole number")
    return int(value)


def _read_script(context: click.Context, __: click.Parameter, path: str | None) -> str | None:
    if not path or context.resilient_parsing:
        return path
    content = read_file_or_stdin(path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path!r} is not UTF-8 text") from None


def given_fields() -> dict[str, Any]:
    """Return the fields that the command line gives. An empty value clears a field."""
    context = click.get_current_context()
    fields: dict[str, Any] = {}
    for option, value in context.params.items():
        name = "token" if option == "token_file" else option
        if name in _FIELDS and context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            fields[name] = _cleared_or(name, value)
    return fields


def _cleared_or(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        texts = cast("tuple[str, ...]", value)
        # Definitions split text, and refuse a blank channel, which would mean every public one.
        return tuple(filter(None, texts)) if name == "urls" else ",".join(texts)
    return None if value == "" and name in _CLEARABLE else value
