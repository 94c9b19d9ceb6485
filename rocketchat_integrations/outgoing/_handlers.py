"""The handlers of a bot, found by the tokens of calls."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeAlias, cast

import attrs

from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.models import EventType

from ._parsing import is_token
from ._payloads import MessageSent, Payload
from ._replies import Result, is_async

HandlerResult: TypeAlias = Result | Coroutine[Any, Any, Result]
Handler: TypeAlias = Callable[[Any], HandlerResult]


class Router(ABC):
    """A handler of messages that selects another function for each of them."""

    @property
    @abstractmethod
    def has_async(self) -> bool:
        """Whether one of the functions is ``async``."""

    @abstractmethod
    def select(self, message: MessageSent) -> Callable[[], HandlerResult]:
        """Return the function for a message."""


@attrs.frozen(kw_only=True)
class RegisteredHandler:
    """A handler with the event and the token that it is registered for. Token None verifies nothing."""

    event: EventType
    token: str | None = attrs.field(repr=False)
    handler: Handler
    takes_bots: bool

    @property
    def is_async(self) -> bool:
        return self.handler.has_async if isinstance(self.handler, Router) else is_async(self.handler)

    def function_for(self, payload: Payload) -> Callable[[], object]:
        """Return the function to call for a payload."""
        if isinstance(self.handler, Router):
            return self.handler.select(cast(MessageSent, payload))
        return partial(self.handler, payload)


class Handlers:
    """All handlers of an app. May be shared by threads."""

    def __init__(self) -> None:
        self.all: tuple[RegisteredHandler, ...] = ()
        self._lock = threading.Lock()

    @property
    def tokens(self) -> list[str]:
        return [each.token for each in self.all if each.token is not None]

    def add(self, handler: RegisteredHandler) -> None:
        """Add a handler; raise ConfigurationError if its token is taken."""
        with self._lock:
            self.check_is_free(handler.token)
            self.all = (*self.all, handler)

    def check_is_free(self, token: str | None) -> None:
        """Raise ConfigurationError if a call with this token could be for two handlers."""
        taken = {each.token: each.event for each in self.all}
        if token in taken:
            event = taken[token]
            raise ConfigurationError(
                f"token: is already used by the handler for {event}; give each handler its own token"
            )
        if taken and (token is None or None in taken):
            raise ConfigurationError("token: the handler for None must be the only one, because it takes every call")

    def find(self, token: object) -> RegisteredHandler | None:
        """Return the handler of a token, after comparing it with all of them: the time reveals nothing."""
        found = None
        for each in self.all:
            if each.token is None or is_token(token, each.token):
                found = each
        return found
