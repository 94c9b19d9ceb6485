"""Every public method under every fault: see the rules in tests/faults/rules.py.

A selection runs with all tests; the whole matrix with `--all-faults`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from rocketchat_integrations import Timeout
from rocketchat_integrations._protocol.readers import is_array, is_object
from tests.client.calls import CALLS

from .catalogue import FAULTS, Fault
from .cells import Cell, Laboratory, Outcome
from .methods import METHODS, Method, Twin
from .proxy import Act, Arrival, http_answer
from .rules import broken_rules

TWINS: tuple[Twin, ...] = ("sync", "async")
# The selection runs beside all other tests. Its only fault that makes a client wait hangs for 10 s.
_PATIENT = Timeout(connect=2.0, read=2.0, total=4.0)
Record = Callable[[dict[str, Any]], None]


def _is_possible(method: Method, fault: Fault) -> bool:
    if fault.with_password:
        return method.endpoint not in ("login", "hooks", "hooks.info")
    # A total is what the server says.
    return method.name != "Listing.total" or "total" not in fault.name


def _all() -> Iterator[Cell]:
    for twin in TWINS:
        for method in METHODS:
            for fault in FAULTS:
                if _is_possible(method, fault):
                    yield Cell(twin, method, fault)
                    # What is not sent or not repeated is the same again.
                    is_repeated = method.is_idempotent or not fault.waits
                    if is_repeated and not fault.is_harmless and fault.known != "not sent":
                        yield Cell(twin, method, fault, "always")


def _selection() -> Iterator[Cell]:
    """Yield each fault once, with one method after the other. Few of those that wait or take memory."""
    slow = ("hang after the server acted", "gzip of 100 MB of blanks")
    quick = [fault for fault in FAULTS if fault.name in slow or not (fault.waits or fault.is_large)]
    for number, fault in enumerate(quick):
        method = METHODS[number % len(METHODS)]
        if _is_possible(method, fault):
            yield Cell(TWINS[number % 2], method, fault, short_timeout=_PATIENT)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    is_whole = bool(metafunc.config.getoption("all_faults", default=False))
    if "cell" in metafunc.fixturenames:
        metafunc.parametrize("cell", list(_all() if is_whole else _selection()), ids=str)
    if "replaced" in metafunc.fixturenames:
        metafunc.parametrize("replaced", METHODS if is_whole else METHODS[2:3], ids=lambda method: method.name)
        metafunc.parametrize("value", _VALUES if is_whole else ("other", None), ids=repr)


def _result(cell: Cell, outcome: Outcome, broken: list[str]) -> dict[str, Any]:
    return {
        "method": cell.method.name,
        "fault": cell.fault.name,
        "group": cell.fault.group,
        "error": None if outcome.error is None else type(outcome.error).__name__,
        "twice": not cell.method.is_idempotent and outcome.acted > cell.method.actions,
        "seconds": round(outcome.seconds, 2),
        "memory": round(outcome.memory / 2**20),
        "broken": bool(broken),
    }


def _fail_with(broken: list[str]) -> None:
    if broken:
        pytest.fail("\n".join(broken), pytrace=False)


def test_every_public_call_is_in_the_matrix() -> None:
    """A new method has to be called under the faults as well."""
    assert CALLS.keys() <= {method.name for method in METHODS}


def test_a_call_under_a_fault_keeps_the_promises(laboratory: Laboratory, cell: Cell, record_result: Record) -> None:
    """No foreign exception, nothing twice or lost, no secret shown, no long wait, a right may_have_acted."""
    outcome = laboratory.run(cell)
    broken = list(broken_rules(cell, outcome, laboratory.expected(cell.twin, cell.method)))
    record_result(_result(cell, outcome, broken))
    _fail_with(broken)


_REPLACED = Fault("a value of another type", "replaced values")
# Values of each type, to put in place of another; Ellipsis leaves it out.
_VALUES: tuple[Any, ...] = (None, True, 0, -1, 1.5, 2**70, "other", "", [], [None], {}, {"$date": "x"}, ...)


@pytest.mark.parametrize("twin", TWINS)
def test_an_answer_with_a_wrong_value_keeps_the_promises(
    laboratory: Laboratory, twin: Twin, replaced: Method, value: Any, record_result: Record
) -> None:
    """The value is in place of each value of the answer, one after the other."""
    cell = Cell(twin, replaced, _REPLACED)
    expected = laboratory.expected(twin, replaced)
    answers: list[Any] = []

    def note(arrival: Arrival) -> None:
        answer = arrival.forward()
        answers.append(json.loads(answer.body))
        arrival.send(http_answer(answer.body))

    laboratory.run(cell, [note])
    all_broken: list[str] = []
    for path in _paths(answers[0], ()):
        outcome = laboratory.run(cell, [_with_value(path, value)])
        broken = [f"{path}: {rule}" for rule in broken_rules(cell, outcome, expected, is_replaced=True)]
        record_result(_result(cell, outcome, broken))
        all_broken += broken
    _fail_with(all_broken)


def _paths(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    """Yield the path to each value in a JSON value."""
    steps: Iterable[tuple[Any, Any]] = ()
    if is_object(value):
        steps = value.items()
    elif is_array(value):
        steps = enumerate(value)
    for step, item in steps:
        yield (*path, step)
        yield from _paths(item, (*path, step))


def _with_value(path: tuple[Any, ...], value: Any) -> Act:
    """Put a value into the answer."""

    def send(arrival: Arrival) -> None:
        answer = arrival.forward()
        body: Any = json.loads(answer.body)
        *steps, last = path
        holder = functools.reduce(lambda item, step: item[step], steps, body)
        if value is ...:
            del holder[last]
        else:
            holder[last] = value
        arrival.send(http_answer(json.dumps(body).encode(), status=f"{answer.status} OK"))

    return send
