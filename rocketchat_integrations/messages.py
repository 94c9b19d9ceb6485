"""What is said through an incoming webhook: messages and their attachments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

import attrs
from attrs import validators

_TEXT = validators.optional(validators.instance_of(str))
_FLAG = validators.optional(validators.instance_of(bool))


def _channels(value: str | Iterable[str] | None) -> str | tuple[str, ...] | None:
    # Not split at commas: the server takes a channel of a message as it is.
    return value if value is None or isinstance(value, str) else tuple(value)


def _is_text_or_texts(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if isinstance(value, tuple) and not all(isinstance(part, str) for part in cast("tuple[object, ...]", value)):
        raise TypeError(f"{field.name}: must be text, texts or None")


def _is_mapping(_: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is not None and not isinstance(value, Mapping):
        raise TypeError(f"{field.name}: must be a mapping or None, not {type(value).__name__}")


@attrs.frozen
class AttachmentField:
    """One cell of the table in an attachment."""

    title: str = attrs.field(validator=validators.instance_of(str))
    """Its heading."""

    value: str = attrs.field(validator=validators.instance_of(str))
    """Its text, with Markdown."""

    short: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG)
    """Whether it may share a line with others."""


@attrs.frozen(kw_only=True)
class Attachment:
    """A block below a message. All addresses must be absolute."""

    title: str | None = attrs.field(default=None, validator=_TEXT)
    """Its title."""

    title_link: str | None = attrs.field(default=None, validator=_TEXT)
    """Where the title leads."""

    title_link_download: bool | None = attrs.field(default=None, validator=_FLAG)
    """Whether the title downloads what it leads to."""

    text: str | None = attrs.field(default=None, validator=_TEXT)
    """Its text, with Markdown."""

    color: str | None = attrs.field(default=None, validator=_TEXT)
    """The colour of the bar at its left, such as ``"#ff0000"`` or ``"red"``."""

    ts: datetime | str | None = attrs.field(
        default=None, validator=validators.optional(validators.instance_of((datetime, str)))
    )
    """A time to show: a datetime (without a zone: local time), or ISO 8601 text."""

    collapsed: bool | None = attrs.field(default=None, validator=_FLAG)
    """Whether it is folded up."""

    thumb_url: str | None = attrs.field(default=None, validator=_TEXT)
    """A small picture at its right."""

    image_url: str | None = attrs.field(default=None, validator=_TEXT)
    """A picture."""

    audio_url: str | None = attrs.field(default=None, validator=_TEXT)
    """A sound."""

    video_url: str | None = attrs.field(default=None, validator=_TEXT)
    """A film."""

    author_name: str | None = attrs.field(default=None, validator=_TEXT)
    """Who it is by."""

    author_link: str | None = attrs.field(default=None, validator=_TEXT)
    """Where the author's name leads."""

    author_icon: str | None = attrs.field(default=None, validator=_TEXT)
    """A picture of the author."""

    message_link: str | None = attrs.field(default=None, validator=_TEXT)
    """The message that ``ts`` leads to."""

    fields: tuple[AttachmentField, ...] = attrs.field(
        default=(), converter=tuple, validator=validators.deep_iterable(validators.instance_of(AttachmentField))
    )
    """A table of texts."""


@attrs.frozen
class Message:
    """What to say. A message needs a text or an attachment; one with neither is refused by ``post``."""

    text: str | None = attrs.field(default=None, validator=_TEXT)
    """The text, with Markdown; the server trims it."""

    channel: str | tuple[str, ...] | None = attrs.field(
        default=None,
        kw_only=True,
        converter=_channels,
        validator=_is_text_or_texts,
    )
    """Where to, instead of the integration's channel: ``"#room"``, ``"@user"``, a name or an id, or several of them.
    The integration must have ``override_destination_channel_enabled``, even to name its own channel."""

    alias: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT)
    """A name to show instead of the integration's."""

    avatar: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT)
    """The URL of a picture to show; beats ``emoji``."""

    emoji: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT)
    """An emoji to show as the picture, such as ``":robot:"``."""

    attachments: tuple[Attachment, ...] = attrs.field(
        default=(),
        kw_only=True,
        converter=tuple,
        validator=validators.deep_iterable(validators.instance_of(Attachment)),
    )
    """What to show below the text."""

    parse_urls: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG)
    """Whether to show previews of addresses in the text. None: yes, unless there are attachments."""

    groupable: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG)
    """Whether it may be shown as one with the message before."""

    tmid: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT)
    """The id of the message in whose thread to answer."""

    custom_fields: Mapping[str, object] | None = attrs.field(
        default=None, kw_only=True, hash=False, validator=_is_mapping
    )
    """Fields that the workspace's administrators have defined."""

    separate_response: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG)
    """With several channels: go on after one that fails, and tell of each. Server 8.x."""
