"""A bot: which handler a call is for, and what is answered."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import functools
import hmac
import inspect
import io
import json
import logging
import pickle
import re
import sys
import threading
import traceback
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import rocketchat_integrations
from rocketchat_integrations import ConfigurationError, EventType
from rocketchat_integrations.outgoing import Answer, MessageSent, Reply, UserCreated, WebhookApp
from rocketchat_integrations.outgoing._hiding import _all_spellings

PACKAGE = Path(rocketchat_integrations.__file__).parent
JSON = "application/json"
NOTHING = Answer(200, JSON, b"{}")
LOGGER = "rocketchat_integrations.outgoing"


def say(token: str | None = "T0K3N", **fields: object) -> bytes:
    return json.dumps({"token": token, "text": "hi", **fields}).encode()


def text_of(answer: Answer) -> object:
    assert (answer.status, answer.content_type) == (200, JSON)
    return json.loads(answer.body).get("text")


def error_of(answer: Answer) -> str:
    assert answer.content_type == JSON
    content = json.loads(answer.body)
    assert set(content) == {"error"}
    return str(content["error"])


def saying(text: str) -> Callable[[object], Reply]:
    return lambda payload: Reply(text)


def echo(message: MessageSent) -> Reply:
    return Reply(message.text)


def app_with(handler: Callable[[Any], Any], **options: Any) -> WebhookApp:
    app = WebhookApp(token="T0K3N", **options)
    app.on("sendMessage")(handler)
    return app


def run(app: WebhookApp, body: Any, content_type: str | None = JSON) -> Answer:
    return asyncio.run(app.handle_async(body, content_type))


each_way = pytest.mark.parametrize("answer", [WebhookApp.handle, run], ids=["handle", "handle_async"])
Way = Callable[[WebhookApp, Any, Any], Answer]


# Routes.


def test_a_handler_is_registered_and_stays_what_it_is() -> None:
    app = WebhookApp(token="T0K3N")

    def deploy(message: MessageSent) -> Reply:
        return Reply(f"deploying {message.text}, {message.user_name}")

    assert app.on(EventType.SEND_MESSAGE)(deploy) is deploy
    assert text_of(app.handle(say(text="web", user_name="alice"), JSON)) == "deploying web, alice"


@each_way
def test_the_token_tells_for_which_handler_a_call_is(answer: Way) -> None:
    seen: list[object] = []
    app = WebhookApp(token="a")
    app.on(EventType.SEND_MESSAGE)(saying("message"))
    app.on("userCreated", token="b")(seen.append)
    app.on(EventType.USER_CREATED, token="c")(saying("user"))
    assert text_of(answer(app, say("a"), JSON)) == "message"
    assert answer(app, say("b"), JSON) == NOTHING
    assert text_of(answer(app, say("c"), JSON)) == "user"
    assert [type(payload) for payload in seen] == [UserCreated]


@each_way
def test_a_call_with_another_token_is_refused(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = WebhookApp()
    for body in (say("a"), b"{}"):
        assert answer(app, body, JSON).status == 401  # nobody has registered for anything yet
    app.on(EventType.SEND_MESSAGE, token="canary")(saying("message"))
    for given in ("a", "", "canary2", None, 5):
        refused = answer(app, say(given), JSON)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        assert (refused.status, error_of(refused)) == (401, "token: is missing, or not the integration's")
    assert "canary" not in caplog.text


def test_a_token_is_compared_with_all_that_there_are_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return given == known

    monkeypatch.setattr(hmac, "compare_digest", compare)
    app = WebhookApp()
    for token in ("a", "b", "c"):
        app.on(EventType.SEND_MESSAGE, token=token)(saying(token))
    assert text_of(app.handle(say("a"), JSON)) == "a"
    assert compared == [b"a", b"b", b"c"]


def test_an_app_that_verifies_nothing_takes_every_call() -> None:
    app = WebhookApp(token=None)
    app.on(EventType.SEND_MESSAGE)(echo)
    for token in ("a", "b", None):
        assert text_of(app.handle(say(token), JSON)) == "hi"
    assert app.handle(b'{"token": 5}', JSON).status == 500  # a reply without a text


WRONG: list[tuple[object, dict[str, Any], str]] = [
    ("sendMessage", {}, "token: must be given, here or to the WebhookApp"),
    ("sendMessage", {"token": ""}, "token: must be text that is not empty, or None"),
    ("sendMessage", {"token": 5}, "token: must be text that is not empty, or None"),
    ("sendMessage", {"token": "\ud800"}, "token: must be text that is not empty, or None"),
    ("sendMessage", {"token": "taken"}, "token: has a handler already"),
    ("userCreated", {"token": "taken"}, "token: has a handler already"),
    ("userCreated", {"token": None}, "token: None takes every call, so its handler has to be the only one"),
    ("messageSent", {"token": "free"}, "event: must be one of sendMessage, "),
    (None, {"token": "free"}, "event: must be one of sendMessage, "),
    ("sendMessage", {"token": "free", "bots": 1}, "bots: must be True or False"),
]


@pytest.mark.parametrize(("wrong_event", "options", "problem"), WRONG)
def test_a_wrong_registration_is_named(wrong_event: Any, options: dict[str, Any], problem: str) -> None:
    """By `on` itself, before anything is decorated."""
    app = WebhookApp()
    app.on("sendMessage", token="taken")(saying("hi"))
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        app.on(wrong_event, **options)
    assert text_of(app.handle(say("taken"), JSON)) == "hi"
    assert app.handle(say("free"), JSON).status == 401


def test_an_unverified_handler_is_the_only_one() -> None:
    app = WebhookApp()
    app.on("sendMessage", token=None)(saying("hi"))
    for token in (None, "T0K3N"):
        with pytest.raises(ConfigurationError, match="^token: "):
            app.on("userCreated", token=token)


def test_a_handler_has_to_be_something_to_call() -> None:
    app: Any = WebhookApp(token="T0K3N")
    with pytest.raises(ConfigurationError, match="^handler: must be something to call"):
        app.on("sendMessage")("handler")


def test_the_token_of_the_app_is_for_one_handler() -> None:
    app = WebhookApp(token="T0K3N")
    app.on("sendMessage")(saying("hi"))
    with pytest.raises(ConfigurationError, match="token: has a handler already"):
        app.on("userCreated")


def test_a_decorator_registers_once() -> None:
    decorator = WebhookApp(token="T0K3N").on("sendMessage")
    decorator(saying("hi"))
    with pytest.raises(ConfigurationError, match="token: has a handler already"):
        decorator(saying("hi"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"token": ""}, "token: must be text that is not empty, or None"),
        ({"token": 5}, "token: must be text that is not empty, or None"),
        ({"max_size": 0}, "max_size: must be a positive whole number"),
        ({"max_size": 1.5}, "max_size: must be a positive whole number"),
        ({"deduplicate": None}, "deduplicate: must be True or False"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        WebhookApp(**options)


# Calls.


@each_way
def test_what_is_no_payload_is_refused(answer: Way) -> None:
    app = app_with(saying("hi"), max_size=44)
    refused = {
        say(text="long" * 10): 413,
        b"{": 400,
        b"[]": 400,
        say(text=5): 400,
        say("wrong", text=5): 401,
    }
    assert {body: answer(app, body, JSON).status for body in refused} == refused
    assert error_of(answer(app, say(text=5), JSON)) == "text: must be text, and is a number"


@each_way
@pytest.mark.parametrize("content_type", [None, "", "text/plain"])
def test_a_call_has_to_be_json_by_its_content_type(answer: Way, content_type: str | None) -> None:
    refused = answer(app_with(saying("hi")), say(), content_type)
    assert (refused.status, error_of(refused)) == (415, "Content-Type: must be application/json")


@each_way
@pytest.mark.parametrize("as_kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_may_come_as_bytes_of_any_kind_or_as_text(answer: Way, as_kind: Callable[[bytes], object]) -> None:
    assert text_of(answer(app_with(saying("hi")), as_kind(say()), "application/json;charset=utf-8")) == "hi"


@each_way
@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [({"token": "T0K3N"}, JSON, "body: must be bytes or text"), (b"{}", b"json", "content_type: must be text or None")],
)
def test_arguments_that_no_call_has_are_a_mistake(answer: Way, body: Any, content_type: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        answer(app_with(saying("hi")), body, content_type)


@each_way
@pytest.mark.parametrize("bot", [True, {"i": "abc"}, {}])
def test_messages_of_bots_are_for_handlers_that_ask_for_them(answer: Way, bot: object) -> None:
    """A bot that answers itself never stops."""
    app = WebhookApp()
    app.on("sendMessage", token="people")(saying("hi"))
    app.on("sendMessage", token="all", bots=True)(saying("hi, colleague"))
    assert answer(app, say("people", bot=bot), JSON) == NOTHING
    assert text_of(answer(app, say("people", bot=False), JSON)) == "hi"
    assert text_of(answer(app, say("people", bot=None), JSON)) == "hi"
    assert text_of(answer(app, say("all", bot=bot), JSON)) == "hi, colleague"


@each_way
def test_a_replayed_call_without_content_reaches_the_handler(answer: Way) -> None:
    app = app_with(lambda message: Reply(f"text is {message.text}"))
    assert text_of(answer(app, b'{"token": "T0K3N", "bot": false}', JSON)) == "text is None"


# Handlers.


class _Object:
    def __call__(self, message: MessageSent) -> Reply:
        return Reply("hi")


class _AsyncObject:
    async def __call__(self, message: MessageSent) -> Reply:
        return Reply("hi")

    async def method(self, message: MessageSent) -> Reply:
        return Reply("hi")


async def _async(message: MessageSent, text: str = "hi") -> Reply:
    return Reply(text)


ASYNC: list[Any] = [
    _async,
    functools.partial(_async, text="hi"),
    functools.partial(functools.partial(_async), text="hi"),
    _AsyncObject(),
    _AsyncObject().method,
    functools.partial(_AsyncObject()),
]


@pytest.mark.parametrize("handler", ASYNC)
def test_async_handlers_are_awaited_and_refuse_to_be_run_otherwise(handler: Any) -> None:
    app = app_with(handler)
    app.on("userCreated", token="other")(saying("hi"))
    assert text_of(run(app, say())) == "hi"
    assert text_of(run(app, say("other"))) == "hi"
    for token in ("T0K3N", "other", "wrong"):
        with pytest.raises(ConfigurationError, match="one is async, so serve the app by `handle_async` or `asgi`"):
            app.handle(say(token), JSON)


def _plain(message: MessageSent, text: str) -> Reply:
    return Reply(text)


PLAIN: list[Any] = [functools.partial(_plain, text="hi"), _Object(), _Object().__call__, saying("hi")]


@pytest.mark.parametrize("handler", PLAIN)
@each_way
def test_whatever_can_be_called_is_a_handler(answer: Way, handler: Any) -> None:
    assert text_of(answer(app_with(handler), say(), JSON)) == "hi"


def test_plain_handlers_leave_the_wrong_eventloop_alone() -> None:
    """They run in a thread of their own, with the context of the call."""
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    free = threading.Event()

    def handler(message: MessageSent) -> Reply:
        assert free.wait(60)
        return Reply(f"{threading.current_thread() is threading.main_thread()} {user.get()}")

    async def main() -> Answer:
        user.set("alice")
        answered = asyncio.ensure_future(app_with(handler).handle_async(say(), JSON))
        await asyncio.sleep(0)
        free.set()  # which could not be reached if the handler ran in this thread
        return await answered

    assert text_of(asyncio.run(main())) == "False alice"


def test_an_app_may_be_shared_by_threads() -> None:
    app = WebhookApp()
    counts: dict[str, int] = {}
    lock = threading.Lock()

    def work(number: int) -> None:
        token = f"token{number}"

        @app.on("sendMessage", token=token)
        def handler(message: MessageSent) -> Reply:
            with lock:
                counts[token] = counts.get(token, 0) + 1
            return Reply(f"{token} {message.text}")

        for text in map(str, range(50)):
            for _ in range(2):
                assert text_of(app.handle(say(token, text=text), JSON)) == f"{token} {text}"
        assert callable(handler)

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, range(32)))
    assert counts == {f"token{number}": 50 for number in range(32)}


# Failures.


def fail(message: MessageSent) -> Reply:
    raise ValueError(f"no {message.text}")


async def fail_async(message: MessageSent) -> Reply:
    raise ValueError(f"no {message.text}")


def stop(message: MessageSent) -> Reply:
    raise StopIteration(f"no {message.text}")


def cancel(message: MessageSent) -> Reply:
    raise asyncio.CancelledError(f"no {message.text}")


async def cancel_async(message: MessageSent) -> Reply:
    raise asyncio.CancelledError(f"no {message.text}")


@pytest.mark.parametrize(
    ("handler", "answer"),
    [
        *((handler, answer) for handler in (fail, stop, cancel) for answer in (WebhookApp.handle, run)),
        *((handler, run) for handler in (fail_async, cancel_async)),
    ],
)
def test_a_handler_that_raises_is_answered_500_and_logged(
    handler: Any, answer: Way, caplog: pytest.LogCaptureFixture
) -> None:
    failed = answer(app_with(handler), say(text="way"), JSON)
    assert (failed.status, error_of(failed)) == (500, "the bot failed")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.exc_info) == (LOGGER, "ERROR", None)
    assert record.getMessage().startswith("the handler of sendMessage failed:\nTraceback (most recent call last):\n")
    assert f"in {handler.__name__}\n" in record.getMessage()
    assert "no way" in record.getMessage()


class Unspeakable(Exception):
    """Fails when it is looked at."""

    @property
    def __notes__(self) -> list[str]:
        raise ValueError("canary")

    def __str__(self) -> str:
        raise ValueError("canary")

    def __getattribute__(self, name: str) -> Any:
        raise ValueError("canary")


@each_way
def test_a_failure_that_cannot_be_shown_is_named(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    def handler(message: MessageSent) -> Reply:
        raise Unspeakable

    assert answer(app_with(handler), say(), JSON).status == 500
    assert "Unspeakable, which cannot be shown" in caplog.text


def test_a_call_that_is_cancelled_cancels_its_handler(caplog: pytest.LogCaptureFixture) -> None:
    """And waits until it has tidied up; nothing is answered, and nothing has failed."""
    ended: list[str] = []

    async def handler(message: MessageSent) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("tidied up")
        return Reply("never")

    async def cancelled() -> None:
        call = asyncio.create_task(app_with(handler).handle_async(say(), JSON))
        for _ in range(3):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ended == ["tidied up"]

    asyncio.run(cancelled())
    assert caplog.records == []


def test_a_long_and_odd_token_is_looked_for_in_its_simple_spellings_only() -> None:
    """Rocket.Chat waits 20 seconds, and the other spellings of spellings would take longer."""
    token = "'\"€%é\\"
    assert len(_all_spellings(token)) > 100
    long = token * 100
    assert {long, quote(long), json.dumps(long)[1:-1]} <= _all_spellings(long)
    assert len(_all_spellings(long)) < 20


def test_a_short_token_leaves_the_log_readable(caplog: pytest.LogCaptureFixture) -> None:
    """Only the letter itself is hidden, and not in what hides it."""
    app = WebhookApp(token="T")
    app.on("sendMessage")(fail)
    assert app.handle(say("T"), JSON).status == 500
    assert "<hidden>raceback (most recent call last):\n" in caplog.text


def by_wsgi(app: WebhookApp, body: bytes, content_type: str) -> None:
    length, stream = str(len(body)), io.BytesIO(body)
    environ = {"CONTENT_LENGTH": length, "CONTENT_TYPE": content_type, "REQUEST_METHOD": "POST", "wsgi.input": stream}
    app(environ, lambda *_: None)


def by_asgi(app: WebhookApp, body: bytes, content_type: str) -> None:
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    pieces = iter([{"type": "http.request", "body": body}])

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        raise AssertionError("there is nothing to answer")

    asyncio.run(app.asgi(scope, receive, send))


def test_what_ends_the_program_is_not_kept_from_it() -> None:
    """And takes no frame of the package with it that has the token."""

    def leave(message: MessageSent) -> Reply:
        sys.exit(3)

    for answer in (WebhookApp.handle, run, by_wsgi, by_asgi):
        with pytest.raises(SystemExit) as caught:
            answer(app_with(leave), say(text="canary", token="T0K3N"), JSON)
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in shown.stack if Path(frame.filename).is_relative_to(PACKAGE)]
        assert frames
        assert "body" not in {name for frame in frames for name in frame.locals or {}}
        assert "T0K3N" not in str([frame.locals for frame in frames])


@pytest.mark.parametrize("result", ["text", {"text": "hi"}, 200, False, (), Reply], ids=repr)
@each_way
def test_a_handler_that_returns_something_else_is_answered_500(
    result: Any, answer: Way, caplog: pytest.LogCaptureFixture
) -> None:
    failed = answer(app_with(lambda message: result), say(), JSON)
    assert (failed.status, error_of(failed)) == (500, "the bot failed")
    assert f"must return a Reply or None, and returned an object of type {type(result).__name__}\n" in caplog.text


@each_way
def test_a_plain_handler_that_returns_a_coroutine_is_answered_500(answer: Way) -> None:
    """The coroutine is closed, or Python would warn that it was never awaited."""
    coroutine = _async(MessageSent())
    assert answer(app_with(lambda message: coroutine), say(), JSON).status == 500
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_an_async_handler_that_returns_something_else_is_answered_500() -> None:
    async def handler(message: MessageSent) -> Coroutine[Any, Any, Reply]:
        return _async(message)

    assert run(app_with(handler), say()).status == 500


# Secrets.

AWKWARD = [
    "canary",
    "canary'single",
    'canary"double',
    "canary'both\"",
    "canary\\back\\\\slash\\'",
    "canary ä 😀 \u2028 blank",
    "canary%25+ /?#&<>",
    "canary\nlines\ttabs\0",
    "canary" * 5_000,
    "Canary",
]
SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "json": json.dumps,
    "json, in unicode": lambda token: json.dumps(token, ensure_ascii=False),
    "json in json": lambda token: json.dumps(json.dumps({"token": token})),
    "json in a url": lambda token: quote(json.dumps({"token": token})),
    "repr": repr,
    "repr of two": lambda token: repr((token, [token])),
    "repr with other quotes": lambda token: repr(f"{token} ' \" {token}"),
    "repr of json": lambda token: repr(json.dumps({"token": token})),
    "ascii": ascii,
    "bytes": lambda token: repr(token.encode()),
    "json bytes": lambda token: repr(json.dumps({"token": token}, ensure_ascii=False).encode()),
    "url": quote,
    "url, all of it": lambda token: quote(token, safe=""),
    "url, lower case": lambda token: re.sub("%..", lambda octet: octet[0].lower(), quote(token, safe="")),
    "url, twice": lambda token: quote(quote(token, safe=""), safe=""),
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=list(SPELLINGS))
@pytest.mark.parametrize("token", AWKWARD, ids=lambda token: repr(token)[:40])
def test_the_log_of_a_failure_shows_no_token(
    token: str, spell: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    """In whatever spelling the exception, or one before it, has it."""

    def handler(message: MessageSent) -> Reply:
        try:
            raise KeyError("first", spell(token))
        except KeyError as error:
            raise RuntimeError(f"<{spell(token)}>") from error

    app = WebhookApp()
    app.on("sendMessage", token=token)(handler)
    app.on("sendMessage", token="other")(handler)
    for sent in (token, "other"):
        caplog.clear()
        assert app.handle(json.dumps({"token": sent}), JSON).status == 500
        assert caplog.text.count("hidden") >= 2
        assert "canary" not in caplog.text.lower()
        assert "RuntimeError: <" in caplog.text


def test_without_tokens_a_failure_is_logged_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    app = WebhookApp(token=None)
    app.on("sendMessage")(fail)
    assert app.handle(b'{"text": "<hidden>"}', JSON).status == 500
    assert "ValueError: no <hidden>" in caplog.text


@each_way
def test_refusals_are_logged_quietly(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can cause them. What was sent is not in it."""
    caplog.set_level(logging.DEBUG, LOGGER)
    app = WebhookApp()
    app.on("sendMessage", token="canary-token")(saying("hi"))
    bodies = [say("canary"), b"canary", say("canary-token", text=["canary"]), say("canary-token")[:-1]]
    for body in bodies:
        assert answer(app, body, JSON).status in (400, 401)
    ours = [record for record in caplog.records if record.name == LOGGER]
    assert [record.levelname for record in ours] == ["INFO"] * len(bodies)
    assert "canary" not in caplog.text
    assert ours[2].getMessage() == "a call was refused: text: must be text, and is an array"


def test_an_app_shows_its_events_and_no_token_and_stays_in_its_process() -> None:
    app = WebhookApp(token="canary")
    assert repr(app) == "<WebhookApp without handlers>"
    app.on("sendMessage")(saying("hi"))
    app.on("userCreated", token="canary2")(saying("hi"))
    assert repr(app) == "<WebhookApp for sendMessage, userCreated>"
    assert "canary" not in f"{app.asgi!r} {app._routes!r}"
    for spread in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="a WebhookApp holds tokens and cannot be pickled"):
            spread(app)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(app.asgi)


def test_no_mistake_shows_a_token_in_its_frames() -> None:
    app: Any = WebhookApp(token="canary")
    app.on("sendMessage")(saying("hi"))
    mistakes: list[Callable[[], Any]] = [
        lambda: WebhookApp(token="canary", max_size=0),
        lambda: app.on("sendMessage", token="canary"),
        lambda: app.on("never", token="canary2"),
        lambda: app.on("sendMessage", token="canary2")(5),
        lambda: app.handle({"token": "canary"}, JSON),
        lambda: run(app, {"token": "canary"}),
    ]
    for mistake in mistakes:
        with pytest.raises(ConfigurationError) as caught:
            mistake()
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        frames = [frame for frame in shown.stack if Path(frame.filename).is_relative_to(PACKAGE)]
        assert frames
        assert "canary" not in f"{caught.value!r} {[frame.locals for frame in frames]}"
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
