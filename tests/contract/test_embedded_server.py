"""The embedded server's verdicts are those of the validators that the vendor publishes."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs
import pytest
import requests
from hypothesis import assume, given, settings, strategies as st

from rocketchat_integrations.testing import LocalRocketChat
from rocketchat_integrations.testing._api._endpoints import endpoints_of
from rocketchat_integrations.testing._api._validator import violations
from rocketchat_integrations.testing._world._dialect import Dialect
from tests.contract.patience import PATIENT
from tests.contract.validators import Validators, same_json

ENDPOINTS = endpoints_of(Dialect.of("8.8.1"))
SCHEMAS = {name: endpoint.schema for name, endpoint in ENDPOINTS.items() if endpoint.schema is not None}
METHODS = {name: endpoint.methods[0] for name, endpoint in ENDPOINTS.items()}
COMMON: Mapping[str, Any] = {
    "username": "rocket.cat",
    "channel": "#general",
    "scriptEnabled": False,
    "name": "ci",
    "enabled": True,
}
INCOMING: Mapping[str, Any] = {**COMMON, "type": "webhook-incoming"}
OUTGOING: Mapping[str, Any] = {
    **COMMON,
    "type": "webhook-outgoing",
    "event": "sendMessage",
    "urls": ["https://b.example"],
}
# What a well-behaved caller sends; everything else grows out of these.
GOOD: Mapping[str, list[Mapping[str, Any]]] = {
    "integrations.create": [INCOMING, OUTGOING],
    "integrations.update": [{**INCOMING, "integrationId": "a"}, {**OUTGOING, "integrationId": "a", "token": "t"}],
    "integrations.remove": [
        {"type": "webhook-incoming", "integrationId": "a"},
        {"type": "webhook-outgoing", "integrationId": "a"},
        {"type": "webhook-outgoing", "target_url": "https://b.example"},
    ],
    "integrations.get": [{"integrationId": "a"}, {"integrationId": "a", "createdBy": "b"}],
    "integrations.list": [{}, {"count": "50", "offset": "0", "sort": '{"_id":1}', "name": "ci"}],
    "integrations.history": [{"id": "a"}, {"id": "a", "count": "50", "offset": "0", "sort": '{"_id":1}'}],
    "integrations.clearHistory": [{"integrationId": "a"}],
    "integrations.replayOutgoing": [{"integrationId": "a", "historyId": "b"}],
    "channels.getIntegrations": [{"roomId": "a"}, {"roomName": "a", "includeAllPublicChannels": "true"}],
    "groups.getIntegrations": [{"roomId": "a"}, {"roomName": "a", "includeAllPrivateGroups": "false"}],
}
KNOWN = {endpoint: sorted({name for shape in schema for name in shape.properties}) for endpoint, schema in SCHEMAS.items()}
FOREIGN = ["foo", "event", "createdBy", "integrationId", "fields"]

# Values of every kind, and the texts and numbers that the validators coerce.
INFINITE_TEXTS = ["Infinity", "-Infinity", "+Infinity", "Infinity ", "1e400", " -1e400"]
SOME_TEXTS = [
    *("", " ", "true", "false", "null", "0", "1", "-1.5", "1e3", " 7 ", "0x10", "NaN", "infinity", *INFINITE_TEXTS),
    *("webhook-incoming", "webhook-outgoing", "my webhook-outgoing", "sendMessage", "#general", "x", "\ud800"),
]
SOME_NUMBERS = [0, 1, -1, 1.5, 2**60, 1.2345678901234567e20, 1e20, 1e21, 1e-5, 1e-7, -0.0]
SOME_OF_EACH_KIND = [None, True, False, *SOME_NUMBERS, *SOME_TEXTS, [], ["x"], [""], [None, 1, True], {}, {"a": "x"}]
TEXTS = st.sampled_from(SOME_TEXTS)
NUMBERS = st.sampled_from(SOME_NUMBERS) | st.integers(-(10**21), 10**21) | st.floats(-1e6, 1e6)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
ANY = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXTS, PLAIN, max_size=2)


@attrs.frozen
class Difference:
    """A verdict in which the embedded server differs from the validators, and why that is left so."""

    reason: str
    applies: Callable[[str, Any], bool]
    """Whether a parameter and its value are such a case."""
    example: tuple[str, Mapping[str, Any]]
    """An endpoint, and parameters for it."""


def is_infinite(text: str) -> bool:
    """Whether JavaScript reads a text as an infinity."""
    is_number = re.fullmatch(r"[+-]?(Infinity|\d+e\d+)", text.strip()) is not None
    return is_number and math.isinf(float(text))


DIFFERENCES = [
    Difference(
        "The text of an infinity, or of a number too large, becomes what JSON, and so the embedded server, lacks.",
        lambda name, value: name in ("count", "offset", "retryCount") and isinstance(value, str) and is_infinite(value),
        ("integrations.history", {"id": "a", "count": "Infinity"}),
    )
]


def is_a_known_difference(params: Mapping[str, Any]) -> bool:
    return any(known.applies(name, value) for known in DIFFERENCES for name, value in params.items())


def disagreement(validators: Validators, endpoint: str, params: Any) -> object:
    """What the embedded server's schemas make of parameters otherwise than the validators; None if nothing."""
    verdict = validators(endpoint, params)
    coerced = copy.deepcopy(params)
    found = violations(SCHEMAS[endpoint], coerced, coerce=True)
    if (not found, tuple(found)) == (verdict.accepted, verdict.violations):
        return None if same_json(coerced, verdict.params) else (endpoint, params, verdict, coerced)
    return endpoint, params, verdict, found


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Any]:
    """An endpoint, and parameters that are good, or have been changed in a few places. Queries are texts."""
    endpoint = draw(st.sampled_from(sorted(SCHEMAS)))
    params = dict(draw(st.sampled_from(GOOD[endpoint])))
    for name in draw(st.lists(st.sampled_from(KNOWN[endpoint] * 2 + FOREIGN), max_size=3)):
        params[name] = draw(TEXTS if METHODS[endpoint] == "GET" else ANY)
    for name in draw(st.lists(st.sampled_from(sorted(params) or FOREIGN), max_size=2)):
        params.pop(name, None)
    assume(not is_a_known_difference(params))
    return endpoint, params


def test_every_schema_is_asked_about() -> None:
    """No endpoint with a schema is left out."""
    assert SCHEMAS.keys() == GOOD.keys()


def test_any_value_in_any_place_gets_the_verdict_of_the_validators(validators: Validators) -> None:
    """Each parameter of each endpoint, with a value of each kind, is judged and coerced as the validators do."""
    questions = [
        (endpoint, {**params, name: value})
        for endpoint, samples in GOOD.items()
        for params in samples
        for name in KNOWN[endpoint] + FOREIGN
        for value in (SOME_TEXTS if METHODS[endpoint] == "GET" else SOME_OF_EACH_KIND)
    ]
    asked = [(endpoint, params) for endpoint, params in questions if not is_a_known_difference(params)]
    assert list(filter(None, (disagreement(validators, *question) for question in asked))) == []


@settings(PATIENT, max_examples=2000)
@given(questions())
def test_several_oddities_at_once_get_the_verdict_of_the_validators(
    validators: Validators, question: tuple[str, Any]
) -> None:
    """Parameters with several mistakes are refused in the same words, and are the same afterwards."""
    assert disagreement(validators, *question) is None


@settings(PATIENT, max_examples=600)
@given(questions())
def test_what_the_validators_refuse_is_refused_over_http(
    server: LocalRocketChat, session: requests.Session, validators: Validators, question: tuple[str, Any]
) -> None:
    """A caller gets the validators' words as a 400 of the type invalid-params exactly where they refuse."""
    endpoint, params = question
    url, method = f"{server.url}/api/v1/{endpoint}", METHODS[endpoint]
    carried: dict[str, Any] = {"params": params} if method == "GET" else {"json": params}
    assume(method != "GET" or all(value.isascii() for value in params.values()))  # no half of a pair fits into a URL
    answer = session.request(method, url, **carried).json()
    verdict = validators(endpoint, params)
    refused = answer.get("errorType") == "invalid-params"
    assert refused is not verdict.accepted
    if refused:
        assert answer["error"] == "\n ".join(verdict.violations) + " [invalid-params]"


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.reason)
def test_no_difference_is_listed_in_vain(validators: Validators, difference: Difference) -> None:
    """What is listed does differ."""
    endpoint, params = difference.example
    assert any(difference.applies(name, value) for name, value in params.items())
    assert disagreement(validators, endpoint, dict(params)) is not None


@pytest.mark.parametrize("text", INFINITE_TEXTS)
def test_an_infinite_number_of_retries_is_refused(
    server: LocalRocketChat, session: requests.Session, text: str
) -> None:
    """What the embedded server cannot hold it refuses in the validators' manner, and does not fail at."""
    body = {**OUTGOING, "retryFailedCalls": True, "retryCount": text}
    answer = session.post(f"{server.url}/api/v1/integrations.create", json=body)
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "invalid-params"


@pytest.fixture(scope="module")
def session(server: LocalRocketChat) -> Iterator[requests.Session]:
    """A plain caller with the administrator's login."""
    auth = server.auth("admin")
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Auth-Token": auth.token, "X-User-Id": auth.user_id})
        yield session
