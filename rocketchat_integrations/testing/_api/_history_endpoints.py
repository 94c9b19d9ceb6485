"""Endpoints ``integrations.history``, ``clearHistory`` and ``replayOutgoing``."""

from __future__ import annotations

from rocketchat_integrations.testing._world._documents import Collection, Document
from rocketchat_integrations.testing._world._events import Replay
from rocketchat_integrations.testing._world._permissions import OUTGOING_KIND
from rocketchat_integrations.testing._world._refusals import broken_rule
from rocketchat_integrations.testing._world._rules_outgoing import OutgoingRules

from ._endpoint import ApiCall, page_of, success


def history(call: ApiCall) -> Document:
    """Answer ``integrations.history``."""
    page = call.page
    records = page.ordered(call.world.history.get(call.params["id"], Collection()))
    shown = (record for record in records if OUTGOING_KIND.is_visible(call.user, record["integration"]))
    return page_of("history", page, shown, with_items=True)


def clear_history(call: ApiCall) -> Document:
    """Answer ``integrations.clearHistory``."""
    method = "clearIntegrationHistory"
    OutgoingRules(call.world, call.dialect, call.settings).check_permission(call.user, method)
    document = _manageable(call, method)
    call.world.clear_history(document["_id"])
    return success()


def replay_outgoing(call: ApiCall) -> Document:
    """Answer ``integrations.replayOutgoing``."""
    method = "replayOutgoingIntegration"
    integration = _manageable(call, method)
    history_id = call.params["historyId"]
    record = call.world.history.get(integration["_id"], Collection()).get(history_id)
    if record is None:
        raise broken_rule(
            "error-invalid-integration-history",
            "Invalid Integration History",
            {"method": method},
            f"integration {integration['_id']!r} has no history record {history_id!r}",
        )
    event, url = record.get("event"), record.get("url")
    if isinstance(event, str) and isinstance(url, str):
        call.world.outbox.append(Replay(integration, event, url))
    return success()


def _manageable(call: ApiCall, method: str) -> Document:
    rules = OutgoingRules(call.world, call.dialect, call.settings)
    return rules.manageable(call.user, call.params["integrationId"], method)
