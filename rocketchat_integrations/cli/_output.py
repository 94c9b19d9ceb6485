"""Data on standard output: tables for people, JSON for programs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ._messages import printable

if TYPE_CHECKING:
    from rich.console import Console


# On fewer columns, a table would break nearly every word.
_NARROW = 72


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """Print JSON: in ASCII, which every locale can take."""
    print(json.dumps(value, indent=None if on_one_line else 2), flush=True)


# Tables


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: with colours and within the width of a terminal, else as aligned text."""
    shown = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich_table(headings, shown)
        return
    from rich.cells import cell_len  # which knows what takes two columns, or none

    lines = [list(headings), *shown]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


def _print_rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    terminal = console()
    if len(headings) > 2 and terminal.width < _NARROW:
        for row in rows:
            _print_rich_table(("FIELD", "VALUE"), [cells for cells in zip(headings, row, strict=True) if cells[1]])
            terminal.print()
        return
    table = Table(*headings, box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off
    table.columns[0].no_wrap = True  # the id, which is copied
    for row in rows:
        table.add_row(*row)
    terminal.print(table)


def print_lines(lines: Iterable[tuple[str, str]]) -> None:
    """Print lines, each with its style (of rich's names) where there are colours."""
    if sys.stdout.isatty():
        from rich.text import Text

        terminal = console()
        for line, style in lines:
            terminal.print(Text(printable(line), style=style))
    else:
        for line, _ in lines:
            print(printable(line))


def console(*, stderr: bool = False) -> Console:
    """The terminal behind standard output or standard error."""
    from rich.console import Console

    # rich itself takes NO_COLOR for a wish for bold and underlined text.
    is_plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, color_system=None if is_plain else "auto", highlight=False, markup=False, emoji=False)
