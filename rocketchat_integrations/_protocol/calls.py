"""One flow for each public method of the client and the webhook, with its argument checks.

Wrong arguments raise ConfigurationError when the function is called, before any I/O.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations._validation import is_unicode
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.messages import Message, Overflow, PostResult
from rocketchat_integrations.models import (
    HistoryEntry,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    TypeWord,
)

from . import arguments, endpoints, paging, updates
from .arguments import (
    check,
    check_flag,
    check_on_error,
    check_text,
    integration_id,
    integration_type,
    is_record,
    is_text,
    room_query,
)
from .flows import Flow, call
from .normalization import differences
from .overflow import fit, post_all
from .paging import ListQuery, OnError, RestReading

# A part needs room for the marks that open and close a code block.
_SMALLEST_LIMIT = 100


def create(definition: IntegrationDefinition, *, find_existing: bool) -> Flow[IntegrationRecord]:
    arguments.check_definition("definition", definition)
    check_flag("find_existing", find_existing)
    if is_record(definition):  # may have been evolved into anything; a definition was checked when it was made
        updates.check_fields(definition)
    operation = endpoints.create(definition)
    if find_existing:
        operation = attrs.evolve(operation, find_result=lambda: _existing(definition))
    return call(operation)


def _existing(definition: IntegrationDefinition) -> Flow[IntegrationRecord | None]:
    """Return the integration that equals the definition, as the server stores it; None if there is none."""
    query = paging.integrations(
        name=definition.name, name_contains=None, type=definition.type, on_error=None, rest=None
    )
    equal = [record for record in (yield from paging.read_all(query)) if not differences(record, definition)]
    if len(equal) > 1:
        ids = ", ".join(record.id for record in equal)
        raise ConfigurationError(f"definition: equals several integrations on the server: {ids}")
    return equal[0] if equal else None


def get(id: IntegrationRecord | str, *, created_by: str | None) -> Flow[IntegrationRecord]:
    key = integration_id("id", id)
    if created_by is not None:  # the server ignores a blank one
        check_text("created_by", created_by)
    return call(endpoints.get(key, created_by=created_by, type=id.type if is_record(id) else None))


def list(
    *,
    type: IntegrationType | TypeWord | None,
    name: str | None,
    name_contains: str | None,
    on_error: OnError,
    rest: RestReading,
) -> ListQuery[IntegrationRecord]:
    kind = None if type is None else integration_type(type)
    for argument, text in (("name", name), ("name_contains", name_contains)):
        check(argument, text is None or (isinstance(text, str) and is_unicode(text)), "text or None")
    check_on_error(on_error)
    return paging.integrations(name=name, name_contains=name_contains, type=kind, on_error=on_error, rest=rest)


def history(id: IntegrationRecord | str, *, on_error: OnError) -> ListQuery[HistoryEntry]:
    key = integration_id("id", id)
    check_on_error(on_error)
    return paging.history(key, on_error)


def update(
    id: IntegrationRecord | str, wanted: IntegrationDefinition, *, overwrite: bool, new_token: Callable[[], str]
) -> Flow[IntegrationRecord]:
    key = integration_id("id", id)
    arguments.check_definition("wanted", wanted)
    check_flag("overwrite", overwrite)
    return updates.update(key, wanted, overwrite=overwrite, new_token=new_token)


def remove(record: IntegrationRecord | str, *, type: IntegrationType | TypeWord | None) -> Flow[None]:
    id = integration_id("record", record)
    if is_record(record):
        if type is not None:
            raise ConfigurationError("type: allowed only with an id; a record has its own")
        return call(endpoints.remove(id, record.type))
    if type is None:
        raise ConfigurationError("type: required with an id: IntegrationType.INCOMING or OUTGOING")
    return call(endpoints.remove(id, integration_type(type)))


def clear_history(id: IntegrationRecord | str) -> Flow[None]:
    return call(endpoints.clear_history(integration_id("id", id)))


def replay_outgoing(id: IntegrationRecord | str, history_id: HistoryEntry | str) -> Flow[None]:
    key = integration_id("id", id)
    return call(endpoints.replay_outgoing(key, arguments.history_id("history_id", history_id)))


def list_for_channel(
    room_id: str | None,
    room_name: str | None,
    include_all_public_channels: bool,
    on_error: OnError,
    rest: RestReading,
) -> ListQuery[IntegrationRecord]:
    check_flag("include_all_public_channels", include_all_public_channels)
    room = endpoints.channel_list(room_query(room_id, room_name), include_all_public_channels)
    check_on_error(on_error)
    return paging.room_integrations(room, on_error, rest)


def list_for_group(
    room_id: str | None,
    room_name: str | None,
    include_all_private_groups: bool,
    on_error: OnError,
    rest: RestReading,
) -> ListQuery[IntegrationRecord]:
    check_flag("include_all_private_groups", include_all_private_groups)
    room = endpoints.group_list(room_query(room_id, room_name), include_all_private_groups)
    check_on_error(on_error)
    return paging.room_integrations(room, on_error, rest)


def server_version() -> Flow[str]:
    return call(endpoints.server_version())


def webhook_url(base_url: str, record: IntegrationRecord) -> str:
    """Return the URL to post to. No flow: it asks nothing."""
    arguments.check_record("record", record)
    # Inline: a local variable with the token would appear in tracebacks.
    is_valid = is_text(record.id) and is_text(record.token or "none")
    check("record", is_valid, "one whose id and token are Unicode text that is not blank")
    return endpoints.webhook_url(base_url, record)


@sealed
def post(
    url: str, message: str | Message | Mapping[str, object], *, overflow: Overflow, max_message_size: int
) -> Flow[PostResult]:
    check("overflow", overflow in get_args(Overflow), "error, split or truncate")
    is_size = type(max_message_size) is int and max_message_size >= _SMALLEST_LIMIT
    check("max_message_size", is_size, f"a whole number of at least {_SMALLEST_LIMIT}")
    if isinstance(message, str):
        message = Message(message)
    if not isinstance(message, Message):
        return call(endpoints.post(url, message))
    return post_all(url, fit(message, overflow, max_message_size))


@sealed
def check_webhook(url: str) -> Flow[bool]:
    return call(endpoints.check_webhook(url))
