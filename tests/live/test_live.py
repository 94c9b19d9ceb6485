"""What the client relies on, tested with a real server or the embedded one.

No message is posted, since it could not be taken back: incoming integrations are disabled, and so are outgoing ones.
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
MESSAGE = "The live suite posts this where it must be refused. If you can read it, the suite has failed."


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
    """Return a definition with the required fields only."""
    return incoming(workspace) if type is IntegrationType.INCOMING else outgoing(workspace)


def full(workspace: Workspace, type: IntegrationType) -> IntegrationDefinition:
    """Return a definition with a value for every field."""
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
    """Skip an unreadable record of other users. One of ours would be missed by the test."""


def have_one_token(one: IntegrationRecord, other: IntegrationRecord) -> bool:
    # A function, so that pytest does not print the tokens of a failed comparison.
    return one.token == other.token


def test_server_version(workspace: Workspace) -> None:
    """The version has a form that programs can compare."""
    assert re.match(r"\d+\.\d+(\.\d+)?($|-)", workspace.client.server_version())


@each_type
def test_every_field_comes_back(workspace: Workspace, type: IntegrationType) -> None:
    """A new integration has every field of its definition, in the answer and when it is read again."""
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
    """The token, and with it a webhook's address, and the script that runs stay."""
    created = workspace.client.create(full(workspace, type))
    updated = workspace.client.update(created.id, attrs.evolve(created, alias="Another"))
    stored = workspace.client.get(created.id)

    assert stored.definition == updated.definition == attrs.evolve(created, alias="Another").definition
    assert have_one_token(stored, created)
    assert stored.script_compiled == created.script_compiled
    assert stored.updated_by is not None
    assert stored.updated_by.id == workspace.client.user_id()


@each_type
def test_missing_fields_are_cleared(workspace: Workspace, type: IntegrationType) -> None:
    """An update to a bare definition clears everything except the token, and stops the script."""
    created = workspace.client.create(full(workspace, type))
    wanted = bare(workspace, type)
    workspace.client.update(created.id, wanted)
    stored = workspace.client.get(created.id)

    assert differences(stored, wanted) == ()
    emptied = {field.name for field in attrs.fields(wanted.__class__) if not getattr(wanted, field.name)}
    kept = {"token", "script_engine", "skip_transpile"}
    assert {field for field in emptied - kept if getattr(stored, field)} == set()
    assert have_one_token(stored, created)
    # An incoming integration keeps the compiled script, but does not run it while scripts are off.
    assert type is IntegrationType.INCOMING or stored.script_compiled is None


def test_script_errors(workspace: Workspace) -> None:
    """A script that does not compile gives a record with the error."""
    record = workspace.client.create(attrs.evolve(incoming(workspace), script_enabled=True, script=BROKEN_SCRIPT))

    assert record.script_error is not None
    assert record.script_error.message
    assert record.script_compiled is None


def test_stale_records(workspace: Workspace) -> None:
    """A record that has changed on the server meanwhile is not overwritten."""
    created = workspace.client.create(incoming(workspace))
    changed = workspace.client.update(created.id, attrs.evolve(created, alias="Theirs"))

    with pytest.raises(StaleRecordError):
        workspace.client.update(created.id, attrs.evolve(created, alias="Ours"))

    stored = workspace.client.get(created.id)
    assert stored.definition == changed.definition
    assert stored.updated_at == changed.updated_at


def test_the_type_cannot_change(workspace: Workspace) -> None:
    """An update of the other type is refused: the server would overwrite a webhook's address."""
    created = workspace.client.create(incoming(workspace))

    with pytest.raises(ConfigurationError, match="type"):
        workspace.client.update(created.id, outgoing(workspace))

    stored = workspace.client.get(created.id)
    assert stored.definition == created.definition
    assert have_one_token(stored, created)


def test_lists(workspace: Workspace) -> None:
    """New integrations are found by name, by a part of it, by type and by room, in order and completely."""
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
    """It can be cleared, and an unknown entry cannot be replayed; servers before 8.7 have no such endpoints."""
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
def test_removed_integrations(workspace: Workspace, type: IntegrationType) -> None:
    """They can neither be read nor removed again: `NotFoundError`."""
    record = workspace.client.create(bare(workspace, type))
    workspace.client.remove(record)

    with pytest.raises(NotFoundError):
        workspace.client.get(record.id)
    with pytest.raises(NotFoundError):
        workspace.client.remove(record)


def test_disabled_webhooks(workspace: Workspace) -> None:
    """A disabled webhook raises another exception than a wrong address."""
    record = workspace.client.create(incoming(workspace))

    with pytest.raises(WebhookDisabledError):
        workspace.client.webhook(record).post(MESSAGE)
    with pytest.raises((NotFoundError, ServerError)) as failure:
        workspace.client.webhook(attrs.evolve(record, token="made-up")).post(MESSAGE)
    assert failure.type is not WebhookDisabledError


def test_unknown_rooms(workspace: Workspace) -> None:
    """They are refused with an error type that programs can compare."""
    nowhere = attrs.evolve(incoming(workspace), channel=f"#{workspace.prefix}nowhere")

    with pytest.raises(BadRequestError) as refusal:
        workspace.client.create(nowhere)
    assert refusal.value.error_type == "error-invalid-room"


def test_wrong_tokens(workspace: Workspace) -> None:
    """They raise `AuthenticationError`, not `NotFoundError` or `PermissionDeniedError`."""
    stranger = TokenAuth(user_id=workspace.client.user_id(), token="made-up")

    with Client(workspace.url, stranger) as client, pytest.raises(AuthenticationError):
        client.get("made-up")
