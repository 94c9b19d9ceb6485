"""Data on standard output: tables for people, JSON for programs; secrets only on request."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import attrs

from rocketchat_integrations.models import HistoryEntry, IntegrationRecord

from ._messages import printable

if TYPE_CHECKING:
    from rich.console import Console

HIDDEN = "<hidden>"

# What holds a token, or may hold one.
_SECRET_FIELDS = {"token", "extra", "integration", "http_call_data", "data"}


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """Print JSON: in ASCII, which every locale can take."""
    print(json.dumps(value, indent=None if on_one_line else 2), flush=True)


def data_of(record: IntegrationRecord | HistoryEntry, *, show_secrets: bool) -> dict[str, Any]:
    """A record or an entry as JSON has it, under the names of its fields."""
    fields = {field.name: getattr(record, field.name) for field in attrs.fields(type(record))}
    data: dict[str, Any] = {"type": str(record.type), **plain(fields)}
    if show_secrets:
        return data
    masked = {name: HIDDEN if value and name in _SECRET_FIELDS else value for name, value in data.items()}
    token = (record.integration or {}).get("token") if isinstance(record, HistoryEntry) else record.token
    # Where a call failed, the server may quote what it sent.
    return cast("dict[str, Any]", _without(token, masked)) if isinstance(token, str) and token else masked


def _without(secret: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(secret, HIDDEN)
    if isinstance(value, dict):
        return {name: _without(secret, item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_without(secret, item) for item in cast("list[object]", value)]
    return value


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if attrs.has(type(cast(object, value))):
        value = attrs.asdict(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in cast("Mapping[object, object]", value).items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, str) else value


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
