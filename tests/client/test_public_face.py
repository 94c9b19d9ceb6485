"""The promised names and signatures, and that each method has a docstring."""

from __future__ import annotations

import inspect
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    Client,
    ConnectionOptions,
    IncomingWebhook,
    Listing,
    RetryPolicy,
)
from rocketchat_integrations.aio import AsyncClient, AsyncIncomingWebhook, AsyncListing

TOOL = Path(__file__).parents[2] / "tools" / "sync_client.py"
made_from: Callable[[str], str] = runpy.run_path(str(TOOL))["made_from"]

NAMES = [
    "Action",
    "AmbiguousIntegration",
    "ApiError",
    "ApplyError",
    "AsyncTransport",
    "Attachment",
    "AttachmentField",
    "AuthenticationError",
    "BadRequestError",
    "CallOutcome",
    "Change",
    "Client",
    "ConfigurationError",
    "ConnectionOptions",
    "DecodingError",
    "EventType",
    "HistoryEntry",
    "IncomingIntegration",
    "IncomingIntegrationRecord",
    "IncomingWebhook",
    "InsecureTransportWarning",
    "IntegrationDefinition",
    "IntegrationRecord",
    "IntegrationScriptError",
    "IntegrationType",
    "InvalidParamsError",
    "Listing",
    "ManifestError",
    "Message",
    "NotFoundError",
    "OutgoingIntegration",
    "OutgoingIntegrationRecord",
    "PasswordAuth",
    "PermissionDeniedError",
    "PostIncomplete",
    "PostResponse",
    "PostResult",
    "ProvisioningError",
    "RateLimitError",
    "Request",
    "Response",
    "RetryDelay",
    "RetryPolicy",
    "RocketChatError",
    "ScriptError",
    "ScriptLimitError",
    "ScriptRuntimeError",
    "ScriptSyntaxError",
    "ServerError",
    "StalePlan",
    "StaleRecordError",
    "Timeout",
    "TokenAuth",
    "Transport",
    "TransportError",
    "TransportTimeout",
    "TwoFactorRequired",
    "UnexpectedResponse",
    "UnsafePlan",
    "UpdateIncomplete",
    "UserReference",
    "WebhookDisabledError",
    "WebhookPayloadError",
    "WebhookVerificationError",
    "__version__",
    "differences",
]


def test_the_names_of_the_package_are_promised() -> None:
    """Adding or removing a name is a decision, and changes this list."""
    assert rocketchat_integrations.__all__ == NAMES
    assert all(hasattr(rocketchat_integrations, name) for name in NAMES)


def public_members(*classes: type) -> Iterator[tuple[str, str]]:
    for kind in classes:
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                yield kind.__name__, name


CALLABLES = [
    *(getattr(Client, name) for _, name in public_members(Client) if name != "url"),
    *(getattr(Listing, name) for _, name in public_members(Listing)),
    *(getattr(RetryPolicy, name) for _, name in public_members(RetryPolicy)),
    *(getattr(IncomingWebhook, name) for name in ("post", "check", "close")),
    Client,
    IncomingWebhook,
]


@pytest.mark.parametrize("function", CALLABLES, ids=lambda each: each.__qualname__)
def test_every_public_method_has_a_docstring(function: Any) -> None:
    """The docstring names each argument; that of a constructor names the connection's options as one."""
    text = inspect.getdoc(function) or ""
    assert text.split("\n")[0].endswith((".", ":"))
    arguments = set(inspect.signature(function).parameters) - {"self"}
    if isinstance(function, type):
        arguments = arguments - inspect.signature(ConnectionOptions).parameters.keys() | {"options"}
    assert {name for name in arguments if f"{name}:" not in text} == set()


def test_the_method_signatures_are_promised() -> None:
    """Callers may pass every argument by its name."""
    arguments = {
        name: [argument for argument in inspect.signature(getattr(Client, name)).parameters if argument != "self"]
        for _, name in public_members(Client)
        if name != "url"
    }
    assert arguments == {
        "clear_history": ["id"],
        "close": [],
        "create": ["definition", "find_existing"],
        "from_env": ["options"],
        "get": ["id", "created_by"],
        "history": ["id", "on_error"],
        "list": ["type", "name", "name_contains", "on_error"],
        "list_for_channel": ["room_id", "room_name", "include_all_public_channels", "on_error"],
        "list_for_group": ["room_id", "room_name", "include_all_private_groups", "on_error"],
        "remove": ["record", "type"],
        "replay_outgoing": ["id", "history_id"],
        "server_version": [],
        "update": ["id", "wanted", "overwrite"],
        "user_id": [],
        "webhook": ["record"],
    }
    assert list(inspect.signature(Client).parameters) == [
        *("url", "auth", "timeout", "retry", "verify", "cert", "proxies", "headers", "user_agent", "pool_size"),
        *("max_response_size", "transport"),
    ]


def parameters(function: Any) -> list[tuple[Any, ...]]:
    """Return the names, kinds and defaults of a function's parameters."""
    return [(each.name, each.kind, each.default) for each in inspect.signature(function).parameters.values()]


@pytest.mark.parametrize(
    ("one", "other"), [(Client, AsyncClient), (IncomingWebhook, AsyncIncomingWebhook), (Listing, AsyncListing)]
)
def test_the_asynchronous_twin_has_the_same_methods(one: type, other: type) -> None:
    """The same names, parameters, defaults and docstrings; what sends a request is a coroutine function."""
    names = [name for _, name in public_members(one)]
    assert [name for _, name in public_members(other)] == names
    assert parameters(one) == parameters(other)
    for name in names:
        method, twin = getattr(one, name), getattr(other, name)
        assert made_from(inspect.getdoc(twin) or "").endswith(inspect.getdoc(method) or ""), name
        if callable(method):
            assert parameters(method) == parameters(twin), name
            sends_nothing = {"from_env", "webhook", "list", "history", "list_for_channel", "list_for_group"}
            assert inspect.iscoroutinefunction(twin) is (name not in sends_nothing), name


def test_the_synchronous_client_is_made_from_the_asynchronous_one() -> None:
    """`nox -s twins` writes it."""
    package = Path(rocketchat_integrations.__file__).parent
    made = made_from((package / "aio.py").read_text(encoding="utf-8"))
    assert (package / "client.py").read_text(encoding="utf-8") == made


def test_the_defaults_of_the_policy_are_promised() -> None:
    """The number of tries and the times, if a program sets nothing."""
    assert attrs.asdict(RetryPolicy()) == {
        "attempts": 4,
        "backoff": 0.5,
        "backoff_max": 8.0,
        "total": 60.0,
        "rate_limit_wait": 65.0,
        "budget": 100,
    }
    assert (RetryPolicy.never().attempts, RetryPolicy.never().rate_limit_wait) == (1, 0)
