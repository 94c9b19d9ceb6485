"""Verify the calls of Rocket.Chat, recognize repeats, and answer."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import NamedTuple, ParamSpec, TypeVar

from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError

from ._handlers import Handlers, RegisteredHandler
from ._parsing import WRONG_TOKEN, as_bytes, json_object
from ._payloads import Payload, read_payload
from ._repeats import MemoryRepeats, Repeats
from ._replies import Answer, Reply, answer_to, json_answer

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger("rocketchat_integrations.outgoing")


class Call(NamedTuple):
    """A verified call, without its body, which has the token. The key is None for a call that is never a repeat."""

    registered: RegisteredHandler
    payload: Payload
    key: str | None


class Calls:
    """The calls that an app gets. May be shared by threads."""

    def __init__(self, handlers: Handlers, max_size: int, repeats: Repeats, deduplicates: bool) -> None:
        self._handlers = handlers
        self._max_size = max_size
        self._repeats = repeats
        self._deduplicates = deduplicates

    def receive(self, body: object, content_type: str | None) -> Call | Answer | ConfigurationError:
        """Return the call, or the answer if no handler is needed. Wrong use is returned: this frame has the token."""
        try:
            content = as_bytes(body)
            document = json_object(content, "" if content_type is None else content_type, self._max_size)
            registered = self._handlers.find(document.get("token"))
            if registered is None:
                raise WebhookVerificationError(WRONG_TOKEN)
            has_content = any(document[key] is not None for key in document.keys() - {"token", "bot"})
            payload = read_payload(registered.event, document)
        except WebhookPayloadError as error:
            _log.info("a call was refused: %s", error)
            return json_answer(error.answer_status, {"error": str(error)})
        except ConfigurationError as error:
            return error.with_traceback(None)
        if payload.bot and not registered.takes_bots:
            return answer_to(Reply.nothing())
        # The body itself would keep tokens and messages in memory.
        key = hashlib.sha256(content).hexdigest() if has_content and self._deduplicates else None
        return Call(registered, payload, key)

    def find(self, call: Call) -> Answer | None:
        """Return the answer to an earlier call that this one repeats; None if there is none."""
        try:
            return None if call.key is None else self._repeats.find(call.key)
        except Exception as error:
            _log_failed_repeats(error)
            return None

    def answer(self, call: Call, reply: Reply | None) -> Answer:
        """Return the answer to a call, and remember it if the call has succeeded. None means that the bot failed."""
        answer = json_answer(500, {"error": "the bot failed"}) if reply is None else answer_to(reply)
        try:
            if call.key is not None and answer.status < 300:
                self._repeats.add(call.key, answer)
        except Exception as error:
            _log_failed_repeats(error)
        return answer

    async def beside_the_loop(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call a function, in a worker thread if it may wait for a store elsewhere."""
        if isinstance(self._repeats, MemoryRepeats):
            return function(*args, **kwargs)
        return await asyncio.to_thread(function, *args, **kwargs)


def _log_failed_repeats(error: Exception) -> None:
    _log.warning("repeated calls are not recognized: what remembers them failed: %s: %s", type(error).__name__, error)
