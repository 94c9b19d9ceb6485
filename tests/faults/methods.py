"""The public methods that make calls, each with what it must do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from typing import Any, Literal, TypeAlias, Unpack

import attrs

from rocketchat_integrations import (
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    PasswordAuth,
    PostResult,
    TokenAuth,
    client as synchronous,
)
from rocketchat_integrations._protocol.options import ConnectionKeywords
from rocketchat_integrations._protocol.readers import is_array
from rocketchat_integrations.aio import apply_async, plan_async
from rocketchat_integrations.provisioning import Plan, Report, apply, plan
from rocketchat_integrations.testing import LocalRocketChat
from tests.facade import FACES, run

Twin: TypeAlias = Literal["sync", "async"]

AUTH_TOKEN = "canaryAuthToken"
PASSWORD = 'canary"Pass\\wordä%'
HOOK_TOKEN = "canaryHook/Token=%25 "
BOT_TOKEN = "canary bot token"

_PERMISSIONS = [f"manage-{own}{kind}-integrations" for own in ("", "own-") for kind in ("incoming", "outgoing")]
WORLD: dict[str, Any] = {
    "users": [
        {"_id": "rocket.cat", "username": "rocket.cat", "permissions": ["message-impersonate"]},
        {"_id": "admin-id", "username": "admin", "password": PASSWORD, "permissions": _PERMISSIONS},
    ],
    "rooms": [
        {"_id": "GENERAL", "name": "general", "type": "channel"},
        {"_id": "SECRET", "name": "secret", "type": "private group"},
    ],
    "members": {"general": ["admin"], "secret": ["admin"]},
    "credentials": {"admin": {"X-Auth-Token": AUTH_TOKEN}},
}
_COMMON: dict[str, Any] = {
    "username": "rocket.cat",
    "userId": "rocket.cat",
    "enabled": True,
    "scriptEnabled": False,
    "channel": ["#general"],
    "_createdBy": {"_id": "admin-id", "username": "admin"},
    "_createdAt": "2026-01-02T03:04:05.678Z",
    "_updatedAt": "2026-01-02T03:04:05.678Z",
}
_HOOK = {**_COMMON, "_id": "hook", "type": "webhook-incoming", "name": "hook", "token": HOOK_TOKEN}
_BOT = {
    **_COMMON,
    "_id": "bot",
    "type": "webhook-outgoing",
    "name": "bot",
    "token": BOT_TOKEN,
    "event": "sendMessage",
    "urls": ["https://bot.example"],
    "triggerWords": ["!deploy"],
    "alias": "Bot",
    "enabled": False,  # posts must not trigger it
}
_NEW = OutgoingIntegration(
    "new", event=EventType.SEND_MESSAGE, username="rocket.cat", urls="https://a.example", token=BOT_TOKEN
)
_ALSO_NEW = IncomingIntegration("also new", channel="#general", username="rocket.cat", alias="CI")


def fill(server: LocalRocketChat) -> None:
    """Bring the server into the state in which each call begins."""
    server.reset()
    for document in (_HOOK, _BOT, {**_HOOK, "_id": "spare", "name": "spare", "channel": ["#secret"]}):
        server.insert(document)
    server.insert_history("bot", {"_id": "h1", "httpCallData": {"token": BOT_TOKEN}})


class Caller:
    """A client and a webhook of one twin, with what they are called with."""

    def __init__(
        self,
        twin: Twin,
        url: str,
        records: tuple[IncomingIntegrationRecord, OutgoingIntegrationRecord],
        *,
        with_password: bool,
        **options: Unpack[ConnectionKeywords],
    ) -> None:
        self.hook, self.bot = records
        self._twin = twin
        kinds: Any = FACES if twin == "async" else vars(synchronous)
        auth = PasswordAuth("admin", PASSWORD) if with_password else TokenAuth("admin-id", AUTH_TOKEN)
        with ExitStack() as stack:
            self.client: synchronous.Client = stack.enter_context(kinds["Client"](url, auth, **options))
            address = self.client.webhook(self.hook).url
            self.webhook: synchronous.IncomingWebhook = stack.enter_context(
                kinds["IncomingWebhook"](address, **options)
            )
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close both."""
        self._stack.close()

    def plan(self, wanted: Iterable[IntegrationDefinition], *, prune: Literal["all", False] = False) -> Plan:
        """Plan with the client."""
        if self._twin == "sync":
            return plan(wanted, self.client, prune=prune)
        return run(plan_async(wanted, self._asynchronous, prune=prune))

    def apply(self, changes: Plan) -> Report:
        """Apply with the client."""
        if self._twin == "sync":
            return apply(changes, self.client, workers=1, any_workspace=True)
        return run(apply_async(changes, self._asynchronous, workers=1, any_workspace=True))

    @property
    def _asynchronous(self) -> Any:
        face: Any = self.client
        return face._twin


def _wanted(caller: Caller) -> list[IntegrationDefinition]:
    return [_NEW, _ALSO_NEW, caller.hook.definition, attrs.evolve(caller.bot.definition, alias="Other")]


def _plain(result: Any) -> Any:
    """Return what a result says, without what the server generates."""
    if isinstance(result, (IncomingIntegrationRecord, OutgoingIntegrationRecord)):
        # The server makes the token of an incoming one.
        return result.definition, result.token if isinstance(result, OutgoingIntegrationRecord) else None
    if is_array(result):
        items: Any = result
        return sorted(item.id for item in items)
    if isinstance(result, Plan):
        return result.steps
    if isinstance(result, Report):
        return len(result.done)
    if isinstance(result, PostResult):
        return result.responses
    return result


@attrs.frozen
class Method:
    """A public method, with the endpoint that the fault happens to."""

    name: str
    endpoint: str
    call: Callable[[Caller, Any], object]
    """Makes the call, with what was prepared."""

    acts: str = ""
    """The endpoint that does what the method is for, if it is another one."""

    is_idempotent: bool = True
    """Whether the server may act twice."""

    is_repeated: bool = False
    """Whether it survives a lost answer although the server must not act twice."""

    actions: int = 1
    """How often the server acts without a fault."""

    is_asked_for: Callable[[Any], bool] = lambda _: True
    """Whether a result, however much of it was replaced, can be the answer to this call."""

    prepare: Callable[[Caller], Any] = lambda _: None
    """Returns what the call needs, read from the server without faults."""

    with_password: bool = False
    result: Callable[[Any], Any] = _plain

    @property
    def acting_endpoint(self) -> str:
        """The endpoint that does what the method is for."""
        return self.acts or self.endpoint


def _changes(caller: Caller) -> Plan:
    return caller.plan(_wanted(caller), prune="all")


def _update(caller: Caller, _: object) -> object:
    return caller.client.update("bot", attrs.evolve(caller.bot.definition, alias="Other"))


METHODS: tuple[Method, ...] = (
    Method("Client.create", "integrations.create", lambda c, _: c.client.create(_NEW), is_idempotent=False),
    Method(
        "Client.create, find_existing",
        "integrations.create",
        lambda c, _: c.client.create(_NEW, find_existing=True),
        is_idempotent=False,
        is_repeated=True,
    ),
    Method(
        "Client.create, its login",
        "login",
        lambda c, _: c.client.create(_NEW),
        acts="integrations.create",
        is_idempotent=False,
        with_password=True,
    ),
    Method("Client.get", "integrations.get", lambda c, _: c.client.get("hook"), is_asked_for=lambda r: r.id == "hook"),
    Method(
        "Client.list",
        "integrations.list",
        lambda c, _: list(c.client.list()),
        actions=2,
        is_asked_for=lambda r: len(r) == 3,
    ),
    Method("Listing.total", "integrations.list", lambda c, _: c.client.list().total()),
    Method("Client.history", "integrations.history", lambda c, _: list(c.client.history("bot"))),
    Method("Client.update", "integrations.update", _update, is_asked_for=lambda r: r.id == "bot"),
    Method(
        "Client.update, its reading",
        "integrations.get",
        _update,
        acts="integrations.update",
        is_asked_for=lambda r: r.id == "bot",
    ),
    Method("Client.remove", "integrations.remove", lambda c, _: c.client.remove(c.bot)),
    Method("Client.clear_history", "integrations.clearHistory", lambda c, _: c.client.clear_history("bot")),
    Method(
        "Client.replay_outgoing",
        "integrations.replayOutgoing",
        lambda c, _: c.client.replay_outgoing("bot", "h1"),
        is_idempotent=False,
    ),
    Method(
        "Client.list_for_channel",
        "channels.getIntegrations",
        lambda c, _: list(c.client.list_for_channel(room_name="general")),
    ),
    Method(
        "Client.list_for_group",
        "groups.getIntegrations",
        lambda c, _: list(c.client.list_for_group(room_name="secret")),
    ),
    Method("Client.server_version", "info", lambda c, _: c.client.server_version()),
    Method("Client.user_id", "login", lambda c, _: c.client.user_id(), with_password=True),
    Method("IncomingWebhook.post", "hooks", lambda c, _: c.webhook.post("hello"), is_idempotent=False),
    Method("IncomingWebhook.check", "hooks.info", lambda c, _: c.webhook.check()),
    Method("plan", "integrations.list", lambda c, _: c.plan(_wanted(c), prune="all"), actions=2),
    Method(
        "apply, its list",
        "integrations.list",
        lambda c, changes: c.apply(changes),
        acts="integrations.create",
        is_idempotent=False,
        actions=2,
        prepare=_changes,
    ),
    Method(
        "apply, a create",
        "integrations.create",
        lambda c, changes: c.apply(changes),
        is_idempotent=False,
        actions=2,
        prepare=_changes,
    ),
    Method("apply, an update", "integrations.update", lambda c, changes: c.apply(changes), prepare=_changes),
    Method("apply, a removal", "integrations.remove", lambda c, changes: c.apply(changes), prepare=_changes),
)
