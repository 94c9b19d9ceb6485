"""Remove known secrets from text and JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast
from urllib.parse import quote, quote_plus

HIDDEN = "<hidden>"

# Longer secrets are looked for in their simple spellings only: the nested ones would take seconds.
_LONG = 256
# What HTTP libraries leave as it is in the target of a request.
_TARGET = "/:@!$&'()*+,;=?"


def mask(value: object) -> str:
    """Return the repr of a secret, for ``attrs.field(repr=mask)``. None is shown."""
    return "None" if value is None else HIDDEN


def spellings(secrets: Iterable[str], *, shortest: int = 6, levels: int = 1) -> tuple[str, ...]:
    """Return the secrets as they are, and as URLs, JSON, HTML and Python spell them; the longest first.

    Args:
        secrets: the secrets.
        shortest: leave out spellings with fewer characters. A message would be unreadable without everyday words
            such as "token".
        levels: how deeply spellings are nested: 2 for JSON in a URL.
    """
    forms = {form for secret in secrets for form in _nested_spellings(secret, levels)}
    return tuple(sorted((form for form in forms if len(form) >= shortest), key=len, reverse=True))


def redacted(value: Any, secrets: tuple[str, ...], levels: int = 20) -> Any:
    """Return the JSON value without the secrets, as :func:`spellings` gives them. Cut it off below so many levels."""
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
    return re.sub("|".join(map(re.escape, found)), HIDDEN, text) if found else text


def _nested_spellings(secret: str, levels: int) -> set[str]:
    forms = {secret}
    for _ in range(1 if len(secret) > _LONG else levels):
        forms |= {other for form in forms for other in _spellings(form)}
    return forms


_ESCAPES: tuple[Callable[[str], str], ...] = (
    str,
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    lambda text: quote(text, errors="replace"),
    lambda text: quote(text, safe="", errors="replace"),
    lambda text: quote_plus(text, errors="replace"),
    lambda text: quote(text, safe=_TARGET, errors="replace"),
    lambda text: quote(text, safe=f"{_TARGET}%", errors="replace"),
    html.escape,
)
_REPRS: tuple[Callable[[str], str], ...] = (repr, ascii, lambda text: repr(text.encode(errors="replace"))[1:])


def _spellings(text: str) -> Iterator[str]:
    for escape in _ESCAPES:
        escaped = escape(text)
        yield escaped
        if "%" in escaped:
            yield re.sub("%[0-9A-F]{2}", lambda octet: octet[0].lower(), escaped)
            yield re.sub("%[0-9a-f]{2}", lambda octet: octet[0].upper(), escaped)
    for show in _REPRS:
        # Whether ' is escaped depends on the other quotes in the text around it. With both kinds in it, it is.
        shown = show(f"{text}'\"")[1:-4]
        yield shown
        yield shown.replace("\\'", "'")
