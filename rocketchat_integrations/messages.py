"""Messages for incoming webhooks, their attachments, and the results of posting."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast

import attrs

Overflow: TypeAlias = Literal["error", "split", "truncate"]
"""What ``post`` does with a text that is longer than the server allows."""

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


def _actions(value: Iterable[Action]) -> tuple[Action, ...]:
    return tuple(value) if isinstance(value, Iterable) else value


def _fields(value: _Fields) -> tuple[AttachmentField, ...]:
    cells = cast("Mapping[str, Any]", value).items() if isinstance(value, Mapping) else cast("Iterable[Any]", value)
    if not isinstance(cells, Iterable):
        return cells  # the validator refuses it
    return tuple(_field(number, cell) for number, cell in enumerate(cells))


def _field(number: int, cell: Any) -> AttachmentField:
    if not isinstance(cell, (tuple, list)) or len(pair := cast("tuple[Any, ...]", cell)) != 2:
        return cast("AttachmentField", cell)  # the validator refuses other types
    try:
        return AttachmentField(*pair)
    except TypeError as error:
        problem = str(error)
    raise TypeError(f"fields[{number}].{problem}")


def _number_as_text(value: str | float | Decimal) -> str:
    return str(value) if isinstance(value, (int, float, Decimal)) else value


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


def _is_json_or_none(it: object, field: attrs.Attribute[Any], value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise TypeError(f"{field.name}: must be a mapping or None, not {type(value).__name__}")
    _is_json(it, field, cast("Mapping[object, object]", value))


def _is_json(_: object, field: attrs.Attribute[Any], value: Mapping[object, object]) -> None:
    try:
        json.dumps(dict(value), allow_nan=False)
        return
    except (TypeError, ValueError, RecursionError) as error:
        problem = str(error)
    raise ValueError(f"{field.name}: must be valid as JSON: {problem}")


def _is_extra(other_names: Mapping[str, str]) -> _Check:
    """Check keys of the body; ``other_names`` are the server's names of the class's fields."""

    def check(it: object, field: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, Mapping):
            raise TypeError(f"{field.name}: must be a mapping, not {type(value).__name__}")
        own = {name: name for name in attrs.fields_dict(cast(Any, type(it)))} | dict(other_names)
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise TypeError(f"{field.name}: a key must be text, not {type(key).__name__}")
            if key in own:
                raise ValueError(f"{field.name}: {key!r} has a field: use {own[key]}")
            if item is None:
                raise ValueError(f"{field.name}: {key!r} must not be None; leave it out")
        _is_json(it, field, cast("Mapping[object, object]", value))

    return check


def _no_extra() -> dict[str, object]:
    return {}


_NAMES_OF_MESSAGES = {
    "msg": "text",
    "roomId": "channel",
    "username": "alias",
    "icon_url": "avatar",
    "icon_emoji": "emoji",
    "parseUrls": "parse_urls",
    "customFields": "custom_fields",
    "separateResponse": "separate_response",
}
_NAMES_OF_ATTACHMENTS = {"msg": "text"}


@attrs.frozen
class AttachmentField:
    """A cell of the table in an attachment. ``post`` refuses one with an empty title or value."""

    title: str = attrs.field(validator=_TEXT)
    """The heading of the cell."""

    value: str = attrs.field(converter=_number_as_text, validator=_has_type("text or a number", str))
    """The text of the cell, with Markdown. A number becomes its ``str()``: the server would refuse the number 0."""

    short: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """Whether the cell may share a line with others."""


# Any, because mypy infers a mapping of objects for {"a": "b", "c": 1}, which no narrower type accepts.
_Fields: TypeAlias = Mapping[str, Any] | Iterable[AttachmentField | tuple[str, Any]]


def _is_processing_type(it: object, field: attrs.Attribute[Any], value: Any) -> None:
    _TEXT_OR_NONE(it, field, value)
    if value not in (None, "sendMessage", "respondWithMessage"):
        raise ValueError(f"{field.name}: must be sendMessage, respondWithMessage or None; {value!r} is not")


@attrs.frozen
class Action:
    """A button in an attachment: opens a URL, or sends a text as the user who presses it.

    An outgoing webhook of the room receives that text like any message of the user, which is how a bot learns of a
    press. Rocket.Chat has deprecated these buttons in favour of its Apps with UIKit
    (<https://github.com/RocketChat/Rocket.Chat/blob/develop/KNOWN_ISSUES.md>); no removal is announced. Servers up to
    8.x take them, and the web client shows them. So does 9.0, according to the vendor's source code before its release;
    a released 9.0 has not been tried. An integration cannot receive presses of UIKit's buttons: only an App can.

    Raises:
        ValueError: if the text or ``msg`` is blank, if neither or both of ``url`` and ``msg`` are given, or
            ``msg_processing_type`` is unknown. The server accepts these, but the button does nothing or is not shown.
        TypeError: if an argument has the wrong type.
    """

    text: str = attrs.field(validator=_TEXT)
    """The label."""

    url: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """The URL to open."""

    msg: str | None = attrs.field(default=None, kw_only=True, validator=_TEXT_OR_NONE)
    """The text to send as the user."""

    msg_in_chat_window: bool = attrs.field(default=True, kw_only=True, validator=_has_type("True or False", bool))
    """Whether ``msg`` goes to the room. If it is False, the web client does not show the button."""

    msg_processing_type: Literal["sendMessage", "respondWithMessage"] | None = attrs.field(
        default=None, kw_only=True, validator=_is_processing_type
    )
    """``"sendMessage"`` sends ``msg``, as None does; ``"respondWithMessage"`` puts it into the user's message box, to
    be completed and sent."""

    def __attrs_post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("text: must not be blank: the button would not be shown")
        if (self.url is None) is (self.msg is None):
            raise ValueError("a button needs either url or msg")
        if self.msg is not None and not self.msg.strip():
            raise ValueError("msg: must not be blank: the button would do nothing")


@attrs.frozen(kw_only=True)
class Attachment:
    """A block below a message.

    Every URL must begin with ``http://``, ``https://`` or ``data:`` in lower case, or with ``/file-upload/``. The
    server refuses others, and ``""``; so ``post`` refuses them before sending, and names the field.
    """

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
    """The cells of a table: :class:`AttachmentField` objects, a mapping such as ``{"Host": "db1", "Load": 0.93}``, or
    pairs such as ``[("Host", "db1")]``."""

    actions: tuple[Action, ...] = attrs.field(default=(), converter=_actions, validator=_has_elements(Action))
    """The buttons."""

    extra: Mapping[str, object] = attrs.field(factory=_no_extra, hash=False, validator=_is_extra(_NAMES_OF_ATTACHMENTS))
    """More keys, such as ``{"pretext": "…"}`` or ``{"image_dimensions": {"width": 80, "height": 60}}``. The server
    checks those that it knows, and stores the others as they are."""


@attrs.frozen
class Message:
    """A message to post.

    ``post`` refuses a message without text and attachments, one with a URL that the server refuses, and by default one
    whose text is too long.
    """

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
    """URL of a picture to show, absolute or a path of the server; takes precedence over ``emoji``."""

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

    custom_fields: Mapping[str, object] | None = attrs.field(
        default=None, kw_only=True, hash=False, validator=_is_json_or_none
    )
    """Values of fields that the workspace's administrators have defined."""

    separate_response: bool | None = attrs.field(default=None, kw_only=True, validator=_FLAG_OR_NONE)
    """With several channels: continue after one that fails, and report each in :attr:`PostResult.responses`.
    Server 8.x; older ones ignore it."""

    extra: Mapping[str, object] = attrs.field(
        factory=_no_extra, kw_only=True, hash=False, validator=_is_extra(_NAMES_OF_MESSAGES)
    )
    """More keys of the body, for the webhook's script; without a script, the server ignores unknown keys."""


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
    failed: nothing is raised if at least one succeeded. With ``overflow="split"``, those of all parts in order."""

    raw: Mapping[str, object] = attrs.field(repr=False, hash=False)
    """The whole answer: ``{"success": True}``, and what a script added. With ``overflow="split"``, that of the last
    part."""
