"""Every method of the client against embedded servers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    AuthenticationError,
    Client,
    ConfigurationError,
    DecodingError,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationDefinition,
    IntegrationType,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    TokenAuth,
    UnexpectedResponse,
    UserReference,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import HOOK, both_types, each_dialect, oldest_and_newest, only_6

if TYPE_CHECKING:
    from tests.client.conftest import Connect


def endpoints(server: LocalRocketChat) -> list[str]:
    return [request.endpoint for request in server.requests]


def ids(records: Any) -> list[str]:
    return sorted(record.id for record in records)


# create


@each_dialect
@both_types
def test_every_field_is_stored(client: Client, dialect: str, definition: IntegrationDefinition) -> None:
    """In the answer to create and in a later get."""
    if dialect == "8.8":
        definition = attrs.evolve(definition, skip_transpile=True)
    fields = attrs.fields(type(definition))
    assert {field.name for field in fields if getattr(definition, field.name) == field.default} <= {"skip_transpile"}

    record = client.create(definition)

    assert record.definition == definition
    assert client.get(record.id).definition == definition


@oldest_and_newest
def test_the_record_has_what_the_server_added(
    server: LocalRocketChat, client: Client, incoming: IncomingIntegration
) -> None:
    """Id, token, creator and time, with one request."""
    record = client.create(incoming)

    (document,) = server.documents
    assert (record.id, record.token, record.user_id) == (document["_id"], document["token"], "rocket.cat")
    assert record.created_by == UserReference(id=client.user_id(), username="admin")
    assert record.created_at is not None
    assert abs((datetime.now(UTC) - record.created_at).total_seconds()) < 60
    assert endpoints(server) == ["integrations.create"]


def test_fields_that_are_not_set_are_not_sent(
    server: LocalRocketChat, client: Client, outgoing: OutgoingIntegration
) -> None:
    """No token is sent, either: an outgoing integration has none unless it is given."""
    assert client.create(outgoing).token is None
    required = {"type", "name", "enabled", "username", "channel", "scriptEnabled", "event", "urls"}
    assert set(server.requests[-1].json) == required


def test_create_reports_a_script_that_does_not_compile_in_the_record(
    client: Client, incoming: IncomingIntegration
) -> None:
    record = client.create(attrs.evolve(incoming, script_enabled=True, script="class Script {{"))
    assert record.script_compiled is None
    assert record.script_error is not None
    assert record.script_error.name == "SyntaxError"


@both_types
@pytest.mark.parametrize(("dialect", "version"), [("9.0", "6.14"), ("6.14", "9.0"), ("8.8", "9.0")])
def test_a_record_can_be_copied_to_another_workspace(
    client: Client, connect: Connect, definition: IntegrationDefinition, version: str
) -> None:
    """Of an older or a newer server. The copy is a new integration."""
    record = client.create(definition)
    with LocalRocketChat(version=version) as elsewhere:
        copy = connect(elsewhere).create(record)
    assert differences(copy, record) == ()
    assert copy.id != record.id
    if isinstance(copy, IncomingIntegrationRecord):
        assert copy.token != record.token


# get


def test_get_finds_an_integration_by_id_and_creator(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord
) -> None:
    found = client.get(hook.id)
    assert attrs.evolve(found, updated_at=hook.updated_at) == hook
    assert found.updated_at is not None
    assert client.get(hook.id, created_by=client.user_id()) == found
    with pytest.raises(NotFoundError):
        client.get(hook.id, created_by=server.auth("alice").user_id)


@pytest.mark.parametrize("id", ["a/b", "a&integrationId=x", "ä"])
def test_ids_are_quoted(server: LocalRocketChat, client: Client, id: str) -> None:
    server.insert({**HOOK, "_id": id})
    assert client.get(id).id == id


# records in place of ids


def test_a_record_is_taken_where_its_id_is(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    """And an entry of the history, where the id of a call is. Only the id of the record counts."""
    server.insert_history(bot.id, {"_id": "h1"})
    updated = client.update(attrs.evolve(bot, name="ignored"), attrs.evolve(bot.definition, alias="Bot"))
    assert client.get(bot) == updated
    (entry,) = client.history(bot)
    client.replay_outgoing(bot, entry)
    assert server.requests[-1].json == {"integrationId": bot.id, "historyId": "h1"}
    client.clear_history(bot)
    assert list(client.history(id=bot.id)) == []


def test_a_record_that_is_read_again_keeps_its_type(
    client: Client, bot: OutgoingIntegrationRecord, hook: IncomingIntegrationRecord
) -> None:
    """`get` of a record promises a record of the same type; another one is an error."""
    with pytest.raises(DecodingError, match=r"integration\.type: must be webhook-outgoing"):
        client.get(attrs.evolve(bot, id=hook.id))


def test_the_type_can_be_named_as_on_the_command_line(
    client: Client, bot: OutgoingIntegrationRecord, hook: IncomingIntegrationRecord
) -> None:
    assert ids(client.list(type="incoming")) == [hook.id]
    client.remove(bot.id, type="outgoing")
    assert ids(client.list()) == [hook.id]


# history


def test_the_history_of_an_unknown_id_is_empty(client: Client) -> None:
    assert list(client.history("nope")) == []


def test_clear_history_removes_the_entries_of_one_integration(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    server.insert_history(bot.id, {"_id": "h1"})
    server.insert_history("another", {"_id": "h2"})
    client.clear_history(bot.id)
    assert [document["_id"] for document in server.history_documents] == ["h2"]


def test_replay_outgoing_sends_both_ids(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    server.insert_history(bot.id, {"_id": "h1"})
    client.replay_outgoing(bot.id, "h1")
    assert server.requests[-1].endpoint == "integrations.replayOutgoing"
    assert server.requests[-1].json == {"integrationId": bot.id, "historyId": "h1"}


def test_history_of_a_missing_integration_cannot_be_replayed_or_cleared(
    client: Client, bot: OutgoingIntegrationRecord
) -> None:
    for id in (bot.id, "nope"):
        with pytest.raises(NotFoundError):
            client.replay_outgoing(id, "nope")
    with pytest.raises(NotFoundError):
        client.clear_history("nope")


@only_6
def test_a_missing_endpoint_is_named_with_its_version(client: Client) -> None:
    """It is not a NotFoundError."""
    with pytest.raises(UnexpectedResponse, match=r"integrations\.clearHistory.*8\.7"):
        client.clear_history("x")
    with pytest.raises(UnexpectedResponse, match=r"integrations\.replayOutgoing.*8\.7"):
        client.replay_outgoing("x", "y")


# remove


def test_a_record_is_removed(server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord) -> None:
    client.remove(hook)
    assert server.documents == ()
    assert server.requests[-1].json == {"type": "webhook-incoming", "integrationId": hook.id}
    with pytest.raises(NotFoundError):
        client.remove(hook.id, type=IntegrationType.INCOMING)


def test_an_integration_is_removed_by_id_and_type_with_its_history(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord, hook: IncomingIntegrationRecord
) -> None:
    server.insert_history(bot.id, {"_id": "h1"})
    client.remove(bot.id, type=IntegrationType.OUTGOING)
    assert [document["_id"] for document in server.documents] == [hook.id]
    assert server.history_documents == ()


# list_for_channel, list_for_group


@oldest_and_newest
@pytest.mark.parametrize("room", [{"room_name": "general"}, {"room_id": "GENERAL"}], ids=["name", "id"])
def test_list_for_channel(client: Client, outgoing: OutgoingIntegration, room: dict[str, Any]) -> None:
    """With or without the integrations of all public channels."""
    here = client.create(outgoing)
    client.create(attrs.evolve(outgoing, channel="#random"))
    everywhere = client.create(attrs.evolve(outgoing, channel="all_public_channels"))
    assert ids(client.list_for_channel(**room)) == ids([here, everywhere])
    assert ids(client.list_for_channel(**room, include_all_public_channels=False)) == [here.id]
    assert client.list_for_channel(**room).total() == 2


@oldest_and_newest
@pytest.mark.parametrize("by", ["name", "id"])
def test_list_for_group(client: Client, server: LocalRocketChat, outgoing: OutgoingIntegration, by: str) -> None:
    """With or without the integrations of all private groups."""
    room = {f"room_{by}": getattr(server.room("secret"), by)}
    here = client.create(attrs.evolve(outgoing, channel="#secret"))
    client.create(attrs.evolve(outgoing, channel="all_public_channels"))
    everywhere = client.create(attrs.evolve(outgoing, channel="all_private_groups"))
    assert ids(client.list_for_group(**room)) == ids([here, everywhere])
    assert ids(client.list_for_group(**room, include_all_private_groups=False)) == [here.id]
    assert client.list_for_group(**room).total() == 2


def test_users_with_own_permissions_list_their_own_integrations(
    client: Client,
    connect: Connect,
    server: LocalRocketChat,
    hook: IncomingIntegrationRecord,
    incoming: IncomingIntegration,
) -> None:
    alice = connect(server, "alice")
    own = alice.create(incoming)
    assert ids(alice.list()) == [own.id]
    assert alice.list().total() == 1
    assert ids(client.list()) == ids([own, hook])


# Session


def test_the_version_needs_no_login(server: LocalRocketChat, dialect: str) -> None:
    """The token is not sent."""
    with Client(server.url, TokenAuth("nobody", "no token")) as client:
        assert client.server_version() == dialect
    assert "X-Auth-Token" not in server.requests[-1].headers


def test_a_client_with_a_password_logs_in_once_and_out_at_the_end(server: LocalRocketChat) -> None:
    """The token is no longer valid afterwards."""
    user_id = server.auth("alice").user_id
    with Client(server.url, PasswordAuth("alice", server.password("alice"))) as client:
        assert endpoints(server) == []
        assert client.user_id() == user_id
        assert list(client.list()) == []
        token = server.requests[-1].headers["X-Auth-Token"]
    assert endpoints(server) == ["login", "integrations.list", "logout"]
    with Client(server.url, TokenAuth(user_id, token)) as after, pytest.raises(AuthenticationError):
        list(after.list())


def test_a_given_token_is_not_logged_out(server: LocalRocketChat) -> None:
    """Its user id is known without a request."""
    with Client(server.url, server.auth("admin")) as client:
        assert client.user_id() == server.auth("admin").user_id
        assert server.requests == ()
        list(client.list())
    assert endpoints(server) == ["integrations.list"]


def test_a_client_that_was_not_used_sends_nothing(server: LocalRocketChat) -> None:
    with Client(server.url, PasswordAuth("alice", "wrong")):
        pass
    assert server.requests == ()


def test_a_closed_client_refuses_calls(client: Client) -> None:
    """Closing it again does nothing."""
    client.close()
    client.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.get("x")


# webhook


@pytest.mark.parametrize("token", ["plain", "sla/sh", "100%25", "ümlaut ?#&=", "\x85"])
def test_a_webhook_works_with_any_token(server: LocalRocketChat, client: Client, token: str) -> None:
    """From the client, and pasted into another program."""
    webhook = client.webhook(client.get(server.insert({**HOOK, "token": token})))
    assert webhook.check()
    webhook.post("from the client")
    with IncomingWebhook(webhook.url) as pasted:
        pasted.post("from elsewhere")
    assert [message.text for message in server.messages] == ["from the client", "from elsewhere"]
    assert webhook.url.startswith(f"{server.url}/hooks/hook/")


def test_an_outgoing_integration_with_a_token_can_be_posted_to(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord, outgoing: OutgoingIntegration
) -> None:
    """The token may be given, or generated by the first update."""
    client.webhook(client.create(attrs.evolve(outgoing, token="mine"))).post("one")
    client.webhook(client.update(bot.id, outgoing)).post("two")
    assert [message.text for message in server.messages] == ["one", "two"]


def test_a_webhook_needs_a_token(client: Client, bot: OutgoingIntegrationRecord) -> None:
    with pytest.raises(ConfigurationError, match="no token"):
        client.webhook(bot)


def test_closing_a_clients_webhook_leaves_the_client_open(client: Client, hook: IncomingIntegrationRecord) -> None:
    with client.webhook(hook) as webhook:
        webhook.post("one")
    webhook.post("two")
    assert client.get(hook.id).id == hook.id


# from_env

URL, BY_TOKEN, BY_PASSWORD = (
    ("ROCKETCHAT_URL",),
    ("ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN"),
    ("ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD"),
)
VARIABLES = (*URL, *BY_TOKEN, *BY_PASSWORD)


@pytest.fixture
def set_environment(monkeypatch: pytest.MonkeyPatch, server: LocalRocketChat) -> Any:
    """Set these variables to valid values, and the others to the empty text."""
    auth = server.auth("admin")
    values = zip(VARIABLES, (server.url, auth.user_id, auth.token, "admin", server.password("admin")), strict=True)
    environment = dict(values)

    def set_environment(*names: str) -> None:
        for name in VARIABLES:
            monkeypatch.setenv(name, environment[name] if name in names else "")

    return set_environment


@pytest.mark.parametrize("names", [BY_TOKEN, BY_PASSWORD], ids=["token", "password"])
def test_from_env_takes_either_kind_of_credentials(set_environment: Any, names: tuple[str, ...]) -> None:
    set_environment(*URL, *names)
    with Client.from_env(timeout=10) as client:
        assert list(client.list()) == []


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "lacks ROCKETCHAT_URL, ROCKETCHAT_USER_ID, ROCKETCHAT_AUTH_TOKEN (or ROCKETCHAT_USER and"),
        (BY_TOKEN, "lacks ROCKETCHAT_URL"),
        ((*URL, BY_TOKEN[1]), "lacks ROCKETCHAT_USER_ID"),
        ((*URL, BY_PASSWORD[0]), "lacks ROCKETCHAT_PASSWORD"),
        ((*URL, BY_TOKEN[0], *BY_PASSWORD), "both kinds of credentials"),
    ],
    ids=str,
)
def test_from_env_names_what_is_missing_or_too_much(set_environment: Any, names: tuple[str, ...], message: str) -> None:
    set_environment(*names)
    with pytest.raises(ConfigurationError) as caught:
        Client.from_env()
    assert message in str(caught.value)
    assert ("(or" in str(caught.value)) is (not {*names} & {*BY_TOKEN, *BY_PASSWORD})
