"""The promised names and signatures, and that each method has a docstring."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
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

NAMES = [
    "AmbiguousIntegration",
    "ApiError",
    "ApplyError",
    "Attachment",
    "AttachmentField",
    "AuthenticationError",
    "BadRequestError",
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
    *(getattr(Client, name) for _, name in public_members(Client)),
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
    }
    assert arguments == {
        "clear_history": ["id"],
        "close": [],
        "create": ["definition"],
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


def test_the_defaults_of_the_policy_are_promised() -> None:
    """The number of tries and the times, if a program sets nothing."""
    assert attrs.asdict(RetryPolicy()) == {
        "attempts": 4,
        "backoff": 0.5,
        "backoff_max": 8.0,
        "total": 60.0,
        "rate_limit_wait": 65.0,
    }
    assert (RetryPolicy.never().attempts, RetryPolicy.never().rate_limit_wait) == (1, 0)
