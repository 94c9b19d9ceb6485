"""How a client proves who it is.

Both kinds of credentials are plain values; asking for a token with a password is
the client's work. No repr shows a secret, and neither kind can be pickled, for a
pickle holds everything in the clear: make the credentials anew in each process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import attrs
from typing_extensions import Self

from ._redaction import mask


class _Secret:
    """Can be copied inside the process (being immutable: as itself), but not leave it."""

    __slots__ = ()

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds a secret and cannot be pickled: make it anew from the secret")


@attrs.frozen
class TokenAuth(_Secret):
    """A personal access token, or the token of an earlier login.

    Rocket.Chat shows both parts once, when the token is made: *My account →
    Personal access tokens*. A token made with *ignore two factor authentication*
    is what unattended programs want.
    """

    user_id: str
    """The id of the user (not the user name): sent as ``X-User-Id``."""

    token: str = attrs.field(repr=mask)
    """The token: sent as ``X-Auth-Token``. Never shown."""


@attrs.frozen
class PasswordAuth(_Secret):
    """A user name and a password, from which the client makes a token of its own.

    The client logs in with its first call, again when the server says that the
    token is no longer good, and logs out when it is closed.
    """

    user: str
    """The user name or the e-mail address."""

    password: str = attrs.field(repr=mask)
    """The password. Never shown."""

    totp: str | Callable[[], str] | None = attrs.field(default=None, kw_only=True, repr=mask)
    """The second factor, used when the server asks for one.

    A text is good for one login. A callable is asked for a fresh code each time one is
    needed, in the thread whose call needs it; what it raises comes out of that call as
    it is. It must not call the client that it is given to. With None, or a text that is
    used up, an account with a second factor fails with
    :class:`~rocketchat_integrations.TwoFactorRequired`.
    """
