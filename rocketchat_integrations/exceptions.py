"""Everything that this package raises for a call that did not work.

::

    RocketChatError
    ├── ConfigurationError            what a client or a call is given is wrong (also a ValueError)
    ├── TransportError                no complete HTTP answer
    │   └── TransportTimeout
    ├── ApiError                      the server said no
    │   ├── BadRequestError           400, unless it means one of those below
    │   │   └── InvalidParamsError
    │   ├── AuthenticationError       401
    │   │   └── TwoFactorRequired
    │   ├── PermissionDeniedError     403, and the 400s that mean it
    │   ├── NotFoundError             404, and the 400s that mean it
    │   ├── RateLimitError            429
    │   └── ServerError               5xx
    │       └── WebhookDisabledError  503 from a webhook
    ├── UnexpectedResponse            not an answer of Rocket.Chat's API
    ├── DecodingError                 success, but not in the shape that was promised
    ├── StaleRecordError              the server's record is not the one that was evolved
    ├── UpdateIncomplete              the server did not take some fields
    ├── WebhookPayloadError           a payload that is none
    │   └── WebhookVerificationError
    └── ProvisioningError
        ├── ManifestError
        ├── AmbiguousIntegration
        ├── UnsafePlan
        ├── StalePlan
        └── ApplyError

Every one of them holds plain values only: it can be pickled and sent between
processes, and has no secret in its text. What requests, urllib3 or the operating
system raised is told in words and never chained, for those exceptions hold the
request with its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from .models import Change, IncomingIntegrationRecord, OutgoingIntegrationRecord


class RocketChatError(Exception):
    """The root: ``except RocketChatError`` catches every failure of a call.

    Attributes:
        may_have_acted: whether the server could have done what was asked. True
            for answers that were lost, broken or unreadable, for 5xx, and for messages
            to several channels of which some may have got it; False where the server
            surely refused or was not reached.
    """

    may_have_acted: bool

    def __init__(self, message: str, *, may_have_acted: bool = False) -> None:
        super().__init__(message)
        self.may_have_acted = may_have_acted

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self._plain_state())

    def _plain_state(self) -> dict[str, Any]:
        return dict(vars(self))


def _restored(kind: type[RocketChatError], args: tuple[Any, ...], state: dict[str, Any]) -> RocketChatError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(RocketChatError, ValueError):
    """What a client or a call is given is wrong. Nothing was changed on the server."""


class TransportError(RocketChatError):
    """There was no complete HTTP answer.

    Attributes:
        kind: what went wrong: ``"refused"``, ``"unreachable"``, ``"name"`` (the host
            name is unknown), ``"certificate"``, ``"tls"``, ``"proxy"``, ``"reset"``,
            ``"incomplete"``, ``"too-large"``, ``"timeout"`` or ``"other"``.
        host: the host that was called.
        port: its port.
    """

    kind: str
    host: str
    port: int

    def __init__(self, message: str, *, kind: str, host: str, port: int, may_have_acted: bool) -> None:
        super().__init__(message, may_have_acted=may_have_acted)
        self.kind = kind
        self.host = host
        self.port = port


class TransportTimeout(TransportError):
    """The connection, or the answer, took longer than the client's timeout."""


class ApiError(RocketChatError):
    """The server said no.

    Attributes:
        status: the HTTP status.
        error: what the server said, as text; None if it said nothing that can be read.
        error_type: the server's name of the error (``errorType``), such as
            ``"error-invalid-room"``; None if it gave none.
        details: what the server added: an object, an array or text; None if nothing.
        endpoint: the endpoint, such as ``"integrations.create"``; ``"hooks"`` for webhooks.
    """

    status: int
    error: str | None
    error_type: str | None
    details: object
    endpoint: str

    def __init__(
        self,
        message: str,
        *,
        status: int,
        endpoint: str,
        error: str | None = None,
        error_type: str | None = None,
        details: object = None,
    ) -> None:
        super().__init__(message, may_have_acted=status >= 500)
        self.status = status
        self.error = error
        self.error_type = error_type
        self.details = details
        self.endpoint = endpoint


class BadRequestError(ApiError):
    """400: one of the server's rules refused the request; ``error_type`` names the rule."""


class InvalidParamsError(BadRequestError):
    """400: the request does not have the form that this server's version wants.

    Attributes:
        violations: what is wrong, one line each: the server's words, without its
            repetitions and without the lines that concern the other kind of integration.
    """

    violations: tuple[str, ...]

    def __init__(self, message: str, *, violations: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.violations = violations


class AuthenticationError(ApiError):
    """401: not logged in. The token is unknown, revoked or another user's, or the password is wrong."""


class TwoFactorRequired(AuthenticationError):
    """401: the account wants a second factor: give ``PasswordAuth`` a ``totp``, or use a ``TokenAuth``.

    Attributes:
        method: the method that the server asked for: ``"totp"``, ``"email"`` or ``"password"``.
        available_methods: the methods that this account could use.
    """

    method: str | None
    available_methods: tuple[str, ...]

    def __init__(self, message: str, *, method: str | None, available_methods: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.method = method
        self.available_methods = available_methods


class PermissionDeniedError(ApiError):
    """403, or a 400 that means it: the user lacks a permission.

    Attributes:
        permissions: the permissions of which one would do; empty where no permission
            is the reason (the user of a webhook is not in the room, say).
    """

    permissions: tuple[str, ...]

    def __init__(self, message: str, *, permissions: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.permissions = permissions


class NotFoundError(ApiError):
    """There is no such integration, history record or room, or it is somebody else's."""


class RateLimitError(ApiError):
    """429: too many calls. Nothing was done.

    Attributes:
        retry_after: seconds to wait, as the server counts them; None if it did not say.
        limit: how many calls the server allows in a window; None if it did not say.
    """

    retry_after: float | None
    limit: int | None

    def __init__(self, message: str, *, retry_after: float | None, limit: int | None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after = retry_after
        self.limit = limit


class ServerError(ApiError):
    """5xx: the server, or a proxy before it, failed. It may have done what was asked."""


class WebhookDisabledError(ServerError):
    """503 from a webhook: the integration is disabled (or a proxy says that the server is away)."""


class UnexpectedResponse(RocketChatError):
    """Not an answer of Rocket.Chat's API.

    A web page or "API endpoint does not exist" means a wrong base URL, or an
    endpoint that this server does not have yet; a redirect (never followed, for the
    token would go with it) means that the base URL is not the final one.

    Attributes:
        status: the HTTP status.
        content_type: the ``Content-Type``; None if there was none.
        location: where a redirect points to, without secrets; None if it is none.
    """

    status: int
    content_type: str | None
    location: str | None

    def __init__(self, message: str, *, status: int, content_type: str | None, location: str | None) -> None:
        super().__init__(message, may_have_acted=status < 300)
        self.status = status
        self.content_type = content_type
        self.location = location


class DecodingError(RocketChatError):
    """The server says that it succeeded, and what it sent is not what was promised.

    Attributes:
        errors: what is wrong, one line each, with the path in the answer. No line
            shows a value.
        id: the id of the record that cannot be read; None if it has none.
    """

    errors: tuple[str, ...]
    id: str | None

    def __init__(self, message: str, *, errors: tuple[str, ...], id: str | None = None) -> None:
        super().__init__(message, may_have_acted=True)
        self.errors = errors
        self.id = id


class StaleRecordError(RocketChatError):
    """The record given to ``update`` is not what the server has now: somebody changed it since.

    Nothing was written. Get the record again and evolve that one, or write over the
    other change with ``overwrite=True``.
    """


class UpdateIncomplete(RocketChatError):
    """The update went through, but the server did not take some fields.

    Attributes:
        changes: the fields that still differ: ``old`` is what the server has, ``new``
            what was asked for.
        record: the record as the server has it now. (A copy or a pickle of this
            exception leaves out the record's token.)
    """

    changes: tuple[Change, ...]
    record: IncomingIntegrationRecord | OutgoingIntegrationRecord

    def __init__(
        self,
        message: str,
        *,
        changes: tuple[Change, ...],
        record: IncomingIntegrationRecord | OutgoingIntegrationRecord,
    ) -> None:
        super().__init__(message, may_have_acted=True)
        self.changes = changes
        self.record = record

    def _plain_state(self) -> dict[str, Any]:
        # Exceptions travel to result stores and logs unasked; the token stays behind.
        return {**super()._plain_state(), "record": attrs.evolve(self.record, token=None)}


class WebhookPayloadError(RocketChatError):
    """What was received is not the payload of an outgoing webhook.

    Attributes:
        answer_status: the HTTP status to answer with: 400, 413 or 415.
    """

    answer_status: int

    def __init__(self, message: str, *, answer_status: int = 400) -> None:
        super().__init__(message)
        self.answer_status = answer_status


class WebhookVerificationError(WebhookPayloadError):
    """The token of a payload is wrong or missing: it does not come from the integration."""

    def __init__(self, message: str) -> None:
        super().__init__(message, answer_status=401)


class ProvisioningError(RocketChatError):
    """Bringing a workspace in line with definitions did not work."""


class ManifestError(ProvisioningError):
    """A manifest has mistakes.

    Attributes:
        reasons: all of them, each with its file and place.
    """

    reasons: tuple[str, ...]

    def __init__(self, message: str, *, reasons: tuple[str, ...]) -> None:
        super().__init__(message)
        self.reasons = reasons


class AmbiguousIntegration(ProvisioningError):
    """Two integrations on the server could be the one that is wanted.

    They have the same type and name, or the one has its name and the other the name that it is renamed from. The
    message tells their ids. Nothing was written.
    """


class UnsafePlan(ProvisioningError):
    """A plan removes more than is allowed. Nothing was written."""


class StalePlan(ProvisioningError):
    """The server changed since the plan was made. Nothing was written."""


class ApplyError(ProvisioningError):
    """Some steps of a plan failed.

    Attributes:
        done: the steps that were done.
        failed: the steps that failed, each with its exception: :class:`~rocketchat_integrations.provisioning.Failure`.
        pending: the steps that were not tried.
    """

    done: tuple[Any, ...]
    failed: tuple[Any, ...]
    pending: tuple[Any, ...]

    def __init__(
        self, message: str, *, done: tuple[Any, ...], failed: tuple[Any, ...], pending: tuple[Any, ...]
    ) -> None:
        super().__init__(message, may_have_acted=True)
        self.done = done
        self.failed = failed
        self.pending = pending
