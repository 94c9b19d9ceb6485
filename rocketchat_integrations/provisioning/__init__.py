"""Integrations as code: what has to change so that a workspace is as wanted, and the changing.

:func:`plan` reads and compares, :func:`apply` writes. Both can be called again at any time: a plan of a
workspace that is as wanted has nothing to do.
"""

from ._applying import Failure, Progress, Report, apply
from ._plan import Plan
from ._planning import plan
from ._steps import Create, LiteralSecret, Remove, Step, Unchanged, Update
from ._workspace import Workspace

__all__ = [
    "Create",
    "Failure",
    "LiteralSecret",
    "Plan",
    "Progress",
    "Remove",
    "Report",
    "Step",
    "Unchanged",
    "Update",
    "Workspace",
    "apply",
    "plan",
]
