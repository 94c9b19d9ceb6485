"""What the tests of the embedded server share: plain HTTP, without anything of the package's client."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

import attrs
import pytest

from rocketchat_integrations.testing import LocalRocketChat

INCOMING: Mapping[str, Any] = {
    "type": "webhook-incoming",
    "username": "rocket.cat",
    "channel": "#general",
    "scriptEnabled": False,
    "name": "ci",
    "enabled": True,
}
OUTGOING: Mapping[str, Any] = {
    **INCOMING,
    "type": "webhook-outgoing",
    "event": "sendMessage",
    "urls": ["https://bot.example/hook"],
}


@attrs.frozen
class Answer:
    """An HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error_type(self) -> str:
        """The `errorType` of a refusal with status 400."""
        assert self.status == 400, self
        return str(self.json.get("errorType", self.json.get("error")))


@attrs.frozen
class Api:
    """Calls one server, each time over a connection of its own."""

    server: LocalRocketChat

    def __call__(
        self,
        method: str,
        endpoint: str,
        body: Any = None,
        /,
        *,
        user: str | None = "admin",
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Answer:
        """A call of `/api/v1/…`, or of any path that begins with a slash."""
        sent = {} if body is None or isinstance(body, bytes) else {"Content-Type": "application/json"}
        if user is not None:
            auth = self.server.auth(user)
            sent |= {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id}
        base = urlsplit(self.server.url)
        path = base.path + (endpoint if endpoint.startswith("/") else f"/api/v1/{endpoint}")
        if query:
            path += f"?{urlencode(query)}"
        connection = http.client.HTTPConnection(base.netloc, timeout=10)
        try:
            data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
            connection.request(method, path, data, {**sent, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def create(self, body: Mapping[str, Any] = INCOMING, *, user: str = "admin", **changes: Any) -> dict[str, Any]:
        """The integration that a body with these changes gives."""
        answer = self("POST", "integrations.create", {**body, **changes}, user=user)
        assert answer.status == 200, answer
        integration: dict[str, Any] = answer.json["integration"]
        return integration

    def update(self, stored: Mapping[str, Any], *, user: str = "admin", **changes: Any) -> Answer:
        """An update of an integration, with what the schema wants and these changes."""
        base = INCOMING if stored["type"] == "webhook-incoming" else {**OUTGOING, "token": "token"}
        return self("PUT", "integrations.update", {**base, "integrationId": stored["_id"], **changes}, user=user)

    def stored(self, integration: Mapping[str, Any]) -> dict[str, Any]:
        """What the server holds of an integration."""
        return next(each for each in self.server.documents if each["_id"] == integration["_id"])

    def post(self, integration: Mapping[str, Any], body: Any, **how: Any) -> Answer:
        """A message through the webhook of an integration."""
        token = quote(quote(integration["token"], safe=""), safe="")
        return self("POST", f"/hooks/{integration['_id']}/{token}", body, user=None, **how)


Opener: TypeAlias = Callable[..., Api]


@pytest.fixture
def serve() -> Iterator[Opener]:
    """Starts servers with any settings; they are stopped at the end of the test."""
    servers: list[LocalRocketChat] = []

    def start(**settings: Any) -> Api:
        servers.append(LocalRocketChat(**settings).start())
        return Api(servers[-1])

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def api(serve: Opener) -> Api:
    """A server of 8.8."""
    return serve()


@pytest.fixture
def old(serve: Opener) -> Api:
    """A server of 6.14."""
    return serve(version="6.14")


@pytest.fixture(params=["8.8", "6.14"])
def both(serve: Opener, request: pytest.FixtureRequest) -> Api:
    """A server of each dialect in turn."""
    return serve(version=request.param)


@pytest.fixture
def incoming() -> dict[str, Any]:
    """The body of an incoming integration."""
    return dict(INCOMING)


@pytest.fixture
def outgoing() -> dict[str, Any]:
    """The body of an outgoing integration."""
    return dict(OUTGOING)
