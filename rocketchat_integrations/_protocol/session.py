"""The state of a login: which token signs requests, and when to log in.

Without lock, I/O or time: the driver holds a lock around :meth:`Session.log_in`.
"""

from __future__ import annotations

import copy

from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import (
    AuthenticationError,
    ConfigurationError,
    RocketChatError,
    TwoFactorRequired,
)

from . import endpoints
from .arguments import is_text
from .endpoints import Operation
from .flows import Flow, call
from .http import Response


class Session:
    """The login of a client; with ``auth`` None, a webhook's, which needs none."""

    def __init__(self, auth: TokenAuth | PasswordAuth | None) -> None:
        # The token that signs requests; None if the next request needs a login.
        self.token = auth if isinstance(auth, TokenAuth) else None
        self.failures = 0  # how many logins have failed
        self._password = auth if isinstance(auth, PasswordAuth) else None
        self._last_failure: RocketChatError | None = None
        self._refused_renewal: TokenAuth | None = None  # the expired token that a refused login was to replace
        self._totp_is_unused = True
        self.is_closed = False
        self._has_ended = False
        self._is_inherited = False  # whether the token is that of the parent process

    def check_open(self) -> None:
        """Raise ConfigurationError if the client is closed."""
        if self.is_closed:
            raise ConfigurationError("the client is closed")

    def is_expired(self, response: Response) -> bool:
        """Return whether the server refused the token and a login can renew it."""
        return response.status == 401 and self._password is not None

    def log_in(self, expired: TokenAuth | None, failures: int) -> Flow[TokenAuth]:
        """Return the token to sign with. Log in if there is none, or if it is still the expired one.

        `failures` is the value of :attr:`failures` before waiting for the lock. Raises the failure of a login that was
        made meanwhile: many threads with a wrong password would otherwise lock the account, and many threads would wait
        one after the other for a server that does not answer.
        """
        self.check_open()
        if self.token is expired:
            self.token = None
        if self.token is None:
            has_failed = self.failures != failures or (expired is not None and expired is self._refused_renewal)
            if self._last_failure is not None and has_failed:
                raise copy.copy(self._last_failure)
            try:
                self.token = yield from self._new_token()
                self._is_inherited = False
            except RocketChatError as error:
                self._last_failure = copy.copy(error)
                self._refused_renewal = expired if isinstance(error, AuthenticationError) else None
                self.failures += 1
                raise
        return self.token

    def close(self) -> None:
        """Mark the session as closed: later requests raise ConfigurationError."""
        self.is_closed = True

    def end(self) -> bool:
        """Return True for the first caller after :meth:`close`, who has to log out; otherwise False."""
        has_ended, self._has_ended = self._has_ended, True
        return not has_ended

    @property
    def own_token(self) -> TokenAuth | None:
        """The token to log out with: only one that came from a login of this process."""
        return None if self._password is None or self._is_inherited else self.token

    def enter_child(self) -> None:
        """Continue in a child process: with the same token, which the parent process logs out."""
        self._is_inherited = True

    def _new_token(self) -> Flow[TokenAuth]:
        try:
            return (yield from call(self._login(None)))
        except TwoFactorRequired as error:
            required = error
        operation = self._login_with_code()
        if operation is None:
            raise required.with_traceback(None)
        return (yield from call(operation))

    def _login_with_code(self) -> Operation[TokenAuth] | None:
        """Return the login with the callable's code, or with the text if no login has used it yet."""
        totp = None if self._password is None else self._password.totp
        if callable(totp):
            code: object = totp()
            if is_text(code):
                return self._login(code)
            del code  # it must not appear in the traceback
            raise ConfigurationError("totp: must return text that is not blank")
        unused, self._totp_is_unused = self._totp_is_unused, False
        return self._login(totp) if totp is not None and unused else None

    def _login(self, code: str | None) -> Operation[TokenAuth]:
        assert self._password is not None  # nobody signs a webhook's requests
        return endpoints.login(self._password.user, self._password.password, code)
