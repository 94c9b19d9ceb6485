"""The state of a login: which token signs, when a login is needed, whose refusal counts."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    AuthenticationError,
    ConfigurationError,
    PasswordAuth,
    TokenAuth,
    TransportError,
    TwoFactorRequired,
)
from rocketchat_integrations._protocol.http import Response
from rocketchat_integrations._protocol.session import Session

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire


def _welcome(token: str = "T1") -> Response:
    return Response(200, {}, json.dumps({"status": "success", "data": {"userId": "u", "authToken": token}}).encode())


def _refusal(error: str, **details: Any) -> Response:
    return Response(401, {}, json.dumps({"status": "error", "error": error, "details": details}).encode())


_CODE_WANTED = _refusal("totp-required", method="totp", availableMethods=["totp", "email"])


def _session(totp: str | Callable[[], str] | None = None) -> Session:
    return Session(PasswordAuth("alice", "passw0rd", totp=totp))


def _log_in(wire: Wire, session: Session, *outcomes: Response | TransportError) -> TokenAuth:
    return wire.talk(session.log_in(session.token, session.failures), *outcomes)


def test_a_token_of_the_users_own_signs_and_is_never_renewed() -> None:
    """With a TokenAuth nobody logs in or out, and a 401 is final."""
    session = Session(TokenAuth("u", "T0KEN"))
    assert session.token == TokenAuth("u", "T0KEN")
    assert not session.is_expired(Response(401))
    assert session.own_token is None


def test_a_login_gives_the_token_to_sign_with(wire: Wire) -> None:
    """The password is sent once; the token then signs, and a 401 means that it has expired."""
    session = _session()
    assert session.token is None
    assert _log_in(wire, session, _welcome()) == TokenAuth("u", "T1")
    assert wire.body() == {"user": "alice", "password": "passw0rd"}
    assert session.token == session.own_token == TokenAuth("u", "T1")
    assert [session.is_expired(Response(status)) for status in (401, 403, 200)] == [True, False, False]


def test_a_token_that_another_thread_renewed_is_used(wire: Wire) -> None:
    """A thread whose token was refused logs in only if no other thread has done it since."""
    session = _session()
    expired = _log_in(wire, session, _welcome("T1"))
    assert wire.talk(session.log_in(expired, 0), _welcome("T2")).token == "T2"
    assert wire.talk(session.log_in(expired, 0)).token == "T2"


def test_a_refusal_counts_for_all_who_waited(wire: Wire) -> None:
    """Threads that waited for a login that was refused are refused as well: more tries could lock the account."""
    session = _session()
    waiting = session.log_in(None, session.failures)
    with pytest.raises(AuthenticationError):
        _log_in(wire, session, _refusal("Unauthorized"))
    with pytest.raises(AuthenticationError, match="Unauthorized"):
        wire.talk(waiting)
    assert _log_in(wire, session, _welcome()).token == "T1"  # a later call tries again


def test_a_lost_login_fails_all_who_waited(wire: Wire) -> None:
    """32 threads do not wait one after the other for a server that does not answer. A later call tries again."""
    session = _session()
    waiting = session.log_in(None, session.failures)
    with pytest.raises(TransportError):
        _log_in(wire, session, wire.lost("other"))
    with pytest.raises(TransportError):
        wire.talk(waiting)
    assert _log_in(wire, session, _welcome()).token == "T1"


def test_a_renewal_that_fails_leaves_no_token(wire: Wire) -> None:
    """After a failed renewal nothing is signed with the expired token."""
    session = _session()
    _log_in(wire, session, _welcome())
    with pytest.raises(AuthenticationError):
        _log_in(wire, session, _refusal("Unauthorized"))
    assert session.token is None


def test_a_refused_renewal_is_not_tried_again_for_the_same_token(wire: Wire) -> None:
    """Calls whose 401 arrives later are refused as well: repeated logins would lock the account. A new call logs in."""
    session = _session()
    expired = _log_in(wire, session, _welcome())
    with pytest.raises(AuthenticationError):
        wire.talk(session.log_in(expired, session.failures), _refusal("Unauthorized"))
    sent = len(wire.sent)
    with pytest.raises(AuthenticationError):
        wire.talk(session.log_in(expired, session.failures))
    assert len(wire.sent) == sent
    assert _log_in(wire, session, _welcome("T2")).token == "T2"


def test_a_closed_session_logs_nobody_in(wire: Wire) -> None:
    """Calls after closing say so; the token is still there for one caller to log out."""
    session = _session()
    _log_in(wire, session, _welcome())
    session.close()
    assert [session.end(), session.end()] == [True, False]
    for use in (session.check_open, lambda: wire.talk(session.log_in(None, 0))):
        with pytest.raises(ConfigurationError, match="closed"):
            use()
    assert session.own_token == TokenAuth("u", "T1")


# Second factors


def test_a_code_is_asked_for_only_if_it_is_needed(wire: Wire) -> None:
    """The first try has no code: asking for one may disturb a person. Each needed login asks again."""
    codes = ["111111", "222222"]
    session = _session(lambda: codes.pop(0))
    _log_in(wire, session, _welcome())
    assert len(codes) == 2
    _log_in(wire, session, _CODE_WANTED, wire.lost(), _welcome("T2"))
    _log_in(wire, session, _CODE_WANTED, _welcome("T3"))
    sent = [wire.body(number).get("code") for number in range(len(wire.sent))]
    assert sent == [None, None, "111111", "111111", None, "222222"]


def test_a_code_given_as_text_is_used_once(wire: Wire) -> None:
    """A login without a second factor does not use it up; the first one with it does, even if it fails."""
    session = _session("123456")
    _log_in(wire, session, _welcome())
    with pytest.raises(AuthenticationError, match="totp-invalid"):
        _log_in(wire, session, _CODE_WANTED, _refusal("totp-invalid"))
    with pytest.raises(TwoFactorRequired):
        _log_in(wire, session, _CODE_WANTED)


def test_without_a_code_the_caller_learns_which_would_do(wire: Wire) -> None:
    """The server's demand is raised, with the methods that it names, and chained to nothing."""
    with pytest.raises(TwoFactorRequired) as caught:
        _log_in(wire, _session(), _CODE_WANTED)
    assert (caught.value.method, caught.value.available_methods) == ("totp", ("totp", "email"))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def _frames(error: BaseException) -> str:
    report = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [frame.locals for frame in report.stack if "rocketchat_integrations" in frame.filename]
    assert ours
    return str(ours)


@pytest.mark.parametrize("code", [123456, b"123456", None, " "])
def test_a_callable_has_to_return_text(wire: Wire, code: Any) -> None:
    """Another code is refused by name, and neither it nor the password is in the traceback."""
    with pytest.raises(ConfigurationError, match=r"^totp: ") as caught:
        _log_in(wire, _session(lambda: code), _CODE_WANTED)
    assert "123456" not in _frames(caught.value)
    assert "passw0rd" not in _frames(caught.value)


def test_an_exception_of_the_callable_is_raised_unchanged(wire: Wire) -> None:
    """What the callable raises reaches the caller, without the password; the next call tries again."""
    failures: list[Exception] = [KeyError("no authenticator at hand")]

    def totp() -> str:
        if failures:
            raise failures.pop()
        return "1"

    session = _session(totp)
    with pytest.raises(KeyError, match="no authenticator") as caught:
        _log_in(wire, session, _CODE_WANTED)
    assert "passw0rd" not in _frames(caught.value)
    _log_in(wire, session, _CODE_WANTED, _welcome())


@pytest.mark.parametrize("totp", [None, "123456"])
def test_a_refused_login_shows_no_secret(wire: Wire, totp: str | None) -> None:
    """The traceback of a refusal contains no password and no code."""
    with pytest.raises(AuthenticationError) as caught:
        _log_in(wire, _session(totp), *([_CODE_WANTED] if totp else []), _refusal("Unauthorized"))
    assert "passw0rd" not in _frames(caught.value)
    assert "123456" not in _frames(caught.value)
