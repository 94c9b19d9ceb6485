"""The promised names and signatures, and that each method has a test and a docstring."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import rocketchat_integrations
from rocketchat_integrations import (
    Client,
    ConnectionOptions,
    EventType,
    IncomingIntegration,
    IncomingWebhook,
    IntegrationType,
    Listing,
    Message,
    OutgoingIntegration,
    RetryPolicy,
    TokenAuth,
)
from rocketchat_integrations.testing import LocalRocketChat

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

TESTS = Path(__file__).parent.parent


def test_the_names_of_the_package_are_promised() -> None:
    """Adding or removing a name is a decision, and changes this list."""
    assert rocketchat_integrations.__all__ == NAMES
    assert all(hasattr(rocketchat_integrations, name) for name in NAMES)


def public_members(*classes: type) -> Iterator[tuple[str, str]]:
    for kind in classes:
        for name, member in inspect.getmembers(kind):
            if not name.startswith("_") and (callable(member) or isinstance(member, property)):
                yield kind.__name__, name


def test_every_public_method_has_a_test() -> None:
    """A new method has to be used in a test."""
    used = {
        node.attr
        for path in TESTS.rglob("test_*.py")
        if path.name != Path(__file__).name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
    }
    members = set(public_members(Client, IncomingWebhook, Listing, RetryPolicy))
    assert {f"{kind}.{name}" for kind, name in members if name not in used} == set()
    assert len(members) > 20


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


@pytest.mark.parametrize("dialect", ["8.8"])
def test_the_main_path_runs_as_it_is_shown(server: LocalRocketChat) -> None:
    """Create, post, read, list, update, show the history, remove: what most programs do."""
    server.add_room("builds")
    auth = server.auth("admin")

    with Client(server.url, TokenAuth(user_id=auth.user_id, token=auth.token)) as client:
        hook = client.create(IncomingIntegration(name="ci", channel="#builds", username="rocket.cat"))
        assert hook.id
        assert hook.token
        assert hook.created_at
        assert hook.created_by.username == "admin"
        webhook = client.webhook(hook)
        assert webhook.url == f"{server.url}/hooks/{hook.id}/{hook.token}"
        webhook.post("build passed")
        assert [message.text for message in server.messages] == ["build passed"]

        bot = client.create(
            OutgoingIntegration(
                name="deployer",
                event=EventType.SEND_MESSAGE,
                channel="#ops",
                username="rocket.cat",
                urls=["https://bot.example.com/hook"],
                trigger_words=["!deploy"],
                token="s3cret",
            )
        )
        assert client.get(bot.id) == bot
        for integration in client.list(type=IntegrationType.OUTGOING, name="deployer"):
            assert integration == bot
            assert integration.urls == ("https://bot.example.com/hook",)

        before = server.documents[1]
        bot = client.update(bot.id, attrs.evolve(bot, alias="Deploy Bot"))
        changed = {name for name, value in server.documents[1].items() if before.get(name) != value and value}
        assert changed == {"alias", "_updatedAt", "_updatedBy"}

        server.insert_history(bot.id, {"_id": "h1"})
        for entry in client.history(bot.id):
            client.replay_outgoing(bot.id, entry.id)
        client.clear_history(bot.id)
        assert server.history_documents == ()

        assert [each.id for each in client.list_for_channel(room_name="ops")] == [bot.id]
        assert list(client.list_for_group(room_id="PRIV0000000000001")) == []
        client.remove(bot)
        client.remove(hook.id, type=IntegrationType.INCOMING)
        assert server.documents == ()
        assert client.server_version() == "8.8"
        assert client.user_id() == auth.user_id

    with IncomingWebhook(webhook.url) as gone, pytest.raises(rocketchat_integrations.ServerError):
        gone.post(Message("too late"))
