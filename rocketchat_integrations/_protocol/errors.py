"""Turn a response into its payload, or raise the exception that it means.

The status decides first, then the envelope (``{"success": …}``), then the server's name of the error: see the three
tables. What the server says is quoted without the secrets of the request: it may repeat a URL or a token.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any, NamedTuple, TypeAlias, TypeVar

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    DecodingError,
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
from .json_bodies import Flaw, decode_json, parse_object
from .readers import is_array, is_object
from .transport_errors import failure

E = TypeVar("E", bound=ApiError)

WEBHOOK = "hooks"
WEBHOOK_INFO = "hooks.info"
LOGIN = "login"

_NO_ENDPOINT = "API endpoint does not exist"
_NO_ALTERNATIVE = "must match exactly one schema in oneOf"
# Errors for which another permission is needed than the endpoint's, by the endpoint (None: any) and the error.
_SPECIAL_PERMISSIONS = {
    (None, "error-user-lacks-message-impersonate-permission"): ("message-impersonate",),
    (None, "error-invalid-permissions"): ("manage-outgoing-integrations",),
    (WEBHOOK, "Not enough permission"): ("message-impersonate",),  # for a message with an alias or an avatar
}


@attrs.frozen
class ErrorContext:
    """What is known of an endpoint and of the request, to explain a refusal."""

    permissions: tuple[str, ...] = ()  # one of them is needed
    since: str | None = None  # the first server version with the endpoint; None if all have it
    alternative: int | None = None  # the index of the alternative of the request schema that was meant
    alternatives: int = 0  # how many alternatives the schema has
    # Whether the request names a room: the user may have the permissions, and not be allowed to enter it.
    names_room: bool = False
    # Whether a message was sent to several channels: old servers may refuse it after posting to some of them.
    several_channels: bool = False


class Quota(NamedTuple):
    """What a response says of its endpoint's rate limit; each None if it says nothing."""

    limit: int | None  # the calls allowed in a window
    remaining: int | None  # the calls left in this window
    resets_in: float | None  # seconds until the next window, by the server's clock: the local one may be wrong


def payload(
    response: Response,
    request: Request,
    context: ErrorContext,
    parse: Callable[[bytes], object] = decode_json,
) -> Mapping[str, object]:
    """Return the response's JSON object, or raise the exception that the response means."""
    found = _parsed(response, parse)
    body = found if is_object(found) else {}
    # Login and logout have "status" instead of "success".
    if 200 <= response.status < 300 and body.get("success", body.get("status") == "success") is True:
        return body
    error = _error(_Refusal(response, found, request, context))
    if context.several_channels and _may_be_partial(error, body):
        error.args = (f"{error}; some of the channels may have got the message",)
        error.may_have_acted = True
    raise error


def _parsed(response: Response, parse: Callable[[bytes], object]) -> dict[str, object] | Flaw | None:
    is_json = response.headers.get("content-type", "").startswith("application/json")
    return Flaw.CUT if response.status == 200 and is_json and not response.body else parse_object(response.body, parse)


def _may_be_partial(error: RocketChatError, body: Mapping[str, object]) -> bool:
    if not isinstance(error, ApiError) or isinstance(error, (RateLimitError, WebhookDisabledError)):
        return False
    # 401, 403 and 404 concern the URL; and with a response for each channel, no channel has the message.
    return error.status not in (401, 403, 404) and "responses" not in body


def secrets_of(response: Response, request: Request) -> tuple[str, ...]:
    """Return the secrets to hide in what the server says, in all their spellings."""
    return spellings((*request.secrets, *response.secrets))


def error_text(value: object, secrets: tuple[str, ...]) -> str | None:
    """Return a part of the server's response as text, without secrets."""
    # Redact first: JSON escapes some characters of a secret.
    value = redacted(value, secrets)
    return (value if value is None or isinstance(value, str) else json.dumps(value)) or None


def quota(response: Response) -> Quota:
    """Read the rate limit from the response's headers."""
    headers = response.headers
    limit = _integer(headers.get("x-ratelimit-limit"))
    return Quota(limit, _integer(headers.get("x-ratelimit-remaining")), _resets_in(headers))


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
    seconds = _integer(words[1] if words else headers.get("retry-after"))
    return None if seconds is None else float(seconds)


class _Refusal:
    """A response that is not a success, and what was asked."""

    def __init__(
        self, response: Response, found: dict[str, object] | Flaw | None, request: Request, context: ErrorContext
    ) -> None:
        body = found if is_object(found) else {}
        self.flaw = found if isinstance(found, Flaw) else None
        self.url = response.url
        self.request_size = len(request.body or b"")
        self.status = response.status
        self.headers = response.headers
        self.endpoint = request.endpoint
        self.context = context
        self.secrets = secrets_of(response, request)
        self.has_envelope = _has_envelope(body, response.status)
        error, error_type = body.get("error"), body.get("errorType")
        error = body.get("message") if error is None else error
        error = _error_of_channels(body.get("responses")) if error is None else error
        self.error = error_text(error, self.secrets)
        self.error_type = redacted(error_type, self.secrets) if isinstance(error_type, str) else None
        self.details: object = redacted(body.get("details", body.get("responses")), self.secrets)
        # All names that the kind of error may have. Before redaction: a secret may be an everyday word.
        bracketed = re.search(r"\[([\w-]+)\]$", error) if isinstance(error, str) else None
        self.names = {name for name in (error, error_type, bracketed and bracketed[1]) if isinstance(name, str)}

    def exception(self, kind: type[E], hint: str | None = None, *, message: str | None = None, **fields: Any) -> E:
        """Make the exception, with this hint or the one of the table."""
        if hint is None:
            hint = _HINTS.get((self.endpoint, kind)) or _HINTS.get((None, kind), "")
        summary = f"{self.endpoint}: {self.status} {message or self.error or ''}".rstrip()
        return kind(
            f"{summary}{hint}",
            status=self.status,
            endpoint=self.endpoint,
            error=self.error,
            error_type=self.error_type,
            details=self.details,
            **fields,
        )


def _has_envelope(body: Mapping[str, object], status: int) -> bool:
    if status == 404:
        return body.get("success") is False
    return isinstance(body.get("success"), bool) and (status == 400 or 200 <= status < 300)


def _error_of_channels(responses: object) -> object:
    """Return why no channel got a message: the common error, or the whole list."""
    if not is_array(responses):
        return None
    errors = [each.get("error") if is_object(each) else each for each in responses]
    return errors[0] if errors and all(error == errors[0] for error in errors) else responses or None


# The hint of an exception, by the endpoint (None: any other) and the class.
_HINTS: dict[tuple[str | None, type[ApiError]], str] = {
    (WEBHOOK, AuthenticationError): ": the user that the webhook posts as is gone",
    (LOGIN, AuthenticationError): ": user, password or second factor are wrong",
    (
        None,
        AuthenticationError,
    ): ": the server does not know this user id with this token (revoked, or of another workspace?)",
    (None, TwoFactorRequired): ": give PasswordAuth a totp, or use a personal access token",
    (WEBHOOK, PermissionDeniedError): "; the user that the webhook posts as may not write there",
    (WEBHOOK, NotFoundError): "; the webhook's URL is wrong, or its integration was removed",
    (None, WebhookDisabledError): ": the webhook is disabled (or a proxy reports that the server is down)",
    (None, ServerError): ": the server, or a proxy in front of it, failed",
}


def _unauthenticated(refusal: _Refusal) -> ApiError:
    if "totp-required" not in refusal.names:
        return refusal.exception(AuthenticationError)
    details = refusal.details if is_object(refusal.details) else {}
    method, available = details.get("method"), details.get("availableMethods")
    return refusal.exception(
        TwoFactorRequired,
        method=method if isinstance(method, str) else None,
        available_methods=tuple(name for name in available if isinstance(name, str)) if is_array(available) else (),
    )


def _permission_denied(refusal: _Refusal) -> ApiError:
    # Where a permission is missing, servers from 7.0 on say so. For 6.x, `paging` makes sure.
    if refusal.context.names_room and refusal.error and "permission" not in refusal.error.lower():
        return refusal.exception(PermissionDeniedError, "; the user may not enter the room", permissions=())
    special = [
        needed
        for (endpoint, name), needed in _SPECIAL_PERMISSIONS.items()
        if name in refusal.names and endpoint in (None, refusal.endpoint)
    ]
    permissions = special[0] if special else refusal.context.permissions
    hint = f"; one of these permissions is needed: {', '.join(permissions)}" if permissions else None
    return refusal.exception(PermissionDeniedError, hint, permissions=permissions)


def _rate_limited(refusal: _Refusal) -> ApiError:
    retry_after = _retry_after(refusal.headers, refusal.error or "")
    wait = "" if retry_after is None else f" (wait {retry_after:.0f} s)"
    limit = _integer(refusal.headers.get("x-ratelimit-limit"))
    return refusal.exception(RateLimitError, wait, retry_after=retry_after, limit=limit)


def _server_failed(refusal: _Refusal) -> ApiError:
    if refusal.endpoint == WEBHOOK and refusal.status == 503:
        return refusal.exception(WebhookDisabledError)
    if refusal.endpoint == WEBHOOK and refusal.status == 500:
        hint = ": servers of 8.x also answer this when the webhook's id or token is wrong"
        return refusal.exception(ServerError, hint)
    return refusal.exception(ServerError)


def _not_found(refusal: _Refusal) -> ApiError:
    return refusal.exception(NotFoundError)


def _bad_request(refusal: _Refusal) -> ApiError:
    return refusal.exception(BadRequestError)


def _invalid_params(refusal: _Refusal) -> ApiError:
    violations = _violations(refusal.error or "", refusal.context)
    message = "; ".join(violations) or refusal.error_type
    return refusal.exception(InvalidParamsError, message=message, violations=violations)


def _violations(error: str, context: ErrorContext) -> tuple[str, ...]:
    error = re.sub(r"\[(error-)?invalid-params\]$", "", error)
    lines = [line for line in map(str.strip, error.splitlines()) if line]
    if _NO_ALTERNATIVE in lines:
        # The validator reports the first violation of each alternative, one line each, in the order of the schema.
        lines.remove(_NO_ALTERNATIVE)
        if context.alternative is not None and len(lines) == context.alternatives:
            lines = [lines[context.alternative]]
    return tuple(dict.fromkeys(lines))


# Why a proxy, or the server's HTTP layer, has refused a request.
_REASONS = {
    407: "the proxy requires credentials: put them into its URL (http://user:password@proxy.example.com:3128)",
    408: "the server, or a proxy in front of it, has waited too long for the request",
    413: "the request of {size} bytes is larger than the server, or a proxy in front of it, allows",
}


def _unexpected(refusal: _Refusal) -> RocketChatError:
    content_type = redacted(refusal.headers.get("content-type"), refusal.secrets)
    location = redacted(refusal.headers.get("location"), refusal.secrets)
    if 300 <= refusal.status < 400:
        reason = (
            f"a redirect to {location or 'nowhere'}, not followed because the credentials would be sent there: "
            "use the final address as the base URL"
        )
    elif refusal.status in _REASONS:
        reason = _REASONS[refusal.status].format(size=refusal.request_size)
    elif refusal.flaw is not None:
        return _flawed(refusal, refusal.flaw)
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


def _flawed(refusal: _Refusal, flaw: Flaw) -> RocketChatError:
    if flaw is Flaw.DEEP:
        error: RocketChatError = DecodingError(f"{refusal.endpoint}: {flaw.value}", errors=(flaw.value,))
    else:
        kind = "incomplete" if flaw is Flaw.CUT else "too-large"
        error = failure(f"{flaw.value} ({refusal.endpoint}: {refusal.status})", kind, refusal.url)
    error.may_have_acted = refusal.status < 300 or refusal.context.several_channels
    return error


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
    status, names = refusal.status, refusal.names
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
