"""Verify the calls of Rocket.Chat, recognize repeats, and answer."""

from __future__ import annotations

import hashlib
import logging
from typing import NamedTuple

from rocketchat_integrations.exceptions import ConfigurationError, WebhookPayloadError, WebhookVerificationError

from ._handlers import Handlers, RegisteredHandler
from ._parsing import WRONG_TOKEN, as_bytes, json_object
from ._payloads import Payload, read_payload
from ._repeats import Repeats
from ._replies import Answer, Reply, answer_to, json_answer

_log = logging.getLogger("rocketchat_integrations.outgoing")


class Call(NamedTuple):
    """A verified call, without its body, which has the token. The key is None for a call that is never a repeat."""

    registered: RegisteredHandler
    payload: Payload
    key: bytes | None


class Calls:
    """The calls that an app gets. May be shared by threads."""

    def __init__(self, handlers: Handlers, max_size: int, *, deduplicates: bool) -> None:
        self._handlers = handlers
        self._max_size = max_size
        self._deduplicates = deduplicates
        self.repeats = Repeats()

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
        key = hashlib.sha256(content).digest() if has_content and self._deduplicates else None
        known = None if key is None else self.repeats.find(key)
        return known or Call(registered, payload, key)

    def answer(self, call: Call, reply: Reply | None) -> Answer:
        """Return the answer to a call, and remember it if the call has succeeded. None means that the bot failed."""
        answer = json_answer(500, {"error": "the bot failed"}) if reply is None else answer_to(reply)
        if call.key is not None and answer.status < 300:
            self.repeats.add(call.key, answer)
        return answer
