"""The examples of the guide load, and mistakes are reported as it shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

import jsonschema
import pytest
import yaml

from rocketchat_integrations import IncomingIntegration, OutgoingIntegration
from rocketchat_integrations.manifest import Manifest, Secret, schema

if TYPE_CHECKING:
    from tests.manifest.conftest import Mistakes

GUIDE = (Path(__file__).parents[2] / "docs/reference/manifest-file.rst").read_text(encoding="utf-8")


def blocks(language: str) -> Iterator[str]:
    for block in re.findall(rf"^\.\. code-block:: {language}\n\n((?:   .*\n|\n)+)", GUIDE, re.MULTILINE):
        yield dedent(block)


TOML, YAML = next(blocks("toml")), next(blocks("yaml"))


@pytest.fixture
def beside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make the folder of the example, with the files beside the manifest."""
    for name, text in (("scripts/builds.js", "class Script {}\n"), ("secrets/greeter", "canary\n")):
        (folder / name).parent.mkdir()
        (folder / name).write_text(text)
    monkeypatch.setenv("ROCKETCHAT_SECRET_DEPLOYER", "deployer's")
    return folder


def test_the_example_loads(beside: Path) -> None:
    """It means what its comments say."""
    (beside / "integrations.toml").write_text(TOML, encoding="utf-8")
    manifest = Manifest.load("integrations.toml")
    builds, alerts, deployer, greeter = manifest.entries
    assert manifest.scope == "ci-"
    assert builds.definition == IncomingIntegration(
        name="ci-builds",
        channel=["#builds", "@alice"],
        username="rocket.cat",
        alias="CI",
        emoji=":robot:",
        script_enabled=True,
        script="class Script {}\n",
    )
    assert alerts.definition.alias == ""
    assert deployer.definition == OutgoingIntegration(
        name="ci-deployer",
        event="sendMessage",
        channel=["#ops", "#releases"],
        urls="https://bot.example.com/deploy",
        trigger_words=["!deploy", "!rollback"],
        token="deployer's",
        username="rocket.cat",
        alias="CI",
        retry_failed_calls=True,
        retry_count=3,
        retry_delay="powers-of-two",
    )
    assert greeter.secrets == {"token": Secret(file="secrets/greeter", folder=str(beside))}
    assert greeter.renamed_from == "ci-welcome"


def test_the_example_is_the_same_in_yaml(beside: Path) -> None:
    """The guide shows the example in TOML and YAML side by side."""
    (beside / "integrations.toml").write_text(TOML, encoding="utf-8")
    (beside / "integrations.yaml").write_text(YAML, encoding="utf-8")
    assert Manifest.load("integrations.yaml") == Manifest.load("integrations.toml")


def test_the_schema_accepts_the_example() -> None:
    """An editor marks nothing in it."""
    jsonschema.validate(yaml.safe_load(YAML), schema(), jsonschema.Draft7Validator)


def test_mistakes_look_as_shown(mistakes: Mistakes, beside: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The guide shows the real messages."""
    monkeypatch.delenv("ROCKETCHAT_SECRET_DEPLOYER")
    text = TOML.replace('channel = "#alerts"', 'channels = "#alerts"')
    (beside / "integrations.toml").write_text(text, encoding="utf-8")
    (shown,) = blocks("text")
    assert mistakes("integrations.toml") == tuple(line.strip() for line in shown.splitlines()[1:] if line)
