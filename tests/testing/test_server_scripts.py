"""Scripts of integrations on the embedded server."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from rocketchat_integrations import Client, IncomingIntegration
from rocketchat_integrations.exceptions import ConfigurationError, RocketChatError
from rocketchat_integrations.scripts import ScriptResponse, _engine, ready_made_script
from rocketchat_integrations.testing import LocalRocketChat
from tests.testing.conftest import OUTGOING, is_down, says

if TYPE_CHECKING:
    from tests.testing.conftest import Answer, Api, Bot, Opener

_FIRING = Path(__file__).parent.parent / "scripts" / "payloads" / "alertmanager" / "firing.json"
_RUNNING = "error-running-script"
_LOGGER = "rocketchat_integrations.testing"


def _incoming(code: str) -> str:
    return f"class Script {{ process_incoming_request({{ request }}) {{ {code} }} }}"


def _prepare(code: str) -> str:
    return f"class Script {{ prepare_outgoing_request({{ request }}) {{ {code} }} }}"


def _process(code: str) -> str:
    return f"class Script {{ process_outgoing_response({{ request, response }}) {{ {code} }} }}"


def _post(api: Api, code: str, body: Any = None, **settings: Any) -> Answer:
    """Post to a new webhook with a script."""
    return api.post(api.create(scriptEnabled=True, script=_incoming(code), **settings), body or {"text": "x"})


def _texts(api: Api) -> list[str]:
    return [message.text for message in api.server.messages]


# Through the client


def test_an_alert_is_posted() -> None:
    """A payload of Alertmanager becomes the message of the ready-made script."""
    with LocalRocketChat() as server, Client(server.url, server.auth("admin")) as client:
        source = ready_made_script("alertmanager").source
        hook = client.create(
            IncomingIntegration("alerts", channel="#general", username="rocket.cat", script=source, script_enabled=True)
        )
        client.webhook(hook).post(json.loads(_FIRING.read_text(encoding="utf-8"))["content"])
        (message,) = server.messages
    assert "DiskAlmostFull" in json.dumps(message.document)


def test_a_script_that_does_not_compile_has_an_error() -> None:
    """`script_error` has V8's words."""
    with LocalRocketChat() as server, Client(server.url, server.auth("admin")) as client:
        hook = client.create(
            IncomingIntegration("a", channel="#ops", username="rocket.cat", script="class {", script_enabled=True)
        )
        assert hook.script_error is not None
        assert (hook.script_error.name, hook.script_error.message) == ("SyntaxError", "Unexpected token '{'")


@pytest.mark.parametrize(("version", "error"), [("6.14", None), ("8.8", None), ("9.0", _RUNNING)])
def test_a_name_that_leaks_breaks_on_9(version: str, error: str | None) -> None:
    """A script that assigns to an undeclared name posts its message up to 8.x, and fails on 9.0."""
    script = _incoming("text = request.content.text; return { content: { text } }")
    with LocalRocketChat(version=version) as server, Client(server.url, server.auth("admin")) as client:
        hook = client.create(
            IncomingIntegration("a", channel="#ops", username="rocket.cat", script=script, script_enabled=True)
        )
        try:
            client.webhook(hook).post("hello")
            found = None
        except RocketChatError as refused:
            found = str(refused)
        assert [message.text for message in server.messages] == ([] if error else ["hello"])
    assert (found is None) is (error is None)
    assert error is None or error in str(found)


# Incoming


def test_the_request_that_a_script_gets(both: Api) -> None:
    """It has the parts of the URL, the body as value and text, the headers in lower case, and the user."""
    webhook = both.create(scriptEnabled=True, script=_incoming("return { content: { text: JSON.stringify(request) } }"))
    path = f"/hooks/{webhook['_id']}/{webhook['userId']}/{webhook['token']}"
    answer = both("POST", path, [1], user=None, headers={"X-Sender": "a"}, b="c d")
    assert answer.json == {"success": True}
    request = json.loads(both.server.messages[0].text)
    assert request.pop("headers").items() >= {"x-sender": "a", "content-type": "application/json"}.items()
    url = f"{path}?b=c+d"
    assert request == {
        "url": {"hash": "", "search": "?b=c+d", "query": {"b": "c d"}, "pathname": path, "path": url},
        "url_raw": url,
        "url_params": {"integrationId": webhook["_id"], "userId": "rocket.cat", "token": webhook["token"]},
        "content": [1],
        "content_raw": "[1]",
        "body": [1],
        "user": {"_id": "rocket.cat", "name": "rocket.cat", "username": "rocket.cat"},
    }


@pytest.mark.parametrize(
    ("code", "status", "answer", "texts"),
    [
        ("return { content: { text: 'a' } }", 200, {"success": True}, ["a"]),
        ("return { content: { text: 'a' }, response: { b: 1 } }", 200, {"b": 1, "success": True}, ["a"]),
        ("return { content: { text: 'a' }, response: 'b' }", 200, "b", ["a"]),
        ("return { content: {} }", 200, {"success": True}, [""]),
        ("return { content: ['a'] }", 200, {"success": True}, [""]),
        ("return { error: { success: true, message: 'b' } }", 400, {"success": False, "message": "b"}, []),
        ("return { error: 'b' }", 400, {"success": False, "error": "b"}, []),
        ("", 200, {"success": True}, []),
        ("return false", 200, {"success": True}, []),
        ("throw new Error('b')", 400, {"success": False, "error": _RUNNING}, []),
    ],
)
def test_what_the_result_of_a_script_does(both: Api, code: str, status: int, answer: Any, texts: list[str]) -> None:
    """A script posts its message, answers, refuses, or does nothing."""
    got = _post(both, code)
    assert (got.status, got.json, _texts(both)) == (status, answer, texts)


def test_a_result_without_content(api: Api, old: Api) -> None:
    """It fails on 8.x (recorded), and does nothing on 6.14."""
    for code in ("return {}", "return 'a'", "return { content: 'a' }"):
        assert _post(api, code).error_type == _RUNNING
        assert api.server.requests[-1].note
    assert _post(old, "return {}").json == {"success": True}
    assert api.server.messages == old.server.messages == ()


def test_a_webhook_without_the_method_says_nothing(both: Api) -> None:
    """A script without the method posts nothing, like one whose method returns nothing."""
    webhook = both.create(scriptEnabled=True, script=_prepare(""))
    assert both.post(webhook, {"text": "x"}).json == {"success": True}
    assert both.server.messages == ()


def test_a_script_that_does_not_load(both: Api) -> None:
    """Every post fails while the script throws as it is loaded."""
    webhook = both.create(scriptEnabled=True, script="throw new Error('a');\nclass Script {}")
    for _ in range(2):
        assert both.post(webhook, {"text": "x"}).error_type == "error-evaluating-script"
    assert both.updated(webhook, scriptEnabled=False, script=None)
    assert both.post(webhook, {"text": "x"}).status == 200


def test_getting_the_address_runs_the_script(both: Api) -> None:
    """GET has an empty object as content."""
    code = "return { content: { text: JSON.stringify(request.content) + request.url.query.a } }"
    webhook = both.create(scriptEnabled=True, script=_incoming(code))
    assert both("GET", f"/hooks/{webhook['_id']}/{webhook['token']}", user=None, a="b").status == 200
    assert _texts(both) == ["{}b"]


def test_rules_for_messages_apply(api: Api) -> None:
    """A channel needs the override; the wish for separate responses may come from the sender or the script."""
    code = "return { content: { text: 'a', channel: ['#ops', '#nope'] } }"
    assert "overriding" in _post(api, code).error_type
    body = {"text": "x", "separateResponse": True}
    assert len(_post(api, code, body, overrideDestinationChannelEnabled=True).json["responses"]) == 2
    assert _post(api, code, overrideDestinationChannelEnabled=True).error_type == "invalid-channel"


def test_before_9_scripts_are_transpiled(serve: Opener) -> None:
    """A comment at the end, and a class without semicolon, are fine with Babel. `skipTranspile` turns it off."""
    script = "var Script = " + _incoming("a = 1; return { content: { text: 'a' } }") + " // the end"
    api, strict = serve(version="8.8"), serve()
    assert api.post(api.create(scriptEnabled=True, script=script), {"text": "x"}).status == 200
    assert "scriptError" in strict.create(scriptEnabled=True, script=script)
    assert "scriptError" in api.create(scriptEnabled=True, script=script, skipTranspile=True)
    assert _post(api, "a = 1", skipTranspile=True).error_type == _RUNNING


_COUNTING = _incoming("const n = (Store.get('n') || 0) + 1; Store.set('n', n); return { content: { text: `${n}` } }")


def test_what_a_script_stores_is_kept_until_the_integration_changes(api: Api) -> None:
    """An update or a reset makes a new context; other integrations have their own."""
    webhook, other = (api.create(scriptEnabled=True, script=_COUNTING) for _ in range(2))
    for each in (webhook, webhook, other):
        api.post(each, {})
    api.updated(webhook, scriptEnabled=True, script=_COUNTING, name="renamed")
    api.post(webhook, {})
    assert _texts(api) == ["1", "2", "1", "1"]
    stored = api.stored(other)
    api.server.reset()
    api.server.insert(stored)
    api.post(other, {})
    assert _texts(api) == ["1"]


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The engines that are closed."""
    engines: list[object] = []
    close = _engine.Engine.close

    def noted(engine: _engine.Engine) -> None:
        engines.append(engine)
        close(engine)

    monkeypatch.setattr(_engine.Engine, "close", noted)
    return engines


def test_engines_are_closed(api: Api, closed: list[object]) -> None:
    """That of a changed or removed integration is, and all are when the server stops."""
    webhook, removed = (api.create(scriptEnabled=True, script=_COUNTING) for _ in range(2))
    for each in (webhook, removed):
        api.post(each, {})
    api.remove(removed)
    assert len(closed) == 1
    api.updated(webhook, scriptEnabled=True, script=_COUNTING)
    api.post(webhook, {})
    assert len(closed) == 2
    api.server.stop()
    assert len(set(closed)) == 3


# fetch, and the lock


def test_fetch_gives_what_the_test_says(serve: Opener) -> None:
    """Responses come from `script_fetch`; other URLs are refused with a clear error, and nothing goes out."""
    code = "return fetch('https://a.example/').then((it) => it.text(), String).then((text) => ({ content: { text } }))"
    response = ScriptResponse(text="hello")

    def fetched(*_: Any) -> ScriptResponse:
        return response

    for fetch in ({"https://a.example/": response}, fetched, None):
        api = serve(script_fetch=fetch)
        assert _post(api, code).status == 200
        (text,) = _texts(api)
        assert text == ("hello" if fetch else f"TypeError: {_refusal('https://a.example/')}")


def _refusal(url: str) -> str:
    return f"no response for {url}: give the server one with script_fetch="


def test_other_requests_are_answered_while_a_script_runs(serve: Opener, closed: list[object]) -> None:
    """The script's integration can even be removed meanwhile; its engine is closed after the call."""

    def answer(url: str, _: Mapping[str, Any]) -> ScriptResponse:
        assert api.remove(webhook).status == 200
        assert closed == []
        return ScriptResponse(text=url)

    api = serve(script_fetch=answer)
    code = "return fetch('a').then((it) => it.text()).then((text) => ({ content: { text } }))"
    webhook = api.create(scriptEnabled=True, script=_incoming(code))
    assert api.post(webhook, {}).status == 200
    assert _texts(api) == ["a"]
    assert len(closed) == 1


# The log


def test_the_log_has_what_a_script_writes(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    """The console and failures go to the log of the server, which has no token of the webhook."""
    caplog.set_level(logging.DEBUG, _LOGGER)
    script = "console.log('loaded'); " + _incoming("console.debug('a', 1); throw new Error()")
    webhook = api.create(scriptEnabled=True, script=script)
    assert api.post(webhook, {}).error_type == _RUNNING
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert ("INFO", "script of 'ci': console.log: loaded") in lines
    assert ("DEBUG", "script of 'ci': console.debug: a 1") in lines
    assert any(text.startswith("script of 'ci': process_incoming_request, line 1: Error") for _, text in lines)
    assert webhook["token"] not in caplog.text


# Without the extra


def test_without_the_extra(serve: Opener, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The body is the message, and the log says once what to install; with `scripts=True` the server says so."""
    monkeypatch.setitem(cast("dict[str, Any]", sys.modules), "py_mini_racer", None)
    _engine._checker.cache_clear()
    api = serve()
    for _ in range(2):
        assert _post(api, "return { content: { text: 'a' } }").status == 200
    assert _texts(api) == ["x", "x"]
    (warning,) = [record.getMessage() for record in caplog.records if record.name == _LOGGER]
    assert "rocketchat-integrations[scripts]" in warning
    with pytest.raises(ConfigurationError, match=r"rocketchat-integrations\[scripts\]"):
        LocalRocketChat(scripts=True)
    caplog.clear()
    off = serve(scripts=False)
    assert _post(off, "").status == 200
    assert caplog.records == []


def test_scripts_can_be_turned_off(serve: Opener) -> None:
    """With `scripts=False`, the body is the message."""
    api = serve(scripts=False)
    _post(api, "return { content: { text: 'a' } }")
    assert _texts(api) == ["x"]


# Outgoing


def _call(api: Api, bot: Bot, script: str, **changes: Any) -> dict[str, Any]:
    """Say something that a bot with a script is called for, and return the record of the last call."""
    integration = api.create_for(bot, triggerWords=["ping"], scriptEnabled=True, script=script, **changes)
    api.server.say("alice", "general", "ping")
    return api.history(integration)[0]


def test_a_script_changes_the_request(both: Api, bot: Bot) -> None:
    """URL, method, headers, data and credentials are those that it returns; the time is a `Date`."""
    script = _prepare(
        "const { data } = request; return { url: request.url + '?a', method: 'put', headers: { 'X-A': 1, 'X-B': null },"
        " auth: 'user:secret', data: { text: data.text, is_date: data.timestamp instanceof Date } }"
    )
    record = _call(both, bot, script)
    assert (bot.methods, bot.targets, bot.calls) == (["PUT"], ["/hook?a"], [{"text": "ping", "is_date": True}])
    (headers,) = bot.headers
    assert (headers["X-A"], headers["X-B"], headers["Content-Type"]) == ("1", "null", "application/json")
    assert headers["Authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert (record["url"], record["httpCallData"]) == (f"{bot.url}?a", bot.calls[0])
    assert (record["ranPrepareScript"], record["step"]) == (True, "after-http-call")


def test_data_may_be_text_or_missing(api: Api, bot: Bot) -> None:
    """Text is sent as it is. Without data, there is no body and no content type, and the headers may be missing."""
    record = _call(api, bot, _prepare("return { ...request, data: '{\"a\":1}' }"))
    assert (bot.calls, record["httpCallData"]) == ([{"a": 1}], '{"a":1}')
    api.server.reset()
    record = _call(api, bot, _prepare("return { url: request.url, method: 'GET' }"))
    assert bot.methods[-1] == "GET"
    assert not {"Content-Type", "Content-Length"} & bot.headers[-1].keys()
    assert "httpCallData" not in record
    api.server.reset()
    record = _call(api, bot, _prepare("return { ...request, method: 'GET' }"))
    assert record["httpError"] == {"name": "TypeError", "message": "Request with GET/HEAD method cannot have body"}


def test_a_script_posts_before_the_call(api: Api, bot: Bot) -> None:
    """Its `message` is posted as the integration's user, or with `impersonateUser` as the author (read, 8.x)."""
    script = _prepare("return { ...request, message: { text: 'calling' } }")
    for author, changes in (("rocket.cat", {}), ("alice", {"impersonateUser": True})):
        api.server.reset()
        record = _call(api, bot, script, **changes)
        assert [(message.user, message.text) for message in api.server.messages[1:]] == [(author, "calling")]
        assert record["prepareSentMessage"][0]["message"]["msg"] == "calling"
        assert record["step"] == "after-http-call"
    assert len(bot.calls) == 2


_FAILED = {"step": "after-prepare-no-opts", "finished": True, "error": True, "ranPrepareScript": True}
_NO_URL = "after-prepare-no-url_or_method"


@pytest.mark.parametrize(
    ("code", "expected", "posted"),
    [
        ("", {"step": "after-prepare-no-opts", "finished": True}, 0),
        ("return 'a'", {"step": _NO_URL, "finished": True}, 0),
        ("return { ...request, method: '' }", {"step": _NO_URL, "finished": True}, 0),
        ("return { message: { text: 'a' } }", {"step": _NO_URL, "finished": True}, 1),
        ("throw new TypeError('b')", _FAILED, 0),
        ("return { ...request, message: { text: 'a', channel: '#nope' } }", {"step": "after-maybe-ran-prepare"}, 0),
        ("return { ...request, message: true }", {"step": "after-maybe-ran-prepare"}, 0),
        ("return { ...request, auth: 'a' }", {"step": "after-maybe-ran-prepare"}, 0),
        ("return { ...request, auth: 'a:b', headers: null }", {"step": "after-maybe-ran-prepare"}, 0),
        ("return { ...request, headers: null }", {"step": "pre-http-call"}, 0),
    ],
)
def test_scripts_that_prevent_the_call(api: Api, bot: Bot, code: str, expected: dict[str, Any], posted: int) -> None:
    """The history has the server's steps; the stack of an error is indented."""
    record = _call(api, bot, _prepare(code))
    assert record.items() >= expected.items()
    assert ("finished" in record, "error" in record) == ("finished" in expected, "error" in expected)
    assert bot.calls == []
    assert len(api.server.messages) == 1 + posted
    stack = record.get("errorStack", "  TypeError: b\n    at")
    assert stack.startswith("  TypeError: b\n      at") or "errorStack" not in record


def test_without_a_user_to_post_as(api: Api, bot: Bot) -> None:
    """A message of a script is not posted, and before the call this prevents it (read)."""
    for script, step, calls in (
        (_prepare("return { ...request, message: { text: 'a' } }"), "after-prepare-send-message-failed", 0),
        (_process("return { content: { text: 'a' } }"), "after-process-send-message-failed", 1),
    ):
        document = {**OUTGOING, "channel": [], "urls": [bot.url], "username": "carol", "scriptEnabled": True}
        unknown = api.server.insert({**document, "scriptCompiled": script, "token": None})
        api.server.say("alice", "general", "ping")
        (record,) = api.history({"_id": unknown})
        assert (record["step"], record["finished"], len(bot.calls)) == (step, True, calls)
        api.server.reset()


_BEFORE = "execute-script-before-running-process_outgoing_response"
_SENT = {"step": "after-process-send-message", "finished": True}


@pytest.mark.parametrize(
    ("code", "reply", "expected", "texts"),
    [
        ("return { content: { text: response.content } }", says("a"), _SENT, ["a"]),
        ("return { content: { text: `${response.status_code}` } }", says("a", 410), _SENT, ["410"]),
        ("return { content: { text: response.headers['content-type'] } }", says("a"), _SENT, ["application/json"]),
        ("return { content: { text: request.method + request.data.text } }", says("a"), _SENT, ["POSTping"]),
        ("return { content: [] }", says("a"), _SENT, [""]),
        ("return false", says('{"text": "a"}'), {"step": "after-process-false-result", "finished": True}, []),
        ("", says("{}"), {"step": _BEFORE}, []),
        ("return true", says('{"text": "a"}'), {"step": "url-response-sent-message", "finished": True}, ["a"]),
        ("", says("a", 500), {"step": "after-process-http-status-500", "error": True}, []),
        (
            "throw new Error('b')",
            says("{}"),
            {"step": "execute-script-error-running-process_outgoing_response", "error": True},
            [],
        ),
        (
            "return { content: 'b' }",
            says("{}"),
            {
                "step": "after-http-call",
                "httpError": {"name": "TypeError", "message": "Cannot create property 'bot' on string 'b'"},
            },
            [],
        ),
    ],
)
def test_scripts_that_process_the_reply(
    api: Api, bot: Bot, code: str, reply: Any, expected: dict[str, Any], texts: list[str]
) -> None:
    """They post, or suppress the reply, or leave it to the server."""
    bot.reply = lambda _: reply
    record = _call(api, bot, _process(code))
    assert _texts(api)[1:] == texts
    assert record.items() >= expected.items()
    sent = [each["message"]["msg"] for each in record.get("processSentMessage", [])]
    assert sent == (texts if expected is _SENT else [])
    assert record.get("errorStack", "  Error: b\n").startswith("  Error: b\n")
    assert ("errorStack" in record) is code.startswith("throw")


def test_a_reply_that_may_not_be_posted_on_6(old: Api, bot: Bot) -> None:
    """The history says why."""
    record = _call(old, bot, _process("return { content: 5 }"))
    assert (record["step"], record["httpError"]) == ("after-http-call", {"message": "a message must be an object"})


def test_an_outgoing_script_that_does_not_load(api: Api, bot: Bot) -> None:
    """The call is made as without a script."""
    bot.reply = lambda _: says('{"text": "pong"}')
    record = _call(api, bot, "throw new Error('a');\nclass Script {}")
    assert (record["step"], record["url"], _texts(api)) == ("url-response-sent-message", bot.url, ["ping", "pong"])


def test_a_script_runs_again_before_a_retry(api: Api, bot: Bot) -> None:
    """What the script stored is still there."""
    bot.reply = is_down
    code = "const n = (Store.get('n') || 0) + 1; Store.set('n', n); return { ...request, data: { n } }"
    _call(api, bot, _prepare(code), retryFailedCalls=True, retryCount=1, retryDelay="powers-of-ten")
    assert bot.calls == [{"n": 1}, {"n": 2}]


def test_a_server_that_stops_while_a_script_runs(serve: Opener, bot: Bot) -> None:
    """Nothing that follows from the script is stored, and no call is made."""

    def answer(*_: Any) -> ScriptResponse:
        api.server.stop()
        return ScriptResponse()

    api = serve(script_fetch=answer)
    code = "return fetch('a').then(() => ({ ...request, message: { text: 'a' } }))"
    api.create_for(bot, scriptEnabled=True, script=_prepare(code))
    api.server.say("alice", "general", "ping")
    (record,) = api.server.history_documents
    assert (record["step"], bot.calls, _texts(api)) == ("mapped-args-to-data", [], ["ping"])


def test_payloads_without_a_time(api: Api, bot: Bot) -> None:
    """A script gets the payload of a room event as it is, and may replace a time by anything."""
    script = (
        "class Script { prepare_outgoing_request({ request }) { request.data.timestamp = 5; return request }"
        " process_outgoing_response({ request }) { return { content: { text: `${request.data.timestamp}` } } } }"
    )
    _call(api, bot, script)
    assert _texts(api) == ["ping", "5"]
    api.create_for(bot, event="roomCreated", scriptEnabled=True, script=_prepare("return request"))
    api.server.create_room("alice", "new")
    assert bot.calls[-1] == {"token": "t", "bot": False}
