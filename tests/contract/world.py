"""Definitions that the embedded server can take, because it has the rooms and users in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from hypothesis import HealthCheck, settings, strategies as st

from rocketchat_integrations import IntegrationDefinition, IntegrationType
from rocketchat_integrations.testing import strategies
from rocketchat_integrations.testing._world._starting_world import DEFAULT_WORLD
from tests.contract.versions import NEWEST, takes_skip_transpile

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Settings for examples that talk to a server, or to another process."""

Fields: TypeAlias = Mapping[str, st.SearchStrategy[Any]]

_PLACES = ["#general", "@alice", " #random ", "#GENERAL", "@bobid000000000001"]
_EVERYWHERE = ["all_public_channels", "all_private_groups", "all_direct_messages"]
SERVER: Mapping[str, Any] = {
    **DEFAULT_WORLD,
    "users": [
        {**user, "permissions": ["message-impersonate", *user.get("permissions", ())]}
        for user in DEFAULT_WORLD["users"]
    ],
}
"""The embedded server's default world, with users that incoming integrations may post as."""

_USERNAME = st.sampled_from(["rocket.cat", "alice"])
_SCRIPTS: Fields = {} if takes_skip_transpile(NEWEST) else {"skip_transpile": st.none()}

WORLD: Mapping[IntegrationType, Fields] = {
    IntegrationType.INCOMING: {
        "channel": st.lists(st.sampled_from(_PLACES), min_size=1, max_size=3),
        "username": _USERNAME,
        **_SCRIPTS,
    },
    IntegrationType.OUTGOING: {
        # No channel means every public channel.
        "channel": st.lists(st.sampled_from([*_PLACES, *_EVERYWHERE]), max_size=3),
        "username": _USERNAME,
        **_SCRIPTS,
    },
}
"""Strategies for the fields that depend on the server: rooms, users, and what older and newer versions lack."""

INTEGRATIONS: st.SearchStrategy[IntegrationDefinition] = strategies.incoming_integrations(
    **WORLD[IntegrationType.INCOMING]
) | strategies.outgoing_integrations(**WORLD[IntegrationType.OUTGOING])
"""Definitions of both types."""
