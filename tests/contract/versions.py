"""The versions of the server whose published validators the tests run, and what sets them apart."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rocketchat_integrations.testing._world._dialect import Dialect

FOLDER = Path(__file__).parent


def _installed_versions() -> list[str]:
    dependencies = json.loads((FOLDER / "package.json").read_text(encoding="utf-8"))["dependencies"]
    return [alias.removeprefix("rest-typings-") for alias in dependencies]


WANTED = os.environ.get("ROCKETCHAT_SCHEMA_VERSION")
"""The only version to test, from `nox -s contract -- --schema-version`."""

VERSIONS = [WANTED] if WANTED else _installed_versions()
"""All versions on npm whose validators of integrations differ, the oldest first: of several equal ones, the last."""

NEWEST = VERSIONS[-1]

ADDED_ENDPOINTS = {
    "integrations.list": (7, 0),  # 6.x has the endpoint and does not validate its query
    "integrations.clearHistory": (8, 7),
    "integrations.replayOutgoing": (8, 7),
}
"""The version that brought the validator of an endpoint. All other validators are there in 6.3."""


def is_at_least(version: str, major: int, minor: int) -> bool:
    """Return whether a version is this one or a later one."""
    has_major, has_minor, *_ = version.split(".")
    return (int(has_major), int(has_minor)) >= (major, minor)


def takes_skip_transpile(version: str) -> bool:
    """Return whether a version is known to have ``skipTranspile``."""
    return is_at_least(version, 8, 4) and not is_at_least(version, 9, 0)


def imitated(version: str) -> str | None:
    """Return the closest version of the same major, not later, that the embedded server imitates."""
    major, minor, *_ = version.split(".")
    # The embedded server imitates 6.14, whose validators are those of 6.4 and later.
    floor = 4 if major == "6" else 0
    for candidate in [version, *(f"{major}.{n}" for n in reversed(range(int(minor))))]:
        if is_at_least(candidate, int(major), floor):
            with suppress(ValueError):
                return Dialect.of(candidate).version
    return None


def acceptable(version: str, endpoint: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a version should accept of a body that the client sends, given the known gaps of that version.

    - ``skipTranspile: true`` is for 8.4 to 8.x. The client repeats a refused request without it.
    - ``scriptEngine`` came with 6.4.
    - Before 6.4, an update of an outgoing integration needs ``overrideDestinationChannelEnabled``, which later
      versions refuse.
    """
    body = dict(body)
    if body.get("skipTranspile") and not takes_skip_transpile(version):
        del body["skipTranspile"]
    if not is_at_least(version, 6, 4):
        body.pop("scriptEngine", None)
        if endpoint == "integrations.update" and body["type"] == "webhook-outgoing":
            body["overrideDestinationChannelEnabled"] = False
    return body
