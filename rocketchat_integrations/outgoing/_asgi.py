"""Answer requests from ASGI servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from rocketchat_integrations.exceptions import ConfigurationError

from ._http_rules import INCOMPLETE, answer_without_body, headers, joined, too_large
from ._replies import Answer

_Message: TypeAlias = MutableMapping[str, Any]
_Receive: TypeAlias = Callable[[], Awaitable[_Message]]
_Send: TypeAlias = Callable[[_Message], Awaitable[None]]


class AsgiApp:
    """The ASGI application of a :class:`WebhookApp`: its attribute ``asgi``.

    It answers HTTP requests on every path, refuses websockets, and supports the lifespan protocol without doing
    anything in it.
    """

    def __init__(self, handle: Callable[[bytes, str | None], Awaitable[Answer]], max_size: int) -> None:
        self._handle = handle
        self._max_size = max_size

    async def __call__(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        """Serve one connection, as the ASGI specification defines it.

        Raises:
            ConfigurationError: if the type of the connection is not in ASGI 3.
        """
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _confirm_lifespan(receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close"})  # before it is accepted: the server answers 403
        else:
            raise ConfigurationError("scope: type must be http, websocket or lifespan")

    async def _serve(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        answer = await self._answer(scope, receive)
        if answer is None:
            return
        encoded = [(name.lower().encode(), value.encode()) for name, value in headers(answer)]
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    async def _answer(self, scope: _Message, receive: _Receive) -> Answer | None:
        """Return the answer, or None if the caller has disconnected."""
        given = {name: value.decode("latin-1") for name, value in scope["headers"]}
        length = given.get(b"content-length")
        answer = answer_without_body(scope["method"], length, self._max_size)
        if answer is not None:
            return answer
        pieces = await _read(receive, self._max_size)
        if pieces is None:
            return None
        size = sum(map(len, pieces))
        if size > self._max_size:
            return too_large(self._max_size)
        if length is not None and size < int(length):
            return INCOMPLETE
        return await self._handle(joined(pieces), given.get(b"content-type"))


async def _read(receive: _Receive, max_size: int) -> list[bytes] | None:
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


async def _confirm_lifespan(receive: _Receive, send: _Send) -> None:
    while True:
        phase = (await receive())["type"].removeprefix("lifespan.")
        await send({"type": f"lifespan.{phase}.complete"})
        if phase == "shutdown":
            return
