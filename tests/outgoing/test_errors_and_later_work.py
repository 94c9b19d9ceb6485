"""The hook for errors, and work that is done after the answer."""

from __future__ import annotations

import asyncio
import functools
import logging
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from rocketchat_integrations import ConfigurationError, Message
from rocketchat_integrations.outgoing import Answer, MessageSent, Payload, Reply, WebhookApp

from .conftest import always, app_with
from .test_app import JSON, NOTHING, Way, body_of, each_way, error_of, failing, text_of


def say_why(payload: Payload, error: Exception) -> str:
    assert isinstance(payload, MessageSent)
    return f"{payload.text}: {error!r}"


# The hook for errors


@each_way
def test_the_hook_answers_for_a_handler_that_failed(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is logged, and the call has succeeded."""
    app = app_with(failing(ValueError))
    assert app.on_error(say_why) is say_why
    assert text_of(answer(app, body_of(), JSON)) == "hi: ValueError('no hi')"
    assert caplog.records == []


@each_way
def test_without_a_result_of_the_hook_the_failure_is_logged(answer: Way, caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(failing(ValueError))
    app.on_error(always(None))
    assert error_of(answer(app, body_of(text="way"), JSON)) == (500, "the bot failed")
    assert [record.getMessage().partition("\n")[0] for record in caplog.records] == [
        "the handler of sendMessage failed:"
    ]


def raise_again(payload: Payload, error: Exception) -> None:
    raise LookupError from error


def exit_again(payload: Payload, error: Exception) -> None:
    sys.exit("enough")


@pytest.mark.parametrize("hook", [raise_again, always(5), exit_again], ids=["raises", "wrong result", "exits"])
@each_way
def test_a_hook_that_fails_is_logged_too(answer: Way, hook: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = app_with(failing(ValueError))
    app.on_error(hook)
    assert answer(app, body_of(text="way"), JSON).status == 500
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith("the handler of errors of sendMessage failed:")
    assert second.startswith("the handler of sendMessage failed:")
    assert "ValueError: no way" in second


@pytest.mark.parametrize("error", [asyncio.CancelledError, SystemExit, GeneratorExit])
def test_the_hook_is_not_called_for_a_handler_that_is_cancelled_or_exits(error: type[BaseException]) -> None:
    """These are no exceptions of the class `Exception`, which a hook expects."""
    app = app_with(failing(error))
    app.on_error(say_why)
    assert app.handle(body_of(), JSON).status == 500


def test_an_async_hook_is_awaited_and_needs_asyncio() -> None:
    app = app_with(failing(ValueError))

    @app.on_error
    async def hook(payload: Payload, error: Exception) -> str:
        return "sorry"

    assert text_of(asyncio.run(app.handle_async(body_of(), JSON))) == "sorry"
    with pytest.raises(ConfigurationError, match="one is async"):
        app.handle(body_of(), JSON)


def test_an_app_has_one_hook() -> None:
    app: Any = WebhookApp(token="T0K3N")
    with pytest.raises(ConfigurationError, match="^handler: must be callable"):
        app.on_error("hook")
    app.on_error(say_why)
    with pytest.raises(ConfigurationError, match="^handler: there is a hook for errors already"):
        app.on_error(say_why)


# Later work


class Webhook:
    """Keeps what is posted."""

    def __init__(self) -> None:
        self.posted: list[object] = []

    def post(self, message: str | Message) -> None:
        self.posted.append(message)


class AsyncWebhook(Webhook):
    async def post(self, message: str | Message) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().post(message)


def finish_plain(app: WebhookApp) -> Answer:
    answer = app.handle(body_of(), JSON)
    assert app.finish(60)
    return answer


def finish_async(app: WebhookApp) -> Answer:
    async def main() -> Answer:
        answer = await app.handle_async(body_of(), JSON)
        assert await app.finish_async(60)
        return answer

    return asyncio.run(main())


either_way = pytest.mark.parametrize("finish", [finish_plain, finish_async])
Finish = Callable[[WebhookApp], Answer]


def later_app(work: Callable[[], object], webhook: Any, now: Any = None) -> WebhookApp:
    return app_with(lambda message: Reply.later(work, webhook, now=now))


@either_way
def test_the_result_is_posted_after_the_answer(finish: Finish) -> None:
    """In another thread than the call's; the answer is that of `now`."""
    webhook = Webhook()
    app = later_app(lambda: f"done: {threading.current_thread() is not threading.main_thread()}", webhook, now="busy")
    assert text_of(finish(app)) == "busy"
    assert webhook.posted == ["done: True"]


RESULTS = [Message("done", channel=["#a", "#b"]), Reply("done", tmid="m"), "done", None, Reply.nothing()]


@pytest.mark.parametrize("result", RESULTS, ids=repr)
@either_way
def test_messages_are_posted_as_they_are(finish: Finish, result: Any) -> None:
    webhook = Webhook()
    assert finish(later_app(lambda: result, webhook)) == NOTHING
    assert webhook.posted == ([] if result in (None, Reply.nothing()) else [result])


@pytest.mark.parametrize("kind", [Webhook, AsyncWebhook])
def test_work_and_webhook_may_be_async_under_asyncio(kind: type[Webhook]) -> None:
    webhook = kind()

    async def work(text: str) -> str:
        await asyncio.sleep(0)
        return text

    assert finish_async(later_app(functools.partial(work, "done"), webhook)) == NOTHING
    finish_async(later_app(lambda: "plain", webhook))
    assert webhook.posted == ["done", "plain"]


async def _async_work() -> str:
    return "done"


@pytest.mark.parametrize(("work", "webhook"), [(_async_work, Webhook()), (str, AsyncWebhook())])
def test_async_work_is_refused_without_asyncio(work: Any, webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    assert later_app(work, webhook).handle(body_of(), JSON).status == 500
    assert "the work or the webhook is async, so serve the app by `handle_async` or `asgi`" in caplog.text


def leaving() -> None:
    sys.exit("enough")


@pytest.mark.parametrize(
    ("work", "problem"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (Reply.disable, "later work must return a message, not Reply.disable()"),
        (lambda: 5, "later work must return a Reply, a Message, text or None, not int"),
        (lambda: Reply.later(str, Webhook()), "must return a message, not Reply.later(…)"),
        (lambda: _async_work(), "a plain function must not return a coroutine"),
    ],
)
@either_way
def test_work_that_fails_is_logged_or_answered_by_the_hook(
    finish: Finish, work: Callable[[], object], problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The answer of the hook is posted."""
    webhook = Webhook()
    app = later_app(work, webhook)
    assert finish(app) == NOTHING
    (record,) = caplog.records
    assert record.getMessage().startswith("the later work of sendMessage failed:\n")
    assert (record.levelno, webhook.posted) == (logging.ERROR, [])
    caplog.clear()
    app = later_app(work, webhook)
    app.on_error(say_why)
    finish(app)
    (posted,) = webhook.posted
    assert problem in str(posted)
    assert caplog.records == []


async def leaving_async() -> None:
    leaving()


@pytest.mark.parametrize(
    ("finish", "work"), [(finish_plain, leaving), (finish_async, leaving), (finish_async, leaving_async)]
)
def test_work_that_exits_is_logged(finish: Finish, work: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Its thread or task does not end the program."""
    finish(later_app(work, Webhook()))
    assert "the later work of sendMessage failed" in caplog.text
    assert "enough" in caplog.text


@either_way
def test_a_post_that_fails_is_logged(finish: Finish, caplog: pytest.LogCaptureFixture) -> None:
    """The hook is asked once, and no token is shown."""

    class Broken:
        def post(self, message: object) -> None:
            raise ConnectionError("T0K3N")

    app = later_app(lambda: "done", Broken())
    app.on_error(always("sorry"))
    finish(app)
    (record,) = caplog.records
    assert record.getMessage().startswith("the post after the later work of sendMessage failed:\n")
    assert "T0K3N" not in caplog.text


def test_a_repeat_does_not_start_the_work_again() -> None:
    webhook = Webhook()
    app = later_app(lambda: "done", webhook)
    for _ in range(2):
        finish_plain(app)
    assert webhook.posted == ["done"]


def test_work_that_takes_too_long_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    webhook, free = Webhook(), threading.Event()
    app = later_app(lambda: f"{free.wait(60)}", webhook)
    app.handle(body_of(), JSON)
    assert not app.finish(0.01)
    assert "later work is not finished, and may be lost: 1" in caplog.text
    free.set()
    assert app.finish()
    assert webhook.posted == ["True"]


def test_work_that_is_cancelled_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """An event loop that ends cancels the work that is not awaited."""

    async def work() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        app = later_app(work, Webhook())
        await app.handle_async(body_of(), JSON)
        assert not await app.finish_async(0.01)

    asyncio.run(main())
    assert [record.getMessage() for record in caplog.records] == [
        "later work is not finished, and may be lost: 1",
        "the later work of sendMessage was cancelled; its result is lost",
    ]


def test_an_asgi_server_waits_for_the_work_when_it_shuts_down() -> None:
    webhook = Webhook()

    async def main() -> list[object]:
        app = later_app(_async_work, webhook)
        events = iter(["lifespan.startup", "lifespan.shutdown"])
        sent: list[object] = []

        async def receive() -> dict[str, Any]:
            event = next(events)
            if event == "lifespan.shutdown":
                await app.handle_async(body_of(), JSON)
            return {"type": event}

        async def send(message: Any) -> None:
            sent.append((message["type"], list(webhook.posted)))

        await app.asgi({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(main()) == [("lifespan.startup.complete", []), ("lifespan.shutdown.complete", ["done"])]


def test_a_program_that_ends_waits_for_its_threads() -> None:
    program = (
        "import sys\n"
        "from rocketchat_integrations.outgoing import Reply, WebhookApp\n"
        "class Webhook:\n"
        "    def post(self, message): print('posted', message)\n"
        "app = WebhookApp(token='t')\n"
        "app.on('sendMessage')(lambda message: Reply.later(sys.stdin.readline, Webhook()))\n"
        'app.handle(b\'{"token": "t", "text": "hi"}\', \'application/json\')\n'
        "print('the last line', flush=True)\n"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, encoding="utf-8") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "the last line\n"
        assert process.communicate("done", timeout=60)[0] == "posted done\n"


WRONG: list[tuple[tuple[Any, ...], type[Exception], str]] = [
    (("work", Webhook()), TypeError, "work: must be callable"),
    ((str, "https://chat.example.com/hooks/ID/TOKEN"), TypeError, "webhook: must be an IncomingWebhook"),
    ((str, Webhook(), 5), TypeError, "a handler must return"),
    ((str, Webhook(), Reply.retry_later()), ValueError, "now: must be a message to post, or None"),
    ((str, Webhook(), Reply.later(str, Webhook())), ValueError, "now: must be a message to post, or None"),
]


@pytest.mark.parametrize(("arguments", "error", "problem"), WRONG)
def test_a_wrong_argument_of_later_is_named(arguments: Any, error: type[Exception], problem: str) -> None:
    work, webhook, *now = arguments
    with pytest.raises(error, match=f"^{problem}"):
        Reply.later(work, webhook, now=now[0] if now else None)
