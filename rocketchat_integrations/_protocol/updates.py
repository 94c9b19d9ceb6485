"""Create and update integrations: read, compare, write, compare."""

from __future__ import annotations

import os

from rocketchat_integrations.exceptions import (
    ApiError,
    ConfigurationError,
    InvalidParamsError,
    NotFoundError,
    RocketChatError,
    StaleRecordError,
    UpdateIncomplete,
)
from rocketchat_integrations.models import (
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
    trimmed,
    validate,
)

from . import endpoints
from .normalization import changed_fields, differences
from .retries import Flow, RetryPolicy, call

# What an integration without a script behaves like.
_IDLE_SCRIPT = "class Script {}"


def create(definition: IntegrationDefinition, policy: RetryPolicy) -> Flow[IntegrationRecord]:
    """Judge (a record may have been evolved into anything) and create.

    Raises:
        ConfigurationError: if a field has a value that is not allowed.
    """
    _judged(definition, None)
    return (yield from call(endpoints.create(definition), policy))


def update(id: str, wanted: IntegrationDefinition, policy: RetryPolicy, *, overwrite: bool) -> Flow[IntegrationRecord]:
    """Read, compare, write all of it, compare again.

    Raises:
        ConfigurationError: if the integration is of the other type, ``wanted`` is the record of another
            one, a field that is to change has a value that is not allowed, or is an incoming one's token.
        StaleRecordError: if ``wanted`` is a record that the server has changed since, without ``overwrite``.
        UpdateIncomplete: if the server did not take some fields.
    """
    known = wanted if isinstance(wanted, (IncomingIntegrationRecord, OutgoingIntegrationRecord)) else None
    if known is not None and known.id != id:
        raise ConfigurationError(f"id: {id} is to be updated, with the record of {known.id}")
    current = yield from call(endpoints.get(id), policy)
    if current.type is not wanted.type:
        raise ConfigurationError(f"type: {id} is {current.type}, and cannot become {wanted.type}")
    if known is not None and not overwrite and _is_stale(known, current):
        raise StaleRecordError(
            f"{id} was updated {_by_whom(current)} after this record was read: get it again and evolve that, "
            "or pass overwrite=True"
        )
    if known is not None and not overwrite and known.type is IntegrationType.INCOMING and known.token != current.token:
        raise ConfigurationError("token: the server makes an incoming integration's, and does not change it")
    _judged(wanted, changed_fields(current, wanted))
    answer = yield from _write(current, wanted, policy)
    if answer is None:
        answer = yield from _read_back(id, policy)
    missing = differences(answer, wanted)
    if missing:
        fields = ", ".join(change.field for change in missing)
        raise UpdateIncomplete(
            f"{id} was updated, but the server did not take: {fields}", changes=missing, record=answer
        )
    return answer


def _write(
    current: IntegrationRecord, wanted: IntegrationDefinition, policy: RetryPolicy
) -> Flow[IntegrationRecord | None]:
    try:
        # The server wants a token with every update of an outgoing integration, also of one that has none yet.
        return (yield from call(endpoints.update(current, wanted, os.urandom(32).hex()), policy))
    except ApiError as error:
        refusal = error
    try:
        if _runs_another_script(current, wanted, refusal):
            return (yield from _put_back(current, wanted, refusal, policy))
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _runs_another_script(current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError) -> bool:
    """Whether the server runs the new script, of an update that it refused.

    It puts an incoming integration's script to work before it looks at the channel and the user, and leaves it there
    when it refuses these.
    """
    is_rule = refusal.status == 400 and not isinstance(refusal, (InvalidParamsError, NotFoundError))
    both_run = current.script_enabled and wanted.script_enabled and trimmed(wanted.script or "") != ""
    is_incoming = current.type is IntegrationType.INCOMING
    return is_rule and is_incoming and both_run and wanted.script != current.script


def _put_back(
    current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError, policy: RetryPolicy
) -> Flow[IntegrationRecord | None]:
    """Send the same again, to be refused likewise, with the script that the server has stored.

    Raises:
        ApiError: the refusal; or if this one is taken after all, nothing.
    """
    try:
        latest = yield from call(endpoints.get(current.id), policy)
        return (yield from call(endpoints.update(latest, wanted, None, run=_what_ran(current, latest)), policy))
    except ApiError as error:
        refused_again = error.status == 400
    except RocketChatError:
        refused_again = False
    refusal.may_have_acted = refusal.may_have_acted or not refused_again
    try:
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _what_ran(before: IntegrationRecord, latest: IntegrationRecord) -> str:
    # Old data can run what it has no source of; by now that is only in the record read before.
    return next(filter(trimmed, (latest.script or "", before.script_compiled or "", _IDLE_SCRIPT)))


def _read_back(id: str, policy: RetryPolicy) -> Flow[IntegrationRecord]:
    try:
        return (yield from call(endpoints.get(id), policy))
    except RocketChatError as error:
        failure = error
    failure.may_have_acted = True  # reading failed; what was written is written
    raise failure.with_traceback(None)


def _judged(definition: IntegrationDefinition, fields: tuple[str, ...] | None) -> None:
    try:
        validate(definition, fields)
        return
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _is_stale(known: IntegrationRecord, current: IntegrationRecord) -> bool:
    if known.updated_at is None and known.updated_by is None:  # as create's answer before 8.x
        return current.updated_by is not None
    return known.updated_at != current.updated_at


def _by_whom(current: IntegrationRecord) -> str:
    username = current.updated_by.username if current.updated_by else None
    return f"by {username}" if username else "by somebody"
