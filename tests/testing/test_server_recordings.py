"""Compare the embedded server with recorded answers of a real one."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.testing.conftest import Opener

_RECORDED = json.loads((Path(__file__).parent.parent / "recordings.json").read_text(encoding="utf-8"))

# The recording has the answer of a stand-in there; the real server sends its web app.
_STAND_IN = "an endpoint that does not exist"

_SCENARIOS = [scenario for scenario in _RECORDED["scenarios"] if scenario["name"] != _STAND_IN]


def _with_saved(value: Any, saved: dict[str, Any]) -> Any:
    """Replace every `{name.field}` by what an earlier answer had there."""
    if isinstance(value, dict):
        items: dict[str, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {name: _with_saved(item, saved) for name, item in items.items()}
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\.(\w+)\}", lambda found: str(saved[found[1]][found[2]]), value)
    return value


def _assert_like(recorded: Any, got: Any, where: str) -> None:
    """Assert equality, except for generated values: they must have the recorded form."""
    if isinstance(recorded, dict):
        expected: dict[str, Any] = recorded  # pyright: ignore[reportUnknownVariableType]
        assert isinstance(got, dict), where
        assert set(expected) == set(got), where  # pyright: ignore[reportUnknownArgumentType]
        for name, item in expected.items():
            _assert_like(item, got[name], f"{where}.{name}")
    elif isinstance(recorded, list):
        items: list[Any] = recorded  # pyright: ignore[reportUnknownVariableType]
        assert len(items) == len(got), where
        for index, item in enumerate(items):
            _assert_like(item, got[index], f"{where}[{index}]")
    elif recorded == "<date>":
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", got), where
    elif recorded == "<id>":
        assert re.fullmatch(r"\w{17,24}", got), where
    elif recorded == "<generated token>":
        assert re.fullmatch(r"\w{48}", got), where
    elif recorded in ("<compiled>", "<text>"):
        assert isinstance(got, str), where
        assert got, where
    else:
        assert recorded == got, where


@pytest.mark.parametrize("scenario", _SCENARIOS, ids=[scenario["name"] for scenario in _SCENARIOS])
def test_answers_as_recorded(serve: Opener, scenario: dict[str, Any]) -> None:
    """In the 6.14 dialect, the embedded server gives the recorded answers."""
    api = serve(world=_RECORDED["world"], version="6.14")
    saved: dict[str, Any] = {}
    for number, step in enumerate(scenario["steps"]):
        answer = api(
            step["method"],
            _with_saved(step["path"], saved),
            _with_saved(step.get("json"), saved),
            user=step.get("as"),
            **_with_saved(step.get("query", {}), saved),
        )
        assert answer.status == step["expect"]["status"]
        _assert_like(step["expect"]["json"], answer.json, f"step {number}")
        if "save" in step:
            saved[step["save"]] = answer.json["integration"]


def test_tokens_are_the_recorded_ones(serve: Opener) -> None:
    """The credentials of a given world are valid."""
    api = serve(world=_RECORDED["world"])
    for username, headers in _RECORDED["world"]["credentials"].items():
        assert api.headers(username) == headers
