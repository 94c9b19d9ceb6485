"""Validation of parameters: the validator's messages and coercions. tests/contract compares more with the vendor's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing._api import _schemas as schemas
from rocketchat_integrations.testing._api._validator import Schema, violations
from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Answer, Api, Opener

_ONE_OF = "must match exactly one schema in oneOf"
_EXTRA = "must NOT have additional properties"


def _violations(answer: Answer) -> list[str]:
    assert answer.error_type == "invalid-params"
    lines: list[str] = answer.json["error"].removesuffix(" [invalid-params]").split("\n ")
    return lines


def test_bodies_are_coerced(api: Api) -> None:
    """A server of 9.0 coerces before it validates, so that a channel of null means every public channel."""
    stored = api.create(enabled="true", scriptEnabled=None, name=5)
    assert (stored["enabled"], stored["scriptEnabled"], stored["name"]) == (True, False, "5")
    assert api.create(OUTGOING, channel=None)["channel"] == []
    assert api.create(name=10**400)["name"] == "Infinity"


def test_8_coerces_bodies_from_8_4_on(serve: Opener) -> None:
    """8.6's published validators do and 8.0's do not; that it came with 8.4 is assumed."""
    for version, status in (("8.3", 400), ("8.4", 200)):
        assert serve(version=version)("POST", "integrations.create", {**INCOMING, "enabled": "true"}).status == status


def test_6_coerces_queries_alone(old: Api) -> None:
    """A server of 6.14 refuses bodies that one of 9.0 coerces, and `skipTranspile`, which it does not know."""
    for field, value, message in (
        ("enabled", "true", "must be boolean"),
        ("channel", None, "must be string"),
        ("skipTranspile", False, _EXTRA),
    ):
        answer = old("POST", "integrations.create", {**INCOMING, field: value})
        assert _violations(answer) == [message, "must have required property 'event'", _ONE_OF]
    assert old("GET", "integrations.history", id="x", count="1").status == 200


@pytest.mark.parametrize(
    ("endpoint", "query", "expected"),
    [
        # 9.0 has neither `query` nor `fields` (release notes).
        *(
            (f"integrations.{endpoint}", {**required, name: "{}"}, [_EXTRA])
            for name in ("query", "fields")
            for endpoint, required in (
                *(("list", dict[str, str]()), ("history", {"id": "x"}), ("get", {"integrationId": "x"})),
            )
        ),
        ("integrations.history", {"id": "x", "count": "many"}, ["must be number"]),
        ("integrations.history", {"id": ""}, ["must NOT have fewer than 1 characters"]),
        (
            "channels.getIntegrations",
            {"roomName": "general", "count": 1},
            ["must have required property 'roomId'", _EXTRA, _ONE_OF],
        ),
    ],
)
def test_queries_are_validated(api: Api, endpoint: str, query: dict[str, Any], expected: list[str]) -> None:
    """Unknown parameters are refused, so that a room's list cannot be paged; numbers are read from texts."""
    assert _violations(api("GET", endpoint, **query)) == expected


def test_8_ignores_some_queries(serve: Opener) -> None:
    """8.8 takes `query` for lists and history, and any parameter for one integration (the vendor's schemas)."""
    api = serve(version="8.8")
    integration = api.create()
    assert api("GET", "integrations.list", query='{"name": "x"}').json["total"] == 1
    assert api("GET", "integrations.history", id="x", query="{}").status == 200
    assert api("GET", "integrations.get", integrationId=integration["_id"], fields="{}").status == 200
    assert _violations(api("GET", "integrations.list", fields="{}")) == [_EXTRA]


def test_bodies_have_to_be_json_objects(api: Api) -> None:
    """JSON that is not an object is refused, and a body without the content type of JSON is not read."""
    assert _violations(api("POST", "integrations.create", [])) == ["must be object", "must be object", _ONE_OF]
    answer = api("POST", "integrations.clearHistory", b'{"integrationId": "x"}')
    assert _violations(answer) == ["must have required property 'integrationId'"]


@pytest.mark.parametrize("body", [b"{", b'{"integrationId": NaN}', b"[" * 200_000], ids=["open", "NaN", "deep"])
def test_invalid_json(api: Api, body: bytes) -> None:
    """A body with the content type of JSON that is not JSON is refused."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert api("POST", "integrations.clearHistory", body, headers=headers).error_type == "Invalid JSON"


@pytest.mark.parametrize(
    ("schema", "value", "coerced"),
    [
        (schemas.HISTORY, {"id": True}, {"id": "true"}),
        (schemas.HISTORY, {"id": False}, {"id": "false"}),
        (schemas.HISTORY, {"id": 1e21}, {"id": "1e+21"}),
        (schemas.HISTORY, {"id": 1.5e-5}, {"id": "0.000015"}),
        (schemas.HISTORY, {"id": 1e-7}, {"id": "1e-7"}),
        (schemas.HISTORY, {"id": -1e999}, {"id": "-Infinity"}),
        (schemas.HISTORY, {"id": -(10**400)}, {"id": "-Infinity"}),
        (schemas.HISTORY, {"id": 2**60}, {"id": "1152921504606847000"}),
        (schemas.HISTORY, {"id": -0.0}, {"id": "0"}),
        (schemas.HISTORY, {"id": 2.0}, {"id": "2"}),
        (schemas.HISTORY, {"id": "x", "count": " 7 "}, {"id": "x", "count": 7}),
        (schemas.HISTORY, {"id": "x", "count": "1.5"}, {"id": "x", "count": 1.5}),
        (schemas.HISTORY, {"id": "x", "count": "0x1F"}, {"id": "x", "count": 31}),
        (schemas.HISTORY, {"id": "x", "count": "\ufeff"}, {"id": "x", "count": 0}),
        (schemas.HISTORY, {"id": "x", "count": ""}, {"id": "x", "count": None}),
        (schemas.HISTORY, {"id": "x", "count": True}, {"id": "x", "count": 1}),
        (schemas.LIST, {"count": True, "name": 0}, {"count": 1, "name": "0"}),
    ],
)
def test_coercions_are_those_of_javascript(schema: Schema, value: dict[str, Any], coerced: dict[str, Any]) -> None:
    """Values of the wrong type become what JavaScript makes of them."""
    assert violations(schema, value, coerce=True) == []
    assert value == coerced


@pytest.mark.parametrize("count", ["Infinity", "1e400", f"0x{'f' * 300}", "seven", "\u0663", "\x1c7", "1_0"])
def test_texts_that_are_no_numbers(api: Api, count: str) -> None:
    """What JSON cannot hold, and what is a number only to Python, is refused as a count."""
    assert violations(schemas.HISTORY, {"id": "x", "count": count}, coerce=True) == ["must be number"]
    assert api("GET", "integrations.list", count=count).error_type == "count must be a non-negative integer"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"urls": ""}, []),
        ({"urls": [5]}, []),
        ({"enabled": 1, "scriptEnabled": "false"}, []),
        ({"urls": True}, [_EXTRA, "must be array", _ONE_OF]),
        ({"urls": ["x", ""]}, [_EXTRA, "must NOT have fewer than 1 characters", _ONE_OF]),
        ({"enabled": 2}, [_EXTRA, "must be boolean", _ONE_OF]),
        ({"retryCount": 1e999}, [_EXTRA, "must be number", _ONE_OF]),
        ({"event": {}}, [_EXTRA, "must be string", _ONE_OF]),
        ({"type": "other"}, [_EXTRA, 'must match pattern "webhook-outgoing"', _ONE_OF]),
    ],
)
def test_messages_are_those_of_the_validator(changes: dict[str, Any], expected: list[str]) -> None:
    """Each alternative that does not match gives one line, in the validator's words."""
    assert violations(schemas.CREATE, {**OUTGOING, **changes}, coerce=True) == expected


def test_two_alternatives_at_once_are_refused() -> None:
    """A type that contains both names is refused although no alternative finds an error."""
    body = {**OUTGOING, "integrationId": "x", "type": "webhook-incoming webhook-outgoing"}
    assert violations(schemas.UPDATE, body, coerce=False) == [_ONE_OF]
