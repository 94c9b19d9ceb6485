"""What the tests of the embedded server share: plain HTTP, without anything of the package's client."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
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


class Bot:
    """A bot that is served for real, and keeps what it is sent."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        """The payloads, oldest first."""
        self.headers: list[dict[str, str]] = []
        self.targets: list[str] = []
        """What was asked for: path and query."""
        self.reply: Callable[[dict[str, Any]], tuple[int, str, bytes | str] | None] = lambda _: says("{}")
        """Gives status, content type and body for a payload; None to break the connection off."""
        bot = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                bot.calls.append(payload)
                bot.headers.append(dict(self.headers))
                bot.targets.append(self.path)
                answer = bot.reply(payload)
                if answer is None:
                    return
                status, content_type, body = answer
                data = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                # The server may have hung up meanwhile.
                with suppress(OSError):
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/hook"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def texts(self) -> list[str | None]:
        """What the payloads say."""
        return [call.get("text") for call in self.calls]

    def __enter__(self) -> Bot:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def says(body: str, status: int = 200) -> tuple[int, str, str]:
    """A reply in JSON."""
    return status, "application/json", body


@pytest.fixture
def bot() -> Iterator[Bot]:
    """A bot that answers `{}`."""
    with Bot() as bot:
        yield bot


@pytest.fixture
def other_bot() -> Iterator[Bot]:
    """Another bot that answers `{}`."""
    with Bot() as bot:
        yield bot


@attrs.frozen
class Employ:
    """Creates outgoing integrations for a bot."""

    api: Api

    def __call__(self, bot: Bot, /, **changes: Any) -> dict[str, Any]:
        body: dict[str, Any] = {**OUTGOING, "urls": [bot.url], "token": "t", **changes}
        return self.api.create(body)

    def history(self, integration: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The history of an integration, newest first."""
        sort = json.dumps({"_createdAt": -1})
        answer = self.api("GET", "integrations.history", id=integration["_id"], sort=sort)
        records: list[dict[str, Any]] = answer.json["history"]
        return records
