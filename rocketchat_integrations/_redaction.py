"""What others say, without the secrets that it quotes."""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import quote

HIDDEN = "<hidden>"


def spellings(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """The secrets as they are, and as URLs and JSON spell them: the longest first, so that no part is left over."""
    forms = set(secrets)
    for secret in secrets:
        forms |= {quote(secret, errors="replace"), quote(secret, safe="", errors="replace")}
        forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    # What is shorter is an everyday word, such as "token", without which no message could be read.
    return tuple(sorted((form for form in forms if len(form) >= 6), key=len, reverse=True))


def redacted(value: Any, secrets: tuple[str, ...], levels: int = 20) -> Any:
    """The JSON value without the secrets, and without what lies deeper than so many levels."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, HIDDEN)
    elif isinstance(value, (dict, list)) and not levels:
        value = "…"
    elif isinstance(value, dict):
        pairs = cast("dict[str, object]", value).items()
        value = {redacted(key, secrets): redacted(item, secrets, levels - 1) for key, item in pairs}
    elif isinstance(value, list):
        value = [redacted(item, secrets, levels - 1) for item in cast("list[object]", value)]
    return value
