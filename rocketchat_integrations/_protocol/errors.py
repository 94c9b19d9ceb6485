"""From an HTTP answer to what it carries, or to the exception that it means.

The status decides first, then the envelope (``{"success": …}``), then the server's
name of the error. What the server says is quoted without the secrets of the request:
it may repeat an address or a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, cast

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    InvalidParamsError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RocketChatError,
    ServerError,
    TwoFactorRequired,
    UnexpectedResponse,
    WebhookDisabledError,
)

from .http import Request, Response

WEBHOOK = "hooks"
WEBHOOK_INFO = "hooks.info"
LOGIN = "login"

_NOT_FOUND = {
    "No integration found.",
    "The integration does not exists.",
    "error-invalid-integration",
    "invalid_integration",
    "error-invalid-integration-history",
    "error-room-not-found",
}
_NOT_PERMITTED = {
    "not_authorized",
    "not-authorized",
    "error-not-allowed",
    "Not enough permission",
    "error-user-lacks-message-impersonate-permission",
    "error-invalid-permissions",
}
_TOO_MANY = "error-too-many-requests"
_INVALID_PARAMS = {"invalid-params", "error-invalid-params"}
_SUFFIX = re.compile(r"\[(error-)?invalid-params\]$")
_NO_ENDPOINT = "API endpoint does not exist"
_NO_ALTERNATIVE = "must match exactly one schema in oneOf"
# Those of the 400s that want another permission than their endpoint.
_SPECIAL_PERMISSIONS = {
    "error-user-lacks-message-impersonate-permission": ("message-impersonate",),
    "error-invalid-permissions": ("manage-outgoing-integrations",),
}


@attrs.frozen
class ErrorContext:
    """What is known of an endpoint, and of what was sent to it, when its refusal has to be explained."""

    permissions: tuple[str, ...] = ()
    """The permissions of which one would do."""

    since: str | None = None
    """The server version that brought the endpoint; None if it was always there."""

    alternative: int | None = None
    """Which of its request schema's alternatives was meant; None if the schema has none."""

    alternatives: int = 0
    """How many alternatives the schema has."""

    several_channels: bool = False
    """Whether a message was sent to several channels: old servers refuse it after some of them have got it."""


@attrs.frozen
class Quota:
    """What an answer says of its endpoint's rate limit; each None where it says nothing."""

    limit: int | None
    """Calls allowed in a window."""

    remaining: int | None
    """Calls left in this one."""

    resets_in: float | None
    """Seconds until the next one, by the server's clock: never by ours, which may be wrong."""


def payload(response: Response, request: Request, expected: ErrorContext) -> Mapping[str, object]:
    """The answer's JSON object.

    Raises:
        ApiError: the subclass that the refusal means.
        UnexpectedResponse: if it is not an answer of Rocket.Chat's API.
    """
    body = _object(response.body)
    if body is not None and 200 <= response.status < 300 and _says_success(body):
        return body
    refusal = _refusal(response, body, request, expected)
    if expected.several_channels and _may_come_late(refusal, body or {}):
        refusal.args = (f"{refusal}; some of the channels may have got the message",)
        refusal.may_have_acted = True
    raise refusal


def shown(value: object, response: Response, request: Request) -> str | None:
    """What the server says somewhere in its answer: as text, and without the secrets of the request."""
    return _shown(value, _secrets(response, request))


def quota(response: Response) -> Quota:
    """What the answer's headers say of the rate limit."""
    headers = response.headers
    return Quota(
        limit=_whole(headers.get("x-ratelimit-limit")),
        remaining=_whole(headers.get("x-ratelimit-remaining")),
        resets_in=_resets_in(headers),
    )


def _object(body: bytes) -> dict[str, object] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, object]", value) if isinstance(value, dict) else None


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,18}", text) else None


def _resets_in(headers: Mapping[str, str]) -> float | None:
    reset = _whole(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    # Here and not above: it loads half of the mail package, and answers without a limit do without.
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    now = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, reset / 1000 - now.timestamp())


def _retry_after(response: Response, error: str) -> float | None:
    told = _resets_in(response.headers)
    if told is not None:
        return told
    words = re.search(r"must wait (\d{1,9}) seconds", error)
    seconds = int(words[1]) if words else _whole(response.headers.get("retry-after"))
    return None if seconds is None else float(seconds)


def _refusal(
    response: Response, body: dict[str, object] | None, request: Request, expected: ErrorContext
) -> RocketChatError:
    status, endpoint = response.status, request.endpoint
    secrets = _secrets(response, request)
    said = ErrorBody.of(body or {}, secrets)
    rest: dict[str, Any] = {
        "status": status,
        "endpoint": endpoint,
        "error": said.error,
        "error_type": said.error_type,
        "details": said.details,
    }
    told = f"{endpoint}: {status} {said.error or ''}".rstrip()

    if status == 401:
        return _unauthenticated(told, said, endpoint, rest)
    if status == 403 or (status == 400 and said.names & _NOT_PERMITTED):
        return _forbidden(told, said, endpoint, expected, rest)
    if status == 429 or (status == 400 and _TOO_MANY in said.names):
        retry_after = _retry_after(response, said.error or "")
        wait = "" if retry_after is None else f" (wait {retry_after:.0f} s)"
        return RateLimitError(
            f"{told}{wait}", retry_after=retry_after, limit=_whole(response.headers.get("x-ratelimit-limit")), **rest
        )
    if status >= 500:
        return _failed(told, status, endpoint, rest)
    # That no endpoint is there must not read as that no integration is: programs go on to create one.
    if body is None or not _has_envelope(body, status) or _NO_ENDPOINT in said.names:
        return _unexpected(response, request, expected, secrets)
    if status == 404 or said.names & _NOT_FOUND:
        hint = "; the webhook's address is wrong, or its integration is gone" if endpoint == WEBHOOK else ""
        return NotFoundError(told + hint, **rest)
    if said.names & _INVALID_PARAMS:
        violations = _violations(said.error or "", expected)
        what = "; ".join(violations) or said.error_type
        return InvalidParamsError(f"{endpoint}: {status} {what}", violations=violations, **rest)
    return BadRequestError(told, **rest)


def _may_come_late(refusal: RocketChatError, body: Mapping[str, object]) -> bool:
    """Whether a message may have got to some of its channels before it was refused."""
    if not isinstance(refusal, ApiError) or isinstance(refusal, (RateLimitError, WebhookDisabledError)):
        return False
    # The first three are said of the address; and where each channel has its response, none has got the message.
    return refusal.status not in (401, 403, 404) and "responses" not in body


def _says_success(body: Mapping[str, object]) -> bool:
    # Login and logout say "status" instead.
    return body.get("success", body.get("status") == "success") is True


def _has_envelope(body: Mapping[str, object], status: int) -> bool:
    if status == 404:
        return body.get("success") is False
    return isinstance(body.get("success"), bool) and (status == 400 or 200 <= status < 300)


def _unauthenticated(told: str, said: ErrorBody, endpoint: str, rest: dict[str, Any]) -> AuthenticationError:
    if "totp-required" in said.names:
        told_more = said.details
        details = cast("dict[str, object]", told_more) if isinstance(told_more, dict) else {}
        method, available = details.get("method"), details.get("availableMethods")
        methods = cast("list[object]", available) if isinstance(available, list) else []
        return TwoFactorRequired(
            f"{told}: give PasswordAuth a totp, or use a personal access token",
            method=method if isinstance(method, str) else None,
            available_methods=tuple(name for name in methods if isinstance(name, str)),
            **rest,
        )
    if endpoint == WEBHOOK:
        hint = "the user that the webhook posts as is gone"
    elif endpoint == LOGIN:
        hint = "user, password or second factor are wrong"
    else:
        hint = "the server does not know this user id with this token (revoked, or of another workspace?)"
    return AuthenticationError(f"{told}: {hint}", **rest)


def _forbidden(
    told: str, said: ErrorBody, endpoint: str, expected: ErrorContext, rest: dict[str, Any]
) -> PermissionDeniedError:
    special = [names for code, names in _SPECIAL_PERMISSIONS.items() if code in said.names]
    permissions = special[0] if special else expected.permissions
    if permissions:
        hint = f"; one of these permissions would do: {', '.join(permissions)}"
    elif endpoint == WEBHOOK:
        hint = "; the user that the webhook posts as may not write there"
    else:
        hint = ""
    return PermissionDeniedError(told + hint, permissions=permissions, **rest)


def _failed(told: str, status: int, endpoint: str, rest: dict[str, Any]) -> ServerError:
    if endpoint == WEBHOOK and status == 503:
        return WebhookDisabledError(
            f"{told}: the webhook is disabled (or a proxy says that the server is away)", **rest
        )
    if endpoint == WEBHOOK and status == 500:
        return ServerError(f"{told}: servers of 8.x answer so when the webhook's id or token is wrong", **rest)
    return ServerError(f"{told}: the server, or a proxy before it, failed", **rest)


def _unexpected(
    response: Response, request: Request, expected: ErrorContext, secrets: tuple[str, ...]
) -> UnexpectedResponse:
    content_type = redacted(response.headers.get("content-type"), secrets)
    location = redacted(response.headers.get("location"), secrets)
    if 300 <= response.status < 400:
        why = (
            f"a redirect to {location or 'nowhere'}, which is not followed, for the credentials would go with it: "
            "give the final address as the base URL"
        )
    else:
        lacks = f" (server {expected.since} and later have it)" if expected.since else ""
        why = f"either the base URL is wrong, or this server does not have {request.endpoint}{lacks}"
    return UnexpectedResponse(
        f"{request.endpoint}: {response.status} {content_type or 'without a content type'} "
        f"is not an answer of Rocket.Chat's API: {why}",
        status=response.status,
        content_type=content_type,
        location=location,
    )


def _violations(error: str, expected: ErrorContext) -> tuple[str, ...]:
    lines = [line.strip() for line in _SUFFIX.sub("", error).splitlines()]
    lines = [line for line in lines if line]
    if _NO_ALTERNATIVE in lines:
        # The validator stops at the first mistake in each alternative, and says one line for each, in their order.
        lines.remove(_NO_ALTERNATIVE)
        if expected.alternative is not None and len(lines) == expected.alternatives:
            lines = [lines[expected.alternative]]
    return tuple(dict.fromkeys(lines))


@attrs.frozen
class ErrorBody:
    """What a refusal says, in any of its shapes."""

    error: str | None
    error_type: str | None
    details: object
    names: frozenset[str]
    """All that the kind of the refusal can be told from."""

    @classmethod
    def of(cls, body: Mapping[str, object], secrets: tuple[str, ...]) -> ErrorBody:
        said, kind = body.get("error"), body.get("errorType")
        said = body.get("message") if said is None else said
        said = _said_of_channels(body.get("responses")) if said is None else said
        # Told from the server's own words, in which a secret may be an everyday one.
        bracketed = re.search(r"\[([\w-]+)\]$", said) if isinstance(said, str) else None
        names = {name for name in (said, kind, bracketed[1] if bracketed else None) if isinstance(name, str)}
        error_type = redacted(kind, secrets) if isinstance(kind, str) else None
        details = redacted(body.get("details", body.get("responses")), secrets)
        return cls(_shown(said, secrets), error_type, details, frozenset(names))


def _said_of_channels(responses: object) -> object:
    """Why a message got to no channel: the one reason, or all that is said of the channels."""
    if not isinstance(responses, list):
        return None
    channels = cast("list[object]", responses)
    reasons = [cast("dict[str, object]", each).get("error") if isinstance(each, dict) else each for each in channels]
    return reasons[0] if reasons and all(reason == reasons[0] for reason in reasons) else channels or None


def _shown(value: object, secrets: tuple[str, ...]) -> str | None:
    # Redacted before it is written as JSON, which spells some characters differently.
    value = redacted(value, secrets)
    text = value if value is None or isinstance(value, str) else json.dumps(value)
    return text or None


def _secrets(response: Response, request: Request) -> tuple[str, ...]:
    return spellings((*request.secrets, *response.secrets))
