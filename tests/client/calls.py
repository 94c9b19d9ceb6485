"""The table of all public calls that send requests, for tests that make each of them."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from rocketchat_integrations import Client, IncomingIntegrationRecord, OutgoingIntegrationRecord


@attrs.frozen
class PublicCall:
    """A public method, called with a client and the records of two integrations that exist."""

    endpoint: str
    make: Callable[[Client, IncomingIntegrationRecord, OutgoingIntegrationRecord], object]
    is_repeatable: bool = True
    """Whether it may be repeated after a lost answer."""

    is_missing_in_6: bool = False
    """Whether 6.x lacks the endpoint."""


CALLS = {
    "Client.create": PublicCall(
        "integrations.create", lambda c, hook, bot: c.create(bot.definition), is_repeatable=False
    ),
    "Client.get": PublicCall("integrations.get", lambda c, hook, bot: c.get(hook.id)),
    "Client.list": PublicCall("integrations.list", lambda c, hook, bot: list(c.list())),
    "Client.history": PublicCall("integrations.history", lambda c, hook, bot: list(c.history(bot.id))),
    "Client.update": PublicCall(
        "integrations.update", lambda c, hook, bot: c.update(bot.id, attrs.evolve(bot, alias="x"), overwrite=True)
    ),
    "Client.remove": PublicCall("integrations.remove", lambda c, hook, bot: c.remove(bot)),
    "Client.clear_history": PublicCall(
        "integrations.clearHistory", lambda c, hook, bot: c.clear_history(bot.id), is_missing_in_6=True
    ),
    "Client.replay_outgoing": PublicCall(
        "integrations.replayOutgoing",
        lambda c, hook, bot: c.replay_outgoing(bot.id, "h1"),
        is_repeatable=False,
        is_missing_in_6=True,
    ),
    "Client.list_for_channel": PublicCall(
        "channels.getIntegrations", lambda c, hook, bot: list(c.list_for_channel(room_name="general"))
    ),
    "Client.list_for_group": PublicCall(
        "groups.getIntegrations", lambda c, hook, bot: list(c.list_for_group(room_name="secret"))
    ),
    "Client.server_version": PublicCall("info", lambda c, hook, bot: c.server_version()),
    "Listing.total": PublicCall("integrations.list", lambda c, hook, bot: c.list().total()),
    "IncomingWebhook.post": PublicCall(
        "hooks", lambda c, hook, bot: c.webhook(hook).post("hello"), is_repeatable=False
    ),
    "IncomingWebhook.check": PublicCall("hooks.info", lambda c, hook, bot: c.webhook(hook).check()),
}

NOT_IN_THE_TABLE = {
    "Client.close": "logs out: its failure is a warning",
    "Client.from_env": "sends nothing",
    "Client.url": "sends nothing",
    "Client.user_id": "sends nothing, or logs in",
    "Client.webhook": "sends nothing",
    "IncomingWebhook.close": "sends nothing",
    "IncomingWebhook.from_env": "sends nothing",
    "IncomingWebhook.url": "sends nothing",
}

each_call = pytest.mark.parametrize(
    ("dialect", "name"),
    [
        (dialect, name)
        for dialect in ("9.0", "6.14")
        for name, call in CALLS.items()
        if dialect == "9.0" or not call.is_missing_in_6
    ],
)
"""Parametrize a test with each call, in the dialects that have its endpoint."""
