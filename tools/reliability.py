"""Make the figures of the page about reliability, from the results of `nox -s faults`.

Usage: python tools/reliability.py RESULTS.json > docs/explanation/reliability-figures.inc
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

Result = dict[str, Any]


def figures(results: Sequence[Result]) -> str:
    """Return reStructuredText with the tables."""
    cells = [result for result in results if "fault" in result]
    runs = {result["run"]: result for result in results if "run" in result}
    return "\n".join([*_summary(cells), *_matrix(cells), *_faults(cells), *_runs(runs), ""])


def _summary(cells: Sequence[Result]) -> Iterator[str]:
    system = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()}"
    methods, faults = ({cell[key] for cell in cells} for key in ("method", "fault"))
    broken = sum(cell["broken"] for cell in cells)
    today = datetime.datetime.now(datetime.UTC).date()
    yield f"Measured on {today} with {system}, {os.cpu_count()} cores shared with other work:"
    yield f"{len(cells):,} cells of {len(methods)} methods and {len(faults)} faults, with both clients."
    yield f"Cells that broke a rule: {broken:,}."
    yield ""


def _matrix(cells: Sequence[Result]) -> Iterator[str]:
    rows = [("Faults", "Cells", "What the call did", "Done twice", "Longest call")]
    for group in dict.fromkeys(cell["group"] for cell in cells):
        members = [cell for cell in cells if cell["group"] == group]
        outcomes = Counter(cell["error"] or "success" for cell in members)
        shown = ", ".join(f"{number:,} {name}" for name, number in outcomes.most_common())
        twice = sum(cell["twice"] for cell in members)
        longest = max(cell["seconds"] for cell in members)
        rows.append((group, f"{len(members):,}", shown, str(twice), f"{longest:.1f} s"))
    yield from _table((16, 8, 52, 10, 14), rows)


def _faults(cells: Sequence[Result]) -> Iterator[str]:
    yield "The faults:"
    yield ""
    for group in dict.fromkeys(cell["group"] for cell in cells):
        names = dict.fromkeys(cell["fault"] for cell in cells if cell["group"] == group)
        yield f"- {group}: {'; '.join(names)}."
    yield ""
    memory = max((cell["memory"] for cell in cells), default=0)
    yield f"The most that a call added to the memory of the process under a large answer: {memory} MiB."
    yield ""


def _runs(runs: dict[str, Result]) -> Iterator[str]:
    rows = [("Run", "Figure", "Measured")]
    for name, run in runs.items():
        for key, value in run.items():
            if key != "run":
                rows.append((name, key, _shown(value)))
                name = ""
    yield from _table((30, 30, 40), rows)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        members = cast("dict[str, int]", value).items()
        return ", ".join(f"{number:,} {name}" for name, number in members) or "none"
    if isinstance(value, list):
        early, late = cast("list[float]", value)
        return f"{early:,}, at the end {late:,}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _table(widths: Sequence[int], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield f"   :widths: {' '.join(map(str, widths))}"
    yield ""
    for row in rows:
        for number, cell in enumerate(row):
            yield f"   {' ' if number else '*'} - {cell}".rstrip()
    yield ""


if __name__ == "__main__":
    sys.stdout.write(figures(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
