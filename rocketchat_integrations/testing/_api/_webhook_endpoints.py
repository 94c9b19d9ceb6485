"""Addresses of webhooks: posting, and the question whether an address is right."""

from __future__ import annotations

from rocketchat_integrations.testing._delivery._incoming_webhooks import PendingAnswer, Webhooks
from rocketchat_integrations.testing._world._documents import Document

from ._endpoint import ApiCall, success


def hook(call: ApiCall) -> Document | PendingAnswer:
    """Answer ``/hooks/ID/TOKEN``."""
    webhooks = _webhooks(call)
    return webhooks.post(webhooks.find(call.integration_id, call.token), call.hook_request)


def hook_info(call: ApiCall) -> Document:
    """Answer ``/hooks/info/ID/USER/TOKEN``."""
    webhooks = _webhooks(call)
    webhooks.check_poster(webhooks.find(call.integration_id, call.token))
    return success()


def _webhooks(call: ApiCall) -> Webhooks:
    return Webhooks(call.world, call.dialect, call.scripts)
