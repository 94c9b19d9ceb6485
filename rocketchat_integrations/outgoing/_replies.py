"""Replies of a bot, and the HTTP answers that they become."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, Self, TypeAlias, TypedDict

import attrs

from rocketchat_integrations._message_rules import message_problems
from rocketchat_integrations._protocol.codec import field_default, message_body
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


class ReplyFields(TypedDict, total=False):
    """The arguments of a :class:`Reply` that ``reply`` and ``reply_in_thread`` pass on."""

    attachments: Iterable[Attachment]
    channel: str | None
    alias: str | None
    avatar: str | None
    emoji: str | None
    parse_urls: bool | None
    groupable: bool | None
    custom_fields: Mapping[str, object] | None
    extra: Mapping[str, object]


class Webhook(Protocol):
    """Where the result of later work is posted: an incoming webhook, plain or for asyncio."""

    def post(self, message: str | Message) -> object: ...


@attrs.frozen(repr=False)
class Reply(Message):
    """The reply to a call: a :class:`~rocketchat_integrations.Message`, or how the call failed.

    Rocket.Chat posts it as a message of the integration's user, and the call has succeeded. :meth:`nothing` posts no
    message; :meth:`retry_later` and :meth:`disable` let the call fail; :meth:`later` posts a result when it is ready.

    It takes the arguments of a :class:`~rocketchat_integrations.Message`, except for ``separate_response``, which has
    no effect in a reply. What the server does with them differs from a post in these points:

    - ``channel`` is one text: ``"#room"``, ``"@user"``, a name or an id. It needs no setting of the integration. None
      for the integration's ``target_room``, or the room of the call if it has none.
    - ``tmid`` is the id of the message in whose thread to reply. The thread must be in the room that the reply goes to.
      :meth:`MessageSent.reply` and :meth:`MessageSent.reply_in_thread` set it.
    - ``alias``, ``avatar`` and ``emoji`` replace those of the integration. From 8.x on, ``alias`` and ``avatar`` need
      the permission ``message-impersonate`` for the integration's user; without it, nothing is posted.
    - ``custom_fields`` must be enabled in the workspace (``Message_CustomFields_Enabled``); from 8.x on, nothing is
      posted if they are not.
    - ``text`` longer than the workspace allows, by default 5,000 characters, is not posted from 8.x on.

    A reply with an attachment that the server refuses is answered with 500 and logged. Other refusals are shown only in
    the integration's history.

    Raises:
        ValueError: if the text is blank and there is no attachment, if the channel is blank, or if an argument has
            another value that is not allowed.
        TypeError: if an argument has the wrong type. Both messages name the argument.
    """

    channel: str | None = attrs.field(default=None, kw_only=True)  # pyright: ignore[reportIncompatibleVariableOverride] # the field of Message has a converter
    """Where to post: ``"#room"``, ``"@user"``, a name or an id. None for the integration's ``target_room``, or the
    room of the call if it has none."""

    separate_response: None = attrs.field(default=None, init=False)
    """Always None: a reply is posted to one room."""

    status: int = attrs.field(default=200, init=False)
    """The HTTP status: 200; 503 for :meth:`retry_later`, 410 for :meth:`disable`."""

    def __attrs_post_init__(self) -> None:
        if self.channel is not None and not isinstance(self.channel, str):
            raise TypeError(f"channel: must be text or None, not {type(self.channel).__name__}")
        if self.channel is not None and not trimmed(self.channel):
            raise ValueError("channel: must not be blank; leave it out to post where the integration does")
        if not _has_content(self):
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

    @staticmethod
    def later(work: Callable[[], object], webhook: Webhook, *, now: Message | str | None = None) -> Reply:
        """Answer at once, do work that may take longer than 20 seconds, and post its result through a webhook.

        The work starts when the call is answered. It returns what a handler may return: a text, a
        :class:`~rocketchat_integrations.Message` or a :class:`Reply` to post, or None. Pass arguments to it with
        :func:`functools.partial` or a ``lambda``. What it raises is logged and passed to the hook of
        :meth:`WebhookApp.on_error`, whose reply is posted through the same webhook.

        The result goes to the room of the webhook, into the thread that its ``tmid`` names: return
        ``message.reply_in_thread("done")`` for the thread of the message. To post into another room than the
        webhook's, name it: ``message.reply("done", channel=message.channel_id)``. The webhook's integration must have
        ``override_destination_channel_enabled`` for that, even if the room is its own; otherwise the server refuses the
        post, which is logged.

        The work is kept in memory. See :meth:`WebhookApp.finish` for what happens to it when the program ends.

        Args:
            work: the function. Under :meth:`WebhookApp.handle_async` and ASGI it may be ``async``; a plain one runs in
                a worker thread.
            webhook: an :class:`~rocketchat_integrations.IncomingWebhook`, or under ``handle_async`` and ASGI also an
                :class:`~rocketchat_integrations.aio.AsyncIncomingWebhook`.
            now: the reply to post at once. None for nothing. The result of quick work may be posted before it.

        Raises:
            TypeError: if an argument has the wrong type.
            ValueError: if ``now`` is a reply that lets the call fail.
        """
        if not callable(work):
            raise TypeError("work: must be callable")
        if not callable(getattr(webhook, "post", None)):
            raise TypeError("webhook: must be an IncomingWebhook or an AsyncIncomingWebhook")
        first = reply_of(now)
        if first.status != 200 or isinstance(first, LaterReply):
            raise ValueError("now: must be a message to post, or None")
        reply = LaterReply.nothing()
        values = {field.name: getattr(first, field.name) for field in attrs.fields(Reply)}
        _set(reply, {**values, "work": work, "webhook": webhook})
        return reply

    @classmethod
    def _without_message(cls, status: int) -> Self:
        reply = cls.__new__(cls)
        _set(reply, {**{field.name: field_default(field) for field in attrs.fields(cls)}, "status": status})
        return reply

    def __repr__(self) -> str:
        if not _has_content(self):
            return f"Reply.{_SHORTHANDS[self.status]}()"
        fields = attrs.fields(Message)
        given = [(each.name, value) for each in fields if (value := getattr(self, each.name)) != field_default(each)]
        return f"Reply({', '.join(repr(value) if name == 'text' else f'{name}={value!r}' for name, value in given)})"


@attrs.frozen(repr=False, eq=False)
class LaterReply(Reply):
    """A reply after which work is done. See :meth:`Reply.later`."""

    work: Callable[[], object] = attrs.field(default=None, init=False)
    webhook: Webhook = attrs.field(default=None, init=False)

    @property
    def needs_asyncio(self) -> bool:
        return is_async(self.work) or is_async(self.webhook.post)

    def __repr__(self) -> str:
        return "Reply.later(…)"


def _has_content(message: Message) -> bool:
    return bool(trimmed(message.text or "") or message.attachments)


def _set(reply: Reply, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        object.__setattr__(reply, name, value)


_SHORTHANDS = {200: "nothing", 503: "retry_later", 410: "disable"}
_ERRORS = {503: {"error": "try again later"}, 410: {"error": "no further calls wanted"}}

Result: TypeAlias = Message | str | None
"""What a handler may return; a Reply is a Message."""


def is_async(function: Any) -> bool:
    """Return whether calling the function gives a coroutine."""
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__)


def reply_of(result: object) -> Reply:
    """Return the reply for the result of a handler.

    Raises:
        TypeError: if it is of another type, or a message for several channels.
        ValueError: if it is a blank text, a message that cannot be a reply, or one that the server refuses to post.
    """
    if result is None:
        return Reply.nothing()
    if isinstance(result, str):
        return Reply(result)
    if isinstance(result, Message):
        if problems := list(message_problems(message_body(result))):
            raise ValueError("; ".join(problems))
        return result if isinstance(result, Reply) else _reply_of_message(result)
    raise TypeError(f"a handler must return a Reply, a Message, text or None, not {type(result).__name__}")


def _reply_of_message(message: Message) -> Reply:
    values = attrs.asdict(message, recurse=False)
    if values.pop("separate_response") is not None:
        raise ValueError("separate_response: has no effect in a reply; leave it out")
    return Reply(**values)


def later_message(result: object) -> Message | str | None:
    """Return the message to post for the result of later work; None to post nothing.

    Raises:
        TypeError: if it is nothing that can be posted.
    """
    if isinstance(result, Reply):
        if result.status != 200 or isinstance(result, LaterReply):
            raise TypeError(f"later work must return a message, not {result!r}")
        return result if _has_content(result) else None
    if result is None or isinstance(result, (str, Message)):
        return result
    raise TypeError(f"later work must return a Reply, a Message, text or None, not {type(result).__name__}")


def answer_to(reply: Reply) -> Answer:
    """Return the HTTP answer for a reply."""
    return json_answer(reply.status, _ERRORS.get(reply.status) or message_body(reply))


def json_answer(status: int, content: Mapping[str, object]) -> Answer:
    # In ASCII, because a text may have a lone surrogate, which UTF-8 cannot encode.
    return Answer(status, "application/json", json.dumps(content).encode())
