"""Which calls are repeated after which failures, when, and how often."""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import attrs
import pytest

from rocketchat_integrations import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    DecodingError,
    IncomingIntegration,
    IntegrationRecord,
    IntegrationType,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TransportError,
    UnexpectedResponse,
    WebhookDisabledError,
)
from rocketchat_integrations._protocol import codec as _codec, endpoints as operations
from rocketchat_integrations._protocol.endpoints import Operation
from rocketchat_integrations._protocol.http import Response
from rocketchat_integrations._protocol.retries import call
from rocketchat_integrations._protocol.updates import create

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

_DEFINITION = IncomingIntegration(name="ci", channel="#general", username="rocket.cat")


def _update(wire: Wire) -> Operation[Any]:
    return operations.update(cast(IntegrationRecord, _codec.integration(wire.record())), _DEFINITION, None)


_REPEATABLE: dict[str, Callable[[Wire], Operation[Any]]] = {
    "get": lambda _: operations.get("one"),
    "list": lambda _: operations.list_page(0, 100, name=None, type=None),
    "history": lambda _: operations.history_page("one", 0, 100),
    "list_for_channel": lambda _: operations.channel_list({"roomId": "r"}, True).first_page(),
    "list_for_group": lambda _: operations.group_list({"roomId": "r"}, True).first_page(),
    "server_version": lambda _: operations.server_version(),
    "login": lambda _: operations.login("alice", "passw0rd", None),
    "update": _update,
    "remove": lambda _: operations.remove("one", IntegrationType.INCOMING),
    "clear_history": lambda _: operations.clear_history("one"),
}
_ONCE_ONLY: dict[str, Callable[[Wire], Operation[Any]]] = {
    "create": lambda _: operations.create(_DEFINITION),
    "replay_outgoing": lambda _: operations.replay_outgoing("one", "history"),
    "post": lambda _: operations.post("https://chat.example/hooks/one/T0KEN", "hello"),
}
_ALL = {**_REPEATABLE, **_ONCE_ONLY}
_AMBIGUOUS: dict[str, Callable[[Wire], Response | TransportError]] = {
    "reset": lambda wire: wire.lost("reset"),
    "incomplete": lambda wire: wire.lost("incomplete"),
    "timeout": lambda wire: wire.lost("timeout"),
    "tls": lambda wire: wire.lost("tls"),
    "502": lambda _: Response(502, {}, b"<html>"),
    "503": lambda _: Response(503, {}, b"<html>"),
    "504": lambda _: Response(504, {}, b"<html>"),
}
_SURELY_NOT_DONE: dict[str, Callable[[Wire], Response | TransportError]] = {
    "refused": lambda wire: wire.lost("refused", may_have_acted=False),
    "name": lambda wire: wire.lost("name", may_have_acted=False),
    "connect": lambda wire: wire.lost("timeout", may_have_acted=False),
    "429": lambda wire: wire.slow_down(3),
}
_FINAL: dict[str, tuple[Callable[[Wire], Response | TransportError], type[RocketChatError]]] = {
    "500": (lambda wire: wire.no(500), ServerError),
    "501": (lambda wire: wire.no(501), ServerError),
    "400": (lambda wire: wire.no(400), BadRequestError),
    "401": (lambda wire: wire.no(401), AuthenticationError),
    "403": (lambda wire: wire.no(403), ApiError),
    "404": (lambda wire: wire.no(404), NotFoundError),
    "302": (lambda _: Response(302, {"location": "https://elsewhere.example"}), UnexpectedResponse),
    "html": (lambda _: Response(200, {}, b"<html>"), UnexpectedResponse),
    "certificate": (lambda wire: wire.lost("certificate", may_have_acted=False), TransportError),
    "too-large": (lambda wire: wire.lost("too-large"), TransportError),
    "other": (lambda wire: wire.lost("other"), TransportError),
}


def _is_repeated(wire: Wire, operation: Operation[Any], outcome: Response | TransportError) -> bool:
    """Whether there is a second try; after which the answer is a plain refusal."""
    with pytest.raises(RocketChatError) as caught:
        wire.serve(call(operation, RetryPolicy()), lambda _: outcome if len(wire.sent) == 1 else wire.no(400, "enough"))
    assert (len(wire.sent) == 2) is (getattr(caught.value, "error", None) == "enough")
    assert all(send.request == operation.request for send in wire.sent)
    return len(wire.sent) == 2


def test_the_defaults_are_those_that_are_promised() -> None:
    """A program that sets nothing gets four tries, half a second to start with, and bounded waits."""
    policy = RetryPolicy()
    assert (policy.attempts, policy.backoff, policy.backoff_max) == (4, 0.5, 8.0)
    assert (policy.total, policy.rate_limit_wait) == (60.0, 65.0)


@pytest.mark.parametrize("field", ["backoff", "backoff_max", "total", "rate_limit_wait"])
@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), "1", None, True])
def test_a_time_that_is_none_is_refused_by_name(field: str, value: Any) -> None:
    """A policy with a negative or odd time cannot be made, and the message names the time."""
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize("value", [0, -1, 1.5, "4", None, True])
def test_a_number_of_attempts_that_is_none_is_refused(value: Any) -> None:
    """A policy wants at least one attempt, as a whole number."""
    with pytest.raises(ConfigurationError, match=r"^attempts: "):
        RetryPolicy(attempts=value)


@pytest.mark.parametrize("failure", _AMBIGUOUS)
@pytest.mark.parametrize("name", _REPEATABLE)
def test_what_does_no_harm_is_repeated_after_an_ambiguous_failure(wire: Wire, name: str, failure: str) -> None:
    """A call that does no more when it is made twice survives a lost answer or an absent server."""
    assert _is_repeated(wire, _REPEATABLE[name](wire), _AMBIGUOUS[failure](wire))


@pytest.mark.parametrize("failure", _AMBIGUOUS)
@pytest.mark.parametrize("name", _ONCE_ONLY)
def test_what_would_be_done_twice_is_never_repeated(wire: Wire, name: str, failure: str) -> None:
    """Creating, replaying and posting are never sent again when they may have arrived."""
    assert not _is_repeated(wire, _ONCE_ONLY[name](wire), _AMBIGUOUS[failure](wire))


@pytest.mark.parametrize("failure", _SURELY_NOT_DONE)
@pytest.mark.parametrize("name", _ALL)
def test_everything_is_repeated_that_surely_was_not_done(wire: Wire, name: str, failure: str) -> None:
    """After a refused connection or a rate limit every call may be made again, and is."""
    assert _is_repeated(wire, _ALL[name](wire), _SURELY_NOT_DONE[failure](wire))


@pytest.mark.parametrize("failure", _FINAL)
@pytest.mark.parametrize("name", _ALL)
def test_a_clear_no_is_final(wire: Wire, name: str, failure: str) -> None:
    """A refusal, an answer of somebody else, or a lasting failure of the connection is raised at once."""
    outcome, kind = _FINAL[failure]
    with pytest.raises(kind):
        wire.talk(call(_ALL[name](wire), RetryPolicy()), outcome(wire))


def test_a_disabled_webhook_is_reported_at_once(wire: Wire) -> None:
    """Posting to a disabled webhook is not tried again, for it stays disabled."""
    with pytest.raises(WebhookDisabledError):
        wire.talk(call(_ALL["post"](wire), RetryPolicy()), wire.no(503, "Service Unavailable"))


@pytest.mark.parametrize("name", sorted({*_ALL} - {"remove", "clear_history", "replay_outgoing", "post"}))
def test_an_answer_that_cannot_be_read_is_not_asked_for_again(wire: Wire, name: str) -> None:
    """Success in the wrong shape is a DecodingError after one request: it would come again."""
    with pytest.raises(DecodingError) as caught:
        wire.talk(call(_ALL[name](wire), RetryPolicy()), wire.ok(integration=1))
    assert caught.value.may_have_acted


def test_the_failure_of_the_last_try_is_raised(wire: Wire) -> None:
    """After the last attempt the caller gets what went wrong then."""
    with pytest.raises(ServerError) as caught:
        wire.talk(
            call(operations.get("one"), RetryPolicy(attempts=3)), wire.lost(), wire.no(502, "first"), wire.no(503, "it")
        )
    assert caught.value.error == "it"


@pytest.mark.parametrize(("share", "waits"), [(0.0, [0.5, 1, 2, 2.5, 2.5]), (1.0, [1, 2, 4, 5, 5])])
def test_waits_double_up_to_a_maximum(
    wire: Wire, monkeypatch: pytest.MonkeyPatch, share: float, waits: list[float]
) -> None:
    """The wait before a try is between half of a bound and the bound, which doubles until it is backoff_max."""

    def uniform(low: float, high: float) -> float:
        return low + share * (high - low)

    monkeypatch.setattr(random, "uniform", uniform)
    policy = RetryPolicy(attempts=6, backoff=1, backoff_max=5)
    with pytest.raises(TransportError):
        wire.talk(call(operations.get("one"), policy), *[wire.lost() for _ in range(6)])
    assert wire.waits == [0.0, *waits]


def test_waits_differ_from_caller_to_caller(wire: Wire) -> None:
    """Clients that failed together do not come back together."""
    policy = RetryPolicy()
    waits = {policy.pause(1) for _ in range(20)}
    assert len(waits) > 1
    assert all(0.25 <= wait <= 0.5 for wait in waits)


def test_thousands_of_tries_wait_no_longer_than_the_maximum() -> None:
    """The doubling never overflows."""
    assert RetryPolicy(attempts=10**6).pause(10**6) <= 8.0


def test_a_call_that_has_taken_its_time_is_not_tried_again(wire: Wire) -> None:
    """No try begins after `total` seconds, however many attempts are left."""
    policy = RetryPolicy(attempts=99, backoff=0, total=60)
    with pytest.raises(TransportError):
        wire.talk(call(operations.get("one"), policy), *[wire.lost() for _ in range(4)], taking=20)


def test_a_wait_that_would_end_too_late_is_not_begun(wire: Wire) -> None:
    """The time that the wait itself would take counts."""
    with pytest.raises(TransportError):
        wire.talk(call(operations.get("one"), RetryPolicy(total=20)), wire.lost(), taking=19.9)


def test_waits_for_rate_limits_use_up_neither_time_nor_attempts(wire: Wire) -> None:
    """A call that the rate limit held up for a minute still has all its tries."""
    policy = RetryPolicy(attempts=2, backoff=0, total=5)
    outcomes: list[Response | TransportError] = [
        wire.slow_down(30),
        wire.slow_down(30),
        wire.lost(),
        wire.ok(version="8.8"),
    ]
    assert wire.talk(call(operations.server_version(), policy), *outcomes) == "8.8"
    assert wire.waits == [0.0, 30.0, 30.0, 0.0]


def test_the_wait_for_rate_limits_is_bounded_over_all_tries(wire: Wire) -> None:
    """A wait that would go beyond rate_limit_wait is not begun: the call fails at once, saying how long it was."""
    with pytest.raises(RateLimitError) as caught:
        wire.talk(call(operations.get("one"), RetryPolicy()), *[wire.slow_down(30) for _ in range(3)])
    assert caught.value.retry_after == 30
    assert sum(wire.waits) == 60


@pytest.mark.parametrize("seconds", [None, 0])
def test_a_server_that_does_not_say_how_long_is_asked_less_and_less_often(wire: Wire, seconds: float | None) -> None:
    """Without a time to wait the waits grow as after other failures, and end as well."""
    with pytest.raises(RateLimitError):
        wire.serve(call(operations.get("one"), RetryPolicy()), lambda _: wire.slow_down(seconds))
    assert 8 <= len(wire.sent) <= 20
    assert sum(wire.waits) <= 65


def test_even_without_backoff_a_rate_limit_is_not_hammered(wire: Wire) -> None:
    """A policy with no backoff still waits a little at a rate limit that says "now"."""
    with pytest.raises(RateLimitError):
        wire.serve(call(operations.get("one"), RetryPolicy(backoff=0, rate_limit_wait=1)), lambda _: wire.slow_down(0))
    assert wire.waits[1:] == [0.05] * len(wire.waits[1:])
    assert len(wire.sent) <= 21


@pytest.mark.parametrize("failure", [*_AMBIGUOUS, *_SURELY_NOT_DONE])
@pytest.mark.parametrize("name", _ALL)
def test_never_neither_repeats_nor_waits(wire: Wire, name: str, failure: str) -> None:
    """With RetryPolicy.never() every failure is raised after one request and no wait."""
    with pytest.raises(RocketChatError):
        wire.talk(call(_ALL[name](wire), RetryPolicy.never()), {**_AMBIGUOUS, **_SURELY_NOT_DONE}[failure](wire))
    assert wire.waits == [0.0]


@pytest.mark.parametrize("failure", _AMBIGUOUS)
def test_removing_again_what_is_gone_has_succeeded(wire: Wire, failure: str) -> None:
    """When the answer to a removal is lost and the repeat finds nothing, the removal has worked."""
    wire.talk(
        call(operations.remove("one", IntegrationType.OUTGOING), RetryPolicy()),
        _AMBIGUOUS[failure](wire),
        wire.lost("refused", may_have_acted=False),
        wire.no(400, "No integration found."),
    )


@pytest.mark.parametrize("failure", _SURELY_NOT_DONE)
def test_removing_what_never_was_raises(wire: Wire, failure: str) -> None:
    """A removal that finds nothing raises when no earlier try can have done it."""
    with pytest.raises(NotFoundError):
        wire.talk(
            call(operations.remove("one", IntegrationType.OUTGOING), RetryPolicy()),
            _SURELY_NOT_DONE[failure](wire),
            wire.no(400, "No integration found."),
        )


def test_only_a_removal_takes_not_found_for_success(wire: Wire) -> None:
    """Any other call that finds nothing raises, also after a lost answer."""
    with pytest.raises(NotFoundError):
        wire.talk(call(operations.get("one"), RetryPolicy()), wire.lost(), wire.no(400, "No integration found."))


@pytest.mark.parametrize("name", ["get", "create", "login", "post"])
def test_a_failure_tells_nothing_of_how_it_was_found(wire: Wire, name: str) -> None:
    """What is raised is chained to nothing, and its traceback has no frames that hold what the server sent."""
    operation = _ALL[name](wire)
    outcomes: list[Response | TransportError] = [
        wire.no(400, "no"),
        wire.lost("other"),
        wire.ok(integration=1),
        Response(200, {}, b"<html>T0KEN"),
    ]
    for outcome in outcomes:
        if name == "post" and outcome is outcomes[2]:
            continue  # the answer to a post carries nothing that could not be read
        with pytest.raises(RocketChatError) as caught:
            wire.talk(call(operation, RetryPolicy()), outcome)
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        frames = traceback.extract_tb(error.__traceback__)
        assert [frame.name for frame in frames if "rocketchat_integrations" in frame.filename] == ["call"]
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "passw0rd" not in told


def test_create_refuses_a_record_that_was_evolved_into_nonsense(wire: Wire) -> None:
    """What would be refused as a definition is refused by create too, before anything is sent."""
    record = attrs.evolve(cast(IntegrationRecord, _codec.integration(wire.record())), channel=("general",))
    with pytest.raises(ConfigurationError, match="channel") as caught:
        wire.talk(create(record, RetryPolicy()))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_create_gives_the_record(wire: Wire) -> None:
    """What was created comes back as a record with its id."""
    record = wire.talk(create(_DEFINITION, RetryPolicy()), wire.ok(integration=wire.record()))
    assert record.id == "one"


def test_one_try_that_may_have_acted_is_enough(wire: Wire) -> None:
    """The last try was refused, the first may have done it: the caller is told to look."""
    outcomes = [wire.lost(), *[wire.lost("refused", may_have_acted=False)] * 3]
    with pytest.raises(TransportError) as caught:
        wire.talk(call(operations.clear_history("one"), RetryPolicy()), *outcomes)
    assert (caught.value.kind, caught.value.may_have_acted) == ("refused", True)
