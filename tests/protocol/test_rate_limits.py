"""Rate limit windows: how long each endpoint's calls wait, as the server's responses say."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import pytest

from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.rate_limits import RateLimiter

_GET = Request("GET", "api/v1/integrations.get?integrationId=1", "integrations.get")
_OTHER_GET = Request("GET", "api/v1/integrations.get?integrationId=2", "integrations.get")
_LIST = Request("GET", "api/v1/integrations.list", "integrations.list")
_NOON = 2_000_000_000.0


def _answer(remaining: int, resets_in: float, *, limit: int = 10, clock: float = _NOON) -> Response:
    """A response of a server whose clock shows `clock`, cut to whole seconds in its `Date`."""
    headers = {
        "x-ratelimit-limit": str(limit),
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-reset": str(int((clock + resets_in) * 1000)),
        "date": formatdate(int(clock), usegmt=True),
    }
    return Response(200, headers)


class _Limiter:
    """A limiter with a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._limiter = RateLimiter(threading.Lock())

    def observe(self, response: Response | None, request: Request = _GET) -> None:
        self._limiter.observe(request, response, self.now)

    def reserve(self, request: Request = _GET) -> float:
        return self._limiter.reserve(request, self.now)

    def reserved(self, count: int) -> list[float]:
        return [self.reserve() for _ in range(count)]


@pytest.fixture
def limiter() -> _Limiter:
    """No window known yet."""
    return _Limiter()


def test_without_a_known_window_no_call_waits(limiter: _Limiter) -> None:
    """On a server without a rate limit no call ever waits."""
    assert limiter.reserved(100) == [0.0] * 100


def test_a_used_up_window_is_waited_for(limiter: _Limiter) -> None:
    """As many calls go as the server has left, and the next one waits for the new window."""
    limiter.observe(_answer(remaining=2, resets_in=40))
    assert limiter.reserved(3) == [0.0, 0.0, 40.0]
    limiter.now += 15
    assert limiter.reserve() == 25.0


@pytest.mark.parametrize("skew", [-86400.0, 5400.0])
def test_the_local_clock_does_not_matter(limiter: _Limiter, skew: float) -> None:
    """The wait is counted by the server's own clock, however wrong it is."""
    limiter.observe(_answer(remaining=0, resets_in=40, clock=_NOON + skew))
    assert limiter.reserve() == 40.0


@pytest.mark.parametrize("missing", ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "date"])
def test_incomplete_headers_are_ignored(limiter: _Limiter, missing: str) -> None:
    """Without one of the four headers there is nothing to count by, and nothing is waited for."""
    answer = _answer(remaining=0, resets_in=40)
    limiter.observe(Response(200, {name: value for name, value in answer.headers.items() if name != missing}))
    assert limiter.reserve() == 0.0


def test_windows_belong_to_endpoints(limiter: _Limiter) -> None:
    """A window is used up by all calls of its endpoint, and by none of another."""
    limiter.observe(_answer(remaining=1, resets_in=40))
    assert [limiter.reserve(request) for request in (_LIST, _OTHER_GET, _GET)] == [0.0, 0.0, 40.0]


def test_each_webhook_has_its_own_window(limiter: _Limiter) -> None:
    """Posting much to one webhook does not delay another."""
    ours, theirs = (Request("POST", f"https://chat/hooks/{id}", "hooks", authenticated=False) for id in "ab")
    limiter.observe(_answer(remaining=0, resets_in=40), ours)
    assert [limiter.reserve(ours), limiter.reserve(theirs)] == [40.0, 0.0]


def test_whole_seconds_do_not_make_a_new_window(limiter: _Limiter) -> None:
    """The end of a window seems to move by up to a second: what was counted stays counted."""
    limiter.observe(_answer(remaining=5, resets_in=40, clock=_NOON + 0.05))
    assert limiter.reserved(5) == [0.0] * 5
    limiter.observe(_answer(remaining=4, resets_in=40, clock=_NOON + 0.95))
    assert 39 < limiter.reserve() <= 41


def test_responses_out_of_order_give_nothing_back(limiter: _Limiter) -> None:
    """The lowest count wins, in whatever order the responses arrive."""
    for remaining in (3, 1, 2):
        limiter.observe(_answer(remaining=remaining, resets_in=40))
    assert limiter.reserved(2) == [0.0, 40.0]


def test_a_later_end_is_a_new_window(limiter: _Limiter) -> None:
    """What the server says of its new window replaces the old one's count."""
    limiter.observe(_answer(remaining=0, resets_in=3))
    limiter.observe(_answer(remaining=8, resets_in=60))
    assert limiter.reserved(9) == [0.0] * 8 + [60.0]


def test_after_its_end_a_window_delays_nobody(limiter: _Limiter) -> None:
    """Once a window has ended, as many calls go as the limit allows, until the server tells the new end."""
    limiter.observe(_answer(remaining=0, resets_in=40))
    limiter.now += 40
    assert limiter.reserved(10) == [0.0] * 10
    assert limiter.reserve() > 0
    limiter.observe(_answer(remaining=9, resets_in=60))
    assert limiter.reserve() == 60.0


@pytest.mark.parametrize("silent", [None, Response(502)])
def test_a_call_without_quota_headers_returns_its_slot(limiter: _Limiter, silent: Response | None) -> None:
    """A lost response, or one without headers of the limit, lets the next call go; but never more than the limit."""
    limiter.observe(_answer(remaining=0, resets_in=40, limit=2))
    limiter.now += 40
    for _ in range(50):
        assert limiter.reserve() == 0.0
        limiter.observe(silent)
        limiter.observe(silent)
    assert [wait > 0 for wait in limiter.reserved(3)] == [False, False, True]


def test_a_lost_response_does_not_open_a_used_up_window(limiter: _Limiter) -> None:
    """While the end of the window is known, a failure changes nothing."""
    limiter.observe(_answer(remaining=0, resets_in=40))
    limiter.observe(None)
    assert limiter.reserve() == 40.0


def test_a_limit_of_zero_lets_one_call_ask(limiter: _Limiter) -> None:
    """A server that claims to allow no call at all is asked again once its window is over."""
    limiter.observe(_answer(remaining=0, resets_in=40, limit=0))
    limiter.now += 40
    assert limiter.reserve() == 0.0


def test_threads_share_a_window(limiter: _Limiter) -> None:
    """Of 32 threads no more than the limit get through in a window, in the known one as in the next."""
    limiter.observe(_answer(remaining=10, resets_in=40))
    start = threading.Barrier(32)

    def ask(_: int) -> bool:
        start.wait()
        return limiter.reserve() == 0.0

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(ask, range(32))) == 10
        limiter.now += 40
        assert sum(pool.map(ask, range(32))) == 10
