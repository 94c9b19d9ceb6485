"""What both web interfaces, WSGI and ASGI, do alike: methods, lengths and headers."""

from __future__ import annotations

from ._replies import Answer, json_answer

_METHODS = ("GET", "HEAD", "POST")
# More digits than any limit has; Python refuses to read thousands of them.
_MOST_DIGITS = 18

INCOMPLETE = json_answer(400, {"error": "body: is not complete"})
"""The answer to a body that ends too early."""


def validate(method: str, length: str | None, max_size: int) -> Answer | None:
    """The answer to a call whose body need not be read; None for one whose body has to be.

    Args:
        method: the HTTP method.
        length: the ``Content-Length``; None for a call that has none, and need not have one.
        max_size: how many bytes a body may have.
    """
    if method not in _METHODS:
        return json_answer(405, {"error": "method: must be POST; GET and HEAD tell whether the bot is there"})
    if method != "POST":
        return json_answer(200, {"status": "ok"})
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        return json_answer(400, {"error": "Content-Length: must be given, and a number"})
    if len(length) > _MOST_DIGITS or int(length) > max_size:
        return too_large(max_size)
    return None


def too_large(max_size: int) -> Answer:
    return json_answer(413, {"error": f"body: must not have more than {max_size} bytes"})


def headers(answer: Answer) -> list[tuple[str, str]]:
    """The headers that an answer goes out with, also one to HEAD."""
    allow = [("Allow", ", ".join(_METHODS))] if answer.status == 405 else []
    return [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *allow]


def take(pieces: list[bytes]) -> bytes:
    """What the pieces are together. Nothing is left of them: no frame is to hold a token while a handler runs."""
    body = b"".join(pieces)
    pieces.clear()
    return body
