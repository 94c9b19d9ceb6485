"""Refusals of the server, in each dialect: the right exception with what the caller needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    Client,
    ConfigurationError,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    Message,
    NotFoundError,
    OutgoingIntegration,
    PasswordAuth,
    PermissionDeniedError,
    ServerError,
    TokenAuth,
    TwoFactorRequired,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import call_count, each_dialect, oldest_and_newest

if TYPE_CHECKING:
    from tests.client.conftest import Connect


INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")

Call: TypeAlias = Callable[[Client], object]

NEW_INCOMING = IncomingIntegration("x", channel="#general", username="rocket.cat")
NEW_OUTGOING = OutgoingIntegration("x", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example")


# Authentication


@oldest_and_newest
def test_an_unknown_token_is_refused_once(server: LocalRocketChat) -> None:
    """401 is an AuthenticationError. It is not retried."""
    with (
        Client(server.url, TokenAuth("nobody", "unknown")) as client,
        pytest.raises(AuthenticationError, match="logged in") as caught,
    ):
        client.get("x")
    assert (caught.value.status, caught.value.endpoint) == (401, "integrations.get")
    assert caught.value.error == "You must be logged in to do this."
    assert not caught.value.may_have_acted
    assert len(server.requests) == 1


def test_a_revoked_token_is_replaced_only_with_a_password(server: LocalRocketChat, client: Client) -> None:
    """A client with a password logs in again."""
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as by_password:
        for _ in range(2):
            assert list(by_password.list()) == []
            server.revoke_tokens("admin")
        with pytest.raises(AuthenticationError):
            list(client.list())
    assert call_count(server, "login") == 2


def test_a_wrong_password_is_refused_before_the_call(server: LocalRocketChat) -> None:
    with Client(server.url, PasswordAuth("admin", "wrong")) as client, pytest.raises(AuthenticationError) as caught:
        client.get("x")
    assert not isinstance(caught.value, TwoFactorRequired)
    assert (caught.value.endpoint, caught.value.error) == ("login", "Unauthorized")
    assert [request.endpoint for request in server.requests] == ["login"]


def test_a_missing_second_factor_is_named(server: LocalRocketChat) -> None:
    server.require_second_factor("admin", method="email")
    with (
        Client(server.url, PasswordAuth("admin", server.password("admin"))) as client,
        pytest.raises(TwoFactorRequired, match="totp") as caught,
    ):
        client.user_id()
    assert (caught.value.method, caught.value.available_methods) == ("email", ("email",))
    assert caught.value.error == "totp-required"


@pytest.mark.parametrize("totp", ["123456", lambda: "123456"], ids=["text", "callable"])
def test_a_second_factor_is_sent_when_the_server_asks(server: LocalRocketChat, totp: Any) -> None:
    server.require_second_factor("admin", "123456")
    with Client(server.url, PasswordAuth("admin", server.password("admin"), totp=totp)) as client:
        assert client.user_id() == server.auth("admin").user_id
    assert ["code" in request.json for request in server.requests[:2]] == [False, True]


def test_a_wrong_second_factor_is_not_a_missing_one(server: LocalRocketChat) -> None:
    server.require_second_factor("admin", "123456")
    with (
        Client(server.url, PasswordAuth("admin", server.password("admin"), totp="654321")) as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.user_id()
    assert not isinstance(caught.value, TwoFactorRequired)
    assert caught.value.error == "totp-invalid"


# Permissions

WITHOUT_PERMISSION: dict[str, tuple[Call, tuple[str, ...]]] = {
    "create incoming": (lambda c: c.create(NEW_INCOMING), INCOMING),
    "create outgoing": (lambda c: c.create(NEW_OUTGOING), OUTGOING),
    "list": (lambda c: list(c.list()), (*INCOMING, *OUTGOING)),
    "history": (lambda c: list(c.history("x")), OUTGOING),
    "remove incoming": (lambda c: c.remove("x", type=IntegrationType.INCOMING), INCOMING),
    "remove outgoing": (lambda c: c.remove("x", type=IntegrationType.OUTGOING), OUTGOING),
    "list_for_channel": (lambda c: list(c.list_for_channel(room_name="general")), (*INCOMING, *OUTGOING)),
    "list_for_group": (lambda c: list(c.list_for_group(room_name="secret")), (*INCOMING, *OUTGOING)),
}
WITHOUT_PERMISSION_8: dict[str, tuple[Call, tuple[str, ...]]] = {
    "clear_history": (lambda c: c.clear_history("x"), OUTGOING),
}


@each_dialect
def test_missing_permissions_are_named(server: LocalRocketChat, client: Client, connect: Connect) -> None:
    """From a 403 or a 400 with the same meaning. One of the named permissions is enough.

    A replay is refused as if there were no such integration.
    """
    bob = connect(server, "bob")
    is_8 = client.server_version().startswith("8.")
    for call, permissions in (WITHOUT_PERMISSION | (WITHOUT_PERMISSION_8 if is_8 else {})).values():
        with pytest.raises(PermissionDeniedError) as caught:
            call(bob)
        assert caught.value.permissions == permissions
        assert all(permission in str(caught.value) for permission in permissions)
        assert caught.value.status in (400, 403)
        assert not caught.value.may_have_acted
    assert server.documents == ()


@each_dialect
def test_integrations_of_others_are_refused(
    server: LocalRocketChat, dialect: str, connect: Connect, hook: IncomingIntegrationRecord
) -> None:
    """Without the permission to manage all: get and update are denied, remove finds nothing."""
    alice = connect(server, "alice")
    before = server.documents
    with pytest.raises(PermissionDeniedError) as caught:
        alice.get(hook.id)
    assert caught.value.status == (403 if dialect == "9.0" else 400)
    with pytest.raises(PermissionDeniedError):
        alice.update(hook.id, hook)
    with pytest.raises(NotFoundError):
        alice.remove(hook)
    assert server.documents == before


def test_an_event_for_administrators_needs_the_full_permission(server: LocalRocketChat, connect: Connect) -> None:
    with pytest.raises(PermissionDeniedError) as caught:
        connect(server, "alice").create(attrs.evolve(NEW_OUTGOING, event=EventType.ROOM_CREATED))
    assert caught.value.permissions == ("manage-outgoing-integrations",)


# Not found

MISSING: dict[str, Call] = {
    "get": lambda c: c.get("nope"),
    "update": lambda c: c.update("nope", NEW_INCOMING),
    "remove": lambda c: c.remove("nope", type=IntegrationType.OUTGOING),
    "list_for_channel": lambda c: list(c.list_for_channel(room_name="secret")),
    "list_for_group": lambda c: list(c.list_for_group(room_id="nope")),
    "total": lambda c: c.list_for_group(room_id="nope").total(),
}


@oldest_and_newest
@pytest.mark.parametrize("what", MISSING)
def test_a_missing_integration_or_room_is_a_not_found_error(client: Client, what: str) -> None:
    """A 400 raises NotFoundError, too, so that ``except NotFoundError: create()`` works."""
    with pytest.raises(NotFoundError) as caught:
        MISSING[what](client)
    assert caught.value.status == 400
    assert caught.value.error
    assert not caught.value.may_have_acted


# Rules of the server

REFUSED: dict[str, tuple[IncomingIntegration | OutgoingIntegration, str]] = {
    "a missing room": (attrs.evolve(NEW_INCOMING, channel="#nope"), "error-invalid-room"),
    "a missing user as channel": (attrs.evolve(NEW_OUTGOING, channel="@nope"), "error-invalid-room"),
    "a missing user": (attrs.evolve(NEW_OUTGOING, username="ghost"), "error-invalid-user"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_rule_of_the_server_is_a_bad_request(server: LocalRocketChat, client: Client, what: str) -> None:
    """With the server's words and its name of the error."""
    definition, error_type = REFUSED[what]
    with pytest.raises(BadRequestError) as caught:
        client.create(definition)
    assert type(caught.value) is BadRequestError
    assert caught.value.error_type == error_type
    assert caught.value.error is not None
    assert caught.value.error in str(caught.value)
    assert isinstance(caught.value.details, dict)
    assert server.documents == ()


def test_own_permissions_need_membership_in_the_room(server: LocalRocketChat, connect: Connect) -> None:
    with pytest.raises(BadRequestError) as caught:
        connect(server, "alice").create(attrs.evolve(NEW_INCOMING, channel="#secret"))
    assert caught.value.error_type == "error-invalid-channel"


def test_a_server_with_frozen_scripts_refuses_to_create_one(server: LocalRocketChat, client: Client) -> None:
    server.frozen_scripts = True
    with pytest.raises(BadRequestError, match="integration-scripts-disabled"):
        client.create(attrs.evolve(NEW_INCOMING, script_enabled=True, script="class Script {}"))
    assert server.documents == ()


# Answers that are not Rocket.Chat's


def test_a_web_page_hints_at_the_base_url(server: LocalRocketChat, client: Client) -> None:
    server.fail_next("info", "html")
    with pytest.raises(UnexpectedResponse, match=r"info.*base URL") as caught:
        client.server_version()
    assert (caught.value.status, caught.value.location) == (200, None)
    assert (caught.value.content_type or "").startswith("text/html")


def test_a_redirect_is_not_followed(server: LocalRocketChat, client: Client) -> None:
    """The error has its target."""
    server.fail_next("integrations.get", "redirect")
    with pytest.raises(UnexpectedResponse) as caught:
        client.get("x")
    assert caught.value.status == 302
    assert (caught.value.location or "").startswith("https://elsewhere.example/api/")


@pytest.mark.parametrize("path", ["wrong", "wrong/deeper/"])
def test_a_wrong_base_url_is_not_a_not_found_error(server: LocalRocketChat, path: str) -> None:
    with Client(f"{server.url}/{path}", server.auth("admin")) as client:
        for call in (client.server_version, lambda: client.get("x"), lambda: list(client.list())):
            with pytest.raises(UnexpectedResponse, match="base URL"):
                call()


# Posts


def post_error(
    client: Client, record: IncomingIntegrationRecord, message: str | Message | dict[str, object] = "hello"
) -> ApiError:
    with pytest.raises(ApiError) as caught:
        client.webhook(record).post(message)
    assert caught.value.endpoint == "hooks"
    return caught.value


@oldest_and_newest
def test_a_disabled_webhook_is_named_and_not_retried(server: LocalRocketChat, client: Client) -> None:
    error = post_error(client, client.create(attrs.evolve(NEW_INCOMING, enabled=False)))
    assert isinstance(error, WebhookDisabledError)
    assert error.status == 503
    assert [request.endpoint for request in server.requests] == ["integrations.create", "hooks"]


@oldest_and_newest
@pytest.mark.parametrize("wrong", [{"id": "nope"}, {"token": "nope"}])
def test_a_wrong_address_is_named_and_not_retried(
    server: LocalRocketChat, dialect: str, client: Client, hook: IncomingIntegrationRecord, wrong: dict[str, Any]
) -> None:
    """6.x answers 404; 8.x and 9.0 answer 500, and the message says what that may mean."""
    error = post_error(client, attrs.evolve(hook, **wrong))
    assert "token" in str(error)
    assert (type(error), error.status) == ((ServerError, 500) if dialect != "6.14" else (NotFoundError, 404))
    assert call_count(server, "hooks") == 1


def test_another_channel_needs_the_override(server: LocalRocketChat, client: Client, hook: Any) -> None:
    """A message that names a channel is refused, even if it is the configured one."""
    error = post_error(client, hook, Message("hello", channel="#general"))
    assert type(error) is BadRequestError
    assert error.error == "overriding destination channel is disabled for this integration"
    assert server.messages == ()


@pytest.fixture
def free_hook(client: Client) -> IncomingIntegrationRecord:
    """An integration that may post to any channel."""
    return client.create(attrs.evolve(NEW_INCOMING, override_destination_channel_enabled=True))


def test_an_unknown_channel_is_a_bad_request(server: LocalRocketChat, client: Client, free_hook: Any) -> None:
    for channel in ("#nope", "@nope", "nope", ("#nope",)):
        error = post_error(client, free_hook, Message("hello", channel=channel))
        assert (type(error), error.error, error.may_have_acted) == (BadRequestError, "invalid-channel", False)
    assert server.messages == ()


@each_dialect
def test_a_private_room_of_others_is_denied(client: Client, free_hook: Any) -> None:
    """The webhook's user would have to join: no permission of the caller helps, and none is named."""
    error = post_error(client, free_hook, Message("hello", channel="#secret"))
    assert isinstance(error, PermissionDeniedError)
    assert error.permissions == ()
    assert "posts as" in str(error)


@each_dialect
def test_a_post_to_several_channels_may_have_reached_some(
    server: LocalRocketChat, dialect: str, client: Client, free_hook: Any
) -> None:
    """6.x posts to the channels before the wrong one; the 403 of 9.0 means that nothing was posted."""
    error = post_error(client, free_hook, Message("hello", channel=("#general", "#nope", "#random")))
    assert [message.room for message in server.messages] == ([] if dialect != "6.14" else ["general"])
    assert str(error) == "hooks: 400 invalid-channel; some of the channels may have got the message"
    assert error.may_have_acted
    mapping = post_error(client, free_hook, {"text": "hello", "roomId": ["#nope", "#general"]})
    assert (str(mapping), mapping.may_have_acted) == (str(error), True)
    denied = post_error(client, free_hook, Message("hello", channel=("#general", "#secret")))
    assert isinstance(denied, PermissionDeniedError)
    assert denied.may_have_acted is (dialect != "9.0")


def test_a_separate_post_that_fails_in_all_channels_raises(
    server: LocalRocketChat, client: Client, free_hook: Any
) -> None:
    """The error has the reason of each channel."""
    error = post_error(client, free_hook, Message("hello", channel=("#no", "#secret"), separate_response=True))
    responses = [{"channel": "#no", "error": "invalid-channel"}, {"channel": "#secret", "error": "error-not-allowed"}]
    assert type(error) is BadRequestError
    assert error.details == responses
    assert all(word in str(error) for response in responses for word in response.values())
    assert not error.may_have_acted
    alone = post_error(client, free_hook, Message("hello", channel="#secret", separate_response=True))
    assert isinstance(alone, PermissionDeniedError)
    assert alone.error == "error-not-allowed"
    assert server.messages == ()


def test_a_webhook_whose_user_was_removed_is_named(server: LocalRocketChat, client: Client, hook: Any) -> None:
    server.remove_user("rocket.cat")
    error = post_error(client, hook)
    assert isinstance(error, AuthenticationError)
    assert "is gone" in str(error)


def test_an_empty_message_is_not_sent(server: LocalRocketChat, hook: Any, client: Client) -> None:
    """The server would answer success and post nothing."""
    before = len(server.requests)
    for message in ("", Message("\ufeff"), Message(attachments=[])):
        with pytest.raises(ConfigurationError, match="text"):
            client.webhook(hook).post(message)
    assert len(server.requests) == before


def test_a_post_to_the_base_url_is_not_a_success(server: LocalRocketChat) -> None:
    with IncomingWebhook(server.url) as webhook, pytest.raises(UnexpectedResponse):
        webhook.post("hello")
