"""Compare the embedded server's validation with the validators that the vendor publishes, version by version."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import pytest
import requests
from hypothesis import assume, given, settings, strategies as st

from rocketchat_integrations.testing import LocalRocketChat
from rocketchat_integrations.testing._api._endpoint import Endpoint
from rocketchat_integrations.testing._api._endpoint_table import endpoints_of
from rocketchat_integrations.testing._api._validator import violations
from rocketchat_integrations.testing._world._dialect import Dialect
from tests.contract.validators import Validators, Verdict
from tests.contract.versions import VERSIONS, imitated
from tests.contract.world import PATIENT, SERVER

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
# The names in the widest schemas: other versions have to refuse those that they lack.
KNOWN = {
    name: sorted({parameter for shape in endpoint.schema for parameter in shape.properties})
    for name, endpoint in endpoints_of(Dialect.of("8.8")).items()
    if endpoint.schema is not None
}
UNKNOWN = ["foo", "event", "createdBy", "integrationId", "fields"]

# 6.14 publishes validators for them and takes more parameters than these allow.
ROOM_LISTS = {"channels.getIntegrations", "groups.getIntegrations"}

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


@attrs.frozen
class Compared:
    """The validators of a version, and an embedded server of that version."""

    validators: Validators
    dialect: Dialect
    endpoints: Mapping[str, Endpoint]
    """The embedded server's endpoints that have a schema."""
    server: LocalRocketChat

    def disagreement(self, endpoint: str, params: Any) -> object:
        """Return what the two see differently in parameters; None if nothing."""
        verdict = self.validators(endpoint, params)
        coerced = copy.deepcopy(params)
        coerce = self.dialect.coerces_bodies or self.is_query(endpoint)
        schema = self.endpoints[endpoint].schema
        assert schema is not None
        found = violations(schema, coerced, coerce=coerce)
        if Verdict(not found, coerced, tuple(found)).agrees_with(verdict):
            return None
        return endpoint, params, verdict, found, coerced

    def is_query(self, endpoint: str) -> bool:
        return self.endpoints[endpoint].methods == ("GET",)


@pytest.fixture(scope="module", params=[version for version in VERSIONS if imitated(version)])
def compared(request: pytest.FixtureRequest, published: Mapping[str, Validators]) -> Iterator[Compared]:
    """The two of each version that the embedded server imitates."""
    version = str(imitated(request.param))
    dialect = Dialect.of(version)
    endpoints = {name: endpoint for name, endpoint in endpoints_of(dialect).items() if endpoint.schema is not None}
    with LocalRocketChat(version=version, world=SERVER) as server:
        yield Compared(published[request.param], dialect, endpoints, server)


@st.composite
def questions(draw: st.DrawFn, compared: Compared) -> tuple[str, Any]:
    """Draw an endpoint, and valid parameters or ones with a few changes. Those of a query are texts."""
    endpoint = draw(st.sampled_from(sorted(compared.endpoints)))
    params = dict(draw(st.sampled_from(GOOD[endpoint])))
    for name in draw(st.lists(st.sampled_from(KNOWN[endpoint] * 2 + UNKNOWN), max_size=3)):
        params[name] = draw(TEXTS if compared.is_query(endpoint) else ANY)
    for name in draw(st.lists(st.sampled_from(sorted(params) or UNKNOWN), max_size=2)):
        params.pop(name, None)
    assume(not becomes_infinite(params))
    return endpoint, params


def test_the_same_endpoints_are_validated(compared: Compared) -> None:
    """The embedded server validates the parameters of exactly the endpoints that have a published validator."""
    unused = ROOM_LISTS if compared.dialect.major < 8 else set[str]()
    assert compared.endpoints.keys() == compared.validators.endpoints - unused


def test_any_value_in_any_place(compared: Compared) -> None:
    """Each parameter of each endpoint, with a value of each type, is validated and coerced as the validators do."""
    asked = [
        (endpoint, {**params, name: value})
        for endpoint in compared.endpoints
        for params in GOOD[endpoint]
        for name in KNOWN[endpoint] + UNKNOWN
        for value in (SOME_TEXTS if compared.is_query(endpoint) else SOME_OF_EACH_TYPE)
        if not becomes_infinite({name: value})
    ]
    assert list(filter(None, (compared.disagreement(*question) for question in asked))) == []


def test_several_errors_at_once(compared: Compared) -> None:
    """Parameters with several errors are refused with the same messages, and are the same afterwards."""

    @settings(PATIENT, max_examples=400)
    @given(questions(compared))
    def ask(question: tuple[str, Any]) -> None:
        assert compared.disagreement(*question) is None

    ask()


def test_refusals_over_http(compared: Compared) -> None:
    """The answer is a 400 `invalid-params` with the validators' messages exactly where they refuse."""

    @settings(PATIENT, max_examples=100)
    @given(questions(compared))
    def ask(question: tuple[str, Any]) -> None:
        endpoint, params = question
        is_query = compared.is_query(endpoint)
        assume(not is_query or all(value.isascii() for value in params.values()))  # a URL has no lone surrogates
        url, method = f"{compared.server.url}/api/v1/{endpoint}", compared.endpoints[endpoint].methods[0]
        answer = session.request(method, url, **{"params" if is_query else "json": params}).json()
        verdict = compared.validators(endpoint, params)
        refused = answer.get("errorType") == "invalid-params"
        assert refused is not verdict.accepted
        if refused:
            assert answer["error"] == "\n ".join(verdict.violations) + " [invalid-params]"

    with administrator(compared.server) as session:
        ask()


@pytest.mark.parametrize("text", ["Infinity", " -1e400"])
def test_infinite_numbers_are_the_one_difference(compared: Compared, text: str) -> None:
    """Validators that coerce accept the text of an infinity, and the embedded server refuses it."""
    body = {**OUTGOING, "retryFailedCalls": True, "retryCount": text}
    assert becomes_infinite(body)
    assert compared.validators("integrations.create", body).accepted is compared.dialect.coerces_bodies
    with administrator(compared.server) as session:
        answer = session.post(f"{compared.server.url}/api/v1/integrations.create", json=body)
    assert (answer.status_code, answer.json()["errorType"]) == (400, "invalid-params")


@contextmanager
def administrator(server: LocalRocketChat) -> Generator[requests.Session]:
    """Open a session with the administrator's credentials."""
    auth = server.auth("admin")
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Auth-Token": auth.token, "X-User-Id": auth.user_id})
        yield session
