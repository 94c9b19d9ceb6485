"""What type checkers make of programs that use the package. They are checked and never run.

Each function is the way somebody would write it; `assert_type` holds what they then may rely on.
"""

from collections.abc import Iterator

import attrs
from typing_extensions import assert_type

from rocketchat_integrations import (
    Attachment,
    Client,
    EventType,
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IncomingWebhook,
    IntegrationType,
    Listing,
    Message,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    PostResult,
    TokenAuth,
    differences,
)
from rocketchat_integrations.testing import LocalRocketChat


def clients() -> None:
    with Client("https://chat.example.com", TokenAuth(user_id="id", token="token")) as client:
        assert_type(client, Client)
        assert_type(client.user_id(), str)
        assert_type(client.server_version(), str)
    Client("https://chat.example.com", PasswordAuth("alice", "secret"))
    Client("https://chat.example.com", PasswordAuth("alice", "secret", totp="123456"))
    Client("https://chat.example.com", PasswordAuth("alice", "secret", totp=lambda: "123456"))
    assert_type(Client.from_env(), Client)


def created(client: Client, incoming: IncomingIntegration, outgoing: OutgoingIntegration) -> None:
    assert_type(client.create(incoming), IncomingIntegrationRecord)
    assert_type(client.create(outgoing), OutgoingIntegrationRecord)


def copied(client: Client, incoming: IncomingIntegrationRecord, outgoing: OutgoingIntegrationRecord) -> None:
    assert_type(client.create(incoming), IncomingIntegrationRecord)
    assert_type(client.create(outgoing), OutgoingIntegrationRecord)
    assert_type(incoming.definition, IncomingIntegration)
    assert_type(outgoing.definition, OutgoingIntegration)


def created_of_either_kind(client: Client, wanted: IncomingIntegration | OutgoingIntegration) -> None:
    assert_type(client.create(wanted), IncomingIntegrationRecord | OutgoingIntegrationRecord)


def updated(client: Client, record: OutgoingIntegrationRecord, wanted: IncomingIntegration) -> None:
    assert_type(client.update("id", wanted), IncomingIntegrationRecord)
    assert_type(client.update(record.id, attrs.evolve(record, alias="Bot")), OutgoingIntegrationRecord)
    assert_type(client.update(record.id, record, overwrite=True), OutgoingIntegrationRecord)


def narrowed(client: Client) -> None:
    record = client.get("id")
    assert_type(record, IncomingIntegrationRecord | OutgoingIntegrationRecord)
    if record.type is IntegrationType.INCOMING:
        assert_type(record, IncomingIntegrationRecord)
        client.webhook(record).post("hello")
    else:
        assert_type(record, OutgoingIntegrationRecord)
        assert_type(record.event, EventType | str)


def narrowed_by_equality(client: Client) -> None:
    record = client.get("id")
    if record.type == IntegrationType.OUTGOING:
        assert_type(record, OutgoingIntegrationRecord)
    else:
        assert_type(record, IncomingIntegrationRecord)


def listed(client: Client) -> None:
    assert_type(client.list(), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])
    assert_type(client.list(name="ci"), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])
    assert_type(client.list(type=IntegrationType.INCOMING), Listing[IncomingIntegrationRecord])
    assert_type(client.list(type=IntegrationType.OUTGOING, name="bot"), Listing[OutgoingIntegrationRecord])
    assert_type(client.list().total(), int)
    assert_type(iter(client.list(type=IntegrationType.INCOMING)), Iterator[IncomingIntegrationRecord])
    for record in client.list(type=IntegrationType.OUTGOING):
        assert_type(record.urls, tuple[str, ...])
    assert_type(
        client.list_for_channel(room_name="ops"),
        Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord],
    )
    assert_type(client.list_for_group(room_id="id"), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])


def looked_back(client: Client) -> None:
    history = client.history("id")
    assert_type(history, Listing[HistoryEntry])
    for entry in history:
        client.replay_outgoing("id", entry.id)
    client.clear_history("id")


def removed(client: Client, record: IncomingIntegrationRecord) -> None:
    client.remove(record)
    client.remove("id", type=IntegrationType.OUTGOING)


def posted(client: Client, record: IncomingIntegrationRecord) -> None:
    webhook = client.webhook(record)
    assert_type(webhook, IncomingWebhook)
    assert_type(webhook.url, str)
    assert_type(webhook.post("hello"), PostResult)
    webhook.post(Message(text="hello", attachments=[Attachment(title="title")]))
    result = webhook.post({"status": "firing", "alerts": [{"value": 1}]})
    assert_type(result.raw["success"], object)
    for response in result.responses:
        assert_type(response.error, str | None)


def defined() -> None:
    definition = IncomingIntegration("ci", channel="#builds, #ops", username="rocket.cat")
    assert_type(definition.channel, tuple[str, ...])
    assert_type(definition.alias, str | None)
    OutgoingIntegration(
        name="bot",
        event=EventType.SEND_MESSAGE,
        channel=["#ops"],
        username="rocket.cat",
        urls="https://bot.example.com/hook",
        trigger_words=("!deploy",),
    )


def compared(record: IncomingIntegrationRecord, wanted: IncomingIntegration) -> None:
    for change in differences(record, wanted):
        assert_type(change.field, str)


def tested() -> None:
    with LocalRocketChat() as server:
        assert_type(server.url, str)
        Client(server.url, server.auth("admin"))
