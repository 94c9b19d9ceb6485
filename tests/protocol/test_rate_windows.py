"""The rate limit's windows: who may call when, as the server's answers tell."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.rate_limits import RateLimiter

if TYPE_CHECKING:
    from tests.conftest import Clock

_GET = Request("GET", "api/v1/integrations.get?integrationId=1", "integrations.get")
_OTHER_GET = Request("GET", "api/v1/integrations.get?integrationId=2", "integrations.get")
_LIST = Request("GET", "api/v1/integrations.list", "integrations.list")
_NOON = 2_000_000_000.0


def _answer(remaining: int, resets_in: float, *, limit: int = 10, clock: float = _NOON) -> Response:
    """An answer of a server whose clock shows `clock`, cut to whole seconds in its `Date`."""
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int((clock + resets_in) * 1000)),
        "date": formatdate(int(clock), usegmt=True),
    }
    return Response(200, headers)


@pytest.fixture
def windows(clock: Clock) -> RateLimiter:
    """No window known yet."""
    return RateLimiter()


def test_nothing_is_waited_for_before_a_server_has_said_something(windows: RateLimiter) -> None:
    """On a server without a rate limit no call ever waits."""
    assert [windows.reserve(_GET) for _ in range(100)] == [0.0] * 100


def test_a_window_is_used_up_and_then_waited_for(windows: RateLimiter, clock: Clock) -> None:
    """As many calls go as the server has left, and the next one waits for the new window."""
    windows.observe(_GET, _answer(remaining=2, resets_in=40))
    assert [windows.reserve(_GET) for _ in range(3)] == [0.0, 0.0, 40.0]
    clock.now += 15
    assert windows.reserve(_GET) == 25.0


@pytest.mark.parametrize("skew", [-86400.0, -5400.0, 0.0, 5400.0, 86400.0])
def test_the_clock_of_this_machine_does_not_matter(windows: RateLimiter, skew: float) -> None:
    """The wait is counted by the server's own clock, however many hours it is off."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40, clock=_NOON + skew))
    assert windows.reserve(_GET) == 40.0


@pytest.mark.parametrize("missing", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "date"])
def test_headers_that_do_not_tell_all_tell_nothing(windows: RateLimiter, missing: str) -> None:
    """Without one of the four headers there is nothing to count by, and nothing is waited for."""
    answer = _answer(remaining=0, resets_in=40)
    windows.observe(_GET, Response(200, {name: value for name, value in answer.headers.items() if name != missing}))
    assert windows.reserve(_GET) == 0.0


def test_windows_belong_to_endpoints(windows: RateLimiter) -> None:
    """A window is used up by all calls of its endpoint, and by none of another."""
    windows.observe(_GET, _answer(remaining=1, resets_in=40))
    assert [windows.reserve(request) for request in (_LIST, _OTHER_GET, _GET)] == [0.0, 0.0, 40.0]


def test_each_webhook_has_its_own(windows: RateLimiter) -> None:
    """Posting much to one webhook does not hold up another."""
    ours, theirs = (Request("POST", f"https://chat/hooks/{id}", "hooks", authenticated=False) for id in "ab")
    windows.observe(ours, _answer(remaining=0, resets_in=40))
    assert [windows.reserve(ours), windows.reserve(theirs)] == [40.0, 0.0]


def test_whole_seconds_do_not_make_a_new_window(windows: RateLimiter, clock: Clock) -> None:
    """The end of a window seems to move by up to a second: what was counted stays counted."""
    windows.observe(_GET, _answer(remaining=5, resets_in=40, clock=_NOON + 0.05))
    assert [windows.reserve(_GET) for _ in range(5)] == [0.0] * 5
    windows.observe(_GET, _answer(remaining=4, resets_in=40, clock=_NOON + 0.95))
    assert 39 < windows.reserve(_GET) <= 41


def test_answers_that_overtake_each_other_give_nothing_back(windows: RateLimiter) -> None:
    """The lowest count wins, in whatever order the answers come in."""
    for remaining in (3, 1, 2):
        windows.observe(_GET, _answer(remaining=remaining, resets_in=40))
    assert [windows.reserve(_GET) for _ in range(2)] == [0.0, 40.0]


def test_a_later_end_is_a_new_window(windows: RateLimiter, clock: Clock) -> None:
    """What the server says of its new window replaces the old one's count."""
    windows.observe(_GET, _answer(remaining=0, resets_in=3))
    windows.observe(_GET, _answer(remaining=8, resets_in=60))
    assert [windows.reserve(_GET) for _ in range(9)] == [0.0] * 8 + [60.0]


def test_after_its_end_a_window_holds_nobody_up(windows: RateLimiter, clock: Clock) -> None:
    """When the time is over, calls go again, as many as the limit allows, until the server has spoken."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40))
    clock.now += 40
    assert [windows.reserve(_GET) for _ in range(10)] == [0.0] * 10
    assert windows.reserve(_GET) > 0
    windows.observe(_GET, _answer(remaining=9, resets_in=60))
    assert windows.reserve(_GET) == 60.0


@pytest.mark.parametrize("silent", [None, Response(502), Response(200)])
def test_nobody_waits_for_a_call_that_ended_in_silence(
    windows: RateLimiter, clock: Clock, silent: Response | None
) -> None:
    """A lost answer, or one without a word of the limit, lets the next call go: the limit may be gone."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40))
    clock.now += 40
    for _ in range(50):
        assert windows.reserve(_GET) == 0.0
        windows.observe(_GET, silent)


def test_silence_gives_no_more_than_the_limit(windows: RateLimiter, clock: Clock) -> None:
    """Answers without a word do not add up to more calls at once than the limit."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40, limit=2))
    clock.now += 40
    assert windows.reserve(_GET) == 0.0
    for _ in range(5):
        windows.observe(_GET, None)
    assert [windows.reserve(_GET) > 0 for _ in range(3)] == [False, False, True]


def test_silence_does_not_open_a_window_that_is_used_up(windows: RateLimiter) -> None:
    """While the end of the window is known, a failure elsewhere changes nothing."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40))
    windows.observe(_GET, None)
    assert windows.reserve(_GET) == 40.0


def test_a_limit_of_nothing_lets_one_call_ask(windows: RateLimiter, clock: Clock) -> None:
    """A server that claims to allow no call at all is asked again once its window is over."""
    windows.observe(_GET, _answer(remaining=0, resets_in=40, limit=0))
    clock.now += 40
    assert windows.reserve(_GET) == 0.0


def test_threads_share_a_window(windows: RateLimiter, clock: Clock) -> None:
    """Of 32 threads no more than the limit get through in a window, in the known one as in the next."""
    windows.observe(_GET, _answer(remaining=10, resets_in=40))
    start = threading.Barrier(32)

    def ask(_: int) -> bool:
        start.wait()
        return windows.reserve(_GET) == 0.0

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(ask, range(32))) == 10
        clock.now += 40
        assert sum(pool.map(ask, range(32))) == 10
