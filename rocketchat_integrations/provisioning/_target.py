"""The workspace that a plan is for, and the check that a client is one for the same workspace."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs

from rocketchat_integrations.exceptions import UnsafePlan

_DEFAULT_PORTS = {"http": 80, "https": 443}


@attrs.frozen(kw_only=True)
class Target:
    """The workspace that a plan was made for, and the user who read it.

    The user's id is used instead of the workspace's own, the setting ``uniqueID``. That would cost a request, and would
    not help more: a restored copy of a workspace has the same one.
    """

    url: str
    """The workspace's URL."""

    user_id: str
    """The id of the user who made the plan."""

    def __str__(self) -> str:
        return f"{self.url} (user {self.user_id})"


def check_target(planned: Target | None, url: str, user_id: str) -> None:
    """Raise UnsafePlan if a plan was made for another workspace or by another user."""
    if planned is not None and (_address(planned.url), planned.user_id) == (_address(url), user_id):
        return
    made_for = "does not name its workspace" if planned is None else f"was made for {planned}"
    raise UnsafePlan(
        f"the plan {made_for}, and this is {Target(url=url, user_id=user_id)}. Plan again for this workspace; "
        "any_workspace=True (--any-workspace) applies it all the same. Nothing was written"
    )


def _address(url: str) -> tuple[object, ...]:
    """Return what two spellings of a workspace's URL have in common."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme), parts.path.rstrip("/")
