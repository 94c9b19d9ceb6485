"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
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


def integration_argument(command: F) -> F:
    """Which integration is meant, by its id or its name."""
    return click.argument("integration", metavar="ID|NAME")(type_option(command))
