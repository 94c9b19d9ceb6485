"""Remove known secrets from text and JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, cast
from urllib.parse import quote, quote_plus

HIDDEN = "<hidden>"

# Longer secrets are looked for in their simple spellings only: the nested ones would take seconds.
_LONG = 256
# Characters that HTTP libraries do not quote in a URL.
_TARGET = "/:@!$&'()*+,;=?"


def mask(value: object) -> str:
    """Return the repr of a secret, for ``attrs.field(repr=mask)``. None is shown."""
    return "None" if value is None else HIDDEN


def mask_url(value: object) -> str:
    """Return the repr of a URL without user, path and query, any of which may be a secret. None is shown."""
    match = re.fullmatch(r"(\w+://)([^/?#\\@]+)(/?)(.*)", str(value), re.DOTALL)
    if value is None or match is None or "@" in match[4]:
        return mask(value)
    return repr(match[1] + match[2] + match[3] + (HIDDEN if match[4] else ""))


def spellings(secrets: Iterable[str], *, shortest: int = 6, levels: int = 1) -> tuple[str, ...]:
    """Return the secrets as they are, and as URLs, JSON, HTML and Python spell them; the longest first.

    Spellings with fewer characters than ``shortest`` are left out: without everyday words such as "token", a message
    would be unreadable. ``levels`` is how deeply spellings are nested: 2 for JSON in a URL.
    """
    forms: set[str] = set()
    for secret in secrets:
        nested = {secret}
        for _ in range(1 if len(secret) > _LONG else levels):
            nested |= {other for form in nested for other in _spellings(form)}
        forms |= nested
    return tuple(sorted((form for form in forms if len(form) >= shortest), key=len, reverse=True))


def redacted(value: Any, secrets: tuple[str, ...], levels: int = 20) -> Any:
    """Return the JSON value without the secrets, as :func:`spellings` gives them. Cut it off below so many levels.

    Lone surrogates, which JSON can contain and nobody can print, are escaped.
    """
    if isinstance(value, str):
        return _redacted_text(value, secrets)
    if isinstance(value, (dict, list)) and not levels:
        return "…"
    if isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        return {_redacted_text(key, secrets): redacted(item, secrets, levels - 1) for key, item in pairs}
    if isinstance(value, list):
        return [redacted(item, secrets, levels - 1) for item in cast("list[object]", value)]
    return value


def _redacted_text(text: str, secrets: tuple[str, ...]) -> str:
    found = [secret for secret in secrets if secret in text]
    # In one pass: a secret may be a part of the mask.
    text = re.sub("|".join(map(re.escape, found)), HIDDEN, text) if found else text
    return text.encode(errors="backslashreplace").decode()


def _spellings(text: str) -> Iterator[str]:
    import html  # imported late: few programs redact anything

    urls = [quote(text, safe, errors="replace") for safe in ("/", "", _TARGET, f"{_TARGET}%")]
    jsons = [json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)]
    for escaped in (text, html.escape(text), quote_plus(text, errors="replace"), *urls, *jsons):
        yield escaped
        if "%" in escaped:
            yield re.sub("%[0-9A-F]{2}", lambda octet: octet[0].lower(), escaped)
            yield re.sub("%[0-9a-f]{2}", lambda octet: octet[0].upper(), escaped)
    # Python escapes ' only in text with both quotes: produce both spellings.
    quoted = f"{text}'\""
    for shown in (repr(quoted), ascii(quoted), repr(quoted.encode(errors="replace"))[1:]):
        yield shown[1:-4]
        yield shown[1:-4].replace("\\'", "'")
