"""Updates and removals on the embedded server: everything that can get lost does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.testing.conftest import Api

_SCRIPT = "class Script {}"


def _updated(api: Api, integration: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer = api.update(integration, **changes)
    assert answer.status == 200, answer
    stored: dict[str, Any] = answer.json["integration"]
    assert stored == api.stored(integration)
    return stored


def test_outgoing_update_without_the_script_stops_it(both: Api, outgoing: dict[str, Any]) -> None:
    """The integration still shows its script and no longer runs it."""
    integration = both.create(outgoing, token="t", scriptEnabled=True, script=_SCRIPT)
    stored = _updated(both, integration, scriptEnabled=True)
    assert stored["script"] == _SCRIPT
    assert "scriptCompiled" not in stored
    assert "scriptCompiled" in _updated(both, integration, scriptEnabled=True, script=_SCRIPT)


def test_broken_and_repaired_outgoing_script(api: Api, outgoing: dict[str, Any]) -> None:
    """The error of a script replaces its compiled form, and the other way round."""
    integration = api.create(outgoing, scriptEnabled=True, script=_SCRIPT)
    broken = _updated(api, integration, scriptEnabled=True, script="class {")
    assert "scriptError" in broken
    assert "scriptCompiled" not in broken
    repaired = _updated(api, integration, scriptEnabled=True, script=_SCRIPT)
    assert "scriptError" not in repaired
    assert "scriptCompiled" in repaired


def test_compiled_incoming_scripts_survive(both: Api, incoming: dict[str, Any]) -> None:
    """Null as script keeps the compiled one, also while scripts are off."""
    integration = both.create(incoming, scriptEnabled=True, script=_SCRIPT)
    for script_enabled in (True, False, True):
        stored = _updated(both, integration, script=None, scriptEnabled=script_enabled)
        assert stored["script"] is None
        assert stored["scriptCompiled"]


def test_refused_incoming_update_may_have_put_a_script_to_work(both: Api, incoming: dict[str, Any]) -> None:
    """An update that is refused for its channel has compiled the new script already."""
    integration = both.create(incoming)
    answer = both.update(integration, channel="#nope", scriptEnabled=True, script=_SCRIPT)
    assert answer.error_type == "error-invalid-room"
    stored = both.stored(integration)
    assert stored["scriptCompiled"]
    assert stored["scriptEnabled"] is False


def test_username_of_incoming_is_ignored_by_6(api: Api, old: Api, incoming: dict[str, Any]) -> None:
    """8.8 lets somebody else post, 6.14 says yes and does not."""
    assert _updated(old, old.create(incoming), username="bob")["userId"] == "rocket.cat"
    stored = _updated(api, api.create(incoming), username="bob")
    assert (stored["username"], stored["userId"]) == ("bob", "bobid000000000001")


def test_username_of_outgoing_is_applied(both: Api, outgoing: dict[str, Any]) -> None:
    """An outgoing integration that is given another user posts as that user from then on."""
    stored = _updated(both, both.create(outgoing), username="bob")
    assert (stored["username"], stored["userId"]) == ("bob", "bobid000000000001")
    both.post(stored, {"text": "x"})
    assert [message.user for message in both.server.messages] == ["bob"]


@pytest.mark.parametrize("username", ["ghost", None])
def test_unknown_poster_is_refused_by_8(api: Api, incoming: dict[str, Any], username: str | None) -> None:
    """On update, a user that does not exist is an error of its own."""
    integration = api.create(incoming)
    assert api.update(integration, username=username).error_type == "error-invalid-post-as-user"


def test_unknown_poster_of_outgoing(api: Api, old: Api, outgoing: dict[str, Any]) -> None:
    """On update of an outgoing integration, both dialects look for the user."""
    assert api.update(api.create(outgoing), username="ghost").error_type == "error-invalid-post-as-user"
    assert old.update(old.create(outgoing), username="ghost").error_type == "error-invalid-user"


@pytest.mark.parametrize("token", [None, "", " "])
def test_outgoing_update_needs_a_token(both: Api, outgoing: dict[str, Any], token: str | None) -> None:
    """An integration made without a token can only be updated by giving it one."""
    integration = both.create(outgoing)
    assert "token" not in integration
    assert both.update(integration, token=token).error_type == "error-invalid-token"
    assert _updated(both, integration, token="new")["token"] == "new"


def test_trigger_words_survive_a_change_of_event(both: Api, outgoing: dict[str, Any]) -> None:
    """Words are cleared by an empty array while the event is sendMessage, and never by null or afterwards."""
    integration = both.create(outgoing, triggerWords=["!a"])
    assert _updated(both, integration, triggerWords=None)["triggerWords"] == ["!a"]
    changed = _updated(both, integration, event="roomCreated", triggerWords=[])
    assert changed["triggerWords"] == ["!a"]
    assert changed["channel"] == []
    assert _updated(both, integration, triggerWords=[])["triggerWords"] == []


def test_null_retries(both: Api, outgoing: dict[str, Any]) -> None:
    """Null for the count stops retries that are on, unless the same body turns them on."""
    integration = both.create(outgoing, retryFailedCalls=True)
    assert _updated(both, integration, retryCount=None, runOnEdits=None)["retryCount"] is None
    assert both.stored(integration)["runOnEdits"] is False
    assert _updated(both, integration, retryCount=None, retryFailedCalls=True)["retryCount"] == 4


def test_skip_transpile_is_reset(api: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """Leaving `skipTranspile` out of an update sets it to false."""
    for body in (incoming, outgoing):
        integration = api.create(body, skipTranspile=True)
        assert _updated(api, integration, skipTranspile=True)["skipTranspile"] is True
        assert _updated(api, integration)["skipTranspile"] is False


def test_an_update_of_the_wrong_type_is_carried_out(
    both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]
) -> None:
    """An outgoing body overwrites an incoming integration's token, so that its address dies, and vice versa."""
    webhook = both.create(incoming)
    answer = both("PUT", "integrations.update", {**outgoing, "integrationId": webhook["_id"], "token": "new"})
    assert answer.status == 200
    stored = both.stored(webhook)
    assert stored["type"] == "webhook-incoming"
    assert stored["token"] == "new"
    assert stored["event"] == "sendMessage"
    assert "integrationId" not in stored
    bot = both.create(outgoing, name="bot")
    assert both("PUT", "integrations.update", {**incoming, "integrationId": bot["_id"]}).status == 200
    assert both.stored(bot)["name"] == "ci"


def test_a_url_beats_an_id(both: Api, outgoing: dict[str, Any]) -> None:
    """With `target_url` the first match is changed, whatever the id says; the answer looks for it again."""
    first = both.create(outgoing, token="t", urls=["https://first.example"])
    second = both.create(outgoing, token="t")
    answer = both.update(second, target_url="https://first.example", urls=["https://first.example"], name="found")
    assert answer.json["integration"]["_id"] == first["_id"]
    answer = both.update(second, target_url="https://first.example", urls=["https://moved.example"])
    assert answer.status == 200
    assert answer.json["integration"] is None
    assert both.stored(first)["urls"] == ["https://moved.example"]
    assert both.stored(second)["urls"] == outgoing["urls"]


def test_somebody_elses_integrations_are_not_found(
    both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]
) -> None:
    """With the own-permissions, integrations of others cannot be changed or removed, and one's own can."""
    webhook, bot = both.create(incoming), both.create(outgoing)
    assert both.update(webhook, user="alice").error_type == "error-invalid-integration"
    assert both.update(bot, user="alice").error_type == "invalid_integration"
    for integration in (webhook, bot):
        body = {"type": integration["type"], "integrationId": integration["_id"]}
        answer = both("POST", "integrations.remove", body, user="alice")
        assert answer.error_type == "error-invalid-integration"
        own = both.create(incoming if integration is webhook else outgoing, user="alice")
        assert both.update(own, user="alice").status == 200
        body["integrationId"] = own["_id"]
        assert both("POST", "integrations.remove", body, user="alice").status == 200
    assert len(both.server.documents) == 2


def test_without_permission_nothing_changes(both: Api, incoming: dict[str, Any], outgoing: dict[str, Any]) -> None:
    """Who may manage one kind only is refused the other kind."""
    webhook, bot = both.create(incoming), both.create(outgoing)
    both.server.add_user("carol", ["manage-outgoing-integrations", "manage-own-outgoing-integrations"])
    both.server.add_user("dave", ["manage-incoming-integrations", "manage-own-incoming-integrations"])
    for integration, user in ((webhook, "carol"), (bot, "dave")):
        assert both.update(integration, user=user).error_type == "not_authorized"
        body = {"type": integration["type"], "integrationId": integration["_id"]}
        assert both("POST", "integrations.remove", body, user=user).error_type == "not_authorized"


def test_made_up_types(both: Api, incoming: dict[str, Any]) -> None:
    """A type that only contains a real one passes the schema and is refused later."""
    integration = both.create(incoming)
    assert both.update(integration, type="webhook-incoming!").error_type == "Invalid integration type."
    body = {"type": "webhook-incoming!", "integrationId": integration["_id"]}
    assert both("POST", "integrations.remove", body).error_type == "Invalid integration type."


def test_removing_with_the_wrong_type_removes(both: Api, outgoing: dict[str, Any]) -> None:
    """The wrong type removes all the same, and leaves the history behind; the right one takes it along."""
    wrong, right = both.create(outgoing), both.create(outgoing)
    for integration, kind in ((wrong, "webhook-incoming"), (right, "webhook-outgoing")):
        both.server.insert_history(integration["_id"], {"step": "x"})
        body = {"type": kind, "integrationId": integration["_id"]}
        assert both("POST", "integrations.remove", body).json["integration"]["_id"] == integration["_id"]
    assert both.server.documents == ()
    assert [record["integration"]["_id"] for record in both.server.history_documents] == [wrong["_id"]]


def test_old_data_can_be_updated(both: Api, outgoing: dict[str, Any]) -> None:
    """A document with an odd event and without a creator is there to be found, changed and removed."""
    identifier = both.server.insert({**outgoing, "channel": [], "event": "odd", "_createdBy": None, "relic": 1})
    integration = {"_id": identifier, "type": "webhook-outgoing"}
    stored = _updated(both, integration)
    assert stored["event"] == "sendMessage"
    assert stored["relic"] == 1
    assert both("GET", "integrations.get", integrationId=identifier, user="alice").error_type == "not-authorized"
