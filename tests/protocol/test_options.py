"""What a client and a webhook are given: refused by name when it is wrong, before any I/O, showing no secret."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from rocketchat_integrations import Client, ConfigurationError, IncomingWebhook, PasswordAuth, RetryPolicy, TokenAuth
from rocketchat_integrations._protocol.http import Request, Response, Timeout
from rocketchat_integrations._transports.driver import Driver
from rocketchat_integrations.client import ConnectionOptions

_URL = "https://chat.example"
_SECRET = "S3CRET"
_TOKEN = TokenAuth("u", _SECRET)
_HOOK = f"{_URL}/hooks/one/{_SECRET}"


class _Transport:
    """Remembers what it is given, and says yes."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, {}, b'{"success": true, "version": "8.8"}')

    def close(self) -> None:
        """There is nothing to close."""


def _refused(make: Callable[[], object], option: str, because: str = "") -> None:
    """It is refused, naming the option and the reason, and neither text nor traceback shows a secret."""
    with pytest.raises(ConfigurationError, match=f"^{option}: .*{because}") as caught:
        make()
    error = caught.value
    assert isinstance(error, ValueError)
    assert not error.may_have_acted
    assert (error.__cause__, error.__context__) == (None, None)
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame.locals for frame in told.stack if "rocketchat_integrations" in frame.filename]
    assert _SECRET not in f"{error} {error!r} {ours}"


def _sent_to(url: str) -> str:
    transport = _Transport()
    Client(url, _TOKEN, transport=transport).server_version()
    return transport.requests[0].url


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://chat.example", "https://chat.example"),
        ("https://chat.example/", "https://chat.example"),
        ("https://chat.example//", "https://chat.example"),
        ("https://chat.example/team/chat", "https://chat.example/team/chat"),
        ("https://chat.example/team/chat/", "https://chat.example/team/chat"),
        ("HTTPS://chat.example", "HTTPS://chat.example"),
        ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://[2001:db8::1]/chat", "https://[2001:db8::1]/chat"),
        ("https://chat.example/~a@b/", "https://chat.example/~a@b"),
    ],
)
def test_an_address_may_have_a_slash_a_path_a_port(url: str, base: str) -> None:
    """However the address is written, the endpoints are found beneath it."""
    assert _sent_to(url) == f"{base}/api/info"


_NOT_ADDRESSES = {
    "": "https://",
    "chat.example": "https://",
    "//chat.example": "https://",
    "ftp://chat.example": "https://",
    "https:/chat.example": "https://",
    "https://": "host",
    "https://:3000": "host",
    "https:///path": "host",
    "https://[::1": "host",
    "https://chat.example:0": "port",
    "https://chat.example:65536": "port",
    "https://chat.example:http": "port",
    f"https://user:{_SECRET}@chat.example": "without credentials",
    f"https://{_SECRET}@chat.example": "without credentials",
    f"https://user:{_SECRET}?@chat.example": "port",
    f"https://chat.example#{_SECRET}": "fragment",
    "https://chat.example/#": "fragment",
    f" https://chat.example/{_SECRET}": "blanks",
    f"https://chat.example/{_SECRET} ": "blanks",
    "https://chat.example/a\nb": "blanks",
    "https://chat.example/a\tb": "blanks",
    "https://ch\u00e4t.example": "odd characters",
}


@pytest.mark.parametrize("url", _NOT_ADDRESSES)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    """A client and a webhook say what is wrong with the address, without repeating it."""
    _refused(lambda: Client(url, _TOKEN), "url", _NOT_ADDRESSES[url])
    _refused(lambda: IncomingWebhook(url), "url", _NOT_ADDRESSES[url])


@pytest.mark.parametrize("url", [None, 5, b"https://chat.example", ["https://chat.example"]])
def test_an_address_has_to_be_text(url: Any) -> None:
    """Anything else is refused."""
    _refused(lambda: Client(url, _TOKEN), "url", "text")


def test_only_a_webhooks_address_may_have_a_query() -> None:
    """A base URL with a query is a mistake; a webhook's address is used as it is."""
    _refused(lambda: Client(f"{_URL}?x={_SECRET}", _TOKEN), "url", "query")
    transport = _Transport()
    IncomingWebhook(f"{_HOOK}?x=1", transport=transport).post("hello")
    assert transport.requests[0].url == f"{_HOOK}?x=1"


_NOT_CREDENTIALS: list[tuple[Any, str]] = [
    (None, "auth"),
    ("u", "auth"),
    (("u", _SECRET), "auth"),
    (TokenAuth("", _SECRET), "user_id"),
    (TokenAuth(" ", _SECRET), "user_id"),
    (TokenAuth("u\n", _SECRET), "user_id"),
    (TokenAuth(5, _SECRET), "user_id"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (TokenAuth("u", ""), "token"),
    (TokenAuth("u", f"{_SECRET}\r\nX-Admin: 1"), "token"),
    (TokenAuth("u", f"{_SECRET}\u00e4"), "token"),
    (TokenAuth("u", None), "token"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (PasswordAuth("", _SECRET), "user"),
    (PasswordAuth(None, _SECRET), "user"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (PasswordAuth("u", ""), "password"),
    (PasswordAuth("u", b"S3CRET"), "password"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (PasswordAuth("u", _SECRET, totp=123456), "totp"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize("number", range(len(_NOT_CREDENTIALS)))
def test_credentials_that_are_none_are_refused(number: int) -> None:
    """What is missing, blank, of another type, or does not fit into a header is named, not shown."""
    auth, option = _NOT_CREDENTIALS[number]
    _refused(lambda: Client(_URL, auth), option)


@pytest.mark.parametrize("auth", [PasswordAuth("a@b.example", " "), PasswordAuth("u", "p", totp="")])
def test_odd_passwords_are_the_users_affair(auth: PasswordAuth) -> None:
    """A password may be of blanks, and a code empty: the server decides."""
    Client(_URL, auth, transport=_Transport())


_WRONG: list[tuple[str, Any]] = [
    *[("timeout", value) for value in (0, -1, "5", None, True, float("nan"), float("inf"), (1, 2, 3), (1,), (5, 0))],
    *[("retry", value) for value in (None, 3, RetryPolicy)],
    *[("verify", value) for value in (None, 1, "", " ", b"ca.pem")],
    *[("cert", value) for value in ("", 1, ("a",), ("a", "b", "c"), ("a", ""), (1, 2), ["a", "b"], ("a", None))],
    *[("proxies", value) for value in ("http://proxy", {"https": None}, {1: "x"}, [("https", "x")])],
    *[("pool_size", value) for value in (0, -1, 1.5, "10", None, True)],
    *[("max_response_size", value) for value in (0, -1, 1.5, "10", None, True)],
    *[("user_agent", value) for value in ("", " ", 5, "a\r\nX-Admin: 1", "\u00e4")],
    *[("transport", value) for value in (5, object(), Response(200))],
]


@pytest.mark.parametrize(("option", "value"), _WRONG)
def test_an_option_that_is_wrong_is_refused_by_name(option: str, value: Any) -> None:
    """Each wrong option is named, by a client and by a webhook, also with a transport that does not need it."""
    _refused(lambda: Client(_URL, _TOKEN, **{option: value}), option)
    _refused(lambda: IncomingWebhook(_HOOK, **{option: value}), option)
    if option != "transport":
        options: dict[str, Any] = {option: value, "transport": _Transport()}
        _refused(lambda: Client(_URL, _TOKEN, **options), option)


@pytest.mark.parametrize(
    "options",
    [
        {"timeout": 5},
        {"timeout": 0.5},
        {"timeout": (3, 10.5)},
        {"timeout": Timeout(total=600)},
        {"verify": False},
        {"proxies": {}},
        {"proxies": {"https": "http://proxy.example:3128"}},
        {"headers": {}},
        {"pool_size": 1},
    ],
)
def test_options_that_are_right_are_taken(options: Any) -> None:
    """None of the usual options is refused, and making a client does no I/O."""
    with Client(_URL, _TOKEN, **options):
        pass


@pytest.mark.parametrize("name", ["X-Auth-Token", "x-user-id", "Content-Type", "CONTENT-LENGTH", "Host"])
def test_the_clients_own_headers_cannot_be_replaced(name: str) -> None:
    """Headers that would change who asks, or what is sent, are refused by name."""
    _refused(lambda: Client(_URL, _TOKEN, headers={name: _SECRET}), "headers", name)


@pytest.mark.parametrize("name", ["Accept-Encoding", "Connection", "Transfer-Encoding"])
def test_headers_of_the_connection_cannot_be_replaced(name: str) -> None:
    """Headers that say how an answer travels belong to the transport."""
    _refused(lambda: Client(_URL, _TOKEN, headers={name: _SECRET}), "headers", name)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Team": f"{_SECRET}\r\nX-Admin: 1"},
        {"X-Team": f"{_SECRET}\n"},
        {"X-Team": f"{_SECRET}\u00e4"},
        {"X-Team\r\nX-Admin": _SECRET},
        {"X Team": _SECRET},
        {"X-Team:": _SECRET},
        {"X-T\u00e4m": _SECRET},
        {"": _SECRET},
        {"X-Team": None},
        {1: _SECRET},
        [("X-Team", _SECRET)],
        "X-Team",
    ],
)
def test_headers_that_cannot_be_sent_are_refused(headers: Any) -> None:
    """A header that is none, or that would smuggle in another, is refused, and its value not shown."""
    _refused(lambda: Client(_URL, _TOKEN, headers=headers), "headers")


def test_an_own_header_replaces_ours_in_any_case() -> None:
    """A header of the user's goes instead of ours of the same name, not beside it."""
    transport = _Transport()
    Client(_URL, _TOKEN, transport=transport, headers={"accept": "*/*", "USER-AGENT": "mine"}).server_version()
    headers = transport.requests[0].headers
    assert {name: headers[name] for name in headers if name.lower() in ("accept", "user-agent")} == {
        "accept": "*/*",
        "USER-AGENT": "mine",
    }


def test_without_a_name_the_package_names_itself() -> None:
    """Servers see which package and version is asking."""
    transport = _Transport()
    Client(_URL, _TOKEN, transport=transport).server_version()
    assert transport.requests[0].headers["User-Agent"].startswith("rocketchat-integrations/")
    assert transport.requests[0].headers["Accept"] == "application/json"


@pytest.mark.parametrize("end", ["/api/v1", "/chat/api/v1/"])
def test_the_address_of_the_api_is_not_that_of_the_workspace(end: str) -> None:
    """The commonest slip in a base URL has a message of its own."""
    _refused(lambda: Client(f"{_URL}{end}", _TOKEN), "url", "without /api/v1")


def test_a_webhook_has_the_defaults_of_a_client() -> None:
    """The options of both mean the same, also where they are left out."""
    client, driver = inspect.signature(Client).parameters, inspect.signature(Driver).parameters
    options = ConnectionOptions.__annotations__
    assert {name: client[name].default for name in options} == {name: driver[name].default for name in options}
