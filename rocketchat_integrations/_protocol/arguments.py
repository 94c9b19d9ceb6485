"""Check arguments before anything is sent.

Each check raises ConfigurationError, which names the argument and what is allowed, and shows no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeGuard, cast
from urllib.parse import urlsplit

from typing_extensions import TypeIs

from rocketchat_integrations._validation import is_unicode, trimmed
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.models import (
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)

from .readers import is_mapping


def check(name: str, is_valid: bool, allowed: str) -> None:
    """Raise ConfigurationError unless the value is valid."""
    if not is_valid:
        raise ConfigurationError(f"{name}: must be {allowed}")


def check_text(name: str, value: object) -> None:
    check(name, is_text(value), "text that is not blank")


def check_flag(name: str, value: object) -> None:
    check(name, isinstance(value, bool), "True or False")


def check_url(name: str, url: object) -> None:
    """Require an absolute http(s) URL without credentials or fragment.

    No message shows the URL: it may be a webhook's, or contain a password.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"{name}: must be text")
    check(name, fits_header(url) and " " not in url, "a URL of printable ASCII without spaces")
    has_scheme = url.lower().startswith(("https://", "http://"))
    check(name, has_scheme, "a URL that begins with https:// or http://")
    check(name, "#" not in url, "a URL without a fragment (#…)")
    check(name, "@" not in url.split("/")[2].split("?")[0], "a URL without credentials: pass them as auth=")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host = False
    check(name, has_host, "a URL with a host and a valid port, if any")


def check_base_url(url: str) -> None:
    check_url("url", url)
    check("url", "?" not in url, "a URL without a query")
    check("url", not url.rstrip("/").endswith("/api/v1"), "the URL of the workspace, without /api/v1")


def check_credentials(auth: object) -> None:
    if isinstance(auth, TokenAuth):
        for field, value in (("user_id", auth.user_id), ("token", auth.token)):
            check(field, is_text(value) and fits_header(value), "printable ASCII text that is not blank")
    elif isinstance(auth, PasswordAuth):
        check_text("user", auth.user)
        check("password", isinstance(auth.password, str) and bool(auth.password), "text that is not empty")
        check("totp", auth.totp is None or isinstance(auth.totp, str) or callable(auth.totp), "text or a callable")
    else:
        raise ConfigurationError("auth: must be a TokenAuth or a PasswordAuth")


def check_definition(name: str, value: object) -> None:
    """Require a definition; a record is one."""
    is_definition = isinstance(value, (IncomingIntegration, OutgoingIntegration))
    check(name, is_definition, f"an IncomingIntegration or OutgoingIntegration, not {type(value).__name__}")


def check_record(name: str, value: object) -> None:
    allowed = "an IncomingIntegrationRecord or OutgoingIntegrationRecord"
    check(name, is_record(value), f"{allowed}, not {type(value).__name__}")


def integration_id(name: str, value: object) -> str:
    """Return the id of an integration, given as its record or as the id itself."""
    id = value.id if is_record(value) else value
    return _id(name, id, "its record (an IncomingIntegrationRecord or OutgoingIntegrationRecord)")


def history_id(name: str, value: object) -> str:
    """Return the id of a call, given as its entry in the history or as the id itself."""
    return _id(name, value.id if isinstance(value, HistoryEntry) else value, "a HistoryEntry")


def _id(name: str, id: object, other: str) -> str:
    if is_text(id):
        return id
    found = "" if isinstance(id, str) else f", not {type(id).__name__}"
    raise ConfigurationError(f"{name}: must be an id, as Unicode text that is not blank, or {other}{found}")


def check_on_error(value: object) -> None:
    check("on_error", value is None or callable(value), "a callable or None")


def is_record(value: object) -> TypeIs[IntegrationRecord]:
    return isinstance(value, (IncomingIntegrationRecord, OutgoingIntegrationRecord))


def is_text(value: object) -> TypeGuard[str]:
    """Return whether the value is Unicode text that is not blank."""
    return isinstance(value, str) and trimmed(value) != "" and is_unicode(value)


def is_text_mapping(value: object) -> TypeGuard[Mapping[str, str]]:
    return is_mapping(value) and all(isinstance(name, str) and isinstance(text, str) for name, text in value.items())


def fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def integration_type(value: object) -> IntegrationType:
    """Return the type, given as a member, as the wire's text, or as the word of the command line."""
    try:
        return IntegrationType(cast(str, value))
    except ValueError:
        pass
    members = "IntegrationType.INCOMING or IntegrationType.OUTGOING"
    texts = "'incoming', 'outgoing', 'webhook-incoming' or 'webhook-outgoing'"
    raise ConfigurationError(f"type: must be {members}, or as text {texts}, not {value!r}")


def room_query(room_id: str | None, room_name: str | None) -> dict[str, str]:
    """Return the query that names a room, by the one of the two that is given."""
    check("room_id, room_name", (room_id is None) != (room_name is None), "one of the two, not none or both")
    name, key, value = ("room_name", "roomName", room_name) if room_id is None else ("room_id", "roomId", room_id)
    check_text(name, value)
    return {key: cast(str, value)}
