"""What must hold for every cell: the promises of the package, each a rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rocketchat_integrations import ConfigurationError, RocketChatError

from .cells import ATTEMPTS, RATE_LIMIT_WAIT, Cell, Effects, Outcome

# What other programs on the machine may take, in seconds.
_SLACK = 1.8
# What reading and unpacking one large answer may take.
_LARGE = 1.5
# A call that logs in, or reads before it writes, makes more than one request that can fail.
_FAILING_REQUESTS = 2
# Less would not hold a response of the largest size twice.
_MEMORY = 160 * 2**20
_LOST = ("lost before the server acted", "lost after the server acted", "hanging")


def longest(cell: Cell) -> float:
    """Return the seconds that the call may take."""
    tries = ATTEMPTS * _FAILING_REQUESTS if cell.times == "always" else 1
    waits = tries * (cell.short_timeout.connect + cell.short_timeout.total) if cell.fault.waits else RATE_LIMIT_WAIT
    return waits + _SLACK + (tries * _LARGE if cell.fault.is_large else 0.0)


def broken_rules(
    cell: Cell, outcome: Outcome, expected: tuple[Any, Effects], *, is_replaced: bool = False
) -> Iterator[str]:
    """Describe each rule that does not hold; with `is_replaced`, the answer had another value in some place."""
    error = outcome.error
    if error is not None and not isinstance(error, RocketChatError):
        yield f"foreign exception: {error!r}"
    if outcome.leaks:
        yield f"a secret shows in: {', '.join(outcome.leaks)}"
    if outcome.seconds > longest(cell):
        yield f"took {outcome.seconds:.1f} s, allowed are {longest(cell):.1f} s"
    if outcome.memory > _MEMORY:
        yield f"took {outcome.memory / 2**20:.0f} MiB"
    if outcome.next_error is not None:
        yield f"the next call fails: {outcome.next_error!r}"
    yield from _twice(cell, outcome, expected[1])
    if isinstance(error, RocketChatError):
        yield from _wrong_flag(cell, outcome, error)
        if _must_succeed(cell):
            yield f"the call fails: {error!r}"
    elif error is None and cell.fault.group == "redirects":
        yield "the redirect was followed"
    elif error is None and is_replaced:
        if not cell.method.is_asked_for(outcome.result):
            yield "the result is not what was asked for"
    elif error is None:
        yield from _lost(cell, outcome, expected)


def _must_succeed(cell: Cell) -> bool:
    fault, method = cell.fault, cell.method
    # After a timeout, the server may still act: only what may be done twice is sent again.
    is_sent_again = method.is_idempotent or (method.is_repeated and not fault.waits)
    # A call that may be repeated is, after an answer that was lost or cut.
    survives = fault.group in (*_LOST, "cut") and len(fault.acts) == 1 and is_sent_again
    return fault.is_harmless or (cell.times == "once" and (fault.is_passed_once or survives))


def _twice(cell: Cell, outcome: Outcome, after: Effects) -> Iterator[str]:
    if not cell.method.is_idempotent and outcome.acted > cell.method.actions:
        yield f"the server acted {outcome.acted} times"
    if cell.fault.group in _LOST and outcome.arrived > ATTEMPTS * cell.method.actions:
        yield f"sent {outcome.arrived} times"
    if not outcome.after.is_between(outcome.before, after):
        yield f"the server has what nobody asked for: {outcome.after}"


def _lost(cell: Cell, outcome: Outcome, expected: tuple[Any, Effects]) -> Iterator[str]:
    result, after = expected
    if cell.method.result(outcome.result) != result:
        yield f"another result: {outcome.result!r}"
    if outcome.after != after:
        yield f"success, but the server has not done it: {outcome.after}"


def _wrong_flag(cell: Cell, outcome: Outcome, error: RocketChatError) -> Iterator[str]:
    flag, known = error.may_have_acted, cell.fault.known
    if outcome.acted and not flag:
        yield f"may_have_acted is False, and the server acted: {error!r}"
    surely_not = known == "not sent" or not outcome.arrived or (known == "refused" and not outcome.acted)
    if surely_not and flag and outcome.after == outcome.before:
        yield f"may_have_acted is True, and nothing was done: {error!r}"
    if not surely_not and not flag and not isinstance(error, ConfigurationError):
        yield f"may_have_acted is False, which nobody can know: {error!r}"
