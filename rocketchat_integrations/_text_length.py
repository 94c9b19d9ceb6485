"""Measure text as the server does, split it into parts of a length, and cut it off."""

from __future__ import annotations

from ._validation import BLANKS, trimmed

_FENCE = "```"
_CLOSING = f"\n{_FENCE}"
_MARK = "…"
# Longer first lines of code blocks are not repeated in the next part.
_LONGEST_OPENING = 20
# How many characters may belong to one that is not cut, such as a letter with its accents.
_LONGEST_CLUSTER = 32
_JOINER = "\u200d"


def length(text: str) -> int:
    """Return the length as the server counts it, in UTF-16: most emoji count as two."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def split(text: str, limit: int) -> list[str]:
    """Split text at line ends, else at spaces, else between characters.

    A code block that is cut is closed in one part and opened again in the next. Only white space at the cuts is lost.

    Args:
        text: the text, which is trimmed as the server does it.
        limit: the greatest :func:`length` of a part, at least 100.
    """
    parts: list[str] = []
    rest, opening = trimmed(text), ""
    while rest:
        if length(opening + rest) <= limit:
            return [*parts, opening + rest]
        part, rest, opening = _first_part(rest, opening, limit)
        parts.append(part)
    return parts


def truncate(text: str, limit: int) -> str:
    """Cut text off where :func:`split` would, mark the end with "…", and close a code block that is cut."""
    text = trimmed(text)
    if length(text) <= limit:
        return text
    kept = text[: _cut(text, limit - len(_MARK) - len(_CLOSING))].rstrip(BLANKS)
    return f"{kept}{_MARK}{_CLOSING if _opening_after(kept, '') else ''}"


def _first_part(text: str, opening: str, limit: int) -> tuple[str, str, str]:
    """Return the first part, the rest, and the line that opens the code block again, if the cut is in one."""
    cut = _cut(text, limit - length(opening) - len(_CLOSING))
    part, rest = text[:cut], text[cut:]
    next_opening = _opening_after(part, opening)
    if not next_opening:
        return (opening + part).rstrip(BLANKS), rest.lstrip(BLANKS), ""
    part, rest = f"{opening}{part}{_CLOSING}", rest.removeprefix("\n")
    if rest.startswith(_FENCE):  # this part has closed the block
        return part, rest[len(_FENCE) :].lstrip(BLANKS), ""
    return part, rest, next_opening


def _opening_after(text: str, opening: str) -> str:
    """Return the line, with its end, that has opened the code block in which text ends; empty if it ends outside."""
    for line in text.split("\n"):
        if opening:
            opening = "" if _FENCE in line else opening
        elif line.strip().startswith(_FENCE) and line.count(_FENCE) == 1:
            opening = f"{line.strip() if len(line.strip()) <= _LONGEST_OPENING else _FENCE}\n"
    return opening


def _cut(text: str, room: int) -> int:
    """Return where to cut: a line end or space in the second half of what fits, else between two characters."""
    end = _fitting(text, room)
    for blank in ("\n", " "):
        place = text.rfind(blank, end // 2, end + 1)
        if place > 0:
            return place
    for place in range(end, max(end - _LONGEST_CLUSTER, 0), -1):
        if not _belong_together(text[place - 1], text[place]):
            return place
    return end


def _fitting(text: str, room: int) -> int:
    """Return how many characters of a text that is too long fit into the room."""
    end = 0
    while (room := room - length(text[end])) >= 0:
        end += 1
    return end


def _belong_together(first: str, second: str) -> bool:
    """Return whether two characters are shown as one: accents, emoji with skin tones or joiners, flags."""
    from unicodedata import category  # imported late: few texts are cut between characters

    is_flag = all("\U0001f1e6" <= each <= "\U0001f1ff" for each in (first, second))
    is_skin_tone = "\U0001f3fb" <= second <= "\U0001f3ff"
    return is_flag or is_skin_tone or _JOINER in (first, second) or category(second).startswith("M")
