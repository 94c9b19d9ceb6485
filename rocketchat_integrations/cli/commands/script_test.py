"""``script test``: run scripts with samples, and compare with the expected results."""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import click

from rocketchat_integrations.cli.failures import CommandError
from rocketchat_integrations.cli.script_samples import SAMPLES_SUFFIX, Sample, read_json, run_sample, sample_of
from rocketchat_integrations.cli.shared_options import File, json_option
from rocketchat_integrations.cli.terminal import MarkedLine, counted, print_error, print_json, print_lines
from rocketchat_integrations.exceptions import IntegrationScriptError, ScriptLimitError

_STYLES = {"+": "green", "-": "red"}


@attrs.frozen(kw_only=True)
class _Tested:
    """The outcome of a sample."""

    script: str
    path: Path
    sample: Sample
    result: Any = None
    error: str | None = None
    """Why there is no result: the script cannot be loaded, or reached a limit."""
    thrown: str | None = None
    """What the script throws, without texts that may be secret."""

    @property
    def has_passed(self) -> bool:
        return self.error is None and "expected" in self.sample.values and not self.diff()

    def diff(self) -> list[str]:
        expected, result = map(_json_lines, (self.sample.values.get("expected"), self.result))
        return list(difflib.unified_diff(expected, result, "expected", "result", lineterm=""))


def _json_lines(value: object) -> list[str]:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True).splitlines()


@click.command("test")
@click.argument("files", metavar="[FILE...]", nargs=-1, type=File())
@click.option("--update", is_flag=True, help="Write the results into the samples, as the expected ones.")
@json_option
def command(files: tuple[str, ...], update: bool, as_json: bool) -> int:
    """Run scripts with samples, and compare with the expected results.

    The samples of NAME.js are the files NAME.payloads/*.json beside it. Without FILE, tests all scripts with samples in
    this folder and below.

    Exit status 0: all results are as expected; 2: some are not.
    """
    tested = [_test(script, path) for script in files or _scripts_below(Path()) for path in _samples_of(Path(script))]
    if update:
        tested = [_updated(each) for each in tested]
    if as_json:
        print_json(list(map(_to_json, tested)))
    else:
        for each in tested:
            print_lines(_lines(each))
    failed = sum(not each.has_passed for each in tested)
    print_error(f"{len(tested) - failed} of {counted(len(tested), 'sample')} passed")
    return 2 if failed else 0


def _scripts_below(folder: Path) -> Iterator[str]:
    found = False
    for parent, folders, _ in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "node_modules")
        for name in folders:
            if name.endswith(SAMPLES_SUFFIX):
                found = True
                yield str(Path(parent, name.removesuffix(SAMPLES_SUFFIX) + ".js"))
    if not found:
        raise CommandError(f"nothing to test: there is no folder NAME{SAMPLES_SUFFIX} here or below")


def _samples_of(script: Path) -> list[Path]:
    folder = script.parent / f"{script.stem}{SAMPLES_SUFFIX}"
    samples = sorted(folder.glob("*.json"))
    if not samples:
        raise CommandError(f"{script}: nothing to test: there is no file {folder / '*.json'}")
    return samples


def _test(script: str, path: Path) -> _Tested:
    sample = sample_of(read_json(str(path)), str(path))
    try:
        run = run_sample(script, sample)
    except IntegrationScriptError as error:
        problem = str(error)
    else:
        if not isinstance(run.failure, ScriptLimitError):
            thrown = None if run.failure is None else str(run.failure)
            return _Tested(script=script, path=path, sample=sample, result=run.to_json(), thrown=thrown)
        problem = str(run.failure)
    return _Tested(script=script, path=path, sample=sample, error=problem)


def _updated(tested: _Tested) -> _Tested:
    """Write the result into the sample unless it is there already."""
    if tested.error is not None or tested.has_passed:
        return tested
    values = {**tested.sample.values, "expected": tested.result}
    tested.path.write_text(json.dumps(values, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print_error(f"written: {tested.path}")
    return attrs.evolve(tested, sample=Sample(values))


def _lines(tested: _Tested) -> Iterator[MarkedLine]:
    if tested.has_passed:
        yield MarkedLine(f"passed: {tested.path}", "green")
        return
    yield MarkedLine(f"failed: {tested.path}", "red")
    if problem := _problem(tested):
        yield MarkedLine(f"  {problem}")
    else:
        for line in tested.diff():
            yield MarkedLine(line, _STYLES.get(line[:1], ""), "  ")


def _problem(tested: _Tested) -> str | None:
    """Return why a sample has failed, if not by a difference."""
    if tested.error is not None or tested.thrown is not None:
        return f"{tested.script}: {tested.error or tested.thrown}"
    return None if "expected" in tested.sample.values else "has no expected result: --update writes it"


def _to_json(tested: _Tested) -> dict[str, Any]:
    return {
        "script": tested.script,
        "sample": str(tested.path),
        "passed": tested.has_passed,
        "expected": tested.sample.values.get("expected"),
        "result": tested.result,
        "error": tested.error,
    }
