"""Start, settings, starting world and records of the embedded server, and the pytest fixture."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import attrs
import pytest

import _rocketchat_integrations_pytest
import rocketchat_integrations.testing
from rocketchat_integrations.testing import LocalRocketChat, ReceivedRequest, StoredMessage
from tests.testing.conftest import INCOMING, OUTGOING, Api, says

if TYPE_CHECKING:
    from tests.testing.conftest import Bot, Opener


def test_public_names() -> None:
    assert rocketchat_integrations.testing.__all__ == [
        "AnsweredCall",
        "AnsweredRequest",
        "LocalBot",
        "LocalRocketChat",
        "ReceivedRequest",
        "StoredMessage",
        "StoredRoom",
        "WorkspaceSettings",
    ]


# Start, stop, settings


def test_start_and_stop() -> None:
    """A server answers between start and stop, refuses connections after, and can be started again."""
    server = LocalRocketChat()
    for use in (lambda: server.url, lambda: server.say("alice", "general", "x")):
        with pytest.raises(RuntimeError, match="not running"):
            use()
    assert server.messages == ()
    assert server.start() is server
    with pytest.raises(RuntimeError, match="already"):
        server.start()
    connection = Api(server).connect()
    server.insert({"name": "kept"})
    server.stop()
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        connection.connect()
    with server:
        assert Api(server)("GET", "/api/info").status == 200
        assert [document["name"] for document in server.documents] == ["kept"]


def test_a_port_can_be_chosen() -> None:
    """A server listens on the given port, again after a pause, and raises if the port is taken."""
    with LocalRocketChat() as other:
        port = urlsplit(other.url).port or 0
        with pytest.raises(OSError):  # noqa: PT011, its message is the system's
            LocalRocketChat(port=port).start()
    server = LocalRocketChat(port=port)
    for _ in range(2):
        with server:
            assert server.url == f"http://127.0.0.1:{port}"
            assert Api(server)("GET", "/api/info").status == 200


def test_versions(serve: Opener) -> None:
    """The version is the one that is given; others are refused. A patch behaves as its version."""
    for version in ("9.0.1", "9.12", "8.8.1", "8.0", "6.5"):
        assert serve(version=version)("GET", "/api/info", user=None).json == {"version": version, "success": True}
    assert serve(version="8.8.1").create()["skipTranspile"] is False
    assert "skipTranspile" not in serve(version="6.5.1").create()
    assert "skipTranspile" not in serve(version="9.0.1").create()
    wrong: list[Any] = ["10.0", "9", "7.0", "8.9", "8.8.1.2", "6", "6.\u0663", 6.14]
    for version in wrong:
        with pytest.raises(ValueError, match=r"allowed are '9\.x' such as '9\.0', '8\.0' to '8\.8', '6\.x'"):
            LocalRocketChat(version=version)


def test_what_8_got_when(serve: Opener) -> None:
    """`skipTranspile` came with 8.4, and clearing the history and replays with 8.7 (the vendor's schemas and pages)."""
    for version, status, fields in (("8.3", 400, 0), ("8.4", 200, 1), ("8.6", 200, 1)):
        api = serve(version=version)
        assert api("POST", "integrations.create", {**INCOMING, "skipTranspile": False}).status == status
        assert ("skipTranspile" in api.create()) == fields
        assert ("skipTranspile" in api.updated(api.create())) == fields
        assert b"<html>" in api("POST", "integrations.clearHistory", {"integrationId": "x"}).body
    assert serve(version="8.7")("POST", "integrations.clearHistory", {"integrationId": "x"}).status == 400


@pytest.mark.parametrize(
    "arguments",
    [
        {"page_cap": 0},
        {"page_cap": 7.5},
        {"rate_limit": 5},
        {"rate_limit": ("5", 60)},
        {"rate_limit": (5, float("inf"))},
        {"rate_limit": (0, 60)},
        {"rate_limit": (10, 0)},
        {"retry_pace": -1},
        {"retry_pace": float("inf")},
        {"retry_pace": "1"},
        {"reply_timeout": 0},
        {"reply_timeout": float("nan")},
        {"reply_timeout": None},
        {"skip_transpile": "kept"},
        {"base_path": "chat"},
        {"base_path": "/chat/"},
    ],
)
def test_settings_are_validated(arguments: dict[str, Any]) -> None:
    """A setting that makes no sense is refused with its name."""
    with pytest.raises(ValueError, match=next(iter(arguments))):
        LocalRocketChat(**arguments)


def test_settings_are_validated_when_they_change() -> None:
    server = LocalRocketChat(page_cap=5, rate_limit=(1, 2.5), frozen_scripts=True)
    with pytest.raises(ValueError, match="page_cap"):
        server.page_cap = 0
    with pytest.raises(ValueError, match="rate_limit"):
        server.rate_limit = (0, 1)
    assert (server.page_cap, server.rate_limit, server.frozen_scripts) == (5, (1, 2.5), True)


def test_settings_of_rocket_chat() -> None:
    """Settings are read and changed by Rocket.Chat's names; other names and values are refused."""
    server = LocalRocketChat(page_cap=5)
    server.settings["Message_MaxAllowedSize"] = 10
    server.reset()
    assert dict(server.settings) == {
        "API_Upper_Count_Limit": 5,
        "API_Default_Count": 50,
        "API_Allow_Infinite_Count": True,
        "Message_CustomFields_Enabled": True,
        "Message_MaxAllowedSize": server.max_message_size,
    }
    assert server.max_message_size == 10
    assert "'Message_MaxAllowedSize': 10" in repr(server.settings)
    assert len(server.settings) == 5
    for use in (lambda: server.settings["Site_Url"], lambda: server.settings.__setitem__("Site_Url", "x")):
        with pytest.raises(KeyError, match="no setting 'Site_Url', only API_Upper_Count_Limit, API_Default_Count, "):
            use()
    for name, value in (("API_Default_Count", 0), ("API_Allow_Infinite_Count", 1), ("Message_MaxAllowedSize", "9")):
        with pytest.raises(ValueError, match=rf"\({name}\) must be .*, not {value!r}"):
            server.settings[name] = value


def test_base_path(serve: Opener) -> None:
    """With a base path, the server answers below it and nowhere else."""
    api = serve(base_path="/team/chat")
    assert api.server.url.endswith("/team/chat")
    assert api("GET", "/api/info").json["version"] == "9.0"
    with closing(api.connect()) as connection:
        connection.request("GET", "/api/info")
        assert b"<html>" in connection.getresponse().read()


@pytest.mark.parametrize("path", ["/", "/api/v1/integrations.nope", "/api/v1/hooks", "/hooks/x", "/nope/api/info"])
def test_unknown_paths(api: Api, path: str) -> None:
    """An endpoint that does not exist looks like a wrong base URL: 200 with the web app's page."""
    answer = api("GET", path)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/html")
    assert "no such endpoint" in api.server.requests[-1].note


def test_wrong_methods(api: Api) -> None:
    """An endpoint with the wrong method is refused with 405, before the login is checked."""
    answer = api("POST", "integrations.list", {}, user=None)
    assert (answer.status, answer.json["status"]) == (405, "error")
    assert "needs GET" in api.server.requests[-1].note


def test_reset(api: Api) -> None:
    """A reset brings back the beginning, except for settings and the number of connections."""
    webhook = api.create()
    api.post(webhook, {"text": "x"})
    api.server.insert_history(webhook["_id"], {})
    api.server.add_user("carol")
    api.server.require_second_factor("alice")
    api.server.fail_next("info", "502")
    api.server.page_cap = 3
    connections = api.server.connections
    api.server.reset()
    server = api.server
    assert (server.documents, server.history_documents, server.messages, server.requests) == ((), (), (), ())
    assert (api.server.page_cap, api.server.connections) == (3, connections)
    with pytest.raises(LookupError, match=r"no user 'carol', only admin, alice, bob, rocket\.cat"):
        api.server.auth("carol")
    assert api("GET", "/api/info").status == 200
    body = {"user": "alice", "password": api.server.password("alice")}
    assert api("POST", "login", body, user=None).status == 200


def test_a_reset_logs_nobody_out(serve: Opener) -> None:
    """Credentials from before a reset are valid after it, also if they were logged out meanwhile."""
    world: dict[str, Any] = {"users": [{"_id": "zoeid", "username": "zoe"}], "rooms": []}
    for api, username in ((serve(), "alice"), (serve(world=world), "zoe")):
        auth, headers = api.server.auth(username), api.headers(username)
        for _ in range(2):
            api.server.reset()
            assert api.server.auth(username) == auth
            assert api("POST", "logout", {}, user=None, headers=headers).status == 200


# The starting world


def test_a_world_can_be_given(serve: Opener) -> None:
    """A given world has its own users, passwords, tokens and rooms, and the description is not changed."""
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
        ({"users": {}}, "world needs users"),
        ({"users": ["zoe"]}, "world needs users"),
        ({"users": [{"_id": 1, "username": "zoe"}]}, "world needs users"),
        ({"rooms": [{"_id": "r1", "name": "lab"}]}, "world needs rooms, a list of objects whose name, _id, type"),
        ({"members": {"lap": []}}, "members: there is no room 'lap', only lab"),
        ({"members": {"lab": ["zeo"]}}, "members of 'lab': there is no user 'zeo', only zoe"),
        ({"credentials": {"zeo": {}}}, "credentials: there is no user 'zeo', only zoe"),
    ],
)
def test_worlds_are_validated(world: Any, message: str) -> None:
    """A wrong description is refused with what is wrong in it and what is allowed."""
    if world:
        users = [{"_id": "u1", "username": "zoe"}]
        world = {"users": users, "rooms": [{"_id": "r1", "name": "lab", "type": "channel"}], **world}
    with pytest.raises(ValueError, match=message):
        LocalRocketChat(world=world)


def test_users_and_rooms_can_be_added(api: Api) -> None:
    """Added users can log in, and create integrations in rooms where they are members; names are unique."""
    api.server.add_user("carol", ["manage-own-incoming-integrations"], password="secret")
    api.server.add_room("lab", members=["carol"])
    assert api("POST", "login", {"user": "carol", "password": "secret"}, user=None).status == 200
    assert api.create(user="carol", channel="#lab")
    with pytest.raises(ValueError, match="'carol' already"):
        api.server.add_user("carol")
    api.server.add_user("dave", id="daveid", email="dave@example.org")
    assert api.server.auth("dave").user_id == "daveid"
    assert api("POST", "login", {"email": "dave@example.org", "password": "dave-password"}, user=None).status == 200
    with pytest.raises(ValueError, match="id 'daveid' already: dave"):
        api.server.add_user("erin", id="daveid")
    with pytest.raises(ValueError, match="address 'dave@example.org' already: dave"):
        api.server.add_user("erin", email="dave@example.org")
    with pytest.raises(ValueError, match="'lab' already"):
        api.server.add_room("lab")
    with pytest.raises(ValueError, match="'channel' or 'private group'"):
        api.server.add_room("cellar", "discussion")
    with pytest.raises(LookupError, match="'ghost'"):
        api.server.add_room("cellar", members=["ghost"])


def test_permissions_can_be_set(api: Api) -> None:
    """A user has exactly the permissions that were set last, from the next request on."""
    assert api("GET", "integrations.list", user="bob").status == 403
    api.server.set_permissions("bob", ["manage-own-incoming-integrations"])
    assert api("GET", "integrations.list", user="bob").status == 200
    api.server.set_permissions("bob", [])
    assert api("GET", "integrations.list", user="bob").status == 403
    for use in (api.server.set_permissions, api.server.add_user):
        with pytest.raises(TypeError, match=r"permissions must be a list of names such as \['manage"):
            use("bob", "manage-own-incoming-integrations")


def test_a_room_shows_its_id_and_members(api: Api) -> None:
    """A room is found by name or id; it is a value, which does not change when the room does."""
    before = api.server.room("general")
    assert (before.id, before.name, before.type) == ("GENERAL", "general", "channel")
    api.server.join_room("bob", "general")
    assert before.members == {"admin", "alice"}
    assert api.server.room("GENERAL").members == {"admin", "alice", "bob"}
    assert api.server.room("#secret").type == "private group"


def test_rooms_can_be_removed(api: Api, bot: Bot) -> None:
    """A removed room takes no message or reply, its messages stay as they were, and its name is free."""
    webhook = api.create(channel="#random")
    api.create_for(bot, channel="#random")

    def too_late(_: object) -> tuple[int, str, str]:
        api.server.remove_room("#random")
        return says('{"text": "x"}')

    bot.reply = too_late
    message = api.server.say("alice", "random", "hello")
    assert api.server.messages == (message,)
    assert api.post(webhook, {"text": "x"}).error_type == "invalid-channel"
    with pytest.raises(LookupError, match="random was removed"):
        api.server.edit(message, "changed")
    for use in (api.server.room, api.server.remove_room):
        with pytest.raises(LookupError, match="no room 'random', only general, ops, secret"):
            use("random")
    api.server.add_room("random")
    assert api.server.room("random").members == set()


@pytest.mark.parametrize("method", ["auth", "password", "require_second_factor", "revoke_tokens", "remove_user"])
def test_unknown_users(method: str) -> None:
    """The error for an unknown user names the known ones."""
    with pytest.raises(LookupError, match="no user 'ghost', only admin"):
        getattr(LocalRocketChat(), method)("ghost")
    with pytest.raises(LookupError, match="no user 'ghost', only admin"):
        LocalRocketChat().set_permissions("ghost", [])


def test_removed_users_are_gone(api: Api) -> None:
    """A removed user's token is revoked, and a new user of that name is in none of the rooms."""
    headers = api.headers("alice")
    api.create(user="alice")
    api.server.remove_user("alice")
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401
    api.server.add_user("alice", ["manage-own-incoming-integrations"])
    assert api.refused(INCOMING, user="alice") == "error-invalid-channel"


# Documents


def test_raw_documents(api: Api) -> None:
    """Old data can be inserted and comes back unchanged; only an `_id` is added."""
    odd = {"event": "long-gone", "_createdBy": None, "_createdAt": {"$date": 1484000000000}, "relic": [1, None]}
    identifier = api.server.insert(odd)
    assert api("GET", "integrations.get", integrationId=identifier).json["integration"] == {**odd, "_id": identifier}
    assert api.server.insert({"_id": "mine"}) == "mine"
    assert "_id" not in odd
    with pytest.raises(ValueError, match="'mine' already"):
        api.server.insert({"_id": "mine"})
    with pytest.raises(ValueError, match="_id must be text, not 5"):
        api.server.insert({"_id": 5})
    with pytest.raises(ValueError, match="_id must be text, not 5"):
        api.server.insert_history("x", {"_id": 5})
    assert api("GET", "integrations.list", sort='{"_id": 1}').json["total"] == 2


def test_history_can_be_inserted(api: Api) -> None:
    """A history record gets an id, and a copy of its integration if it has none."""
    integration = api.create()
    identifier = api.server.insert_history("gone", {"step": "x"})
    api.server.insert_history("gone", {"_id": "h", "integration": {"_id": "gone", "token": "t"}})
    api.server.insert_history(integration["_id"], {"_id": "h"})
    assert api.server.history_documents == (
        {"_id": identifier, "step": "x", "integration": {"_id": "gone"}},
        {"_id": "h", "integration": {"_id": "gone", "token": "t"}},
        {"_id": "h", "integration": integration},
    )
    with pytest.raises(ValueError, match="'h' already"):
        api.server.insert_history("gone", {"_id": "h"})


def test_documents_are_copies(api: Api) -> None:
    """Changing what the server returns changes nothing in the server."""
    integration = api.create()
    api.server.insert_history(integration["_id"], {"_id": "h"})
    api.server.documents[0]["channel"].append("#nope")
    api.server.history_documents[0]["integration"]["name"] = "other"
    assert api.server.documents[0]["channel"] == ["#general"]
    assert api.server.history_documents[0]["integration"]["name"] == "ci"


@pytest.mark.parametrize("integration", [None, "text", {"_createdBy": "alice"}])
def test_history_of_odd_integrations(api: Api, integration: Any) -> None:
    """A record without a readable creator is visible for admin, and not for alice."""
    api.server.insert_history("z", {"integration": integration})
    assert api("GET", "integrations.history", id="z", user="alice").json["history"] == []
    assert api("GET", "integrations.history", id="z").json["history"][0]["integration"] == integration


def test_fields_that_should_be_arrays(api: Api) -> None:
    """A text matches like an array of it, as in the database; other values match nothing."""
    api.server.insert({"urls": 5, "channel": 5})
    api.server.insert({"urls": None, "channel": [["#general"], {}]})
    stored = api.server.insert({**OUTGOING, "urls": "https://bot.example", "channel": "#general"})
    answer = api.update({"_id": stored, "type": "webhook-outgoing"}, target_url="https://bot.example", name="found")
    assert answer.status == 200
    assert api.server.documents[2]["name"] == "found"
    api.server.insert({**INCOMING, "channel": "#general"})
    assert api("GET", "channels.getIntegrations", roomName="general").json["total"] == 2
    webhook = {**INCOMING, "userId": "rocket.cat", "token": "t"}
    for channel, status in ((5, 400), ([5], 400), ("#general", 200)):
        webhook["_id"] = api.server.insert({**webhook, "channel": channel, "_id": f"w{channel}"})
        assert api.post(webhook, {"text": "x"}).status == status
    assert [message.room for message in api.server.messages] == ["general"]


def test_unexpected_errors_are_answered(api: Api, capfd: pytest.CaptureFixture[str]) -> None:
    """Where the server fails at an odd document, it answers 500, notes why, and goes on."""
    identifier = api.server.insert({"_createdAt": Path()})
    answer = api("GET", "integrations.get", integrationId=identifier)
    assert (answer.status, answer.json) == (500, {"success": False, "error": "Internal server error"})
    assert api.server.requests[-1].note.startswith("unexpected TypeError")
    assert api("GET", "/api/info").status == 200
    assert capfd.readouterr() == ("", "")


# Requests and messages


def test_requests_are_recorded(api: Api) -> None:
    """A record of a request has what was sent, and why it was refused."""
    webhook = api.create()
    api("GET", "integrations.get", integrationId=webhook["_id"])
    api("POST", "integrations.create", b"{", headers={"Content-Type": "application/json"})
    created, got, broken = api.server.requests
    assert (created.method, created.endpoint) == ("POST", "integrations.create")
    assert created.path == "/api/v1/integrations.create"
    assert created.json == INCOMING
    assert created.headers["X-Auth-Token"] == api.server.auth("admin").token
    assert created.note == ""
    assert got.query == {"integrationId": webhook["_id"]}
    assert got.body == b""
    assert got.json is None
    assert broken.note


def test_a_request_can_be_waited_for() -> None:
    """A test can wait until a call has reached the server; it fails if none arrives in time."""
    with LocalRocketChat() as server, ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(server.wait_for_request, "info", 30)
        Api(server)("GET", "/api/info")
        assert waiting.result().path == server.wait_for_request("info").path == "/api/info"
        with pytest.raises(TimeoutError, match="no request for login has arrived"):
            server.wait_for_request("login", 0.01)


def test_nothing_secret_is_shown(api: Api, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    """Tokens and passwords are in no repr and no log record, and nothing is printed."""
    caplog.set_level(logging.DEBUG)
    webhook = api.create()
    api.post(webhook, {"text": "x"})
    api.post({**webhook, "token": "wrong"}, {"text": "x"})
    api("POST", "login", {"user": "alice", "password": api.server.password("alice")}, user=None)
    shown = repr(api.server.requests) + repr(api.server.messages) + caplog.text
    secrets = [webhook["token"], api.server.password("alice"), api.server.auth("admin").token]
    assert not [secret for secret in secrets if secret in shown]
    records = [record for record in caplog.records if record.name.startswith("rocketchat_integrations.testing")]
    assert [record.levelno for record in records] == [logging.DEBUG] * 4
    assert "another token" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_records_are_values() -> None:
    """Messages and requests can be compared and made in tests."""
    assert StoredMessage(room="r", user="u", text="t") == StoredMessage(room="r", user="u", text="t")
    request = ReceivedRequest(method="GET", endpoint="info", path="/api/info", query={}, headers={}, body=b"[1]")
    assert request.json == [1]
    assert attrs.evolve(request, body=b"[" * 200_000).json is None


# The pytest fixture

pytest_plugins = ["pytester"]
rocketchat = _rocketchat_integrations_pytest.rocketchat  # as the installed plugin defines it


@pytest.mark.parametrize("test", [1, 2])
def test_the_fixture_is_a_new_running_server(rocketchat: LocalRocketChat, test: int) -> None:
    """Each test gets a server of its own."""
    assert (rocketchat.requests, rocketchat.connections) == ((), 0)
    assert Api(rocketchat)("GET", "/api/info").json["version"] == "9.0"


_WITHOUT_WERKZEUG = """
import sys

for name in list(sys.modules):
    if name.partition(".")[0] in ("rocketchat_integrations", "werkzeug"):
        del sys.modules[name]
sys.modules["werkzeug"] = None

def test_using(rocketchat):
    pass
"""


def test_the_fixture_without_werkzeug(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without werkzeug, the fixture fails with one line that says what to install."""
    pytester.makepyfile(_WITHOUT_WERKZEUG)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    result = pytester.runpytest_inprocess("-p", "_rocketchat_integrations_pytest", "-p", "no:cacheprovider")
    result.assert_outcomes(errors=1)
    lines = [line for line in result.outlines if "pip install 'rocketchat-integrations[testing]'" in line]
    assert lines[0].startswith("the fixture rocketchat needs the extra testing: pip install")
    assert not [line for line in result.outlines if "Traceback" in line]
