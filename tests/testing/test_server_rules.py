"""What the embedded server checks behind the schema, and what it stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener

_MANAGE_OUTGOING = "manage-outgoing-integrations"


def _refused(api: Api, body: dict[str, Any], *, user: str = "admin", **changes: Any) -> str:
    """The error type that a definition is refused with; the server notes a reason in words."""
    error_type = api("POST", "integrations.create", {**body, **changes}, user=user).error_type
    assert api.server.requests[-1].note
    return error_type


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"channel": "#general,"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "general"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "all_public_channels"}, "error-invalid-channel-start-with-chars"),
        ({"channel": " "}, "error-invalid-channel"),
        ({"channel": ""}, "error-invalid-channel"),
        ({"channel": "#General"}, "error-invalid-room"),
        ({"channel": "# general"}, "error-invalid-room"),
        ({"channel": "@ghost"}, "error-invalid-room"),
        ({"username": "  "}, "error-invalid-username"),
        ({"username": "ghost"}, "error-invalid-user"),
        ({"type": "webhook-incoming!"}, "Invalid integration type."),
    ],
)
def test_incoming_rules(both: Api, incoming: dict[str, Any], changes: dict[str, Any], error_type: str) -> None:
    """An incoming definition that breaks a rule is refused with the server's error type."""
    assert _refused(both, incoming, **changes) == error_type
    assert both.server.documents == ()


@pytest.mark.parametrize(
    ("changes", "error_type"),
    [
        ({"channel": "general"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "All_Public_Channels"}, "error-invalid-channel-start-with-chars"),
        ({"channel": "  "}, "error-invalid-channel"),
        ({"channel": "#nope"}, "error-invalid-room"),
        ({"username": "  "}, "error-invalid-username"),
        ({"username": "ghost"}, "error-invalid-user"),
        ({"event": "nope"}, "error-invalid-event-type"),
        ({"urls": None}, "error-invalid-urls"),
        ({"urls": [" "]}, "error-invalid-urls"),
        ({"event": "userCreated"}, "error-invalid-targetRoom"),
        ({"type": "webhook-outgoing!"}, "Invalid integration type."),
    ],
)
def test_outgoing_rules(both: Api, outgoing: dict[str, Any], changes: dict[str, Any], error_type: str) -> None:
    """An outgoing definition that breaks a rule is refused with the server's error type."""
    assert _refused(both, outgoing, **changes) == error_type
    assert both.server.documents == ()


def test_rooms_and_users_are_found_by_id_too(api: Api, incoming: dict[str, Any]) -> None:
    """A channel may be named by the id of a room or user, and parts are trimmed around commas."""
    stored = api.create(incoming, channel=" #GENERAL , @aliceid0000000001,@bob ")
    assert stored["channel"] == ["#GENERAL", "@aliceid0000000001", "@bob"]


def test_blanks_of_definitions_are_those_of_javascript(
    both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]
) -> None:
    """Parts of channels, users, URLs and words are blank where JavaScript says so."""
    assert both.create(incoming, channel="\ufeff#general\ufeff")["channel"] == ["#general"]
    assert _refused(both, incoming, channel="\ufeff") == "error-invalid-channel"
    assert _refused(both, incoming, channel="\x1c#general") == "error-invalid-channel-start-with-chars"
    assert _refused(both, incoming, username="\ufeff") == "error-invalid-username"
    assert _refused(both, incoming, username="\x1c") == "error-invalid-user"
    stored = both.create(outgoing, channel="#general,\ufeff", urls=["\ufeff", "\x1c"], triggerWords=["\ufeff", "\x85"])
    assert (stored["channel"], stored["urls"], stored["triggerWords"]) == (["#general"], ["\x1c"], ["\x85"])
    assert both.update(stored, token="\ufeff").error_type == "error-invalid-token"
    assert both.update(stored, token="\x1c").status == 200


def test_empty_parts_of_an_outgoing_channel_are_dropped(api: Api, outgoing: dict[str, Any]) -> None:
    """A channel of nothing but commas means every public channel."""
    assert api.create(outgoing, channel="#general,, all_direct_messages,")["channel"] == [
        "#general",
        "all_direct_messages",
    ]
    assert api.create(outgoing, channel=",")["channel"] == []


def test_own_permissions_reach_as_far_as_membership(
    both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]
) -> None:
    """A user with only the own-permissions needs to be in the room, and cannot name users or everything."""
    both.create(incoming, user="alice")
    both.create(outgoing, user="alice", channel="#random,all_public_channels")
    assert _refused(both, incoming, user="alice", channel="#ops") == "error-invalid-channel"
    assert _refused(both, incoming, user="alice", channel="@alice") == "error-invalid-channel"
    assert _refused(both, outgoing, user="alice", channel="#ops") == "error-invalid-channel"
    assert _refused(both, outgoing, user="alice", channel="all_private_groups") == "error-invalid-channel"
    assert _refused(both, outgoing, user="alice", event="roomCreated") == "error-invalid-permissions"


def test_everything_needs_the_managing_permission_alone(api: Api, outgoing: dict[str, Any]) -> None:
    """`all_private_groups` needs only the manage-permission, a room that one is not in needs both."""
    api.server.add_user("carol", [_MANAGE_OUTGOING])
    api.create(outgoing, user="carol", channel="all_private_groups")
    assert _refused(api, outgoing, user="carol", channel="#ops") == "error-invalid-channel"


def test_each_kind_needs_its_own_permission(api: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """A user who may manage one kind is refused the other with a 400 that means permission."""
    api.server.add_user("carol", [_MANAGE_OUTGOING])
    api.server.add_user("dave", ["manage-incoming-integrations"])
    assert _refused(api, incoming, user="carol") == "not_authorized"
    assert _refused(api, outgoing, user="dave") == "not_authorized"


def test_retry_fields_are_settled(both: Api, outgoing: dict[str, Any]) -> None:
    """With retries on, counts are cut to positive integers and delays lower-cased; off, nothing changes."""
    stored = both.create(outgoing, retryFailedCalls=True, retryCount=2.9, retryDelay="Powers-Of-Two")
    assert (stored["retryCount"], stored["retryDelay"]) == (2, "powers-of-two")
    stored = both.create(outgoing, retryFailedCalls=True, retryCount=0.5)
    assert (stored["retryCount"], stored["retryDelay"]) == (4, "powers-of-ten")
    stored = both.create(outgoing, retryFailedCalls=False, retryCount=-2.5, retryDelay="X")
    assert (stored["retryCount"], stored["retryDelay"]) == (-2.5, "X")


def test_trigger_words_are_stored_only_for_messages(api: Api, outgoing: dict[str, Any]) -> None:
    """Blank words are dropped, and all of them for an event without words."""
    assert api.create(outgoing, triggerWords=["a", " ", " b"])["triggerWords"] == ["a", " b"]
    assert "triggerWords" not in api.create(outgoing, event="roomJoined", triggerWords=["a"])


def test_blank_urls_are_dropped(api: Api, outgoing: dict[str, Any]) -> None:
    """Blank URLs among others are dropped; anything else is a URL."""
    assert api.create(outgoing, urls=[" ", "not a url "])["urls"] == ["not a url "]


@pytest.mark.parametrize(
    "script",
    [
        "class Script {}",
        "\n// a comment with { \n/* and\n } */ class Script { f() { return '}' + `{` + \"{\" } }",
    ],
)
def test_scripts_that_compile(api: Api, incoming: dict[str, Any], script: str) -> None:
    """A class named Script with balanced braces counts as compiled; braces in texts and comments do not count."""
    stored = api.create(incoming, scriptEnabled=True, script=script)
    assert stored["scriptCompiled"]
    assert "scriptError" not in stored


@pytest.mark.parametrize("script", ["class {", "class Script {", "class Script }{", "class Script", "let x = 1"])
def test_scripts_that_do_not_compile(both: Api, outgoing: dict[str, Any], script: str) -> None:
    """A script that does not compile is answered with 200 all the same, and an error to read."""
    stored = both.create(outgoing, scriptEnabled=True, script=script)
    assert set(stored["scriptError"]) == {"name", "message", "stack"}
    assert "scriptCompiled" not in stored


def test_scripts_that_are_off_or_blank_are_not_compiled(api: Api, incoming: dict[str, Any]) -> None:
    """Only enabled scripts that are not blank are looked at."""
    off = api.create(incoming, script="class Script {}")
    blank = api.create(incoming, scriptEnabled=True, script=" ")
    for stored in (off, blank):
        assert {"scriptCompiled", "scriptError"}.isdisjoint(stored)


def test_create_answers_as_the_version_does(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """`_updatedAt` is missing from the answer to create before 8.x, and in the stored integration on both."""
    assert "_updatedAt" in api.create(incoming)
    created = old.create(incoming)
    assert "_updatedAt" not in created
    assert "_updatedAt" in old.stored(created)


def test_null_means_the_default(api: Api, incoming: dict[str, Any]) -> None:
    """Null for what the server has a default for becomes the default; a value, even an odd one, stays."""
    stored = api.create(incoming, overrideDestinationChannelEnabled=None, scriptEngine=None, skipTranspile=None)
    assert stored["overrideDestinationChannelEnabled"] is False
    assert stored["scriptEngine"] == "isolated-vm"
    assert stored["skipTranspile"] is False
    assert api.create(incoming, scriptEngine="vm2")["scriptEngine"] == "vm2"


def test_frozen_scripts_are_refused_or_ignored(
    serve: Opener, incoming: dict[str, Any], outgoing: dict[str, Any]
) -> None:
    """A server with frozen scripts refuses to create with one, and silently keeps the old one on update."""
    api = serve()
    script = "class Script { old() {} }"
    kept = [api.create(body, scriptEnabled=True, script=script) for body in (incoming, outgoing)]
    api.server.frozen_scripts = True
    assert _refused(api, incoming, script="class Script {}") == "integration-scripts-disabled"
    assert _refused(api, outgoing, script="class Script {}") == "integration-scripts-disabled"
    api.create(incoming, script="  ")
    for integration in kept:
        answer = api.update(integration, name="renamed", script="class Script { new() {} }")
        assert answer.status == 200
        assert answer.json["integration"]["name"] == "renamed"
        assert answer.json["integration"]["script"] == script
        assert answer.json["integration"]["scriptEnabled"] is True
        assert answer.json["integration"]["scriptCompiled"]


def test_no_two_writes_share_a_timestamp(api: Api, incoming: dict[str, Any]) -> None:
    """`_updatedAt` tells any two writes apart, however fast they follow each other."""
    integration = api.create(incoming)
    times = [api.update(integration).json["integration"]["_updatedAt"] for _ in range(5)]
    assert times == sorted(set(times))
    assert integration["_updatedAt"] < times[0]
