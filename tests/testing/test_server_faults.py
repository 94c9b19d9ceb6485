"""What can go wrong on request, and connections that are kept."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.testing.conftest import Api


def _connect(server: LocalRocketChat) -> socket.socket:
    address = urlsplit(server.url)
    assert address.hostname is not None
    return socket.create_connection((address.hostname, address.port or 0), timeout=10)


def test_reset_before(api: Api, incoming: dict[str, Any]) -> None:
    """The connection is reset and nothing has happened."""
    api.server.fail_next("integrations.create", "reset-before")
    with pytest.raises(ConnectionResetError):
        api.create(incoming)
    assert api.server.documents == ()
    assert api.server.requests[-1].note == "it was planned to fail"
    assert api.create(incoming)


def test_reset_after(api: Api, incoming: dict[str, Any]) -> None:
    """The connection is reset and it has happened all the same."""
    api.server.fail_next("integrations.create", "reset-after")
    with pytest.raises(ConnectionResetError):
        api.create(incoming)
    assert [document["name"] for document in api.server.documents] == ["ci"]


def test_truncated_answers(api: Api, incoming: dict[str, Any]) -> None:
    """The server has acted, and half of its answer comes."""
    api.server.fail_next("integrations.create", "truncate")
    with pytest.raises(http.client.IncompleteRead) as failure:
        api.create(incoming)
    assert failure.value.partial
    assert failure.value.expected
    assert len(api.server.documents) == 1


@pytest.mark.parametrize(
    ("fault", "status"), [("502", 502), ("503", 503), ("html", 200), ("redirect", 302), ("429", 429)]
)
def test_answers_of_others(api: Api, incoming: dict[str, Any], fault: str, status: int) -> None:
    """Proxies, portals and limits answer in the server's place, and nothing has happened."""
    api.server.fail_next("integrations.create", fault)
    answer = api("POST", "integrations.create", incoming)
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


def test_planned_refusals_show_the_real_limit(api: Api) -> None:
    """A planned 429 names the limit that is set."""
    api.server.rate_limit = (3, 60.0)
    api.server.fail_next("integrations.list", "429")
    assert api("GET", "integrations.list").headers["X-RateLimit-Limit"] == "3"


def test_hanging(api: Api) -> None:
    """Nothing is answered until the client gives up; other calls are answered meanwhile."""
    api.server.fail_next("info", "hang")
    with _connect(api.server) as client:
        client.sendall(b"GET /api/info HTTP/1.1\r\nHost: x\r\n\r\n")
        assert api("GET", "integrations.list").status == 200
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(1)


def test_stopping_ends_hanging() -> None:
    """A server that hangs can be stopped at once; the client sees the connection closed."""
    with LocalRocketChat() as server:
        server.fail_next("info", "hang")
        client = _connect(server)
        client.sendall(b"GET /api/info HTTP/1.1\r\nHost: x\r\n\r\n")
        while not server.requests:
            pass
    with client:
        assert client.recv(1) == b""


def test_stopping_closes_kept_connections() -> None:
    """A client that keeps its connection does not keep the server from stopping, and sees the connection closed."""
    with LocalRocketChat() as server:
        client = _connect(server)
        client.sendall(b"GET /api/info HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 OK")
    with client:
        client.settimeout(10)
        while client.recv(4096):
            pass


def test_faults_in_turn(api: Api) -> None:
    """Faults befall one endpoint, in the order in which they were planned, as often as was said."""
    api.server.fail_next("integrations.list", "502", times=2)
    api.server.fail_next("integrations.list", "503")
    assert api("GET", "/api/info").status == 200
    assert [api("GET", "integrations.list").status for _ in range(4)] == [502, 502, 503, 200]


def test_webhooks_and_info_can_fail(api: Api, incoming: dict[str, Any]) -> None:
    """Addresses of webhooks have names for faults as well."""
    webhook = api.create(incoming)
    for name in ("hooks", "hooks.info", "info"):
        api.server.fail_next(name, "502")
    assert api.post(webhook, {"text": "x"}).status == 502
    assert api("GET", f"/hooks/info/{webhook['_id']}/x/{webhook['token']}").status == 502
    assert api("GET", "/api/info").status == 502
    assert api.server.messages == ()


def test_faults_have_to_exist(api: Api, old: Api) -> None:
    """Wrong names and numbers are refused with what is allowed."""
    with pytest.raises(ValueError, match=r"integrations\.nope.*integrations\.create"):
        api.server.fail_next("integrations.nope", "502")
    with pytest.raises(ValueError, match=r"integrations\.clearHistory"):
        old.server.fail_next("integrations.clearHistory", "502")
    with pytest.raises(ValueError, match=r"'explode'.*reset-before"):
        api.server.fail_next("info", "explode")
    with pytest.raises(ValueError, match="at least 1, not 0"):
        api.server.fail_next("info", "502", times=0)


def test_connections_are_kept(api: Api, incoming: dict[str, Any]) -> None:
    """Many requests, answered and refused ones, go over one connection, which is counted once."""
    auth = api.server.auth("admin")
    headers = {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id, "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(api.server.url).netloc, timeout=10)
    before = api.server.connections
    for body in (json.dumps(incoming), "{", json.dumps(incoming)):
        connection.request("POST", "/api/v1/integrations.create", body, headers)
        response = connection.getresponse()
        response.read()
        assert not response.will_close
    connection.request("HEAD", "/api/info")
    response = connection.getresponse()
    assert response.read() == b""
    connection.request("GET", "/api/info", headers={"Connection": "close"})
    response = connection.getresponse()
    assert json.loads(response.read())["version"] == "8.8"
    assert response.getheader("Connection") == "close"
    connection.close()
    assert api.server.connections == before + 1
    assert len(api.server.documents) == 2


def test_chunked_bodies(api: Api, incoming: dict[str, Any]) -> None:
    """A body that comes in chunks is read as well."""
    auth = api.server.auth("admin")
    headers = {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id, "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(urlsplit(api.server.url).netloc, timeout=10)
    body = iter([json.dumps(incoming).encode()])
    connection.request("POST", "/api/v1/integrations.create", body, headers, encode_chunked=True)
    response = connection.getresponse()
    assert json.loads(response.read())["success"] is True
    connection.close()


def test_broken_requests(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Clients that break off, or do not speak HTTP, harm nobody, and nothing is printed."""
    with _connect(api.server) as client:
        client.sendall(b"POST /api/v1/login HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nx")
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    with _connect(api.server) as client:
        client.sendall(b"gibberish\r\n\r\n")
        assert b"400" in client.recv(1000)
    assert api("GET", "/api/info").status == 200
    assert capfd.readouterr() == ("", "")


def test_many_threads(api: Api, incoming: dict[str, Any]) -> None:
    """Requests from many threads at once are all answered, and none is lost."""
    threads = [threading.Thread(target=api.create, args=(incoming,)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(api.server.documents) == 16


def test_urllib_can_talk_to_it(api: Api) -> None:
    """The standard library's client, too, understands what the server says."""
    with urllib.request.urlopen(f"{api.server.url}/api/info", timeout=10) as response:
        assert json.loads(response.read()) == {"version": "8.8", "success": True}
    with pytest.raises(urllib.error.HTTPError) as failure:
        urllib.request.urlopen(f"{api.server.url}/api/v1/integrations.list", timeout=10)
    with failure.value as refusal:
        assert refusal.code == 401
