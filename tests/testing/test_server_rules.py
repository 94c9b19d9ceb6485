"""Rules behind the schema: what a new integration is refused for, and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener

_MANAGE_OUTGOING = "manage-outgoing-integrations"


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"channel": "#general,"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "all_public_channels"}, "error-invalid-channel-start-with-chars"),
        ({"channel": " "}, "error-invalid-channel"),
        ({"channel": "#General"}, "error-invalid-room"),
        ({"channel": "@ghost"}, "error-invalid-room"),
        ({"username": "  "}, "error-invalid-username"),
        ({"username": "ghost"}, "error-invalid-user"),
        ({"type": "webhook-incoming!"}, "Invalid integration type."),
    ],
)
def test_incoming_rules(api: Api, changes: dict[str, Any], error_type: str) -> None:
    """An incoming definition that breaks a rule is refused with the server's error type."""
    assert api.refused(INCOMING, **changes) == error_type
    assert api.server.documents == ()


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"channel": "general"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "  "}, "error-invalid-channel"),
        ({"channel": "#nope"}, "error-invalid-room"),
        ({"username": "  "}, "error-invalid-username"),
        ({"username": "ghost"}, "error-invalid-user"),
        ({"event": "nope"}, "error-invalid-event-type"),
        # Recorded of 8.x: the server looks the event up in a JavaScript object.
        ({"event": "toString"}, "Cannot read properties of undefined (reading 'targetRoom')"),
        ({"event": "__proto__", "username": " "}, "error-invalid-username"),
        ({"urls": None}, "error-invalid-urls"),
        ({"urls": [" "]}, "error-invalid-urls"),
        ({"event": "userCreated"}, "error-invalid-targetRoom"),
    ],
)
def test_outgoing_rules(api: Api, changes: dict[str, Any], error_type: str) -> None:
    """An outgoing definition that breaks a rule is refused with the server's error type."""
    assert api.refused(OUTGOING, **changes) == error_type
    assert api.server.documents == ()


def test_channels_are_trimmed_and_found_by_id_too(api: Api) -> None:
    """A channel may be the id of a room or user; an outgoing one may have empty parts, or only such."""
    stored = api.create(channel=" #GENERAL , @aliceid0000000001,@bob ")
    assert stored["channel"] == ["#GENERAL", "@aliceid0000000001", "@bob"]
    scoped = api.create(OUTGOING, channel="#general,, all_direct_messages,")
    assert scoped["channel"] == ["#general", "all_direct_messages"]
    assert api.create(OUTGOING, channel=",")["channel"] == []


def test_white_space_is_that_of_javascript(api: Api) -> None:
    """Channels, users, URLs, words and tokens are trimmed or blank where JavaScript says so."""
    assert api.create(channel="\ufeff#general\ufeff")["channel"] == ["#general"]
    assert api.refused(INCOMING, channel="\ufeff") == "error-invalid-channel"
    assert api.refused(INCOMING, channel="\x1c#general") == "error-invalid-channel-start-with-chars"
    assert api.refused(INCOMING, username="\ufeff") == "error-invalid-username"
    assert api.refused(INCOMING, username="\x1c") == "error-invalid-user"
    stored = api.create(OUTGOING, channel="#general,\ufeff", urls=["\ufeff", "\x1c"], triggerWords=["\ufeff", "\x85"])
    assert (stored["channel"], stored["urls"], stored["triggerWords"]) == (["#general"], ["\x1c"], ["\x85"])
    assert api.update(stored, token="\ufeff").error_type == "error-invalid-token"
    assert api.update(stored, token="\x1c").status == 200


def test_own_permissions_need_membership(api: Api) -> None:
    """A user with only the own-permissions must be in the room, and cannot name users or all rooms of a type."""
    api.create(user="alice")
    api.create(OUTGOING, user="alice", channel="#random,all_public_channels")
    for channel in ("#ops", "@alice"):
        assert api.refused(INCOMING, user="alice", channel=channel) == "error-invalid-channel"
    for channel in ("#ops", "all_private_groups"):
        assert api.refused(OUTGOING, user="alice", channel=channel) == "error-invalid-channel"
    assert api.refused(OUTGOING, user="alice", event="roomCreated") == "error-invalid-permissions"


def test_each_type_needs_its_own_permission(api: Api) -> None:
    """The manage-permission of one type covers `all_private_groups` of that type, but no room of others."""
    api.server.add_user("carol", [_MANAGE_OUTGOING])
    api.server.add_user("dave", ["manage-incoming-integrations"])
    assert "not_authorized" in api("POST", "integrations.create", INCOMING, user="carol").forbidden
    assert "not_authorized" in api("POST", "integrations.create", OUTGOING, user="dave").forbidden
    api.create(OUTGOING, user="carol", channel="all_private_groups")
    assert api.refused(OUTGOING, user="carol", channel="#ops") == "error-invalid-channel"


@pytest.mark.parametrize(
    ("retries", "stored"),
    [
        ((True, 2.9, "Powers-Of-Two"), (2, "powers-of-two")),
        ((True, 0.5, None), (4, "powers-of-ten")),
        ((False, -2.5, "X"), (-2.5, "X")),
    ],
)
def test_retries_are_normalized(api: Api, retries: tuple[bool, float, str | None], stored: tuple[float, str]) -> None:
    """With retries on, counts become positive integers and delays lower case; off, nothing changes."""
    enabled, count, delay = retries
    document = api.create(OUTGOING, retryFailedCalls=enabled, retryCount=count, retryDelay=delay)
    assert (document["retryCount"], document["retryDelay"]) == stored


def test_blank_words_and_urls_are_dropped(api: Api) -> None:
    """All words are dropped for an event without words; any text that is not blank is a URL."""
    stored = api.create(OUTGOING, triggerWords=["a", " ", " b"], urls=[" ", "not a url "])
    assert (stored["triggerWords"], stored["urls"]) == (["a", " b"], ["not a url "])
    assert "triggerWords" not in api.create(OUTGOING, event="roomJoined", triggerWords=["a"])


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ("class Script {}", {"scriptCompiled"}),
        (
            "\n// a comment with { \n/* and\n } */ class Script { f() { return '}' + `{` + \"{\" } }",
            {"scriptCompiled"},
        ),
        ("class {", {"scriptError"}),
        ("class Script {", {"scriptError"}),
        ("class Script }{", {"scriptError"}),
        ("class Script", {"scriptError"}),
        (" ", set[str]()),
    ],
)
@pytest.mark.parametrize("scripts", [True, False])
def test_scripts_are_compiled(serve: Opener, script: str, outcome: set[str], scripts: bool) -> None:
    """A class named Script compiles; braces in texts and comments do not count where only braces are checked."""
    api = serve(scripts=scripts)
    stored = api.create(OUTGOING, scriptEnabled=True, script=script)
    assert {"scriptCompiled", "scriptError"} & stored.keys() == outcome
    if "scriptError" in outcome:
        assert set(stored["scriptError"]) == {"name", "message", "stack"}
    assert not {"scriptCompiled", "scriptError"} & api.create(script=script).keys()  # not enabled


def test_null_means_the_default(api: Api) -> None:
    """Null becomes the server's default; any other value stays."""
    stored = api.create(overrideDestinationChannelEnabled=None, scriptEngine=None)
    assert stored["overrideDestinationChannelEnabled"] is False
    assert stored["scriptEngine"] == "isolated-vm"
    assert api.create(scriptEngine="vm2")["scriptEngine"] == "vm2"


@pytest.mark.parametrize("body", [INCOMING, OUTGOING])
def test_frozen_scripts_are_refused_or_ignored(both: Api, body: dict[str, Any]) -> None:
    """With frozen scripts, a new integration cannot have one; changes are refused by 8.x (read) and ignored by 6.14."""
    script = "class Script { old() {} }"
    integration = both.create(body, scriptEnabled=True, script=script)
    both.server.frozen_scripts = True
    assert both.refused(body, script="class Script {}") == "integration-scripts-disabled"
    both.create(body, script="  ")
    changes: list[dict[str, Any]] = [{"script": f" {script}\n"}, {"script": ""}]
    changed: list[dict[str, Any]] = [{"script": "class Script {}"}, {"script": script, "scriptEngine": "vm2"}]
    if both("GET", "/api/info").json["version"] == "9.0":
        for change in changed:
            assert both.update(integration, **change).error_type == "integration-scripts-disabled"
    else:
        changes += changed
    for change in changes:
        stored = both.updated(integration, name="renamed", scriptEnabled=False, **change)
        assert (stored["name"], stored["script"], stored["scriptEnabled"]) == ("renamed", script, True)
        assert (stored["scriptCompiled"], stored["scriptEngine"]) == (script, "isolated-vm")


def test_impersonation(serve: Opener) -> None:
    """From 8.6 on, an incoming integration's user may `message-impersonate` (read, and the incumbent's e2e tests)."""
    lacks = "error-user-lacks-message-impersonate-permission"
    api, before, off = serve(version="8.6"), serve(version="8.5"), serve(requires_impersonation=False)
    for username in ("admin", "alice", "bob"):
        assert api.refused(INCOMING, username=username) == lacks
        assert before.create(username=username)["username"] == username
        assert off.post(off.create(username=username), {"text": "x"}).status == 200
    off.server.requires_impersonation = True
    assert off.server.requires_impersonation
    assert off.refused(INCOMING, username="bob") == lacks
    assert api.refused(INCOMING, username="bob", channel="#nope") == lacks
    webhook = api.create()
    assert api.update(webhook, username="bob").error_type == lacks
    assert api.update(api.create(OUTGOING, username="bob"), username="bob").status == 200
    document = {**INCOMING, "channel": ["#general"], "username": "bob", "userId": "bobid000000000001", "token": "t"}
    lost = {**document, "_id": api.server.insert(document)}
    without_username = {name: value for name, value in INCOMING.items() if name != "username"}
    body = {**without_username, "integrationId": lost["_id"]}
    assert api("PUT", "integrations.update", body).error_type == lacks


def test_a_scope_in_capitals(both: Api) -> None:
    """It passes the check of the first character, and is then refused as a room (recorded, 6.14 and 8.x)."""
    assert both.refused(OUTGOING, channel="ALL_PUBLIC_CHANNELS") == "error-invalid-room"
    assert both.refused(OUTGOING, channel="Aall_public_channels") == "error-invalid-channel-start-with-chars"


def test_null_in_new_integrations(api: Api, old: Api) -> None:
    """8.x stores no null (recorded); 6.14 does. Null for `runOnEdits` is false."""
    nothing: dict[str, Any] = dict.fromkeys(("alias", "script", "token", "retryCount"))
    assert not nothing.keys() & api.create(OUTGOING, **nothing).keys()
    assert nothing.keys() <= old.create(OUTGOING, **nothing).keys()
    assert api.create(OUTGOING, runOnEdits=None)["runOnEdits"] is False


def test_no_two_writes_share_a_timestamp(serve: Opener) -> None:
    """`_updatedAt` differs between any two writes; timestamps follow the server's clock, and never go back."""
    api = serve()
    integration = api.create()
    times = [integration["_updatedAt"], *(api.updated(integration)["_updatedAt"] for _ in range(5))]
    assert times == sorted(set(times))
    api.server.clock_skew = 10 * 366 * 86400.0
    future = api.create()["_createdAt"]
    assert int(future[:4]) - int(times[0][:4]) in (10, 11)
    api.server.clock_skew = 0.0
    assert api.create()["_createdAt"] > future
