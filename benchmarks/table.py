"""The command line of the benchmarks: measure, print the table, compare with the bounds."""

from __future__ import annotations

import argparse
import csv
import datetime
import io
import os
import platform
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import attrs

from . import asynchronous, calls, listing, pages, posting, provisioning, receiving, starting
from .measuring import Row

ROWS = tuple(
    row
    for theme in (calls, asynchronous, pages, listing, starting, provisioning, receiving, posting)
    for row in theme.ROWS
)
_ROUNDS = 100
_TOLERANCE = 1.1
_LIBRARIES = ("aiohttp", "attrs", "click", "pydantic", "requests", "rocketchat_API", "urllib3")


@attrs.frozen
class Result:
    """A row with its figure."""

    row: Row
    measured: float

    @property
    def verdict(self) -> str:
        """Whether the figure is within its bound."""
        return "reached" if self.measured <= self.row.bound else "missed"

    @property
    def is_failure(self) -> bool:
        """Whether the figure exceeds its bound by more than a tenth."""
        return self.measured > self.row.bound * _TOLERANCE

    def cells(self) -> tuple[str, ...]:
        """Return the cells of the table."""
        row = self.row
        return row.what, row.against, _shown(self.measured) + row.unit, f"{row.bound:g}{row.unit}", self.verdict


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and compare with the bounds.

    Returns:
        The exit status: 1 if a figure exceeds its bound by more than a tenth.
    """
    options = _options(arguments)
    machine, libraries = _machine(), _libraries()
    print(", ".join(machine.values()))
    results: list[Result] = []
    for row in ROWS:
        if not options.rows or row.name in options.rows:
            print(f"measuring {row.name} …", file=sys.stderr)
            results.append(Result(row, row.measure(options.rounds)))
    for line in _lines([("what", "against", "measured", "at most", ""), *(result.cells() for result in results)]):
        print(line)
    if options.docs is not None:
        options.docs.write_text(_docs_table(results, machine, libraries), encoding="utf-8")
    failures = [result.row.name for result in results if result.is_failure]
    if failures:
        print(f"exceeds its bound by more than a tenth: {', '.join(failures)}", file=sys.stderr)
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=_positive,
        default=_ROUNDS,
        help="number of rounds; fewer are faster and less precise (%(default)s)",
    )
    parser.add_argument("--docs", type=Path, metavar="FILE", help="also write the table of the documentation")
    names = [row.name for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"only these rows: {', '.join(names)}")
    options = parser.parse_args(arguments)
    for name in options.rows:
        if name not in names:
            parser.error(f"unknown row: {name}")
    return options


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _machine() -> dict[str, str]:
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{os.cpu_count()} cores of {_processor()}",
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in _LIBRARIES}


def _shown(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 10 or figure == int(figure) else f"{figure:.2f}"


def _docs_table(results: Sequence[Result], machine: dict[str, str], libraries: dict[str, str]) -> str:
    """Return the table in reStructuredText."""
    today = datetime.datetime.now(datetime.UTC).date()
    page = io.StringIO()
    page.write(f"Measured on {today} with {', '.join(machine.values())},\nshared with other work.\n")
    page.write("The other libraries: " + ",\n".join(" ".join(library) for library in libraries.items()) + ".\n\n")
    page.write(".. csv-table::\n   :header: What, Against, Measured, At most\n   :widths: 38, 34, 14, 14\n\n")
    for result in results:
        page.write("   ")
        what, against, measured, bound, verdict = result.cells()
        missed = ", missed" if verdict == "missed" else ""
        csv.writer(page, lineterminator="\n").writerow([what, against, measured + missed, bound])
    return page.getvalue()


def _lines(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
