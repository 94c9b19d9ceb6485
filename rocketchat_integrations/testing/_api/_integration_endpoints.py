"""Endpoints ``integrations.create``, ``get``, ``list``, ``update`` and ``remove``, and the lists of a room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rocketchat_integrations.testing._world import _permissions as permissions
from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import as_array
from rocketchat_integrations.testing._world._permissions import created_by, is_visible
from rocketchat_integrations.testing._world._refusals import Refusal, broken_rule, failure, forbidden
from rocketchat_integrations.testing._world._rooms import SCOPES, RoomType
from rocketchat_integrations.testing._world._rules_incoming import IncomingRules
from rocketchat_integrations.testing._world._rules_outgoing import OutgoingRules
from rocketchat_integrations.testing._world._state import World

from ._endpoint import ApiCall, page_of, success
from ._schemas import CLEARED_BY_UPDATES


def create(call: ApiCall) -> Document:
    """Answer ``integrations.create``."""
    stored = _rules(call).create(call.user, call.params)
    if call.dialect.major >= 8:
        return success(integration=stored)
    return success(integration={name: value for name, value in stored.items() if name != "_updatedAt"})


def get(call: ApiCall) -> Document:
    """Answer ``integrations.get``."""
    if not call.params["integrationId"]:
        raise failure('The query parameter "integrationId" is required.', "integrationId is empty")
    document = call.world.integrations.get(call.params["integrationId"])
    creator = call.params.get("createdBy")
    if document is None or (creator and creator != created_by(document)):
        raise failure("The integration does not exists.", "there is no such integration (by that creator)")
    if not is_visible(call.user, document):
        note = f"{call.user.username} may not see the integration"
        raise forbidden(call.dialect, failure("not-authorized", note))
    return success(integration=document)


def list_all(call: ApiCall) -> Document:
    """Answer ``integrations.list``."""
    page = call.page
    documents = call.visible(page.ordered(call.world.integrations))
    if call.dialect.major >= 8:
        documents = _filtered(documents, call.params)
    return page_of("integrations", page, documents, with_items=True)


def _filtered(documents: Iterator[Document], params: Document) -> Iterator[Document]:
    part, kind = params.get("name"), params.get("type")
    if part:
        # A regular expression, as in the database, whose case folding is not that of str.lower.
        pattern = re.compile(re.escape(part), re.IGNORECASE)
        documents = (each for each in documents if pattern.search(str(each.get("name", ""))))
    if kind:
        documents = (each for each in documents if each.get("type") == kind)
    return documents


def update(call: ApiCall) -> Document:
    """Answer ``integrations.update``."""
    rules = _rules(call)
    document = _addressed(call)
    if isinstance(rules, OutgoingRules) and call.dialect.major >= 8:
        rules.update(call.user, document, call.params, cleared=CLEARED_BY_UPDATES)
    else:
        rules.update(call.user, document, call.params)
    return success(integration=document)


def remove(call: ApiCall) -> Document:
    """Answer ``integrations.remove``."""
    rules = _rules(call)
    document = _addressed(call)
    rules.delete(call.user, document)
    call.scripts.forget(document["_id"])
    return success(integration=document)


def _rules(call: ApiCall) -> IncomingRules | OutgoingRules:
    match call.params["type"]:
        case permissions.INCOMING:
            return IncomingRules(call.world, call.dialect, call.settings)
        case permissions.OUTGOING:
            return OutgoingRules(call.world, call.dialect, call.settings)
        case other:
            raise failure("Invalid integration type.", f"type {other!r} only contains the name of a type")


def _addressed(call: ApiCall) -> Document:
    """Return the integration that a body means: of an outgoing one, a URL has priority over the id."""
    url = call.params.get("target_url") if call.params["type"] == permissions.OUTGOING else None
    world = call.world
    document = _find_by_url(world, url) if url else world.integrations.get(call.params.get("integrationId"))
    if document is None:
        raise failure("No integration found.", "there is no such integration")
    return document


def _find_by_url(world: World, url: str) -> Document | None:
    return next((each for each in world.integrations if url in as_array(each.get("urls"))), None)


def list_of_channel(call: ApiCall) -> Document:
    """Answer ``channels.getIntegrations``."""
    return _list_of_room(call, "channel", "includeAllPublicChannels")


def list_of_group(call: ApiCall) -> Document:
    """Answer ``groups.getIntegrations``."""
    return _list_of_room(call, "private group", "includeAllPrivateGroups")


def _room_not_found(call: ApiCall, room_type: RoomType, note: str) -> Refusal:
    kind = "room" if call.dialect.major < 8 else "channel" if room_type == "channel" else "group"
    reason = f'The required "roomId" or "roomName" param provided does not match any {kind}'
    return broken_rule("error-room-not-found", reason, None, note)


def _list_of_room(call: ApiCall, room_type: RoomType, option: str) -> Document:
    params = call.params
    name_or_id: str | None = params.get("roomId") or params.get("roomName")
    if not name_or_id:
        raise broken_rule(
            "error-roomid-param-not-provided", 'The parameter "roomId" or "roomName" is required', None, "no room named"
        )
    room = call.world.rooms.find(name_or_id)
    if room is None or room.type != room_type or name_or_id != (room.id if params.get("roomId") else room.name):
        raise _room_not_found(call, room_type, f"there is no {room_type} of that id or name: {name_or_id!r}")
    if call.dialect.major >= 8 and not room.is_open_to(call.user):
        raise _room_not_found(call, room_type, f"{call.user.username} is not in {room.name}")
    wanted: list[Any] = [f"#{room.name}"]
    if params.get(option, "true") == "true":
        wanted.append(SCOPES[room_type])
    page = call.page
    documents = (
        document
        for document in call.visible(page.ordered(call.world.integrations))
        if any(channel in wanted for channel in as_array(document.get("channel")))
    )
    return page_of("integrations", page, documents, with_items=False)
