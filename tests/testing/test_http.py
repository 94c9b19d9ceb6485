"""Connections of the embedded server, and the faults that can be planned."""

from __future__ import annotations

import http.client
import json
import socket
import struct
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from rocketchat_integrations.testing import LocalRocketChat
from rocketchat_integrations.testing._http._listener import _ConnectionHandler
from tests.testing.conftest import INCOMING

if TYPE_CHECKING:
    from tests.testing.conftest import Api

_GET_INFO = b"GET /api/info HTTP/1.1\r\nHost: x\r\n\r\n"


def _connect(server: LocalRocketChat) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((str(address.hostname), address.port or 0), timeout=10)


@pytest.mark.parametrize(("fault", "documents"), [("reset-before", 0), ("reset-after", 1)])
def test_resets(api: Api, fault: str, documents: int) -> None:
    """The connection is reset before or after the server has acted; the next call succeeds."""
    api.server.fail_next("integrations.create", fault)
    with pytest.raises(ConnectionResetError):
        api.create()
    assert len(api.server.documents) == documents
    assert (api.server.requests[-1].note == "it was planned to fail") is (fault == "reset-before")
    assert api.create()


def test_truncated_answers(api: Api) -> None:
    """The server has acted, and half of its answer arrives."""
    api.server.fail_next("integrations.create", "truncate")
    with pytest.raises(http.client.IncompleteRead) as failure:
        api.create()
    assert failure.value.partial
    assert failure.value.expected
    assert len(api.server.documents) == 1


@pytest.mark.parametrize(
    ("fault", "status"), [("502", 502), ("503", 503), ("html", 200), ("redirect", 302), ("429", 429)]
)
def test_answers_in_the_servers_place(api: Api, fault: str, status: int) -> None:
    """Proxies, portals and limits answer, and nothing is done."""
    api.server.fail_next("integrations.create", fault)
    answer = api("POST", "integrations.create", INCOMING)
    assert answer.status == status
    assert api.server.documents == ()
    if fault == "redirect":
        assert answer.headers["Location"] == "https://elsewhere.example/api/v1/integrations.create"
    elif fault == "429":
        assert answer.headers["X-RateLimit-Limit"] == "10"
        assert answer.headers["X-RateLimit-Remaining"] == "0"
        assert "You must wait 1 seconds" in answer.json["error"]
    else:
        assert answer.body.startswith(b"<!DOCTYPE html>")


def test_a_planned_429_shows_the_limit_that_is_set(api: Api) -> None:
    api.server.rate_limit = (3, 60.0)
    api.server.fail_next("integrations.list", "429")
    assert api("GET", "integrations.list").headers["X-RateLimit-Limit"] == "3"


def test_hanging(api: Api) -> None:
    """Nothing is answered until the client closes the connection; other calls are answered meanwhile."""
    api.server.fail_next("info", "hang")
    with _connect(api.server) as client:
        client.sendall(_GET_INFO)
        assert api("GET", "integrations.list").status == 200
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)


@pytest.mark.parametrize("fault", ["hang", None])
def test_stopping_closes_connections(fault: str | None) -> None:
    """A server can be stopped while a call hangs, or a client keeps its connection; the client sees it closed."""
    with LocalRocketChat() as server:
        if fault:
            server.fail_next("info", fault)
        client = _connect(server)
        client.sendall(_GET_INFO)
        server.wait_for_request("info")
        if not fault:
            assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
    with client:
        while client.recv(4096):
            pass


def test_faults_happen_in_order(api: Api) -> None:
    """Faults are those of one endpoint, happen in the order of planning, and as often as planned."""
    api.server.fail_next("integrations.list", "502", times=2)
    api.server.fail_next("integrations.list", "503")
    assert api("GET", "/api/info").status == 200
    assert [api("GET", "integrations.list").status for _ in range(4)] == [502, 502, 503, 200]


def test_webhooks_and_info_can_fail(api: Api) -> None:
    """Addresses outside of `/api/v1/` have names for faults as well."""
    webhook = api.create()
    for name in ("hooks", "hooks.info", "info"):
        api.server.fail_next(name, "502")
    assert api.post(webhook, {"text": "x"}).status == 502
    assert api("GET", f"/hooks/info/{webhook['_id']}/x/{webhook['token']}").status == 502
    assert api("GET", "/api/info").status == 502
    assert api.server.messages == ()


def test_unknown_faults_are_refused(api: Api, old: Api) -> None:
    """A wrong endpoint, fault or number is refused with what is allowed."""
    with pytest.raises(ValueError, match=r"integrations\.nope.*integrations\.create"):
        api.server.fail_next("integrations.nope", "502")
    with pytest.raises(ValueError, match=r"integrations\.clearHistory"):
        old.server.fail_next("integrations.clearHistory", "502")
    with pytest.raises(ValueError, match=r"'explode'.*reset-before"):
        api.server.fail_next("info", "explode")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        api.server.fail_next("info", "502", times=0)


def test_connections_are_kept_alive(api: Api) -> None:
    """Many requests, answered and refused ones, go over one connection, which is counted once."""
    headers = {**api.headers("admin"), "Content-Type": "application/json"}
    before = api.server.connections
    with closing(api.connect()) as connection:
        for body in (json.dumps(INCOMING), "{", iter([json.dumps(INCOMING).encode()])):
            is_chunked = not isinstance(body, str)
            connection.request("POST", "/api/v1/integrations.create", body, headers, encode_chunked=is_chunked)
            response = connection.getresponse()
            response.read()
            assert not response.will_close
        connection.request("HEAD", "/api/info")
        assert connection.getresponse().read() == b""
        connection.request("GET", "/api/info", headers={"Connection": "close"})
        response = connection.getresponse()
        assert json.loads(response.read()) == {"version": "9.0", "success": True}
        assert response.getheader("Connection") == "close"
    assert api.server.connections == before + 1
    assert len(api.server.documents) == 2


def test_broken_requests(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Clients that close the connection too early, or do not speak HTTP, do no harm, and nothing is printed."""
    with _connect(api.server) as client:
        client.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    with _connect(api.server) as client:
        client.sendall(b"gibberish\r\n\r\n")
        assert b"400" in client.recv(1000)
    assert api("GET", "/api/info").status == 200
    assert capfd.readouterr() == ("", "")


def test_a_connection_reset_before_its_answer_is_closed(
    api: Api, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A client that resets its connection leaves no open stream, and nothing is printed."""
    is_reset, closed = threading.Event(), list[bool]()
    send, finish = _ConnectionHandler._send, _ConnectionHandler.finish

    def send_after_reset(handler: _ConnectionHandler, *arguments: Any, **options: Any) -> None:
        assert is_reset.wait(10)
        send(handler, *arguments, **options)

    def record(handler: _ConnectionHandler) -> None:
        finish(handler)
        closed.append(handler.rfile.closed)

    monkeypatch.setattr(_ConnectionHandler, "_send", send_after_reset)
    monkeypatch.setattr(_ConnectionHandler, "finish", record)
    with _connect(api.server) as client:
        client.sendall(_GET_INFO)
        api.server.wait_for_request("info")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    is_reset.set()
    api.server.stop()
    assert closed == [True]
    assert capfd.readouterr().err == ""


def test_many_threads(api: Api) -> None:
    """Requests from many threads at once are all answered, and none is lost."""
    threads = [threading.Thread(target=api.create) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.server.documents) == 16
