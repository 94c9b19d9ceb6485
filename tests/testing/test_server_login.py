"""Logins, permissions and rate limits of the embedded server."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing._http._throttle import Throttle
from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Answer, Api, Opener


def _login(api: Api, user: str = "alice", **body: Any) -> Answer:
    return api("POST", "login", {"user": user, "password": api.server.password("alice"), **body}, user=None)


@pytest.mark.parametrize("user", ["alice", "alice@chat.example"])
def test_login_and_logout(api: Api, user: str) -> None:
    """Name or e-mail address and the password give a token, which is valid until it is logged out."""
    answer = _login(api, user)
    assert answer.json["status"] == "success"
    data = answer.json["data"]
    assert data["me"]["username"] == "alice"
    headers = {"X-Auth-Token": data["authToken"], "X-User-Id": data["userId"]}
    assert api("GET", "integrations.list", user=None, headers=headers).status == 200
    assert api("POST", "logout", user=None, headers=headers).json["status"] == "success"
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401
    assert api("GET", "integrations.list", user="alice").status == 200


@pytest.mark.parametrize("body", [{"password": "wrong"}, {"user": "ghost"}, {"user": None, "password": None}])
def test_wrong_credentials(api: Api, body: dict[str, Any]) -> None:
    """A wrong password and an unknown user are refused alike."""
    answer = _login(api, **body)
    assert (answer.status, answer.json["error"]) == (401, "Unauthorized")


def test_second_factor(api: Api) -> None:
    """A login without the code, or with a wrong one, is refused; the refusal names the method."""
    api.server.require_second_factor("alice", code="777777", method="email")
    answers = [_login(api), _login(api, code="123456"), _login(api, code="777777")]
    assert [answer.status for answer in answers] == [401, 401, 200]
    assert [answer.json["error"] for answer in answers[:2]] == ["totp-required", "totp-invalid"]
    assert answers[0].json["details"] == {"method": "email", "availableMethods": ["email"]}


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Auth-Token": "x"}, "both"),
        ({"X-User-Id": "adminid0000000001"}, "both"),
        ({"X-Auth-Token": "unknown", "X-User-Id": "adminid0000000001"}, "unknown"),
    ],
)
def test_not_logged_in(api: Api, old: Api, headers: dict[str, str], reason: str) -> None:
    """Both headers are needed, and the note says what is wrong. The body of 8.8 has more in it than that of 6.14."""
    for each in (api, old):
        answer = each("GET", "integrations.list", user=None, headers=headers)
        assert (answer.status, answer.json["status"]) == (401, "error")
        assert ("success" in answer.json) is ("error" in answer.json) is (each is api)
        assert reason in each.server.requests[-1].note


def test_revoked_and_foreign_tokens(api: Api) -> None:
    """A revoked token, and a token with another user's id, are refused; `auth` returns a new one."""
    before, headers = api.server.auth("alice"), api.headers("alice")
    foreign = {**headers, "X-User-Id": api.server.auth("bob").user_id}
    assert api("GET", "integrations.list", user=None, headers=foreign).status == 401
    assert api.server.auth("alice") == before
    api.server.revoke_tokens("alice")
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401
    assert api.server.auth("alice") != before
    assert api("GET", "integrations.list", user="alice").status == 200


@pytest.mark.parametrize("key", ["user", "username", "email"])
def test_names_of_the_user(both: Api, key: str) -> None:
    """Each of three parameters may hold the user's name or e-mail address (vendor's and the incumbent's e2e tests)."""
    for name in ("alice", "alice@chat.example"):
        body = {key: name, "password": "alice-password"}
        assert both("POST", "login", body, user=None).json["data"]["me"]["username"] == "alice"
    assert both("POST", "login", {key: "bob", "password": "alice-password"}, user=None).status == 401


def test_info(both: Api) -> None:
    """A logged-in administrator gets `info` as well (the incumbent's e2e tests)."""
    for user in ("alice", None):
        assert both("GET", "/api/info", user=user).json.keys() == {"version", "success"}
    answer = both("GET", "/api/info").json
    assert answer["info"]["version"] == answer["version"]
    wrong = {**both.headers("admin"), "X-User-Id": "aliceid0000000001"}
    assert "info" not in both("GET", "/api/info", user=None, headers=wrong).json


def test_missing_permissions(api: Api, old: Api) -> None:
    """A user without permissions is refused with 403, in the words of the version."""
    answer = api("GET", "integrations.history", id="x", user="bob")
    assert answer.status == 403
    assert "error-unauthorized" in answer.json["error"]
    assert "manage-outgoing-integrations" in api.server.requests[-1].note
    answer = old("GET", "integrations.history", id="x", user="bob")
    assert (answer.status, answer.json["error"]) == (403, "unauthorized")


def test_permissions_by_endpoint(api: Api) -> None:
    """Five endpoints need a permission before anything else; the others validate first (vendor's e2e tests, 8.x)."""
    integration = api.create(OUTGOING, channel="")
    room: dict[str, Any] = {"roomName": "general"}
    by_id: dict[str, Any] = {"integrationId": integration["_id"]}
    for method, endpoint, query in (
        *(("GET", "integrations.list", {}), ("GET", "integrations.history", {}), ("POST", "integrations.remove", {})),
        *(("GET", "channels.getIntegrations", room), ("GET", "groups.getIntegrations", {})),
    ):
        assert api(method, endpoint, {} if method == "POST" else None, user="bob", **query).status == 403
    for permission in ("manage-own-incoming-integrations", "manage-own-outgoing-integrations"):
        api.server.add_user(permission, [permission])
        for endpoint, query in (("integrations.list", {}), ("channels.getIntegrations", room)):
            assert api("GET", endpoint, user=permission, **query).status == 200
        # Past the permission: the group is another's.
        answer = api("GET", "groups.getIntegrations", user=permission, roomName="secret")
        assert answer.error_type == "error-room-not-found"
    for method, endpoint in (
        *(("POST", "create"), ("PUT", "update"), ("POST", "clearHistory"), ("POST", "replayOutgoing")),
        ("GET", "get"),
    ):
        assert api(method, f"integrations.{endpoint}", user="bob").error_type == "invalid-params"
    replay = api("POST", "integrations.replayOutgoing", {**by_id, "historyId": "x"}, user="bob")
    assert replay.error_type == "error-invalid-integration"
    assert api.refused(OUTGOING, type="webhook-outgoing-x", user="bob") == "Invalid integration type."


@pytest.mark.parametrize("version", ["9.0", "8.8"])
def test_what_a_user_may_not_do(serve: Opener, version: str) -> None:
    """It is 403 `error-forbidden` without details from 9.0 on (release notes), and 400 with a code on 8.8."""
    api = serve(version=version)
    integration = api.create(OUTGOING, channel="")
    by_id = {"integrationId": integration["_id"]}
    secret = api.create(channel="#secret")
    for answer, code, error in (
        (api("POST", "integrations.create", INCOMING, user="bob"), "not_authorized", "Unauthorized [not_authorized]"),
        (api("POST", "integrations.create", OUTGOING, user="bob"), "not_authorized", "[not_authorized]"),
        (api.update(integration, user="bob"), "not_authorized", "Unauthorized [not_authorized]"),
        (api("GET", "integrations.get", user="bob", **by_id), "not-authorized", "not-authorized"),
        (
            api("POST", "integrations.clearHistory", by_id, user="bob"),
            "not_authorized",
            "Unauthorized [not_authorized]",
        ),
        (api.post(secret, {"text": "x"}), "error-not-allowed", "error-not-allowed"),
    ):
        assert answer.json["error"] == error
        assert (answer.forbidden if version == "9.0" else answer.error_type) == (error if version == "9.0" else code)
    assert api.server.messages == ()
    assert api.server.requests[-1].note == "rocket.cat is not in the private group secret"


def test_order_of_checks(serve: Opener) -> None:
    """9.0 checks login, permission, parameters and rate limit; 6.14 login, rate limit, parameters and permission."""
    calls: list[tuple[str | None, dict[str, Any]]] = [
        (None, {}),
        ("bob", {}),
        ("bob", {"id": "x"}),
        ("admin", {}),
        ("admin", {"id": "x"}),
        ("admin", {"id": "x"}),
    ]
    for version, calls_allowed, statuses in (
        ("9.0", 1, [401, 403, 403, 400, 200, 429]),
        ("6.14", 2, [401, 400, 403, 429, 429, 429]),
    ):
        api = serve(version=version, rate_limit=(calls_allowed, 60.0))
        assert [api("GET", "integrations.history", user=user, **query).status for user, query in calls] == statuses


def test_rate_limit(serve: Opener) -> None:
    """Calls beyond the limit of an endpoint are refused, with headers in the server's time."""
    api = serve(rate_limit=(2, 60.0), clock_skew=3600.0)
    answers = [api("GET", "integrations.list") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    refusal = answers[-1]
    assert refusal.headers["X-RateLimit-Limit"] == "2"
    assert "You must wait 60 seconds" in refusal.json["error"]
    date = parsedate_to_datetime(refusal.headers["Date"]).timestamp()
    assert 59 <= int(refusal.headers["X-RateLimit-Reset"]) / 1000 - date <= 61
    assert api.server.clock_skew == 3600.0
    assert 3590 <= date - time.time() <= 3610
    assert api("GET", "integrations.history", id="x").status == 200
    assert "X-RateLimit-Limit" not in api("GET", "/api/info").headers
    api.server.rate_limit = None
    assert api("GET", "integrations.list").status == 200


def test_rate_limits_are_counted_by_client(serve: Opener) -> None:
    """Users share the limit of their address, except for those with the permission to bypass it."""
    api = serve(rate_limit=(1, 60.0))
    api.server.add_user("vip", ["api-bypass-rate-limit", "manage-own-incoming-integrations"])
    users = ("alice", "admin", "vip", "vip")
    assert [api("GET", "integrations.list", user=user).status for user in users] == [200, 429, 200, 200]


def test_each_webhook_has_a_rate_limit_on_8(api: Api, old: Api) -> None:
    """On 8.8 each webhook has its own limit, on 6.14 all share one."""
    for each, expected in ((api, [200, 200, 429]), (old, [200, 429, 429])):
        first, second = each.create(), each.create()
        each.server.rate_limit = (1, 60.0)
        assert [each.post(webhook, {"text": "x"}).status for webhook in (first, second, first)] == expected


def test_rate_limit_windows_end() -> None:
    """A window begins with its first call and ends on time; then counting starts anew."""
    now = [100.0]
    throttle = Throttle(lambda: now[0])
    assert throttle.count("key", 1, 10.0)[0]
    now[0] = 109.0
    within, allowance = throttle.count("key", 1, 10.0)
    assert not within
    assert allowance.seconds == 1.0
    now[0] = 110.0
    assert throttle.count("key", 1, 10.0)[0]
