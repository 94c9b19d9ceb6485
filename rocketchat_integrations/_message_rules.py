"""Find what servers refuse in the body of a message: URLs that are not absolute, and fields without title or value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_ABSOLUTE = ("http://", "https://", "data:", "/file-upload/")
# As on the server, a path with two slashes at its beginning is none.
_find_path = re.compile(r"^[^/]+/[^/]|^/[^/]", re.MULTILINE).search

_URLS_OF_ATTACHMENTS = (
    "title_link",
    "thumb_url",
    "image_url",
    "audio_url",
    "video_url",
    "author_link",
    "author_icon",
    "message_link",
)
_MUST_BE_ABSOLUTE = "must be an absolute URL (http://, https:// or data:)"


def message_problems(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong, each with its path such as ``attachments[0].title_link``.

    Servers from 8.x on refuse all of it; earlier ones accept empty titles and values.

    Args:
        body: the body of a post, as the codec makes it of a message.
    """
    avatar = body.get("avatar")
    if avatar and not _is_absolute(avatar) and (not _find_path(avatar) or avatar.lower().startswith("javascript:")):
        yield f"avatar: {_MUST_BE_ABSOLUTE} or a path; {avatar!r} is not"
    for number, attachment in enumerate(body.get("attachments", ())):
        path = f"attachments[{number}]"
        for name in _URLS_OF_ATTACHMENTS:
            yield from _url_problem(f"{path}.{name}", attachment.get(name))
        for index, field in enumerate(attachment.get("fields", ())):
            for name in ("title", "value"):
                if not field[name]:
                    yield f"{path}.fields[{index}].{name}: must not be empty"
        for index, action in enumerate(attachment.get("actions", ())):
            yield from _url_problem(f"{path}.actions[{index}].url", action.get("url"))


def _url_problem(path: str, url: str | None) -> Iterator[str]:
    if url is not None and not _is_absolute(url):
        yield f"{path}: {_MUST_BE_ABSOLUTE}; {url!r} is not"


def _is_absolute(url: str) -> bool:
    return url.startswith(_ABSOLUTE)
