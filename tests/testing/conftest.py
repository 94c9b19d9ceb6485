"""Plain HTTP to the embedded server, without the package's client, and a bot that records its calls."""

from __future__ import annotations

import http.client
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
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
        """The `errorType` of a refusal with status 400, or else its `error`."""
        assert self.status == 400, self
        return str(self.json.get("errorType", self.json.get("error")))

    @property
    def forbidden(self) -> str:
        """The `error` of 9.0's refusal of something that the user may not do."""
        error = str(self.json["error"])
        assert (self.status, self.json) == (403, {"success": False, "error": error, "errorType": "error-forbidden"})
        return error


@attrs.frozen
class Api:
    """Calls one server, over a new connection each time."""

    server: LocalRocketChat

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.server.url).netloc, timeout=10)

    def headers(self, user: str) -> dict[str, str]:
        """Return the credentials of a user."""
        auth = self.server.auth(user)
        return {"X-Auth-Token": auth.token, "X-User-Id": auth.user_id}

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
        """Call `/api/v1/…`, or any path that begins with a slash."""
        is_json = body is not None and not isinstance(body, bytes)
        sent = {"Content-Type": "application/json"} if is_json else {}
        if user is not None:
            sent |= self.headers(user)
        path = urlsplit(self.server.url).path + (endpoint if endpoint.startswith("/") else f"/api/v1/{endpoint}")
        if query:
            path += f"?{urlencode(query)}"
        with closing(self.connect()) as connection:
            data = json.dumps(body).encode() if is_json else body
            connection.request(method, path, data, {**sent, **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())

    def create(self, body: Mapping[str, Any] = INCOMING, *, user: str = "admin", **changes: Any) -> dict[str, Any]:
        """Create an integration, and return what the server answers."""
        answer = self("POST", "integrations.create", {**body, **changes}, user=user)
        assert answer.status == 200, answer
        integration: dict[str, Any] = answer.json["integration"]
        return integration

    def create_for(self, bot: Bot, **changes: Any) -> dict[str, Any]:
        """Create an outgoing integration that calls a bot."""
        return self.create({**OUTGOING, "urls": [bot.url], "token": "t", **changes})

    def refused(self, body: Mapping[str, Any], *, user: str = "admin", **changes: Any) -> str:
        """Return the error type that a definition is refused with. The server notes a reason in words."""
        error_type = self("POST", "integrations.create", {**body, **changes}, user=user).error_type
        assert self.server.requests[-1].note
        return error_type

    def update(self, stored: Mapping[str, Any], *, user: str = "admin", **changes: Any) -> Answer:
        """Update an integration with what the schema requires and these changes."""
        base = INCOMING if stored["type"] == "webhook-incoming" else {**OUTGOING, "token": "token"}
        return self("PUT", "integrations.update", {**base, "integrationId": stored["_id"], **changes}, user=user)

    def updated(self, stored: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
        """Update an integration, and return what the server answers and stores."""
        answer = self.update(stored, **changes)
        assert answer.status == 200, answer
        integration: dict[str, Any] = answer.json["integration"]
        assert integration == self.stored(stored)
        return integration

    def remove(self, integration: Mapping[str, Any], *, user: str = "admin", **changes: Any) -> Answer:
        """Remove an integration."""
        body = {"type": integration["type"], "integrationId": integration["_id"], **changes}
        return self("POST", "integrations.remove", body, user=user)

    def stored(self, integration: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the server stores of an integration."""
        return next(each for each in self.server.documents if each["_id"] == integration["_id"])

    def history(self, integration: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the history of an integration, newest first."""
        answer = self("GET", "integrations.history", id=integration["_id"], sort='{"_createdAt": -1}')
        records: list[dict[str, Any]] = answer.json["history"]
        return records

    def post(self, integration: Mapping[str, Any], body: Any) -> Answer:
        """Post through the webhook of an integration."""
        token = quote(quote(integration["token"], safe=""), safe="")
        return self("POST", f"/hooks/{integration['_id']}/{token}", body, user=None)


Opener: TypeAlias = Callable[..., Api]


@pytest.fixture
def serve() -> Iterator[Opener]:
    """Start servers with any settings."""
    servers: list[LocalRocketChat] = []

    def start(**settings: Any) -> Api:
        servers.append(LocalRocketChat(**settings).start())
        return Api(servers[-1])

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def api(serve: Opener) -> Api:
    """A server of 9.0, the default."""
    return serve()


@pytest.fixture
def old(serve: Opener) -> Api:
    """A server of 6.14."""
    return serve(version="6.14")


@pytest.fixture(params=["9.0", "6.14"])
def both(serve: Opener, request: pytest.FixtureRequest) -> Api:
    """A server of 9.0, whose rules here are those of 8.8, and one of 6.14 in turn."""
    return serve(version=request.param)


class Bot:
    """A bot that is served over HTTP and keeps what it is sent."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        """The bodies, oldest first."""
        self.methods: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.targets: list[str] = []
        """Paths and queries."""
        self.reply: Callable[[dict[str, Any]], tuple[int, str, bytes | str] | None] = lambda _: says("{}")
        """Return status, content type and body for a call; None to close the connection."""
        self.reply_to: Callable[[str], tuple[int, str | None, bytes | str]] | None = None
        """Return the same for a path, in place of ``reply``; the content type may be missing."""
        bot = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                bot.calls.append(body)
                bot.methods.append(self.command)
                bot.headers.append(dict(self.headers))
                bot.targets.append(self.path)
                answer = bot.reply(body) if bot.reply_to is None else bot.reply_to(self.path)
                if answer is None:
                    return
                status, content_type, text = answer
                data = text if isinstance(text, bytes) else text.encode()
                self.send_response(status)
                if content_type is not None:
                    self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(data)))
                # The server may have closed the connection meanwhile.
                with suppress(OSError):
                    self.end_headers()
                    self.wfile.write(data)

            def do_GET(self) -> None:
                self.do_POST()

            def do_PUT(self) -> None:
                self.do_POST()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}/hook"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def texts(self) -> list[str | None]:
        return [call.get("text") for call in self.calls]

    def __enter__(self) -> Bot:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def says(body: str, status: int = 200) -> tuple[int, str, str]:
    """Return a reply in JSON."""
    return status, "application/json", body


def is_down(_: object) -> tuple[int, str, str]:
    """Return a reply that the server retries."""
    return 503, "text/plain", "down"


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
