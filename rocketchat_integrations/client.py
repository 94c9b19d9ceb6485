"""The client: a few lines a method over the conversations, and the driver that holds them."""

from __future__ import annotations

import copy
import logging
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Generic, Literal, TypedDict, TypeVar, cast, overload
from urllib.parse import urlsplit

import attrs
from typing_extensions import Self, Unpack

from . import _operations as operations
from ._exchange import (
    Conversation,
    RateWindows,
    RetryPolicy,
    Send,
    Walk,
    call,
    create,
    in_order,
    login,
    not_seen,
    room_name,
    update,
    whole_room,
)
from ._http import Request, Response, Timeout, Transport
from ._operations import Operation, Page, RoomList
from ._sealed import sealed
from ._version import __version__
from .auth import PasswordAuth, TokenAuth
from .exceptions import AuthenticationError, ConfigurationError, DecodingError, RocketChatError, TransportError
from .messages import Message
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
_log = logging.getLogger("rocketchat_integrations")

_RESERVED_HEADERS = (
    *("x-auth-token", "x-user-id", "content-type", "content-length", "host"),
    *("accept-encoding", "connection", "transfer-encoding"),
)


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


class _Driver:
    """Holds conversations: sleeps, sends, throws. Client and webhooks share one, and with it the connections.

    Also the session: a token is asked for once, however many threads need one.
    """

    def __init__(
        self,
        base_url: str,
        auth: TokenAuth | PasswordAuth | None,
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
        _check("retry", isinstance(retry, RetryPolicy), "a RetryPolicy")
        # The empty text would turn verification off.
        _check("verify", isinstance(verify, bool) or _is_text(verify), "True, False or the path of a CA bundle")
        _check("cert", cert is None or _is_text(cert) or _is_pair(cert), "a path or a pair of paths")
        _check("proxies", proxies is None or _is_text_mapping(proxies), "URLs by scheme")
        _check("pool_size", type(pool_size) is int and pool_size > 0, "a positive whole number")
        _check(
            "max_response_size", type(max_response_size) is int and max_response_size > 0, "a positive number of bytes"
        )
        _check("transport", transport is None or _is_transport(transport), "an object with the methods of Transport")
        limits = _timeout(timeout)
        self.base_url = base_url
        self.retry = retry
        self._headers = _headers(user_agent, headers)
        # Some proxies want a token of their own. What is shorter than that is an everyday word.
        self._secret_headers = tuple(value for value in (headers or {}).values() if len(value) >= 8)
        self._windows = RateWindows()
        self._auth = auth
        self._token = auth if isinstance(auth, TokenAuth) else None
        self._login = threading.Lock()
        self._totp_is_fresh = True
        self._login_refusals = 0
        self._login_refusal: AuthenticationError | None = None
        self._closed = False
        if transport is None:
            # Here and not above: who only receives, or brings a transport, need not load requests.
            from ._transport import RequestsTransport

            transport = RequestsTransport(
                base_url,
                timeout=limits,
                verify=verify,
                cert=cert,
                proxies=proxies,
                pool_size=pool_size,
                max_response_size=max_response_size,
            )
        self._transport = transport

    def run(self, conversation: Conversation[T]) -> T:
        """Hold a conversation to its end: what it returns, or what it raises."""
        outcome: Response | TransportError | None = None
        while True:
            try:
                if isinstance(outcome, TransportError):
                    send = conversation.throw(outcome)
                else:
                    send = conversation.send(cast(Response, outcome))  # None begins
            except StopIteration as stop:
                return cast(T, stop.value)
            self._wait(send)
            outcome = self._answer(send.request)

    def credentials(self) -> TokenAuth:
        """The token to send: ours, or that of the login that this makes if there was none yet."""
        refusals = self._login_refusals
        with self._login:
            if self._closed:
                raise ConfigurationError("the client is closed")
            if self._token is None:
                # Who waited while another thread was refused is refused, too: many threads with a wrong password
                # would otherwise lock the account.
                if self._login_refusals != refusals:
                    raise copy.copy(cast(AuthenticationError, self._login_refusal))
                self._token = self._new_token()
            return self._token

    def close(self) -> None:
        """Log out of a session that we made, and close the connections."""
        with self._login:  # a login under way comes to its end, and then its token does
            closed_before, self._closed = self._closed, True
        if closed_before:
            return
        try:
            if isinstance(self._auth, PasswordAuth) and self._token is not None:
                self._log_out(self._token)
        finally:
            self._transport.close()

    def _wait(self, send: Send) -> None:
        if send.after:
            _log.info("%s: waiting %.1f s before the next try", send.request.endpoint, send.after)
            time.sleep(send.after)
        # Another thread may have used up the window while this one slept.
        while (seconds := self._windows.delay(send.request)) and send.patience.spend(seconds):
            _log.info("%s: waiting %.1f s for the rate limit", send.request.endpoint, seconds)
            time.sleep(seconds)

    def _answer(self, request: Request) -> Response | TransportError:
        if self._closed:
            raise ConfigurationError("the client is closed")
        if not request.authenticated:
            return self._send(request, None)
        credentials = self.credentials()
        answer = self._send(request, credentials)
        if isinstance(answer, Response) and answer.status == 401 and isinstance(self._auth, PasswordAuth):
            return self._send(request, self._renewed(credentials))
        return answer

    def _renewed(self, refused: TokenAuth) -> TokenAuth:
        with self._login:
            if self._token is refused:  # else another thread has been here before
                self._token = None
        return self.credentials()

    def _new_token(self) -> TokenAuth:
        try:
            return self.run(login(cast(PasswordAuth, self._auth), self._second_factor, self.retry))
        except AuthenticationError as error:
            self._login_refusal = copy.copy(error)
            self._login_refusals += 1
            raise

    def _log_out(self, token: TokenAuth) -> None:
        # Once, and without the conversation's ways: a refused token needs no new login to be given up.
        logout = operations.logout()
        outcome = self._send(logout.request, token)
        try:
            if isinstance(outcome, TransportError):
                raise outcome
            logout.decode(outcome)
        except RocketChatError as error:
            _log.warning("the logout failed, the token stays good until it expires: %s", error)

    def _second_factor(self) -> str | None:
        totp = cast(PasswordAuth, self._auth).totp
        if callable(totp):
            code: object = totp()
            if isinstance(code, str) and _is_text(code):
                return code
            del code
            raise ConfigurationError("totp: must give text that is not blank")
        fresh, self._totp_is_fresh = self._totp_is_fresh, False
        return totp if fresh else None

    def _send(self, request: Request, credentials: TokenAuth | None) -> Response | TransportError:
        addressed = self._addressed(request, credentials)
        try:
            response = self._transport.send(addressed)
        except TransportError as error:
            self._windows.learn(request, None)
            return error
        self._windows.learn(request, response)
        return attrs.evolve(response, secrets=addressed.secrets)

    def _addressed(self, request: Request, credentials: TokenAuth | None) -> Request:
        headers = {**self._headers, **request.headers}
        secrets = (*request.secrets, *self._secret_headers)
        if credentials is None:
            url = request.url if "://" in request.url else self.base_url + request.url
            return attrs.evolve(request, url=url, headers=headers, secrets=secrets)
        headers["X-User-Id"], headers["X-Auth-Token"] = credentials.user_id, credentials.token
        url, secrets = self.base_url + request.url, (*secrets, credentials.token)
        return attrs.evolve(request, url=url, headers=headers, secrets=secrets)


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
        _check("on_error", on_error is None or callable(on_error), "a callable or None")
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
        _check_address("url", url)
        if "?" in url:
            raise ConfigurationError("url: must not have a query")
        if url.rstrip("/").endswith("/api/v1"):
            raise ConfigurationError("url: must be the workspace's own address, without /api/v1")
        _check_credentials(auth)
        self._url = url.rstrip("/")
        self._auth = auth
        self._driver = _Driver(
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
        _check_definition(definition)
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
        _check_text("id", id)
        if created_by is not None:  # blank, it would not be looked at
            _check_text("created_by", created_by)
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
        kind = None if type is None else _integration_type(type)
        for argument, text in (("name", name), ("name_contains", name_contains)):
            _check(argument, text is None or (isinstance(text, str) and _is_unicode(text)), "text or None")
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
        _check_text("id", id)

        def page_at(offset: int, count: int) -> Operation[Page[HistoryEntry]]:
            return operations.history_page(id, offset, count)

        pages = self._pages(lambda: Walk(page_at, not_seen(), self._driver.retry))
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
        _check_text("id", id)
        _check_definition(wanted, "wanted")
        _check("overwrite", isinstance(overwrite, bool), "True or False")
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
            _check("record", _is_text(record), f"a record, or an id that is not blank, not {_kind(record)}")
            if type is None:
                raise ConfigurationError("type: must be given with an id: IntegrationType.INCOMING or OUTGOING")
            id, kind = record, _integration_type(type)
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
        _check_text("id", id)
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
        _check_text("id", id)
        _check_text("history_id", history_id)
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
        _check("include_all_public_channels", isinstance(include_all_public_channels, bool), "True or False")
        room = operations.channel_list(_room(room_id, room_name), include_all_public_channels)
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
        _check("include_all_private_groups", isinstance(include_all_private_groups, bool), "True or False")
        room = operations.group_list(_room(room_id, room_name), include_all_private_groups)
        return self._list_for(room, on_error)

    def webhook(self, record: IntegrationRecord) -> IncomingWebhook:
        """The webhook of an integration, ready to post. It uses this client's connections; does no I/O.

        Args:
            record: the integration's record. An outgoing one with a token will do, too: its address posts, as well.

        Raises:
            ConfigurationError: if the record has no token.
        """
        _check_definition(record, "record", records_only=True)
        # Not by way of a variable: the token would be in the traceback.
        fits = _is_text(record.id) and _is_text(record.token or "none")
        _check("record", fits, "one whose id and token are Unicode text that is not blank")
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
        self, walk: Callable[[], Walk[T]], keep: Callable[[T], bool] = lambda _: True
    ) -> Callable[[], Iterator[Iterator[T | DecodingError]]]:
        def pages() -> Iterator[Iterator[T | DecodingError]]:
            ahead = walk()
            while (page := self._driver.run(ahead.turn())) is not None:
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

        return self._pages(lambda: Walk(page_at, in_order(), self._driver.retry), keep)

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
        _check_address("url", url)
        self._url = url
        self._driver = _Driver(url, None, **options)

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

    def post(self, message: str | Message) -> None:
        """Say something. Never sent twice: after a lost answer, it may have been said.

        Args:
            message: a text, or a :class:`Message`.

        Raises:
            ConfigurationError: if there is neither a text nor an attachment. Nothing was sent.
            WebhookDisabledError: if the integration is disabled.
            NotFoundError: if the address is wrong (servers of 8.x answer that with a ServerError).
            PermissionDeniedError: if the webhook's user may not write there.
            BadRequestError: if the server refuses the message: another channel without leave, a channel that
                does not exist, a script that says no. With several channels, some may have got it.
            AuthenticationError: if the webhook's user is gone.
            RocketChatError: any other failure of the call.
        """
        self._driver.run(call(operations.post(self._url, message), self._driver.retry))


class _ClientsWebhook(IncomingWebhook):
    """A webhook that posts over the connections of a client, whose they stay."""

    def __init__(self, driver: _Driver, url: str) -> None:
        self._url = url
        self._driver = driver

    def close(self) -> None:
        """Leave the connections to the client."""


_BY_TOKEN = ("ROCKETCHAT_USER_ID", "ROCKETCHAT_AUTH_TOKEN")
_BY_PASSWORD = ("ROCKETCHAT_USER", "ROCKETCHAT_PASSWORD")


def _check(name: str, is_right: bool, allowed: str) -> None:
    if not is_right:
        raise ConfigurationError(f"{name}: must be {allowed}")


def _check_text(name: str, value: object) -> None:
    _check(name, _is_text(value), "text that is not blank")


def _check_address(name: str, url: object) -> None:
    """None of these messages shows the address: it may be a webhook's, or hold a password."""
    _check(name, isinstance(url, str), "text")
    text = cast(str, url)
    _check(name, text.isascii() and text.isprintable() and " " not in text, "a URL without blanks and odd characters")
    has_scheme = text.lower().startswith(("https://", "http://"))
    _check(name, has_scheme, "an address that begins with https:// or http://")
    _check(name, "#" not in text, "an address without a fragment (#…)")
    _check(name, "@" not in text.split("/")[2].split("?")[0], "an address without credentials: they go into auth=")
    try:
        parts = urlsplit(text)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_place = False
    _check(name, has_place, "an address with a host and, if there is one, a valid port")


def _check_credentials(auth: object) -> None:
    if isinstance(auth, TokenAuth):
        for field, value in (("user_id", auth.user_id), ("token", auth.token)):
            _check(field, _is_text(value) and _fits_header(value), "text that is not blank and fits into a header")
    elif isinstance(auth, PasswordAuth):
        _check_text("user", auth.user)
        _check("password", isinstance(auth.password, str) and bool(auth.password), "text that is not empty")
        _check("totp", auth.totp is None or isinstance(auth.totp, str) or callable(auth.totp), "text or a callable")
    else:
        raise ConfigurationError("auth: must be a TokenAuth or a PasswordAuth")


def _check_definition(definition: object, name: str = "definition", *, records_only: bool = False) -> None:
    kinds = (
        "IncomingIntegrationRecord or OutgoingIntegrationRecord"
        if records_only
        else ("IncomingIntegration or OutgoingIntegration")
    )
    allowed = _RECORDS if records_only else _DEFINITIONS
    _check(name, isinstance(definition, allowed), f"an {kinds}, not {_kind(definition)}")


def _kind(value: object) -> str:
    return type(value).__name__


_DEFINITIONS = (IncomingIntegration, OutgoingIntegration)
_RECORDS = (IncomingIntegrationRecord, OutgoingIntegrationRecord)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and _is_unicode(value)


def _is_unicode(text: str) -> bool:
    return not re.search("[\ud800-\udfff]", text)


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple):
        return False
    parts = cast("tuple[object, ...]", value)
    return len(parts) == 2 and all(map(_is_text, parts))


def _is_transport(value: object) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("send", "close"))


def _is_text_mapping(value: object) -> bool:
    if not isinstance(value, Mapping):
        return False
    pairs = cast("Mapping[object, object]", value).items()
    return all(isinstance(name, str) and isinstance(text, str) for name, text in pairs)


def _timeout(value: float | tuple[float, float] | Timeout) -> Timeout:
    if isinstance(value, Timeout):
        return value
    connect_and_read = value if isinstance(value, tuple) else (value, value)
    _check("timeout", len(connect_and_read) == 2, "a number of seconds, a pair of them, or a Timeout")
    try:
        return Timeout(*connect_and_read)
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _headers(user_agent: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Those of every request: ours, except where the user's have one of the same name."""
    agent = f"rocketchat-integrations/{__version__}"
    if user_agent is not None:
        _check("user_agent", _is_text(user_agent) and _fits_header(user_agent), "printable ASCII text")
        agent = f"{user_agent} {agent}"
    own = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": agent}
    _check("headers", headers is None or _is_text_mapping(headers), "texts by name")
    given = dict(headers or {})
    for name, value in given.items():
        _check("headers", name.lower() not in _RESERVED_HEADERS, f"without {name}, which the client sets itself")
        is_name = re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII) is not None
        _check("headers", is_name and _fits_header(value), f"printable ASCII text, and {name!r} is not")
    names = {name.lower() for name in given}
    return {**{name: value for name, value in own.items() if name.lower() not in names}, **given}


def _fits_header(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _integration_type(value: object) -> IntegrationType:
    try:
        return IntegrationType(value)
    except ValueError:
        pass
    raise ConfigurationError(f"type: must be IntegrationType.INCOMING or IntegrationType.OUTGOING, not {value!r}")


def _room(room_id: str | None, room_name: str | None) -> dict[str, str]:
    _check("room_id, room_name", (room_id is None) != (room_name is None), "given one of the two")
    name, value = ("roomName", room_name) if room_id is None else ("roomId", room_id)
    _check_text("room_id" if room_name is None else "room_name", value)
    return {name: cast(str, value)}
