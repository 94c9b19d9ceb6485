"""What a handler raised: pass it to the hook of the app, or log it without tokens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import TypeAlias, TypeVar

from rocketchat_integrations._redaction import redacted, spellings

from ._handlers import HandlerResult, Handlers
from ._payloads import Payload
from ._replies import is_async
from ._running import FAILURES, Steps
from ._tracebacks_in_logs import format_traceback

T = TypeVar("T")
ErrorHandler: TypeAlias = Callable[[Payload, Exception], HandlerResult]

log = logging.getLogger("rocketchat_integrations.outgoing")


class HandlerFailures:
    """The hook for failures, if there is one, and the log."""

    def __init__(self, handlers: Handlers) -> None:
        self._handlers = handlers
        self.hook: ErrorHandler | None = None

    @property
    def is_async(self) -> bool:
        return is_async(self.hook)

    def handle(
        self, what: str, payload: Payload, error: BaseException, accept: Callable[[object], T]
    ) -> Steps[T | None]:
        """Return what ``accept`` makes of the hook's result.

        Log the failure and return None if there is no hook, or if the hook returns None, raises, or is not accepted.
        """
        if self.hook is not None and isinstance(error, Exception):
            outcome = yield partial(self.hook, payload, error)
            try:
                result = outcome.result()
                if result is not None:
                    return accept(result)
            except FAILURES as failure:
                self.log("the handler of errors", payload, failure)
        self.log(what, payload, error)
        return None

    def log(self, what: str, payload: Payload, error: BaseException) -> None:
        """Log a failure at ERROR."""
        # Not by `exc_info`: the frames may hold tokens, and tools that report errors show them.
        try:
            known = spellings(self._handlers.tokens, shortest=1, levels=3)
            text = format_traceback(error, lambda part: redacted(part, known))
        except Exception:  # the methods of an exception may fail, too
            text = f"{type(error).__name__}, which cannot be shown"
        log.error("%s of %s failed:\n%s", what, payload.event, text)
