"""No secret is shown: not in a repr, a log record, an exception, a pickle, or a frame of ours in a traceback.

Every secret here contains the word "canary", and so does every quoted form of it. The one deliberate way to
see one is to ask for it: `webhook.url`, `record.token`.
"""

from __future__ import annotations

import copy
import json
import logging
import pickle
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    BadRequestError,
    Change,
    Client,
    ConfigurationError,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    PostResponse,
    PostResult,
    RetryPolicy,
    RocketChatError,
    TokenAuth,
    TransportError,
    UpdateIncomplete,
    differences,
)
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations.testing import LocalRocketChat

PACKAGE = Path(rocketchat_integrations.__file__).parent
CANARY = "canary"
AUTH_TOKEN = "canaryAuthToken"
PASSWORD = 'canary"Pass\\wordä%'
TOTP = "canaryTotp"
HOOK_TOKEN = "canaryHook/Token=%25 "
BOT_TOKEN = "canary bot token"
HEADERS = {"CF-Access-Client-Secret": "canaryHeader"}

PERMISSIONS = [f"manage-{own}{kind}-integrations" for own in ("", "own-") for kind in ("incoming", "outgoing")]
WORLD: dict[str, Any] = {
    "users": [
        {"_id": "rocket.cat", "username": "rocket.cat"},
        {"_id": "admin-id", "username": "admin", "password": PASSWORD, "permissions": PERMISSIONS},
    ],
    "rooms": [{"_id": "GENERAL", "name": "general", "type": "channel"}],
    "credentials": {"admin": {"X-Auth-Token": AUTH_TOKEN}},
}
COMMON = {"username": "rocket.cat", "userId": "rocket.cat", "enabled": True, "scriptEnabled": False}
HOOK = {
    "_id": "hook",
    "type": "webhook-incoming",
    "name": "hook",
    "channel": ["#general"],
    "token": HOOK_TOKEN,
    **COMMON,
}
BOT = {
    "_id": "bot",
    "type": "webhook-outgoing",
    "name": "bot",
    "channel": [],
    "token": BOT_TOKEN,
    "event": "sendMessage",
    "urls": ["https://a.example"],
    **COMMON,
}

Call: TypeAlias = Callable[[Client], object]

INCOMING = IncomingIntegration("new", channel="#general", username="rocket.cat")
OUTGOING = OutgoingIntegration(
    "new", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example", token=BOT_TOKEN
)
HOOK_RECORD = IncomingIntegrationRecord(
    "hook", channel=("#general",), username="rocket.cat", id="hook", token=HOOK_TOKEN
)
BOT_RECORD = OutgoingIntegrationRecord(
    "bot", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example", id="bot", token=BOT_TOKEN
)

CALLS: dict[str, Call] = {
    "integrations.create": lambda c: c.create(OUTGOING),
    "integrations.get": lambda c: c.get("hook"),
    "integrations.list": lambda c: list(c.list()),
    "integrations.history": lambda c: list(c.history("bot")),
    "integrations.update": lambda c: c.update("bot", attrs.evolve(BOT_RECORD, alias="x"), overwrite=True),
    "integrations.remove": lambda c: c.remove(BOT_RECORD),
    "integrations.clearHistory": lambda c: c.clear_history("bot"),
    "integrations.replayOutgoing": lambda c: c.replay_outgoing("bot", "h1"),
    "channels.getIntegrations": lambda c: list(c.list_for_channel(room_name="general")),
    "groups.getIntegrations": lambda c: c.list_for_group(room_name="secret").total(),
    "info": lambda c: c.server_version(),
    "hooks": lambda c: c.webhook(HOOK_RECORD).post("hello"),
    "hooks.info": lambda c: c.webhook(HOOK_RECORD).check(),
}
ONLY_8 = {"integrations.clearHistory", "integrations.replayOutgoing"}
FAULTS = ("reset-before", "reset-after", "hang", "502", "503", "truncate", "html", "429", "redirect")


# Where a secret could show


def texts_of(value: object) -> Iterator[str]:
    """All ways in which programs show a value without being asked to."""
    yield from (repr(value), str(value), format(value), ascii(value))


def places(error: BaseException | None) -> Iterator[tuple[str, str]]:
    """What an exception shows, with where it does."""
    while error is not None:
        name = type(error).__name__
        for text in texts_of(error):
            yield f"{name} as text", text
        for text in (repr(error.args), repr(vars(error)), *map(str, vars(error).values())):
            yield f"{name}'s attributes", text
        if isinstance(error, RocketChatError):
            yield f"the pickle of {name}", pickle.dumps(error, protocol=0).decode("latin-1")
            assert error.__cause__ is None or isinstance(error.__cause__, RocketChatError)
            assert error.__context__ is None or isinstance(error.__context__, RocketChatError)
        for frame, line in traceback.walk_tb(error.__traceback__):
            code = frame.f_code
            if Path(code.co_filename).is_relative_to(PACKAGE) or code.co_filename.startswith("<attrs generated"):
                for variable, value in frame.f_locals.items():
                    yield f"{variable} in {code.co_filename}:{line}", repr(value)
        error = error.__cause__ or error.__context__


def assert_silent(error: BaseException) -> None:
    assert [place for place, text in places(error) if CANARY in text.lower()] == []


class Listener(logging.Handler):
    """Hears everything that anybody logs."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


@pytest.fixture(autouse=True)
def listener() -> Iterator[Listener]:
    """Listens while any of these tests runs, and finds no secret in what was logged."""
    root, listener = logging.getLogger(), Listener()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(listener)
    try:
        yield listener
    finally:
        root.removeHandler(listener)
        root.setLevel(level)
    for record in listener.heard:
        assert CANARY not in f"{record.getMessage()} {vars(record)!r}".lower()
        assert record.exc_info is None


@pytest.fixture
def world(dialect: str) -> Iterator[LocalRocketChat]:
    """A server on which every secret is a canary."""
    with LocalRocketChat(world=WORLD, version=dialect) as world:
        yield world


# Values


VALUES: dict[str, Callable[[], object]] = {
    "TokenAuth": lambda: TokenAuth("id", AUTH_TOKEN),
    "PasswordAuth": lambda: PasswordAuth("me", PASSWORD, totp=TOTP),
    "Client by token": lambda: Client("https://chat.example.com", TokenAuth("id", AUTH_TOKEN), headers=HEADERS),
    "Client by password": lambda: Client("https://chat.example.com", PasswordAuth("me", PASSWORD, totp=TOTP)),
    "IncomingWebhook": lambda: IncomingWebhook(f"https://chat.example.com/hooks/id/{AUTH_TOKEN}?x={AUTH_TOKEN}"),
    "Client's webhook": lambda: Client("https://chat.example.com", TokenAuth("id", AUTH_TOKEN)).webhook(HOOK_RECORD),
    "Listing": lambda: Client("https://chat.example.com", TokenAuth("id", AUTH_TOKEN)).list(),
    "definition": lambda: OUTGOING,
    "incoming record": lambda: HOOK_RECORD,
    "outgoing record": lambda: BOT_RECORD,
    "definition of a record": lambda: BOT_RECORD.definition,
    "changes": lambda: differences(attrs.evolve(BOT_RECORD, token="canary old"), BOT_RECORD),
    "change to a token": lambda: Change("token", None, BOT_TOKEN),
    "extra": lambda: attrs.evolve(HOOK_RECORD, extra={"secret": AUTH_TOKEN}),
    "PostResult": lambda: PostResult(
        (PostResponse(channel="#a", message={"token": BOT_TOKEN}), PostResponse(channel="#b", message=AUTH_TOKEN)),
        {"success": True, "said": AUTH_TOKEN},
    ),
    "Request": lambda: Request("GET", f"https://a.example/{AUTH_TOKEN}", "hooks", b"canary", HEADERS, (AUTH_TOKEN,)),
    "Response": lambda: Response(200, HEADERS, b"canary"),
    "update error": lambda: UpdateIncomplete(
        "x", changes=(Change("token", "canary old", BOT_TOKEN),), record=BOT_RECORD
    ),
}


@pytest.mark.parametrize("what", VALUES)
def test_a_value_does_not_show_its_secrets(what: str) -> None:
    """However it is printed, alone or inside something else."""
    value = VALUES[what]()
    assert [text for text in (*texts_of(value), *texts_of([value])) if CANARY in text.lower()] == []


def test_an_entry_of_the_history_does_not_show_its_secrets(world: LocalRocketChat) -> None:
    """The server keeps the whole integration with each call; no repr shows it."""
    world.insert(BOT)
    world.insert_history("bot", {"_id": "h1", "httpCallData": {"token": BOT_TOKEN}, "httpResult": '"canary"'})
    with Client(world.url, world.auth("admin")) as client:
        (entry,) = client.history("bot")
    assert entry.http_call_data == {"token": BOT_TOKEN}
    assert [text for text in texts_of(entry) if CANARY in text.lower()] == []


UNPICKLABLE = (
    "TokenAuth",
    "PasswordAuth",
    "Client by token",
    "Client by password",
    "IncomingWebhook",
    "Client's webhook",
)


@pytest.mark.parametrize("what", UNPICKLABLE)
def test_what_holds_credentials_cannot_be_pickled(what: str) -> None:
    """A pickle would hold the secret in the clear; the error that says so does not."""
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(VALUES[what]())
    assert_silent(caught.value)


@pytest.mark.parametrize("what", ["TokenAuth", "PasswordAuth"])
def test_credentials_can_be_copied_inside_the_process(what: str) -> None:
    """Copies are as good, and as silent."""
    auth = VALUES[what]()
    assert copy.copy(auth) == copy.deepcopy(auth) == auth


def test_secrets_are_there_for_who_asks() -> None:
    """The record's token, and the webhook's address: what one pastes elsewhere."""
    with Client("https://chat.example.com", TokenAuth("id", AUTH_TOKEN)) as client:
        webhook = client.webhook(HOOK_RECORD)
    assert HOOK_RECORD.token == HOOK_TOKEN
    assert webhook.url == f"https://chat.example.com/hooks/hook/{quote(quote(HOOK_TOKEN, safe=''), safe='')}"


# What is logged


def test_urllib3_is_heard_without_the_address(world: LocalRocketChat, listener: Listener) -> None:
    """At DEBUG urllib3 prints the paths of requests, and a webhook's path is its secret: it is blotted out."""
    world.insert(HOOK)
    path = f"hooks/hook/{quote(quote(HOOK_TOKEN, safe=''), safe='')}"
    with IncomingWebhook(f"{world.url}/{path}") as webhook:
        webhook.post("hello")
    assert len(world.messages) == 1
    lines = [record.getMessage() for record in listener.heard if record.name.startswith("urllib3")]
    assert any("POST" in line and "<hidden>" in line for line in lines)


def test_waiting_is_logged_without_secrets(world: LocalRocketChat, listener: Listener) -> None:
    """A log tells which endpoint is waited for, and for how long."""
    world.insert(HOOK)
    world.fail_next("integrations.get", "502")
    auth = TokenAuth("admin-id", AUTH_TOKEN)
    with Client(world.url, auth, retry=RetryPolicy(backoff=0.001), headers=HEADERS) as client:
        assert client.get("hook").token == HOOK_TOKEN
    (line,) = (record.getMessage() for record in listener.heard if record.name == "rocketchat_integrations")
    assert line.startswith("integrations.get: waiting")


# Failures of calls


def token_client(world: LocalRocketChat, retry: RetryPolicy) -> Client:
    return Client(world.url, TokenAuth("admin-id", AUTH_TOKEN), retry=retry, headers=HEADERS, timeout=(5, 0.05))


def password_client(world: LocalRocketChat, retry: RetryPolicy) -> Client:
    world.require_second_factor("admin", TOTP)
    auth = PasswordAuth("admin", PASSWORD, totp=lambda: TOTP)
    return Client(world.url, auth, retry=retry, headers=HEADERS, timeout=(5, 0.05))


@pytest.fixture(params=[token_client, password_client])
def canary_client(world: LocalRocketChat, request: pytest.FixtureRequest) -> Iterator[Client]:
    """A client whose every secret is a canary, with either kind of credentials."""
    world.insert(HOOK)
    world.insert(BOT)
    world.insert_history("bot", {"_id": "h1"})
    with request.param(world, RetryPolicy(attempts=2, backoff=0, rate_limit_wait=0)) as client:
        yield client


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(
    ("dialect", "endpoint"), [(v, e) for v in ("8.8", "6.14") for e in CALLS if v == "8.8" or e not in ONLY_8]
)
def test_no_failing_call_shows_a_secret(
    world: LocalRocketChat, canary_client: Client, endpoint: str, fault: str
) -> None:
    """Every fault at every call."""
    world.fail_next(endpoint, fault, 2)
    with pytest.raises(RocketChatError) as caught:
        CALLS[endpoint](canary_client)
    assert_silent(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_failing_login_shows_a_secret(world: LocalRocketChat, fault: str) -> None:
    """Password and second factor stay unseen."""
    world.fail_next("login", fault, 2)
    with password_client(world, RetryPolicy.never()) as client, pytest.raises(RocketChatError) as caught:
        client.user_id()
    assert_silent(caught.value)


def test_wrong_credentials_are_not_shown(world: LocalRocketChat) -> None:
    """Neither are those that do not work."""
    world.require_second_factor("admin", "123456")
    for auth in (
        TokenAuth("admin-id", "canaryWrong"),
        PasswordAuth("admin", "canaryWrong"),
        PasswordAuth("admin", PASSWORD),
        PasswordAuth("admin", PASSWORD, totp="canaryWrong"),
    ):
        with Client(world.url, auth) as client, pytest.raises(RocketChatError) as caught:
            list(client.list())
        assert_silent(caught.value)


def test_a_second_factor_that_fails_is_not_shown(world: LocalRocketChat) -> None:
    """What a callable of the user's raises comes through, and brings no secret of ours along."""

    def no_code() -> str:
        raise LookupError("the device is not there")

    def no_text() -> str:
        return ["canary"]  # type: ignore[return-value]

    world.require_second_factor("admin", TOTP)
    for totp in (no_code, no_text):
        client = Client(world.url, PasswordAuth("admin", PASSWORD, totp=totp))
        with client, pytest.raises((LookupError, ConfigurationError)) as caught:
            client.user_id()
        assert_silent(caught.value)


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on which nobody listens, and which nobody else gets meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


def test_nobody_there(closed_port: int) -> None:
    """A webhook, or a client, on a closed port."""
    address = f"http://127.0.0.1:{closed_port}"
    retry = RetryPolicy(attempts=2, backoff=0)
    webhook = IncomingWebhook(f"{address}/hooks/id/{AUTH_TOKEN}?key={AUTH_TOKEN}", retry=retry, headers=HEADERS)
    with webhook, pytest.raises(TransportError) as caught:
        webhook.post("hello")
    assert_silent(caught.value)
    for auth in (TokenAuth("id", AUTH_TOKEN), PasswordAuth("me", PASSWORD, totp=TOTP)):
        with Client(address, auth, retry=retry) as client, pytest.raises(TransportError) as caught:
            client.create(OUTGOING)
        assert_silent(caught.value)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_proxy_with_credentials(closed_port: int, monkeypatch: pytest.MonkeyPatch, scheme: str, by: str) -> None:
    """A proxy that cannot be reached is not named with its password."""
    proxy = f"http://me:canaryProxy@127.0.0.1:{closed_port}"
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if by == "environment":
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
    proxies = {scheme: proxy} if by == "argument" else None
    client = Client(
        f"{scheme}://chat.example.com", TokenAuth("id", AUTH_TOKEN), proxies=proxies, retry=RetryPolicy.never()
    )
    with client, pytest.raises(TransportError) as caught:
        client.get("x")
    assert caught.value.kind == "proxy"
    assert_silent(caught.value)
    assert CANARY not in repr(client).lower()


def test_posting_what_cannot_be_posted(world: LocalRocketChat, canary_client: Client) -> None:
    """A mistake in the message does not show the address."""
    webhook = canary_client.webhook(HOOK_RECORD)
    nothings: tuple[Any, ...] = ("", Message(), None, {"text": float("nan")}, {1: "x"}, {"a": {"b": object()}})
    for nothing in nothings:
        with pytest.raises(ConfigurationError) as caught:
            webhook.post(nothing)
        assert_silent(caught.value)


def test_posts_that_are_refused_show_no_address(world: LocalRocketChat, canary_client: Client) -> None:
    """Also where the error is told in more words than the server's, for a mapping or for several channels."""
    several = {"text": "hello", "channel": ["#general", "#nope"]}
    slips: list[Any] = [several, Message("hello", channel=("#general", "#nope")), {**several, "separateResponse": True}]
    for slip in slips:
        with pytest.raises(BadRequestError) as caught:
            canary_client.webhook(HOOK_RECORD).post(slip)
        assert_silent(caught.value)


def test_updates_that_are_refused_show_no_token(world: LocalRocketChat, canary_client: Client) -> None:
    """Whatever is wrong with an update, before or after it is written."""
    current = canary_client.get("bot")
    assert isinstance(current, OutgoingIntegrationRecord)
    slips: list[Callable[[], object]] = [
        lambda: canary_client.update("bot", attrs.evolve(current, token=[BOT_TOKEN])),  # type: ignore[arg-type]
        lambda: canary_client.update("bot", attrs.evolve(current, token="\ud800canary")),
        lambda: canary_client.update("bot", attrs.evolve(current, alias=5)),  # type: ignore[arg-type]
        lambda: canary_client.update("bot", HOOK_RECORD),
        lambda: canary_client.update("hook", attrs.evolve(BOT_RECORD, id="hook")),
        lambda: canary_client.create(attrs.evolve(current, urls=())),
    ]
    for slip in slips:
        with pytest.raises(RocketChatError) as caught:
            slip()
        assert_silent(caught.value)


def test_an_incomplete_update_shows_no_token(world: LocalRocketChat, canary_client: Client) -> None:
    """It has the record, whose token is neither printed nor pickled."""
    world.frozen_scripts = True
    wanted = attrs.evolve(canary_client.get("bot"), script="class Script {}", script_enabled=True)
    with pytest.raises(UpdateIncomplete) as caught:
        canary_client.update("bot", wanted)
    assert caught.value.record.token == BOT_TOKEN
    assert_silent(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).record == attrs.evolve(caught.value.record, token=None)


def test_unreadable_records_show_no_values(world: LocalRocketChat, canary_client: Client) -> None:
    """What is wrong is told by its path; what is there is not repeated."""
    world.insert({**HOOK, "_id": "odd", "token": ["canary"], "enabled": "canary", "type": "webhook-incoming"})
    world.insert({**HOOK, "_id": "odder", "type": "canary"})
    for call in (
        lambda: list(canary_client.list()),
        lambda: canary_client.get("odd"),
        lambda: canary_client.get("odder"),
        lambda: list(canary_client.list_for_channel(room_name="general")),
    ):
        with pytest.raises(RocketChatError) as caught:
            call()
        assert_silent(caught.value)


# Servers that repeat what they were sent


class Echo:
    """A transport whose answers repeat all that they can of the request, in every place."""

    def __init__(self, status: int, kind: str) -> None:
        self._status = status
        self._kind = kind

    def send(self, request: Request) -> Response:
        if self._kind != "login" and request.endpoint == "login":
            session = {"status": "success", "data": {"userId": "id", "authToken": AUTH_TOKEN}}
            return Response(200, {}, json.dumps(session).encode())
        if self._kind == "late" and request.endpoint == "integrations.get":
            return Response(200, {}, json.dumps({"success": True, "integration": BOT}).encode())
        sent: dict[str, Any] = {"url": request.url, "headers": dict(request.headers), "secrets": list(request.secrets)}
        if request.body:
            sent["body"] = json.loads(request.body)
        text = " ".join(flat(sent))
        told: Any = sent if self._kind == "object" else text
        body: dict[str, Any] = {
            "success": False,
            "error": told,
            "message": text,
            "errorType": text,
            "details": {"method": text, "availableMethods": [text], **sent, text: text},
        }
        content = json.dumps(body) if self._kind != "html" else f"<html>{text}</html>"
        headers = {
            "content-type": text,
            "location": f"https://elsewhere.example/?{text}",
            "x-ratelimit-limit": text,
            "retry-after": text,
        }
        return Response(self._status, headers, content.encode())

    def close(self) -> None:
        pass


def flat(value: Any) -> Iterator[str]:
    """All texts in a JSON value, as they are and quoted."""
    if isinstance(value, dict):
        members: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        for name, member in members.items():
            yield name
            yield from flat(member)
    elif isinstance(value, list):
        items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
        for item in items:
            yield from flat(item)
    elif isinstance(value, str):
        yield from (value, quote(value), quote(value, safe=""), json.dumps(value))


@pytest.mark.parametrize("kind", ["text", "object", "html", "late", "login"])
@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 409, 429, 500, 503])
@pytest.mark.parametrize(
    "auth", [TokenAuth("id", AUTH_TOKEN), PasswordAuth("me", PASSWORD, totp=TOTP)], ids=["token", "password"]
)
def test_what_a_server_repeats_is_not_shown(auth: TokenAuth | PasswordAuth, status: int, kind: str) -> None:
    """Texts, objects, names of errors, locations and pages of a server or proxy that repeats the request."""
    retry = RetryPolicy.never()
    with Client("https://chat.example.com", auth, transport=Echo(status, kind), retry=retry) as client:
        for endpoint, call in CALLS.items():
            if (endpoint, kind) == ("integrations.get", "late"):
                continue  # this kind repeats nothing before the writing
            if endpoint == "hooks.info" and status in (404, 500) and (status, kind) != (404, "html"):
                continue  # no failure, but an answer: the address is wrong
            with pytest.raises(RocketChatError) as caught:
                call(client)
            assert_silent(caught.value)


# Mistakes in what a client is given

MISTAKES: dict[str, Callable[[], object]] = {
    "credentials in the base URL": lambda: Client("https://me:canary@chat.example.com", TokenAuth("id", AUTH_TOKEN)),
    "credentials in a webhook": lambda: IncomingWebhook("https://me:canary@chat.example.com/hooks/a/b"),
    "a webhook without a scheme": lambda: IncomingWebhook("chat.example.com/hooks/id/canary"),
    "a webhook with a fragment": lambda: IncomingWebhook("https://chat.example.com/hooks/id/canary#x"),
    "a webhook with a bad port": lambda: IncomingWebhook("https://chat.example.com:canary/hooks/id/canary"),
    "a webhook with a bad host": lambda: IncomingWebhook("https://[canary/hooks/id/canary"),
    "a webhook with a blank": lambda: IncomingWebhook("https://chat.example.com/hooks/id/canary x"),
    "a token with a line break": lambda: Client("https://chat.example.com", TokenAuth("id", "canary\n")),
    "a token of another type": lambda: Client("https://a.example", TokenAuth("id", ["canary"])),  # type: ignore[arg-type]
    "a password of another type": lambda: Client("https://a.example", PasswordAuth("me", ["canary"])),  # type: ignore[arg-type]
    "a second factor of another type": lambda: Client(
        "https://a.example",
        PasswordAuth("me", PASSWORD, totp=["canary"]),  # type: ignore[arg-type]
    ),
    "no credentials": lambda: Client("https://a.example", "canary"),  # type: ignore[arg-type]
    "headers with a line break": lambda: Client(
        "https://a.example", TokenAuth("id", AUTH_TOKEN), headers={"X-Secret": "canary\n"}
    ),
    "proxies of another type": lambda: Client(
        "https://a.example",
        TokenAuth("id", AUTH_TOKEN),
        proxies={"http": ["canary"]},  # type: ignore[dict-item]
    ),
    "a certificate that is not there": lambda: Client("https://a.example", TokenAuth("id", AUTH_TOKEN), verify="/nope"),
    "an unknown option": lambda: Client("https://a.example", TokenAuth("id", AUTH_TOKEN), nope=1),  # type: ignore[call-arg]
    "an unknown option of a webhook": lambda: IncomingWebhook("https://a.example/hooks/id/canary", nope=1),  # type: ignore[call-arg]
    "a number for a name, beside a token": lambda: attrs.evolve(OUTGOING, name=5),  # type: ignore[arg-type]
    "a token of another type in a definition": lambda: attrs.evolve(OUTGOING, token=["canary"]),  # type: ignore[arg-type]
    "half a character in a token": lambda: attrs.evolve(OUTGOING, token="canary\ud800"),
    "an unknown field beside a token": lambda: OutgoingIntegration(
        "x",
        event="sendMessage",
        username="a",
        urls="https://a.example",
        token=BOT_TOKEN,
        nope=1,  # type: ignore[call-arg]
    ),
    "an unknown field of a record": lambda: IncomingIntegrationRecord(
        "x",
        username="a",
        channel="#a",
        id="x",
        token=HOOK_TOKEN,
        nope=1,  # type: ignore[call-arg]
    ),
    "an unknown field of credentials": lambda: TokenAuth("id", AUTH_TOKEN, nope=1),  # type: ignore[call-arg]
    "records of two kinds": lambda: differences(HOOK_RECORD, BOT_RECORD),
    "a token that fits into no address": lambda: Client("https://a.example", TokenAuth("id", AUTH_TOKEN)).webhook(
        attrs.evolve(HOOK_RECORD, token="canary\ud800")
    ),
    "removing without a type": lambda: Client("https://a.example", TokenAuth("id", AUTH_TOKEN)).remove("x"),  # type: ignore[call-overload]
    "a type beside a record": lambda: Client("https://a.example", TokenAuth("id", AUTH_TOKEN)).remove(
        BOT_RECORD,  # type: ignore[call-overload]
        type=IntegrationType.OUTGOING,
    ),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_shows_no_secret(what: str) -> None:
    """Not the wrong value, if it may be a secret, and not what was given beside it."""
    with pytest.raises((TypeError, ValueError)) as caught:
        MISTAKES[what]()
    assert_silent(caught.value)


@pytest.mark.parametrize("missing", ["ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", None])
def test_mistakes_in_the_environment_show_no_secret(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    """The names of the variables are shown, not what is in them."""
    for name in ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD"):
        monkeypatch.setenv(name, f"canary {name}")
    if missing is not None:  # else both kinds of credentials are there
        monkeypatch.delenv(missing)
        monkeypatch.delenv("ROCKETCHAT_PASSWORD")
    with pytest.raises(ConfigurationError) as caught:
        Client.from_env()
    assert_silent(caught.value)


# The test itself


def test_a_leak_would_be_found() -> None:
    """The walk over exceptions finds secrets in text, attributes, chains, and frames of generated code."""

    def fail() -> None:
        try:
            raise ValueError(AUTH_TOKEN)
        except ValueError as error:
            raise KeyError("x") from error

    with pytest.raises(KeyError) as caught:
        fail()
    with pytest.raises(AssertionError):
        assert_silent(caught.value)

    @attrs.frozen
    class Bare:
        token: str = attrs.field(validator=attrs.validators.max_len(1))

    with pytest.raises(ValueError, match="Length") as failed:
        Bare(AUTH_TOKEN)
    assert [place for place, text in places(failed.value) if place.startswith("token in <attrs") and CANARY in text]
