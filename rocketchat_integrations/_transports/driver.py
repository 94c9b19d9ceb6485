"""The driver: holds conversations, over one transport and with one session."""

from __future__ import annotations

import copy
import logging
import re
import threading
from collections.abc import Mapping
from typing import TypeVar, cast

import attrs

from rocketchat_integrations._cancellation import pause
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.arguments import check, fits_header, is_text, is_text_mapping
from rocketchat_integrations._protocol.http import Request, Response, Timeout, Transport
from rocketchat_integrations._protocol.rate_limits import RateLimiter
from rocketchat_integrations._protocol.retries import Flow, RetryPolicy, Send
from rocketchat_integrations._protocol.session import login
from rocketchat_integrations._version import __version__
from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import AuthenticationError, ConfigurationError, RocketChatError, TransportError

T = TypeVar("T")
_log = logging.getLogger("rocketchat_integrations")

_RESERVED_HEADERS = (
    *("x-auth-token", "x-user-id", "content-type", "content-length", "host"),
    *("accept-encoding", "connection", "transfer-encoding"),
)


class Driver:
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
        check("retry", isinstance(retry, RetryPolicy), "a RetryPolicy")
        # The empty text would turn verification off.
        check("verify", isinstance(verify, bool) or is_text(verify), "True, False or the path of a CA bundle")
        check("cert", cert is None or is_text(cert) or _is_pair(cert), "a path or a pair of paths")
        check("proxies", proxies is None or is_text_mapping(proxies), "URLs by scheme")
        check("pool_size", type(pool_size) is int and pool_size > 0, "a positive whole number")
        check(
            "max_response_size", type(max_response_size) is int and max_response_size > 0, "a positive number of bytes"
        )
        check("transport", transport is None or _is_transport(transport), "an object with the methods of Transport")
        limits = _timeout(timeout)
        self.base_url = base_url
        self.retry = retry
        self._headers = _headers(user_agent, headers)
        # Some proxies want a token of their own. What is shorter than that is an everyday word.
        self._secret_headers = tuple(value for value in (headers or {}).values() if len(value) >= 8)
        self._windows = RateLimiter()
        self._auth = auth
        self._token = auth if isinstance(auth, TokenAuth) else None
        self._login = threading.Lock()
        self._totp_is_fresh = True
        self._login_refusals = 0
        self._login_refusal: AuthenticationError | None = None
        self._closed = False
        if transport is None:
            # Here and not above: who only receives, or brings a transport, need not load requests.
            from .requests import RequestsTransport

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

    def run(self, conversation: Flow[T]) -> T:
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
        pause(send.after)
        # Another thread may have used up the window while this one slept.
        while (seconds := self._windows.reserve(send.request)) and send.patience.spend(seconds):
            _log.info("%s: waiting %.1f s for the rate limit", send.request.endpoint, seconds)
            pause(seconds)

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
            if isinstance(code, str) and is_text(code):
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
            self._windows.observe(request, None)
            return error
        self._windows.observe(request, response)
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


def _timeout(value: float | tuple[float, float] | Timeout) -> Timeout:
    if isinstance(value, Timeout):
        return value
    connect_and_read = value if isinstance(value, tuple) else (value, value)
    check("timeout", len(connect_and_read) == 2, "a number of seconds, a pair of them, or a Timeout")
    try:
        return Timeout(*connect_and_read)
    except ValueError as error:
        problem = str(error)
    raise ConfigurationError(problem)


def _headers(user_agent: str | None, headers: Mapping[str, str] | None) -> dict[str, str]:
    """Those of every request: ours, except where the user's have one of the same name."""
    agent = f"rocketchat-integrations/{__version__}"
    if user_agent is not None:
        check("user_agent", is_text(user_agent) and fits_header(user_agent), "printable ASCII text")
        agent = f"{user_agent} {agent}"
    own = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": agent}
    check("headers", headers is None or is_text_mapping(headers), "texts by name")
    given = dict(headers or {})
    for name, value in given.items():
        check("headers", name.lower() not in _RESERVED_HEADERS, f"without {name}, which the client sets itself")
        is_name = re.fullmatch(r"[\w!#$%&'*+.^`|~-]+", name, re.ASCII) is not None
        check("headers", is_name and fits_header(value), f"printable ASCII text, and {name!r} is not")
    names = {name.lower() for name in given}
    return {**{name: value for name, value in own.items() if name.lower() not in names}, **given}


def _is_pair(value: object) -> bool:
    if not isinstance(value, tuple):
        return False
    parts = cast("tuple[object, ...]", value)
    return len(parts) == 2 and all(map(is_text, parts))


def _is_transport(value: object) -> bool:
    return all(callable(getattr(value, method, None)) for method in ("send", "close"))
