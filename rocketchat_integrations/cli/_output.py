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
    lines = [list(headings), *shown]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _print_rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    table = Table(*headings, box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"  # nothing is cut off
    table.columns[0].no_wrap = True  # the id, which is copied
    for row in rows:
        table.add_row(*row)
    console().print(table)


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
