"""A call as WSGI servers hand it over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ._http import INCOMPLETE, headers, take, too_large, validate
from ._replies import Answer

_PIECE = 65_536


def respond(
    environ: dict[str, Any],
    start_response: Callable[..., object],
    handle: Callable[[bytes, str | None], Answer],
    max_size: int,
) -> Iterable[bytes]:
    """Answer the call; ``handle`` answers those with a body."""
    method = environ["REQUEST_METHOD"]
    answer = _answer(environ, method, handle, max_size)
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers(answer))
    return [] if method == "HEAD" else [answer.body]


def _answer(
    environ: dict[str, Any], method: str, handle: Callable[[bytes, str | None], Answer], max_size: int
) -> Answer:
    length = environ.get("CONTENT_LENGTH") or ""
    # Without a length, one may only read where the server marks the end of the input itself.
    is_chunked = not length and bool(environ.get("wsgi.input_terminated"))
    answer = validate(method, None if is_chunked else length, max_size)
    if answer is not None:
        return answer
    pieces = _read(environ["wsgi.input"], max_size + 1 if is_chunked else int(length))
    if pieces is None:
        return INCOMPLETE
    size = sum(map(len, pieces))
    if size > max_size:
        return too_large(max_size)
    if not is_chunked and size < int(length):
        return INCOMPLETE
    return handle(take(pieces), environ.get("CONTENT_TYPE"))


def _read(stream: Any, size: int) -> list[bytes] | None:
    """So many bytes, or what there is before the end; None when the connection breaks."""
    pieces: list[bytes] = []
    try:
        while size > 0 and (piece := stream.read(min(size, _PIECE))):
            pieces.append(piece)
            size -= len(piece)
    except Exception:  # each server has its own
        return None
    return pieces
