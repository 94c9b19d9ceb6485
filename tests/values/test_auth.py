"""Credentials show no secret, and cannot be pickled."""

import copy
import pickle
from typing import Any

import attrs
import pytest

from rocketchat_integrations import PasswordAuth, TokenAuth

CANARY = "canary-in-the-coal-mine"
each = pytest.mark.parametrize(
    "auth",
    [
        TokenAuth(user_id="u1", token=CANARY),
        PasswordAuth("alice", CANARY),
        PasswordAuth("alice", CANARY, totp=CANARY),
        PasswordAuth("alice", "pass", totp=lambda: CANARY),
    ],
    ids=["token", "password", "with a code", "with a callable"],
)


@each
def test_no_repr_shows_a_secret(auth: Any) -> None:
    """A repr names the user and hides the rest."""
    assert CANARY not in f"{auth!r} {auth!s}"
    assert "<hidden>" in repr(auth)
    assert ("u1" if isinstance(auth, TokenAuth) else "alice") in repr(auth)


def test_a_repr_shows_that_there_is_no_second_factor() -> None:
    """That is not secret, and useful to know."""
    assert repr(PasswordAuth("alice", "p")) == "PasswordAuth(user='alice', password=<hidden>, totp=None)"


@each
def test_credentials_cannot_be_pickled(auth: Any) -> None:
    """A pickle would contain the secret as plain text."""
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="contains a secret and cannot be pickled") as caught:
            pickle.dumps([auth], protocol)
        assert CANARY not in str(caught.value)


@each
def test_copies_are_the_credentials_themselves(auth: Any) -> None:
    """Settings that contain credentials can be copied, also deeply."""
    assert copy.copy(auth) is auth
    assert copy.deepcopy({"auth": [auth]})["auth"][0] is auth


@each
def test_credentials_are_values(auth: Any) -> None:
    """They are frozen, and can be compared and hashed."""
    assert attrs.evolve(auth) == auth
    assert hash(attrs.evolve(auth)) == hash(auth)
    for field in ("user_id", "user", "token", "no_such_field"):
        with pytest.raises(AttributeError):
            setattr(auth, field, "x")
    assert TokenAuth("u1", "a") != TokenAuth("u1", "b")
