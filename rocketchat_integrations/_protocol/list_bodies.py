"""Decode a long list in pieces.

If a list is decoded at once, the dicts of all its records exist at the same time. They do not fit in the processor's
cache, which doubles the time, and take several times as much memory as the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import cast

from rocketchat_integrations.exceptions import DecodingError

from .json_bodies import Flaw, decode_json, parse_object
from .readers import is_array, is_integer, is_object

_START = b'{"integrations":['  # As servers write it. A body that starts otherwise is decoded at once.
_BORDER = b'},{"'  # Between two records. In a string, as in a script, the quote would be escaped.
_PIECE = 20_000  # bytes of text
_PIECE_OF_LIST = 100  # elements, if they are decoded already


class Elements:
    """The elements of the array ``integrations``, decoded while they are iterated."""

    def __init__(self, body: bytes, end: int) -> None:
        self._body = body
        self._end = end  # of the body's last array

    def __iter__(self) -> Iterator[object]:
        """Iterate over the elements. The iterator raises DecodingError when it reaches a piece that is not JSON."""
        return chain.from_iterable(self.pieces())

    def pieces(self) -> Iterator[list[object]]:
        """Yield short lists of elements. Each list is decoded just before it is yielded."""
        count, start, size = 0, len(_START), _PIECE
        while (border := self._body.find(_BORDER, start + size, self._end)) > 0:
            elements = _decode_elements(self._body[start : border + 1])
            if elements is None:  # The border is within an element.
                size *= 2
                continue
            yield elements
            count, start, size = count + len(elements), border + 2, _PIECE
        elements = _decode_elements(self._body[start : self._end])
        yield self._rest(count) if elements is None else elements

    def _rest(self, count: int) -> list[object]:
        """Return the elements after the first ones. For a body with another array after this one."""
        answer = parse_object(self._body)
        elements = answer.get("integrations") if is_object(answer) else None
        if is_array(elements) and len(elements) >= count:
            return elements[count:]
        error = answer.value if isinstance(answer, Flaw) else "integrations: must be a JSON array"
        del answer, elements  # They hold tokens, and a traceback can show them.
        raise DecodingError(f"a page of integrations cannot be read: {error}", errors=(error,))


def pieces(elements: list[object] | Elements) -> Iterator[list[object]]:
    """Yield the elements of a list as short lists."""
    if isinstance(elements, Elements):
        return elements.pieces()
    return (elements[start : start + _PIECE_OF_LIST] for start in range(0, len(elements), _PIECE_OF_LIST))


def decode_list(body: bytes) -> object:
    """Decode the body of a response. The records of a list are :class:`Elements` instead of a list.

    Raises:
        ValueError: if the body is not JSON, or would take too much memory.
        RecursionError: if it is nested too deeply.
    """
    if body.startswith(_START):
        end = body.rfind(b"]")
        answer = _decode_object(_START + body[end:])
        total = answer.get("total")
        if answer.get("integrations") == [] and answer.get("success") is True and is_integer(total):
            return {"integrations": Elements(body, end), "total": total, "success": True}
    return decode_json(body)


def _decode_object(body: bytes) -> dict[str, object]:
    """Decode a JSON object. Return an empty dict if the text is not JSON."""
    try:
        return cast("dict[str, object]", decode_json(body))
    except (ValueError, RecursionError):
        return {}


def _decode_elements(inside: bytes) -> list[object] | None:
    """Decode the elements of an array, given without brackets. Return None if they are not JSON."""
    try:
        return cast("list[object]", decode_json(b"[%b]" % inside))
    except (ValueError, RecursionError):
        return None
