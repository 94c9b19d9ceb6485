# Made from aio.py by tools/sync_client.py. Edit that one, then run `python -m nox -s twins`.
"""The client and the webhook: the public methods, each one line over its flow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, Literal, Self, TypeVar, Unpack, overload
from urllib.parse import urlsplit

from ._protocol import calls
from ._protocol.arguments import check_base_url, check_credentials, check_url
from ._protocol.options import ConnectionKeywords, connection_options, shows_options
from ._protocol.paging import ListQuery, RestReading
from ._tracebacks import sealed
from ._transports.driver import Driver
from .auth import PasswordAuth, TokenAuth
from .exceptions import ConfigurationError, DecodingError
from .messages import Message, Overflow, PostResult
from .models import (
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    TypeWord,
)

T_co = TypeVar("T_co", covariant=True)


class Listing(Generic[T_co]):
    """A list on the server. Iterating it sends one request or more.

    It can be iterated any number of times; each iteration reads the list again. An iteration is complete under any page
    cap of the server, or raises a :class:`~rocketchat_integrations.DecodingError`. Removing the yielded integrations
    while iterating skips none. One limit is known: when integrations are removed (by you or by others) *and* others
    create some between two pages, one can be skipped.
    """

    def __init__(self, driver: Driver, query: ListQuery[T_co]) -> None:
        self._driver = driver
        self._query = query

    def __iter__(self) -> Iterator[T_co]:
        """Yield one record after the other.

        Raises:
            DecodingError: when a record that cannot be read is reached, unless there is an ``on_error``.
            RocketChatError: any other failure of the call for the next page.
        """
        pages = self._query.pages()
        while (page := self._driver.run(pages.next_page())) is not None:
            yield from page

    def total(self) -> int:
        """Return how many records the server counts, without filters. Asks the server.

        Raises:
            RocketChatError: the failure of the call.
        """
        return self._driver.run(self._query.total())


class Client:
    """The integrations of one Rocket.Chat workspace.

    Creating a client does no I/O. It may be shared by threads, keeps its connections, and is a context
    manager: leaving ``with`` closes it.

    All methods raise only subclasses of :class:`~rocketchat_integrations.RocketChatError`. Besides those that a
    method names: :class:`~rocketchat_integrations.AuthenticationError`,
    :class:`~rocketchat_integrations.PermissionDeniedError`, :class:`~rocketchat_integrations.RateLimitError`,
    :class:`~rocketchat_integrations.ServerError`, :class:`~rocketchat_integrations.TransportError`,
    :class:`~rocketchat_integrations.UnexpectedResponse` and :class:`~rocketchat_integrations.DecodingError`.

    Args:
        url: the workspace's URL, such as ``"https://chat.example.com"``; with its path, if it has one.
        auth: the credentials to use.
        options: the options of the connection, as keywords: see :class:`~rocketchat_integrations.ConnectionOptions`.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @shows_options
    @sealed
    def __init__(self, url: str, auth: TokenAuth | PasswordAuth, **options: Unpack[ConnectionKeywords]) -> None:
        check_base_url(url)
        check_credentials(auth)
        self._url = url.rstrip("/")
        self._auth = auth
        checked = connection_options(**options)
        self._driver = Driver(f"{self._url}/", auth, checked)
        self._rest_reading = RestReading(checked.max_response_size)

    @classmethod
    @sealed
    def from_env(cls, **options: Unpack[ConnectionKeywords]) -> Self:
        """Create a client for the workspace and the credentials in the environment.

        Reads ``ROCKETCHAT_URL``, and either ``ROCKETCHAT_USER_ID`` and ``ROCKETCHAT_AUTH_TOKEN`` or
        ``ROCKETCHAT_USER`` and ``ROCKETCHAT_PASSWORD``.

        Args:
            options: the options of the connection: see :class:`~rocketchat_integrations.ConnectionOptions`.

        Raises:
            ConfigurationError: if a variable is missing, or if both kinds of credentials are set.
        """
        values = {name: os.environ.get(name, "") for name in ("ROCKETCHAT_URL", *_BY_TOKEN, *_BY_PASSWORD)}
        by_token, by_password = any(map(values.get, _BY_TOKEN)), any(map(values.get, _BY_PASSWORD))
        if by_token and by_password:
            raise ConfigurationError(
                f"the environment has both kinds of credentials: set either {' and '.join(_BY_TOKEN)} or "
                f"{' and '.join(_BY_PASSWORD)}"
            )
        wanted = ("ROCKETCHAT_URL", *(_BY_PASSWORD if by_password else _BY_TOKEN))
        missing = [name for name in wanted if not values[name]]
        if missing:
            hint = "" if by_token or by_password else f" (or {' and '.join(_BY_PASSWORD)})"
            raise ConfigurationError(f"the environment lacks {', '.join(missing)}{hint}")
        user, secret = (values[name] for name in wanted[1:])
        auth = PasswordAuth(user, secret) if by_password else TokenAuth(user, secret)
        return cls(values["ROCKETCHAT_URL"], auth, **options)

    @property
    def url(self) -> str:
        """The workspace's URL, without a slash at its end."""
        return self._url

    def __repr__(self) -> str:
        return f"Client({self._url!r}, {self._auth!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a Client holds credentials and cannot be pickled: create one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Log out, if the client logged in, and close all connections.

        A logout that fails is logged as a warning and raises nothing. Closing again does nothing.
        """
        self._driver.close()

    @overload
    def create(
        self,
        definition: IncomingIntegration,
        *,
        find_existing: bool = False,
    ) -> IncomingIntegrationRecord: ...
    @overload
    def create(
        self,
        definition: OutgoingIntegration,
        *,
        find_existing: bool = False,
    ) -> OutgoingIntegrationRecord: ...
    def create(self, definition: IntegrationDefinition, *, find_existing: bool = False) -> IntegrationRecord:
        """Create an integration. Not repeated after a lost response, unless with ``find_existing``.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/create-integration>.

        Args:
            definition: what to create. For a record, its definition is used, which copies the integration to another
                workspace.
            find_existing: after a lost response, list the integrations of this type and name, and return the one that
                equals the definition (see :func:`~rocketchat_integrations.differences`). If there is none, the call is
                repeated as the retry policy allows, except after a timeout or a 504: the server may still be working.
                Use a name that no other integration has: an equal one that existed before, or that somebody else
                creates at the same time, is returned as well; with two equal ones the failure is raised. A server that
                acts only after the search, although its connection broke, creates a second one.

        Returns:
            The record, with the id and, of an incoming integration, the token. The server accepts a script that
            does not compile: see the record's ``script_error``. A server that does not have ``skip_transpile`` creates
            the integration without it: see the record's value.

        Raises:
            ConfigurationError: if a field has a value that is not allowed.
            BadRequestError: if a rule of the server refuses it; for example, the room or the user does not exist.
        """
        return self._driver.run(calls.create(definition, find_existing=find_existing))

    @overload
    def get(
        self,
        id: IncomingIntegrationRecord,
        *,
        created_by: str | None = None,
    ) -> IncomingIntegrationRecord: ...
    @overload
    def get(
        self,
        id: OutgoingIntegrationRecord,
        *,
        created_by: str | None = None,
    ) -> OutgoingIntegrationRecord: ...
    @overload
    def get(self, id: IntegrationRecord | str, *, created_by: str | None = None) -> IntegrationRecord: ...
    def get(self, id: IntegrationRecord | str, *, created_by: str | None = None) -> IntegrationRecord:
        """Get one integration.

        Server 2.4 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            id: its id, or a record of it, to read it again.
            created_by: the id of a user: find it only if they created it.

        Raises:
            ConfigurationError: if an argument is of the wrong type, or an id is blank.
            NotFoundError: if there is none with this id, or not by this creator.
            DecodingError: if a record is given, and the server's is of the other type.
            PermissionDeniedError: if somebody else created it, and the user may only manage their own.
        """
        return self._driver.run(calls.get(id, created_by=created_by))

    @overload
    def list(
        self,
        *,
        type: Literal[IntegrationType.INCOMING, "incoming"],
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IncomingIntegrationRecord]: ...
    @overload
    def list(
        self,
        *,
        type: Literal[IntegrationType.OUTGOING, "outgoing"],
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[OutgoingIntegrationRecord]: ...
    @overload
    def list(
        self,
        *,
        type: IntegrationType | TypeWord | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]: ...
    def list(
        self,
        *,
        type: IntegrationType | TypeWord | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[Any]:
        """List all integrations that the user may see: lazily, sorted by id.

        A user with only the manage-own permissions sees the integrations that they created. The filters work on every
        server: servers before 7.0 ignore them, so they are also applied here.

        Takes one request for up to 100 integrations, and two for up to 20,000: a page, and the rest at once. More
        are read in pages of 100; so are all, if the server does not give the rest at once (its setting
        ``API_Allow_Infinite_Count`` is off), or if the answer could exceed 95 % of
        ``max_response_size``: with the default, 20,000 records of 790 bytes.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            type: only this type; ``"incoming"`` and ``"outgoing"`` are understood as well.
            name: only those with exactly this name.
            name_contains: only those with this text in their name, ignoring case.
            on_error: called with the error for a record that cannot be read, instead of raising it; the list goes on.

        Raises:
            ConfigurationError: if an argument is of the wrong type.
        """
        query = calls.list(
            type=type, name=name, name_contains=name_contains, on_error=on_error, rest=self._rest_reading
        )
        return Listing(self._driver, query)

    def history(
        self, id: IntegrationRecord | str, *, on_error: Callable[[DecodingError], object] | None = None
    ) -> Listing[HistoryEntry]:
        """List the calls that an outgoing integration made in the last 30 days, newest first: lazily, page by page.

        Empty for an id that does not exist, or that is somebody else's: the server does not distinguish them.

        Server 0.53 and later; see <https://developer.rocket.chat/apidocs/get-integration-history>.

        Args:
            id: the id of the integration, or its record.
            on_error: called with the error for an entry that cannot be read, instead of raising it; the list goes on.

        Raises:
            ConfigurationError: if an argument is of the wrong type, or the id is blank.
            DecodingError: if the answer belongs to another integration, as a broken cache gives it.
        """
        return Listing(self._driver, calls.history(id, on_error=on_error))

    @overload
    def update(
        self, id: IntegrationRecord | str, wanted: IncomingIntegration, *, overwrite: bool = False
    ) -> IncomingIntegrationRecord: ...
    @overload
    def update(
        self, id: IntegrationRecord | str, wanted: OutgoingIntegration, *, overwrite: bool = False
    ) -> OutgoingIntegrationRecord: ...
    def update(
        self, id: IntegrationRecord | str, wanted: IntegrationDefinition, *, overwrite: bool = False
    ) -> IntegrationRecord:
        """Update an integration to match a definition, losing nothing that the definition does not clear.

        Reads the record, writes the whole definition, and compares the result with it. Fields that are None or
        empty in ``wanted`` are cleared, except ``token``, ``script_engine`` and ``skip_transpile``: None leaves
        them unchanged. An outgoing integration without a token gets one, because the server requires one in
        every update: it is in the returned record. ``skip_transpile`` is left out where the server refuses it.

        A refused update leaves everything unchanged. To ensure this, the script of an incoming integration is restored:
        the server runs a new one before it checks the other fields.

        To change one field of a record: ``client.update(bot, attrs.evolve(bot, alias="Bot"))``.

        Server 3.4 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            id: the integration's id, or a record of it, of which only the id is used.
            wanted: the definition to write. If it is a record, the integration must not have changed since.
            overwrite: write even if somebody else has changed the integration.

        Returns:
            The server's record after the update.

        Raises:
            ConfigurationError: if the integration is of the other type, ``wanted`` is the record of another
                one, or a changed field has a value that is not allowed. Nothing was written.
            StaleRecordError: if ``wanted`` is a record, and the server's has changed since. Nothing was written.
            UpdateIncomplete: if the server did not take some fields; it names them, and has the record.
            NotFoundError: if there is none with this id.
            BadRequestError: if a rule of the server refuses the definition.
        """
        return self._driver.run(calls.update(id, wanted, overwrite=overwrite, new_token=_new_token))

    @overload
    def remove(self, record: IntegrationRecord) -> None: ...
    @overload
    def remove(self, record: str, *, type: IntegrationType | TypeWord) -> None: ...
    def remove(self, record: IntegrationRecord | str, *, type: IntegrationType | TypeWord | None = None) -> None:
        """Remove an integration.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            record: its record, or its id.
            type: its type, required with an id; ``"incoming"`` and ``"outgoing"`` are understood as well. It must be
                right: the server does not check it, and with the wrong type keeps the history of an outgoing
                integration.

        Raises:
            ConfigurationError: if an id is given without a type, or a record with a type; or if an argument is of the
                wrong type.
            NotFoundError: if there is none.
        """
        return self._driver.run(calls.remove(record, type=type))

    def clear_history(self, id: IntegrationRecord | str) -> None:
        """Delete the history of an outgoing integration: the calls that it made.

        Server 8.7 and later; see <https://developer.rocket.chat/apidocs/clear-integration-history>.

        Args:
            id: the integration's id, or its record.

        Raises:
            ConfigurationError: if the id is blank, or of the wrong type.
            NotFoundError: if there is no outgoing integration with this id.
            UnexpectedResponse: if the server is older.
        """
        return self._driver.run(calls.clear_history(id))

    def replay_outgoing(self, id: IntegrationRecord | str, history_id: HistoryEntry | str) -> None:
        """Repeat a call of an outgoing integration. Not repeated after a lost response.

        Current servers report success and send little more than the token: they do not store the event.

        Server 8.7 and later; see <https://developer.rocket.chat/apidocs/replay-outgoing-integration>.

        Args:
            id: the integration's id, or its record.
            history_id: the id of the call, or its entry in the history.

        Raises:
            ConfigurationError: if an id is blank, or of the wrong type.
            NotFoundError: if there is no such integration or call.
            UnexpectedResponse: if the server is older.
        """
        return self._driver.run(calls.replay_outgoing(id, history_id))

    def list_for_channel(
        self,
        *,
        room_id: str | None = None,
        room_name: str | None = None,
        include_all_public_channels: bool = True,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]:
        """List the integrations of a public channel: those whose ``channel`` contains ``#name``.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>. More than 50 are
        found by reading all integrations, because 8.x has no second page of them.

        Args:
            room_id: the channel's id. Give either this or ``room_name``.
            room_name: its name, without ``#``.
            include_all_public_channels: also those that listen in ``all_public_channels``.
            on_error: called with the error for a record that cannot be read, instead of raising it; the list goes on.

        Raises:
            ConfigurationError: if not exactly one of ``room_id`` and ``room_name`` is given.
            DecodingError: if the answer belongs to another room than ``room_name``, as a broken cache gives it.
            NotFoundError: if there is no such room.
            PermissionDeniedError: if the user lacks the permissions, or may not enter the room: then its
                ``permissions`` are empty.
        """
        query = calls.list_for_channel(room_id, room_name, include_all_public_channels, on_error, self._rest_reading)
        return Listing(self._driver, query)

    def list_for_group(
        self,
        *,
        room_id: str | None = None,
        room_name: str | None = None,
        include_all_private_groups: bool = True,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]:
        """List the integrations of a private group: those whose ``channel`` contains ``#name``.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>. More than 50 are
        found by reading all integrations, because 8.x has no second page of them.

        Args:
            room_id: the group's id. Give either this or ``room_name``.
            room_name: its name, without ``#``.
            include_all_private_groups: also those that listen in ``all_private_groups``.
            on_error: called with the error for a record that cannot be read, instead of raising it; the list goes on.

        Raises:
            ConfigurationError: if not exactly one of ``room_id`` and ``room_name`` is given.
            NotFoundError: if there is no such room.
            PermissionDeniedError: if the user lacks the permissions, or may not enter the room: then its
                ``permissions`` are empty.
        """
        query = calls.list_for_group(room_id, room_name, include_all_private_groups, on_error, self._rest_reading)
        return Listing(self._driver, query)

    def webhook(self, record: IntegrationRecord) -> IncomingWebhook:
        """Return the webhook of an integration, ready to post. It uses this client's connections; does no I/O.

        Args:
            record: the integration's record. An outgoing one with a token works as well: its URL accepts posts, too.

        Raises:
            ConfigurationError: if the record has no token.
        """
        return _ClientWebhook(self._driver, calls.webhook_url(f"{self._url}/", record))

    def server_version(self) -> str:
        """Return the server's version, such as ``"8.7"`` or ``"8.7.1"``. Needs no login."""
        return self._driver.run(calls.server_version())

    def user_id(self) -> str:
        """Return the id of the user. With a password, logs in if there was no login yet."""
        return self._driver.token().user_id


class IncomingWebhook:
    """The URL of an incoming webhook, to post to. It needs no login: the URL is the secret.

    May be shared by threads, keeps its connections, and is a context manager.

    Args:
        url: the whole URL, ``https://chat.example.com/hooks/ID/TOKEN``; used unchanged.
        options: the options of the connection, as keywords: see :class:`~rocketchat_integrations.ConnectionOptions`.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @shows_options
    @sealed
    def __init__(self, url: str, **options: Unpack[ConnectionKeywords]) -> None:
        check_url("url", url)
        self._url = url
        self._driver = Driver(url, None, connection_options(**options))

    @classmethod
    @sealed
    def from_env(cls, **options: Unpack[ConnectionKeywords]) -> Self:
        """Create a webhook for the URL in the environment, ``ROCKETCHAT_WEBHOOK_URL``.

        Args:
            options: the options of the connection: see :class:`~rocketchat_integrations.ConnectionOptions`.

        Raises:
            ConfigurationError: if the variable is missing, or not a URL.
        """
        if not os.environ.get("ROCKETCHAT_WEBHOOK_URL"):
            raise ConfigurationError("the environment lacks ROCKETCHAT_WEBHOOK_URL")
        return cls(os.environ["ROCKETCHAT_WEBHOOK_URL"], **options)

    @property
    def url(self) -> str:
        """The URL to paste into another program. Anybody who has it can post; no repr shows it."""
        return self._url

    def __repr__(self) -> str:
        return f"IncomingWebhook({urlsplit(self._url).netloc!r}, <hidden>)"

    def __reduce__(self) -> Any:
        raise TypeError("an IncomingWebhook holds a secret URL and cannot be pickled: create one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they are a client's."""
        self._driver.close()

    def post(
        self,
        message: str | Message | Mapping[str, object],
        *,
        overflow: Overflow = "error",
        max_message_size: int = 5000,
    ) -> PostResult:
        """Post a message. Not repeated after a lost response: it may have been posted.

        A text longer than the server allows is refused by servers from 8.x on.

        Args:
            message: a text, or a :class:`~rocketchat_integrations.Message`; or for a webhook with a script any mapping
                that JSON can hold. It is sent unchanged: without a script, the server accepts ``{}`` and posts nothing.
            overflow: what to do with the text of a message that is too long. ``"error"`` raises ConfigurationError with
                both numbers; ``"truncate"`` posts its beginning with "…"; ``"split"`` posts several messages in order,
                cut at line ends or words where possible, with attachments in the last one. Code blocks stay closed.
            max_message_size: the server's limit, the setting ``Message_MaxAllowedSize``; at least 100. The length is
                counted in UTF-16, as the server does: most emoji count as two.

        Returns:
            What the server answered. With :attr:`~rocketchat_integrations.Message.separate_response`, some channels may
            have failed: see :attr:`~rocketchat_integrations.PostResult.responses`.

        Raises:
            ConfigurationError: if a message has neither a text nor an attachment, a text that is too long, a URL that
                is not absolute, or an attachment's field without title or value; or a mapping contains what JSON cannot
                hold. Nothing was sent.
            PostIncomplete: if a message was split, and only its first parts were posted.
            WebhookDisabledError: if the integration is disabled.
            NotFoundError: if the URL is wrong (servers of 8.x answer that with a ServerError).
            PermissionDeniedError: if the webhook's user may not write there.
            BadRequestError: if the server refuses the message: another channel without permission, a channel that
                does not exist, an error in the script. If the message names several channels, some may have
                received it (``may_have_acted``). The same is possible if the integration has several channels, which
                the client cannot know.
            AuthenticationError: if the webhook's user no longer exists.
            RocketChatError: any other failure of the call.
        """
        flow = calls.post(self._url, message, overflow=overflow, max_message_size=max_message_size)
        return self._driver.run(flow)

    def check(self) -> bool:
        """Check whether the URL is right. Nothing is posted; the URL of a disabled webhook is right as well.

        Servers of 8.x answer 500 when it is wrong. A known limit: a server that has failed internally answers the
        same, and counts as a wrong URL.

        Returns:
            Whether there is an integration with this id and this token.

        Raises:
            ConfigurationError: if it does not look like a webhook's URL, ``…/hooks/ID/TOKEN``. Nothing was sent.
            AuthenticationError: if the webhook's user no longer exists (server 8.0 and later).
            RocketChatError: any other failure of the call: whether the URL is right is then unknown.
        """
        return self._driver.run(calls.check_webhook(self._url))


class _ClientWebhook(IncomingWebhook):
    """A webhook that posts over the connections of a client."""

    def __init__(self, driver: Driver, url: str) -> None:
        self._url = url
        self._driver = driver

    def close(self) -> None:
        """Do nothing: the client closes its connections."""


_BY_TOKEN = ("ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN")
_BY_PASSWORD = ("ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD")


def _new_token() -> str:
    # 256 bits. The module `secrets` would do the same, and load slowly.
    return os.urandom(32).hex()
