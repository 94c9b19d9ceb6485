"""What is said through an incoming webhook, messages and their attachments, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

import attrs

_T = TypeVar("_T")
_Check: TypeAlias = Callable[[object, "attrs.Attribute[Any]", Any], None]


def _kind(value: object) -> str:
    return type(value).__name__


def _is(allowed: str, *kinds: type) -> _Check:
    def check(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, kinds):
            raise TypeError(f"{field.name}: must be {allowed}, not {_kind(value)}")

    return check


def _all(kind: type) -> _Check:
    def check(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        for element in value:
            if not isinstance(element, kind):
                raise TypeError(f"{field.name}: must hold objects of {kind.__name__}, not of {_kind(element)}")

    return check


_TEXT = _is("text", str)
_TEXT_OR_NONE = _is("text or None", str, type(None))
_FLAG_OR_NONE = _is("True, False or None", bool, type(None))
_IS_TIME = _is("a datetime, text or None", datetime, str, type(None))


def _is_time(it: object, field: attrs.Attribute[Any], value: Any) -> None:
    _IS_TIME(it, field, value)
    try:
        if isinstance(value, datetime) and value.tzinfo is None:
            value.astimezone()
        return
    except (OverflowError, OSError, ValueError):
        pass
    raise ValueError(f"{field.name}: must be a local time that exists, and {value} does not, or have a time zone")


def _attachments(value: Iterable[Attachment]) -> tuple[Attachment, ...]:
    return _as_tuple("attachments", value)


def _fields(value: Iterable[AttachmentField]) -> tuple[AttachmentField, ...]:
    return _as_tuple("fields", value)


def _as_tuple(field: str, value: Iterable[_T]) -> tuple[_T, ...]:
    if not isinstance(value, Iterable):
        raise TypeError(f"{field}: must be a list, not {_kind(value)}")
    return tuple(value)


def _channels(value: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    # Not split at commas: the server takes a channel of a message as it is.
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _is_channel(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, tuple) or not all(isinstance(part, str) for part in cast("tuple[object, ...]", value)):
        raise TypeError(f"{field.name}: must be text, texts or None")
    if not value:
        # To the server an empty array is a channel like any other: it would post to nobody.
        raise ValueError(f"{field.name}: must not be empty; leave it out for the integration's own")


def _is_json(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise TypeError(f"{field.name}: must be a mapping or None, not {_kind(value)}")
    try:
        json.dumps(dict(cast("Mapping[object, object]", value)), allow_nan=False)
        return
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise ValueError(f"{field.name}: must hold what JSON can hold: {problem}")


@attrs.frozen
class AttachmentField:
    """One cell of the table in an attachment."""

    title: str = attrs.field(validator=_TEXT)
    """Its heading."""

    value: str = attrs.field(validator=_TEXT)
    """Its text, with Markdown."""

    short: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether it may share a line with others."""


@attrs.frozen(kw_only=True)
class Attachment:
    """A block below a message. All addresses must be absolute."""

    title: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """Its title."""

    title_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """Where the title leads."""

    title_link_download: bool | None = attrs.field(default=None, validator=_FLAG_OR_NONE)
    """Whether the title downloads what it leads to."""

    text: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """Its text, with Markdown."""

    color: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The colour of the bar at its left, such as ``"#ff0000"`` or ``"red"``."""

    ts: datetime | str | None = attrs.field(default=None, validator=_is_time)
    """A time to show: a datetime (without a zone: local time), or ISO 8601 text."""

    collapsed: bool | None = attrs.field(default=None, validator=_FLAG_OR_NONE)
    """Whether it is folded up."""

    thumb_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """A small picture at its right."""

    image_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """A picture."""

    audio_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """A sound."""

    video_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """A film."""

    author_name: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """Who it is by."""

    author_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """Where the author's name leads."""

    author_icon: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """A picture of the author."""

    message_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The message that ``ts`` leads to."""

    fields: tuple[AttachmentField, ...] = attrs.field(default=(), converter=_fields, validator=_all(AttachmentField))
    """A table of texts."""


@attrs.frozen
class Message:
    """What to say. A message needs a text or an attachment; one with neither is refused by ``post``."""

    text: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The text, with Markdown; the server trims it."""

    channel: str | tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=_channels, validator=_is_channel
    )
    """Where to, instead of the integration's channel: ``"#room"``, ``"@user"``, a name or an id, or several of them.
    The integration must have ``override_destination_channel_enabled``, even to name its own channel."""

    alias: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """A name to show instead of the integration's."""

    avatar: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """The URL of a picture to show; beats ``emoji``."""

    emoji: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """An emoji to show as the picture, such as ``":robot:"``."""

    attachments: tuple[Attachment, ...] = attrs.field(
        default=(), kw_only=True, converter=_attachments, validator=_all(Attachment)
    )
    """What to show below the text."""

    parse_urls: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether to show previews of addresses in the text. None: yes, unless there are attachments."""

    groupable: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether it may be shown as one with the message before."""

    tmid: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """The id of the message in whose thread to answer."""

    custom_fields: Mapping[str, object] | None = attrs.field(default=None, kw_only=True, hash=False, validator=_is_json)
    """Fields that the workspace's administrators have defined."""

    separate_response: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """With several channels: go on after one that fails, and tell of each in :attr:`PostResult.responses`.
    Server 8.x; older ones ignore it."""


@attrs.frozen(kw_only=True)
class PostResponse:
    """What became of a message in one channel."""

    channel: str | None = attrs.field(default=None)
    """The channel, as the message named it; None if the server does not say."""

    message: Mapping[str, object] | str | None = attrs.field(default=None, repr=False, hash=False)
    """What was posted: the server's document of the message, or a text. None if nothing was."""

    error: str | None = attrs.field(default=None)
    """Why nothing was posted there, such as ``"invalid-channel"``; None if it was."""


@attrs.frozen
class PostResult:
    """What the server answered to a post that it took."""

    responses: tuple[PostResponse, ...]
    """What became of the message in each channel, if ``separate_response`` asked for that and the server is 8.x; else
    empty. Look here for channels that did not get it: as long as one did, nothing is raised."""

    raw: Mapping[str, object] = attrs.field(repr=False, hash=False)
    """The whole answer, as it came: ``{"success": True}``, and what a script has added."""
