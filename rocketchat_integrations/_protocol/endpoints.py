"""One function for each endpoint: its request and the decoder of its response.

An operation is a value. It does no I/O, and knows neither the server's address nor the credentials.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar, cast
from urllib.parse import quote, unquote, urlencode, urlsplit

import attrs

from rocketchat_integrations._message_rules import message_problems
from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.auth import TokenAuth
from rocketchat_integrations.exceptions import ConfigurationError, DecodingError, NotFoundError
from rocketchat_integrations.messages import Message, PostResponse, PostResult
from rocketchat_integrations.models import HistoryEntry, IntegrationDefinition, IntegrationRecord, IntegrationType

from . import codec, list_bodies
from .errors import LOGIN, WEBHOOK, WEBHOOK_INFO, ErrorContext, error_text, payload, secrets_of
from .http import Request, Response
from .json_bodies import decode_json
from .normalization import merged_with
from .readers import is_array, is_integer, is_mapping, is_object, is_sequence

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_INCOMING = ("manage-incoming-integrations", "manage-own-incoming-integrations")
_OUTGOING = ("manage-outgoing-integrations", "manage-own-outgoing-integrations")
_PERMISSIONS = {IntegrationType.INCOMING: _INCOMING, IntegrationType.OUTGOING: _OUTGOING}
_ANY = (*_INCOMING, *_OUTGOING)

PAGE_SIZE = 100  # records in a page: the default maximum of a server


@attrs.frozen
class Operation(Generic[T]):
    """One call of an endpoint: the request, the decoder, and whether it may be repeated."""

    request: Request
    # Returns what the response contains, or raises a subclass of RocketChatError.
    decode: Callable[[Response], T] = attrs.field(repr=False)
    idempotent: bool  # whether sending it twice has the same effect as sending it once
    # Whether "not found" means success after an earlier try whose response was lost.
    not_found_means_done: bool = False
    # Finds on the server what an earlier try, whose response was lost, has made; None if it cannot be found.
    find_result: Callable[[], Generator[Operation[Any], Any, T | None]] | None = None
    # The same request without `skipTranspile`, for servers whose schema refuses it; None if the request has none.
    without_skip_transpile: Request | None = None


@attrs.frozen
class Page(Generic[T_co]):
    """A page of a list. Its records are decoded while they are iterated."""

    total: int  # how many records the whole list has, as the server counts
    raw: list[object] | list_bodies.Elements = attrs.field(repr=False)  # the records, not decoded
    # Takes a record and its path in the response; returns an error instead of raising it.
    decode: Callable[[object, str], T_co | DecodingError] = attrs.field(repr=False)
    path: str  # the name of the array in the response
    size: int = 0  # of the response, in bytes
    secrets: tuple[str, ...] = attrs.field(default=(), repr=False)  # of the request, to hide in errors

    def records(self) -> Iterator[T_co | DecodingError]:
        """Yield each record, or the error if it cannot be decoded."""
        return chain.from_iterable(self.pieces())

    def pieces(self) -> Iterator[list[T_co | DecodingError]]:
        """Yield short lists of records. Each list is decoded just before it is yielded."""
        first = 0
        for piece in list_bodies.pieces(self.raw):
            records = self._decoded(piece, first)
            first += len(piece)
            del piece  # It holds tokens, and a traceback can show it.
            yield records

    def _decoded(self, piece: list[object], first: int) -> list[T_co | DecodingError]:
        """Decode a piece. ``first`` is the number of its first record in the response."""
        decode, path = self.decode, self.path
        records = [decode(data, path) for data in piece]
        if codec.has_errors(records):
            for number, record in enumerate(records):
                if isinstance(record, DecodingError):
                    # Decode it again with its place in the path. Other records need no place.
                    error = cast(DecodingError, decode(piece[number], f"{path}[{first + number}]"))
                    records[number] = codec.without_secrets(error, self.secrets)
        return records


# Integrations: ten endpoints.


def create(definition: IntegrationDefinition) -> Operation[IntegrationRecord]:
    """Call ``integrations.create``, since 0.49."""
    return _call(
        "POST",
        "integrations.create",
        lambda payload: _created(payload, definition),
        body=codec.definition_body(definition),
        secrets=_token_of(definition),
        context=_of_kind(definition.type),
        idempotent=False,
    )


def get(id: str, *, created_by: str | None = None, type: IntegrationType | None = None) -> Operation[IntegrationRecord]:
    """Call ``integrations.get``; ``type`` is the type that the integration must have."""
    query = {"integrationId": id} if created_by is None else {"integrationId": id, "createdBy": created_by}
    context = ErrorContext(_ANY, since="2.4")

    def read(payload: Mapping[str, object]) -> IntegrationRecord:
        return _integration(payload, type, id=id, created_by=created_by)

    return _call("GET", "integrations.get", read, query=urlencode(query), context=context)


def list_page(offset: int, count: int, *, name: str | None, type: str | None) -> Operation[Page[IntegrationRecord]]:
    """Call ``integrations.list``, since 0.49; servers before 7.0 ignore ``name`` and ``type``."""
    filters = {key: value for key, value in (("name", name), ("type", type)) if value}
    query = _page_query(offset, count, _BY_ID, filters)
    return _call_for_page("integrations.list", _integrations, query, ErrorContext(_ANY), parse=list_bodies.decode_list)


def history_page(id: str, offset: int, count: int) -> Operation[Page[HistoryEntry]]:
    """Call ``integrations.history``."""
    query = _page_query(offset, count, _NEWEST_FIRST, {"id": id})
    context = ErrorContext(_OUTGOING, since="0.53")
    return _call_for_page("integrations.history", partial(_history, id=id), query, context)


def update(
    current: IntegrationRecord, wanted: IntegrationDefinition, token: str | None, *, run: str | None = None
) -> Operation[IntegrationRecord | None]:
    """Call ``integrations.update`` with the whole definition.

    `token` is for an outgoing integration that has none yet. `run` is a script to send, enabled, in place of the wanted
    one, with the engine settings of the current one.
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
        lambda payload: (
            None if payload.get("integration") is None else _integration(payload, wanted.type, id=current.id)
        ),
        body=body,
        secrets=(*_token_of(wanted), *_token_of(current), *filter(None, [token])),
        context=attrs.evolve(_of_kind(wanted.type), since="3.4"),
    )


def remove(id: str, type: IntegrationType) -> Operation[None]:
    """Call ``integrations.remove``, since 0.49."""
    # The second of the schema's three alternatives names an outgoing integration by its URL.
    alternative = 0 if type is IntegrationType.INCOMING else 2
    return _call(
        "POST",
        "integrations.remove",
        lambda payload: _removed(payload, id),
        body={"type": type, "integrationId": id},
        context=ErrorContext(_PERMISSIONS[type], alternative=alternative, alternatives=3),
        not_found_means_done=True,
    )


def clear_history(id: str) -> Operation[None]:
    """Call ``integrations.clearHistory``."""
    context = ErrorContext(_OUTGOING, since="8.7")
    return _call("POST", "integrations.clearHistory", _nothing, body={"integrationId": id}, context=context)


def replay_outgoing(id: str, history_id: str) -> Operation[None]:
    """Call ``integrations.replayOutgoing``."""
    return _call(
        "POST",
        "integrations.replayOutgoing",
        _nothing,
        body={"integrationId": id, "historyId": history_id},
        context=ErrorContext(_OUTGOING, since="8.7"),
        idempotent=False,
    )


@attrs.frozen
class RoomList:
    """One of the two lists by room. 8.x returns only the first page."""

    endpoint: str
    room: Mapping[str, str]  # ``{"roomId": …}`` or ``{"roomName": …}``
    everywhere_key: str  # the name of the query parameter for `everywhere`
    everywhere: bool  # whether to include integrations that listen in all rooms of the kind
    everywhere_word: str  # the channel that such integrations have
    # Whether all others have the room's name as a channel. Those of a private discussion have its displayed name.
    has_name: bool

    def first_page(self, *, everywhere: bool | None = None) -> Operation[Page[IntegrationRecord]]:
        """Request the first page; ``everywhere`` overrides the field."""
        everywhere = self.everywhere if everywhere is None else everywhere
        query = urlencode({**self.room, self.everywhere_key: "true" if everywhere else "false"})
        context = ErrorContext(_ANY, alternative=0 if "roomId" in self.room else 1, alternatives=2, names_room=True)
        read = _integrations
        if self.has_name and "roomName" in self.room:
            channels = [f"#{self.room['roomName']}", *([self.everywhere_word] if everywhere else [])]
            read = partial(_integrations_of_room, channels=channels)
        return _call_for_page(self.endpoint, read, query, context)


def channel_list(room: Mapping[str, str], everywhere: bool) -> RoomList:
    """Call ``channels.getIntegrations``, since 0.49."""
    key, word = "includeAllPublicChannels", "all_public_channels"
    return RoomList("channels.getIntegrations", room, key, everywhere, word, has_name=True)


def group_list(room: Mapping[str, str], everywhere: bool) -> RoomList:
    """Call ``groups.getIntegrations``, since 0.49."""
    key, word = "includeAllPrivateGroups", "all_private_groups"
    return RoomList("groups.getIntegrations", room, key, everywhere, word, has_name=False)


# Sessions and the server.


def login(user: str, password: str, code: str | None) -> Operation[TokenAuth]:
    """Call ``login``: returns a token for a password."""
    body = {"user": user, "password": password} | ({} if code is None else {"code": code})
    secrets = tuple(filter(None, (password, code)))
    return _call("POST", LOGIN, _session, body=body, secrets=secrets, authenticated=False)


def logout() -> Operation[None]:
    """Call ``logout``: the token becomes invalid."""
    return _call("POST", "logout", _nothing)


def server_version() -> Operation[str]:
    """Call ``/api/info``, which needs no login."""
    return _call("GET", "api/info", _version, path="api/info", authenticated=False)


# Webhooks.


def webhook_url(base_url: str, record: IntegrationRecord) -> str:
    """Return the URL to post to; it needs a token."""
    if not record.token:
        raise ConfigurationError(f"the integration {record.id} has no token, and so no URL to post to")
    # The server decodes the token once more after its router.
    token = quote(record.token, safe="")
    if "%" in record.token:
        token = quote(token, safe="")
    return f"{base_url}hooks/{quote(record.id, safe='')}/{token}"


def post(url: str, message: str | Message | Mapping[str, object]) -> Operation[PostResult]:
    """Post a message to an incoming webhook, or any JSON object that the webhook's script accepts."""
    body = _post_body(message)
    request = _request("POST", url, WEBHOOK, body, _webhook_secrets(url), authenticated=False)
    channel: object = body.get("channel") or body.get("roomId")
    context = ErrorContext(several_channels=is_sequence(channel) and len(channel) > 1)
    return Operation(request, lambda response: _post_result(response, request, context), idempotent=False)


def _post_body(message: object) -> Mapping[str, Any]:
    if is_mapping(message):
        return codec.json_object(message, "message")
    if isinstance(message, str):
        message = Message(message)
    if not isinstance(message, Message):
        raise ConfigurationError(f"a message must be text, a Message or a mapping, not {type(message).__name__}")
    if not message.attachments and not trimmed(message.text or ""):  # the server would post an empty message
        raise ConfigurationError("a message needs a text that is not blank, or an attachment")
    body = codec.message_body(message)
    problems = "; ".join(message_problems(body))
    if problems:
        raise ConfigurationError(problems)
    return body


def check_webhook(url: str) -> Operation[bool]:
    """Call ``hooks/info``: returns whether a webhook has this URL. Nothing is posted."""
    parts = urlsplit(url)
    match = re.fullmatch(r"(.*/hooks)/([^/]+)/(?:[^/]+/)?([^/]+)", parts.path)
    if match is None:
        raise ConfigurationError("url: must be the URL of a webhook, …/hooks/ID/TOKEN")
    info = f"{parts.scheme}://{parts.netloc}{match[1]}/info/{match[2]}/x/{match[3]}"
    secrets = (*_webhook_secrets(url), *_webhook_secrets(info))
    request = _request("GET", info, WEBHOOK_INFO, None, secrets, authenticated=False)
    return Operation(request, lambda response: _is_known(response, request), idempotent=True)


def _is_known(response: Response, request: Request) -> bool:
    # For a wrong URL, servers up to 6.x answer 404, later ones 500.
    if response.status == 500:
        return False
    try:
        payload(response, request, ErrorContext())
        return True
    except NotFoundError:
        return False


def _webhook_secrets(url: str) -> tuple[str, ...]:
    """Return the URL's path and query, and the secret parts in every form that the server may decode them to."""
    parts = urlsplit(url)
    secrets = [parts.path.rstrip("/").rpartition("/")[2], *(pair.partition("=")[2] for pair in parts.query.split("&"))]
    once = [unquote(secret) for secret in secrets]
    forms = {parts.path, parts.query, *secrets, *once, *map(unquote, once)}
    # Longest first: a shorter secret may be part of a longer one.
    return tuple(sorted((form for form in forms if len(form) > 1), key=len, reverse=True))


# Requests.


def _call(
    method: str,
    endpoint: str,
    read: Callable[[Mapping[str, object]], T],
    *,
    query: str = "",
    body: Mapping[str, object] | None = None,
    path: str | None = None,
    secrets: tuple[str, ...] = (),
    context: ErrorContext = ErrorContext(),
    authenticated: bool = True,
    idempotent: bool = True,
    not_found_means_done: bool = False,
    parse: Callable[[bytes], object] = decode_json,
) -> Operation[T]:
    url = path or f"api/v1/{endpoint}"
    if query:
        url = f"{url}?{query}"
    request = _request(method, url, endpoint, body, secrets, authenticated=authenticated)
    without = None
    if body and "skipTranspile" in body:
        rest = {name: value for name, value in body.items() if name != "skipTranspile"}
        without = _request(method, url, endpoint, rest, secrets, authenticated=authenticated)

    def decode(response: Response) -> T:
        content = payload(response, request, context, parse)
        try:
            return read(content)
        except DecodingError as error:
            codec.without_secrets(error, (*request.secrets, *response.secrets))
            raise

    return Operation(request, decode, idempotent, not_found_means_done, without_skip_transpile=without)


def _call_for_page(
    endpoint: str,
    read: Callable[[Mapping[str, object]], Page[T]],
    query: str,
    context: ErrorContext,
    *,
    parse: Callable[[bytes], object] = decode_json,
) -> Operation[Page[T]]:
    """Call an endpoint that answers with a page of a list."""
    operation = _call("GET", endpoint, read, query=query, context=context, parse=parse)

    def decode(response: Response) -> Page[T]:
        page = operation.decode(response)
        # Not attrs.evolve, which looks up all fields for every call.
        return Page(page.total, page.raw, page.decode, page.path, size=len(response.body), secrets=response.secrets)

    return Operation(operation.request, decode, idempotent=True)


def _request(
    method: str,
    url: str,
    endpoint: str,
    body: Mapping[str, object] | None,
    secrets: tuple[str, ...],
    *,
    authenticated: bool,
) -> Request:
    if body is None:
        return Request(method, url, endpoint, secrets=secrets, authenticated=authenticated)
    headers = {"Content-Type": "application/json"}
    return Request(method, url, endpoint, json.dumps(body).encode(), headers, secrets, authenticated)


# Sort orders, quoted for a URL.
_BY_ID = quote('{"_id":1}')
_NEWEST_FIRST = quote('{"_createdAt":-1,"_id":1}')


def _page_query(offset: int, count: int, sort: str, others: Mapping[str, str]) -> str:
    query = f"offset={offset}&count={count}&sort={sort}"
    return f"{query}&{urlencode(others)}" if others else query


@functools.cache
def _of_kind(type: IntegrationType) -> ErrorContext:
    return ErrorContext(_PERMISSIONS[type], alternative=0 if type is IntegrationType.INCOMING else 1, alternatives=2)


def _token_of(definition: IntegrationDefinition) -> tuple[str, ...]:
    token = getattr(definition, "token", None)
    return (token,) if token else ()


# Decoders.


def _integration(
    payload: Mapping[str, object],
    type: IntegrationType | None = None,
    *,
    id: str | None = None,
    created_by: str | None = None,
) -> IntegrationRecord:
    """Read a record, and check that it is the one that was asked for: a cache can answer with another one."""
    record = codec.integration(payload.get("integration"))
    if isinstance(record, DecodingError):
        raise record
    if type is not None and record.type is not type:
        error = f"integration.type: must be {type}, and is {record.type}"
        raise codec.unreadable("integration", error, id=record.id)
    _check_same("_id", record.id, id, record.id)
    _check_same("_createdBy._id", record.created_by.id, created_by, record.id)
    return record


def _created(payload: Mapping[str, object], definition: IntegrationDefinition) -> IntegrationRecord:
    record = _integration(payload, definition.type)
    _check_same("name", record.name, definition.name, record.id)
    return record


def _removed(payload: Mapping[str, object], id: str) -> None:
    removed = codec.identity(payload.get("integration"))
    if removed is not None:
        _check_same("_id", removed, id, removed)


def _check_same(field: str, value: str | None, wanted: str | None, id: str) -> None:
    if wanted is not None and value != wanted:
        raise codec.unreadable("integration", f"integration.{field}: must be {wanted!r}", id=id)


def _integrations(payload: Mapping[str, object]) -> Page[IntegrationRecord]:
    return _page(payload, "integrations", codec.integration)


def _integrations_of_room(payload: Mapping[str, object], channels: Sequence[str]) -> Page[IntegrationRecord]:
    """Read a page, and check that each record has one of these channels: a cache can answer for another room."""
    page = _integrations(payload)
    for number, data in enumerate(page.raw):
        found = data.get("channel") if is_object(data) else None
        if is_array(found) and not any(channel in channels for channel in found):
            raise _another(f"integrations[{number}].channel: must contain {' or '.join(channels)}", data)
    return page


def _history(payload: Mapping[str, object], id: str) -> Page[HistoryEntry]:
    """Read a page, and check that each call is one of this integration: a cache can answer for another one."""
    page = _page(payload, "history", codec.history_entry)
    for number, data in enumerate(page.raw):
        found = codec.identity(data.get("integration")) if is_object(data) else None
        if found is not None and found != id:
            raise _another(f"history[{number}].integration._id: must be {id!r}", data)
    return page


def _another(error: str, data: object) -> DecodingError:
    return codec.unreadable("a page of another list", error, id=codec.identity(data))


def _page(payload: Mapping[str, object], key: str, decode: Callable[[object, str], T | DecodingError]) -> Page[T]:
    raw, total = payload.get(key), payload.get("total")
    errors: list[str] = []
    if not (is_array(raw) or isinstance(raw, list_bodies.Elements)):
        errors.append(f"{key}: must be an array")
    elif is_integer(total) and total >= 0:
        return Page(total, raw, decode, key)
    if not (is_integer(total) and total >= 0):
        errors.append("total: must be a number of records")
    raise codec.unreadable(f"a page of {key}", *errors)


def _session(payload: Mapping[str, object]) -> TokenAuth:
    data = payload.get("data")
    user_id, token = (data.get("userId"), data.get("authToken")) if is_object(data) else (None, None)
    if not isinstance(user_id, str) or not isinstance(token, str):
        raise codec.unreadable("the response to login", "data: must contain the texts userId and authToken")
    # They become headers: other text would fail in the HTTP library, with the next call.
    if not all(re.fullmatch("[!-~]+", text) for text in (user_id, token)):
        raise codec.unreadable("the response to login", "data: userId and authToken must be printable ASCII")
    return TokenAuth(user_id=user_id, token=token)


def _version(payload: Mapping[str, object]) -> str:
    version = payload.get("version")
    if isinstance(version, str):
        return version
    raise codec.unreadable("the server's version", "version: must be text")


def _post_result(response: Response, request: Request, context: ErrorContext) -> PostResult:
    """Read the response to a post. Nothing in it is required: a script can return anything."""
    data = payload(response, request, context)
    each, secrets = data.get("responses"), secrets_of(response, request)
    objects = filter(is_object, each) if is_array(each) else ()
    return PostResult(tuple(_post_response(entry, secrets) for entry in objects), data)


def _post_response(data: Mapping[str, object], secrets: tuple[str, ...]) -> PostResponse:
    channel, message = data.get("channel"), data.get("message")
    return PostResponse(
        channel=channel if isinstance(channel, str) else None,
        message=message if is_object(message) or isinstance(message, str) else None,
        error=error_text(data.get("error"), secrets),
    )


def _nothing(payload: Mapping[str, object]) -> None:
    return None
