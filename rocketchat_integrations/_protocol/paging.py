"""Read lists page by page, without gaps and repeats."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

import attrs

from rocketchat_integrations.exceptions import (
    ConfigurationError,
    DecodingError,
    PermissionDeniedError,
    RocketChatError,
    TransportError,
)
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord, IntegrationType

from . import endpoints
from .endpoints import PAGE_SIZE, Operation, Page, RoomList
from .flows import Flow, call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OnError: TypeAlias = Callable[[DecodingError], object] | None


# A longer list is read in pages of 100, so that it takes little memory.
_LONGEST_REST = 20_000
_ALL = 0  # The `count` that requests all records.
_MAX_GROWTH = 10_000  # Records that others may create while a list is read: more is a server that does not count.


@attrs.define
class RestReading:
    """Whether the rest of a list can be requested at once. What a client learns about it holds for all its lists."""

    max_response_size: int  # in bytes
    is_possible: bool = True  # whether the server has not yet given less than all

    def count(self, page: Page[Any], offset: int) -> int:
        """Return the ``count`` to request from an offset on, after a page of the list."""
        left = page.total - offset
        estimate = left * page.size // max(1, len(page))
        fits = page.total <= _LONGEST_REST and estimate < self.max_response_size / 2
        return _ALL if self.is_possible and left > PAGE_SIZE and fits else PAGE_SIZE


@attrs.frozen
class ListQuery(Generic[T_co]):
    """A list on the server: what a listing asks, synchronous or not."""

    pages: Callable[[], Pager[T_co]]  # begins a new pass through the list
    count: Callable[[], Flow[Page[T_co]]]  # requests a page, which has the total

    def total(self) -> Flow[int]:
        """Return how many records the server counts, without filters."""
        return (yield from self.count()).total


class Pager(Generic[T]):
    """One pass through a list that can be sorted and paged."""

    def __init__(
        self,
        page_at: Callable[[int, int], Operation[Page[T]]],
        on_error: OnError,
        *,
        keep: Callable[[T], bool] = lambda _: True,
        is_sorted_by_id: bool = True,
        rest: RestReading | None = None,
    ) -> None:
        self._page_at = page_at
        self._on_error = on_error
        self._keep = keep
        self._is_sorted_by_id = is_sorted_by_id
        self._rest = rest
        self._offset = 0
        self._count = PAGE_SIZE
        self._total: int | None = None
        self._seen = self._repeats = self._removed = self._created = 0
        self._exceeds_total = False  # whether the last page ended beyond the total that it told
        self._last_id: str | None = None
        self._ids: set[str] = set()

    def next_page(self) -> Flow[Iterator[T] | None]:
        """Return the new records of the next page that pass the filter, decoded one by one; None at the end."""
        while self._total is None or self._offset < self._total or self._exceeds_total:
            page = yield from self._request_page()
            change = 0 if self._total is None else page.total - self._total
            self._total, self._exceeds_total = page.total, False
            if change < 0:
                # Records were removed, so the rest moved up: request that many earlier.
                self._removed -= change
                self._offset = max(0, self._offset + change)
                continue
            self._created += change
            repeated = self._repeated(page.ids())
            self._check_progress(page, len(repeated))
            self._offset += len(page)
            # Not believed: one more page tells whether the list has ended.
            self._exceeds_total = len(page) > 0 and self._offset > page.total
            if self._rest is not None:
                if self._count == _ALL and self._offset < page.total:
                    self._rest.is_possible = False
                self._count = self._rest.count(page, self._offset)
            return self._readable(page, repeated)
        if self._seen < self._total - self._created:
            raise _incomplete(f"{self._seen} records, of {self._total}")
        return None

    def _check_progress(self, page: Page[T], repeats: int) -> None:
        """Raise DecodingError for a page without new records, unless records that moved are the reason."""
        self._seen += len(page) - repeats
        self._repeats += repeats
        if self._created > _MAX_GROWTH:
            raise _incomplete(f"it grew by more than {_MAX_GROWTH} records while it was read")
        has_moved = len(page) > 0 and self._repeats <= self._removed + self._created
        if repeats == len(page) and self._offset < page.total and not has_moved:
            raise _incomplete(f"no new records from {self._offset} on, of {page.total}")

    def _request_page(self) -> Flow[Page[T]]:
        try:
            return (yield from call(self._page_at(self._offset, self._count)))
        except TransportError as error:
            if self._count != _ALL or error.kind != "too-large":
                raise
        self._rest, self._count = None, PAGE_SIZE
        return (yield from call(self._page_at(self._offset, PAGE_SIZE)))

    def _repeated(self, ids: list[str]) -> set[str]:
        """Return the ids of a page that were on an earlier page."""
        if not self._is_sorted_by_id:
            repeated = self._ids.intersection(ids)
            self._ids.update(ids)
            return repeated
        if ids != sorted(ids):  # Unsorted: new records and repeats look alike.
            raise _incomplete("the records are not sorted by their ids")
        before, self._last_id = self._last_id, max(filter(None, (self._last_id, *ids[-1:])), default=None)
        return set() if before is None else {id for id in ids if id <= before}

    def _readable(self, page: Page[T], repeated: Container[str | None] = ()) -> Iterator[T]:
        for id, record in page.records():
            if id in repeated:
                continue
            if not isinstance(record, DecodingError):
                if self._keep(record):
                    yield record
            elif self._on_error is not None:
                self._on_error(record)
            else:
                raise record


def _incomplete(error: str) -> DecodingError:
    return DecodingError(f"the list is incomplete: {error}", errors=(error,))


def integrations(
    *,
    name: str | None,
    name_contains: str | None,
    type: IntegrationType | None,
    on_error: OnError,
    rest: RestReading,
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

    return ListQuery(lambda: Pager(page_at, on_error, keep=keep, rest=rest), lambda: call(_any_page(0, 1)))


def _any_page(offset: int, count: int) -> Operation[Page[IntegrationRecord]]:
    return endpoints.list_page(offset, count, name=None, type=None)


def history(id: str, on_error: OnError) -> ListQuery[HistoryEntry]:
    """Return the history of an integration, newest first."""
    page_at = partial(endpoints.history_page, id)
    return ListQuery(lambda: Pager(page_at, on_error, is_sorted_by_id=False), lambda: call(page_at(0, 1)))


def room_integrations(room: RoomList, on_error: OnError, rest: RestReading) -> ListQuery[IntegrationRecord]:
    """Return the integrations of a room."""
    return ListQuery(lambda: _RoomPager(room, on_error, rest), lambda: _first_page(room))


def _first_page(room: RoomList) -> Flow[Page[IntegrationRecord]]:
    """Request a room's first page. If a refusal can have two reasons, find out which."""
    try:
        return (yield from call(room.first_page()))
    except PermissionDeniedError as error:
        if error.error != "unauthorized":
            raise
        closed_room = error.with_traceback(None)
    try:
        # 6.x says "unauthorized" where a permission is missing, later servers where the user may not enter the room.
        # The list of all integrations needs the same permissions, so that it is refused in the first case.
        yield from call(_any_page(0, 1))
    except PermissionDeniedError:
        raise
    except RocketChatError:
        pass  # Keep the room as the reason.
    try:
        raise closed_room
    finally:
        del closed_room  # Otherwise the exception and this frame refer to each other.


class _RoomPager(Pager[IntegrationRecord]):
    """One pass through a room's list, which has one page on 8.x; a longer one is found among all integrations."""

    def __init__(self, room: RoomList, on_error: OnError, rest: RestReading) -> None:
        super().__init__(_any_page, on_error, rest=rest)
        self._room = room
        self._is_first = True

    def next_page(self) -> Flow[Iterator[IntegrationRecord] | None]:
        if self._is_first:
            page = yield from _first_page(self._room)
            if len(page) >= page.total:
                self._is_first, self._total = False, 0
                return self._readable(page)
            name = yield from room_name(self._room)
            wanted = set[str]() if name is None else {f"#{name}"}
            if self._room.everywhere:
                wanted.add(self._room.everywhere_word)

            def keep(record: IntegrationRecord) -> bool:
                return not wanted.isdisjoint(record.channel)

            self._is_first, self._keep = False, keep
        return (yield from super().next_page())


def room_name(room: RoomList) -> Flow[str | None]:
    """Return the room's name: the channel that all its integrations share. None if it has no integrations."""
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
