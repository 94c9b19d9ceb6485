"""Hypothesis strategies for integrations and messages.

They need the extra ``hypothesis``, and are not imported with the rest of ``rocketchat_integrations.testing``.

*Definitions* are of every kind that can be made, odd ones included: empty and very long
names, white space around channels, scripts that do not compile. *Records* are what a
server may hold, which no rule has checked. No text contains a lone surrogate.

Every function takes strategies by field name, to use instead of its own, since a server
knows only some rooms and users. The other fields are chosen to go with them where that is
possible: ``outgoing_integrations(event=st.just(EventType.USER_CREATED))`` always has a
``target_room``, and ``outgoing_integrations(target_room=st.none())`` is never for
``userCreated``. Values that a definition refuses raise its ``ValueError`` or ``TypeError``
when they are drawn; unknown fields, and values that are not strategies, raise ``TypeError``
at once.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from typing import Any, TypeAlias, TypeVar, overload

import attrs

if find_spec("hypothesis") is None:
    raise ImportError(
        "rocketchat_integrations.testing.strategies needs Hypothesis: pip install 'rocketchat-integrations[hypothesis]'"
    )

from hypothesis import strategies as st

from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.messages import Action, Attachment, AttachmentField, Message
from rocketchat_integrations.models import (
    EVERYWHERE,
    SCRIPT_ENGINE,
    EventType,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RetryDelay,
    ScriptError,
    UserReference,
    validate,
)

__all__ = [
    "attachment_fields",
    "attachments",
    "incoming_integrations",
    "incoming_records",
    "integrations",
    "messages",
    "outgoing_integrations",
    "outgoing_records",
    "records",
    "updates",
]

T = TypeVar("T")
R = TypeVar("R", bound=IntegrationRecord)

_Strategy: TypeAlias = st.SearchStrategy[Any]
_Strategies: TypeAlias = Mapping[str, _Strategy]
_Values: TypeAlias = Mapping[str, Any]
_Table: TypeAlias = Mapping[str, _Strategy | Callable[[_Values], _Strategy]]
"""A strategy for each field, or a function from the fields known so far to a strategy."""


# Drawing objects field by field


def _drawn(draw: st.DrawFn, table: _Table, replaced: _Strategies, kept: _Values) -> _Values:
    """Return a value for each field: first those that are kept and replaced, then others that go with them."""
    values = {**kept, **{name: draw(strategy) for name, strategy in replaced.items()}}
    for name, strategy in table.items():
        if name not in values:
            values[name] = draw(strategy(values) if callable(strategy) else strategy)
    return values


@st.composite
def _built(draw: st.DrawFn, kind: Callable[..., T], table: _Table, replaced: _Strategies) -> T:
    return kind(**_drawn(draw, table, replaced, {}))


# Plain values. Examples shrink to the first alternative

_TEXT = st.text(max_size=20)
_SOME_TEXT = _TEXT.map("x".__add__)
_BLANK = st.sampled_from([" ", "\t", "\u00a0", "\ufeff", " \n "])
_FLAG = st.booleans()
_FLAG_OR_NONE = st.sampled_from([None, False, True])
_LARGEST = 2**53 - 1  # the largest integer that JavaScript represents exactly


@functools.lru_cache(maxsize=None, typed=True)
def _one_of(*values: Any) -> _Strategy:
    """Return a strategy for one of these values. Cached, because some are made while drawing."""
    return st.sampled_from(values)


def _or_none(*texts: str) -> _Strategy:
    """Return a strategy for these texts, any other text, and everything that means no text."""
    return _one_of(None, *texts, "", " ") | _TEXT


def _several(element: _Strategy, *, at_least: int = 0) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(element, min_size=at_least, max_size=3).map(tuple)


def _amid(real: _Strategy, filler: _Strategy) -> st.SearchStrategy[tuple[str, ...]]:
    """Return a strategy for texts of which at least one is real."""

    def arranged(parts: tuple[str, list[str]]) -> tuple[str, ...]:
        one, others = parts
        return (*others[1:], one, *others[:1])

    return st.tuples(real, st.lists(real | filler, max_size=2)).map(arranged)


_NUMBER = st.integers(-_LARGEST, _LARGEST) | st.floats(allow_nan=False, allow_infinity=False)
_SCALAR = st.none() | _FLAG | _NUMBER | _TEXT
_JSON = _SCALAR | st.lists(_SCALAR, max_size=3) | st.dictionaries(_TEXT, _SCALAR, max_size=3)

# With the server's precision of milliseconds.
_TIME = st.integers(0, 10**12).map(
    lambda milliseconds: datetime(2015, 5, 27, tzinfo=UTC) + timedelta(milliseconds=milliseconds)
)

# The characters of the server's ids and tokens; newer ids are hexadecimal.
_LETTERS = "23456789ABCDEFGHJKLMNPQRSTWXYZabcdefghijkmnopqrstuvwxyz"


def _letters(length: int) -> st.SearchStrategy[str]:
    return st.binary(min_size=length, max_size=length).map(
        lambda octets: "".join(_LETTERS[octet % len(_LETTERS)] for octet in octets)
    )


_ID = st.binary(min_size=12, max_size=12).map(bytes.hex) | _letters(17)


# Fields of definitions

_NAME = _one_of("ci", "", " ", "deploy bot", "Überwachung", "監視 🤖", "a, b", "a very long name " * 100) | _TEXT
_USERNAME = _one_of("rocket.cat", "admin", " bot ", "jürgen") | _SOME_TEXT
_ALIAS = _or_none("Deploy Bot", "Dépôt", "alias " * 200)
_AVATAR = _or_none("https://chat.example/picture.png", "/avatar/rocket.cat")
_EMOJI = _or_none(":robot:", "🤖")

_COMPILES = _one_of(
    "class Script {}",
    "class Script {\n  process_incoming_request({ request }) {\n    return { content: { text: 'hi' } };\n  }\n}\n",
    "/* Für { */\nclass Script {}",
    "class Script {" + "\n  // and so on" * 200 + "\n}",
) | _TEXT.map(lambda text: f"class Script {{ text() {{ return {json.dumps(text)}; }} }}")
_DOES_NOT_COMPILE = _one_of("class Script {", "class Script }", "class Other {}") | _TEXT.map("?".__add__)
_SCRIPT = st.none() | _one_of("", " ", "\n\ufeff") | _COMPILES | _DOES_NOT_COMPILE

_PLACE = _one_of("#general", "@alice", "#GENERAL", "@65a3f1c0de65a3f1c0de65a3", "#übersicht", "#") | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters=","), max_size=10
).map("#".__add__)
_PADDED_PLACE = _PLACE | st.builds("{}{}{}".format, _BLANK, _PLACE, _BLANK)
_INCOMING_CHANNEL = _several(_PADDED_PLACE, at_least=1)
_WATCHED = _PADDED_PLACE | _one_of(*EVERYWHERE)
_WATCHED_CHANNEL = st.just(()) | _several(_WATCHED, at_least=1) | _amid(_WATCHED, _one_of("", " ", "\ufeff"))
_UNUSED_CHANNEL = _WATCHED_CHANNEL | _one_of(("general",), ("",), ("", "?", " "))
_EVENTS_WITHOUT_CHANNEL = frozenset(event for event in EventType if not event.uses_channel)

_URL = _one_of(
    "https://bot.example/hook",
    "http://127.0.0.1:8080/?a=b&c",
    "https://bücher.example/ü",
    "no address",
    "https://bot.example/" + "long/" * 200,
) | _TEXT.map("https://bot.example/".__add__)
_WORD = _one_of("!deploy", "!", "straße", "two words", "a,b") | st.text(min_size=1, max_size=10)
_ROOM = _one_of("#general", "@alice", "general", "GENERAL", " #general ") | _SOME_TEXT
_ROOM_OR_NONE = _one_of(None, "", " ") | _ROOM
_OUTGOING_TOKEN = _one_of(None, "token", "t", "a/b=c%d", "%2F?&#", "schlüssel", "t" * 500) | _SOME_TEXT
_COUNT = _one_of(None, 4, 1, _LARGEST) | st.integers(1, _LARGEST)
_UNUSED_COUNT = _COUNT | _one_of(0, -1, -_LARGEST)


# Fields that depend on other fields, as far as these are known

# Valid with any value of the field in question.
_PERMISSIVE = OutgoingIntegrationRecord(
    "", username="rocket.cat", event=EventType.SEND_MESSAGE, urls=(), target_room="#general", id=""
)


def _suiting(known: _Values, others: Iterable[str], field: str, candidates: Iterable[Any]) -> tuple[Any, ...]:
    """Return the values of a field that the rules allow together with the known values of others."""
    record = attrs.evolve(_PERMISSIVE, **{name: known[name] for name in others if name in known})
    return _allowed(record, field, tuple(candidates))


@functools.lru_cache
def _allowed(record: OutgoingIntegrationRecord, field: str, candidates: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(value for value in candidates if _is_allowed(attrs.evolve(record, **{field: value}), field))


def _is_allowed(record: OutgoingIntegrationRecord, field: str) -> bool:
    try:
        validate(record, (field,))
    except ValueError:
        return False
    return True


def _events(known: _Values) -> tuple[EventType, ...]:
    return _suiting(known, ("channel", "target_room"), "event", EventType)


def _event(known: _Values) -> _Strategy:
    # If no event is allowed, making the definition raises and says why.
    return _one_of(*_events(known) or EventType)


def _outgoing_channel(known: _Values) -> _Strategy:
    return _UNUSED_CHANNEL if known["event"] in _EVENTS_WITHOUT_CHANNEL else _WATCHED_CHANNEL


def _target_room(known: _Values) -> _Strategy:
    return _ROOM if known["event"] == EventType.USER_CREATED else _ROOM_OR_NONE


def _retry_failed_calls(known: _Values) -> _Strategy:
    return _one_of(*_suiting(known, ("retry_count",), "retry_failed_calls", (False, True)))


def _retry_count(known: _Values) -> _Strategy:
    return _COUNT if known["retry_failed_calls"] else _UNUSED_COUNT


# The fields of each class, after those that they depend on

_COMMON: _Table = {
    "name": _NAME,
    "username": _USERNAME,
    "enabled": _one_of(True, False),
    "alias": _ALIAS,
    "avatar": _AVATAR,
    "emoji": _EMOJI,
    "script_enabled": _FLAG,
    "script": _SCRIPT,
    "script_engine": _one_of(None, SCRIPT_ENGINE),
    "skip_transpile": _FLAG_OR_NONE,
}
_INCOMING: _Table = {
    **_COMMON,
    "channel": _INCOMING_CHANNEL,
    "override_destination_channel_enabled": _FLAG,
}
_OUTGOING: _Table = {
    **_COMMON,
    "event": _event,
    "urls": _amid(_URL, _BLANK),
    "channel": _outgoing_channel,
    "trigger_words": _several(_WORD | _BLANK),
    "trigger_word_anywhere": _FLAG,
    "target_room": _target_room,
    "token": _OUTGOING_TOKEN,
    "run_on_edits": _FLAG,
    "impersonate_user": _FLAG,
    "retry_failed_calls": _retry_failed_calls,
    "retry_count": _retry_count,
    "retry_delay": _one_of(None, *RetryDelay),
}

_USER = st.builds(UserReference, _one_of(None, "rocket.cat") | _ID, _or_none("rocket.cat", "jürgen"))
_SCRIPT_ERROR = st.builds(
    ScriptError, _or_none("SyntaxError"), _or_none("Unexpected token '}'"), _or_none("SyntaxError\n    at Script:1:1")
)
_UNKNOWN_NAME = _one_of("avatarUrl", "_importIds", "größe") | _TEXT.map("x-".__add__)
# Values that only a server may hold, and fields that only records have.
_HELD: _Table = {
    "username": _USERNAME | _one_of("", " "),
    "script_engine": _one_of(SCRIPT_ENGINE, None, "vm2", "") | _TEXT,
    "id": _ID,
    "user_id": _one_of(None, "rocket.cat") | _ID,
    "created_at": st.none() | _TIME,
    "created_by": _USER,
    "updated_at": st.none() | _TIME,
    "updated_by": st.none() | _USER,
    "script_compiled": st.none() | _COMPILES,
    "script_error": st.none() | _SCRIPT_ERROR,
    "extra": st.dictionaries(_UNKNOWN_NAME, _JSON, max_size=3),
}
_HELD_CHANNEL = _several(_PADDED_PLACE | _one_of("general", "", " ", "#a,#b", *EVERYWHERE) | _TEXT)
_INCOMING_HELD: _Table = {
    **_INCOMING,
    **_HELD,
    "channel": _HELD_CHANNEL,
    "token": _letters(48) | _one_of(None, "a/b=c%d") | _TEXT,
}
_OUTGOING_HELD: _Table = {
    **_OUTGOING,
    **_HELD,
    "event": st.sampled_from(EventType) | _one_of("userLeft", "SENDMESSAGE", "") | _TEXT,
    "urls": _several(_URL | _TEXT),
    "channel": _HELD_CHANNEL,
    "trigger_words": _several(_WORD | _TEXT),
    "target_room": _ROOM_OR_NONE,
    "token": _OUTGOING_TOKEN | _one_of("", " "),
    "retry_failed_calls": _FLAG,
    "retry_count": _UNUSED_COUNT | _one_of(2.5, 2**60),
    "retry_delay": _one_of(None, *RetryDelay, "POWERS-OF-TWO", "fibonacci", "") | _TEXT,
}


# Fields of messages

_URL_SHOWN = _one_of("https://chat.example/picture.png", "https://bücher.example/ü", "data:text/plain,hi")
_LINK = st.none() | _URL_SHOWN
_TIME_SHOWN = (
    _one_of(None, "2024-01-10T14:12:07.739Z", "")
    | _TIME
    | _TIME.map(lambda time: time.replace(tzinfo=None))
    | _TIME.map(lambda time: time.astimezone(timezone(timedelta(hours=5, minutes=45))))
)
_SAID = _one_of("build passed", "*über* <b>alles</b>", " spaced ", "long " * 900) | _SOME_TEXT
_SAID_OR_NOT = _SAID | _one_of(None, "", "\ufeff ")


def _text(known: _Values) -> _Strategy:
    return _SAID_OR_NOT if known.get("attachments", True) else _SAID


def _attachments(known: _Values) -> _Strategy:
    return _SOME_ATTACHMENTS_OR_NONE if trimmed(known["text"] or "") else _SOME_ATTACHMENTS


def _extra(key: str, value: object) -> _Strategy:
    return _FLAG.map(lambda has_more: {key: value} if has_more else {})


_ATTACHMENT_FIELD: _Table = {
    "title": st.just("Build") | _SOME_TEXT,
    "value": _one_of("passed", 0, 0.93) | _SOME_TEXT,
    "short": _FLAG_OR_NONE,
}
_BUTTON_TEXT = _one_of("Deploy", "!deploy web")
_ACTION: _Table = {
    "text": _BUTTON_TEXT,
    "url": _LINK,
    "msg": lambda known: st.none() if known["url"] else _BUTTON_TEXT,
    "msg_in_chat_window": _FLAG,
    "msg_processing_type": _one_of(None, "sendMessage", "respondWithMessage"),
}
_ATTACHMENT: _Table = {
    "title": _or_none("Build"),
    "title_link": _LINK,
    "title_link_download": _FLAG_OR_NONE,
    "text": _or_none("*passed*"),
    "color": _or_none("#ff0000", "red"),
    "ts": _TIME_SHOWN,
    "collapsed": _FLAG_OR_NONE,
    "thumb_url": _LINK,
    "image_url": _LINK,
    "audio_url": _LINK,
    "video_url": _LINK,
    "author_name": _or_none("jürgen"),
    "author_link": _LINK,
    "author_icon": _LINK,
    "message_link": _LINK,
    "fields": _several(_built(AttachmentField, _ATTACHMENT_FIELD, {})),
    "actions": _several(_built(Action, _ACTION, {})),
    "extra": _extra("pretext", "Last night:"),
}
_SOME_ATTACHMENTS = _several(_built(Attachment, _ATTACHMENT, {}), at_least=1)
_SOME_ATTACHMENTS_OR_NONE = st.just(()) | _SOME_ATTACHMENTS
_MESSAGE: _Table = {
    "text": _text,
    "channel": st.none() | _PLACE | _several(_PLACE, at_least=1),
    "alias": _ALIAS,
    "avatar": _one_of(None, "https://chat.example/picture.png", "/avatar/rocket.cat", ""),
    "emoji": _EMOJI,
    "attachments": _attachments,
    "parse_urls": _FLAG_OR_NONE,
    "groupable": _FLAG_OR_NONE,
    "tmid": st.none() | _ID,
    "custom_fields": st.none() | st.dictionaries(_TEXT, _JSON, max_size=3),
    "separate_response": _FLAG_OR_NONE,
    "extra": _extra("priority", 1),
}


# Public strategies


def _checked(function: str, table: Iterable[str], fields: _Strategies) -> _Strategies:
    allowed = list(table)
    for name, strategy in fields.items():
        if name not in allowed:
            raise TypeError(f"{function}() has no field {name!r}: the fields are {', '.join(allowed)}")
        if not isinstance(strategy, st.SearchStrategy):
            kind = type(strategy).__name__
            raise TypeError(f"{name}: {function}() wants a strategy, such as st.just(...), not {kind}")
    return fields


def _of(table: _Table, fields: _Strategies) -> _Strategies:
    """Return the strategies for fields of the table."""
    return {name: strategy for name, strategy in fields.items() if name in table}


def incoming_integrations(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IncomingIntegration]:
    """Return a strategy for definitions of incoming integrations.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(IncomingIntegration, _INCOMING, _checked("incoming_integrations", _INCOMING, fields))


def outgoing_integrations(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[OutgoingIntegration]:
    """Return a strategy for definitions of outgoing integrations, for all events.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(OutgoingIntegration, _OUTGOING, _checked("outgoing_integrations", _OUTGOING, fields))


def integrations(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IntegrationDefinition]:
    """Return a strategy for definitions of both types.

    Args:
        **fields: strategies for these fields, in the types that have them.

    Raises:
        TypeError: neither type has such a field, or a value is not a strategy.
    """
    _checked("integrations", {**_INCOMING, **_OUTGOING}, fields)
    return incoming_integrations(**_of(_INCOMING, fields)) | outgoing_integrations(**_of(_OUTGOING, fields))


def incoming_records(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IncomingIntegrationRecord]:
    """Return a strategy for records of incoming integrations, as a server may hold them.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(IncomingIntegrationRecord, _INCOMING_HELD, _checked("incoming_records", _INCOMING_HELD, fields))


def outgoing_records(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[OutgoingIntegrationRecord]:
    """Return a strategy for records of outgoing integrations, as a server may hold them, also with unknown events.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(OutgoingIntegrationRecord, _OUTGOING_HELD, _checked("outgoing_records", _OUTGOING_HELD, fields))


def records(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IntegrationRecord]:
    """Return a strategy for records of both types.

    Args:
        **fields: strategies for these fields, in the types that have them.

    Raises:
        TypeError: neither type has such a field, or a value is not a strategy.
    """
    _checked("records", {**_INCOMING_HELD, **_OUTGOING_HELD}, fields)
    return incoming_records(**_of(_INCOMING_HELD, fields)) | outgoing_records(**_of(_OUTGOING_HELD, fields))


@st.composite
def _evolved(draw: st.DrawFn, record: R, table: _Table, replaced: _Strategies) -> R:
    # With an odd channel, no event may be allowed except the record's own.
    changeable = [name for name in table if name != "event" or _events({"channel": record.channel})]
    field = st.sampled_from(changeable)
    changed = draw(st.sets(field, max_size=1) | st.sets(field))
    new = {name: strategy for name, strategy in replaced.items() if name in changed}
    kept = {name: getattr(record, name) for name in table if name not in changed}
    return attrs.evolve(record, **_drawn(draw, table, new, kept))


@overload
def updates(
    record: IncomingIntegrationRecord, **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[IncomingIntegration]: ...
@overload
def updates(
    record: OutgoingIntegrationRecord, **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[OutgoingIntegration]: ...
@overload
def updates(
    record: IntegrationRecord, **fields: st.SearchStrategy[Any]
) -> st.SearchStrategy[IntegrationDefinition]: ...
def updates(record: IntegrationRecord, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[IntegrationDefinition]:
    """Return a strategy for what ``client.update(record.id, …)`` may be called with.

    That is the unchanged record or its definition, the record with other values in some fields or none, or an
    unrelated definition. However odd the record is, what differs from it obeys the rules.

    Args:
        record: what the server holds.
        **fields: strategies for these fields where they change. Their values must go with the unchanged fields of the
            record.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    is_incoming = isinstance(record, IncomingIntegrationRecord)
    table, others = (_INCOMING, incoming_integrations) if is_incoming else (_OUTGOING, outgoing_integrations)
    replaced = _checked("updates", table, fields)
    return st.sampled_from([record, record.definition]) | _evolved(record, table, replaced) | others(**fields)


def messages(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Message]:
    """Return a strategy for messages that can be posted: each has a text that is not blank, or an attachment.

    Texts are shorter than the 5,000 characters that a server allows by default, and URLs are absolute.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(Message, _MESSAGE, _checked("messages", _MESSAGE, fields))


def attachments(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Attachment]:
    """Return a strategy for attachments of messages.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(Attachment, _ATTACHMENT, _checked("attachments", _ATTACHMENT, fields))


def attachment_fields(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[AttachmentField]:
    """Return a strategy for fields of attachments.

    Args:
        **fields: strategies for these fields.

    Raises:
        TypeError: there is no such field, or a value is not a strategy.
    """
    return _built(AttachmentField, _ATTACHMENT_FIELD, _checked("attachment_fields", _ATTACHMENT_FIELD, fields))
