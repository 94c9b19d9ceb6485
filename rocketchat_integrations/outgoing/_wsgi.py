"""Answer requests from WSGI servers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

from ._http_rules import INCOMPLETE, answer_without_body, headers, joined, too_large
from ._replies import Answer

_CHUNK = 65_536


def respond(
    environ: dict[str, Any],
    start_response: Callable[..., object],
    handle: Callable[[bytes, str | None], Answer],
    max_size: int,
) -> Iterable[bytes]:
    """Answer a request. ``handle`` is called with the body and the content type of a POST."""
    method = environ["REQUEST_METHOD"]
    answer = _answer(environ, method, handle, max_size)
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers(answer))
    return [] if method == "HEAD" else [answer.body]


def _answer(
    environ: dict[str, Any], method: str, handle: Callable[[bytes, str | None], Answer], max_size: int
) -> Answer:
    length = environ.get("CONTENT_LENGTH") or ""
    # A body without a length has an end only where the server says so.
    is_chunked = not length and bool(environ.get("wsgi.input_terminated"))
    answer = answer_without_body(method, None if is_chunked else length, max_size)
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
    return handle(joined(pieces), environ.get("CONTENT_TYPE"))


def _read(stream: Any, size: int) -> list[bytes] | None:
    """Read up to so many bytes; return None if the connection breaks."""
    pieces: list[bytes] = []
    try:
        while size > 0 and (piece := stream.read(min(size, _CHUNK))):
            pieces.append(piece)
            size -= len(piece)
    except Exception:  # every server has its own class for a lost connection
        return None
    return pieces
