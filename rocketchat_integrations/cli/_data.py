"""Records and calls as data, under the names of their fields: for tables and JSON alike, without their secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import attrs

from rocketchat_integrations._redaction import HIDDEN, redacted, spellings
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord

# What holds a token, or may hold one.
_SECRET = {"token", "extra", "integration", "http_call_data", "data"}
# What is looked for, compared or known to everybody: it quotes nothing, and would be wrong with a part left out.
_NAMES = {
    *("id", "type", "name", "username", "user_id", "channel", "target_room", "event", "step", "emoji"),
    *("trigger_word", "trigger_words", "script_engine", "retry_delay"),
    *("created_at", "created_by", "updated_at", "updated_by"),
}


def fields_of(it: IntegrationRecord | HistoryEntry, *, show_secrets: bool, token: str | None = None) -> dict[str, Any]:
    """The fields of a record or a call by their names, as they may be seen.

    Args:
        it: the record or the call.
        show_secrets: whether it may be seen as it is. Otherwise what holds secrets is left out, and what may quote
            the token, such as a failure, is without it.
        token: one more token that a call may quote: that of its integration today.
    """
    fields = {field.name: getattr(it, field.name) for field in attrs.fields(type(it))}
    if show_secrets:
        return fields
    own = (it.integration or {}).get("token") if isinstance(it, HistoryEntry) else it.token
    secrets = spellings(tuple(text for text in (own, token) if isinstance(text, str)))
    return {name: _visible(name, value, secrets) for name, value in fields.items()}


def _visible(name: str, value: Any, secrets: tuple[str, ...]) -> Any:
    if name in _SECRET:
        return HIDDEN if value else value
    return value if name in _NAMES else redacted(plain(value), secrets)


def data_of(it: IntegrationRecord | HistoryEntry, *, show_secrets: bool, token: str | None = None) -> dict[str, Any]:
    """The same as JSON has it."""
    return {"type": str(it.type), **plain(fields_of(it, show_secrets=show_secrets, token=token))}


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if attrs.has(type(cast(object, value))):
        value = attrs.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value
