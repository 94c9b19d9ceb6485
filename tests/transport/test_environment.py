"""The environment sets proxies and CA bundles; netrc and cookies are not used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import ConfigurationError, InsecureTransportWarning, TransportError
from rocketchat_integrations._protocol.http import Request

if TYPE_CHECKING:
    from tests.transport.conftest import Connect, Http, Peer, Serve

_ELSEWHERE = "http://chat.example/"


def _get(url: str) -> Request:
    return Request("GET", url, "x", headers={"X-Auth-Token": "T0KEN"})


@pytest.fixture
def proxy(serve: Serve, http: type[Http]) -> Peer:
    """A proxy that answers every request itself."""
    return serve(http.answer(b"from the proxy"))


def test_a_redirect_is_not_followed(serve: Serve, connect: Connect, http: Http) -> None:
    """The host that a redirect points to gets no request, and so no token."""
    other = serve(http.answer())
    peer = serve(http.answer(b"", f"Location: {other.url}", status="307 Temporary Redirect"))
    response = connect(peer.url).send(_get(peer.url))
    assert (response.status, response.headers["location"]) == (307, other.url)
    assert "x-auth-token: t0ken" in peer.head()
    assert other.requests == []


def test_netrc_is_not_read(
    serve: Serve, connect: Connect, http: Http, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials in a netrc file are ignored: the client has its own."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login alice password passw0rd\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    peer = serve(http.answer())
    connect(peer.url).send(_get(peer.url))
    assert "authorization" not in peer.head()


def test_cookies_are_not_sent_back(serve: Serve, connect: Connect, http: Http) -> None:
    """Cookies of a server or a load balancer are dropped."""
    peer = serve(http.answer(b"{}", "Set-Cookie: rc_token=S3CRET; Path=/"))
    transport = connect(peer.url)
    for _ in range(2):
        transport.send(_get(peer.url))
    assert len(peer.requests) == 2
    assert "cookie" not in peer.head()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_a_proxy_of_the_environment_is_used(
    connect: Connect, proxy: Peer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Calls go through the environment's proxy, with the whole URL."""
    monkeypatch.setenv(name, proxy.url)
    assert connect(_ELSEWHERE).send(_get(_ELSEWHERE)).body == b"from the proxy"
    assert proxy.head().startswith("get http://chat.example/ ")


@pytest.mark.parametrize(
    ("name", "value"), [("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1"), ("NO_PROXY", "a.example, 127.0.0.0/8")]
)
def test_no_proxy_is_used(
    serve: Serve, connect: Connect, http: Http, proxy: Peer, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A host in NO_PROXY is called directly, also if only its network is there."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv(name, value)
    peer = serve(http.answer(b"direct"))
    assert connect(peer.url).send(_get(peer.url)).body == b"direct"
    assert proxy.requests == []


@pytest.mark.parametrize("key", ["http", "all", "http://chat.example"])
def test_the_option_takes_precedence_over_the_environment(
    connect: Connect, proxy: Peer, closed_port: int, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """The option is used, by any of its keys, even against NO_PROXY."""
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{closed_port}")
    monkeypatch.setenv("NO_PROXY", "chat.example")
    assert connect(_ELSEWHERE, proxies={key: proxy.url}).send(_get(_ELSEWHERE)).body == b"from the proxy"


def test_a_proxy_for_another_scheme_changes_nothing(
    connect: Connect, proxy: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's proxy is used if the option has none for the scheme."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    assert connect(_ELSEWHERE, proxies={"https": "http://127.0.0.1:1"}).send(_get(_ELSEWHERE)).status == 200


def test_the_environments_proxy_can_be_turned_off(
    serve: Serve, connect: Connect, http: Http, proxy: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty proxy means none."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    peer = serve(http.answer(b"direct"))
    assert connect(peer.url, proxies={"http": ""}).send(_get(peer.url)).body == b"direct"


def test_the_environment_is_read_once(connect: Connect, proxy: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A later change of the environment has no effect on a client."""
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    transport = connect(_ELSEWHERE)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    assert transport.send(_get(_ELSEWHERE)).body == b"from the proxy"


def test_a_proxy_gets_its_credentials(connect: Connect, proxy: Peer) -> None:
    """Credentials in a proxy's URL become its Proxy-Authorization."""
    address = proxy.url.replace("http://", "http://alice:passw0rd@")
    connect(_ELSEWHERE, proxies={"http": address}).send(_get(_ELSEWHERE))
    assert "proxy-authorization: basic ywxpy2u6cgfzc3cwcmq=" in proxy.head()


def test_a_proxy_gets_its_credentials_for_a_tunnel(serve: Serve, connect: Connect, http: Http) -> None:
    """And nothing of the request."""
    peer = serve(http.answer(b"", status="407 Proxy Authentication Required"))
    url = "https://chat.example/"
    address = peer.url.replace("http://", "http://alice:passw0rd@")
    with pytest.raises(TransportError):
        connect(url, proxies={"https": address}).send(_get(url))
    assert "proxy-authorization: basic ywxpy2u6cgfzc3cwcmq=" in peer.head()
    assert "t0ken" not in peer.head()


def test_an_unreachable_proxy_has_a_kind_of_its_own(connect: Connect, closed_port: int) -> None:
    """Nothing was done, and the message names the proxy as the reason."""
    with pytest.raises(TransportError, match="proxy") as caught:
        connect(_ELSEWHERE, proxies={"http": f"http://127.0.0.1:{closed_port}"}).send(_get(_ELSEWHERE))
    assert (caught.value.kind, caught.value.may_have_acted) == ("proxy", False)
    assert (caught.value.host, caught.value.port) == ("chat.example", 80)


def test_a_proxy_that_refuses_a_tunnel_has_the_same_kind(serve: Serve, connect: Connect, http: Http) -> None:
    """A proxy that requires credentials, or forbids the host, did not forward the call."""
    peer = serve(http.answer(b"", status="407 Proxy Authentication Required"))
    url = "https://chat.example/"
    with pytest.raises(TransportError, match="proxy") as caught:
        connect(url, proxies={"https": peer.url}).send(_get(url))
    assert (caught.value.kind, caught.value.may_have_acted) == ("proxy", False)
    assert peer.head().startswith("connect chat.example:443 ")
    assert "t0ken" not in peer.head()


@pytest.mark.parametrize("address", ["http://", "ftp://proxy.example", "http://proxy.example:99999", "http://[::1"])
def test_a_wrong_url_of_a_proxy_is_a_permanent_failure(connect: Connect, address: str) -> None:
    """It fails before anything is sent."""
    with pytest.raises(TransportError) as caught:
        connect(_ELSEWHERE, proxies={"http": address}).send(_get(_ELSEWHERE))
    assert (caught.value.kind, caught.value.may_have_acted) == ("other", False)


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_missing_bundle_of_the_environment_is_named(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A variable with a missing file is named in the error; without TLS it does not matter."""
    monkeypatch.setenv(name, str(tmp_path / "none.pem"))
    with pytest.raises(ConfigurationError, match=f"^{name}: .*none.pem"):
        connect("https://chat.example/")
    connect("http://chat.example/")
    with pytest.warns(InsecureTransportWarning):
        connect("https://chat.example/", verify=False)
