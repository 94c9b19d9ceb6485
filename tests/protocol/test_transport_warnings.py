"""A client for ``http://`` warns that others can read its tokens."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from rocketchat_integrations import Client, IncomingWebhook, InsecureTransportWarning, TokenAuth
from rocketchat_integrations.aio import AsyncClient, AsyncIncomingWebhook

AUTH = TokenAuth("id", "T0KEN")
_HOOK = "http://chat.example.com/hooks/ID/T0KEN"


def _make(kind: type, url: str) -> None:
    kind(url) if kind in (IncomingWebhook, AsyncIncomingWebhook) else kind(url, AUTH)


@pytest.mark.parametrize("kind", [Client, AsyncClient, IncomingWebhook, AsyncIncomingWebhook])
def test_plain_http_warns_at_the_line_that_makes_the_client(kind: type) -> None:
    """The warning names the host, and shows no secret of a webhook's URL."""
    with pytest.warns(InsecureTransportWarning, match=r"^http://chat\.example\.com is not encrypted") as caught:
        _make(kind, _HOOK if kind in (IncomingWebhook, AsyncIncomingWebhook) else "http://chat.example.com")
    assert [Path(warning.filename).name for warning in caught] == [Path(__file__).name]
    assert "T0KEN" not in str(caught[0].message)


def test_one_line_warns_once_for_a_host() -> None:
    """With Python's default filter. A webhook of the client adds no warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for host in ("a.example", "a.example", "b.example"):
            Client(f"http://{host}", AUTH)
    assert [str(warning.message).split()[0] for warning in caught] == ["http://a.example", "http://b.example"]


def test_code_without_a_module_can_make_a_client() -> None:
    """As `exec` runs it, for example in a template or a notebook."""
    with pytest.warns(InsecureTransportWarning):
        exec("make('http://chat.example.com', auth)", {"make": Client, "auth": AUTH})


@pytest.mark.parametrize(
    "url",
    [
        "https://chat.example.com",
        "http://localhost:3000",
        "http://x.localhost",
        "http://127.1.2.3",
        "http://[::1]:3000",
    ],
)
def test_tls_and_this_machine_do_not_warn(url: str) -> None:
    """Any warning fails a test."""
    Client(url, AUTH)


@pytest.mark.parametrize("host", ["localhost.example.com", "10.0.0.1", "[2001:db8::1]", "rocketchat"])
def test_any_other_host_warns(host: str) -> None:
    with pytest.warns(InsecureTransportWarning):
        Client(f"http://{host}", AUTH)
