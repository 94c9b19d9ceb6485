"""Print a listing as a table, JSON, CSV or YAML, with the columns that were asked for."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeAlias, TypeVar, cast

import attrs
import click

from .shared_options import completed_from, debug_option
from .terminal import TableColumn, print_error, print_json, print_table, printable
from .yaml_output import yaml_text

F = TypeVar("F", bound=Callable[..., Any])
Row: TypeAlias = Mapping[str, Any]

FORMATS = ("table", "json", "csv", "yaml")


def cell_text(value: Any) -> str:
    """Return a JSON value as the text of a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        return cell_text(fields["username"] or fields["id"]) if {"id", "username"} == fields.keys() else _json(fields)
    if isinstance(value, list):
        items = cast("list[object]", value)
        return _json(items) if any(isinstance(item, (dict, list)) for item in items) else ", ".join(map(str, items))
    return str(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


@attrs.frozen
class Column:
    """A column of a listing."""

    name: str
    """The field that it shows, by its name in JSON."""

    heading: str = attrs.field(default=attrs.Factory(lambda self: self.name.upper(), takes_self=True))
    text: Callable[[Any], str] = cell_text
    """Returns the text for people, in a table."""
    style: Callable[[str], str] | None = None
    """Returns the style of rich's for a text."""
    is_optional: bool = False
    """Whether the table goes without it in a narrow terminal."""
    readable_width: int = 0
    """How wide it is at least in a terminal, if its cells are as long."""
    cut_width: int | None = None
    """Cells that are too long for the terminal are cut off, to this width at least; None: they are wrapped."""

    def in_table(self) -> TableColumn:
        """Return how it is printed on a terminal."""
        return TableColumn(self.heading, self.style, self.is_optional, self.readable_width, self.cut_width)


@attrs.frozen
class Layout:
    """The columns that a listing has by default, and the names of all fields that ``--columns`` allows."""

    columns: tuple[Column, ...]
    names: tuple[str, ...]

    def select(self, names: Iterable[str]) -> tuple[Column, ...]:
        """Return the columns with these names or headings.

        Raises:
            BadParameter: if there is no such field.
        """
        known = {name: Column(name) for name in self.names} | {column.name: column for column in self.columns}
        headings = {column.heading.lower(): column for column in self.columns}
        columns: list[Column] = []
        for name in names:
            if (column := known.get(name) or headings.get(name)) is None:
                raise click.BadParameter(f"there is no column {name!r}; allowed are {', '.join(known)}")
            columns.append(attrs.evolve(column, is_optional=False))
        return tuple(columns)


@attrs.frozen
class ListingOutput:
    """How to print a listing."""

    format: str
    layout: Layout
    wanted: tuple[Column, ...]
    """The columns that were asked for; empty for the default."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of a table, or of CSV."""
        return self.wanted or self.layout.columns

    def fields(self, row: Row) -> dict[str, Any]:
        """Return the fields of a row for JSON and YAML: all, or those that were asked for."""
        return {column.name: row.get(column.name) for column in self.wanted} if self.wanted else dict(row)

    def print(self, rows: Iterable[Row], *, nothing: str, whole: Callable[[list[Row]], object] | None = None) -> None:
        """Print the rows.

        Args:
            rows: the rows, with JSON values.
            nothing: what to say on stderr in place of an empty table.
            whole: makes the value to print as JSON and YAML from the rows; by default, it is their list.
        """
        rows = list(rows)
        if self.format == "table":
            self._print_table(rows, nothing)
        elif self.format == "csv":
            print_csv([[column.name for column in self.columns], *map(self._csv_row, rows)])
        else:
            chosen: list[Row] = list(map(self.fields, rows))
            value = chosen if whole is None else whole(chosen)
            print_json(value) if self.format == "json" else print_yaml(value)

    def print_head(self) -> None:
        """Print the heading of rows that are printed one by one: in CSV only."""
        if self.format == "csv":
            print_csv([[column.name for column in self.columns]])

    def print_one(self, row: Row) -> None:
        """Print one of many rows, as soon as it is known."""
        if self.format == "json":
            print_json(self.fields(row), on_one_line=True)
        elif self.format == "csv":
            print_csv([self._csv_row(row)])
        elif self.format == "yaml":
            print_yaml([self.fields(row)])
        else:
            print("  ".join(printable(column.text(row.get(column.name))) for column in self.columns), flush=True)

    def _print_table(self, rows: Sequence[Row], nothing: str) -> None:
        if not rows:
            print_error(nothing)
            return
        print_table(
            [column.in_table() for column in self.columns],
            [[column.text(row.get(column.name)) for column in self.columns] for row in rows],
        )

    def _csv_row(self, row: Row) -> list[str]:
        return [cell_text(row.get(column.name)) for column in self.columns]


def output_options(layout: Layout) -> Callable[[F], F]:
    """Return a decorator that adds ``-o``, ``--json``, ``--columns`` and ``--debug``; the command gets ``output``."""

    def selected(_: click.Context, __: click.Parameter, text: str | None) -> tuple[Column, ...]:
        return layout.select(name for part in (text or "").split(",") if (name := part.strip().lower()))

    def decorate(command: F) -> F:
        @debug_option
        @click.option("-o", "--output", "format", type=click.Choice(FORMATS), help="The format; by default a table.")
        @click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs: the same as -o json.")
        @click.option(
            "--columns",
            metavar="NAME,…",
            callback=selected,
            shell_complete=completed_from(layout.names),
            help=f"Print these fields only, in this order: {', '.join(layout.names)}.",
        )
        @wraps(command)
        def with_output(
            *args: Any, format: str | None, as_json: bool, columns: tuple[Column, ...], **options: Any
        ) -> Any:
            if as_json and format not in (None, "json"):
                raise click.UsageError(f"--json and -o {format} exclude each other", click.get_current_context())
            output = ListingOutput("json" if as_json else format or "table", layout, columns)
            return command(*args, output=output, **options)

        return cast("F", with_output)

    return decorate


# Signed numbers, and names of users and rooms: they begin as formulas do, but compute nothing.
_HARMLESS = re.compile(r"[+-]\d[\d.]*|@[\w.-]+(?:, [@#][\w.-]+)*")


def print_csv(rows: Iterable[Sequence[str]]) -> None:
    """Print CSV. Text that a spreadsheet would take for a formula begins with an apostrophe."""
    csv.writer(sys.stdout, lineterminator="\n").writerows([_csv_cell(cell) for cell in row] for row in rows)
    sys.stdout.flush()


def _csv_cell(text: str) -> str:
    is_formula = text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _HARMLESS.fullmatch(text)
    lines = "\n".join(map(printable, text.replace("\r\n", "\n").split("\n")))
    return f"'{lines}" if is_formula else lines


def print_yaml(value: object) -> None:
    """Print YAML."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(yaml_text(value, allow_unicode=is_unicode), end="", flush=True)
