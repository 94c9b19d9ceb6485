"""What a definition refuses the server refuses too, except for the documented differences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeGuard

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
from tests.contract.validators import Validators
from tests.contract.world import INTEGRATIONS, PATIENT

KINDS: Mapping[IntegrationType, Any] = {
    IntegrationType.INCOMING: IncomingIntegration,
    IntegrationType.OUTGOING: OutgoingIntegration,
}
LISTS = ("channel", "urls", "trigger_words")
FLAGS = (
    *("enabled", "script_enabled", "override_destination_channel_enabled", "trigger_word_anywhere", "run_on_edits"),
    *("impersonate_user", "retry_failed_calls"),
)


@attrs.frozen
class Raw:
    """Arguments for a definition, which may refuse them."""

    type: IntegrationType
    fields: Mapping[str, Any]

    @classmethod
    def of(cls, definition: IntegrationDefinition) -> Raw:
        """Return the arguments for a definition, with lists as in JSON."""
        values: dict[str, Any] = attrs.asdict(definition)
        return cls(definition.type, values | {field: list(values[field]) for field in LISTS if field in values})

    def __getitem__(self, field: str) -> Any:
        return self.fields.get(field)

    def but(self, **fields: Any) -> Raw:
        """Return the arguments with other values for some fields."""
        return Raw(self.type, {**self.fields, **fields})

    def refusal(self) -> str | None:
        """Return the error of the definition; None if it is accepted."""
        try:
            KINDS[self.type](**self.fields)
        except (TypeError, ValueError) as error:
            return str(error)
        return None

    def body(self) -> dict[str, Any]:
        """Return the body for the server."""
        names = NAMES[self.type]
        body = {"type": self.type, **{names[field]: value for field, value in self.fields.items()}}
        channel = body.get("channel", "")
        body["channel"] = ",".join(channel) if _is_texts(channel) else channel
        if isinstance(body.get("urls"), str):
            body["urls"] = [body["urls"]]
        if isinstance(body.get("triggerWords"), str):
            body["triggerWords"] = [word for word in body["triggerWords"].split(",") if word.strip()]
        return body


def _is_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(part, str) for part in value)  # pyright: ignore[reportUnknownVariableType]


def _text(value: Any) -> str:
    """Return a text, or the texts of a list as one; empty for any other value."""
    return value if isinstance(value, str) else "".join(value) if _is_texts(value) else ""


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and value != "" and not value.strip()


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@attrs.frozen
class Difference:
    """Something that the server accepts and a definition refuses, on purpose."""

    refused: str
    """In the words of the documentation of the models, which also has the reason."""
    fields: str
    """The fields one of which the error names."""
    applies: Callable[[Raw, Any], bool]
    """Whether the arguments, and the value of the refused field, are such a case."""
    example: Mapping[str, Any]
    """A case, for an outgoing integration."""


DIFFERENCES = [
    Difference(
        "an outgoing ``channel`` of only commas and blanks",
        "channel",
        lambda raw, value: (
            raw.type is IntegrationType.OUTGOING
            and (isinstance(value, str) or _is_texts(value))
            and not _text(value).strip(", ")
        ),
        {"channel": ","},
    ),
    Difference(
        "a comma in one element of ``channel``",
        "channel",
        lambda _, value: isinstance(value, list) and "," in _text(value),
        {"channel": ["#general,@alice"]},
    ),
    Difference(
        "a ``retry_delay`` other than the three",
        "retry_delay",
        lambda _, value: isinstance(value, str),
        {"retry_delay": "weekly"},
    ),
    Difference(
        "a ``retry_count`` that is not an ``int``",
        "retry_count",
        lambda _, value: isinstance(value, float),
        {"retry_count": 2.5},
    ),
    Difference(
        "a ``retry_count`` below 1 with retries enabled",
        "retry_count",
        lambda raw, value: _is_integer(value) and value < 1 and raw["retry_failed_calls"] is True,
        {"retry_count": 0, "retry_failed_calls": True},
    ),
    Difference(
        "a ``retry_count`` beyond ``2**53 - 1``",
        "retry_count",
        lambda _, value: _is_integer(value) and abs(value) >= 2**53,
        {"retry_count": 2**53},
    ),
    Difference(
        "a blank ``token``",
        "token",
        lambda _, value: value == "" or _is_blank(value),
        {"token": " "},
    ),
    Difference(
        "a blank ``target_room`` for ``userCreated``",
        "target_room",
        lambda _, value: _is_blank(value),
        {"event": "userCreated", "target_room": " "},
    ),
    Difference(
        "another ``script_engine``",
        "script_engine",
        lambda _, value: isinstance(value, str),
        {"script_engine": "vm2"},
    ),
    Difference(
        "None for a flag or for trigger words",
        " ".join([*FLAGS, "trigger_words"]),
        lambda _, value: value is None,
        {"run_on_edits": None},
    ),
    Difference(
        "text with a lone surrogate",
        " ".join(OUTGOING_NAMES),
        lambda _, value: re.search("[\ud800-\udfff]", _text(value)) is not None,
        {"alias": "\ud83d"},
    ),
]


def is_documented(raw: Raw, refusal: str) -> bool:
    """Return whether an error is one of the differences."""
    field = refusal.partition(":")[0]
    return any(field in known.fields.split() and known.applies(raw, raw[field]) for known in DIFFERENCES)


# Values of any type for any field, and some that are nearly right.
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


def values_for(field: str) -> list[Any]:
    return [*JUNK, *NEARLY.get(field, [])]


def with_one_odd_value() -> Iterator[Raw]:
    """Return arguments that are valid except for one field, which has each of the values."""
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
            for value in values_for(field):
                yield good.but(**{field: value})


@st.composite
def with_odd_values(draw: st.DrawFn) -> Raw:
    """Draw valid arguments, some of them replaced."""
    good = Raw.of(draw(INTEGRATIONS))
    replaced = draw(st.lists(st.sampled_from(sorted(good.fields)), min_size=1, max_size=3))
    return good.but(**{field: draw(st.sampled_from(values_for(field))) for field in replaced})


@attrs.frozen
class Servers:
    """The validators and the embedded server together."""

    _validators: Validators
    _server: LocalRocketChat
    _session: requests.Session

    def accept(self, raw: Raw) -> bool:
        """Return whether both accept a definition, without coercion."""
        body = raw.body()
        if not self._validators.take_unchanged("integrations.create", body):
            return False
        return self._session.post(f"{self._server.url}/api/v1/integrations.create", json=body).ok


@pytest.fixture(scope="module")
def servers(validators: Validators, server: LocalRocketChat) -> Iterator[Servers]:
    auth = server.auth("admin")
    with requests.Session() as session:
        session.trust_env = False
        session.headers.update({"X-Auth-Token": auth.token, "X-User-Id": auth.user_id})
        yield Servers(validators, server, session)


def test_one_odd_value(servers: Servers) -> None:
    """No single value is refused that the server accepts, except for the documented differences."""
    refused = ((raw, raw.refusal()) for raw in with_one_odd_value())
    others = ((raw, refusal) for raw, refusal in refused if refusal is not None and not is_documented(raw, refusal))
    assert [(refusal, raw) for raw, refusal in others if servers.accept(raw)] == []


@settings(PATIENT, max_examples=1000)
@given(with_odd_values())
def test_several_odd_values(servers: Servers, raw: Raw) -> None:
    """No combination is refused that the server accepts, except for the documented differences."""
    refusal = raw.refusal()
    if refusal is not None and not is_documented(raw, refusal):
        assert not servers.accept(raw), refusal


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.refused)
def test_the_differences_exist(servers: Servers, difference: Difference) -> None:
    """Each documented difference is refused by the definition, for this reason, and accepted by the server."""
    fields = {"name": "ci", "username": "rocket.cat", "event": "sendMessage", "urls": ["https://bot.example"]}
    good = Raw(IntegrationType.OUTGOING, {**fields, "enabled": True, "script_enabled": False})
    raw = good.but(**difference.example)
    refusal = raw.refusal()
    assert good.refusal() is None
    assert refusal is not None
    field = refusal.partition(":")[0]
    assert field in difference.fields.split()
    assert difference.applies(raw, raw[field])
    assert servers.accept(raw)


def test_the_differences_are_documented() -> None:
    """The documentation of the models has the same list, with the reasons."""
    documented = re.findall(r"^- (.+?): .+?[;.]$", re.sub(r"\n  ", " ", str(models.__doc__)), re.MULTILINE)
    assert documented == [difference.refused for difference in DIFFERENCES]
