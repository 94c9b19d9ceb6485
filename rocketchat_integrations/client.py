"""The front doors: the client and the webhook, a few lines a method over the conversations."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypedDict, TypeVar, overload
from urllib.parse import urlsplit

from typing_extensions import Unpack

from ._protocol import endpoints as operations
from ._protocol.arguments import (
    check,
    check_address,
    check_credentials,
    check_definition,
    check_text,
    integration_type,
    is_text,
    is_unicode,
    room_query,
    type_name,
)
from ._protocol.endpoints import Operation, Page, RoomList
from ._protocol.http import Timeout, Transport
from ._protocol.paging import Pager, in_order, not_seen, room_name, whole_room
from ._protocol.retries import RetryPolicy, call
from ._protocol.updates import create, update
from ._tracebacks import sealed
from ._transports.driver import Driver
from .auth import PasswordAuth, TokenAuth
from .exceptions import ConfigurationError, DecodingError
from .messages import Message, PostResult
from .models import (
    HistoryEntry,
    IncomingIntegration,
    IncomingIntegrationRecord,
    IntegrationDefinition,
    IntegrationRecord,
    IntegrationType,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ConnectionOptions(TypedDict, total=False):
    """The options of :class:`Client` and :class:`IncomingWebhook`; see there."""

    timeout: float | tuple[float, float] | Timeout
    retry: RetryPolicy
    verify: bool | str
    cert: str | tuple[str, str] | None
    proxies: Mapping[str, str] | None
    headers: Mapping[str, str] | None
    user_agent: str | None
    pool_size: int
    max_response_size: int
    transport: Transport | None


class Listing(Generic[T_co]):
    """A list on the server, read page by page while it is iterated.

    It can be iterated any number of times; each time asks the server anew. An iteration
    is complete, whatever the server's page cap, or raises. Removing what it gives while
    iterating misses nothing. One limit is known: when integrations are removed (by you or
    by others) *and* others create some between two pages, one can slip through unseen.
    """

    def __init__(
        self,
        pages: Callable[[], Iterator[Iterator[T_co | DecodingError]]],
        total: Callable[[], int],
        on_error: Callable[[DecodingError], object] | None,
    ) -> None:
        check("on_error", on_error is None or callable(on_error), "a callable or None")
        self._pages = pages
        self._total = total
        self._on_error = on_error

    def __iter__(self) -> Iterator[T_co]:
        """One record after the other.

        Raises:
            DecodingError: when a record that cannot be read is reached, unless there is an ``on_error``.
            RocketChatError: any other failure of the call for the next page.
        """
        for page in self._pages():
            for record in page:
                if not isinstance(record, DecodingError):
                    yield record
                elif self._on_error is not None:
                    self._on_error(record)
                else:
                    raise record

    def total(self) -> int:
        """How many records the server counts, filters not applied. Asks the server.

        Raises:
            RocketChatError: the failure of the call.
        """
        return self._total()


class Client:
    """The integrations of one Rocket.Chat workspace.

    Making a client does no I/O. It may be shared by threads, keeps its connections, and
    is a context manager: leaving ``with`` closes it.

    Every method raises subclasses of :class:`~rocketchat_integrations.RocketChatError` and
    nothing else: beside those that it names, :class:`~rocketchat_integrations.AuthenticationError`,
    :class:`~rocketchat_integrations.PermissionDeniedError`, :class:`~rocketchat_integrations.RateLimitError`,
    :class:`~rocketchat_integrations.ServerError`, :class:`~rocketchat_integrations.TransportError`,
    :class:`~rocketchat_integrations.UnexpectedResponse` and :class:`~rocketchat_integrations.DecodingError`.

    Args:
        url: the workspace's address, such as ``"https://chat.example.com"``; with its path, if it has one.
        auth: who asks.
        timeout: seconds; one number to connect and between two parts of an answer, a pair of numbers for
            the one and the other, or a :class:`Timeout`. By default 5 s to connect, 30 s between two parts of
            the answer, 120 s for all of it.
        retry: when calls are tried again, and how long they may wait.
        verify: whether the server's certificate is verified; or the path of a CA bundle. With True,
            ``REQUESTS_CA_BUNDLE`` and ``CURL_CA_BUNDLE`` in the environment are looked at.
        cert: a client certificate: the path of a file with certificate and key, or a pair of paths.
        proxies: a proxy's URL by scheme (``{"https": "http://proxy:3128"}``); it beats the environment's.
        headers: headers to send along with every request.
        user_agent: the name of your program, sent before the name of this package.
        pool_size: how many connections are kept.
        max_response_size: an answer with more bytes than this is refused.
        transport: what carries the requests, instead of requests: an object with the methods of
            :class:`~rocketchat_integrations.Transport`. The options of the connection are then its own affair.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @sealed
    def __init__(
        self,
        url: str,
        auth: TokenAuth | PasswordAuth,
        *,
        timeout: float | tuple[float, float] | Timeout = Timeout(),
        retry: RetryPolicy = RetryPolicy(),
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        user_agent: str | None = None,
        pool_size: int = 10,
        max_response_size: int = 64 * 2**20,
        transport: Transport | None = None,
    ) -> None:
        check_address("url", url)
        if "?" in url:
            raise ConfigurationError("url: must not have a query")
        if url.rstrip("/").endswith("/api/v1"):
            raise ConfigurationError("url: must be the workspace's own address, without /api/v1")
        check_credentials(auth)
        self._url = url.rstrip("/")
        self._auth = auth
        self._driver = Driver(
            f"{self._url}/",
            auth,
            timeout=timeout,
            retry=retry,
            verify=verify,
            cert=cert,
            proxies=proxies,
            headers=headers,
            user_agent=user_agent,
            pool_size=pool_size,
            max_response_size=max_response_size,
            transport=transport,
        )

    @classmethod
    @sealed
    def from_env(cls, **options: Unpack[ConnectionOptions]) -> Self:
        """A client for the workspace and the credentials that the environment names.

        Read are ``ROCKETCHAT_URL``, and either ``ROCKETCHAT_USER_ID`` and
        ``ROCKETCHAT_AUTH_TOKEN`` or ``ROCKETCHAT_USER`` and ``ROCKETCHAT_PASSWORD``.

        Args:
            options: the options of the connection, as for the constructor.

        Raises:
            ConfigurationError: if a variable is missing, or both kinds of credentials are there.
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

    def __repr__(self) -> str:
        return f"Client({self._url!r}, {self._auth!r})"

    def __reduce__(self) -> Any:
        raise TypeError("a Client holds credentials and connections and cannot be pickled: make one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Log out, if the client made its token itself, and close all connections.

        A logout that fails is logged as a warning, and nothing is raised. Closing twice does nothing more.
        """
        self._driver.close()

    @overload
    def create(self, definition: IncomingIntegration) -> IncomingIntegrationRecord: ...
    @overload
    def create(self, definition: OutgoingIntegration) -> OutgoingIntegrationRecord: ...
    def create(self, definition: IntegrationDefinition) -> IntegrationRecord:
        """Create an integration. Never sent twice: after a lost answer, look whether it is there.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/create-integration>.

        Args:
            definition: what to create. Of a record, its definition: to copy it to another workspace.

        Returns:
            The record, with the id and, of an incoming one, the token. A script that does not compile is
            no failure to the server: look at the record's ``script_error``.

        Raises:
            ConfigurationError: if a field has a value that is not allowed.
            BadRequestError: if a rule of the server refuses it: the room or the user does not exist, say.
        """
        check_definition(definition)
        return self._driver.run(create(definition, self._driver.retry))

    def get(self, id: str, *, created_by: str | None = None) -> IntegrationRecord:
        """Get one integration.

        Server 2.4 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            id: its id.
            created_by: the id of a user: found only if they created it.

        Raises:
            NotFoundError: if there is none with this id, or not by this creator.
            PermissionDeniedError: if it is somebody else's, and the user may only manage their own.
        """
        check_text("id", id)
        if created_by is not None:  # blank, it would not be looked at
            check_text("created_by", created_by)
        return self._call(operations.get(id, created_by=created_by))

    @overload
    def list(
        self,
        *,
        type: Literal[IntegrationType.INCOMING],
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IncomingIntegrationRecord]: ...
    @overload
    def list(
        self,
        *,
        type: Literal[IntegrationType.OUTGOING],
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[OutgoingIntegrationRecord]: ...
    @overload
    def list(
        self,
        *,
        type: IntegrationType | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]: ...
    def list(
        self,
        *,
        type: IntegrationType | None = None,
        name: str | None = None,
        name_contains: str | None = None,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[Any]:
        """All integrations that the user may see: lazily, page by page, sorted by id.

        A user with only the own-permissions sees what they created. The filters work on every server:
        servers before 7.0 ignore them, so they are applied here, too.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            type: only this kind.
            name: only those with exactly this name.
            name_contains: only those with this in their name, in any case.
            on_error: called for a record that cannot be read, instead of raising; the list goes on.

        Raises:
            ConfigurationError: if an argument is of the wrong type.
        """
        kind = None if type is None else integration_type(type)
        for argument, text in (("name", name), ("name_contains", name_contains)):
            check(argument, text is None or (isinstance(text, str) and is_unicode(text)), "text or None")
        part = name_contains.lower() if name_contains is not None else None

        def keep(record: IntegrationRecord) -> bool:
            return (
                (kind is None or record.type is kind)
                and (name is None or record.name == name)
                and (part is None or part in record.name.lower())
            )

        return Listing(self._list(keep, name=name or name_contains, type=kind), self._count, on_error)

    def history(self, id: str, *, on_error: Callable[[DecodingError], object] | None = None) -> Listing[HistoryEntry]:
        """The calls that an outgoing integration made in the last 30 days, newest first: lazily, page by page.

        Empty for an id that does not exist, and for one of somebody else: the server does not tell.

        Server 0.53 and later; see <https://developer.rocket.chat/apidocs/get-integration-history>.

        Args:
            id: the id of the integration.
            on_error: called for an entry that cannot be read, instead of raising; the list goes on.

        Raises:
            ConfigurationError: if the id is blank.
        """
        check_text("id", id)

        def page_at(offset: int, count: int) -> Operation[Page[HistoryEntry]]:
            return operations.history_page(id, offset, count)

        pages = self._pages(lambda: Pager(page_at, not_seen(), self._driver.retry))
        return Listing(pages, lambda: self._call(page_at(0, 1)).total, on_error)

    @overload
    def update(self, id: str, wanted: IncomingIntegration, *, overwrite: bool = False) -> IncomingIntegrationRecord: ...
    @overload
    def update(self, id: str, wanted: OutgoingIntegration, *, overwrite: bool = False) -> OutgoingIntegrationRecord: ...
    def update(self, id: str, wanted: IntegrationDefinition, *, overwrite: bool = False) -> IntegrationRecord:
        """Bring an integration in line with a definition, losing nothing that the definition does not clear.

        Reads first, then writes the whole definition, then compares what came of it. What is None or
        empty in ``wanted`` is cleared, except ``token``, ``script_engine`` and ``skip_transpile``: None leaves
        them as they are. An outgoing integration without a token gets one, since the server wants one with
        every update: it is in the record returned.

        A refusal leaves everything as it was. For that, an incoming integration's script is put back: the server
        runs a new one before it looks at the rest.

        To change one field of what is there: ``client.update(bot.id, attrs.evolve(bot, alias="Bot"))``.

        Server 3.4 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            id: the integration's id.
            wanted: what it should be. If it is a record, nobody else may have changed the integration since.
            overwrite: write over somebody else's change.

        Returns:
            The record as the server has it now.

        Raises:
            ConfigurationError: if the integration is of the other type, ``wanted`` is the record of another
                one, or a field to change has a value that is not allowed. Nothing was written.
            StaleRecordError: if ``wanted`` is a record, and the server's has changed since. Nothing was written.
            UpdateIncomplete: if the server did not take some fields; it names them, and has the record.
            NotFoundError: if there is none with this id.
            BadRequestError: if a rule of the server refuses the definition.
        """
        check_text("id", id)
        check_definition(wanted, "wanted")
        check("overwrite", isinstance(overwrite, bool), "True or False")
        return self._driver.run(update(id, wanted, self._driver.retry, overwrite=overwrite))

    @overload
    def remove(self, record: IntegrationRecord) -> None: ...
    @overload
    def remove(self, record: str, *, type: IntegrationType) -> None: ...
    def remove(self, record: IntegrationRecord | str, *, type: IntegrationType | None = None) -> None:
        """Remove an integration.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>.

        Args:
            record: its record, or its id.
            type: its type, with an id. It has to be right: the server does not check, and leaves the
                history of an outgoing integration behind if it is wrong.

        Raises:
            ConfigurationError: if an id comes without a type, or a record with one.
            NotFoundError: if there is none.
        """
        if isinstance(record, (IncomingIntegrationRecord, OutgoingIntegrationRecord)):
            if type is not None:
                raise ConfigurationError("type: goes with an id; a record has its own")
            id, kind = record.id, record.type
        else:
            check("record", is_text(record), f"a record, or an id that is not blank, not {type_name(record)}")
            if type is None:
                raise ConfigurationError("type: must be given with an id: IntegrationType.INCOMING or OUTGOING")
            id, kind = record, integration_type(type)
        self._call(operations.remove(id, kind))

    def clear_history(self, id: str) -> None:
        """Forget the calls that an outgoing integration made.

        Server 8.7 and later; see <https://developer.rocket.chat/apidocs/clear-integration-history>.

        Args:
            id: the integration's id.

        Raises:
            NotFoundError: if there is no outgoing integration with this id.
            UnexpectedResponse: if the server is older.
        """
        check_text("id", id)
        self._call(operations.clear_history(id))

    def replay_outgoing(self, id: str, history_id: str) -> None:
        """Make a call of an outgoing integration again. Never sent twice.

        Current servers answer success and send little more than the token, for they do not keep what fired.

        Server 8.7 and later; see <https://developer.rocket.chat/apidocs/replay-outgoing-integration>.

        Args:
            id: the integration's id.
            history_id: the id of the call: :attr:`HistoryEntry.id`.

        Raises:
            NotFoundError: if there is no such integration or call.
            UnexpectedResponse: if the server is older.
        """
        check_text("id", id)
        check_text("history_id", history_id)
        self._call(operations.replay_outgoing(id, history_id))

    def list_for_channel(
        self,
        *,
        room_id: str | None = None,
        room_name: str | None = None,
        include_all_public_channels: bool = True,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]:
        """The integrations of a public channel: those that name it by its name, as ``#name``.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>. More than 50 are
        found by going through all integrations, since 8.x gives no second page of them.

        Args:
            room_id: the channel's id; or
            room_name: its name, without ``#``.
            include_all_public_channels: also those that listen in ``all_public_channels``.
            on_error: called for a record that cannot be read, instead of raising; the list goes on.

        Raises:
            ConfigurationError: if not exactly one of ``room_id`` and ``room_name`` is given.
        """
        check("include_all_public_channels", isinstance(include_all_public_channels, bool), "True or False")
        room = operations.channel_list(room_query(room_id, room_name), include_all_public_channels)
        return self._list_for(room, on_error)

    def list_for_group(
        self,
        *,
        room_id: str | None = None,
        room_name: str | None = None,
        include_all_private_groups: bool = True,
        on_error: Callable[[DecodingError], object] | None = None,
    ) -> Listing[IntegrationRecord]:
        """The integrations of a private group: those that name it by its name, as ``#name``.

        Server 0.49 and later; see <https://developer.rocket.chat/apidocs/integration-api>. More than 50 are
        found by going through all integrations, since 8.x gives no second page of them.

        Args:
            room_id: the group's id; or
            room_name: its name, without ``#``.
            include_all_private_groups: also those that listen in ``all_private_groups``.
            on_error: called for a record that cannot be read, instead of raising; the list goes on.

        Raises:
            ConfigurationError: if not exactly one of ``room_id`` and ``room_name`` is given.
        """
        check("include_all_private_groups", isinstance(include_all_private_groups, bool), "True or False")
        room = operations.group_list(room_query(room_id, room_name), include_all_private_groups)
        return self._list_for(room, on_error)

    def webhook(self, record: IntegrationRecord) -> IncomingWebhook:
        """The webhook of an integration, ready to post. It uses this client's connections; does no I/O.

        Args:
            record: the integration's record. An outgoing one with a token will do, too: its address posts, as well.

        Raises:
            ConfigurationError: if the record has no token.
        """
        check_definition(record, "record", records_only=True)
        # Not by way of a variable: the token would be in the traceback.
        fits = is_text(record.id) and is_text(record.token or "none")
        check("record", fits, "one whose id and token are Unicode text that is not blank")
        return _ClientsWebhook(self._driver, operations.webhook_url(self._driver.base_url, record))

    def server_version(self) -> str:
        """The server's version, such as ``"8.7"`` or ``"8.7.1"``. Needs no login."""
        return self._call(operations.server_version())

    def user_id(self) -> str:
        """The id of the user who asks. With a :class:`PasswordAuth`, logs in unless it has already."""
        return self._driver.credentials().user_id

    def _call(self, operation: Operation[T]) -> T:
        return self._driver.run(call(operation, self._driver.retry))

    def _pages(
        self, walk: Callable[[], Pager[T]], keep: Callable[[T], bool] = lambda _: True
    ) -> Callable[[], Iterator[Iterator[T | DecodingError]]]:
        def pages() -> Iterator[Iterator[T | DecodingError]]:
            ahead = walk()
            while (page := self._driver.run(ahead.next_page())) is not None:
                yield (record for record in page if isinstance(record, DecodingError) or keep(record))

        return pages

    def _list(
        self,
        keep: Callable[[IntegrationRecord], bool],
        *,
        name: str | None = None,
        type: IntegrationType | None = None,
    ) -> Callable[[], Iterator[Iterator[IntegrationRecord | DecodingError]]]:
        def page_at(offset: int, count: int) -> Operation[Page[IntegrationRecord]]:
            return operations.list_page(offset, count, name=name, type=type)

        return self._pages(lambda: Pager(page_at, in_order(), self._driver.retry), keep)

    def _count(self) -> int:
        return self._call(operations.list_page(0, 1, name=None, type=None)).total

    def _list_for(
        self, room: RoomList, on_error: Callable[[DecodingError], object] | None
    ) -> Listing[IntegrationRecord]:
        def pages() -> Iterator[Iterator[IntegrationRecord | DecodingError]]:
            whole = self._driver.run(whole_room(room, self._driver.retry))
            if whole is not None:
                yield whole
                return
            name = self._driver.run(room_name(room, self._driver.retry))
            wanted = {f"#{name}"} if name is not None else set[str]()
            if room.everywhere:
                wanted.add(room.everywhere_word)
            yield from self._list(lambda record: not wanted.isdisjoint(record.channel))()

        return Listing(pages, lambda: self._call(room.first_page()).total, on_error)


class IncomingWebhook:
    """The address of an incoming webhook, to post to. No login is needed: the address is the secret.

    May be shared by threads, keeps its connections, and is a context manager.

    Args:
        url: the whole address, ``https://chat.example.com/hooks/ID/TOKEN``; it is used as it is.
        options: the options of the connection, as for :class:`Client`.

    Raises:
        ConfigurationError: if an argument is wrong.
    """

    @sealed
    def __init__(self, url: str, **options: Unpack[ConnectionOptions]) -> None:
        check_address("url", url)
        # Raised here, so that the address does not stay in the traceback.
        for option in options.keys() - ConnectionOptions.__annotations__.keys():
            raise TypeError(f"IncomingWebhook() got an unexpected keyword argument '{option}'")
        self._url = url
        self._driver = Driver(url, None, **options)

    @property
    def url(self) -> str:
        """The address: what one pastes into another program. Whoever has it can post; no repr shows it."""
        return self._url

    def __repr__(self) -> str:
        return f"IncomingWebhook({urlsplit(self._url).netloc!r}, <hidden>)"

    def __reduce__(self) -> Any:
        raise TypeError("an IncomingWebhook holds a secret address and cannot be pickled: make one in each process")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections, unless they are a client's."""
        self._driver.close()

    def post(self, message: str | Message | Mapping[str, object]) -> PostResult:
        """Say something. Never sent twice: after a lost answer, it may have been said.

        Args:
            message: a text, or a :class:`Message`; or for a webhook with a script any mapping that JSON can hold. That
                goes out as it is: without a script, the server takes ``{}`` and posts nothing.

        Returns:
            What the server answered. With :attr:`Message.separate_response`, some channels may have failed: see
            :attr:`PostResult.responses`.

        Raises:
            ConfigurationError: if a message has neither a text nor an attachment, or a mapping holds what JSON cannot
                hold. Nothing was sent.
            WebhookDisabledError: if the integration is disabled.
            NotFoundError: if the address is wrong (servers of 8.x answer that with a ServerError).
            PermissionDeniedError: if the webhook's user may not write there.
            BadRequestError: if the server refuses the message: another channel without leave, a channel that
                does not exist, a script that says no. Where the message names several channels, some may have got it
                (``may_have_acted``); so they may where the integration itself has several, of which is not known here.
            AuthenticationError: if the webhook's user is gone.
            RocketChatError: any other failure of the call.
        """
        return self._driver.run(call(operations.post(self._url, message), self._driver.retry))

    def check(self) -> bool:
        """Ask whether the address is right. Nothing is posted, and a disabled webhook is right, too.

        Servers of 8.x answer 500 when it is wrong; that they cannot be told from a server that has failed inside,
        and so count as wrong, is a known limit.

        Returns:
            Whether there is an integration with this id and this token.

        Raises:
            ConfigurationError: if it does not look like a webhook's address, ``…/hooks/ID/TOKEN``. Nothing was sent.
            RocketChatError: any other failure of the call: then there is no telling.
        """
        return self._driver.run(call(operations.check_webhook(self._url), self._driver.retry))


class _ClientsWebhook(IncomingWebhook):
    """A webhook that posts over the connections of a client, whose they stay."""

    def __init__(self, driver: Driver, url: str) -> None:
        self._url = url
        self._driver = driver

    def close(self) -> None:
        """Leave the connections to the client."""


_BY_TOKEN = ("ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN")
_BY_PASSWORD = ("ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD")
