"""WebhookApp: verify a call, run its handler and answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, NoReturn, TypeVar, overload

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.models import EventType

from ._calls import Call, Calls
from ._commands import CommandHandler, Commands, MatchHandler
from ._handler_failures import ErrorHandler, HandlerFailures
from ._handlers import Handler, HandlerResult, Handlers, RegisteredHandler, Router
from ._later import LaterWork
from ._parsing import (
    MAX_SIZE,
    Body,
    FileUploadedEvent,
    RoomArchivedEvent,
    RoomCreatedEvent,
    RoomJoinedEvent,
    RoomLeftEvent,
    SendMessageEvent,
    UserCreatedEvent,
    check_age,
    check_size,
    check_token,
    event_type,
)
from ._payloads import (
    FileUploaded,
    MessageSent,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
)
from ._repeats import MemoryRepeats, Repeats
from ._replies import Answer, LaterReply, Reply, reply_of
from ._running import FAILURES, NEEDS_ASYNCIO, Steps, run, run_async
from ._wsgi_and_asgi import AsgiApp, serve_wsgi

_MessageSentHandler = TypeVar("_MessageSentHandler", bound=Callable[[MessageSent], HandlerResult])
_FileUploadedHandler = TypeVar("_FileUploadedHandler", bound=Callable[[FileUploaded], HandlerResult])
_RoomArchivedHandler = TypeVar("_RoomArchivedHandler", bound=Callable[[RoomArchived], HandlerResult])
_RoomCreatedHandler = TypeVar("_RoomCreatedHandler", bound=Callable[[RoomCreated], HandlerResult])
_RoomJoinedHandler = TypeVar("_RoomJoinedHandler", bound=Callable[[RoomJoined], HandlerResult])
_RoomLeftHandler = TypeVar("_RoomLeftHandler", bound=Callable[[RoomLeft], HandlerResult])
_UserCreatedHandler = TypeVar("_UserCreatedHandler", bound=Callable[[UserCreated], HandlerResult])
_AnyHandler = TypeVar("_AnyHandler", bound=Handler)
_CommandHandler = TypeVar("_CommandHandler", bound=CommandHandler)
_MatchHandler = TypeVar("_MatchHandler", bound=MatchHandler)
_ErrorHandler = TypeVar("_ErrorHandler", bound=ErrorHandler)


class _NotGiven(str):
    """Sentinel: no token given. None means "do not verify"."""

    def __repr__(self) -> str:
        return "<missing>"


_NOT_GIVEN: Final[str] = _NotGiven()


class WebhookApp:
    """A web application that answers the calls of outgoing integrations: a bot.

    The object is a WSGI application, and :attr:`asgi` an ASGI one. For other frameworks, pass each POST request to
    :meth:`handle` or :meth:`handle_async`, as both applications do. On every path, GET and HEAD are answered with 200
    as a health check, and other methods than POST with 405.

    Register handlers with :meth:`on`. A payload does not name its event; the token in it selects the handler. So **each
    token is for one event**: give each integration a token of its own. For messages that are commands, such as
    ``!deploy web``, use :meth:`command` and :meth:`matches` instead.

    A call is answered

    - with the result of the handler: a :class:`Reply`; a :class:`~rocketchat_integrations.Message` for one room or a
      text, which become replies; or None for :meth:`Reply.nothing`;
    - with 500 if the handler raises or returns anything else, also if it raises SystemExit. That is logged at ERROR to
      the logger ``rocketchat_integrations.outgoing``, without tokens, and with control characters as text. (A
      :class:`~rocketchat_integrations.logs.RocketChatHandler` does not post these records: a bot could receive them,
      and fail again.) A hook can answer instead: see :meth:`on_error`;
    - with 401 if its token is wrong or missing, 403 if it is older than ``max_age``, 413 if it is too large, 415 if its
      content type is missing or not JSON, and 400 if it is otherwise not a valid payload. No handler runs, and it is
      logged at INFO;
    - with no message if a bot or an integration sent it, unless the handler is registered with ``bots=True``. Messages
      of bots trigger integrations too, so bots would answer each other endlessly;
    - with the earlier answer if it repeats a call that was answered with 2xx less than 5 minutes ago: same handler,
      same body. The handler does not run again. If the earlier call is still running, the repeat waits for its answer,
      and is answered with 503 after 15 seconds; if the earlier call fails, the repeat runs.

    Only the last 1,000 calls of this process are remembered; a bot with several processes needs :class:`RedisRepeats`,
    or another object in ``repeats``. A call with only ``token`` and ``bot`` is never a repeat, because all such
    calls are equal; nor is a call whose first one failed, nor an edit with another text. An edit
    back to a text that the message had in the last 5 minutes is a repeat: with ``run_on_edits``, use
    ``deduplicate=False`` if the bot must see it. A retried call about a room is not recognized as a repeat, because
    Rocket.Chat sends it with a new timestamp.

    The token in a payload is the only proof of its origin. It proves that the caller knows the token, and no more. It
    is sent in clear text in every payload, so serve the bot over HTTPS only; it is the same for all URLs of the
    integration. Together with the integration's id it is a URL that posts into the workspace, so anyone who gets the
    payloads can post: keep it like a password.

    Rocket.Chat waits 20 seconds for an answer. A call without one has failed and is not repeated, even if the
    integration has ``retry_failed_calls``. For longer work, return :meth:`Reply.later`: it answers at once and posts
    the result through an incoming webhook.

    May be shared by threads.

    Args:
        token: the integration's token, for handlers that are registered without one. None verifies nothing, and then
            there can be only one handler.
        max_size: how many bytes a body may have; 256 KiB by default. Most payloads are smaller than 1 KiB. The largest
            measured one has 200 KiB: an uploaded file whose text is 5,000 characters of emoticons, because servers send
            such a text with its parsed form. Increase it if the workspace allows longer messages. Under ``asyncio``, a
            body of more than 16 KiB is read in a worker thread.
        max_age: how many seconds old the ``timestamp`` of a payload may be; None, the default, for any age. See
            :ref:`Old calls <old-calls>` for what it refuses. Payloads without a timestamp are accepted.
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
        max_age: float | None = None,
        deduplicate: bool = True,
        repeats: Repeats | None = None,
    ) -> None:
        if token is not _NOT_GIVEN:
            check_token(token)
        check_size(max_size)
        check_age(max_age)
        if not isinstance(deduplicate, bool):
            raise ConfigurationError("deduplicate: must be True or False")
        self._token = token
        self._max_size = max_size
        self._handlers = Handlers()
        self._calls = Calls(
            self._handlers, max_size, max_age, MemoryRepeats() if repeats is None else repeats, deduplicate
        )
        self._commands = Commands()
        self._failures = HandlerFailures(self._handlers)
        self._later = LaterWork(self._failures)
        self._asgi = AsgiApp(self.handle_async, self.finish_async, max_size)

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

        The handler is called with the payload, an object of the event's class, and returns a :class:`Reply`, a
        :class:`~rocketchat_integrations.Message`, a text or None.
        It may be an ``async`` function; then the app is served only by :meth:`handle_async` and :attr:`asgi`. A plain
        function must not return the coroutine of an ``async`` one: that is answered with 500.

        A task that an ``async`` handler starts, also by ``asyncio.gather``, a ``TaskGroup`` or, up to Python 3.11,
        ``asyncio.wait_for``, must not raise SystemExit: asyncio ends the whole program then. Catch it in the task, for
        example around ``argparse``.

        Args:
            event: the event of the integration: an :class:`~rocketchat_integrations.EventType` or its text.
            token: the integration's token; the app's by default. None verifies nothing, and then this must be the only
                handler.
            bots: whether to call the handler for messages of bots and integrations too. The handler itself must then
                prevent bots from answering each other endlessly.

        Returns:
            The decorator. It returns the handler unchanged.

        Raises:
            ConfigurationError: if an argument is wrong, the token is missing, or it already has a handler. The
                decorator raises it if the handler is not callable, or is :class:`Commands` for another event than
                ``sendMessage``.
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
            _check_handler(handler, kind)
            self._handlers.add(RegisteredHandler(event=kind, token=own, handler=handler, takes_bots=bots))
            return handler

        return register

    def command(self, name: str, *, split: bool = True) -> Callable[[_CommandHandler], _CommandHandler]:
        """Register the function of a command, such as ``!deploy``. Use it as a decorator.

        See :meth:`Commands.command` for its arguments, what the function is called with, and help. Commands are for the
        integration with the app's token, unless :attr:`commands` is registered for another one.

        Args:
            name: the first word of the message, such as ``"!deploy"``; also the trigger word of the integration.
            split: whether to split the arguments as a shell does.

        Returns:
            The decorator. It returns the function unchanged.

        Raises:
            ConfigurationError: if an argument is wrong, the app has no token, or its token has a handler already. The
                decorator raises it if the function is not callable.
        """
        decorator = self._commands.command(name, split=split)
        self._register_commands()
        return decorator

    def matches(self, pattern: str | re.Pattern[str]) -> Callable[[_MatchHandler], _MatchHandler]:
        r"""Register a function for messages in which a pattern is found. Use it as a decorator.

        See :meth:`Commands.matches` for what the function is called with. Patterns are for the integration with the
        app's token, unless :attr:`commands` is registered for another one.

        Args:
            pattern: the regular expression, such as ``r"\bOPS-(\d+)"``.

        Returns:
            The decorator. It returns the function unchanged.

        Raises:
            ConfigurationError: if the pattern is wrong, the app has no token, or its token has a handler already. The
                decorator raises it if the function is not callable.
        """
        decorator = self._commands.matches(pattern)
        self._register_commands()
        return decorator

    @property
    def commands(self) -> Commands:
        """The handler that :meth:`command` and :meth:`matches` add to.

        Register it with :meth:`on` before the first command for another token than the app's, for a second token, or
        for messages of bots: ``app.on(EventType.SEND_MESSAGE, token=new)(app.commands)``.
        """
        return self._commands

    @property
    def trigger_words(self) -> tuple[str, ...]:
        """The trigger words for the integration: the commands' names.

        Empty if there is a pattern, which needs every message. See :attr:`Commands.trigger_words`.
        """
        return self._commands.trigger_words

    def on_error(self, handler: _ErrorHandler) -> _ErrorHandler:
        """Register the hook for exceptions of handlers and of later work. Use it as a decorator, without parentheses.

        The hook is called with the payload and the exception. What it returns is the reply, and the call has succeeded:
        nothing is logged. If it returns None, the exception is logged and the call is answered with 500, as without a
        hook; if it raises, both exceptions are logged. After :meth:`Reply.later`, its reply is posted through the
        webhook. It may be ``async``; then the app is served only by :meth:`handle_async` and :attr:`asgi`.

        Args:
            handler: the hook.

        Returns:
            The hook, unchanged.

        Raises:
            ConfigurationError: if there is a hook already, or it is not callable.
        """
        if not callable(handler):
            raise ConfigurationError("handler: must be callable")
        if self._failures.hook is not None:
            raise ConfigurationError("handler: there is a hook for errors already")
        self._failures.hook = handler
        return handler

    def finish(self, timeout: float | None = None) -> bool:
        """Wait for the work that :meth:`handle` and the WSGI application have started for :meth:`Reply.later`.

        A program that ends normally waits for this work by itself, without a limit. It is lost in a program that is
        killed, for example by a server that has waited for its worker process long enough. Work that must survive
        belongs in a job queue.

        Args:
            timeout: how many seconds to wait; None for no limit.

        Returns:
            Whether all of it is finished. If not, it goes on, and a warning is logged.
        """
        return self._later.finish(timeout)

    async def finish_async(self, timeout: float | None = None) -> bool:
        """Wait for the work that :meth:`handle_async` has started for :meth:`Reply.later` in this event loop.

        :attr:`asgi` does so when its server shuts down, if the server runs the lifespan protocol for it. Inside another
        application, call it where that one shuts down: work that still runs when the event loop ends is cancelled,
        which is logged as a warning.

        Args:
            timeout: how many seconds to wait; None for no limit.

        Returns:
            Whether all of it is finished. If not, it goes on, and a warning is logged.
        """
        return await self._later.finish_async(timeout)

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
        call = self._calls.receive(body, content_type)
        del body  # no frame keeps the token while the handler runs, or in what it raises
        if isinstance(call, ConfigurationError):
            raise call
        if isinstance(call, Answer):
            return call
        answer = self._calls.begin(call)
        if answer is not None:
            return answer
        try:
            answer = self._calls.find(call)
            if answer is None:
                reply = run(self._reply(call, has_loop=False))
                answer = self._calls.answer(call, reply)
                if isinstance(reply, LaterReply):
                    self._later.start(call.payload, reply)
            return answer
        finally:
            self._calls.end(call, answer)

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
        try:
            call = await self._calls.receive_async(body, content_type)
        finally:
            del body
        if isinstance(call, ConfigurationError):
            raise call
        if isinstance(call, Answer):
            return call
        answer = await self._calls.begin_async(call)
        if answer is not None:
            return answer
        try:
            answer = await self._calls.find_async(call)
            if answer is None:
                reply = await run_async(self._reply(call, has_loop=True))
                answer = await self._calls.in_a_thread_if_slow(self._calls.answer, call, reply)
                if isinstance(reply, LaterReply):
                    self._later.start_async(call.payload, reply)
            return answer
        finally:
            await self._calls.end_async(call, answer)

    def __repr__(self) -> str:
        events = ", ".join(each.event for each in self._handlers.all)
        return f"<WebhookApp for {events}>" if events else "<WebhookApp without handlers>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a WebhookApp holds tokens and cannot be pickled: make one in each process")

    def _check_is_sync(self) -> None:
        if any(each.is_async for each in self._handlers.all) or self._failures.is_async:
            raise ConfigurationError(f"handlers: one {NEEDS_ASYNCIO}")

    def _register_commands(self) -> None:
        if all(each.handler is not self._commands for each in self._handlers.all):
            self.on(EventType.SEND_MESSAGE)(self._commands)

    def _reply(self, call: Call, *, has_loop: bool) -> Steps[Reply | None]:
        """Run the handler and return the reply; None if it failed and the failure was logged."""

        def accept(result: object) -> Reply:
            reply = reply_of(result)
            if isinstance(reply, LaterReply) and reply.needs_asyncio and not has_loop:
                raise TypeError(f"Reply.later: the work or the webhook {NEEDS_ASYNCIO}")
            return reply

        outcome = yield call.registered.function_for(call.payload)
        try:
            return accept(outcome.result())
        except FAILURES as error:
            failure = error
        return (yield from self._failures.handle("the handler", call.payload, failure, accept))


def _check_handler(handler: object, event: EventType) -> None:
    if not callable(handler):
        raise ConfigurationError("handler: must be callable")
    if isinstance(handler, Router) and event is not EventType.SEND_MESSAGE:
        raise ConfigurationError("handler: commands are for sendMessage only")
