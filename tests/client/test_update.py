"""Updates: nothing is lost, overwritten unseen, or ignored without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    BadRequestError,
    Client,
    ConfigurationError,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    StaleRecordError,
    UpdateIncomplete,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import (
    BOT,
    FULL_INCOMING,
    FULL_OUTGOING,
    SCRIPT,
    both_types,
    oldest_and_newest,
    only_6,
    only_8,
)

if TYPE_CHECKING:
    from tests.client.conftest import Connect, Stored


OTHER_SCRIPT = "class Script { process_incoming_request() { return {content: {}} } }"


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    """The document without these fields and those that every update changes."""
    return {name: value for name, value in document.items() if name not in {"_updatedAt", "_updatedBy", *names}}


def updated(client: Client, record: IntegrationRecord, **changes: Any) -> IntegrationRecord:
    """Update the record with these changes; check that the answer is what the server holds."""
    answer = client.update(record.id, attrs.evolve(record, **changes))
    assert answer == client.get(record.id)
    return answer


# Nothing is lost


@oldest_and_newest
@both_types
def test_only_the_evolved_field_changes(client: Client, stored: Stored, definition: IntegrationDefinition) -> None:
    """Token and compiled script included."""
    record = client.create(definition)
    before = stored(record.id)

    after = updated(client, record, alias="Another")

    assert (after.alias, after.token) == ("Another", record.token)
    assert after.updated_by is not None
    assert after.updated_by.username == "admin"
    # The server adds its defaults with an update.
    document = without(stored(record.id), "alias")
    assert {name: value for name, value in document.items() if name in before} == without(before, "alias")


def test_an_update_sends_all_that_the_server_would_clear(server: LocalRocketChat, client: Client) -> None:
    """An update of an outgoing integration clears what it leaves out there (run8), so no field is left out."""
    client.update(client.create(FULL_OUTGOING), attrs.evolve(FULL_OUTGOING, name="renamed"))
    texts = "alias avatar emoji targetRoom script triggerWords retryDelay"
    others = "impersonateUser triggerWordAnywhere retryFailedCalls retryCount runOnEdits"
    assert {name for name in f"{texts} {others}".split() if not server.requests[-1].json.get(name)} == set()


@both_types
@pytest.mark.parametrize("script", [SCRIPT, None])
def test_a_script_goes_on_running_after_an_update(
    client: Client, stored: Stored, definition: IntegrationDefinition, script: str | None
) -> None:
    """The server drops the compiled script unless the update carries its source."""
    record = client.create(attrs.evolve(definition, script=script))
    updated(client, record, name="renamed")
    assert stored(record.id).get("scriptCompiled") == script


@only_8
@pytest.mark.parametrize("skip", [True, False])
@both_types
def test_engine_and_transpiling_stay_unless_given(
    client: Client, stored: Stored, definition: IntegrationDefinition, skip: bool
) -> None:
    record = client.create(attrs.evolve(definition, skip_transpile=skip))
    updated(client, record, name="renamed")
    client.update(record.id, definition)
    assert (stored(record.id)["scriptEngine"], stored(record.id)["skipTranspile"]) == ("isolated-vm", skip)


def test_an_update_keeps_the_webhooks_address(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord
) -> None:
    address = client.webhook(hook).url
    client.update(hook.id, attrs.evolve(FULL_INCOMING, enabled=True, script_enabled=False))
    with IncomingWebhook(address) as webhook:
        webhook.post("hello")
    assert len(server.messages) == 2


# Clearing


@oldest_and_newest
@both_types
def test_a_bare_definition_clears_all_but_the_token(
    client: Client, stored: Stored, definition: IntegrationDefinition, incoming: Any, outgoing: Any
) -> None:
    record = client.create(definition)
    bare: IntegrationDefinition = incoming if isinstance(definition, IncomingIntegration) else outgoing

    after = client.update(record.id, bare)

    assert differences(after, bare) == ()
    document = stored(record.id)
    optional = ("alias", "avatar", "emoji", "script", "targetRoom", "impersonateUser", "triggerWordAnywhere")
    rest = ("overrideDestinationChannelEnabled", "runOnEdits", "retryFailedCalls", "triggerWords")
    assert {name for name in (*optional, *rest) if document.get(name)} == set()
    assert after.token == record.token


@oldest_and_newest
def test_empty_values_clear_fields(client: Client, stored: Stored) -> None:
    """An empty text is None; an empty tuple clears the trigger words, which null would not."""
    record = client.create(FULL_OUTGOING)
    after = updated(client, record, alias="", target_room=None, trigger_words=())
    assert not after.alias
    assert not stored(record.id)["targetRoom"]
    assert stored(record.id)["triggerWords"] == []


@pytest.mark.parametrize("field", ["retry_count", "retry_delay"])
def test_none_is_the_servers_default_for_retries(client: Client, field: str) -> None:
    """Null would end the retries."""
    after = updated(client, client.create(FULL_OUTGOING), **{field: None})
    assert isinstance(after, OutgoingIntegrationRecord)
    assert getattr(after, field) == {"retry_count": 4, "retry_delay": RetryDelay.POWERS_OF_TEN}[field]
    assert after.retry_failed_calls


# Events


def test_an_event_without_channels_clears_the_channel(client: Client) -> None:
    """The server clears it, and ``update`` does not count that as a difference."""
    record = client.create(attrs.evolve(FULL_OUTGOING, target_room=None))
    after = updated(client, record, event=EventType.ROOM_CREATED)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert (after.event, after.channel) == (EventType.ROOM_CREATED, ())


@oldest_and_newest
def test_trigger_words_that_the_server_keeps_after_a_change_of_event_do_not_matter(
    client: Client, dialect: str
) -> None:
    """6.14 keeps them; 8.x does not."""
    after = updated(client, client.create(FULL_OUTGOING), event=EventType.ROOM_JOINED, trigger_words=())
    assert isinstance(after, OutgoingIntegrationRecord)
    assert after.trigger_words == (FULL_OUTGOING.trigger_words if dialect == "6.14" else ())


def test_a_target_room_is_cleared_with_its_event(client: Client) -> None:
    """It would redirect the replies."""
    record = client.create(attrs.evolve(FULL_OUTGOING, event=EventType.USER_CREATED, channel=()))
    after = updated(client, record, event=EventType.SEND_MESSAGE, channel="#general", target_room=None)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert after.target_room is None


# Scripts


@both_types
def test_a_new_script_replaces_the_old_one(client: Client, stored: Stored, definition: IntegrationDefinition) -> None:
    record = client.create(definition)
    updated(client, record, script=OTHER_SCRIPT)
    assert stored(record.id)["scriptCompiled"] == OTHER_SCRIPT


@oldest_and_newest
@both_types
@pytest.mark.parametrize("changes", [{"script": None}, {"script": "  "}, {"script_enabled": False}], ids=repr)
def test_a_removed_or_disabled_script_stops_running(
    client: Client, stored: Stored, definition: IntegrationDefinition, changes: dict[str, Any]
) -> None:
    record = client.create(definition)
    updated(client, record, **changes)
    document = stored(record.id)
    assert not (document["scriptEnabled"] and document.get("scriptCompiled"))


def test_enabling_scripts_does_not_revive_an_old_one(client: Client, stored: Stored) -> None:
    """The server keeps the compiled script of an incoming integration."""
    off = updated(client, client.create(FULL_INCOMING), script=None, script_enabled=False)
    updated(client, off, script_enabled=True)
    document = stored(off.id)
    assert "scriptCompiled" in document
    assert document["scriptEnabled"] is False


def test_a_script_that_does_not_compile_is_an_error_in_the_record(client: Client) -> None:
    after = updated(client, client.create(FULL_INCOMING), script="class Script {{{")
    assert after.script_error is not None
    assert after.script_compiled is None


# Tokens


def test_a_missing_token_is_generated_once_and_returned(
    client: Client, bot: OutgoingIntegrationRecord, stored: Stored
) -> None:
    """The server requires a token with each update."""
    assert bot.token is None
    first = updated(client, bot, alias="A")
    second = updated(client, first, alias="B")
    assert first.token == second.token == stored(bot.id)["token"]
    assert len(first.token or "") >= 32


def test_a_token_can_be_changed(client: Client, stored: Stored) -> None:
    record = client.create(FULL_OUTGOING)
    updated(client, record, token="new token")
    assert stored(record.id)["token"] == "new token"


# Refused before writing


def refused_unchanged(server: LocalRocketChat, kind: type[Exception], call: Any) -> str:
    """Return the message of a call that fails without writing."""
    before, request_count = server.documents, len(server.requests)
    with pytest.raises(kind) as caught:
        call()
    assert server.documents == before
    assert "PUT" not in {request.method for request in server.requests[request_count:]}
    return str(caught.value)


def test_the_type_cannot_be_changed(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, outgoing: OutgoingIntegration
) -> None:
    """The server would replace the token; with the client the address keeps working."""
    message = refused_unchanged(server, ConfigurationError, lambda: client.update(hook.id, outgoing))
    assert message.startswith("type: ")
    client.webhook(hook).post("still here")
    assert len(server.messages) == 1


def test_update_creates_nothing(server: LocalRocketChat, client: Client, incoming: IncomingIntegration) -> None:
    refused_unchanged(server, NotFoundError, lambda: client.update("nope", incoming))


@pytest.mark.parametrize("slip", [{"enabled": "yes"}, {"channel": "general"}, {"urls": ()}], ids=repr)
def test_an_invalid_value_in_an_evolved_record_is_refused(
    server: LocalRocketChat, client: Client, slip: dict[str, Any]
) -> None:
    """Records are not validated when they are evolved; update validates what it changes."""
    record = attrs.evolve(client.create(FULL_OUTGOING), **slip)
    message = refused_unchanged(server, ConfigurationError, lambda: client.update(record.id, record))
    assert message.split(":")[0] in slip


# Old data


ODDITIES: dict[str, dict[str, Any]] = {
    "retry_delay": {"retryDelay": "whenever", "retryFailedCalls": True, "retryCount": 3},
    "retry_count": {"retryCount": -3, "retryFailedCalls": False},
    "username": {"channel": ["#general", " "]},
    "trigger_words": {"triggerWords": None},
    "created_at": {"_createdAt": {"$date": 1484000000000}, "_createdBy": None},
    "extra": {"foo": {"bar": 1}},
    "script_engine": {"scriptEngine": "vm2"},
    "target_room": {"targetRoom": ""},
}


@pytest.mark.parametrize("field", ODDITIES)
def test_invalid_old_values_stay_while_another_field_changes(
    server: LocalRocketChat, client: Client, field: str
) -> None:
    record = client.get(server.insert({**BOT, **ODDITIES[field]}))
    after = updated(client, record, alias="New")
    assert getattr(after, field) == getattr(record, field)


def test_a_refusal_by_the_server_changes_nothing(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord
) -> None:
    before = server.documents
    with pytest.raises(BadRequestError) as caught:
        client.update(hook.id, attrs.evolve(hook, channel="#gone"))
    assert caught.value.error_type == "error-invalid-room"
    assert server.documents == before


# Changes by others


@oldest_and_newest
def test_a_stale_record_is_refused(
    server: LocalRocketChat, client: Client, connect: Connect, hook: IncomingIntegrationRecord
) -> None:
    """A fresh record goes through; ``overwrite=True`` and a plain definition overwrite."""
    mine = client.get(hook.id)
    connect(server).update(hook.id, attrs.evolve(mine, alias="Theirs"))

    changed = attrs.evolve(mine, name="mine")
    assert "admin" in refused_unchanged(server, StaleRecordError, lambda: client.update(hook.id, changed))

    client.update(hook.id, attrs.evolve(client.get(hook.id), name="mine"))
    assert (client.get(hook.id).name, client.get(hook.id).alias) == ("mine", "Theirs")
    client.update(hook.id, attrs.evolve(mine, name="over"), overwrite=True)
    assert (client.get(hook.id).name, client.get(hook.id).alias) == ("over", None)
    connect(server).update(hook.id, attrs.evolve(client.get(hook.id), alias="Theirs"))
    assert client.update(hook.id, hook.definition).alias is None


# Fields that the server did not take


@oldest_and_newest
@both_types
def test_a_server_without_skip_transpile_takes_the_rest(
    server: LocalRocketChat, client: Client, stored: Stored, definition: IntegrationDefinition
) -> None:
    """No create or update breaks on it, and no difference remains: the client leaves it out from then on."""
    definition = attrs.evolve(definition, skip_transpile=True)
    record = client.create(definition)
    assert (record.skip_transpile, differences(record, definition)) == (None, ())
    before = len(server.requests)
    client.update(record.id, attrs.evolve(definition, alias="New"))
    assert (stored(record.id)["alias"], "skipTranspile" in stored(record.id)) == ("New", False)
    assert [request.method for request in server.requests[before:]] == ["GET", "PUT"]


@both_types
def test_a_server_may_ignore_skip_transpile(connect: Connect, definition: IntegrationDefinition) -> None:
    """9.0 may take the field without storing it (assumed): that is no difference."""
    definition = attrs.evolve(definition, skip_transpile=True)
    with LocalRocketChat(skip_transpile="ignored") as server:
        client = connect(server)
        record = client.create(definition)
        changed = client.update(record.id, attrs.evolve(definition, alias="New"))
        assert (record.skip_transpile, changed.skip_transpile, changed.alias) == (None, None, "New")
        assert all("skipTranspile" not in document for document in server.documents)


@only_6
def test_a_username_that_6_ignores_is_reported(client: Client, hook: IncomingIntegrationRecord, stored: Stored) -> None:
    """The rest is written."""
    with pytest.raises(UpdateIncomplete, match="username") as caught:
        client.update(hook.id, attrs.evolve(hook, username="alice", alias="New"))
    (change,) = caught.value.changes
    assert (change.field, change.old, change.new) == ("username", "rocket.cat", "alice")
    assert caught.value.record == client.get(hook.id)
    assert stored(hook.id)["alias"] == "New"


def test_8_takes_a_new_username(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, stored: Stored
) -> None:
    server.add_user("poster", ["message-impersonate"])
    updated(client, hook, username="poster")
    assert stored(hook.id)["username"] == "poster"


@oldest_and_newest
@both_types
def test_scripts_that_a_server_has_frozen_are_reported(
    server: LocalRocketChat, client: Client, definition: IntegrationDefinition, dialect: str
) -> None:
    """6.x ignores another script, and 8.x refuses it; both ignore that scripts are turned off.

    After a refusal, the update of an incoming integration is sent again with the old script.
    """
    record = client.create(definition)
    server.frozen_scripts = True
    is_refused = dialect != "6.14" and definition.type is IntegrationType.OUTGOING
    with pytest.raises(BadRequestError if is_refused else UpdateIncomplete) as refused:
        client.update(record.id, attrs.evolve(record, script=OTHER_SCRIPT, alias="New"))
    if isinstance(refused.value, UpdateIncomplete):
        assert [change.field for change in refused.value.changes] == ["script"]
    else:
        assert "integration-scripts-disabled" in str(refused.value)
    with pytest.raises(UpdateIncomplete) as caught:
        client.update(record.id, attrs.evolve(record, script_enabled=False), overwrite=True)
    assert {change.field for change in caught.value.changes} == {"script_enabled"}
    assert client.update(record.id, attrs.evolve(client.get(record.id), alias="Newer")).alias == "Newer"


# Answers
