"""The endpoints: who may call them with what, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import attrs

from . import _schemas as schemas
from ._dialect import Dialect
from ._queries import Page
from ._refusals import Refusal, broken_rule, failure, login_failed
from ._rules import INCOMING_KIND, OUTGOING_KIND, Rulebook, created_by, delete, manageable
from ._settings import Settings
from ._webhooks import Webhooks
from ._world import Collection, Document, Replay, RoomType, User, World


@attrs.frozen(kw_only=True)
class Call:
    """A request that has passed the gate."""

    world: World
    dialect: Dialect
    settings: Settings
    method: str
    params: Document
    """The body, or for GET the parameters of the query; converted as the schema wants them."""
    user: User
    """Who calls; of an endpoint without login, nobody with any permission."""
    token: str
    """What the caller is logged in with; in a call of a webhook, the webhook's."""
    integration_id: str
    """The id in a webhook's address."""

    @property
    def rules(self) -> Rulebook:
        """The rules for definitions."""
        return Rulebook(self.world, self.dialect, self.settings)

    @property
    def webhooks(self) -> Webhooks:
        """The posting addresses."""
        return Webhooks(self.world, self.dialect)


Handler: TypeAlias = Callable[[Call], Document]
"""Does what is asked and gives the body of the answer."""


@attrs.frozen(kw_only=True)
class Endpoint:
    """One endpoint of one dialect."""

    handle: Handler
    methods: tuple[str, ...]
    schema: schemas.Schema | None = None
    login: bool = True
    permissions: frozenset[str] | None = None
    """One of these is needed to be let in, if any."""
    limited: bool = True


# Integrations


def _create(call: Call) -> Document:
    kind = call.params["type"]
    if kind == schemas.INCOMING:
        stored = call.rules.create_incoming(call.user, call.params)
    elif kind == schemas.OUTGOING:
        stored = call.rules.create_outgoing(call.user, call.params)
    else:
        raise _made_up_type(kind)
    if call.dialect.is_8:
        return _success(integration=stored)
    return _success(integration={name: value for name, value in stored.items() if name != "_updatedAt"})


def _get(call: Call) -> Document:
    document = call.world.integrations.get(call.params["integrationId"])
    creator = call.params.get("createdBy")
    if document is None or (creator and creator != created_by(document)):
        raise failure("The integration does not exists.", "there is no such integration (by that creator)")
    if not _visible(call.user, document):
        raise failure("not-authorized", f"{call.user.username} may not see the integration")
    return _success(integration=document)


def _list(call: Call) -> Document:
    page = Page.asked_for(call.params, page_cap=call.settings.page_cap)
    documents = _visible_to(call.user, page.ordered(call.world.integrations))
    if call.dialect.is_8:
        documents = _filtered(documents, call.params)
    return _page_of("integrations", page, documents, with_items=True)


def _filtered(documents: Iterator[Document], params: Document) -> Iterator[Document]:
    part, kind = params.get("name"), params.get("type")
    if part:
        # In any case, as the database understands that.
        wanted = re.compile(re.escape(part), re.IGNORECASE)
        documents = (each for each in documents if wanted.search(str(each.get("name", ""))))
    if kind:
        documents = (each for each in documents if each.get("type") == kind)
    return documents


def _update(call: Call) -> Document:
    body = call.params
    kind = body["type"]
    if kind == schemas.OUTGOING:
        document = _addressed(call)
        call.rules.update_outgoing(call.user, document, body)
        if body.get("target_url"):
            # Looked for once more by the URL, which may just have been taken away from it.
            return _success(integration=_by_url(call.world, body["target_url"]))
    elif kind == schemas.INCOMING:
        document = _existing(call.world.integrations.get(body["integrationId"]))
        call.rules.update_incoming(call.user, document, body)
    else:
        raise _made_up_type(kind)
    return _success(integration=document)


def _remove(call: Call) -> Document:
    kind = call.params["type"]
    if kind == schemas.OUTGOING:
        document = _addressed(call)
        delete(call.world, call.user, document, OUTGOING_KIND)
    elif kind == schemas.INCOMING:
        document = _existing(call.world.integrations.get(call.params["integrationId"]))
        delete(call.world, call.user, document, INCOMING_KIND)
    else:
        raise _made_up_type(kind)
    return _success(integration=document)


def _addressed(call: Call) -> Document:
    """The integration that an outgoing body means: by the URL if there is one, else by the id."""
    url = call.params.get("target_url")
    world = call.world
    return _existing(_by_url(world, url) if url else world.integrations.get(call.params.get("integrationId")))


def _by_url(world: World, url: str) -> Document | None:
    return next((each for each in world.integrations if _holds(each.get("urls"), [url])), None)


def _holds(value: Any, wanted: list[str]) -> bool:
    """Whether a field is one of the wanted texts, or an array with one of them, as the database compares."""
    items: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return any(item in wanted for item in items)


def _existing(document: Document | None) -> Document:
    if document is None:
        raise failure("No integration found.", "there is no such integration")
    return document


def _made_up_type(kind: str) -> Refusal:
    return failure("Invalid integration type.", f"type {kind!r} only resembles a real one")


def _visible(user: User, document: Document) -> bool:
    kind = document.get("type")
    if kind == schemas.INCOMING:
        return INCOMING_KIND.shows(user, document)
    if kind == schemas.OUTGOING:
        return OUTGOING_KIND.shows(user, document)
    return _sees_all(user)


def _visible_to(user: User, documents: Iterator[Document]) -> Iterator[Document]:
    return documents if _sees_all(user) else (each for each in documents if _visible(user, each))


def _sees_all(user: User) -> bool:
    return user.permissions >= {INCOMING_KIND.manage, OUTGOING_KIND.manage}


# History


def _history(call: Call) -> Document:
    page = Page.asked_for(call.params, page_cap=call.settings.page_cap)
    records = page.ordered(call.world.history.get(call.params["id"], Collection()))
    shown = (record for record in records if OUTGOING_KIND.shows(call.user, record["integration"]))
    return _page_of("history", page, shown, with_items=True)


def _clear_history(call: Call) -> Document:
    integration_id = call.params["integrationId"]
    manageable(call.world, call.user, integration_id, "clearIntegrationHistory")
    call.world.forget_history(integration_id)
    return _success()


def _replay_outgoing(call: Call) -> Document:
    method = "replayOutgoingIntegration"
    integration_id = call.params["integrationId"]
    integration = manageable(call.world, call.user, integration_id, method)
    history_id = call.params["historyId"]
    record = call.world.history.get(integration_id, Collection()).get(history_id)
    if record is None:
        raise broken_rule(
            "error-invalid-integration-history",
            "Invalid Integration History",
            {"method": method},
            f"integration {integration_id!r} has no history record {history_id!r}",
        )
    event, url = record.get("event"), record.get("url")
    if isinstance(event, str) and isinstance(url, str):
        call.world.outbox.append(Replay(integration, event, url))
    return _success()


# Integrations of a room


def _channel_integrations(call: Call) -> Document:
    return _room_integrations(call, "channel", "includeAllPublicChannels", "all_public_channels")


def _group_integrations(call: Call) -> Document:
    return _room_integrations(call, "private group", "includeAllPrivateGroups", "all_private_groups")


def _room_integrations(call: Call, room_type: RoomType, option: str, scope: str) -> Document:
    params = call.params
    name_or_id: str | None = params.get("roomId") or params.get("roomName")
    if not name_or_id:
        raise broken_rule(
            "error-roomid-param-not-provided", 'The parameter "roomId" or "roomName" is required', None, "no room named"
        )
    room = call.world.find_room(name_or_id)
    if room is None or room.type != room_type or name_or_id != (room.id if params.get("roomId") else room.name):
        raise broken_rule(
            "error-room-not-found",
            'The required "roomId" or "roomName" param provided does not match any room',
            None,
            f"there is no {room_type} of that id or name: {name_or_id!r}",
        )
    wanted = [f"#{room.name}"]
    if params.get(option, "true") == "true":
        wanted.append(scope)
    page = Page.asked_for(params, page_cap=call.settings.page_cap)
    matching = (
        document
        for document in _visible_to(call.user, page.ordered(call.world.integrations))
        if _holds(document.get("channel"), wanted)
    )
    return _page_of("integrations", page, matching, with_items=False)


# Everything else


def _login(call: Call) -> Document:
    name, password, code = (call.params.get(key) for key in ("user", "password", "code"))
    user = call.world.find_login(str(name))
    if user is None or user.password != password:
        raise login_failed("Unauthorized", "Unauthorized", "there is no such user, or the password is wrong")
    factor = user.second_factor
    if factor is not None and code != factor.code:
        details = {"method": factor.method, "availableMethods": [factor.method]}
        if not code:
            note = f"a code ({factor.method}) is needed"
            raise login_failed("totp-required", "TOTP Required [totp-required]", note, details)
        raise login_failed("totp-invalid", "TOTP Invalid [totp-invalid]", "the code is wrong", details)
    me = {**user.profile, "emails": [{"address": user.email, "verified": True}]}
    data = {"userId": user.id, "authToken": call.world.issue_token(user), "me": me}
    return {"status": "success", "data": data}


def _logout(call: Call) -> Document:
    call.world.revoke_token(call.token)
    return {"status": "success", "data": {"message": "Logged out"}}


def _info(call: Call) -> Document:
    return _success(version=call.dialect.version)


def _hook(call: Call) -> Document:
    document = call.webhooks.find(call.integration_id, call.token)
    if call.method == "POST":
        return call.webhooks.post(document, call.params)
    # GET is for scripts to answer; without one, servers of 8.x post an empty message.
    return call.webhooks.post(document, {"text": ""} if call.dialect.is_8 else {})


def _hook_info(call: Call) -> Document:
    call.webhooks.find(call.integration_id, call.token)
    return _success()


def _success(**payload: object) -> Document:
    return {**payload, "success": True}


def _page_of(key: str, page: Page, matching: Iterator[Document], *, with_items: bool) -> Document:
    documents, total = page.of(matching)
    number = len(documents)
    items = {"items": number} if with_items else {}
    return _success(**{key: documents}, offset=page.offset, **items, count=number, total=total)


_ANY = INCOMING_KIND.permissions | OUTGOING_KIND.permissions
_OUTGOING = OUTGOING_KIND.permissions

_UNCHANGED: Mapping[str, Endpoint] = {
    "integrations.history": Endpoint(handle=_history, methods=("GET",), schema=schemas.HISTORY, permissions=_OUTGOING),
    "integrations.remove": Endpoint(handle=_remove, methods=("POST",), schema=schemas.REMOVE, permissions=_ANY),
    "login": Endpoint(handle=_login, methods=("POST",), login=False),
    "logout": Endpoint(handle=_logout, methods=("POST",)),
    "info": Endpoint(handle=_info, methods=("GET",), login=False, limited=False),
    "hooks": Endpoint(handle=_hook, methods=("GET", "POST"), login=False),
    "hooks.info": Endpoint(handle=_hook_info, methods=("GET",), login=False, limited=False),
}

_OF_8: Mapping[str, Endpoint] = {
    "integrations.create": Endpoint(handle=_create, methods=("POST",), schema=schemas.CREATE, permissions=_ANY),
    "integrations.get": Endpoint(handle=_get, methods=("GET",), schema=schemas.GET, permissions=_ANY),
    "integrations.list": Endpoint(handle=_list, methods=("GET",), schema=schemas.LIST, permissions=_ANY),
    "integrations.update": Endpoint(handle=_update, methods=("PUT",), schema=schemas.UPDATE, permissions=_ANY),
    "integrations.clearHistory": Endpoint(
        handle=_clear_history, methods=("POST",), schema=schemas.CLEAR_HISTORY, permissions=_OUTGOING
    ),
    "integrations.replayOutgoing": Endpoint(
        handle=_replay_outgoing, methods=("POST",), schema=schemas.REPLAY_OUTGOING, permissions=_OUTGOING
    ),
    "channels.getIntegrations": Endpoint(
        handle=_channel_integrations, methods=("GET",), schema=schemas.CHANNEL_INTEGRATIONS, permissions=_ANY
    ),
    "groups.getIntegrations": Endpoint(
        handle=_group_integrations, methods=("GET",), schema=schemas.GROUP_INTEGRATIONS, permissions=_ANY
    ),
}

# What 6.x lets in although there is no permission for it, its rules refuse.
_OF_6: Mapping[str, Endpoint] = {
    "integrations.create": Endpoint(
        handle=_create, methods=("POST",), schema=schemas.without(schemas.CREATE, "skipTranspile")
    ),
    "integrations.get": Endpoint(handle=_get, methods=("GET",), schema=schemas.GET),
    "integrations.list": Endpoint(handle=_list, methods=("GET",), permissions=_ANY),
    "integrations.update": Endpoint(
        handle=_update, methods=("PUT",), schema=schemas.without(schemas.UPDATE, "skipTranspile")
    ),
    "channels.getIntegrations": Endpoint(handle=_channel_integrations, methods=("GET",), permissions=_ANY),
    "groups.getIntegrations": Endpoint(handle=_group_integrations, methods=("GET",), permissions=_ANY),
}


def endpoints_of(dialect: Dialect) -> Mapping[str, Endpoint]:
    """The endpoints that a server has: ``hooks`` is a webhook's address, ``hooks.info`` asks whether it is right."""
    return {**(_OF_8 if dialect.is_8 else _OF_6), **_UNCHANGED}
