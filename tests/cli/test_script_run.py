"""`script run`: what a script does with a payload."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from rocketchat_integrations.cli.commands import script_run
from tests.cli.conftest import PROGRAM, TIMEOUT, without_escapes

if TYPE_CHECKING:
    from tests.cli.conftest import Result, Run, RunOnTerminal

ALERT = {
    "text": "*High load*\non web-1",
    "alias": "Alerts",
    "icon_emoji": ":fire:",
    "channel": ["#ops", "@alice"],
    "tmid": "thread",
    "attachments": [
        {
            "color": "danger",
            "author_name": "Grafana",
            "title": "Load",
            "title_link": "https://example.com/load",
            "text": "above 5\nfor 5 minutes",
            "fields": [{"title": "Host", "value": "web-1", "short": True}, {"title": "Log", "value": "a\nb"}],
            "actions": [{"text": "Mute", "msg": "!mute"}, {"text": "Panel", "url": "https://example.com/7"}],
            "image_url": "https://example.com/load.png",
            "ts": "2026-03-02T09:15:30.000Z",
        },
        {"color": "nonsense", "fields": [{"title": "Empty", "value": ""}]},
    ],
}
SHOWN = """\
as Alerts :fire: to #ops, @alice in the thread thread
*High load*
on web-1
▌ Grafana
▌ Load <https://example.com/load>
▌ above 5
▌ for 5 minutes
▌ Host: web-1
▌ Log: a
▌   b
▌ [Mute] !mute
▌ [Panel] <https://example.com/7>
▌ <https://example.com/load.png>
▌ 2026-03-02T09:15:30.000Z
▌ Empty:
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("payload.json").write_text("{}")


def incoming(body: str) -> str:
    return f"class Script {{\n  process_incoming_request({{ request }}) {{\n{body}\n  }}\n}}\n"


@pytest.fixture
def run_script(run: Run) -> Callable[..., Result]:
    """Run a script that an incoming integration has."""

    def run_body(body: str, *options: str, payload: Any = None) -> Result:
        Path("alerts.js").write_text(incoming(body))
        Path("payload.json").write_text(json.dumps({} if payload is None else payload))
        return run("script", "run", "alerts.js", "--payload", "payload.json", *options)

    return run_body


RunScript = Callable[..., "Result"]

# Incoming


def test_a_message_is_shown_as_it_would_look(run_script: RunScript) -> None:
    """With its attachments, their links and their fields."""
    result = run_script("return { content: request.content };", payload=ALERT)
    assert (result.status, result.out, result.err) == (0, SHOWN, "")


def test_a_terminal_shows_the_colour_of_an_attachment(run_on_terminal: RunOnTerminal) -> None:
    """As a bar, also before the parts of a long line; a colour that the terminal does not know is left out."""
    Path("alerts.js").write_text(incoming("return { content: request.content };"))
    Path("payload.json").write_text(
        json.dumps({"attachments": [{"color": "#d32f2f", "text": "long " * 12}, {"color": "nonsense", "text": "b"}]})
    )
    shown = run_on_terminal("script", "run", "alerts.js", "--payload", "payload.json", columns=40).out
    assert len(re.findall("\x1b\\[38;[0-9;]+m▌ \x1b\\[0m", shown)) == 2
    assert [line.rstrip() for line in without_escapes(shown).splitlines()] == [
        "▌ " + " ".join(["long"] * 7),
        "▌ " + " ".join(["long"] * 5),
        "▌ b",
    ]


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ("return { content: { text: 'hi' }, response: { ok: true } };", 'hi\nanswer: {"ok": true}\n'),
        (
            "return { error: { success: false, message: 'no' } };",
            'refused with status 400: {"success": false, "message": "no"}\n',
        ),
        ("console.warn('a', { b: 1 }); console.log('c\\nd');",
         'nothing is posted\nconsole.warn: a {"b":1}\nconsole.log: c\nconsole.log: d\n'),
    ],
)  # fmt: skip
def test_answers_refusals_and_the_console_are_shown(run_script: RunScript, body: str, shown: str) -> None:
    result = run_script(body)
    assert (result.status, result.out) == (0, shown)


def test_a_script_without_the_method_is_named(run: Run) -> None:
    """It may be that of an outgoing integration."""
    Path("alerts.js").write_text("class Script { prepare_outgoing_request() {} }")
    shown = run("script", "run", "alerts.js", "--payload", "payload.json").out
    assert shown == "nothing is posted: the script has no method process_incoming_request (--outgoing?)\n"


def test_everything_is_printed_as_json(run_script: RunScript) -> None:
    """The result as a sample has it, the lines of the console, and the names that leak."""
    result = run_script("console.info('x'); return { content: { text: 'hi' } };", "--json")
    logs = [{"level": "info", "text": "x"}]
    assert result.json == {"result": {"content": {"text": "hi"}}, "logs": logs, "leaked": []}
    assert run_script("return;", "--json").json["result"] is None


def test_headers_and_query_are_given_by_options(run_script: RunScript) -> None:
    """They override those of a sample."""
    body = "return { content: { text: [request.headers['x-a'], request.headers['x-b'], request.url.query.q].join() } };"
    options = ("--header", "X-A: 1:2", "--query", "q=a=b")
    assert run_script(body, *options).out == "1:2,,a=b\n"
    sample = {"headers": {"x-a": "old", "X-B": "kept"}, "query": {"q": "old"}, "content": 1}
    assert run_script(body, payload=sample).out == "old,kept,old\n"
    assert run_script(body, *options, payload=sample).out == "1:2,kept,a=b\n"


def test_a_payload_with_only_a_content_is_not_taken_for_a_sample(run_script: RunScript) -> None:
    body = "return { content: { text: request.content_raw } };"
    assert run_script(body, payload={"content": "\xfc"}).out == '{"content":"\xfc"}\n'
    assert run_script(body, payload={"content": "x", "headers": {}}).out == '"x"\n'


def test_a_file_in_a_folder_of_samples_is_a_sample_without_an_expected_result_too(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("alerts.js").write_text(incoming("return { content: { text: request.content_raw } };"))
    sample = Path("alerts.payloads", "first.json")
    sample.parent.mkdir()
    sample.write_text('{"content": {"a": 1}}')
    assert run("script", "run", "alerts.js", "--payload", str(sample)).out == '{"a":1}\n'
    monkeypatch.chdir(sample.parent)
    assert run("script", "run", "../alerts.js", "--payload", sample.name).out == '{"a":1}\n'


def test_fetch_is_answered_by_the_sample(run_script: RunScript) -> None:
    body = "return fetch('https://a.example').then((it) => it.text()).then((text) => ({ content: { text } }));"
    sample = {"content": {}, "fetch": {"https://a.example": {"text": "hello"}}}
    assert run_script(body, payload=sample).out == "hello\n"


def test_an_error_of_the_script_is_shown_with_its_place(run_script: RunScript) -> None:
    """In the form that editors understand, after what the script has written to the console."""
    result = run_script("console.log('before');\nrequest.content.a.b;")
    assert (result.status, result.out) == (1, "console.log: before\n")
    first, *stack = result.err.splitlines()
    assert first == "error: the script throws"
    assert stack[0].startswith("  TypeError: ")
    assert "alerts.js:4:" in result.err
    thrown = run_script("throw new Error('x');", "--json").json["result"]
    assert thrown == {"throws": {"name": "Error", "message": "x"}}
    assert run_script("throw 'x y';").err == "error: the script throws\n  x y\n"


def test_a_limit_is_an_error(run_script: RunScript) -> None:
    result = run_script("return new Promise(() => {});")
    assert (result.status, result.err) == (
        1,
        "error: alerts.js: process_incoming_request: the promise that the script returns never settles\n",
    )


def test_names_that_leak_before_9_0_are_named(run_script: RunScript) -> None:
    body = "count = 1; return { content: { text: `${count}` } };"
    assert run_script(body).status == 1
    result = run_script(body, "--server", "8.8")
    assert (result.status, result.out) == (0, "1\nnot declared, which fails on server 9.0: count\n")
    assert run_script(body, "--server", "8", "--json").json["leaked"] == ["count"]
    throwing = run_script("found = 1; throw new Error('no');", "--server", "8", "--json")
    assert (throwing.status, throwing.json["leaked"]) == (1, ["found"])
    assert run_script(body, "--server", "10").status == 1


@pytest.mark.parametrize(
    ("options", "payload", "message"),
    [
        (["--server", "new"], None, "'new' is not a version"),
        (["--header", "nonsense"], None, "must be NAME:VALUE"),
        (["--query", "=5"], None, "must be NAME=VALUE"),
        (["--reply", "x"], None, "--url and --reply are for outgoing integrations only"),
        (["--outgoing", "--header", "a:b"], None, "--header and --query are for incoming integrations only"),
        (["--outgoing"], [], "payload.json: payload: must be an object"),
        (["--outgoing"], {"content": 1, "headers": {}}, "payload.json is a sample for incoming integrations"),
        ([], {"content": 1, "headers": []}, "payload.json: headers: must be an object"),
        ([], {"payload": {}, "reply": {"body": 1}}, "payload.json: reply: must have only status, headers, content"),
        ([], {"payload": {}, "reply": {"headers": 1}}, "headers must be an object"),
        ([], {"content": 1, "fetch": {"https://a": {"body": 1}}}, "fetch: must have an object with status, text"),
    ],
)  # fmt: skip
def test_wrong_input_is_refused(run_script: RunScript, options: list[str], payload: object, message: str) -> None:
    assert message in run_script("return;", *options, payload=payload).error


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("class Script {", "alerts.js: line 1, column"),
        ("throw new Error('canary');", "alerts.js: load, line 1: Error; its text is in"),
    ],
)
def test_a_script_that_cannot_be_loaded_is_an_error(run: Run, source: str, message: str) -> None:
    Path("alerts.js").write_text(source)
    error = run("script", "run", "alerts.js", "--payload", "payload.json").error
    assert message in error
    assert "canary" not in error


def test_a_payload_must_be_json(run: Run) -> None:
    Path("alerts.js").write_text(incoming(""))
    Path("payload.json").write_text("{a")
    error = run("script", "run", "alerts.js", "--payload", "payload.json").error
    assert error.startswith("payload.json is not JSON: ")


# Outgoing

OUTGOING = """
class Script {
  prepare_outgoing_request({ request }) {
    if (request.data.text === 'nothing') return undefined;
    const at = request.data.timestamp instanceof Date;
    const message = { text: `calling at ${at}` };
    return { url: request.url, method: 'PUT', headers: { 'X-A': '1' }, data: { a: 1 }, auth: 'me:key', message };
  }
  process_outgoing_response({ request, response }) {
    if (response.content === 'nothing') return false;
    if (response.content === 'plain') return undefined;
    if (response.content === 'broken') throw new Error('x');
    return { content: { text: `${response.status_code} ${request.method} ${JSON.parse(response.content).text}` } };
  }
}
"""
PREPARED = """\
calling at true
PUT https://bot.example.com/hook
X-A: 1
Authorization: Basic (me:key)
{
  "a": 1
}
"""


@pytest.fixture
def run_outgoing(run: Run) -> RunScript:
    """Run the script of an outgoing integration."""

    def run_payload(*options: str, reply: str | None = None, **payload: str) -> Result:
        Path("alerts.js").write_text(OUTGOING)
        Path("payload.json").write_text(json.dumps({"timestamp": "2026-03-02T09:15:30.000Z", **payload}))
        Path("reply.txt").write_text(reply or "")
        replied = () if reply is None else ("--reply", "reply.txt")
        return run("script", "run", "alerts.js", "--payload", "payload.json", "--outgoing", *replied, *options)

    return run_payload


def test_the_call_of_an_outgoing_integration_is_shown(run_outgoing: RunScript) -> None:
    """With the message that the script posts before, or that no call is made."""
    assert run_outgoing().out == PREPARED
    assert "PUT https://other.example.com\n" in run_outgoing("--url", "https://other.example.com").out
    assert run_outgoing(text="nothing", reply="{}").out == "no call is made\n"
    assert run_outgoing("--json").json["result"]["message"] == {"text": "calling at true"}
    assert run_outgoing("--json", text="nothing").json["result"] == {"request": None}


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        ('{"text": "done"}', "201 PUT done\n"),
        ("nothing", "nothing is posted\n"),
        ("plain", "the reply is posted as without a script\n"),
    ],
)
def test_the_reply_to_the_call_is_given_to_the_script(run_outgoing: RunScript, reply: str, shown: str) -> None:
    result = run_outgoing("--reply-status", "201", reply=reply)
    assert result.status == 0
    before, _, after = PREPARED.partition("\n")
    message = shown if shown.startswith("201") else ""
    assert result.out == f"{before}\n{message}{after}{'' if message else shown}"


def test_a_reply_that_the_script_fails_with_is_an_error(run_outgoing: RunScript) -> None:
    """The output still shows the call."""
    result = run_outgoing(reply="broken")
    assert (result.status, result.out) == (1, PREPARED)
    assert "Error: x" in result.err


def test_a_sample_of_an_outgoing_integration_needs_no_option(run: Run) -> None:
    """It may have the reply; the script sees its headers."""
    Path("alerts.js").write_text("class Script { process_outgoing_response({ response }) {"
                                 " return { content: { text: response.headers['x-a'] } }; } }")  # fmt: skip
    sample = {"payload": {"text": "hi"}, "url": "https://x.example", "reply": {"headers": {"X-A": "1"}}}
    Path("payload.json").write_text(json.dumps(sample))
    result = run("script", "run", "alerts.js", "--payload", "payload.json", "--json").json["result"]
    assert (result["request"]["url"], result["request"]["data"]) == ("https://x.example", {"text": "hi"})
    assert result["content"] == {"text": "1"}
    Path("alerts.js").write_text("class Script { prepare_outgoing_request() { throw new Error('x'); } }")
    result = run("script", "run", "alerts.js", "--payload", "payload.json", "--json").json["result"]
    assert result == {"throws": {"name": "Error", "message": "x"}}


# --watch


@pytest.fixture
def edits(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Change files in the waits between two looks, and press Ctrl-C in the last one."""

    def do(*changes: Callable[[], object]) -> None:
        def sleeps() -> Iterator[object]:
            for change in changes:
                change()
                yield None
            yield KeyboardInterrupt

        monkeypatch.setattr(script_run, "sleep", Mock(side_effect=sleeps()))

    return do


def test_watch_runs_the_script_again_after_each_change(run_script: RunScript, edits: Callable[..., None]) -> None:
    """Of the script or the payload, also one of the same size; a file may be missing or broken for a while."""
    script, payload = Path("alerts.js"), Path("payload.json")
    edits(
        lambda: None,
        lambda: payload.write_text('{"a": 22}'),
        lambda: os.utime(payload, (0, 0)),
        lambda: script.unlink(),
        lambda: script.write_text("class"),
        lambda: script.write_text(incoming("return { content: { text: 'new' } };")),
    )
    result = run_script("return { content: { text: `a is ${request.content.a}` } };", "--watch", payload={"a": 1})
    assert result.status == 130
    assert result.out == "a is 1\na is 22\na is 22\nnew\n"
    assert result.err.count("waiting for changes\n") == 6
    assert "error: alerts.js: No such file" in result.err
    assert "error: alerts.js: line 1" in result.err


def test_watch_runs_the_script_again_after_a_change_of_the_reply(
    run_outgoing: RunScript, edits: Callable[..., None]
) -> None:
    edits(lambda: Path("reply.txt").write_text("nothing"))
    shown = run_outgoing("--watch", reply="plain").out
    assert shown.endswith(f"the reply is posted as without a script\n{PREPARED}nothing is posted\n")


def test_watch_prints_json_lines(run_script: RunScript, edits: Callable[..., None]) -> None:
    edits(lambda: Path("payload.json").write_text("[1, 2]"))
    lines = run_script("return { content: { text: `${request.content}` } };", "--watch", "--json").out.splitlines()
    assert [json.loads(line)["result"]["content"]["text"] for line in lines] == ["[object Object]", "1,2"]


# A process


def test_a_process_runs_a_script() -> None:
    """It ends, with all threads of the engine, also after an endless loop."""
    Path("alerts.js").write_text(incoming("while (true) {}"))
    command = [*PROGRAM, "script", "run", "alerts.js", "--payload", "payload.json"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr == "error: alerts.js: the script ran longer than 3 seconds\n"
