"""Nothing is refused in vain: what a definition refuses, the server refuses too, or there is a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import attrs
import pytest
import requests
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import (
    EventType,
    IncomingIntegration,
    IntegrationDefinition,
    IntegrationType,
    OutgoingIntegration,
    models,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.contract.oracle import NAMES, OUTGOING_NAMES
from tests.contract.patience import PATIENT
from tests.contract.validators import Validators
from tests.contract.world import INTEGRATIONS

KINDS: Mapping[IntegrationType, Any] = {
    IntegrationType.INCOMING: IncomingIntegration,
    IntegrationType.OUTGOING: OutgoingIntegration,
}
LISTS = ("channel", "urls", "trigger_words")
FLAGS = [
    *("enabled", "script_enabled", "override_destination_channel_enabled", "trigger_word_anywhere", "run_on_edits"),
    *("impersonate_user", "retry_failed_calls"),
]


@attrs.frozen
class Raw:
    """Values for the fields of a definition, as somebody might give them."""

    type: IntegrationType
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, definition: IntegrationDefinition) -> Raw:
        """The values that would make a definition, with lists where JSON has them."""
        values: dict[str, Any] = attrs.asdict(definition)
        return cls(definition.type, values | {field: list(values[field]) for field in LISTS if field in values})

    def __getitem__(self, field: str) -> Any:
        return self.fields.get(field)

    def but(self, **fields: Any) -> Raw:
        """The same with other values in some fields."""
        return Raw(self.type, {**self.fields, **fields})

    def refusal(self) -> str | None:
        """What the definition says against it; None if it takes it."""
        try:
            KINDS[self.type](**self.fields)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def body(self) -> dict[str, Any]:
        """The body that says the same to the server."""
        names = NAMES[self.type]
        body = {"type": self.type, **{names[field]: value for field, value in self.fields.items()}}
        channel = body.get("channel", "")
        body["channel"] = ",".join(channel) if _is_texts(channel) else channel
        if isinstance(body.get("urls"), str):
            body["urls"] = [body["urls"]]
        if isinstance(body.get("triggerWords"), str):
            body["triggerWords"] = [word for word in body["triggerWords"].split(",") if word.strip()]
        return body


def _is_text(value: Any) -> bool:
    return isinstance(value, str) or _is_texts(value)


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(part, str) for part in cast("list[object]", value))


def _has_half_a_pair(value: Any) -> bool:
    return _is_text(value) and re.search("[\ud800-\udfff]", "".join(value)) is not None


# Where a definition is stricter than the server, on purpose. The documentation of the models has the same list.


@attrs.frozen
class Difference:
    """Something that the server takes and a definition does not."""

    refused: str
    """In the words of the documentation, which also has the reason."""
    fields: frozenset[str]
    """The fields one of which the refusal names."""
    applies: Callable[[Raw, Any], bool]
    """Whether the values, and the one of the field that was refused, are such a case."""
    example: Mapping[str, Any]
    """A case: of an outgoing integration."""


def _differs(refused: str, fields: str, example: Mapping[str, Any], applies: Callable[[Raw, Any], bool]) -> Difference:
    return Difference(refused, frozenset(fields.split()), applies, example)


DIFFERENCES = [
    _differs(
        "an outgoing ``channel`` of only commas and blanks",
        "channel",
        {"channel": ","},
        lambda raw, value: raw.type is IntegrationType.OUTGOING and _is_text(value) and not "".join(value).strip(", "),
    ),
    _differs(
        "a comma in one element of ``channel``",
        "channel",
        {"channel": ["#general,@alice"]},
        lambda _, value: _is_texts(value) and any("," in part for part in value),
    ),
    _differs(
        "a ``retry_delay`` other than the three",
        "retry_delay",
        {"retry_delay": "weekly"},
        lambda _, value: isinstance(value, str),
    ),
    _differs(
        "a ``retry_count`` that is not an ``int``",
        "retry_count",
        {"retry_count": 2.5},
        lambda _, value: isinstance(value, float),
    ),
    _differs(
        "a ``retry_count`` below 1 with retries enabled",
        "retry_count",
        {"retry_count": 0, "retry_failed_calls": True},
        lambda raw, value: type(value) is int and value < 1 and raw["retry_failed_calls"] is True,
    ),
    _differs(
        "a ``retry_count`` beyond ``2**53 - 1``",
        "retry_count",
        {"retry_count": 2**53},
        lambda _, value: type(value) is int and abs(value) >= 2**53,
    ),
    _differs(
        "a blank ``token``", "token", {"token": " "}, lambda _, value: isinstance(value, str) and not value.strip()
    ),
    _differs(
        "a blank ``target_room`` for ``userCreated``",
        "target_room",
        {"event": "userCreated", "target_room": " "},
        lambda _, value: isinstance(value, str) and value != "" and not value.strip(),
    ),
    _differs(
        "another ``script_engine``", "script_engine", {"script_engine": "vm2"}, lambda _, value: isinstance(value, str)
    ),
    _differs(
        "None for a flag or for trigger words",
        " ".join([*FLAGS, "trigger_words"]),
        {"run_on_edits": None},
        lambda _, value: value is None,
    ),
    _differs(
        "text with a lone surrogate",
        " ".join(OUTGOING_NAMES),
        {"alias": "\ud83d"},
        lambda _, value: _has_half_a_pair(value),
    ),
]


def intended(raw: Raw, refusal: str) -> bool:
    """Whether a refusal is one of the differences."""
    field = refusal.partition(":")[0]
    return any(field in known.fields and known.applies(raw, raw[field]) for known in DIFFERENCES)


# Good and bad values: of any kind for any field, and some that are nearly right.
JUNK: list[Any] = [
    *(None, True, False, 0, 1, -1, 1.5, 3.0, 2**53, 2**53 + 1, "", " ", ",", "x", "true", "\ud83d", {}, {"a": 1}),
    *([], [""], [" "], ["x"], ["x", " "], [None], [5], ["\ud83d"], [["x"]]),
]
NEARLY: Mapping[str, list[Any]] = {
    "channel": [
        *("general", "#general,,@alice", "#general,", " , ", "all_public_channels", "All_Public_Channels", "#"),
        *(["general"], ["#general", ""], ["#general", "all_private_groups"], [" ", ","], ["#general,@alice"]),
    ],
    "username": ["Rocket.Cat", " rocket.cat"],
    "event": ["SendMessage", "sendMessage ", "userCreated", "roomCreated"],
    "urls": ["", " ", ["", "https://bot.example"], [" ", "https://bot.example"], [" "]],
    "trigger_words": [["", "a"], [" ", "a"], "a,,b", [" "]],
    "target_room": [" "],
    "retry_delay": ["POWERS-OF-TEN", "weekly"],
    "script_engine": ["vm2", "isolated-vm"],
}


_ODD: Mapping[str, st.SearchStrategy[Any]] = {
    field: st.sampled_from(JUNK) | st.sampled_from(NEARLY[field]) if field in NEARLY else st.sampled_from(JUNK)
    for names in NAMES.values()
    for field in names
}


def each_oddity_alone() -> Iterator[Raw]:
    """Definitions that are right but for one field, which has each of the values."""
    common: Mapping[str, Any] = {"name": "ci", "username": "rocket.cat", "channel": "#general"}
    call: Mapping[str, Any] = {"urls": "https://bot.example", "target_room": "#general"}
    definitions: list[IntegrationDefinition] = [
        IncomingIntegration(**common),
        *(
            OutgoingIntegration(**common, **call, event=event, retry_failed_calls=retries)
            for event in EventType
            for retries in (True, False)
        ),
    ]
    for good in map(Raw.of, definitions):
        for field in good.fields:
            for value in [*JUNK, *NEARLY.get(field, [])]:
                yield good.but(**{field: value})


@st.composite
def raws(draw: st.DrawFn) -> Raw:
    """The fields of a definition that is right, some of them replaced."""
    good = Raw.of(draw(INTEGRATIONS))
    replaced = draw(st.lists(st.sampled_from(sorted(good.fields)), min_size=1, max_size=3))
    return good.but(**{field: draw(_ODD[field]) for field in replaced})


@attrs.frozen
class Court:
    """The validators and the embedded server, sitting together."""

    _validators: Validators
    _server: LocalRocketChat
    _session: requests.Session

    def takes(self, raw: Raw) -> bool:
        """Whether both would take the values, and without coercion."""
        body = raw.body()
        if not self._validators.take_unchanged("integrations.create", body):
            return False
        return self._session.post(f"{self._server.url}/api/v1/integrations.create", json=body).ok


@pytest.fixture(scope="module")
def court(validators: Validators, server: LocalRocketChat) -> Iterator[Court]:
    auth = server.auth("admin")
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Auth-Token": auth.token, "X-User-Id": auth.user_id})
        yield Court(validators, server, session)


def test_each_oddity_that_a_definition_refuses_the_server_refuses(court: Court) -> None:
    """No single value is refused that would have worked, but for the listed reasons."""
    refused = ((raw, raw.refusal()) for raw in each_oddity_alone())
    unintended = ((raw, refusal) for raw, refusal in refused if refusal is not None and not intended(raw, refusal))
    assert [(refusal, raw) for raw, refusal in unintended if court.takes(raw)] == []


@settings(PATIENT, max_examples=3000)
@given(raws())
def test_what_a_definition_refuses_the_server_refuses(court: Court, raw: Raw) -> None:
    """A refusal saves a request; it never stands in the way of what would have worked, but for the listed reasons."""
    refusal = raw.refusal()
    if refusal is not None and not intended(raw, refusal):
        assert not court.takes(raw), refusal


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.refused)
def test_no_difference_is_listed_in_vain(court: Court, difference: Difference) -> None:
    """What is listed is refused by the definition, for this very reason, and taken by the server."""
    fields = {"name": "ci", "username": "rocket.cat", "event": "sendMessage", "urls": ["https://bot.example"]}
    good = Raw(IntegrationType.OUTGOING, {**fields, "enabled": True, "script_enabled": False})
    raw = good.but(**difference.example)
    refusal = raw.refusal()
    assert good.refusal() is None
    assert refusal is not None
    assert refusal.partition(":")[0] in difference.fields
    assert difference.applies(raw, raw[refusal.partition(":")[0]])
    assert court.takes(raw)


def test_the_documentation_lists_the_differences() -> None:
    """Users find the same list, with the reasons, in the documentation of the models."""
    documented = re.findall(r"^- (.+?): .+?[;.]$", re.sub(r"\n  ", " ", str(models.__doc__)), re.MULTILINE)
    assert documented == [difference.refused for difference in DIFFERENCES]
