"""A bot: which handler a call is for, and the answer to it."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeVar, cast, overload

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError
from rocketchat_integrations.models import EventType

from ._asgi import AsgiApp
from ._hiding import without
from ._parsing import (
    MAX_SIZE,
    as_bytes,
    check_size,
    check_token,
    event_type,
    is_token,
    read_document,
    read_payload,
    unverified,
)
from ._payloads import (
    FileUploaded,
    MessageSent,
    Payload,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
)
from ._repeats import Repeats, key_of
from ._replies import Answer, Reply, answer_to, json_answer
from ._wsgi import respond

Result: TypeAlias = Reply | Coroutine[Any, Any, Reply | None] | None
Handler: TypeAlias = Callable[[Any], Result]

_OnMessageSent = TypeVar("_OnMessageSent", bound=Callable[[MessageSent], Result])
_OnFileUploaded = TypeVar("_OnFileUploaded", bound=Callable[[FileUploaded], Result])
_OnRoomArchived = TypeVar("_OnRoomArchived", bound=Callable[[RoomArchived], Result])
_OnRoomCreated = TypeVar("_OnRoomCreated", bound=Callable[[RoomCreated], Result])
_OnRoomJoined = TypeVar("_OnRoomJoined", bound=Callable[[RoomJoined], Result])
_OnRoomLeft = TypeVar("_OnRoomLeft", bound=Callable[[RoomLeft], Result])
_OnUserCreated = TypeVar("_OnUserCreated", bound=Callable[[UserCreated], Result])
_OnAny = TypeVar("_OnAny", bound=Handler)


class _Missing(str):
    """What stands for a token that was not given, for None is a choice: none to the eye, and no token to any check."""

    def __repr__(self) -> str:
        return "<missing>"


_MISSING: Final[str] = _Missing()

_log = logging.getLogger("rocketchat_integrations.outgoing")


@attrs.frozen(kw_only=True)
class _Route:
    event: EventType
    token: str | None = attrs.field(repr=False)
    handler: Handler
    takes_bots: bool
    is_async: bool


@attrs.frozen(kw_only=True)
class _Call:
    """A call for a handler. The body is not kept, for it has the token."""

    route: _Route
    payload: Payload
    key: bytes | None
    """By which the answer is remembered; None for a call that is never a repeat."""


class WebhookApp:
    """A bot that Rocket.Chat calls through outgoing integrations.

    The object is a WSGI application, :attr:`asgi` is an ASGI one, and :meth:`handle` and :meth:`handle_async` are
    what both do with a POST, for all other frameworks. Whatever the path is, GET and HEAD are answered 200 as a health
    check, and methods other than POST 405.

    Handlers are registered with :meth:`on`. A payload does not name its event; the token in it tells for which
    handler it is, so **each token is for one event**: give each integration a token of its own.

    A call is answered

    - with what the handler returns: a :class:`Reply`, or None for :meth:`Reply.nothing`;
    - 500 if the handler raises or returns anything else. That is logged at ERROR to the logger
      ``rocketchat_integrations.outgoing``, without tokens (which a
      :class:`~rocketchat_integrations.logs.RocketChatHandler` does not post: a bot could hear of it, and fail again);
    - 401 if its token is wrong or missing, 413 if it is too large, 415 if it has no or another content type, and 400
      if it is otherwise no payload. No handler runs, and it is logged at INFO;
    - with nothing to say if it is about a message of a bot or an integration, unless the handler asks for those. Bots
      would otherwise talk to themselves, for what a bot says triggers integrations again;
    - as before if it is a repeat: it has content, and its route and body are equal to those of a call that was
      answered 2xx less than 5 minutes ago. The handler does not run again. (One of the last 1,000 calls, that is. A
      call that has only ``token`` and ``bot`` is never a repeat, as all such calls are equal, nor is one whose first
      failed or is not answered yet, nor an edit with another text. An edit back to a text that the message had in these
      5 minutes is one: with ``run_on_edits``, a bot that has to see it wants ``deduplicate=False``. When Rocket.Chat
      retries a call about a room, it sends it with a new timestamp: that is not seen as a repeat.)

    The token in a payload is all that proves where it comes from, and it proves that the caller knows the token, no
    more. It is sent in the clear in every payload, so serve the bot over HTTPS only; it is the same for all URLs of the
    integration. Together with the integration's id it is an address that posts into the workspace, so whoever gets the
    payloads can post: keep it as you would keep a password.

    Rocket.Chat waits 20 seconds for an answer. A call that got none has failed and is not tried again, even if the
    integration has ``retry_failed_calls``: for what takes longer, answer at once and post later, through an incoming
    webhook.

    May be shared by threads.

    Args:
        token: the integration's token, for handlers that are registered without one. None, which has to be written
            out, means to verify nothing: then there can be one handler only.
        max_size: how many bytes a body may have.
        deduplicate: whether repeats are recognised.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @sealed
    def __init__(self, *, token: str | None = _MISSING, max_size: int = MAX_SIZE, deduplicate: bool = True) -> None:
        if token is not None and token is not _MISSING:
            check_token(token)
        check_size(max_size)
        _check_flag("deduplicate", deduplicate)
        self._token = token
        self._max_size = max_size
        self._deduplicates = deduplicate
        self._repeats = Repeats()
        self._routes: tuple[_Route, ...] = ()
        self._registering = threading.Lock()
        self._asgi = AsgiApp(self.handle_async, max_size)

    @overload
    def on(
        self, event: Literal[EventType.SEND_MESSAGE, "sendMessage"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnMessageSent], _OnMessageSent]: ...
    @overload
    def on(
        self, event: Literal[EventType.FILE_UPLOADED, "fileUploaded"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnFileUploaded], _OnFileUploaded]: ...
    @overload
    def on(
        self, event: Literal[EventType.ROOM_ARCHIVED, "roomArchived"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnRoomArchived], _OnRoomArchived]: ...
    @overload
    def on(
        self, event: Literal[EventType.ROOM_CREATED, "roomCreated"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnRoomCreated], _OnRoomCreated]: ...
    @overload
    def on(
        self, event: Literal[EventType.ROOM_JOINED, "roomJoined"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnRoomJoined], _OnRoomJoined]: ...
    @overload
    def on(
        self, event: Literal[EventType.ROOM_LEFT, "roomLeft"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnRoomLeft], _OnRoomLeft]: ...
    @overload
    def on(
        self, event: Literal[EventType.USER_CREATED, "userCreated"], *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnUserCreated], _OnUserCreated]: ...
    @overload
    def on(
        self, event: EventType | str, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_OnAny], _OnAny]: ...
    @sealed
    def on(
        self, event: EventType | str, *, token: str | None = _MISSING, bots: bool = False
    ) -> Callable[[_OnAny], _OnAny]:
        """Register the handler of an integration, as a decorator.

        The handler is called with the payload, an object of the event's class, and returns a :class:`Reply` or None.
        It may be an ``async`` function; an app that has one is served by :meth:`handle_async` and :attr:`asgi` only.
        A plain function that returns what an ``async`` one gave has failed: make it ``async`` itself.

        Args:
            event: the event of the integration: one of :class:`~rocketchat_integrations.EventType`, or its text.
            token: the integration's token; by default the app's. None, which has to be written out, means to verify
                nothing: then this has to be the only handler.
            bots: whether the handler also wants what bots and integrations cause. It has to see to it, then, that
                bots do not answer each other for ever.

        Returns:
            The decorator, which returns the handler as it is.

        Raises:
            ConfigurationError: if an argument is wrong, the token is missing, or the token has a handler already. The
                decorator raises it if what it is given cannot be called.
        """
        kind = event_type(event)
        own = self._token if token is _MISSING else token
        if own is _MISSING:
            raise ConfigurationError("token: must be given, here or to the WebhookApp; None means to verify nothing")
        if own is not None:
            check_token(own)
        _check_flag("bots", bots)
        self._check_is_free(own)

        @sealed
        def register(handler: _OnAny) -> _OnAny:
            if not callable(handler):
                raise ConfigurationError("handler: must be something to call")
            route = _Route(event=kind, token=own, handler=handler, takes_bots=bots, is_async=_is_async(handler))
            with self._registering:
                self._check_is_free(own)
                self._routes = (*self._routes, route)
            return handler

        return register

    @property
    def asgi(self) -> AsgiApp:
        """The bot as an ASGI application, for servers that run on ``asyncio``."""
        return self._asgi

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """The bot as a WSGI application.

        Args:
            environ: the call.
            start_response: takes the status and the headers of the answer.

        Returns:
            The body of the answer.

        Raises:
            ConfigurationError: if a handler is ``async``.
        """
        self._check_is_sync()
        return respond(environ, start_response, self.handle, self._max_size)

    def handle(self, body: bytes | bytearray | memoryview | str, content_type: str | None) -> Answer:
        """Answer a POST.

        Whatever the call is, this raises nothing. Arguments of types that no call has are another matter.

        Args:
            body: the body of the call as it came.
            content_type: its ``Content-Type``; None if it has none.

        Returns:
            What to answer.

        Raises:
            ConfigurationError: if a handler is ``async``, or an argument is of the wrong type.
        """
        self._check_is_sync()
        call = self._received(body, content_type)
        del body  # No frame is to hold the token while the handler runs, or in what is raised.
        if isinstance(call, ConfigurationError):
            raise call
        return call if isinstance(call, Answer) else self._answered(call, self._act(call))

    async def handle_async(self, body: bytes | bytearray | memoryview | str, content_type: str | None) -> Answer:
        """Answer a POST, under ``asyncio``. Handlers that are not ``async`` run in a worker thread.

        Whatever the call is, this raises nothing. Arguments of types that no call has are another matter.

        Args:
            body: the body of the call as it came.
            content_type: its ``Content-Type``; None if it has none.

        Returns:
            What to answer.

        Raises:
            ConfigurationError: if an argument is of the wrong type.
        """
        call = self._received(body, content_type)
        del body
        if isinstance(call, ConfigurationError):
            raise call
        if isinstance(call, Answer):
            return call
        if call.route.is_async:
            return self._answered(call, await self._act_async(call))
        return self._answered(call, await asyncio.to_thread(self._act, call))

    def __repr__(self) -> str:
        events = ", ".join(route.event for route in self._routes)
        return f"<WebhookApp for {events}>" if events else "<WebhookApp without handlers>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a WebhookApp holds tokens and cannot be pickled: make one in each process")

    def _check_is_free(self, token: str | None) -> None:
        taken = {route.token for route in self._routes}
        if token in taken:
            raise ConfigurationError("token: has a handler already; a payload tells its event by nothing but its token")
        if taken and (token is None or None in taken):
            raise ConfigurationError("token: None takes every call, so its handler has to be the only one")

    def _check_is_sync(self) -> None:
        if any(route.is_async for route in self._routes):
            raise ConfigurationError("handlers: one is async, so serve the app by `handle_async` or `asgi`")

    def _received(self, body: object, content_type: str | None) -> _Call | Answer | ConfigurationError:
        """The call; or the answer, if no handler is needed; or misuse, not raised, for this frame holds the token."""
        try:
            content = as_bytes(body)
            document = read_document(content, "" if content_type is None else content_type, self._max_size)
            route = self._route_of(document.get("token"))
            has_content = any(document[key] is not None for key in document.keys() - {"token", "bot"})
            payload = read_payload(route.event, document)
        except WebhookPayloadError as error:
            _log.info("a call was refused: %s", error)
            return json_answer(error.answer_status, {"error": str(error)})
        except ConfigurationError as error:
            return error.with_traceback(None)
        if payload.bot and not route.takes_bots:
            return answer_to(None)
        key = key_of(content) if has_content and self._deduplicates else None
        known = None if key is None else self._repeats.find(key)
        return known or _Call(route=route, payload=payload, key=key)

    def _route_of(self, token: object) -> _Route:
        found = None
        for route in self._routes:  # all of them, so that the time tells nothing
            if route.token is None or is_token(token, route.token):
                found = route
        if found is None:
            raise unverified()
        return found

    def _act(self, call: _Call) -> Answer:
        # All that is raised ends here: asyncio could not take StopIteration out of a worker thread, and would hang.
        try:
            return answer_to(call.route.handler(call.payload))
        except (Exception, asyncio.CancelledError) as error:
            return self._failed(call, error)

    async def _act_async(self, call: _Call) -> Answer:
        # In a task of its own: a handler that something in it has cancelled has failed, while a call may be cancelled.
        handling = asyncio.ensure_future(_awaited(call.route.handler, call.payload))
        try:
            await asyncio.wait((handling,))
        except asyncio.CancelledError:
            handling.cancel()
            await asyncio.gather(handling, return_exceptions=True)
            raise
        try:
            return answer_to(handling.result())
        except (Exception, asyncio.CancelledError) as error:
            return self._failed(call, error)

    def _failed(self, call: _Call, error: BaseException) -> Answer:
        tokens = [route.token for route in self._routes if route.token is not None]
        _log.error("the handler of %s failed:\n%s", call.route.event, _told(error, tokens))
        return json_answer(500, {"error": "the bot failed"})

    def _answered(self, call: _Call, answer: Answer) -> Answer:
        if call.key is not None and answer.status < 300:
            self._repeats.add(call.key, answer)
        return answer


async def _awaited(handler: Handler, payload: Payload) -> object:
    return await cast("Awaitable[object]", handler(payload))


def _told(error: BaseException, tokens: list[str]) -> str:
    # As text, for the frames that come with `exc_info` may hold tokens, and tools that report errors show them.
    try:
        return without(tokens, "".join(traceback.format_exception(type(error), error, error.__traceback__)))
    except Exception:  # an exception may have anything in it that fails when it is looked at
        return f"{type(error).__name__}, which cannot be shown"


def _check_flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name}: must be True or False")


def _is_async(handler: Handler) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
