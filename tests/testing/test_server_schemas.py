"""Request validation of the embedded server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations.testing._api import _schemas as schemas, _validator

if TYPE_CHECKING:
    from tests.testing.conftest import Api

_ONE_OF = "must match exactly one schema in oneOf"


def _mistakes(answer: Any) -> list[str]:
    assert answer.status == 400
    assert answer.json["errorType"] == "invalid-params"
    lines: list[str] = answer.json["error"].removesuffix(" [invalid-params]").split("\n ")
    return lines


def test_8_converts_before_it_validates(api: Api, incoming: dict[str, Any]) -> None:
    """A server of 8.8 turns texts and numbers into truth values, and null into false or an empty text."""
    stored = api.create(incoming, enabled="true", scriptEnabled=None, name=5, alias=None)
    assert stored["enabled"] is True
    assert stored["scriptEnabled"] is False
    assert stored["name"] == "5"
    assert stored["alias"] is None


def test_null_as_channel_means_every_public_channel_on_8(api: Api, outgoing: dict[str, Any]) -> None:
    """The trap of a channel that is null is there: it becomes an outgoing integration for every channel."""
    assert api.create(outgoing, channel=None)["channel"] == []


@pytest.mark.parametrize(
    ("field", "value", "mistake"),
    [
        ("enabled", "true", "must be boolean"),
        ("enabled", None, "must be boolean"),
        ("channel", None, "must be string"),
        ("name", 5, "must be string"),
    ],
)
def test_6_converts_nothing(old: Api, incoming: dict[str, Any], field: str, value: Any, mistake: str) -> None:
    """A server of 6.14 refuses what one of 8.8 converts."""
    answer = old("POST", "integrations.create", {**incoming, field: value})
    assert _mistakes(answer) == [mistake, "must have required property 'event'", _ONE_OF]


def test_skip_transpile_is_of_8(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """`skipTranspile` is refused before 8.x, and false there unless it is asked for."""
    answer = old("POST", "integrations.create", {**incoming, "skipTranspile": False})
    assert _mistakes(answer)[0] == "must NOT have additional properties"
    assert "skipTranspile" not in old.create(incoming)
    assert api.create(incoming)["skipTranspile"] is False
    assert api.create(incoming, skipTranspile=True)["skipTranspile"] is True


@pytest.mark.parametrize(
    ("endpoint", "query", "mistake"),
    [
        ("integrations.list", {"fields": "{}"}, "must NOT have additional properties"),
        ("integrations.history", {"id": "x", "count": "many"}, "must be number"),
        ("integrations.history", {"id": ""}, "must NOT have fewer than 1 characters"),
    ],
)
def test_parameters_are_validated_on_8(api: Api, endpoint: str, query: dict[str, Any], mistake: str) -> None:
    """Parameters of a query that the validators of 8.x do not know are refused, and numbers are read from texts."""
    assert _mistakes(api("GET", endpoint, **query)) == [mistake]


def test_room_lists_take_no_page_on_8(api: Api) -> None:
    """The lists of a room's integrations cannot be paged on 8.8."""
    answer = api("GET", "channels.getIntegrations", roomName="general", count=1)
    assert _mistakes(answer) == [
        "must have required property 'roomId'",
        "must NOT have additional properties",
        _ONE_OF,
    ]


def test_bodies_have_to_be_objects(api: Api) -> None:
    """A body that is JSON but no object is refused by every alternative."""
    assert _mistakes(api("POST", "integrations.create", [])) == ["must be object", "must be object", _ONE_OF]


def test_bodies_need_their_content_type(api: Api) -> None:
    """A body that does not say that it is JSON is not read."""
    answer = api("POST", "integrations.clearHistory", b'{"integrationId": "x"}')
    assert _mistakes(answer) == ["must have required property 'integrationId'"]


@pytest.mark.parametrize("body", [b"{", b'{"integrationId": NaN}', b"[" * 200_000], ids=["open", "NaN", "deep"])
def test_bodies_have_to_be_json(api: Api, body: bytes) -> None:
    """A body that says that it is JSON and is none is refused."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert api("POST", "integrations.clearHistory", body, headers=headers).error_type == "Invalid JSON"


@pytest.mark.parametrize("count", ["Infinity", "-Infinity", "1e400", f"0x{'f' * 300}", "NaN", "seven"])
def test_no_text_becomes_a_number_that_json_lacks(count: str) -> None:
    """What is too large for JavaScript, and what is no number, is no count."""
    assert _validator.violations(schemas.HISTORY, {"id": "x", "count": count}, coerce=True) == ["must be number"]


@pytest.mark.parametrize(
    ("schema", "value", "converted"),
    [
        (schemas.HISTORY, {"id": True}, {"id": "true"}),
        (schemas.HISTORY, {"id": False}, {"id": "false"}),
        (schemas.HISTORY, {"id": 1e21}, {"id": "1e+21"}),
        (schemas.HISTORY, {"id": 1.5e-5}, {"id": "0.000015"}),
        (schemas.HISTORY, {"id": 1.5e-7}, {"id": "1.5e-7"}),
        (schemas.HISTORY, {"id": 1e-7}, {"id": "1e-7"}),
        (schemas.HISTORY, {"id": 1e999}, {"id": "Infinity"}),
        (schemas.HISTORY, {"id": -1e999}, {"id": "-Infinity"}),
        (schemas.HISTORY, {"id": 10**400}, {"id": "Infinity"}),
        (schemas.HISTORY, {"id": -(10**400)}, {"id": "-Infinity"}),
        (schemas.HISTORY, {"id": 2**60}, {"id": "1152921504606847000"}),
        (schemas.HISTORY, {"id": -0.0}, {"id": "0"}),
        (schemas.HISTORY, {"id": 2.0}, {"id": "2"}),
        (schemas.HISTORY, {"id": 2.5}, {"id": "2.5"}),
        (schemas.HISTORY, {"id": "x", "count": " 7 "}, {"id": "x", "count": 7}),
        (schemas.HISTORY, {"id": "x", "count": "1.5"}, {"id": "x", "count": 1.5}),
        (schemas.HISTORY, {"id": "x", "count": "0x1F"}, {"id": "x", "count": 31}),
        (schemas.HISTORY, {"id": "x", "count": " "}, {"id": "x", "count": 0}),
        (schemas.HISTORY, {"id": "x", "count": "\ufeff7"}, {"id": "x", "count": 7}),
        (schemas.HISTORY, {"id": "x", "count": ""}, {"id": "x", "count": None}),
        (schemas.HISTORY, {"id": "x", "count": True}, {"id": "x", "count": 1}),
        (schemas.LIST, {"count": True}, {"count": 1}),
        (schemas.LIST, {"name": 0}, {"name": "0"}),
    ],
)
def test_conversions_are_those_of_the_validator(
    schema: _validator.Schema, value: dict[str, Any], converted: dict[str, Any]
) -> None:
    """Values of the wrong type become what JavaScript makes of them."""
    assert _validator.violations(schema, value, coerce=True) == []
    assert value == converted


@pytest.mark.parametrize("text", ["\u0663", "\uff11", "1\u0663", "\x1c7", "1_0"])
def test_only_ascii_digits_are_numbers(both: Api, text: str) -> None:
    """A text that is a number to Python, and none to JavaScript, is refused as a count."""
    assert both("GET", "integrations.history", id="x", count=text).error_type == "invalid-params"
    assert both("GET", "integrations.list", count=text).error_type == "count must be a non-negative integer"


def test_numbers_that_are_too_large_are_infinite(api: Api, incoming: dict[str, Any]) -> None:
    """A number that JavaScript cannot hold is read as infinity."""
    assert api.create(incoming, name=10**400)["name"] == "Infinity"


@pytest.mark.parametrize(
    ("body", "mistakes"),
    [
        ({"urls": ""}, []),
        ({"urls": 0}, []),
        ({"urls": False}, []),
        ({"urls": True}, ["must NOT have additional properties", "must be array", _ONE_OF]),
        ({"urls": [5]}, []),
        (
            {"urls": ["x", ""]},
            ["must NOT have additional properties", "must NOT have fewer than 1 characters", _ONE_OF],
        ),
        ({"enabled": 2}, ["must NOT have additional properties", "must be boolean", _ONE_OF]),
        ({"enabled": 1, "scriptEnabled": "false"}, []),
        ({"retryCount": []}, ["must NOT have additional properties", "must be number", _ONE_OF]),
        ({"retryCount": "abc"}, ["must NOT have additional properties", "must be number", _ONE_OF]),
        ({"retryCount": 1e999}, ["must NOT have additional properties", "must be number", _ONE_OF]),
        ({"event": {}}, ["must NOT have additional properties", "must be string", _ONE_OF]),
    ],
)
def test_verdicts_are_those_of_the_validator(
    outgoing: dict[str, Any], body: dict[str, Any], mistakes: list[str]
) -> None:
    """One line comes from each alternative that does not match, in the validator's words."""
    assert _validator.violations(schemas.CREATE, outgoing | body, coerce=True) == mistakes


def test_no_body_matches_two_alternatives(outgoing: dict[str, Any]) -> None:
    """A type that names both kinds, or an id beside a URL, is refused although nothing in it is wrong."""
    both = {**outgoing, "integrationId": "x", "type": "webhook-incoming webhook-outgoing"}
    assert _validator.violations(schemas.UPDATE, both, coerce=False) == [_ONE_OF]
