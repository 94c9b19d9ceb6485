"""Updates and removals: whatever can get lost on the real server gets lost on the embedded one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.testing.conftest import INCOMING, OUTGOING

if TYPE_CHECKING:
    from tests.testing.conftest import Api, Opener

_SCRIPT = "class Script {}"


def test_scripts_of_outgoing_integrations(api: Api, old: Api) -> None:
    """An update without the script loses it on 8.x (recorded), and stops it on 6.14; an error replaces the script."""
    running = old.create(OUTGOING, token="t", scriptEnabled=True, script=_SCRIPT)
    stopped = old.updated(running, scriptEnabled=True)
    assert stopped["script"] == _SCRIPT
    assert "scriptCompiled" not in stopped
    integration = api.create(OUTGOING, token="t", scriptEnabled=True, script=_SCRIPT)
    stopped = api.updated(integration, scriptEnabled=True)
    assert (stopped["script"], stopped["scriptError"]) == (None, None)
    assert "scriptCompiled" not in stopped
    for script, outcome in ((_SCRIPT, "scriptCompiled"), ("class {", "scriptError"), (_SCRIPT, "scriptCompiled")):
        stored = api.updated(integration, scriptEnabled=True, script=script)
        assert {"scriptCompiled", "scriptError"} & stored.keys() == {outcome}


def test_scripts_of_incoming_integrations(api: Api) -> None:
    """Null as script keeps the compiled one, also while scripts are off; an error replaces it."""
    integration = api.create(scriptEnabled=True, script=_SCRIPT)
    for script_enabled in (True, False, True):
        stored = api.updated(integration, script=None, scriptEnabled=script_enabled)
        assert stored["script"] is None
        assert stored["scriptCompiled"]
    broken = api.updated(integration, scriptEnabled=True, script="class {")
    assert {"scriptCompiled", "scriptError"} & broken.keys() == {"scriptError"}


def test_a_refused_incoming_update_may_have_replaced_the_script(api: Api) -> None:
    """An update that is refused for its channel has compiled the new script already."""
    integration = api.create()
    answer = api.update(integration, channel="#nope", scriptEnabled=True, script=_SCRIPT)
    assert answer.error_type == "error-invalid-room"
    stored = api.stored(integration)
    assert stored["scriptCompiled"]
    assert stored["scriptEnabled"] is False


def test_username(api: Api, old: Api) -> None:
    """Both types post as the new user; 6.14 silently ignores the change for incoming integrations."""
    api.server.add_user("poster", ["message-impersonate"])
    poster = api.server.auth("poster").user_id
    assert api.updated(api.create(), username="poster")["userId"] == poster
    for each, body, user_id in (
        (api, OUTGOING, "bobid000000000001"),
        (old, OUTGOING, "bobid000000000001"),
        (old, INCOMING, "rocket.cat"),
    ):
        assert each.updated(each.create(body), username="bob")["userId"] == user_id
    stored = api.updated(api.create(OUTGOING), username="bob")
    assert api.post(stored, {"text": "x"}).error_type == "error-user-lacks-message-impersonate-permission"
    stored = api.updated(stored, username="poster")
    api.post(stored, {"text": "x"})
    assert [message.user for message in api.server.messages] == ["poster"]


def test_unknown_users(api: Api, old: Api) -> None:
    """The error type for an unknown user is another one than for new integrations, if the type is incoming."""
    for username in ("ghost", None):
        assert api.update(api.create(), username=username).error_type == "error-invalid-post-as-user"
    for each in (api, old):
        assert each.update(each.create(OUTGOING), username="ghost").error_type == "error-invalid-user"


@pytest.mark.parametrize("token", [None, "", " "])
def test_an_outgoing_update_needs_a_token(api: Api, token: str | None) -> None:
    """An integration without a token can only be updated by giving it one."""
    integration = api.create(OUTGOING)
    assert "token" not in integration
    assert api.update(integration, token=token).error_type == "error-invalid-token"
    assert api.updated(integration, token="new")["token"] == "new"


def test_trigger_words_survive_a_change_of_event_on_6(api: Api, old: Api) -> None:
    """On 6.14, words are cleared by an empty array for `sendMessage`, and never by null or for another event."""
    integration = old.create(OUTGOING, triggerWords=["!a"])
    assert old.updated(integration, triggerWords=None)["triggerWords"] == ["!a"]
    changed = old.updated(integration, event="roomCreated", triggerWords=[])
    assert (changed["triggerWords"], changed["channel"]) == (["!a"], [])
    assert old.updated(integration, triggerWords=[])["triggerWords"] == []
    # As recorded of 8.x.
    integration = api.create(OUTGOING, triggerWords=["!a"])
    assert api.updated(integration, event="roomCreated", triggerWords=["!a"])["triggerWords"] is None


def test_an_outgoing_update_clears_what_it_leaves_out_on_8(api: Api) -> None:
    """All optional fields become null; an incoming integration keeps what is left out (recorded, 8.x)."""
    looks: dict[str, Any] = {"alias": "A", "avatar": "https://a.example/x.png", "emoji": ":a:", "script": _SCRIPT}
    calls: dict[str, Any] = {
        "targetRoom": "#random",
        "impersonateUser": True,
        "runOnEdits": True,
        "triggerWordAnywhere": True,
    }
    retries: dict[str, Any] = {"retryFailedCalls": True, "retryCount": 2, "retryDelay": "powers-of-two"}
    bot = api.updated(api.create(OUTGOING, **looks, **calls, **retries))
    assert {bot[name] for name in (*looks, *calls, *retries, "triggerWords", "scriptError")} == {None}
    webhook = api.updated(api.create(INCOMING, **looks, overrideDestinationChannelEnabled=True))
    assert webhook.items() >= {**looks, "overrideDestinationChannelEnabled": True}.items()


def test_the_engine(api: Api) -> None:
    """An empty engine, which null becomes, is stored for an outgoing integration alone (8.x; recorded, and read)."""
    assert api.updated(api.create(OUTGOING), scriptEngine=None)["scriptEngine"] == ""
    assert api.updated(api.create(), scriptEngine=None)["scriptEngine"] == "isolated-vm"


def test_null_in_updates(api: Api) -> None:
    """Null as retry count stays null unless retries are on in the same body; null for `runOnEdits` is false."""
    integration = api.create(OUTGOING, retryFailedCalls=True)
    stored = api.updated(integration, retryCount=None, runOnEdits=None)
    assert (stored["retryCount"], stored["runOnEdits"]) == (None, False)
    assert api.updated(integration, retryCount=None, retryFailedCalls=True)["retryCount"] == 4


@pytest.mark.parametrize("body", [INCOMING, OUTGOING], ids=["incoming", "outgoing"])
@pytest.mark.parametrize("settings", [{"version": "8.8"}, {"skip_transpile": "stored"}], ids=["8.8", "9.0"])
def test_skip_transpile_is_reset(serve: Opener, settings: dict[str, Any], body: dict[str, Any]) -> None:
    """An update without `skipTranspile` sets it to false, on 8.4 to 8.8, and on 9.0 if it stores the field."""
    api = serve(**settings)
    assert api.create(body)["skipTranspile"] is api.create(body, skipTranspile=None)["skipTranspile"] is False
    integration = api.create(body, skipTranspile=True)
    assert integration["skipTranspile"] is True
    assert api.updated(integration, skipTranspile=True)["skipTranspile"] is True
    assert api.updated(integration)["skipTranspile"] is False


@pytest.mark.parametrize("body", [INCOMING, OUTGOING], ids=["incoming", "outgoing"])
@pytest.mark.parametrize("frozen_scripts", [False, True])
def test_skip_transpile_is_not_in_new_records_of_9(serve: Opener, body: dict[str, Any], frozen_scripts: bool) -> None:
    """9.0 refuses or ignores it (assumed); the update of an incoming integration takes any property."""
    refusing, ignoring = serve(), serve(skip_transpile="ignored", frozen_scripts=frozen_scripts)
    assert refusing.refused(body, skipTranspile=False) == "invalid-params"
    integration = refusing.create(body)
    answer = refusing.update(integration, skipTranspile=True)
    assert answer.status == (200 if body is INCOMING else 400)
    assert "skipTranspile" not in refusing.updated(integration)
    ignored = ignoring.create(body, skipTranspile=True)
    assert "skipTranspile" not in ignored.keys() | ignoring.updated(ignored, skipTranspile=True).keys()
    held = {"_id": ignoring.server.insert({**ignored, "_id": "held", "skipTranspile": True}), "type": body["type"]}
    assert ignoring.updated(held)["skipTranspile"] is True


def test_an_update_of_the_wrong_type_is_applied(api: Api) -> None:
    """An outgoing body overwrites an incoming integration's token, so that its address is lost, and vice versa."""
    webhook, bot = api.create(), api.create(OUTGOING, name="bot")
    api.updated({**webhook, "type": "webhook-outgoing"}, token="new")
    stored = api.stored(webhook)
    assert (stored["type"], stored["token"], stored["event"]) == ("webhook-incoming", "new", "sendMessage")
    assert "integrationId" not in stored
    assert api.updated({**bot, "type": "webhook-incoming"})["name"] == "ci"


def test_a_url_has_priority_over_an_id(both: Api) -> None:
    """With `target_url`, its first match is changed and answered, whatever the id is (recorded, 6.14 and 8.x)."""
    first = both.create(OUTGOING, token="t", urls=["https://first.example"])
    second = both.create(OUTGOING, token="t")
    answer = both.update(second, target_url="https://first.example", urls=["https://moved.example"])
    assert answer.json["integration"] == both.stored(first)
    assert both.stored(first)["urls"] == ["https://moved.example"]
    assert both.stored(second)["urls"] == OUTGOING["urls"]
    body = {**OUTGOING, "token": "t", "name": "found", "target_url": "https://moved.example"}
    assert both("PUT", "integrations.update", body).json["integration"]["_id"] == first["_id"]


def test_integrations_of_other_users(api: Api) -> None:
    """With the own-permissions, a user can change and remove only the user's own integrations."""
    webhook, bot = api.create(), api.create(OUTGOING)
    assert api.update(webhook, user="alice").error_type == "error-invalid-integration"
    assert api.update(bot, user="alice").error_type == "invalid_integration"
    for integration, body in ((webhook, INCOMING), (bot, OUTGOING)):
        assert api.remove(integration, user="alice").error_type == "error-invalid-integration"
        own = api.create(body, user="alice")
        assert api.update(own, user="alice").status == 200
        assert api.remove(own, user="alice").status == 200
    assert api.server.documents == (webhook, bot)


def test_each_type_needs_its_permission(api: Api) -> None:
    """A user who may manage one type cannot change or remove the other."""
    api.server.add_user("carol", ["manage-outgoing-integrations", "manage-own-outgoing-integrations"])
    api.server.add_user("dave", ["manage-incoming-integrations", "manage-own-incoming-integrations"])
    for integration, user in ((api.create(), "carol"), (api.create(OUTGOING), "dave")):
        assert "not_authorized" in api.update(integration, user=user).forbidden
        assert "not_authorized" in api.remove(integration, user=user).forbidden


def test_a_type_with_something_added_is_refused(api: Api) -> None:
    """It passes the schema, which looks for the name alone."""
    integration = api.create()
    assert api.update(integration, type="webhook-incoming!").error_type == "Invalid integration type."
    assert api.remove(integration, type="webhook-outgoing!").error_type == "Invalid integration type."


def test_removing_with_the_wrong_type(api: Api) -> None:
    """It removes the integration, but not its history; with the right type, the history goes too."""
    wrong, right = api.create(OUTGOING), api.create(OUTGOING)
    for integration, kind in ((wrong, "webhook-incoming"), (right, "webhook-outgoing")):
        api.server.insert_history(integration["_id"], {"step": "x"})
        assert api.remove(integration, type=kind).json["integration"]["_id"] == integration["_id"]
        assert api.remove(integration, type=kind).error_type == "No integration found."
    assert api.server.documents == ()
    assert [record["integration"]["_id"] for record in api.server.history_documents] == [wrong["_id"]]


def test_old_data_can_be_updated(api: Api) -> None:
    """A document with an odd event and without a creator can be changed, and keeps its unknown fields."""
    identifier = api.server.insert({**OUTGOING, "channel": [], "event": "odd", "_createdBy": None, "relic": 1})
    stored = api.updated({"_id": identifier, "type": "webhook-outgoing"})
    assert (stored["event"], stored["relic"]) == ("sendMessage", 1)
