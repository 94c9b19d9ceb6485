"""Every method of the client, against servers of both dialects."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    AuthenticationError,
    Client,
    ConfigurationError,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationDefinition,
    IntegrationType,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    PermissionDeniedError,
    RetryDelay,
    TokenAuth,
    UnexpectedResponse,
    UserReference,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect

only_8 = pytest.mark.parametrize("dialect", ["8.8"])
only_6 = pytest.mark.parametrize("dialect", ["6.14"])

SCRIPT = "class Script { process_incoming_request({request}) { return {content: request.content} } }"

# No field is at its default but those that only 8.x knows.
EVERY_FIELD: tuple[IntegrationDefinition, ...] = (
    IncomingIntegration(
        name="incoming",
        username="rocket.cat",
        channel=("#general", "@alice"),
        enabled=False,
        alias="CI",
        avatar="https://example.com/a.png",
        emoji=":robot:",
        script_enabled=True,
        script=SCRIPT,
        script_engine="isolated-vm",
        override_destination_channel_enabled=True,
    ),
    OutgoingIntegration(
        name="outgoing",
        username="rocket.cat",
        channel=("#general", "all_direct_messages"),
        enabled=False,
        alias="Bot",
        avatar="https://example.com/a.png",
        emoji=":robot:",
        script_enabled=True,
        script=SCRIPT,
        script_engine="isolated-vm",
        event=EventType.SEND_MESSAGE,
        urls=("https://a.example.com", "https://b.example.com"),
        trigger_words=("!deploy", "!ship it"),
        trigger_word_anywhere=True,
        target_room="#random",
        token="own token",
        run_on_edits=True,
        impersonate_user=True,
        retry_failed_calls=True,
        retry_count=2,
        retry_delay=RetryDelay.INCREMENTS_OF_TWO,
    ),
)


def endpoints(server: LocalRocketChat) -> list[str]:
    return [request.endpoint for request in server.requests]


# create


@pytest.mark.parametrize("definition", EVERY_FIELD, ids=lambda each: each.name)
def test_every_field_comes_back_as_it_was_given(client: Client, definition: IntegrationDefinition) -> None:
    """What is created is what was asked for, in the answer and when it is read again."""
    if client.server_version().startswith("8."):
        definition = attrs.evolve(definition, skip_transpile=True)
    at_default = {field.name for field in attrs.fields(type(definition)) if getattr(definition, field.name) is None}
    assert at_default <= {"skip_transpile"}

    record = client.create(definition)

    assert record.definition == definition
    assert client.get(record.id).definition == definition


def test_the_answer_to_create_has_what_the_server_added(
    server: LocalRocketChat, client: Client, incoming: IncomingIntegration
) -> None:
    """Id, token, creator and time are there without asking again."""
    record = client.create(incoming)

    (document,) = server.documents
    assert record.id == document["_id"]
    assert record.token == document["token"]
    assert record.user_id == "rocket.cat"
    assert record.created_by == UserReference(id=client.user_id(), username="admin")
    assert record.created_at is not None
    assert abs((datetime.now(timezone.utc) - record.created_at).total_seconds()) < 60
    assert endpoints(server) == ["integrations.create"]


def test_an_outgoing_integration_has_only_the_token_it_was_given(client: Client, outgoing: OutgoingIntegration) -> None:
    """Nobody makes up a token when an outgoing integration is created."""
    assert client.create(outgoing).token is None
    assert client.create(attrs.evolve(outgoing, token="mine")).token == "mine"


def test_what_is_not_set_is_not_sent(server: LocalRocketChat, client: Client, outgoing: OutgoingIntegration) -> None:
    """A definition of just the required fields goes out with just the required fields."""
    client.create(outgoing)
    assert set(server.requests[-1].json) == {
        *("type", "name", "enabled", "username", "channel", "scriptEnabled", "event", "urls")
    }


def test_a_script_that_does_not_compile_shows_in_the_record(client: Client, incoming: IncomingIntegration) -> None:
    """The server answers success all the same; the record says what is wrong with the script."""
    record = client.create(attrs.evolve(incoming, script_enabled=True, script="class Script {{"))
    assert record.script_compiled is None
    assert record.script_error is not None
    assert record.script_error.name == "SyntaxError"


@pytest.mark.parametrize("definition", EVERY_FIELD, ids=lambda each: each.name)
@pytest.mark.parametrize("version", ["8.8", "6.14"])
def test_a_record_can_be_created_again_in_another_workspace(
    client: Client, connect: Connect, definition: IntegrationDefinition, version: str
) -> None:
    """Copying a record copies its definition, also to an older or a newer server; the copy is a new integration."""
    record = client.create(definition)
    with LocalRocketChat(version=version) as elsewhere:
        copy = connect(elsewhere).create(record)
    assert differences(copy, record) == ()
    assert copy.id != record.id
    if isinstance(copy, IncomingIntegrationRecord):
        assert copy.token != record.token


# get


def test_get_finds_what_was_created(client: Client, hook: IncomingIntegrationRecord) -> None:
    """An id leads to its record."""
    found = client.get(hook.id)
    assert attrs.evolve(found, updated_at=hook.updated_at) == hook
    assert found.updated_at is not None


def test_get_by_creator(server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord) -> None:
    """With created_by, an integration is found only if that user created it."""
    assert client.get(hook.id, created_by=client.user_id()).id == hook.id
    with pytest.raises(NotFoundError):
        client.get(hook.id, created_by=server.auth("alice").user_id)


@pytest.mark.parametrize("id", ["a/b", "a b", "a&integrationId=x", "ä", "../x"])
def test_odd_ids_are_quoted(server: LocalRocketChat, client: Client, id: str) -> None:
    """An id with any characters leads to the integration that has it."""
    server.insert({"_id": id, "type": "webhook-incoming", "token": "t"})
    assert client.get(id).id == id


def test_old_data_is_read_as_it_is(server: LocalRocketChat, client: Client) -> None:
    """Odd events, engines, times and creators of old records are kept, and unknown fields too."""
    id = server.insert(
        {
            "type": "webhook-outgoing",
            "name": "old",
            "event": "roomDeleted",
            "scriptEngine": "vm2",
            "urls": ["https://a.example.com"],
            "channel": ["general"],
            "username": "gone",
            "enabled": True,
            "scriptEnabled": False,
            "_createdAt": {"$date": 1484000000000},
            "_createdBy": None,
            "avatarUrl": "x",
        }
    )
    record = client.get(id)
    assert isinstance(record, OutgoingIntegrationRecord)
    assert record.event == "roomDeleted"
    assert not isinstance(record.event, EventType)
    assert record.script_engine == "vm2"
    assert record.channel == ("general",)
    assert record.created_at == datetime(2017, 1, 9, 22, 13, 20, tzinfo=timezone.utc)
    assert record.created_by == UserReference(None, None)
    assert record.extra == {"avatarUrl": "x"}


# history


def test_history_tells_of_each_call(server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord) -> None:
    """What the server keeps of a call comes as a typed entry."""
    server.insert_history(
        bot.id,
        {
            "_id": "h1",
            "type": "outgoing-webhook",
            "step": "url-response-sent-message",
            "event": "sendMessage",
            "_createdAt": "2024-01-10T14:12:07.739Z",
            "url": "https://bot.example.com/hook",
            "triggerWord": "!deploy",
            "httpResult": '"{}"',
            "finished": True,
        },
    )
    (entry,) = client.history(bot.id)
    assert entry.id == "h1"
    assert entry.event is EventType.SEND_MESSAGE
    assert entry.created_at == datetime(2024, 1, 10, 14, 12, 7, 739000, tzinfo=timezone.utc)
    assert (entry.url, entry.trigger_word, entry.http_result) == ("https://bot.example.com/hook", "!deploy", '"{}"')
    assert (entry.finished, entry.error) == (True, False)
    assert entry.integration is not None
    assert entry.integration["_id"] == bot.id


def test_history_of_an_unknown_id_is_empty(client: Client) -> None:
    """The server does not tell whether there is such an integration."""
    assert list(client.history("nope")) == []


@only_8
def test_history_is_forgotten(server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord) -> None:
    """clear_history removes the entries of one integration."""
    server.insert_history(bot.id, {"_id": "h1"})
    server.insert_history("another", {"_id": "h2"})
    client.clear_history(bot.id)
    assert [document["_id"] for document in server.history_documents] == ["h2"]
    assert client.history(bot.id).total() == 0


@only_8
def test_replaying_names_integration_and_call(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    """replay_outgoing asks for the one call to be made again."""
    server.insert_history(bot.id, {"_id": "h1"})
    client.replay_outgoing(bot.id, "h1")
    assert server.requests[-1].endpoint == "integrations.replayOutgoing"
    assert server.requests[-1].json == {"integrationId": bot.id, "historyId": "h1"}


@only_8
def test_what_is_not_there_is_neither_replayed_nor_cleared(client: Client, bot: OutgoingIntegrationRecord) -> None:
    """An unknown integration or call is a NotFoundError."""
    with pytest.raises(NotFoundError):
        client.replay_outgoing(bot.id, "nope")
    with pytest.raises(NotFoundError):
        client.replay_outgoing("nope", "nope")
    with pytest.raises(NotFoundError):
        client.clear_history("nope")


@only_6
@pytest.mark.parametrize(
    ("method", "arguments", "endpoint"),
    [
        ("clear_history", ["x"], "integrations.clearHistory"),
        ("replay_outgoing", ["x", "y"], "integrations.replayOutgoing"),
    ],
)
def test_an_endpoint_that_the_server_lacks_is_named_with_its_version(
    client: Client, method: str, arguments: list[str], endpoint: str
) -> None:
    """An old server's web page is no "not found": the message says what is missing and since when it exists."""
    with pytest.raises(UnexpectedResponse, match=endpoint) as caught:
        getattr(client, method)(*arguments)
    assert "8.7" in str(caught.value)
    assert caught.value.status == 200
    assert not isinstance(caught.value, NotFoundError)


# remove


def test_remove_takes_a_record(server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord) -> None:
    """A record is removed as what it is."""
    client.remove(hook)
    assert server.documents == ()
    assert server.requests[-1].json == {"type": "webhook-incoming", "integrationId": hook.id}
    with pytest.raises(NotFoundError):
        client.get(hook.id)


def test_remove_takes_an_id_with_its_type(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord, hook: IncomingIntegrationRecord
) -> None:
    """An outgoing integration goes with its history, and nothing else goes."""
    server.insert_history(bot.id, {"_id": "h1"})
    client.remove(bot.id, type=IntegrationType.OUTGOING)
    assert [document["_id"] for document in server.documents] == [hook.id]
    assert server.history_documents == ()


def test_remove_says_that_there_is_nothing_to_remove(client: Client) -> None:
    """What was removed before is a NotFoundError."""
    with pytest.raises(NotFoundError):
        client.remove("nope", type=IntegrationType.INCOMING)


# the lists by room


def ids(records: Any) -> list[str]:
    return sorted(record.id for record in records)


def test_a_channel_has_its_integrations(client: Client, outgoing: OutgoingIntegration) -> None:
    """By name or id: those that name the channel, and those everywhere unless they are not wanted."""
    here = client.create(outgoing)
    client.create(attrs.evolve(outgoing, channel="#random"))
    everywhere = client.create(attrs.evolve(outgoing, channel="all_public_channels"))

    rooms: tuple[dict[str, Any], ...] = ({"room_name": "general"}, {"room_id": "GENERAL"})
    for room in rooms:
        assert ids(client.list_for_channel(**room)) == ids([here, everywhere])
        assert ids(client.list_for_channel(**room, include_all_public_channels=False)) == [here.id]
        assert client.list_for_channel(**room).total() == 2


def test_a_group_has_its_integrations(client: Client, outgoing: OutgoingIntegration) -> None:
    """By name or id: those that name the group, and those in all groups unless they are not wanted."""
    here = client.create(attrs.evolve(outgoing, channel="#secret"))
    client.create(attrs.evolve(outgoing, channel="all_public_channels"))
    everywhere = client.create(attrs.evolve(outgoing, channel="all_private_groups"))

    rooms: tuple[dict[str, Any], ...] = ({"room_name": "secret"}, {"room_id": "PRIV0000000000001"})
    for room in rooms:
        assert ids(client.list_for_group(**room)) == ids([here, everywhere])
        assert ids(client.list_for_group(**room, include_all_private_groups=False)) == [here.id]
        assert client.list_for_group(**room).total() == 2


@pytest.mark.parametrize("room", [{"room_name": "nope"}, {"room_id": "nope"}, {"room_name": "secret"}])
def test_an_unknown_room_is_not_found(client: Client, room: dict[str, Any]) -> None:
    """A name or id that is no channel's is a NotFoundError."""
    with pytest.raises(NotFoundError):
        list(client.list_for_channel(**room))


# session


def test_the_version_needs_no_login(server: LocalRocketChat) -> None:
    """The server says its version to anybody, and no token is sent along."""
    with Client(server.url, TokenAuth("nobody", "no token")) as client:
        assert client.server_version() in ("8.8", "6.14")
    assert "X-Auth-Token" not in server.requests[-1].headers


def test_the_user_id_of_a_token_is_known_without_asking(server: LocalRocketChat, client: Client) -> None:
    """With a token, whose id comes along, nothing is sent."""
    assert client.user_id() == server.auth("admin").user_id
    assert server.requests == ()


def test_a_password_logs_in_once_and_out_at_the_end(server: LocalRocketChat) -> None:
    """The client makes a token when it first needs one, and leaves none behind."""
    with Client(server.url, PasswordAuth("alice", server.password("alice"))) as client:
        assert endpoints(server) == []
        assert client.user_id() == server.auth("alice").user_id
        assert list(client.list()) == []
        token = server.requests[-1].headers["X-Auth-Token"]
    assert endpoints(server) == ["login", "integrations.list", "logout"]
    with (
        Client(server.url, TokenAuth(server.auth("alice").user_id, token)) as after,
        pytest.raises(AuthenticationError),
    ):
        list(after.list())


def test_a_token_that_was_given_stays_good(server: LocalRocketChat) -> None:
    """Closing does not log out whoever brought a token."""
    with Client(server.url, server.auth("admin")) as client:
        list(client.list())
    assert endpoints(server) == ["integrations.list"]


def test_a_client_that_never_logged_in_does_not_log_out(server: LocalRocketChat) -> None:
    """Making and closing a client sends nothing."""
    with Client(server.url, PasswordAuth("alice", "wrong")):
        pass
    assert server.requests == ()


def test_a_closed_client_says_so(client: Client) -> None:
    """After close, a call is a ConfigurationError; closing again is fine."""
    client.close()
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.get("x")


# webhook


@pytest.mark.parametrize("token", ["plain", "sla/sh", "equ=al", "per%cent", "100%25", "a b", "ümlaut", "?#&"])
def test_a_webhook_reaches_its_integration(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, token: str
) -> None:
    """Whatever the token holds: the client posts, and the address works when pasted elsewhere."""
    id = server.insert(
        {
            "type": "webhook-incoming",
            "token": token,
            "enabled": True,
            "channel": ["#general"],
            "userId": "rocket.cat",
            "scriptEnabled": False,
        }
    )
    webhook = client.webhook(client.get(id))
    webhook.post("from the client")
    with IncomingWebhook(webhook.url) as pasted:
        pasted.post("from elsewhere")
    assert [message.text for message in server.messages] == ["from the client", "from elsewhere"]
    assert webhook.url.startswith(f"{server.url}/hooks/{id}/")


def test_an_outgoing_integration_with_a_token_can_be_posted_to(
    server: LocalRocketChat, client: Client, outgoing: OutgoingIntegration
) -> None:
    """Its id and token are a posting address as well."""
    client.webhook(client.create(attrs.evolve(outgoing, token="mine"))).post("hello")
    assert [message.text for message in server.messages] == ["hello"]


def test_no_token_no_webhook(client: Client, bot: OutgoingIntegrationRecord) -> None:
    """An integration without a token has no address, and the error says so."""
    with pytest.raises(ConfigurationError, match="no token"):
        client.webhook(bot)


def test_a_clients_webhook_leaves_the_client_open(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord
) -> None:
    """Closing the webhook does not close the connections that it borrowed."""
    with client.webhook(hook) as webhook:
        webhook.post("one")
    webhook.post("two")
    assert client.get(hook.id).id == hook.id
    assert len(server.messages) == 2


# from_env

VARIABLES = ("ROCKETCHAT_URL", "ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN", "ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, server: LocalRocketChat) -> dict[str, str]:
    """No variable is set; these are good values of all."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    auth = server.auth("admin")
    return dict(zip(VARIABLES, (server.url, auth.user_id, auth.token, "admin", server.password("admin")), strict=True))


@pytest.mark.parametrize("names", [VARIABLES[:3], (VARIABLES[0], *VARIABLES[3:])], ids=["token", "password"])
def test_the_environment_gives_a_client(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], names: tuple[str, ...]
) -> None:
    """Either kind of credentials does; the other's variables may be there, and empty."""
    for name in VARIABLES:
        monkeypatch.setenv(name, environment[name] if name in names else "")
    with Client.from_env(timeout=10) as client:
        assert list(client.list()) == []


@pytest.mark.parametrize("mask", [mask for mask in range(32) if mask not in (0b00111, 0b11001)])
def test_the_environment_has_to_name_one_kind_of_credentials_wholly(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], mask: int
) -> None:
    """Every other combination of variables is refused, with the names of those that are missing or too many."""
    present = {name for bit, name in enumerate(VARIABLES) if mask >> bit & 1}
    for name in present:
        monkeypatch.setenv(name, environment[name])

    with pytest.raises(ConfigurationError) as caught:
        Client.from_env()

    by_token, by_password = present & set(VARIABLES[1:3]), present & set(VARIABLES[3:])
    if by_token and by_password:
        assert "both" in str(caught.value)
    else:
        needed = {VARIABLES[0], *(VARIABLES[3:] if by_password else VARIABLES[1:3])}
        said, _, hint = str(caught.value).partition(" (or ")
        assert {name for name in VARIABLES if name in said.replace(",", " ").split()} == needed - present
        assert bool(hint) == (not by_token and not by_password)


# permissions


def test_users_with_own_permissions_see_what_is_theirs(
    server: LocalRocketChat,
    client: Client,
    connect: Connect,
    hook: IncomingIntegrationRecord,
    incoming: IncomingIntegration,
) -> None:
    """The list has what they created; somebody else's is refused."""
    alice = connect(server, "alice")
    own = alice.create(incoming)
    assert ids(alice.list()) == [own.id]
    assert alice.list().total() == 1
    assert ids(client.list()) == ids([own, hook])
    with pytest.raises(PermissionDeniedError):
        alice.get(hook.id)
