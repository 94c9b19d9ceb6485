"""Turn records and history entries into plain data, with their secrets masked."""

from __future__ import annotations

import re
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
    *("id", "type", "name", "username", "user_id", "channel", "target_room", "event", "step", "outcome", "emoji"),
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
    if isinstance(item, HistoryEntry):
        fields |= {"outcome": item.outcome, "reason": item.reason}
    if show_secrets:
        return fields
    secrets = _secrets(item, token)
    return {name: _masked(name, value, secrets) for name, value in fields.items()}


def _secrets(item: IntegrationRecord | HistoryEntry, token: str | None) -> tuple[str, ...]:
    own = (item.integration or {}).get("token") if isinstance(item, HistoryEntry) else item.token
    return spellings(tuple(text for text in (own, token) if isinstance(text, str)))


def masked_request(entry: HistoryEntry, *, show_secrets: bool, token: str | None) -> Any:
    """Return the request body of a call, as JSON values.

    The token is left out, and so are whole documents such as users: on old servers they contain password hashes.

    Args:
        entry: the call.
        show_secrets: whether to leave everything as it is.
        token: the current token of the integration; the one of that time is in the entry.
    """
    data = json_value(entry.http_call_data)
    if show_secrets or not isinstance(data, dict):
        return data if show_secrets else redacted(data, _secrets(entry, token))
    fields = cast("dict[str, Any]", data)
    flat = {name: HIDDEN if value and _is_secret(name, value) else value for name, value in fields.items()}
    return redacted(flat, _secrets(entry, token))


def _is_secret(name: str, value: Any) -> bool:
    return isinstance(value, (dict, list)) or re.search("token|secret|password|auth", name, re.IGNORECASE) is not None


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
