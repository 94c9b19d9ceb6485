"""Users, their passwords and tokens."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from ._documents import Document, random_text


@attrs.frozen
class SecondFactor:
    """The code that a login needs besides the password."""

    method: str
    code: str


@attrs.define(kw_only=True)
class User:
    """A user of the workspace."""

    id: str
    username: str
    password: str
    email: str
    permissions: frozenset[str]
    second_factor: SecondFactor | None = None

    @property
    def reference(self) -> Document:
        """The user as documents refer to it."""
        return {"_id": self.id, "username": self.username}

    @property
    def profile(self) -> Document:
        """The user as others see it."""
        return {**self.reference, "name": self.username}

    def has_any(self, permissions: Iterable[str]) -> bool:
        """Return whether the user has at least one of the permissions."""
        return not self.permissions.isdisjoint(permissions)


def permission_set(permissions: Iterable[str]) -> frozenset[str]:
    """Return the names of permissions.

    Raises:
        TypeError: they are one text, whose letters would be taken for names.
    """
    if isinstance(permissions, str):
        raise TypeError(f"permissions must be a list of names such as [{permissions!r}], not text")
    return frozenset(permissions)


class Users:
    """All users, and the tokens that they are logged in with."""

    def __init__(self) -> None:
        self._by_id: dict[str, User] = {}
        self._owners: dict[str, str] = {}
        self._standing_tokens: dict[str, str] = {}

    def add(
        self,
        username: str,
        permissions: Iterable[str] = (),
        *,
        password: str | None = None,
        email: str | None = None,
        user_id: str | None = None,
        token: str | None = None,
    ) -> User:
        """Add a user, logged in with the token.

        Raises:
            ValueError: the username, the id or the e-mail address is taken.
            TypeError: the permissions are text.
        """
        user = User(
            id=user_id or random_text(17),
            username=username,
            password=password or f"{username}-password",
            email=email or f"{username}@chat.example",
            permissions=permission_set(permissions),
        )
        for other in self._by_id.values():
            if user.username == other.username:
                raise ValueError(f"there is a user {username!r} already")
            if user.id == other.id:
                raise ValueError(f"there is a user with the id {user.id!r} already: {other.username}")
            if user.email == other.email:
                raise ValueError(f"there is a user with the e-mail address {user.email!r} already: {other.username}")
        self._by_id[user.id] = user
        self._standing_tokens[user.id] = self.log_in(user, token)
        return user

    def remove(self, user: User) -> None:
        """Remove a user and the user's tokens."""
        self.log_out_everywhere(user)
        del self._by_id[user.id]

    def named(self, username: str) -> User:
        """Return the user of that name.

        Raises:
            LookupError: there is none.
        """
        user = self.find(username)
        if user is None:
            known = ", ".join(sorted(user.username for user in self._by_id.values()))
            raise LookupError(f"there is no user {username!r}, only {known}")
        return user

    def find(self, username: object) -> User | None:
        """Return the user of exactly that name, if any."""
        return next((user for user in self._by_id.values() if user.username == username), None)

    def find_in_any_case(self, username: object) -> User | None:
        """Return the user of that name, in upper or lower case, if any."""
        if not isinstance(username, str):
            return None
        return next((user for user in self._by_id.values() if user.username.lower() == username.lower()), None)

    def find_by_login(self, name: str) -> User | None:
        """Return the user of that name or e-mail address, if any."""
        return next((user for user in self._by_id.values() if name in (user.username, user.email)), None)

    def find_by_name_or_id(self, name_or_id: str) -> User | None:
        """Return the user of that name or id, if any."""
        return next((user for user in self._by_id.values() if name_or_id in (user.id, user.username)), None)

    def find_by_id(self, user_id: object) -> User | None:
        """Return the user with that id, if any."""
        return self._by_id.get(user_id) if isinstance(user_id, str) else None

    # Tokens

    def log_in(self, user: User, token: str | None = None) -> str:
        """Return a token of the user, a new one unless it is given."""
        token = token or random_text(43)
        self._owners[token] = user.id
        return token

    def standing_token(self, user: User) -> str:
        """Return a valid token of the user: the same one until it is revoked."""
        token = self._standing_tokens[user.id]
        if token not in self._owners:
            token = self._standing_tokens[user.id] = self.log_in(user)
        return token

    def owner_of(self, token: str) -> User | None:
        """Return the user of a token; None if the token is not valid."""
        return self.find_by_id(self._owners.get(token))

    def log_out(self, token: str) -> None:
        """Revoke one token."""
        del self._owners[token]

    def log_out_everywhere(self, user: User) -> None:
        """Revoke all tokens of a user."""
        self._owners = {token: owner for token, owner in self._owners.items() if owner != user.id}
