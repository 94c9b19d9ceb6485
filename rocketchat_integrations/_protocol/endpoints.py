"""One function an endpoint: what is sent to it, and what its answer is.

An operation is a value. It does nothing by itself, and knows neither the server's
address nor who asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, unquote, urlencode, urlsplit

import attrs

from rocketchat_integrations._tracebacks import sealed
from rocketchat_integrations.auth import TokenAuth
from rocketchat_integrations.exceptions import ConfigurationError, DecodingError, NotFoundError
from rocketchat_integrations.messages import Message, PostResponse, PostResult
from rocketchat_integrations.models import (
    HistoryEntry,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    trimmed,
)

from . import codec
from .errors import LOGIN, WEBHOOK, WEBHOOK_INFO, ErrorContext, payload, shown
from .http import Request, Response
from .normalization import merged_with

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
_OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")
_PERMISSIONS = {IntegrationType.INCOMING: _INCOMING, IntegrationType.OUTGOING: _OUTGOING}
_ANY = (*_INCOMING, *_OUTGOING)
_NOTHING_EXPECTED = ErrorContext()

PAGE_SIZE = 100
"""How many records are asked for at once: as many as a server gives by default."""


@attrs.frozen
class Operation(Generic[T]):
    """One call: the request, how to read its answer, and whether it may be sent again."""

    request: Request
    decode: Callable[[Response], T] = attrs.field(repr=False)
    """Gives what the answer carries, or raises a subclass of RocketChatError."""

    idempotent: bool
    """Whether sending it twice does no more than sending it once."""

    not_found_means_done: bool = False
    """Whether "not found", after an earlier try whose answer was lost, means that this one has succeeded."""


@attrs.frozen
class Page(Generic[T_co]):
    """A page of a list; its records are decoded when they are reached."""

    total: int
    """How many records the list has, by the server's count."""

    raw: list[object] = attrs.field(repr=False)
    decode: Callable[[object, str], T_co | DecodingError] = attrs.field(repr=False)
    path: str

    def __len__(self) -> int:
        return len(self.raw)

    def ids(self) -> list[str]:
        """The ids of the records that have a readable one."""
        return [id for id in map(codec.identity, self.raw) if id is not None]

    def records(self) -> Iterator[tuple[str | None, T_co | DecodingError]]:
        """The records with their ids, or what is wrong with them."""
        for number, data in enumerate(self.raw):
            yield codec.identity(data), self.decode(data, f"{self.path}[{number}]")


# The ten endpoints of integrations.


def create(definition: IntegrationDefinition) -> Operation[IntegrationRecord]:
    """``integrations.create``, since 0.49."""
    return _call(
        "POST",
        "integrations.create",
        lambda payload: _integration(payload, definition.type),
        body=codec.definition_body(definition),
        secrets=_token_of(definition),
        expected=_of_kind(definition.type),
        idempotent=False,
    )


def get(id: str, *, created_by: str | None = None) -> Operation[IntegrationRecord]:
    """``integrations.get``, since 2.4."""
    query = {"integrationId": id} if created_by is None else {"integrationId": id, "createdBy": created_by}
    return _call("GET", "integrations.get", _integration, query=query, expected=ErrorContext(_ANY, since="2.4"))


def list_page(offset: int, count: int, *, name: str | None, type: str | None) -> Operation[Page[IntegrationRecord]]:
    """``integrations.list``, since 0.49; ``name`` and ``type`` are looked at since 7.0."""
    query = _page_query(offset, count, {"_id": 1})
    if name:
        query["name"] = name
    if type is not None:
        query["type"] = type
    return _call("GET", "integrations.list", _integrations, query=query, expected=ErrorContext(_ANY))


def history_page(id: str, offset: int, count: int) -> Operation[Page[HistoryEntry]]:
    """``integrations.history``, since 0.53."""
    query = {"id": id, **_page_query(offset, count, {"_createdAt": -1, "_id": 1})}
    return _call("GET", "integrations.history", _history, query=query, expected=ErrorContext(_OUTGOING, since="0.53"))


def update(
    current: IntegrationRecord, wanted: IntegrationDefinition, token: str | None, *, run: str | None = None
) -> Operation[IntegrationRecord | None]:
    """``integrations.update``, since 3.4: the whole definition.

    Args:
        current: what the server has.
        wanted: what it should have.
        token: for an outgoing integration that has none yet.
        run: a script to send, enabled, instead of what is wanted; to be run as the current one is.
    """
    fields = merged_with(wanted, current)
    if "token" in fields:
        fields["token"] = fields["token"] or token
    if run is not None:
        fields |= {"script": run, "script_enabled": True}
        fields |= {name: getattr(current, name) for name in ("script_engine", "skip_transpile")}
    body = {"type": wanted.type, "integrationId": current.id, **codec.update_body(fields)}
    return _call(
        "PUT",
        "integrations.update",
        lambda payload: None if payload.get("integration") is None else _integration(payload, wanted.type),
        body=body,
        secrets=(*_token_of(wanted), *_token_of(current), *filter(None, [token])),
        expected=attrs.evolve(_of_kind(wanted.type), since="3.4"),
    )


def remove(id: str, type: IntegrationType) -> Operation[None]:
    """``integrations.remove``, since 0.49."""
    return attrs.evolve(
        _call(
            "POST",
            "integrations.remove",
            _nothing,
            body={"type": type, "integrationId": id},
            # Of the schema's three alternatives the second is an outgoing integration by its URL.
            expected=ErrorContext(
                _PERMISSIONS[type], alternative=0 if type is IntegrationType.INCOMING else 2, alternatives=3
            ),
        ),
        not_found_means_done=True,
    )


def clear_history(id: str) -> Operation[None]:
    """``integrations.clearHistory``, since 8.7."""
    return _call(
        "POST",
        "integrations.clearHistory",
        _nothing,
        body={"integrationId": id},
        expected=ErrorContext(_OUTGOING, since="8.7"),
    )


def replay_outgoing(id: str, history_id: str) -> Operation[None]:
    """``integrations.replayOutgoing``, since 8.7."""
    return _call(
        "POST",
        "integrations.replayOutgoing",
        _nothing,
        body={"integrationId": id, "historyId": history_id},
        expected=ErrorContext(_OUTGOING, since="8.7"),
        idempotent=False,
    )


@attrs.frozen
class RoomList:
    """One of the two lists by room; the request that gives its first, and on 8.x only, page."""

    endpoint: str
    room: Mapping[str, str]
    """``{"roomId": …}`` or ``{"roomName": …}``."""

    everywhere_key: str
    everywhere: bool
    """Whether integrations that listen in all rooms of the kind are asked for, too."""

    everywhere_word: str
    """What such integrations have as their channel."""

    def first_page(self, *, everywhere: bool | None = None) -> Operation[Page[IntegrationRecord]]:
        """The request; ``everywhere`` overrides."""
        everywhere = self.everywhere if everywhere is None else everywhere
        return _call(
            "GET",
            self.endpoint,
            _integrations,
            query={**self.room, self.everywhere_key: "true" if everywhere else "false"},
            expected=ErrorContext(_ANY, alternative=0 if "roomId" in self.room else 1, alternatives=2),
        )


def channel_list(room: Mapping[str, str], everywhere: bool) -> RoomList:
    """``channels.getIntegrations``, since 0.49."""
    return RoomList("channels.getIntegrations", room, "includeAllPublicChannels", everywhere, "all_public_channels")


def group_list(room: Mapping[str, str], everywhere: bool) -> RoomList:
    """``groups.getIntegrations``, since 0.49."""
    return RoomList("groups.getIntegrations", room, "includeAllPrivateGroups", everywhere, "all_private_groups")


# Sessions and the server.


def login(user: str, password: str, code: str | None) -> Operation[TokenAuth]:
    """``login``: a token for a password."""
    body = {"user": user, "password": password}
    if code is not None:
        body["code"] = code
    secrets = tuple(secret for secret in (password, code) if secret)
    return _call("POST", LOGIN, _session, body=body, secrets=secrets, authenticated=False)


def logout() -> Operation[None]:
    """``logout``: the token is no longer good."""
    return _call("POST", "logout", _nothing)


def server_version() -> Operation[str]:
    """``/api/info``: no login needed."""
    return _call("GET", "api/info", _version, path="api/info", authenticated=False)


# Webhooks.


def webhook_url(base_url: str, record: IntegrationRecord) -> str:
    """The address to post to.

    Raises:
        ConfigurationError: if the record has no token.
    """
    if not record.token:
        raise ConfigurationError(f"the integration {record.id} has no token, and so no address to post to")
    # The server decodes the token once more than its router does.
    token = quote(record.token, safe="")
    if "%" in record.token:
        token = quote(token, safe="")
    return f"{base_url}hooks/{quote(record.id, safe='')}/{token}"


@sealed
def post(url: str, message: str | Message | Mapping[str, object]) -> Operation[PostResult]:
    """A message to the address of an incoming webhook, or what the webhook's script makes one of.

    Raises:
        ConfigurationError: if it is neither, or a message that says nothing: the server would answer success, and
            post an empty one.
    """
    body = _post_body(message)
    request = _json_request("POST", url, WEBHOOK, body, _webhook_secrets(url), authenticated=False)
    expected = ErrorContext(several_channels=_has_several(body.get("channel") or body.get("roomId")))
    return Operation(
        request,
        lambda response: _post_result(payload(response, request, expected), response, request),
        idempotent=False,
    )


def _has_several(channel: object) -> bool:
    return isinstance(channel, (list, tuple)) and len(cast("Sequence[object]", channel)) > 1


def _post_body(message: object) -> Mapping[str, Any]:
    if isinstance(message, Mapping):
        return codec.json_object(cast("Mapping[object, object]", message), "message")
    if isinstance(message, str):
        message = Message(message)
    if not isinstance(message, Message):
        raise ConfigurationError(f"a message must be text, a Message or a mapping, not {type(message).__name__}")
    if not message.attachments and not trimmed(message.text or ""):
        raise ConfigurationError("a message needs a text that is not blank, or an attachment")
    return codec.message_body(message)


@sealed
def check_webhook(url: str) -> Operation[bool]:
    """``hooks/info``: whether the address of an incoming webhook is right. Nothing is posted.

    Raises:
        ConfigurationError: if it does not even look like one.
    """
    parts = urlsplit(url)
    address = re.fullmatch(r"(.*/hooks)/([^/]+)/(?:[^/]+/)?([^/]+)", parts.path)
    if address is None:
        raise ConfigurationError("url: must be the address of a webhook, …/hooks/ID/TOKEN")
    info = f"{parts.scheme}://{parts.netloc}{address[1]}/info/{address[2]}/x/{address[3]}"
    secrets = (*_webhook_secrets(url), *_webhook_secrets(info))
    request = _json_request("GET", info, WEBHOOK_INFO, None, secrets, authenticated=False)
    return Operation(request, lambda response: _is_right(response, request), idempotent=True)


def _is_right(response: Response, request: Request) -> bool:
    # A wrong address: up to 6.x 404, and from then on as if the server had failed.
    if response.status == 500:
        return False
    try:
        payload(response, request, _NOTHING_EXPECTED)
        return True
    except NotFoundError:
        return False


def _webhook_secrets(url: str) -> tuple[str, ...]:
    """The address's path and query, and what is secret in them, as the server may read it."""
    parts = urlsplit(url)
    secrets = [parts.path.rstrip("/").rpartition("/")[2], *(pair.partition("=")[2] for pair in parts.query.split("&"))]
    once = [unquote(secret) for secret in secrets]
    forms = {parts.path, parts.query, *secrets, *once, *map(unquote, once)}
    # The longest first, so that no part of one is left over after another.
    return tuple(sorted((form for form in forms if len(form) > 1), key=len, reverse=True))


# How an operation is put together.


def _call(
    method: str,
    endpoint: str,
    read: Callable[[Mapping[str, object]], T],
    *,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, object] | None = None,
    path: str | None = None,
    secrets: tuple[str, ...] = (),
    expected: ErrorContext = _NOTHING_EXPECTED,
    authenticated: bool = True,
    idempotent: bool = True,
) -> Operation[T]:
    url = path or f"api/v1/{endpoint}"
    if query:
        url = f"{url}?{urlencode(query)}"
    return _operation(
        _json_request(method, url, endpoint, body, secrets, authenticated=authenticated),
        read,
        expected,
        idempotent=idempotent,
    )


def _operation(
    request: Request, read: Callable[[Mapping[str, object]], T], expected: ErrorContext, *, idempotent: bool
) -> Operation[T]:
    return Operation(request, lambda response: read(payload(response, request, expected)), idempotent=idempotent)


def _json_request(
    method: str,
    url: str,
    endpoint: str,
    body: Mapping[str, object] | None,
    secrets: tuple[str, ...],
    *,
    authenticated: bool,
) -> Request:
    return Request(
        method=method,
        url=url,
        endpoint=endpoint,
        body=None if body is None else json.dumps(body).encode(),
        headers={} if body is None else {"Content-Type": "application/json"},
        secrets=secrets,
        authenticated=authenticated,
    )


def _page_query(offset: int, count: int, sort: Mapping[str, int]) -> dict[str, str]:
    return {"offset": str(offset), "count": str(count), "sort": json.dumps(sort, separators=(",", ":"))}


def _of_kind(type: IntegrationType) -> ErrorContext:
    return ErrorContext(_PERMISSIONS[type], alternative=0 if type is IntegrationType.INCOMING else 1, alternatives=2)


def _token_of(definition: IntegrationDefinition) -> tuple[str, ...]:
    token = getattr(definition, "token", None)
    return (token,) if token else ()


# What the answers carry.


def _integration(payload: Mapping[str, object], type: IntegrationType | None = None) -> IntegrationRecord:
    record = codec.integration(payload.get("integration"))
    if isinstance(record, DecodingError):
        raise record
    if type is not None and record.type is not type:
        error = f"integration.type: must be {type}, and is {record.type}"
        raise DecodingError(f"integration (id {record.id}) cannot be read: {error}", errors=(error,), id=record.id)
    return record


def _integrations(payload: Mapping[str, object]) -> Page[IntegrationRecord]:
    return _page(payload, "integrations", codec.integration)


def _history(payload: Mapping[str, object]) -> Page[HistoryEntry]:
    return _page(payload, "history", codec.history_entry)


def _page(payload: Mapping[str, object], key: str, decode: Callable[[object, str], T | DecodingError]) -> Page[T]:
    raw, total = payload.get(key), payload.get("total")
    errors: list[str] = []
    if not isinstance(raw, list):
        errors.append(f"{key}: must be an array")
    if not isinstance(total, int) or isinstance(total, bool):
        errors.append("total: must be a number")
    if errors:
        raise DecodingError(f"a page of {key} cannot be read: {'; '.join(errors)}", errors=tuple(errors))
    return Page(cast(int, total), cast("list[object]", raw), decode, key)


def _session(payload: Mapping[str, object]) -> TokenAuth:
    data = payload.get("data")
    parts = (
        [cast("dict[str, object]", data).get(key) for key in ("userId", "authToken")] if isinstance(data, dict) else []
    )
    user_id, token = (*parts, None, None)[:2]
    if not isinstance(user_id, str) or not isinstance(token, str):
        error = "data: must hold the texts userId and authToken"
        raise DecodingError(f"the answer to login cannot be read: {error}", errors=(error,))
    return TokenAuth(user_id=user_id, token=token)


def _version(payload: Mapping[str, object]) -> str:
    version = payload.get("version")
    if not isinstance(version, str):
        error = "version: must be text"
        raise DecodingError(f"the server's version cannot be read: {error}", errors=(error,))
    return version


def _post_result(payload: Mapping[str, object], response: Response, request: Request) -> PostResult:
    """Nothing of it is required: what comes with success was posted, and a script can answer anything."""
    listed = payload.get("responses")
    each = cast("list[object]", listed) if isinstance(listed, list) else []
    objects = (cast("dict[str, object]", data) for data in each if isinstance(data, dict))
    return PostResult(tuple(_post_response(data, response, request) for data in objects), payload)


def _post_response(data: Mapping[str, object], response: Response, request: Request) -> PostResponse:
    channel, message = data.get("channel"), data.get("message")
    return PostResponse(
        channel=channel if isinstance(channel, str) else None,
        message=cast("dict[str, object] | str", message) if isinstance(message, (dict, str)) else None,
        error=shown(data.get("error"), response, request),
    )


def _nothing(payload: Mapping[str, object]) -> None:
    return None
