"""Lists page by page: complete, or an exception."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rocketchat_integrations import ConfigurationError, DecodingError, PermissionDeniedError, TransportError
from rocketchat_integrations._protocol.endpoints import Page, channel_list, group_list
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.options import ConnectionOptions
from rocketchat_integrations._protocol.paging import (
    ListQuery,
    OnError,
    Pager,
    RestReading,
    history,
    integrations,
    room_integrations,
    room_name,
)
from tests.leaks import CANARY, leaks

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire


class _Shelf:
    """The records of a server, served in pages of no more than `cap`; for ``count=0``, all of them or 50."""

    def __init__(self, wire: Wire, key: str, ids: list[str], cap: int, *, infinite_count: bool = True) -> None:
        self._wire = wire
        self._key = key
        self.ids = ids
        self._cap = cap
        self._infinite_count = infinite_count

    def __call__(self, request: Request) -> Response:
        query = parse_qs(urlsplit(request.url).query)
        offset, count = int(query["offset"][0]), min(self._cap, int(query["count"][0]))
        count = count or (len(self.ids) if self._infinite_count else 50)
        page = [self._wire.record(_id=id) for id in self.ids[offset : offset + count]]
        return self._wire.ok(**{self._key: page, "total": len(self.ids), "count": len(page), "offset": offset})


def _rest(max_response_size: int = ConnectionOptions().max_response_size) -> RestReading:
    return RestReading(max_response_size)


def _all(on_error: OnError = None, rest: RestReading | None = None) -> ListQuery[Any]:
    return integrations(name=None, name_contains=None, type=None, on_error=on_error, rest=rest or _rest())


@pytest.fixture(params=[True, False], ids=["all for 0", "50 for 0"])
def infinite_count(request: pytest.FixtureRequest) -> bool:
    """Both settings of `API_Allow_Infinite_Count`."""
    return bool(request.param)


def _read(query: ListQuery[Any], wire: Wire, answer: Callable[[Request], Response | TransportError]) -> Iterator[str]:
    """Yield the ids of one pass through a list."""
    pages = query.pages()
    while (page := wire.serve(pages.next_page(), answer)) is not None:
        for record in page:
            yield record.id


def _page(wire: Wire, pages: Pager[Any], *answers: Response) -> list[str] | None:
    page = wire.talk(pages.next_page(), *answers)
    return None if page is None else [record.id for record in page]


def _named(*numbers: int) -> list[str]:
    return [f"{number:04}" for number in numbers]


def _queries(wire: Wire, name: str) -> list[str]:
    return [parse_qs(urlsplit(request.url).query)[name][0] for request in wire.sent]


@pytest.mark.parametrize(("size", "cap"), [(0, 7), (1, 1), (7, 7), (8, 7), (100, 100), (101, 100), (250, 100)])
def test_a_list_is_complete_under_any_cap(wire: Wire, size: int, cap: int, infinite_count: bool) -> None:
    """With any page cap and both settings, all records come, in order."""
    shelf = _Shelf(wire, "integrations", _named(*range(size)), cap, infinite_count=infinite_count)
    assert list(_read(_all(), wire, shelf)) == shelf.ids


@pytest.mark.parametrize(("size", "counts"), [(100, "100"), (200, "100 100"), (201, "100 0"), (20_000, "100 0")])
def test_a_list_takes_two_requests(wire: Wire, size: int, counts: str) -> None:
    """A page, and the rest in one answer."""
    shelf = _Shelf(wire, "integrations", [f"{number:05}" for number in range(size)], 100)
    assert sum(1 for _ in _read(_all(), wire, shelf)) == size
    assert _queries(wire, "count") == counts.split()


def test_a_list_of_more_than_20000_records_is_read_in_pages(wire: Wire) -> None:
    """So that memory stays bounded."""
    pages = _all().pages()
    for ids in (range(100), range(100, 200)):
        answer = wire.ok(integrations=[wire.record(_id=id) for id in _named(*ids)], total=20_001)
        assert _page(wire, pages, answer) == _named(*ids)
    assert _queries(wire, "count") == ["100", "100"]


def test_a_server_that_does_not_give_the_rest_is_remembered(wire: Wire) -> None:
    """The 50 records that it gives for 0 are used, and no list of the client asks for 0 again."""
    shelf = _Shelf(wire, "integrations", _named(*range(400)), 100, infinite_count=False)
    rest = _rest()
    for counts in ("100 0 100 100 100", "100 100 100 100"):
        wire.sent.clear()
        assert list(_read(_all(rest=rest), wire, shelf)) == shelf.ids
        assert _queries(wire, "count") == counts.split()


def test_the_rest_of_20000_usual_records_fits_the_default_limit() -> None:
    """A record with all fields of 8.x has about 790 bytes, without a script."""
    page = Page[Any](20_000, [], lambda data, path: data, "integrations", size=79_000)
    assert _rest().count(page, records=100, offset=100) == 0


def test_an_answer_that_would_be_too_large_is_requested_in_pages(wire: Wire) -> None:
    """The size is estimated from the first page. If an answer is still too large, the list goes on in pages."""
    shelf = _Shelf(wire, "integrations", _named(*range(300)), 100)
    size = len(json.dumps([wire.record(_id="0000")] * 200))
    for limit, counts in ((size, "100 100 100"), (size * 2, "100 0")):
        assert list(_read(_all(rest=_rest(limit)), wire, shelf)) == shelf.ids
        assert _queries(wire, "count") == counts.split()
        wire.sent.clear()

    def limited(request: Request) -> Response | TransportError:
        if "count=0" in request.url:
            return TransportError("too large", kind="too-large", host="h", port=1, may_have_acted=True)
        return shelf(request)

    assert list(_read(_all(), wire, limited)) == shelf.ids
    assert _queries(wire, "count") == ["100", "0", "100", "100"]


@pytest.mark.parametrize("cap", [1, 7, 100])
def test_removing_while_iterating_misses_nothing(wire: Wire, cap: int, infinite_count: bool) -> None:
    """A program that removes each record that it is given is given each record once."""
    shelf = _Shelf(wire, "integrations", _named(*range(320)), cap, infinite_count=infinite_count)
    seen: list[str] = []
    for id in _read(_all(), wire, shelf):
        seen.append(id)
        shelf.ids.remove(id)
    assert seen == _named(*range(320))
    assert shelf.ids == []


def test_removals_by_others_repeat_nothing(wire: Wire, infinite_count: bool) -> None:
    """When others remove records, before and after the current one, those that stay are given exactly once."""
    shelf = _Shelf(wire, "integrations", _named(*range(420)), 7, infinite_count=infinite_count)
    seen: list[str] = []
    for id in _read(_all(), wire, shelf):
        seen.append(id)
        if len(seen) % 10 == 0 and seen[-5] in shelf.ids:
            shelf.ids.remove(seen[-5])
            shelf.ids.pop()
    assert len(seen) == len(set(seen))
    assert set(shelf.ids) <= set(seen)


def test_creation_while_iterating_repeats_nothing(wire: Wire, infinite_count: bool) -> None:
    """New records move the others back; each of the old ones is still given once, in order."""
    shelf = _Shelf(wire, "integrations", _named(*range(0, 1200, 4)), 7, infinite_count=infinite_count)
    before = list(shelf.ids)
    seen: list[str] = []
    for id in _read(_all(), wire, shelf):
        seen.append(id)
        if len(seen) % 20 == 0 and len(shelf.ids) < 330:
            shelf.ids = sorted([*shelf.ids, f"{int(id) - 1:04}", f"{int(id) + 1:04}"])
    assert seen == sorted(set(seen))
    assert set(before) <= set(seen)


def test_new_entries_of_a_history_repeat_nothing(wire: Wire) -> None:
    """A history comes newest first, without repeats, while new entries move the old ones back."""
    shelf = _Shelf(wire, "history", _named(*range(110, 0, -1)), 7)
    before = list(shelf.ids)
    seen: list[str] = []
    for id in _read(history("one", None), wire, shelf):
        seen.append(id)
        if len(seen) % 20 == 0:
            shelf.ids.insert(0, f"{200 + len(seen)}")
    assert seen == before


@pytest.mark.parametrize("pages_before", [0, 3])
def test_a_list_that_breaks_off_raises(wire: Wire, pages_before: int) -> None:
    """An empty page before the announced end is an error, not the end."""
    pages = _all().pages()
    for id in _named(*range(pages_before)):
        assert _page(wire, pages, wire.ok(integrations=[wire.record(_id=id)], total=9)) == [id]
    with pytest.raises(DecodingError, match="incomplete"):
        _page(wire, pages, wire.ok(integrations=[], total=9))


@pytest.mark.parametrize(("growth", "problem"), [(0, "no new records"), (100, "it grew by more than 10000 records")])
def test_a_cache_that_ignores_the_offset_raises(wire: Wire, growth: int, problem: str) -> None:
    """The same page again is no progress, even if the total grows; the list ends with an error, soon."""
    records = [wire.record(_id=id) for id in _named(*range(100))]
    total = itertools.count(300, growth)
    with pytest.raises(DecodingError, match=f"incomplete: {problem}"):
        list(_read(_all(), wire, lambda _: wire.ok(integrations=records, total=next(total))))
    assert len(wire.sent) <= 110


def test_pages_that_are_not_sorted_among_themselves_raise(wire: Wire) -> None:
    """Records that sort before those of an earlier page cannot be told from repeats."""
    pages = _all().pages()
    assert _page(wire, pages, wire.ok(integrations=[wire.record(_id="c"), wire.record(_id="d")], total=5))
    assert _page(wire, pages, wire.ok(integrations=[wire.record(_id="b"), wire.record(_id="e")], total=5)) == ["e"]
    assert _page(wire, pages, wire.ok(integrations=[wire.record(_id="f")], total=5)) == ["f"]
    with pytest.raises(DecodingError, match="incomplete: 4 records, of 5"):
        _page(wire, pages)


def test_pages_of_only_repeats_repeat_nothing(wire: Wire) -> None:
    """When records that were created meanwhile move others back, those are dropped, however many pages they fill."""
    pages = _all().pages()
    for ids, total, new in (("bc", 4, ["b", "c"]), ("b", 6, []), ("c", 6, []), ("d", 6, ["d"])):
        answer = wire.ok(integrations=[wire.record(_id=id) for id in ids], total=total)
        assert _page(wire, pages, answer) == new


def test_a_total_is_a_count(wire: Wire) -> None:
    """A negative one is an error, not the end of the list."""
    with pytest.raises(DecodingError, match="total: must be a number of records"):
        _page(wire, _all().pages(), wire.ok(integrations=[wire.record()], total=-1))


def test_a_total_beyond_all_numbers_of_records_raises(wire: Wire) -> None:
    """An integer of JSON can be larger than any float."""
    with pytest.raises(DecodingError, match="incomplete"):
        list(_read(_all(), wire, lambda _: wire.ok(integrations=[wire.record()], total=10**400)))


def test_a_total_that_is_too_small_does_not_end_the_list(wire: Wire) -> None:
    """The page has more records than the total says: the list ends with an empty page."""
    pages = _all().pages()
    records = [wire.record(_id=id) for id in ("a", "b", "c")]
    assert _page(wire, pages, wire.ok(integrations=records[:2], total=0)) == ["a", "b"]
    assert _page(wire, pages, wire.ok(integrations=records[2:], total=0)) == ["c"]
    assert _page(wire, pages, wire.ok(integrations=[], total=0)) == []
    assert _page(wire, pages) is None


def test_a_total_that_is_too_small_does_not_make_the_list_endless(wire: Wire) -> None:
    """A server that ignores the offset repeats its only page; another one invents records without end."""
    records = [wire.record(_id=id) for id in ("a", "b")]
    with pytest.raises(DecodingError, match="incomplete: no new records from 2 on, of 1"):
        list(_read(_all(), wire, lambda _: wire.ok(integrations=records, total=1)))
    numbers = itertools.count()
    with pytest.raises(DecodingError, match="incomplete: more than 10000 records beyond a total of 1"):
        list(_read(_all(), wire, lambda _: wire.ok(integrations=_numbered(wire, numbers), total=1)))


def _numbered(wire: Wire, numbers: Iterator[int]) -> list[dict[str, Any]]:
    return [wire.record(_id=f"{number:06}") for number in itertools.islice(numbers, 1000)]


def test_a_list_that_is_emptied_meanwhile_ends(wire: Wire) -> None:
    """When others remove everything, the list ends after one more request."""
    pages = _all().pages()
    assert _page(wire, pages, wire.ok(integrations=[wire.record()], total=5)) == ["one"]
    assert _page(wire, pages, wire.ok(integrations=[], total=0)) is None


def test_a_removal_asks_again_from_as_many_records_earlier(wire: Wire) -> None:
    """The page that was cut short by two removals is requested again two records earlier."""
    pages = _all().pages()
    answers = [
        wire.ok(integrations=[wire.record(_id=id) for id in _named(*ids)], total=total)
        for ids, total in (((1, 2, 3), 6), ((6,), 4), ((3, 4, 6), 4))
    ]
    assert _page(wire, pages, answers[0]) == _named(1, 2, 3)
    assert _page(wire, pages, *answers[1:]) == _named(4, 6)
    assert _queries(wire, "offset") == ["0", "3", "1"]


@pytest.mark.parametrize("ids", [["", "a"], ["0"]])
def test_every_id_is_an_id(wire: Wire, ids: list[str]) -> None:
    """A record is given whatever its id is."""
    assert list(_read(_all(), wire, _Shelf(wire, "integrations", ids, 1))) == ids


def test_a_list_that_is_not_sorted_raises(wire: Wire) -> None:
    """If the server does not sort, repeats cannot be told from new records, and none is dropped silently."""
    for ids, given in (
        (["a", "c", "b"], ["a", "c"]),
        (_named(*range(500, 700), *range(200)), _named(*range(500, 700))),
    ):
        records = _read(_all(), wire, _Shelf(wire, "integrations", ids, 400))
        assert [next(records) for _ in given] == given
        with pytest.raises(DecodingError, match="not sorted"):
            next(records)


def test_lists_are_requested_in_a_stable_order(wire: Wire) -> None:
    """Without an order of their own, pages could repeat and skip."""
    wire.talk(_all().pages().next_page(), wire.ok(integrations=[], total=0))
    wire.talk(history("one", None).pages().next_page(), wire.ok(history=[], total=0))
    assert [json.loads(sort) for sort in _queries(wire, "sort")] == [{"_id": 1}, {"_createdAt": -1, "_id": 1}]


_BROKEN = [{"_id": "0002", "type": "webhook-third"}, "nonsense"]


def test_a_record_that_cannot_be_read_raises_when_it_is_reached(wire: Wire) -> None:
    """The records before a broken one are given, and the error has its id."""
    page = wire.talk(_all().pages().next_page(), wire.ok(integrations=[wire.record(_id="0001"), *_BROKEN], total=3))
    assert page is not None
    assert next(page).id == "0001"
    with pytest.raises(DecodingError, match="0002"):
        next(page)


def test_the_error_of_a_record_shows_no_other_record(wire: Wire) -> None:
    """Tools that print local variables in tracebacks do not reveal the records around it."""
    other = wire.record(_id="0003", alias=CANARY)
    page = wire.talk(_all().pages().next_page(), wire.ok(integrations=[*_BROKEN, other], total=3))
    assert page is not None
    with pytest.raises(DecodingError) as caught:
        next(page)
    assert leaks(caught.value) == []


def test_with_on_error_the_list_goes_on(wire: Wire) -> None:
    """Each broken record, even one without an id, is reported once, and the others are given."""
    errors: list[DecodingError] = []
    answer = wire.ok(integrations=[*_BROKEN, wire.record(_id="0003")], total=3)
    assert _page(wire, _all(errors.append).pages(), answer) == ["0003"]
    assert [error.id for error in errors] == ["0002", None]


def test_the_total_is_the_servers_count(wire: Wire) -> None:
    """The total asks for the smallest page that has it."""
    assert wire.talk(_all().total(), wire.ok(integrations=[], total=7)) == 7
    assert wire.talk(history("one", None).total(), wire.ok(history=[], total=9)) == 9
    assert _queries(wire, "count") == ["1", "1"]


# Rooms


_BY_ID = channel_list({"roomId": "r"}, True)


def _room_page(wire: Wire, *channels: list[str], total: int = 51) -> Response:
    records = [wire.record(_id=f"{number}", channel=channel) for number, channel in enumerate(channels)]
    return wire.ok(integrations=records, total=total)


def test_a_room_that_fits_on_one_page_takes_one_request(wire: Wire) -> None:
    """The records are given as they come, and the list ends."""
    pages = room_integrations(_BY_ID, None, _rest()).pages()
    assert _page(wire, pages, _room_page(wire, ["#a"], ["#b"], total=2)) == ["0", "1"]
    assert _page(wire, pages) is None


@pytest.mark.parametrize(("everywhere", "ids"), [(True, ["0", "2"]), (False, ["0"])])
def test_a_larger_room_is_found_among_all_integrations(wire: Wire, everywhere: bool, ids: list[str]) -> None:
    """8.x has no second page of a room's list: the integrations with its name are taken from the whole list."""
    pages = room_integrations(group_list({"roomName": "ops"}, everywhere), None, _rest()).pages()
    everything = _room_page(wire, ["#ops"], ["#other"], ["all_private_groups"], total=3)
    assert _page(wire, pages, _room_page(wire, ["#ops"], total=2), everything) == ids
    assert _page(wire, pages) is None
    assert wire.calls == ["groups.getIntegrations", "integrations.list"]


def test_a_name_is_what_the_integrations_of_a_room_have_in_common(wire: Wire) -> None:
    """A room given by its id is named by its integrations, without those for all rooms."""
    assert wire.talk(room_name(_BY_ID), _room_page(wire, ["#ops", "#general"], ["@alice", "#ops"])) == "ops"
    assert "includeAllPublicChannels=false" in wire.sent[0].url


def test_a_room_without_integrations_of_its_own_has_no_name(wire: Wire) -> None:
    """Then only those for all rooms are wanted."""
    pages = room_integrations(_BY_ID, None, _rest()).pages()
    first, nothing = _room_page(wire, ["all_public_channels"]), wire.ok(integrations=[], total=0)
    everything = _room_page(wire, ["#ops"], ["all_public_channels"], total=2)
    assert _page(wire, pages, first, nothing, everything) == ["1"]


@pytest.mark.parametrize(
    ("channels", "why"),
    [([["#a", "#b"], ["#b", "#a"]], "candidates: a, b"), ([["#a"], ["#b"]], "cannot be"), ([["@a"]], "cannot be")],
)
def test_a_room_whose_name_is_ambiguous_is_refused(wire: Wire, channels: list[list[str]], why: str) -> None:
    """Rather than giving the integrations of another room, or none, the call says to ask by name."""
    with pytest.raises(ConfigurationError, match=f"{why}.*pass room_name"):
        wire.talk(room_name(_BY_ID), _room_page(wire, *channels))


def test_names_of_rooms_in_an_error_show_no_token(wire: Wire) -> None:
    """The server may repeat what it was sent."""
    with pytest.raises(ConfigurationError, match="candidates: <hidden>, b"):
        wire.talk(room_name(_BY_ID), _room_page(wire, ["#T0KEN-of-the-user", "#b"]))


def test_records_that_cannot_be_read_tell_no_name(wire: Wire) -> None:
    """If none of a room's records can be read, its name is unknown, and nothing is left out silently."""
    with pytest.raises(ConfigurationError, match="pass room_name"):
        wire.talk(room_name(_BY_ID), wire.ok(integrations=["nonsense"], total=51))


@pytest.mark.parametrize(
    ("reason", "is_permission", "requests"),
    [
        ("unauthorized", True, 2),  # 6.x
        ("unauthorized", False, 2),
        ("forbidden", False, 1),
        ("User does not have the permissions required for this action [error-unauthorized]", True, 1),
    ],
)
def test_a_closed_room_is_told_from_a_missing_permission(
    wire: Wire, reason: str, is_permission: bool, requests: int
) -> None:
    """By the words; and if these can mean both, by asking for what needs the same permissions."""
    query = room_integrations(_BY_ID, None, _rest())
    answers = [wire.no(403, reason), wire.no(403, reason) if is_permission else wire.ok(integrations=[], total=0)]
    for flow in (query.total(), query.pages().next_page()):
        with pytest.raises(PermissionDeniedError) as caught:
            wire.talk(flow, *answers[:requests])
        assert bool(caught.value.permissions) is is_permission
        assert ("may not enter the room" in str(caught.value)) is not is_permission
        assert (caught.value.__context__, caught.value.may_have_acted) == (None, False)


def test_a_closed_room_stays_the_reason_if_asking_again_fails(wire: Wire) -> None:
    with pytest.raises(PermissionDeniedError, match="may not enter the room"):
        wire.talk(room_integrations(_BY_ID, None, _rest()).total(), wire.no(403, "unauthorized"), wire.no(400))
