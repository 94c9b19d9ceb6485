"""Wrong use gives a clear error, and changes nothing."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import attrs
import pytest
import trustme

from rocketchat_integrations import (
    AuthenticationError,
    Client,
    ConfigurationError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    OutgoingIntegration,
    PasswordAuth,
    RetryPolicy,
    TokenAuth,
    TransportError,
)
from rocketchat_integrations.testing import LocalRocketChat

TOKEN = TokenAuth("id", "token")


# Definitions

WRONG_DEFINITIONS: dict[str, tuple[Callable[..., Any], type[Exception], str]] = {
    "no username": (lambda: IncomingIntegration("x", channel="#a"), TypeError, "username"),  # type: ignore[call-arg]
    "no channel": (lambda: IncomingIntegration("x", username="a"), TypeError, "channel"),  # type: ignore[call-arg]
    "no name": (lambda: IncomingIntegration(channel="#a", username="a"), TypeError, "name"),  # type: ignore[call-arg]
    "unknown keyword": (
        lambda: IncomingIntegration("x", channel="#a", username="a", urls=["https://a.example"]),  # type: ignore[call-arg]
        TypeError,
        "urls",
    ),
    "a field of another type": (
        lambda: IncomingIntegration("x", channel="#a", username="a", enabled="yes"),  # type: ignore[arg-type]
        TypeError,
        "enabled",
    ),
    "a number for a name": (
        lambda: IncomingIntegration(5, channel="#a", username="a"),  # type: ignore[arg-type]
        TypeError,
        "name",
    ),
    "a channel without a sign": (
        lambda: IncomingIntegration("x", channel="general", username="a"),
        ValueError,
        "channel.*'#' or '@'",
    ),
    "a number for a channel": (
        lambda: IncomingIntegration("x", channel=5, username="a"),  # type: ignore[arg-type]
        TypeError,
        "channel",
    ),
    "no urls": (
        lambda: OutgoingIntegration("x", event="sendMessage", username="a", urls=[]),
        ValueError,
        "urls",
    ),
    "an unknown event": (
        lambda: OutgoingIntegration("x", event="messageSent", username="a", urls="https://a.example"),
        ValueError,
        "event.*sendMessage",
    ),
}


@pytest.mark.parametrize("what", WRONG_DEFINITIONS)
def test_a_wrong_definition_cannot_be_made(what: str) -> None:
    """The error names the field, and what is allowed."""
    make, kind, words = WRONG_DEFINITIONS[what]
    with pytest.raises(kind, match=words):
        make()


# Clients

WRONG_CLIENTS: dict[str, tuple[tuple[Any, ...], dict[str, Any], str]] = {
    "no scheme": (("chat.example.com", TOKEN), {}, "url: .*https://"),
    "another scheme": (("ftp://chat.example.com", TOKEN), {}, "url: .*https://"),
    "no host": (("https://", TOKEN), {}, "url: .*host"),
    "credentials in the address": (("https://me:secret@chat.example.com", TOKEN), {}, "url: .*credentials"),
    "a query": (("https://chat.example.com?a=b", TOKEN), {}, "url: .*query"),
    "a fragment": (("https://chat.example.com#a", TOKEN), {}, "url: .*fragment"),
    "a port that is none": (("https://chat.example.com:port", TOKEN), {}, "url: .*port"),
    "a blank in the address": (("https://chat.example.com/a b", TOKEN), {}, "url: "),
    "no text for an address": ((b"https://chat.example.com", TOKEN), {}, "url: .*text"),
    "no credentials": (("https://chat.example.com", None), {}, "auth: .*TokenAuth or a PasswordAuth"),
    "credentials as a pair": (("https://chat.example.com", ("id", "token")), {}, "auth: "),
    "a blank token": (("https://chat.example.com", TokenAuth("id", " ")), {}, "token: "),
    "a blank user id": (("https://chat.example.com", TokenAuth("", "token")), {}, "user_id: "),
    "a token that fits into no header": (("https://chat.example.com", TokenAuth("id", "a\nb")), {}, "token: "),
    "no password": (("https://chat.example.com", PasswordAuth("me", "")), {}, "password: "),
    "a blank user": (("https://chat.example.com", PasswordAuth(" ", "secret")), {}, "user: "),
    "a number for a second factor": (
        ("https://chat.example.com", PasswordAuth("me", "secret", totp=123456)),  # type: ignore[arg-type]
        {},
        "totp: ",
    ),
    "no policy": (("https://chat.example.com", TOKEN), {"retry": 3}, "retry: .*RetryPolicy"),
    "a timeout of nothing": (("https://chat.example.com", TOKEN), {"timeout": 0}, "timeout: "),
}


@pytest.mark.parametrize("what", WRONG_CLIENTS)
def test_a_wrong_client_cannot_be_made(what: str) -> None:
    """The error is ours, names the argument and says what is allowed, before anything is sent."""
    arguments, options, words = WRONG_CLIENTS[what]
    with pytest.raises(ConfigurationError, match=words):
        Client(*arguments, **options)


@pytest.mark.parametrize(
    "url", ["", "chat.example.com/hooks/a/b", "https:///hooks/a/b", "https://a.example/hooks/ä/b", 5]
)
def test_a_wrong_webhook_cannot_be_made(url: Any) -> None:
    """The error says what is wrong with the address without showing it."""
    with pytest.raises(ConfigurationError, match=r"^url: ") as caught:
        IncomingWebhook(url)
    assert "hooks" not in str(caught.value)


# Calls

WRONG_CALLS: dict[str, tuple[Callable[[Any, Any], object], str]] = {
    "create a dict": (lambda c, r: c.create({"type": "webhook-incoming"}), "definition: .*not dict"),
    "create nothing": (lambda c, r: c.create(None), "definition: .*not NoneType"),
    "get nothing": (lambda c, r: c.get(None), "id: "),
    "get a blank id": (lambda c, r: c.get(" "), "id: .*blank"),
    "get half a character": (lambda c, r: c.get("\ud800"), "id: "),
    "get a record": (lambda c, r: c.get(r), "id: "),
    "get by a blank creator": (lambda c, r: c.get(r.id, created_by=""), "created_by: "),
    "list a made-up type": (lambda c, r: c.list(type="incoming"), "type: .*INCOMING"),
    "list a number": (lambda c, r: c.list(name=5), "name: "),
    "list half a character": (lambda c, r: c.list(name="\udfff"), "name: "),
    "list a part that is a number": (lambda c, r: c.list(name_contains=5), "name_contains: "),
    "list with a list for errors": (lambda c, r: c.list(on_error=[]), "on_error: "),
    "history of a blank id": (lambda c, r: c.history(""), "id: "),
    "history with a list for errors": (lambda c, r: c.history(r.id, on_error=[]), "on_error: "),
    "update a blank id": (lambda c, r: c.update("", r), "id: "),
    "update with a dict": (lambda c, r: c.update(r.id, {"alias": "x"}), "wanted: .*not dict"),
    "update without the id": (lambda c, r: c.update(r, r), "id: "),
    "overwrite with a word": (lambda c, r: c.update(r.id, r, overwrite="no"), "overwrite: "),
    "remove an id without its type": (lambda c, r: c.remove(r.id), "type: .*INCOMING or OUTGOING"),
    "remove a record with a type": (lambda c, r: c.remove(r, type=IntegrationType.INCOMING), "type: "),
    "remove a made-up type": (lambda c, r: c.remove(r.id, type="incoming"), "type: "),
    "remove a blank id": (lambda c, r: c.remove("", type=IntegrationType.INCOMING), "record: "),
    "remove a definition": (lambda c, r: c.remove(r.definition), "record: .*not IncomingIntegration"),
    "clear nothing": (lambda c, r: c.clear_history(""), "id: "),
    "replay nothing": (lambda c, r: c.replay_outgoing("", "h"), "id: "),
    "replay no call": (lambda c, r: c.replay_outgoing("a", None), "history_id: "),
    "no room": (lambda c, r: c.list_for_channel(), "room_id, room_name: "),
    "two rooms": (lambda c, r: c.list_for_group(room_id="a", room_name="b"), "room_id, room_name: "),
    "a blank room": (lambda c, r: c.list_for_channel(room_name=" "), "room_name: "),
    "a room that is a number": (lambda c, r: c.list_for_group(room_id=5), "room_id: "),
    "a word for a flag": (
        lambda c, r: c.list_for_channel(room_id="a", include_all_public_channels="no"),
        "include_all_public_channels: ",
    ),
    "another word for a flag": (
        lambda c, r: c.list_for_group(room_id="a", include_all_private_groups="no"),
        "include_all_private_groups: ",
    ),
    "a webhook of a definition": (lambda c, r: c.webhook(r.definition), "record: .*not IncomingIntegration"),
    "a webhook of an id": (lambda c, r: c.webhook(r.id), "record: .*not str"),
    "post a list": (lambda c, r: c.webhook(r).post(["x"]), "message.*not list"),
    "post bytes": (lambda c, r: c.webhook(r).post(b"x"), "message.*not bytes"),
    "post what JSON lacks": (
        lambda c, r: c.webhook(r).post({"a": [{"b": {1}}]}),
        r"message\['a'\]\[0\]\['b'\]: .* set",
    ),
    "check a base URL": (lambda c, r: IncomingWebhook("https://chat.example.com").check(), "url: .*/hooks/ID/TOKEN"),
    "post nothing": (lambda c, r: c.webhook(r).post(None), "message.*not NoneType"),
}


@pytest.mark.parametrize("what", WRONG_CALLS)
def test_a_wrong_call_sends_nothing(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, what: str
) -> None:
    """The error is ours and names the argument; the server never hears of it."""
    call, words = WRONG_CALLS[what]
    documents, requests = server.documents, len(server.requests)
    with pytest.raises(ConfigurationError, match=words) as caught:
        call(client, hook)
    assert isinstance(caught.value, ValueError)
    assert not caught.value.may_have_acted
    assert (server.documents, len(server.requests)) == (documents, requests)


@pytest.mark.parametrize("token", ["secret\ud800", ["secret"], " "])
def test_a_token_that_fits_into_no_address(client: Client, hook: IncomingIntegrationRecord, token: Any) -> None:
    """What cannot be quoted, as half a surrogate pair, is refused without showing it."""
    with pytest.raises(ConfigurationError, match="Unicode") as caught:
        client.webhook(attrs.evolve(hook, token=token))
    assert "secret" not in str(caught.value)


# Servers that are not there, or not the right ones


def test_a_host_that_does_not_exist(incoming: IncomingIntegration, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the host."""

    def unknown(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Client("https://chat.invalid", TOKEN, retry=RetryPolicy.never()) as client,
        pytest.raises(TransportError, match=r"chat\.invalid") as caught,
    ):
        client.create(incoming)
    assert (caught.value.kind, caught.value.host, caught.value.port) == ("name", "chat.invalid", 443)
    assert not caught.value.may_have_acted


class Quiet(WSGIRequestHandler):
    """Says nothing about requests, nor about clients that do not trust it and hang up."""

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Encrypted(WSGIServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[str, trustme.CA, list[str]]]:
    """A server behind TLS: its address, who signed its certificate, and the paths that it was asked for."""
    authority, asked = trustme.CA(), list[str]()

    def answer(environ: Any, start_response: Any) -> list[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [("Content-Type", "application/json")])
        return [b'{"success": true, "version": "8.8"}']

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    with make_server("127.0.0.1", 0, answer, Encrypted, Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", authority, asked
        server.shutdown()
        thread.join()


def test_a_certificate_that_is_not_trusted(encrypted: tuple[str, trustme.CA, list[str]]) -> None:
    """It is an error of its own kind; nothing was asked, and it is not tried again."""
    url, _, asked = encrypted
    with Client(url, TOKEN) as client, pytest.raises(TransportError, match="certificate") as caught:
        client.server_version()
    assert caught.value.kind == "certificate"
    assert not caught.value.may_have_acted
    assert asked == []


def test_a_certificate_that_is_trusted(encrypted: tuple[str, trustme.CA, list[str]], tmp_path: Path) -> None:
    """With the authority's certificate given, the same server is spoken to."""
    url, authority, asked = encrypted
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    with Client(url, TOKEN, verify=str(bundle)) as client:
        assert client.server_version() == "8.8"
    assert asked == ["/api/info"]


@pytest.mark.parametrize("auth", ["token", "password", "second factor"])
def test_wrong_credentials_change_nothing(server: LocalRocketChat, incoming: IncomingIntegration, auth: str) -> None:
    """A wrong token, password or second factor is an AuthenticationError."""
    server.require_second_factor("admin", "123456")
    credentials: dict[str, TokenAuth | PasswordAuth] = {
        "token": TokenAuth(server.auth("admin").user_id, "wrong"),
        "password": PasswordAuth("admin", "wrong"),
        "second factor": PasswordAuth("admin", server.password("admin"), totp="000000"),
    }
    with Client(server.url, credentials[auth]) as client, pytest.raises(AuthenticationError):
        client.create(incoming)
    assert server.documents == ()
