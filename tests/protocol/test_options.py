"""The arguments of a client and a webhook: wrong ones are refused by name, before any I/O, showing no secret."""

from __future__ import annotations

import inspect
import pickle
import traceback
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    ConfigurationError,
    ConnectionOptions,
    IncomingWebhook,
    PasswordAuth,
    RetryPolicy,
    TokenAuth,
)
from rocketchat_integrations._protocol.http import AsyncTransport, Request, Response, Timeout, Transport
from rocketchat_integrations._protocol.options import AsyncConnectionKeywords, ConnectionKeywords

_URL = "https://chat.example"
_SECRET = "S3CRET"
_TOKEN = TokenAuth("u", _SECRET)
_HOOK = f"{_URL}/hooks/one/{_SECRET}"


class _Transport:
    """Records the requests, and answers with success."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def send(self, request: Request) -> Response:
        self.requests.append(request)
        return Response(200, {}, b'{"success": true, "version": "8.8"}')

    def close(self) -> None:
        pass


def _refused(make: Callable[[], object], argument: str, because: str = "") -> None:
    """Check that it is refused, naming argument and reason, and that neither text nor traceback shows a secret."""
    with pytest.raises(ConfigurationError, match=f"^{argument}: .*{because}") as caught:
        make()
    error = caught.value
    assert isinstance(error, ValueError)
    assert not error.may_have_acted
    assert (error.__cause__, error.__context__) == (None, None)
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame.locals for frame in report.stack if "rocketchat_integrations" in frame.filename]
    assert _SECRET not in f"{error} {error!r} {ours}"


def _sent(url: str = _URL, **options: Any) -> Request:
    transport = _Transport()
    Client(url, _TOKEN, transport=transport, **options).server_version()
    return transport.requests[0]


# URLs


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://chat.example//", "https://chat.example"),
        ("https://chat.example/team/chat/", "https://chat.example/team/chat"),
        ("HTTPS://chat.example", "HTTPS://chat.example"),
        ("http://[::1]:3000/", "http://[::1]:3000"),
        ("https://chat.example/~a@b/", "https://chat.example/~a@b"),
    ],
)
def test_a_url_may_have_a_slash_a_path_a_port(url: str, base: str) -> None:
    """However the URL is written, the endpoints are found beneath it."""
    assert _sent(url).url == f"{base}/api/info"


_WRONG_URLS: dict[Any, str] = {
    "": "https://",
    "chat.example": "https://",
    "ftp://chat.example": "https://",
    "https://": "host",
    "https://:3000": "host",
    "https://[::1": "host",
    "https://chat.example:0": "port",
    "https://chat.example:http": "port",
    f"https://user:{_SECRET}@chat.example": "without credentials",
    f"https://user:{_SECRET}?@chat.example": "port",
    f"https://chat.example#{_SECRET}": "fragment",
    f"https://chat.example/{_SECRET} ": "spaces",
    "https://chat.example/a\nb": "printable",
    "https://ch\u00e4t.example": "ASCII",
    b"https://chat.example": "text",
    None: "text",
}


@pytest.mark.parametrize("url", _WRONG_URLS)
def test_a_wrong_url_is_refused(url: Any) -> None:
    """A client and a webhook say what is wrong with the URL, without repeating it."""
    _refused(lambda: Client(url, _TOKEN), "url", _WRONG_URLS[url])
    _refused(lambda: IncomingWebhook(url), "url", _WRONG_URLS[url])


@pytest.mark.parametrize(
    ("url", "because"), [(f"{_URL}?x={_SECRET}", "query"), (f"{_URL}/chat/api/v1/", "without /api/v1")]
)
def test_a_base_url_is_that_of_the_workspace(url: str, because: str) -> None:
    """A base URL has no query, and is not the API's."""
    _refused(lambda: Client(url, _TOKEN), "url", because)


def test_a_webhooks_url_is_used_unchanged() -> None:
    """It may have a query."""
    transport = _Transport()
    IncomingWebhook(f"{_HOOK}?x=1", transport=transport).post("hello")
    assert transport.requests[0].url == f"{_HOOK}?x=1"


# Credentials


_WRONG_CREDENTIALS: list[tuple[Any, str]] = [
    (None, "auth"),
    (("u", _SECRET), "auth"),
    (TokenAuth(" ", _SECRET), "user_id"),
    (TokenAuth("u\n", _SECRET), "user_id"),
    (TokenAuth(5, _SECRET), "user_id"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (TokenAuth("u", ""), "token"),
    (TokenAuth("u", f"{_SECRET}\u00e4"), "token"),
    (PasswordAuth("", _SECRET), "user"),
    (PasswordAuth("u", ""), "password"),
    (PasswordAuth("u", b"S3CRET"), "password"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    (PasswordAuth("u", _SECRET, totp=123456), "totp"),  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
]


@pytest.mark.parametrize("number", range(len(_WRONG_CREDENTIALS)))
def test_wrong_credentials_are_refused(number: int) -> None:
    """A field that is blank, of another type, or does not fit into a header is named, not shown."""
    auth, argument = _WRONG_CREDENTIALS[number]
    _refused(lambda: Client(_URL, auth), argument)


@pytest.mark.parametrize("auth", [PasswordAuth("a@b.example", " "), PasswordAuth("u", "p", totp="")])
def test_odd_passwords_are_accepted(auth: PasswordAuth) -> None:
    """A password may consist of spaces, and a code be empty: the server decides."""
    Client(_URL, auth, transport=_Transport())


# Options


_WRONG: list[tuple[str, Any]] = [
    *[("timeout", value) for value in (0, -1, "5", True, float("nan"), float("inf"), (1, 2, 3), (5, 0))],
    *[("retry", value) for value in (None, 3, RetryPolicy)],
    *[("verify", value) for value in (None, 1, "", b"ca.pem")],
    *[("cert", value) for value in ("", 1, ("a",), ("a", "b", "c"), ("a", ""), ["a", "b"])],
    *[("proxies", value) for value in ("http://proxy", {"https": None}, {1: "x"})],
    *[("pool_size", value) for value in (0, 1.5, "10", True)],
    *[("max_response_size", value) for value in (0, 1.5, None)],
    *[("user_agent", value) for value in ("", 5, "a\r\nX-Admin: 1", "\u00e4")],
    *[("transport", value) for value in (5, Response(200))],
    *[("headers", {name: _SECRET}) for name in ("X-Auth-Token", "CONTENT-LENGTH", "Accept-Encoding", "Host")],
    *[("headers", {"X-Team": value}) for value in (f"{_SECRET}\r\nX-Admin: 1", f"{_SECRET}\u00e4", None)],
    *[("headers", {name: _SECRET}) for name in ("X-Team\r\nX-Admin", "X Team", "X-Team:", "X-T\u00e4m", "", 1)],
    *[("headers", value) for value in ([("X-Team", _SECRET)], "X-Team")],
]


@pytest.mark.parametrize(("option", "value"), _WRONG)
def test_a_wrong_option_is_refused_by_name(option: str, value: Any) -> None:
    """Each wrong option is named, by a client, by a webhook and by the options themselves; its value is not shown."""
    _refused(lambda: Client(_URL, _TOKEN, **{option: value}), option)
    _refused(lambda: IncomingWebhook(_HOOK, **{option: value}), option)
    _refused(lambda: ConnectionOptions(**{option: value}), option)


@pytest.mark.parametrize(
    ("given", "timeout"),
    [(5, Timeout(5, 5)), ((3, 10.5), Timeout(3, 10.5)), (Timeout(total=600), Timeout(5, 30, 600))],
)
def test_a_timeout_may_be_a_number_a_pair_or_all_three(given: Any, timeout: Timeout) -> None:
    """Each form means the times to connect and to read; only a Timeout has the total."""
    assert ConnectionOptions(timeout=given).timeout == timeout


@pytest.mark.parametrize(
    "options",
    [
        {"verify": True, "proxies": {}, "headers": {}, "pool_size": 1},
        {"proxies": {"https": "http://proxy.example:3128"}, "user_agent": "deploy/1"},
    ],
)
def test_usual_options_are_accepted(options: Any) -> None:
    """Creating a client with them does no I/O."""
    with Client(_URL, _TOKEN, **options):
        pass


def test_options_show_no_secret() -> None:
    """Of headers and proxies a repr has only the names."""
    options = ConnectionOptions(headers={"X-Proxy": _SECRET}, proxies={"https": f"http://u:{_SECRET}@proxy"})
    assert _SECRET not in repr(options)
    assert "<X-Proxy>" in repr(options)
    assert "headers=None" in repr(ConnectionOptions())


def test_own_headers_replace_the_defaults_in_any_case() -> None:
    """A header of the user's is sent instead of the default of the same name, not beside it."""
    headers = _sent(headers={"accept": "*/*", "USER-AGENT": "mine"}).headers
    assert {name: headers[name] for name in headers if name.lower() in ("accept", "user-agent")} == {
        "accept": "*/*",
        "USER-AGENT": "mine",
    }


def test_the_default_headers() -> None:
    """Servers see which package and version is asking, after the name of the program."""
    headers: Mapping[str, str] = _sent(user_agent="deploy/1").headers
    assert headers["User-Agent"].startswith("deploy/1 rocketchat-integrations/")
    assert _sent().headers["User-Agent"].startswith("rocketchat-integrations/")
    assert (headers["Accept"], headers["Accept-Encoding"]) == ("application/json", "gzip, deflate")


# One list of options


def test_clients_and_webhooks_take_each_option_as_a_keyword() -> None:
    """Their signatures show the options with their defaults."""
    options = dict(inspect.signature(ConnectionOptions).parameters)
    client, webhook = (dict(inspect.signature(each).parameters) for each in (Client, IncomingWebhook))
    assert client == {"url": client["url"], "auth": client["auth"], **options}
    assert webhook == {"url": webhook["url"], **options}


def test_an_unknown_option_is_refused() -> None:
    """The error names it, and its traceback does not show a webhook's URL."""
    with pytest.raises(TypeError, match="time_out") as caught:
        IncomingWebhook(_HOOK, time_out=5)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    report = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert _SECRET not in str([frame.locals for frame in report.stack if "rocketchat_integrations" in frame.filename])


def test_the_typed_keywords_are_the_options() -> None:
    """Type checkers and editors know each option with the type that the constructor takes."""
    taken = get_type_hints(inspect.unwrap(ConnectionOptions.__init__))
    del taken["return"]
    assert get_type_hints(ConnectionKeywords) == {**taken, "transport": Transport | None}
    assert get_type_hints(AsyncConnectionKeywords) == {**taken, "transport": AsyncTransport | None}
    assert [field.name for field in attrs.fields(ConnectionOptions)] == list(taken)


def test_options_keep_their_mappings_to_themselves() -> None:
    """Later changes of the caller's headers do not bypass the checks; options can be hashed, and not be pickled."""
    headers = {"X-Team": "ops"}
    options = ConnectionOptions(headers=headers)
    headers["Host"] = "elsewhere.example"
    assert options.headers == {"X-Team": "ops"}
    assert hash(options) == hash(ConnectionOptions(headers={"X-Team": "ops"}))
    with pytest.raises(TypeError, match="secrets"):
        pickle.dumps(options)


def test_options_can_be_given_to_several_clients() -> None:
    options = ConnectionOptions(timeout=3, pool_size=2)
    assert ConnectionOptions(**attrs.asdict(options, recurse=False)) == options
