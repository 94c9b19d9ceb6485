"""The bot as an ASGI application, driven by hand and behind a real server."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
import uvicorn

from rocketchat_integrations import ConfigurationError
from rocketchat_integrations.outgoing import AsgiApp, MessageSent, Reply, WebhookApp

BODY = b'{"token": "T0K3N", "text": "ping"}'
JSON = (b"content-type", b"application/json")
PATIENCE = 60


@pytest.fixture(params=["async", "plain"])
def app(request: pytest.FixtureRequest) -> WebhookApp:
    """A bot with a handler of each kind in turn."""
    app = WebhookApp(token="T0K3N", max_size=1000)

    if request.param == "async":

        @app.on("sendMessage")
        async def answer_later(message: MessageSent) -> Reply:
            await asyncio.sleep(0)
            return Reply(f"pong {message.text}")

        assert callable(answer_later)
    else:

        @app.on("sendMessage")
        def answer(message: MessageSent) -> Reply:
            return Reply(f"pong {message.text}")

        assert callable(answer)
    return app


def drive(app: WebhookApp, scope: dict[str, Any], *received: dict[str, Any]) -> list[Any]:
    """What the application sends when it receives these messages; it may not ask for more."""
    pending = list(received)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return pending.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(app.asgi(scope, receive, send))
    assert pending == []
    return sent


def http(method: str, *headers: tuple[bytes, bytes], path: str = "/") -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, "headers": list(headers)}


def pieces(*bodies: bytes) -> list[dict[str, Any]]:
    return [
        {"type": "http.request", "body": body, "more_body": number < len(bodies)}
        for number, body in enumerate(bodies, start=1)
    ]


def answered(sent: list[Any]) -> tuple[int, dict[bytes, bytes], bytes]:
    start, content = sent
    assert (start["type"], content["type"]) == ("http.response.start", "http.response.body")
    return start["status"], dict(start["headers"]), content["body"]


def post(app: WebhookApp, *bodies: bytes, length: bytes | None = None) -> tuple[int, Any]:
    headers = [JSON] if length is None else [JSON, (b"content-length", length)]
    status, _, content = answered(drive(app, http("POST", *headers), *pieces(*bodies)))
    return status, json.loads(content)


def test_a_call_is_answered_with_what_the_handler_says(app: WebhookApp) -> None:
    length = str(len(BODY)).encode()
    status, headers, content = answered(drive(app, http("POST", JSON, (b"content-length", length)), *pieces(BODY)))
    assert (status, json.loads(content)) == (200, {"text": "pong ping"})
    assert headers == {b"content-type": b"application/json", b"content-length": str(len(content)).encode()}


def test_a_body_in_pieces_is_put_together(app: WebhookApp) -> None:
    assert post(app, BODY[:5], b"", BODY[5:]) == (200, {"text": "pong ping"})
    bare = drive(app, http("POST", JSON), {"type": "http.request"})  # as the specification allows: all at its default
    assert answered(bare)[0] == 400


@pytest.mark.parametrize("path", ["", "/", "/hook", "/deep/down/"])
def test_any_path_will_do(app: WebhookApp, path: str) -> None:
    assert answered(drive(app, http("POST", JSON, path=path), *pieces(BODY)))[0] == 200


def test_get_tells_that_the_bot_is_there(app: WebhookApp) -> None:
    status, headers, content = answered(drive(app, http("GET")))
    assert (status, json.loads(content)) == (200, {"status": "ok"})
    assert answered(drive(app, http("HEAD"))) == (status, headers, b"")
    assert headers[b"content-length"] == str(len(content)).encode()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(app: WebhookApp, method: str) -> None:
    status, headers, content = answered(drive(app, http(method)))
    assert (status, headers[b"allow"]) == (405, b"GET, HEAD, POST")
    assert set(json.loads(content)) == {"error"}


@pytest.mark.parametrize("length", [b"1001", b"9" * 5000])
def test_a_body_that_is_too_long_is_refused_unread(app: WebhookApp, length: bytes) -> None:
    assert post(app, length=length) == (413, {"error": "body: must not have more than 1000 bytes"})


def test_reading_stops_where_a_body_becomes_too_long(app: WebhookApp) -> None:
    sent = drive(app, http("POST", JSON), *pieces(b" " * 600, b" " * 401, b"")[:2])
    assert answered(sent)[0] == 413
    assert post(app, BODY, b" " * (1000 - len(BODY))) == (200, {"text": "pong ping"})


@pytest.mark.parametrize("length", [b"", b"abc", b"-1", "٣".encode()])
def test_a_length_has_to_be_a_number(app: WebhookApp, length: bytes) -> None:
    assert post(app, length=length) == (400, {"error": "Content-Length: must be given, and a number"})


def test_a_body_that_ends_too_early_is_refused(app: WebhookApp) -> None:
    assert post(app, BODY, length=b"100") == (400, {"error": "body: is not complete"})


def test_nothing_is_done_for_a_caller_who_is_gone() -> None:
    calls: list[object] = []
    app = WebhookApp(token="T0K3N")
    app.on("sendMessage")(calls.append)
    gone = {"type": "http.disconnect"}
    assert drive(app, http("POST", JSON), gone) == []
    assert drive(app, http("POST", JSON), {**pieces(BODY)[0], "more_body": True}, gone) == []
    assert calls == []


@pytest.mark.parametrize("headers", [[], [(b"content-type", b"text/plain")], [(b"content-type", b"\xff")]])
def test_another_content_type_or_none_is_refused(app: WebhookApp, headers: list[tuple[bytes, bytes]]) -> None:
    assert answered(drive(app, http("POST", *headers), *pieces(BODY)))[0] == 415


def test_refusals_of_the_app_go_out_with_their_status(app: WebhookApp) -> None:
    assert post(app, b'{"token": "wrong"}')[0] == 401
    assert post(app, b"{")[0] == 400


def test_it_takes_part_in_the_lifespan(app: WebhookApp) -> None:
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    assert drive(app, {"type": "lifespan"}, *messages) == [
        {"type": "lifespan.startup.complete"},
        {"type": "lifespan.shutdown.complete"},
    ]


def test_it_refuses_websockets(app: WebhookApp) -> None:
    assert drive(app, {"type": "websocket", "path": "/"}) == [{"type": "websocket.close"}]


def test_it_knows_no_other_connections(app: WebhookApp) -> None:
    with pytest.raises(ConfigurationError, match="scope: must be of type http, websocket or lifespan"):
        drive(app, {"type": "carrier-pigeon"})


def test_it_is_an_object_and_always_the_same(app: WebhookApp) -> None:
    """Frameworks take functions for something else."""
    assert isinstance(app.asgi, AsgiApp)
    assert app.asgi is app.asgi


# A real server.


@pytest.fixture
def port(app: WebhookApp) -> Iterator[int]:
    """The port of a real server that serves the app, and wants it to take part in the lifespan."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        server = uvicorn.Server(uvicorn.Config(app.asgi, lifespan="on", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join(PATIENCE)
        assert not thread.is_alive()


def ask(port: int, method: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any] | None]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, "/hook", body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        content = response.read()
        return response.status, json.loads(content) if content else None
    finally:
        connection.close()


def test_a_real_server_serves_it(port: int) -> None:
    posted = {"Content_Type": "application/json"}
    assert ask(port, "POST", BODY, **posted) == (200, {"text": "pong ping"})
    assert ask(port, "POST", iter([BODY[:9], BODY[9:]]), **posted) == (200, {"text": "pong ping"})
    assert ask(port, "POST", iter([BODY, b" " * 1000]), **posted)[0] == 413
    assert ask(port, "POST", b"{}", **posted)[0] == 401
    assert ask(port, "POST", BODY)[0] == 415
    assert ask(port, "GET") == (200, {"status": "ok"})
    assert ask(port, "HEAD") == (200, None)
    assert ask(port, "DELETE")[0] == 405
