"""WebhookApp: which handler runs, and what is answered."""

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
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias

import pytest

from rocketchat_integrations import ConfigurationError, EventType
from rocketchat_integrations.outgoing import Answer, MessageSent, Reply, UserCreated, WebhookApp

from .conftest import app_with, frames_of

JSON = "application/json"
NOTHING = Answer(200, JSON, b"{}")
LOGGER = "rocketchat_integrations.outgoing"
Way: TypeAlias = Callable[[WebhookApp, Any, Any], Answer]


def body_of(token: object = "T0K3N", **fields: object) -> bytes:
    return json.dumps({"token": token, "text": "hi", **fields}).encode()


def text_of(answer: Answer) -> object:
    assert (answer.status, answer.content_type) == (200, JSON)
    return json.loads(answer.body).get("text")


def error_of(answer: Answer) -> tuple[int, object]:
    assert answer.content_type == JSON
    content = json.loads(answer.body)
    assert set(content) == {"error"}
    return answer.status, content["error"]


def replying(text: str) -> Callable[[object], Reply]:
    return lambda payload: Reply(text)


def handle_async(app: WebhookApp, body: Any, content_type: str | None = JSON) -> Answer:
    return asyncio.run(app.handle_async(body, content_type))


each_way = pytest.mark.parametrize("answer", [WebhookApp.handle, handle_async], ids=["handle", "handle_async"])


# Handlers


@each_way
def test_the_token_selects_the_handler(answer: Way) -> None:
    seen: list[object] = []
    app = WebhookApp(token="a")
    handler = replying("message")
    assert app.on(EventType.SEND_MESSAGE)(handler) is handler
    app.on("userCreated", token="b")(seen.append)
    app.on(EventType.USER_CREATED, token="c")(replying("user"))
    assert text_of(answer(app, body_of("a"), JSON)) == "message"
    assert answer(app, body_of("b"), JSON) == NOTHING
    assert text_of(answer(app, body_of("c"), JSON)) == "user"
    assert [type(payload) for payload in seen] == [UserCreated]


@each_way
def test_a_call_with_another_token_is_refused(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    app = WebhookApp()
    assert answer(app, body_of("a"), JSON).status == 401  # without handlers
    app.on(EventType.SEND_MESSAGE, token="canary")(replying("message"))
    for given in ("a", "", "canary2", None, 5):
        assert error_of(answer(app, body_of(given), JSON)) == (401, "token: wrong or missing")
    assert answer(app, b"{}", JSON).status == 401
    assert "canary" not in caplog.text


def test_a_token_is_compared_with_every_token_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(given: bytes, known: bytes) -> bool:
        compared.append(known)
        return given == known

    monkeypatch.setattr(hmac, "compare_digest", compare)
    app = WebhookApp()
    for token in ("a", "b", "c"):
        app.on(EventType.SEND_MESSAGE, token=token)(replying(token))
    assert text_of(app.handle(body_of("a"), JSON)) == "a"
    assert compared == [b"a", b"b", b"c"]


def test_token_none_takes_every_call() -> None:
    app = app_with(lambda message: Reply(message.text), token=None)
    for token in ("a", None, 5):
        assert text_of(app.handle(body_of(token), JSON)) == "hi"
    with pytest.raises(ConfigurationError, match="^token: the handler for None must be the only one"):
        app.on("userCreated", token="T0K3N")


INVALID_TOKEN = "token: must be text that is not empty, or None"
WRONG: list[tuple[object, dict[str, Any], str]] = [
    ("sendMessage", {}, "token: missing; pass it here or to WebhookApp"),
    ("sendMessage", {"token": ""}, INVALID_TOKEN),
    ("sendMessage", {"token": 5}, INVALID_TOKEN),
    ("sendMessage", {"token": "\ud800"}, INVALID_TOKEN),
    ("userCreated", {"token": "taken"}, "token: is already used by the handler for sendMessage"),
    ("userCreated", {"token": None}, "token: the handler for None must be the only one"),
    ("messageSent", {"token": "free"}, "event: must be one of sendMessage, "),
    (None, {"token": "free"}, "event: must be one of sendMessage, "),
    ("sendMessage", {"token": "free", "bots": 1}, "bots: must be True or False"),
]


@pytest.mark.parametrize(("wrong_event", "options", "problem"), WRONG)
def test_a_wrong_registration_is_refused_by_on(wrong_event: Any, options: dict[str, Any], problem: str) -> None:
    """Before anything is decorated."""
    app = WebhookApp()
    app.on("sendMessage", token="taken")(replying("hi"))
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        app.on(wrong_event, **options)
    assert text_of(app.handle(body_of("taken"), JSON)) == "hi"
    assert app.handle(body_of("free"), JSON).status == 401


def test_a_decorator_registers_one_callable() -> None:
    decorator: Any = WebhookApp(token="T0K3N").on("sendMessage")
    with pytest.raises(ConfigurationError, match="^handler: must be callable"):
        decorator("handler")
    decorator(replying("hi"))
    with pytest.raises(ConfigurationError, match="^token: is already used by the handler for sendMessage"):
        decorator(replying("hi"))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"token": ""}, INVALID_TOKEN),
        ({"max_size": 0}, "max_size: must be a positive whole number"),
        ({"deduplicate": None}, "deduplicate: must be True or False"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        WebhookApp(**options)


# Calls


@each_way
def test_an_invalid_payload_is_refused(answer: Way) -> None:
    app = app_with(replying("hi"), max_size=44)
    refused = {body_of(text="long" * 10): 413, b"{": 400, body_of(text=5): 400, body_of("wrong", text=5): 401}
    assert {body: answer(app, body, JSON).status for body in refused} == refused
    assert error_of(answer(app, body_of(text=5), JSON)) == (400, "text: must be text, not a number")
    for content_type in (None, "", "text/plain"):
        assert error_of(answer(app, body_of(), content_type)) == (415, "Content-Type: must be application/json")


@each_way
@pytest.mark.parametrize("as_kind", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_may_be_bytes_of_any_kind_or_text(answer: Way, as_kind: Callable[[bytes], object]) -> None:
    assert text_of(answer(app_with(replying("hi")), as_kind(body_of()), "application/json;charset=utf-8")) == "hi"


@each_way
@pytest.mark.parametrize(
    ("body", "content_type", "problem"),
    [({"token": "T0K3N"}, JSON, "body: must be bytes or text"), (b"{}", b"json", "content_type: must be text or None")],
)
def test_an_argument_of_a_wrong_type_raises(answer: Way, body: Any, content_type: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=f"^{problem}"):
        answer(app_with(replying("hi")), body, content_type)


@each_way
@pytest.mark.parametrize("bot", [True, {"i": "abc"}, {}])
def test_a_message_of_a_bot_is_only_for_handlers_with_bots(answer: Way, bot: object) -> None:
    """Bots would answer each other for ever."""
    app = WebhookApp()
    app.on("sendMessage", token="people")(replying("hi"))
    app.on("sendMessage", token="all", bots=True)(replying("hi, bot"))
    assert answer(app, body_of("people", bot=bot), JSON) == NOTHING
    assert text_of(answer(app, body_of("people", bot=False), JSON)) == "hi"
    assert text_of(answer(app, body_of("all", bot=bot), JSON)) == "hi, bot"


# Handlers


class _Async:
    async def __call__(self, message: MessageSent) -> Reply:
        return Reply("hi")


async def _async(message: MessageSent, text: str = "hi") -> Reply:
    return Reply(text)


ASYNC: list[Any] = [_async, functools.partial(functools.partial(_async), text="hi"), _Async(), _Async().__call__]


@pytest.mark.parametrize("handler", ASYNC)
def test_an_async_handler_is_awaited_and_cannot_be_called_without_asyncio(handler: Any) -> None:
    app = app_with(handler)
    app.on("userCreated", token="other")(replying("hi"))
    assert text_of(handle_async(app, body_of())) == "hi"
    assert text_of(handle_async(app, body_of("other"))) == "hi"
    for token in ("T0K3N", "other", "wrong"):
        with pytest.raises(ConfigurationError, match="one is async, so serve the app by `handle_async` or `asgi`"):
            app.handle(body_of(token), JSON)


class _Plain:
    def __call__(self, message: MessageSent, text: str = "hi") -> Reply:
        return Reply(text)


@pytest.mark.parametrize("handler", [_Plain(), _Plain().__call__, functools.partial(_Plain(), text="hi")])
@each_way
def test_any_callable_is_a_handler(answer: Way, handler: Any) -> None:
    assert text_of(answer(app_with(handler), body_of(), JSON)) == "hi"


def test_a_plain_handler_runs_in_a_worker_thread_with_the_context_of_the_call() -> None:
    user: contextvars.ContextVar[str] = contextvars.ContextVar("user")
    free = threading.Event()

    def handler(message: MessageSent) -> Reply:
        assert free.wait(60)
        return Reply(f"{threading.current_thread() is threading.main_thread()} {user.get()}")

    async def main() -> Answer:
        user.set("alice")
        answered = asyncio.ensure_future(app_with(handler).handle_async(body_of(), JSON))
        await asyncio.sleep(0)
        free.set()  # not reached if the handler blocked the event loop
        return await answered

    assert text_of(asyncio.run(main())) == "False alice"


def test_an_app_may_be_shared_by_threads() -> None:
    app = WebhookApp()
    calls: list[MessageSent] = []

    def work(number: int) -> None:
        token = f"token{number}"
        app.on("sendMessage", token=token)(calls.append)
        for text in range(20):
            for _ in range(2):
                assert app.handle(body_of(token, text=f"{token} {text}"), JSON) == NOTHING

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, range(16)))
    assert sorted(str(call.text) for call in calls) == sorted(
        f"token{number} {text}" for number in range(16) for text in range(20)
    )


# Failures


def failing(error: type[BaseException]) -> Callable[[Any], Reply]:
    def fail(message: MessageSent) -> Reply:
        raise error(f"no {message.text}")

    return fail


def failing_async(error: type[BaseException]) -> Callable[[Any], Coroutine[Any, Any, Reply]]:
    async def fail(message: MessageSent) -> Reply:
        raise error(f"no {message.text}")

    return fail


FAILURES: list[tuple[Any, Way]] = [
    (failing(ValueError), WebhookApp.handle),
    (failing(asyncio.CancelledError), WebhookApp.handle),
    *(
        (failing(error), answer)
        for error in (SystemExit, GeneratorExit)
        for answer in (WebhookApp.handle, handle_async)
    ),
    (failing(StopIteration), handle_async),  # which no worker thread may raise
    (failing_async(ValueError), handle_async),
    (failing_async(asyncio.CancelledError), handle_async),
    (failing_async(SystemExit), handle_async),
    (failing_async(GeneratorExit), handle_async),
]


@pytest.mark.parametrize(("handler", "answer"), FAILURES)
def test_a_handler_that_raises_is_answered_with_500_and_logged(
    handler: Any, answer: Way, caplog: pytest.LogCaptureFixture
) -> None:
    assert error_of(answer(app_with(handler), body_of(text="way"), JSON)) == (500, "the bot failed")
    (record,) = caplog.records
    assert (record.name, record.levelname, record.exc_info) == (LOGGER, "ERROR", None)
    assert record.getMessage().startswith("the handler of sendMessage failed:\nTraceback (most recent call last):\n")
    assert "in fail\n" in record.getMessage()
    assert "no way" in record.getMessage()


class Unprintable(Exception):
    def __getattribute__(self, name: str) -> Any:
        raise ValueError("canary")


def test_a_failure_that_cannot_be_printed_is_named(caplog: pytest.LogCaptureFixture) -> None:
    def handler(message: MessageSent) -> Reply:
        raise Unprintable

    assert app_with(handler).handle(body_of(), JSON).status == 500
    assert "Unprintable, which cannot be shown" in caplog.text


@pytest.mark.parametrize("result", [b"text", {"text": "hi"}, False, Reply], ids=repr)
@each_way
def test_another_result_than_a_reply_is_answered_with_500(
    result: Any, answer: Way, caplog: pytest.LogCaptureFixture
) -> None:
    failed = answer(app_with(lambda message: result), body_of(), JSON)
    assert error_of(failed) == (500, "the bot failed")
    assert f"a handler must return a Reply, a Message, text or None, not {type(result).__name__}\n" in caplog.text


@each_way
def test_a_plain_handler_that_returns_a_coroutine_is_answered_with_500(answer: Way) -> None:
    """The coroutine is closed, or Python would warn that it was never awaited."""
    coroutine = _async(MessageSent())
    assert answer(app_with(lambda message: coroutine), body_of(), JSON).status == 500
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_cancelled_call_cancels_its_handler_and_waits_for_it(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is answered or logged."""
    ended: list[str] = []

    async def handler(message: MessageSent) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.append("cleaned up")
        return Reply("never")

    async def cancel() -> None:
        call = asyncio.create_task(app_with(handler).handle_async(body_of(), JSON))
        for _ in range(3):
            await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ended == ["cleaned up"]

    asyncio.run(cancel())
    assert caplog.records == []


# Secrets


def test_the_log_of_a_failure_shows_no_token(caplog: pytest.LogCaptureFixture) -> None:
    """The token is masked in any spelling, in the failure and in those before it."""
    token = "canary'\"\\/ä"

    def handler(message: MessageSent) -> Reply:
        try:
            raise KeyError("first", token)
        except KeyError as error:
            raise RuntimeError(f"<{json.dumps(json.dumps(token))}> <~~~>") from error

    app = WebhookApp()
    app.on("sendMessage", token=token)(handler)
    app.on("sendMessage", token="~")(handler)
    for sent in (token, "~"):
        caplog.clear()
        assert app.handle(body_of(sent), JSON).status == 500
        assert "RuntimeError: <" in caplog.text
        assert "<<hidden><hidden><hidden>>" in caplog.text
        assert "canary" not in caplog.text


@each_way
def test_a_refusal_is_logged_at_info_without_what_was_sent(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Refusals are logged only at INFO, since anybody can cause them."""
    caplog.set_level(logging.DEBUG, LOGGER)
    app = WebhookApp()
    app.on("sendMessage", token="canary-token")(replying("hi"))
    bodies = [body_of("canary"), b"canary", body_of("canary-token", text=["canary"]), body_of("canary-token")[:-1]]
    for body in bodies:
        assert answer(app, body, JSON).status in (400, 401)
    ours = [record for record in caplog.records if record.name == LOGGER]
    assert [record.levelname for record in ours] == ["INFO"] * len(bodies)
    assert "canary" not in caplog.text
    assert ours[2].getMessage() == "a call was refused: text: must be text, not an array"


def test_an_app_shows_its_events_and_no_token_and_cannot_be_pickled() -> None:
    app = WebhookApp(token="canary")
    assert repr(app) == "<WebhookApp without handlers>"
    app.on("sendMessage")(replying("hi"))
    app.on("userCreated", token="canary2")(replying("hi"))
    assert repr(app) == "<WebhookApp for sendMessage, userCreated>"
    assert "canary" not in f"{app.asgi!r} {app._handlers.all!r}"
    for spread in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="a WebhookApp holds tokens and cannot be pickled"):
            spread(app)
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(app.asgi)


def test_wrong_use_shows_no_token_in_its_frames() -> None:
    app: Any = WebhookApp(token="canary")
    app.on("sendMessage")(replying("hi"))
    mistakes: list[Callable[[], Any]] = [
        lambda: WebhookApp(token="canary", max_size=0),
        lambda: app.on("sendMessage", token="canary"),
        lambda: app.on("never", token="canary2"),
        lambda: app.on("sendMessage", token="canary2")(5),
        lambda: app.handle({"token": "canary"}, JSON),
        lambda: handle_async(app, {"token": "canary"}),
    ]
    for mistake in mistakes:
        with pytest.raises(ConfigurationError) as caught:
            mistake()
        assert "canary" not in f"{caught.value!r} {frames_of(caught.value)}"
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def by_wsgi(app: WebhookApp, body: bytes, content_type: str) -> None:
    stream = io.BytesIO(body)
    environ = {"CONTENT_LENGTH": f"{len(body)}", "CONTENT_TYPE": content_type, "wsgi.input": stream}
    app({"REQUEST_METHOD": "POST", **environ}, lambda *_: None)


def by_asgi(app: WebhookApp, body: bytes, content_type: str) -> None:
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    pieces = iter([{"type": "http.request", "body": body}])

    async def receive() -> Any:
        return next(pieces)

    async def send(message: Any) -> None:
        raise AssertionError("there is nothing to answer")

    asyncio.run(app.asgi(scope, receive, send))


def interrupted(message: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("answer", [WebhookApp.handle, handle_async, by_wsgi, by_asgi])
def test_a_handler_that_ends_the_program_shows_no_token_in_the_frames(answer: Way) -> None:
    with pytest.raises(KeyboardInterrupt) as caught:
        answer(app_with(interrupted), body_of(), JSON)
    assert "T0K3N" not in str(frames_of(caught.value))
