"""Apply the HTTP rules that WSGI and ASGI share: methods, the length of a body, response headers."""

from __future__ import annotations

from ._replies import Answer, json_answer

_METHODS = ("GET", "HEAD", "POST")
# More digits than any limit has. Python refuses to convert thousands of them.
_MAX_DIGITS = 18

INCOMPLETE = json_answer(400, {"error": "body: ends before its Content-Length"})


def answer_without_body(method: str, length: str | None, max_size: int) -> Answer | None:
    """Return the answer to a request whose body need not be read; None if it has to be.

    Args:
        method: the HTTP method.
        length: the ``Content-Length``; None for a request that may be without one.
        max_size: how many bytes a body may have.
    """
    if method not in _METHODS:
        return json_answer(405, {"error": "method: must be POST, or GET or HEAD for a health check"})
    if method != "POST":
        return json_answer(200, {"status": "ok"})
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        return json_answer(400, {"error": "Content-Length: must be a number"})
    if len(length) > _MAX_DIGITS or int(length) > max_size:
        return too_large(max_size)
    return None


def too_large(max_size: int) -> Answer:
    return json_answer(413, {"error": f"body: must not have more than {max_size} bytes"})


def headers(answer: Answer) -> list[tuple[str, str]]:
    """Return the response headers, for HEAD as for other methods."""
    allow = [("Allow", ", ".join(_METHODS))] if answer.status == 405 else []
    return [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *allow]


def joined(pieces: list[bytes]) -> bytes:
    """Join the pieces and empty the list, so that no frame keeps the token while a handler runs."""
    body = b"".join(pieces)
    pieces.clear()
    return body
