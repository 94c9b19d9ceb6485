"""WebhookApp: verify a call, run its handler and answer."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import inspect
import logging
import threading
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final, NamedTuple, NoReturn, ParamSpec, TypeAlias, TypeVar, cast, overload

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError
from rocketchat_integrations.models import EventType

from ._parsing import (
    MAX_SIZE,
    WRONG_TOKEN,
    Body,
    FileUploadedEvent,
    RoomArchivedEvent,
    RoomCreatedEvent,
    RoomJoinedEvent,
    RoomLeftEvent,
    SendMessageEvent,
    UserCreatedEvent,
    as_bytes,
    check_size,
    check_token,
    event_type,
    is_token,
    json_object,
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
    read_payload,
)
from ._repeats import MemoryRepeats, Repeats
from ._replies import Answer, Reply, answer_to, json_answer
from ._wsgi_and_asgi import AsgiApp, serve_wsgi

_Result: TypeAlias = Reply | Coroutine[Any, Any, Reply | None] | None
_Handler: TypeAlias = Callable[[Any], _Result]
_MessageSentHandler = TypeVar("_MessageSentHandler", bound=Callable[[MessageSent], _Result])
_FileUploadedHandler = TypeVar("_FileUploadedHandler", bound=Callable[[FileUploaded], _Result])
_RoomArchivedHandler = TypeVar("_RoomArchivedHandler", bound=Callable[[RoomArchived], _Result])
_RoomCreatedHandler = TypeVar("_RoomCreatedHandler", bound=Callable[[RoomCreated], _Result])
_RoomJoinedHandler = TypeVar("_RoomJoinedHandler", bound=Callable[[RoomJoined], _Result])
_RoomLeftHandler = TypeVar("_RoomLeftHandler", bound=Callable[[RoomLeft], _Result])
_UserCreatedHandler = TypeVar("_UserCreatedHandler", bound=Callable[[UserCreated], _Result])
_AnyHandler = TypeVar("_AnyHandler", bound=_Handler)
_P = ParamSpec("_P")
_T = TypeVar("_T")


class _NotGiven(str):
    """Sentinel: no token given. None means "do not verify"."""

    def __repr__(self) -> str:
        return "<missing>"


_NOT_GIVEN: Final[str] = _NotGiven()

_log = logging.getLogger("rocketchat_integrations.outgoing")


@attrs.frozen(kw_only=True)
class _RegisteredHandler:
    """A handler with the event and the token that it is registered for. Token None verifies nothing."""

    event: EventType
    token: str | None = attrs.field(repr=False)
    handler: _Handler
    takes_bots: bool
    is_async: bool = attrs.field(default=attrs.Factory(lambda self: _is_async(self.handler), takes_self=True))


class _Handlers:
    """All handlers of an app. May be shared by threads."""

    def __init__(self) -> None:
        self.all: tuple[_RegisteredHandler, ...] = ()
        self._lock = threading.Lock()

    def add(self, handler: _RegisteredHandler) -> None:
        """Add a handler; raise ConfigurationError if its token is taken."""
        with self._lock:
            self.check_is_free(handler.token)
            self.all = (*self.all, handler)

    def check_is_free(self, token: str | None) -> None:
        """Raise ConfigurationError if a call with this token could be for two handlers."""
        taken = {each.token for each in self.all}
        if token in taken:
            raise ConfigurationError("token: already has a handler; give each event a token of its own")
        if taken and (token is None or None in taken):
            raise ConfigurationError("token: the handler for None must be the only one, because it takes every call")

    def find(self, token: object) -> _RegisteredHandler | None:
        """Return the handler of a token, after comparing it with all of them: the time reveals nothing."""
        found = None
        for each in self.all:
            if each.token is None or is_token(token, each.token):
                found = each
        return found


class _Call(NamedTuple):
    """A verified call, without its body, which has the token. The key is None for a call that is never a repeat."""

    registered: _RegisteredHandler
    payload: Payload
    key: str | None


class WebhookApp:
    """A web application that answers the calls of outgoing integrations: a bot.

    The object is a WSGI application, and :attr:`asgi` an ASGI one. For other frameworks, pass each POST request to
    :meth:`handle` or :meth:`handle_async`, as both applications do. On every path, GET and HEAD are answered with 200
    as a health check, and other methods than POST with 405.

    Register handlers with :meth:`on`. A payload does not name its event; the token in it selects the handler. So **each
    token is for one event**: give each integration a token of its own.

    A call is answered

    - with the result of the handler: a :class:`Reply`, or None for :meth:`Reply.nothing`;
    - with 500 if the handler raises or returns anything else. That is logged at ERROR to the logger
      ``rocketchat_integrations.outgoing``, without tokens. (A
      :class:`~rocketchat_integrations.logs.RocketChatHandler` does not post these records: a bot could receive them,
      and fail again.)
    - with 401 if its token is wrong or missing, 413 if it is too large, 415 if its content type is missing or not JSON,
      and 400 if it is otherwise not a valid payload. No handler runs, and it is logged at INFO;
    - with no message if a bot or an integration sent it, unless the handler is registered with ``bots=True``. Messages
      of bots trigger integrations too, so bots would answer each other for ever;
    - with the earlier answer if it repeats a call that was answered with 2xx less than 5 minutes ago: same handler,
      same body. The handler does not run again.

    Only the last 1,000 calls of this process are remembered; a bot with several processes needs :class:`RedisRepeats`,
    or another object in ``repeats``. A call with only ``token`` and ``bot`` is never a repeat, because all such
    calls are equal; nor is a call whose first one failed or is still running, nor an edit with another text. An edit
    back to a text that the message had in the last 5 minutes is a repeat: with ``run_on_edits``, use
    ``deduplicate=False`` if the bot must see it. A retried call about a room is not recognized as a repeat, because
    Rocket.Chat sends it with a new timestamp.

    The token in a payload is the only proof of its origin. It proves that the caller knows the token, and no more. It
    is sent in the clear in every payload, so serve the bot over HTTPS only; it is the same for all URLs of the
    integration. Together with the integration's id it is a URL that posts into the workspace, so anyone who gets the
    payloads can post: keep it like a password.

    Rocket.Chat waits 20 seconds for an answer. A call without one has failed and is not repeated, even if the
    integration has ``retry_failed_calls``. For longer work, answer at once and post later through an incoming webhook.

    May be shared by threads.

    Args:
        token: the integration's token, for handlers that are registered without one. None verifies nothing, and then
            there can be only one handler.
        max_size: how many bytes a body may have.
        deduplicate: whether repeats are recognized.
        repeats: what remembers the answers to recent calls: an object with the methods of :class:`Repeats`, such as a
            :class:`RedisRepeats`. By default, this process does. If it raises, that is logged at WARNING, and the call
            is handled as a new one.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @sealed
    def __init__(
        self,
        *,
        token: str | None = _NOT_GIVEN,
        max_size: int = MAX_SIZE,
        deduplicate: bool = True,
        repeats: Repeats | None = None,
    ) -> None:
        if token is not _NOT_GIVEN:
            check_token(token)
        check_size(max_size)
        if not isinstance(deduplicate, bool):
            raise ConfigurationError("deduplicate: must be True or False")
        self._token = token
        self._max_size = max_size
        self._deduplicates = deduplicate
        self._repeats = MemoryRepeats() if repeats is None else repeats
        self._handlers = _Handlers()
        self._asgi = AsgiApp(self.handle_async, max_size)

    @overload
    def on(
        self, event: SendMessageEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_MessageSentHandler], _MessageSentHandler]: ...
    @overload
    def on(
        self, event: FileUploadedEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_FileUploadedHandler], _FileUploadedHandler]: ...
    @overload
    def on(
        self, event: RoomArchivedEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_RoomArchivedHandler], _RoomArchivedHandler]: ...
    @overload
    def on(
        self, event: RoomCreatedEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_RoomCreatedHandler], _RoomCreatedHandler]: ...
    @overload
    def on(
        self, event: RoomJoinedEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_RoomJoinedHandler], _RoomJoinedHandler]: ...
    @overload
    def on(
        self, event: RoomLeftEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_RoomLeftHandler], _RoomLeftHandler]: ...
    @overload
    def on(
        self, event: UserCreatedEvent, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_UserCreatedHandler], _UserCreatedHandler]: ...
    @overload
    def on(
        self, event: EventType | str, *, token: str | None = ..., bots: bool = ...
    ) -> Callable[[_AnyHandler], _AnyHandler]: ...
    @sealed
    def on(
        self, event: EventType | str, *, token: str | None = _NOT_GIVEN, bots: bool = False
    ) -> Callable[[_AnyHandler], _AnyHandler]:
        """Register the handler of an integration. Use it as a decorator.

        The handler is called with the payload, an object of the event's class, and returns a :class:`Reply` or None.
        It may be an ``async`` function; then the app is served only by :meth:`handle_async` and :attr:`asgi`. A plain
        function must not return the coroutine of an ``async`` one: that is answered with 500.

        Args:
            event: the event of the integration: an :class:`~rocketchat_integrations.EventType` or its text.
            token: the integration's token; the app's by default. None verifies nothing, and then this must be the only
                handler.
            bots: whether to call the handler for messages of bots and integrations too. The handler must then prevent
                that bots answer each other for ever.

        Returns:
            The decorator. It returns the handler unchanged.

        Raises:
            ConfigurationError: if an argument is wrong, the token is missing, or it already has a handler. The
                decorator raises it if the handler is not callable.
        """
        kind = event_type(event)
        own = self._token if token is _NOT_GIVEN else token
        if own is _NOT_GIVEN:
            raise ConfigurationError("token: missing; pass it here or to WebhookApp, or pass None to verify nothing")
        check_token(own)
        if not isinstance(bots, bool):
            raise ConfigurationError("bots: must be True or False")
        self._handlers.check_is_free(own)

        @sealed
        def register(handler: _AnyHandler) -> _AnyHandler:
            if not callable(handler):
                raise ConfigurationError("handler: must be callable")
            self._handlers.add(_RegisteredHandler(event=kind, token=own, handler=handler, takes_bots=bots))
            return handler

        return register

    @property
    def asgi(self) -> AsgiApp:
        """The bot as an ASGI application, for servers that run on ``asyncio``."""
        return self._asgi

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Serve the bot as a WSGI application.

        Args:
            environ: the request.
            start_response: the function for the status and the headers of the answer.

        Returns:
            The body of the answer.

        Raises:
            ConfigurationError: if a handler is ``async``.
        """
        self._check_is_sync()
        return serve_wsgi(environ, start_response, self.handle, self._max_size)

    def handle(self, body: Body, content_type: str | None) -> Answer:
        """Answer a POST request. An invalid request gets an answer, too, and does not raise.

        Args:
            body: the body as it was received.
            content_type: the ``Content-Type``; None if there is none.

        Returns:
            The answer to send.

        Raises:
            ConfigurationError: if a handler is ``async``, or an argument has the wrong type.
        """
        self._check_is_sync()
        call = self._receive(body, content_type)
        del body  # no frame keeps the token while the handler runs, or in what it raises
        if isinstance(call, ConfigurationError):
            raise call
        if isinstance(call, Answer):
            return call
        return self._find(call) or self._remember(call, self._run(call))

    async def handle_async(self, body: Body, content_type: str | None) -> Answer:
        """Answer a POST request under ``asyncio``, as :meth:`handle` does. Plain handlers run in a worker thread.

        Args:
            body: the body as it was received.
            content_type: the ``Content-Type``; None if there is none.

        Returns:
            The answer to send.

        Raises:
            ConfigurationError: if an argument has the wrong type.
        """
        call = self._receive(body, content_type)
        del body
        if isinstance(call, ConfigurationError):
            raise call
        if isinstance(call, Answer):
            return call
        known = await self._beside_the_loop(self._find, call)
        if known is not None:
            return known
        running = self._run_async(call) if call.registered.is_async else asyncio.to_thread(self._run, call)
        return await self._beside_the_loop(self._remember, call, await running)

    def __repr__(self) -> str:
        events = ", ".join(each.event for each in self._handlers.all)
        return f"<WebhookApp for {events}>" if events else "<WebhookApp without handlers>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a WebhookApp holds tokens and cannot be pickled: make one in each process")

    def _check_is_sync(self) -> None:
        if any(each.is_async for each in self._handlers.all):
            raise ConfigurationError("handlers: one is async, so serve the app by `handle_async` or `asgi`")

    def _receive(self, body: object, content_type: str | None) -> _Call | Answer | ConfigurationError:
        """Return the call, or the answer if no handler is needed. Wrong use is returned: this frame has the token."""
        try:
            content = as_bytes(body)
            document = json_object(content, "" if content_type is None else content_type, self._max_size)
            registered = self._handlers.find(document.get("token"))
            if registered is None:
                raise WebhookVerificationError(WRONG_TOKEN)
            has_content = any(document[key] is not None for key in document.keys() - {"token", "bot"})
            payload = read_payload(registered.event, document)
        except WebhookPayloadError as error:
            _log.info("a call was refused: %s", error)
            return json_answer(error.answer_status, {"error": str(error)})
        except ConfigurationError as error:
            return error.with_traceback(None)
        if payload.bot and not registered.takes_bots:
            return answer_to(None)
        # The body itself would keep tokens and messages in memory.
        key = hashlib.sha256(content).hexdigest() if has_content and self._deduplicates else None
        return _Call(registered, payload, key)

    def _run(self, call: _Call) -> Answer:
        # StopIteration must not leave a worker thread: asyncio would hang.
        try:
            return answer_to(call.registered.handler(call.payload))
        except (Exception, asyncio.CancelledError) as error:
            return self._failed(call, error)

    async def _run_async(self, call: _Call) -> Answer:
        # In a task of its own, to tell a handler that was cancelled from within (it has failed) from a cancelled call.
        handling = asyncio.ensure_future(_awaited(call.registered.handler, call.payload))
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
        tokens = [each.token for each in self._handlers.all if each.token is not None]
        # Not by `exc_info`: the frames may hold tokens, and tools that report errors show them.
        try:
            text = redacted("".join(traceback.format_exception(error)), spellings(tokens, shortest=1, levels=3))
        except Exception:  # the methods of an exception may fail, too
            text = f"{type(error).__name__}, which cannot be shown"
        _log.error("the handler of %s failed:\n%s", call.registered.event, text)
        return json_answer(500, {"error": "the bot failed"})

    def _find(self, call: _Call) -> Answer | None:
        try:
            return None if call.key is None else self._repeats.find(call.key)
        except Exception as error:
            _log_failed_repeats(error)
            return None

    def _remember(self, call: _Call, answer: Answer) -> Answer:
        try:
            if call.key is not None and answer.status < 300:
                self._repeats.add(call.key, answer)
        except Exception as error:
            _log_failed_repeats(error)
        return answer

    async def _beside_the_loop(self, function: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
        """Call a function, in a worker thread if it may wait for a store elsewhere."""
        if isinstance(self._repeats, MemoryRepeats):
            return function(*args, **kwargs)
        return await asyncio.to_thread(function, *args, **kwargs)


def _log_failed_repeats(error: Exception) -> None:
    _log.warning("repeated calls are not recognized: what remembers them failed: %s: %s", type(error).__name__, error)


def _is_async(handler: _Handler) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)


async def _awaited(handler: _Handler, payload: Payload) -> object:
    return await cast("Awaitable[object]", handler(payload))
