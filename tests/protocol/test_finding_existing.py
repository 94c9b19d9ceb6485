"""`create(find_existing=True)` looks for the integration after a lost answer, before it creates it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    DecodingError,
    IncomingIntegration,
    IntegrationRecord,
    RetryPolicy,
    RocketChatError,
    ServerError,
    TransportError,
)
from rocketchat_integrations._protocol import calls
from rocketchat_integrations._protocol.flows import Flow
from rocketchat_integrations._protocol.http import Response

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire

_WANTED = IncomingIntegration("ci", channel="#general", username="rocket.cat")
_CREATE, _LIST = "integrations.create", "integrations.list"


def _create(*, find_existing: bool = True) -> Flow[IntegrationRecord]:
    return calls.create(_WANTED, find_existing=find_existing)


def _stored(wire: Wire, *records: dict[str, Any]) -> Response:
    return wire.ok(integrations=[wire.record(**fields) for fields in records], total=len(records))


def test_without_a_failure_nothing_is_looked_for(wire: Wire) -> None:
    assert wire.talk(_create(), wire.ok(integration=wire.record())).id == "one"
    assert wire.calls == [_CREATE]


@pytest.mark.parametrize("failure", ["reset", "timeout", "500", "504", "cut", "odd"])
def test_what_a_lost_answer_has_created_is_returned(wire: Wire, failure: str) -> None:
    """Whatever the failure is, if the server may have acted. It is not created twice."""
    answers: dict[str, Response | TransportError] = {
        "reset": wire.lost(),
        "timeout": wire.lost("timeout"),
        "500": wire.no(500),
        "504": wire.no(504),
        "cut": Response(200, {}, b'{"integration": {"_id'),
        "odd": wire.ok(integration=1),
    }
    others = ({"_id": "a", "name": "ci 2"}, {"_id": "b", "alias": "other"})
    assert wire.talk(_create(), answers[failure], _stored(wire, *others, {"_id": "c"})).id == "c"
    assert wire.calls == [_CREATE, _LIST]


def test_what_was_not_created_is_created(wire: Wire) -> None:
    """After the search found nothing, with the pauses and tries of the policy. Each failure is followed by a search."""
    answers = (wire.lost(), _stored(wire, {"_id": "a", "channel": ["#other"]}), wire.no(502), _stored(wire))
    assert wire.talk(_create(), *answers, wire.ok(integration=wire.record())).id == "one"
    assert wire.calls == [_CREATE, _LIST, _CREATE, _LIST, _CREATE]
    assert wire.waits == [0.5, 1.0]


@pytest.mark.parametrize("failure", ["timeout", "504", "408"])
def test_a_server_that_may_still_be_at_work_is_not_asked_again(wire: Wire, failure: str) -> None:
    """It could create the integration after the search."""
    answer = wire.lost("timeout") if failure == "timeout" else wire.no(int(failure))
    with pytest.raises(RocketChatError) as caught:
        wire.talk(_create(), answer, _stored(wire))
    assert caught.value.may_have_acted


@pytest.mark.parametrize("search", ["two", "unreadable", "refused"])
def test_an_unclear_search_raises_the_failure(wire: Wire, search: str) -> None:
    """Two equal integrations, one that cannot be read, or no list: it is not known whether it was created."""
    answers = {
        "two": _stored(wire, {"_id": "a"}, {"_id": "b"}),
        "unreadable": wire.ok(integrations=[wire.record(enabled=1)], total=1),
        "refused": wire.no(403),
    }
    with pytest.raises(TransportError, match="lost") as caught:
        wire.talk(_create(), wire.lost(), answers[search])
    assert caught.value.may_have_acted
    assert caught.value.__context__ is None


def test_without_retries_there_is_still_a_search(wire: Wire) -> None:
    """A policy that never repeats finds what was created, and creates nothing again."""
    wire.policy = RetryPolicy.never()
    assert wire.talk(_create(), wire.lost(), _stored(wire, {"_id": "a"})).id == "a"
    with pytest.raises(TransportError):
        wire.talk(_create(), wire.lost(), _stored(wire))


def test_a_call_that_did_nothing_needs_no_search(wire: Wire) -> None:
    """After a refused connection the call is repeated at once; a refusal of the server is raised."""
    wire.talk(_create(), wire.lost("refused", may_have_acted=False), wire.ok(integration=wire.record()))
    with pytest.raises(RocketChatError):
        wire.talk(_create(), wire.no(400))
    assert _LIST not in wire.calls


@pytest.mark.parametrize("failure", [0, 1])
def test_by_default_nothing_is_looked_for_or_repeated(wire: Wire, failure: int) -> None:
    answer = (wire.no(502), wire.ok(integration=1))[failure]
    with pytest.raises((ServerError, DecodingError)[failure]):
        wire.talk(_create(find_existing=False), answer)


def test_a_found_integration_gives_its_retry_back(wire: Wire) -> None:
    """Searches that find the integration do not use up the budget of retries."""
    wire.policy = RetryPolicy(budget=1)

    def twice() -> Flow[None]:
        for _ in range(2):
            yield from _create()

    lost, found = wire.lost(), _stored(wire, {"_id": "a"})
    wire.talk(twice(), lost, found, lost, _stored(wire), wire.ok(integration=wire.record()))
