"""How far long work has come: a bar with the time left, where somebody looks at it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rocketchat_integrations.provisioning import Progress

from ._output import console


@contextmanager
def progress_bar(total: int) -> Generator[Callable[[Progress], None], None, None]:
    """A bar on standard error, if that is a terminal; what it gives is to be called after each step."""
    if not sys.stderr.isatty() or not total:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn

    columns = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[left]}"))
    with Bar(*columns, console=console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, left="")

        def advance(progress: Progress) -> None:
            bar.update(task, completed=progress.done, left=_words(progress.seconds_left))

        yield advance


def _words(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"
