"""A synchronous face of the asynchronous client, so that the same tests drive both.

Each call runs in an event loop in a thread of its own; calls of several threads are tasks of that loop.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar, cast

from rocketchat_integrations import ConnectionOptions, Request, Response
from rocketchat_integrations._transports.aiohttp import AiohttpTransport
from rocketchat_integrations.aio import AsyncClient, AsyncIncomingWebhook, AsyncListing

T = TypeVar("T")


@functools.cache
def loop() -> asyncio.AbstractEventLoop:
    """Return the loop, which runs until the tests end."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="event loop of the tests", daemon=True).start()
    return loop


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine."""
    return asyncio.run_coroutine_threadsafe(coroutine, loop()).result()


async def tasks() -> set[str]:
    """Return the names of the coroutines of all other tasks of the loop."""
    return {repr(task) for task in asyncio.all_tasks()} - {repr(asyncio.current_task())}


class _AwaitedTransport:
    """A transport of a test, with coroutines."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    async def send(self, request: Request) -> Response:
        response: Response = self._transport.send(request)
        return response

    async def close(self) -> None:
        self._transport.close()


class _Face:
    """An object of the asynchronous API."""

    _asynchronous: type

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            if callable(getattr(options.get("transport"), "send", None)):
                options["transport"] = _AwaitedTransport(options["transport"])
            self._twin = self._asynchronous(*args, **options)
        finally:
            del args, options  # this frame stays in tracebacks

    @classmethod
    def _of(cls, twin: object) -> Any:
        face = cls.__new__(cls)
        face._twin = twin
        return face

    def __repr__(self) -> str:
        return repr(self._twin).replace("Async", "")

    def __reduce__(self) -> Any:
        return self._twin.__reduce__()

    def __enter__(self) -> Any:
        run(self._twin.__aenter__())
        return self

    def __exit__(self, *error: object) -> None:
        run(self._twin.__aexit__(*error))


class _ListingFace(_Face):
    def __iter__(self) -> Iterator[Any]:
        iterator = aiter(self._twin)

        async def following() -> Any:
            return await anext(iterator, self)

        while (item := run(following())) is not self:
            yield item


def _shown(result: Any) -> Any:
    if inspect.iscoroutine(result):
        result = run(result)
    face = next((face for face in FACES.values() if isinstance(result, face._asynchronous)), None)
    return result if face is None else face._of(result)


def _method(name: str, asynchronous: Any) -> Any:
    @functools.wraps(asynchronous)
    def method(self: _Face, *args: Any, **options: Any) -> Any:
        try:
            return _shown(getattr(self._twin, name)(*args, **options))
        finally:
            del args, options  # this frame stays in tracebacks

    return method


def _from_env(kind: Any) -> Any:
    def from_env(cls: Any, /, **options: Any) -> Any:
        return cls._of(kind.from_env(**options))

    return classmethod(from_env)


def _property(name: str) -> Any:
    return property(lambda self: getattr(self._twin, name))


def _face_of(kind: type, base: type[_Face] = _Face) -> type[_Face]:
    members: dict[str, Any] = {"_asynchronous": kind}
    for name, member in inspect.getmembers_static(kind):
        if isinstance(member, classmethod):
            members[name] = _from_env(kind)
        elif isinstance(member, property):
            members[name] = _property(name)
        elif inspect.isfunction(member) and not name.startswith("_"):
            members[name] = _method(name, member)
    face: Any = type(kind.__name__.removeprefix("Async"), (base,), members)
    return cast("type[_Face]", face)


FACES: dict[str, type[_Face]] = {
    "Client": _face_of(AsyncClient),
    "IncomingWebhook": _face_of(AsyncIncomingWebhook),
    "Listing": _face_of(AsyncListing, _ListingFace),
}
"""The faces, by the names of the synchronous classes that they replace in a test's module."""


class TransportFace:
    """A synchronous face of the transport over aiohttp."""

    def __init__(self, base_url: str, options: ConnectionOptions) -> None:
        self._transport = AiohttpTransport(base_url, options)

    def send(self, request: Request) -> Response:
        return run(self._transport.send(request))

    def close(self) -> None:
        run(self._transport.close())
        assert run(tasks()) == set()
