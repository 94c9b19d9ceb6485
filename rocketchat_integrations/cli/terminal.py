"""Print tables, JSON, progress and messages, and ask questions. Data go to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO, TypeVar

from rocketchat_integrations._printable import printable as printable

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.style import Style
    from rich.text import Text

    from rocketchat_integrations.client import Client
    from rocketchat_integrations.models import IntegrationRecord
    from rocketchat_integrations.provisioning import Progress

# Text


def error_text(error: Exception) -> str:
    """Return the message of an exception in one line, or in one line for each of several reasons."""
    text = str(error)
    if isinstance(error, OSError) and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"  # without the number
    return one_line(text)


def one_line(text: str) -> str:
    """Return a message in one line, or in one line for each of several reasons. Control characters are escaped."""
    lines = [printable(" ".join(line.split())) for line in text.splitlines() if line.strip()]
    return " ".join(lines) if len(lines) <= 2 else "\n  ".join(lines)


def counted(number: int, noun: str) -> str:
    """Return a number with a noun: ``2 problems``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# Messages and questions, on stderr


def print_error(text: str) -> None:
    """Print to stderr; ignore a closed terminal."""
    with contextlib.suppress(OSError):
        _print_line(text, sys.stderr)


def _print_line(text: str, stream: TextIO) -> None:
    # In one write: print() makes two, and other threads and signals come between them.
    stream.write(f"{text}\n")
    stream.flush()


def ask(question: str) -> bool:
    """Ask a question, and return whether the answer was yes."""
    print_error(f"{question} [y/N]")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


class _PrintingHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_error(f"  ({printable(record.getMessage())})")


@contextlib.contextmanager
def show_waits() -> Generator[None, None, None]:
    """Print what the client logs: its waits."""
    logger = logging.getLogger("rocketchat_integrations")
    level, handler = logger.level, _PrintingHandler()
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


# Data, on stdout


def print_json(value: object, *, on_one_line: bool = False) -> None:
    """Print JSON in ASCII, which every locale can encode."""
    print(json.dumps(value, indent=None if on_one_line else 2), flush=True)


class MarkedLine(NamedTuple):
    """A line of text and a mark before it, each with a style of rich's, which is used on a terminal only."""

    text: str
    style: str = ""
    mark: str = ""
    mark_style: str = ""


def print_lines(lines: Iterable[MarkedLine], *, stderr: bool = False) -> None:
    """Print lines. On a terminal, the parts of a line that is too long for it have its mark, too."""
    stream = sys.stderr if stderr else sys.stdout
    if is_styled(stream):
        console = _console(stderr=stderr)
        for line in lines:
            _print_rich_line(console, line)
    else:
        for line in lines:
            _print_line(printable(line.mark + line.text).rstrip(), stream)


def _print_rich_line(console: Console, line: MarkedLine) -> None:
    from rich.text import Text

    mark = Text(line.mark, _known_style(line.mark_style))
    text = Text(printable(line.text), _known_style(line.style))
    for part in text.wrap(console, max(console.width - mark.cell_len, 1)) or [text]:
        console.print(Text.assemble(mark, part))


def _known_style(style: str) -> Style:
    """Return a style; the plain one if rich does not know its colour."""
    from rich.errors import StyleSyntaxError
    from rich.style import Style

    try:
        return Style.parse(style)
    except StyleSyntaxError:
        return Style.null()


class TableColumn(NamedTuple):
    """The heading of a column, and how it is printed on a terminal."""

    heading: str
    style: Callable[[str], str] | None = None
    """Returns the style of rich's for the text of a cell."""
    is_optional: bool = False
    """Whether it may be left out where the terminal is too narrow."""
    readable_width: int = 0
    """How wide it is at least, if its cells are as long."""
    cut_width: int | None = None
    """Cells that are too long are cut off, to this width at least; None: they are wrapped."""


def is_styled(stream: TextIO) -> bool:
    """Return whether to print for people who see it on a terminal: with colours, fitted to its width."""
    return stream.isatty() or bool(os.environ.get("FORCE_COLOR"))


def print_table(columns: Sequence[TableColumn], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: coloured and fitted to the width of a terminal, elsewhere aligned text."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if is_styled(sys.stdout):
        _print_rich_table(columns, cells)
        return
    from rich.cells import cell_len  # some characters take two columns, or none

    lines = [[column.heading for column in columns], *cells]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


_GAP = 2
# Longer words are wrapped, except for ids, which are copied.
_LONGEST_WORD = 20


def _print_rich_table(columns: Sequence[TableColumn], rows: Sequence[Sequence[str]]) -> None:
    """Print a table without the optional columns that do not fit, or else a list of fields for each row."""
    console = _console()
    widths = _fitting_widths(columns, rows, console.width)
    if widths is None:
        _print_fields(console, columns, rows)
        return
    _print_fitted(console, columns, rows, widths)
    _print_omissions("not shown", [column for it, column in enumerate(columns) if it not in widths])
    _print_omissions("cut off", [columns[it] for it, width in widths.items() if _is_cut(columns[it], it, rows, width)])


def _is_cut(column: TableColumn, it: int, rows: Sequence[Sequence[str]], width: int) -> bool:
    from rich.cells import cell_len

    return column.cut_width is not None and any(cell_len(row[it]) > width for row in rows)


def _print_omissions(what: str, columns: Sequence[TableColumn]) -> None:
    if columns:
        headings = ", ".join(column.heading for column in columns)
        print_error(f"{what}, because the terminal is narrow: {headings}")


def _fitting_widths(
    columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], available: int
) -> dict[int, int] | None:
    """Return the width of each column that is shown, by its position; None if the table does not fit."""
    optional = [it for it, column in enumerate(columns) if column.is_optional]
    shown = list(range(len(columns)))
    while True:
        parts = [columns[it] for it in shown], [[row[it] for it in shown] for row in rows], available
        widths = _widths(*parts) if optional else _widths(*parts) or _widths(*parts, is_cut=True)
        if widths is not None:
            return dict(zip(shown, widths, strict=True))
        if not optional:
            return None
        shown.remove(optional.pop())


def _widths(
    columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], available: int, *, is_cut: bool = False
) -> list[int] | None:
    """Return how wide each column is, so that words stay whole; None if that takes more than is available.

    Args:
        columns: the columns.
        rows: the cells.
        available: the width of the terminal.
        is_cut: whether to cut off cells of the columns that allow it.
    """
    from rich.cells import cell_len

    texts = [[column.heading, *(row[it] for row in rows)] for it, column in enumerate(columns)]
    wanted = [max(map(cell_len, cells)) for cells in texts]
    widths = [max(cell_len(word) for cell in cells for word in cell.split() or [""]) for cells in texts]
    for it, column in enumerate(columns):
        least = min(column.readable_width, wanted[it])
        if column.cut_width is not None:
            widths[it] = max(len(column.heading), min(column.cut_width, least) if is_cut else least)
        elif column.heading != "ID":
            widths[it] = max(min(widths[it], _LONGEST_WORD), least)
    spare = available - sum(widths) - _GAP * (len(columns) - 1)
    if spare < 0:
        # Two columns, such as those of `show`, are readable at any width.
        return [0] * len(columns) if len(columns) <= 2 else None
    for it in sorted(range(len(columns)), key=lambda it: wanted[it] - widths[it]):
        more = min(wanted[it] - widths[it], spare)
        widths[it] += more
        spare -= more
    return widths


def _print_fitted(
    console: Console, columns: Sequence[TableColumn], rows: Sequence[Sequence[str]], widths: Mapping[int, int]
) -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, _GAP, 0, 0), pad_edge=False)
    for it, width in widths.items():
        is_cut = columns[it].cut_width is not None
        table.add_column(
            columns[it].heading, width=width or None, no_wrap=is_cut, overflow="ellipsis" if is_cut else "fold"
        )
    for row in rows:
        table.add_row(*(_styled_cell(columns[it], row[it]) for it in widths))
    console.print(table)


def _print_fields(console: Console, columns: Sequence[TableColumn], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    for number, row in enumerate(rows):
        table = Table(box=None, show_header=False, padding=(0, _GAP, 0, 0), pad_edge=False)
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for column, text in zip(columns, row, strict=True):
            if text:
                table.add_row(column.heading, _styled_cell(column, text))
        if number:
            console.print()
        console.print(table)


def _styled_cell(column: TableColumn, text: str) -> Text:
    from rich.text import Text

    return Text(text, _known_style(column.style(text) if column.style else ""))


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    # With NO_COLOR, rich would still print bold and underlined text; with FORCE_COLOR, none on a dumb terminal.
    is_forced = bool(os.environ.get("FORCE_COLOR"))
    forced_or_auto: Literal["standard", "auto"] = "standard" if is_forced else "auto"
    colors = None if os.environ.get("NO_COLOR") else forced_or_auto
    is_terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if is_terminal or os.environ.get("COLUMNS") else _UNLIMITED
    # Without a height, rich takes a dumb terminal to be 80 columns wide.
    height = None if is_terminal else 25
    return Console(
        stderr=stderr,
        color_system=colors,
        width=width,
        height=height,
        highlight=False,
        markup=False,
        emoji=False,
    )


# Where nothing says how wide the output may be.
_UNLIMITED = 10_000

# Progress, on stderr, and only where that is a terminal


@contextlib.contextmanager
def progress_bar(total: int) -> Generator[Callable[[Progress], None], None, None]:
    """Show a progress bar with the time left.

    Yields:
        A function to call after each step.
    """
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as ProgressBar, TextColumn

    columns = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with ProgressBar(*columns, console=_console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, left="")

        def advance(progress: Progress) -> None:
            bar.update(task, completed=progress.done, left=_time_left(progress.seconds_left))

        yield advance


def _time_left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"


_T = TypeVar("_T")

# The usual page size of a server.
_PAGE_SIZE = 100


def show_count(listing: Iterable[_T]) -> Iterator[_T]:
    """Yield from a list, and show from the second page on how many items have been read."""
    with contextlib.ExitStack() as stack:
        status: Status | None = None
        for number, item in enumerate(listing):
            if number and number % _PAGE_SIZE == 0 and sys.stderr.isatty():
                status = status or stack.enter_context(_console(stderr=True).status(""))
                status.update(f"{number} integrations read")
            yield item


@contextlib.contextmanager
def status_line() -> Generator[Callable[[str], None], None, None]:
    """Show a line of text while something takes time.

    Yields:
        A function that changes the text.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with _console(stderr=True).status("") as status:
        yield status.update


class CountingClient:
    """The methods of a client that :func:`~rocketchat_integrations.provisioning.plan` needs; shows the count."""

    def __init__(self, client: Client) -> None:
        self.create: Any = client.create
        self.update: Any = client.update
        self.remove: Any = client.remove
        self.url: str = client.url
        self.user_id: Callable[[], str] = client.user_id
        self._client = client

    def list(self) -> Iterator[IntegrationRecord]:
        """List all integrations."""
        return show_count(self._client.list())
