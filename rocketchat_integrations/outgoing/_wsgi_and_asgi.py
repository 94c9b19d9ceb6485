"""Serve a bot as a WSGI application and as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, TypeAlias

from rocketchat_integrations.exceptions import ConfigurationError

from ._replies import Answer, json_answer

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]

_METHODS = ("GET", "HEAD", "POST")
# More digits than any limit has. Python refuses to convert thousands of them.
_MAX_DIGITS = 18
_CHUNK = 65_536

_INCOMPLETE = json_answer(400, {"error": "body: ends before its Content-Length"})


def serve_wsgi(
    environ: dict[str, Any],
    start_response: Callable[..., object],
    handle: Callable[[bytes, str | None], Answer],
    max_size: int,
) -> Iterable[bytes]:
    """Answer a request. ``handle`` is called with the body and the content type of a POST."""
    answer = _answer_wsgi(environ, handle, max_size)
    start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", _headers(answer))
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [answer.body]


def _answer_wsgi(environ: dict[str, Any], handle: Callable[[bytes, str | None], Answer], max_size: int) -> Answer:
    # A body without a length has an end only where the server says so.
    length = environ.get("CONTENT_LENGTH") or (None if environ.get("wsgi.input_terminated") else "")
    answer = _answer_before_body(environ["REQUEST_METHOD"], length, max_size)
    if answer is not None:
        return answer
    pieces = _read_wsgi(environ["wsgi.input"], max_size + 1 if length is None else int(length))
    if pieces is None or _is_incomplete(pieces, length):
        return _INCOMPLETE
    return handle(_joined(pieces), environ.get("CONTENT_TYPE"))


def _read_wsgi(stream: Any, size: int) -> list[bytes] | None:
    """Read up to so many bytes; return None if the connection breaks."""
    pieces: list[bytes] = []
    try:
        while size > 0 and (piece := stream.read(min(size, _CHUNK))):
            pieces.append(piece)
            size -= len(piece)
    except Exception:  # every server has its own class for a lost connection
        return None
    return pieces


class AsgiApp:
    """The ASGI application of a :class:`WebhookApp`: its attribute ``asgi``.

    It answers HTTP requests on every path, refuses websockets, and supports the lifespan protocol: at shutdown it waits
    for the work of :meth:`Reply.later`, as :meth:`WebhookApp.finish_async` does.
    """

    def __init__(
        self,
        handle: Callable[[bytes, str | None], Awaitable[Answer]],
        finish: Callable[[], Awaitable[object]],
        max_size: int,
    ) -> None:
        self._handle = handle
        self._finish = finish
        self._max_size = max_size

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one connection, as the ASGI specification defines it.

        Raises:
            ConfigurationError: if the type of the connection is not in ASGI 3.
        """
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._confirm_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: the server answers 403
        else:
            raise ConfigurationError("scope: type must be http, websocket or lifespan")

    async def _confirm_lifespan(self, receive: _Receive, send: _Send) -> None:
        phase = ""
        while phase != "shutdown":
            phase = (await receive())["type"].removeprefix("lifespan.")
            if phase == "shutdown":
                await self._finish()
            await send({"type": f"lifespan.{phase}.complete"})

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        answer = await self._answer(scope, receive)
        if answer is None:  # the caller has disconnected
            return
        encoded = [(name.lower().encode(), value.encode()) for name, value in _headers(answer)]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: _Message, receive: _Receive) -> Answer | None:
        given = {name: value.decode("latin-1") for name, value in scope["headers"]}
        length = given.get(b"content-length")
        answer = _answer_before_body(scope["method"], length, self._max_size)
        if answer is not None:
            return answer
        pieces = await _read_asgi(receive, self._max_size)
        if pieces is None:
            return None
        if _is_incomplete(pieces, length):
            return _INCOMPLETE
        return await self._handle(_joined(pieces), given.get(b"content-type"))


async def _read_asgi(receive: _Receive, max_size: int) -> list[bytes] | None:
    """Read the body until it is too large; return None if the caller disconnects."""
    pieces: list[bytes] = []
    size = 0
    more = True
    while more and size <= max_size:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        more = message.get("more_body", False)
    return pieces


def _answer_before_body(method: str, length: str | None, max_size: int) -> Answer | None:
    """Return the answer if the body need not be read. The length is None for a request that may be without one."""
    if method not in _METHODS:
        return json_answer(405, {"error": "method: must be POST, or GET or HEAD for a health check"})
    if method != "POST":
        return json_answer(200, {"status": "ok"})
    if length is None:
        return None
    if not (length.isascii() and length.isdigit()):
        return json_answer(400, {"error": "Content-Length: must be a number"})
    if len(length) > _MAX_DIGITS or int(length) > max_size:
        return json_answer(413, {"error": f"body: must not have more than {max_size} bytes"})
    return None


def _is_incomplete(pieces: list[bytes], length: str | None) -> bool:
    return length is not None and sum(map(len, pieces)) < int(length)


def _headers(answer: Answer) -> list[tuple[str, str]]:
    """Return the response headers, for HEAD as for other methods."""
    allow = [("Allow", ", ".join(_METHODS))] if answer.status == 405 else []
    return [("Content-Type", answer.content_type), ("Content-Length", str(len(answer.body))), *allow]


def _joined(pieces: list[bytes]) -> bytes:
    """Join the pieces and empty the list, so that no frame keeps the token while a handler runs."""
    body = b"".join(pieces)
    pieces.clear()
    return body
