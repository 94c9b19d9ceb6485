"""The endpoints of each dialect: method, schema, permissions, handler."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from rocketchat_integrations.testing._world._dialect import Dialect
from rocketchat_integrations.testing._world._permissions import INCOMING_KIND, OUTGOING_KIND

from . import (
    _account_endpoints as account,
    _history_endpoints as history,
    _integration_endpoints as integrations,
    _say_endpoint as say,
    _schemas as schemas,
    _webhook_endpoints as webhooks,
)
from ._endpoint import Endpoint
from ._validator import closed, without

_ANY = INCOMING_KIND.permissions | OUTGOING_KIND.permissions
_OUTGOING = OUTGOING_KIND.permissions

# ``hooks`` is the address of a webhook, ``hooks.info`` the question whether it is right. A real server has no ``say``.
_COMMON: Mapping[str, Endpoint] = {
    "integrations.history": Endpoint(
        handle=history.history, methods=("GET",), schema=schemas.HISTORY, permissions=_OUTGOING
    ),
    "integrations.remove": Endpoint(
        handle=integrations.remove, methods=("POST",), schema=schemas.REMOVE, permissions=_ANY
    ),
    "login": Endpoint(handle=account.login, methods=("POST",), login=False),
    "logout": Endpoint(handle=account.logout, methods=("POST",)),
    "info": Endpoint(handle=account.info, methods=("GET",), login=False, limited=False),
    "say": Endpoint(handle=say.say, methods=("POST",), limited=False),
    "hooks": Endpoint(handle=webhooks.hook, methods=("GET", "POST"), login=False),
    "hooks.info": Endpoint(handle=webhooks.hook_info, methods=("GET",), login=False, limited=False),
}

# Endpoints without permissions here leave the check to their rules.
_OF_6: Mapping[str, Endpoint] = {
    "integrations.create": Endpoint(
        handle=integrations.create, methods=("POST",), schema=without(schemas.CREATE, "skipTranspile")
    ),
    "integrations.get": Endpoint(handle=integrations.get, methods=("GET",), schema=schemas.GET),
    "integrations.list": Endpoint(handle=integrations.list_all, methods=("GET",), permissions=_ANY),
    "integrations.update": Endpoint(
        handle=integrations.update, methods=("PUT",), schema=without(schemas.UPDATE, "skipTranspile")
    ),
    "channels.getIntegrations": Endpoint(handle=integrations.list_of_channel, methods=("GET",), permissions=_ANY),
    "groups.getIntegrations": Endpoint(handle=integrations.list_of_group, methods=("GET",), permissions=_ANY),
}

_OF_8: Mapping[str, Endpoint] = {
    "integrations.create": Endpoint(handle=integrations.create, methods=("POST",), schema=schemas.CREATE),
    "integrations.get": Endpoint(handle=integrations.get, methods=("GET",), schema=schemas.GET),
    "integrations.list": Endpoint(
        handle=integrations.list_all, methods=("GET",), schema=schemas.LIST, permissions=_ANY
    ),
    "integrations.update": Endpoint(handle=integrations.update, methods=("PUT",), schema=schemas.UPDATE),
    "integrations.clearHistory": Endpoint(
        handle=history.clear_history, methods=("POST",), schema=schemas.CLEAR_HISTORY
    ),
    "integrations.replayOutgoing": Endpoint(
        handle=history.replay_outgoing, methods=("POST",), schema=schemas.REPLAY_OUTGOING
    ),
    "channels.getIntegrations": Endpoint(
        handle=integrations.list_of_channel,
        methods=("GET",),
        schema=schemas.CHANNEL_INTEGRATIONS,
        permissions=_ANY,
    ),
    "groups.getIntegrations": Endpoint(
        handle=integrations.list_of_group, methods=("GET",), schema=schemas.GROUP_INTEGRATIONS, permissions=_ANY
    ),
}

_BEFORE_8_7 = {
    name: endpoint
    for name, endpoint in _OF_8.items()
    if name not in ("integrations.clearHistory", "integrations.replayOutgoing")
}
_WITHOUT_SKIP_TRANSPILE = {name: _OF_6[name] for name in ("integrations.create", "integrations.update")}
_WITHOUT_QUERY = {
    "integrations.get": attrs.evolve(_OF_8["integrations.get"], schema=closed(schemas.GET)),
    "integrations.list": attrs.evolve(_OF_8["integrations.list"], schema=without(schemas.LIST, "query")),
    "integrations.history": attrs.evolve(_COMMON["integrations.history"], schema=without(schemas.HISTORY, "query")),
}


def endpoints_of(dialect: Dialect) -> Mapping[str, Endpoint]:
    """Return the endpoints of a dialect by their names."""
    if dialect.major < 8:
        return {**_OF_6, **_COMMON}
    endpoints = {**(_OF_8 if dialect.is_at_least(8, 7) else _BEFORE_8_7), **_COMMON}
    if dialect.skip_transpile == "refused":
        endpoints |= _WITHOUT_SKIP_TRANSPILE
    if dialect.major >= 9:
        endpoints |= _WITHOUT_QUERY
    return endpoints
