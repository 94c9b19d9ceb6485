"""``history show``: one call of an outgoing webhook with all that the server stores of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import click

from rocketchat_integrations.cli.credentials import Credentials
from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.integration_names import complete_integration
from rocketchat_integrations.cli.lookup import find_outgoing
from rocketchat_integrations.cli.masking import masked_json, masked_request
from rocketchat_integrations.cli.shared_options import json_option, refuse_url, secrets_option
from rocketchat_integrations.cli.terminal import (
    MarkedLine,
    TableColumn,
    print_json,
    print_lines,
    print_table,
    status_line,
)
from rocketchat_integrations.client import Client
from rocketchat_integrations.models import CallOutcome, HistoryEntry, IntegrationType, OutgoingIntegrationRecord


@click.command("show")
@click.argument("history_id", metavar="ID", callback=refuse_url)
@click.option(
    "--in",
    "integration",
    metavar="ID|NAME",
    callback=refuse_url,
    shell_complete=complete_integration,
    help="The integration that made the call; without it, the calls of all are read, which takes longer.",
)
@secrets_option
@json_option
@click.pass_obj
def command(
    credentials: Credentials, history_id: str, integration: str | None, show_secrets: bool, as_json: bool
) -> None:
    """Show one call of an outgoing webhook.

    Shows its outcome, request, reply, posted messages, errors and duration. ID is in the list of calls. The token
    is masked, and so are whole documents in the request, such as users.
    """
    with credentials.client() as client:
        record, entry = _find(client, history_id, integration)
    call = _call_json(record, entry, show_secrets=show_secrets)
    if as_json:
        print_json(call)
    else:
        print_table([TableColumn("FIELD"), TableColumn("VALUE")], list(_summary(call)))
        print_lines(_sections(call))


def _find(client: Client, id: str, integration: str | None) -> tuple[OutgoingIntegrationRecord, HistoryEntry]:
    records: Iterable[OutgoingIntegrationRecord] = (
        client.list(type=IntegrationType.OUTGOING, on_error=lambda _: None)
        if integration is None
        else [find_outgoing(client, integration, None)]
    )
    with status_line() as show:
        for record in records:
            show(f"reading the calls of {record.id}")
            for entry in client.history(record.id, on_error=lambda _: None):
                if entry.id == id:
                    return record, entry
    place = "any integration that you may see" if integration is None else repr(integration)
    raise CommandError(f"there is no call {id} in the history of {place}; servers keep calls for 30 days")


def _call_json(record: OutgoingIntegrationRecord, entry: HistoryEntry, *, show_secrets: bool) -> dict[str, Any]:
    fields = masked_json(entry, show_secrets=show_secrets, token=record.token)
    ended, began = entry.updated_at, entry.created_at
    return {
        **fields,
        "integration_id": record.id,
        "integration_name": record.name,
        "duration": (ended - began).total_seconds() if ended and began else None,
        "http_call_data": masked_request(entry, show_secrets=show_secrets, token=record.token),
    }


def _summary(call: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the fields that are set, for people."""
    duration = call["duration"]
    texts = {
        **{name: call[name] for name in ("id", "integration_name", "integration_id", "created_at")},
        "duration": None if duration is None else f"{duration:g} s",
        "outcome": CallOutcome(call["outcome"]).text,
        **{name: call[name] for name in ("reason", "step", "event", "trigger_word", "url")},
    }
    return ((name, str(text)) for name, text in texts.items() if text)


_SECTIONS = {
    "http_call_data": "Request",
    "http_result": "Reply",
    "prepare_sent_message": "Posted by prepare_outgoing_request",
    "process_sent_message": "Posted by process_outgoing_response",
    "result_message": "Posted from the reply",
    "http_error": "HTTP error",
    "error_stack": "Error",
}


def _sections(call: dict[str, Any]) -> Iterator[MarkedLine]:
    for name, heading in _SECTIONS.items():
        value = _decoded(call[name]) if name == "http_result" else call[name]
        if value is not None:
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            yield MarkedLine("")
            yield MarkedLine(heading, "bold")
            yield from (MarkedLine(line, mark="  ") for line in text.splitlines())


def _decoded(text: str | None) -> Any:
    """Return the reply, which is stored as JSON text."""
    try:
        return json.loads(text or "null")
    except ValueError:
        return text
