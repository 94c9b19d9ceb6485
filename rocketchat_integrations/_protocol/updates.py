"""Update an integration: read, compare, write, compare again."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.exceptions import (
    ApiError,
    ConfigurationError,
    InvalidParamsError,
    NotFoundError,
    RocketChatError,
    StaleRecordError,
    UpdateIncomplete,
)
from rocketchat_integrations.models import IntegrationDefinition, IntegrationRecord, IntegrationType, validate

from . import endpoints
from .arguments import is_record
from .flows import Flow, call
from .normalization import changed_fields, differences


def check_fields(definition: IntegrationDefinition, fields: Iterable[str] | None = None) -> None:
    """Raise ConfigurationError if one of these fields, or of all, has a value that is not allowed."""
    try:
        validate(definition, fields)
        return
    except (TypeError, ValueError) as error:
        problem = str(error)
    raise ConfigurationError(problem)


def update(
    id: str, wanted: IntegrationDefinition, *, overwrite: bool, new_token: Callable[[], str]
) -> Flow[IntegrationRecord]:
    """Read the record, write the whole definition, and compare the result with it.

    `new_token` makes a token for an outgoing integration that has none.
    """
    if is_record(wanted) and wanted.id != id:
        raise ConfigurationError(f"id: {id} cannot be updated with the record of {wanted.id}")
    current = yield from _read(id, was_written=False)
    _check_against(current, wanted, overwrite=overwrite)
    result = yield from _write(current, wanted, new_token)
    if result is None:
        result = yield from _read(id, was_written=True)
    # A server that runs scripts as they are may keep an old `skip_transpile` that is true.
    missing = tuple(each for each in differences(result, wanted) if each.field != "skip_transpile" or each.new)
    if missing:
        fields = ", ".join(change.field for change in missing)
        message = f"{id} was updated, but the server did not take: {fields}"
        raise UpdateIncomplete(message, changes=missing, record=result)
    return result


def _check_against(current: IntegrationRecord, wanted: IntegrationDefinition, *, overwrite: bool) -> None:
    if current.type is not wanted.type:
        raise ConfigurationError(f"type: {current.id} is {current.type} and cannot become {wanted.type}")
    if is_record(wanted) and not overwrite:
        if _is_stale(wanted, current):
            username = (current.updated_by and current.updated_by.username) or "somebody"
            raise StaleRecordError(
                f"{current.id} was updated by {username} after this record was read: get it again and evolve that, "
                "or pass overwrite=True"
            )
        if wanted.type is IntegrationType.INCOMING and wanted.token != current.token:
            raise ConfigurationError("token: cannot be changed on an incoming integration")
    check_fields(wanted, changed_fields(current, wanted))


def _is_stale(known: IntegrationRecord, current: IntegrationRecord) -> bool:
    if known.updated_at is None and known.updated_by is None:  # the response to create before 8.x
        return current.updated_by is not None
    return known.updated_at != current.updated_at


def _write(
    current: IntegrationRecord, wanted: IntegrationDefinition, new_token: Callable[[], str]
) -> Flow[IntegrationRecord | None]:
    try:
        # The server requires a token in every update of an outgoing integration, even if it has none yet.
        # Inline: a local variable with the token would appear in tracebacks.
        return (yield from call(endpoints.update(current, wanted, new_token())))
    except ApiError as error:
        refusal = error
    try:
        if _runs_new_script(current, wanted, refusal):
            return (yield from _restore_script(current, wanted, refusal))
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _runs_new_script(current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError) -> bool:
    """Return whether the server runs the new script, although it refused the update.

    It compiles an incoming integration's script before it checks the channel and the user, and keeps running it
    when these checks fail.
    """
    is_rule = refusal.status == 400 and not isinstance(refusal, (InvalidParamsError, NotFoundError))
    both_run = current.script_enabled and wanted.script_enabled and trimmed(wanted.script or "") != ""
    is_incoming = current.type is IntegrationType.INCOMING
    return is_rule and is_incoming and both_run and wanted.script != current.script


def _restore_script(
    current: IntegrationRecord, wanted: IntegrationDefinition, refusal: ApiError
) -> Flow[IntegrationRecord | None]:
    """Send the refused update again with the stored script, so that the server runs that one.

    Returns the server's record if this update is accepted; raises the refusal if it is refused again.
    """
    try:
        latest = yield from call(endpoints.get(current.id))
        # Old records may have only `script_compiled`; use the one read before the refused update.
        # The empty class does nothing, like an integration without a script.
        scripts = (latest.script or "", current.script_compiled or "", "class Script {}")
        return (yield from call(endpoints.update(latest, wanted, None, run=next(filter(trimmed, scripts)))))
    except ApiError as error:
        refused_again = error.status == 400
    except RocketChatError:
        refused_again = False
    refusal.may_have_acted = refusal.may_have_acted or not refused_again
    try:
        raise refusal.with_traceback(None)
    finally:
        del refusal


def _read(id: str, *, was_written: bool) -> Flow[IntegrationRecord]:
    try:
        return (yield from call(endpoints.get(id)))
    except RocketChatError as error:
        failure = error
    failure.may_have_acted = was_written  # A lost answer to a read changes nothing.
    raise failure.with_traceback(None)
