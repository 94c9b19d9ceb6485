"""Every fault at every call: what is repeated, what is not, and that nothing is done twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs
import pytest

from rocketchat_integrations import (
    Client,
    DecodingError,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    NotFoundError,
    OutgoingIntegration,
    PasswordAuth,
    RateLimitError,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TransportError,
    TransportTimeout,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect
    from tests.conftest import Clock

Call: TypeAlias = Callable[[Client], object]

INCOMING = IncomingIntegration("new", channel="#general", username="rocket.cat")
OUTGOING = OutgoingIntegration("new", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example")

# Calls that do no more when they are made twice, and those that do; by endpoint.
HARMLESS: dict[str, Call] = {
    "integrations.get": lambda c: c.get("hook"),
    "integrations.list": lambda c: list(c.list()),
    "integrations.history": lambda c: list(c.history("bot")),
    "integrations.update": lambda c: c.update("hook", INCOMING),
    "integrations.remove": lambda c: c.remove("hook", type=IntegrationType.INCOMING),
    "integrations.clearHistory": lambda c: c.clear_history("bot"),
    "channels.getIntegrations": lambda c: list(c.list_for_channel(room_name="general")),
    "groups.getIntegrations": lambda c: list(c.list_for_group(room_name="secret")),
    "info": lambda c: c.server_version(),
    "hooks.info": lambda c: c.webhook(c.get("hook")).check(),
}
HARMFUL: dict[str, Call] = {
    "integrations.create": lambda c: c.create(INCOMING),
    "integrations.replayOutgoing": lambda c: c.replay_outgoing("bot", "h1"),
    "hooks": lambda c: c.webhook(c.get("hook")).post("hello"),
}
CALLS = {**HARMLESS, **HARMFUL}
ONLY_8 = {"integrations.clearHistory", "integrations.replayOutgoing"}


def on_its_servers(*endpoints: str) -> pytest.MarkDecorator:
    """Both dialects, each with those of the endpoints that it has."""
    pairs = [(v, e) for v in ("8.8", "6.14") for e in endpoints if v == "8.8" or e not in ONLY_8]
    return pytest.mark.parametrize(("dialect", "endpoint"), pairs)


# What a call fails with that is not repeated, and whether the server could have acted.
FAILURES: dict[str, tuple[type[RocketChatError], bool]] = {
    "reset-before": (TransportError, True),
    "reset-after": (TransportError, True),
    "truncate": (TransportError, True),
    "502": (ServerError, True),
    "503": (ServerError, True),
    "429": (RateLimitError, False),
    "html": (UnexpectedResponse, True),
    "redirect": (UnexpectedResponse, False),
}
OF_POSTS: dict[str, tuple[type[RocketChatError], bool]] = {
    "hang": (TransportTimeout, True),
    "503": (WebhookDisabledError, True),
}
PASSING = ("reset-before", "reset-after", "truncate", "502", "503")
LASTING = ("html", "redirect")


@pytest.fixture
def world(server: LocalRocketChat) -> LocalRocketChat:
    """A server with an incoming integration `hook`, an outgoing one `bot`, and a call of that."""
    common = {"username": "rocket.cat", "userId": "rocket.cat", "enabled": True, "scriptEnabled": False}
    server.insert(
        {"_id": "hook", "type": "webhook-incoming", "name": "hook", "channel": ["#general"], "token": "t"} | common
    )
    server.insert({"_id": "bot", "type": "webhook-outgoing", "name": "bot", "event": "sendMessage"} | common)
    server.insert_history("bot", {"_id": "h1"})
    return server


def times(server: LocalRocketChat, endpoint: str) -> int:
    """How often an endpoint was called."""
    return [request.endpoint for request in server.requests].count(endpoint)


def content(server: LocalRocketChat) -> object:
    """All that calls can change, but for what every server makes up for itself."""
    made_up = ("_id", "token", "_createdAt", "_updatedAt")
    documents = [{name: value for name, value in each.items() if name not in made_up} for each in server.documents]
    return documents, server.history_documents, [message.text for message in server.messages]


@pytest.fixture
def done_once(world: LocalRocketChat, connect: Connect) -> Callable[[str], object]:
    """What a server holds after one undisturbed call."""

    def done_once(endpoint: str) -> object:
        before = world.documents, world.history_documents
        CALLS[endpoint](connect(world))
        after = content(world)
        world.reset()
        for document in before[0]:
            world.insert(document)
        world.insert_history("bot", before[1][0])
        return after

    return done_once


# Repeated


@on_its_servers(*HARMLESS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_harmless_call_is_repeated(
    world: LocalRocketChat, connect: Connect, done_once: Callable[[str], object], endpoint: str, fault: str
) -> None:
    """It goes through as if nothing had happened, and has done what it does once."""
    expected = done_once(endpoint)
    world.fail_next(endpoint, fault, 2)
    CALLS[endpoint](connect(world))
    assert times(world, endpoint) == 3
    assert content(world) == expected


@on_its_servers(*HARMLESS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_harmless_call_is_given_up_after_its_attempts(
    world: LocalRocketChat, connect: Connect, endpoint: str, fault: str
) -> None:
    """The failure of the last try is what one gets."""
    world.fail_next(endpoint, fault, 9)
    kind, may_have_acted = FAILURES[fault]
    with pytest.raises(kind) as caught:
        CALLS[endpoint](connect(world, retry=RetryPolicy(attempts=3, backoff=0)))
    assert caught.value.may_have_acted is may_have_acted
    assert times(world, endpoint) == 3


@on_its_servers(*CALLS)
@pytest.mark.parametrize("fault", LASTING)
def test_what_will_not_pass_is_not_repeated(
    world: LocalRocketChat, connect: Connect, endpoint: str, fault: str
) -> None:
    """A web page or a redirect would be there the next time, too."""
    before = content(world)
    world.fail_next(endpoint, fault)
    kind, may_have_acted = FAILURES[fault]
    with pytest.raises(kind) as caught:
        CALLS[endpoint](connect(world))
    assert caught.value.may_have_acted is may_have_acted
    assert times(world, endpoint) == 1
    assert content(world) == before


@on_its_servers(*CALLS)
@pytest.mark.parametrize("fault", FAILURES)
def test_nothing_is_repeated_where_that_is_asked(
    world: LocalRocketChat, connect: Connect, endpoint: str, fault: str
) -> None:
    """RetryPolicy.never() means it."""
    world.fail_next(endpoint, fault)
    with pytest.raises(FAILURES[fault][0]):
        CALLS[endpoint](connect(world, retry=RetryPolicy.never()))
    assert times(world, endpoint) == 1


@pytest.mark.parametrize("fault", ["reset-after", "truncate"])
def test_a_removal_whose_answer_was_lost_has_succeeded(world: LocalRocketChat, client: Client, fault: str) -> None:
    """The second try finds nothing, for the first one has removed it."""
    world.fail_next("integrations.remove", fault)
    client.remove("hook", type=IntegrationType.INCOMING)
    assert [document["_id"] for document in world.documents] == ["bot"]
    with pytest.raises(NotFoundError):
        client.remove("hook", type=IntegrationType.INCOMING)


# Never done twice


@on_its_servers(*HARMFUL)
@pytest.mark.parametrize("fault", PASSING)
def test_a_harmful_call_is_never_repeated_after_a_lost_answer(
    world: LocalRocketChat, connect: Connect, done_once: Callable[[str], object], endpoint: str, fault: str
) -> None:
    """It was done once or not at all, and the error says that we do not know."""
    before, after = content(world), done_once(endpoint)
    world.fail_next(endpoint, fault, 1)
    kind, may_have_acted = FAILURES[fault]
    with pytest.raises(kind) as caught:
        CALLS[endpoint](connect(world))
    assert caught.value.may_have_acted is may_have_acted
    assert times(world, endpoint) == 1
    assert content(world) == (after if fault in ("reset-after", "truncate") else before)


def test_a_creation_whose_answer_was_lost_is_there_once(world: LocalRocketChat, client: Client) -> None:
    """The error says that it may be there; it is, and the list has it."""
    world.fail_next("integrations.create", "reset-after")
    with pytest.raises(TransportError) as caught:
        client.create(INCOMING)
    assert caught.value.may_have_acted
    assert [record.name for record in client.list(name="new")] == ["new"]


def test_a_disabled_webhook_is_not_asked_again(world: LocalRocketChat, client: Client) -> None:
    """A 503 from a webhook does not pass."""
    world.fail_next("hooks", "503")
    record = client.get("hook")
    with pytest.raises(WebhookDisabledError):
        client.webhook(record).post("hello")
    assert times(world, "hooks") == 1


# Refused connections: nothing was done, so that everything is tried again


@on_its_servers(*CALLS)
def test_refused_connections_are_tried_again(
    world: LocalRocketChat, connect: Connect, done_once: Callable[[str], object], endpoint: str
) -> None:
    """Whoever was not reached did nothing: even a creation or a post is tried again, and done once."""
    expected = done_once(endpoint)
    client = connect(world, retry=RetryPolicy(attempts=10**9, backoff=0))
    world.fail_next(endpoint, "refuse")
    CALLS[endpoint](client)
    assert times(world, endpoint) == 1
    assert content(world) == expected


def test_refused_connections_are_given_up(world: LocalRocketChat, connect: Connect, clock: Clock) -> None:
    """After the default's four tries, with pauses that grow; the server surely did nothing."""
    world.fail_next("integrations.create", "refuse", 25)
    with pytest.raises(TransportError) as caught:
        connect(world, retry=RetryPolicy()).create(INCOMING)
    assert (caught.value.kind, caught.value.may_have_acted) == ("refused", False)
    assert len(clock.slept) == 3
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(clock.slept, (0.5, 1, 2), strict=True))


# Silence


@on_its_servers(*HARMLESS)
def test_silence_ends_and_a_harmless_call_is_repeated(world: LocalRocketChat, connect: Connect, endpoint: str) -> None:
    """A server that does not answer in time is asked again."""
    world.fail_next(endpoint, "hang")
    CALLS[endpoint](connect(world, timeout=(5, 0.1)))
    assert times(world, endpoint) == 2


@on_its_servers(*HARMFUL)
def test_silence_ends_a_harmful_call(world: LocalRocketChat, connect: Connect, endpoint: str) -> None:
    """It is a TransportTimeout, and may have acted."""
    client = connect(world, timeout=(5, 0.1))
    world.fail_next(endpoint, "hang")
    with pytest.raises(TransportTimeout) as caught:
        CALLS[endpoint](client)
    assert caught.value.may_have_acted
    assert times(world, endpoint) == 1


# Waiting for rate limits


@on_its_servers(*CALLS)
def test_a_rate_limited_call_waits_and_goes_through(
    world: LocalRocketChat, connect: Connect, clock: Clock, done_once: Callable[[str], object], endpoint: str
) -> None:
    """Nothing was done, so that every call is made again, as soon as the server takes it."""
    expected = done_once(endpoint)
    world.fail_next(endpoint, "429")
    CALLS[endpoint](connect(world))
    assert times(world, endpoint) == 2
    assert 0 < sum(clock.slept) <= 3
    assert content(world) == expected


def test_a_wait_that_is_too_long_is_not_begun(world: LocalRocketChat, connect: Connect, clock: Clock) -> None:
    """Who does not want to wait that long is told at once."""
    world.fail_next("integrations.get", "429")
    with pytest.raises(RateLimitError):
        connect(world, retry=RetryPolicy(rate_limit_wait=0.01)).get("hook")
    assert clock.slept == []


@pytest.mark.parametrize("skew", [-100000.0, 100000.0])
def test_the_client_waits_before_it_is_refused(
    world: LocalRocketChat, connect: Connect, clock: Clock, skew: float
) -> None:
    """What the server said of its window is kept, and no call is made in vain, whatever its clock says."""
    world.clock_skew = skew
    world.rate_limit = (2, 30)
    client = connect(world)
    for _ in range(5):
        client.get("hook")
    assert times(world, "integrations.get") == 5
    assert {request.note for request in world.requests} == {""}
    assert 60 <= sum(clock.slept) <= 65


def test_rate_limits_are_counted_by_endpoint(world: LocalRocketChat, connect: Connect, clock: Clock) -> None:
    """Waiting for one does not hold up another."""
    world.rate_limit = (1, 30)
    client = connect(world)
    client.get("hook")
    list(client.list())
    list(client.history("bot"))
    assert clock.slept == []


# Logging in and out


@pytest.mark.parametrize("fault", PASSING)
def test_a_login_is_repeated(server: LocalRocketChat, fault: str) -> None:
    """A lost answer to the login does not fail the call."""
    server.fail_next("login", fault)
    auth = PasswordAuth("admin", server.password("admin"))
    with Client(server.url, auth, retry=RetryPolicy(backoff=0)) as client:
        assert list(client.list()) == []
    assert times(server, "login") == 2


@pytest.mark.parametrize("fault", FAILURES)
def test_a_logout_that_fails_is_a_warning(
    server: LocalRocketChat, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is raised at the end of a `with` that went well, nothing is repeated, and the log tells."""
    server.fail_next("logout", fault)
    with Client(server.url, PasswordAuth("admin", server.password("admin"))) as client:
        client.user_id()
    assert times(server, "logout") == 1
    (record,) = (record for record in caplog.records if record.name == "rocketchat_integrations")
    assert record.levelname == "WARNING"
    assert "logout" in record.getMessage()


# Webhooks of their own


@pytest.mark.parametrize("fault", [*FAILURES, "hang"])
def test_a_post_by_address_is_never_repeated(world: LocalRocketChat, fault: str) -> None:
    """A webhook without a client keeps to the same rules."""
    world.fail_next("hooks", fault)
    kind, may_have_acted = (FAILURES | OF_POSTS)[fault]
    with (
        IncomingWebhook(f"{world.url}/hooks/hook/t", retry=RetryPolicy(rate_limit_wait=0), timeout=(5, 0.1)) as webhook,
        pytest.raises(kind) as caught,
    ):
        webhook.post("hello")
    assert caught.value.may_have_acted is may_have_acted
    assert times(world, "hooks") == 1
    assert len(world.messages) == (fault in ("reset-after", "truncate"))


# Half an answer


def test_an_answer_that_is_another_ones_is_not_taken(
    world: LocalRocketChat, connect: Connect, hook: IncomingIntegrationRecord
) -> None:
    """An update that is answered with a record of the other type is a DecodingError that names the path."""

    class Mixed:
        """A transport over the client's own that mixes up the types in answers to updates."""

        def __init__(self, below: Any) -> None:
            self._below = below

        def send(self, request: Any) -> Any:
            answer = self._below.send(request)
            if request.endpoint == "integrations.update":
                answer = attrs.evolve(answer, body=answer.body.replace(b"webhook-incoming", b"webhook-outgoing"))
            return answer

        def close(self) -> None:
            pass

    inner = connect(world)
    mixed = Mixed(inner._driver._transport)
    with Client(world.url, world.auth("admin"), transport=mixed) as client, pytest.raises(DecodingError) as caught:
        client.update(hook.id, hook)
    assert caught.value.id == hook.id
    assert caught.value.errors[0].startswith("integration.type: ")
    assert caught.value.may_have_acted
