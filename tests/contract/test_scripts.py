"""Scripts have the same results and errors here and in Node.js with the server's wrapper."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from rocketchat_integrations.exceptions import ScriptRuntimeError, ScriptSyntaxError
from rocketchat_integrations.scripts._engine import Engine, check_syntax

RUNNER = Path(__file__).parent / "run_scripts.js"


def returning(code: str, before: str = "") -> str:
    return f"{before}\nclass Script {{ process_incoming_request({{ request }}) {{ {code} }} }}"


# What the method does with a request whose content is {"a": 1, "list": [1, 2]}.
BODIES = {
    "a message": "return { content: { text: `a is ${request.content.a}` } };",
    "nothing": "",
    "false": "return false;",
    "a refusal": "return { error: { success: false, message: 'no' } };",
    "a text": "return 'text';",
    "a date": "return { at: new Date(0), bad: new Date(NaN) };",
    "undefined fields": "return { a: undefined, b: [undefined, 1], c: null };",
    "numbers": "return [NaN, Infinity, -0, 1e21, 0.1, 1.0];",
    "objects of primitives": "return [new Number(1), new String('a'), new Boolean(false)];",
    "a map and a set": "return [new Map([[1, 2]]), new Set([1])];",
    "an instance": "class A { constructor() { this.x = 1; } get y() { return 2; } } return new A();",
    "a symbol as key": "return { [Symbol('a')]: 1, b: 2 };",
    "a hidden field": "return Object.defineProperty({ b: 1 }, 'a', { value: 1, enumerable: false });",
    "the same object twice": "const o = { a: 1 }; return [o, o];",
    "an array with a hole": "return [1, , 3];",
    "an array with a field": "const a = [1]; a.extra = 2; return a.concat([3]);",
    "a null prototype": "return Object.assign(Object.create(null), { a: 1 });",
    "a getter": "return { get a() { return 1; } };",
    "a getter that throws": "return { get a() { throw new TypeError('from the getter'); } };",
    "a function": "return { a: () => 1 };",
    "toJSON as a field": "return { toJSON: () => 1 };",
    "toJSON in the prototype": "Object.prototype.toJSON = () => 1; return { a: 1 };",
    "a symbol": "return { a: Symbol('x') };",
    "lone surrogates": "return ['\\ud800', 'é😀'];",
    "keys in order": "return { b: 1, 2: 1, a: 1, 1: 1 };",
    "a promise": "return Promise.resolve({ a: 1 });",
    "a promise of a promise": "return Promise.resolve(Promise.resolve(1));",
    "a rejected promise": "return Promise.reject(new RangeError('no'));",
    "a rejected text": "return Promise.reject('text');",
    "an undeclared assignment": "undeclared = 1; return undeclared;",
    "an undeclared name": "return undeclared;",
    "typeof of an undeclared name": "return typeof undeclared;",
    "this in a plain function": "return (function () { return typeof this; })();",
    "an assignment to a constant": "const a = 1; a = 2;",
    "a field of undefined": "return request.content.nothing.text;",
    "a call of no function": "return request.content.a();",
    "an own error": "class Own extends Error { get name() { return 'Own'; } } throw new Own('mine');",
    "a thrown text": "throw 'text';",
    "a thrown null": "throw null;",
    "endless recursion": "const f = () => f(); return f();",
    "require": "return require('fs');",
    "setTimeout": "setTimeout(() => 1, 1);",
    "HTTP": "return HTTP('GET', 'x');",
    "global": "global.x = 1; return [x, global === globalThis];",
    "the arguments' key": "return Object.keys(request.content);",
    "a broken JSON": "return JSON.parse('');",
}
SOURCES = {
    **{name: returning(body) for name, body in BODIES.items()},
    "an async method": "class Script { async process_incoming_request() { await null; return { a: 1 }; } }",
    "an async method that throws": "class Script { async process_incoming_request() { await 1; throw Error('e'); } }",
    "a helper": returning("return twice(request.content.a);", "const twice = (n) => n * 2; function unused() {}"),
    "an inherited method": (
        "class Base { process_incoming_request() { return this.x; } } class Script extends Base { x = 3; }"
    ),
    "a function as class": "function Script() {} Script.prototype.process_incoming_request = () => 1;",
    "a class in a variable": "var Script = class { process_incoming_request() { return 1; } };",
    "a class expression without semicolon": "Script = class { process_incoming_request() { return 1; } }",
    "no class": "var other = 1;",
    "a constructor that throws": "class Script { constructor() { throw new Error('constructor'); } }",
    "code that throws": "undefined.x; class Script {}",
    "a declaration of Store": "const Store = 1; class Script {}",
    "a comment at the end": "class Script {} // the end",
    "a comment and a line end": "class Script { process_incoming_request() { return 1; } } // the end\n",
    "a return outside of functions": "return 1; class Script {}",
    "an open class": "class {{{",
    "two words": "foo bar",
    "an open text": "class Script { a() { return 'x; } }",
    "import": "import fs from 'fs'; class Script {}",
    "await outside of functions": "await 1; class Script {}",
    "a name declared twice": "let a; let a; class Script {}",
    "with in a class": "class Script { a() { with ({}) {} } }",
    "a bad regular expression": "class Script { a() { return /(/; } }",
}


METHOD = "process_incoming_request"
PARAMETERS = {"request": {"content": {"a": 1, "list": [1, 2]}}}


@pytest.fixture(scope="module")
def in_node() -> dict[str, dict[str, Any]]:
    """What Node.js makes of each script."""
    node = shutil.which("node")
    if node is None:
        # In CI, no check may be skipped unnoticed.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("running scripts in Node.js needs Node.js 20 or newer")
    lines = [json.dumps({"source": source, "calls": [[METHOD, PARAMETERS]] * 2}) for source in SOURCES.values()]
    run = subprocess.run(
        [node, str(RUNNER)], input="\n".join(lines), capture_output=True, encoding="utf-8", check=True, timeout=60
    )
    return dict(zip(SOURCES, map(json.loads, run.stdout.splitlines()), strict=True))


def here(source: str) -> dict[str, Any]:
    try:
        check_syntax(source)
    except ScriptSyntaxError as error:
        return {"phase": "compile", "name": error.name, "message": error.message}
    try:
        engine = Engine(source)
    except ScriptRuntimeError as error:
        return {"phase": "load", "name": error.name, "message": error.message}
    with engine:
        try:
            return {"phase": "done", "values": [engine.call(METHOD, PARAMETERS).value for _ in range(2)]}
        except ScriptRuntimeError as error:
            if "could not be cloned" in error.message:
                return {"phase": "result"}
            return {"phase": "call", "name": error.name, "message": error.message}


@pytest.mark.parametrize("name", SOURCES)
def test_a_script_has_the_same_result_as_in_node(name: str, in_node: dict[str, dict[str, Any]]) -> None:
    assert here(SOURCES[name]) == in_node[name]
