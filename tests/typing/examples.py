"""Programs that use the package, for the type checkers: checked by mypy and pyright, never run.

Each function is code as a user would write it; `assert_type` states the types that users rely on.
"""

import functools
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import assert_type
from wsgiref.simple_server import make_server

import attrs

from rocketchat_integrations import (
    Action,
    Attachment,
    AttachmentField,
    CallOutcome,
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
    Request,
    Response,
    RetryPolicy,
    TokenAuth,
    differences,
)
from rocketchat_integrations.aio import AsyncClient, AsyncIncomingWebhook, AsyncListing, apply_async, plan_async
from rocketchat_integrations.manifest import Manifest
from rocketchat_integrations.outgoing import (
    Answer,
    Bot,
    Command,
    Commands,
    FileUploaded,
    MessageSent,
    Payload,
    PayloadUser,
    Reply,
    RoomArchived,
    RoomCreated,
    RoomJoined,
    RoomLeft,
    UserCreated,
    WebhookApp,
    parse,
)
from rocketchat_integrations.provisioning import Plan, Report, plan
from rocketchat_integrations.testing import LocalRocketChat


async def asynchronous(integration: IncomingIntegration | OutgoingIntegration, manifest: Manifest) -> None:
    async with AsyncClient("https://chat.example.com", PasswordAuth("alice", "secret"), timeout=10) as client:
        assert_type(client, AsyncClient)
        assert_type(await client.user_id(), str)
        assert_type(
            await client.create(IncomingIntegration("ci", channel="#a", username="u")), IncomingIntegrationRecord
        )
        record = await client.get("id")
        assert_type(record, IncomingIntegrationRecord | OutgoingIntegrationRecord)
        if record.type is IntegrationType.INCOMING:
            assert_type(await client.update(record.id, attrs.evolve(record, alias="x")), IncomingIntegrationRecord)
            assert_type(client.webhook(record), AsyncIncomingWebhook)
            assert_type(await client.webhook(record).post("hello"), PostResult)
        assert_type(client.list(type="outgoing"), AsyncListing[OutgoingIntegrationRecord])
        async for each in client.list(type=IntegrationType.INCOMING):
            assert_type(each, IncomingIntegrationRecord)
        assert_type([entry async for entry in client.history("id")], list[HistoryEntry])
        assert_type(await client.list().total(), int)
        changes = await plan_async(manifest, client)
        assert_type(changes, Plan)
        assert_type(await apply_async(changes, client, workers=8), Report)
        assert_type(await plan_async([integration], client, prune="all"), Plan)
        both = [
            IncomingIntegration("ci", channel="#a", username="u"),
            OutgoingIntegration("bot", event="sendMessage", username="u", urls="https://bot.example.com"),
        ]
        assert_type(await plan_async(both, client), Plan)
    async with AsyncIncomingWebhook.from_env(retry=RetryPolicy.never()) as webhook:
        assert_type(await webhook.check(), bool)
    AsyncClient.from_env(transport=MyTransport())


def plan_for_definitions(
    client: Client,
    either: list[IncomingIntegration | OutgoingIntegration],
    incoming: list[IncomingIntegration],
    fixed: tuple[IncomingIntegration, OutgoingIntegration],
    records: Iterator[OutgoingIntegrationRecord],
) -> None:
    both = [
        IncomingIntegration("ci", channel="#a", username="u"),
        OutgoingIntegration("bot", event="sendMessage", username="u", urls="https://bot.example.com"),
    ]
    assert_type(plan(both, client), Plan)
    assert_type(plan([incoming[0], fixed[1]], client), Plan)
    assert_type(plan(either, client), Plan)
    assert_type(plan(incoming, client), Plan)
    assert_type(plan(fixed, client), Plan)
    assert_type(plan(records, client), Plan)
    assert_type(plan(client.list(), client, prune="all"), Plan)


class MyTransport:
    async def send(self, request: Request) -> Response:
        return Response(200, {}, request.body or b"")

    async def close(self) -> None: ...


def connect() -> None:
    with Client("https://chat.example.com", TokenAuth(user_id="id", token="token")) as client:
        assert_type(client, Client)
        assert_type(client.user_id(), str)
        assert_type(client.server_version(), str)
    Client("https://chat.example.com", PasswordAuth("alice", "secret"))
    Client("https://chat.example.com", PasswordAuth("alice", "secret", totp="123456"))
    Client("https://chat.example.com", PasswordAuth("alice", "secret", totp=lambda: "123456"))
    assert_type(Client.from_env(), Client)


def create(client: Client, incoming: IncomingIntegration, outgoing: OutgoingIntegration) -> None:
    assert_type(client.create(incoming), IncomingIntegrationRecord)
    assert_type(client.create(outgoing), OutgoingIntegrationRecord)


def copy_to_another_workspace(
    client: Client, incoming: IncomingIntegrationRecord, outgoing: OutgoingIntegrationRecord
) -> None:
    assert_type(client.create(incoming), IncomingIntegrationRecord)
    assert_type(client.create(outgoing), OutgoingIntegrationRecord)
    assert_type(incoming.definition, IncomingIntegration)
    assert_type(outgoing.definition, OutgoingIntegration)


def create_of_either_type(client: Client, wanted: IncomingIntegration | OutgoingIntegration) -> None:
    assert_type(client.create(wanted), IncomingIntegrationRecord | OutgoingIntegrationRecord)


def update(client: Client, record: OutgoingIntegrationRecord, wanted: IncomingIntegration) -> None:
    assert_type(client.update("id", wanted), IncomingIntegrationRecord)
    assert_type(client.update(record.id, attrs.evolve(record, alias="Bot")), OutgoingIntegrationRecord)
    assert_type(client.update(record.id, record, overwrite=True), OutgoingIntegrationRecord)
    assert_type(client.update(record, attrs.evolve(record, alias="Bot")), OutgoingIntegrationRecord)
    assert_type(client.update(id=record.id, wanted=wanted), IncomingIntegrationRecord)


def read_again(
    client: Client,
    incoming: IncomingIntegrationRecord,
    outgoing: OutgoingIntegrationRecord,
    either: IncomingIntegrationRecord | OutgoingIntegrationRecord,
) -> None:
    assert_type(client.get(incoming), IncomingIntegrationRecord)
    assert_type(client.get(outgoing), OutgoingIntegrationRecord)
    assert_type(client.get(either), IncomingIntegrationRecord | OutgoingIntegrationRecord)
    assert_type(client.get(id="id"), IncomingIntegrationRecord | OutgoingIntegrationRecord)


def narrow_by_identity(client: Client) -> None:
    record = client.get("id")
    assert_type(record, IncomingIntegrationRecord | OutgoingIntegrationRecord)
    if record.type is IntegrationType.INCOMING:
        assert_type(record, IncomingIntegrationRecord)
        client.webhook(record).post("hello")
    else:
        assert_type(record, OutgoingIntegrationRecord)
        assert_type(record.event, EventType | str)


def narrow_by_equality(client: Client) -> None:
    record = client.get("id")
    if record.type == IntegrationType.OUTGOING:
        assert_type(record, OutgoingIntegrationRecord)
    else:
        assert_type(record, IncomingIntegrationRecord)


def list_integrations(client: Client) -> None:
    assert_type(client.list(), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])
    assert_type(client.list(name="ci"), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])
    assert_type(client.list(type=IntegrationType.INCOMING), Listing[IncomingIntegrationRecord])
    assert_type(client.list(type=IntegrationType.OUTGOING, name="bot"), Listing[OutgoingIntegrationRecord])
    assert_type(client.list(type="incoming"), Listing[IncomingIntegrationRecord])
    assert_type(client.list(type="outgoing"), Listing[OutgoingIntegrationRecord])
    assert_type(client.list().total(), int)
    assert_type(iter(client.list(type=IntegrationType.INCOMING)), Iterator[IncomingIntegrationRecord])
    for record in client.list(type=IntegrationType.OUTGOING):
        assert_type(record.urls, tuple[str, ...])
    assert_type(
        client.list_for_channel(room_name="ops"),
        Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord],
    )
    assert_type(client.list_for_group(room_id="id"), Listing[IncomingIntegrationRecord | OutgoingIntegrationRecord])


def use_history(client: Client, record: OutgoingIntegrationRecord) -> None:
    for entry in client.history(record):
        client.replay_outgoing(record, entry)
    client.clear_history(record)
    history = client.history("id")
    assert_type(history, Listing[HistoryEntry])
    for entry in history:
        assert_type(entry.outcome, CallOutcome)
        client.replay_outgoing("id", entry.id)
    client.clear_history("id")


def remove(client: Client, record: IncomingIntegrationRecord) -> None:
    client.remove(record)
    client.remove("id", type=IntegrationType.OUTGOING)
    client.remove("id", type="outgoing")


def post(client: Client, record: IncomingIntegrationRecord) -> None:
    webhook = client.webhook(record)
    assert_type(webhook, IncomingWebhook)
    assert_type(webhook.url, str)
    assert_type(webhook.post("hello"), PostResult)
    webhook.post(Message(text="hello", attachments=[Attachment(title="title")], extra={"priority": 1}))
    cells: dict[str, int] = {"Errors": 0}
    button = Action("Deploy", msg="!deploy", msg_processing_type="sendMessage")
    Attachment(fields={"Host": "db1", "Load": 0.93}, actions=[button])
    Attachment(fields=[("Host", "db1"), ("Load", Decimal(1)), AttachmentField("Errors", 0)])
    Attachment(fields={5: "x"})  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    assert_type(Attachment(fields=cells).fields, tuple[AttachmentField, ...])
    assert_type(AttachmentField("Errors", 0).value, str)
    webhook.post("hello", overflow="split", max_message_size=1000)
    webhook.post("hello", overflow="wrap")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    Message(extra=None)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    result = webhook.post({"status": "firing", "alerts": [{"value": 1}]})
    assert_type(result.raw["success"], object)
    for response in result.responses:
        assert_type(response.error, str | None)


def define() -> None:
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


def compare(record: IncomingIntegrationRecord, wanted: IncomingIntegration) -> None:
    for change in differences(record, wanted):
        assert_type(change.field, str)


def start_embedded_server() -> None:
    with LocalRocketChat() as server:
        assert_type(server.url, str)
        Client(server.url, server.auth("admin"))


def parse_payloads(body: bytes, event: EventType) -> None:
    message = parse(body, token="…", event=EventType.SEND_MESSAGE)
    assert_type(message, MessageSent)
    assert_type(message.text, str | None)
    assert_type(message.timestamp, datetime | None)
    assert_type(message.bot, bool | Bot | None)
    assert_type(parse(body, token="…", event="sendMessage", content_type="application/json"), MessageSent)
    assert_type(parse(body, token="…", event=EventType.FILE_UPLOADED), FileUploaded)
    assert_type(parse(body, token="…", event=EventType.ROOM_ARCHIVED), RoomArchived)
    assert_type(parse(body, token="…", event=EventType.ROOM_CREATED).owner, PayloadUser | None)
    assert_type(parse(body, token="…", event=EventType.ROOM_JOINED), RoomJoined)
    assert_type(parse(body, token="…", event=EventType.ROOM_LEFT), RoomLeft)
    assert_type(parse(body, token=None, event=EventType.USER_CREATED), UserCreated)
    payload = parse(body, token="…", event=event)
    assert_type(payload, Payload)
    if payload.event is EventType.ROOM_CREATED:
        assert_type(payload, RoomCreated)


app = WebhookApp(token="…")


@app.on(EventType.SEND_MESSAGE)
def deploy(message: MessageSent) -> Reply:
    return Reply(f"deploying, {message.user_name}")


@app.on(EventType.USER_CREATED, token="…", bots=True)
async def greet(payload: UserCreated) -> Reply | None:
    return None if payload.user is None else Reply(f"welcome, {payload.user.name}")


@app.on("roomLeft", token="…")
def leave(payload: RoomLeft) -> None: ...


@app.on(EventType("roomJoined"), token="…")
def join(payload: RoomJoined) -> Reply:
    return Reply.nothing()


def wrong_handlers() -> None:
    """Hold mistakes that mypy and pyright must report."""

    @app.on(EventType.USER_CREATED, token="…")  # type: ignore[type-var]
    def wrong_payload(message: MessageSent) -> None: ...

    @app.on(EventType.SEND_MESSAGE, token="…")  # type: ignore[type-var]
    def wrong_result(message: MessageSent) -> int:
        return 5

    @app.command("!wrong")  # type: ignore[type-var]
    def wrong_command(message: MessageSent) -> None: ...

    @app.matches("wrong")  # type: ignore[type-var]
    def wrong_match(message: MessageSent) -> None: ...

    @app.on_error  # type: ignore[type-var]
    def wrong_hook(error: Exception) -> None: ...

    MessageSent().reply("text", separate_response=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]


@app.on(EventType.FILE_UPLOADED, token="…")
def praise(payload: FileUploaded) -> str:
    return f"thanks, {payload.user_name}"


@app.on(EventType.SEND_MESSAGE, token="…")
async def echo(message: MessageSent) -> Message | str | None:
    return Message(message.text, alias="Echo") if message.text else None


@app.command("!build")
def build(command: Command) -> Reply:
    """Build a service."""
    assert_type(command.arguments, tuple[str, ...])
    return command.message.reply_in_thread(f"building {command.text}", alias="Builder", parse_urls=False)


@app.command("!note", split=False)
async def note(command: Command) -> str | None:
    return command.text or None


@app.matches(r"OPS-(\d+)")
def ticket(message: MessageSent, match: re.Match[str]) -> Message:
    return Message(f"https://tickets.example.com/{match[1]}", tmid=message.tmid)


@app.on_error
def failed(payload: Payload, error: Exception) -> Reply | None:
    return payload.reply(f"that did not work: {error}") if isinstance(payload, MessageSent) else None


def later(
    message: MessageSent, command: Command, webhook: IncomingWebhook, asynchronous_webhook: AsyncIncomingWebhook
) -> None:
    assert_type(Reply.later(lambda: message.reply("done"), webhook, now="working"), Reply)
    assert_type(Reply.later(functools.partial(note, command), asynchronous_webhook), Reply)
    assert_type(app.finish(timeout=5), bool)
    commands = Commands()
    assert_type(app.on("sendMessage", token="…")(commands), Commands)
    assert_type((app.trigger_words, commands.help()), tuple[tuple[str, ...], str])


async def answer(body: bytes) -> None:
    assert_type(deploy(MessageSent()), Reply)
    assert_type(await greet(UserCreated()), Reply | None)
    assert_type(app.handle(body, "application/json"), Answer)
    assert_type(await app.handle_async(body, None), Answer)
    assert_type(app.handle(body, None).body, bytes)
    Reply("done", attachments=[Attachment(title="log")], channel="#ops", tmid="id", emoji=":ship:")
    make_server("127.0.0.1", 0, app)
