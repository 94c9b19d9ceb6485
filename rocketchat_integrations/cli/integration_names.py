"""The argument that names an integration, and its completion: quick, and without a word if it fails."""

from __future__ import annotations

import re
import threading
from collections import Counter
from contextlib import suppress

import click
from click.shell_completion import CompletionItem

from rocketchat_integrations.models import IntegrationRecord, IntegrationType

from .credentials import credentials_of
from .shared_options import F, refuse_url, type_name, type_option

# How long a shell may wait. One page of a list takes much less.
_SECONDS = 2.0

# Commands for outgoing integrations only.
_OUTGOING_ONLY = ("history", "replay", "clear-history")


def integration_argument(command: F) -> F:
    """Add the integration's id or name, and ``--type``."""
    argument = click.argument(
        "integration", metavar="ID|NAME", callback=refuse_url, shell_complete=complete_integration
    )
    return argument(type_option(command))


def complete_integration(context: click.Context, _: click.Parameter, begun: str) -> list[CompletionItem]:
    """Suggest the integrations whose names begin so, of the workspace that the command line names.

    A ``shell_complete`` function. A name that a shell would split, or that several have, is replaced by the id.
    """
    found: list[IntegrationRecord] = []
    reading = threading.Thread(target=_read, args=(context, found), daemon=True)
    reading.start()
    reading.join(_SECONDS)
    records = list(found)
    names = Counter(record.name for record in records)
    return [
        CompletionItem(
            record.name if names[record.name] == 1 and _is_word(record.name) else record.id,
            help=f"{type_name(record.type)} {record.name}",
        )
        for record in records
        if record.name.startswith(begun)
    ]


def _is_word(name: str) -> bool:
    return re.fullmatch(r"[\w@][\w.@%+,/-]*", name) is not None


def _read(context: click.Context, found: list[IntegrationRecord]) -> None:
    # Without a message: it would be printed into the line that the user types.
    with suppress(Exception), credentials_of(context.find_root()).client_for_completion(_SECONDS) as client:
        found.extend(client.list(type=_type(context), on_error=lambda _: None))


def _type(context: click.Context) -> IntegrationType | None:
    if any(name in context.command_path.split() for name in _OUTGOING_ONLY):
        return IntegrationType.OUTGOING
    kind: IntegrationType | None = context.params.get("kind")
    return kind
