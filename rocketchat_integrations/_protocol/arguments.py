"""What is checked of arguments before anything is sent: each check names what is wrong, and shows no secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import cast
from urllib.parse import urlsplit

from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.models import (
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    trimmed,
)


def check(name: str, is_right: bool, allowed: str) -> None:
    if not is_right:
        raise ConfigurationError(f"{name}: must be {allowed}")


def check_text(name: str, value: object) -> None:
    check(name, is_text(value), "text that is not blank")


def check_address(name: str, url: object) -> None:
    """None of these messages shows the address: it may be a webhook's, or hold a password."""
    check(name, isinstance(url, str), "text")
    text = cast(str, url)
    check(name, text.isascii() and text.isprintable() and " " not in text, "a URL without blanks and odd characters")
    has_scheme = text.lower().startswith(("https://", "http://"))
    check(name, has_scheme, "an address that begins with https:// or http://")
    check(name, "#" not in text, "an address without a fragment (#…)")
    check(name, "@" not in text.split("/")[2].split("?")[0], "an address without credentials: they go into auth=")
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_place = False
    check(name, has_place, "an address with a host and, if there is one, a valid port")


def check_credentials(auth: object) -> None:
    if isinstance(auth, TokenAuth):
        for field, value in (("user_id", auth.user_id), ("token", auth.token)):
            check(field, is_text(value) and fits_header(value), "text that is not blank and fits into a header")
    elif isinstance(auth, PasswordAuth):
        check_text("user", auth.user)
        check("password", isinstance(auth.password, str) and bool(auth.password), "text that is not empty")
        check("totp", auth.totp is None or isinstance(auth.totp, str) or callable(auth.totp), "text or a callable")
    else:
        raise ConfigurationError("auth: must be a TokenAuth or a PasswordAuth")


_DEFINITIONS = (IncomingIntegration, OutgoingIntegration)


_RECORDS = (IncomingIntegrationRecord, OutgoingIntegrationRecord)


def check_definition(definition: object, name: str = "definition", *, records_only: bool = False) -> None:
    kinds = (
        "IncomingIntegrationRecord or OutgoingIntegrationRecord"
        if records_only
        else ("IncomingIntegration or OutgoingIntegration")
    )
    allowed = _RECORDS if records_only else _DEFINITIONS
    check(name, isinstance(definition, allowed), f"an {kinds}, not {type_name(definition)}")


def type_name(value: object) -> str:
    return type(value).__name__


def is_text(value: object) -> bool:
    return isinstance(value, str) and trimmed(value) != "" and is_unicode(value)


def is_unicode(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def is_text_mapping(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    pairs = cast("Mapping[object, object]", value).items()
    return all(isinstance(name, str) and isinstance(text, str) for name, text in pairs)


def fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def integration_type(value: object) -> IntegrationType:
    try:
        return IntegrationType(cast(str, value))
    except ValueError:
        pass
    raise ConfigurationError(f"type: must be IntegrationType.INCOMING or IntegrationType.OUTGOING, not {value!r}")


def room_query(room_id: str | None, room_name: str | None) -> dict[str, str]:
    check("room_id, room_name", (room_id is None) != (room_name is None), "given one of the two")
    name, value = ("roomName", room_name) if room_id is None else ("roomId", room_id)
    check_text("room_id" if room_name is None else "room_name", value)
    return {name: cast(str, value)}
