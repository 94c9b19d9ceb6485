"""The driver: logging in, waiting, closing, cancelling; over a transport without a network."""

from __future__ import annotations

import json
import logging
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    AuthenticationError,
    BadRequestError,
    Client,
    ConfigurationError,
    IncomingIntegration,
    IncomingWebhook,
    IntegrationRecord,
    PasswordAuth,
    RateLimitError,
    RetryPolicy,
    TokenAuth,
    TransportError,
)
from rocketchat_integrations._cancellation import Cancelled, cancel_when
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.conftest import Clock
    from tests.protocol.conftest import Wire

_URL = "https://chat.example"
_TOKEN = TokenAuth("u", "T0KEN")
_PASSWORD = PasswordAuth("alice", "passw0rd")


class _Server:
    """A fake transport: one user, tokens T1, T2 … by login; outcomes in `next` come first."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.requests: list[Request] = []
        self.good: set[str] = {"T0KEN"}
        self.code: str | None = None
        self.next: dict[str, list[Response | BaseException]] = {}
        self.logins = 0
        self.closed = 0
        self._lock = threading.Lock()

    def send(self, request: Request) -> Response:
        with self._lock:
            self.requests.append(request)
            planned = self.next.get(request.endpoint)
            if planned:
                outcome = planned.pop(0)
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome
            if request.endpoint == "login":
                return self._log_in(json.loads(request.body or b""))
            if request.authenticated and request.headers.get("X-Auth-Token") not in self.good:
                return Response(401, {}, b'{"status": "error", "message": "You must be logged in to do this."}')
            if request.endpoint == "logout":
                self.good.discard(request.headers["X-Auth-Token"])
            return self.wire.ok(integration=self.wire.record(), version="8.8", integrations=[], total=0)

    def close(self) -> None:
        self.closed += 1

    def _log_in(self, body: dict[str, str]) -> Response:
        if self.code is not None and body.get("code") != self.code:
            error = "totp-invalid" if "code" in body else "totp-required"
            return Response(401, {}, json.dumps({"status": "error", "error": error}).encode())
        self.logins += 1
        self.good.add(f"T{self.logins}")
        data = {"userId": "u", "authToken": f"T{self.logins}"}
        return Response(200, {}, json.dumps({"status": "success", "data": data}).encode())

    @property
    def calls(self) -> list[str]:
        return [request.endpoint for request in self.requests]


@pytest.fixture
def server(wire: Wire) -> _Server:
    """A server without a network."""
    return _Server(wire)


@pytest.fixture
def client(server: _Server) -> Client:
    """A client that logs in with a password."""
    return Client(_URL, _PASSWORD, transport=server)


# Logging in


def test_the_login_comes_with_the_first_call_that_needs_it(client: Client, server: _Server) -> None:
    """The constructor and calls that need no login request no token; later calls use the same one."""
    client.server_version()
    client.get("one")
    client.get("one")
    assert [client.user_id(), client.user_id()] == ["u", "u"]
    assert server.calls == ["api/info", "login", "integrations.get", "integrations.get"]
    assert [request.headers.get("X-Auth-Token") for request in server.requests] == [None, None, "T1", "T1"]


def test_a_token_of_the_users_own_is_sent_and_not_replaced(server: _Server) -> None:
    """With a TokenAuth nobody logs in, and a 401 is an AuthenticationError after one request."""
    client = Client(_URL, _TOKEN, transport=server)
    client.get("one")
    headers = server.requests[0].headers
    assert (headers["X-User-Id"], headers["X-Auth-Token"]) == ("u", "T0KEN")
    server.good.clear()
    with pytest.raises(AuthenticationError):
        client.get("one")
    assert server.calls == ["integrations.get"] * 2


def test_an_expired_token_is_renewed(client: Client, server: _Server) -> None:
    """The caller does not see a 401 in the middle of the work: a new login, and the call once more."""
    client.get("one")
    server.good.clear()
    client.get("one")
    assert server.calls == ["login", "integrations.get", "integrations.get", "login", "integrations.get"]


def test_a_second_401_is_raised(client: Client, server: _Server) -> None:
    """A server that refuses the new token as well is not asked a third time."""
    refusal = Response(401, {}, b'{"status": "error", "message": "You must be logged in to do this."}')
    server.next["integrations.get"] = [refusal, refusal]
    with pytest.raises(AuthenticationError):
        client.get("one")
    assert server.calls == ["login", "integrations.get", "login", "integrations.get"]


def test_a_login_that_fails_is_the_failure_of_the_call(client: Client, server: _Server) -> None:
    """Without a token the call is not sent, and its login is not retried for it; the next call logs in again."""
    server.next["login"] = [Response(401, {}, b'{"status": "error", "error": "Unauthorized"}')]
    with pytest.raises(AuthenticationError, match="login"):
        client.get("one")
    assert server.calls == ["login"]
    client.get("one")
    assert server.calls == ["login", "login", "integrations.get"]


@pytest.mark.parametrize("failure", ["refused", "lost"])
def test_a_login_that_fails_keeps_that_an_earlier_try_may_have_acted(
    client: Client, server: _Server, failure: str
) -> None:
    """The removal acted and its answer was lost; the next try gets 401, and the new login fails."""
    client.user_id()
    expired = Response(401, {}, b'{"status": "error", "message": "You must be logged in to do this."}')
    server.next["integrations.remove"] = [server.wire.lost(), expired]
    server.next["login"] = [server.wire.no(401, "Unauthorized") if failure == "refused" else server.wire.lost("other")]
    with pytest.raises((AuthenticationError, TransportError)) as caught:
        client.remove("one", type="incoming")
    assert caught.value.may_have_acted


def test_a_client_closed_between_two_tries_keeps_that_the_first_may_have_acted(wire: Wire) -> None:
    """The answer of the removal was lost, and another thread closed the client meanwhile."""

    class ClosingServer(_Server):
        def send(self, request: Request) -> Response:
            if request.endpoint == "integrations.remove":
                closing.close()
            return super().send(request)

    server = ClosingServer(wire)
    closing = Client(_URL, _TOKEN, transport=server)
    server.next["integrations.remove"] = [wire.lost()]
    with pytest.raises(ConfigurationError, match="closed") as caught:
        closing.remove("one", type="incoming")
    assert caught.value.may_have_acted


def test_a_create_whose_login_was_lost_was_not_sent(client: Client, server: _Server) -> None:
    """The login may have reached the server, the create did not."""
    server.next["login"] = [server.wire.lost("other")]
    with pytest.raises(TransportError) as caught:
        client.create(IncomingIntegration(name="ci", channel="#general", username="rocket.cat"))
    assert not caught.value.may_have_acted
    assert server.calls == ["login"]


def test_threads_log_in_once() -> None:
    """However many threads begin at once, there is one login, and one more when the token is revoked."""
    with LocalRocketChat() as server:
        hook = {"type": "webhook-incoming", "username": "rocket.cat", "channel": ["#general"], "name": "ci"}
        id = server.insert({**hook, "enabled": True, "scriptEnabled": False, "token": "t"})
        auth = PasswordAuth("admin", server.password("admin"))
        with Client(server.url, auth, pool_size=32) as client, ThreadPoolExecutor(32) as pool:
            for _ in range(2):
                start = threading.Barrier(32)

                def call(_: int, start: threading.Barrier = start) -> str:
                    start.wait()
                    return client.get(id).name

                assert set(pool.map(call, range(32))) == {"ci"}
                server.revoke_tokens("admin")
        logins = [request for request in server.requests if request.endpoint == "login"]
    assert len(logins) == 2


def test_threads_with_a_wrong_password_are_refused_together() -> None:
    """Threads that waited for a login that was refused do not try again: that could lock the account."""
    second_waits = threading.Event()

    class Lock:
        """Reports when a second thread is about to wait."""

        def __init__(self) -> None:
            self._lock = threading.Lock()

        def __enter__(self) -> None:
            if self._lock.locked():
                second_waits.set()
            self._lock.acquire()

        def __exit__(self, *_: object) -> None:
            self._lock.release()

    class Refusing:
        """Refuses every login; the first one when another thread waits for it."""

        logins = 0

        def send(self, request: Request) -> Response:
            self.logins += 1
            if self.logins == 1:
                others.append(pool.submit(client.get, "one"))
                assert second_waits.wait(30)
            return Response(401, {}, b'{"status": "error", "error": "Unauthorized", "message": "Unauthorized"}')

        def close(self) -> None:
            """Nothing is open."""

    transport = Refusing()
    client = Client(_URL, PasswordAuth("alice", "wrong"), transport=transport)
    client._driver._login_lock = Lock()  # type: ignore[assignment] # pyright: ignore[reportAttributeAccessIssue]
    others: list[Future[IntegrationRecord]] = []
    with ThreadPoolExecutor(2) as pool:
        for future in (pool.submit(client.get, "one"), *others):
            assert isinstance(future.exception(), AuthenticationError)
        assert isinstance(others[0].exception(), AuthenticationError)
    assert transport.logins == 1
    with pytest.raises(AuthenticationError):
        client.get("one")
    assert transport.logins == 2


# Waiting


def _headers(remaining: int, seconds: int) -> dict[str, str]:
    return {
        "x-ratelimit-limit": "10",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str((2_000_000_000 + seconds) * 1000),
        "date": formatdate(2_000_000_000, usegmt=True),
    }


def test_waits_are_logged(client: Client, server: _Server, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """The log says why a call takes long, with the endpoint and the seconds."""
    caplog.set_level(logging.INFO, "rocketchat_integrations")
    server.next["api/info"] = [server.wire.lost(), server.wire.no(429, "slow", _headers(0, 7))]
    client.server_version()
    assert len(clock.slept) == 2
    assert clock.slept[1] == 7
    assert [(record.name, record.levelname) for record in caplog.records] == [("rocketchat_integrations", "INFO")] * 2
    assert all("info: waiting" in record.getMessage() for record in caplog.records)
    assert "waiting 7.0 s" in caplog.records[1].getMessage()


def test_a_call_waits_before_it_would_be_refused(client: Client, server: _Server, clock: Clock) -> None:
    """When no calls are left in a window, the next call of the endpoint waits for the new one."""
    server.next["api/info"] = [Response(200, _headers(0, 42), b'{"success": true, "version": "8.8"}')]
    client.server_version()
    client.server_version()
    assert clock.slept == [42.0]
    assert server.calls == ["api/info", "api/info"]


def test_without_a_budget_for_waits_the_server_refuses(server: _Server, clock: Clock) -> None:
    """With RetryPolicy.never() nothing is waited for, and the server refuses the call."""
    client = Client(_URL, _TOKEN, transport=server, retry=RetryPolicy.never())
    refusal = server.wire.no(429, "slow", _headers(0, 42))
    server.next["api/info"] = [refusal, refusal]
    for _ in range(2):
        with pytest.raises(RateLimitError):
            client.server_version()
    assert clock.slept == []


def test_a_refused_call_does_not_wait_twice(client: Client, server: _Server, clock: Clock) -> None:
    """The wait that a refusal asks for also counts for its window."""
    server.next["api/info"] = [server.wire.no(429, "slow", _headers(0, 42))]
    client.server_version()
    assert clock.slept == [42.0]


def test_a_failure_does_not_delay_the_next_window(client: Client, server: _Server, clock: Clock) -> None:
    """Lost responses after the end of a window do not make later calls wait."""
    server.next["api/info"] = [Response(200, _headers(0, 42), b'{"success": true, "version": "8.8"}')]
    client.server_version()
    clock.now += 42
    for _ in range(12):
        server.next["api/info"] = [server.wire.lost("other")]
        with pytest.raises(TransportError):
            client.server_version()
    client.server_version()
    assert clock.slept == []


@pytest.mark.parametrize("is_interrupted", [False, True])
def test_a_failed_login_does_not_delay_later_calls(
    client: Client, server: _Server, clock: Clock, is_interrupted: bool
) -> None:
    """The call that needed it has not used its slot of the rate limit, also if it is interrupted."""
    body = server.wire.ok(integration=server.wire.record()).body
    server.next["integrations.get"] = [Response(200, _headers(0, 42), body)]
    client.get("one")
    server.good.clear()
    clock.now += 42
    for _ in range(12):
        server.next["login"] = [KeyboardInterrupt() if is_interrupted else server.wire.lost("other")]
        with pytest.raises(KeyboardInterrupt if is_interrupted else TransportError):
            client.get("one")
    client.get("one")
    assert clock.slept == []


class _Limited(_Server):
    """Allows ten calls in a minute of the fake time, and counts those that it refused."""

    def __init__(self, wire: Wire, clock: Clock) -> None:
        super().__init__(wire)
        self._clock = clock
        self._ends = 0.0
        self._left = 0
        self.refused = 0

    def send(self, request: Request) -> Response:
        with self._lock:
            now = self._clock.now
            if now >= self._ends:
                self._ends, self._left = now + 60, 10
            self._left -= 1
            headers = _headers(max(self._left, 0), math.ceil(self._ends - now))
            if self._left < 0:
                self.refused += 1
                return self.wire.no(429, "slow", headers)
            return Response(200, headers, b'{"success": true, "version": "8.8"}')


def test_threads_share_the_window_of_a_server(wire: Wire, clock: Clock) -> None:
    """32 threads on a server that allows ten calls a minute all get their results, and few calls are refused."""
    server = _Limited(wire, clock)
    client = Client(_URL, _TOKEN, transport=server, retry=RetryPolicy(rate_limit_wait=3600))
    client.server_version()
    start = threading.Barrier(32)

    def call(_: int) -> str:
        start.wait()
        return client.server_version()

    with ThreadPoolExecutor(32) as pool:
        assert list(pool.map(call, range(32))) == ["8.8"] * 32
    assert server.refused <= 10  # at least 36 if each thread had to be refused first


# Cancelling


def test_a_cancelled_call_sends_nothing(server: _Server) -> None:
    """Until the event is set, calls are made and retried; after that, each raises Cancelled."""
    cancelled = threading.Event()
    client = Client(_URL, _PASSWORD, transport=server, retry=RetryPolicy(backoff=0))
    server.next["login"] = [server.wire.lost()]
    with cancel_when(cancelled):
        client.get("one")
        cancelled.set()
        with pytest.raises(Cancelled):
            client.get("one")
    assert server.calls == ["login", "login", "integrations.get"]
    client.get("one")


def test_a_wait_is_cancelled(client: Client, server: _Server, clock: Clock) -> None:
    """A call that waits for its next try ends as soon as the event is set."""
    cancelled = threading.Event()
    server.next["api/info"] = [server.wire.no(429, "You must wait 60 seconds")]

    def call() -> str:
        with cancel_when(cancelled):
            return client.server_version()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(call)
        cancelled.set()
        assert isinstance(future.exception(10), Cancelled)
    assert clock.slept == []
    assert len(server.calls) <= 1


# Closing


def test_closing_logs_out_of_an_own_session(client: Client, server: _Server) -> None:
    """A token from a login does not stay valid after the client is closed; the connections are closed, once."""
    with client:
        client.get("one")
    assert server.calls[-1] == "logout"
    assert server.requests[-1].headers["X-Auth-Token"] == "T1"
    client.close()
    assert (server.calls.count("logout"), server.closed) == (1, 1)


def test_closing_leaves_the_users_token_alone(server: _Server) -> None:
    """A token that the user gave stays valid."""
    with Client(_URL, _TOKEN, transport=server) as client:
        client.get("one")
    assert server.calls == ["integrations.get"]
    assert server.closed == 1


def test_closing_without_a_session_sends_nothing(client: Client, server: _Server) -> None:
    """A client that has not logged in does not log out."""
    client.close()
    assert (server.calls, server.closed) == ([], 1)


def test_closing_a_clients_webhook_leaves_the_client_open(client: Client, server: _Server) -> None:
    """The webhook uses the client's connections, and only the client closes them."""
    with client.webhook(client.get("one")) as webhook:
        webhook.post("hello")
    client.get("one")
    assert server.closed == 0


@pytest.mark.parametrize("failure", ["lost", "refused"])
def test_a_logout_that_fails_is_a_warning(
    client: Client, server: _Server, caplog: pytest.LogCaptureFixture, failure: str
) -> None:
    """Closing does not raise because of the logout, and does not repeat it; the log says what follows."""
    client.get("one")
    server.next["logout"] = [server.wire.lost() if failure == "lost" else server.wire.no(401)]
    client.close()
    assert server.calls == ["login", "integrations.get", "logout"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "logout failed" in caplog.text
    assert "T1" not in caplog.text
    assert server.closed == 1


def test_an_interrupted_logout_closes_the_connections(client: Client, server: _Server) -> None:
    """Ctrl-C during the logout is raised, and leaves no connection open."""
    client.get("one")
    server.next["logout"] = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        client.close()
    assert server.closed == 1


def test_a_closed_client_sends_nothing(client: Client, server: _Server) -> None:
    """Every call after closing raises ConfigurationError, and no new login is made."""
    client.get("one")
    webhook = client.webhook(client.get("one"))
    client.close()
    before = list(server.calls)
    for call in (lambda: client.get("one"), client.server_version, lambda: webhook.post("hello")):
        with pytest.raises(ConfigurationError, match="closed"):
            call()
    assert server.calls == before


def test_a_closed_client_makes_no_session(client: Client, server: _Server) -> None:
    """The user's id cannot be asked for after the client was closed before its first login."""
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.user_id()
    assert server.calls == []


def test_closing_does_not_wait_for_a_login(wire: Wire) -> None:
    """A login that hangs is logged out by its thread when it ends, and the connections are closed then."""
    asked, answer = threading.Event(), threading.Event()

    class Hanging(_Server):
        def send(self, request: Request) -> Response:
            if request.endpoint == "login":
                asked.set()
                assert answer.wait(10)
            return super().send(request)

    server = Hanging(wire)
    client = Client(_URL, _PASSWORD, transport=server)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.get, "one")
        assert asked.wait(10)
        client.close()
        assert server.closed == 0
        answer.set()
        with pytest.raises(ConfigurationError, match="closed"):
            call.result(10)
    assert (server.calls, server.closed) == (["login", "logout"], 1)
    assert "T1" not in server.good


# Other transports


def test_a_transport_is_given_whole_requests(server: _Server) -> None:
    """A transport can send what it is given unchanged: URL, headers, body."""
    Client(f"{_URL}/chat/", _TOKEN, transport=server, headers={"X-Team": "ci"}, user_agent="deploy/1").clear_history(
        "1"
    )
    (request,) = server.requests
    assert (request.method, request.url) == ("POST", f"{_URL}/chat/api/v1/integrations.clearHistory")
    assert request.headers["X-Team"] == "ci"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["User-Agent"].startswith("deploy/1 rocketchat-integrations/")
    assert json.loads(request.body or b"") == {"integrationId": "1"}
    assert "T0KEN" in request.secrets
    assert "T0KEN" not in repr(request)


def test_a_webhook_sends_no_login(server: _Server) -> None:
    """A post has no token of a user."""
    IncomingWebhook(f"{_URL}/hooks/one/S3CRET", transport=server).post("hello")
    (request,) = server.requests
    assert request.url == f"{_URL}/hooks/one/S3CRET"
    assert not {"X-Auth-Token", "X-User-Id"} & request.headers.keys()
    assert "S3CRET" not in repr(request)


def test_an_error_in_a_transport_is_raised_unchanged(client: Client, server: _Server) -> None:
    """Another exception than TransportError is a bug of the transport, even if it is a StopIteration."""
    server.next["api/info"] = [StopIteration("the fake has no more answers")]
    with pytest.raises(StopIteration, match="no more answers"):
        client.server_version()


def test_with_another_transport_requests_is_not_loaded() -> None:
    """A program with a transport of its own does not load requests."""
    program = """
import sys
from rocketchat_integrations import Client, TokenAuth
class Transport:
    def send(self, request): raise NotImplementedError
    def close(self): pass
with Client("https://chat.example", TokenAuth("u", "t"), transport=Transport()):
    print([name for name in ("requests", "urllib3") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_server_that_repeats_secrets_is_not_quoted(server: _Server) -> None:
    """An error contains no token and no value of the user's headers."""
    client = Client(_URL, TokenAuth("u", "T0KEN-of-the-user"), transport=server, headers={"X-Proxy": "pr0xy-token"})
    server.good.add("T0KEN-of-the-user")
    server.next["integrations.get"] = [server.wire.no(400, "odd request: T0KEN-of-the-user, pr0xy-token")]
    with pytest.raises(BadRequestError, match="odd request: <hidden>, <hidden>$"):
        client.get("one")


def test_reprs_show_no_secret(server: _Server) -> None:
    """No repr has a token, a password or a webhook's path, not even those of inner objects."""
    clients: list[Callable[[], Any]] = [
        lambda: Client(_URL, TokenAuth("u", "S3CRET"), transport=server),
        lambda: Client(_URL, PasswordAuth("u", "S3CRET", totp="S3CRET"), transport=server),
        lambda: IncomingWebhook(f"{_URL}/hooks/one/S3CRET", transport=server),
    ]
    for make in clients:
        client = make()
        assert "S3CRET" not in repr(client) + repr(client._driver)
