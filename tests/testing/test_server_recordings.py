"""Compare the embedded server with recorded answers of a real one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from tests.testing.recorded import assert_like

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener

Scenario: TypeAlias = dict[str, Any]

_TESTS = Path(__file__).parent.parent
_RECORDED = json.loads((_TESTS / "recordings.json").read_text(encoding="utf-8"))
_RECORDED_8 = json.loads((_TESTS / "recordings-8x.json").read_text(encoding="utf-8"))

# The recording has the answer of a stand-in there; the real server sends its web app.
_STAND_IN = "an endpoint that does not exist"

_SCENARIOS = [scenario for scenario in _RECORDED["scenarios"] if scenario["name"] != _STAND_IN]

_SCHEMA_TEXT = (
    "The vendor's pages for 8.7 (August 2026) have `[invalid-params]` and `errorType` `invalid-params`, also for GET;"
    " the recorded form is that of a later router. The violations are the same."
)
_REFUSED = "The refusal is 8.x's own code. Its text comes from a stand-in, and is imitated because no other is known."

_UNCERTAIN = {
    "create with type missing": _SCHEMA_TEXT,
    "create with channel missing": _SCHEMA_TEXT,
    "create with an unknown property": _SCHEMA_TEXT,
    "create an incoming integration with an event": _SCHEMA_TEXT,
    "create with channel as an array": _SCHEMA_TEXT,
    "create outgoing: urls with an empty one": _SCHEMA_TEXT,
    "get without an id": _SCHEMA_TEXT,
    "history without an id": _SCHEMA_TEXT,
    "history: id empty": _SCHEMA_TEXT,
    "list: an unknown parameter": _SCHEMA_TEXT,
    "list: fields": _SCHEMA_TEXT,
    "clearHistory: errors": _SCHEMA_TEXT,
    "remove with both an id and a url is refused": _SCHEMA_TEXT,
    "remove with a made-up type": _SCHEMA_TEXT,
    "remove: neither": _SCHEMA_TEXT,
    "hook: attachment with a number as title": _REFUSED,
    "hook: tmid a number": _REFUSED,
    "hook: customFields": (
        "The setting `Message_CustomFields_Enabled` decides. The embedded server has it on by default, so that custom"
        " fields can be tested, and off here."
    ),
}
"""The recordings that a released server may contradict, and what is made of each."""


def _names(scenarios: list[Scenario]) -> list[str]:
    return [scenario["name"] for scenario in scenarios]


_SCENARIOS_8: list[Scenario] = _RECORDED_8["scenarios"]


def _with_saved(value: Any, saved: dict[str, Any]) -> Any:
    """Replace every `{name.field}` by what an earlier answer had there."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: _with_saved(item, saved) for name, item in items.items()}
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\.(\w+)\}", lambda found: str(saved[found[1]][found[2]]), value)
    return value


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=_names(_SCENARIOS))
def test_answers_as_recorded(serve: Opener, scenario: Scenario) -> None:
    """In the 6.14 dialect, the embedded server gives the recorded answers."""
    _replay(serve(world=_RECORDED["world"], version="6.14"), scenario)


@pytest.mark.parametrize("scenario", _SCENARIOS_8, ids=_names(_SCENARIOS_8))
def test_answers_as_recorded_of_8(serve: Opener, scenario: Scenario) -> None:
    """In the 8.8 dialect, the embedded server gives the recorded answers, uncertain ones as decided above."""
    _replay(serve(world=_RECORDED_8["world"], version="8.8", custom_fields=False), scenario, is_of_8=True)


def test_uncertain_recordings_are_decided() -> None:
    """Every recording that is marked as uncertain is decided, and only these."""
    uncertain = [scenario["name"] for scenario in _RECORDED_8["scenarios"] if "uncertain" in scenario]
    assert sorted(uncertain) == sorted(_UNCERTAIN)


def _of_8_7(recorded: Any) -> Any:
    """Return a recorded refusal of a schema in the form of the vendor's pages for 8.7."""
    violations = recorded["error"].replace("\n", "\n ")
    return {**recorded, "error": f"{violations} [invalid-params]", "errorType": "invalid-params"}


def _replay(api: Api, scenario: Scenario, *, is_of_8: bool = False) -> None:
    """Send the requests of a scenario, and compare the answers that were recorded."""
    saved: dict[str, Any] = {}
    for number, step in enumerate(scenario["steps"]):
        answer = api(
            step["method"],
            _with_saved(step["path"], saved),
            _with_saved(step.get("json"), saved),
            user=step.get("as"),
            **_with_saved(step.get("query", {}), saved),
        )
        expected = step.get("expect")
        if expected is None:
            continue
        assert answer.status == expected["status"], answer
        recorded = expected["json"]
        if (
            is_of_8
            and _UNCERTAIN.get(scenario["name"]) is _SCHEMA_TEXT
            and "invalid-params" in recorded.get("errorType", "")
        ):
            recorded = _of_8_7(recorded)
        assert_like(recorded, answer.json, f"step {number}")
        if "save" in step:
            saved[step["save"]] = answer.json["integration"]


def test_tokens_are_the_recorded_ones(serve: Opener) -> None:
    """The credentials of a given world are valid."""
    api = serve(world=_RECORDED["world"])
    for username, headers in _RECORDED["world"]["credentials"].items():
        assert api.headers(username) == headers
