"""The retries that all calls of a client make together are limited."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING

import pytest

from rocketchat_integrations import RetryPolicy, TransportError
from rocketchat_integrations._protocol import endpoints
from rocketchat_integrations._protocol.flows import Flow
from rocketchat_integrations._protocol.http import Response
from rocketchat_integrations._protocol.retry_budget import RetryBudget

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire


def _left(budget: RetryBudget) -> int:
    count = 0
    while budget.take():
        count += 1
    return count


def _versions(calls: int) -> Flow[None]:
    """Ask for the version so many times with one client, and ignore failures."""
    for _ in range(calls):
        with suppress(TransportError):
            yield endpoints.server_version()


@pytest.mark.parametrize(("size", "requests"), [(4, 10 + 4), (0, 10), (None, 10 * 3)])
def test_an_outage_uses_up_the_budget(wire: Wire, size: int | None, requests: int) -> None:
    """Ten calls with two retries each: together they make as many retries as the budget has, or all without one."""
    wire.policy = RetryPolicy(attempts=3, budget=size)
    wire.serve(_versions(10), lambda _: wire.lost())
    assert len(wire.sent) == requests


@pytest.mark.parametrize(("successes", "retries"), [(4, 0), (5, 1), (50, 2)])
def test_success_gives_retries_back(successes: int, retries: int) -> None:
    """One for five calls that needed none, up to the size of the budget."""
    budget = RetryBudget(2, nullcontext())
    assert _left(budget) == 2
    for _ in range(successes):
        budget.give_back(was_retried=False)
    assert _left(budget) == retries


def test_faults_that_pass_do_not_use_up_the_budget(wire: Wire) -> None:
    """A call that succeeds after a retry gives it back: any number of such calls can be made."""
    wire.policy = RetryPolicy(budget=1)

    def every_second(_: object) -> Response | TransportError:
        return wire.lost() if len(wire.sent) % 2 else wire.ok(version="9.0")

    wire.serve(_versions(20), every_second)
    assert len(wire.sent) == 40


def test_a_rate_limit_uses_no_budget(wire: Wire) -> None:
    """The server asks to wait, and is not down."""
    wire.policy = RetryPolicy(budget=0)
    wire.talk(_versions(1), wire.slow_down(1), wire.ok(version="9.0"))


def test_threads_take_no_retry_twice() -> None:
    budget = RetryBudget(5000, threading.Lock())
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(_left, [budget] * 8)) == 5000


@pytest.mark.parametrize("budget", [-1, 1.5, True])
def test_a_budget_is_a_number_of_retries(budget: object) -> None:
    with pytest.raises(ValueError, match=r"^budget: must be a whole number of at least 0"):
        RetryPolicy(budget=budget)  # type: ignore[arg-type]
