"""``history``: the last calls of an outgoing webhook, or one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import islice
from time import sleep
from typing import Any, NoReturn

import attrs
import click

from rocketchat_integrations.cli.command_groups import DefaultGroup
from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.integration_names import integration_argument
from rocketchat_integrations.cli.listing_output import Column, Layout, ListingOutput, output_options
from rocketchat_integrations.cli.lookup import find_outgoing, label
from rocketchat_integrations.cli.masking import masked_json
from rocketchat_integrations.cli.shared_options import secrets_option
from rocketchat_integrations.client import Client
from rocketchat_integrations.models import CallOutcome, HistoryEntry, IntegrationType

from . import history_show


def local_time(value: str | None) -> str:
    """Return a time in JSON as the local time, for people. It has no year: servers keep calls for 30 days."""
    return datetime.fromisoformat(value).astimezone().strftime("%b %d %H:%M:%S") if value else ""


def short_reason(value: str | None) -> str:
    """Return a reason without the URL before it, which has a column."""
    return re.sub(r"^request to \S+ failed, reason: ", "", value or "")


def outcome_style(text: str) -> str:
    """Return the style of the text of an outcome."""
    outcome = next(outcome for outcome in CallOutcome if outcome.text == text)
    if outcome is CallOutcome.WAITING_FOR_RETRY:
        return "yellow"
    return "red" if outcome.is_failure else "" if outcome is CallOutcome.IN_PROGRESS else "green"


_LAYOUT = Layout(
    columns=(
        Column("created_at", "TIME", text=local_time, readable_width=15),
        Column("outcome", text=lambda value: CallOutcome(value).text, style=outcome_style, readable_width=23),
        Column("reason", text=short_reason, readable_width=30, cut_width=18),
        Column("event", is_optional=True),
        Column("url", is_optional=True),
        Column("id"),
    ),
    names=(*(field.name for field in attrs.fields(HistoryEntry)), "outcome", "reason"),
)

# The page size of the server.
_PAGE_SIZE = 100


@click.group("history", cls=DefaultGroup)
def command() -> None:
    """Show the last calls of an outgoing webhook, or one call.

    "history NAME" is short for "history list NAME".
    """


command.add_command(history_show.command)


@command.command("list")
@integration_argument
@click.option(
    "-n", "--number", type=click.IntRange(0, 1_000_000), default=10, show_default=True, help="How many calls."
)
@click.option("--follow", "-f", is_flag=True, help="Wait for more calls, until you press Ctrl-C.")
@click.option(
    "--interval",
    type=click.IntRange(1, 86_400),
    default=10,
    show_default=True,
    help="How many seconds --follow waits between two requests.",
)
@secrets_option
@output_options(_LAYOUT)
@click.pass_obj
def list_calls(
    credentials: Credentials,
    integration: str,
    kind: IntegrationType | None,
    number: int,
    follow: bool,
    interval: int,
    show_secrets: bool,
    output: ListingOutput,
) -> None:
    """Show the last calls of an outgoing webhook.

    The newest comes last. With --follow and --json, each call is one line of JSON. A call is shown again when its state
    has changed.
    """
    with credentials.client() as client:
        record = find_outgoing(client, integration, kind)

        def to_row(entry: HistoryEntry) -> dict[str, Any]:
            return masked_json(entry, show_secrets=show_secrets, token=record.token)

        if follow:
            output.print_head()
            _follow(client, record.id, number, interval, lambda entry: output.print_one(to_row(entry)))
        entries = list(islice(client.history(record.id), number))[::-1]
    output.print(map(to_row, entries), nothing=f"{label(record)} has made no calls in the last 30 days")


def _follow(
    client: Client, id: str, number: int, interval: int, print_entry: Callable[[HistoryEntry], None]
) -> NoReturn:
    newest = list(islice(client.history(id), max(number, _PAGE_SIZE)))
    states = {entry.id: _state(entry) for entry in newest}
    changed = newest[:number]
    while True:
        for entry in reversed(changed):
            print_entry(entry)
        sleep(interval)
        changed = changed_entries(client.history(id), states)


def changed_entries(history: Iterable[HistoryEntry], states: dict[str, object]) -> list[HistoryEntry]:
    """Return the entries that are new or have a new state, and remember their states.

    Args:
        history: the entries, newest first.
        states: the last states by id; updated.
    """
    changed: list[HistoryEntry] = []
    for position, entry in enumerate(history):
        if states.get(entry.id) != _state(entry):
            changed.append(entry)
            states[entry.id] = _state(entry)
        elif position >= _PAGE_SIZE:
            break
    return changed


def _state(entry: HistoryEntry) -> object:
    return entry.step, entry.error, entry.finished
