"""Credentials, permissions and rate limits of the embedded server."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing._http._throttle import Throttle as RateLimiter

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener


def _login(api: Api, user: str = "alice", **body: Any) -> Any:
    return api("POST", "login", {"user": user, "password": api.server.password("alice"), **body}, user=None)


@pytest.mark.parametrize("user", ["alice", "alice@chat.example"])
def test_login_and_logout(both: Api, user: str) -> None:
    """Name or e-mail and the password give a token, which is good until it is logged out."""
    answer = _login(both, user)
    assert answer.json["status"] == "success"
    data = answer.json["data"]
    assert data["me"]["username"] == "alice"
    headers = {"X-Auth-Token": data["authToken"], "X-User-Id": data["userId"]}
    assert both("GET", "integrations.list", user=None, headers=headers).status == 200
    assert both("POST", "logout", user=None, headers=headers).json["status"] == "success"
    assert both("GET", "integrations.list", user=None, headers=headers).status == 401
    assert both("GET", "integrations.list", user="alice").status == 200


@pytest.mark.parametrize("body", [{"password": "wrong"}, {"user": "ghost"}, {"user": None}, {"password": None}])
def test_wrong_credentials(both: Api, body: dict[str, Any]) -> None:
    """A wrong password and an unknown user are refused alike."""
    answer = _login(both, **body)
    assert answer.status == 401
    assert answer.json["error"] == "Unauthorized"


def test_second_factor(both: Api) -> None:
    """Logins need the code once it is asked for; the refusal names the method."""
    both.server.require_second_factor("alice", code="777777", method="email")
    answer = _login(both)
    assert answer.status == 401
    assert answer.json["error"] == "totp-required"
    assert answer.json["details"] == {"method": "email", "availableMethods": ["email"]}
    answer = _login(both, code="123456")
    assert answer.status == 401
    assert answer.json["error"] == "totp-invalid"
    assert _login(both, code="777777").status == 200


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"X-Auth-Token": "x"}, "both"),
        ({"X-User-Id": "adminid0000000001"}, "both"),
        ({"X-Auth-Token": "unknown", "X-User-Id": "adminid0000000001"}, "unknown"),
    ],
)
def test_not_logged_in(api: Api, old: Api, headers: dict[str, str], reason: str) -> None:
    """Both headers are needed and have to fit; what is wrong is noted. 8.8 says more than 6.14."""
    for each in (api, old):
        answer = each("GET", "integrations.list", user=None, headers=headers)
        assert answer.status == 401
        assert answer.json["status"] == "error"
        assert ("success" in answer.json) is ("error" in answer.json) is (each is api)
        assert reason in each.server.requests[-1].note


def test_tokens_belong_to_one_user(api: Api) -> None:
    """A token with the id of another user is refused."""
    headers = {"X-Auth-Token": api.server.auth("admin").token, "X-User-Id": api.server.auth("bob").user_id}
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401


def test_revoked_tokens(api: Api) -> None:
    """Revoking logs a user out everywhere; `auth` then gives new credentials."""
    before = api.server.auth("alice")
    assert api.server.auth("alice") == before
    api.server.revoke_tokens("alice")
    headers = {"X-Auth-Token": before.token, "X-User-Id": before.user_id}
    assert api("GET", "integrations.list", user=None, headers=headers).status == 401
    assert api.server.auth("alice") != before
    assert api("GET", "integrations.list", user="alice").status == 200


def test_permission_comes_before_validation_on_8(api: Api, old: Api) -> None:
    """8.8 looks at permissions first, 6.14 at the parameters; the refusals differ, too."""
    answer = api("GET", "integrations.history", user="bob")
    assert answer.status == 403
    assert "error-unauthorized" in answer.json["error"]
    assert "manage-outgoing-integrations" in api.server.requests[-1].note
    assert old("GET", "integrations.history", user="bob").error_type == "invalid-params"
    answer = old("GET", "integrations.history", id="x", user="bob")
    assert (answer.status, answer.json["error"]) == (403, "unauthorized")


@pytest.mark.parametrize("endpoint", ["integrations.create", "integrations.get", "integrations.update"])
def test_8_lets_nobody_in_without_a_permission(api: Api, endpoint: str) -> None:
    """On 8.8 every endpoint for integrations answers 403 to a user without any permission for them."""
    method = {"integrations.get": "GET", "integrations.update": "PUT"}.get(endpoint, "POST")
    assert api(method, endpoint, user="bob").status == 403


def test_rate_limit(serve: Opener) -> None:
    """After so many calls of one endpoint come refusals with headers in the server's time; other endpoints go on."""
    api = serve(rate_limit=(2, 60.0), clock_skew=3600.0)
    answers = [api("GET", "integrations.list") for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 429]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    refusal = answers[-1]
    assert refusal.headers["X-RateLimit-Limit"] == "2"
    assert "You must wait 60 seconds" in refusal.json["error"]
    date = parsedate_to_datetime(refusal.headers["Date"]).timestamp()
    assert 59 <= int(refusal.headers["X-RateLimit-Reset"]) / 1000 - date <= 61
    assert 3590 <= date - time.time() <= 3610
    assert api("GET", "integrations.history", id="x").status == 200
    assert "X-RateLimit-Limit" not in api("GET", "/api/info").headers
    api.server.rate_limit = None
    assert api("GET", "integrations.list").status == 200


def test_order_of_checks(serve: Opener) -> None:
    """8.8 looks at login, permission, rate limit and validity, 6.14 at login, rate limit, validity and permission."""
    calls: list[tuple[str | None, dict[str, Any]]] = [
        (None, {}),
        ("bob", {}),
        ("bob", {"id": "x"}),
        ("admin", {}),
        ("admin", {"id": "x"}),
    ]
    for version, calls_allowed, statuses in (
        ("8.8", 1, [401, 403, 403, 400, 429]),
        ("6.14", 2, [401, 400, 403, 429, 429]),
    ):
        api = serve(version=version, rate_limit=(calls_allowed, 60.0))
        assert [api("GET", "integrations.history", user=user, **query).status for user, query in calls] == statuses


def test_rate_limit_is_the_clients(serve: Opener) -> None:
    """Users share the limit of their address, but for those with the permission to bypass it."""
    api = serve(rate_limit=(1, 60.0))
    api.server.add_user("vip", ["api-bypass-rate-limit", "manage-own-incoming-integrations"])
    assert api("GET", "integrations.list", user="alice").status == 200
    assert api("GET", "integrations.list").status == 429
    assert [api("GET", "integrations.list", user="vip").status for _ in range(3)] == [200, 200, 200]


def test_webhooks_have_limits_of_their_own_on_8(serve: Opener, incoming: dict[str, Any]) -> None:
    """On 8.8 one webhook does not use up another's calls, on 6.14 it does."""
    for version, expected in (("8.8", [200, 200, 429]), ("6.14", [200, 429, 429])):
        api = serve(version=version, rate_limit=None)
        first, second = api.create(incoming), api.create(incoming)
        api.server.rate_limit = (1, 60.0)
        posts = [api.post(webhook, {"text": "x"}).status for webhook in (first, second, first)]
        assert posts == expected


def test_rate_limit_windows_end() -> None:
    """A window begins with its first call and ends on time; then counting starts anew."""
    now = [100.0]
    limiter = RateLimiter(lambda: now[0])
    assert limiter.count("key", 1, 10.0)[0]
    within, allowance = limiter.count("key", 1, 10.0)
    assert not within
    assert allowance.seconds == 10.0
    now[0] = 110.0
    assert limiter.count("key", 1, 10.0)[0]


def test_clock_skew_can_change(api: Api, incoming: dict[str, Any]) -> None:
    """The server's clock can be set while it runs; timestamps follow it forwards, and never go back."""
    begun = api.create(incoming)["_createdAt"]
    api.server.clock_skew = 10 * 366 * 86400.0
    future = api.create(incoming)["_createdAt"]
    assert int(future[:4]) - int(begun[:4]) in (10, 11)
    assert parsedate_to_datetime(api("GET", "/api/info").headers["Date"]).year == int(future[:4])
    api.server.clock_skew = 0.0
    assert api.server.clock_skew == 0.0
    assert api.create(incoming)["_createdAt"] > future
