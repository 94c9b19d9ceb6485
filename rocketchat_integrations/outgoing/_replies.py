"""Replies of a bot, and the HTTP answers that they become."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Mapping
from typing import Self

import attrs

from rocketchat_integrations._protocol.codec import message_body
from rocketchat_integrations._validation import trimmed
from rocketchat_integrations.messages import Attachment, Message


@attrs.frozen
class Answer:
    """An HTTP answer, to be sent as it is."""

    status: int
    """The HTTP status."""

    content_type: str
    """The ``Content-Type``."""

    body: bytes
    """The body. Never empty: to Rocket.Chat, a 200 with an empty body is a failed call."""


def _attachments(value: Iterable[Attachment]) -> tuple[Attachment, ...]:
    return Message(attachments=value).attachments  # checks them


@attrs.frozen(repr=False)
class Reply:
    """The reply to a call.

    Rocket.Chat posts the text and the attachments as a message of the integration's user, and the call has succeeded.
    :meth:`nothing` posts no message; :meth:`retry_later` and :meth:`disable` let the call fail.

    Raises:
        ValueError: if the text is blank and there is no attachment, or if the channel is blank.
        TypeError: if an argument has the wrong type. Both messages name the argument.
    """

    text: str | None = None
    """The text, with Markdown."""

    attachments: tuple[Attachment, ...] = attrs.field(default=(), kw_only=True, converter=_attachments)
    """What to show below the text: a list of :class:`~rocketchat_integrations.Attachment`."""

    channel: str | None = attrs.field(default=None, kw_only=True)
    """Where to post: ``"#room"``, ``"@user"``, a name or an id. None for the integration's ``target_room``, or the
    room of the call if it has none."""

    status: int = attrs.field(default=200, init=False)
    """The HTTP status: 200; 503 for :meth:`retry_later`, 410 for :meth:`disable`."""

    def __attrs_post_init__(self) -> None:
        text = Message(self.text).text  # checks it
        if self.channel is not None and not isinstance(self.channel, str):
            raise TypeError(f"channel: must be text or None, not {type(self.channel).__name__}")
        if self.channel is not None and not trimmed(self.channel):
            raise ValueError("channel: must not be blank; leave it out to post where the integration does")
        if not trimmed(text or "") and not self.attachments:
            raise ValueError("text: must not be blank without an attachment; use Reply.nothing() to post no message")

    @classmethod
    def nothing(cls) -> Self:
        """Post no message: 200 with ``{}``.

        Nothing is posted, and the call has succeeded. (With an empty body it would fail, and be repeated if the
        integration has ``retry_failed_calls``.)
        """
        return cls._without_message(200)

    @classmethod
    def retry_later(cls) -> Self:
        """Let the call fail for now: 503.

        Nothing is posted. If the integration has ``retry_failed_calls``, Rocket.Chat repeats the call with the same
        payload, as ``retry_count`` and ``retry_delay`` define; otherwise it does not. The integration stays enabled.
        """
        return cls._without_message(503)

    @classmethod
    def disable(cls) -> Self:
        """Refuse all further calls: 410.

        Nothing is posted, the call has failed, and **Rocket.Chat disables the integration**, for all of its URLs,
        until somebody enables it again.
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
_ERRORS = {503: {"error": "try again later"}, 410: {"error": "no further calls wanted"}}


def answer_to(result: object) -> Answer:
    """Return the answer for the result of a handler; raise TypeError if it is neither a reply nor None."""
    if result is None:
        result = Reply.nothing()
    if isinstance(result, Reply):
        message = Message(result.text, attachments=result.attachments, channel=result.channel)
        return json_answer(result.status, _ERRORS.get(result.status) or message_body(message))
    if inspect.iscoroutine(result):
        result.close()  # else Python warns that it was never awaited
    raise TypeError(f"a handler must return a Reply or None, not {type(result).__name__}")


def json_answer(status: int, content: Mapping[str, object]) -> Answer:
    # In ASCII, because a text may have a lone surrogate, which UTF-8 cannot encode.
    return Answer(status, "application/json", json.dumps(content).encode())
