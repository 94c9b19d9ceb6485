"""The app as a WSGI and as an ASGI application: alone, and behind real servers."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from typing import Any, TypeAlias
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
import uvicorn
import waitress.server

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import AsgiApp, Reply, WebhookApp

from .conftest import app_with

BODY = b'{"token": "T0K3N", "text": "ping"}'
JSON = "application/json"
TIMEOUT = 60

# The status, the headers and the body of an answer.
Response: TypeAlias = tuple[int, dict[str, str], bytes]
Ask: TypeAlias = Callable[..., Response]


@pytest.fixture
def app() -> WebhookApp:
    return app_with(lambda message: Reply(f"pong {message.text}"), max_size=1000)


class Unread(io.RawIOBase):
    """A body that must not be read."""

    def read(self, size: int = -1) -> bytes:
        raise AssertionError("it was read")


def ask_wsgi(
    app: WebhookApp, method: str = "POST", body: Any = BODY, *, valid: bool = True, **environ: Any
) -> Response:
    """Ask the app as a WSGI server does; the validator of the standard library checks both sides."""
    given: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "CONTENT_TYPE": JSON,
        "CONTENT_LENGTH": str(len(body)) if isinstance(body, bytes) else "100",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(body) if isinstance(body, bytes) else body,
        **environ,
    }
    setup_testing_defaults(given)
    given = {name: value for name, value in given.items() if value is not None}
    started: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], None]:
        started.extend([status, dict(headers)])
        return lambda data: None

    answered: Any = validator(app)(given, start_response) if valid else app(given, start_response)
    content = b"".join(answered)
    if valid:
        answered.close()
    return int(started[0][:3]), started[1], content


def drive(app: WebhookApp, scope: dict[str, Any], *received: dict[str, Any]) -> list[Any]:
    """Return what the ASGI app sends. It must receive exactly these messages."""
    pending = list(received)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return pending.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app.asgi(scope, receive, send))
    assert pending == []
    return sent


def ask_asgi(
    app: WebhookApp, method: str = "POST", *pieces: bytes, headers: dict[str, str] | None = None, path: str = "/"
) -> Response:
    """Ask the app as an ASGI server does."""
    encoded = [(name.encode(), value.encode()) for name, value in (headers or {"content-type": JSON}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": encoded}
    more = [True] * (len(pieces) - 1) + [False]
    messages = ({"type": "http.request", "body": body, "more_body": more.pop(0)} for body in pieces)
    start, content = drive(app, scope, *messages)
    assert (start["type"], content["type"]) == ("http.response.start", "http.response.body")
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, content["body"]


# Both interfaces


def read(app: WebhookApp, interface: str, body: bytes = BODY, content_type: str | None = JSON) -> Response:
    """Post a body through one of the interfaces."""
    if interface == "wsgi":
        return ask_wsgi(app, body=body, CONTENT_TYPE=content_type)
    headers = {} if content_type is None else {"content-type": content_type}
    return ask_asgi(app, "POST", body, headers={**headers, "content-length": str(len(body))})


def unread(app: WebhookApp, interface: str, method: str, length: str = "5") -> Response:
    """Send a request whose body must not be read."""
    if interface == "wsgi":
        return ask_wsgi(app, method, Unread(), CONTENT_LENGTH=length, valid=length == "5")
    return ask_asgi(app, method, headers={"content-type": JSON, "content-length": length})


each_interface = pytest.mark.parametrize("interface", ["wsgi", "asgi"])


@each_interface
def test_a_call_is_answered_by_its_handler(interface: str, app: WebhookApp) -> None:
    status, headers, content = read(app, interface)
    assert (status, json.loads(content)) == (200, {"text": "pong ping"})
    sizes = {"content-type": JSON, "content-length": str(len(content))}
    assert {name.lower(): value for name, value in headers.items()} == sizes


@each_interface
def test_refusals_go_out_with_their_status(interface: str, app: WebhookApp) -> None:
    assert read(app, interface, b'{"token": "wrong"}')[0] == 401
    assert read(app, interface, b"{")[0] == 400
    for content_type in (None, "text/plain"):
        assert read(app, interface, content_type=content_type)[0] == 415


@each_interface
def test_a_health_check_is_answered_with_200(interface: str, app: WebhookApp) -> None:
    status, headers, content = unread(app, interface, "GET")
    assert (status, json.loads(content)) == (200, {"status": "ok"})
    assert unread(app, interface, "HEAD") == (status, headers, b"")
    assert str(len(content)) in headers.values()


@each_interface
def test_other_methods_are_refused(interface: str, app: WebhookApp) -> None:
    status, headers, content = unread(app, interface, "PUT")
    assert (status, set(json.loads(content))) == (405, {"error"})
    assert {name.lower(): value for name, value in headers.items()}["allow"] == "GET, HEAD, POST"


@each_interface
@pytest.mark.parametrize("length", ["1001", "9" * 5000])
def test_a_body_that_is_too_large_is_refused_unread(interface: str, app: WebhookApp, length: str) -> None:
    status, _, content = unread(app, interface, "POST", length)
    assert (status, json.loads(content)) == (413, {"error": "body: must not have more than 1000 bytes"})
    assert read(app, interface, BODY.ljust(1000))[0] == 200


@each_interface
@pytest.mark.parametrize("length", ["", "abc", "-1", "1.5", "٣"])
def test_a_length_must_be_a_number(interface: str, app: WebhookApp, length: str) -> None:
    status, _, content = unread(app, interface, "POST", length)
    assert (status, json.loads(content)) == (400, {"error": "Content-Length: must be a number"})


@each_interface
@pytest.mark.parametrize("path", ["", "/", "/deep/down/"])
def test_every_path_is_answered(interface: str, app: WebhookApp, path: str) -> None:
    if interface == "wsgi":
        assert ask_wsgi(app, SCRIPT_NAME="/mounted", PATH_INFO=path)[0] == 200
    else:
        assert ask_asgi(app, "POST", BODY, path=path)[0] == 200


# WSGI


class Broken(io.RawIOBase):
    """A body whose connection breaks in the middle."""

    def __init__(self) -> None:
        self.pieces = [b'{"token": "T0K3N"']

    def read(self, size: int = -1) -> bytes:
        if self.pieces:
            return self.pieces.pop()
        raise ConnectionResetError


class Slow(io.BytesIO):
    """A body that comes in small pieces."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 0, 7))


@pytest.mark.parametrize("body", [Broken(), io.BytesIO(BODY)], ids=["reset", "short"])
def test_an_incomplete_body_is_refused_by_wsgi(app: WebhookApp, body: Any) -> None:
    status, _, content = ask_wsgi(app, body=body, CONTENT_LENGTH="100")
    assert (status, json.loads(content)) == (400, {"error": "body: ends before its Content-Length"})


def test_wsgi_reads_a_body_to_its_length_and_no_further(app: WebhookApp) -> None:
    """The rest may be the next request."""
    stream = Slow(BODY + b"the next")
    assert ask_wsgi(app, body=stream, CONTENT_LENGTH=str(len(BODY)))[0] == 200
    assert stream.getvalue()[stream.tell() :] == b"the next"


@pytest.mark.parametrize("length", ["", None])
def test_a_chunked_body_is_read_where_the_server_marks_its_end(app: WebhookApp, length: str | None) -> None:
    terminated: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input_terminated": True}
    assert ask_wsgi(app, body=Slow(BODY), **terminated)[0] == 200
    assert ask_wsgi(app, body=io.BytesIO(BODY.ljust(1000)), **terminated)[0] == 200
    endless = io.BytesIO(BODY.ljust(5000))
    assert ask_wsgi(app, body=endless, **terminated)[0] == 413
    assert endless.tell() == 1001
    assert ask_wsgi(app, body=Broken(), **terminated)[0] == 400
    assert ask_wsgi(app, body=Unread(), CONTENT_LENGTH=length)[0] == 400


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_app_with_an_async_handler_is_not_served_by_wsgi(app: WebhookApp, method: str) -> None:
    async def handler(payload: object) -> None: ...

    app.on("userCreated", token="other")(handler)
    with pytest.raises(ConfigurationError, match="one is async, so serve the app by `handle_async` or `asgi`"):
        ask_wsgi(app, method)


# ASGI


def test_asgi_joins_a_body_in_pieces(app: WebhookApp) -> None:
    assert ask_asgi(app, "POST", BODY[:5], b"", BODY[5:])[0] == 200
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", JSON.encode())]}
    assert drive(app, scope, {"type": "http.request"})[0]["status"] == 400  # an empty body: both keys have defaults


def test_asgi_stops_reading_where_a_body_becomes_too_large(app: WebhookApp) -> None:
    scope: dict[str, Any] = {"type": "http", "method": "POST", "path": "/", "headers": []}
    pieces = [{"type": "http.request", "body": b" " * size, "more_body": True} for size in (600, 401)]
    assert drive(app, scope, *pieces)[0]["status"] == 413


def test_an_incomplete_body_is_refused_by_asgi(app: WebhookApp) -> None:
    status, _, content = ask_asgi(app, "POST", BODY, headers={"content-type": JSON, "content-length": "100"})
    assert (status, json.loads(content)) == (400, {"error": "body: ends before its Content-Length"})


def test_no_handler_runs_for_a_caller_that_disconnects() -> None:
    calls: list[object] = []
    app = app_with(calls.append)
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"content-type", JSON.encode())]}
    assert drive(app, scope, {"type": "http.disconnect"}) == []
    piece = {"type": "http.request", "body": BODY, "more_body": True}
    assert drive(app, scope, piece, {"type": "http.disconnect"}) == []
    assert calls == []


def test_asgi_answers_other_connections_as_the_specification_says(app: WebhookApp) -> None:
    phases = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    completed = [{"type": "lifespan.startup.complete"}, {"type": "lifespan.shutdown.complete"}]
    assert drive(app, {"type": "lifespan"}, *phases) == completed
    assert drive(app, {"type": "websocket", "path": "/"}) == [{"type": "websocket.close"}]
    with pytest.raises(ConfigurationError, match="scope: type must be http, websocket or lifespan"):
        drive(app, {"type": "carrier-pigeon"})


def test_the_asgi_app_is_always_the_same_object(app: WebhookApp) -> None:
    """Frameworks treat a function differently."""
    assert isinstance(app.asgi, AsgiApp)
    assert app.asgi is app.asgi


# Real servers


class _Threaded(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None: ...


@contextmanager
def by_wsgiref(app: WebhookApp) -> Generator[int, None, None]:
    with (
        make_server("127.0.0.1", 0, validator(app), _Threaded, _Quiet) as server,
        in_thread(lambda: server.serve_forever(0.01)),
    ):
        yield server.server_port
        server.shutdown()


@contextmanager
def by_waitress(app: WebhookApp) -> Generator[int, None, None]:
    server: Any = waitress.server.create_server(app, host="127.0.0.1", port=0, threads=8, asyncore_use_poll=True)
    with in_thread(server.run):
        yield int(server.effective_port)
        with suppress(OSError):  # if it was woken by something else, it has closed already
            server.trigger.pull_trigger(server.close)
        server.task_dispatcher.shutdown()


@contextmanager
def by_uvicorn(app: WebhookApp) -> Generator[int, None, None]:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        server = uvicorn.Server(uvicorn.Config(app.asgi, lifespan="on", log_level="critical"))
        with in_thread(lambda: server.run(sockets=[listening])):
            yield listening.getsockname()[1]
            server.should_exit = True


@contextmanager
def in_thread(run: Callable[[], object]) -> Generator[None, None, None]:
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join(TIMEOUT)
        assert not thread.is_alive()


def ask(port: int, method: str, body: Any = None, content_type: str | None = JSON) -> tuple[int, Any]:
    connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
    try:
        connection.request(method, "/hook", body, {"Content-Type": content_type} if content_type else {})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


@pytest.mark.parametrize("serve", [by_wsgiref, by_waitress, by_uvicorn])
def test_a_real_server_serves_it(app: WebhookApp, serve: Any) -> None:
    def ping(number: int) -> object:
        return ask(port, "POST", json.dumps({"token": "T0K3N", "text": f"{number}"}))

    with serve(app) as port:
        assert ask(port, "POST", BODY) == (200, {"text": "pong ping"})
        assert ask(port, "POST", b"{}")[0] == 401
        assert ask(port, "POST", BODY, None)[0] == 415
        assert ask(port, "GET") == (200, {"status": "ok"})
        assert ask(port, "HEAD") == (200, None)
        assert ask(port, "DELETE")[0] == 405
        if serve is not by_wsgiref:  # which does not mark the end of a chunked body
            assert ask(port, "POST", iter([BODY[:9], BODY[9:]])) == (200, {"text": "pong ping"})
            assert ask(port, "POST", iter([BODY, b" " * 1000]))[0] == 413
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(ping, range(32))) == [(200, {"text": f"pong {number}"}) for number in range(32)]
