"""Limit how many integrations a plan may remove."""

from __future__ import annotations

from rocketchat_integrations.exceptions import UnsafePlan

from ._plan import Plan

_REMOVALS_WHEN_PRUNING = 10


def check_removals(plan: Plan, max_removals: int | None) -> None:
    """Raise UnsafePlan if the plan removes more than is allowed."""
    allowed = (_REMOVALS_WHEN_PRUNING if plan.prune else 0) if max_removals is None else max_removals
    if len(plan.removals) > allowed:
        raise UnsafePlan(f"the plan removes {len(plan.removals)} integrations, and max_removals allows {allowed}")
