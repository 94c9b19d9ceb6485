"""Addresses of webhooks: posting, and the question whether an address is right."""

from __future__ import annotations

from rocketchat_integrations.testing._delivery._incoming_webhooks import Webhooks
from rocketchat_integrations.testing._world._documents import Document

from ._endpoint import ApiCall, success


def hook(call: ApiCall) -> Document:
    """Answer ``/hooks/ID/TOKEN``."""
    webhooks = Webhooks(call.world, call.dialect)
    document = webhooks.find(call.integration_id, call.token)
    if call.method == "POST":
        return webhooks.post(document, call.params)
    # GET has no body, so no script runs on it.
    return webhooks.post(document, {}, runs_script=False)


def hook_info(call: ApiCall) -> Document:
    """Answer ``/hooks/info/ID/USER/TOKEN``."""
    webhooks = Webhooks(call.world, call.dialect)
    webhooks.check_poster(webhooks.find(call.integration_id, call.token))
    return success()
