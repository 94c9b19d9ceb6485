"""TLS: which certificates the transport trusts."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import trustme
from cryptography.hazmat.primitives import serialization  # which trustme brings

from rocketchat_integrations import (
    Client,
    ConfigurationError,
    IncomingIntegration,
    InsecureTransportWarning,
    RetryPolicy,
    TokenAuth,
    TransportError,
)
from rocketchat_integrations._protocol.http import Request
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations.aio import AsyncClient
from tests.transport.conftest import Http

if TYPE_CHECKING:
    from tests.transport.conftest import Answer, Connect, Peer, Serve

_YES = b'{"success": true, "version": "8.8"}'


def _server_side(authority: trustme.CA, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)  # pyright: ignore[reportUnknownMemberType]
    return context


@pytest.fixture
def peer(serve: Serve, http: type[Http], server_side: ssl.SSLContext) -> Peer:
    """A server with a certificate of the authority."""
    return serve(http.answer(_YES), server_side)


def _get(url: str) -> Request:
    return Request("GET", url, "x")


def test_a_certificate_of_an_unknown_authority_is_refused(peer: Peer, connect: Connect) -> None:
    """Nothing is sent to an untrusted server, and the message says why."""
    with pytest.raises(TransportError, match=r"certificate is not trusted .*(issuer|self.signed)") as caught:
        connect(peer.url).send(_get(peer.url))
    assert (caught.value.kind, caught.value.may_have_acted) == ("certificate", False)
    assert peer.requests == []


def test_a_certificate_for_another_host_is_refused(
    serve: Serve, connect: Connect, http: Http, authority: trustme.CA, bundle: str
) -> None:
    """A trusted certificate is valid for its own host only."""
    peer = serve(http.answer(_YES), _server_side(authority, "elsewhere.example"))
    with pytest.raises(TransportError, match=r"certificate is not trusted .*127.0.0.1") as caught:
        connect(peer.url, verify=bundle).send(_get(peer.url))
    assert (caught.value.kind, caught.value.may_have_acted) == ("certificate", False)


def test_an_untrusted_certificate_is_not_retried(peer: Peer, clean_environment: None) -> None:
    """A second try would fail for the same reason."""
    with Client(peer.url, TokenAuth("u", "T0KEN")) as client, pytest.raises(TransportError):
        client.server_version()
    assert peer.attempts == 1


def test_a_given_bundle_is_trusted(peer: Peer, connect: Connect, bundle: str) -> None:
    """verify= has the authorities to trust."""
    assert connect(peer.url, verify=bundle).send(_get(peer.url)).body == _YES


def test_an_empty_directory_trusts_nobody(peer: Peer, connect: Connect, tmp_path: Path) -> None:
    """verify= may be a directory of certificates, and then only those are trusted."""
    with pytest.raises(TransportError) as caught:
        connect(peer.url, verify=str(tmp_path)).send(_get(peer.url))
    assert caught.value.kind == "certificate"


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_of_the_environment_is_trusted(
    peer: Peer, connect: Connect, bundle: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The variables of requests and curl are used."""
    monkeypatch.setenv(name, bundle)
    assert connect(peer.url).send(_get(peer.url)).status == 200


def test_a_given_bundle_takes_precedence_over_the_environment(
    peer: Peer, connect: Connect, bundle: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bundle of the environment is not used besides."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    assert connect(peer.url, verify=bundle).send(_get(peer.url)).status == 200
    with pytest.raises(TransportError):
        connect(peer.url).send(_get(peer.url))


def test_verification_can_be_turned_off(
    peer: Peer, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """verify=False trusts every server, whatever the environment says. The client warns of it, the calls do not."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with pytest.warns(InsecureTransportWarning, match="verify=False"):
        transport = connect(peer.url, verify=False)
    assert transport.send(_get(peer.url)).status == 200


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_the_warning_shows_the_line_that_makes_the_client(kind: type[Client | AsyncClient]) -> None:
    """Not a line of this package, which nobody could change."""
    with pytest.warns(InsecureTransportWarning) as caught:
        kind("https://chat.example/", TokenAuth("u", "T0KEN"), verify=False)
    assert caught[0].filename == __file__


@pytest.mark.parametrize("in_one_file", [True, False])
def test_a_client_certificate_is_sent(
    serve: Serve, connect: Connect, http: Http, authority: trustme.CA, bundle: str, tmp_path: Path, in_one_file: bool
) -> None:
    """A server that requires client certificates accepts a client with one, and no other."""
    context = _server_side(authority)
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType]
    peer = serve(http.answer(_YES), context)
    ours = authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    if in_one_file:
        ours.private_key_and_cert_chain_pem.write_to_path(certificate)
        cert: str | tuple[str, str] = str(certificate)
    else:
        ours.cert_chain_pems[0].write_to_path(certificate)
        ours.private_key_pem.write_to_path(key)
        cert = (str(certificate), str(key))
    assert connect(peer.url, verify=bundle, cert=cert).send(_get(peer.url)).status == 200
    with pytest.raises(TransportError) as caught:
        connect(peer.url, verify=bundle).send(_get(peer.url))
    assert caught.value.kind in ("tls", "reset")


_HANDSHAKES: dict[str, Answer] = {
    "plain HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    "the end": lambda connection: connection.shutdown(socket.SHUT_RDWR),
    "a reset": Http.reset,
}


@pytest.mark.parametrize("how", _HANDSHAKES)
def test_a_handshake_that_fails_has_sent_nothing(serve: Serve, connect: Connect, how: str) -> None:
    """Also if the server speaks HTTP without TLS, or closes the connection."""
    url = serve(_HANDSHAKES[how]).url.replace("http:", "https:")
    with pytest.raises(TransportError) as caught:
        connect(url).send(_get(url))
    assert (caught.value.kind in ("tls", "reset"), caught.value.may_have_acted) == (True, False)


@pytest.mark.parametrize("how", ["an alert", "a reset"])
def test_a_create_is_repeated_after_a_failed_handshake(serve: Serve, clean_environment: None, how: str) -> None:
    """Nothing was created by it."""
    peer = serve(_HANDSHAKES[how])
    hook = IncomingIntegration(name="ci", channel="#general", username="rocket.cat")
    url, retry = peer.url.replace("http:", "https:"), RetryPolicy(attempts=2, backoff=0)
    with Client(url, TokenAuth("u", "T0KEN"), retry=retry) as client, pytest.raises(TransportError):
        client.create(hook)
    assert peer.attempts == 2


def test_http_with_a_server_that_speaks_https(peer: Peer, connect: Connect) -> None:
    """The server closes the connection."""
    url = peer.url.replace("https:", "http:")
    with pytest.raises(TransportError):
        connect(url).send(_get(url))


@pytest.mark.parametrize("what", ["missing", "nonsense", "nul\0"])
def test_unusable_files_are_refused_at_once(connect: Connect, bundle: str, tmp_path: Path, what: str) -> None:
    """A missing or invalid bundle or certificate is named when the client is created."""
    (tmp_path / "nonsense").write_text("this is no certificate")
    path = str(tmp_path / what)
    certs: list[ConnectionKeywords] = [{"cert": path}, {"cert": (path, path)}, {"cert": (bundle, path)}]
    all_options: list[ConnectionKeywords] = [{"verify": path}, *certs]
    for options in all_options:
        with pytest.raises(ConfigurationError, match=f"^{next(iter(options))}: ") as caught:
            connect("https://chat.example/", **options)
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_key_with_a_passphrase_is_refused(connect: Connect, authority: trustme.CA, tmp_path: Path) -> None:
    """An encrypted key cannot be used, and no passphrase is asked for on the terminal."""
    ours = authority.issue_cert("client.example")
    certificate, key = tmp_path / "client.pem", tmp_path / "client.key"
    ours.cert_chain_pems[0].write_to_path(certificate)
    clear = serialization.load_pem_private_key(ours.private_key_pem.bytes(), None)
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    key.write_bytes(clear.private_bytes(*form, serialization.BestAvailableEncryption(b"passphrase")))
    with pytest.raises(ConfigurationError, match=r"^cert: "):
        connect("https://chat.example/", cert=(str(certificate), str(key)))
