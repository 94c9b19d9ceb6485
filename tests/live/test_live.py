"""The contract with the server that a client relies on, asked of a real one.

Nothing is posted, for messages could not be taken back: incoming integrations are only posted to where they refuse,
and outgoing ones are disabled and lead nowhere.
"""

from __future__ import annotations

import re
import secrets
from typing import TYPE_CHECKING

import attrs
import pytest

from rocketchat_integrations import (
    AuthenticationError,
    BadRequestError,
    Client,
    ConfigurationError,
    DecodingError,
    EventType,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    NotFoundError,
    OutgoingIntegration,
    RetryDelay,
    ServerError,
    StaleRecordError,
    TokenAuth,
    UnexpectedResponse,
    WebhookDisabledError,
    differences,
)

if TYPE_CHECKING:
    from tests.live.conftest import Workspace

pytestmark = pytest.mark.usefixtures("tidied")
each_type = pytest.mark.parametrize("type", IntegrationType)

SCRIPT = "class Script { process_incoming_request({ request }) { return { content: request.content }; } }"
BROKEN_SCRIPT = "class Script { process_incoming_request( {"
MESSAGE = "The live suite posts this to where it has to be refused. Should you read it, the suite has failed."


def incoming(workspace: Workspace, what: str = "hook") -> IncomingIntegration:
    return IncomingIntegration(
        f"{workspace.prefix}{what}", channel=workspace.channel, username=workspace.poster, enabled=False
    )


def outgoing(workspace: Workspace, what: str = "bot") -> OutgoingIntegration:
    return OutgoingIntegration(
        f"{workspace.prefix}{what}",
        channel=workspace.channel,
        username=workspace.poster,
        enabled=False,
        event=EventType.SEND_MESSAGE,
        urls="https://bot.example/hook",
    )


def bare(workspace: Workspace, type: IntegrationType) -> IntegrationDefinition:
    """A definition that has what it needs and no more."""
    return incoming(workspace) if type is IntegrationType.INCOMING else outgoing(workspace)


def full(workspace: Workspace, type: IntegrationType) -> IntegrationDefinition:
    """A definition with something in every field."""
    definition = attrs.evolve(
        bare(workspace, type),
        alias="Live suite",
        avatar="https://bot.example/avatar.png",
        emoji=":robot:",
        script_enabled=True,
        script=SCRIPT,
        script_engine="isolated-vm",
        skip_transpile=True if (8, 4) <= workspace.version < (9, 0) else None,
    )
    if isinstance(definition, IncomingIntegration):
        return attrs.evolve(definition, override_destination_channel_enabled=True)
    return attrs.evolve(
        definition,
        urls=("https://bot.example/one", "https://bot.example/two"),
        trigger_words=("!live", "!suite"),
        trigger_word_anywhere=True,
        target_room=workspace.channel,
        token=secrets.token_hex(16),
        run_on_edits=True,
        impersonate_user=True,
        retry_failed_calls=True,
        retry_count=2,
        retry_delay=RetryDelay.INCREMENTS_OF_TWO,
    )


def ignore(error: DecodingError) -> None:
    """A record of somebody else that cannot be read is no failure. One of ours would be missed."""


def have_one_token(one: IntegrationRecord, other: IntegrationRecord) -> bool:
    # A function of records: a comparison that fails is printed with what it compares.
    return one.token == other.token


def test_the_server_tells_its_version(workspace: Workspace) -> None:
    """In the form from which programs can tell what it is able to do."""
    assert re.match(r"\d+\.\d+(\.\d+)?($|-)", workspace.client.server_version())


@each_type
def test_every_field_comes_back(workspace: Workspace, type: IntegrationType) -> None:
    """What is created is what was asked for, in the answer and when it is read again."""
    wanted = full(workspace, type)
    created = workspace.client.create(wanted)
    stored = workspace.client.get(created.id)

    assert differences(stored, wanted) == ()
    assert stored.definition == wanted
    assert created.definition == wanted
    assert stored.created_by == created.created_by
    assert stored.created_by.id == workspace.client.user_id()
    assert stored.created_at == created.created_at is not None
    assert stored.user_id == created.user_id is not None
    assert have_one_token(stored, created)
    assert created.token
    assert stored.script_compiled
    assert stored.script_error is None


@each_type
def test_an_update_of_one_field_changes_nothing_else(workspace: Workspace, type: IntegrationType) -> None:
    """The rest stays: the token, with it a webhook's address, and the script that runs."""
    created = workspace.client.create(full(workspace, type))
    updated = workspace.client.update(created.id, attrs.evolve(created, alias="Another"))
    stored = workspace.client.get(created.id)

    assert stored.definition == updated.definition == attrs.evolve(created, alias="Another").definition
    assert have_one_token(stored, created)
    assert stored.script_compiled == created.script_compiled
    assert stored.updated_by is not None
    assert stored.updated_by.id == workspace.client.user_id()


@each_type
def test_what_a_definition_leaves_out_is_cleared(workspace: Workspace, type: IntegrationType) -> None:
    """An update to a bare definition leaves nothing of a full one but the token, and stops the script."""
    created = workspace.client.create(full(workspace, type))
    wanted = bare(workspace, type)
    workspace.client.update(created.id, wanted)
    stored = workspace.client.get(created.id)

    assert differences(stored, wanted) == ()
    emptied = {field.name for field in attrs.fields(wanted.__class__) if not getattr(wanted, field.name)}
    kept = {"token", "script_engine", "skip_transpile"}
    assert {field for field in emptied - kept if getattr(stored, field)} == set()
    assert have_one_token(stored, created)
    # An incoming one keeps what was compiled, and does not run it while scripts are off.
    assert type is IntegrationType.INCOMING or stored.script_compiled is None


def test_a_script_that_does_not_compile_says_so(workspace: Workspace) -> None:
    """Nobody has to find out from a webhook that does nothing."""
    record = workspace.client.create(attrs.evolve(incoming(workspace), script_enabled=True, script=BROKEN_SCRIPT))

    assert record.script_error is not None
    assert record.script_error.message
    assert record.script_compiled is None


def test_nobodys_change_is_overwritten_unseen(workspace: Workspace) -> None:
    """A record that was changed on the server since is not written over."""
    created = workspace.client.create(incoming(workspace))
    changed = workspace.client.update(created.id, attrs.evolve(created, alias="Theirs"))

    with pytest.raises(StaleRecordError):
        workspace.client.update(created.id, attrs.evolve(created, alias="Ours"))

    stored = workspace.client.get(created.id)
    assert stored.definition == changed.definition
    assert stored.updated_at == changed.updated_at


def test_an_integration_does_not_become_one_of_the_other_type(workspace: Workspace) -> None:
    """The server would let a slip of the id overwrite a webhook's address."""
    created = workspace.client.create(incoming(workspace))

    with pytest.raises(ConfigurationError, match="type"):
        workspace.client.update(created.id, outgoing(workspace))

    stored = workspace.client.get(created.id)
    assert stored.definition == created.definition
    assert have_one_token(stored, created)


def test_lists_find_what_was_created(workspace: Workspace) -> None:
    """By name, by a part of it, by type and by room; in order, and all of it."""
    client = workspace.client
    bot = client.create(outgoing(workspace)).id
    hook = client.create(incoming(workspace)).id
    spare = client.create(incoming(workspace, "spare")).id
    part = workspace.prefix.upper()

    by_name = client.list(name=f"{workspace.prefix}hook", on_error=ignore)
    assert [record.id for record in by_name] == [hook]
    by_part = client.list(name_contains=part, on_error=ignore)
    assert [record.id for record in by_part] == sorted([bot, hook, spare])
    by_type = client.list(type=IntegrationType.OUTGOING, name_contains=part, on_error=ignore)
    assert [record.id for record in by_type] == [bot]

    room = workspace.channel[1:]
    try:
        by_room = {record.id for record in client.list_for_channel(room_name=room, on_error=ignore)}
    except NotFoundError:  # a private group
        by_room = {record.id for record in client.list_for_group(room_name=room, on_error=ignore)}
    assert {bot, hook, spare} <= by_room


def test_a_new_integration_has_no_history(workspace: Workspace) -> None:
    """It can be cleared all the same, and what is not in it cannot be replayed. Older servers say that they cannot."""
    bot = workspace.client.create(outgoing(workspace)).id

    assert list(workspace.client.history(bot)) == []
    if workspace.version >= (8, 7):
        workspace.client.clear_history(bot)
        with pytest.raises(NotFoundError):
            workspace.client.replay_outgoing(bot, "made-up")
    else:
        with pytest.raises(UnexpectedResponse):
            workspace.client.clear_history(bot)
        with pytest.raises(UnexpectedResponse):
            workspace.client.replay_outgoing(bot, "made-up")


@each_type
def test_what_is_removed_is_gone(workspace: Workspace, type: IntegrationType) -> None:
    """It cannot be read, nor removed once more, and the exception says why."""
    record = workspace.client.create(bare(workspace, type))
    workspace.client.remove(record)

    with pytest.raises(NotFoundError):
        workspace.client.get(record.id)
    with pytest.raises(NotFoundError):
        workspace.client.remove(record)


def test_a_disabled_webhook_says_so(workspace: Workspace) -> None:
    """And one whose address is wrong says something else."""
    record = workspace.client.create(incoming(workspace))

    with pytest.raises(WebhookDisabledError):
        workspace.client.webhook(record).post(MESSAGE)
    with pytest.raises((NotFoundError, ServerError)) as failure:
        workspace.client.webhook(attrs.evolve(record, token="made-up")).post(MESSAGE)
    assert failure.type is not WebhookDisabledError


def test_a_room_that_does_not_exist_is_refused(workspace: Workspace) -> None:
    """By a rule of the server, whose name programs can look at."""
    nowhere = attrs.evolve(incoming(workspace), channel=f"#{workspace.prefix}nowhere")

    with pytest.raises(BadRequestError) as refusal:
        workspace.client.create(nowhere)
    assert refusal.value.error_type == "error-invalid-room"


def test_a_wrong_token_is_refused(workspace: Workspace) -> None:
    """As what it is: not as a missing integration, nor as a missing permission."""
    stranger = TokenAuth(user_id=workspace.client.user_id(), token="made-up")

    with Client(workspace.url, stranger) as client, pytest.raises(AuthenticationError):
        client.get("made-up")
