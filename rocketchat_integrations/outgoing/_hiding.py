"""Texts without the tokens in them."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, quote_plus

_ESCAPED: tuple[Callable[[str], str], ...] = (
    lambda text: json.dumps(text)[1:-1],
    lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    quote,
    quote_plus,
    lambda text: quote(text, safe=""),
    html.escape,
)
_SHOWN: tuple[Callable[[str], str], ...] = (repr, ascii, lambda text: repr(text.encode())[1:])


# So long a token is looked for in its simple spellings only: those of spellings would take seconds.
_LONG = 256


def without(tokens: Iterable[str], text: str) -> str:
    """The text without any of the tokens, however they are written: up to the repr of a URL that has it as JSON."""
    found = {spelling for token in tokens for spelling in _all_spellings(token) if spelling in text}
    if not found:
        return text
    return re.sub("|".join(map(re.escape, sorted(found, key=len, reverse=True))), "<hidden>", text)


def _all_spellings(token: str) -> set[str]:
    spellings = {token}
    for _ in range(1 if len(token) > _LONG else 3):
        spellings |= {other for spelling in spellings for other in _spellings(spelling)}
    return spellings


def _spellings(token: str) -> Iterator[str]:
    for escaped in _ESCAPED:
        yield escaped(token)
        yield re.sub("%[0-9A-F]{2}", lambda octet: octet[0].lower(), escaped(token))
    for shown in _SHOWN:
        # Whether ' is escaped depends on the quotes in all of the text around. With both kinds in it, it is.
        inside = shown(f"{token}'\"")[1:-4]
        yield inside
        yield inside.replace("\\'", "'")
