"""Options for the fields of definitions, made of the definitions themselves."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias, cast, get_origin, get_type_hints

import attrs
import click
from click.core import ParameterSource

from rocketchat_integrations.models import (
    SCRIPT_ENGINE,
    EventType,
    IncomingIntegration,
    OutgoingIntegration,
    RetryDelay,
)

from .credentials import read_secret, warn_if_typed
from .options import File, completed_from

_Kind: TypeAlias = type[IncomingIntegration] | type[OutgoingIntegration]
_Command: TypeAlias = Callable[..., Any]

_HELP = {
    "name": "How it is called.",
    "username": "The user that it posts as, often rocket.cat.",
    "enabled": "Whether it works at all.",
    "alias": "A name to show instead of the user's.",
    "avatar": "The URL of a picture to show.",
    "emoji": "An emoji to show as the picture, such as :robot:.",
    "script_enabled": "Whether the script is run.",
    "script": "A file with JavaScript that the server runs; - for standard input.",
    "script_engine": f"In what the script is run: {SCRIPT_ENGINE}.",
    "skip_transpile": "Run the script as it is, without Babel.",
    "channel": "Where it posts or listens: #room or @user; may be given several times.",
    "override_destination_channel_enabled": "Whether a message may name another channel.",
    "event": f"What it waits for: {', '.join(EventType)}.",
    "urls": "Where Rocket.Chat posts to; may be given several times.",
    "trigger_words": "What a message has to start with; may be given several times.",
    "trigger_word_anywhere": "Whether a trigger word may stand anywhere in the message.",
    "target_room": "Where replies are posted instead of the room that fired.",
    "token": "The token shows the program that Rocket.Chat is who calls.",
    "run_on_edits": "Whether an edited message fires again.",
    "impersonate_user": "Whether a reply is posted as the user whose message fired.",
    "retry_failed_calls": "Whether it calls again after a failure.",
    "retry_count": "How often it calls again.",
    "retry_delay": f"How long it waits before it calls again: {', '.join(RetryDelay)}.",
}
_VALUES: dict[str, Iterable[str]] = {"event": EventType, "retry_delay": RetryDelay, "script_engine": [SCRIPT_ENGINE]}
_CLEARABLE = {
    field.name
    for kind in (IncomingIntegration, OutgoingIntegration)
    for field in attrs.fields(kind)
    if field.default is None and field.name != "token"  # which the server lets nobody take away
}
# Fields that hold several values, each of which is an option.
_SINGULAR = {"urls": "url", "trigger_words": "trigger-word"}


def field_options(*kinds: _Kind, are_needed: bool) -> Callable[[_Command], _Command]:
    """Options for all fields of these definitions; :func:`given_fields` reads them.

    Args:
        kinds: whose fields.
        are_needed: whether what a definition cannot do without has to be given.
    """
    hints = {name: hint for kind in kinds for name, hint in get_type_hints(kind).items()}
    fields = {field.name: field for kind in kinds for field in attrs.fields(kind)}

    def with_options(command: _Command) -> _Command:
        for name, field in reversed(fields.items()):
            is_needed = are_needed and field.default is attrs.NOTHING
            for option in _options(name, hints[name], required=is_needed):
                command = option(command)
        return command

    return with_options


def _options(name: str, hint: Any, **how: Any) -> Iterable[Callable[[_Command], _Command]]:
    how["shell_complete"] = completed_from(_VALUES.get(name, ()))
    option, help = f"--{_SINGULAR.get(name, name).replace('_', '-')}", _HELP[name]
    if name == "script":
        yield click.option("--script-file", name, metavar="FILE", type=File(), callback=_read_script, help=help)
    elif name == "token":
        yield click.option("--token", callback=warn_if_typed, help="The token itself.")
        yield click.option(
            "--token-file", metavar="FILE", type=File(), callback=read_secret, help=f"A file with the token. {help}"
        )
    elif hint is bool or bool in _parts(hint):
        yield click.option(f"{option}/--no-{option[2:]}", name, default=None, help=help)
    elif get_origin(hint) is tuple:
        yield click.option(option, name, multiple=True, help=help, **how)
    else:
        yield click.option(option, name, callback=_read_number if int in _parts(hint) else None, help=help, **how)


def _parts(hint: Any) -> tuple[Any, ...]:
    """The types of which a value may be."""
    return getattr(hint, "__args__", ())


def _read_number(_: click.Context, __: click.Parameter, value: str | None) -> Any:
    if not value:
        return value
    if not re.fullmatch(r"\d{1,9}", value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a whole number")
    return int(value)


def _read_script(context: click.Context, __: click.Parameter, path: str | None) -> str | None:
    if not path or context.resilient_parsing:
        return path
    content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.BadParameter(f"{path!r} is not UTF-8 text") from None


def given_fields() -> dict[str, Any]:
    """The fields that the command line gives, and no others. What is given as empty is to be cleared."""
    context = click.get_current_context()
    fields: dict[str, Any] = {}
    for option, value in context.params.items():
        name = "token" if option == "token_file" else option
        if name in _HELP and context.get_parameter_source(option) is ParameterSource.COMMANDLINE:
            fields[name] = _cleared_or(name, value)
    return fields


def _cleared_or(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        texts = cast("tuple[str, ...]", value)
        # The models split a text; that a channel of nothing would mean every public one, they refuse.
        return tuple(filter(None, texts)) if name == "urls" else ",".join(texts)
    return None if value == "" and name in _CLEARABLE else value
