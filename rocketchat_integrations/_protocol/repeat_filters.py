"""Leave out the records of a list that it gives again."""

from __future__ import annotations

from itertools import takewhile
from typing import Any


class RepeatFilter:
    """For a list in any order. Keeps all ids."""

    is_in_order = True

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def without_repeats(self, records: list[Any]) -> list[Any]:
        """Return the records whose ids are new, and those without an id."""
        new: list[Any] = []
        for record in records:
            if record.id is None:
                new.append(record)
            elif record.id not in self._ids:
                new.append(record)
                self._ids.add(record.id)
        return new

    def end_page(self) -> None:
        """Do nothing: each id is kept at once."""


class SortedRepeatFilter:
    """For a list that is sorted by ids. Keeps the largest id only: what is on later pages has to be beyond it.

    The ids of one page are different, since it is one query of the database.
    """

    def __init__(self) -> None:
        self.is_in_order = True  # whether the records are sorted; if not, new ones and repeats look alike
        self._before: str | None = None  # the largest id of the earlier pages
        self._last: str | None = None  # the last id of this page

    def without_repeats(self, records: list[Any]) -> list[Any]:
        """Return the records of a part of a page that are new, and those without an id.

        If they are not sorted, return those before the first that is out of order, and change ``is_in_order``.
        """
        ids = [record.id for record in records if record.id is not None]
        if not ids:
            return records
        if ids != sorted(ids) or (self._last is not None and ids[0] < self._last):
            self.is_in_order = False
            records = self._sorted_part(records)
        self._last = ids[-1]
        before = self._before
        if before is None or ids[0] > before:
            return records
        return [record for record in records if record.id is None or record.id > before]

    def _sorted_part(self, records: list[Any]) -> list[Any]:
        """Return the records before the first that is out of order."""
        last = self._last or ""

        def is_next(record: Any) -> bool:
            nonlocal last
            previous, last = last, last if record.id is None else record.id
            return last >= previous

        return list(takewhile(is_next, records))

    def end_page(self) -> None:
        """Keep the largest id of the page."""
        self._before = max(filter(None, (self._before, self._last)), default=None)
        self._last = None
