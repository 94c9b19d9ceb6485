"""Messages for incoming webhooks, their attachments, and the results of posting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeAlias, cast

import attrs

_Check: TypeAlias = Callable[[object, "attrs.Attribute[Any]", Any], None]


def _has_type(allowed: str, *types: type) -> _Check:
    def check(_: object, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, types):
            raise TypeError(f"{field.name}: must be {allowed}, not {type(value).__name__}")

    return check


def _has_elements(wanted: type) -> _Check:
    def check(it: object, field: attrs.Attribute[Any], value: Any) -> None:
        _LIST(it, field, value)
        for element in value:
            if not isinstance(element, wanted):
                actual = type(element).__name__
                raise TypeError(f"{field.name}: must hold objects of {wanted.__name__}, not of {actual}")

    return check


_LIST = _has_type("a list", tuple)
_TEXT = _has_type("text", str)
_TEXT_OR_NONE = _has_type("text or None", str, type(None))
_FLAG_OR_NONE = _has_type("True, False or None", bool, type(None))
_TIME_TEXT_OR_NONE = _has_type("a datetime, text or None", datetime, str, type(None))


def _is_time(it: object, field: attrs.Attribute[Any], value: Any) -> None:
    _TIME_TEXT_OR_NONE(it, field, value)
    try:
        if isinstance(value, datetime) and value.tzinfo is None:
            value.astimezone()
        return
    except (OverflowError, OSError, ValueError):
        pass
    raise ValueError(f"{field.name}: must be a local time that exists or have a time zone; {value} does not")


def _attachments(value: Iterable[Attachment]) -> tuple[Attachment, ...]:
    return tuple(value) if isinstance(value, Iterable) else value


def _fields(value: Iterable[AttachmentField]) -> tuple[AttachmentField, ...]:
    return tuple(value) if isinstance(value, Iterable) else value


def _channels(value: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    # Unlike the channel of an integration, it is not split at commas: neither does the server.
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str) else value


def _is_channel(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None or isinstance(value, str):
        return
    if not isinstance(value, tuple) or not all(isinstance(part, str) for part in cast("tuple[object, ...]", value)):
        raise TypeError(f"{field.name}: must be text, texts or None")
    if not value:
        # The server accepts an empty array, and posts to nobody.
        raise ValueError(f"{field.name}: must not be empty; leave it out for the integration's channel")


def _is_json(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise TypeError(f"{field.name}: must be a mapping or None, not {type(value).__name__}")
    try:
        json.dumps(dict(cast("Mapping[object, object]", value)), allow_nan=False)
        return
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise ValueError(f"{field.name}: must be valid as JSON: {problem}")


@attrs.frozen
class AttachmentField:
    """A cell of the table in an attachment."""

    title: str = attrs.field(validator=_TEXT)
    """The heading of the cell."""

    value: str = attrs.field(validator=_TEXT)
    """The text of the cell, with Markdown."""

    short: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether the cell may share a line with others."""


@attrs.frozen(kw_only=True)
class Attachment:
    """A block below a message. All URLs must be absolute."""

    title: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The title."""

    title_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL that the title links to."""

    title_link_download: bool | None = attrs.field(default=None, validator=_FLAG_OR_NONE)
    """Whether the title downloads the file that it links to."""

    text: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The text, with Markdown."""

    color: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The colour of the bar on the left, such as ``"#ff0000"`` or ``"red"``."""

    ts: datetime | str | None = attrs.field(default=None, validator=_is_time)
    """A time to show: a datetime (local time if it has no time zone), or ISO 8601 text."""

    collapsed: bool | None = attrs.field(default=None, validator=_FLAG_OR_NONE)
    """Whether the attachment is collapsed."""

    thumb_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of a small picture on the right."""

    image_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of a picture."""

    audio_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of an audio file."""

    video_url: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of a video."""

    author_name: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The name of the author."""

    author_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL that the author's name links to."""

    author_icon: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of a picture of the author."""

    message_link: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The URL of the message that ``ts`` links to."""

    fields: tuple[AttachmentField, ...] = attrs.field(
        default=(), converter=_fields, validator=_has_elements(AttachmentField)
    )
    """The cells of a table."""


@attrs.frozen
class Message:
    """A message to post. ``post`` refuses a message without text and attachments."""

    text: str | None = attrs.field(default=None, validator=_TEXT_OR_NONE)
    """The text, with Markdown; the server trims it."""

    channel: str | tuple[str, ...] | None = attrs.field(
        default=None, kw_only=True, converter=_channels, validator=_is_channel
    )
    """The channel to post to instead of the integration's: ``"#room"``, ``"@user"``, a name or an id, or several of
    them. The integration must have ``override_destination_channel_enabled``, even to name its own channel."""

    alias: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """Name to show instead of the integration's."""

    avatar: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """URL of a picture to show; takes precedence over ``emoji``."""

    emoji: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """Emoji to show as the picture, such as ``":robot:"``."""

    attachments: tuple[Attachment, ...] = attrs.field(
        default=(), kw_only=True, converter=_attachments, validator=_has_elements(Attachment)
    )
    """Blocks to show below the text."""

    parse_urls: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether to show previews of URLs in the text. None: yes, unless there are attachments."""

    groupable: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether it may be grouped with the previous message."""

    tmid: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """The id of the message in whose thread to post."""

    custom_fields: Mapping[str, object] | None = attrs.field(default=None, kw_only=True, hash=False, validator=_is_json)
    """Values of fields that the workspace's administrators have defined."""

    separate_response: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """With several channels: continue after one that fails, and report each in :attr:`PostResult.responses`.
    Server 8.x; older ones ignore it."""


@attrs.frozen(kw_only=True)
class PostResponse:
    """The result of posting to one channel."""

    channel: str | None = attrs.field(default=None)
    """The channel, as the message named it; None if the server does not say."""

    message: Mapping[str, object] | str | None = attrs.field(default=None, repr=False, hash=False)
    """The posted message: the server's document of it, or a text. None if nothing was posted."""

    error: str | None = attrs.field(default=None)
    """Why nothing was posted, such as ``"invalid-channel"``; None if a message was posted."""


@attrs.frozen
class PostResult:
    """The result of a successful post."""

    responses: tuple[PostResponse, ...]
    """The result for each channel, with ``separate_response`` and server 8.x; else empty. Check it for channels that
    failed: nothing is raised if at least one succeeded."""

    raw: Mapping[str, object] = attrs.field(repr=False, hash=False)
    """The whole answer: ``{"success": True}``, and what a script added."""
