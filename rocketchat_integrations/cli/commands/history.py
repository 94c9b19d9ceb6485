"""``history``: a table of the last calls of an outgoing webhook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from time import sleep
from typing import Any, NoReturn, cast

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.lookup import find_outgoing
from rocketchat_integrations.cli.masking import masked_fields, masked_json
from rocketchat_integrations.cli.shared_options import integration_argument, json_option, secrets_option
from rocketchat_integrations.cli.terminal import print_json, print_table, printable
from rocketchat_integrations.client import Client
from rocketchat_integrations.models import HistoryEntry, IntegrationType

_COLUMNS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "TIME": lambda fields: fields["created_at"].astimezone().isoformat(" ", "seconds") if fields["created_at"] else "",
    "OUTCOME": lambda fields: _outcome(fields),
    "STEP": lambda fields: fields["step"] or "",
    "EVENT": lambda fields: fields["event"] or "",
    "URL": lambda fields: fields["url"] or "",
    "ID": lambda fields: fields["id"],
}

# The page size of the server.
_PAGE_SIZE = 100
# Longer errors are truncated in the table.
_ERROR_LENGTH = 60


@click.command("history")
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
@json_option
@click.pass_obj
def command(
    credentials: Credentials,
    integration: str,
    kind: IntegrationType | None,
    number: int,
    follow: bool,
    interval: int,
    show_secrets: bool,
    as_json: bool,
) -> None:
    """Show the last calls of an outgoing webhook.

    The newest comes last. With --follow and --json, each call is one line of JSON. A call is shown again when its state
    has changed.
    """
    with credentials.client() as client:
        record = find_outgoing(client, integration, kind)

        def to_json(entry: HistoryEntry) -> dict[str, Any]:
            return masked_json(entry, show_secrets=show_secrets, token=record.token)

        def to_row(entry: HistoryEntry) -> list[str]:
            fields = masked_fields(entry, show_secrets=show_secrets, token=record.token)
            return [cell(fields) for cell in _COLUMNS.values()]

        def print_entry(entry: HistoryEntry) -> None:
            if as_json:
                print_json(to_json(entry), on_one_line=True)
            else:
                print("  ".join(map(printable, to_row(entry))), flush=True)

        if follow:
            _follow(client, record.id, number, interval, print_entry)
        entries = list(islice(client.history(record.id), number))[::-1]
    if as_json:
        print_json(list(map(to_json, entries)))
    else:
        print_table(list(_COLUMNS), map(to_row, entries))


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


def _outcome(fields: Mapping[str, Any]) -> str:
    if fields["error"]:
        return ": ".join(filter(None, ["failed", _summary(fields["http_error"]) or _summary(fields["error_stack"])]))
    # A running call looks the same as one whose answer was not a message.
    return "message posted" if fields["finished"] else "no message"


def _summary(error: Any) -> str:
    """Return the first line of an error; "" if it has no message."""
    message = cast("dict[str, object]", error).get("message") if isinstance(error, dict) else error
    lines = message.strip().splitlines() if isinstance(message, str) else []
    line = lines[0] if lines else ""
    return line if len(line) <= _ERROR_LENGTH else f"{line[:_ERROR_LENGTH]}..."
