"""Updates: the server loses data in many ways, and no update of ours does."""

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
    NotFoundError,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    StaleRecordError,
    UpdateIncomplete,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect, Stored

only_8 = pytest.mark.parametrize("dialect", ["8.8"])
only_6 = pytest.mark.parametrize("dialect", ["6.14"])

SCRIPT = "class Script { process_incoming_request() { return {} } }"
OTHER_SCRIPT = "class Script { process_incoming_request() { return {content: {}} } }"

FULL_INCOMING = IncomingIntegration(
    name="full",
    username="rocket.cat",
    channel=("#general", "@alice"),
    alias="CI",
    avatar="https://example.com/a.png",
    emoji=":robot:",
    script_enabled=True,
    script=SCRIPT,
    override_destination_channel_enabled=True,
)
FULL_OUTGOING = OutgoingIntegration(
    name="full",
    username="rocket.cat",
    channel=("#general", "all_private_groups"),
    alias="Bot",
    avatar="https://example.com/a.png",
    emoji=":robot:",
    script_enabled=True,
    script=SCRIPT,
    event=EventType.SEND_MESSAGE,
    urls=("https://a.example.com", "https://b.example.com"),
    trigger_words=("!deploy", "!ship"),
    trigger_word_anywhere=True,
    target_room="#random",
    token="own token",
    run_on_edits=True,
    impersonate_user=True,
    retry_failed_calls=True,
    retry_count=2,
    retry_delay=RetryDelay.POWERS_OF_TWO,
)
FULL: tuple[IntegrationDefinition, ...] = (FULL_INCOMING, FULL_OUTGOING)
both_kinds = pytest.mark.parametrize("definition", FULL, ids=["incoming", "outgoing"])

# What an update changes by its nature.
BOOKKEEPING = {"_updatedAt", "_updatedBy"}


def without(document: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in BOOKKEEPING.union(names)}


def updated(client: Client, record: IntegrationRecord, **changes: Any) -> IntegrationRecord:
    """The record after an update with these changes, which has to be what the server holds."""
    answer = client.update(record.id, attrs.evolve(record, **changes))
    assert answer == client.get(record.id)
    return answer


# Nothing else changes


@both_kinds
def test_nothing_but_what_was_evolved_changes(
    client: Client, stored: Stored, definition: IntegrationDefinition
) -> None:
    """Of all that the server stores, one field changes, and who changed it when."""
    record = client.create(definition)
    before = stored(record.id)

    after = updated(client, record, alias="Another")

    assert after.alias == "Another"
    assert after.updated_by is not None
    assert after.updated_by.username == "admin"
    expected = without(before, "alias")
    # An update makes the server write down what it took for granted.
    assert {name: value for name, value in without(stored(record.id), "alias").items() if name in before} == expected


@both_kinds
def test_an_update_that_changes_nothing_changes_nothing(client: Client, definition: IntegrationDefinition) -> None:
    """Writing a record back gives the same record."""
    record = client.create(definition)
    after = updated(client, record)
    assert after.definition == record.definition
    assert (after.token, after.script_compiled) == (record.token, record.script_compiled)


@both_kinds
@pytest.mark.parametrize("script", [SCRIPT, None])
def test_every_update_carries_the_script_and_it_goes_on_running(
    client: Client, stored: Stored, definition: IntegrationDefinition, script: str | None
) -> None:
    """What the server made of the script survives an update of something else."""
    record = client.create(attrs.evolve(definition, script=script))
    updated(client, record, name="renamed")
    assert stored(record.id).get("scriptCompiled") == script


# What is cleared is cleared


@both_kinds
def test_what_a_definition_leaves_out_is_cleared(
    client: Client,
    stored: Stored,
    definition: IntegrationDefinition,
    incoming: IncomingIntegration,
    outgoing: OutgoingIntegration,
) -> None:
    """An update to a bare definition leaves nothing of what was there but the token."""
    record = client.create(definition)
    bare: IntegrationDefinition = incoming if isinstance(definition, IncomingIntegration) else outgoing

    after = client.update(record.id, bare)

    assert differences(after, bare) == ()
    document = stored(record.id)
    optional = ("alias", "avatar", "emoji", "script", "targetRoom", "impersonateUser", "triggerWordAnywhere")
    rest = ("overrideDestinationChannelEnabled", "runOnEdits", "retryFailedCalls", "triggerWords")
    assert {name for name in (*optional, *rest) if document.get(name)} == set()
    assert after.token == record.token


@pytest.mark.parametrize("nothing", [None, ""])
@pytest.mark.parametrize("field", ["alias", "avatar", "emoji", "target_room"])
def test_text_is_cleared_with_nothing(client: Client, field: str, nothing: str | None) -> None:
    """None and "" both mean no text."""
    record = client.create(FULL_OUTGOING)
    assert not getattr(updated(client, record, **{field: nothing}), field)


def test_trigger_words_are_cleared_with_nothing(client: Client, stored: Stored) -> None:
    """The server ignores null for them; an empty tuple clears them."""
    record = client.create(FULL_OUTGOING)
    updated(client, record, trigger_words=())
    assert stored(record.id)["triggerWords"] == []


# Events


def test_an_event_without_channels_takes_the_channel_away(client: Client) -> None:
    """The server empties it, and that is no difference from what was asked."""
    record = client.create(attrs.evolve(FULL_OUTGOING, target_room=None))
    after = updated(client, record, event=EventType.ROOM_CREATED)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert after.event is EventType.ROOM_CREATED
    assert after.channel == ()


def test_surviving_trigger_words_do_not_disturb(client: Client) -> None:
    """After a change of event the server keeps the words and nobody can clear them: harmless, and no failure."""
    record = client.create(FULL_OUTGOING)
    after = updated(client, record, event=EventType.ROOM_JOINED, trigger_words=())
    assert isinstance(after, OutgoingIntegrationRecord)
    assert after.trigger_words == ("!deploy", "!ship")


def test_a_target_room_goes_with_its_event(client: Client) -> None:
    """What would redirect replies after a change of event is cleared if the definition has none."""
    record = client.create(attrs.evolve(FULL_OUTGOING, event=EventType.USER_CREATED, channel=()))
    after = updated(client, record, event=EventType.SEND_MESSAGE, channel="#general", target_room=None)
    assert isinstance(after, OutgoingIntegrationRecord)
    assert after.target_room is None


# Scripts


@both_kinds
def test_a_new_script_replaces_the_old_one(client: Client, stored: Stored, definition: IntegrationDefinition) -> None:
    """What runs is what the record shows."""
    record = client.create(definition)
    updated(client, record, script=OTHER_SCRIPT)
    assert stored(record.id)["scriptCompiled"] == OTHER_SCRIPT


@both_kinds
@pytest.mark.parametrize("changes", [{"script": None}, {"script": "  "}, {"script_enabled": False}])
def test_a_script_that_is_taken_away_stops(
    client: Client, stored: Stored, definition: IntegrationDefinition, changes: dict[str, Any]
) -> None:
    """Without a script, or with it switched off, the compiled one does not run: the server looks at the switch."""
    record = client.create(definition)
    updated(client, record, **changes)
    document = stored(record.id)
    assert not (document["scriptEnabled"] and document.get("scriptCompiled"))


def test_an_old_script_is_not_revived(client: Client, stored: Stored) -> None:
    """Asking for scripts without giving one does not bring back what the server kept of an earlier one."""
    record = client.create(FULL_INCOMING)
    off = updated(client, record, script=None, script_enabled=False)
    updated(client, off, script_enabled=True)
    document = stored(record.id)
    assert "scriptCompiled" in document
    assert document["scriptEnabled"] is False


def test_an_update_says_that_the_script_does_not_compile(client: Client) -> None:
    """The server answers success; the record has the reason."""
    after = updated(client, client.create(FULL_INCOMING), script="class Script {{{")
    assert after.script_error is not None
    assert after.script_compiled is None


@only_8
@pytest.mark.parametrize("skip", [True, False])
@both_kinds
def test_how_a_script_is_run_stays(
    client: Client, stored: Stored, definition: IntegrationDefinition, skip: bool
) -> None:
    """Engine and transpiling stay as they are, by a record and by a definition that does not name them."""
    record = client.create(attrs.evolve(definition, skip_transpile=skip))
    updated(client, record, name="renamed")
    client.update(record.id, definition)
    assert (stored(record.id)["scriptEngine"], stored(record.id)["skipTranspile"]) == ("isolated-vm", skip)


# Tokens


@both_kinds
def test_a_token_stays(
    client: Client, definition: IntegrationDefinition, incoming: IncomingIntegration, outgoing: OutgoingIntegration
) -> None:
    """Neither a record nor a definition without a token changes the one that is there."""
    record = client.create(definition)
    assert record.token
    bare: IntegrationDefinition = incoming if isinstance(definition, IncomingIntegration) else outgoing
    assert client.update(record.id, bare).token == record.token
    assert client.get(record.id).token == record.token


def test_a_missing_token_is_made_and_shown(client: Client, bot: OutgoingIntegrationRecord, stored: Stored) -> None:
    """The server wants a token with every update: the first makes one, the second keeps it."""
    assert bot.token is None
    first = updated(client, bot, alias="A")
    second = updated(client, first, alias="B")
    assert first.token == second.token == stored(bot.id)["token"]
    assert len(first.token or "") >= 32


def test_a_token_can_be_changed(client: Client, stored: Stored) -> None:
    """A token that is given is taken."""
    record = client.create(FULL_OUTGOING)
    updated(client, record, token="new token")
    assert stored(record.id)["token"] == "new token"


# Retries


@pytest.mark.parametrize("field", ["retry_count", "retry_delay"])
def test_retries_are_not_stopped_by_leaving_a_default_open(client: Client, field: str) -> None:
    """None is the server's default, not null, which would end the retries."""
    record = client.create(FULL_OUTGOING)
    after = updated(client, record, **{field: None})
    assert isinstance(after, OutgoingIntegrationRecord)
    assert getattr(after, field) == {"retry_count": 4, "retry_delay": RetryDelay.POWERS_OF_TEN}[field]
    assert after.retry_failed_calls


# Refused before writing


def refused_unchanged(server: LocalRocketChat, kind: type[Exception], call: Any) -> Exception:
    """The exception of a call that writes nothing."""
    before, asked = server.documents, len(server.requests)
    with pytest.raises(kind) as caught:
        call()
    assert server.documents == before
    assert "PUT" not in {request.method for request in server.requests[asked:]}
    return caught.value


def test_another_type_is_refused(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, outgoing: OutgoingIntegration
) -> None:
    """The server would overwrite the token; the webhook's address goes on working instead."""
    error = refused_unchanged(server, ConfigurationError, lambda: client.update(hook.id, outgoing))
    assert str(error).startswith("type: ")
    client.webhook(hook).post("still here")
    assert len(server.messages) == 1


def test_another_type_is_refused_the_other_way_round(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord, incoming: IncomingIntegration
) -> None:
    """An outgoing integration does not become an incoming one."""
    refused_unchanged(server, ConfigurationError, lambda: client.update(bot.id, incoming))


def test_the_record_of_another_integration_is_refused(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord, incoming: IncomingIntegration
) -> None:
    """A mixed-up id does not overwrite a stranger."""
    other = client.create(incoming)
    error = refused_unchanged(server, ConfigurationError, lambda: client.update(other.id, hook))
    assert other.id in str(error)
    assert hook.id in str(error)


def test_a_definition_for_what_is_not_there(
    server: LocalRocketChat, client: Client, incoming: IncomingIntegration
) -> None:
    """An update creates nothing."""
    refused_unchanged(server, NotFoundError, lambda: client.update("nope", incoming))


@pytest.mark.parametrize(
    "slip",
    [
        {"name": 5},
        {"enabled": "yes"},
        {"alias": ["a"]},
        {"channel": "general"},
        {"channel": ("#a,#b",)},
        {"channel": (" ,",)},
        {"event": "sendmessage"},
        {"event": EventType.USER_CREATED, "target_room": None},
        {"urls": ()},
        {"urls": ("",)},
        {"trigger_words": ("",)},
        {"token": " "},
        {"username": ""},
        {"retry_count": 0},
        {"retry_count": 1.5},
        {"retry_delay": "soon"},
        {"script_engine": "vm2"},
        {"skip_transpile": "no"},
    ],
    ids=repr,
)
def test_a_slip_in_a_record_does_not_reach_the_server(
    server: LocalRocketChat, client: Client, slip: dict[str, Any]
) -> None:
    """Records are not judged when they are evolved, but what an update changes is."""
    record = attrs.evolve(client.create(FULL_OUTGOING), **slip)
    error = refused_unchanged(server, ConfigurationError, lambda: client.update(record.id, record))
    assert str(error).split(":")[0] in slip


# Old data


@pytest.mark.parametrize(
    ("oddity", "field"),
    [
        ({"retryDelay": "Whenever", "retryFailedCalls": False}, "retry_delay"),
        ({"retryDelay": "whenever", "retryFailedCalls": True, "retryCount": 3}, "retry_delay"),
        ({"retryCount": -3, "retryFailedCalls": False}, "retry_count"),
        ({"channel": ["#general", " "]}, "username"),
        ({"urls": ["https://a.example.com", " "]}, "username"),
        ({"triggerWords": None}, "trigger_words"),
        ({"emoji": ""}, "emoji"),
        ({"alias": None}, "alias"),
        ({"_createdBy": None}, "created_by"),
        ({"_createdAt": {"$date": 1484000000000}}, "created_at"),
        ({"foo": {"bar": 1}}, "extra"),
        ({"scriptEngine": "vm2"}, "script_engine"),
        ({"targetRoom": ""}, "target_room"),
    ],
    ids=repr,
)
def test_an_old_oddity_stays_while_something_else_changes(
    server: LocalRocketChat, client: Client, oddity: dict[str, Any], field: str
) -> None:
    """What would be refused today does not stand in the way of an update that leaves it alone."""
    id = server.insert(
        {
            "type": "webhook-outgoing",
            "name": "old",
            "event": "sendMessage",
            "urls": ["https://a.example.com"],
            "channel": ["#general"],
            "username": "rocket.cat",
            "enabled": True,
            "scriptEnabled": False,
            "token": "t",
            **oddity,
        }
    )
    record = client.get(id)
    after = updated(client, record, alias="New") if field != "alias" else updated(client, record, emoji=":x:")
    assert getattr(after, field) == getattr(record, field)


def test_the_server_refuses_what_is_odd_only_to_it(server: LocalRocketChat, client: Client, hook: Any) -> None:
    """A user that no longer exists is the server's affair: its refusal comes through, and nothing changes."""
    server.add_room("old")
    record = client.update(hook.id, attrs.evolve(client.get(hook.id), channel=("#old",)))
    before = server.documents
    with pytest.raises(BadRequestError) as caught:
        client.update(record.id, attrs.evolve(record, channel="#gone"))
    assert caught.value.error_type == "error-invalid-room"
    assert server.documents == before


# Others


def test_a_record_that_somebody_changed_is_stale(
    server: LocalRocketChat, client: Client, connect: Connect, hook: IncomingIntegrationRecord
) -> None:
    """Nobody's change is overwritten unseen; with overwrite=True it is, and a fresh record goes through."""
    mine = client.get(hook.id)
    connect(server).update(hook.id, attrs.evolve(mine, alias="Theirs"))

    error = refused_unchanged(server, StaleRecordError, lambda: client.update(hook.id, attrs.evolve(mine, name="mine")))
    assert "admin" in str(error)

    client.update(hook.id, attrs.evolve(client.get(hook.id), name="mine"))
    assert (client.get(hook.id).name, client.get(hook.id).alias) == ("mine", "Theirs")
    client.update(hook.id, attrs.evolve(mine, name="over"), overwrite=True)
    assert (client.get(hook.id).name, client.get(hook.id).alias) == ("over", None)


def test_the_answer_to_create_can_be_evolved_once(client: Client, hook: IncomingIntegrationRecord) -> None:
    """It counts as unchanged as long as nobody has updated the integration, also where it says no time."""
    client.update(hook.id, attrs.evolve(hook, alias="A"))
    with pytest.raises(StaleRecordError):
        client.update(hook.id, attrs.evolve(hook, alias="B"))


def test_the_answer_to_update_can_be_evolved_on(client: Client, hook: IncomingIntegrationRecord) -> None:
    """From update to update, without reading in between."""
    record: IncomingIntegrationRecord = hook
    for alias in ("A", "B", "C"):
        record = client.update(hook.id, attrs.evolve(record, alias=alias))
    assert record.alias == "C"


def test_a_definition_is_never_stale(
    server: LocalRocketChat, client: Client, connect: Connect, hook: IncomingIntegrationRecord
) -> None:
    """Who says what it should be, and not what it was, overwrites."""
    connect(server).update(hook.id, attrs.evolve(hook, alias="Theirs"))
    assert client.update(hook.id, hook.definition).alias is None


# What the server does not take


@only_6
def test_an_old_server_keeps_the_user_and_the_error_names_the_field(
    client: Client, hook: IncomingIntegrationRecord, stored: Stored
) -> None:
    """6.x ignores the username of an incoming integration: the rest is written, and the error tells."""
    with pytest.raises(UpdateIncomplete) as caught:
        client.update(hook.id, attrs.evolve(hook, username="alice", alias="New"))
    (change,) = caught.value.changes
    assert (change.field, change.old, change.new) == ("username", "rocket.cat", "alice")
    assert caught.value.record == client.get(hook.id)
    assert stored(hook.id)["alias"] == "New"
    assert "username" in str(caught.value)


@only_8
def test_a_new_server_changes_the_user(client: Client, hook: IncomingIntegrationRecord, stored: Stored) -> None:
    """8.x posts as the new user from then on."""
    updated(client, hook, username="alice")
    assert stored(hook.id)["username"] == "alice"


@both_kinds
def test_frozen_scripts_are_named(server: LocalRocketChat, client: Client, definition: IntegrationDefinition) -> None:
    """A server that froze its scripts ignores new ones in silence; the error does not."""
    record = client.create(definition)
    server.frozen_scripts = True
    with pytest.raises(UpdateIncomplete) as caught:
        client.update(record.id, attrs.evolve(record, script=OTHER_SCRIPT, alias="New"))
    assert [change.field for change in caught.value.changes] == ["script"]
    with pytest.raises(UpdateIncomplete) as caught:
        client.update(record.id, attrs.evolve(record, script_enabled=False), overwrite=True)
    assert {change.field for change in caught.value.changes} == {"script_enabled"}
    assert client.update(record.id, attrs.evolve(client.get(record.id), alias="Newer")).alias == "Newer"


# Lost answers


@pytest.mark.parametrize("fault", ["reset-before", "reset-after", "truncate", "502", "503"])
@both_kinds
def test_an_update_whose_answer_is_lost_is_repeated(
    server: LocalRocketChat, client: Client, definition: IntegrationDefinition, fault: str
) -> None:
    """Writing the same twice does no harm."""
    # Without a token, so that the update has to make one.
    record = client.create(attrs.evolve(FULL_OUTGOING, token=None) if definition is FULL_OUTGOING else definition)
    server.fail_next("integrations.get", fault)
    server.fail_next("integrations.update", fault)
    after = client.update(record.id, attrs.evolve(record, alias="New"))
    assert after.alias == "New"
    sent = [request.body for request in server.requests if request.endpoint == "integrations.update"]
    assert len(sent) == 2
    assert sent[0] == sent[1]
    assert after == client.get(record.id)


def test_an_incoming_update_keeps_the_pasted_address(
    server: LocalRocketChat, client: Client, hook: IncomingIntegrationRecord
) -> None:
    """What others have pasted goes on working through any update."""
    address = client.webhook(hook).url
    client.update(hook.id, attrs.evolve(FULL_INCOMING, script_enabled=False))
    with IncomingWebhook(address) as webhook:
        webhook.post("hello")
    assert len(server.messages) == 2
