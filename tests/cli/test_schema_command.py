"""`schema`."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Run

EXAMPLE = Path(__file__).parents[2] / "examples" / "gitops" / "integrations.toml"


@pytest.fixture
def example() -> dict[str, Any]:
    return tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_the_schema_accepts_the_example_and_refuses_mistakes_in_it(run: Run, example: dict[str, Any]) -> None:
    """It needs no login."""
    validator: Any = jsonschema.Draft7Validator(json.loads(run("schema").out))
    assert list(validator.iter_errors(example)) == []
    for key, value in (("room", "#ops"), ("enabled", "yes"), ("channel", 7)):
        first, *others = example["incoming"]
        assert not validator.is_valid({**example, "incoming": [{**first, key: value}, *others]})
