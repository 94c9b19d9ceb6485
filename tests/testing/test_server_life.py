"""The life of an embedded server, and what can be put into it and seen in it."""

from __future__ import annotations

import gc
import http.client
import json
import logging
import os
import socket
import struct
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

import _rocketchat_integrations_pytest
import rocketchat_integrations.testing
from rocketchat_integrations.testing import LocalRocketChat, ReceivedRequest, StoredMessage

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener


def test_face() -> None:
    """These are the public names."""
    assert sorted(rocketchat_integrations.testing.__all__) == [
        "LocalBot",
        "LocalRocketChat",
        "ReceivedRequest",
        "StoredMessage",
    ]


def test_start_and_stop() -> None:
    """A server is reachable between start and stop, can be started again, and keeps its world meanwhile."""
    server = LocalRocketChat()
    with pytest.raises(RuntimeError, match="not running"):
        _ = server.url
    assert server.start() is server
    with pytest.raises(RuntimeError, match="already"):
        server.start()
    address = urlsplit(server.url).netloc
    server.insert({"name": "kept"})
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(address, timeout=10).connect()
    with server:
        assert server.url
        assert [document["name"] for document in server.documents] == ["kept"]


def test_a_port_can_be_chosen() -> None:
    """A server listens where it is told to, again after a pause, and says when the port is taken."""
    with LocalRocketChat() as other:
        port = urlsplit(other.url).port or 0
        with pytest.raises(OSError, match="in use"):
            LocalRocketChat(port=port).start()
    server = LocalRocketChat(port=port)
    for _ in range(2):
        with server:
            assert server.url == f"http://127.0.0.1:{port}"
            with urllib.request.urlopen(f"{server.url}/api/info", timeout=10) as answer:
                assert answer.status == 200


def test_versions(serve: Opener) -> None:
    """The version that is imitated is the one that is told, and only some can be."""
    for version in ("8.8", "8.8.1", "6.14", "6.5.1"):
        assert serve(version=version)("GET", "/api/info", user=None).json == {"version": version, "success": True}
    for version in ("7.0", "8.7", "8.8.1.2", "6", "6.\u0663", "newest"):
        with pytest.raises(ValueError, match=r"allowed are '8\.8' and '6\.x'"):
            LocalRocketChat(version=version)


def test_a_patch_speaks_as_its_version_does(serve: Opener, incoming: dict[str, Any]) -> None:
    """A server of 8.8.1 has the ways of 8.8."""
    assert serve(version="8.8.1").create(incoming)["skipTranspile"] is False


@pytest.mark.parametrize(
    "arguments",
    [
        {"page_cap": 0},
        {"page_cap": "7"},
        {"version": 6.14},
        {"page_cap": 7.5},
        {"rate_limit": 5},
        {"rate_limit": (5,)},
        {"rate_limit": ("5", 60)},
        {"rate_limit": (5, float("nan"))},
        {"rate_limit": (5, float("inf"))},
        {"rate_limit": (0, 60)},
        {"rate_limit": (10, 0)},
        {"retry_pace": -1},
        {"retry_pace": float("inf")},
        {"retry_pace": "1"},
        {"reply_timeout": 0},
        {"reply_timeout": float("nan")},
        {"reply_timeout": None},
        {"base_path": "chat"},
        {"base_path": "/chat/"},
        {"base_path": "/"},
    ],
)
def test_settings_are_checked(arguments: dict[str, Any]) -> None:
    """Settings that make no sense are refused with the name of the setting."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        LocalRocketChat(**arguments)


def test_settings_are_checked_when_they_change() -> None:
    """A running server does not take a wrong setting either."""
    server = LocalRocketChat(page_cap=5, rate_limit=(1, 2.5), frozen_scripts=True)
    with pytest.raises(ValueError, match="page_cap"):
        server.page_cap = 0
    assert server.page_cap == 5
    with pytest.raises(ValueError, match="rate_limit"):
        server.rate_limit = (0, 1)
    assert server.rate_limit == (1, 2.5)
    assert server.frozen_scripts is True


def test_sub_path(serve: Opener) -> None:
    """With a base path, the server lives below it and nowhere else."""
    api = serve(base_path="/team/chat")
    assert api.server.url.endswith("/team/chat")
    assert api("GET", "/api/info").json["version"] == "8.8"
    connection = http.client.HTTPConnection(urlsplit(api.server.url).netloc, timeout=10)
    connection.request("GET", "/api/info")
    assert b"<html>" in connection.getresponse().read()
    connection.close()


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1/integrations.nope", "/api/v1/hooks", "/hooks/x", "/nope/api/info"]
)
def test_unknown_paths(both: Api, path: str) -> None:
    """An endpoint that does not exist looks like a wrong base URL: 200 with the web app's page."""
    answer = both("GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "no such endpoint" in both.server.requests[-1].note


def test_wrong_methods(both: Api) -> None:
    """A known endpoint with the wrong method is refused with 405, whoever asks."""
    answer = both("POST", "integrations.list", {}, user=None)
    assert (answer.status, answer.json["status"]) == (405, "error")
    assert "needs GET" in both.server.requests[-1].note


def test_reset(api: Api, incoming: dict[str, Any]) -> None:
    """After a reset everything is as in the beginning, but for the settings."""
    webhook = api.create(incoming)
    api.post(webhook, {"text": "x"})
    api.server.insert_history(webhook["_id"], {})
    api.server.add_user("carol")
    api.server.require_second_factor("alice")
    api.server.fail_next("info", "502")
    api.server.page_cap = 3
    connections = api.server.connections
    api.server.reset()
    assert api.server.documents == ()
    assert api.server.history_documents == ()
    assert api.server.messages == ()
    assert api.server.requests == ()
    assert api.server.page_cap == 3
    assert api.server.connections == connections
    with pytest.raises(LookupError, match=r"no user 'carol', only admin, alice, bob, rocket\.cat"):
        api.server.auth("carol")
    assert api("GET", "/api/info").status == 200
    body = {"user": "alice", "password": api.server.password("alice")}
    assert api("POST", "login", body, user=None).status == 200


def test_reset_logs_nobody_out(serve: Opener) -> None:
    """Credentials taken before a reset are good after it, also where they were logged out meanwhile."""
    world: dict[str, Any] = {"users": [{"_id": "zoeid", "username": "zoe"}], "rooms": []}
    for api, username in ((serve(), "alice"), (serve(world=world), "zoe")):
        auth = api.server.auth(username)
        headers = {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id}
        for _ in range(2):
            api.server.reset()
            assert api.server.auth(username) == auth
            assert api("POST", "logout", {}, user=None, headers=headers).status == 200


def test_worlds_are_described(serve: Opener) -> None:
    """A described world has its own people, passwords, tokens and rooms, and is not changed by what happens."""
    world: dict[str, Any] = {
        "users": [{"_id": "u1", "username": "zoe", "password": "pw", "email": "z@example.org", "permissions": []}],
        "rooms": [{"_id": "r1", "name": "lab", "type": "private group"}],
    }
    before = repr(world)
    api = serve(world=world)
    assert api.server.auth("zoe").user_id == "u1"
    assert api("POST", "login", {"user": "z@example.org", "password": "pw"}, user=None).status == 200
    api.server.add_room("attic", members=["zoe"])
    assert repr(world) == before


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ([], "world needs users, a list of objects whose username, _id are text"),
        ({}, "world needs users"),
        ({"users": {}}, "world needs users"),
        ({"users": ["zoe"]}, "world needs users"),
        ({"users": [{"_id": "u1"}]}, "world needs users"),
        ({"users": [{"username": "zoe"}]}, "world needs users"),
        ({"users": [{"_id": 1, "username": "zoe"}]}, "world needs users"),
        ({"rooms": [{"_id": "r1", "name": "lab"}]}, "world needs rooms, a list of objects whose name, _id, type"),
        ({"members": {"lap": []}}, "members: there is no room 'lap', only lab"),
        ({"members": {"lab": ["zeo"]}}, "members of 'lab': there is no user 'zeo', only zoe"),
        ({"credentials": {"zeo": {}}}, "credentials: there is no user 'zeo', only zoe"),
    ],
)
def test_worlds_are_checked(world: Any, message: str) -> None:
    """A description that is none is refused with what is wrong in it and what is allowed."""
    if world:
        users = [{"_id": "u1", "username": "zoe"}]
        world = {"users": users, "rooms": [{"_id": "r1", "name": "lab", "type": "channel"}], **world}
    with pytest.raises(ValueError, match=message):
        LocalRocketChat(world=world)


def test_people_and_rooms_can_be_added(api: Api, incoming: dict[str, Any]) -> None:
    """Added users log in and create where they are members; names are taken once."""
    api.server.add_user("carol", ["manage-own-incoming-integrations"], password="secret")
    api.server.add_room("lab", members=["carol"])
    assert api("POST", "login", {"user": "carol", "password": "secret"}, user=None).status == 200
    assert api.create(incoming, user="carol", channel="#lab", username="carol")
    with pytest.raises(ValueError, match="'carol' already"):
        api.server.add_user("carol")
    with pytest.raises(ValueError, match="'lab' already"):
        api.server.add_room("lab")
    with pytest.raises(ValueError, match="'channel' or 'private group'"):
        api.server.add_room("cellar", "discussion")
    with pytest.raises(LookupError, match="'ghost'"):
        api.server.add_room("cellar", members=["ghost"])


@pytest.mark.parametrize("ask", ["auth", "password", "require_second_factor", "revoke_tokens", "remove_user"])
def test_unknown_users(ask: str) -> None:
    """Asking for somebody who is not there names those who are."""
    with pytest.raises(LookupError, match="no user 'ghost', only admin"):
        getattr(LocalRocketChat(), ask)("ghost")


def test_removed_users_are_gone(api: Api) -> None:
    """A removed user's token is no longer good, and the name is free."""
    auth = api.server.auth("alice")
    api.server.remove_user("alice")
    headers = {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id}
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401
    api.server.add_user("alice")


def test_removed_users_leave_their_rooms(api: Api, incoming: dict[str, Any]) -> None:
    """Who takes the name of a removed user is not in that user's rooms."""
    body = {**incoming, "channel": "#general"}
    api.create(body, user="alice")
    api.server.remove_user("alice")
    api.server.add_user("alice", ["manage-own-incoming-integrations"])
    assert api("POST", "integrations.create", body, user="alice").error_type == "error-invalid-channel"


def test_raw_documents(both: Api) -> None:
    """What old data may look like can be put in, and comes out just so; only an `_id` is filled in."""
    odd = {
        "type": "webhook-outgoing",
        "event": "long-gone",
        "_createdBy": None,
        "_createdAt": {"$date": 1484000000000},
        "scriptEngine": "vm2",
        "relic": [1, None],
    }
    identifier = both.server.insert(odd)
    assert both("GET", "integrations.get", integrationId=identifier).json["integration"] == {**odd, "_id": identifier}
    assert both.server.insert({"_id": "mine"}) == "mine"
    with pytest.raises(ValueError, match="'mine' already"):
        both.server.insert({"_id": "mine"})
    assert "_id" not in odd
    with pytest.raises(ValueError, match="_id must be text, not 5"):
        both.server.insert({"_id": 5})
    with pytest.raises(ValueError, match="_id must be text, not 5"):
        both.server.insert_history("x", {"_id": 5})
    assert both("GET", "integrations.list", sort='{"_id": 1}').json["total"] == 2


@pytest.mark.parametrize("integration", [None, "text", 5, {"_createdBy": "alice"}])
def test_history_of_odd_integrations(both: Api, integration: Any) -> None:
    """A record whose integration is none belongs to nobody: alice does not see it, and admin does."""
    both.server.insert_history("z", {"integration": integration})
    assert both("GET", "integrations.history", id="z", user="alice").json["history"] == []
    assert both("GET", "integrations.history", id="z").json["history"][0]["integration"] == integration


def test_fields_that_should_be_arrays(both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """Odd channels and URLs match nothing, a text matches itself, as in the database; numbers are no channels."""
    both.server.insert({"urls": 5, "channel": 5})
    both.server.insert({"urls": None, "channel": [["#general"], {}]})
    stored = both.server.insert({**outgoing, "urls": "https://bot.example", "channel": "#general"})
    answer = both.update({"_id": stored, "type": "webhook-outgoing"}, target_url="https://bot.example", name="found")
    assert answer.status == 200
    assert both.server.documents[2]["name"] == "found"
    both.server.insert({**incoming, "channel": "#general"})
    assert both("GET", "channels.getIntegrations", roomName="general").json["total"] == 2
    webhook = {**incoming, "userId": "rocket.cat", "token": "t"}
    for channel, status in ((5, 400), ([5], 400), ("#general", 200)):
        webhook["_id"] = both.server.insert({**webhook, "channel": channel, "_id": f"w{channel}"})
        assert both.post({"_id": f"w{channel}", "token": "t"}, {"text": "x"}).status == status
    assert [message.room for message in both.server.messages] == ["general"]


def test_the_unforeseen_is_answered(both: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the server itself breaks, it answers 500, notes why, prints nothing and goes on."""
    identifier = both.server.insert({"_createdAt": Path()})
    answer = both("GET", "integrations.get", integrationId=identifier)
    assert (answer.status, answer.json) == (500, {"success": False, "error": "Internal server error"})
    assert both.server.requests[-1].note.startswith("unexpected TypeError: Object of type")
    assert both("GET", "/api/info").status == 200
    assert capfd.readouterr() == ("", "")


def test_documents_are_copies(api: Api, incoming: dict[str, Any]) -> None:
    """Changing what the server shows, or what was put in, changes nothing in the server."""
    integration = api.create(incoming)
    api.server.insert_history(integration["_id"], {"_id": "h"})
    api.server.documents[0]["channel"].append("#nope")
    api.server.history_documents[0]["integration"]["name"] = "other"
    assert api.server.documents[0]["channel"] == ["#general"]
    assert api.server.history_documents[0]["integration"]["name"] == "ci"


def test_history_can_be_put_in(api: Api) -> None:
    """A history record is given an id and its integration where it has none, also without an integration."""
    identifier = api.server.insert_history("gone", {"step": "x"})
    api.server.insert_history("gone", {"_id": "h", "integration": {"_id": "gone", "token": "t"}})
    assert api.server.history_documents == (
        {"_id": identifier, "step": "x", "integration": {"_id": "gone"}},
        {"_id": "h", "integration": {"_id": "gone", "token": "t"}},
    )
    with pytest.raises(ValueError, match="'h' already"):
        api.server.insert_history("gone", {"_id": "h"})


def test_requests_are_recorded(api: Api, incoming: dict[str, Any]) -> None:
    """Every request can be looked at: what was sent, and why it was refused."""
    webhook = api.create(incoming)
    api("GET", "integrations.get", integrationId=webhook["_id"])
    api("POST", "integrations.create", b"{", headers={"Content-Type": "application/json"})
    created, got, broken = api.server.requests
    assert (created.method, created.endpoint, created.path) == (
        "POST",
        "integrations.create",
        "/api/v1/integrations.create",
    )
    assert created.json == incoming
    assert created.headers["X-Auth-Token"] == api.server.auth("admin").token
    assert created.note == ""
    assert got.query == {"integrationId": webhook["_id"]}
    assert got.body == b""
    assert got.json is None
    assert broken.note


def test_nothing_secret_is_shown(
    api: Api, incoming: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Tokens and passwords are in no repr and no log record, and nothing is printed."""
    caplog.set_level(logging.DEBUG)
    webhook = api.create(incoming)
    api.post(webhook, {"text": "x"})
    api.post({**webhook, "token": "wrong"}, {"text": "x"})
    api("POST", "login", {"user": "alice", "password": api.server.password("alice")}, user=None)
    shown = repr(api.server.requests) + repr(api.server.messages) + caplog.text
    secrets = [webhook["token"], api.server.password("alice"), api.server.auth("admin").token]
    assert not [secret for secret in secrets if secret in shown]
    records = [record for record in caplog.records if record.name.startswith("rocketchat_integrations.testing")]
    assert len(records) == 4
    assert {record.levelno for record in records} == {logging.DEBUG}
    assert "another token" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_records_are_values() -> None:
    """Messages and requests can be compared and made by hand."""
    assert StoredMessage(room="r", user="u", text="t") == StoredMessage(room="r", user="u", text="t")
    request = ReceivedRequest(method="GET", endpoint="info", path="/api/info", query={}, headers={}, body=b"[1]")
    assert request.json == [1]
    assert attrs.evolve(request, body=b"[" * 200_000).json is None


pytest_plugins = ["pytester"]

_WITHOUT_WERKZEUG = """
import sys

for name in list(sys.modules):
    if name.partition(".")[0] in ("rocketchat_integrations", "werkzeug"):
        del sys.modules[name]
sys.modules["werkzeug"] = None

def test_using(rocketchat):
    pass
"""


def test_fixture_without_werkzeug(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where werkzeug is not installed, the fixture fails with the one line that says what to install."""
    pytester.makepyfile(_WITHOUT_WERKZEUG)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_inprocess("-p", "_rocketchat_integrations_pytest", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    lines = [line for line in result.outlines if "pip install 'rocketchat-integrations[testing]'" in line]
    assert lines[0].startswith("the fixture rocketchat needs the extra testing: pip install")
    assert not [line for line in result.outlines if "Traceback" in line]


# As pytest has it from the installed plugin.
rocketchat = _rocketchat_integrations_pytest.rocketchat


def test_fixture_is_a_running_server(rocketchat: LocalRocketChat) -> None:
    """The fixture `rocketchat` is a server of 8.8 that is running."""
    with urllib.request.urlopen(f"{rocketchat.url}/api/info", timeout=10) as response:
        assert json.loads(response.read())["version"] == "8.8"


def test_fixture_is_of_one_test(rocketchat: LocalRocketChat) -> None:
    """Every test has a server of its own."""
    assert rocketchat.requests == ()
    assert rocketchat.connections == 0


_LOADED = """
import sys

def test_loading(request):
    assert request.config.pluginmanager.has_plugin("_rocketchat_integrations_pytest")
    assert not [name for name in sys.modules if name.split(".")[0] in ("rocketchat_integrations", "werkzeug")]

def test_using(rocketchat):
    assert "rocketchat_integrations.testing" in sys.modules
"""


def test_plugin_imports_nothing_before_it_is_used(tmp_path: Path) -> None:
    """Loading the plugin imports nothing of the package; a test that asks for the fixture does."""
    (tmp_path / "test_loaded.py").write_text(_LOADED)
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path[:0] = {sys.path!r}; import pytest; sys.exit(pytest.main(sys.argv[1:]))",
            *("-p", "_rocketchat_integrations_pytest", "-p", "no:cacheprovider", "-W", "error", str(tmp_path)),
        ],
        cwd=tmp_path,
        # The plugin is named here, whether it is installed or not.
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 passed" in run.stdout


def test_a_request_can_be_waited_for() -> None:
    """A test that acts in the middle of a call knows when the call has reached the server."""
    with LocalRocketChat() as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.wait_for_request, "info", 30)
        urllib.request.urlopen(f"{server.url}/api/info").close()
        assert waiting.result().path == "/api/info"
        assert server.wait_for_request("info").path == "/api/info"


def test_waiting_for_a_request_ends() -> None:
    """A test whose request never comes fails, saying which one it was."""
    with LocalRocketChat() as server, pytest.raises(TimeoutError, match="no request for login has arrived"):
        server.wait_for_request("login", 0.01)


def test_a_client_that_goes_away_leaves_nothing_open(capfd: pytest.CaptureFixture[str]) -> None:
    """A connection that is reset before its answer comes is closed, and nobody is told."""
    with LocalRocketChat() as server:
        auth = server.auth("admin")
        with server._workspace.lock, socket.socket() as connection:  # nothing is answered meanwhile
            connection.connect(("127.0.0.1", urlsplit(server.url).port))
            head = f"X-Auth-Token: {auth.token}\r\nX-User-Id: {auth.user_id}\r\nHost: x\r\n\r\n"
            connection.sendall(f"GET /api/v1/integrations.list HTTP/1.1\r\n{head}".encode())
            server.wait_for_request("integrations.list")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    gc.collect()  # a socket that is still open would warn, and warnings are errors
    assert capfd.readouterr().err == ""
