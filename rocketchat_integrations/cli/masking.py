"""Turn records and history entries into plain data, with their secrets masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import attrs

from rocketchat_integrations._redaction import HIDDEN, redacted, spellings
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord

# Fields that hold a token, or may hold one: masked as a whole.
_SECRET = {"token", "extra", "integration", "http_call_data", "data"}
# Never masked: programs compare these fields. They quote no token, but may contain the same characters by chance.
_PUBLIC = {
    *("id", "type", "name", "username", "user_id", "channel", "target_room", "event", "step", "emoji"),
    *("trigger_word", "trigger_words", "script_engine", "retry_delay"),
    *("created_at", "created_by", "updated_at", "updated_by"),
}


def masked_fields(
    item: IntegrationRecord | HistoryEntry, *, show_secrets: bool, token: str | None = None
) -> dict[str, Any]:
    """Return the fields of a record or a history entry by name.

    Args:
        item: the record or the entry.
        show_secrets: whether to leave everything as it is. Otherwise fields that hold secrets are masked, and the token
            is masked where other fields quote it, such as URLs and errors.
        token: another token to mask in an entry: the current one of its integration.
    """
    fields = {field.name: getattr(item, field.name) for field in attrs.fields(type(item))}
    if show_secrets:
        return fields
    own = (item.integration or {}).get("token") if isinstance(item, HistoryEntry) else item.token
    secrets = spellings(tuple(text for text in (own, token) if isinstance(text, str)))
    return {name: _masked(name, value, secrets) for name, value in fields.items()}


def _masked(name: str, value: Any, secrets: tuple[str, ...]) -> Any:
    if name in _SECRET:
        return HIDDEN if value else value
    return value if name in _PUBLIC else redacted(json_value(value), secrets)


def masked_json(
    item: IntegrationRecord | HistoryEntry, *, show_secrets: bool, token: str | None = None
) -> dict[str, Any]:
    """Return the same as :func:`masked_fields`, as JSON values, with the type."""
    return {"type": str(item.type), **json_value(masked_fields(item, show_secrets=show_secrets, token=token))}


def json_value(value: Any) -> Any:
    """Convert a value to one that JSON can hold."""
    if attrs.has(type(cast(object, value))):
        value = attrs.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (tuple, list)):
        return [json_value(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value
