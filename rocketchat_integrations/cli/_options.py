"""Options that several commands have."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from rocketchat_integrations.models import IntegrationType

F = TypeVar("F", bound=Callable[..., Any])

KINDS = {"incoming": IntegrationType.INCOMING, "outgoing": IntegrationType.OUTGOING}
"""What people call the types."""


def kind_of(type: IntegrationType) -> str:
    """What people call a type."""
    return type.name.lower()


def debug_option(command: F) -> F:
    """``--debug``: the entry looks for it, and here it is understood."""
    return click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of a failure.")(command)


class File(click.Path):
    """A file by its name. Shells complete it, and whoever opens it says what is wrong with it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            os.fsencode(value)
        except UnicodeEncodeError:
            # All arguments are UTF-8, also where the locale has no such letters: then it spells file names so.
            return os.fsdecode(str(value).encode())
        return str(value)


def completed_from(values: Iterable[str]) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """What shells complete an option with: for its ``shell_complete``. What is allowed says whoever takes the value."""
    return lambda _, __, begun: [value for value in map(str, values) if value.startswith(begun)]


def json_option(command: F) -> F:
    """``--json``: for programs."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(debug_option(command))


def secrets_option(command: F) -> F:
    """``--show-secrets``: on purpose only."""
    return click.option("--show-secrets", is_flag=True, help="Show tokens and webhook addresses in the clear.")(command)


def _kind(_: click.Context, __: click.Parameter, value: str | None) -> IntegrationType | None:
    return None if value is None else KINDS[value]


def type_option(command: F) -> F:
    """``--type``: one kind only."""
    return click.option(
        "--type", "kind", type=click.Choice(list(KINDS)), callback=_kind, help="Only this kind of integration."
    )(command)


def yes_option(command: F) -> F:
    """``--yes``: for scripts."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask whether to go on.")(command)


def is_address(text: str) -> bool:
    """Whether it is an address: that of a webhook has its token in it, and is to be repeated to nobody."""
    return "://" in text or "/hooks/" in text


def refuse_address(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Take no address for what something is called: for a ``callback``.

    Raises:
        BadParameter: if it is one.
    """
    if value and is_address(value):
        raise click.BadParameter("an address is a secret, and nothing is called so; only check and post --to take one")
    return value


def integration_argument(command: F) -> F:
    """Which integration is meant, by its id or its name."""
    return click.argument("integration", metavar="ID|NAME", callback=refuse_address)(type_option(command))
