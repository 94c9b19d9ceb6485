"""Compare the embedded server's validation with the validators that the vendor publishes."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from hypothesis import assume, given, settings, strategies as st

from rocketchat_integrations.testing import LocalRocketChat
from rocketchat_integrations.testing._api._endpoint_table import endpoints_of
from rocketchat_integrations.testing._api._validator import violations
from rocketchat_integrations.testing._world._dialect import Dialect
from tests.contract.validators import Validators, same_json
from tests.contract.world import PATIENT

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
# Valid parameters, from which all others are made.
GOOD: Mapping[str, list[Mapping[str, Any]]] = {
    "integrations.create": [INCOMING, OUTGOING],
    "integrations.update": [{**INCOMING, "integrationId": "a"}, {**OUTGOING, "integrationId": "a", "token": "t"}],
    "integrations.remove": [
        {"type": "webhook-incoming", "integrationId": "a"},
        {"type": "webhook-outgoing", "target_url": "https://b.example"},
    ],
    "integrations.get": [{"integrationId": "a", "createdBy": "b"}],
    "integrations.list": [{}, {"count": "50", "offset": "0", "sort": '{"_id":1}', "name": "ci"}],
    "integrations.history": [{"id": "a", "count": "50", "offset": "0", "sort": '{"_id":1}'}],
    "integrations.clearHistory": [{"integrationId": "a"}],
    "integrations.replayOutgoing": [{"integrationId": "a", "historyId": "b"}],
    "channels.getIntegrations": [{"roomId": "a"}, {"roomName": "a", "includeAllPublicChannels": "true"}],
    "groups.getIntegrations": [{"roomId": "a"}, {"roomName": "a", "includeAllPrivateGroups": "false"}],
}
KNOWN = {
    endpoint: sorted({name for shape in schema for name in shape.properties}) for endpoint, schema in SCHEMAS.items()
}
UNKNOWN = ["foo", "event", "createdBy", "integrationId", "fields"]

# Values of every type, and the texts and numbers that the validators coerce.
SOME_TEXTS = [
    *("", " ", "true", "false", "null", "0", "1", "-1.5", "1e3", " 7 ", "0x10", "NaN", "infinity", "Infinity"),
    *("webhook-incoming", "webhook-outgoing", "my webhook-outgoing", "sendMessage", "#general", "x", "\ud800"),
]
SOME_NUMBERS = [0, 1, -1, 1.5, 2**60, 1.2345678901234567e20, 1e20, 1e21, 1e-5, 1e-7, -0.0]
SOME_OF_EACH_TYPE = [None, True, False, *SOME_NUMBERS, *SOME_TEXTS, [], ["x"], [""], [None, 1, True], {}, {"a": "x"}]
TEXTS = st.sampled_from(SOME_TEXTS)
NUMBERS = st.sampled_from(SOME_NUMBERS) | st.integers(-(10**21), 10**21) | st.floats(-1e6, 1e6)
PLAIN = st.none() | st.booleans() | NUMBERS | TEXTS
ANY = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXTS, PLAIN, max_size=2)


def becomes_infinite(params: Mapping[str, Any]) -> bool:
    """Return whether a text is coerced to infinity. JSON cannot hold that, so the embedded server refuses the text."""
    texts = [params[name] for name in ("count", "offset", "retryCount") if isinstance(params.get(name), str)]
    numbers = [text for text in texts if re.fullmatch(r"\s*[+-]?(Infinity|\d+e\d+)\s*", text)]
    return any(math.isinf(float(number)) for number in numbers)


def disagreement(validators: Validators, endpoint: str, params: Any) -> object:
    """Return what the embedded server and the validators see differently in parameters; None if nothing."""
    verdict = validators(endpoint, params)
    coerced = copy.deepcopy(params)
    found = violations(SCHEMAS[endpoint], coerced, coerce=True)
    if (not found, tuple(found)) == (verdict.accepted, verdict.violations):
        return None if same_json(coerced, verdict.params) else (endpoint, params, verdict, coerced)
    return endpoint, params, verdict, found


@st.composite
def questions(draw: st.DrawFn) -> tuple[str, Any]:
    """Draw an endpoint, and valid parameters or ones with a few changes. Those of a query are texts."""
    endpoint = draw(st.sampled_from(sorted(SCHEMAS)))
    params = dict(draw(st.sampled_from(GOOD[endpoint])))
    for name in draw(st.lists(st.sampled_from(KNOWN[endpoint] * 2 + UNKNOWN), max_size=3)):
        params[name] = draw(TEXTS if METHODS[endpoint] == "GET" else ANY)
    for name in draw(st.lists(st.sampled_from(sorted(params) or UNKNOWN), max_size=2)):
        params.pop(name, None)
    assume(not becomes_infinite(params))
    return endpoint, params


def test_any_value_in_any_place(validators: Validators) -> None:
    """Each parameter of each endpoint, with a value of each type, is validated and coerced as the validators do."""
    assert SCHEMAS.keys() == GOOD.keys()
    asked = [
        (endpoint, {**params, name: value})
        for endpoint, samples in GOOD.items()
        for params in samples
        for name in KNOWN[endpoint] + UNKNOWN
        for value in (SOME_TEXTS if METHODS[endpoint] == "GET" else SOME_OF_EACH_TYPE)
        if not becomes_infinite({name: value})
    ]
    assert list(filter(None, (disagreement(validators, *question) for question in asked))) == []


@settings(PATIENT, max_examples=800)
@given(questions())
def test_several_errors_at_once(validators: Validators, question: tuple[str, Any]) -> None:
    """Parameters with several errors are refused with the same messages, and are the same afterwards."""
    assert disagreement(validators, *question) is None


@settings(PATIENT, max_examples=200)
@given(questions())
def test_refusals_over_http(
    server: LocalRocketChat, session: requests.Session, validators: Validators, question: tuple[str, Any]
) -> None:
    """The answer is a 400 `invalid-params` with the validators' messages exactly where they refuse."""
    endpoint, params = question
    url, method = f"{server.url}/api/v1/{endpoint}", METHODS[endpoint]
    carried: dict[str, Any] = {"params": params} if method == "GET" else {"json": params}
    assume(method != "GET" or all(value.isascii() for value in params.values()))  # a URL has no lone surrogates
    answer = session.request(method, url, **carried).json()
    verdict = validators(endpoint, params)
    refused = answer.get("errorType") == "invalid-params"
    assert refused is not verdict.accepted
    if refused:
        assert answer["error"] == "\n ".join(verdict.violations) + " [invalid-params]"


@pytest.mark.parametrize("text", ["Infinity", " -1e400"])
def test_infinite_numbers_are_the_one_difference(
    server: LocalRocketChat, session: requests.Session, validators: Validators, text: str
) -> None:
    """The validators accept the text of an infinity, and the embedded server refuses it."""
    body = {**OUTGOING, "retryFailedCalls": True, "retryCount": text}
    assert becomes_infinite(body)
    assert validators("integrations.create", body).accepted
    answer = session.post(f"{server.url}/api/v1/integrations.create", json=body)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid-params")


@pytest.fixture(scope="module")
def session(server: LocalRocketChat) -> Iterator[requests.Session]:
    """A session with the administrator's credentials."""
    auth = server.auth("admin")
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Auth-Token": auth.token, "X-User-Id": auth.user_id})
        yield session
