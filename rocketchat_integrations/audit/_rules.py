"""What is wrong with an integration: rules over records, calls and the problems of scripts."""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Sequence
from urllib.parse import urlsplit

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import DecodingError
from rocketchat_integrations.models import (
    CallOutcome,
    HistoryEntry,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegrationRecord,
)
from rocketchat_integrations.scripts import ProblemKind, ScriptProblem

from ._findings import Finding, FindingKind

LAST_CALLS = 5
"""How many calls have to fail, or all if there are fewer."""


def _finding(record: IntegrationRecord, kind: FindingKind, message: str, instead: str) -> Finding:
    return Finding(kind=kind, message=message, instead=instead, id=record.id, type=record.type, name=record.name)


# Records


def unreadable(error: DecodingError) -> Finding:
    """Return the finding for a record that cannot be read."""
    return Finding(
        kind=FindingKind.UNREADABLE,
        message=str(error),
        instead="Look at it in the administration of the workspace; a newer version of this package may read it.",
        id=error.id,
        type=None,
        name=None,
    )


def disabled(record: IntegrationRecord) -> Iterator[Finding]:
    """Yield a finding if the integration is disabled."""
    if not record.enabled:
        yield _finding(
            record, FindingKind.DISABLED, "the integration is disabled", "Remove it if nobody needs it any more."
        )


def duplicates(records: Iterable[IntegrationRecord]) -> Iterator[Finding]:
    """Yield a finding for each integration with the same type and name as another."""
    groups: defaultdict[tuple[IntegrationType, str], list[IntegrationRecord]] = defaultdict(list)
    for record in records:
        groups[record.type, record.name].append(record)
    for group in groups.values():
        for record in group if len(group) > 1 else ():
            others = ", ".join(other.id for other in group if other is not record)
            yield _finding(
                record,
                FindingKind.DUPLICATE,
                f"the same type and name as {others}",
                "Rename or remove one: a manifest cannot tell them apart.",
            )


def user_gone(record: IntegrationRecord) -> Finding:
    """Return the finding for an integration whose user does not exist."""
    return _finding(
        record,
        FindingKind.USER_GONE,
        f"the user {record.username!r} that it posts as does not exist",
        "Set username to an existing user, and enable the integration: servers disable it with the user.",
    )


# Scripts

_NOT_COMPILING = {ProblemKind.SYNTAX_ERROR, ProblemKind.MISSING_LINE_BREAK}


def runs_script(record: IntegrationRecord) -> bool:
    """Return whether the integration has a script that is enabled."""
    return record.script_enabled and bool((record.script or "").strip())


def script_error(record: IntegrationRecord, problems: Iterable[ScriptProblem]) -> Iterator[Finding]:
    """Yield a finding if the server could not compile the script."""
    if record.script_error is None:
        return
    place = next((f": {problem}" for problem in problems if problem.kind in _NOT_COMPILING), "")
    yield _finding(
        record,
        FindingKind.SCRIPT_ERROR,
        f"the server cannot compile the script{place}",
        "Correct the syntax: the server runs the integration without the script.",
    )


def script_not_ready(record: IntegrationRecord, problems: Iterable[ScriptProblem]) -> Iterator[Finding]:
    """Yield a finding for each place in the script that breaks on server 9.0."""
    for problem in problems:
        if problem.kind is ProblemKind.NOT_ANALYZED:
            yield _finding(record, FindingKind.SCRIPT_NOT_CHECKED, problem.message, problem.instead)
        elif problem.kind not in _NOT_COMPILING or record.script_error is None:
            yield _finding(record, FindingKind.SCRIPT_NOT_READY, str(problem), problem.instead)


# URLs


@attrs.frozen
class _Address:
    """The parts of a URL that may be shown."""

    scheme: str
    host: str
    place: str
    """Host and port."""

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        ip = _ip_address(self.host)
        return ip is not None and ip.is_loopback


def _ip_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _address(url: str) -> _Address | None:
    """Return the address of a URL, or None if the URL cannot be called."""
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not host:
        return None
    shown = f"[{host}]" if ":" in host else host
    return _Address(parts.scheme, host, shown if port is None else f"{shown}:{port}")


def _addresses(record: OutgoingIntegrationRecord) -> list[_Address | None]:
    """Return the distinct addresses of an integration's URLs, in order."""
    return list(dict.fromkeys(map(_address, record.urls)))


def has_token(record: IntegrationRecord) -> bool:
    """Return whether the integration has a token that is not blank."""
    return bool((record.token or "").strip())


def no_token(record: OutgoingIntegrationRecord) -> Iterator[Finding]:
    """Yield a finding if the program that is called cannot verify the caller."""
    if not has_token(record):
        yield _finding(
            record,
            FindingKind.NO_TOKEN,
            "no token: the program cannot verify that Rocket.Chat is the caller",
            "Set a token, and let the program check it.",
        )


def url_findings(record: OutgoingIntegrationRecord) -> Iterator[Finding]:
    """Yield findings for URLs that cannot be called, or are called without encryption."""
    secrets = _secrets(record)
    for address in _addresses(record):
        if address is None:
            yield _finding(
                record, FindingKind.INVALID_URL, "a URL that cannot be called", "Begin it with https:// and a host."
            )
        elif address.scheme == "http" and not address.is_loopback:
            yield _finding(
                record,
                FindingKind.PLAIN_HTTP,
                redacted(f"messages and the token go to {address.place} without encryption", secrets),
                "Use https://.",
            )


def hosts(record: OutgoingIntegrationRecord) -> set[str]:
    """Return the host names in the URLs, except names of this machine."""
    found = {address for address in _addresses(record) if address is not None and not address.is_loopback}
    return {address.host for address in found if _ip_address(address.host) is None}


def unknown_hosts(record: OutgoingIntegrationRecord, unknown: Container[str]) -> Iterator[Finding]:
    """Yield a finding for each host that has no address."""
    for host in sorted(hosts(record)):
        if host in unknown:
            yield _finding(
                record,
                FindingKind.UNKNOWN_HOST,
                redacted(f"the host {host} does not resolve from this machine", _secrets(record)),
                "Correct the URL, or check that the server can resolve the host.",
            )


def _secrets(record: OutgoingIntegrationRecord) -> tuple[str, ...]:
    return spellings([record.token] if record.token else [])


# Calls


def calls_failed(record: OutgoingIntegrationRecord, newest: Iterable[HistoryEntry]) -> Iterator[Finding]:
    """Yield a finding if all of the last calls failed.

    Calls before the last change of the integration do not count, and neither do those that wait for a reply.

    Args:
        record: the integration.
        newest: its last calls, newest first.
    """
    calls = [call for call in newest if call.outcome is not CallOutcome.IN_PROGRESS and not _is_older(call, record)][
        :LAST_CALLS
    ]
    if calls and all(call.outcome.is_failure for call in calls):
        yield _finding(
            record,
            FindingKind.CALLS_FAILED,
            f"{_number_of(calls)} since its last change failed",
            "Look for the errors in its history, and correct the URL or the program.",
        )


def _is_older(call: HistoryEntry, record: OutgoingIntegrationRecord) -> bool:
    times = call.created_at, record.updated_at
    return times[0] is not None and times[1] is not None and times[0] < times[1]


def _number_of(calls: Sequence[HistoryEntry]) -> str:
    if len(calls) < LAST_CALLS:
        return "the only call" if len(calls) == 1 else f"all {len(calls)} calls"
    return f"the last {len(calls)} calls"
