"""How a password becomes a token."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import AuthenticationError, PasswordAuth, RetryPolicy, TokenAuth, TwoFactorRequired
from rocketchat_integrations._protocol.http import Response
from rocketchat_integrations._protocol.retries import Flow
from rocketchat_integrations._protocol.session import login

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

_AUTH = PasswordAuth("alice", "passw0rd")
_WELCOME = Response(200, {}, json.dumps({"status": "success", "data": {"userId": "u", "authToken": "T0KEN"}}).encode())


def _refused(error: str, **details: Any) -> Response:
    return Response(401, {}, json.dumps({"status": "error", "error": error, "details": details}).encode())


_CODE_WANTED = _refused("totp-required", method="totp", availableMethods=["totp", "email"])


class _Codes:
    """Gives codes, and knows how often it was asked."""

    def __init__(self, *codes: str | None) -> None:
        self.asked = 0
        self._codes: Iterator[str | None] = iter(codes)

    def __call__(self) -> str | None:
        self.asked += 1
        return next(self._codes)


def _login(codes: _Codes) -> Flow[TokenAuth]:
    return login(_AUTH, codes, RetryPolicy())


def test_a_password_alone_will_do(wire: Wire) -> None:
    """An account without a second factor is never asked for one."""
    codes = _Codes()
    assert wire.talk(_login(codes), _WELCOME) == TokenAuth("u", "T0KEN")
    assert codes.asked == 0
    assert wire.body() == {"user": "alice", "password": "passw0rd"}


def test_the_second_factor_is_asked_for_when_it_is_wanted(wire: Wire) -> None:
    """The first try goes without a code, for asking for one may disturb a person."""
    codes = _Codes("123456")
    assert wire.talk(_login(codes), _CODE_WANTED, _WELCOME) == TokenAuth("u", "T0KEN")
    assert codes.asked == 1
    assert [wire.body(0).get("code"), wire.body(1).get("code")] == [None, "123456"]


def test_without_a_second_factor_the_caller_learns_which_would_do(wire: Wire) -> None:
    """The server's demand is raised where there is no code, with the methods that it names."""
    with pytest.raises(TwoFactorRequired) as caught:
        wire.talk(_login(_Codes(None)), _CODE_WANTED)
    assert (caught.value.method, caught.value.available_methods) == ("totp", ("totp", "email"))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_a_wrong_code_is_not_tried_twice(wire: Wire) -> None:
    """A code that the server refuses is an AuthenticationError, and nobody is asked for another."""
    codes = _Codes("000000")
    with pytest.raises(AuthenticationError, match="totp-invalid"):
        wire.talk(_login(codes), _CODE_WANTED, _refused("totp-invalid"))
    assert codes.asked == 1


def test_a_wrong_password_is_final(wire: Wire) -> None:
    """Bad credentials are neither tried again nor shown, not even by a traceback with local variables."""
    with pytest.raises(AuthenticationError) as caught:
        wire.talk(_login(_Codes()), _refused("Unauthorized"))
    told = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "passw0rd" not in told


def test_a_lost_answer_does_not_ask_for_another_code(wire: Wire) -> None:
    """A login is repeated with the code that was given."""
    codes = _Codes("123456")
    wire.talk(_login(codes), _CODE_WANTED, wire.lost(), _WELCOME)
    assert codes.asked == 1
