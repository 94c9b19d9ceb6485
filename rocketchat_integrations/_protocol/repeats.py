"""Remove records that were on earlier pages of a list."""

from __future__ import annotations

from typing import Any

from . import codec


class RepeatsById:
    """Removes repeats from a list in any order. Keeps all ids."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def removed_from(self, records: list[Any]) -> list[Any]:
        """Return the new ones of some records of a page. A record without an id counts as new."""
        new: list[Any] = []
        for record in records:
            if record.id is None:
                new.append(record)
            elif record.id not in self._ids:
                new.append(record)
                self._ids.add(record.id)
        return new

    def end_page(self) -> None:
        """Do nothing: a repeat on the same page is removed, too."""


class RepeatsByOrder:
    """Removes repeats from a list that is sorted by ids. Keeps one id a page."""

    def __init__(self) -> None:
        self._before: str | None = None  # the largest id of the earlier pages
        self._last: str | None = None  # the last id of this page

    def removed_from(self, records: list[Any]) -> list[Any]:
        """Return the new ones of some records of a page. A record without an id counts as new.

        Raises:
            DecodingError: if they are not sorted: repeats and records that were created meanwhile look alike then.
        """
        ids = [record.id for record in records if record.id is not None]
        if not ids:
            return records
        if ids != sorted(ids) or (self._last is not None and ids[0] < self._last):
            raise codec.incomplete("the records are not sorted by their ids")
        self._last = ids[-1]
        before = self._before
        if before is None or ids[0] > before:
            return records
        return [record for record in records if record.id is None or record.id > before]

    def end_page(self) -> None:
        """Remove what is on this page from the next ones."""
        self._before = max(filter(None, (self._before, self._last)), default=None)
        self._last = None
