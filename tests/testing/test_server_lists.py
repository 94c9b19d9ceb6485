"""Lists, history and rooms on the embedded server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener


def _names(api: Api, endpoint: str = "integrations.list", **query: Any) -> list[str]:
    answer = api("GET", endpoint, **query)
    assert answer.status == 200, answer
    return [integration["name"] for integration in answer.json["integrations"]]


def test_pages_are_capped_without_a_word(serve: Opener) -> None:
    """A page has at most `page_cap` items, 50 if nothing is said, and 0 asks for all."""
    api = serve()
    for number in range(120):
        api.server.insert({"type": "webhook-incoming", "name": str(number)})
    assert len(_names(api)) == 50
    assert len(_names(api, count=110)) == 100
    assert len(_names(api, count=0)) == 120
    api.server.page_cap = 7
    assert len(_names(api)) == 7
    page = api("GET", "integrations.list", count=20, offset=115).json
    assert (page["items"], page["count"], page["offset"], page["total"]) == (5, 5, 115, 120)


@pytest.mark.parametrize("query", [{"count": -1}, {"offset": "x"}])
def test_counts_have_to_be_natural_numbers(both: Api, query: dict[str, Any]) -> None:
    """A count or offset that is no natural number is refused."""
    assert both("GET", "integrations.list", **query).status == 400


def test_sorting(both: Api) -> None:
    """Lists are sorted by any fields, also of objects inside, with values of several types in a fixed order."""
    values: list[Any] = ["b", 2, None, True, {"$date": 1}, "a", 1.5, ["x"]]
    for number, value in enumerate(values):
        both.server.insert({"type": "x", "name": str(number), "odd": value, "in": {"side": number % 2}})
    assert _names(both, sort='{"odd": 1}') == ["2", "6", "1", "5", "0", "7", "4", "3"]
    assert _names(both, sort='{"in.side": -1, "name": 1}') == ["1", "3", "5", "7", "0", "2", "4", "6"]
    assert _names(both, sort='{"name.first": 1}') == [str(number) for number in range(8)]


def test_order_by_id_and_no_order(both: Api, incoming: dict[str, Any]) -> None:
    """`_id` gives one order and its reverse; without a sort there is another one."""
    for _ in range(20):
        both.create(incoming)

    def ids(**query: Any) -> list[str]:
        listed = both("GET", "integrations.list", **query).json["integrations"]
        return [integration["_id"] for integration in listed]

    ascending = ids(sort='{"_id": 1}')
    assert ascending == sorted(ascending)
    assert ids(sort='{"_id": -1}') == ascending[::-1]
    assert ids() != ascending
    assert sorted(ids()) == ascending


@pytest.mark.parametrize(
    "sort",
    ["name", "[1]", '{"name": 2}', '{"name": "1"}', '{"name": true}', "1", pytest.param("[" * 20_000, id="deep")],
)
def test_invalid_sorts(both: Api, sort: str) -> None:
    """A sort that is no object with values 1 and -1 is refused."""
    assert both("GET", "integrations.list", sort=sort).error_type == "error-invalid-sort"


def test_filters_are_of_7(api: Api, old: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """On 8.8 `name` matches any part in any case and `type` exactly; 6.14 ignores both."""
    for each in (api, old):
        each.create(incoming, name="Build.1")
        each.create(outgoing, name="build.2")
        each.create(outgoing, name="other")
    assert _names(api, name="BUILD.") == ["Build.1", "build.2"]
    assert _names(api, name="b.ild") == []
    assert _names(api, name="build", type="webhook-outgoing") == ["build.2"]
    assert _names(api, type="webhook-incoming") == ["Build.1"]
    assert _names(old, name="BUILD.", type="webhook-incoming", anything="else") == ["Build.1", "build.2", "other"]


def test_everybody_sees_what_they_may(both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """Own-permissions show one's own, one kind's permission its kind, and odd types are for who may see all."""
    both.create(incoming, name="admin's webhook")
    both.create(outgoing, name="admin's bot")
    both.create(incoming, user="alice", name="alice's webhook")
    both.server.insert({"type": "odd", "name": "odd"})
    both.server.insert({**incoming, "name": "old", "_createdBy": "alice"})
    both.server.add_user("carol", ["manage-outgoing-integrations"])
    assert _names(both, user="alice") == ["alice's webhook"]
    assert _names(both, user="carol") == ["admin's bot"]
    assert len(_names(both)) == 5


def test_get_names_what_is_missing(both: Api, incoming: dict[str, Any]) -> None:
    """An integration is got by who may see it, and by nobody else."""
    integration = both.create(incoming, user="alice")
    assert both("GET", "integrations.get", integrationId=integration["_id"], user="alice").status == 200
    assert both("GET", "integrations.get", integrationId=integration["_id"]).json["integration"]["name"] == "ci"


@pytest.mark.parametrize(
    ("endpoint", "scope", "name", "other", "option"),
    [
        ("channels.getIntegrations", "all_public_channels", "general", "random", "includeAllPublicChannels"),
        ("groups.getIntegrations", "all_private_groups", "secret", "hidden", "includeAllPrivateGroups"),
    ],
)
def test_integrations_of_a_room(
    both: Api, outgoing: dict[str, Any], endpoint: str, scope: str, name: str, other: str, option: str
) -> None:
    """A room's list has what is stored as `#name` and, unless told otherwise, what is for all rooms of its type."""
    both.server.add_room("hidden", "private group")
    room_id = {"general": "GENERAL", "secret": "PRIV0000000000001"}[name]
    for channel in (f"#{name}", scope, f"#{other}", f"#{room_id}", ""):
        both.create(outgoing, name=channel, channel=channel)
    assert _names(both, endpoint, roomName=name) == [f"#{name}", scope]
    assert _names(both, endpoint, roomId=room_id, **{option: "true"}) == [f"#{name}", scope]
    assert _names(both, endpoint, roomId=room_id, **{option: "false"}) == [f"#{name}"]
    answer = both("GET", endpoint, roomName=name)
    assert {**answer.json, "integrations": None} == {
        "integrations": None,
        "count": 2,
        "offset": 0,
        "total": 2,
        "success": True,
    }
    assert _names(both, endpoint, roomName=name, user="alice") == []
    unknown: list[dict[str, Any]] = [{"roomName": "nope"}, {"roomId": name}, {"roomName": room_id}, {"roomId": "nope"}]
    for wrong in unknown:
        assert both("GET", endpoint, **wrong).error_type == "error-room-not-found"


def test_rooms_are_not_taken_for_another_type(both: Api) -> None:
    """A channel is not found among the private groups, nor the other way round."""
    assert both("GET", "groups.getIntegrations", roomName="general").error_type == "error-room-not-found"
    assert both("GET", "channels.getIntegrations", roomName="secret").error_type == "error-room-not-found"


def test_room_lists_are_paged_by_6(old: Api, outgoing: dict[str, Any]) -> None:
    """6.14 takes a page and a sort for a room's integrations, and wants a room."""
    for name in "bca":
        old.create(outgoing, name=name)
    query = {"sort": json.dumps({"name": 1}), "count": 2, "offset": 1, "roomName": "general"}
    assert _names(old, "channels.getIntegrations", **query) == ["b", "c"]
    assert old("GET", "channels.getIntegrations").error_type == "error-roomid-param-not-provided"


def test_room_lists_need_a_permission(both: Api) -> None:
    """Without any permission for integrations, a room's list is refused."""
    assert both("GET", "channels.getIntegrations", roomName="general", user="bob").status == 403


def test_history(both: Api, outgoing: dict[str, Any]) -> None:
    """History is listed in pages; that of an unknown or somebody else's integration is an empty list."""
    integration = both.create(outgoing)
    for second in range(3):
        moment = f"2026-01-01T00:00:0{second}.000Z"
        both.server.insert_history(integration["_id"], {"_id": f"h{second}", "_createdAt": moment})
    newest_first = json.dumps({"_createdAt": -1, "_id": 1})
    page = both("GET", "integrations.history", id=integration["_id"], count=2, sort=newest_first).json
    assert [record["_id"] for record in page["history"]] == ["h2", "h1"]
    assert (page["items"], page["count"], page["offset"], page["total"]) == (2, 2, 0, 3)
    assert page["history"][0]["integration"]["_id"] == integration["_id"]
    assert both("GET", "integrations.history", id="unknown").json["total"] == 0
    assert both("GET", "integrations.history", id=integration["_id"], user="alice").json["total"] == 0


def test_history_needs_an_outgoing_permission(both: Api) -> None:
    """Who may only manage incoming integrations is refused any history."""
    both.server.add_user("carol", ["manage-incoming-integrations", "manage-own-incoming-integrations"])
    assert both("GET", "integrations.history", id="x", user="carol").status == 403


def test_history_is_cleared_and_replayed(api: Api, outgoing: dict[str, Any]) -> None:
    """Only records that exist, of integrations that one may manage, can be replayed and cleared."""
    integration = api.create(outgoing)
    history_id = api.server.insert_history(integration["_id"], {"step": "before"})
    known = {"integrationId": integration["_id"], "historyId": history_id}
    assert api("POST", "integrations.replayOutgoing", known).json == {"success": True}
    answer = api("POST", "integrations.replayOutgoing", {**known, "historyId": "nope"})
    assert answer.error_type == "error-invalid-integration-history"
    for endpoint, body in (("replayOutgoing", known), ("clearHistory", {"integrationId": integration["_id"]})):
        answer = api("POST", f"integrations.{endpoint}", body, user="alice")
        assert answer.error_type == "error-invalid-integration"
        answer = api("POST", f"integrations.{endpoint}", {**body, "integrationId": "nope"})
        assert answer.error_type == "error-invalid-integration"
    body = {"integrationId": integration["_id"]}
    assert api("POST", "integrations.clearHistory", body).json == {"success": True}
    assert api.server.history_documents == ()
    assert api("POST", "integrations.replayOutgoing", known).error_type == "error-invalid-integration-history"


def test_six_has_no_clear_and_replay(old: Api) -> None:
    """6.14 answers the endpoints of 8.7 with its web app."""
    for endpoint in ("integrations.clearHistory", "integrations.replayOutgoing"):
        answer = old("POST", endpoint, {"integrationId": "x", "historyId": "y"})
        assert answer.status == 200
        assert b"<html>" in answer.body


def test_large_lists(api: Api) -> None:
    """Ten thousand integrations can be paged through, and each is seen once."""
    for number in range(10_000):
        api.server.insert({"type": "webhook-incoming", "name": str(number)})
    seen: list[str] = []
    for offset in range(0, 10_000, 100):
        page = api("GET", "integrations.list", count=100, offset=offset, sort='{"_id": 1}').json
        seen += (integration["_id"] for integration in page["integrations"])
    assert seen == sorted(document["_id"] for document in api.server.documents)
