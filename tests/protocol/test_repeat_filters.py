"""Pages may overlap, but a list yields each record once."""

from __future__ import annotations

from typing import Any

import pytest

from rocketchat_integrations import DecodingError, HistoryEntry
from rocketchat_integrations._protocol.repeat_filters import RepeatFilter, SortedRepeatFilter


def _new(repeats: RepeatFilter | SortedRepeatFilter, ids: list[str]) -> list[str]:
    """Return the ids of the new records of a page. Each text has the ids of one part of it."""
    new = [repeats.without_repeats([HistoryEntry(id=id) for id in part]) for part in ids]
    repeats.end_page()
    return ["".join(record.id for record in records) for records in new]


def test_a_list_in_any_order_yields_each_id_once() -> None:
    """Even if one page contains it twice."""
    repeats = RepeatFilter()
    assert _new(repeats, ["cac", "ab"]) == ["ca", "b"]
    assert _new(repeats, ["bcd"]) == ["d"]
    assert repeats.is_in_order


def test_a_sorted_list_yields_what_is_beyond_the_earlier_pages() -> None:
    """A page that has only old records does not make other old records new again."""
    repeats = SortedRepeatFilter()
    assert _new(repeats, ["ab", "cd"]) == ["ab", "cd"]
    assert _new(repeats, ["ab"]) == [""]
    assert _new(repeats, ["d", "ef"]) == ["", "ef"]
    assert repeats.is_in_order


@pytest.mark.parametrize(
    ("ids", "new"), [(["pqsr"], ["pqs"]), (["bc", "ad"], ["bc", ""]), (["bc", "cab"], ["bc", "c"])]
)
def test_the_records_before_the_first_that_is_out_of_order_are_new(ids: list[str], new: list[str]) -> None:
    """Both within one part of a page and between two parts."""
    repeats = SortedRepeatFilter()
    assert _new(repeats, ids) == new
    assert not repeats.is_in_order


@pytest.mark.parametrize("kind", [RepeatFilter, SortedRepeatFilter])
def test_a_record_without_an_id_is_new(kind: type[RepeatFilter | SortedRepeatFilter]) -> None:
    """Only a record that cannot be read has none. Its error is never lost."""
    repeats = kind()
    broken: Any = DecodingError("broken", errors=("broken",))
    for _ in range(2):
        assert broken in repeats.without_repeats([HistoryEntry(id="a"), broken])
        repeats.end_page()
    assert repeats.without_repeats([broken]) == [broken]
    assert repeats.without_repeats([broken, HistoryEntry(id="c"), broken, HistoryEntry(id="b")])[0] is broken
