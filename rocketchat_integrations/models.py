"""Definitions and records of integrations, the history of their calls, and their enums.

*Definitions* (:class:`IncomingIntegration`, :class:`OutgoingIntegration`) say what an
integration should be. They are checked when they are made: a wrong value raises
``ValueError`` or ``TypeError`` with the name of the field and what is allowed. Every
value that the server stores unchanged is allowed, except these:

- an outgoing ``channel`` of only commas and blanks: the integration would listen in
  every public channel (leave ``channel`` out to mean that);
- a comma in one element of ``channel``: it would become two channels;
- a ``retry_delay`` other than the three: the server stops retrying when it uses one;
- a ``retry_count`` that is not an ``int``: the server drops the fraction when retries
  are enabled;
- a ``retry_count`` below 1 with retries enabled: the server makes it 4;
- a ``retry_count`` beyond ``2**53 - 1``: the server stores a number near it;
- a blank ``token``: the server then refuses every update;
- a blank ``target_room`` for ``userCreated``: there would be no room to post to;
- another ``script_engine``: servers that accept the field have no other engine;
- None for a flag or for trigger words: the server stores null, which means False or
  none, so write that;
- text with a lone surrogate: the server stores other text.

*Records* (:class:`IncomingIntegrationRecord`, :class:`OutgoingIntegrationRecord`) are
what the server holds. They are not checked: an old record may have an event or a
channel that would be refused today, and keeps it, also through ``attrs.evolve``.

All of them are frozen, and can be compared, hashed, copied and pickled. No repr shows a
token or the text of a script; the pickle of a definition or a record contains its token.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar

import attrs

from ._call_outcomes import CallOutcome as CallOutcome, outcome_of
from ._redaction import mask, mask_url
from ._validation import EVERYWHERE as EVERYWHERE, Problem, problems, trimmed

_Class = TypeVar("_Class", bound=type)


class IntegrationType(enum.StrEnum):
    """The two types of integrations. ``IntegrationType("incoming")`` is the same as ``IntegrationType.INCOMING``."""

    INCOMING = "webhook-incoming"
    """A program posts to Rocket.Chat."""

    OUTGOING = "webhook-outgoing"
    """Rocket.Chat posts to a program."""

    @classmethod
    def _missing_(cls, value: object) -> IntegrationType | None:
        """Return the member for ``"incoming"`` or ``"outgoing"``, the words of the command line."""
        return next((member for member in cls if member.name.lower() == value), None)


TypeWord: TypeAlias = Literal["incoming", "outgoing"]
"""A type of integrations as text, where an argument asks for a type."""


class EventType(enum.StrEnum):
    """The events for which Rocket.Chat calls an outgoing integration."""

    SEND_MESSAGE = "sendMessage"
    """A message is sent: in one of the channels and with one of the trigger words, if there are any."""

    FILE_UPLOADED = "fileUploaded"
    """A file is uploaded in one of the channels."""

    ROOM_ARCHIVED = "roomArchived"
    """A room is archived. Uses no channel; needs the permission ``manage-outgoing-integrations``."""

    ROOM_CREATED = "roomCreated"
    """A room is created. Uses no channel; needs the permission ``manage-outgoing-integrations``."""

    ROOM_JOINED = "roomJoined"
    """A user joins one of the channels."""

    ROOM_LEFT = "roomLeft"
    """A user leaves one of the channels."""

    USER_CREATED = "userCreated"
    """A user is created. Uses no channel, requires a ``target_room``; needs the permission
    ``manage-outgoing-integrations``."""

    @property
    def uses_channel(self) -> bool:
        """Whether integrations of this event listen in channels. For the others the server stores none."""
        return self not in _EVENTS_WITHOUT_CHANNEL


_EVENTS_WITHOUT_CHANNEL = frozenset({EventType.ROOM_ARCHIVED, EventType.ROOM_CREATED, EventType.USER_CREATED})


class RetryDelay(enum.StrEnum):
    """How long Rocket.Chat waits before it calls a failing URL again."""

    POWERS_OF_TEN = "powers-of-ten"
    """0.1 s, 1 s, 10 s, 100 s and so on: the server's default."""

    POWERS_OF_TWO = "powers-of-two"
    """2 s, 4 s, 8 s and so on."""

    INCREMENTS_OF_TWO = "increments-of-two"
    """2 s, 4 s, 6 s and so on."""


SCRIPT_ENGINE = "isolated-vm"
"""The only engine in which current servers run scripts."""

_EVENTS: Mapping[str, EventType] = {event.value: event for event in EventType}
_RETRY_DELAYS: Mapping[str, RetryDelay] = {delay.value: delay for delay in RetryDelay}


def event_or_text(value: EventType | str) -> EventType | str:
    """Return the member of :class:`EventType` for a known event, and any other value unchanged."""
    return _EVENTS.get(value, value) if isinstance(value, str) else value


def retry_delay_or_text(value: RetryDelay | str | None) -> RetryDelay | str | None:
    """Return the member of :class:`RetryDelay` for a known delay, and any other value unchanged."""
    return _RETRY_DELAYS.get(value, value) if isinstance(value, str) else value


# Converters leave a value of a wrong type as it is: a rule reports it.


def _split(text: str) -> tuple[str, ...]:
    return tuple(trimmed(part) for part in text.split(","))


def _elements(value: Iterable[str]) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, Iterable) else value


def _channel(value: str | Iterable[str]) -> tuple[str, ...]:
    return _split(value) if isinstance(value, str) else _elements(value)


def _outgoing_channel(value: str | Iterable[str]) -> tuple[str, ...]:
    parts = _channel(value)
    # Drop empty parts, but not all of them: no channel would mean every public one.
    return tuple(filter(None, parts)) or parts if isinstance(value, str) else parts


def _trigger_words(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(filter(None, _split(value))) if isinstance(value, str) else _elements(value)


def _urls(value: str | Iterable[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else _elements(value)


# Reprs of values that are secret or long.


def _length(value: object) -> str:
    return f"<{len(value)} characters>" if isinstance(value, str) else repr(value)


def _names(value: Mapping[str, object]) -> str:
    return f"<{', '.join(value)}>"


def _no_extra() -> dict[str, object]:
    return {}


def validate(definition: IntegrationDefinition, fields: Iterable[str] | None = None) -> None:
    """Raise the first of the :func:`problems` of a definition or record, as a TypeError or ValueError."""
    for problem in problems(definition, fields):
        raise problem.exception()


def _guarded(cls: _Class, find_problems: Callable[[Any], Iterable[Problem]]) -> _Class:
    """Raise the first problem of each new object, without the frame of the constructor: that holds the token."""
    target: Any = cls  # type checkers refuse to replace a constructor
    construct: Callable[..., None] = target.__init__

    @functools.wraps(construct)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        failure: Exception | None
        try:
            construct(self, *args, **kwargs)
            failure = next((problem.exception() for problem in find_problems(self)), None)
        except Exception as error:  # arguments that do not fit, an iterable that raises, or a bug
            failure = error.with_traceback(_below_constructor(error.__traceback__))
        del self, args, kwargs  # this frame stays in the traceback
        if failure is not None:
            try:
                raise failure
            finally:
                del failure

    target.__init__ = init
    return cls


def _below_constructor(traceback: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of the guard and of the constructor that attrs generates."""
    frames = traceback and traceback.tb_next
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith("<attrs generated"):
        frames = frames.tb_next
    return frames


def _validated(cls: _Class) -> _Class:
    """Check each new definition."""
    return _guarded(cls, lambda definition: problems(definition))


def _not_validated(cls: _Class) -> _Class:
    """Check nothing: a record is what the server holds."""
    return _guarded(cls, lambda record: ())


@attrs.frozen
class Definition:
    """The fields that both types of integrations have: the base class of definitions and records.

    Make an :class:`IncomingIntegration` or an :class:`OutgoingIntegration` instead. The metadata ``help`` of a field
    is its description in the JSON Schema of manifests and on the command line; ``choices`` are its allowed values.
    """

    name: str = attrs.field(metadata={"help": "Name of the integration in the administration."})
    """Name of the integration in the administration. It may be empty and need not be unique."""

    username: str = attrs.field(
        kw_only=True, metadata={"help": "User that the integration posts as, often rocket.cat."}
    )
    """User that the integration posts as: an existing one, often ``"rocket.cat"``. Servers 6.x keep the first one of
    an incoming integration, whatever an update says."""

    enabled: bool = attrs.field(default=True, kw_only=True, metadata={"help": "Whether the integration works."})
    """Whether the integration works. A disabled webhook answers 503."""

    alias: str | None = attrs.field(
        default=None, kw_only=True, metadata={"help": "Name to show instead of the user's."}
    )
    """Name to show instead of the user's. ``""`` and None mean none."""

    avatar: str | None = attrs.field(
        default=None, kw_only=True, metadata={"help": "URL of a picture to show; takes precedence over the emoji."}
    )
    """URL of a picture to show; takes precedence over ``emoji``. ``""`` and None mean none."""

    emoji: str | None = attrs.field(
        default=None, kw_only=True, metadata={"help": "Emoji to show as the picture, such as :robot:."}
    )
    """Emoji to show as the picture, such as ``":robot:"``. ``""`` and None mean none."""

    script_enabled: bool = attrs.field(default=False, kw_only=True, metadata={"help": "Whether the script runs."})
    """Whether ``script`` runs. ``update`` always stores False for an incoming integration without a script."""

    script: str | None = attrs.field(
        default=None, kw_only=True, repr=_length, metadata={"help": "JavaScript that the server runs."}
    )
    """JavaScript that the server runs on what comes in or goes out: text that defines ``class Script``. A script that
    does not compile is stored, with ``script_error`` in the record, and does not run."""

    script_engine: str | None = attrs.field(
        default=None,
        kw_only=True,
        metadata={"help": "Engine that runs the script; by default the server's.", "choices": (SCRIPT_ENGINE,)},
    )
    """Engine that runs the script: ``"isolated-vm"``, or None for what the server has."""

    skip_transpile: bool | None = attrs.field(
        default=None,
        kw_only=True,
        metadata={"help": "Whether the script runs without Babel (8.4 to 8.x); by default what the server has."},
    )
    """Whether the script runs without Babel. None for what the server has. Works on servers 8.4 to 8.x. Older ones
    always use Babel, and 9.0 never does: where the server refuses the field, the client leaves it out, and the record
    has None."""


@_validated
@attrs.frozen
class IncomingIntegration(Definition):
    """The definition of an incoming webhook: a program posts into rooms."""

    type: ClassVar[Literal[IntegrationType.INCOMING]] = IntegrationType.INCOMING
    """Always :attr:`IntegrationType.INCOMING`."""

    channel: tuple[str, ...] = attrs.field(
        kw_only=True,
        converter=_channel,
        metadata={"help": "Rooms or users that an incoming webhook posts to: #room or @user."},
    )
    """Rooms or users to post to: ``"#room"`` or ``"@user"``, by name or id, at least one. Text is split at commas."""

    override_destination_channel_enabled: bool = attrs.field(
        default=False, kw_only=True, metadata={"help": "Whether a message may name another channel."}
    )
    """Whether a message may name another channel (even the configured one counts as another)."""


@_validated
@attrs.frozen
class OutgoingIntegration(Definition):
    """The definition of an outgoing webhook: Rocket.Chat calls a program."""

    type: ClassVar[Literal[IntegrationType.OUTGOING]] = IntegrationType.OUTGOING
    """Always :attr:`IntegrationType.OUTGOING`."""

    event: EventType | str = attrs.field(
        kw_only=True,
        converter=event_or_text,
        metadata={"help": "Event for which Rocket.Chat calls.", "choices": tuple(EventType)},
    )
    """Event for which Rocket.Chat calls: one of :class:`EventType`. A record keeps an event that this version does
    not know as its text."""

    urls: tuple[str, ...] = attrs.field(
        kw_only=True, converter=_urls, metadata={"help": "URLs that Rocket.Chat posts to."}
    )
    """URLs that Rocket.Chat posts to, at least one. Servers 6.x call them one after the other, later ones all at once.
    Text is one URL."""

    channel: tuple[str, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_outgoing_channel,
        metadata={
            "help": f"Channels that an outgoing webhook listens in: #room, @user, {', '.join(EVERYWHERE)}; "
            "by default every public channel."
        },
    )
    """Channels to listen in: ``"#room"``, ``"@user"``, ``"all_public_channels"``, ``"all_private_groups"``,
    ``"all_direct_messages"``. Left out: every public channel. Text is split at commas. Not used by the events
    ``roomArchived``, ``roomCreated`` and ``userCreated``."""

    trigger_words: tuple[str, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=_trigger_words,
        metadata={"help": "Trigger words: a message must start with one of them. By default every message triggers."},
    )
    """Trigger words: a message must start with one of them. By default every message triggers. Case-sensitive:
    ``"!a"`` triggers on ``"!abc"``. Text is split at commas. Only stored for the event ``sendMessage``."""

    trigger_word_anywhere: bool = attrs.field(
        default=False, kw_only=True, metadata={"help": "Whether a trigger word may be anywhere in the message."}
    )
    """Whether a trigger word may be anywhere in the message."""

    target_room: str | None = attrs.field(
        default=None,
        kw_only=True,
        metadata={
            "help": "Room to post replies to instead of the one that triggered; required by the event userCreated."
        },
    )
    """Room to post replies to instead of the one that triggered; required by the event ``userCreated``. ``""`` and
    None mean none."""

    token: str | None = attrs.field(
        default=None,
        kw_only=True,
        repr=mask,
        metadata={"help": "Token that proves to the program that Rocket.Chat is the caller."},
    )
    """Token that proves to the program that Rocket.Chat is the caller: the only proof there is. Without one, the first
    update generates one, since the server then requires it. Never shown in a repr."""

    run_on_edits: bool = attrs.field(
        default=False, kw_only=True, metadata={"help": "Whether an edited message triggers again."}
    )
    """Whether an edited message triggers again."""

    impersonate_user: bool = attrs.field(
        default=False,
        kw_only=True,
        metadata={
            "help": "Whether a reply is posted as the user that its user_name names (8.x), or as the user "
            "who triggered it (6.x)."
        },
    )
    """Whether replies are posted as another user. Servers 6.x post them as the user who triggered the call. Servers 8.x
    do not look at that user: they post a reply as the user whom the reply itself names in ``user_name``, and as
    ``username`` if it names none."""

    retry_failed_calls: bool = attrs.field(
        default=False, kw_only=True, metadata={"help": "Whether Rocket.Chat retries a failed call."}
    )
    """Whether Rocket.Chat retries a call that the program answers with a failure."""

    retry_count: int | None = attrs.field(
        default=None, kw_only=True, metadata={"help": "Number of retries, at least 1; by default 4."}
    )
    """Number of retries, at least 1. None: 4."""

    retry_delay: RetryDelay | str | None = attrs.field(
        default=None,
        kw_only=True,
        converter=retry_delay_or_text,
        metadata={"help": "Delay between retries; by default powers-of-ten.", "choices": tuple(RetryDelay)},
    )
    """Delay between retries: one of :class:`RetryDelay`. None: ``powers-of-ten``."""


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
    """The message of the error."""

    stack: str | None = attrs.field(default=None, repr=_length)
    """The stack trace."""


_D = TypeVar("_D", bound=Definition)


def unchecked(kind: type[_D], values: Mapping[str, Any]) -> _D:
    """Make a definition from values, which are converted and not checked. Other fields get their defaults.

    A required field without a value is ``attrs.NOTHING``.
    """
    definition = object.__new__(kind)
    for field in attrs.fields(kind):
        value = values.get(field.name, field.default)
        object.__setattr__(definition, field.name, field.converter(value) if field.converter else value)
    return definition


# Both records repeat the fields that the server adds: a class cannot inherit from two bases with slots.


@_not_validated
@attrs.frozen
class IncomingIntegrationRecord(IncomingIntegration):
    """An incoming integration as the server holds it."""

    id: str = attrs.field(kw_only=True)
    """The server's id (``_id``), which never changes."""

    token: str | None = attrs.field(default=None, kw_only=True, repr=mask)
    """The secret half of the webhook's address, generated by the server. Never shown in a repr."""

    user_id: str | None = attrs.field(default=None, kw_only=True)
    """The id of the user that it posts as."""

    created_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it was created, in UTC."""

    created_by: UserReference = attrs.field(factory=UserReference, kw_only=True)
    """Who created it. Never None; its fields are None where the server has none."""

    updated_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it last changed, in UTC. Missing in the answer to create before 8.x."""

    updated_by: UserReference | None = attrs.field(default=None, kw_only=True)
    """Who last updated it; None before the first update."""

    script_compiled: str | None = attrs.field(default=None, kw_only=True, repr=_length)
    """The compiled script, which is what runs."""

    script_error: ScriptError | None = attrs.field(default=None, kw_only=True)
    """Why the script did not compile; None if it did or there is none."""

    extra: Mapping[str, object] = attrs.field(factory=_no_extra, kw_only=True, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names. Excluded from the hash; a repr shows only
    their names."""

    @property
    def definition(self) -> IncomingIntegration:
        """The plain definition, for example to create the same integration elsewhere. Not checked."""
        return unchecked(IncomingIntegration, attrs.asdict(self, recurse=False))


@_not_validated
@attrs.frozen
class OutgoingIntegrationRecord(OutgoingIntegration):
    """An outgoing integration as the server holds it."""

    id: str = attrs.field(kw_only=True)
    """The server's id (``_id``), which never changes."""

    user_id: str | None = attrs.field(default=None, kw_only=True)
    """The id of the user that it posts as."""

    created_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it was created, in UTC."""

    created_by: UserReference = attrs.field(factory=UserReference, kw_only=True)
    """Who created it. Never None; its fields are None where the server has none."""

    updated_at: datetime | None = attrs.field(default=None, kw_only=True)
    """When it last changed, in UTC. Missing in the answer to create before 8.x."""

    updated_by: UserReference | None = attrs.field(default=None, kw_only=True)
    """Who last updated it; None before the first update."""

    script_compiled: str | None = attrs.field(default=None, kw_only=True, repr=_length)
    """The compiled script, which is what runs."""

    script_error: ScriptError | None = attrs.field(default=None, kw_only=True)
    """Why the script did not compile; None if it did or there is none."""

    extra: Mapping[str, object] = attrs.field(factory=_no_extra, kw_only=True, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names. Excluded from the hash; a repr shows only
    their names."""

    @property
    def definition(self) -> OutgoingIntegration:
        """The plain definition, for example to create the same integration elsewhere. Not checked."""
        return unchecked(OutgoingIntegration, attrs.asdict(self, recurse=False))


IntegrationDefinition: TypeAlias = IncomingIntegration | OutgoingIntegration
"""Either definition; a record is one, too."""

IntegrationRecord: TypeAlias = IncomingIntegrationRecord | OutgoingIntegrationRecord
"""Either record; ``record.type is IntegrationType.INCOMING`` tells which."""


@attrs.frozen(kw_only=True)
class HistoryEntry:
    """One call of an outgoing integration: one URL, one try. Servers keep entries for 30 days.

    ``integration`` and ``http_call_data`` contain the integration's token; no repr shows them.
    """

    id: str
    """The id of this entry, for ``replay_outgoing``."""

    type: str | None = None
    """``"outgoing-webhook"``."""

    step: str | None = None
    """The last step that the call reached, such as ``"url-response-sent-message"``."""

    event: EventType | str | None = attrs.field(default=None, converter=attrs.converters.optional(event_or_text))
    """The event that triggered. An event that this version does not know is kept as its text."""

    created_at: datetime | None = None
    """When the call began, in UTC."""

    updated_at: datetime | None = None
    """When this entry last changed, in UTC."""

    url: str | None = attrs.field(default=None, repr=mask_url)
    """The URL that was called. A repr shows only its host: user, path and query may contain secrets."""

    trigger_word: str | None = None
    """The trigger word that matched; None if there was none."""

    finished: bool = False
    """Whether the reply was processed completely: a message was posted."""

    error: bool = False
    """Whether the server noted a failure. It notes none where no reply arrived: use ``outcome``."""

    error_stack: object = attrs.field(default=None, repr=False, hash=False)
    """Where the server's code or the script failed."""

    http_result: str | None = attrs.field(default=None, repr=_length)
    """The text of the reply, written as JSON text."""

    http_error: object = attrs.field(default=None, repr=False, hash=False)
    """How the call failed."""

    data: Mapping[str, object] | None = attrs.field(default=None, repr=False, hash=False)
    """The event that triggered the call, as the server stores it: usually empty, so that a replay sends little more
    than the token."""

    integration: Mapping[str, object] | None = attrs.field(default=None, repr=False, hash=False)
    """The integration at that time, as the server stores it, including its token."""

    http_call_data: Mapping[str, object] | None = attrs.field(default=None, repr=False, hash=False)
    """The data that was sent, including the token."""

    ran_prepare_script: bool = False
    """Whether the script's ``prepare_outgoing_request`` ran."""

    prepare_sent_message: object = attrs.field(default=None, repr=False, hash=False)
    """The messages that ``prepare_outgoing_request`` posted."""

    process_sent_message: object = attrs.field(default=None, repr=False, hash=False)
    """The messages that ``process_outgoing_response`` posted."""

    result_message: object = attrs.field(default=None, repr=False, hash=False)
    """The messages that the reply posted."""

    extra: Mapping[str, object] = attrs.field(factory=_no_extra, hash=False, repr=_names)
    """The fields that this version does not know, under the server's names."""

    @property
    def outcome(self) -> CallOutcome:
        """How the call ended."""
        return outcome_of(self)[0]

    @property
    def reason(self) -> str | None:
        """Why it ended so, in one line for people; None if there is nothing to add.

        It may quote the reply or the URL, and so a token.
        """
        return outcome_of(self)[1]


@attrs.frozen(repr=False)
class Change:
    """A field in which a record differs from a definition. A token's values are neither shown nor pickled."""

    field: str
    """The name of the field, such as ``"channel"``."""

    old: object
    """The value on the server."""

    new: object
    """The wanted value, in normalized form."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions and reports carry changes to other processes; a token must not go along.
        values = (None, None) if self.field == "token" else (self.old, self.new)
        return Change, (self.field, *values)

    def __repr__(self) -> str:
        show = {"token": mask, "script": _length}.get(self.field, repr)
        return f"Change({self.field}: {show(self.old)} -> {show(self.new)})"
