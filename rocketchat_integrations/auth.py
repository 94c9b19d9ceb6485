"""Credentials: a token, or a user name with a password. They show no secret and cannot be pickled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, Self

import attrs

from ._redaction import mask


class _Secret:
    """A value that cannot be pickled; a copy is the immutable value itself."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} contains a secret and cannot be pickled: create it in each process")


@attrs.frozen
class TokenAuth(_Secret):
    """A personal access token, or the token of an earlier login.

    Rocket.Chat shows both parts once, when the token is created: *My account →
    Personal access tokens*. Unattended programs need a token that is created with
    *ignore two factor authentication*.
    """

    user_id: str
    """The id of the user (not the user name). Sent as ``X-User-Id``."""

    token: str = attrs.field(repr=mask)
    """The token. Sent as ``X-Auth-Token``, and never shown in a repr."""


@attrs.frozen
class PasswordAuth(_Secret):
    """A user name and a password, with which the client logs in.

    The client logs in with its first call, again when the server refuses the token
    of that login, and logs out when it is closed.
    """

    user: str
    """The user name or e-mail address."""

    password: str = attrs.field(repr=mask)
    """The password. Never shown in a repr."""

    totp: str | Callable[[], str] | None = attrs.field(default=None, kw_only=True, repr=mask)
    """The second factor, used when the server requires one.

    Text is used for one login. A callable returns a new code each time that one is
    required; it is called in the thread whose call needs the code, and its exceptions are
    raised by that call unchanged. It must not use the client that it belongs to. With
    None, or text that is used already, an account with a second factor fails with
    :class:`~rocketchat_integrations.TwoFactorRequired`.
    """
