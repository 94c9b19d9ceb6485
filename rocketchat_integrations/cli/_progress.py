"""How far long work has come, where somebody looks at it: a bar with the time left, and how much has been read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

from rocketchat_integrations.client import Client
from rocketchat_integrations.models import IntegrationRecord

from ._output import console

if TYPE_CHECKING:
    from rich.status import Status

    from rocketchat_integrations.provisioning import Progress


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


_T = TypeVar("_T")

# As many as a server usually gives at once.
_PAGE = 100


def counted(listing: Iterable[_T]) -> Iterator[_T]:
    """What a list has; from the second page on, a terminal shows how many have been read."""
    with ExitStack() as stack:
        status: Status | None = None
        for number, it in enumerate(listing):
            if number and number % _PAGE == 0 and sys.stderr.isatty():
                status = status or stack.enter_context(console(stderr=True).status(""))
                status.update(f"{number} integrations read")
            yield it


class Counting:
    """A client for :func:`~rocketchat_integrations.provisioning.plan`, which shows how far it has read."""

    def __init__(self, client: Client) -> None:
        self.create, self.update, self.remove = client.create, client.update, client.remove
        self.user_id = client.user_id
        self._client = client

    def list(self) -> Iterator[IntegrationRecord]:
        """All integrations."""
        return counted(self._client.list())


def _words(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s left" if minutes else f"{rest} s left"
