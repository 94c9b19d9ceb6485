"""`skipTranspile`: sent while the server takes it, left out where the server's schema refuses it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from rocketchat_integrations import (
    BadRequestError,
    IncomingIntegration,
    IntegrationRecord,
    InvalidParamsError,
    TransportError,
    UpdateIncomplete,
)
from rocketchat_integrations._protocol import calls
from rocketchat_integrations._protocol.flows import Flow
from rocketchat_integrations._protocol.http import Response

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

WANTED = IncomingIntegration("ci", channel="#general", username="rocket.cat", skip_transpile=True)
EXTRA = "must NOT have additional properties"


def create(times: int = 1) -> Flow[IntegrationRecord]:
    """Create the integration so many times with one client."""
    for _ in range(times - 1):
        yield from calls.create(WANTED, find_existing=False)
    return (yield from calls.create(WANTED, find_existing=False))


def update(skip_transpile: bool | None = True) -> Flow[IntegrationRecord]:
    wanted = attrs.evolve(WANTED, skip_transpile=skip_transpile)
    return calls.update("one", wanted, overwrite=False, new_token=str)


def refused(wire: Wire, violation: str = EXTRA) -> Response:
    return wire.no(400, f"{violation} [invalid-params]", errorType="invalid-params")


def stored(wire: Wire, **fields: Any) -> Response:
    return wire.ok(integration=wire.record(**fields))


def sent(wire: Wire) -> list[object]:
    """What each body says of the property."""
    return [wire.body(number).get("skipTranspile") for number, request in enumerate(wire.sent) if request.body]


@pytest.mark.parametrize("flow", [create, update])
def test_a_server_that_takes_it_is_asked_once(wire: Wire, flow: Any) -> None:
    has = stored(wire, skipTranspile=True)
    assert wire.talk(flow(), *[has] * (1 if flow is create else 2)).skip_transpile is True
    assert sent(wire) == [True]


def test_a_server_that_refuses_it_is_asked_again_without_it(wire: Wire) -> None:
    """Nothing else of the request changes. Where the record has no such field, the update is complete."""
    assert wire.talk(update(), stored(wire), refused(wire), stored(wire)).skip_transpile is None
    assert wire.body(1) == {**wire.body(2), "skipTranspile": True}
    assert "skipTranspile" not in wire.body(2)


def test_the_client_remembers_that_the_server_refuses_it(wire: Wire) -> None:
    """The next call leaves it out at once."""
    wire.talk(create(3), refused(wire), *[stored(wire)] * 3)
    assert sent(wire) == [True, None, None, None]


def flow_after_refusal() -> Flow[IntegrationRecord]:
    """Create twice, whatever the first says."""
    with suppress(InvalidParamsError):
        yield from calls.create(WANTED, find_existing=False)
    return (yield from calls.create(WANTED, find_existing=False))


def test_another_reason_is_raised_and_not_remembered(wire: Wire) -> None:
    """The second refusal tells what is wrong with the rest: the validator stops at the first violation."""
    with pytest.raises(InvalidParamsError) as caught:
        wire.talk(create(), refused(wire), refused(wire, "must be string"))
    assert caught.value.violations == ("must be string",)
    assert (caught.value.__context__, caught.value.may_have_acted) == (None, False)

    wire.sent.clear()
    wire.talk(flow_after_refusal(), refused(wire), refused(wire), stored(wire))
    assert sent(wire) == [True, None, True]


@pytest.mark.parametrize("skip_transpile", [False, None])
def test_a_request_without_it_is_not_repeated(wire: Wire, skip_transpile: bool | None) -> None:
    """False is never sent, also if the record holds it."""
    with pytest.raises(InvalidParamsError):
        wire.talk(update(skip_transpile), stored(wire, skipTranspile=False), refused(wire))
    assert sent(wire) == [None]


def test_a_refusal_by_a_rule_is_not_repeated(wire: Wire) -> None:
    with pytest.raises(BadRequestError):
        wire.talk(create(), wire.no(400, "Invalid room [error-invalid-room]"))


def test_an_earlier_lost_answer_is_not_forgotten(wire: Wire) -> None:
    """Whether the server may have acted counts over both requests; a lost create is not repeated."""
    lost = wire.lost(), refused(wire), wire.no(400, "error-invalid-room")
    with pytest.raises(BadRequestError) as caught:
        wire.talk(update(), stored(wire), *lost)
    assert caught.value.may_have_acted
    with pytest.raises(TransportError):
        wire.talk(create(), refused(wire), wire.lost())


def test_a_record_that_still_holds_false_is_incomplete(wire: Wire) -> None:
    """Where true was asked for. Without the field, and for any other wish, there is nothing to report."""
    false = stored(wire, skipTranspile=False)
    with pytest.raises(UpdateIncomplete, match=r"did not take: skip_transpile$"):
        wire.talk(update(), false, refused(wire), false)
    true = stored(wire, skipTranspile=True)
    assert wire.talk(update(False), true, true).skip_transpile is True
    assert wire.talk(update(None), true, refused(wire), false).skip_transpile is False
