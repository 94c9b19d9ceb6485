"""`Script`: what an integration does with a request, by its script."""

from __future__ import annotations

import pickle
import traceback
from pathlib import Path
from typing import Any

import pytest

from rocketchat_integrations import (
    Action,
    Attachment,
    AttachmentField,
    ConfigurationError,
    IntegrationScriptError,
    Message,
    ScriptLimitError,
    ScriptRuntimeError,
    ScriptSyntaxError,
)
from rocketchat_integrations.scripts import LogLine, Script, ScriptRequest, ScriptResponse


def load(source: str, **options: Any) -> Script:
    """Load a script into this process, which is faster."""
    return Script(source, own_process=False, **options)


def incoming(body: str, **options: Any) -> Script:
    return load(f"class Script {{ async process_incoming_request({{ request }}) {{ {body} }} }}", **options)


def prepare(body: str) -> Script:
    return load(f"class Script {{ prepare_outgoing_request({{ request }}) {{ {body} }} }}")


def response(body: str) -> Script:
    return load(f"class Script {{ process_outgoing_response({{ request, response }}) {{ {body} }} }}")


def test_an_incoming_request_becomes_a_message(tmp_path: Path) -> None:
    path = tmp_path / "alerts.js"
    path.write_text(
        "\ufeffclass Script { process_incoming_request({ request }) {"
        " console.log('seen'); return { content: { text: `is ${request.content.status}` }, response: { ok: 1 } }; } }",
        encoding="utf-8",
    )
    with Script.load(path) as script:
        assert script.functions == ("process_incoming_request",)
        assert repr(script) == "Script(functions=('process_incoming_request',))"
        result = script.process_incoming_request({"status": "firing"})
    assert result.message == Message("is firing")
    assert (result.response, result.error, result.logs) == ({"ok": 1}, None, (LogLine("log", "seen"),))
    with pytest.raises(ConfigurationError, match="closed"):
        script.process_incoming_request({})


def test_a_script_may_refuse_a_request_or_do_nothing() -> None:
    refused = incoming("return { error: { success: false, message: 'no' } };").process_incoming_request({})
    assert (refused.message, refused.error) == (None, {"success": False, "message": "no"})
    for script in (incoming("return;"), incoming("return 0;"), response("")):
        result = script.process_incoming_request({})
        assert (result.message, result.error, result.response) == (None, None, None)


@pytest.mark.parametrize("value", ["{}", "'text'", "{ content: 'text' }"])
def test_a_result_without_content_is_an_error_as_on_the_server(value: str) -> None:
    with pytest.raises(ScriptRuntimeError, match="the result has no content"):
        incoming(f"return {value};").process_incoming_request({})


def test_the_request_has_what_the_servers_has() -> None:
    script = incoming("return { content: { customFields: request } };")
    result = script.process_incoming_request(
        {"a": "é"}, headers={"X-Kind": "test"}, query={"q": "a b"}, user={"_id": "u1", "name": "U", "username": "u"}
    )
    assert result.content is not None
    assert result.content["customFields"] == {
        "url": {
            "hash": "",
            "search": "?q=a+b",
            "query": {"q": "a b"},
            "pathname": "/hooks/INTEGRATION/TOKEN",
            "path": "/hooks/INTEGRATION/TOKEN?q=a+b",
        },
        "url_raw": "/hooks/INTEGRATION/TOKEN?q=a+b",
        "url_params": {"integrationId": "INTEGRATION", "token": "TOKEN"},
        "content": {"a": "é"},
        "content_raw": '{"a":"é"}',
        "headers": {"content-type": "application/json", "host": "localhost:3000", "x-kind": "test"},
        "body": {"a": "é"},
        "user": {"_id": "u1", "name": "U", "username": "u"},
    }


@pytest.mark.parametrize(
    ("content", "value", "raw"),
    [
        ([1], [1], "[1]"),
        ('{"a": 1}', {"a": 1}, '{"a": 1}'),
        (b"[2]", [2], "[2]"),
        (Message("hi", emoji=":a:"), {"text": "hi", "emoji": ":a:"}, '{"text":"hi","emoji":":a:"}'),
    ],
)
def test_the_content_may_be_a_value_text_or_a_message(content: Any, value: Any, raw: str) -> None:
    script = incoming(
        "return { content: { customFields: { c: request.content, r: request.content_raw, u: request.user } } };"
    )
    result = script.process_incoming_request(content, user="alice")
    user = {"_id": "alice", "name": "alice", "username": "alice"}
    assert result.message is not None
    assert result.message.custom_fields == {"c": value, "r": raw, "u": user}


@pytest.mark.parametrize(("content", "problem"), [("{", "text must be JSON"), ({"a": {1}}, "must be valid as JSON")])
def test_content_that_is_no_json_is_refused(content: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        incoming("").process_incoming_request(content)


def test_the_message_is_read_as_the_server_reads_a_webhook() -> None:
    content: dict[str, Any] = {
        "msg": 5,
        "roomId": ["#a", 7],
        "alias": "loses",
        "username": "wins",
        "avatar": "loses",
        "icon_url": "https://example.com/a.png",
        "emoji": ":loses:",
        "icon_emoji": ":wins:",
        "parseUrls": False,
        "groupable": "yes",
        "tmid": "t1",
        "attachments": [
            {"msg": "text", "title": 1, "ts": True, "collapsed": True, "unknown": 1, "author_name": {}},
            "no object",
            {
                "text": "b",
                "fields": [{"title": "T", "value": 1.5, "short": True}, {}, 3],
                "actions": [
                    {"type": "button", "text": "Yes", "msg": "!yes", "msg_in_chat_window": True},
                    {"text": "Hidden", "msg": "!x"},
                    {"text": "Log", "url": "https://example.com", "msg": "loses"},
                    {"text": "Nothing"},
                    5,
                ],
            },
        ],
    }
    result = incoming("return { content: request.content };").process_incoming_request(content)
    cells = [AttachmentField("T", "1.5", short=True), AttachmentField("", "")]
    assert result.message == Message(
        "5",
        channel=("#a", "7"),
        alias="wins",
        avatar="https://example.com/a.png",
        emoji=":wins:",
        parse_urls=False,
        tmid="t1",
        attachments=[
            Attachment(text="text", title="1", ts="true", collapsed=True),
            Attachment(
                text="b",
                fields=cells,
                actions=[
                    Action("Yes", msg="!yes"),
                    Action("Hidden", msg="!x", msg_in_chat_window=False),
                    Action("Log", url="https://example.com", msg_in_chat_window=False),
                ],
            ),
        ],
    )
    assert result.content == content
    assert incoming("return { content: { channel: [] } };").process_incoming_request({}).message == Message()


def test_fetch_is_answered_by_url_or_by_a_function() -> None:
    body = "const r = await fetch(request.content); return { content: { text: `${r.status} ${await r.text()}` } };"
    answers = {"https://example.com/": ScriptResponse(status=404, text="gone")}

    def answer(url: str, options: Any) -> ScriptResponse:
        return answers[url]

    for fetch in (answers, answer):
        result = incoming(body, fetch=fetch).process_incoming_request('"https://example.com/"')
        assert result.message == Message("404 gone")
    with pytest.raises(ScriptRuntimeError) as caught:
        incoming(body, fetch=answers).process_incoming_request('"https://example.com/other"')
    assert "https://example.com/other" in caught.value.message


PAYLOAD = {"token": "t", "timestamp": "2026-01-02T03:04:05.678Z", "text": "hi"}


def test_an_outgoing_call_can_be_changed_and_announced() -> None:
    script = prepare("""
        return { url: `${request.url}/x`, method: 'PUT', headers: { a: 'b' }, auth: 'u:p',
            data: { year: request.data.timestamp.getFullYear(), agent: 'User-Agent' in request.headers },
            message: { text: 'calling' } };
    """)
    result = script.prepare_outgoing_request(PAYLOAD, url="https://bot.example.com")
    assert result.message == Message("calling")
    assert result.request == ScriptRequest(
        url="https://bot.example.com/x",
        method="PUT",
        headers={"a": "b"},
        auth="u:p",
        data={"year": 2026, "agent": True},
    )


def test_an_outgoing_call_can_be_given_up() -> None:
    for body in ("return;", "return { url: '', method: 'POST' };", "return { url: 'https://example.com' };"):
        assert prepare(body).prepare_outgoing_request({"timestamp": "no time"}).request is None
        assert prepare(body).prepare_outgoing_request({"timestamp": 1}).request is None


def test_an_outgoing_call_is_made_as_it_is_without_the_method() -> None:
    request = incoming("").prepare_outgoing_request(PAYLOAD, url="https://bot.example.com").request
    assert request is not None
    assert (request.url, request.method, request.data) == ("https://bot.example.com", "POST", PAYLOAD)


def test_a_reply_can_become_another_message() -> None:
    script = response("""
        const { status_code, content, content_raw, headers, error } = response;
        const parts = [request.url, status_code, content === content_raw, content, headers.a, error];
        return { content: { text: parts.join() } };
    """)
    result = script.process_outgoing_response(ScriptRequest(url="https://a"), 200, {"text": "x"}, {"A": "b"})
    assert result.message == Message('https://a,200,true,{"text":"x"},b,')
    assert not result.suppressed
    suppressed = response("return false;").process_outgoing_response({"url": "https://a"}, 200, "text")
    assert (suppressed.message, suppressed.suppressed) == (None, True)
    nothing = incoming("").process_outgoing_response({}, 200, "text")
    assert (nothing.message, nothing.suppressed) == (None, False)


def test_problems_tells_what_breaks_and_what_leaked() -> None:
    source = "class Script { process_incoming_request({ request }) { if (request.content) found = 1; } }"
    with load(source) as script:
        assert [(each.line, each.column) for each in script.problems()] == [(1, source.index("found") + 1)]
    # With `eval`, only running tells.
    with load(source.replace("found = 1", "\n eval('found = 1')"), strict=False) as script:
        assert script.problems() == ()
        assert script.process_incoming_request({"a": 1}).leaked == ("found",)
        script.process_incoming_request({"a": 1})
        (problem,) = script.problems()
    assert (problem.line, problem.column) == (2, 8)
    assert "`found`" in problem.message
    with load(source, strict=False) as script:
        script.process_incoming_request({"a": 1})
        assert len(script.problems()) == 1


def test_a_script_without_the_class_is_refused() -> None:
    with pytest.raises(ScriptRuntimeError, match="defines no class Script"):
        Script("const other = 1;")


def test_a_source_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="source: must be text, not bytes"):
        Script(b"class Script {}")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    path = tmp_path / "latin.js"
    path.write_bytes("class Script { é() {} }".encode("latin-1"))
    with pytest.raises(ConfigurationError, match="must be UTF-8"):
        Script.load(path)


SECRET = "xoxbSECRET"
LEAKING = {
    "an error with it": f"class Script {{ process_incoming_request() {{ throw new Error('{SECRET}'); }} }}",
    "an error's name": f"const e = Error(1); e.name = '{SECRET}Error'; class Script {{ constructor() {{ throw e; }} }}",
    "a field of undefined": f"class Script {{ constructor() {{ undefined['{SECRET}']; }} }}",
    "an undeclared name": f"const t = '{SECRET}'; class Script {{ constructor() {{ eval(t); }} }}",
    "a function": f"class Script {{ process_incoming_request() {{ ({{}})['{SECRET}'](); }} }}",
    "broken JSON": f"class Script {{ constructor() {{ JSON.parse('{SECRET}'); }} }}",
    "an open text": f"const t = {SECRET}';",
    "two words": f"const t = a {SECRET};",
    "a regular expression": f"const t = /{SECRET}(/;",
    "a name declared twice": f"let {SECRET}; let {SECRET};",
    "a token without quotes": f"class Script {{ process_incoming_request() {{ return {SECRET}0123456789; }} }}",
    "a promise": f"class Script {{ async process_incoming_request() {{ await new Promise((_) => '{SECRET}'); }} }}",
    "a result": f"class Script {{ process_incoming_request() {{ return {{ ['{SECRET}']: () => 1 }}; }} }}",
    "a URL": f"class Script {{ process_incoming_request() {{ return fetch('https://{SECRET}'); }} }}",
}


@pytest.mark.parametrize("source", LEAKING.values(), ids=LEAKING)
def test_no_error_shows_a_secret_of_the_script(source: str) -> None:
    with pytest.raises(IntegrationScriptError) as caught:
        load(source).process_incoming_request({})
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    inner = [line for line in shown.format() if "test_script.py" not in line]
    assert SECRET not in repr(error) + str(error) + "".join(inner)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_no_repr_shows_a_secret_of_the_script() -> None:
    with incoming(f"console.log('{SECRET}'); return {{ content: {{ text: 'a' }}, response: '{SECRET}' }};") as script:
        result = script.process_incoming_request({})
    shown = repr(result) + repr(result.logs) + repr(script) + repr(vars(script)["_engine"])
    assert SECRET not in shown
    request = prepare(f"return {{ url: 'https://a', method: 'POST', auth: '{SECRET}', data: '{SECRET}' }};")
    assert SECRET not in repr(request.prepare_outgoing_request({}))


def test_the_text_of_an_error_has_what_v8_says_without_quoting_texts() -> None:
    for body, text in {
        "message.length;": "process_incoming_request, line 1: ReferenceError: message is not defined",
        "undefined.text;": "TypeError: Cannot read properties of undefined (reading 'text')",
        "throw new Error('anything');": "line 1: Error; its text is in the exception's attribute message",
        "throw 'text';": "process_incoming_request: an error; its text is in",
    }.items():
        with pytest.raises(ScriptRuntimeError) as caught:
            incoming(body).process_incoming_request({})
        assert text in str(caught.value)
    for source, text in {
        "class {{{": "line 1, column 7: SyntaxError: Unexpected token '{'",
        "export class Script {}": "Unexpected token 'export'",
        "class Script {} // end": "Unexpected end of input; the comment at the end needs a line break after it",
    }.items():
        with pytest.raises(ScriptSyntaxError) as refused:
            Script(source)
        assert text in str(refused.value)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads /proc")
def test_the_process_of_a_script_shows_no_secret_of_it() -> None:
    """Everybody on the machine can read the command lines of processes."""
    with Script(f"class Script {{ process_incoming_request() {{ throw '{SECRET}'; }} }}") as script:
        with pytest.raises(ScriptRuntimeError):
            script.process_incoming_request({SECRET: SECRET})
        children = [int(it) for each in Path("/proc/self/task").glob("*/children") for it in each.read_text().split()]
        shown = [Path(f"/proc/{child}/{name}").read_bytes() for child in children for name in ("cmdline", "environ")]
    assert any(b"_v8.main" in text for text in shown)
    assert SECRET.encode() not in b"".join(shown)


def test_by_default_a_script_cannot_block_or_end_python(tmp_path: Path) -> None:
    path = tmp_path / "alerts.js"
    path.write_text("class Script { process_incoming_request() { return 'ab'.repeat(2.6e8).split('b'); } }")
    with Script.load(path) as script, pytest.raises(ScriptLimitError):
        script.process_incoming_request({})
    path.write_text("class Script { process_incoming_request() { return { content: { text: 'a' } }; } }")
    with Script.load(path, own_process=False) as script:
        assert script.process_incoming_request({}).message == Message("a")


def test_a_limit_is_an_error_of_its_own() -> None:
    with pytest.raises(ScriptLimitError, match="never settles"):
        incoming("await new Promise(() => {});").process_incoming_request({})
