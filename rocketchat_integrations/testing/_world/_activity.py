"""Report what happens on a server, as it happens."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import attrs

from ._stored_message import StoredMessage


@attrs.frozen(kw_only=True)
class AnsweredRequest:
    """A request that the server has answered. The repr shows nothing secret."""

    method: str
    """The HTTP method, in upper case."""

    endpoint: str
    """The endpoint, by the name that ``fail_next`` takes; empty for an unknown path."""

    integration_id: str = ""
    """The id in the address of a webhook."""

    status: int
    """The HTTP status of the answer."""

    note: str = ""
    """The reason for a refusal, in more detail than in the answer; empty if the request was not refused."""


@attrs.frozen(kw_only=True)
class AnsweredCall:
    """A call of an outgoing integration that the bot has answered or that has failed. The repr shows no secret."""

    integration: str
    """The name of the integration."""

    event: str
    """The event, such as ``sendMessage``."""

    url: str = attrs.field(repr=False)
    """The URL that was called."""

    status: int | None = None
    """The HTTP status of the answer; None if no answer arrived."""

    answer: str = attrs.field(default="", repr=False)
    """The body of the answer."""

    failure: str = attrs.field(default="", repr=False)
    """The reason why no answer arrived; empty if there is an answer."""


Activity: TypeAlias = AnsweredRequest | AnsweredCall | StoredMessage
Watcher: TypeAlias = Callable[[Activity], object]


class Watchers:
    """The functions that watch a server."""

    def __init__(self) -> None:
        self._watchers: tuple[Watcher, ...] = ()

    def add(self, watcher: Watcher) -> None:
        """Call a function for everything that happens from now on."""
        self._watchers = (*self._watchers, watcher)

    def report(self, activity: Activity) -> None:
        """Call all functions."""
        for watcher in self._watchers:
            watcher(activity)
