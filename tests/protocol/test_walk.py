"""Lists page by page: complete, or an exception."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from rocketchat_integrations import (
    ConfigurationError,
    DecodingError,
    HistoryEntry,
    IntegrationRecord,
    RetryPolicy,
)
from rocketchat_integrations._protocol import endpoints as operations
from rocketchat_integrations._protocol.endpoints import RoomList, channel_list, group_list
from rocketchat_integrations._protocol.http import Request, Response
from rocketchat_integrations._protocol.paging import Pager, in_order, not_seen, room_name, whole_room
from rocketchat_integrations._protocol.retries import Flow

if TYPE_CHECKING:
    from tests.protocol.conftest import Wire


class _Shelf:
    """What a server has, given out in pages of no more than `cap`."""

    def __init__(self, wire: Wire, key: str, ids: list[str], cap: int) -> None:
        self._wire = wire
        self._key = key
        self.ids = ids
        self._cap = cap

    def __call__(self, request: Request) -> Response:
        query = parse_qs(urlsplit(request.url).query)
        offset, count = int(query["offset"][0]), min(self._cap, int(query["count"][0]))
        page = [self._wire.record(_id=id) for id in self.ids[offset : offset + count]]
        return self._wire.ok(**{self._key: page, "total": len(self.ids), "count": len(page), "offset": offset})


def _ids(
    walk: Pager[IntegrationRecord] | Pager[HistoryEntry], wire: Wire, shelf: Callable[[Request], Response]
) -> Iterator[str]:
    """The ids of all that a walk comes by, while it walks."""
    while (page := wire.serve(walk.next_page(), shelf)) is not None:
        for record in page:
            assert record.id is not None
            yield record.id


def _list() -> Pager[IntegrationRecord]:
    return Pager(lambda offset, count: operations.list_page(offset, count, name=None, type=None), in_order(), _POLICY)


def _history() -> Pager[HistoryEntry]:
    return Pager(lambda offset, count: operations.history_page("one", offset, count), not_seen(), _POLICY)


_POLICY = RetryPolicy()


def _named(*numbers: int) -> list[str]:
    return [f"{number:04}" for number in numbers]


@pytest.mark.parametrize("cap", [1, 7, 100])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 99, 100, 101, 250])
def test_a_list_is_complete_under_any_cap(wire: Wire, cap: int, size: int) -> None:
    """Whatever the server gives at once, all records come, in order, with no more requests than needed."""
    shelf = _Shelf(wire, "integrations", _named(*range(size)), cap)
    assert list(_ids(_list(), wire, shelf)) == shelf.ids
    assert len(wire.sent) == max(1, -(-size // cap))


@pytest.mark.parametrize("cap", [1, 7, 100])
def test_removing_while_iterating_misses_nothing(wire: Wire, cap: int) -> None:
    """A program that removes each record that it is given is given each record once."""
    shelf = _Shelf(wire, "integrations", _named(*range(120)), cap)
    seen: list[str] = []
    for id in _ids(_list(), wire, shelf):
        seen.append(id)
        shelf.ids.remove(id)
    assert seen == _named(*range(120))
    assert shelf.ids == []


@pytest.mark.parametrize("cap", [1, 7, 100])
def test_removals_behind_and_ahead_repeat_nothing(wire: Wire, cap: int) -> None:
    """When others remove records, those that stay are given exactly once."""
    shelf = _Shelf(wire, "integrations", _named(*range(120)), cap)
    seen: list[str] = []
    for id in _ids(_list(), wire, shelf):
        seen.append(id)
        if len(seen) % 10 == 0:
            shelf.ids.remove(seen[-5])
            shelf.ids.pop()
    assert len(seen) == len(set(seen))
    assert set(shelf.ids) <= set(seen)


@pytest.mark.parametrize("cap", [1, 7, 100])
def test_creation_while_iterating_repeats_nothing(wire: Wire, cap: int) -> None:
    """New records push the others on; each of the old ones is given once all the same, and in order."""
    shelf = _Shelf(wire, "integrations", _named(*range(0, 400, 4)), cap)
    before = list(shelf.ids)
    seen: list[str] = []
    for id in _ids(_list(), wire, shelf):
        seen.append(id)
        if len(seen) % 20 == 0 and len(shelf.ids) < 110:
            shelf.ids = sorted([*shelf.ids, f"{int(id) - 1:04}", f"{int(id) + 1:04}"])
    assert seen == sorted(set(seen))
    assert set(before) <= set(seen)


@pytest.mark.parametrize("cap", [1, 7, 100])
def test_calls_made_while_reading_the_history_repeat_nothing(wire: Wire, cap: int) -> None:
    """The history comes newest first, without repeats, while new entries push the old ones on."""
    shelf = _Shelf(wire, "history", _named(*range(110, 0, -1)), cap)
    before = list(shelf.ids)
    seen: list[str] = []
    for id in _ids(_history(), wire, shelf):
        seen.append(id)
        if len(seen) % 20 == 0:
            shelf.ids.insert(0, f"{200 + len(seen)}")
    assert seen == before


@pytest.mark.parametrize("held_back", [0, 3])
def test_a_list_that_breaks_off_raises(wire: Wire, held_back: int) -> None:
    """An empty page before the end that the server itself announced is an error, not the end."""
    given = [wire.ok(integrations=[wire.record(_id=id)], total=9) for id in _named(*range(held_back))]
    walk = _list()
    for answer in given:
        assert wire.talk(walk.next_page(), answer) is not None
    with pytest.raises(DecodingError, match="incomplete"):
        wire.talk(walk.next_page(), wire.ok(integrations=[], total=9))


def test_a_list_that_is_emptied_meanwhile_ends(wire: Wire) -> None:
    """When others remove everything, the list is over after one more look."""
    walk = _list()
    first = wire.talk(walk.next_page(), wire.ok(integrations=[wire.record()], total=5))
    assert first is not None
    assert len(list(first)) == 1
    assert wire.talk(walk.next_page(), wire.ok(integrations=[], total=0)) is None


def test_a_removal_asks_again_from_as_many_records_earlier(wire: Wire) -> None:
    """The page that was cut short by two removals is asked for again two records earlier."""
    walk = _list()
    pages = [
        wire.ok(integrations=[wire.record(_id=id) for id in _named(1, 2, 3)], total=6),
        wire.ok(integrations=[wire.record(_id="0006")], total=4),
        wire.ok(integrations=[wire.record(_id=id) for id in _named(3, 4, 6)], total=4),
    ]
    first = wire.talk(walk.next_page(), pages[0])
    second = wire.talk(walk.next_page(), *pages[1:])
    assert [[getattr(record, "id", None) for record in page or ()] for page in (first, second)] == [
        _named(1, 2, 3),
        _named(4, 6),
    ]
    assert [parse_qs(urlsplit(send.request.url).query)["offset"] for send in wire.sent] == [["0"], ["3"], ["1"]]


def test_a_record_that_cannot_be_read_is_told_and_the_rest_goes_on(wire: Wire) -> None:
    """A broken record, also one without an id, comes as the error that it is, in its place."""
    broken = [{"_id": "0002", "type": "webhook-third"}, "nonsense"]
    page = wire.talk(_list().next_page(), wire.ok(integrations=[*broken, wire.record(_id="0003")], total=3))
    kinds = [type(record) is DecodingError for record in page or ()]
    assert kinds == [True, True, False]


def test_both_lists_ask_in_an_order_that_does_not_change(wire: Wire) -> None:
    """Without an order of their own, pages could repeat and skip."""
    for walk, key in ((_list(), "integrations"), (_history(), "history")):
        wire.talk(walk.next_page(), wire.ok(**{key: [], "total": 0}))
    sorts = [json.loads(parse_qs(urlsplit(send.request.url).query)["sort"][0]) for send in wire.sent]
    assert sorts == [{"_id": 1}, {"_createdAt": -1, "_id": 1}]


# Rooms


_BY_ID = channel_list({"roomId": "r"}, True)


def _page(wire: Wire, *channels: list[str], total: int = 51) -> Response:
    records = [wire.record(_id=f"{number}", channel=channel) for number, channel in enumerate(channels)]
    return wire.ok(integrations=records, total=total)


def _name(room: RoomList) -> Flow[str | None]:
    return room_name(room, _POLICY)


def test_a_room_that_fits_on_one_page_is_given_as_it_comes(wire: Wire) -> None:
    """One request is enough for a room with few integrations."""
    page = wire.talk(whole_room(_BY_ID, _POLICY), _page(wire, ["#a"], ["#b"], total=2))
    assert [getattr(record, "id", None) for record in page or ()] == ["0", "1"]


def test_a_room_that_does_not_is_said_to_be_too_large(wire: Wire) -> None:
    """There is no second page of a room's list: it has to be found in another way."""
    assert wire.talk(whole_room(_BY_ID, _POLICY), _page(wire, ["#a"], total=2)) is None


def test_a_name_that_is_known_is_not_asked_for(wire: Wire) -> None:
    """Who asks by name has the name."""
    assert wire.talk(_name(group_list({"roomName": "ops"}, False))) == "ops"


def test_a_name_is_what_the_integrations_of_a_room_have_in_common(wire: Wire) -> None:
    """By its id a room is told from its integrations, those for all rooms left out."""
    assert wire.talk(_name(_BY_ID), _page(wire, ["#ops", "#general"], ["@alice", "#ops"])) == "ops"
    assert "includeAllPublicChannels=false" in wire.sent[0].request.url


def test_a_room_without_integrations_of_its_own_has_no_name(wire: Wire) -> None:
    """Then only those for all rooms are wanted."""
    assert wire.talk(_name(_BY_ID), wire.ok(integrations=[], total=0)) is None


@pytest.mark.parametrize(
    ("channels", "why"),
    [([["#a", "#b"], ["#b", "#a"]], "one of a, b"), ([["#a"], ["#b"]], "cannot be told"), ([["@a"]], "cannot be told")],
)
def test_a_room_whose_name_cannot_be_told_is_refused(wire: Wire, channels: list[list[str]], why: str) -> None:
    """Rather than giving the integrations of another room, or none, the call says to ask by name."""
    with pytest.raises(ConfigurationError, match=f"{why}.*ask by room_name"):
        wire.talk(_name(_BY_ID), _page(wire, *channels))


def test_records_that_cannot_be_read_tell_no_name(wire: Wire) -> None:
    """When none of a room's records can be read, its name is not known, and nothing is left out in silence."""
    with pytest.raises(ConfigurationError, match="ask by room_name"):
        wire.talk(_name(_BY_ID), wire.ok(integrations=["nonsense"], total=51))


def test_a_list_that_is_not_sorted_is_no_list(wire: Wire) -> None:
    """Where the server does not sort, repeats cannot be told from the rest, and nothing is dropped in silence."""
    with pytest.raises(DecodingError, match="not sorted"):
        list(_ids(_list(), wire, _Shelf(wire, "integrations", ["c", "a", "b"], 100)))


def test_an_empty_id_is_an_id(wire: Wire) -> None:
    """A record is given whatever its id is."""
    assert list(_ids(_list(), wire, _Shelf(wire, "integrations", ["", "a"], 1))) == ["", "a"]
