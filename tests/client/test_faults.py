"""Faults over HTTP: what is repeated, what is not, and that nothing is done twice.

The full matrix of calls and failures is in tests/protocol/test_retries.py, without HTTP.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import (
    Client,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    Listing,
    OutgoingIntegrationRecord,
    PasswordAuth,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TransportError,
    TransportTimeout,
    WebhookDisabledError,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.calls import CALLS, NOT_IN_THE_TABLE, each_call
from tests.client.conftest import make_admin_a_member
from tests.client.samples import call_count, insert_samples, oldest_and_newest

if TYPE_CHECKING:
    from tests.client.conftest import Connect
    from tests.conftest import Clock


@pytest.fixture
def world(server: LocalRocketChat) -> LocalRocketChat:
    """A server with the integrations `hook` and `bot`."""
    insert_samples(server)
    return server


@pytest.fixture
def make(world: LocalRocketChat, connect: Connect) -> Callable[[str, Client], object]:
    """Make a call of the table."""
    reader = connect(world)
    hook, bot = reader.get("hook"), reader.get("bot")
    assert isinstance(hook, IncomingIntegrationRecord)
    assert isinstance(bot, OutgoingIntegrationRecord)
    return lambda name, client: CALLS[name].make(client, hook, bot)


def content(server: LocalRocketChat) -> object:
    """Everything that calls can change, without generated values."""
    generated = ("_id", "token", "_createdAt", "_updatedAt")
    documents = [{name: value for name, value in each.items() if name not in generated} for each in server.documents]
    return documents, server.history_documents, [message.text for message in server.messages]


def test_every_public_method_is_in_the_table_of_calls() -> None:
    """A new method has to be tested against faults and leaks."""
    members = {
        f"{kind.__name__}.{name}"
        for kind in (Client, Listing, IncomingWebhook)
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and (callable(member) or isinstance(member, property))
    }
    assert members == {*CALLS, *NOT_IN_THE_TABLE}


@each_call
def test_a_call_is_repeated_after_a_lost_answer_only_if_harmless(
    world: LocalRocketChat, connect: Connect, make: Callable[[str, Client], object], name: str
) -> None:
    """In either case it takes effect once. If it is not repeated, the error says that it may have acted."""
    call = CALLS[name]
    make(name, connect(world))
    expected = content(world)
    world.reset()
    make_admin_a_member(world)
    insert_samples(world)

    world.fail_next(call.endpoint, "reset-after")
    if call.is_repeatable:
        make(name, connect(world))
        assert call_count(world, call.endpoint) == 2
    else:
        with pytest.raises(TransportError) as caught:
            make(name, connect(world))
        assert caught.value.may_have_acted
        assert call_count(world, call.endpoint) == 1
    assert content(world) == expected


PASSING: dict[str, type[RocketChatError]] = {
    "reset-before": TransportError,
    "truncate": TransportError,
    "hang": TransportTimeout,
    "502": ServerError,
    "503": ServerError,
}


@pytest.mark.parametrize("fault", PASSING)
def test_passing_faults_are_repeated_only_for_harmless_calls(
    world: LocalRocketChat, connect: Connect, make: Callable[[str, Client], object], fault: str
) -> None:
    """One call of each kind for every fault."""
    # Calls that are answered must not exceed the timeout on a busy machine.
    client = connect(world, timeout=(5, 1 if fault == "hang" else 60))
    world.fail_next("integrations.get", fault, 2)
    make("Client.get", client)
    assert call_count(world, "integrations.get") == 5
    world.fail_next("integrations.create", fault)
    with pytest.raises(PASSING[fault]) as caught:
        make("Client.create", client)
    assert caught.value.may_have_acted
    assert call_count(world, "integrations.create") == 1
    assert len(world.documents) == (3 if fault == "truncate" else 2)


@pytest.mark.parametrize(("fault", "kind"), [("reset-after", TransportError), ("503", WebhookDisabledError)])
def test_a_post_to_an_address_is_not_repeated(world: LocalRocketChat, fault: str, kind: type[RocketChatError]) -> None:
    """A webhook without a client follows the same rules."""
    world.fail_next("hooks", fault)
    with IncomingWebhook(f"{world.url}/hooks/hook/t0ken") as webhook, pytest.raises(kind) as caught:
        webhook.post("hello")
    assert caught.value.may_have_acted
    assert call_count(world, "hooks") == 1
    assert len(world.messages) == (fault == "reset-after")


def test_refused_connections_are_retried_with_growing_pauses(
    closed_port: int, clock: Clock, incoming: IncomingIntegration
) -> None:
    """Even a create is retried, since the server cannot have acted. The default policy tries four times."""
    auth = PasswordAuth("admin", "secret")
    with Client(f"http://127.0.0.1:{closed_port}", auth) as client, pytest.raises(TransportError) as caught:
        client.create(incoming)
    assert (caught.value.kind, caught.value.may_have_acted) == ("refused", False)
    assert len(clock.slept) == 3
    assert all(longest / 2 <= pause <= longest for pause, longest in zip(clock.slept, (0.5, 1, 2), strict=True))


@oldest_and_newest
@pytest.mark.parametrize("name", ["Client.create", "IncomingWebhook.post"])
def test_a_call_refused_by_the_rate_limit_waits_and_is_repeated(
    world: LocalRocketChat, connect: Connect, clock: Clock, make: Callable[[str, Client], object], name: str
) -> None:
    """Even a call that is not repeatable is repeated, since the server refused to act."""
    before = (len(world.documents), len(world.messages))
    world.fail_next(CALLS[name].endpoint, "429")
    make(name, connect(world))
    assert call_count(world, CALLS[name].endpoint) == 2
    assert 0 < sum(clock.slept) <= 3
    assert len(world.documents) + len(world.messages) == sum(before) + 1


@oldest_and_newest
@pytest.mark.parametrize("skew", [-100000.0, 100000.0])
def test_the_client_waits_before_the_rate_limit_refuses(
    world: LocalRocketChat, connect: Connect, clock: Clock, skew: float
) -> None:
    """For each endpoint apart, and whatever the server's clock says."""
    world.clock_skew = skew
    world.rate_limit = (2, 30)
    client = connect(world)
    for _ in range(5):
        client.get("hook")
    assert {request.note for request in world.requests} == {""}
    assert 60 <= sum(clock.slept) <= 65
    slept = list(clock.slept)
    list(client.list())
    assert clock.slept == slept


def test_a_login_is_repeated_after_a_lost_answer(server: LocalRocketChat) -> None:
    server.fail_next("login", "reset-after")
    auth = PasswordAuth("admin", server.password("admin"))
    with Client(server.url, auth, retry=RetryPolicy(backoff=0)) as client:
        assert list(client.list()) == []
    assert call_count(server, "login") == 2
