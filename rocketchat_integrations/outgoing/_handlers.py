"""Find the handler of a call by the token in it."""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

import attrs

from rocketchat_integrations.exceptions import ConfigurationError
from rocketchat_integrations.models import EventType

from ._parsing import is_token
from ._replies import Reply

Result: TypeAlias = Reply | Coroutine[Any, Any, Reply | None] | None
Handler: TypeAlias = Callable[[Any], Result]


@attrs.frozen(kw_only=True)
class RegisteredHandler:
    """A handler with the event and the token that it is registered for. Token None verifies nothing."""

    event: EventType
    token: str | None = attrs.field(repr=False)
    handler: Handler
    takes_bots: bool
    is_async: bool = attrs.field(default=attrs.Factory(lambda self: _is_async(self.handler), takes_self=True))


class Handlers:
    """All handlers of an app. May be shared by threads."""

    def __init__(self) -> None:
        self.all: tuple[RegisteredHandler, ...] = ()
        self._lock = threading.Lock()

    def add(self, handler: RegisteredHandler) -> None:
        """Add a handler; raise ConfigurationError if its token is taken."""
        with self._lock:
            self.check_is_free(handler.token)
            self.all = (*self.all, handler)

    def check_is_free(self, token: str | None) -> None:
        """Raise ConfigurationError if a call with this token could be for two handlers."""
        taken = {each.token for each in self.all}
        if token in taken:
            raise ConfigurationError("token: already has a handler; give each event a token of its own")
        if taken and (token is None or None in taken):
            raise ConfigurationError("token: the handler for None must be the only one, because it takes every call")

    def find(self, token: object) -> RegisteredHandler | None:
        """Return the handler of a token, after comparing it with all of them: the time reveals nothing."""
        found = None
        for each in self.all:
            if each.token is None or is_token(token, each.token):
                found = each
        return found


def _is_async(handler: Handler) -> bool:
    while isinstance(handler, functools.partial):
        handler = handler.func
    return inspect.iscoroutinefunction(handler) or inspect.iscoroutinefunction(type(handler).__call__)
