"""Find problems in the integrations of a workspace, without changing anything.

:func:`audit` reads the integrations, the history of their calls and their scripts. The rules are pure functions of
records.
"""

from ._audit_client import AuditClient, AuditWebhook
from ._auditor import audit
from ._findings import Audit, Finding, FindingKind, Severity
from ._host_lookup import host_exists

__all__ = [
    "Audit",
    "AuditClient",
    "AuditWebhook",
    "Finding",
    "FindingKind",
    "Severity",
    "audit",
    "host_exists",
]
