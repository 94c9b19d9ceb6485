"""Which failures are retried, when, and how often."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    ConfigurationError,
    DecodingError,
    IncomingIntegration,
    IntegrationType,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TransportError,
    WebhookDisabledError,
)
from rocketchat_integrations._protocol import endpoints
from rocketchat_integrations._protocol.flows import call
from rocketchat_integrations._protocol.http import Response

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

# Which endpoints are idempotent is tested in test_endpoints.
_GET = endpoints.get("one")
_CREATE = endpoints.create(IncomingIntegration(name="ci", channel="#general", username="rocket.cat"))
_LOGIN = endpoints.login("alice", "passw0rd", None)
_POST = endpoints.post("https://chat.example/hooks/one/T0KEN", "hello")


def _lost(kind: str, *, may_have_acted: bool = True) -> TransportError:
    return TransportError("lost", kind=kind, host="chat.example", port=443, may_have_acted=may_have_acted)


def _refused(status: int, error: str = "no") -> Response:
    return Response(status, {}, f'{{"success": false, "error": "{error}"}}'.encode())


_AMBIGUOUS: dict[str, Response | TransportError] = {
    **{kind: _lost(kind) for kind in ("reset", "incomplete", "timeout", "tls")},
    **{str(status): Response(status, {}, b"<html>") for status in (408, 502, 503, 504)},
    "cut": Response(200, {}, b'{"success": tr'),
}
_NOT_DONE: dict[str, Response | TransportError] = {
    **{kind: _lost(kind, may_have_acted=False) for kind in ("refused", "name", "timeout", "proxy", "unreachable")},
    "429": _refused(429, "You must wait 3 seconds"),
}
_FINAL: dict[str, Response | TransportError] = {
    **{str(status): _refused(status) for status in (500, 501, 400, 401, 403, 404)},
    "302": Response(302, {"location": "https://elsewhere.example"}),
    "html": Response(200, {}, b"<html>"),
    "certificate": _lost("certificate", may_have_acted=False),
    "too-large": _lost("too-large"),
    "other": _lost("other"),
    "deep": Response(200, {}, b"[" * 100_000),
}


def _is_retried(wire: Wire, operation: endpoints.Operation[Any], outcome: Response | TransportError) -> bool:
    with pytest.raises(RocketChatError):
        wire.serve(call(operation), lambda _: outcome if len(wire.sent) == 1 else _refused(400))
    assert wire.calls == [operation.request.endpoint] * len(wire.sent)
    return len(wire.sent) == 2


@pytest.mark.parametrize("failure", _AMBIGUOUS)
def test_ambiguous_failures_are_retried_only_if_that_is_harmless(wire: Wire, failure: str) -> None:
    """After a lost response or an absent server, a call that may have acted is repeated only if idempotent."""
    assert _is_retried(wire, _GET, _AMBIGUOUS[failure])
    wire.sent.clear()
    assert not _is_retried(wire, _CREATE, _AMBIGUOUS[failure])


@pytest.mark.parametrize("failure", _NOT_DONE)
def test_every_call_is_retried_that_surely_did_nothing(wire: Wire, failure: str) -> None:
    """After a refused connection or a rate limit every call may be made again, and is."""
    assert _is_retried(wire, _CREATE, _NOT_DONE[failure])


@pytest.mark.parametrize("failure", _FINAL)
def test_a_clear_no_is_final(wire: Wire, failure: str) -> None:
    """A refusal, a response of something else, or a permanent failure of the connection is raised at once."""
    assert not _is_retried(wire, _GET, _FINAL[failure])


def test_a_disabled_webhook_is_reported_at_once(wire: Wire) -> None:
    """Posting to a disabled webhook is not retried."""
    with pytest.raises(WebhookDisabledError):
        wire.talk(call(_POST), _refused(503, "Service Unavailable"))


def test_a_response_that_cannot_be_decoded_is_final(wire: Wire) -> None:
    """Success in the wrong shape is a DecodingError after one request, and may have acted."""
    with pytest.raises(DecodingError) as caught:
        wire.talk(call(_GET), wire.ok(integration=1))
    assert caught.value.may_have_acted


@pytest.mark.parametrize("failure", ["reset", "429"])
def test_never_neither_retries_nor_waits(wire: Wire, failure: str) -> None:
    """With RetryPolicy.never() every failure is raised after one request and no wait."""
    wire.policy = RetryPolicy.never()
    with pytest.raises(RocketChatError):
        wire.talk(call(_GET), {**_AMBIGUOUS, **_NOT_DONE}[failure])
    assert wire.waits == []


@pytest.mark.parametrize("field", ["backoff", "backoff_max", "total", "rate_limit_wait", "attempts"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "1", True])
def test_a_policy_is_checked(field: str, value: Any) -> None:
    """A policy with a negative or endless time, or an odd number of attempts, is refused by the field's name."""
    with pytest.raises(ConfigurationError, match=f"^{field}: "):
        RetryPolicy(**{field: value})


@pytest.mark.parametrize("value", [0, 1.5])
def test_a_policy_has_at_least_one_whole_attempt(value: Any) -> None:
    """Zero is a time, and no number of attempts."""
    with pytest.raises(ConfigurationError, match=r"^attempts: "):
        RetryPolicy(attempts=value)


def test_the_failure_of_the_last_try_is_raised(wire: Wire) -> None:
    """After the last attempt the caller gets its failure."""
    wire.policy = RetryPolicy(attempts=3)
    with pytest.raises(ServerError) as caught:
        wire.talk(call(_GET), wire.lost(), wire.no(502, "first"), wire.no(503, "last"))
    assert caught.value.error == "last"


@pytest.mark.parametrize(("chance", "waits"), [(0.0, [0.5, 1, 2, 2.5, 2.5]), (1.0, [1, 2, 4, 5, 5])])
def test_waits_double_up_to_a_maximum(wire: Wire, chance: float, waits: list[float]) -> None:
    """A wait is a random time between half of a bound and the bound, which doubles up to backoff_max."""
    wire.clock.chance = chance
    wire.policy = RetryPolicy(attempts=6, backoff=1, backoff_max=5)
    with pytest.raises(TransportError):
        wire.talk(call(_GET), *[wire.lost() for _ in range(6)])
    assert wire.waits == waits


def test_the_failure_tells_how_often_and_how_long_it_was_tried(wire: Wire) -> None:
    """By its message, and for a program by `tries`. A call that was tried once says nothing of this."""
    wire.clock.chance = 0.0
    with pytest.raises(TransportError, match=r"^lost \(4 tries in 4\.9 s\)$") as caught:
        wire.talk(call(_GET), *[wire.lost() for _ in range(4)], taking=0.8)
    assert caught.value.tries == 4
    with pytest.raises(ServerError, match=r"\(2 tries in 0\.2 s\)$"):
        wire.talk(call(_GET), wire.lost(), wire.no(500))
    with pytest.raises(TransportError, match=r"^lost$") as caught:
        wire.talk(call(_CREATE), wire.lost())
    assert caught.value.tries == 1


def test_thousands_of_tries_do_not_overflow(wire: Wire) -> None:
    """The doubling of the wait ends at the maximum."""
    wire.policy = RetryPolicy(attempts=2000, backoff_max=0.001, budget=None)
    with pytest.raises(TransportError):
        wire.serve(call(_GET), lambda _: wire.lost())
    assert len(wire.sent) == 2000


def test_no_try_begins_after_the_total_time(wire: Wire) -> None:
    """A call that has taken `total` seconds is not retried, however many attempts are left."""
    wire.policy = RetryPolicy(attempts=99, backoff=0, total=60)
    with pytest.raises(TransportError):
        wire.talk(call(_GET), *[wire.lost() for _ in range(4)], taking=20)


def test_the_wait_itself_counts_for_the_total_time(wire: Wire) -> None:
    """A wait that would end after `total` seconds is not begun."""
    wire.policy = RetryPolicy(total=20)
    with pytest.raises(TransportError):
        wire.talk(call(_GET), wire.lost(), taking=19.9)


def test_waits_for_rate_limits_use_up_neither_time_nor_attempts(wire: Wire) -> None:
    """A call that the rate limit delayed for a minute still has all its tries."""
    wire.policy = RetryPolicy(attempts=2, backoff=0, total=5)
    answers = (wire.slow_down(30), wire.slow_down(30), wire.lost(), wire.ok(version="8.8"))
    assert wire.talk(call(endpoints.server_version()), *answers) == "8.8"
    assert wire.waits == [30.0, 30.0, 0.0]


def test_the_wait_for_rate_limits_is_bounded_over_all_tries(wire: Wire) -> None:
    """A wait beyond rate_limit_wait is not begun: the call fails at once and says how long it would be."""
    with pytest.raises(RateLimitError) as caught:
        wire.talk(call(_GET), *[wire.slow_down(30) for _ in range(3)])
    assert caught.value.retry_after == 30
    assert wire.waits == [30, 30]


@pytest.mark.parametrize("seconds", [None, 0])
def test_without_a_time_to_wait_the_waits_grow(wire: Wire, seconds: float | None) -> None:
    """A server that does not say how long to wait is asked less and less often, and not for ever."""
    with pytest.raises(RateLimitError):
        wire.serve(call(_GET), lambda _: wire.slow_down(seconds))
    assert wire.waits[:4] == [0.5, 1, 2, 4]
    assert sum(wire.waits) <= 65


def test_even_without_backoff_a_rate_limit_is_not_hammered(wire: Wire) -> None:
    """A policy with no backoff still waits a little at a rate limit that ends "now"."""
    wire.policy = RetryPolicy(backoff=0, rate_limit_wait=1)
    with pytest.raises(RateLimitError):
        wire.serve(call(_GET), lambda _: wire.slow_down(0))
    assert set(wire.waits) == {0.05}
    assert len(wire.sent) <= 21


def test_removing_again_what_is_gone_has_succeeded(wire: Wire) -> None:
    """If the response to a removal is lost and the next try finds nothing, the removal has worked."""
    remove = call(endpoints.remove("one", IntegrationType.OUTGOING))
    wire.talk(remove, _AMBIGUOUS["reset"], _NOT_DONE["refused"], wire.no(400, "No integration found."))


@pytest.mark.parametrize("first", ["refused", "429"])
def test_removing_what_never_existed_raises(wire: Wire, first: str) -> None:
    """A removal that finds nothing raises if no earlier try can have done it."""
    remove = call(endpoints.remove("one", IntegrationType.OUTGOING))
    with pytest.raises(NotFoundError):
        wire.talk(remove, _NOT_DONE[first], wire.no(400, "No integration found."))


def test_only_a_removal_takes_not_found_for_success(wire: Wire) -> None:
    """Any other call that finds nothing raises, even after a lost response."""
    with pytest.raises(NotFoundError):
        wire.talk(call(_GET), wire.lost(), wire.no(400, "No integration found."))


def test_one_try_that_may_have_acted_is_enough(wire: Wire) -> None:
    """If the last try was refused and the first may have acted, the error says so."""
    outcomes = [wire.lost(), *[wire.lost("refused", may_have_acted=False) for _ in range(3)]]
    with pytest.raises(TransportError) as caught:
        wire.talk(call(_GET), *outcomes)
    assert (caught.value.kind, caught.value.may_have_acted) == ("refused", True)


@pytest.mark.parametrize("outcome", [_refused(400), _lost("other"), Response(200, {}, b"<html>T0KEN")], ids=repr)
def test_a_failure_shows_nothing_of_the_response(wire: Wire, outcome: Response | TransportError) -> None:
    """An error is chained to nothing, and its traceback has no frames that decoded the response."""
    with pytest.raises(RocketChatError) as caught:
        wire.talk(call(_LOGIN), outcome)
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    frames = traceback.extract_tb(error.__traceback__)
    assert {frame.name for frame in frames if "rocketchat_integrations" in frame.filename} == {"steps", "call"}
    shown = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert "passw0rd" not in shown
