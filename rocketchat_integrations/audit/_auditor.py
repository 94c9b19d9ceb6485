"""Read a workspace, and apply the rules to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from rocketchat_integrations.exceptions import (
    AuthenticationError,
    ConfigurationError,
    DecodingError,
    PermissionDeniedError,
    UnexpectedResponse,
)
from rocketchat_integrations.models import IntegrationRecord, IntegrationType, OutgoingIntegrationRecord
from rocketchat_integrations.scripts import ScriptProblem
from rocketchat_integrations.scripts._analysis import static_problems

from . import _rules as rules
from ._audit_client import AuditClient
from ._findings import Audit, Finding, FindingKind
from ._host_lookup import host_exists, look_up

# Of each history, as many calls as one request gives.
_CALLS = 50

_KINDS = list(FindingKind)


def audit(
    client: AuditClient,
    *,
    users: bool = True,
    history: bool = True,
    resolve: Callable[[str], bool | None] | None = host_exists,
    on_progress: Callable[[int, int], object] | None = None,
) -> Audit:
    """Find problems in the integrations of a workspace. Changes nothing, and posts nothing.

    If the user has only the manage-own permissions, only the integrations that they created are checked.

    Of a disabled integration, only the script, the user and the name are checked. An audit cannot find out whether the
    user of an incoming integration has the permission ``message-impersonate``, which servers from 8.6 on require: a
    note says so.

    Args:
        client: the workspace.
        users: ask whether the users exist that integrations post as. One request for each integration with a token, for
            which servers have no common rate limit. Servers before 8.0 do not tell.
        history: read the last calls of outgoing integrations. One request for each that is enabled; servers allow 10 a
            minute by default, and the client waits.
        resolve: says whether a host exists, or None if that cannot be found out; called in several threads. All hosts
            together may take 10 seconds. None looks up no host.
        on_progress: called with the number of requests made and their total before each request, the list not counted.

    Raises:
        PermissionDeniedError: the user may not list integrations.
        RocketChatError: any other failure of a call.
    """
    errors: list[DecodingError] = []
    records = list(client.list(on_error=errors.append))
    outgoing = [record for record in records if isinstance(record, OutgoingIntegrationRecord) and record.enabled]
    asked = [record for record in records if rules.has_token(record)] if users else []
    auditor = _Auditor(client, len(asked) + (len(outgoing) if history else 0), on_progress)
    findings = [
        *map(rules.unreadable, errors),
        *(finding for record in records for finding in rules.disabled(record)),
        *rules.duplicates(records),
        *(finding for record in outgoing for finding in (*rules.no_token(record), *rules.url_findings(record))),
        *auditor.check_scripts(records),
        *(auditor.check_hosts(outgoing, resolve) if resolve else ()),
        *auditor.check_users(asked),
        *(auditor.check_calls(outgoing) if history else ()),
    ]
    if any(record.type is IntegrationType.INCOMING for record in records):
        auditor.notes.append(
            "Not checked: whether the users of incoming integrations have the permission message-impersonate, which "
            "servers since 8.6 require. Look at the roles of the users: bot and app have it, admin does not."
        )
    findings.sort(key=lambda it: (_KINDS.index(it.kind), it.type or "", it.name or "", it.id or ""))
    return Audit(findings=tuple(findings), notes=tuple(auditor.notes), integrations=len(records) + len(errors))


class _Auditor:
    """Makes the checks that need more than the records, and notes what could not be checked."""

    def __init__(self, client: AuditClient, total: int, on_progress: Callable[[int, int], object] | None) -> None:
        self.notes: list[str] = []
        self._client = client
        self._done, self._total = 0, total
        self._on_progress = on_progress

    def _advance(self) -> None:
        if self._on_progress is not None:
            self._on_progress(self._done, self._total)
        self._done += 1

    def check_scripts(self, records: Sequence[IntegrationRecord]) -> Iterator[Finding]:
        """Yield what is wrong with the scripts."""
        problems: tuple[ScriptProblem, ...] = ()
        can_analyze = True
        for record in filter(rules.runs_script, records):
            if can_analyze:
                try:
                    problems = static_problems(record.script or "")
                except ConfigurationError as error:
                    can_analyze = False
                    self.notes.append(f"Not checked: whether the scripts run on server 9.0: {error}")
            yield from rules.script_error(record, problems)
            yield from rules.script_not_ready(record, problems)

    def check_hosts(
        self, records: Sequence[OutgoingIntegrationRecord], resolve: Callable[[str], bool | None]
    ) -> Iterator[Finding]:
        """Yield the hosts that do not exist."""
        exists = look_up({host for record in records for host in rules.hosts(record)}, resolve)
        missing = {host for host, answer in exists.items() if answer is False}
        if undecided := sum(answer is None for answer in exists.values()):
            self.notes.append(f"Not checked: whether {undecided} of {len(exists)} hosts resolve: there was no answer.")
        for record in records:
            yield from rules.unknown_hosts(record, missing)

    def check_users(self, records: Sequence[IntegrationRecord]) -> Iterator[Finding]:
        """Yield the integrations whose user does not exist."""
        failures: list[Exception] = []
        for record in records:
            self._advance()
            try:
                self._client.webhook(record).check()
            except AuthenticationError:
                yield rules.user_gone(record)
            except (ConfigurationError, PermissionDeniedError, UnexpectedResponse) as error:
                failures.append(error)  # a token that no URL can have, or a proxy that hides webhooks
        if failures:
            self.notes.append(
                f"Not checked: whether users exist, for {len(failures)} of {len(records)} integrations: {failures[0]}"
            )

    def check_calls(self, records: Sequence[OutgoingIntegrationRecord]) -> Iterator[Finding]:
        """Yield the integrations whose last calls failed."""
        for record in records:
            self._advance()
            try:
                calls = list(islice(self._client.history(record, on_error=lambda _: None), _CALLS))
            except PermissionDeniedError as error:
                self.notes.append(f"Not checked: whether the last calls failed: {error}")
                return
            yield from rules.calls_failed(record, calls)
