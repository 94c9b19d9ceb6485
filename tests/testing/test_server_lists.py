"""Lists, history and room lists of the embedded server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener


def _names(api: Api, endpoint: str = "integrations.list", **query: Any) -> list[str]:
    answer = api("GET", endpoint, **query)
    assert answer.status == 200, answer
    return [integration["name"] for integration in answer.json["integrations"]]


def test_pages_are_capped_silently(api: Api) -> None:
    """A page has at most `page_cap` items, `API_Default_Count` by default, and all for a count of 0."""
    for number in range(120):
        api.server.insert({"type": "webhook-incoming", "name": str(number)})
    assert len(_names(api)) == 50
    assert len(_names(api, count=110)) == 100
    assert len(_names(api, count=0)) == 120
    api.server.page_cap = 7
    assert len(_names(api)) == 7
    page = api("GET", "integrations.list", count=20, offset=115).json
    assert (page["items"], page["count"], page["offset"], page["total"]) == (5, 5, 115, 120)
    api.server.settings["API_Default_Count"] = 6
    assert len(_names(api)) == 6
    # As the server's `getPaginationItems` does it, which applies the cap before (read).
    api.server.settings["API_Default_Count"] = 8
    assert api.server.infinite_count
    api.server.infinite_count = False
    assert len(_names(api, count=0)) == 8
    assert len(_names(api)) == 7


@pytest.mark.parametrize("query", [{"count": -1}, {"offset": "x"}])
def test_counts_have_to_be_natural_numbers(both: Api, query: dict[str, Any]) -> None:
    """Another count or offset is refused."""
    (name,) = query
    assert both("GET", "integrations.list", **query).error_type == f"{name} must be a non-negative integer"


def test_sorting(api: Api) -> None:
    """Lists are sorted by any fields, also in objects; values of several types have a fixed order."""
    values: list[Any] = ["b", 2, None, True, {"$date": 1}, "a", 1.5, ["x"]]
    for number, value in enumerate(values):
        api.server.insert({"type": "x", "name": str(number), "odd": value, "in": {"side": number % 2}})
    assert _names(api, sort='{"odd": 1}') == ["2", "6", "1", "5", "0", "7", "4", "3"]
    assert _names(api, sort='{"in.side": -1, "name": 1}') == ["1", "3", "5", "7", "0", "2", "4", "6"]
    assert _names(api, sort='{"name.first": 1}') == [str(number) for number in range(8)]


def test_sorting_by_id(api: Api) -> None:
    """`_id` gives an order and its reverse; without a sort, the order is that of insertion."""
    created = [api.create()["_id"] for _ in range(20)]

    def ids(**query: Any) -> list[str]:
        return [each["_id"] for each in api("GET", "integrations.list", **query).json["integrations"]]

    assert ids(sort='{"_id": 1}') == sorted(created)
    assert ids(sort='{"_id": -1}') == sorted(created)[::-1]
    assert ids() == created


@pytest.mark.parametrize(
    "sort", ["name", "[1]", '{"name": 2}', '{"name": true}', pytest.param("[" * 20_000, id="deep")]
)
def test_invalid_sorts(api: Api, sort: str) -> None:
    """A sort that is not an object with values 1 and -1 is refused."""
    assert api("GET", "integrations.list", sort=sort).error_type == "error-invalid-sort"


def test_filters(api: Api, old: Api) -> None:
    """On 8.8 `name` matches any part, ignoring case, and `type` exactly; 6.14 ignores both."""
    for each in (api, old):
        each.create(name="Build.1")
        each.create(OUTGOING, name="build.2")
        each.create(OUTGOING, name="other")
    assert _names(api, name="BUILD.") == ["Build.1", "build.2"]
    assert _names(api, name="b.ild") == []
    assert _names(api, name="build", type="webhook-outgoing") == ["build.2"]
    assert _names(api, type="webhook-incoming") == ["Build.1"]
    assert _names(old, name="BUILD.", type="webhook-incoming", anything="else") == ["Build.1", "build.2", "other"]


def test_users_see_what_they_may(api: Api) -> None:
    """Own-permissions show the user's own, the permission for a type that type, and both permissions odd types."""
    api.create(name="admin's webhook")
    api.create(OUTGOING, name="admin's bot")
    own = api.create(user="alice", name="alice's webhook")
    odd = {"_id": api.server.insert({"type": "odd", "name": "odd", "_createdBy": own["_createdBy"]})}
    api.server.insert({**INCOMING, "name": "old", "_createdBy": "alice"})
    api.server.add_user("carol", ["manage-outgoing-integrations"])
    assert _names(api, user="alice") == ["alice's webhook"]
    assert _names(api, user="carol") == ["admin's bot"]
    assert len(_names(api)) == 5
    assert api("GET", "integrations.get", integrationId=own["_id"], user="alice").status == 200
    assert api("GET", "integrations.get", integrationId=odd["_id"], user="alice").forbidden == "not-authorized"


@pytest.mark.parametrize(
    ("endpoint", "scope", "name", "other", "option"),
    [
        ("channels.getIntegrations", "all_public_channels", "general", "random", "includeAllPublicChannels"),
        ("groups.getIntegrations", "all_private_groups", "secret", "hidden", "includeAllPrivateGroups"),
    ],
)
@pytest.mark.parametrize("version", ["9.0", "6.14"])
def test_integrations_of_a_room(
    serve: Opener, version: str, endpoint: str, scope: str, name: str, other: str, option: str
) -> None:
    """A room's list has what is stored for `#name` and, by default, for all rooms of its type."""
    both = serve(version=version)
    both.server.remove_room("secret")
    both.server.add_room("secret", "private group", ["admin", "alice"])
    both.server.add_room("hidden", "private group")
    room_id = both.server.room(name).id
    for channel in (f"#{name}", scope, f"#{other}", f"#{room_id}", ""):
        both.create(OUTGOING, name=channel, channel=channel)
    assert _names(both, endpoint, roomName=name) == [f"#{name}", scope]
    assert _names(both, endpoint, roomId=room_id, **{option: "true"}) == [f"#{name}", scope]
    assert _names(both, endpoint, roomId=room_id, **{option: "false"}) == [f"#{name}"]
    page = both("GET", endpoint, roomName=name).json
    del page["integrations"]
    assert page == {"count": 2, "offset": 0, "total": 2, "success": True}
    assert _names(both, endpoint, roomName=name, user="alice") == []
    assert both("GET", endpoint, roomName=name, user="bob").status == 403
    of_other_type = "secret" if name == "general" else "general"
    wrong: list[dict[str, Any]] = [
        *({"roomName": "nope"}, {"roomId": name}, {"roomName": room_id}, {"roomName": of_other_type}),
    ]
    for query in wrong:
        assert both("GET", endpoint, **query).error_type == "error-room-not-found"


def test_rooms_without_a_list(api: Api, old: Api) -> None:
    """A group is unknown to users who are not in it; the refusal names the kind of room (vendor's e2e tests, 8.x).

    6.14 is assumed to list it for everybody.
    """
    assert _names(old, "groups.getIntegrations", roomName="secret") == []
    for endpoint, kind in (("channels.getIntegrations", "channel"), ("groups.getIntegrations", "group")):
        answer = api("GET", endpoint, roomName="secret")
        assert answer.error_type == "error-room-not-found"
        assert f"does not match any {kind} " in answer.json["error"]


def test_empty_counts(api: Api) -> None:
    """An empty count is 0, which means all (recorded, 8.x); an empty id is none."""
    for _ in range(51):
        api.create()
    assert api("GET", "integrations.list", count="", offset="").json["count"] == 51
    assert api("GET", "integrations.get", integrationId="").error_type.endswith('"integrationId" is required.')


def test_room_lists_are_paged_by_6(old: Api) -> None:
    """6.14 takes a page and a sort for a room's list, and requires a room."""
    for name in "bca":
        old.create(OUTGOING, name=name)
    query = {"sort": json.dumps({"name": 1}), "count": 2, "offset": 1, "roomName": "general"}
    assert _names(old, "channels.getIntegrations", **query) == ["b", "c"]
    assert old("GET", "channels.getIntegrations").error_type == "error-roomid-param-not-provided"


def test_history(api: Api) -> None:
    """History is paged, empty for unknown and other users' integrations, and needs an outgoing permission."""
    integration = api.create(OUTGOING)
    for second in range(3):
        moment = f"2026-01-01T00:00:0{second}.000Z"
        api.server.insert_history(integration["_id"], {"_id": f"h{second}", "_createdAt": moment})
    newest_first = json.dumps({"_createdAt": -1, "_id": 1})
    page = api("GET", "integrations.history", id=integration["_id"], count=2, sort=newest_first).json
    assert [record["_id"] for record in page["history"]] == ["h2", "h1"]
    assert (page["items"], page["count"], page["offset"], page["total"]) == (2, 2, 0, 3)
    assert page["history"][0]["integration"]["_id"] == integration["_id"]
    assert api("GET", "integrations.history", id="unknown").json["total"] == 0
    assert api("GET", "integrations.history", id=integration["_id"], user="alice").json["total"] == 0
    api.server.add_user("carol", ["manage-incoming-integrations", "manage-own-incoming-integrations"])
    assert api("GET", "integrations.history", id="x", user="carol").status == 403


def test_clearing_and_replaying(api: Api, old: Api) -> None:
    """Only existing records of integrations that the user may manage can be replayed and cleared; not on 6.14."""
    integration = api.create(OUTGOING)
    clear = {"integrationId": integration["_id"]}
    replay = {**clear, "historyId": api.server.insert_history(integration["_id"], {"step": "before"})}
    assert api("POST", "integrations.replayOutgoing", replay).json == {"success": True}
    answer = api("POST", "integrations.replayOutgoing", {**replay, "historyId": "nope"})
    assert answer.error_type == "error-invalid-integration-history"
    for endpoint, body in (("integrations.replayOutgoing", replay), ("integrations.clearHistory", clear)):
        assert api("POST", endpoint, body, user="alice").error_type == "error-invalid-integration"
        answer = api("POST", endpoint, {**body, "integrationId": "nope"})
        assert answer.error_type == "error-invalid-integration"
        assert b"<html>" in old("POST", endpoint, body).body
    assert api("POST", "integrations.clearHistory", clear).json == {"success": True}
    assert api.server.history_documents == ()
    assert api("POST", "integrations.replayOutgoing", replay).error_type == "error-invalid-integration-history"
