"""Options and arguments that several commands have."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from rocketchat_integrations.models import IntegrationType

from .failures import CommandError
from .terminal import ask

F = TypeVar("F", bound=Callable[..., Any])

TYPES = {"incoming": IntegrationType.INCOMING, "outgoing": IntegrationType.OUTGOING}
"""The types by their names on the command line."""


def type_name(type: IntegrationType) -> str:
    """Return the name of a type on the command line."""
    return type.name.lower()


# Types and callbacks


class File(click.Path):
    """A file name, completed by shells. Opening it reports what is wrong with it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name as the locale encodes it."""
        try:
            os.fsencode(value)
        except UnicodeEncodeError:
            # Arguments are decoded as UTF-8; encode file names the same where the locale cannot.
            return os.fsdecode(str(value).encode())
        return str(value)


def completed_from(values: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Return a ``shell_complete`` function that suggests these values. It does not restrict what is accepted."""
    return lambda _, __, begun: [value for value in map(str, values) if value.startswith(begun)]


def is_url(text: str) -> bool:
    """Return whether the text is a URL. That of a webhook contains its token, and must not be printed."""
    return "://" in text or "/hooks/" in text


def refuse_url(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Refuse a URL in place of a name: a ``callback``.

    Raises:
        BadParameter: if it is one.
    """
    if value and is_url(value):
        raise click.BadParameter("expected an id or a name, not a URL; only check and post --to accept a webhook URL")
    return value


def _to_type(_: click.Context, __: click.Parameter, value: str | None) -> IntegrationType | None:
    return None if value is None else TYPES[value]


# Options


def debug_option(command: F) -> F:
    """Declare ``--debug``; ``entry.main`` reads it."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Print the traceback of a failure.")(command)


def json_option(command: F) -> F:
    """Add ``--json`` and ``--debug``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(debug_option(command))


def secrets_option(command: F) -> F:
    """Add ``--show-secrets``."""
    return click.option("--show-secrets", is_flag=True, help="Print tokens and webhook URLs in clear text.")(command)


def type_option(command: F) -> F:
    """Add ``--type``."""
    return click.option(
        "--type", "kind", type=click.Choice(list(TYPES)), callback=_to_type, help="Only integrations of this type."
    )(command)


def yes_option(command: F) -> F:
    """Add ``--yes``, for :func:`confirm`."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")(command)


def confirm(question: str, *, yes: bool) -> None:
    """Ask for confirmation, unless ``--yes`` is given.

    Raises:
        CommandError: if the answer is not yes, or there is no terminal to ask on.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} There is no terminal to ask on: add --yes. Nothing was changed")
    if not ask(question):
        raise CommandError("not confirmed: nothing was changed")
