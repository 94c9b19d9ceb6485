"""Read lists page by page, without gaps and repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeAlias, TypeVar, cast

import attrs

from rocketchat_integrations._redaction import redacted, spellings
from rocketchat_integrations.exceptions import (
    ConfigurationError,
    DecodingError,
    PermissionDeniedError,
    RocketChatError,
    TransportError,
)
from rocketchat_integrations.models import HistoryEntry, IntegrationRecord, IntegrationType

from . import codec, endpoints
from .endpoints import PAGE_SIZE, Operation, Page, RoomList
from .flows import Flow, call
from .repeat_filters import RepeatFilter, SortedRepeatFilter

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

OnError: TypeAlias = Callable[[DecodingError], object] | None


# A longer list is read in pages of 100, so that it takes little memory.
_LONGEST_REST = 20_000
_LIKELY_TO_FIT = 0.95  # How much of the largest response the rest may take: records differ in size.
_ALL = 0  # The `count` that requests all records.
_MAX_GROWTH = 10_000  # Records that others may create while a list is read: more is a server that does not count.


@attrs.define
class RestReading:
    """Whether the rest of a list can be requested at once. What a client learns about it holds for all its lists."""

    max_response_size: int  # in bytes
    is_possible: bool = True  # whether the server has not yet given less than all

    def count(self, page: Page[Any], records: int, offset: int) -> int:
        """Return the ``count`` to request from an offset on, after a page with a number of records."""
        left = page.total - offset
        estimate = left * page.size // max(1, records)
        fits = page.total <= _LONGEST_REST and estimate < self.max_response_size * _LIKELY_TO_FIT
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
        keep: Callable[[T], bool] | None = None,
        is_sorted_by_id: bool = True,
        rest: RestReading | None = None,
    ) -> None:
        self._page_at = page_at
        self._on_error = on_error
        self._keep = keep
        self._repeat_filter = SortedRepeatFilter() if is_sorted_by_id else RepeatFilter()
        self._rest = rest
        self._offset = 0
        self._count = PAGE_SIZE
        self._total: int | None = None
        self._seen = self._repeats = self._removed = self._created = 0
        self._exceeds_total = False  # whether the last page ended beyond the total that it told

    def next_page(self) -> Flow[Iterator[T] | None]:
        """Return an iterator over the new records of the next page that pass the filter, or None at the end.

        Read a page to its end before you request the next one. If its iterator raises, end the pass.
        """
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
            if self._created > _MAX_GROWTH:
                raise _incomplete(f"it grew by more than {_MAX_GROWTH} records while it was read")
            return chain.from_iterable(self._new(page))
        if self._seen < self._total - self._created:
            raise _incomplete(f"{self._seen} records, of {self._total}")
        return None

    def _new(self, page: Page[Any]) -> Iterator[Iterable[T]]:
        """Yield the new records of a page in pieces, then prepare for the next page."""
        count = repeats = 0
        for records in page.pieces():
            new = self._repeat_filter.without_repeats(records)
            count += len(records)
            repeats += len(records) - len(new)
            yield self._readable(new)
            if not self._repeat_filter.is_in_order:
                raise _incomplete("the records are not sorted by their ids")
        self._repeat_filter.end_page()
        self._advance(page, count, repeats)

    def _advance(self, page: Page[T], count: int, repeats: int) -> None:
        """Prepare for the next page. Raise DecodingError after a page without new records that nothing explains."""
        self._seen += count - repeats
        self._repeats += repeats
        self._offset += count
        # Such a total is not believed: one more page tells whether the list has ended.
        self._exceeds_total = count > 0 and self._offset > page.total
        if self._seen - _MAX_GROWTH > page.total:
            raise _incomplete(f"more than {_MAX_GROWTH} records beyond a total of {page.total}")
        expects_more = self._offset < page.total or self._exceeds_total
        has_moved = count > 0 and self._repeats <= self._removed + self._created
        if repeats == count and expects_more and not has_moved:
            raise _incomplete(f"no new records from {self._offset - count} on, of {page.total}")
        if self._rest is not None:
            if self._count == _ALL and self._offset < page.total:
                self._rest.is_possible = False
            self._count = self._rest.count(page, count, self._offset)

    def _request_page(self) -> Flow[Page[T]]:
        try:
            return (yield from call(self._page_at(self._offset, self._count)))
        except TransportError as error:
            if self._count != _ALL or error.kind != "too-large":
                raise
        self._rest, self._count = None, PAGE_SIZE
        return (yield from call(self._page_at(self._offset, PAGE_SIZE)))

    def _readable(self, records: list[T | DecodingError]) -> Iterable[T]:
        """Return the records that pass the filter. An error is raised, or passed to ``on_error``, in its place."""
        if self._keep is None and not codec.has_errors(records):
            return cast("list[T]", records)
        return self._filtered(iter(records))  # not the list: a traceback would show all of it

    def _filtered(self, records: Iterator[T | DecodingError]) -> Iterator[T]:
        """Yield the records that pass the filter, and handle errors."""
        keep = self._keep
        for record in records:
            if not isinstance(record, DecodingError):
                if keep is None or keep(record):
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
    rest: RestReading | None,
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

    has_filter = (type, name, part) != (None, None, None)
    return ListQuery(
        lambda: Pager(page_at, on_error, keep=keep if has_filter else None, rest=rest), lambda: call(_any_page(0, 1))
    )


def _any_page(offset: int, count: int) -> Operation[Page[IntegrationRecord]]:
    return endpoints.list_page(offset, count, name=None, type=None)


def history(id: str, on_error: OnError) -> ListQuery[HistoryEntry]:
    """Return the history of an integration, newest first."""
    page_at = partial(endpoints.history_page, id)
    return ListQuery(lambda: Pager(page_at, on_error, is_sorted_by_id=False), lambda: call(page_at(0, 1)))


def read_all(query: ListQuery[T]) -> Flow[list[T]]:
    """Return all records of a list."""
    records: list[T] = []
    pager = query.pages()
    while (page := (yield from pager.next_page())) is not None:
        records += page
    return records


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
            records = list(page.records())
            if len(records) >= page.total:
                self._is_first, self._total = False, 0
                return iter(self._readable(records))
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
    records = list(page.records())
    channels = [set(record.channel) for record in records if not isinstance(record, DecodingError)]
    names = {name[1:] for name in set[str].intersection(*channels) if name.startswith("#")} if channels else set[str]()
    if records and len(names) != 1:
        shown = redacted(", ".join(sorted(names)), spellings(page.secrets))
        candidates = f" (candidates: {shown})" if names else ""
        raise ConfigurationError(
            f"{room.endpoint}: the room has more integrations than the server sends at once, and its name cannot be "
            f"determined from its id{candidates}: pass room_name"
        )
    return names.pop() if names else None
