"""Lists: lazy, complete under any page cap, and filtered alike by every server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rocketchat_integrations import (
    Client,
    ConfigurationError,
    DecodingError,
    EventType,
    IntegrationRecord,
    IntegrationType,
    Listing,
    OutgoingIntegration,
    OutgoingIntegrationRecord,
    RocketChatError,
)
from rocketchat_integrations.testing import LocalRocketChat

if TYPE_CHECKING:
    from tests.client.conftest import Connect


@pytest.fixture(params=[1, 7, 100])
def cap(server: LocalRocketChat, request: pytest.FixtureRequest) -> int:
    """A page cap that is usual, one that is odd, and the smallest."""
    server.page_cap = request.param
    return server.page_cap


def insert(server: LocalRocketChat, *ids: str, **fields: Any) -> None:
    """Integrations with these ids, which came in the opposite order."""
    for id in reversed(ids):
        server.insert({"_id": id, "type": "webhook-incoming", "name": id, "channel": ["#general"], **fields})


def numbered(start: int, stop: int) -> list[str]:
    return [f"i{number:03}" for number in range(start, stop)]


def ids(records: Any) -> list[str]:
    return [record.id for record in records]


def asked(server: LocalRocketChat) -> list[dict[str, str]]:
    """The queries for pages of the list, without what is in all of them."""
    return [
        {name: value for name, value in request.query.items() if name not in ("sort", "count")}
        for request in server.requests
        if request.endpoint == "integrations.list"
    ]


# Complete and lazy


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 14, 120])
def test_a_list_is_complete_and_in_order(server: LocalRocketChat, client: Client, cap: int, size: int) -> None:
    """Every integration comes once, sorted by id, whatever the server's page cap."""
    insert(server, *numbered(0, size))
    assert ids(client.list()) == numbered(0, size)


def test_a_listing_can_be_iterated_many_times(server: LocalRocketChat, client: Client, cap: int) -> None:
    """Each iteration asks the server anew; two of them do not disturb each other."""
    insert(server, *numbered(0, 5))
    listing = client.list()
    assert isinstance(listing, Listing)
    assert [(one.id, other.id) for one, other in zip(listing, listing, strict=True)] == [
        (id, id) for id in numbered(0, 5)
    ]
    insert(server, "i999")
    assert ids(listing) == [*numbered(0, 5), "i999"]


def test_a_listing_is_lazy(server: LocalRocketChat, client: Client) -> None:
    """Nothing is asked before the first record is wanted, and no page before it is reached."""
    server.page_cap = 2
    insert(server, *numbered(0, 5))
    iterator = iter(client.list())
    counts = [len(server.requests)]
    for _ in iterator:
        counts.append(len(server.requests))
    assert counts == [0, 1, 1, 2, 2, 3]
    assert asked(server) == [{"offset": "0"}, {"offset": "2"}, {"offset": "4"}]


def test_total_asks_the_server(server: LocalRocketChat, client: Client, cap: int) -> None:
    """The server's count of all integrations, with one small request."""
    insert(server, *numbered(0, 9))
    assert client.list(name="i001", type=IntegrationType.OUTGOING).total() == 9
    assert len(server.requests) == 1
    assert server.requests[0].query["count"] == "1"


def test_breaking_off_asks_for_no_more(server: LocalRocketChat, client: Client) -> None:
    """Who has found what they looked for pays for one page."""
    server.page_cap = 2
    insert(server, *numbered(0, 9))
    assert next(iter(client.list())).id == "i000"
    assert len(server.requests) == 1


# Filters


def outgoing_and_incoming(server: LocalRocketChat) -> None:
    insert(server, "a", name="deploy")
    insert(server, "b", name="Deployer")
    insert(server, "c", name="deployer")
    insert(server, "d", name="deployer", type="webhook-outgoing")
    insert(server, "e", name="a.c")
    insert(server, "f", name="abc")
    insert(server, "g", name="")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcdefg"),
        ({"type": IntegrationType.OUTGOING}, "d"),
        ({"type": "webhook-incoming"}, "abcefg"),
        ({"name": "deployer"}, "cd"),
        ({"name": "deploy"}, "a"),
        ({"name": "a.c"}, "e"),
        ({"name": ""}, "g"),
        ({"name_contains": "DEPLOY"}, "abcd"),
        ({"name_contains": ".c"}, "e"),
        ({"name_contains": ""}, "abcdefg"),
        ({"name": "deployer", "type": IntegrationType.INCOMING}, "c"),
        ({"name": "deployer", "name_contains": "loy", "type": IntegrationType.OUTGOING}, "d"),
        ({"name": "deployer", "name_contains": "x"}, ""),
        ({"name": "", "name_contains": "x"}, ""),
    ],
    ids=repr,
)
def test_filters_mean_the_same_on_every_server(
    server: LocalRocketChat, client: Client, cap: int, filters: dict[str, Any], expected: str
) -> None:
    """A name is exact, a part of a name is found in any case, also where the server knows no filters."""
    outgoing_and_incoming(server)
    assert ids(client.list(**filters)) == [*expected]


def test_a_server_that_can_filter_is_asked_to(server: LocalRocketChat, client: Client) -> None:
    """What is not wanted need not come over the wire."""
    outgoing_and_incoming(server)
    assert ids(client.list(name="deployer", type=IntegrationType.OUTGOING)) == ["d"]
    assert asked(server) == [{"offset": "0", "name": "deployer", "type": "webhook-outgoing"}]


# While things change


def test_removing_while_iterating(server: LocalRocketChat, client: Client, cap: int) -> None:
    """Removing every record that comes leaves nothing over, and meets nothing twice."""
    insert(server, *numbered(0, 30))
    removed: list[str] = []
    for record in client.list():
        client.remove(record)
        removed.append(record.id)
    assert removed == numbered(0, 30)
    assert server.documents == ()


@pytest.mark.parametrize("every", [2, 3, 5])
def test_removing_some_while_iterating(server: LocalRocketChat, client: Client, cap: int, every: int) -> None:
    """Those that stay come as well, each once."""
    insert(server, *numbered(0, 30))
    met: list[str] = []
    for number, record in enumerate(client.list()):
        if number % every == 0:
            client.remove(record)
        met.append(record.id)
    assert met == numbered(0, 30)


def test_removing_what_came_before_while_iterating(server: LocalRocketChat, client: Client) -> None:
    """Removing many at once moves what follows far up, and still nothing is missed."""
    server.page_cap = 7
    insert(server, *numbered(0, 30))
    iterator: Iterator[IntegrationRecord] = iter(client.list())
    first = [next(iterator) for _ in range(20)]
    for record in first[:19]:
        client.remove(record)
    assert ids(iterator) == numbered(20, 30)


def test_creating_while_iterating(server: LocalRocketChat, client: Client, cap: int) -> None:
    """What others create on the way repeats nothing and hides nothing; what sorts later comes as well."""
    insert(server, *numbered(10, 30))
    met: list[str] = []
    for number, record in enumerate(client.list()):
        if number < 3:
            insert(server, f"i00{number}", f"i01{number}x")
        met.append(record.id)
    assert len(met) == len(set(met))
    assert met == sorted(met)
    assert set(met) >= set(numbered(10, 30))


def test_a_list_that_the_server_does_not_finish_raises(server: LocalRocketChat, client: Client) -> None:
    """A failure between two pages is an exception, never the end of the list."""
    server.page_cap = 2
    insert(server, *numbered(0, 5))
    iterator = iter(client.list())
    assert ids([next(iterator), next(iterator)]) == ["i000", "i001"]
    server.fail_next("integrations.list", "html")
    with pytest.raises(RocketChatError):
        next(iterator)


# Odd records


def test_an_unknown_event_is_kept(server: LocalRocketChat, client: Client) -> None:
    """A record that this version does not wholly understand is a record all the same."""
    insert(server, "old", type="webhook-outgoing", event="roomDeleted")
    (record,) = client.list(type=IntegrationType.OUTGOING)
    assert record.event == "roomDeleted"


def with_unreadable_ones(server: LocalRocketChat) -> None:
    insert(server, "a", "c", "e")
    insert(server, "b", type="webhook-sideways")
    insert(server, "d", enabled="yes", urls=5)


def test_an_unreadable_record_raises_when_it_is_reached(server: LocalRocketChat, client: Client, cap: int) -> None:
    """What comes before it comes; the error has its id and the path of what is wrong, and no values."""
    with_unreadable_ones(server)
    iterator = iter(client.list())
    assert next(iterator).id == "a"
    with pytest.raises(DecodingError) as caught:
        next(iterator)
    assert caught.value.id == "b"
    (error,) = caught.value.errors
    assert error.startswith(f"integrations[{1 % cap}].type: ")
    assert "sideways" not in str(caught.value)


def test_with_on_error_the_list_goes_on(server: LocalRocketChat, client: Client, cap: int) -> None:
    """The callable gets each error in its turn, and the records go on coming."""
    with_unreadable_ones(server)
    errors: list[DecodingError] = []
    met: list[str] = []
    for record in client.list(on_error=errors.append):
        met.append(f"{record.id} after {len(errors)}")
    assert met == ["a after 0", "c after 1", "e after 2"]
    assert [error.id for error in errors] == ["b", "d"]


def test_filters_do_not_hide_unreadable_records(server: LocalRocketChat, client: Client) -> None:
    """What cannot be read might have been what was wanted."""
    insert(server, "d", name="wanted", enabled="yes")
    with pytest.raises(DecodingError):
        list(client.list(name="wanted"))


def test_get_tells_what_cannot_be_read(server: LocalRocketChat, client: Client) -> None:
    """The same error, with the path in the answer to get."""
    insert(server, "d", enabled="yes")
    with pytest.raises(DecodingError) as caught:
        client.get("d")
    assert caught.value.id == "d"
    assert [error.partition(":")[0] for error in caught.value.errors] == ["integration.enabled"]


# History


def remember(server: LocalRocketChat, id: str, *numbers: int) -> None:
    for number in numbers:
        server.insert_history(id, {"_id": f"h{number}", "_createdAt": f"2024-01-01T00:00:{number:02}.000Z"})


def test_history_comes_newest_first(
    server: LocalRocketChat, client: Client, cap: int, bot: OutgoingIntegrationRecord
) -> None:
    """All entries, in the order of their times."""
    remember(server, bot.id, *range(5, 20), *range(5))
    history = client.history(bot.id)
    assert ids(history) == [f"h{number}" for number in range(19, -1, -1)]
    assert history.total() == 20


def test_history_does_not_repeat_while_new_calls_are_made(
    server: LocalRocketChat, client: Client, cap: int, bot: OutgoingIntegrationRecord
) -> None:
    """New entries push the old ones down the pages; each still comes once."""
    remember(server, bot.id, *range(10))
    met: list[str] = []
    for entry in client.history(bot.id):
        met.append(entry.id)
        if len(met) <= 10:
            remember(server, bot.id, 9 + len(met))
    assert met == [f"h{number}" for number in range(9, -1, -1)]


def test_history_goes_on_after_an_unreadable_entry(
    server: LocalRocketChat, client: Client, bot: OutgoingIntegrationRecord
) -> None:
    """on_error works as for integrations."""
    remember(server, bot.id, 1, 3)
    server.insert_history(bot.id, {"_id": "h2", "_createdAt": "2024-01-01T00:00:02.000Z", "data": "text"})
    with pytest.raises(DecodingError):
        list(client.history(bot.id))
    errors: list[DecodingError] = []
    assert ids(client.history(bot.id, on_error=errors.append)) == ["h3", "h1"]
    assert [error.id for error in errors] == ["h2"]


# Rooms with more than a page


@pytest.mark.parametrize("everywhere", [True, False])
@pytest.mark.parametrize("by", ["name", "id"])
def test_a_busy_channel_has_all_its_integrations(
    server: LocalRocketChat, client: Client, by: str, everywhere: bool
) -> None:
    """More than the 50 that the server gives at once, by name and by id."""
    insert(server, *numbered(60, 65), channel=["#general"])
    insert(server, *numbered(0, 60), channel=["#random", "#general"])
    insert(server, *numbered(65, 70), channel=["all_public_channels"], type="webhook-outgoing")
    insert(server, *numbered(70, 80), channel=["#random"])
    insert(server, "z", channel=["all_private_groups"], type="webhook-outgoing")
    room: dict[str, Any] = {"room_name": "general"} if by == "name" else {"room_id": "GENERAL"}
    listing = client.list_for_channel(**room, include_all_public_channels=everywhere)
    assert server.requests == ()
    assert ids(listing) == numbered(0, 70 if everywhere else 65)
    assert listing.total() == (70 if everywhere else 65)


def test_a_busy_group_has_all_its_integrations(server: LocalRocketChat, client: Client, cap: int) -> None:
    """Also under any page cap."""
    insert(server, *numbered(0, 60), channel=["#secret"])
    insert(server, *numbered(60, 65), channel=["all_private_groups"], type="webhook-outgoing")
    insert(server, *numbered(65, 70), channel=["all_public_channels"], type="webhook-outgoing")
    assert ids(client.list_for_group(room_name="secret")) == numbered(0, 65)
    assert ids(client.list_for_group(room_name="secret", include_all_private_groups=False)) == numbered(0, 60)


def test_a_quiet_channel_with_many_everywhere(server: LocalRocketChat, client: Client) -> None:
    """Where only integrations of all public channels listen, the room's name is not needed."""
    insert(server, *numbered(0, 60), channel=["all_public_channels"], type="webhook-outgoing")
    assert ids(client.list_for_channel(room_id="RANDOM00000000001")) == numbered(0, 60)


def test_a_busy_room_that_cannot_be_told_by_its_id(server: LocalRocketChat, client: Client) -> None:
    """If all its integrations name another room as well, the list raises, and says to ask by name."""
    insert(server, *numbered(0, 60), channel=["#general", "#random"])
    with pytest.raises(ConfigurationError, match="room_name"):
        list(client.list_for_channel(room_id="GENERAL"))
    assert len(list(client.list_for_channel(room_name="general"))) == 60


def test_unreadable_records_in_rooms(server: LocalRocketChat, client: Client, cap: int) -> None:
    """on_error works for rooms, and without it the error is raised in its turn."""
    insert(server, *numbered(0, 60))
    insert(server, "i", enabled="yes")
    errors: list[DecodingError] = []
    assert ids(client.list_for_channel(room_name="general", on_error=errors.append)) == numbered(0, 60)
    assert [error.id for error in errors] == ["i"]
    with pytest.raises(DecodingError):
        list(client.list_for_channel(room_name="general"))


def test_a_room_list_can_be_iterated_again(
    server: LocalRocketChat, client: Client, connect: Connect, outgoing: OutgoingIntegration
) -> None:
    """It is a listing like the others."""
    listing = client.list_for_channel(room_name="general")
    assert list(listing) == []
    record = client.create(outgoing)
    assert record.event is EventType.SEND_MESSAGE
    assert ids(listing) == ids(listing) == [record.id]
