"""What an audit finds: kinds, severities and words."""

from __future__ import annotations

from enum import StrEnum

import attrs

from rocketchat_integrations.models import IntegrationType


class Severity(StrEnum):
    """The severity of a `Finding`."""

    ERROR = "error"
    """The integration does not work, or will not on server 9.0."""
    WARNING = "warning"
    """The integration may fail, or is not safe."""
    INFO = "info"
    """Probably intended."""


class FindingKind(StrEnum):
    """The kind of a `Finding`. Each has one severity; the order is that of the findings of an audit."""

    SCRIPT_ERROR = "script-error"
    """The server could not compile the script, and runs the integration without it. An error."""
    SCRIPT_NOT_READY = "script-not-ready"
    """A place in the script breaks on server 9.0. An error."""
    USER_GONE = "user-gone"
    """The user that the integration posts as does not exist. An error."""
    INVALID_URL = "invalid-url"
    """A URL of an outgoing integration does not begin with ``http://`` or ``https://`` and a host. An error."""
    CALLS_FAILED = "calls-failed"
    """All of the last calls (at most 5) since the last change of an outgoing integration failed. An error."""
    SCRIPT_NOT_CHECKED = "script-not-checked"
    """The script is too large or nested too deeply to be checked. A warning."""
    UNKNOWN_HOST = "unknown-host"
    """The host of a URL cannot be resolved on this machine. A warning."""
    PLAIN_HTTP = "plain-http"
    """A URL begins with ``http://``, and its host is not the server's own machine. A warning."""
    NO_TOKEN = "no-token"  # noqa: S105 - the name of a rule
    """An outgoing integration has no token, so the program cannot verify the caller. A warning."""
    DUPLICATE = "duplicate"
    """Another integration has the same type and name. A warning."""
    UNREADABLE = "unreadable"
    """The record cannot be read by this version of the package, and was not checked. A warning."""
    DISABLED = "disabled"
    """The integration is disabled. For information."""

    @property
    def severity(self) -> Severity:
        """The severity of all findings of this kind."""
        return _SEVERITIES.get(self, Severity.WARNING)


_ERRORS = (
    FindingKind.SCRIPT_ERROR,
    FindingKind.SCRIPT_NOT_READY,
    FindingKind.USER_GONE,
    FindingKind.INVALID_URL,
    FindingKind.CALLS_FAILED,
)
_SEVERITIES = {**dict.fromkeys(_ERRORS, Severity.ERROR), FindingKind.DISABLED: Severity.INFO}


@attrs.frozen(kw_only=True)
class Finding:
    """Something that is wrong with an integration. Contains no tokens, and of URLs only the host and the port."""

    kind: FindingKind
    """The kind of finding."""

    message: str
    """What is wrong, in one clause."""

    instead: str
    """What to do about it, in one sentence."""

    id: str | None
    """The id of the integration; None if its record has none."""

    type: IntegrationType | None
    """The type of the integration; None if its record cannot be read."""

    name: str | None
    """The name of the integration; None if its record cannot be read."""

    @property
    def severity(self) -> Severity:
        """The severity of the kind."""
        return self.kind.severity


@attrs.frozen(kw_only=True)
class Audit:
    """The result of :func:`audit`."""

    findings: tuple[Finding, ...]
    """What is wrong, by kind, type and name: errors first."""

    notes: tuple[str, ...]
    """A sentence for each check that was not made, with the reason."""

    integrations: int
    """How many integrations were read, those that are unreadable included."""
