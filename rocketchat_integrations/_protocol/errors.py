"""Turn a response into its payload, or raise the exception that it means.

The status decides first, then the envelope (``{"success": …}``), then the server's name of the error: see the three
tables. What the server says is quoted without the secrets of the request: it may repeat a URL or a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, NamedTuple, TypeAlias

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
from .readers import is_array, is_object

WEBHOOK = "hooks"
WEBHOOK_INFO = "hooks.info"
LOGIN = "login"

_NO_ENDPOINT = "API endpoint does not exist"
_NO_ALTERNATIVE = "must match exactly one schema in oneOf"
_INVALID_PARAMS_SUFFIX = re.compile(r"\[(error-)?invalid-params\]$")
# Errors for which another permission is needed than the endpoint's.
_SPECIAL_PERMISSIONS = {
    "error-user-lacks-message-impersonate-permission": ("message-impersonate",),
    "error-invalid-permissions": ("manage-outgoing-integrations",),
}


@attrs.frozen
class ErrorContext:
    """What is known of an endpoint and of the request, to explain a refusal."""

    permissions: tuple[str, ...] = ()
    """The permissions of which one is needed."""

    since: str | None = None
    """The first server version with the endpoint; None if all have it."""

    alternative: int | None = None
    """The index of the alternative of the request schema that was meant; None if the schema has none."""

    alternatives: int = 0
    """How many alternatives the schema has."""

    several_channels: bool = False
    """Whether a message was sent to several channels: old servers may refuse it after posting to some of them."""


class Quota(NamedTuple):
    """What a response says of its endpoint's rate limit; each None if it says nothing."""

    limit: int | None
    """The calls allowed in a window."""

    remaining: int | None
    """The calls left in this window."""

    resets_in: float | None
    """Seconds until the next window, by the server's clock: the local one may be wrong."""


def payload(response: Response, request: Request, context: ErrorContext) -> Mapping[str, object]:
    """Return the response's JSON object.

    Raises:
        ApiError: the subclass that the refusal means.
        UnexpectedResponse: if it is not an answer of Rocket.Chat's API.
    """
    body = _object(response.body)
    if body is not None and 200 <= response.status < 300 and _is_success(body):
        return body
    error = _error(_Refusal.of(response, body, request, context))
    if context.several_channels and _may_be_partial(error, body or {}):
        error.args = (f"{error}; some of the channels may have got the message",)
        error.may_have_acted = True
    raise error


def error_text(value: object, response: Response, request: Request) -> str | None:
    """Return what the server says in some place of its response, as text and without the request's secrets."""
    return _text(value, _secrets(response, request))


def quota(response: Response) -> Quota:
    """Return what the response's headers say of the rate limit."""
    headers = response.headers
    limit = _integer(headers.get("x-ratelimit-limit"))
    return Quota(limit, _integer(headers.get("x-ratelimit-remaining")), _resets_in(headers))


def _object(body: bytes) -> dict[str, object] | None:
    try:
        value: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if is_object(value) else None


def _is_success(body: Mapping[str, object]) -> bool:
    # Login and logout have "status" instead of "success".
    return body.get("success", body.get("status") == "success") is True


def _may_be_partial(error: RocketChatError, body: Mapping[str, object]) -> bool:
    """Return whether a message may have been posted to some of its channels before it was refused."""
    if not isinstance(error, ApiError) or isinstance(error, (RateLimitError, WebhookDisabledError)):
        return False
    # 401, 403 and 404 concern the URL; and with a response for each channel, no channel has the message.
    return error.status not in (401, 403, 404) and "responses" not in body


def _secrets(response: Response, request: Request) -> tuple[str, ...]:
    return spellings((*request.secrets, *response.secrets))


def _text(value: object, secrets: tuple[str, ...]) -> str | None:
    # Redact first: JSON escapes some characters of a secret.
    value = redacted(value, secrets)
    text = value if value is None or isinstance(value, str) else json.dumps(value)
    return text or None


# Rate limit headers.


def _integer(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,18}", text) else None


def _resets_in(headers: Mapping[str, str]) -> float | None:
    reset = _integer(headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    # Imported late: it loads half of the email package, and most responses have no limit.
    from email.utils import parsedate_to_datetime

    try:
        date = parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    now = date if date.tzinfo else date.replace(tzinfo=UTC)
    return max(0.0, reset / 1000 - now.timestamp())


def _retry_after(headers: Mapping[str, str], error: str) -> float | None:
    resets_in = _resets_in(headers)
    if resets_in is not None:
        return resets_in
    words = re.search(r"must wait (\d{1,9}) seconds", error)
    seconds = int(words[1]) if words else _integer(headers.get("retry-after"))
    return None if seconds is None else float(seconds)


# Refusals.


@attrs.frozen
class ErrorBody:
    """The body of a refusal, whatever its shape."""

    error: str | None
    error_type: str | None
    details: object
    names: frozenset[str]
    """All names that the kind of error may have: the message, the type, the suffix in brackets."""

    @classmethod
    def of(cls, body: Mapping[str, object], secrets: tuple[str, ...]) -> ErrorBody:
        """Read a body, and remove the secrets from it."""
        error, error_type = body.get("error"), body.get("errorType")
        error = body.get("message") if error is None else error
        error = _error_of_channels(body.get("responses")) if error is None else error
        # Before redaction: a secret may be an everyday word.
        bracketed = re.search(r"\[([\w-]+)\]$", error) if isinstance(error, str) else None
        names = {name for name in (error, error_type, bracketed[1] if bracketed else None) if isinstance(name, str)}
        return cls(
            error=_text(error, secrets),
            error_type=redacted(error_type, secrets) if isinstance(error_type, str) else None,
            details=redacted(body.get("details", body.get("responses")), secrets),
            names=frozenset(names),
        )


def _error_of_channels(responses: object) -> object:
    """Return why no channel got a message: the common error, or the whole list."""
    if not is_array(responses):
        return None
    errors = [each.get("error") if is_object(each) else each for each in responses]
    return errors[0] if errors and all(error == errors[0] for error in errors) else responses or None


@attrs.frozen
class _Refusal:
    """A response that is not a success, and what was asked."""

    status: int
    headers: Mapping[str, str]
    endpoint: str
    context: ErrorContext
    body: ErrorBody
    has_envelope: bool
    secrets: tuple[str, ...]

    @classmethod
    def of(
        cls, response: Response, body: Mapping[str, object] | None, request: Request, context: ErrorContext
    ) -> _Refusal:
        return cls(
            status=response.status,
            headers=response.headers,
            endpoint=request.endpoint,
            context=context,
            body=ErrorBody.of(body or {}, _secrets(response, request)),
            has_envelope=body is not None and _has_envelope(body, response.status),
            secrets=_secrets(response, request),
        )

    @property
    def summary(self) -> str:
        return f"{self.endpoint}: {self.status} {self.body.error or ''}".rstrip()

    @property
    def fields(self) -> dict[str, Any]:
        """The arguments that every ApiError has."""
        body = self.body
        return {
            "status": self.status,
            "endpoint": self.endpoint,
            "error": body.error,
            "error_type": body.error_type,
            "details": body.details,
        }


def _has_envelope(body: Mapping[str, object], status: int) -> bool:
    if status == 404:
        return body.get("success") is False
    return isinstance(body.get("success"), bool) and (status == 400 or 200 <= status < 300)


def _unauthenticated(refusal: _Refusal) -> ApiError:
    if "totp-required" in refusal.body.names:
        return _second_factor_required(refusal)
    if refusal.endpoint == WEBHOOK:
        hint = "the user that the webhook posts as is gone"
    elif refusal.endpoint == LOGIN:
        hint = "user, password or second factor are wrong"
    else:
        hint = "the server does not know this user id with this token (revoked, or of another workspace?)"
    return AuthenticationError(f"{refusal.summary}: {hint}", **refusal.fields)


def _second_factor_required(refusal: _Refusal) -> ApiError:
    details = refusal.body.details if is_object(refusal.body.details) else {}
    method, available = details.get("method"), details.get("availableMethods")
    return TwoFactorRequired(
        f"{refusal.summary}: give PasswordAuth a totp, or use a personal access token",
        method=method if isinstance(method, str) else None,
        available_methods=tuple(name for name in available if isinstance(name, str)) if is_array(available) else (),
        **refusal.fields,
    )


def _permission_denied(refusal: _Refusal) -> ApiError:
    special = [needed for name, needed in _SPECIAL_PERMISSIONS.items() if name in refusal.body.names]
    permissions = special[0] if special else refusal.context.permissions
    if permissions:
        hint = f"; one of these permissions is needed: {', '.join(permissions)}"
    elif refusal.endpoint == WEBHOOK:
        hint = "; the user that the webhook posts as may not write there"
    else:
        hint = ""
    return PermissionDeniedError(refusal.summary + hint, permissions=permissions, **refusal.fields)


def _rate_limited(refusal: _Refusal) -> ApiError:
    retry_after = _retry_after(refusal.headers, refusal.body.error or "")
    wait = "" if retry_after is None else f" (wait {retry_after:.0f} s)"
    limit = _integer(refusal.headers.get("x-ratelimit-limit"))
    return RateLimitError(f"{refusal.summary}{wait}", retry_after=retry_after, limit=limit, **refusal.fields)


def _server_failed(refusal: _Refusal) -> ApiError:
    hint = "the server, or a proxy in front of it, failed"
    if refusal.endpoint == WEBHOOK and refusal.status == 503:
        hint = "the webhook is disabled (or a proxy reports that the server is down)"
        return WebhookDisabledError(f"{refusal.summary}: {hint}", **refusal.fields)
    if refusal.endpoint == WEBHOOK and refusal.status == 500:
        hint = "servers of 8.x also answer this when the webhook's id or token is wrong"
    return ServerError(f"{refusal.summary}: {hint}", **refusal.fields)


def _not_found(refusal: _Refusal) -> ApiError:
    hint = "; the webhook's URL is wrong, or its integration was removed" if refusal.endpoint == WEBHOOK else ""
    return NotFoundError(refusal.summary + hint, **refusal.fields)


def _invalid_params(refusal: _Refusal) -> ApiError:
    violations = _violations(refusal.body.error or "", refusal.context)
    message = f"{refusal.endpoint}: {refusal.status} {'; '.join(violations) or refusal.body.error_type}"
    return InvalidParamsError(message, violations=violations, **refusal.fields)


def _violations(error: str, context: ErrorContext) -> tuple[str, ...]:
    lines = [line.strip() for line in _INVALID_PARAMS_SUFFIX.sub("", error).splitlines()]
    lines = [line for line in lines if line]
    if _NO_ALTERNATIVE in lines:
        # The validator reports the first violation of each alternative, one line each, in the order of the schema.
        lines.remove(_NO_ALTERNATIVE)
        if context.alternative is not None and len(lines) == context.alternatives:
            lines = [lines[context.alternative]]
    return tuple(dict.fromkeys(lines))


def _bad_request(refusal: _Refusal) -> ApiError:
    return BadRequestError(refusal.summary, **refusal.fields)


def _unexpected(refusal: _Refusal) -> UnexpectedResponse:
    content_type = redacted(refusal.headers.get("content-type"), refusal.secrets)
    location = redacted(refusal.headers.get("location"), refusal.secrets)
    if 300 <= refusal.status < 400:
        reason = (
            f"a redirect to {location or 'nowhere'}, not followed because the credentials would be sent there: "
            "use the final address as the base URL"
        )
    else:
        since = refusal.context.since
        versions = f" (server {since} and later have it)" if since else ""
        reason = f"either the base URL is wrong, or this server does not have {refusal.endpoint}{versions}"
    return UnexpectedResponse(
        f"{refusal.endpoint}: {refusal.status} {content_type or 'without a content type'} "
        f"is not an answer of Rocket.Chat's API: {reason}",
        status=refusal.status,
        content_type=content_type,
        location=location,
    )


_Mapping: TypeAlias = Mapping[Any, Callable[[_Refusal], ApiError]]

# To map an error to an exception, add its status or name to one of these tables. The first match in a table counts.

_BY_STATUS: _Mapping = {401: _unauthenticated, 403: _permission_denied, 429: _rate_limited}
"""Whatever the body is; 5xx are the server's failure."""

_BY_NAME_WITH_400: _Mapping = {
    "not_authorized": _permission_denied,
    "not-authorized": _permission_denied,
    "error-not-allowed": _permission_denied,
    "Not enough permission": _permission_denied,
    "error-user-lacks-message-impersonate-permission": _permission_denied,
    "error-invalid-permissions": _permission_denied,
    "error-too-many-requests": _rate_limited,
}
"""With status 400, also without an envelope."""

_BY_NAME: _Mapping = {
    "No integration found.": _not_found,
    "The integration does not exists.": _not_found,
    "error-invalid-integration": _not_found,
    "invalid_integration": _not_found,
    "error-invalid-integration-history": _not_found,
    "error-room-not-found": _not_found,
    "invalid-params": _invalid_params,
    "error-invalid-params": _invalid_params,
}
"""In a response with an envelope."""


def _error(refusal: _Refusal) -> RocketChatError:
    status, names = refusal.status, refusal.body.names
    if status in _BY_STATUS:
        return _BY_STATUS[status](refusal)
    if status >= 500:
        return _server_failed(refusal)
    if status == 400:
        for name, error in _BY_NAME_WITH_400.items():
            if name in names:
                return error(refusal)
    # A missing endpoint must not read as a missing integration: programs would go on to create one.
    if not refusal.has_envelope or _NO_ENDPOINT in names:
        return _unexpected(refusal)
    if status == 404:
        return _not_found(refusal)
    return next((error for name, error in _BY_NAME.items() if name in names), _bad_request)(refusal)
