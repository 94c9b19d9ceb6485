"""Ask the validators that the vendor publishes, in a Node.js process."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import attrs

from tests.contract.versions import FOLDER

BUILD = FOLDER / "build"
"""The folder of the programs, one for each version: `VERSION.cjs`."""


@attrs.frozen
class Verdict:
    """A validator's answer to the parameters of a request."""

    accepted: bool
    params: Any
    """The parameters after coercion."""
    violations: tuple[str, ...]

    def agrees_with(self, other: Verdict) -> bool:
        """Return whether two answers are the same, violations and coerced parameters included."""
        return self.violations == other.violations and same_json(self.params, other.params)


@attrs.frozen
class Validators:
    """The validators of one version of the server."""

    version: str
    endpoints: frozenset[str]
    """The endpoints that this version has validators for."""
    _questions: IO[str]
    _answers: IO[str]

    def __call__(self, endpoint: str, params: Any) -> Verdict:
        """Validate a body, or the texts of a query."""
        self._questions.write(json.dumps({"endpoint": endpoint, "params": params}) + "\n")
        self._questions.flush()
        line = self._answers.readline()
        assert line, "the process of the validators has ended"
        verdict = json.loads(line)
        return Verdict(verdict["accepted"], verdict["params"], tuple(verdict["violations"]))

    def take_unchanged(self, endpoint: str, params: Any) -> bool:
        """Return whether a body is accepted without any coercion."""
        verdict = self(endpoint, params)
        return verdict.accepted and same_json(verdict.params, params)


@contextmanager
def running(node: str, program: Path) -> Generator[Validators]:
    """Run a program of the validators during a `with` block."""
    pipe = subprocess.PIPE
    with subprocess.Popen([node, str(program)], stdin=pipe, stdout=pipe, encoding="utf-8") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        endpoints = json.loads(process.stdout.readline())
        yield Validators(program.stem, frozenset(endpoints), process.stdin, process.stdout)


def same_json(one: Any, other: Any) -> bool:
    """Return whether two values are the same in JavaScript: true is not 1, but 1.0 is, and integers have few digits."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        ours, theirs = cast("Mapping[str, Any]", one), cast("Mapping[str, Any]", other)
        return ours.keys() == theirs.keys() and all(same_json(ours[key], theirs[key]) for key in ours)
    if isinstance(one, list) and isinstance(other, list):
        items, others = cast("list[object]", one), cast("list[object]", other)
        return len(items) == len(others) and all(map(same_json, items, others))
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return isinstance(one, bool) == isinstance(other, bool) and float(one) == float(other)
    return bool(one == other)
