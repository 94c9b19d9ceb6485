"""Integrations as code: compare a workspace with what is wanted, and change it.

:func:`plan` reads and compares, :func:`apply` writes. Both are idempotent: when the workspace is as wanted, the plan is
empty.

``plan_async`` and ``apply_async`` of ``rocketchat_integrations.aio`` do the same with an asynchronous client.
"""

from ._apply import apply
from ._plan import Plan
from ._planner import plan
from ._provisioning_client import AsyncProvisioningClient, ProvisioningClient
from ._steps import Create, LiteralSecret, Remove, Step, Unchanged, Update
from ._target import Target
from ._work import Failure, Progress, Report

__all__ = [
    "AsyncProvisioningClient",
    "Create",
    "Failure",
    "LiteralSecret",
    "Plan",
    "Progress",
    "ProvisioningClient",
    "Remove",
    "Report",
    "Step",
    "Target",
    "Unchanged",
    "Update",
    "apply",
    "plan",
]
