"""Leave out records that an earlier page of the list already had."""

from __future__ import annotations

from itertools import takewhile
from typing import Any


class RepeatFilter:
    """Filters a list in any order. Remembers all ids."""

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
        """Do nothing. Ids are remembered as soon as they are seen."""


class SortedRepeatFilter:
    """Filters a list that is sorted by id. Remembers only the largest id: new records come after it.

    A page never has an id twice, because it comes from one database query.
    """

    def __init__(self) -> None:
        # False after a record that is out of order: repeats cannot be told from new records then.
        self.is_in_order = True
        self._before: str | None = None  # the largest id of the earlier pages
        self._last: str | None = None  # the last id of this page

    def without_repeats(self, records: list[Any]) -> list[Any]:
        """Take some records of a page; return those that are new or have no id.

        If a record is out of order, only those before it are returned, and ``is_in_order`` becomes False.
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
        """Remember the largest id of the page: later pages have to go beyond it."""
        self._before = max(filter(None, (self._before, self._last)), default=None)
        self._last = None
