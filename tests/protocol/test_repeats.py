"""A page yields only records that were on no earlier page."""

from __future__ import annotations

import pytest

from rocketchat_integrations import DecodingError, HistoryEntry
from rocketchat_integrations._protocol.repeats import RepeatsById, RepeatsByOrder


def _records(ids: str) -> list[HistoryEntry]:
    return [HistoryEntry(id=id) for id in ids]


def _ids(records: list[HistoryEntry]) -> str:
    return "".join(record.id for record in records)


def test_a_list_in_any_order_yields_each_id_once() -> None:
    """Also if a page has it twice."""
    repeats = RepeatsById()
    assert _ids(repeats.removed_from(_records("cac"))) == "ca"
    assert _ids(repeats.removed_from(_records("ab"))) == "b"
    repeats.end_page()
    assert _ids(repeats.removed_from(_records("bcd"))) == "d"


def test_a_sorted_list_yields_what_is_beyond_the_earlier_pages() -> None:
    """A page is passed in parts. A page that ends before an earlier one ended does not bring back what was between."""
    repeats = RepeatsByOrder()
    assert _ids(repeats.removed_from(_records("ab"))) == "ab"
    assert _ids(repeats.removed_from(_records("cd"))) == "cd"
    repeats.end_page()
    assert _ids(repeats.removed_from(_records("ab"))) == ""
    repeats.end_page()
    assert _ids(repeats.removed_from(_records("de"))) == "e"


def test_a_page_that_is_not_sorted_raises() -> None:
    """Within a part of it as between two parts."""
    with pytest.raises(DecodingError, match="not sorted"):
        RepeatsByOrder().removed_from(_records("ba"))
    repeats = RepeatsByOrder()
    repeats.removed_from(_records("bc"))
    with pytest.raises(DecodingError, match="not sorted"):
        repeats.removed_from(_records("ad"))


@pytest.mark.parametrize("repeats", [RepeatsById(), RepeatsByOrder()], ids=["any order", "sorted"])
def test_a_record_without_an_id_is_new(repeats: RepeatsById | RepeatsByOrder) -> None:
    """Only a record that cannot be read has none. Its error is never lost."""
    broken = DecodingError("broken", errors=("broken",))
    for _ in range(2):
        assert broken in repeats.removed_from([*_records("a"), broken])
        repeats.end_page()
    assert repeats.removed_from([broken]) == [broken]
