"""Log in: a token for a password."""

from __future__ import annotations

from collections.abc import Callable

from rocketchat_integrations.auth import PasswordAuth, TokenAuth
from rocketchat_integrations.exceptions import TwoFactorRequired

from . import endpoints
from .endpoints import Operation
from .retries import Flow, RetryPolicy, call


def login(auth: PasswordAuth, second_factor: Callable[[], str | None], policy: RetryPolicy) -> Flow[TokenAuth]:
    """A token for a password; the second factor is asked for only when the server wants it.

    Raises:
        TwoFactorRequired: if the server wants one and there is none.
    """
    try:
        return (yield from call(endpoints.login(auth.user, auth.password, None), policy))
    except TwoFactorRequired as error:
        required = error
    operation = _login_with(auth, second_factor())
    if operation is None:
        raise required.with_traceback(None)
    return (yield from call(operation, policy))


def _login_with(auth: PasswordAuth, code: str | None) -> Operation[TokenAuth] | None:
    return None if code is None else endpoints.login(auth.user, auth.password, code)
