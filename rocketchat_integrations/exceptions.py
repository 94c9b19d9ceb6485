"""The exceptions of this package.

::

    RocketChatError
    ├── ConfigurationError            an option, an argument or credentials are invalid (also a ValueError)
    ├── TransportError                no complete HTTP answer
    │   └── TransportTimeout
    ├── ApiError                      the server refused
    │   ├── BadRequestError           400, unless it means one of the others
    │   │   └── InvalidParamsError
    │   ├── AuthenticationError       401
    │   │   └── TwoFactorRequired
    │   ├── PermissionDeniedError     403, and the 400s that mean it
    │   ├── NotFoundError             404, and the 400s that mean it
    │   ├── RateLimitError            429
    │   └── ServerError               5xx
    │       └── WebhookDisabledError  503 from a webhook
    ├── UnexpectedResponse            not an answer of Rocket.Chat's API
    ├── DecodingError                 success, but an invalid payload
    ├── StaleRecordError              the record has changed on the server
    ├── UpdateIncomplete              the server did not store some fields
    ├── PostIncomplete                only the first parts of a split message were posted
    ├── WebhookPayloadError           not a valid payload of an outgoing webhook
    │   └── WebhookVerificationError
    ├── IntegrationScriptError        an integration's script failed in ``scripts``
    │   ├── ScriptSyntaxError         it does not compile
    │   ├── ScriptRuntimeError        it threw an error
    │   └── ScriptLimitError          it took too long, or too much memory
    └── ProvisioningError
        ├── ManifestError
        ├── AmbiguousIntegration
        ├── UnsafePlan
        ├── StalePlan
        └── ApplyError

    InsecureTransportWarning          others can read and change a client's calls (a UserWarning)

They contain only plain values, so that they can be pickled, and no text shows a
secret. An exception of requests, urllib3 or the operating system is described and
not chained, since it contains the request with its tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from .messages import Message
    from .models import Change, IntegrationRecord


class InsecureTransportWarning(UserWarning):
    """Others can read the tokens and change the calls of a client or a webhook.

    Shown when one is created with ``verify=False``, or for ``http://`` unless the host is this machine (``localhost``,
    ``127.0.0.1``, ``::1``). With Python's default filter, it is shown once for each line of your program that creates
    one, and for each host. To turn it off: ``warnings.simplefilter("ignore", InsecureTransportWarning)``. The command
    line prints it as one line.
    """


class RocketChatError(Exception):
    """The base class: ``except RocketChatError`` catches every failure of a call.

    Attributes:
        may_have_acted: whether the server may have done what was requested. True
            for answers that were lost, broken or unreadable, for 5xx, and for messages
            to several channels of which some may have been posted; False where the
            server refused or was not reached.
    """

    def __init__(self, message: str, *, may_have_acted: bool = False) -> None:
        super().__init__(message)
        self.may_have_acted: bool = may_have_acted

    def __str__(self) -> str:
        # Lone surrogates, which a server's JSON may contain, could not be printed.
        return super().__str__().encode(errors="backslashreplace").decode()

    def __reduce__(self) -> tuple[Any, ...]:
        # Call no constructor, since their arguments differ.
        return type(self).__new__, (type(self), *self.args), vars(self).copy()


class ConfigurationError(RocketChatError, ValueError):
    """An option, an argument or credentials are invalid. Nothing was changed on the server."""


class TransportError(RocketChatError):
    """There was no complete HTTP answer.

    An exception that a signal handler raises during a call is raised unchanged, even a ``TimeoutError``, and so is one
    that another library throws into it, unless its class is one of Python's own or of the HTTP libraries.

    Attributes:
        kind: the kind of failure: ``"refused"``, ``"unreachable"``, ``"name"`` (the host
            name is unknown), ``"certificate"``, ``"tls"``, ``"proxy"``, ``"reset"``,
            ``"incomplete"``, ``"too-large"``, ``"timeout"`` or ``"other"``.
        tries: how many times the call was tried; if more than once, the message says so.
        host: the host of the request.
        port: the port of the request.
    """

    def __init__(self, message: str, *, kind: str, host: str, port: int, may_have_acted: bool) -> None:
        super().__init__(message, may_have_acted=may_have_acted)
        self.kind: str = kind
        self.tries: int = 1
        self.host: str = host
        self.port: int = port


class TransportTimeout(TransportError):
    """Connecting or answering took longer than the client's timeout."""


class ApiError(RocketChatError):
    """The server refused the request.

    Attributes:
        status: the HTTP status.
        error: the server's message; None if there is none that can be read.
        error_type: the server's name of the error (``errorType``), such as
            ``"error-invalid-room"``; None if there is none.
        details: the server's details: an object, an array or text; None if there are none.
        endpoint: the endpoint, such as ``"integrations.create"``; ``"hooks"`` for webhooks.
    """

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
        self.status: int = status
        self.error: str | None = error
        self.error_type: str | None = error_type
        self.details: object = details
        self.endpoint: str = endpoint


class BadRequestError(ApiError):
    """400: a rule of the server refused the request; ``error_type`` names the rule."""


class InvalidParamsError(BadRequestError):
    """400: the request does not match the schema of the server's version.

    Attributes:
        violations: the server's messages, one for each violation, without repetitions and
            without those about the other type of integration.
    """

    def __init__(self, message: str, *, violations: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.violations: tuple[str, ...] = violations


class AuthenticationError(ApiError):
    """401: not logged in. The token is unknown, revoked or another user's, or the password is wrong."""


class TwoFactorRequired(AuthenticationError):
    """401: the account requires a second factor: give ``PasswordAuth`` a ``totp``, or use a ``TokenAuth``.

    Attributes:
        method: the method that the server requires: ``"totp"``, ``"email"`` or ``"password"``.
        available_methods: the methods that the account can use.
    """

    def __init__(self, message: str, *, method: str | None, available_methods: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.method: str | None = method
        self.available_methods: tuple[str, ...] = available_methods


class PermissionDeniedError(ApiError):
    """403, or a 400 that means it: the user lacks a permission.

    Attributes:
        permissions: permissions, any one of which is enough; empty if the cause is not a
            permission, for example if the user may not enter the room, or the user of a
            webhook may not write there.
    """

    def __init__(self, message: str, *, permissions: tuple[str, ...], **rest: Any) -> None:
        super().__init__(message, **rest)
        self.permissions: tuple[str, ...] = permissions


class NotFoundError(ApiError):
    """The integration, history entry or room does not exist, or belongs to another user."""


class RateLimitError(ApiError):
    """429: too many calls. Nothing was done.

    Attributes:
        retry_after: seconds to wait, by the server's clock; None if the server did not say.
        limit: how many calls the server allows in a window; None if the server did not say.
    """

    def __init__(self, message: str, *, retry_after: float | None, limit: int | None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.retry_after: float | None = retry_after
        self.limit: int | None = limit


class ServerError(ApiError):
    """5xx: the server or a proxy failed. The server may have done what was requested."""


class WebhookDisabledError(ServerError):
    """503 from a webhook: the integration is disabled, or a proxy does not reach the server."""


class UnexpectedResponse(RocketChatError):
    """Not an answer of Rocket.Chat's API.

    A web page or "API endpoint does not exist" means a wrong base URL, or an
    endpoint that this server does not have yet. A redirect means that the base URL is
    not the final one; it is not followed, since the token would go with it. 407, 408 and
    413 mean that a proxy requires credentials, has waited too long for the request, or
    does not allow one of this size.

    Attributes:
        status: the HTTP status.
        content_type: the ``Content-Type``; None if there is none.
        location: the target of a redirect, without secrets; None for other answers.
    """

    def __init__(self, message: str, *, status: int, content_type: str | None, location: str | None) -> None:
        # After 408, the server may still get the request that a proxy has given up on.
        super().__init__(message, may_have_acted=status < 300 or status == 408)
        self.status: int = status
        self.content_type: str | None = content_type
        self.location: str | None = location


class DecodingError(RocketChatError):
    """The answer reports success, but its payload is invalid.

    Attributes:
        errors: the problems, one for each value, with its path in the answer. None shows
            a value.
        id: the id of the record that cannot be read; None if it has none.
    """

    def __init__(self, message: str, *, errors: tuple[str, ...], id: str | None = None) -> None:
        super().__init__(message, may_have_acted=True)
        self.errors: tuple[str, ...] = errors
        self.id: str | None = id


class StaleRecordError(RocketChatError):
    """The record given to ``update`` has changed on the server since it was read.

    Nothing was written. Get the record again and evolve that one, or overwrite the
    other change with ``overwrite=True``.
    """


class UpdateIncomplete(RocketChatError):
    """The update succeeded, but the server did not store some fields.

    Attributes:
        changes: the fields that still differ: ``old`` is the value on the server, ``new``
            the requested one.
        record: the record as the server has it now. A copy or pickle of this exception
            omits the record's token.
    """

    def __init__(self, message: str, *, changes: tuple[Change, ...], record: IntegrationRecord) -> None:
        super().__init__(message, may_have_acted=True)
        self.changes: tuple[Change, ...] = changes
        self.record: IntegrationRecord = record

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are stored and logged by other programs, which must not get the token.
        make, args, state = super().__reduce__()
        return make, args, {**state, "record": attrs.evolve(self.record, token=None)}


class PostIncomplete(RocketChatError):
    """A message was split, and the first parts were posted, but not all.

    To continue without posting anything twice, post the messages in ``remaining`` later. If ``error.may_have_acted``
    is true, the first of them may have been posted.

    Attributes:
        posted: how many parts were posted, at least 1.
        remaining: the messages that were not posted: the one that failed, and those after it.
        error: why the next one failed.
    """

    def __init__(self, message: str, *, posted: int, remaining: tuple[Message, ...], error: RocketChatError) -> None:
        super().__init__(message, may_have_acted=True)
        self.posted: int = posted
        self.remaining: tuple[Message, ...] = remaining
        self.error: RocketChatError = error


class WebhookPayloadError(RocketChatError):
    """A request is not a valid payload of an outgoing webhook.

    Attributes:
        answer_status: the HTTP status to answer with: 400, 413 or 415.
    """

    def __init__(self, message: str, *, answer_status: int = 400) -> None:
        super().__init__(message)
        self.answer_status: int = answer_status


class WebhookVerificationError(WebhookPayloadError):
    """The token of a payload is wrong or missing: it is not from the integration."""

    def __init__(self, message: str) -> None:
        super().__init__(message, answer_status=401)


class IntegrationScriptError(RocketChatError):
    """An integration's script failed in :mod:`rocketchat_integrations.scripts`.

    The text of the exception quotes no string of the script, since it may be a secret. The attributes have the whole
    text of the error.
    """


class ScriptSyntaxError(IntegrationScriptError):
    """A script does not compile: server 9.0 would store this as ``script_error``, and run no script.

    Attributes:
        name: the class of the JavaScript error: ``"SyntaxError"``.
        message: V8's message, which may quote the script.
        line: the line of the script, from 1.
        column: the column in that line, from 1; None if V8 names none.
    """

    def __init__(self, text: str, *, name: str, message: str, line: int, column: int | None) -> None:
        super().__init__(text)
        self.name: str = name
        self.message: str = message
        self.line: int = line
        self.column: int | None = column


class ScriptRuntimeError(IntegrationScriptError):
    """A script threw an error while it was loaded or called, or returned a promise that was rejected.

    Attributes:
        name: the class of the JavaScript error, such as ``"ReferenceError"``; empty if no error was thrown, but a text
            or another value.
        message: its message, or what was thrown as text.
        stack: its stack trace, with the lines of the script as ``script.js``; empty if there is none.
        logs: what the script wrote to the console before: :class:`~rocketchat_integrations.scripts.LogLine`.
        leaked: the names that it made global before by assigning to them without a declaration, with ``strict=False``.
    """

    def __init__(
        self,
        text: str,
        *,
        name: str,
        message: str,
        stack: str,
        logs: tuple[Any, ...] = (),
        leaked: tuple[str, ...] = (),
    ) -> None:
        super().__init__(text)
        self.name: str = name
        self.message: str = message
        self.stack: str = stack
        self.logs: tuple[Any, ...] = logs
        self.leaked: tuple[str, ...] = leaked


class ScriptLimitError(IntegrationScriptError):
    """A script took too long or too much memory, or returned a promise that never settles.

    Attributes:
        limit: ``"time"``, ``"memory"`` or ``"promise"``. After ``"time"`` and ``"memory"``, the script cannot be called
            again.
        logs: what the script wrote to the console before: :class:`~rocketchat_integrations.scripts.LogLine`. Empty if
            V8 could not be interrupted.
    """

    def __init__(self, text: str, *, limit: str, logs: tuple[Any, ...] = ()) -> None:
        super().__init__(text)
        self.limit: str = limit
        self.logs: tuple[Any, ...] = logs


class ProvisioningError(RocketChatError):
    """A manifest or plan is invalid, or could not be applied."""


class ManifestError(ProvisioningError):
    """A manifest has mistakes.

    Attributes:
        reasons: all mistakes, each with its file and place.
    """

    def __init__(self, message: str, *, reasons: tuple[str, ...]) -> None:
        super().__init__(message)
        self.reasons: tuple[str, ...] = reasons


class AmbiguousIntegration(ProvisioningError):
    """Two integrations on the server match one definition.

    They have the same type and name, or one has the name and the other the name that it is renamed from. The message
    names their ids. Nothing was written.
    """


class UnsafePlan(ProvisioningError):
    """A plan removes more integrations than allowed, or was made for another workspace. Nothing was written."""


class StalePlan(ProvisioningError):
    """An integration has changed on the server since the plan was made. Nothing was written."""


class ApplyError(ProvisioningError):
    """Some steps of a plan failed.

    Attributes:
        done: the steps that succeeded.
        failed: the steps that failed, each with its exception: :class:`~rocketchat_integrations.provisioning.Failure`.
        pending: the steps that were not tried.
    """

    def __init__(
        self, message: str, *, done: tuple[Any, ...], failed: tuple[Any, ...], pending: tuple[Any, ...]
    ) -> None:
        super().__init__(message, may_have_acted=True)
        self.done: tuple[Any, ...] = done
        self.failed: tuple[Any, ...] = failed
        self.pending: tuple[Any, ...] = pending
