"""What a bot says to a call, and the HTTP answer that it becomes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping

import attrs
from typing_extensions import Self

from rocketchat_integrations._protocol.codec import message_body
from rocketchat_integrations.messages import Attachment, Message
from rocketchat_integrations.models import trimmed


@attrs.frozen
class Answer:
    """An HTTP answer, for a framework to send as it is."""

    status: int
    """The HTTP status."""

    content_type: str
    """The ``Content-Type``."""

    body: bytes
    """The body. Never empty: to Rocket.Chat, a 200 with an empty body is a failed call."""


def _attachments(value: Iterable[Attachment]) -> tuple[Attachment, ...]:
    return Message(attachments=value).attachments  # which judges them


@attrs.frozen(repr=False)
class Reply:
    """What to answer to a call.

    With a text or an attachment, Rocket.Chat posts it as a message of the integration's user, and the call has
    succeeded. To say nothing, or that the call failed, there are :meth:`nothing`, :meth:`retry_later` and
    :meth:`disable`.

    Raises:
        ValueError: if there is neither a text that is not blank nor an attachment, or if the channel is blank.
        TypeError: if an argument has the wrong type. Both name the argument.
    """

    text: str | None = None
    """The text, with Markdown."""

    attachments: tuple[Attachment, ...] = attrs.field(default=(), kw_only=True, converter=_attachments)
    """What to show below the text: objects of :class:`~rocketchat_integrations.Attachment`."""

    channel: str | None = attrs.field(default=None, kw_only=True)
    """Where to: ``"#room"``, ``"@user"``, a name or an id. None: the integration's ``target_room``, or, where it has
    none, the room that the call is about."""

    status: int = attrs.field(default=200, init=False)
    """The HTTP status: 200, or what :meth:`retry_later` and :meth:`disable` say."""

    def __attrs_post_init__(self) -> None:
        text = Message(self.text).text  # which judges it
        if self.channel is not None and not isinstance(self.channel, str):
            raise TypeError(f"channel: must be text or None, not {type(self.channel).__name__}")
        if self.channel is not None and not trimmed(self.channel):
            raise ValueError("channel: must not be blank; leave it out for where the integration posts")
        if not trimmed(text or "") and not self.attachments:
            raise ValueError("text: must not be blank where there is no attachment; Reply.nothing() says nothing")

    @classmethod
    def nothing(cls) -> Self:
        """Say nothing: 200 with ``{}``.

        Nothing is posted, and the call has succeeded. (With an empty body it would have failed, and be tried again if
        the integration has ``retry_failed_calls``.)
        """
        return cls._without_message(200)

    @classmethod
    def retry_later(cls) -> Self:
        """Say that it does not work now: 503.

        Nothing is posted, and the call has failed. If the integration has ``retry_failed_calls``, Rocket.Chat calls
        again with the same payload, after the waits and as many times as ``retry_delay`` and ``retry_count`` say; if
        not, it does not. The integration stays enabled.
        """
        return cls._without_message(503)

    @classmethod
    def disable(cls) -> Self:
        """Say that calls are no longer wanted: 410.

        Nothing is posted, the call has failed, and **Rocket.Chat disables the integration**, for all of its URLs. It
        stays disabled until somebody enables it again.
        """
        return cls._without_message(410)

    @classmethod
    def _without_message(cls, status: int) -> Self:
        reply = cls.__new__(cls)
        for field, value in {"text": None, "attachments": (), "channel": None, "status": status}.items():
            object.__setattr__(reply, field, value)
        return reply

    def __repr__(self) -> str:
        if not self.text and not self.attachments:
            return f"Reply.{_SHORTHANDS[self.status]}()"
        parts = [] if self.text is None else [repr(self.text)]
        parts += [f"{name}={value!r}" for name in ("attachments", "channel") if (value := getattr(self, name))]
        return f"Reply({', '.join(parts)})"


_SHORTHANDS = {200: "nothing", 503: "retry_later", 410: "disable"}
_ERRORS = {503: {"error": "not now"}, 410: {"error": "no longer wanted"}}


def answer_to(result: object) -> Answer:
    """The answer for what a handler returned.

    Raises:
        TypeError: if that is neither a reply nor None.
    """
    if result is None:
        result = Reply.nothing()
    if isinstance(result, Reply):
        message = Message(result.text, attachments=result.attachments, channel=result.channel)
        return json_answer(result.status, _ERRORS.get(result.status) or message_body(message))
    if inspect.iscoroutine(result):
        result.close()  # or Python would warn that nobody has awaited it
    raise TypeError(f"a handler must return a Reply or None, and returned an object of type {type(result).__name__}")


def json_answer(status: int, content: Mapping[str, object]) -> Answer:
    # As ASCII: half a surrogate pair, which a text may have, cannot be encoded otherwise.
    return Answer(status, "application/json", json.dumps(content).encode())
