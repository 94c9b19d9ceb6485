"""Credentials stay in the process, and out of sight."""

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
    """A repr names the user, and hides the rest."""
    assert CANARY not in f"{auth!r} {auth!s}"
    assert "<hidden>" in repr(auth)
    assert ("u1" if isinstance(auth, TokenAuth) else "alice") in repr(auth)


def test_a_repr_tells_that_there_is_no_second_factor() -> None:
    """That there is none is no secret, and good to know."""
    assert repr(PasswordAuth("alice", "p")) == "PasswordAuth(user='alice', password=<hidden>, totp=None)"


@each
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_credentials_cannot_be_pickled(auth: Any, protocol: int) -> None:
    """A pickle would hold the secret in the clear, and says so without telling it."""
    with pytest.raises(TypeError, match="holds a secret and cannot be pickled") as caught:
        pickle.dumps([auth], protocol)
    assert CANARY not in str(caught.value)


@each
def test_copies_are_the_credentials_themselves(auth: Any) -> None:
    """Settings that hold credentials can be copied, also deeply."""
    assert copy.copy(auth) is auth
    assert copy.deepcopy({"auth": [auth]})["auth"][0] is auth


@each
def test_credentials_are_values(auth: Any) -> None:
    """They are frozen, equal if all of them is, and can be hashed."""
    assert attrs.evolve(auth) == auth
    assert hash(attrs.evolve(auth)) == hash(auth)
    for field in ("user_id", "user", "token", "no_such_field"):
        with pytest.raises(AttributeError):
            setattr(auth, field, "x")
    assert TokenAuth("u1", "a") != TokenAuth("u1", "b")
