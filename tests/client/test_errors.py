"""What the server refuses, in both dialects: the right exception, with what one needs to know."""

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
    InvalidParamsError,
    Message,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TokenAuth,
    TransportError,
    TwoFactorRequired,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect

only_8 = pytest.mark.parametrize("dialect", ["8.8"])
only_6 = pytest.mark.parametrize("dialect", ["6.14"])

INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")

Call: TypeAlias = Callable[[Client], object]


def is_8(server: LocalRocketChat) -> bool:
    with Client(server.url, server.auth("admin")) as client:
        return client.server_version().startswith("8.")


# Who asks


@pytest.mark.parametrize("auth", [TokenAuth("adminid0000000001", "unknown"), TokenAuth("nobody", "unknown")])
def test_an_unknown_token(server: LocalRocketChat, auth: TokenAuth) -> None:
    """401 is an AuthenticationError, nothing was done, and it is not tried again."""
    with Client(server.url, auth) as client, pytest.raises(AuthenticationError, match="logged in") as caught:
        client.get("x")
    assert (caught.value.status, caught.value.endpoint) == (401, "integrations.get")
    assert caught.value.error == "You must be logged in to do this."
    assert not caught.value.may_have_acted
    assert len(server.requests) == 1


def test_a_revoked_token(server: LocalRocketChat, client: Client) -> None:
    """What was good before is refused like any unknown token."""
    assert list(client.list()) == []
    server.revoke_tokens("admin")
    with pytest.raises(AuthenticationError):
        list(client.list())


def test_a_revoked_token_is_replaced_where_there_is_a_password(server: LocalRocketChat) -> None:
    """With a password the client logs in again, and the call goes through."""
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        assert list(client.list()) == []
        server.revoke_tokens("admin")
        assert list(client.list()) == []
    assert [request.endpoint for request in server.requests].count("login") == 2


@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_a_wrong_password(server: LocalRocketChat, user: str) -> None:
    """The login is refused, and the call not made."""
    with Client(server.url, PasswordAuth(user, "wrong")) as client, pytest.raises(AuthenticationError) as caught:
        client.get("x")
    assert not isinstance(caught.value, TwoFactorRequired)
    assert (caught.value.endpoint, caught.value.error) == ("login", "Unauthorized")
    assert [request.endpoint for request in server.requests] == ["login"]


@pytest.mark.parametrize("method", ["totp", "email", "password"])
def test_a_second_factor_that_nobody_has(server: LocalRocketChat, method: str) -> None:
    """The error says which factor is wanted, and what to do."""
    server.require_second_factor("admin", method=method)
    with (
        Client(server.url, PasswordAuth("admin", server.password("admin"))) as client,
        pytest.raises(TwoFactorRequired, match="totp") as caught,
    ):
        client.user_id()
    assert (caught.value.method, caught.value.available_methods) == (method, (method,))
    assert caught.value.error == "totp-required"


@pytest.mark.parametrize("totp", ["123456", lambda: "123456"], ids=["text", "callable"])
def test_a_second_factor(server: LocalRocketChat, totp: Any) -> None:
    """It is sent when the server asks for it, and not before."""
    server.require_second_factor("admin", "123456")
    with Client(server.url, PasswordAuth("admin", server.password("admin"), totp=totp)) as client:
        assert client.user_id() == server.auth("admin").user_id
    assert ["code" in request.json for request in server.requests[:2]] == [False, True]


def test_a_wrong_second_factor(server: LocalRocketChat) -> None:
    """It is refused as what it is, not as a missing one."""
    server.require_second_factor("admin", "123456")
    with (
        Client(server.url, PasswordAuth("admin", server.password("admin"), totp="654321")) as client,
        pytest.raises(AuthenticationError) as caught,
    ):
        client.user_id()
    assert not isinstance(caught.value, TwoFactorRequired)
    assert caught.value.error == "totp-invalid"


# What the user may not do

WITHOUT_PERMISSION: dict[str, tuple[Call, tuple[str, ...]]] = {
    "create incoming": (
        lambda c: c.create(IncomingIntegration("x", channel="#general", username="rocket.cat")),
        INCOMING,
    ),
    "create outgoing": (
        lambda c: c.create(
            OutgoingIntegration("x", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example")
        ),
        OUTGOING,
    ),
    "list": (lambda c: list(c.list()), (*INCOMING, *OUTGOING)),
    "total": (lambda c: c.list().total(), (*INCOMING, *OUTGOING)),
    "history": (lambda c: list(c.history("x")), OUTGOING),
    "remove incoming": (lambda c: c.remove("x", type=IntegrationType.INCOMING), INCOMING),
    "remove outgoing": (lambda c: c.remove("x", type=IntegrationType.OUTGOING), OUTGOING),
    "list_for_channel": (lambda c: list(c.list_for_channel(room_name="general")), (*INCOMING, *OUTGOING)),
    "list_for_group": (lambda c: list(c.list_for_group(room_name="secret")), (*INCOMING, *OUTGOING)),
}


@pytest.mark.parametrize("what", WITHOUT_PERMISSION)
def test_without_permission(server: LocalRocketChat, connect: Connect, what: str) -> None:
    """403, and the 400s that mean it, name the permissions of which one would do."""
    call, permissions = WITHOUT_PERMISSION[what]
    with pytest.raises(PermissionDeniedError) as caught:
        call(connect(server, "bob"))
    assert caught.value.permissions == permissions
    assert all(permission in str(caught.value) for permission in permissions)
    assert caught.value.status in (400, 403)
    assert not caught.value.may_have_acted
    assert server.documents == ()


@only_8
def test_without_permission_for_history(server: LocalRocketChat, connect: Connect) -> None:
    """Clearing and replaying want one of the outgoing permissions."""
    bob = connect(server, "bob")
    with pytest.raises(PermissionDeniedError) as caught:
        bob.clear_history("x")
    assert caught.value.permissions == OUTGOING
    with pytest.raises(PermissionDeniedError) as caught:
        bob.replay_outgoing("x", "y")
    assert caught.value.permissions == OUTGOING


def test_somebody_elses(server: LocalRocketChat, connect: Connect, hook: IncomingIntegrationRecord) -> None:
    """Reading it is not permitted; removing it finds nothing; neither changes it."""
    alice = connect(server, "alice")
    before = server.documents
    with pytest.raises(PermissionDeniedError) as caught:
        alice.get(hook.id)
    assert caught.value.status == 400
    with pytest.raises(PermissionDeniedError):
        alice.update(hook.id, hook)
    with pytest.raises(NotFoundError):
        alice.remove(hook)
    assert server.documents == before


def test_an_event_for_administrators(server: LocalRocketChat, connect: Connect, outgoing: OutgoingIntegration) -> None:
    """Some events want the whole permission; the error names that one."""
    with pytest.raises(PermissionDeniedError) as caught:
        connect(server, "alice").create(attrs.evolve(outgoing, event=EventType.ROOM_CREATED))
    assert caught.value.permissions == ("manage-outgoing-integrations",)


# What is not there


MISSING: dict[str, Call] = {
    "get": lambda c: c.get("nope"),
    "update": lambda c: c.update("nope", IncomingIntegration("x", channel="#general", username="rocket.cat")),
    "remove outgoing": lambda c: c.remove("nope", type=IntegrationType.OUTGOING),
    "remove incoming": lambda c: c.remove("nope", type=IntegrationType.INCOMING),
    "list_for_channel": lambda c: list(c.list_for_channel(room_name="nope")),
    "list_for_group": lambda c: list(c.list_for_group(room_id="nope")),
    "total": lambda c: c.list_for_group(room_id="nope").total(),
}


@pytest.mark.parametrize("what", MISSING)
def test_not_found(client: Client, what: str) -> None:
    """The 400s that mean it are NotFoundErrors: scripts write `except NotFoundError: create()`."""
    with pytest.raises(NotFoundError) as caught:
        MISSING[what](client)
    assert caught.value.status == 400
    assert caught.value.error
    assert not caught.value.may_have_acted


# What the server's rules refuse

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "room": ({"channel": "#nope"}, "error-invalid-room"),
    "user as a channel": ({"channel": "@nope"}, "error-invalid-room"),
    "user": ({"username": "ghost"}, "error-invalid-user"),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("kind", ["incoming", "outgoing"])
def test_a_rule_is_named(
    server: LocalRocketChat, client: Client, request: pytest.FixtureRequest, kind: str, what: str
) -> None:
    """What exists is the server's affair: its name of the error and its words come along."""
    changes, error_type = REFUSED[what]
    with pytest.raises(BadRequestError) as caught:
        client.create(attrs.evolve(request.getfixturevalue(kind), **changes))
    assert type(caught.value) is BadRequestError
    assert caught.value.error_type == error_type
    assert caught.value.error is not None
    assert caught.value.error in str(caught.value)
    assert isinstance(caught.value.details, dict)
    assert server.documents == ()


def test_a_room_that_the_user_is_not_in(
    server: LocalRocketChat, connect: Connect, incoming: IncomingIntegration
) -> None:
    """Who may manage only their own integrations needs to be in the room."""
    with pytest.raises(BadRequestError) as caught:
        connect(server, "alice").create(attrs.evolve(incoming, channel="#secret"))
    assert caught.value.error_type == "error-invalid-channel"


def test_frozen_scripts(server: LocalRocketChat, client: Client, incoming: IncomingIntegration) -> None:
    """A server that takes no scripts refuses to create one."""
    server.frozen_scripts = True
    with pytest.raises(BadRequestError, match="integration-scripts-disabled"):
        client.create(attrs.evolve(incoming, script_enabled=True, script="class Script {}"))
    assert server.documents == ()


@only_6
def test_a_field_that_the_server_does_not_know(client: Client, incoming: Any, outgoing: Any) -> None:
    """One mistake is one violation: the one of the kind that was sent."""
    for definition in (incoming, outgoing):
        with pytest.raises(InvalidParamsError) as caught:
            client.create(attrs.evolve(definition, skip_transpile=True))
        assert caught.value.violations == ("must NOT have additional properties",)
        assert caught.value.error_type == "invalid-params"


# Too many


def test_a_rate_limit(server: LocalRocketChat, connect: Connect) -> None:
    """Who does not wait gets told for how long, and how much is allowed."""
    server.rate_limit = (2, 60)
    client = connect(server, retry=RetryPolicy.never())
    for _ in range(2):
        list(client.list())
    with pytest.raises(RateLimitError) as caught:
        list(connect(server, retry=RetryPolicy.never()).list())
    assert caught.value.limit == 2
    assert caught.value.retry_after is not None
    assert 55 < caught.value.retry_after <= 61
    assert not caught.value.may_have_acted


@pytest.mark.parametrize("skew", [-100000.0, 0.0, 100000.0])
def test_the_wait_is_counted_by_the_servers_clock(server: LocalRocketChat, connect: Connect, skew: float) -> None:
    """A clock that is wrong, on either side, does not make the wait wrong."""
    server.clock_skew = skew
    server.fail_next("integrations.list", "429")
    with pytest.raises(RateLimitError) as caught:
        list(connect(server, retry=RetryPolicy.never()).list())
    assert caught.value.retry_after is not None
    assert 0 <= caught.value.retry_after <= 2


# No answer of Rocket.Chat's

ANYTHING: dict[str, tuple[str, Call]] = {
    "integrations.get": ("integrations.get", lambda c: c.get("x")),
    "integrations.list": ("integrations.list", lambda c: list(c.list())),
    "info": ("info", lambda c: c.server_version()),
}


@pytest.mark.parametrize("endpoint", ANYTHING)
def test_a_web_page(server: LocalRocketChat, client: Client, endpoint: str) -> None:
    """A page for browsers is an UnexpectedResponse that says where to look for the mistake."""
    server.fail_next(endpoint, "html")
    with pytest.raises(UnexpectedResponse, match=endpoint) as caught:
        ANYTHING[endpoint][1](client)
    assert (caught.value.status, caught.value.location) == (200, None)
    assert (caught.value.content_type or "").startswith("text/html")
    assert "base URL" in str(caught.value)


@pytest.mark.parametrize("endpoint", ANYTHING)
def test_a_redirect(server: LocalRocketChat, client: Client, endpoint: str) -> None:
    """It is not followed, and the error says where it leads."""
    server.fail_next(endpoint, "redirect")
    with pytest.raises(UnexpectedResponse) as caught:
        ANYTHING[endpoint][1](client)
    assert caught.value.status == 302
    assert (caught.value.location or "").startswith("https://elsewhere.example/api/")
    assert not caught.value.may_have_acted


@pytest.mark.parametrize("path", ["wrong", "wrong/deeper/"])
def test_a_wrong_base_url(server: LocalRocketChat, path: str) -> None:
    """The server's web app answers; the error says that the base URL may be wrong, and it is no "not found"."""
    with Client(f"{server.url}/{path}", server.auth("admin")) as client:
        for call in (client.server_version, lambda: client.get("x"), lambda: list(client.list())):
            with pytest.raises(UnexpectedResponse, match="base URL"):
                call()


@pytest.mark.parametrize("fault", ["502", "503"])
def test_a_proxy_without_a_server(server: LocalRocketChat, connect: Connect, fault: str) -> None:
    """A 5xx is a ServerError, and may have acted."""
    server.fail_next("integrations.get", fault)
    with pytest.raises(ServerError) as caught:
        connect(server, retry=RetryPolicy.never()).get("x")
    assert caught.value.status == int(fault)
    assert not isinstance(caught.value, WebhookDisabledError)
    assert caught.value.may_have_acted


def test_nobody_there(server: LocalRocketChat, incoming: IncomingIntegration) -> None:
    """A server that has gone away is a TransportError with host and port, and surely has not acted."""
    url, auth = server.url, server.auth("admin")
    server.stop()
    with Client(url, auth, retry=RetryPolicy.never()) as client, pytest.raises(TransportError) as caught:
        client.create(incoming)
    assert (caught.value.kind, caught.value.host) == ("refused", "127.0.0.1")
    assert url.endswith(str(caught.value.port))
    assert not caught.value.may_have_acted


# Posting


def posted(
    client: Client, record: IncomingIntegrationRecord, message: str | Message | dict[str, object] = "hello"
) -> ApiError:
    with pytest.raises(ApiError) as caught:
        client.webhook(record).post(message)
    assert caught.value.endpoint == "hooks"
    return caught.value


def test_a_disabled_webhook(server: LocalRocketChat, client: Client, incoming: IncomingIntegration) -> None:
    """503 from a webhook means that it is disabled, and is not tried again."""
    error = posted(client, client.create(attrs.evolve(incoming, enabled=False)))
    assert isinstance(error, WebhookDisabledError)
    assert error.status == 503
    assert [request.endpoint for request in server.requests] == ["integrations.create", "hooks"]


@pytest.mark.parametrize("wrong", [{"id": "nope"}, {"token": "nope"}])
def test_a_wrong_address(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, wrong: dict[str, Any]
) -> None:
    """Old servers say so, new ones answer 500; then the message says that the address may be wrong."""
    error = posted(client, attrs.evolve(hook, **wrong))
    assert "token" in str(error)
    if is_8(server):
        assert type(error) is ServerError
        assert error.status == 500
    else:
        assert type(error) is NotFoundError
        assert error.status == 404
    assert [request.endpoint for request in server.requests].count("hooks") == 1


def test_another_channel_without_leave(server: LocalRocketChat, client: Client, hook: Any) -> None:
    """Even the configured channel counts as another one."""
    error = posted(client, hook, Message("hello", channel="#general"))
    assert type(error) is BadRequestError
    assert error.error == "overriding destination channel is disabled for this integration"
    assert server.messages == ()


@pytest.fixture
def free_hook(client: Client, incoming: IncomingIntegration) -> IncomingIntegrationRecord:
    """One that may post anywhere."""
    return client.create(attrs.evolve(incoming, override_destination_channel_enabled=True))


@pytest.mark.parametrize("channel", ["#nope", "@nope", "nope", ("#nope",)])
def test_an_unknown_channel(server: LocalRocketChat, client: Client, free_hook: Any, channel: Any) -> None:
    """The server's word for it comes along."""
    error = posted(client, free_hook, Message("hello", channel=channel))
    assert type(error) is BadRequestError
    assert error.error == "invalid-channel"
    assert server.messages == ()


def test_a_private_room(server: LocalRocketChat, client: Client, free_hook: Any) -> None:
    """A room that the webhook's user is not in: no permission of ours would help, and none is named."""
    error = posted(client, free_hook, Message("hello", channel="#secret"))
    assert isinstance(error, PermissionDeniedError)
    assert error.permissions == ()
    assert "posts as" in str(error)


def test_several_channels_of_which_one_is_wrong(server: LocalRocketChat, client: Client, free_hook: Any) -> None:
    """The post has failed, and with an old server some have got it."""
    error = posted(client, free_hook, Message("hello", channel=("#general", "#nope", "#random")))
    assert [message.room for message in server.messages] == ([] if is_8(server) else ["general"])
    assert str(error) == "hooks: 400 invalid-channel; some of the channels may have got the message"
    assert error.may_have_acted
    mapping = posted(client, free_hook, {"text": "hello", "roomId": ["#nope", "#general"]})
    assert (str(mapping), mapping.may_have_acted) == (str(error), True)
    assert not posted(client, free_hook, Message("hello", channel=("#nope",))).may_have_acted


def test_several_channels_of_which_one_is_private(server: LocalRocketChat, client: Client, free_hook: Any) -> None:
    """The kind of the failure is that of the channel."""
    error = posted(client, free_hook, Message("hello", channel=("#general", "#secret")))
    assert isinstance(error, PermissionDeniedError)
    assert "some of the channels may have got the message" in str(error)
    assert error.may_have_acted


@only_8
def test_separate_responses_of_which_all_are_failures(server: LocalRocketChat, client: Client, free_hook: Any) -> None:
    """Nobody has got the message, and the error says why not in each channel."""
    error = posted(client, free_hook, Message("hello", channel=("#no", "#secret"), separate_response=True))
    responses = [{"channel": "#no", "error": "invalid-channel"}, {"channel": "#secret", "error": "error-not-allowed"}]
    assert type(error) is BadRequestError
    assert error.details == responses
    assert all(word in str(error) for response in responses for word in response.values())
    assert not error.may_have_acted
    alone = posted(client, free_hook, Message("hello", channel="#secret", separate_response=True))
    assert isinstance(alone, PermissionDeniedError)
    assert alone.error == "error-not-allowed"
    assert server.messages == ()


@only_8
def test_the_webhooks_user_is_gone(server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord) -> None:
    """401 from a webhook says just that."""
    server.remove_user("rocket.cat")
    error = posted(client, hook)
    assert isinstance(error, AuthenticationError)
    assert "is gone" in str(error)


def test_a_rate_limited_webhook(server: LocalRocketChat, connect: Connect, hook: IncomingIntegrationRecord) -> None:
    """Posts are limited, too."""
    server.fail_next("hooks", "429")
    error = posted(connect(server, retry=RetryPolicy.never()), hook)
    assert isinstance(error, RateLimitError)
    assert server.messages == ()


@pytest.mark.parametrize("message", ["", " \n", Message(), Message("\ufeff"), Message(attachments=[])], ids=repr)
def test_a_message_that_says_nothing(server: LocalRocketChat, hook: Any, client: Client, message: Any) -> None:
    """The server would answer success and post an empty message; it is not asked."""
    before = len(server.requests)
    with pytest.raises(ConfigurationError, match="text"):
        client.webhook(hook).post(message)
    assert len(server.requests) == before


def test_a_base_url_posted_to(server: LocalRocketChat) -> None:
    """An address that is no webhook's is answered by the web app: no success."""
    with IncomingWebhook(server.url) as webhook, pytest.raises(UnexpectedResponse):
        webhook.post("hello")


def test_an_outgoing_record_posts(client: Client, bot: OutgoingIntegrationRecord) -> None:
    """Evolved with a token that the server does not know, it is refused like any wrong address."""
    with pytest.raises(ApiError):
        client.webhook(attrs.evolve(bot, token="made up")).post("hello")
