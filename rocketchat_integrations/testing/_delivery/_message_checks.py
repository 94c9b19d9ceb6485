"""Check a message before it is posted: size, types, addresses, permission."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rocketchat_integrations.testing._world._documents import Document
from rocketchat_integrations.testing._world._javascript import is_array, is_object, is_truthy
from rocketchat_integrations.testing._world._permissions import MESSAGE_IMPERSONATE
from rocketchat_integrations.testing._world._refusals import Refusal, failure
from rocketchat_integrations.testing._world._users import User

_ABSOLUTE = re.compile(r"(https?://|data:)")
_RELATIVE = re.compile(r"^[^/]+/[^/].*$|^/[^/].*$", re.MULTILINE)
_UPLOAD = "/file-upload/"


def check_size(message: Document, limit: int) -> None:
    """Refuse a text that is longer than allowed, in JavaScript's units: an emoji counts as two."""
    if len(message["msg"].encode("utf-16-le", errors="surrogatepass")) > 2 * limit:
        raise failure("error-message-size-exceeded", f"the text is longer than {limit} (max_message_size)")


def check_attachments(message: Document) -> None:
    """Refuse wrong types and bad addresses in attachments, as servers before 8.x do."""
    for attachment in message["attachments"]:
        _check_attachment(attachment, needs_values=False)


def check_content(message: Document, poster: User, *, custom_fields: bool) -> None:
    """Refuse wrong types, bad addresses, an alias or avatar without permission, and custom fields if they are off."""
    _check_fields(message, _MESSAGE)
    looks = is_truthy(message.get("alias")) or is_truthy(message.get("avatar"))
    if looks and MESSAGE_IMPERSONATE not in poster.permissions:
        raise failure(
            "Not enough permission", f"{poster.username} lacks {MESSAGE_IMPERSONATE}, which alias and avatar need"
        )
    for attachment in message["attachments"]:
        _check_attachment(attachment, needs_values=True)
    if is_truthy(message.get("customFields")) and not custom_fields:
        raise failure("Custom fields not enabled", "the server does not take custom fields (custom_fields)")


def _check_attachment(attachment: Any, *, needs_values: bool) -> None:
    if not is_object(attachment):
        return
    _check_fields(attachment, _ATTACHMENT)
    for field in attachment.get("fields") or ():
        values: Document = field if is_object(field) else {}
        _check_fields(values, _FIELD)
        if needs_values and not (is_truthy(values.get("title")) and is_truthy(values.get("value"))):
            note = "a field of an attachment needs a title and a value that JavaScript counts as true"
            raise failure("Invalid attachment field, title and value is required", note)
    for action in attachment.get("actions") or ():
        _check_fields(action if is_object(action) else {}, _ACTION)


_Check = Callable[[Any], str | None]
"""Returns why a value is refused; None if it is not. Raises ``Refusal`` for a bad address."""


def _check_fields(values: Document, checks: Mapping[str, _Check]) -> None:
    for name, check in checks.items():
        value = values.get(name)
        problem = None if value is None else check(value)
        if problem is not None:
            raise failure(f"Match error: Match error: {problem} in field {name}", f"{name} is {value!r}")


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case _:
            return "object"


def _is(kind: str) -> _Check:
    return lambda value: None if _type_of(value) == kind else f"Expected {kind}, got {_type_of(value)}"


def _is_one_of(*kinds: str) -> _Check:
    problem = "Failed Match.OneOf, Match.Maybe or Match.Optional validation"
    return lambda value: None if _type_of(value) in kinds else problem


def _is_array(value: Any) -> str | None:
    return None if is_array(value) else f"Expected array, got {_type_of(value)}"


def _is_object(value: Any) -> str | None:
    return None if is_object(value) else "Expected object"


def _is_address(value: Any) -> str | None:
    """Refuse anything but an absolute address."""
    if isinstance(value, str) and not (_ABSOLUTE.match(value) or value.startswith(_UPLOAD)):
        raise _bad_address(value)
    return _is("string")(value)


def _is_address_or_path(value: Any) -> str | None:
    """Refuse anything but an absolute address or a path."""
    if isinstance(value, str):
        found = _ABSOLUTE.match(value) or _RELATIVE.search(value)
        if not found or value.lower().startswith("javascript:"):
            raise _bad_address(value)
    return _is("string")(value)


def _bad_address(value: str) -> Refusal:
    return failure("Invalid href value provided", f"{value!r} is no address")


def _all(names: Iterable[str], check: _Check) -> Mapping[str, _Check]:
    return dict.fromkeys(names, check)


_MESSAGE: Mapping[str, _Check] = {
    **_all(("msg", "alias", "emoji", "tmid"), _is("string")),
    "avatar": _is_address_or_path,
}
_ATTACHMENT: Mapping[str, _Check] = {
    **_all(("color", "text", "button_alignment", "author_name", "title"), _is("string")),
    **_all(("image_preview", "image_type", "audio_type", "video_type"), _is("string")),
    "ts": _is_one_of("string", "number"),
    **_all(("thumb_url", "message_link", "author_link", "author_icon", "title_link"), _is_address),
    **_all(("image_url", "audio_url", "video_url"), _is_address),
    **_all(("collapsed", "title_link_download"), _is("boolean")),
    **_all(("image_size", "audio_size", "video_size"), _is("number")),
    "image_dimensions": _is_object,
    **_all(("actions", "fields"), _is_array),
}
_FIELD: Mapping[str, _Check] = {
    "short": _is("boolean"),
    "title": _is("string"),
    "value": _is_one_of("string", "number", "boolean"),
}
_ACTION: Mapping[str, _Check] = {
    **_all(("type", "text", "webview_height_ratio", "msg"), _is("string")),
    **_all(("url", "image_url"), _is_address),
    **_all(("is_webview", "msg_in_chat_window"), _is("boolean")),
}
