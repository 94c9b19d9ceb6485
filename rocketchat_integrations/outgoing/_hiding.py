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


def without(tokens: Iterable[str], text: str) -> str:
    """The text without any of the tokens, however they are written: up to the repr of a URL that has it as JSON."""
    spellings = set(tokens)
    for _ in range(3):
        spellings |= {other for spelling in spellings for other in _spellings(spelling)}
    if not spellings:
        return text
    longest_first = sorted(spellings, key=len, reverse=True)
    # In whatever case: %c3 is %C3.
    return re.sub("|".join(map(re.escape, longest_first)), "<hidden>", text, flags=re.IGNORECASE)


def _spellings(token: str) -> Iterator[str]:
    for escaped in _ESCAPED:
        yield escaped(token)
    for shown in _SHOWN:
        # Whether ' is escaped depends on the quotes in all of the text around. With both kinds in it, it is.
        inside = shown(f"{token}'\"")[1:-4]
        yield inside
        yield inside.replace("\\'", "'")
