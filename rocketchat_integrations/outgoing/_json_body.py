"""Decode the body of a request: bytes to a JSON object.

Messages name what is wrong and never quote it. They are raised outside of the ``except`` blocks, because the errors of
decoders hold the whole body.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, cast

from rocketchat_integrations._protocol.readers import json_type
from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError


def as_bytes(body: object) -> bytes:
    """Return the body as bytes.

    Raises:
        ConfigurationError: if it is of another type than bytes or text.
    """
    if isinstance(body, bytes):
        return body
    if isinstance(body, str):
        # Half a surrogate pair is refused by `json_object`, with everything else that is not UTF-8.
        return body.encode("utf-8", "surrogatepass")
    if isinstance(body, (bytearray, memoryview)):
        try:
            return bytes(cast("bytearray | memoryview[int]", body))
        except ValueError:  # a memoryview that has been released
            pass
    raise ConfigurationError("body: must be bytes or text")


def json_object(body: bytes, content_type: str | None, max_size: int) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises:
        WebhookPayloadError: if it is too large, has another content type or is not a JSON object.
        ConfigurationError: if the content type is neither text nor None.
    """
    if len(body) > max_size:
        raise WebhookPayloadError(f"body: must not have more than {max_size} bytes", answer_status=413)
    if content_type is not None and not _is_json(content_type):
        raise WebhookPayloadError("Content-Type: must be application/json", answer_status=415)
    try:
        text = body.decode()
        document: object = _DECODER.decode(_with_whole_pairs(text) if "\\u" in text else text)
    except (ValueError, RecursionError):
        document = _INVALID
    if document is _INVALID:
        raise WebhookPayloadError("body: must be JSON in UTF-8, without NaN and Infinity, and not nested too deeply")
    if not isinstance(document, dict):
        raise WebhookPayloadError(f"body: must be a JSON object, not {json_type(document)}")
    return cast("dict[str, Any]", document)


_INVALID = object()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refuse(digits)


_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _is_json(content_type: object) -> bool:
    if not isinstance(content_type, str):
        raise ConfigurationError("content_type: must be text or None")
    return content_type.partition(";")[0].strip().lower() == "application/json"


# An escaped surrogate pair, or half a pair (the group), or any other escape: so the backslash in "\\ud800" is skipped.
_HEX = "[0-9a-fA-F]{2}"
_ESCAPE = re.compile(rf"\\(?:u[dD][89abAB]{_HEX}\\u[dD][c-fC-F]{_HEX}|(u[dD][89a-fA-F]{_HEX})|.)", re.DOTALL)


def _with_whole_pairs(text: str) -> str:
    # JavaScript sends half pairs, and programs that encode such text crash.
    return _ESCAPE.sub(lambda escape: r"\ufffd" if escape[1] else escape[0], text)
