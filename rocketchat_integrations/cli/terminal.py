"""Print tables, JSON, progress and messages, and ask questions. Data go to stdout, everything else to stderr."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status
    from rich.style import Style

    from rocketchat_integrations.client import Client
    from rocketchat_integrations.models import IntegrationRecord
    from rocketchat_integrations.provisioning import Progress

# Text


def printable(text: str) -> str:
    """Escape control characters: names and messages come from others, and could move the cursor."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


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
        print(text, file=sys.stderr, flush=True)


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
    if stream.isatty():
        console = _console(stderr=stderr)
        for line in lines:
            _print_rich_line(console, line)
    else:
        for line in lines:
            print(printable(line.mark + line.text).rstrip(), file=stream, flush=stderr)


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


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: coloured and fitted to the width of a terminal, elsewhere aligned text."""
    cells = [[printable(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich_table(headings, cells)
        return
    from rich.cells import cell_len  # some characters take two columns, or none

    lines = [list(headings), *cells]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(padded).rstrip())


# A narrower table would break nearly every word.
_MIN_TABLE_WIDTH = 72


def _print_rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.table import Table

    console = _console()
    if len(headings) > 2 and console.width < _MIN_TABLE_WIDTH:
        for row in rows:
            _print_rich_table(("FIELD", "VALUE"), [pair for pair in zip(headings, row, strict=True) if pair[1]])
            console.print()
        return
    table = Table(*headings, box=None, header_style="bold", padding=(0, 2, 0, 0), pad_edge=False)
    for column in table.columns:
        column.overflow = "fold"  # wrap, do not truncate
    table.columns[0].no_wrap = True  # ids are copied
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _console(*, stderr: bool = False) -> Console:
    from rich.console import Console

    # With NO_COLOR, rich would still print bold and underlined text.
    is_plain = bool(os.environ.get("NO_COLOR"))
    return Console(stderr=stderr, color_system=None if is_plain else "auto", highlight=False, markup=False, emoji=False)


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
        self.url = client.url
        self.user_id: Callable[[], str] = client.user_id
        self._client = client

    def list(self) -> Iterator[IntegrationRecord]:
        """List all integrations."""
        return show_count(self._client.list())
