"""``static_problems`` finds what breaks in scripts on server 9.0, and nothing else."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from rocketchat_integrations import ScriptSyntaxError
from rocketchat_integrations.scripts import ProblemKind, Script, _analysis, static_problems

ROOT = Path(__file__).parent.parent.parent

BROKEN = {
    "alertmanager": """\
class Script {
  process_incoming_request({ request }) {
    let fields = [];
    for (i = 0; i < request.content.alerts.length; i++) {
      endVal = request.content.alerts[i];
      fields.push({ title: endVal.labels.alertname, value: endVal.annotations.summary });
    }
    return { content: { attachments: [{ fields }] } };
  }
}
""",
    "gitlab": """\
const notify = (text) => ({ content: { text } });
class Script {
  constructor() { refs = {}; }
  process_incoming_request({ request }) {
    ({ user_name: author, commits: [first] } = request.content);
    for (key in request.content) { total += 1; }
    for (commit of request.content.commits) { text = notify(commit.message); }
    return text;
  }
}
""",
    "weather": """\
class Script {
  prepare_outgoing_request({ request }) {
    const day = moment().format('LL');
    const words = _.map(request.data.text.split(' '), (word) => _.trim(word));
    const answer = HTTP('GET', 'https://weather.example.com/?q=' + words.join('+') + day);
    return { message: { text: answer.data } };
  }
}
""",
    "modules": """\
const crypto = require('crypto');
class Script {
  process_outgoing_response({ response }) {
    setTimeout(() => console.log('late'), 10);
    return { content: { text: crypto.createHash(reply.content) } };
  }
}
module.exports = Script;
""",
    "this in callbacks": """\
class Script {
  format(alert) { return alert.status; }
  process_incoming_request({ request }) {
    const lines = request.content.alerts.map(function (alert) { return this.format(alert); });
    function join() { return () => this.separator; }
    const send = function (text) { const { prefix } = this; return prefix + text; }; send.count = 0;
    (function () { this.sent = true; })();
    new Promise(function (resolve) { resolve(this.format({})); });
    return { content: { text: send(lines.sort(function (a, b) { return this.order(a, b); }).join(join())) } };
  }
}
""",
    "callee": """\
class Script {
  process_incoming_request() {
    const factorial = function (n) { return n < 2 ? 1 : n * arguments.callee(n - 1); };
    return { content: { text: String(factorial(5)) + arguments["callee"] } };
  }
}
""",
    "no class": "function process_incoming_request({ request }) { return { content: request.content }; }",
    "class expression": "const script = class Script { process_incoming_request() {} };",
    "wrong method": "class Script { process_incomming_request() {} }",
    "empty class": "\n  class Script {}\n",
    "own store": "const Store = new Map(); class Script { process_incoming_request() { return Store.get('a'); } }",
    "own store function": "class Script { process_incoming_request() {} } function Store() {}",
    "no semicolon": "const Script = class { process_incoming_request() {} }",
    "no semicolon after export": "class Script { process_incoming_request() {} }\nglobal.exported = Script",
    "no semicolon after if": "class Script { process_incoming_request() {} }\nif (true) global.a = Script",
    "comment at the end": "class Script { process_incoming_request() {} } // end",
    "only a comment": "// nothing",
    "newer than the server": "class Script { process_incoming_request() { return [Temporal, new Float16Array(1)]; } }",
    "program": "#!/usr/bin/env node\nclass Script { process_incoming_request() {} }",
    "comma missing": "class Script {\n  process_incoming_request() {\n    return { text: 'a' alias: 'b' };\n  }\n}",
    "module": "export default class Script { process_incoming_request() {} }",
    "return": "class Script { process_incoming_request() {} }\nreturn Script;",
    "octal": "class Script { process_incoming_request() { return { content: { text: 010 } }; } }",
}
FOUND = {
    "alertmanager": "4:10 undeclared-assignment `i`, 5:7 undeclared-assignment `endVal`",
    "gitlab": (
        "3:19 undeclared-assignment `refs`, 5:19 undeclared-assignment `author`, 5:37 undeclared-assignment `first`, "
        "6:10 undeclared-assignment `key`, 6:36 undeclared-assignment `total`, 7:10 undeclared-assignment `commit`, "
        "7:47 undeclared-assignment `text`"
    ),
    "weather": (
        "3:17 removed-global `moment`, 4:19 removed-global `_`, 4:65 removed-global `_`, 5:20 removed-global `HTTP`"
    ),
    "modules": (
        "1:16 removed-global `require`, 4:5 unknown-name `setTimeout`, 5:49 unknown-name `reply`, "
        "8:1 unknown-name `module`"
    ),
    "this in callbacks": (
        "4:72 this-in-function `this`, 5:36 this-in-function `this`, 6:55 this-in-function `this`, "
        "7:20 this-in-function `this`, 8:46 this-in-function `this`, 9:72 this-in-function `this`"
    ),
    "callee": "3:61 arguments-callee `arguments.callee`, 4:54 arguments-callee `arguments.callee`",
    "no class": "1:1 no-class `class Script`",
    "class expression": "1:1 no-class `class Script`",
    "wrong method": "1:1 no-method `class Script`",
    "empty class": "2:3 no-method `class Script`",
    "own store": "1:7 redeclared-global `Store`",
    "own store function": "1:57 redeclared-global `Store`",
    "no semicolon": "1:1 missing-semicolon",
    "no semicolon after export": "2:1 missing-semicolon",
    "no semicolon after if": "2:1 missing-semicolon",
    "comment at the end": "1:48 missing-line-break",
    "only a comment": "1:1 missing-line-break, 1:1 no-class `class Script`",
    "newer than the server": "1:53 unknown-name `Temporal`, 1:67 unknown-name `Float16Array`",
    "program": "1:1 syntax-error",
    "comma missing": "3:24 syntax-error",
    "module": "1:1 syntax-error",
    "return": "2:1 syntax-error",
    "octal": "1:71 syntax-error",
}

CORRECT = {
    "names made by the sloppy code outside of the class": """\
count = 0;
function remember(text) { last = text; }
class Script {
  process_incoming_request({ request }) {
    count += 1;
    remember(request.content.text);
    last = last.trim();
    return { content: { text: `${count}: ${last}` } };
  }
}
""",
    "use strict has no effect behind the declaration of Store": (
        "'use strict'; total = 0; class Script { process_incoming_request() { total++; } }"
    ),
    "names made as properties of the global object": """\
globalThis['seen'] = new Set();
this.names = [];
class Script {
  process_incoming_request({ request }) {
    global.last = request.content;
    last = null;
    seen.add(names.length);
  }
}
""",
    "the global object filled elsewhere": """\
const fill = (target) => Object.assign(target, { limit: 3 });
class Script { process_incoming_request() { fill(global); return { content: { text: limit } }; } }
""",
    "names made by eval": "class Script { process_incoming_request() { eval('made = 1'); return made; } }",
    "names made by Function": "Function('made = 1')(); class Script { process_incoming_request() { return made; } }",
    "names in sloppy with": """\
function read(object) { with (object) { return anything; } }
class Script { process_incoming_request({ request }) { return read(request); } }
""",
    "guarded names": """\
class Script {
  process_incoming_request() { return typeof moment === 'function' ? moment() : new Date(); }
}
if (typeof module !== 'undefined') { module.exports = Script; }
if (typeof global !== 'undefined') { console.log('a sandbox'); }
""",
    "functions that get a this": """\
class Script {
  process_incoming_request({ request }) {
    const text = { parts: [], add(part) { this.parts.push(part); }, get all() { return this.parts; } };
    text.join = function () { return this.parts.join(); };
    request.content.alerts.forEach(function (alert) { this.log(alert); }, console);
    request.content.alerts.map(function (alert) { return this.log(alert); }.bind(console));
    function Alert(name) { this.name = name; }
    function show() { return this.name; }
    const both = function () { return this && this.name; };
    const either = function () { return this?.name; };
    const keep = function () { const self = this; return self; };
    const late = function () { return this.name; };
    console.warn(new Alert('a'), show.call({ name: 'b' }), both(), either(), keep(), late);
    custom(function () { this.emit('done'); });
    ['forEach'].forEach((name) => [1][name](function () { this.log(); }, console));
    function custom(callback) { callback.call({ emit() {} }); }
    return [1].map(() => this.own(function () { return class { field = this.x; }; }));
  }
  own = (callback) => callback();
}
""",
    "this in sloppy functions": """\
function outer() { return this.Store; }
class Script { process_incoming_request() { return outer(); } }
""",
    "arguments of other kinds": """\
function sloppy() { return arguments.callee; }
class Script { process_incoming_request(request) { return [arguments.length, arguments[0].callee, sloppy()]; } }
""",
    "modern syntax": """\
class Script {
  static #limit = 1_000n;
  #seen = new Map();
  static { this.made = true; }
  get [Symbol.toStringTag]() { return 'Script'; }
  async process_incoming_request({ request: { content, ...rest } = {} }) {
    const { alerts = [], labels: { name } = {} } = content;
    outer: for await (const [index, alert] of alerts.entries()) { if (!alert?.labels?.[name]) continue outer; }
    try { rest.count ??= await fetch('https://example.com').then((response) => response.json()); } catch { /* none */ }
    var late = s.trim(`${name}`), i;
    for (i = 0; i < 3; i++) hoisted = i;
    var hoisted;
    const text = late.replace(/(?<year>\\d{4})/v, '$<year>');
    return { content: { text }, extra: [Script.#limit, this.#seen] };
  }
}
""",
    "expressions of a class": "var Script = class extends Object { process_outgoing_response() { return false; } };",
    "a function as class": "function Script() { this.process_incoming_request = function () { return this.x; }; }",
    "a class that leaks": "Script = class { process_incoming_request() {} };",
    "a class of the global object": "global.Script = class { process_incoming_request() {} };",
    "methods of another class": "class Base { process_incoming_request() {} } class Script extends Base {}",
    "a last statement that cannot go on": "class Script { process_incoming_request() {} }\nconst after = () => {}",
    "a last statement with a body": "class Script { process_incoming_request() {} }\nif (true) { global.a = 1 }",
    "a comment that ends before the end": "class Script { process_incoming_request() {} } // end\n/* x */ /* y */",
    "labels named as globals": (
        "class Script { process_incoming_request() { const o = { global: 1, eval: 2 }; return o.global + o.HTTP; } }"
    ),
    "comments": "/* HTTP */ class Script { process_incoming_request() { /* x = 1 */ return null; } } // y = 2\n",
}


def shown(source: str) -> str:
    """Return places, kinds and the identifiers that the messages name."""
    problems = static_problems(source)
    words = ((f"{it.line}:{it.column}", it.kind, *re.findall(r"^[^`]*?(`[^`]+`)", it.message)) for it in problems)
    return ", ".join(" ".join(parts[:2] if parts[1] == ProblemKind.SYNTAX_ERROR else parts) for parts in words)


@pytest.mark.parametrize("name", BROKEN)
def test_problems_of_a_broken_script(name: str) -> None:
    assert shown(BROKEN[name]) == FOUND[name]


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_script_has_no_problems(name: str) -> None:
    assert static_problems(CORRECT[name]) == ()


@pytest.mark.parametrize("name", ["comma missing", "module", "octal"])
def test_a_syntax_error_is_the_one_of_loading(name: str) -> None:
    with pytest.raises(ScriptSyntaxError) as caught:
        Script(BROKEN[name], own_process=False)
    error = caught.value
    (problem,) = static_problems(BROKEN[name])
    assert (problem.line, problem.column) == (error.line, error.column)
    assert f"{error.name}: {problem.message}" in str(error)


def test_no_problem_shows_a_secret_whose_quotes_were_forgotten() -> None:
    secret = f"ghp_{secrets.token_hex(16)}"
    for source in (f"const token = {secret};", f"const token = {secret}'", f"let {secret}, {secret};"):
        assert secret not in str(static_problems(f"class Script {{ process_incoming_request() {{ {source} }} }}"))
    assert static_problems(f"const token = {secret};")


def test_the_broken_scripts_have_every_kind_of_problem_twice() -> None:
    for kind in set(ProblemKind) - {ProblemKind.NOT_ANALYZED}:
        assert " ".join(FOUND.values()).count(f" {kind}") >= 2, kind


@pytest.fixture
def small_analyzer(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An analyzer that takes less memory, and so reaches its limit sooner."""
    monkeypatch.setattr(_analysis, "_MEMORY", 24_000_000)
    _analysis._analyzer.cache_clear()
    yield
    _analysis._analyzer.cache_clear()


@pytest.mark.usefixtures("small_analyzer")
@pytest.mark.parametrize("source", ["(" * 100_000, f"x = {'[' * 2_000}{']' * 2_000};", "a;" * 150_000])
def test_a_script_that_is_too_much_for_the_parser_is_reported(source: str) -> None:
    """The next script is analyzed as if nothing had happened."""
    (problem,) = static_problems(source)
    assert problem.kind is ProblemKind.NOT_ANALYZED
    assert shown(BROKEN["wrong method"]) == FOUND["wrong method"]


def test_a_script_that_takes_too_long_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert static_problems("class Script { prepare_outgoing_request() {} }") == ()
    monkeypatch.setattr(_analysis._analyzer()._context, "_seconds", 0.001)
    (problem,) = static_problems("a;" * 300_000)
    assert problem.kind is ProblemKind.NOT_ANALYZED


def test_a_large_script_is_analyzed() -> None:
    line = "    request.content.alerts.map((alert) => `${alert.labels.name}: ${alert.summary}`);\n"
    body = line * (200_000 // len(line))
    found = static_problems(f"class Script {{ process_incoming_request({{ request }}) {{\n{body} last = 1; }} }}")
    assert [problem.kind for problem in found] == [ProblemKind.UNDECLARED_ASSIGNMENT]


def test_a_process_ends_while_the_analyzer_is_loaded() -> None:
    program = f"from {_analysis.__name__} import static_problems; static_problems('')"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_two_threads_analyze_two_scripts() -> None:
    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(shown, BROKEN.values())) == list(FOUND.values())


def test_a_problem_prints_its_place_and_tells_what_to_write() -> None:
    removed = {it.message: it.instead for name in ("weather", "modules") for it in static_problems(BROKEN[name])}
    assert "fetch" in removed["`HTTP` does not exist any more"]
    first, *_ = static_problems(BROKEN["alertmanager"])
    assert str(first) == "4:10 `i` is assigned but never declared, which throws a ReferenceError"
    assert first.instead == "Declare it: `let i`."
    first, second, *_ = static_problems(BROKEN["this in callbacks"])
    assert (first.message, second.message) == (
        "`this` is undefined in a plain function",
        "`this` is undefined in a plain function: `join`",
    )


def test_a_syntax_error_quotes_no_text_of_the_script() -> None:
    """Except keywords and punctuation: a quotation mark in the wrong place can make a secret an identifier."""
    for source, message in {
        "const t = 'it's secret';": "Unexpected identifier …",
        "const t = /secret(/;": "Invalid regular expression: …: Unterminated group",
        "export class Script {}": "Unexpected token 'export'",
    }.items():
        (problem,) = static_problems(source)
        assert problem.message == message


SNIPPETS = (
    "class Script { } ( ) [ ] = x this function => ; , ' ` ${ /* // typeof global eval . process_incoming_request \n"
)


@given(st.text() | st.lists(st.sampled_from(SNIPPETS.split(" "))).map(" ".join))
@settings(deadline=None)
def test_any_text_has_problems_or_none(source: str) -> None:
    for problem in static_problems(source):
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message
        assert problem.instead


def test_the_bundle_has_the_versions_of_the_lock_file() -> None:
    head, *_ = (Path(_analysis.__file__).parent / "analyzer.js").read_text(encoding="utf-8").split("\nvar ")
    bundled = dict(re.findall(r"^//   (\S+) (\S+) \(", head, re.MULTILINE))
    locked = json.loads((ROOT / "tools/script_analysis/package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert bundled == {name: locked[f"node_modules/{name}"]["version"] for name in bundled}
    assert {"acorn", "eslint-scope"} <= set(bundled)
    texts = (Path(_analysis.__file__).parent / "analyzer.LICENSES.txt").read_text(encoding="utf-8")
    assert [name for name, version in bundled.items() if f"\n{name} {version}\n" not in texts] == []


def test_the_licences_of_the_bundle_are_in_the_metadata() -> None:
    licences = metadata.metadata("rocketchat-integrations").get_all("License-File")
    assert licences == ["LICENSE", "rocketchat_integrations/scripts/analyzer.LICENSES.txt"]
