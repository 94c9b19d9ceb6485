"""Lists: lazy, complete under any page cap, and filtered alike on every server.

Paging itself is tested without HTTP in tests/protocol.
"""

from __future__ import annotations

from typing import Any

import pytest

from rocketchat_integrations import (
    Client,
    DecodingError,
    IntegrationType,
    Listing,
    OutgoingIntegrationRecord,
)
from rocketchat_integrations.testing import LocalRocketChat
from tests.client.samples import oldest_and_newest


def insert(server: LocalRocketChat, *ids: str, **fields: Any) -> None:
    """Insert integrations with these ids, in reverse order."""
    for id in reversed(ids):
        server.insert({"_id": id, "type": "webhook-incoming", "name": id, "channel": ["#general"], **fields})


def numbered(start: int, stop: int) -> list[str]:
    return [f"i{number:03}" for number in range(start, stop)]


def ids(records: Any) -> list[str]:
    return [record.id for record in records]


def list_queries(server: LocalRocketChat) -> list[dict[str, str]]:
    """The queries for pages of the list, without the constant parameters."""
    return [
        {name: value for name, value in request.query.items() if name not in ("sort", "count")}
        for request in server.requests
        if request.endpoint == "integrations.list"
    ]


# Complete and lazy


@pytest.mark.parametrize(("cap", "size"), [(1, 6), (7, 14), (7, 15), (100, 0), (100, 120)])
def test_a_list_is_complete_and_sorted_by_id(server: LocalRocketChat, client: Client, cap: int, size: int) -> None:
    """With any page cap of the server, the list is complete and sorted."""
    server.page_cap = cap
    insert(server, *numbered(0, size))
    assert ids(client.list()) == numbered(0, size)


@pytest.mark.parametrize(("infinite", "requests"), [(True, [2, 2]), (False, [4, 4])])
def test_a_long_list_takes_two_requests(
    server: LocalRocketChat, client: Client, infinite: bool, requests: list[int]
) -> None:
    """A page, and the rest at once; in pages if the server gives no more than 50, which the client remembers."""
    server.infinite_count = infinite
    insert(server, *numbered(0, 350))
    made: list[int] = []
    for _ in requests:
        before = len(server.requests)
        assert ids(client.list()) == numbered(0, 350)
        made.append(len(server.requests) - before)
    assert made == requests


def test_a_listing_can_be_iterated_many_times(server: LocalRocketChat, client: Client) -> None:
    """Each iteration asks the server again; two of them do not interfere."""
    server.page_cap = 2
    insert(server, *numbered(0, 5))
    listing = client.list()
    assert isinstance(listing, Listing)
    pairs = [(one.id, other.id) for one, other in zip(listing, listing, strict=True)]
    assert pairs == [(id, id) for id in numbered(0, 5)]
    insert(server, "i999")
    assert ids(listing) == [*numbered(0, 5), "i999"]


def test_a_page_is_requested_when_its_first_record_is_needed(server: LocalRocketChat, client: Client) -> None:
    server.page_cap = 2
    insert(server, *numbered(0, 5))
    iterator = iter(client.list())
    counts = [len(server.requests)]
    for _ in iterator:
        counts.append(len(server.requests))
    assert counts == [0, 1, 1, 2, 2, 3]
    assert list_queries(server) == [{"offset": "0"}, {"offset": "2"}, {"offset": "4"}]


def test_total_is_one_request_without_filters(server: LocalRocketChat, client: Client) -> None:
    insert(server, *numbered(0, 9))
    assert client.list(name="i001", type=IntegrationType.OUTGOING).total() == 9
    assert [request.query["count"] for request in server.requests] == ["1"]


# Filters


@oldest_and_newest
@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcdefg"),
        ({"type": IntegrationType.OUTGOING}, "d"),
        ({"type": "webhook-incoming"}, "abcefg"),
        ({"name": "deployer"}, "cd"),
        ({"name": "a.c"}, "e"),
        ({"name": ""}, "g"),
        ({"name_contains": "DEPLOY"}, "abcd"),
        ({"name_contains": ".c"}, "e"),
        ({"name": "deployer", "name_contains": "loy", "type": IntegrationType.OUTGOING}, "d"),
        ({"name": "deployer", "name_contains": "x"}, ""),
    ],
    ids=repr,
)
def test_filters_work_on_every_server(
    server: LocalRocketChat, client: Client, filters: dict[str, Any], expected: str
) -> None:
    """``name`` is exact, ``name_contains`` ignores case; 6.x has no filters of its own."""
    names = {"a": "deploy", "b": "Deployer", "c": "deployer", "e": "a.c", "f": "abc", "g": ""}
    for id, name in names.items():
        insert(server, id, name=name)
    insert(server, "d", name="deployer", type="webhook-outgoing")
    server.page_cap = 3
    assert ids(client.list(**filters)) == [*expected]


def test_filters_are_sent_to_the_server(server: LocalRocketChat, client: Client) -> None:
    """So that fewer records are transferred."""
    list(client.list(name="deployer", type=IntegrationType.OUTGOING))
    assert list_queries(server) == [{"offset": "0", "name": "deployer", "type": "webhook-outgoing"}]


# Unreadable records


def test_on_error_gets_the_error_and_the_list_goes_on(server: LocalRocketChat, client: Client) -> None:
    """Filters do not hide an unreadable record: it might match."""
    insert(server, "a", "c", "e", name="wanted")
    insert(server, "b", type="webhook-sideways", name="wanted")
    insert(server, "d", enabled="yes", urls=5, name="wanted")
    errors: list[DecodingError] = []
    seen = [f"{record.id} after {len(errors)}" for record in client.list(name_contains="want", on_error=errors.append)]
    assert seen == ["a after 0", "c after 1", "e after 2"]
    assert [error.id for error in errors] == ["b", "d"]


# History


def insert_history(server: LocalRocketChat, id: str, *numbers: int) -> None:
    for number in numbers:
        server.insert_history(id, {"_id": f"h{number}", "_createdAt": f"2024-01-01T00:00:{number:02}.000Z"})


def test_history_is_complete_and_newest_first(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    server.page_cap = 7
    insert_history(server, bot.id, *range(5, 20), *range(5))
    history = client.history(bot.id)
    assert ids(history) == [f"h{number}" for number in range(19, -1, -1)]
    assert history.total() == 20


def test_history_has_on_error(server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord) -> None:
    insert_history(server, bot.id, 1, 3)
    server.insert_history(bot.id, {"_id": "h2", "_createdAt": "2024-01-01T00:00:02.000Z", "data": "text"})
    with pytest.raises(DecodingError):
        list(client.history(bot.id))
    errors: list[DecodingError] = []
    assert ids(client.history(bot.id, on_error=errors.append)) == ["h3", "h1"]
    assert [error.id for error in errors] == ["h2"]


# Rooms with more than one page


@oldest_and_newest
@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("room", [{"room_name": "general"}, {"room_id": "GENERAL"}], ids=["name", "id"])
def test_a_channel_with_more_than_50_integrations_is_complete(
    server: LocalRocketChat, client: Client, room: dict[str, str], everywhere: bool
) -> None:
    """The server gives only the first 50."""
    insert(server, *numbered(60, 65), channel=["#general"])
    insert(server, *numbered(0, 60), channel=["#random", "#general"])
    insert(server, *numbered(65, 70), channel=["all_public_channels"], type="webhook-outgoing")
    insert(server, *numbered(70, 80), channel=["#random"])
    insert(server, "z", channel=["all_private_groups"], type="webhook-outgoing")
    options: dict[str, Any] = {**room, "include_all_public_channels": everywhere}
    listing = client.list_for_channel(**options)
    assert server.requests == ()
    assert ids(listing) == ids(listing) == numbered(0, 70 if everywhere else 65)
    assert listing.total() == (70 if everywhere else 65)


@oldest_and_newest
def test_a_group_with_more_than_50_integrations_is_complete(server: LocalRocketChat, client: Client) -> None:
    server.page_cap = 7
    insert(server, *numbered(0, 60), channel=["#secret"])
    insert(server, *numbered(60, 65), channel=["all_private_groups"], type="webhook-outgoing")
    insert(server, *numbered(65, 70), channel=["all_public_channels"], type="webhook-outgoing")
    assert ids(client.list_for_group(room_name="secret")) == numbered(0, 65)
    assert ids(client.list_for_group(room_name="secret", include_all_private_groups=False)) == numbered(0, 60)


def test_room_lists_have_on_error(server: LocalRocketChat, client: Client) -> None:
    insert(server, *numbered(0, 60))
    insert(server, "i", enabled="yes")
    errors: list[DecodingError] = []
    assert ids(client.list_for_channel(room_name="general", on_error=errors.append)) == numbered(0, 60)
    assert [error.id for error in errors] == ["i"]
    with pytest.raises(DecodingError):
        list(client.list_for_channel(room_name="general"))
