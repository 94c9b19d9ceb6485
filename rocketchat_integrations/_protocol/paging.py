"""Read lists page by page, without gaps and repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeAlias, TypeVar

import attrs

from rocketchat_integrations.exceptions import ConfigurationError, DecodingError
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord, IntegrationType

from . import endpoints
from .endpoints import PAGE_SIZE, Operation, Page, RoomList
from .flows import Flow, call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OnError: TypeAlias = Callable[[DecodingError], object] | None


class Pages(Protocol[T_co]):
    """One pass through a list."""

    def next_page(self) -> Flow[Iterator[T_co] | None]:
        """Return the records of the next page, decoded one by one; None at the end."""
        ...


@attrs.frozen
class ListQuery(Generic[T_co]):
    """A list on the server: what a listing asks, synchronous or not."""

    pages: Callable[[], Pages[T_co]]
    """Begins a new pass through the list."""

    count: Callable[[], Operation[Page[T_co]]]
    """Makes the request whose response has the total."""

    def total(self) -> Flow[int]:
        """Return how many records the server counts, without filters."""
        return (yield from call(self.count())).total


class Pager(Generic[T]):
    """One pass through a list that can be sorted and paged."""

    def __init__(
        self,
        page_at: Callable[[int, int], Operation[Page[T]]],
        unseen: _Unseen,
        *,
        keep: Callable[[T], bool] = lambda _: True,
        on_error: OnError,
    ) -> None:
        self._page_at = page_at
        self._unseen = unseen
        self._keep = keep
        self._on_error = on_error
        self._offset = 0
        self._total: int | None = None

    def next_page(self) -> Flow[Iterator[T] | None]:
        """Return the new records of the next page that pass the filter; None at the end.

        Raises:
            DecodingError: if the server announces more records and sends none, or did not sort them.
        """
        while self._total is None or self._offset < self._total:
            page = yield from call(self._page_at(self._offset, PAGE_SIZE))
            removed = 0 if self._total is None else self._total - page.total
            self._total = page.total
            if removed > 0:
                # The remaining records moved up by as many, perhaps past the offset: ask again from there.
                self._offset = max(0, self._offset - removed)
                continue
            if len(page) == 0 and self._offset < page.total:
                error = f"no records from {self._offset} on, of {page.total}"
                raise DecodingError(f"the list is incomplete: {error}", errors=(error,))
            self._offset += len(page)
            return readable(page, self._on_error, self._unseen(page.ids()), self._keep)
        return None


_Unseen: TypeAlias = Callable[[list[str]], Callable[[str], bool]]
"""Takes the ids of a page, and returns which of them no page before had."""


def sorted_by_id() -> _Unseen:
    """Tell new ids of lists sorted by id: they sort after all pages before.

    Raises (with a page's ids):
        DecodingError: if they are not sorted: new records could not be told from repeats.
    """
    last: str | None = None

    def unseen(ids: list[str]) -> Callable[[str], bool]:
        nonlocal last
        if ids != sorted(ids):
            error = "the records are not sorted by their ids"
            raise DecodingError(f"the list may be incomplete: {error}", errors=(error,))
        before, last = last, max(filter(None, (last, *ids[-1:])), default=None)
        return lambda id: before is None or id > before

    return unseen


def in_any_order() -> _Unseen:
    """Tell new ids of lists in another order, by a set of all ids."""
    seen: set[str] = set()

    def is_new(id: str) -> bool:
        if id in seen:
            return False
        seen.add(id)
        return True

    return lambda _: is_new


def readable(
    page: Page[T],
    on_error: OnError,
    is_new: Callable[[str], bool] = lambda _: True,
    keep: Callable[[T], bool] = lambda _: True,
) -> Iterator[T]:
    """Yield the new records of a page that pass the filter.

    Raises:
        DecodingError: when a record that cannot be read is reached, unless there is an ``on_error``.
    """
    for id, record in page.records():
        if id is not None and not is_new(id):
            continue
        if not isinstance(record, DecodingError):
            if keep(record):
                yield record
        elif on_error is not None:
            on_error(record)
        else:
            raise record


def integrations(
    *, name: str | None, name_contains: str | None, type: IntegrationType | None, on_error: OnError
) -> ListQuery[IntegrationRecord]:
    """Return the list of all integrations. Servers before 7.0 ignore the filters, so they are applied here as well."""
    part = None if name_contains is None else name_contains.lower()

    def keep(record: IntegrationRecord) -> bool:
        return (
            (type is None or record.type is type)
            and (name is None or record.name == name)
            and (part is None or part in record.name.lower())
        )

    def page_at(offset: int, count: int) -> Operation[Page[IntegrationRecord]]:
        return endpoints.list_page(offset, count, name=name or name_contains, type=type)

    return ListQuery(lambda: Pager(page_at, sorted_by_id(), keep=keep, on_error=on_error), _first_of_all)


def _first_of_all() -> Operation[Page[IntegrationRecord]]:
    return endpoints.list_page(0, 1, name=None, type=None)


def history(id: str, on_error: OnError) -> ListQuery[HistoryEntry]:
    """Return the history of an integration, newest first."""

    def page_at(offset: int, count: int) -> Operation[Page[HistoryEntry]]:
        return endpoints.history_page(id, offset, count)

    return ListQuery(lambda: Pager(page_at, in_any_order(), on_error=on_error), lambda: page_at(0, 1))


def room_integrations(room: RoomList, on_error: OnError) -> ListQuery[IntegrationRecord]:
    """Return the integrations of a room."""
    return ListQuery(lambda: _RoomPager(room, on_error), room.first_page)


class _RoomPager:
    """One pass through a room's list, which has one page on 8.x; a longer one is found among all integrations."""

    def __init__(self, room: RoomList, on_error: OnError) -> None:
        self._room = room
        self._on_error = on_error
        self._is_first = True
        self._rest: Pages[IntegrationRecord] | None = None

    def next_page(self) -> Flow[Iterator[IntegrationRecord] | None]:
        if self._is_first:
            self._is_first = False
            page = yield from call(self._room.first_page())
            if len(page) >= page.total:
                return readable(page, self._on_error)
            self._rest = yield from self._among_all()
        return None if self._rest is None else (yield from self._rest.next_page())

    def _among_all(self) -> Flow[Pages[IntegrationRecord]]:
        name = yield from room_name(self._room)
        wanted = {f"#{name}"} if name is not None else set[str]()
        if self._room.everywhere:
            wanted.add(self._room.everywhere_word)

        def page_at(offset: int, count: int) -> Operation[Page[IntegrationRecord]]:
            return endpoints.list_page(offset, count, name=None, type=None)

        def keep(record: IntegrationRecord) -> bool:
            return not wanted.isdisjoint(record.channel)

        return Pager(page_at, sorted_by_id(), keep=keep, on_error=self._on_error)


def room_name(room: RoomList) -> Flow[str | None]:
    """Return the room's name: the channel that its integrations have in common; None if it has no integrations.

    Raises:
        ConfigurationError: if they have several in common, or none.
    """
    if "roomName" in room.room:
        return room.room["roomName"]
    page = yield from call(room.first_page(everywhere=False))
    channels = [set(record.channel) for _, record in page.records() if not isinstance(record, DecodingError)]
    names = {name[1:] for name in set[str].intersection(*channels) if name.startswith("#")} if channels else set[str]()
    if len(page) and len(names) != 1:
        candidates = f" (candidates: {', '.join(sorted(names))})" if names else ""
        raise ConfigurationError(
            f"{room.endpoint}: the room has more integrations than the server sends at once, and its name cannot be "
            f"determined from its id{candidates}: pass room_name"
        )
    return names.pop() if names else None
