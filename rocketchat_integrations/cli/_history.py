"""What outgoing webhooks did: ``history`` and ``replay``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, NoReturn, TypedDict, cast

import click

from rocketchat_integrations.client import Client
from rocketchat_integrations.exceptions import NotFoundError
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord, IntegrationType

from ._credentials import Credentials
from ._data import data_of, fields_of
from ._finding import called, find
from ._messages import print_error, printable
from ._options import integration_argument, json_option, refuse_address, secrets_option
from ._outcome import Failure
from ._output import print_json, print_table

_HEADINGS = ("TIME", "OUTCOME", "STEP", "EVENT", "URL", "ID")
# As many as the server gives at once.
_LOOKED_AT = 100
# How many letters of a failure are enough to tell what to look for.
_SHORT = 60


@click.command("history")
@integration_argument
@click.option(
    "-n", "--number", type=click.IntRange(0, 1_000_000), default=10, show_default=True, help="How many calls."
)
@click.option("--follow", "-f", is_flag=True, help="Wait for more, until you press Ctrl-C.")
@click.option(
    "--interval",
    type=click.IntRange(1, 86_400),
    default=10,
    show_default=True,
    help="How many seconds --follow waits before it looks again.",
)
@secrets_option
@json_option
@click.pass_obj
def history_command(
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

    The newest comes last. With --follow and --json, each call is one line of JSON. A call comes again when it has come
    further.
    """
    with credentials.client() as client:
        record = _outgoing(client, integration, kind)
        how = _How(show_secrets=show_secrets, token=record.token)

        def tell(call: HistoryEntry) -> None:
            if as_json:
                print_json(data_of(call, **how), on_one_line=True)
            else:
                print("  ".join(map(printable, _row(fields_of(call, **how)))), flush=True)

        if follow:
            _follow(client, record.id, number, interval, tell)
        calls = list(islice(client.history(record.id), number))[::-1]
    if as_json:
        print_json([data_of(call, **how) for call in calls])
    else:
        print_table(_HEADINGS, [_row(fields_of(call, **how)) for call in calls])


class _How(TypedDict):
    """How calls are to be seen."""

    show_secrets: bool
    token: str | None


def _outgoing(client: Client, integration: str, kind: IntegrationType | None) -> IntegrationRecord:
    record = find(client, integration, kind)
    if record.type is not IntegrationType.OUTGOING:
        raise Failure(f"{called(record)} has no history: only outgoing webhooks call, and only calls are kept")
    return record


def _follow(client: Client, id: str, number: int, interval: int, tell: Callable[[HistoryEntry], None]) -> NoReturn:
    newest = list(islice(client.history(id), max(number, _LOOKED_AT)))
    seen = {entry.id: _state(entry) for entry in newest}
    fresh = newest[:number]
    while True:
        for entry in reversed(fresh):
            tell(entry)
        time.sleep(interval)
        fresh = _news(client.history(id), seen)


def _news(history: Iterable[HistoryEntry], seen: dict[str, object]) -> list[HistoryEntry]:
    """The calls that are new or have come further, and notes them."""
    fresh: list[HistoryEntry] = []
    for position, entry in enumerate(history):
        if seen.get(entry.id) != _state(entry):
            fresh.append(entry)
            seen[entry.id] = _state(entry)
        elif position >= _LOOKED_AT:
            break
    return fresh


def _state(entry: HistoryEntry) -> object:
    return entry.step, entry.error, entry.finished


def _row(call: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        call["created_at"].astimezone().isoformat(" ", "seconds") if call["created_at"] else "",
        _outcome(call),
        call["step"] or "",
        call["event"] or "",
        call["url"] or "",
        call["id"],
    )


def _outcome(call: Mapping[str, Any]) -> str:
    if call["error"]:
        return ": ".join(filter(None, ["failed", _in_short(call["http_error"]) or _in_short(call["error_stack"])]))
    # A call that is under way cannot be told from one whose reply was no message.
    return "message posted" if call["finished"] else "no message"


def _in_short(failure: Any) -> str:
    """The first line of what a failure says; nothing for one that says nothing to people."""
    said = cast("dict[str, object]", failure).get("message") if isinstance(failure, dict) else failure
    lines = said.strip().splitlines() if isinstance(said, str) else []
    line = lines[0] if lines else ""
    return line if len(line) <= _SHORT else f"{line[:_SHORT]}..."


@click.command("replay")
@integration_argument
@click.argument("history_id", required=False, callback=refuse_address)
@json_option
@click.pass_obj
def replay_command(
    credentials: Credentials, integration: str, kind: IntegrationType | None, history_id: str | None, as_json: bool
) -> None:
    """Make a call of an outgoing webhook again.

    It is the last one, or that of HISTORY_ID. Servers before 8.7 cannot do it. Current servers do not keep what fired,
    and send little more than the token.
    """
    with credentials.client() as client:
        record = _outgoing(client, integration, kind)
        call = history_id or next((entry.id for entry in client.history(record.id)), None)
        if call is None:
            raise Failure(f"{called(record)} has made no calls in the last 30 days")
        try:
            client.replay_outgoing(record.id, call)
        except NotFoundError:
            raise Failure(f"there is no such call in the history of {called(record)}") from None
    print_error(f"replayed {call} of {called(record)}")
    if as_json:
        print_json({"id": record.id, "history_id": call})
