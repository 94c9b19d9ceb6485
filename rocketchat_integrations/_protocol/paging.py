"""Read lists page by page, without gaps and repeats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from rocketchat_integrations.exceptions import ConfigurationError, DecodingError
from rocketchat_integrations.models import IntegrationRecord

from .endpoints import PAGE_SIZE, Operation, Page, RoomList
from .retries import Flow, RetryPolicy, call

T = TypeVar("T")


class Pager(Generic[T]):
    """One way through a list, page by page, that misses nothing and repeats nothing."""

    def __init__(
        self,
        page_at: Callable[[int, int], Operation[Page[T]]],
        new_of: Callable[[list[str]], Callable[[str], bool]],
        policy: RetryPolicy,
    ) -> None:
        self._page_at = page_at
        self._new_of = new_of
        self._policy = policy
        self._offset = 0
        self._total: int | None = None

    def next_page(self) -> Flow[Iterator[T | DecodingError] | None]:
        """The next page's records, or what is wrong with them; None at the end.

        Raises:
            DecodingError: if the server says that there is more and gives nothing, or did not sort.
        """
        while self._total is None or self._offset < self._total:
            page = yield from call(self._page_at(self._offset, PAGE_SIZE), self._policy)
            removed = 0 if self._total is None else self._total - page.total
            self._total = page.total
            if removed > 0:
                # What follows has moved up by so many, perhaps past us: ask again from there.
                self._offset = max(0, self._offset - removed)
                continue
            if len(page) == 0 and self._offset < page.total:
                error = f"no records from {self._offset} on, of {page.total}"
                raise DecodingError(f"the list is incomplete: {error}", errors=(error,))
            self._offset += len(page)
            is_new = self._new_of(page.ids())
            return (record for id, record in page.records() if id is None or is_new(id))
        return None


def in_order() -> Callable[[list[str]], Callable[[str], bool]]:
    """For lists sorted by id: which ids of a page sort after all the pages before.

    Raises (with a page's ids):
        DecodingError: if they are not sorted: what could not be told from a repeat would be lost.
    """
    last: str | None = None

    def new_of(ids: list[str]) -> Callable[[str], bool]:
        nonlocal last
        if ids != sorted(ids):
            error = "the records are not sorted by their ids"
            raise DecodingError(f"the list may be incomplete: {error}", errors=(error,))
        before, last = last, max(filter(None, (last, *ids[-1:])), default=None)
        return lambda id: before is None or id > before

    return new_of


def not_seen() -> Callable[[list[str]], Callable[[str], bool]]:
    """For lists in another order: which ids did not come before."""
    seen: set[str] = set()

    def is_new(id: str) -> bool:
        if id in seen:
            return False
        seen.add(id)
        return True

    return lambda _: is_new


def whole_room(room: RoomList, policy: RetryPolicy) -> Flow[Iterator[IntegrationRecord | DecodingError] | None]:
    """All of a room's integrations, if one page holds them; None if it does not (8.x has no second one)."""
    page = yield from call(room.first_page(), policy)
    return (record for _, record in page.records()) if len(page) >= page.total else None


def room_name(room: RoomList, policy: RetryPolicy) -> Flow[str | None]:
    """The name of the room, from what its integrations have in common; None if there are none with its name.

    Raises:
        ConfigurationError: if that leaves several names.
    """
    if "roomName" in room.room:
        return room.room["roomName"]
    page = yield from call(room.first_page(everywhere=False), policy)
    channels = [set(record.channel) for _, record in page.records() if not isinstance(record, DecodingError)]
    names = {name[1:] for name in set[str].intersection(*channels) if name.startswith("#")} if channels else set[str]()
    if len(page) and len(names) != 1:
        among = f" (it may be one of {', '.join(sorted(names))})" if names else ""
        raise ConfigurationError(
            f"{room.endpoint}: the room has more integrations than the server gives at once, and its name cannot be "
            f"told from its id{among}: ask by room_name"
        )
    return names.pop() if names else None
