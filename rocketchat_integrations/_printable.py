"""Show control characters as text, for terminals and logs."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with escapes for line breaks, terminal escapes and other characters that are not printable."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
