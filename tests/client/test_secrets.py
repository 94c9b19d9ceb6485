"""Secrets appear in no repr, log record, exception, pickle, or local variable of a traceback.

Every secret here contains the word "canary", and so does every quoted form of it. `webhook.url` and `record.token` are
the deliberate ways to read one.
"""

from __future__ import annotations

import copy
import json
import logging
import pickle
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import attrs
import pytest

from rocketchat_integrations import (
    BadRequestError,
    Change,
    Client,
    ConfigurationError,
    EventType,
    IncomingIntegrationRecord,
    IncomingWebhook,
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
from tests.client.calls import CALLS, each_call
from tests.client.samples import BOT, HOOK, insert_samples
from tests.leaks import CANARY, RecordKeeper, leaks, logged_leaks, places, texts_of

AUTH_TOKEN = "canaryAuthToken"
PASSWORD = 'canary"Pass\\wordä%'
TOTP = "canaryTotp"
HOOK_TOKEN = "canaryHook/Token=%25 "
BOT_TOKEN = "canary bot token"
HEADERS = {"CF-Access-Client-Secret": "canaryHeader"}
URL = "https://chat.example.com"
TOKEN_AUTH = TokenAuth("id", AUTH_TOKEN)
PASSWORD_AUTH = PasswordAuth("me", PASSWORD, totp=TOTP)

PERMISSIONS = [f"manage-{own}{kind}-integrations" for own in ("", "own-") for kind in ("incoming", "outgoing")]
WORLD: dict[str, Any] = {
    "users": [
        {"_id": "rocket.cat", "username": "rocket.cat", "permissions": ["message-impersonate"]},
        {"_id": "admin-id", "username": "admin", "password": PASSWORD, "permissions": PERMISSIONS},
    ],
    "rooms": [{"_id": "GENERAL", "name": "general", "type": "channel"}],
    "credentials": {"admin": {"X-Auth-Token": AUTH_TOKEN}},
}

OUTGOING = OutgoingIntegration(
    "new", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example", token=BOT_TOKEN
)
HOOK_RECORD = IncomingIntegrationRecord(
    "hook", channel=("#general",), username="rocket.cat", id="hook", token=HOOK_TOKEN
)
BOT_RECORD = OutgoingIntegrationRecord(
    "bot", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example", id="bot", token=BOT_TOKEN
)


def assert_silent(error: BaseException) -> None:
    assert leaks(error) == []


def assert_fails_silently(call: Callable[[], object], kind: type[Exception] = RocketChatError) -> None:
    with pytest.raises(kind) as caught:
        call()
    assert_silent(caught.value)


@pytest.fixture(autouse=True)
def log() -> Iterator[RecordKeeper]:
    """Keep what is logged during each test, and check that it has no secret."""
    root, keeper = logging.getLogger(), RecordKeeper()
    level = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(keeper)
    try:
        yield keeper
    finally:
        root.removeHandler(keeper)
        root.setLevel(level)
    assert logged_leaks(keeper.records) == []


def test_the_check_finds_a_leak() -> None:
    """In text, attributes, chained exceptions, and frames of generated code."""

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


# Values

VALUES: dict[str, Callable[[], object]] = {
    "TokenAuth": lambda: TOKEN_AUTH,
    "PasswordAuth": lambda: PASSWORD_AUTH,
    "Client by token": lambda: Client(URL, TOKEN_AUTH, headers=HEADERS),
    "Client by password": lambda: Client(URL, PASSWORD_AUTH),
    "IncomingWebhook": lambda: IncomingWebhook(f"{URL}/hooks/id/{AUTH_TOKEN}?x={AUTH_TOKEN}"),
    "Client's webhook": lambda: Client(URL, TOKEN_AUTH).webhook(HOOK_RECORD),
    "Listing": lambda: Client(URL, TOKEN_AUTH).list(),
    "definition": lambda: OUTGOING,
    "incoming record": lambda: HOOK_RECORD,
    "outgoing record": lambda: BOT_RECORD,
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
    """A value shows no secret, alone or inside another value."""
    value = VALUES[what]()
    assert [text for text in (*texts_of(value), *texts_of([value])) if CANARY in text.lower()] == []


def test_an_entry_of_history_does_not_show_its_secrets(server: LocalRocketChat, client: Client) -> None:
    """The server stores the whole integration with each entry."""
    server.insert({**BOT, "token": BOT_TOKEN})
    server.insert_history("bot", {"_id": "h1", "httpCallData": {"token": BOT_TOKEN}, "httpResult": '"canary"'})
    (entry,) = client.history("bot")
    assert entry.http_call_data == {"token": BOT_TOKEN}
    assert [text for text in texts_of(entry) if CANARY in text.lower()] == []


@pytest.mark.parametrize(
    "what", ["TokenAuth", "PasswordAuth", "Client by token", "IncomingWebhook", "Client's webhook"]
)
def test_objects_with_credentials_cannot_be_pickled(what: str) -> None:
    with pytest.raises(TypeError, match="cannot be pickled") as caught:
        pickle.dumps(VALUES[what]())
    assert_silent(caught.value)


@pytest.mark.parametrize("auth", [TOKEN_AUTH, PASSWORD_AUTH], ids=["token", "password"])
def test_credentials_can_be_copied_within_the_process(auth: TokenAuth | PasswordAuth) -> None:
    assert copy.copy(auth) == copy.deepcopy(auth) == auth


def test_a_records_token_and_a_webhooks_address_can_be_read() -> None:
    with Client(URL, TOKEN_AUTH) as client:
        webhook = client.webhook(HOOK_RECORD)
    assert HOOK_RECORD.token == HOOK_TOKEN
    assert webhook.url == f"{URL}/hooks/hook/{quote(quote(HOOK_TOKEN, safe=''), safe='')}"


# Logs


@pytest.fixture
def world(dialect: str) -> Iterator[LocalRocketChat]:
    """A server on which every secret is a canary."""
    with LocalRocketChat(world=WORLD, version=dialect) as world:
        insert_samples(world)
        world.insert({**HOOK, "token": HOOK_TOKEN, "_id": "secret-hook"})
        world.insert({**BOT, "token": BOT_TOKEN, "_id": "secret-bot"})
        yield world


def test_waits_are_logged_without_secrets(world: LocalRocketChat, log: RecordKeeper) -> None:
    world.fail_next("integrations.get", "502")
    auth = TokenAuth("admin-id", AUTH_TOKEN)
    with Client(world.url, auth, retry=RetryPolicy(backoff=0.001), headers=HEADERS) as client:
        assert client.get("secret-hook").token == HOOK_TOKEN
    (line,) = (record.getMessage() for record in log.records if record.name == "rocketchat_integrations")
    assert line.startswith("integrations.get: waiting")


# Failing calls


@pytest.fixture
def canary_client(world: LocalRocketChat) -> Iterator[Client]:
    """A client that logs in with password and second factor, all of them canaries."""
    world.require_second_factor("admin", TOTP)
    auth = PasswordAuth("admin", PASSWORD, totp=lambda: TOTP)
    retry = RetryPolicy(attempts=2, backoff=0, rate_limit_wait=0)
    with Client(world.url, auth, retry=retry, headers=HEADERS, timeout=(5, 0.05)) as client:
        yield client


@each_call
def test_a_failing_call_shows_no_secret(world: LocalRocketChat, canary_client: Client, name: str) -> None:
    """Whether the connection breaks, or the answer is refused."""
    call = CALLS[name]
    for fault in ("reset-after", "html"):
        world.fail_next(call.endpoint, fault, 2)
        assert_fails_silently(lambda call=call: call.make(canary_client, HOOK_RECORD, BOT_RECORD))  # type: ignore[misc]
        world.reset()
        world.require_second_factor("admin", TOTP)


@pytest.mark.parametrize("endpoint", ["login", "integrations.get", "hooks"])
@pytest.mark.parametrize("fault", ["reset-before", "hang", "502", "truncate", "429", "redirect"])
def test_no_fault_shows_a_secret(world: LocalRocketChat, canary_client: Client, endpoint: str, fault: str) -> None:
    """Of the login, of a call and of a post."""
    world.fail_next(endpoint, fault, 2)
    make = CALLS["IncomingWebhook.post" if endpoint == "hooks" else "Client.get"].make
    assert_fails_silently(lambda: make(canary_client, HOOK_RECORD, BOT_RECORD))


def test_refused_credentials_are_not_shown(world: LocalRocketChat) -> None:
    world.require_second_factor("admin", "123456")
    for auth in (
        TokenAuth("admin-id", "canaryWrong"),
        PasswordAuth("admin", "canaryWrong"),
        PasswordAuth("admin", PASSWORD),
        PasswordAuth("admin", PASSWORD, totp="canaryWrong"),
    ):
        with Client(world.url, auth) as client:
            assert_fails_silently(lambda client=client: list(client.list()))  # type: ignore[misc]


def test_an_error_of_the_second_factors_callable_shows_no_secret(world: LocalRocketChat) -> None:
    """The user's exception is raised as it is; an answer that is no text is a ConfigurationError."""

    def no_code() -> str:
        raise LookupError("the device is not there")

    def no_text() -> str:
        return ["canary"]  # type: ignore[return-value]

    world.require_second_factor("admin", TOTP)
    for totp, kind in ((no_code, LookupError), (no_text, ConfigurationError)):
        with Client(world.url, PasswordAuth("admin", PASSWORD, totp=totp)) as client:
            assert_fails_silently(client.user_id, kind)


def test_refused_connections_show_no_secret(closed_port: int) -> None:
    address = f"http://127.0.0.1:{closed_port}"
    retry = RetryPolicy(attempts=2, backoff=0)
    with IncomingWebhook(f"{address}/hooks/id/{AUTH_TOKEN}?key={AUTH_TOKEN}", retry=retry, headers=HEADERS) as webhook:
        assert_fails_silently(lambda: webhook.post("hello"), TransportError)
    for auth in (TOKEN_AUTH, PASSWORD_AUTH):
        with Client(address, auth, retry=retry) as client:
            assert_fails_silently(lambda client=client: client.create(OUTGOING), TransportError)  # type: ignore[misc]


@pytest.mark.filterwarnings("ignore::rocketchat_integrations.InsecureTransportWarning")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("by", ["argument", "environment"])
def test_a_proxys_password_is_not_shown(
    closed_port: int, monkeypatch: pytest.MonkeyPatch, scheme: str, by: str
) -> None:
    proxy = f"http://me:canaryProxy@127.0.0.1:{closed_port}"
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    if by == "environment":
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
    proxies = {scheme: proxy} if by == "argument" else None
    client = Client(f"{scheme}://chat.example.com", TOKEN_AUTH, proxies=proxies, retry=RetryPolicy.never())
    with client, pytest.raises(TransportError) as caught:
        client.get("x")
    assert caught.value.kind == "proxy"
    assert_silent(caught.value)
    assert CANARY not in repr(client).lower()


def test_a_refused_message_does_not_show_the_address(world: LocalRocketChat, canary_client: Client) -> None:
    """Refused by the client, or by the server for one of several channels."""
    webhook = canary_client.webhook(canary_client.get("secret-hook"))
    invalid: tuple[Any, ...] = ("", Message(), None, {"text": float("nan")}, {"a": {"b": object()}})
    for message in invalid:
        assert_fails_silently(lambda message=message: webhook.post(message), ConfigurationError)  # type: ignore[misc]
    several = {"text": "hello", "channel": ["#general", "#nope"]}
    for message in (several, Message("hello", channel=("#general", "#nope")), {**several, "separateResponse": True}):
        assert_fails_silently(lambda message=message: webhook.post(message), BadRequestError)  # type: ignore[misc]


def test_a_refused_update_shows_no_token(world: LocalRocketChat, canary_client: Client) -> None:
    """Before it is written, or after."""
    current = canary_client.get("secret-bot")
    assert isinstance(current, OutgoingIntegrationRecord)
    slips: list[Callable[[], object]] = [
        lambda: canary_client.update(current.id, attrs.evolve(current, token=[BOT_TOKEN])),  # type: ignore[arg-type]
        lambda: canary_client.update(current.id, attrs.evolve(current, token="\ud800canary")),
        lambda: canary_client.update(current.id, attrs.evolve(current, alias=5)),  # type: ignore[arg-type]
        lambda: canary_client.update(current.id, HOOK_RECORD),
        lambda: canary_client.update("secret-hook", attrs.evolve(BOT_RECORD, id="secret-hook")),
        lambda: canary_client.create(attrs.evolve(current, urls=())),
    ]
    for slip in slips:
        assert_fails_silently(slip)


def test_an_incomplete_update_shows_no_token(world: LocalRocketChat, canary_client: Client) -> None:
    """The error has the record, whose token is neither printed nor pickled."""
    world.frozen_scripts = True
    wanted = attrs.evolve(canary_client.get("secret-bot"), script_enabled=True)
    with pytest.raises(UpdateIncomplete) as caught:
        canary_client.update("secret-bot", wanted)
    assert caught.value.record.token == BOT_TOKEN
    assert_silent(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).record == attrs.evolve(caught.value.record, token=None)


def test_an_unreadable_record_shows_no_values(world: LocalRocketChat, canary_client: Client) -> None:
    world.insert({**HOOK, "_id": "odd", "token": ["canary"], "enabled": "canary"})
    world.insert({**HOOK, "_id": "odder", "type": "canary"})
    calls: list[Callable[[], object]] = [
        lambda: list(canary_client.list()),
        lambda: canary_client.get("odd"),
        lambda: canary_client.get("odder"),
        lambda: list(canary_client.list_for_channel(room_name="general")),
    ]
    for call in calls:
        assert_fails_silently(call)


# Servers that repeat the request


class Echo:
    """A transport whose answers repeat all of the request, in every place."""

    def __init__(self, status: int, kind: str) -> None:
        self._status = status
        self._kind = kind

    def send(self, request: Request) -> Response:
        if self._kind != "login" and request.endpoint == "login":
            session = {"status": "success", "data": {"userId": "id", "authToken": AUTH_TOKEN}}
            return Response(200, {}, json.dumps(session).encode())
        if self._kind == "late" and request.endpoint == "integrations.get":
            answer = {"success": True, "integration": {**BOT, "token": BOT_TOKEN}}
            return Response(200, {}, json.dumps(answer).encode())
        sent: dict[str, Any] = {"url": request.url, "headers": dict(request.headers), "secrets": list(request.secrets)}
        if request.body:
            sent["body"] = json.loads(request.body)
        text = " ".join(flat(sent))
        body: dict[str, Any] = {
            "success": False,
            "error": sent if self._kind == "object" else text,
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
    """All texts in a JSON value, plain and quoted."""
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
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 429, 500, 503])
def test_secrets_that_a_server_repeats_are_hidden(status: int, kind: str) -> None:
    """In texts, objects, names of errors, locations and pages."""
    retry = RetryPolicy.never()
    with Client(URL, PASSWORD_AUTH, transport=Echo(status, kind), retry=retry) as client:
        for name, call in CALLS.items():
            if (name, kind) == ("Client.get", "late"):
                continue  # the get of "late" succeeds
            if name == "IncomingWebhook.check" and status in (404, 500) and (status, kind) != (404, "html"):
                continue  # it returns False
            assert_fails_silently(lambda call=call: call.make(client, HOOK_RECORD, BOT_RECORD))  # type: ignore[misc]


# Invalid arguments

MISTAKES: dict[str, Callable[[], object]] = {
    "credentials in the base URL": lambda: Client("https://me:canary@chat.example.com", TOKEN_AUTH),
    "credentials in a webhook": lambda: IncomingWebhook("https://me:canary@chat.example.com/hooks/a/b"),
    "a webhook without a scheme": lambda: IncomingWebhook("chat.example.com/hooks/id/canary"),
    "a webhook with a fragment": lambda: IncomingWebhook(f"{URL}/hooks/id/canary#x"),
    "a webhook with an invalid port": lambda: IncomingWebhook(f"{URL}:canary/hooks/id/canary"),
    "a webhook with an invalid host": lambda: IncomingWebhook("https://[canary/hooks/id/canary"),
    "a webhook with a blank": lambda: IncomingWebhook(f"{URL}/hooks/id/canary x"),
    "a token with a line break": lambda: Client(URL, TokenAuth("id", "canary\n")),
    "a token of another type": lambda: Client(URL, TokenAuth("id", ["canary"])),  # type: ignore[arg-type]
    "a password of another type": lambda: Client(URL, PasswordAuth("me", ["canary"])),  # type: ignore[arg-type]
    "a second factor of another type": lambda: Client(URL, PasswordAuth("me", PASSWORD, totp=["canary"])),  # type: ignore[arg-type]
    "no credentials": lambda: Client(URL, "canary"),  # type: ignore[arg-type]
    "headers with a line break": lambda: Client(URL, TOKEN_AUTH, headers={"X-Secret": "canary\n"}),
    "proxies of another type": lambda: Client(URL, TOKEN_AUTH, proxies={"http": ["canary"]}),  # type: ignore[dict-item]
    "a missing certificate": lambda: Client(URL, TOKEN_AUTH, verify="/nope"),
    "an unknown option": lambda: Client(URL, TOKEN_AUTH, nope=1),  # type: ignore[call-arg]
    "an unknown option of a webhook": lambda: IncomingWebhook(f"{URL}/hooks/id/canary", nope=1),  # type: ignore[call-arg]
    "an invalid name beside a token": lambda: attrs.evolve(OUTGOING, name=5),  # type: ignore[arg-type]
    "a lone surrogate in a token": lambda: attrs.evolve(OUTGOING, token="canary\ud800"),
    "an unknown field beside a token": lambda: OutgoingIntegration("x", token=BOT_TOKEN, nope=1),  # type: ignore[call-arg]
    "an unknown field of a record": lambda: IncomingIntegrationRecord("x", token=HOOK_TOKEN, nope=1),  # type: ignore[call-arg]
    "an unknown field of credentials": lambda: TokenAuth("id", AUTH_TOKEN, nope=1),  # type: ignore[call-arg]
    "records of two types": lambda: differences(HOOK_RECORD, BOT_RECORD),
    "a token that fits into no address": lambda: Client(URL, TOKEN_AUTH).webhook(
        attrs.evolve(HOOK_RECORD, token="canary\ud800")
    ),
    "an id without a type": lambda: Client(URL, TOKEN_AUTH).remove("x"),  # type: ignore[call-overload]
}


@pytest.mark.parametrize("what", MISTAKES)
def test_an_invalid_argument_shows_no_secret(what: str) -> None:
    """The error shows no invalid value and no other argument."""
    with pytest.raises((TypeError, ValueError)) as caught:
        MISTAKES[what]()
    assert_silent(caught.value)


@pytest.mark.parametrize("missing", ["ROCKETCHAT_URL", None])
def test_an_invalid_environment_shows_no_secret(monkeypatch: pytest.MonkeyPatch, missing: str | None) -> None:
    """The error names the variables, not their values."""
    for name in ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_PASSWORD"):
        monkeypatch.setenv(name, f"canary {name}")
    if missing is not None:  # otherwise both kinds of credentials are set
        monkeypatch.delenv(missing)
        monkeypatch.delenv("ROCKETCHAT_PASSWORD")
    assert_fails_silently(Client.from_env, ConfigurationError)
