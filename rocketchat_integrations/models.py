"""What you ask for, what the server holds, and what it remembers.

*Definitions* (:class:`IncomingIntegration`, :class:`OutgoingIntegration`) are what
you ask for. They are judged when they are made: a wrong one raises ``ValueError`` or
``TypeError`` with the field's name and what is allowed. Nothing is refused that the
server takes unchanged, except for these traps:

- an outgoing ``channel`` of only commas and blanks: the integration would listen in
  every public channel (leave ``channel`` out to mean that);
- a comma in one element of ``channel``: it would become two channels;
- a ``retry_delay`` that is not one of the three: the server gives up retrying when it
  uses it;
- a ``retry_count`` that is not an ``int``: the server cuts the fraction off as soon as
  retries are on;
- a ``retry_count`` below 1 with retries on: the server makes it 4;
- a ``retry_count`` beyond ``2**53 - 1``: the server stores a number near it;
- a blank ``token``: the server then refuses every update;
- a blank ``target_room`` for ``userCreated``: there would be nowhere to post to;
- another ``script_engine``: servers that take it have no such engine;
- None for yes or no, or for trigger words: the server stores null, which means False or
  none, so say that;
- text with half a surrogate pair: the server stores other text.

*Records* (:class:`IncomingIntegrationRecord`, :class:`OutgoingIntegrationRecord`) are
what the server holds. They are never judged: an old record may have an event or a
channel that would be refused today, and is kept as it is, also through
``attrs.evolve``.

All of them are frozen, can be compared, hashed, copied and pickled. No repr shows a
token or the text of a script; a pickle of a definition or a record holds its token.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import attrs

from ._redaction import mask
from ._tracebacks import sealed_init

# What JavaScript's trim() takes away; Python's strip() differs in both directions.
_JAVASCRIPT_BLANKS = (
    "\t\n\v\f\r \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

# Number.MAX_SAFE_INTEGER: beyond it JavaScript has only some of the whole numbers.
_MOST_EXACT = 2**53 - 1


def trimmed(text: str) -> str:
    """The text without the blanks around it, as the server trims."""
    return text.strip(_JAVASCRIPT_BLANKS)


class _Text(str, enum.Enum):
    """An enum whose members are text and print as what goes over the wire."""

    __str__ = str.__str__

    def __format__(self, format_spec: str) -> str:
        return format(self.value, format_spec)


class IntegrationType(_Text):
    """The two kinds of integrations."""

    INCOMING = "webhook-incoming"
    """A program posts to Rocket.Chat."""

    OUTGOING = "webhook-outgoing"
    """Rocket.Chat posts to a program."""


class EventType(_Text):
    """What makes Rocket.Chat call an outgoing integration."""

    SEND_MESSAGE = "sendMessage"
    """Somebody says something, in one of the channels and with one of the trigger words, if there are any."""

    FILE_UPLOADED = "fileUploaded"
    """Somebody uploads a file in one of the channels."""

    ROOM_ARCHIVED = "roomArchived"
    """A room is archived. Uses no channel; needs the permission ``manage-outgoing-integrations``."""

    ROOM_CREATED = "roomCreated"
    """A room is created. Uses no channel; needs the permission ``manage-outgoing-integrations``."""

    ROOM_JOINED = "roomJoined"
    """Somebody joins one of the channels."""

    ROOM_LEFT = "roomLeft"
    """Somebody leaves one of the channels."""

    USER_CREATED = "userCreated"
    """A user is created. Uses no channel, wants a ``target_room``; needs ``manage-outgoing-integrations``."""

    @property
    def uses_channel(self) -> bool:
        """Whether integrations of this event listen in channels; for the others the server stores none."""
        return self not in _EVENTS_WITHOUT_CHANNEL


_EVENTS_WITHOUT_CHANNEL = frozenset({EventType.ROOM_ARCHIVED, EventType.ROOM_CREATED, EventType.USER_CREATED})


class RetryDelay(_Text):
    """How long Rocket.Chat waits before it calls a failing URL again."""

    POWERS_OF_TEN = "powers-of-ten"
    """0.1 s, 1 s, 10 s, 100 s and so on: the server's default."""

    POWERS_OF_TWO = "powers-of-two"
    """2 s, 4 s, 8 s and so on."""

    INCREMENTS_OF_TWO = "increments-of-two"
    """2 s, 4 s, 6 s and so on."""


SCRIPT_ENGINE = "isolated-vm"
"""The one engine in which today's servers run scripts."""

EVERYWHERE = ("all_public_channels", "all_private_groups", "all_direct_messages")
"""What an outgoing ``channel`` may name beside ``#rooms`` and ``@users``."""

_EVENTS: Mapping[str, EventType] = {event.value: event for event in EventType}
_RETRY_DELAYS: Mapping[str, RetryDelay] = {delay.value: delay for delay in RetryDelay}


def event_or_text(value: EventType | str) -> EventType | str:
    """The event, where it is one that is known."""
    return _EVENTS.get(value, value) if isinstance(value, str) else value


def retry_delay_or_text(value: RetryDelay | str | None) -> RetryDelay | str | None:
    """The delay, where it is one that is known."""
    return _RETRY_DELAYS.get(value, value) if isinstance(value, str) else value


def _split(text: str) -> tuple[str, ...]:
    return tuple(trimmed(part) for part in text.split(","))


def _elements(field: str, value: Iterable[str]) -> tuple[str, ...]:
    if not isinstance(value, Iterable):
        raise TypeError(f"{field}: must be text or texts, not {_kind(value)}")
    elements = tuple(value)
    for element in elements:
        if not isinstance(element, str):
            raise TypeError(f"{field}: must hold texts, not {_kind(element)}")
    return elements


def _channel(value: str | Iterable[str]) -> tuple[str, ...]:
    return _split(value) if isinstance(value, str) else _elements("channel", value)


def _outgoing_channel(value: str | Iterable[str]) -> tuple[str, ...]:
    parts = _channel(value)
    # Empty parts mean nothing here, but a text of nothing else would mean every public channel: that is judged.
    return tuple(filter(None, parts)) or parts if isinstance(value, str) else parts


def _trigger_words(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, _split(value))) if isinstance(value, str) else _elements("trigger_words", value)


def _urls(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else _elements("urls", value)


def _kind(value: object) -> str:
    return type(value).__name__


def _measured(value: object) -> str:
    return f"<{len(value)} characters>" if isinstance(value, str) else repr(value)


def _nothing_more() -> dict[str, object]:
    return {}


def _names(value: Mapping[str, object]) -> str:
    return f"<{', '.join(value)}>"


# What a definition has to obey. A rule looks at one definition, raises what is wrong
# and says which fields it looks at, so that an update can leave alone what it does not change.


@attrs.frozen
class _Rule:
    fields: frozenset[str]
    check: Callable[[Any], None]


def _about(*fields: str) -> Callable[[Callable[[Any], None]], _Rule]:
    return lambda check: _Rule(frozenset(fields), check)


def _encodable(field: str, text: str) -> None:
    # Not by trying to encode it: the exception would hold the text, which may be a token.
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError(f"{field}: must be Unicode text, and has half a surrogate pair")


def _all_encodable(field: str) -> _Rule:
    @_about(field)
    def rule(it: Any) -> None:
        for element in getattr(it, field):
            if not element.isascii():
                _encodable(field, element)

    return rule


def _is_text(field: str, *, optional: bool) -> _Rule:
    @_about(field)
    def rule(it: Any) -> None:
        value = getattr(it, field)
        if isinstance(value, str):
            if not value.isascii():
                _encodable(field, value)
        elif not (optional and value is None):
            raise TypeError(f"{field}: must be text{' or None' if optional else ''}, not {_kind(value)}")

    return rule


def _is_bool(field: str, *, optional: bool = False) -> _Rule:
    @_about(field)
    def rule(it: Any) -> None:
        value = getattr(it, field)
        if not isinstance(value, bool) and not (optional and value is None):
            raise TypeError(
                f"{field}: must be True{', False or None' if optional else ' or False'}, not {_kind(value)}"
            )

    return rule


@_about("username")
def _username_names_somebody(it: Any) -> None:
    if not trimmed(it.username):
        raise ValueError("username: must name the user that the integration posts as, and is blank")


@_about("script_engine")
def _script_engine_is_known(it: Any) -> None:
    if it.script_engine not in (None, SCRIPT_ENGINE):
        raise ValueError(f"script_engine: must be {SCRIPT_ENGINE!r} or None, not {it.script_engine!r}")


def _no_comma(channel: Iterable[str]) -> None:
    for part in channel:
        if "," in part:
            raise ValueError(f"channel: {part!r} has a comma, and would become two channels")


@_about("channel")
def _incoming_channel_is_reachable(it: Any) -> None:
    _no_comma(it.channel)
    if not it.channel:
        raise ValueError("channel: must name at least one '#room' or '@user'")
    for part in it.channel:
        if not trimmed(part).startswith(("#", "@")):
            raise ValueError(f"channel: must start with '#' or '@', and {part!r} does not")


@_about("channel", "event")
def _outgoing_channel_is_reachable(it: Any) -> None:
    _no_comma(it.channel)
    parts = [part for part in map(trimmed, it.channel) if part]
    if isinstance(it.event, EventType) and not it.event.uses_channel:
        if any(it.channel) and not parts:
            raise ValueError(f"channel: is blank; leave it out, for {it.event} uses none")
        return
    if it.channel and not parts:
        raise ValueError("channel: is blank; leave it out to listen in every public channel")
    for part in parts:
        if not part.startswith(("#", "@")) and part not in EVERYWHERE:
            raise ValueError(
                f"channel: must start with '#' or '@' or be one of {', '.join(EVERYWHERE)}; {part!r} is not"
            )


@_about("event")
def _event_is_known(it: Any) -> None:
    if not isinstance(it.event, str):
        raise TypeError(f"event: must be text, not {_kind(it.event)}")
    if not isinstance(it.event, EventType):
        raise ValueError(f"event: must be one of {', '.join(EventType)}; {it.event!r} is not")


@_about("urls")
def _urls_lead_somewhere(it: Any) -> None:
    if not any(map(trimmed, it.urls)):
        raise ValueError("urls: must hold at least one URL that is not blank")
    if "" in it.urls:
        raise ValueError("urls: must not hold empty text")


@_about("trigger_words")
def _trigger_words_are_words(it: Any) -> None:
    if "" in it.trigger_words:
        raise ValueError("trigger_words: must not hold empty text")


@_about("event", "target_room")
def _new_users_need_a_target_room(it: Any) -> None:
    if it.event is EventType.USER_CREATED and not trimmed(it.target_room or ""):
        raise ValueError("target_room: must name a room for the event userCreated")


@_about("token")
def _token_is_one(it: Any) -> None:
    if it.token is not None and not trimmed(it.token):
        raise ValueError("token: must not be blank; leave it out to have none")


@_about("retry_count")
def _retry_count_is_a_number(it: Any) -> None:
    if it.retry_count is not None and type(it.retry_count) is not int:
        raise TypeError(f"retry_count: must be a whole number or None, not {_kind(it.retry_count)}")
    if it.retry_count is not None and abs(it.retry_count) > _MOST_EXACT:
        raise ValueError(f"retry_count: must not be beyond {_MOST_EXACT}, up to which the server counts exactly")


@_about("retry_count", "retry_failed_calls")
def _retries_are_counted(it: Any) -> None:
    if it.retry_failed_calls and it.retry_count is not None and it.retry_count < 1:
        raise ValueError(f"retry_count: must be at least 1 with retry_failed_calls, not {it.retry_count}")


@_about("retry_delay")
def _retry_delay_is_known(it: Any) -> None:
    if it.retry_delay is not None and not isinstance(it.retry_delay, str):
        raise TypeError(f"retry_delay: must be text or None, not {_kind(it.retry_delay)}")
    if it.retry_delay is not None and not isinstance(it.retry_delay, RetryDelay):
        raise ValueError(f"retry_delay: must be one of {', '.join(RetryDelay)} or None; {it.retry_delay!r} is not")


_COMMON_RULES = (
    _is_text("name", optional=False),
    _is_text("username", optional=False),
    _is_bool("enabled"),
    _is_bool("script_enabled"),
    *(_is_text(field, optional=True) for field in ("script", "alias", "avatar", "emoji", "script_engine")),
    _is_bool("skip_transpile", optional=True),
    _all_encodable("channel"),
    _username_names_somebody,
    _script_engine_is_known,
)
_INCOMING_RULES = (
    *_COMMON_RULES,
    _is_bool("override_destination_channel_enabled"),
    _incoming_channel_is_reachable,
)
_OUTGOING_RULES = (
    *_COMMON_RULES,
    *(_is_text(field, optional=True) for field in ("target_room", "token")),
    *(_is_bool(field) for field in ("trigger_word_anywhere", "run_on_edits", "impersonate_user", "retry_failed_calls")),
    _all_encodable("urls"),
    _all_encodable("trigger_words"),
    _event_is_known,
    _outgoing_channel_is_reachable,
    _urls_lead_somewhere,
    _trigger_words_are_words,
    _new_users_need_a_target_room,
    _token_is_one,
    _retry_count_is_a_number,
    _retries_are_counted,
    _retry_delay_is_known,
)


def validate(definition: IntegrationDefinition, fields: Iterable[str] | None = None) -> None:
    """Hold a definition against the rules that concern these fields (None: all of them).

    Raises:
        TypeError: if a field has a value of the wrong type.
        ValueError: if a field has a value that is not allowed. Both name the field.
    """
    rules = _INCOMING_RULES if definition.type is IntegrationType.INCOMING else _OUTGOING_RULES
    concerned = None if fields is None else frozenset(fields)
    for rule in rules:
        if concerned is None or not concerned.isdisjoint(rule.fields):
            rule.check(definition)


@attrs.frozen
class _Definition:
    """What both kinds of integrations have."""

    name: str
    """How the integration is called in the administration. It may be empty and need not be unique."""

    username: str = attrs.field(kw_only=True)
    """The user that it posts as: an existing one, often ``"rocket.cat"``. Servers of 6.x keep the first one of
    an incoming integration, whatever an update says."""

    enabled: bool = attrs.field(default=True, kw_only=True)
    """Whether it works at all. A disabled webhook answers 503."""

    alias: str | None = attrs.field(default=None, kw_only=True)
    """A name to show instead of the user's. ``""`` and None mean none."""

    avatar: str | None = attrs.field(default=None, kw_only=True)
    """The URL of a picture to show instead of the user's; beats ``emoji``. ``""`` and None mean none."""

    emoji: str | None = attrs.field(default=None, kw_only=True)
    """An emoji to show as the picture, such as ``":robot:"``. ``""`` and None mean none."""

    script_enabled: bool = attrs.field(default=False, kw_only=True)
    """Whether ``script`` is run. An incoming integration without a script is always stored as False by ``update``."""

    script: str | None = attrs.field(default=None, kw_only=True, repr=_measured)
    """JavaScript that the server runs on what comes in or goes out: text that defines ``class Script``. One that does
    not compile is stored, with ``script_error`` in the record, and is not run."""

    script_engine: str | None = attrs.field(default=None, kw_only=True)
    """``"isolated-vm"``, or None for what the server has."""

    skip_transpile: bool | None = attrs.field(default=None, kw_only=True)
    """Run the script as it is, without Babel. None for what the server has. Server 8.4 to 8.x; older ones refuse it."""


@sealed_init
@attrs.frozen
class IncomingIntegration(_Definition):
    """The definition of an incoming webhook: a program posts into rooms."""

    type: ClassVar[Literal[IntegrationType.INCOMING]] = IntegrationType.INCOMING
    """Always :attr:`IntegrationType.INCOMING`."""

    channel: tuple[str, ...] = attrs.field(kw_only=True, converter=_channel)
    """Where it posts: ``"#room"`` or ``"@user"``, by name or id, at least one. Text is split at commas."""

    override_destination_channel_enabled: bool = attrs.field(default=False, kw_only=True)
    """Whether a message may name another channel (any: even the configured one counts as another)."""

    def __attrs_post_init__(self) -> None:
        validate(self)


@sealed_init
@attrs.frozen
class OutgoingIntegration(_Definition):
    """The definition of an outgoing webhook: Rocket.Chat calls a program."""

    type: ClassVar[Literal[IntegrationType.OUTGOING]] = IntegrationType.OUTGOING
    """Always :attr:`IntegrationType.OUTGOING`."""

    event: EventType | str = attrs.field(kw_only=True, converter=event_or_text)
    """What it waits for: one of :class:`EventType`. In a record, an event that this version does not know is
    kept as its text."""

    urls: tuple[str, ...] = attrs.field(kw_only=True, converter=_urls)
    """Where Rocket.Chat posts to, one after the other; at least one. Text is one URL."""

    channel: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_outgoing_channel)
    """Where it listens: ``"#room"``, ``"@user"``, ``"all_public_channels"``, ``"all_private_groups"``,
    ``"all_direct_messages"``. Left out: every public channel. Text is split at commas. Not used by the events
    ``roomArchived``, ``roomCreated`` and ``userCreated``."""

    trigger_words: tuple[str, ...] = attrs.field(default=(), kw_only=True, converter=_trigger_words)
    """What a message has to start with (case-sensitive: ``"!a"`` fires on ``"!abc"``); none: every message. Text is
    split at commas. Only stored for the event ``sendMessage``."""

    trigger_word_anywhere: bool = attrs.field(default=False, kw_only=True)
    """Whether a trigger word may stand anywhere in the message."""

    target_room: str | None = attrs.field(default=None, kw_only=True)
    """Where replies are posted instead of the room that fired; needed by ``userCreated``. ``""`` and None mean none."""

    token: str | None = attrs.field(default=None, kw_only=True, repr=mask)
    """What Rocket.Chat sends along to prove that it is the caller: the only proof there is. Without one, the first
    update makes one, since the server then wants it. Never shown in a repr."""

    run_on_edits: bool = attrs.field(default=False, kw_only=True)
    """Whether an edited message fires again."""

    impersonate_user: bool = attrs.field(default=False, kw_only=True)
    """Whether a reply is posted as the user whose message fired."""

    retry_failed_calls: bool = attrs.field(default=False, kw_only=True)
    """Whether Rocket.Chat calls again when the program answers with a failure."""

    retry_count: int | None = attrs.field(default=None, kw_only=True)
    """How often it calls again, at least 1. None: 4."""

    retry_delay: RetryDelay | str | None = attrs.field(default=None, kw_only=True, converter=retry_delay_or_text)
    """How long it waits before: one of :class:`RetryDelay`. None: ``powers-of-ten``."""

    def __attrs_post_init__(self) -> None:
        validate(self)


@attrs.frozen
class UserReference:
    """A user as a record names them."""

    id: str | None = None
    """The user's id; None where the server has none."""

    username: str | None = None
    """The user's name at that time; None where the server has none."""


@attrs.frozen
class ScriptError:
    """Why a script did not compile."""

    name: str | None = None
    """The class of the JavaScript error, such as ``"SyntaxError"``."""

    message: str | None = None
    """What it says."""

    stack: str | None = attrs.field(default=None, repr=_measured)
    """Where it happened."""


_D = TypeVar("_D", bound=_Definition)


def _plain(kind: type[_D], record: _D) -> _D:
    """The definition in a record, not judged: what the server holds is taken as it is."""
    definition = object.__new__(kind)
    for field in attrs.fields(kind):
        object.__setattr__(definition, field.name, getattr(record, field.name))
    return definition


@sealed_init
@attrs.frozen
class IncomingIntegrationRecord(IncomingIntegration):
    """An incoming integration as the server holds it."""

    id: str = attrs.field(kw_only=True)
    """The server's id (``_id``): never changes."""

    token: str | None = attrs.field(default=None, kw_only=True, repr=mask)
    """The secret half of the webhook's address, made by the server. Never shown in a repr."""

    user_id: str | None = attrs.field(default=None, kw_only=True)
    """The id of the user that it posts as."""

    created_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it was created, in UTC."""

    created_by: UserReference = attrs.field(factory=UserReference, kw_only=True)
    """Who created it. Never None; its fields are None where the server has none."""

    updated_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it last changed, in UTC. Missing in the answer to create before 8.x."""

    updated_by: UserReference | None = attrs.field(default=None, kw_only=True)
    """Who last updated it; None if nobody did."""

    script_compiled: str | None = attrs.field(default=None, kw_only=True, repr=_measured)
    """What the server made of the script: this is what runs."""

    script_error: ScriptError | None = attrs.field(default=None, kw_only=True)
    """Why the script did not compile; None if it did or there is none."""

    extra: Mapping[str, object] = attrs.field(factory=_nothing_more, kw_only=True, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names. Outside the hash; a repr shows their
    names only."""

    def __attrs_post_init__(self) -> None:
        """Records are not judged."""

    @property
    def definition(self) -> IncomingIntegration:
        """The plain definition, as the server holds it: to create the same elsewhere, say."""
        return _plain(IncomingIntegration, self)


@sealed_init
@attrs.frozen
class OutgoingIntegrationRecord(OutgoingIntegration):
    """An outgoing integration as the server holds it."""

    id: str = attrs.field(kw_only=True)
    """The server's id (``_id``): never changes."""

    user_id: str | None = attrs.field(default=None, kw_only=True)
    """The id of the user that it posts as."""

    created_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it was created, in UTC."""

    created_by: UserReference = attrs.field(factory=UserReference, kw_only=True)
    """Who created it. Never None; its fields are None where the server has none."""

    updated_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it last changed, in UTC. Missing in the answer to create before 8.x."""

    updated_by: UserReference | None = attrs.field(default=None, kw_only=True)
    """Who last updated it; None if nobody did."""

    script_compiled: str | None = attrs.field(default=None, kw_only=True, repr=_measured)
    """What the server made of the script: this is what runs."""

    script_error: ScriptError | None = attrs.field(default=None, kw_only=True)
    """Why the script did not compile; None if it did or there is none."""

    extra: Mapping[str, object] = attrs.field(factory=_nothing_more, kw_only=True, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names. Outside the hash; a repr shows their
    names only."""

    def __attrs_post_init__(self) -> None:
        """Records are not judged."""

    @property
    def definition(self) -> OutgoingIntegration:
        """The plain definition, as the server holds it: to create the same elsewhere, say."""
        return _plain(OutgoingIntegration, self)


IntegrationDefinition: TypeAlias = IncomingIntegration | OutgoingIntegration
"""Either definition (a record is one, too)."""

IntegrationRecord: TypeAlias = IncomingIntegrationRecord | OutgoingIntegrationRecord
"""Either record; ``record.type is IntegrationType.INCOMING`` tells which."""


@attrs.frozen
class HistoryEntry:
    """One call of an outgoing integration: one URL, one try. Servers keep them for 30 days.

    ``integration`` and ``http_call_data`` contain the integration's token; no repr shows them.
    """

    id: str = attrs.field(kw_only=True)
    """The id of this entry, as ``replay_outgoing`` wants it."""

    type: str | None = attrs.field(default=None, kw_only=True)
    """``"outgoing-webhook"``."""

    step: str | None = attrs.field(default=None, kw_only=True)
    """How far the call came, such as ``"url-response-sent-message"``."""

    event: EventType | str | None = attrs.field(
        default=None, kw_only=True, converter=attrs.converters.optional(event_or_text)
    )
    """What fired. An event that this version does not know is kept as its text."""

    created_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When the call began, in UTC."""

    updated_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When this entry last changed, in UTC."""

    url: str | None = attrs.field(default=None, kw_only=True)
    """The URL that was called."""

    trigger_word: str | None = attrs.field(default=None, kw_only=True)
    """The trigger word that fired, if one did."""

    finished: bool = attrs.field(default=False, kw_only=True)
    """Whether the reply was dealt with to the end: a message was posted."""

    error: bool = attrs.field(default=False, kw_only=True)
    """Whether the call failed."""

    error_stack: object = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """Where the server's own code or the script failed."""

    http_result: str | None = attrs.field(default=None, kw_only=True, repr=_measured)
    """The text of the reply, written as JSON text."""

    http_error: object = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """How the call failed."""

    data: Mapping[str, object] | None = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """What fired, as the server keeps it: usually empty, so that a replay sends little more than the token."""

    integration: Mapping[str, object] | None = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """The integration at that time, as the server stores it, its token included."""

    http_call_data: Mapping[str, object] | None = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """What was sent, the token included."""

    ran_prepare_script: bool = attrs.field(default=False, kw_only=True)
    """Whether the script's ``prepare_outgoing_request`` was run."""

    prepare_sent_message: object = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """What that step of the script posted."""

    process_sent_message: object = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """What ``process_outgoing_response`` posted."""

    result_message: object = attrs.field(default=None, kw_only=True, repr=False, hash=False)
    """What the reply posted."""

    extra: Mapping[str, object] = attrs.field(factory=_nothing_more, kw_only=True, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names."""


@attrs.frozen(repr=False)
class Change:
    """One field in which a record differs from what is wanted. A token's values are not shown, nor pickled."""

    field: str
    """The name of the field, such as ``"channel"``."""

    old: object
    """What the server has."""

    new: object
    """What is wanted, in settled form."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Changes travel in exceptions and reports; a token stays behind.
        values = (None, None) if self.field == "token" else (self.old, self.new)
        return Change, (self.field, *values)

    def __repr__(self) -> str:
        show = {"token": mask, "script": _measured}.get(self.field, repr)
        return f"Change({self.field}: {show(self.old)} -> {show(self.new)})"
